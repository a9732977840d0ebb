"""Generated shops: every object is a function of (seed, index, edits) and of nothing else.

Nothing is kept: a shop of a million products is as large in memory as one of ten. Objects are dictionaries
with the field names of the Admin API and a `__typename`; a connection is a list of objects, or a function
without parameters that returns one. Changes are a list of edits; an object's state follows from applying them
in order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, get_args

from neanelu.sandbox import vocabulary as words

Obj = dict[str, Any]

_M64 = (1 << 64) - 1
#: Added to the numbers of every eighth product and all that hangs on it: beyond what a float holds exactly.
_BEYOND_FLOAT = 1 << 54
_UNPACK = struct.Struct("<32H").unpack
#: Most variants of a product, as Shopify allows.
MAX_VARIANTS = 2048
#: The product that has `MAX_VARIANTS` variants, where a shop has so many products.
WIDEST_PRODUCT = 1234

EditKind = Literal["changed", "deleted", "variants_deleted", "added", "reappeared"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One deterministic change of a shop.

    Attributes:
        kind: `changed` (fields and updatedAt), `deleted`, `variants_deleted` (the last variant of products
            that have more than one), `added` (`count` more objects at the end), `reappeared` (deleted ones
            come back).
        at: when it happens, UTC, `2026-11-01T00:00:00Z`; becomes updatedAt (and createdAt of what is added).
        resource: products, customers, orders, collections, metaobjects, locations, publications or menus.
        fraction: share of the objects that are touched, 0 to 1, chosen by a hash of the index.
        only: indexes to touch instead of a fraction.
        count: how many objects `added` adds.
    """

    kind: EditKind
    at: str = "2026-11-01T00:00:00Z"
    resource: str = "products"
    fraction: float = 0.0
    only: tuple[int, ...] = ()
    count: int = 0

    def __post_init__(self) -> None:
        """Refuse what no shop knows (ValueError)."""
        if self.kind not in get_args(EditKind):
            raise ValueError(f"no such edit: {self.kind}; one of {', '.join(get_args(EditKind))}")
        if self.resource not in _MAKERS:
            raise ValueError(f"no such resource: {self.resource}; one of {', '.join(_MAKERS)}")


@dataclass(frozen=True, slots=True)
class ShopSpec:
    """What a shop consists of before its edits; a count of None follows from the number of products.

    Attributes:
        domain: `demo.myshopify.com`.
        seed: shops of the same seed and counts are equal to the byte.
        products: how many; and so on for the other resources.
        currency: ISO 4217 code of prices.
        presentment: currencies beside it in which customers pay; each order has one of them all.
        taxes_included: whether prices contain taxes, as in Europe, or taxes come on top, as in America.
        test_orders: whether some orders were made to try the checkout.
        edits: what happened since.
    """

    domain: str = "demo.myshopify.com"
    seed: int = 1
    products: int = 100
    customers: int | None = None
    orders: int | None = None
    collections: int | None = None
    metaobjects: int = 40
    locations: int = 4
    publications: int = 3
    menus: int = 3
    currency: str = "RON"
    presentment: tuple[str, ...] = ()
    taxes_included: bool = True
    test_orders: bool = False
    edits: tuple[Edit, ...] = ()

    def with_edit(self, edit: Edit) -> ShopSpec:
        """Return this shop after one more edit."""
        return replace(self, edits=(*self.edits, edit))


@dataclass(slots=True)
class _State:
    """What the edits made of one object."""

    revisions: list[tuple[int, str]]
    variants_lost: int = 0
    born: str | None = None


@dataclass(slots=True)
class _Line:
    """An order's line while its order is made; amounts in cents of the shop's currency."""

    cents: int
    quantity: int
    percent: int
    #: after discounts; contains the tax where prices do
    net: int
    tax: int = 0
    returned: int = 0
    fields: Obj = field(default_factory=dict)

    @property
    def returned_net(self) -> int:
        """The part of `net` that belongs to the units that came back, rounded half up."""
        return (2 * self.net * self.returned + self.quantity) // (2 * self.quantity)

    @property
    def returned_tax(self) -> int:
        """The part of `tax` that belongs to the units that came back, rounded half up."""
        return (2 * self.tax * self.returned + self.quantity) // (2 * self.quantity)


def _mix(value: int) -> int:
    """Return 64 well mixed bits of an integer (splitmix64)."""
    z = (value + 0x9E3779B97F4A7C15) & _M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _M64
    return z ^ (z >> 31)


def gtin_check_digit(digits: str) -> int:
    """Return the check digit that belongs after the digits of a GTIN-8, -12, -13 or -14."""
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits)))
    return -total % 10


#: Weighted digit sums of three digits, for a GTIN-13's weights 1,3,1 and 3,1,3.
_SUM131 = tuple(n // 100 + 3 * (n // 10 % 10) + n % 10 for n in range(1000))
_SUM313 = tuple(3 * (n // 100) + n // 10 % 10 + 3 * (n % 10) for n in range(1000))
_PREFIXES = (594, 594, 594, 400, 800, 590, 501, 471)


def _gtin13(bits: int) -> str:
    prefix = _PREFIXES[bits & 7]
    a = (bits >> 3) % 1000
    b = (bits >> 13) % 1000
    c = (bits >> 23) % 1000
    check = -(_SUM131[prefix] + _SUM313[a] + _SUM131[b] + _SUM313[c]) % 10
    return f"{prefix}{a:03d}{b:03d}{c:03d}{check}"


#: How Shopify writes the cents of a Decimal: "12.0", "12.5", "12.34".
_DECIMALS = tuple(f"{n:02d}".rstrip("0") or "0" for n in range(100))


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{_DECIMALS[cents % 100]}"


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _variant_count(draw: int) -> int:
    """Turn 16 random bits into a number of variants: mostly one to four, with a long tail."""
    if draw < 42000:
        return 1
    if draw < 52000:
        return 2
    if draw < 58500:
        return 3
    if draw < 62500:
        return 4
    if draw < 65200:
        return 5 + (draw - 62500) % 8
    if draw < 65526:
        return 13 + (draw - 65200) % 60
    if draw < 65535:
        return 100 + (draw - 65526) * 40
    return 900


#: Options, title and choice of a product with one variant only; shared by all of them and never changed.
_SINGLE_OPTIONS: list[Obj] = [{"name": "Title", "position": 1, "values": ["Default Title"]}]
_SINGLE_TITLES = ["Default Title"]
_SINGLE_CHOICES: list[list[Obj]] = [[{"name": "Title", "value": "Default Title"}]]


@lru_cache(maxsize=2048)
def _choices(
    kind: words.Kind, lang: int, count: int, kept: int
) -> tuple[list[Obj], list[str], list[list[Obj]]]:
    """Return the options of a product with several variants, and each variant's title and choice of values.

    Args:
        kind: what is sold.
        lang: 0 for Romanian, 1 for English names of options.
        count: variants that the product began with; up to 16 take one option, up to 256 two, more take three.
        kept: variants that are left; options list only what these use.
    """
    names, lists = zip(*(words.OPTIONS[name] for name in kind.options), strict=True)
    if count <= 16:
        strides: tuple[int, ...] = (1,)
    elif count <= 256:
        strides = (-(-count // 16), 1)
    else:
        strides = (-(-count // 16), -(-count // 256), 1)
    titles: list[str] = []
    choices: list[list[Obj]] = []
    used: list[list[str]] = [[] for _ in strides]
    for j in range(kept):
        rest = j
        choice = []
        for n, stride in enumerate(strides):
            value = lists[n][rest // stride]
            rest %= stride
            choice.append({"name": names[n][lang], "value": value})
            if value not in used[n]:
                used[n].append(value)
        choices.append(choice)
        titles.append(" / ".join(part["value"] for part in choice))
    options = [{"name": names[n][lang], "position": n + 1, "values": values} for n, values in enumerate(used)]
    return options, titles, choices


_MEDIA = (
    "MediaImage",
    "MediaImage",
    "MediaImage",
    "MediaImage",
    "MediaImage",
    "MediaImage",
    "Video",
    "ExternalVideo",
    "Model3d",
)


class Shop:
    """A shop's objects by kind and index.

    Args:
        spec: what the shop consists of.
    """

    def __init__(self, spec: ShopSpec) -> None:
        self.spec = spec
        products = spec.products
        self._counts: dict[str, int] = {
            "products": products,
            "customers": spec.customers
            if spec.customers is not None
            else max(products // 4, min(products, 5)),
            "orders": spec.orders if spec.orders is not None else max(products // 2, min(products, 5)),
            "collections": spec.collections
            if spec.collections is not None
            else min(products, max(3, products // 500)),
            "metaobjects": spec.metaobjects,
            "locations": spec.locations,
            "publications": spec.publications,
            "menus": spec.menus,
        }
        self._base = dict(self._counts)
        for edit in spec.edits:
            if edit.kind == "added":
                self._counts[edit.resource] += edit.count
        self._hash = blake2b(
            b"neanelu sandbox", digest_size=64, key=spec.seed.to_bytes(8, "big", signed=True)
        )
        self._space = ((spec.seed % 200) + 1) << 40
        self._edited = {edit.resource for edit in spec.edits}

    # -- state ---------------------------------------------------------------------------------------------

    def count(self, resource: str) -> int:
        """Return how many indexes a resource has; deleted objects keep theirs."""
        return self._counts[resource]

    def _state(self, resource: str, index: int) -> _State | None:
        """Apply the edits to one object; None when it does not exist at the end of them."""
        state = _State([])
        if resource not in self._edited:
            return state
        alive = index < self._base[resource]
        upto = self._base[resource]
        for number, edit in enumerate(self.spec.edits):
            if edit.resource != resource:
                continue
            if edit.kind == "added":
                upto += edit.count
                if not alive and upto - edit.count <= index < upto:
                    alive = True
                    state.born = edit.at
                continue
            if index >= upto:
                continue
            if edit.only:
                touched = index in edit.only
            else:
                draw = _mix((self.spec.seed << 20) ^ (number << 52) ^ index)
                touched = (draw >> 11) < edit.fraction * (1 << 53)
            if not touched:
                continue
            if edit.kind == "deleted":
                alive = False
            elif edit.kind == "reappeared":
                if not alive:
                    alive = True
                    state.revisions.append((2, edit.at))
            elif alive and edit.kind == "changed":
                kind = _mix((number << 40) + index) & 3
                state.revisions.append((kind, edit.at))
            elif alive and edit.kind == "variants_deleted":
                state.variants_lost += 1
                state.revisions.append((-1, edit.at))
        return state if alive else None

    def _draw(self, kind: bytes, index: int) -> tuple[int, ...]:
        """Return 32 random 16-bit numbers that belong to one object."""
        h = self._hash.copy()
        h.update(kind)
        h.update(index.to_bytes(8, "big"))
        return _UNPACK(h.digest())

    def _number(self, index: int, offset: int, local: int) -> int:
        """Return the numeric part of an id."""
        number = self._space + offset + local
        return number + _BEYOND_FLOAT if index & 7 == 3 else number

    def index_of(self, number: int, offset: int) -> int:
        """Return the index that `_number` made a number of; meaningless for numbers it did not make."""
        if number >= _BEYOND_FLOAT:
            number -= _BEYOND_FLOAT
        return number - self._space - offset

    def objects(self, resource: str, start: int = 0, stop: int | None = None) -> Iterator[Obj]:
        """Yield a resource's living objects in the order of their indexes.

        Args:
            resource: products, inventoryItems, productVariants, customers, orders, collections,
                metaobjectDefinitions, locations, publications or menus.
            start: first index (of products for inventoryItems and productVariants).
            stop: index to end before; None for all.
        """
        if resource == "metaobjectDefinitions":
            yield from self.metaobject_definitions()
            return
        by_product = {"inventoryItems": self._inventory_items, "productVariants": self._variants_of}.get(
            resource
        )
        source = "products" if by_product else resource
        make: Callable[[int], Obj | None] = getattr(self, _MAKERS[source])
        last = self._counts[source] if stop is None else min(stop, self._counts[source])
        for index in range(start, last):
            found = make(index)
            if found is None:
                continue
            if by_product:
                yield from by_product(found)
            else:
                yield found

    def span(self, resource: str) -> int:
        """Return how many indexes `objects(resource)` runs over."""
        if resource == "metaobjectDefinitions":
            return 1
        return self._counts[
            {"inventoryItems": "products", "productVariants": "products"}.get(resource, resource)
        ]

    # -- products ------------------------------------------------------------------------------------------

    def variant_count(self, index: int) -> int:
        """Return how many variants a product has before edits take some away."""
        if index == WIDEST_PRODUCT:
            return MAX_VARIANTS
        return _variant_count(self._draw(b"p", index)[0])

    def product_gid(self, index: int) -> str:
        """Return a product's id."""
        return f"gid://shopify/Product/{self._number(index, 7_000_000_000, index)}"

    def product(self, index: int) -> Obj | None:
        """Return a product with its media, metafields and variants, or None when it is deleted."""
        state = self._state("products", index)
        if state is None:
            return None
        u = self._draw(b"p", index)
        number = self._number(index, 7_000_000_000, index)
        gid = f"gid://shopify/Product/{number}"
        created, first_updated, updated = self._stamps(u, state)
        text_rev = price_rev = stock_rev = meta_rev = 0
        variant_at = meta_at = first_updated
        for kind, at in state.revisions:
            if kind == 0:
                price_rev += 1
                variant_at = at
            elif kind == 1:
                stock_rev += 1
                variant_at = at
            elif kind == 2:
                text_rev += 1
            elif kind == 3:
                meta_rev += 1
                meta_at = at

        lang = 1 if u[1] & 3 == 0 else 0
        kind_ = words.KINDS[u[2] % len(words.KINDS)]
        vendor, vendor_slug = words.VENDORS[u[3] % len(words.VENDORS)]
        nouns = kind_.nouns[lang]
        noun, noun_slug = nouns[u[4] % len(nouns)]
        model = f"{chr(65 + u[5] % 26)}{chr(65 + u[5] // 26 % 26)}{u[6] % 9000 + 100}"
        adjectives = words.ADJECTIVES[lang]
        title = f"{noun} {vendor} {model} {adjectives[u[7] % len(adjectives)]}"
        if text_rev:
            title = f"{title} (rev. {text_rev + 1})"
        sentences = words.SENTENCES[lang]
        size = len(sentences)
        s1, s2, s3 = sentences[u[8] % size], sentences[u[9] % size], sentences[u[10] % size]
        description = f"{title}. {s1} {s2} {s3}"
        html = f"<p><strong>{title}</strong>. {s1}</p>\n<p>{s2}</p>\n<ul><li>{s3}</li></ul>"

        count = MAX_VARIANTS if index == WIDEST_PRODUCT else _variant_count(u[0])
        kept = max(1, count - state.variants_lost)
        tags = words.TAGS
        first_tag, step = u[11] % len(tags), 1 + u[12] % 13
        n_tags = u[13] % 6
        tag_list = sorted({tags[(first_tag + n * step) % len(tags)] for n in range(n_tags)})
        variants, options, low, high, low_compare, high_compare, sold_out = self._variants(
            index,
            u,
            lang,
            kind_,
            vendor_slug,
            model,
            count,
            kept,
            created,
            variant_at,
            price_rev,
            stock_rev,
        )
        media = self._media(index, u, created, noun, vendor_slug)
        currency = self.spec.currency
        product: Obj = {
            "__typename": "Product",
            "id": gid,
            "legacyResourceId": str(number),
            "title": title,
            "handle": f"{noun_slug}-{vendor_slug}-{model.lower()}-{index}",
            "description": description,
            "descriptionHtml": html,
            "vendor": vendor,
            "productType": kind_.name[lang],
            "status": "ACTIVE" if u[14] % 10 < 8 else "DRAFT" if u[14] % 10 == 8 else "ARCHIVED",
            "tags": tag_list,
            "isGiftCard": False,
            "hasOnlyDefaultVariant": count == 1,
            "hasOutOfStockVariants": sold_out,
            "requiresSellingPlan": u[15] % 97 == 0,
            "options": options,
            "seo": {"title": title[:70], "description": s1}
            if u[16] % 3 == 0
            else {"title": None, "description": None},
            "priceRangeV2": {
                "minVariantPrice": {"amount": _decimal(low), "currencyCode": currency},
                "maxVariantPrice": {"amount": _decimal(high), "currencyCode": currency},
            },
            "compareAtPriceRange": {
                "minVariantCompareAtPrice": {"amount": _decimal(low_compare), "currencyCode": currency},
                "maxVariantCompareAtPrice": {"amount": _decimal(high_compare), "currencyCode": currency},
            }
            if high_compare
            else None,
            "featuredMedia": media[0] if media else None,
            "templateSuffix": "wide" if u[17] % 11 == 0 else None,
            "category": {"__typename": "TaxonomyCategory", "id": kind_.category} if u[18] % 9 else None,
            "publishedAt": created if u[14] % 10 < 8 else None,
            "createdAt": created,
            "updatedAt": updated,
            "totalInventory": 0,
            "variantsCount": {"count": kept, "precision": "EXACT"},
            "media": media,
            "metafields": self._metafields(index, u, created, meta_at, meta_rev),
            "variants": variants,
            "resourcePublicationsV2": lambda: self._publications_of("products", index, created),
            "_index": index,
        }
        return product

    def _stamps(self, u: tuple[int, ...], state: _State) -> tuple[str, str, str]:
        """Return when an object was created, last updated before any edit changed it, and last updated."""
        if state.born:
            created = first = state.born
        else:
            day = u[19] % 1100
            created = words.DAYS[day] + words.MINUTES[u[20] % 1440]
            first = words.DAYS[day + 1 + u[21] % 200] + words.MINUTES[u[22] % 1440]
        return created, first, max(state.revisions[-1][1], first) if state.revisions else first

    def _media(self, index: int, u: tuple[int, ...], created: str, noun: str, vendor_slug: str) -> list[Obj]:
        """Return the media of a product: mostly one image, sometimes none, seldom a video or a model."""
        draw = u[23]
        count = 0 if draw % 10 == 0 else 1 if draw % 10 < 9 else 2 + draw % 5
        found: list[Obj] = []
        first = self._number(index, 20_000_000_000, index << 4)
        for n in range(count):
            bits = _mix((draw << 40) ^ (index << 4) ^ n)
            kind = _MEDIA[bits % 9] if n else "MediaImage"
            number = first + n
            url = f"https://cdn.shopify.com/s/files/1/{self._space >> 40:04d}/files/{vendor_slug}-{number}"
            alt = noun if bits & 1024 else None
            gid = f"gid://shopify/{kind}/{number}"
            status = "READY" if bits >> 20 & 127 else "PROCESSING"
            if kind == "MediaImage":
                width, height = 600 + (bits >> 30) % 1800, 600 + (bits >> 41) % 1800
                image = {
                    "url": f"{url}.jpg?v=17{bits >> 12 & 0xFFFFFF:08d}",
                    "width": width,
                    "height": height,
                }
                found.append(
                    {
                        "__typename": kind,
                        "id": gid,
                        "alt": alt,
                        "mediaContentType": "IMAGE",
                        "status": status,
                        "preview": {"image": {"url": image["url"]}},
                        "mimeType": "image/jpeg",
                        "createdAt": created,
                        "image": image,
                        "originalSource": {"fileSize": 20_000 + (bits >> 20) % 900_000},
                    }
                )
                continue
            common: Obj = {
                "__typename": kind,
                "id": gid,
                "alt": alt,
                "mediaContentType": {
                    "Video": "VIDEO",
                    "ExternalVideo": "EXTERNAL_VIDEO",
                    "Model3d": "MODEL_3D",
                }[kind],
                "status": status,
                "preview": {"image": {"url": f"{url}.thumbnail.jpg"}},
                "createdAt": created,
            }
            if kind == "Video":
                common["duration"] = 3000 + bits % 90_000
                common["sources"] = [
                    {
                        "url": f"{url}.mp4",
                        "mimeType": "video/mp4",
                        "format": "mp4",
                        "width": 1280,
                        "height": 720,
                        "fileSize": 4_000_000 + bits % 1_000_000,
                    },
                    {
                        "url": f"{url}.m3u8",
                        "mimeType": "application/x-mpegURL",
                        "format": "m3u8",
                        "width": 1280,
                        "height": 720,
                        "fileSize": None,
                    },
                ]
            elif kind == "ExternalVideo":
                code = f"{bits & 0xFFFFFFFFFF:010x}"
                common["host"] = "YOUTUBE"
                common["embedUrl"] = f"https://www.youtube.com/embed/{code}"
                common["originUrl"] = f"https://www.youtube.com/watch?v={code}"
            else:
                common["sources"] = [
                    {
                        "url": f"{url}.glb",
                        "mimeType": "model/gltf-binary",
                        "format": "glb",
                        "filesize": 900_000 + bits % 100_000,
                    }
                ]
            found.append(common)
        return found

    def _metafields(
        self, index: int, u: tuple[int, ...], created: str, changed_at: str, revision: int
    ) -> list[Obj]:
        """Return the metafields of a product; a revision gives the first one another value."""
        pool = words.METAFIELDS
        draw = u[24]
        count = (0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 8)[draw % 12]
        if revision and not count:
            count = 1
        first, step = u[25] % 40, (1, 3, 7, 9, 11, 13, 17, 19)[u[26] & 7]
        number = self._number(index, 30_000_000_000, index << 5)
        found = []
        for n in range(count):
            namespace, key, kind, values = pool[(first + n * step) % 40]
            pick = (u[27] >> n) + (revision if n == 0 else 0)
            value = values[pick % len(values)]
            if revision and n == 0 and kind.endswith("_line_text_field"):
                value = f"{value} · {revision}"
            found.append(
                {
                    "__typename": "Metafield",
                    "id": f"gid://shopify/Metafield/{number + n}",
                    "namespace": namespace,
                    "key": key,
                    "type": kind,
                    "value": value,
                    "createdAt": created,
                    "updatedAt": changed_at if n == 0 else created,
                }
            )
        return found

    def _variants(
        self,
        index: int,
        u: tuple[int, ...],
        lang: int,
        kind: words.Kind,
        vendor_slug: str,
        model: str,
        count: int,
        kept: int,
        created: str,
        changed_at: str,
        price_rev: int,
        stock_rev: int,
    ) -> tuple[list[Obj], list[Obj], int, int, int, int, bool]:
        """Return variants, options, ranges of price and compare-at price in cents, and if one is sold out."""
        lowest, highest = kind.price
        base = lowest + (u[28] * (highest - lowest) >> 16)
        base = base - base % 100 + (99, 0, 90, 49)[u[29] & 3]
        compare = u[30] & 3 == 0
        costed = u[31] % 5 != 0
        single = count == 1
        if single:
            options, titles, choices = _SINGLE_OPTIONS, _SINGLE_TITLES, _SINGLE_CHOICES
        else:
            options, titles, choices = _choices(kind, lang, count, kept)
        currency = self.spec.currency
        low = 1 << 62
        high = low_compare = high_compare = 0
        sold_out = False
        seed = (u[28] << 48) | (u[29] << 32) | index
        first = self._number(index, 40_000_000_000, index << 12)
        grams_low, grams_high = kind.grams
        grams_span = grams_high - grams_low
        sku_start = f"{vendor_slug[:4].upper()}-{model}-{index}-"
        variants: list[Obj] = []
        for j in range(kept):
            bits = _mix(seed + (j << 33))
            cents = base + (j % 7) * 500
            quantity = (bits >> 8) % 400 - 20 if bits & 7 else 0
            at = created
            if j == 0:
                at = changed_at
                cents += 150 * price_rev
                quantity += 7 * stock_rev
            if cents < low:
                low = cents
            if cents > high:
                high = cents
            if quantity <= 0:
                sold_out = True
            old = None
            if compare and j % 3 == 0:
                old_cents = cents + cents // 4
                old = _money(old_cents)
                low_compare = old_cents if not low_compare or old_cents < low_compare else low_compare
                high_compare = old_cents if old_cents > high_compare else high_compare
            draw = bits >> 50
            if draw & 31:
                barcode: str | None = _gtin13(bits >> 17)
            elif draw & 32:
                digits = f"{bits >> 17 & 0xFFFFFF:08d}"[:7]
                barcode = f"{digits}{gtin_check_digit(digits)}"
            else:
                barcode = None
            grams = grams_low + (bits >> 28) % grams_span
            number = first + j
            backorder = draw % 12 == 0
            variants.append(
                {
                    "__typename": "ProductVariant",
                    "id": f"gid://shopify/ProductVariant/{number}",
                    "legacyResourceId": str(number),
                    "title": titles[j],
                    "sku": f"{sku_start}{j + 1}" if draw % 60 != 7 else None,
                    "barcode": barcode,
                    "price": _money(cents),
                    "compareAtPrice": old,
                    "position": j + 1,
                    "inventoryQuantity": quantity,
                    "inventoryPolicy": "CONTINUE" if backorder else "DENY",
                    "availableForSale": quantity > 0 or backorder,
                    "taxable": draw % 40 != 0,
                    "taxCode": None,
                    "requiresComponents": False,
                    "selectedOptions": choices[j],
                    "image": None
                    if j % 8 or draw & 1
                    else {"url": f"https://cdn.shopify.com/s/files/1/v/{vendor_slug}-{number}.jpg"},
                    "inventoryItem": {
                        "__typename": "InventoryItem",
                        "id": f"gid://shopify/InventoryItem/{number + 5_000_000_000}",
                        "requiresShipping": draw % 50 != 0,
                        "unitCost": {"amount": _decimal(cents * 6 // 10), "currencyCode": currency}
                        if costed
                        else None,
                        "measurement": {
                            "weight": {"value": grams / 1000, "unit": "KILOGRAMS"}
                            if grams > 999
                            else {"value": float(grams), "unit": "GRAMS"}
                        },
                    },
                    "createdAt": created,
                    "updatedAt": at,
                    "metafields": self._variant_metafields(index, j, bits, created) if draw % 6 == 5 else [],
                    "_draw": bits,
                }
            )
        return variants, options, low, high, low_compare, high_compare, sold_out

    def _variant_metafields(self, index: int, position: int, bits: int, at: str) -> list[Obj]:
        pool = words.VARIANT_METAFIELDS
        found = []
        for n in range(1 + (bits >> 5) % 2):
            namespace, key, kind, values = pool[((bits >> 9) + n) % 6]
            number = self._number(index, 60_000_000_000, (((index << 12) + position) << 2) + n)
            found.append(
                {
                    "__typename": "Metafield",
                    "id": f"gid://shopify/Metafield/{number}",
                    "namespace": namespace,
                    "key": key,
                    "type": kind,
                    "value": values[(bits >> 13) % len(values)],
                    "createdAt": at,
                    "updatedAt": at,
                }
            )
        return found

    def _variants_of(self, product: Obj) -> Iterator[Obj]:
        """Yield a product's variants with what they only have when asked for by themselves."""
        reference = {
            "__typename": "Product",
            "id": product["id"],
            "title": product["title"],
            "handle": product["handle"],
        }
        for variant in product["variants"]:
            variant["product"] = reference
            variant["displayName"] = f"{product['title']} - {variant['title']}"
            variant["inventoryItem"] = self._inventory_item(variant, product)
            variant["media"] = product["media"][:1]
            yield variant

    def _inventory_items(self, product: Obj) -> Iterator[Obj]:
        for variant in product["variants"]:
            yield self._inventory_item(variant, product)

    def _inventory_item(self, variant: Obj, product: Obj) -> Obj:
        """Return the inventory item of a variant with its levels at up to three locations."""
        item: Obj = dict(variant["inventoryItem"])
        number = item["id"].rsplit("/", 1)[1]
        item["legacyResourceId"] = number
        item["sku"] = variant["sku"]
        item["tracked"] = True
        item["createdAt"] = variant["createdAt"]
        item["updatedAt"] = variant["updatedAt"]
        item["variant"] = {"__typename": "ProductVariant", "id": variant["id"]}
        item["countryCodeOfOrigin"] = None
        bits = variant["_draw"]
        total = self._counts["locations"]

        def levels() -> list[Obj]:
            places = [p for p in range(total) if self._state("locations", p) is not None]
            places = places[: 1 + (bits >> 3) % 3] if places else []
            left = variant["inventoryQuantity"]
            found = []
            for n, place in enumerate(places):
                available = left if n == len(places) - 1 else left // 2
                left -= available
                committed = (bits >> (20 + n)) % 4
                names = {
                    "available": available,
                    "on_hand": available + committed,
                    "committed": committed,
                    "incoming": (bits >> 30) % 3 * 10,
                    "reserved": 0,
                }
                location = self.location_number(place)
                found.append(
                    {
                        "__typename": "InventoryLevel",
                        "id": f"gid://shopify/InventoryLevel/{location}?inventory_item_id={number}",
                        "location": {"__typename": "Location", "id": f"gid://shopify/Location/{location}"},
                        "quantities": [{"name": k, "quantity": v} for k, v in names.items()],
                        "isActive": True,
                        "createdAt": variant["createdAt"],
                        "updatedAt": variant["updatedAt"],
                    }
                )
            return found

        item["inventoryLevels"] = levels
        item["_product"] = product["id"]
        return item

    # -- the rest ------------------------------------------------------------------------------------------

    def location_number(self, index: int) -> int:
        """Return the number in a location's id."""
        return self._space + 80_000 + index

    def location(self, index: int) -> Obj | None:
        """Return a location: the first is the primary one, the last of four or more is deactivated."""
        state = self._state("locations", index)
        if state is None:
            return None
        u = self._draw(b"l", index)
        created, _, updated = self._stamps(u, state)
        city, county, code, postal = words.CITIES[index % len(words.CITIES)]
        active = not (index >= 3 and index == self._base["locations"] - 1)
        number = self.location_number(index)
        revision = f" ({len(state.revisions) + 1})" if state.revisions else ""
        return {
            "__typename": "Location",
            "id": f"gid://shopify/Location/{number}",
            "legacyResourceId": str(number),
            "name": f"Depozit {city}{revision}" if index % 2 == 0 else f"Magazin {city}{revision}",
            "address": {
                "address1": f"{words.STREETS[u[1] % len(words.STREETS)]} nr. {1 + u[2] % 200}",
                "address2": None,
                "city": city,
                "province": county,
                "provinceCode": code,
                "zip": postal,
                "country": "Romania",
                "countryCode": "RO",
                "phone": f"+4021{u[3] % 10_000_000:07d}",
                "latitude": 44.4 + u[4] % 3000 / 1000,
                "longitude": 21.2 + u[5] % 7000 / 1000,
            },
            "isActive": active,
            "isPrimary": index == 0,
            "fulfillsOnlineOrders": active,
            "shipsInventory": active,
            "isFulfillmentService": False,
            "deactivatedAt": None if active else updated,
            "createdAt": created,
            "updatedAt": updated,
        }

    def publication_gid(self, index: int) -> str:
        """Return a publication's id."""
        return f"gid://shopify/Publication/{self._space + 90_000 + index}"

    def publication(self, index: int) -> Obj | None:
        """Return a publication: the online shop, point of sale, then markets."""
        state = self._state("publications", index)
        if state is None:
            return None
        name = ("Online Store", "Point of Sale", "Piața B2B")[index] if index < 3 else f"Market {index}"
        kind = ("AppCatalog", "AppCatalog", "CompanyLocationCatalog")[index] if index < 3 else "MarketCatalog"
        if state.revisions:
            name = f"{name} ({len(state.revisions) + 1})"
        catalog = {
            "__typename": kind,
            "id": f"gid://shopify/{kind}/{self._space + 91_000 + index}",
            "title": f"Catalog {name}",
            "status": "ACTIVE",
        }
        return {
            "__typename": "Publication",
            "id": self.publication_gid(index),
            "name": name,
            "autoPublish": index == 0,
            "supportsFuturePublishing": index == 0,
            "catalog": None if index == 1 else catalog,
        }

    def _publications_of(self, resource: str, index: int, created: str) -> list[Obj]:
        """Return where a product or a collection is published."""
        bits = _mix((index << 8) ^ len(resource) ^ self.spec.seed)
        return [
            {
                "__typename": "ResourcePublicationV2",
                "publication": {"__typename": "Publication", "id": self.publication_gid(n)},
                "isPublished": bool(bits >> n & 1) or n == 0,
                "publishDate": created,
            }
            for n in range(self._counts["publications"])
            if (n == 0 or bits >> (8 + n) & 1) and self._state("publications", n) is not None
        ]

    def collection(self, index: int) -> Obj | None:
        """Return a collection; every third is made by rules. Members form an arithmetic sequence."""
        state = self._state("collections", index)
        if state is None:
            return None
        u = self._draw(b"c", index)
        created, _, updated = self._stamps(u, state)
        lang = u[1] & 1
        kind = words.KINDS[index % len(words.KINDS)]
        adjective = words.ADJECTIVES[lang][u[2] % 16]
        title = f"{kind.name[lang]} {adjective}" + (f" {len(state.revisions) + 1}" if state.revisions else "")
        number = self._number(index, 5_000_000_000, index)
        total = self._counts["products"]
        size = min(total, 5 + u[3] % 200)
        stride = 1 + 2 * (u[4] % 50)
        members: list[int] = []
        seen: set[int] = set()
        for n in range(size):
            member = (u[5] + n * stride) % total
            if member not in seen:
                seen.add(member)
                members.append(member)
        members = [m for m in members if self._state("products", m) is not None]
        smart = index % 3 == 2
        description = words.SENTENCES[lang][u[6] % 20]
        return {
            "__typename": "Collection",
            "id": f"gid://shopify/Collection/{number}",
            "legacyResourceId": str(number),
            "title": title,
            "handle": f"{words.slug(kind.name[lang])}-{index}",
            "description": description,
            "descriptionHtml": f"<p>{description}</p>",
            "sortOrder": ("MANUAL", "BEST_SELLING", "ALPHA_ASC", "PRICE_DESC", "CREATED_DESC")[u[7] % 5],
            "ruleSet": {
                "appliedDisjunctively": bool(u[8] & 1),
                "rules": [
                    {"column": "TAG", "relation": "EQUALS", "condition": words.TAGS[u[9] % len(words.TAGS)]},
                    {"column": "VARIANT_PRICE", "relation": "GREATER_THAN", "condition": str(u[10] % 500)},
                ],
            }
            if smart
            else None,
            "seo": {"title": title if u[11] & 1 else None, "description": None},
            "image": {"url": f"https://cdn.shopify.com/s/files/1/c/{number}.png"} if u[12] & 1 else None,
            "productsCount": {"count": len(members), "precision": "EXACT"},
            "templateSuffix": None,
            "updatedAt": updated,
            "products": lambda: [p for p in map(self.product, members) if p is not None],
            "resourcePublicationsV2": lambda: self._publications_of("collections", index, created),
        }

    def _address(self, number: int, u: tuple[int, ...], first: str, last: str, offset: int) -> Obj:
        city, county, code, postal = words.CITIES[u[offset] % len(words.CITIES)]
        return {
            "__typename": "MailingAddress",
            "id": f"gid://shopify/MailingAddress/{number * 4 + offset % 4}?model_name=CustomerAddress",
            "name": f"{first} {last}",
            "firstName": first,
            "lastName": last,
            "company": "SC Exemplu SRL" if u[offset] % 9 == 0 else None,
            "address1": f"{words.STREETS[u[offset + 1] % len(words.STREETS)]} nr. {1 + u[offset + 2] % 300}",
            "address2": f"bl. {chr(65 + u[offset] % 26)}, sc. 2, ap. {1 + u[offset + 1] % 80}"
            if u[offset] & 1
            else None,
            "city": city,
            "province": county,
            "provinceCode": code,
            "zip": postal,
            "country": "Romania",
            "countryCodeV2": "RO",
            "phone": f"+407{u[offset + 1] % 10_000:04d}{u[offset + 2] % 10_000:04d}",
        }

    def customer_gid(self, index: int) -> str:
        """Return a customer's id."""
        return f"gid://shopify/Customer/{self._number(index, 9_000_000_000, index)}"

    def customer(self, index: int) -> Obj | None:
        """Return a customer with addresses and metafields, or None when it is deleted."""
        state = self._state("customers", index)
        if state is None:
            return None
        u = self._draw(b"k", index)
        created, _, updated = self._stamps(u, state)
        first = words.FIRST_NAMES[u[1] % len(words.FIRST_NAMES)]
        last = words.LAST_NAMES[u[2] % len(words.LAST_NAMES)]
        number = self._number(index, 9_000_000_000, index)
        subscribed = u[3] % 3 == 0
        addresses = [self._address(number, u, first, last, 4 + 3 * n) for n in range(u[3] % 3)]
        orders = u[10] % 12
        revision = len(state.revisions)
        return {
            "__typename": "Customer",
            "id": f"gid://shopify/Customer/{number}",
            "legacyResourceId": str(number),
            "firstName": first,
            "lastName": last,
            "displayName": f"{first} {last}",
            "state": ("ENABLED", "DISABLED", "INVITED", "DECLINED")[(u[11] + revision) & 3],
            "verifiedEmail": u[12] % 5 != 0,
            "defaultEmailAddress": {
                "emailAddress": f"{words.slug(first)}.{words.slug(last)}.{index}@example.com",
                "marketingState": "SUBSCRIBED" if subscribed else "NOT_SUBSCRIBED",
                "marketingOptInLevel": "SINGLE_OPT_IN" if subscribed else None,
                "marketingUpdatedAt": updated if subscribed else None,
            }
            if u[13] % 20
            else None,
            "defaultPhoneNumber": {"phoneNumber": f"+407{index % 100_000_000:08d}"}
            if u[14] % 3 == 0
            else None,
            "numberOfOrders": str(orders),
            "amountSpent": {"amount": _decimal(orders * (u[15] + 1000)), "currencyCode": self.spec.currency},
            "tags": ["vip"] if u[16] % 10 == 0 else ["newsletter", "ro"] if subscribed else [],
            "taxExempt": u[17] % 30 == 0,
            "taxExemptions": [],
            "locale": "ro" if u[18] % 4 else "en",
            "note": "A se suna înainte de livrare." if u[18] % 15 == 0 else None,
            "defaultAddress": addresses[0] if addresses else None,
            "addresses": addresses,
            "createdAt": created,
            "updatedAt": updated,
            "metafields": [
                {
                    "__typename": "Metafield",
                    "id": f"gid://shopify/Metafield/{self._number(index, 65_000_000_000_0, index * 4 + n)}",
                    "namespace": "loyalty",
                    "key": ("points", "tier")[n],
                    "type": ("number_integer", "single_line_text_field")[n],
                    "value": (str(u[23] % 5000 + revision), ("bronz", "argint", "aur")[u[24] % 3])[n],
                    "createdAt": created,
                    "updatedAt": updated,
                }
                for n in range(u[25] % 3)
            ],
        }

    def _bag(self, cents: int, presentment: str | None = None) -> Obj:
        money = {"amount": _decimal(cents), "currencyCode": self.spec.currency}
        if presentment is None or presentment == self.spec.currency:
            return {"shopMoney": money, "presentmentMoney": money}
        # Some rate that belongs to the currency: amounts of one order are not the same in both.
        rate = 2000 + sum(map(ord, presentment)) % 7000
        shown = {"amount": _decimal(cents * rate // 10_000), "currencyCode": presentment}
        return {"shopMoney": money, "presentmentMoney": shown}

    def _tax(self, cents: int, percent: int) -> int:
        """Return the tax in an amount, or on it, in cents."""
        return cents * percent // (100 + percent if self.spec.taxes_included else 100)

    def _order_lines(self, index: int, u: tuple[int, ...], presentment: str) -> list[_Line]:
        """Return the lines of an order, which name living products; a tenth off all of them for every sixth order."""
        lines: list[_Line] = []
        for n in range(1 + u[1] % 4 if self._counts["products"] else 0):
            product = self.product((u[2 + n] * 65536 + u[6 + n]) % self._counts["products"])
            variant = None
            cents, title, vendor, sku, variant_title = 4999, "Produs retras", None, None, None
            if product is not None:
                variant = product["variants"][u[10 + n] % len(product["variants"])]
                cents = round(float(variant["price"]) * 100)
                title, vendor, sku, variant_title = (
                    product["title"],
                    product["vendor"],
                    variant["sku"],
                    variant["title"],
                )
            quantity = 1 + u[14 + n] % 3
            taxable = variant is None or variant["taxable"]
            percent = (9 if u[14 + n] % 7 == 0 else 19) if taxable else 0
            line = _Line(cents, quantity, percent, cents * quantity)
            line.fields = {
                "__typename": "LineItem",
                "id": f"gid://shopify/LineItem/{self._number(index, 10_000_000_000, index * 8 + n)}",
                "title": title,
                "variantTitle": variant_title,
                "name": f"{title} - {variant_title}",
                "sku": sku,
                "vendor": vendor,
                "quantity": quantity,
                "requiresShipping": variant is None or variant["inventoryItem"]["requiresShipping"],
                "taxable": taxable,
                "isGiftCard": False,
                "product": {"__typename": "Product", "id": product["id"]} if product else None,
                "variant": {"__typename": "ProductVariant", "id": variant["id"]} if variant else None,
                "originalUnitPriceSet": self._bag(cents, presentment),
                "discountedTotalSet": self._bag(cents * quantity, presentment),
                "totalDiscountSet": self._bag(0, presentment),
                "discountAllocations": [],
                "taxLines": [],
                "customAttributes": [{"key": "gravură", "value": "La mulți ani!"}]
                if u[14 + n] % 17 == 0
                else [],
            }
            lines.append(line)
        if u[23] % 6 == 0:
            self._discount(lines, presentment)
        for line in lines:
            line.tax = self._tax(line.net, line.percent)
            if line.percent:
                line.fields["taxLines"] = [
                    {"title": "TVA", "rate": line.percent / 100, "priceSet": self._bag(line.tax, presentment)}
                ]
        return lines

    def _discount(self, lines: list[_Line], presentment: str) -> None:
        """Take a tenth off an order: a part from each line, the cents that are left over from the last."""
        left = sum(line.net for line in lines) // 10
        for line in lines:
            part = left if line is lines[-1] else line.net // 10
            left -= part
            line.net -= part
            line.fields["discountAllocations"] = [{"allocatedAmountSet": self._bag(part, presentment)}]

    def _refunds(
        self, index: int, lines: list[_Line], status: str, shipping: int, dates: tuple[str, str], shown: str
    ) -> tuple[list[Obj], int]:
        """Note what of an order's lines came back; return its refunds and what of the shipping price was paid back.

        Half of each line for a partial refund (rounded up for the first); all lines and the shipping price, in
        two refunds, for a whole one; nothing is paid back of an order that was never paid.
        """
        if status not in ("PARTIALLY_REFUNDED", "REFUNDED", "VOIDED"):
            return [], 0
        amounts = []
        for rounds in range(1 if status == "PARTIALLY_REFUNDED" else 2):
            before = sum(map(self._returned, lines))
            for n, line in enumerate(lines):
                whole = rounds == 1 or status == "VOIDED"
                line.returned = line.quantity if whole else (line.quantity + (n == 0)) // 2
            amounts.append(sum(map(self._returned, lines)) - before)
        if status == "VOIDED":
            return [], shipping
        given_back = shipping if status == "REFUNDED" else 0
        amounts[-1] += given_back + (
            0 if self.spec.taxes_included or not given_back else self._tax(shipping, 19)
        )
        refunds: list[Obj] = [
            {
                "__typename": "Refund",
                "id": f"gid://shopify/Refund/{self._number(index, 12_000_000_000, index * 4 + n)}",
                "createdAt": dates[n if len(amounts) > 1 else 1],
                "totalRefundedSet": self._bag(amount, shown),
            }
            for n, amount in enumerate(amounts)
            if amount
        ]
        return refunds, given_back

    def _returned(self, line: _Line) -> int:
        """Return what is paid back for the units of a line that came back, in cents."""
        return line.returned_net + (0 if self.spec.taxes_included else line.returned_tax)

    def order(self, index: int) -> Obj | None:
        """Return an order with line items that name living products, or None when it is deleted.

        The financial status follows from index and revision, so that a change may bring or take back a refund; amounts
        add up to the cent.
        """
        state = self._state("orders", index)
        if state is None:
            return None
        u = self._draw(b"o", index)
        created, first_updated, updated = self._stamps(u, state)
        number = self._number(index, 6_000_000_000, index)
        currency = self.spec.currency
        shown = (currency, *self.spec.presentment)[u[22] % (1 + len(self.spec.presentment))]
        revision = len(state.revisions)
        status = ("PAID", "PENDING", "PARTIALLY_REFUNDED", "REFUNDED", "AUTHORIZED")[(u[30] + revision) % 5]
        cancelled = u[24] % 25 == 0
        if cancelled:
            status = "REFUNDED" if status in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED") else "VOIDED"
        lines = self._order_lines(index, u, shown)
        shipping = (0, 1499, 1999, 2499)[u[18] & 3] if u[23] % 9 else 0
        shipping_tax = self._tax(shipping, 19)
        refunds, unshipped = self._refunds(index, lines, status, shipping, (first_updated, updated), shown)
        gross, subtotal = sum(line.cents * line.quantity for line in lines), sum(line.net for line in lines)
        tax = sum(line.tax for line in lines) + shipping_tax
        total = subtotal + shipping + (0 if self.spec.taxes_included else tax)
        left = subtotal - sum(line.returned_net for line in lines)
        tax_left = tax - sum(line.returned_tax for line in lines) - (shipping_tax if unshipped else 0)
        total_left = left + shipping - unshipped + (0 if self.spec.taxes_included else tax_left)
        customers = self._counts["customers"]
        buyer = u[25] % customers if customers else None
        customer = self.customer(buyer) if buyer is not None and u[26] % 12 else None
        first, last = words.FIRST_NAMES[u[27] % 32], words.LAST_NAMES[u[28] % 32]
        address = self._address(number, u, first, last, 27)
        return {
            "__typename": "Order",
            "id": f"gid://shopify/Order/{number}",
            "legacyResourceId": str(number),
            "name": f"#{1001 + index}",
            "number": 1001 + index,
            "email": f"{words.slug(first)}.{words.slug(last)}@example.com" if u[29] % 20 else None,
            "phone": None,
            "displayFinancialStatus": status,
            "displayFulfillmentStatus": ("FULFILLED", "UNFULFILLED", "PARTIALLY_FULFILLED", "IN_PROGRESS")[
                u[31] & 3
            ],
            "test": self.spec.test_orders and u[31] % 13 == 0,
            "taxesIncluded": self.spec.taxes_included,
            "totalPriceSet": self._bag(total, shown),
            "subtotalPriceSet": self._bag(subtotal, shown),
            "totalTaxSet": self._bag(tax, shown),
            "totalDiscountsSet": self._bag(gross - subtotal, shown),
            "totalShippingPriceSet": self._bag(shipping, shown),
            "currentTotalPriceSet": self._bag(total_left, shown),
            "currentSubtotalPriceSet": self._bag(left, shown),
            "currentTotalTaxSet": self._bag(tax_left, shown),
            "currentShippingPriceSet": self._bag(shipping - unshipped, shown),
            "refunds": refunds,
            "currencyCode": currency,
            "presentmentCurrencyCode": shown,
            "discountCodes": ["TOAMNA10"] if gross > subtotal else [],
            "shippingAddress": address,
            "billingAddress": address if u[29] & 1 else None,
            "customer": {"__typename": "Customer", "id": customer["id"]} if customer else None,
            "customerLocale": "ro-RO" if u[30] % 4 else "en",
            "tags": ["cadou"] if u[31] % 14 == 0 else [],
            "note": 'Vă rog, livrați după ora 17 — „mulțumesc”.\n"Sună la poartă"'
            if u[30] % 11 == 0
            else None,
            "customAttributes": [{"key": "sursa", "value": "recomandare"}] if u[29] % 8 == 0 else [],
            "paymentGatewayNames": [("shopify_payments", "Cash on Delivery (COD)", "paypal")[u[28] % 3]],
            "paymentTerms": None,
            "risk": {
                "recommendation": "ACCEPT",
                "assessments": [{"riskLevel": ("LOW", "LOW", "MEDIUM", "HIGH")[u[27] & 3]}],
            },
            "sourceName": ("web", "pos", "580111")[u[26] % 3],
            "sourceIdentifier": None,
            "cancelledAt": updated if cancelled else None,
            "cancelReason": ("CUSTOMER", "INVENTORY", "OTHER")[u[25] % 3] if cancelled else None,
            "closedAt": updated if u[24] % 3 == 0 else None,
            "processedAt": created,
            "createdAt": created,
            "updatedAt": updated,
            "lineItems": [
                {**line.fields, "currentQuantity": line.quantity - line.returned} for line in lines
            ],
            "shippingLines": [
                {
                    "__typename": "ShippingLine",
                    "id": f"gid://shopify/ShippingLine/{self._number(index, 11_000_000_000, index)}",
                    "title": "Curier rapid" if shipping else "Ridicare personală",
                    "code": "FAN" if shipping else None,
                    "source": "shopify",
                    "carrierIdentifier": None,
                    "originalPriceSet": self._bag(shipping, shown),
                    "discountedPriceSet": self._bag(shipping, shown),
                    "taxLines": [{"title": "TVA", "rate": 0.19, "priceSet": self._bag(shipping_tax, shown)}]
                    if shipping
                    else [],
                }
            ]
            if u[23] % 9
            else [],
        }

    def metaobject_definitions(self) -> list[Obj]:
        """Return the three definitions with the metaobjects of each."""
        found = []
        for n, (kind, name) in enumerate(
            (("culoare", "Culoare"), ("producator", "Producător"), ("ghid_marimi", "Ghid de mărimi"))
        ):
            found.append(
                {
                    "__typename": "MetaobjectDefinition",
                    "id": f"gid://shopify/MetaobjectDefinition/{self._space + 95_000 + n}",
                    "type": kind,
                    "name": name,
                    "metaobjects": [
                        m
                        for m in map(self.metaobject, range(n, self._counts["metaobjects"], 3))
                        if m is not None
                    ],
                    "createdAt": "2023-01-01T00:00:00Z",
                    "updatedAt": "2023-01-01T00:00:00Z",
                }
            )
        return found

    def metaobject(self, index: int) -> Obj | None:
        """Return a metaobject, or None when it is deleted."""
        state = self._state("metaobjects", index)
        if state is None:
            return None
        u = self._draw(b"m", index)
        _, _, updated = self._stamps(u, state)
        revision = len(state.revisions)
        suffix = f" {revision + 1}" if revision else ""
        if index % 3 == 0:
            colour = words.OPTIONS["colour"][1][index // 3 % 16]
            name = f"{colour}{suffix}"
            fields: list[tuple[str, str, str | None]] = [
                ("label", "single_line_text_field", name),
                ("hex", "color", f"#{u[1] << 8 & 0xFFFFFF:06x}"),
            ]
        elif index % 3 == 1:
            name = f"{words.VENDORS[u[2] % len(words.VENDORS)][0]}{suffix}"
            fields = [
                ("name", "single_line_text_field", name),
                ("site", "url", "https://example.com/about"),
                ("logo", "file_reference", None),
            ]
        else:
            name = f"Ghid {index}{suffix}"
            fields = [
                ("titlu", "single_line_text_field", name),
                ("tabel", "json", '{"S":[88,92],"M":[93,98]}'),
            ]
        return {
            "__typename": "Metaobject",
            "id": f"gid://shopify/Metaobject/{self._number(index, 4_000_000_000, index)}",
            "type": ("culoare", "producator", "ghid_marimi")[index % 3],
            "handle": f"{words.slug(name) or 'x'}-{index}" if not revision else f"m-{index}",
            "displayName": name,
            "fields": [{"key": k, "type": t, "value": v} for k, t, v in fields],
            "capabilities": {
                "publishable": {"status": "DRAFT" if u[3] % 7 == 0 else "ACTIVE"},
                "onlineStore": None,
            },
            "updatedAt": updated,
        }

    def menu(self, index: int) -> Obj | None:
        """Return a menu with items of up to three levels, or None when it is deleted."""
        state = self._state("menus", index)
        if state is None:
            return None
        number = self._space + 96_000 + index
        collections = [c for c in map(self.collection, range(min(self._counts["collections"], 4))) if c]
        counter = iter(range(1, 1000))

        def item(title: str, kind: str, url: str, resource: str | None, items: list[Obj]) -> Obj:
            return {
                "__typename": "MenuItem",
                "id": f"gid://shopify/MenuItem/{number * 1000 + next(counter)}",
                "title": title,
                "type": kind,
                "url": url,
                "resourceId": resource,
                "tags": [],
                "items": items,
            }

        deep = [item("Oferte", "HTTP", "https://example.com/oferte?a=1&b=2", None, [])]
        shelves = [
            item(c["title"], "COLLECTION", f"/collections/{c['handle']}", c["id"], deep if n == 0 else [])
            for n, c in enumerate(collections)
        ]
        title = ("Meniu principal", "Subsol", "Cont")[index % 3] + (
            f" {len(state.revisions) + 1}" if state.revisions else ""
        )
        return {
            "__typename": "Menu",
            "id": f"gid://shopify/Menu/{number}",
            "title": title,
            "handle": ("main-menu", "footer", "account")[index] if index < 3 else f"menu-{index}",
            "isDefault": index < 2,
            "items": [
                item("Acasă", "FRONTPAGE", "/", None, []),
                item("Produse", "CATALOG", "/collections/all", None, shelves),
                item("Căutare", "SEARCH", "/search", None, []),
            ],
        }


#: resource -> name of the method that makes one object of it
_MAKERS = {
    "products": "product",
    "customers": "customer",
    "orders": "order",
    "collections": "collection",
    "locations": "location",
    "publications": "publication",
    "menus": "menu",
    "metaobjects": "metaobject",
}
