"""Live shops: small shops in memory that change, and tell of every change by webhooks.

A live shop begins as a generated one (`ShopSpec`) and is what bulk operations, counts and paged queries answer from then on; its
state and the webhooks agree by construction. In a sandbox:

    handle.add(ShopSpec("live.myshopify.com", products=50), live=True)
    live = handle.live("live.myshopify.com")             # a LiveShop; use it under `with handle.runtime(shop).lock`, or
    handle.act("live.myshopify.com", "set_price", variant=gid, price="12.50")        # by name, as the control endpoint does
    handle.runtime(shop).subscriptions.add("products/update", "http://127.0.0.1:8080/webhooks")
    handle.runtime(shop).courier.disturb(duplicates=0.1, reorder=0.5)      # see neanelu.sandbox.deliveries
    handle.runtime(shop).courier.drain()

Over HTTP: `POST /_sandbox/shops/SHOP/live` with `{"do": "set_price", "variant": …, "price": "12.50"}` (a list of such does many),
`GET` for the counts; `GET /_sandbox/shops/SHOP/essence` for what a mirror must have the same;
`GET|POST /_sandbox/shops/SHOP/deliveries` for the state of deliveries and what disturbs them;
`POST /_sandbox/shops/SHOP/traffic` for a burst (see `neanelu.sandbox.traffic`).

Alone, without a server, for tests that hand payloads over themselves; then all follows from the seed, times too:

    shop = LiveShop(ShopSpec(products=20))
    shop.adjust_inventory(variant, 0, -1)
    for event in shop.take_events():
        event.topic, event.body, event.triggered_at
    lines = Job(shop.spec, documents.render("products"), shop=shop).part(0, 500).data

Objects are named by id or by position among the living ones. Everything that may happen is in `ACTIONS`. What Shopify does and
this does too: a change of stock touches variant and product; orders commit stock; a customer's totals change with each order
though no payload carries them; a payload of inventory tells what is available and not what is on hand; a deleted product
vanishes from collections and from the lines of old orders without a word about those (`forget_deleted=False` leaves the lines).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neanelu.sandbox import payloads, payloads_sales
from neanelu.sandbox.generator import Obj
from neanelu.sandbox.live_catalog import only
from neanelu.sandbox.live_sales import SalesChanges

SHOP_FIELDS = frozenset(["name", "email", "contactEmail", "ianaTimezone", "currencyCode", "weightUnit"])
#: Actions by their names, for control endpoints and traffic.
ACTIONS: tuple[str, ...] = (
    "create_product",
    "update_product",
    "delete_product",
    "restore_product",
    "set_metafield",
    "add_variants",
    "update_variant",
    "set_price",
    "delete_variant",
    "publish_product",
    "unpublish_product",
    "create_collection",
    "update_collection",
    "set_members",
    "add_to_collection",
    "remove_from_collection",
    "delete_collection",
    "create_metaobject",
    "update_metaobject",
    "delete_metaobject",
    "set_inventory",
    "adjust_inventory",
    "move_inventory",
    "connect_inventory",
    "disconnect_inventory",
    "create_location",
    "update_location",
    "activate_location",
    "delete_location",
    "create_customer",
    "update_customer",
    "delete_customer",
    "create_order",
    "update_order",
    "pay_order",
    "fulfill_order",
    "refund_order",
    "cancel_order",
    "delete_order",
    "update_shop",
    "set_plan",
    "update_scopes",
    "uninstall",
    "request_customer_data",
    "redact_customer",
    "redact_shop",
)


class LiveShop(SalesChanges):
    """A shop that changes; see the module and `LiveState` for how it is made."""

    on_uninstall: Callable[[], None] | None = None
    scopes: tuple[str, ...] = ("read_products",)

    def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Do one of `ACTIONS` by its name.

        Raises:
            KeyError: no such action, or no such object.
            TypeError, ValueError: the shop does not do that.
        """
        if name not in ACTIONS:
            raise KeyError(f"no action {name}")
        return getattr(self, name)(**arguments)

    def update_shop(self, **values: Any) -> str:
        """Set fields of `SHOP_FIELDS`; return the shop's id."""
        only(values, SHOP_FIELDS)
        return self._put_shop(values)

    def set_plan(self, plan: str) -> str:
        """Put the shop on another plan, `standard`, `advanced`, `plus` or `enterprise`; return the shop's id."""
        names = {"displayName": plan.title(), "publicDisplayName": plan.title()}
        return self._put_shop({"plan": {**self.shop["plan"], **names, "shopifyPlus": plan == "plus"}})

    def _put_shop(self, values: Obj) -> str:
        self.shop = {**self.shop, **values, "updatedAt": self.stamp(self.shop["updatedAt"])}
        with self.action():
            self.emit("shop/update", payloads.shop_body(self))
        return str(self.shop["id"])

    def update_scopes(self, scopes: list[str]) -> str:
        """Grant the app other scopes; return the shop's id."""
        before, self.scopes = self.scopes, tuple(scopes)
        at = payloads.milliseconds(self.stamp())
        with self.action():
            body = {
                "id": 1,
                "shop_id": self.shop["id"],
                "previous": list(before),
                "current": list(scopes),
                "updated_at": at,
            }
            self.emit("app/scopes_update", body)
        return str(self.shop["id"])

    def uninstall(self) -> str:
        """Remove the app: the last webhook, then no token and no subscription is left; return the shop's id."""
        with self.action():
            self.emit("app/uninstalled", payloads.shop_body(self))
        if self.on_uninstall is not None:
            self.on_uninstall()
        return str(self.shop["id"])

    # -- privacy -------------------------------------------------------------------------------------------

    def request_customer_data(self, customer: str | int) -> str:
        """Ask the app for what it knows of a customer; return their id."""
        held = self.find("customers", customer)
        with self.action():
            body = payloads_sales.privacy(self, held, "orders_requested", self.orders_of(held["id"]))
            self.emit("customers/data_request", body)
        return str(held["id"])

    def redact_customer(self, customer: str | int) -> str:
        """Forget a customer: nothing personal is left of them and their orders in the shop; return their id."""
        held = self.find("customers", customer)
        orders = self.orders_of(held["id"])
        with self.action():
            self.emit("customers/redact", payloads_sales.privacy(self, held, "orders_to_redact", orders))
            nothing = dict.fromkeys(("firstName", "lastName", "note", "defaultAddress"))
            nothing |= dict.fromkeys(("defaultEmailAddress", "defaultPhoneNumber"))
            self.customers[held["id"]] = {
                **held,
                **nothing,
                "displayName": "",
                "addresses": [],
                "metafields": [],
                "tags": [],
                "updatedAt": self.stamp(held["updatedAt"]),
            }
            for gid in orders:
                order = self.orders[gid]
                self.orders[gid] = {
                    **order,
                    **dict.fromkeys(("email", "phone", "shippingAddress", "billingAddress", "note")),
                    "updatedAt": self.stamp(order["updatedAt"]),
                }
        return str(held["id"])

    def redact_shop(self) -> str:
        """Ask the app to forget the shop, as Shopify does 48 hours after an uninstall; return the shop's id."""
        with self.action():
            self.emit("shop/redact", payloads_sales.privacy(self, None, None, []))
        return str(self.shop["id"])
