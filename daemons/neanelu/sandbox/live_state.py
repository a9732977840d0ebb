"""The state of a live shop: objects in memory, how they are read, and the events that changes leave behind.

Objects have the generator's form. They are never changed in place, a change puts another dictionary in the place of the one
before: so a snapshot is a copy of the outer dictionaries, and a bulk operation shows the shop as it was when it began.
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from neanelu.sandbox.deliveries import Event
from neanelu.sandbox.generator import Obj, Shop, ShopSpec

#: Resources that are kept by id.
STORES = (
    "products",
    "customers",
    "orders",
    "collections",
    "locations",
    "publications",
    "menus",
    "metaobjects",
)
_KINDS = {
    "Product": "products",
    "Customer": "customers",
    "Order": "orders",
    "Collection": "collections",
    "Location": "locations",
    "Publication": "publications",
    "Menu": "menus",
    "Metaobject": "metaobjects",
}
#: When the time of a shop without a clock begins.
EPOCH = datetime(2026, 11, 21, 8, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Level:
    """What a location has of an inventory item."""

    available: int
    committed: int = 0
    incoming: int = 0
    reserved: int = 0
    created_at: str = "2023-01-01T00:00:00Z"
    updated_at: str = "2023-01-01T00:00:00Z"


Levels = dict[int, Level]
Twin = TypeVar("Twin", bound="LiveState")


def number_of(gid: str) -> int:
    """Return the number in a global id."""
    return int(gid.rsplit("/", 1)[1].partition("?")[0])


def plain(values: Obj) -> Obj:
    """Return a dictionary without the entries that are None."""
    return {k: v for k, v in values.items() if v is not None}


class LiveState:
    """Objects of a live shop.

    Args:
        spec: what the shop consists of at first; must have no edits.
        now: tells the time; without it each change takes a second of a time that begins at `EPOCH`, and all that happens
            follows from the seed.
        ties: whether changes of one object within a second share their `updatedAt`, as at Shopify; otherwise each change of an
            object is at least a second later than the one before.
        forget_deleted: whether orders lose the reference to products that are deleted, as at Shopify.
        nonce: makes event ids unlike those of another shop.
    """

    def __init__(
        self,
        spec: ShopSpec,
        *,
        now: Callable[[], float] | None = None,
        ties: bool = False,
        forget_deleted: bool = True,
        nonce: str = "",
    ) -> None:
        if spec.edits:
            raise ValueError("a live shop begins without edits")
        self.spec = spec
        self.base = Shop(replace(spec))
        self.ties = ties
        self.forget_deleted = forget_deleted
        self.sink: Callable[[list[Event]], None] | None = None
        self.events: list[Event] = []
        self.changes = 0
        self._now = now
        self._ticks = EPOCH
        self._last_trigger = 0
        self._nonce = nonce or f"{spec.domain}/{spec.seed}"
        self._action: str | None = None
        self._queue: list[Event] = []
        self.products: dict[str, Obj] = {}
        self.customers: dict[str, Obj] = {}
        self.orders: dict[str, Obj] = {}
        self.collections: dict[str, Obj] = {}
        self.locations: dict[str, Obj] = {}
        self.publications: dict[str, Obj] = {}
        self.menus: dict[str, Obj] = {}
        self.metaobjects: dict[str, Obj] = {}
        self.definitions: dict[str, Obj] = {}
        self.levels: dict[int, Levels] = {}
        self.variant_owner: dict[str, str] = {}
        self.item_owner: dict[str, str] = {}
        self.deleted_products: dict[str, Obj] = {}
        self.shop: Obj = shop_object(spec)
        self._load()
        self._next = {name: self.base.count(name) for name in STORES}

    def _load(self) -> None:
        """Make all objects."""
        for name in STORES:
            store: dict[str, Obj] = getattr(self, name)
            if name == "metaobjects":
                for definition in self.base.metaobject_definitions():
                    for made in definition.pop("metaobjects"):
                        store[made["id"]] = {**made, "createdAt": made["updatedAt"]}
                    self.definitions[definition["type"]] = definition
                continue
            for made in self.base.objects(name):
                if name == "collections":
                    made["_members"] = [p["id"] for p in made.pop("products")()]
                if name in ("collections", "products"):
                    made["_published"] = made.pop("resourcePublicationsV2")()
                if name == "products":
                    self._own(made)
                store[made["id"]] = made

    def _own(self, product: Obj) -> None:
        """Take a generated product's variants and levels in."""
        for variant in product["variants"]:
            item = self.base._inventory_item(variant, product)
            levels: Levels = {}
            for level in item["inventoryLevels"]():
                amounts = {q["name"]: q["quantity"] for q in level["quantities"]}
                amounts.pop("on_hand")
                levels[number_of(level["location"]["id"])] = Level(
                    **amounts, created_at=level["createdAt"], updated_at=level["updatedAt"]
                )
            self.levels[number_of(item["id"])] = levels
            variant["inventoryItem"] = {
                **variant["inventoryItem"],
                "tracked": True,
                "createdAt": variant["createdAt"],
                "updatedAt": variant["updatedAt"],
                "countryCodeOfOrigin": None,
            }
            self.variant_owner[variant["id"]] = product["id"]
            self.item_owner[item["id"]] = variant["id"]

    # -- time and events -----------------------------------------------------------------------------------

    def clock(self) -> float:
        """Return the shop's time."""
        return self._ticks if self._now is None else self._now()

    def stamp(self, before: str | None = None) -> str:
        """Return the time for a change of an object that was last changed at `before`."""
        moment = int(self.clock())
        if before and not self.ties:
            moment = max(moment, int(datetime.fromisoformat(before).timestamp()) + 1)
        elif before:
            moment = max(moment, int(datetime.fromisoformat(before).timestamp()))
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @contextmanager
    def action(self) -> Iterator[None]:
        """Hold together what one action of the merchant triggers; events leave when it is over."""
        if self._action is not None:
            yield
            return
        self._ticks += 1
        self.changes += 1
        digest = hashlib.blake2b(f"{self._nonce}/{self.changes}".encode(), digest_size=16).digest()
        self._action = str(uuid.UUID(bytes=digest, version=4))
        try:
            yield
            events, self._queue = self._queue, []
            if self.sink is not None:
                self.sink(events)
            else:
                self.events.extend(events)
        finally:
            self._action, self._queue = None, []

    def emit(self, topic: str, payload: Obj) -> None:
        """Note an event of the action that goes on."""
        assert self._action is not None
        moment = max(int(self.clock() * 1e6) * 1000, self._last_trigger + 1000)
        self._last_trigger = moment
        whole = datetime.fromtimestamp(moment // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        at = f"{whole}.{moment % 1_000_000_000:09d}Z"
        self._queue.append(Event(topic, self.spec.domain, payload, at, self._action))

    def take_events(self) -> list[Event]:
        """Return the events since the last call, for a shop without a sink."""
        events, self.events = self.events, []
        return events

    # -- references ----------------------------------------------------------------------------------------

    def find(self, store: str, reference: str | int) -> Obj:
        """Return an object by its id, or by its position among the living ones.

        Raises:
            KeyError: there is none.
        """
        held: dict[str, Obj] = getattr(self, store)
        if isinstance(reference, int):
            keys = list(held)
            if not -len(keys) <= reference < len(keys):
                raise KeyError(f"{store} has no position {reference}")
            return held[keys[reference]]
        return held[reference]

    def variant(self, reference: str) -> tuple[Obj, Obj]:
        """Return a product and one of its variants, by the variant's id or its inventory item's (KeyError)."""
        gid = self.item_owner.get(reference, reference)
        product = self.products[self.variant_owner[gid]]
        return product, next(v for v in product["variants"] if v["id"] == gid)

    # -- reading -------------------------------------------------------------------------------------------

    def snapshot(self: Twin) -> Twin:
        """Return the shop as it is now, for reading only."""
        twin = copy.copy(self)
        for name in (*STORES, "definitions", "levels", "variant_owner", "item_owner", "shop"):
            setattr(twin, name, dict(getattr(self, name)))
        return twin

    def count(self, resource: str) -> int:
        """Return how many objects of a resource live."""
        if resource in STORES:
            return len(getattr(self, resource))
        return sum(1 for _ in self.objects(resource))

    def span(self, resource: str) -> int:
        """Return how many positions `objects(resource)` runs over."""
        if resource == "metaobjectDefinitions":
            return 1
        by_product = resource in ("inventoryItems", "productVariants")
        return len(self.products) if by_product else len(getattr(self, resource))

    def objects(self, resource: str, start: int = 0, stop: int | None = None) -> Iterator[Obj]:
        """Yield a resource's objects, ready to be selected from; see `Shop.objects`."""
        if resource == "metaobjectDefinitions":
            yield from self.metaobject_definitions()
            return
        by_product = resource in ("inventoryItems", "productVariants")
        store: dict[str, Obj] = self.products if by_product else getattr(self, resource)
        for held in list(store.values())[start:stop]:
            if not by_product:
                yield self.view(held)
                continue
            product = self.view(held)
            for variant in product["variants"]:
                if resource == "inventoryItems":
                    yield variant["inventoryItem"]
                else:
                    yield {**variant, "media": product["media"][:1]}

    def metaobject_definitions(self) -> list[Obj]:
        """Return the definitions with the metaobjects of each."""
        return [
            {**d, "metaobjects": [m for m in self.metaobjects.values() if m["type"] == d["type"]]}
            for d in self.definitions.values()
        ]

    def node(self, gid: str) -> Obj | None:
        """Return an object by its global id, or None."""
        kind = gid.removeprefix("gid://shopify/").partition("/")[0]
        if kind in _KINDS:
            held = getattr(self, _KINDS[kind]).get(gid)
            return self.view(held) if held else None
        if kind == "MetaobjectDefinition":
            return next((d for d in self.metaobject_definitions() if d["id"] == gid), None)
        try:
            if kind == "InventoryLevel":
                item_gid = f"gid://shopify/InventoryItem/{gid.partition('inventory_item_id=')[2]}"
                product, variant = self.variant(item_gid)
                return next((v for v in self._levels_of(variant["inventoryItem"]) if v["id"] == gid), None)
            if kind in ("ProductVariant", "InventoryItem"):
                product, variant = self.variant(gid)
                seen = self._variant_view(variant, product)
                return seen if kind == "ProductVariant" else seen["inventoryItem"]
        except KeyError:
            return None
        return None

    def view(self, held: Obj) -> Obj:
        """Return an object with what follows from other objects filled in."""
        kind = held["__typename"]
        if kind == "Product":
            product = {**held, "resourcePublicationsV2": held["_published"]}
            product["variants"] = [self._variant_view(v, product) for v in held["variants"]]
            product["collections"] = lambda: [
                self.view(c) for c in self.collections.values() if held["id"] in c["_members"]
            ]
            return product
        if kind == "Collection":
            members = [m for m in held["_members"] if m in self.products]
            return {
                **held,
                "resourcePublicationsV2": held["_published"],
                "productsCount": {"count": len(members), "precision": "EXACT"},
                "products": lambda: [self.view(self.products[m]) for m in members],
            }
        if kind == "Order":
            return {**held, "lineItems": [self._line_view(line) for line in held["lineItems"]]}
        return held

    def _line_view(self, line: Obj) -> Obj:
        product, variant = line["product"], line["variant"]
        if not self.forget_deleted:
            return line
        return {
            **line,
            "product": product if product and product["id"] in self.products else None,
            "variant": variant if variant and variant["id"] in self.variant_owner else None,
        }

    def _variant_view(self, variant: Obj, product: Obj) -> Obj:
        reference = {"__typename": "Product", **{k: product[k] for k in ("id", "title", "handle", "status")}}
        item = variant["inventoryItem"]
        seen = {
            **variant,
            "product": reference,
            "displayName": f"{product['title']} - {variant['title']}",
        }
        seen["inventoryItem"] = {
            **item,
            "legacyResourceId": str(number_of(item["id"])),
            "sku": variant["sku"],
            "variant": {
                "__typename": "ProductVariant",
                "id": variant["id"],
                "product": reference,
            },
            "inventoryLevels": lambda: self._levels_of(item),
        }
        return seen

    def _levels_of(self, item: Obj) -> list[Obj]:
        number = number_of(item["id"])
        found = []
        for place, level in self.levels[number].items():
            names = {
                "available": level.available,
                "on_hand": level.available + level.committed + level.reserved,
                "committed": level.committed,
                "incoming": level.incoming,
                "reserved": level.reserved,
            }
            found.append(
                {
                    "__typename": "InventoryLevel",
                    "id": f"gid://shopify/InventoryLevel/{place}?inventory_item_id={number}",
                    "location": self.locations.get(f"gid://shopify/Location/{place}"),
                    "item": {"__typename": "InventoryItem", "id": item["id"]},
                    "quantities": [{"name": k, "quantity": v} for k, v in names.items()],
                    "isActive": True,
                    "createdAt": level.created_at,
                    "updatedAt": level.updated_at,
                }
            )
        return found

    def counts(self) -> dict[str, int]:
        """Return how many objects there are of each kind, and the sum of what is available."""
        return {
            **{name: len(getattr(self, name)) for name in STORES},
            "variants": len(self.variant_owner),
            "levels": sum(len(levels) for levels in self.levels.values()),
            "available": sum(v.available for levels in self.levels.values() for v in levels.values()),
            "changes": self.changes,
        }

    def essence(self) -> dict[str, Obj]:
        """Return, by kind and id, what a mirror must have the same: names and states, prices, totals, members, what is available.

        Levels are by the ids of the variant and the location.
        """
        variants = [(p["id"], v) for p in self.products.values() for v in p["variants"]]
        items = {number_of(v["inventoryItem"]["id"]): v["id"] for _, v in variants}
        return {
            "products": {
                gid: [p["title"], p["status"], sorted(p["tags"])] for gid, p in self.products.items()
            },
            "variants": {v["id"]: [owner, v["sku"], v["price"]] for owner, v in variants},
            "collections": {
                gid: sorted(m for m in c["_members"] if m in self.products)
                for gid, c in self.collections.items()
            },
            "orders": {
                gid: [
                    o["displayFinancialStatus"],
                    o["displayFulfillmentStatus"],
                    f"{float(o['currentTotalPriceSet']['shopMoney']['amount']):.2f}",
                    o["cancelledAt"],
                ]
                for gid, o in self.orders.items()
            },
            "levels": {
                f"{items[item]} gid://shopify/Location/{place}": level.available
                for item, levels in self.levels.items()
                if item in items
                for place, level in levels.items()
            },
        }


def shop_object(spec: ShopSpec, plan: str = "plus") -> Obj:
    """Return a shop's own object."""
    name = spec.domain.split(".")[0]
    return {
        "__typename": "Shop",
        "id": f"gid://shopify/Shop/{60_000_000_000 + spec.seed}",
        "name": name.replace("-", " ").title(),
        "myshopifyDomain": spec.domain,
        "email": f"owner@{name}.example.com",
        "contactEmail": f"office@{name}.example.com",
        "currencyCode": spec.currency,
        "ianaTimezone": "Europe/Bucharest",
        "url": f"https://{spec.domain}",
        "weightUnit": "KILOGRAMS",
        "createdAt": "2022-05-01T08:00:00Z",
        "updatedAt": "2026-11-01T08:00:00Z",
        "taxesIncluded": spec.taxes_included,
        "primaryDomain": {
            "id": "gid://shopify/Domain/1",
            "host": spec.domain,
            "url": f"https://{spec.domain}",
        },
        "plan": {
            "displayName": plan.title(),
            "publicDisplayName": plan.title(),
            "partnerDevelopment": False,
            "shopifyPlus": plan == "plus",
        },
    }
