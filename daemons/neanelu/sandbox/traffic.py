"""Bursts of live traffic: changes of a live shop at a rate and in a mix; what is done follows from the seed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from neanelu.sandbox.live import LiveShop
from neanelu.sandbox.shops import ShopRuntime

#: kind -> weight, when nothing else is asked for
MIX: dict[str, float] = {
    "inventory": 40,
    "order": 15,
    "order_change": 10,
    "price": 12,
    "product": 8,
    "customer": 6,
    "collection": 3,
    "metaobject": 2,
    "publication": 2,
    "create": 1.5,
    "delete": 0.5,
}


class Changes:
    """Changes of a live shop that follow from a seed.

    Args:
        shop: what is changed.
        seed: what is done follows from it.
        mix: weights by kind, see `MIX`; kinds that are not named do not happen.
    """

    def __init__(self, shop: LiveShop, seed: int = 1, mix: dict[str, float] | None = None) -> None:
        self.mix = dict(MIX if mix is None else mix)
        if set(self.mix) - set(MIX) or sum(self.mix.values()) <= 0:
            raise ValueError(f"a mix has weights of {', '.join(MIX)}")
        self.shop = shop
        self.made: Counter[str] = Counter()
        self._dice = random.Random(seed)  # noqa: S311

    def step(self) -> str:
        """Make one change; return its kind. What cannot be done now (no order to pay) becomes a change of stock."""
        kind = self._dice.choices(list(self.mix), list(self.mix.values()))[0]
        work: Callable[[], bool] = getattr(self, f"_{kind}")
        if not work():
            kind = "inventory"
            self._inventory()
        self.made[kind] += 1
        return kind

    # -- one change of each kind ---------------------------------------------------------------------------

    def _variant(self) -> str:
        product = self.shop.find("products", self._dice.randrange(len(self.shop.products)))
        return str(self._dice.choice(product["variants"])["id"])

    def _pick(self, store: str) -> str | None:
        held = list(getattr(self.shop, store))
        return self._dice.choice(held) if held else None

    def _inventory(self) -> bool:
        for _ in range(8):
            variant = self._variant()
            places = list(self.shop.levels[self.shop.item(variant)])
            if not places:
                continue
            gid = f"gid://shopify/Location/{self._dice.choice(places)}"
            if len(places) > 1 and self._dice.random() < 0.1:
                other = f"gid://shopify/Location/{self._dice.choice(places)}"
                if other != gid:
                    self.shop.move_inventory(variant, gid, other, self._dice.randint(1, 5))
                    return True
            delta = self._dice.choice([-3, -2, -1, -1, -1, 1, 5, 10])
            self.shop.adjust_inventory(variant, gid, delta)
            return True
        return False

    def _order(self) -> bool:
        count = self._dice.randint(1, 3)
        lines = list({self._variant(): self._dice.randint(1, 2) for _ in range(count)}.items())
        buyer = self._pick("customers") if self._dice.random() < 0.8 else None
        self.shop.create_order(lines, buyer, paid=self._dice.random() < 0.7)
        return True

    def _order_change(self) -> bool:
        gid = self._pick("orders")
        if gid is None:
            return False
        order = self.shop.orders[gid]
        status = order["displayFinancialStatus"]
        if order["cancelledAt"]:
            self.shop.update_order(gid, note=f"anulată {self._dice.randrange(1000)}")
        elif status in ("PENDING", "AUTHORIZED"):
            self.shop.pay_order(gid)
        elif status in ("PAID", "PARTIALLY_REFUNDED"):
            draw = self._dice.random()
            lines = [n for n, line in enumerate(order["lineItems"]) if line["currentQuantity"] > 0]
            if draw < 0.3 and lines:
                self.shop.refund_order(gid, [(lines[0], 1)], restock=self._dice.random() < 0.7)
            elif draw < 0.5:
                self.shop.cancel_order(gid)
            else:
                self.shop.fulfill_order(gid)
        else:
            self.shop.update_order(gid, tags=[f"t{self._dice.randrange(9)}"])
        return True

    def _price(self) -> bool:
        whole, part = self._dice.randint(5, 900), self._dice.choice([0, 49, 90, 99])
        self.shop.set_price(self._variant(), f"{whole}.{part:02d}")
        return True

    def _product(self) -> bool:
        gid = self._pick("products")
        assert gid is not None
        draw = self._dice.random()
        if draw < 0.4:
            self.shop.update_product(gid, title=f"Produs {self._dice.randrange(100_000)}")
        elif draw < 0.6:
            self.shop.update_product(
                gid, tags=self._dice.sample(["nou", "promo", "eco", "cadou", "outlet"], 2)
            )
        elif draw < 0.8:
            self.shop.set_metafield(
                gid, "custom", "lot", str(self._dice.randrange(999)), "single_line_text_field"
            )
        elif draw < 0.9:
            self.shop.add_variants(gid, 1)
        else:
            status = self._dice.choice(["ACTIVE", "DRAFT", "ARCHIVED"])
            self.shop.update_product(gid, status=status)
        return True

    def _customer(self) -> bool:
        gid = self._pick("customers")
        if gid is None or self._dice.random() < 0.3:
            self.shop.create_customer()
        else:
            self.shop.update_customer(gid, note=f"nota {self._dice.randrange(1000)}")
        return True

    def _collection(self) -> bool:
        by_hand = [gid for gid, c in self.shop.collections.items() if not c["ruleSet"]]
        if not by_hand:
            return False
        gid, product = self._dice.choice(by_hand), self._pick("products")
        assert product is not None
        if product in self.shop.collections[gid]["_members"]:
            self.shop.remove_from_collection(gid, [product])
        else:
            self.shop.add_to_collection(gid, [product])
        return True

    def _metaobject(self) -> bool:
        gid = self._pick("metaobjects")
        if gid is None:
            return False
        key = self.shop.metaobjects[gid]["fields"][0]["key"]
        self.shop.update_metaobject(gid, **{key: f"valoare {self._dice.randrange(1000)}"})
        return True

    def _publication(self) -> bool:
        product, channel = self._pick("products"), self._pick("publications")
        if product is None or channel is None:
            return False
        entries = self.shop.products[product]["_published"]
        if any(e["publication"]["id"] == channel for e in entries):
            self.shop.unpublish_product(product, channel)
        else:
            self.shop.publish_product(product, channel)
        return True

    def _create(self) -> bool:
        self.shop.create_product(variants=self._dice.choice([1, 1, 2, 4]))
        return True

    def _delete(self) -> bool:
        if len(self.shop.products) < 3:
            return False
        gid = self._pick("products")
        assert gid is not None
        self.shop.delete_product(gid)
        return True


class Traffic:
    """A burst of changes, in a thread of its own.

    Args:
        runtime: a live shop.
        changes: how many to make.
        rate: how many a second; 0 for as many as go.
        seed: see `Changes`.
        mix: see `Changes`.
    """

    def __init__(
        self,
        runtime: ShopRuntime,
        changes: int = 100,
        rate: float = 50.0,
        seed: int = 1,
        mix: dict[str, float] | None = None,
    ) -> None:
        if runtime.live is None:
            raise ValueError(f"{runtime.spec.domain} is not live")
        self.runtime = runtime
        self.live = runtime.live
        self.work = Changes(runtime.live, seed, mix)
        self.changes = changes
        self.rate = rate
        self.done = False
        self.seconds = 0.0
        self.failure: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="traffic")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the change that goes on."""
        self._stop.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end; say whether it came."""
        self._thread.join(seconds)
        return self.done

    def _run(self) -> None:
        began = time.monotonic()
        try:
            for number in range(self.changes):
                wait = began + number / self.rate - time.monotonic() if self.rate else 0.0
                if self._stop.wait(max(0.0, wait)):
                    break
                with self.runtime.lock:
                    self.work.step()
        except Exception as error:
            self.failure = repr(error)
            self.runtime.log.exception("sandbox.traffic.broken")
        finally:
            self.seconds = time.monotonic() - began
            self.done = True

    def describe(self) -> dict[str, Any]:
        """Return what was made, how the shop is now, and how deliveries go."""
        with self.runtime.lock:
            return {
                "shop": self.runtime.spec.domain,
                "done": self.done,
                "failure": self.failure,
                "changes": sum(self.work.made.values()),
                "seconds": round(self.seconds, 3),
                "made": dict(sorted(self.work.made.items())),
                "counts": self.live.counts(),
                "deliveries": self.runtime.courier.describe(),
            }
