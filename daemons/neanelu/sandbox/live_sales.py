"""Changes of a live shop's sales: customers and orders, with what they do to stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from neanelu.sandbox import payloads_sales as payloads
from neanelu.sandbox.generator import Obj, _decimal
from neanelu.sandbox.live_catalog import only
from neanelu.sandbox.live_state import Level, number_of
from neanelu.sandbox.live_stock import StockChanges

CUSTOMER_FIELDS = frozenset(
    ["firstName", "lastName", "note", "tags", "taxExempt", "state", "locale", "email", "phone"]
)
ORDER_FIELDS = frozenset(["note", "tags", "email", "phone", "displayFulfillmentStatus"])
#: Percent of tax on what is taxed and on shipping.
TAX = 19


def cents(bag: Obj) -> int:
    """Return the shop money of a MoneyBag in cents."""
    return round(float(bag["shopMoney"]["amount"]) * 100)


class SalesChanges(StockChanges):
    """What can happen to customers and orders."""

    # -- customers -----------------------------------------------------------------------------------------

    def create_customer(self, **values: Any) -> str:
        """Add a customer; return their id."""
        only(values, CUSTOMER_FIELDS)
        index = self._next["customers"]
        self._next["customers"] += 1
        made = self.base.customer(index)
        assert made is not None
        at = self.stamp()
        for field in made["metafields"]:
            field.update(createdAt=at, updatedAt=at)
        made.update(createdAt=at, updatedAt=at, numberOfOrders="0")
        made["amountSpent"] = {**made["amountSpent"], "amount": "0.0"}
        made = self._named(made, values)
        with self.action():
            self.customers[made["id"]] = made
            self.emit("customers/create", payloads.customer(self, made))
        return str(made["id"])

    @staticmethod
    def _named(held: Obj, values: dict[str, Any]) -> Obj:
        """Return a customer with other values and what follows from them."""
        changed = {**held, **{k: v for k, v in values.items() if k not in ("email", "phone")}}
        names = (changed["firstName"], changed["lastName"])
        changed["displayName"] = " ".join(n for n in names if n)
        if "email" in values:
            email = held["defaultEmailAddress"] or {
                "marketingState": "NOT_SUBSCRIBED",
                "marketingOptInLevel": None,
                "marketingUpdatedAt": None,
            }
            address = values["email"]
            changed["defaultEmailAddress"] = {**email, "emailAddress": address} if address else None
        if "phone" in values:
            phone = values["phone"]
            changed["defaultPhoneNumber"] = {"phoneNumber": phone} if phone else None
        return changed

    def update_customer(self, customer: str | int, **values: Any) -> str:
        """Set fields of `CUSTOMER_FIELDS`; return the customer's id."""
        only(values, CUSTOMER_FIELDS)
        return self._put_customer(self._named(self.find("customers", customer), values))

    def _put_customer(self, held: Obj) -> str:
        changed = {**held, "updatedAt": self.stamp(held["updatedAt"])}
        with self.action():
            self.customers[changed["id"]] = changed
            self.emit("customers/update", payloads.customer(self, changed))
        return str(changed["id"])

    def delete_customer(self, customer: str | int) -> str:
        """Delete a customer without orders; return their id.

        Raises:
            ValueError: there are orders.
        """
        held = self.find("customers", customer)
        if self.orders_of(held["id"]):
            raise ValueError("a customer with orders cannot be deleted")
        with self.action():
            del self.customers[held["id"]]
            self.emit("customers/delete", payloads.customer_deleted(held))
        return str(held["id"])

    def orders_of(self, customer: str) -> list[str]:
        """Return the ids of a customer's orders."""
        return [o["id"] for o in self.orders.values() if o["customer"] and o["customer"]["id"] == customer]

    # -- orders --------------------------------------------------------------------------------------------

    def create_order(
        self,
        lines: Sequence[tuple[str, int]],
        customer: str | int | None = None,
        paid: bool = True,
        shipping: int = 1999,
        test: bool = False,
    ) -> str:
        """Sell variants; return the order's id. What is available becomes committed at the first location that stocks it.

        Args:
            lines: ids of variants and how many of each.
            customer: who buys; None for nobody that is known.
            paid: whether it is paid at once (then orders/paid follows orders/create).
            shipping: price of it in cents.
            test: whether somebody only tried the checkout.
        """
        if not lines:
            raise ValueError("an order has lines")
        buyer = self.find("customers", customer) if customer is not None else None
        sold = [(*self.variant(variant), quantity) for variant, quantity in lines]
        index = self._next["orders"]
        self._next["orders"] += 1
        at = self.stamp()
        number = self.base._number(index, 6_000_000_000, index)
        currency = self.spec.currency
        address = buyer["defaultAddress"] if buyer else None
        made: Obj = {
            "__typename": "Order",
            "id": f"gid://shopify/Order/{number}",
            "legacyResourceId": str(number),
            "name": f"#{1001 + index}",
            "number": 1001 + index,
            "email": buyer["defaultEmailAddress"]["emailAddress"]
            if buyer and buyer["defaultEmailAddress"]
            else None,
            "phone": None,
            "displayFinancialStatus": "PAID" if paid else "PENDING",
            "displayFulfillmentStatus": "UNFULFILLED",
            "test": test,
            "taxesIncluded": self.spec.taxes_included,
            "refunds": [],
            "currencyCode": currency,
            "presentmentCurrencyCode": currency,
            "discountCodes": [],
            "shippingAddress": address,
            "billingAddress": address,
            "customer": {"__typename": "Customer", "id": buyer["id"]} if buyer else None,
            "customerLocale": "ro-RO",
            "tags": [],
            "note": None,
            "customAttributes": [],
            "paymentGatewayNames": ["shopify_payments"],
            "paymentTerms": None,
            "risk": {"recommendation": "ACCEPT", "assessments": [{"riskLevel": "LOW"}]},
            "sourceName": "web",
            "sourceIdentifier": None,
            "cancelledAt": None,
            "cancelReason": None,
            "closedAt": None,
            "processedAt": at,
            "createdAt": at,
            "updatedAt": at,
            "lineItems": [
                self._sold(index, n, product, variant, quantity)
                for n, (product, variant, quantity) in enumerate(sold)
            ],
            "shippingLines": [self._shipped(index, shipping)] if shipping else [],
        }
        made = self._summed(made, 0)
        with self.action():
            self.orders[made["id"]] = made
            self.emit("orders/create", payloads.order(self, made))
            if paid:
                self.emit("orders/paid", payloads.order(self, made))
            self._commit([(v["id"], q) for _, v, q in sold], 1)
            if buyer:
                spent = round(float(buyer["amountSpent"]["amount"]) * 100) + cents(made["totalPriceSet"])
                self._put_customer(
                    {
                        **buyer,
                        "numberOfOrders": str(int(buyer["numberOfOrders"]) + 1),
                        "amountSpent": {"amount": _decimal(spent), "currencyCode": currency},
                    }
                )
        return str(made["id"])

    def _sold(self, index: int, place: int, product: Obj, variant: Obj, quantity: int) -> Obj:
        """Return a line of an order."""
        if quantity < 1:
            raise ValueError("a line has a quantity")
        unit = round(float(variant["price"]) * 100)
        bag = self.base._bag
        tax = self.base._tax(unit * quantity, TAX) if variant["taxable"] else 0
        number = self.base._number(index, 10_000_000_000, index * 8) + (1 << 40) + place
        return {
            "__typename": "LineItem",
            "id": f"gid://shopify/LineItem/{number}",
            "title": product["title"],
            "variantTitle": variant["title"],
            "name": f"{product['title']} - {variant['title']}",
            "sku": variant["sku"],
            "vendor": product["vendor"],
            "quantity": quantity,
            "currentQuantity": quantity,
            "requiresShipping": variant["inventoryItem"]["requiresShipping"],
            "taxable": variant["taxable"],
            "isGiftCard": False,
            "product": {"__typename": "Product", "id": product["id"]},
            "variant": {"__typename": "ProductVariant", "id": variant["id"]},
            "originalUnitPriceSet": bag(unit),
            "discountedTotalSet": bag(unit * quantity),
            "totalDiscountSet": bag(0),
            "discountAllocations": [],
            "taxLines": [{"title": "TVA", "rate": TAX / 100, "priceSet": bag(tax)}] if tax else [],
            "customAttributes": [],
        }

    def _shipped(self, index: int, price: int) -> Obj:
        bag = self.base._bag
        return {
            "__typename": "ShippingLine",
            "id": f"gid://shopify/ShippingLine/{self.base._number(index, 11_000_000_000, index)}",
            "title": "Curier rapid",
            "code": "FAN",
            "source": "shopify",
            "carrierIdentifier": None,
            "originalPriceSet": bag(price),
            "discountedPriceSet": bag(price),
            "taxLines": [{"title": "TVA", "rate": TAX / 100, "priceSet": bag(self.base._tax(price, TAX))}],
        }

    @staticmethod
    def _line_amounts(line: Obj) -> tuple[int, int]:
        """Return a line's price after discounts and its tax, in cents."""
        net = cents(line["originalUnitPriceSet"]) * line["quantity"]
        net -= sum(cents(a["allocatedAmountSet"]) for a in line["discountAllocations"])
        return net, sum(cents(t["priceSet"]) for t in line["taxLines"])

    @classmethod
    def _returned(cls, line: Obj) -> tuple[int, int]:
        """Return what of a line's price and tax belongs to the units that came back, rounded half up."""
        net, tax = cls._line_amounts(line)
        units, back = line["quantity"], line["quantity"] - line["currentQuantity"]
        return (2 * net * back + units) // (2 * units), (2 * tax * back + units) // (2 * units)

    def _summed(self, order: Obj, unshipped: int) -> Obj:
        """Return an order with the amounts that follow from its lines, shipping and what came back.

        Args:
            order: an order, whose amounts are not looked at.
            unshipped: what of the shipping price was paid back, in cents.
        """
        shown = order["presentmentCurrencyCode"]

        def bag(amount: int) -> Obj:
            return self.base._bag(amount, shown)

        lines = order["lineItems"]
        shipping = sum(cents(s["originalPriceSet"]) for s in order["shippingLines"])
        shipping_tax = sum(cents(t["priceSet"]) for s in order["shippingLines"] for t in s["taxLines"])
        subtotal = sum(self._line_amounts(line)[0] for line in lines)
        gross = sum(cents(line["originalUnitPriceSet"]) * line["quantity"] for line in lines)
        tax = sum(self._line_amounts(line)[1] for line in lines) + shipping_tax
        left = subtotal - sum(self._returned(line)[0] for line in lines)
        tax_left = tax - sum(self._returned(line)[1] for line in lines)
        tax_left -= shipping_tax if unshipped else 0
        included = order["taxesIncluded"]
        return {
            **order,
            "totalPriceSet": bag(subtotal + shipping + (0 if included else tax)),
            "subtotalPriceSet": bag(subtotal),
            "totalTaxSet": bag(tax),
            "totalDiscountsSet": bag(gross - subtotal),
            "totalShippingPriceSet": bag(shipping),
            "currentTotalPriceSet": bag(left + shipping - unshipped + (0 if included else tax_left)),
            "currentSubtotalPriceSet": bag(left),
            "currentTotalTaxSet": bag(tax_left),
            "currentShippingPriceSet": bag(shipping - unshipped),
        }

    def _commit(self, sold: Sequence[tuple[str, int]], sign: int) -> None:
        """Commit stock to an order (sign 1), or make it available again (sign -1)."""
        levels: dict[tuple[int, int], Level] = {}
        for variant, quantity in sold:
            if variant not in self.variant_owner:
                continue
            item = self.item(variant)
            place = next(iter(self.levels[item]), None)
            if place is None:
                continue
            level = levels.get((item, place), self.levels[item][place])
            levels[item, place] = replace(
                level,
                available=level.available - sign * quantity,
                committed=max(0, level.committed + sign * quantity),
            )
        self._put_levels([(item, place, level) for (item, place), level in levels.items()])

    def _put_order(self, held: Obj, *topics: str) -> str:
        """Put a changed order in its place; tell of it under orders/updated and the topics given."""
        changed = {**held, "updatedAt": self.stamp(held["updatedAt"])}
        with self.action():
            self.orders[changed["id"]] = changed
            for topic in (*topics, "orders/updated"):
                self.emit(topic, payloads.order(self, changed))
        return str(changed["id"])

    def update_order(self, order: str | int, **values: Any) -> str:
        """Set fields of `ORDER_FIELDS`; return the order's id."""
        only(values, ORDER_FIELDS)
        return self._put_order({**self.find("orders", order), **values})

    def pay_order(self, order: str | int) -> str:
        """Take the payment of an order that waits for it; return its id (ValueError for any other)."""
        held = self.find("orders", order)
        if held["displayFinancialStatus"] not in ("PENDING", "AUTHORIZED"):
            raise ValueError(f"an order that is {held['displayFinancialStatus']} is not paid")
        return self._put_order({**held, "displayFinancialStatus": "PAID"}, "orders/paid")

    def fulfill_order(self, order: str | int) -> str:
        """Ship an order: what was committed leaves the shop; return its id."""
        held = self.find("orders", order)
        with self.action():
            for line in held["lineItems"]:
                gid = line["variant"]["id"] if line["variant"] else None
                if gid not in self.variant_owner:
                    continue
                item = self.item(gid)
                for place, level in list(self.levels[item].items())[:1]:
                    rest = max(0, level.committed - line["currentQuantity"])
                    self.levels[item] = {**self.levels[item], place: replace(level, committed=rest)}
            self._put_order({**held, "displayFulfillmentStatus": "FULFILLED"})
        return str(held["id"])

    def refund_order(
        self,
        order: str | int,
        lines: Sequence[tuple[int, int]] | None = None,
        restock: bool = True,
        shipping: bool = False,
    ) -> str:
        """Take units back and pay for them; return the refund's id.

        Args:
            order: which.
            lines: positions of lines and how many units of each; None for all that are left.
            restock: whether they are available again.
            shipping: whether shipping is paid back too.
        """
        held = self.find("orders", order)
        if held["displayFinancialStatus"] not in ("PAID", "PARTIALLY_REFUNDED"):
            raise ValueError(f"an order that is {held['displayFinancialStatus']} is not refunded")
        if lines is None:
            lines = [(n, line["currentQuantity"]) for n, line in enumerate(held["lineItems"])]
        changed, refund = self._refunded(held, [(n, q) for n, q in lines if q > 0], shipping)
        with self.action():
            refund["_restocked"] = restock
            if restock:
                back = [(held["lineItems"][n], q) for n, q in lines if q > 0]
                self._restock(back)
            self._put_order(changed)
        return str(refund["id"])

    def _restock(self, back: Sequence[tuple[Obj, int]]) -> None:
        self._commit([(line["variant"]["id"], q) for line, q in back if line["variant"]], -1)

    def _refunded(self, held: Obj, parts: Sequence[tuple[int, int]], shipping: bool) -> tuple[Obj, Obj]:
        """Return an order after units came back, and the refund."""
        at = self.stamp(held["updatedAt"])
        after = list(held["lineItems"])
        taken = []
        for n, quantity in parts:
            line = after[n]
            if quantity > line["currentQuantity"]:
                raise ValueError("more comes back than was sold")
            after[n] = {**line, "currentQuantity": line["currentQuantity"] - quantity}
            net, tax = (a - b for a, b in zip(self._returned(after[n]), self._returned(line), strict=True))
            taken.append((line, quantity, net, tax))
        back = cents(held["totalShippingPriceSet"])
        if not shipping:
            back -= cents(held["currentShippingPriceSet"])
        changed = self._summed({**held, "lineItems": after}, back)
        amount = cents(held["currentTotalPriceSet"]) - cents(changed["currentTotalPriceSet"])
        bag = self.base._bag
        shown = held["presentmentCurrencyCode"]
        number = number_of(held["id"]) * 16 + len(held["refunds"])
        refund: Obj = {
            "__typename": "Refund",
            "id": f"gid://shopify/Refund/{number}",
            "createdAt": at,
            "totalRefundedSet": bag(amount, shown),
            "_parts": [
                {
                    "line": line["id"],
                    "quantity": quantity,
                    "location": None,
                    "subtotal": bag(net, shown),
                    "tax": bag(tax, shown),
                }
                for line, quantity, net, tax in taken
            ],
        }
        whole = all(line["currentQuantity"] == 0 for line in after)
        changed["displayFinancialStatus"] = "REFUNDED" if whole else "PARTIALLY_REFUNDED"
        changed["refunds"] = [*held["refunds"], refund]
        return changed, refund

    def cancel_order(self, order: str | int, reason: str = "CUSTOMER", restock: bool = True) -> str:
        """Cancel an order: everything comes back, and is paid back where it was paid; return its id."""
        held = self.find("orders", order)
        if held["cancelledAt"]:
            raise ValueError("the order is cancelled")
        parts = [(n, line["currentQuantity"]) for n, line in enumerate(held["lineItems"])]
        parts = [(n, q) for n, q in parts if q > 0]
        paid = held["displayFinancialStatus"] in ("PAID", "PARTIALLY_REFUNDED")
        changed, refund = self._refunded(held, parts, True)
        if not paid:
            changed = {**changed, "displayFinancialStatus": "VOIDED", "refunds": held["refunds"]}
        refund["_restocked"] = restock
        at = self.stamp(held["updatedAt"])
        changed.update(cancelledAt=at, cancelReason=reason, closedAt=at)
        with self.action():
            if restock:
                self._restock([(held["lineItems"][n], q) for n, q in parts])
            self._put_order(changed, "orders/cancelled")
        return str(held["id"])

    def delete_order(self, order: str | int) -> str:
        """Delete an order; return its id."""
        held = self.find("orders", order)
        with self.action():
            del self.orders[held["id"]]
            self.emit("orders/delete", {"id": number_of(held["id"])})
        return str(held["id"])
