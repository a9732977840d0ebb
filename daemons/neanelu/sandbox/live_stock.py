"""Changes of a live shop's stock: locations, and what they have of each inventory item."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from neanelu.sandbox import payloads
from neanelu.sandbox.generator import Obj
from neanelu.sandbox.live_catalog import CatalogChanges, only
from neanelu.sandbox.live_state import Level, number_of

ADDRESS_FIELDS = frozenset(["address1", "address2", "city", "province", "provinceCode", "zip", "phone"])
LOCATION_FIELDS = ADDRESS_FIELDS | {"name"}


class StockChanges(CatalogChanges):
    """What can happen to locations and levels.

    A level's change shows in the variant's `inventoryQuantity`, which touches variant and product as at Shopify: the events are
    inventory_levels/update, products/update, and variants/in_stock or out_of_stock where zero was crossed.
    """

    def place(self, location: str | int) -> int:
        """Return a location's number."""
        return number_of(self.find("locations", location)["id"])

    def item(self, variant: str) -> int:
        """Return the number of a variant's inventory item."""
        return number_of(self.variant(variant)[1]["inventoryItem"]["id"])

    def available(self, variant: str, location: str | int) -> int:
        """Return what a location has of a variant (KeyError when it does not stock it)."""
        return self.levels[self.item(variant)][self.place(location)].available

    def set_inventory(self, variant: str, location: str | int, available: int) -> int:
        """Set what is available of a variant at a location that stocks it; return the difference."""
        item, place = self.item(variant), self.place(location)
        level = self.levels[item][place]
        with self.action():
            self._put_levels([(item, place, replace(level, available=available))])
        return available - level.available

    def adjust_inventory(self, variant: str, location: str | int, delta: int) -> int:
        """Change what is available by a difference; return what is available then."""
        after = self.available(variant, location) + delta
        self.set_inventory(variant, location, after)
        return after

    def move_inventory(self, variant: str, origin: str | int, target: str | int, quantity: int) -> None:
        """Move stock from one location to another, which stocks the variant from now on."""
        item, source, to = self.item(variant), self.place(origin), self.place(target)
        if source == to:
            raise ValueError("origin and target are one location")
        here = self.levels[item][source]
        with self.action():
            if to not in self.levels[item]:
                self.connect_inventory(variant, target)
            there = self.levels[item][to]
            self._put_levels(
                [
                    (item, source, replace(here, available=here.available - quantity)),
                    (item, to, replace(there, available=there.available + quantity)),
                ]
            )

    def connect_inventory(self, variant: str, location: str | int, available: int = 0) -> None:
        """Stock a variant at a location (ValueError when it is)."""
        item, place = self.item(variant), self.place(location)
        if place in self.levels[item]:
            raise ValueError("the location stocks this variant")
        at = self.stamp()
        with self.action():
            self.levels[item] = {
                **self.levels[item],
                place: Level(available, created_at=at, updated_at=at),
            }
            self.emit("inventory_levels/connect", payloads.inventory_level(self, item, place))
            if available:
                self._recount([item])

    def disconnect_inventory(self, variant: str, location: str | int) -> None:
        """Stop stocking a variant at a location; what was there is gone."""
        item, place = self.item(variant), self.place(location)
        with self.action():
            self._disconnect(item, place)
            self._recount([item])

    def _disconnect(self, item: int, place: int) -> None:
        self.levels[item] = {k: v for k, v in self.levels[item].items() if k != place}
        self.emit("inventory_levels/disconnect", {"inventory_item_id": item, "location_id": place})

    def _put_levels(self, changed: Iterable[tuple[int, int, Level]]) -> None:
        """Put levels in their places and tell of them, of their variants and their products."""
        items: list[int] = []
        for item, place, level in changed:
            before = self.levels[item][place]
            made = replace(level, updated_at=self.stamp(before.updated_at))
            self.levels[item] = {**self.levels[item], place: made}
            self.emit("inventory_levels/update", payloads.inventory_level(self, item, place))
            if before.available != level.available and item not in items:
                items.append(item)
        self._recount(items)

    def _recount(self, items: Iterable[int]) -> None:
        """Bring the quantities of variants up to date with their levels, one update for each product."""
        by_product: dict[str, dict[str, Obj]] = {}
        crossed: list[tuple[str, str, str]] = []
        for item in items:
            gid = self.item_owner[f"gid://shopify/InventoryItem/{item}"]
            product, variant = self.variant(gid)
            total = sum(level.available for level in self.levels[item].values())
            before = variant["inventoryQuantity"]
            if total == before:
                continue
            changed = {
                **variant,
                "inventoryQuantity": total,
                "availableForSale": total > 0 or variant["inventoryPolicy"] == "CONTINUE",
                "updatedAt": self.stamp(variant["updatedAt"]),
            }
            by_product.setdefault(product["id"], {})[gid] = changed
            if (total > 0) != (before > 0):
                topic = "variants/in_stock" if total > 0 else "variants/out_of_stock"
                crossed.append((topic, product["id"], gid))
        for owner, variants in by_product.items():
            product = self.products[owner]
            self._put_product(product, variants=[variants.get(v["id"], v) for v in product["variants"]])
        for topic, owner, gid in crossed:
            self.emit(topic, payloads.stock_variant(self, self.products[owner], self.variant(gid)[1]))

    # -- locations -----------------------------------------------------------------------------------------

    def create_location(self, **values: Any) -> str:
        """Add a location that stocks nothing yet; return its id."""
        only(values, LOCATION_FIELDS)
        index = self._next["locations"]
        self._next["locations"] += 1
        made = self.base.location(index)
        assert made is not None
        at = self.stamp()
        made.update(isActive=True, fulfillsOnlineOrders=True, shipsInventory=True, deactivatedAt=None)
        made = self._placed({**made, "createdAt": at, "updatedAt": at}, values)
        with self.action():
            self.locations[made["id"]] = made
            self.emit("locations/create", payloads.location(self, made))
        return str(made["id"])

    @staticmethod
    def _placed(held: Obj, values: dict[str, Any]) -> Obj:
        address = {k: v for k, v in values.items() if k in ADDRESS_FIELDS}
        return {
            **held,
            "name": values.get("name", held["name"]),
            "address": {**held["address"], **address},
        }

    def update_location(self, location: str | int, **values: Any) -> str:
        """Set fields of `LOCATION_FIELDS`; return the location's id."""
        only(values, LOCATION_FIELDS)
        return self._put_location(self._placed(self.find("locations", location), values))

    def _put_location(self, held: Obj) -> str:
        changed = {**held, "updatedAt": self.stamp(held["updatedAt"])}
        with self.action():
            self.locations[changed["id"]] = changed
            self.emit("locations/update", payloads.location(self, changed))
        return str(changed["id"])

    def activate_location(self, location: str | int, active: bool = True) -> str:
        """Activate or deactivate a location; return its id."""
        held = self.find("locations", location)
        at = None if active else self.stamp(held["updatedAt"])
        return self._put_location({**held, "isActive": active, "deactivatedAt": at})

    def delete_location(self, location: str | int) -> str:
        """Delete a location that is not the primary one, with its stock; return its id."""
        held = self.find("locations", location)
        if held["isPrimary"]:
            raise ValueError("the primary location cannot be deleted")
        place = number_of(held["id"])
        with self.action():
            items = [item for item, levels in self.levels.items() if place in levels]
            for item in items:
                self._disconnect(item, place)
            self._recount(items)
            del self.locations[held["id"]]
            self.emit("locations/delete", {"id": place})
        return str(held["id"])
