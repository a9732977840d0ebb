"""What each supplier says about the world: its own words and units, gaps, and mistakes at known rates.

Everything that a supplier gets wrong is noted in the record, so that a factory can be measured against the truth.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from neanelu.sandbox.suppliers.goods import KINDS, Attribute
from neanelu.sandbox.suppliers.world import Product, World

#: Lei of a unit of each currency; only so that prices look alike.
LEI: Final = {"RON": 1.0, "EUR": 5.0}


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier and its habits; rates are from 0 to 1.

    Attributes:
        code: key, and the name of its feed.
        title: its name.
        source_type: of prod_sources.
        hand: how it writes.
        locale: its language.
        currency: of its prices.
        format: csv, jsonl, xml, html (pages with structured data) or plain (pages without).
        trust: what a source of its kind is believed at the start.
        covers: share of the products that it sells.
        limit: most records; None for no limit.
        missing: share of attributes that it leaves out.
        wrong: share of attributes that it gets wrong.
        typos: share of titles with a slip.
        no_gtin, bad_gtin, crossed_gtin: share of records without a GTIN, with a wrong check digit, with the GTIN of a sister.
        no_mpn: share of records without a part number.
        twice: share of products that it offers twice, under two ids.
    """

    code: str
    title: str
    source_type: str
    hand: str
    locale: str
    currency: str
    format: str
    trust: float
    covers: float
    limit: int | None = None
    missing: float = 0.1
    wrong: float = 0.03
    typos: float = 0.0
    no_gtin: float = 0.0
    bad_gtin: float = 0.0
    crossed_gtin: float = 0.0
    no_mpn: float = 0.0
    twice: float = 0.0


SUPPLIERS: Final[tuple[Supplier, ...]] = (
    Supplier(
        "distribuitor", "Distribuitor Carpatic", "SUPPLIER", "ro", "ro", "RON", "csv", 0.7, 0.9,
        missing=0.15, wrong=0.03, typos=0.02, no_gtin=0.05, bad_gtin=0.02, no_mpn=0.1,
    ),
    Supplier(
        "manufacturer", "Brandworks Portal", "MANUFACTURER", "en", "en", "EUR", "jsonl", 0.9, 0.8,
        missing=0.05, wrong=0.01, no_gtin=0.02,
    ),
    Supplier(
        "marketplace", "Piata Mare", "MARKETPLACE", "mp", "ro", "RON", "xml", 0.4, 0.9,
        missing=0.3, wrong=0.12, typos=0.08, no_gtin=0.15, bad_gtin=0.04, crossed_gtin=0.005, no_mpn=0.4, twice=0.04,
    ),
    Supplier(
        "webshop", "Homeware Direct", "SCRAPER", "web", "en", "EUR", "html", 0.5, 0.3, limit=60,
        missing=0.2, wrong=0.05, typos=0.02, no_gtin=0.2, bad_gtin=0.02, no_mpn=0.3,
    ),
    Supplier(
        "catalogue", "Catalogul Vechi", "SCRAPER", "ro", "ro", "RON", "plain", 0.5, 0.15, limit=12,
        missing=0.3, wrong=0.05, no_gtin=0.5, no_mpn=0.5,
    ),
)  # fmt: skip
BY_CODE: Final = {supplier.code: supplier for supplier in SUPPLIERS}


@dataclass(slots=True)
class Record:
    """What a supplier says about a product.

    Attributes:
        id: the supplier's key.
        key: of the product in the world.
        attributes: by the supplier's name, as written.
        said: by code: is it what the product has?
        slips: what else is not so: typo, no_gtin, bad_gtin, crossed_gtin, twice.
    """

    id: str
    key: str
    kind: str
    title: str
    brand: str
    gtin: str | None
    mpn: str | None
    model: str
    category: str
    price: str
    currency: str
    description: str
    attributes: dict[str, str] = field(default_factory=dict)
    said: dict[str, bool] = field(default_factory=dict)
    slips: list[str] = field(default_factory=list)

    def as_truth(self, supplier: str) -> dict[str, Any]:
        """Return what a program that measures must know of it."""
        return {
            "supplier": supplier,
            "id": self.id,
            "key": self.key,
            "wrong": sorted(code for code, right in self.said.items() if not right),
            "said": sorted(self.said),
            "slips": self.slips,
        }


def records(world: World, supplier: Supplier) -> Iterator[Record]:
    """Yield what a supplier says, in the order of the world."""
    sisters: dict[str, list[Product]] = {}
    for product in world.products:
        sisters.setdefault(product.family, []).append(product)
    count = 0
    for product in world.products:
        rng = Random(f"{world.spec.seed}:{supplier.code}:{product.key}")  # noqa: S311
        if rng.random() >= supplier.covers:
            continue
        if supplier.limit is not None and count >= supplier.limit:
            return
        count += 1
        others = [one for one in sisters[product.family] if one is not product]
        yield _record(supplier, product, others, rng, "")
        if rng.random() < supplier.twice:
            again = _record(supplier, product, others, rng, "-B")
            again.slips.append("twice")
            yield again


def _record(supplier: Supplier, product: Product, sisters: list[Product], rng: Random, suffix: str) -> Record:
    slips: list[str] = []
    title = _title(supplier.hand, product)
    if rng.random() < supplier.typos:
        title = _slip(title, rng, keep=product.model)
        slips.append("typo")
    cents = product.price * (1 + rng.uniform(-0.06, 0.06)) / LEI[supplier.currency]
    record = Record(
        id=f"{supplier.code[:3].upper()}{product.key}{suffix}",
        key=product.key,
        kind=product.kind.code,
        title=title,
        brand=_brand(supplier.hand, product, rng),
        gtin=_gtin(supplier, product, sisters, rng, slips),
        mpn=None if rng.random() < supplier.no_mpn else product.mpn,
        model=product.model,
        category=product.kind.paths[supplier.hand],
        price=_price(cents, supplier.hand),
        currency=supplier.currency,
        description=_description(supplier.hand, product),
        slips=slips,
    )
    for attribute in product.kind.attributes:
        if rng.random() < supplier.missing:
            continue
        value = product.attributes[attribute.code]
        right = rng.random() >= supplier.wrong
        if not right:
            mistaken = _mistake(attribute, value, rng)
            right = mistaken == value
            value = mistaken
        record.attributes[attribute.names[supplier.hand]] = write(attribute, value, supplier.hand)
        record.said[attribute.code] = right
    return record


# --- Words ------------------------------------------------------------------------------------------------
def plain(text: str) -> str:
    """Return a text without diacritics, as people type it."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def write(attribute: Attribute, value: Any, hand: str) -> str:
    """Return a true value as a hand writes it."""
    if isinstance(value, bool):
        return (
            {"ro": "Da", "mp": "da"}.get(hand, "Yes") if value else {"ro": "Nu", "mp": "nu"}.get(hand, "No")
        )
    if attribute.words is not None:
        codes = value if isinstance(value, list) else [value]
        return ", ".join(attribute.words[code][hand] for code in codes)
    assert attribute.measures is not None
    measure = attribute.measures[hand]
    parts = value if isinstance(value, tuple) else (value,)
    numbers = [_number(part * measure.factor, measure.digits, hand) for part in parts]
    return (" - " if hand in ("en", "web") else "-").join(numbers) + measure.unit


def _number(value: float, digits: int, hand: str) -> str:
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", ",") if hand in ("ro", "mp") else text


def _price(cents: float, hand: str) -> str:
    text = f"{cents / 100:,.2f}"
    if hand == "ro":
        return text.replace(",", " ").replace(".", ",").replace(" ", ".")
    return text.replace(",", "")


def _brand(hand: str, product: Product, rng: Random) -> str:
    if hand == "mp":
        return plain(product.brand).upper() if rng.random() < 0.5 else plain(product.brand)
    return product.brand


def _told(hand: str, product: Product) -> list[str]:
    by_code = {attribute.code: attribute for attribute in product.kind.attributes}
    return [write(by_code[code], product.attributes[code], hand) for code in product.kind.told]


def _title(hand: str, product: Product) -> str:
    noun = product.kind.names[hand]
    told = _told(hand, product)
    named = [product.brand, product.line] if product.line else [product.brand]
    if product.title is not None and hand in ("ro", "mp"):
        return product.title if hand == "ro" else plain(product.title)
    if hand == "ro":
        return f"{noun} {' '.join(named)} {product.model}, {', '.join(told)}"
    if hand == "en":
        return f"{' '.join(named)} {product.model} {' '.join(told)} {noun}"
    if hand == "mp":
        return plain(f"{noun} {product.brand} {product.model} {' '.join(told)}")
    return f"{' '.join(named)} {noun} {product.model} – {', '.join(told)}"


def _description(hand: str, product: Product) -> str:
    told = ", ".join(_told(hand, product))
    noun, series = product.kind.names[hand], product.line or product.model
    if hand in ("ro", "mp"):
        text = f"{noun} {product.brand} din seria {series}: {told}. Garanție 24 de luni."
        return plain(text) if hand == "mp" else text
    return f"{noun} of the {product.brand} {series} series: {told}. 24 months of warranty."


# --- Mistakes ---------------------------------------------------------------------------------------------
def _mistake(attribute: Attribute, value: Any, rng: Random) -> Any:
    """Return another value: somebody else's, or one off by a factor of ten, or its contrary."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float) and rng.random() < 0.25:
        return value * 10
    for _ in range(8):
        other = attribute.draw(rng)
        if other != value:
            return other
    return value


def _slip(title: str, rng: Random, keep: str) -> str:
    """Return a title with two letters swapped in one of its words, but not in the model."""
    words = title.split(" ")
    long = [n for n, word in enumerate(words) if len(word) > 4 and keep not in word and word.isalpha()]
    if not long:
        return title
    chosen = rng.choice(long)
    word = words[chosen]
    at = rng.randint(1, len(word) - 3)
    words[chosen] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def _gtin(
    supplier: Supplier, product: Product, sisters: list[Product], rng: Random, slips: list[str]
) -> str | None:
    draw = rng.random()
    if draw < supplier.no_gtin:
        slips.append("no_gtin")
        return None
    draw -= supplier.no_gtin
    if draw < supplier.bad_gtin:
        slips.append("bad_gtin")
        return product.gtin[:-1] + str((int(product.gtin[-1]) + 1 + rng.randint(0, 7)) % 10)
    draw -= supplier.bad_gtin
    if draw < supplier.crossed_gtin and sisters:
        slips.append("crossed_gtin")
        return rng.choice(sisters).gtin
    return product.gtin


# --- How the PIM is told of a supplier -----------------------------------------------------------------------
_MAPPINGS: Final[dict[str, dict[str, Any]]] = {
    "csv": {
        "title": "Denumire produs",
        "brand": "Marcă",
        "gtin": "Cod EAN",
        "mpn": "Cod producător",
        "category": "Categorie",
        "price": "Preț",
        "currency": "Monedă",
        "description": "Descriere",
        "id": "Cod produs",
        "-": ["Cod produs"],
    },
}


def source_config(supplier: Supplier) -> dict[str, Any]:
    """Return prod_sources.config of a supplier: its language, currency, and names of fields that nobody could guess."""
    told: dict[str, Any] = {"locale": supplier.locale, "currency": supplier.currency}
    if supplier.hand != "en":  # whose words are those of the taxonomy
        told["categories"] = {
            kind.paths[supplier.hand]: f"gid://shopify/TaxonomyCategory/{kind.category}" for kind in KINDS
        }
    if supplier.format in _MAPPINGS:
        told["mapping"] = _MAPPINGS[supplier.format]
    return told
