"""What a shop's result files come to, computed from their lines alone, in Python's decimals.

Nothing here asks the database or the generator: a figure that agrees was found in two ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

Row = dict[str, Any]
CENT = Decimal("0.01")
ZERO = Decimal(0)


def number(gid: str | None) -> int | None:
    """Return the numeric part of an id."""
    return int(gid.rpartition("/")[2]) if gid else None


def shop_money(bag: Row) -> Decimal:
    """Return the amount of a MoneyBag in the shop's currency."""
    return Decimal(bag["shopMoney"]["amount"])


def rounded(value: Decimal, places: str = "0.01") -> Decimal:
    """Round half up, away from zero for what is below it, as numeric does."""
    return value.quantize(Decimal(places), ROUND_HALF_UP)


def moment(text: str | None) -> datetime | None:
    """Return a time of Shopify, aware."""
    return datetime.fromisoformat(text) if text else None


def monday(day: date) -> date:
    """Return the first day of the week."""
    return day - timedelta(days=day.weekday())


@dataclass
class Line:
    """A line of an order and its figures."""

    doc: Row
    quantity: int
    back: int
    gross: Decimal
    discount: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        """What it costs after discounts."""
        return self.gross - self.discount

    @property
    def returns(self) -> Decimal:
        """The share of what came back, to the cent."""
        return rounded(self.net * self.back / self.quantity)


@dataclass
class Order:
    """An order, its lines and its figures."""

    doc: Row
    day: date
    at: datetime
    lines: list[Line] = field(default_factory=list)

    def figures(self) -> Row:
        """Return what analytics.orders should say."""
        doc = self.doc
        gross = sum((line.gross for line in self.lines), ZERO)
        subtotal, left = shop_money(doc["subtotalPriceSet"]), shop_money(doc["currentSubtotalPriceSet"])
        tax, tax_left = shop_money(doc["totalTaxSet"]), shop_money(doc["currentTotalTaxSet"])
        total, total_left = shop_money(doc["totalPriceSet"]), shop_money(doc["currentTotalPriceSet"])
        sold, back = sum(line.quantity for line in self.lines), sum(line.back for line in self.lines)
        return {
            "order_id": int(doc["legacyResourceId"]),
            "date_day": self.day,
            "name": doc["name"],
            "currency": doc["currencyCode"],
            "presentment_currency": doc["presentmentCurrencyCode"],
            "customer_id": number(doc["customer"]["id"]) if doc["customer"] else None,
            "has_taxes_included": doc["taxesIncluded"],
            "is_test_order": doc["test"],
            "is_cancelled": doc["cancelledAt"] is not None,
            "line_item_count": len(self.lines),
            "quantity_sold": sold,
            "quantity_refunded": back,
            "quantity_net": sold - back,
            "total_line_items_price": gross,
            "subtotal_price": subtotal,
            "total_price": total,
            "total_tax": tax,
            "total_discounts": shop_money(doc["totalDiscountsSet"]),
            "shipping_cost": shop_money(doc["totalShippingPriceSet"]),
            "gross_sales": gross,
            "discounts": sum((line.discount for line in self.lines), ZERO),
            "returns": sum((line.returns for line in self.lines), ZERO),
            "net_sales": left,
            "shipping": shop_money(doc["currentShippingPriceSet"]),
            "taxes": tax_left,
            "refund_subtotal": subtotal - left,
            "refund_total_tax": tax - tax_left,
            "order_adjustment_amount": total_left
            - (total - (subtotal - left) - (ZERO if doc["taxesIncluded"] else tax - tax_left)),
            "order_adjusted_total": total_left,
            "order_adjusted_total_before_tax": left + shop_money(doc["currentShippingPriceSet"]) - tax_left
            if doc["taxesIncluded"]
            else left + shop_money(doc["currentShippingPriceSet"]),
            "total_refunded": sum((shop_money(r["totalRefundedSet"]) for r in doc["refunds"]), ZERO),
            "count_refunds": len(doc["refunds"]),
            "count_discount_codes_applied": len(doc["discountCodes"]),
        }


class Books:
    """A shop's orders and customers out of its result files.

    Args:
        orders: lines of the orders' file.
        customers: lines of the customers' file.
        timezone: IANA name of the shop's time zone.
    """

    def __init__(self, orders: Iterable[bytes], customers: Iterable[bytes], timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self.customers = [doc for doc in map(orjson.loads, customers) if "__parentId" not in doc]
        self.orders: dict[str, Order] = {}
        self.shipping: dict[str, Decimal] = defaultdict(Decimal)
        children = []
        for doc in map(orjson.loads, orders):
            if "__parentId" in doc:
                children.append(doc)
                continue
            at = moment(doc["processedAt"] or doc["createdAt"])
            assert at is not None
            self.orders[doc["id"]] = Order(doc, at.astimezone(self.zone).date(), at)
        for doc in children:
            if "/LineItem/" not in doc["id"]:
                self.shipping[doc["__parentId"]] += sum(
                    (shop_money(t["priceSet"]) for t in doc["taxLines"]), ZERO
                )
                continue
            self.orders[doc["__parentId"]].lines.append(
                Line(
                    doc,
                    doc["quantity"],
                    doc["quantity"] - doc["currentQuantity"],
                    shop_money(doc["originalUnitPriceSet"]) * doc["quantity"],
                    sum((shop_money(a["allocatedAmountSet"]) for a in doc["discountAllocations"]), ZERO),
                    sum((shop_money(t["priceSet"]) for t in doc["taxLines"]), ZERO),
                )
            )

    @property
    def counted(self) -> list[Order]:
        """The orders that daily figures count."""
        return [order for order in self.orders.values() if not order.doc["test"]]

    def order_rows(self) -> list[Row]:
        """Return what analytics.orders should have, sorted by order."""
        sequence: dict[str, int] = {}
        by_customer: dict[str, list[Order]] = defaultdict(list)
        for order in self.counted:
            if order.doc["customer"]:
                by_customer[order.doc["customer"]["id"]].append(order)
        for of_one in by_customer.values():
            of_one.sort(key=lambda order: (order.at, int(order.doc["legacyResourceId"])))
            sequence.update({order.doc["id"]: place for place, order in enumerate(of_one, 1)})
        rows = []
        for gid, order in self.orders.items():
            place = sequence.get(gid)
            rows.append(
                order.figures()
                | {
                    "customer_order_seq_number": place,
                    "new_vs_repeat": None if place is None else "new" if place == 1 else "repeat",
                    "order_total_shipping_tax": self.shipping[gid],
                }
            )
        return sorted(rows, key=lambda row: row["order_id"])

    def line_rows(self) -> list[Row]:
        """Return what analytics.order_lines should have, sorted by line."""
        rows = []
        for order in self.orders.values():
            for place, line in enumerate(order.lines, 1):
                doc = line.doc
                rows.append(
                    {
                        "order_id": int(order.doc["legacyResourceId"]),
                        "order_line_id": str(number(doc["id"])),
                        "index": place,
                        "date_day": order.day,
                        "product_gid": doc["product"]["id"] if doc["product"] else None,
                        "variant_gid": doc["variant"]["id"] if doc["variant"] else None,
                        "sku": doc["sku"],
                        "price": line.gross / line.quantity,
                        "quantity": line.quantity,
                        "gross_sales": line.gross,
                        "total_discount": line.discount,
                        "subtotal": line.net,
                        "order_line_tax": line.tax,
                        "refunded_quantity": line.back,
                        "refunded_subtotal": line.returns,
                        "quantity_net_refunds": line.quantity - line.back,
                        "subtotal_net_refunds": line.net - line.returns,
                    }
                )
        return sorted(rows, key=lambda row: row["order_line_id"])

    def daily_rows(self) -> dict[date, Row]:
        """Return what analytics.daily_shop should have, by day."""
        by_day: dict[date, list[Order]] = defaultdict(list)
        for order in self.counted:
            by_day[order.day].append(order)
        new: dict[date, int] = defaultdict(int)
        for doc in self.customers:
            created = moment(doc["createdAt"])
            assert created is not None
            new[created.astimezone(self.zone).date()] += 1
        rows = {}
        for day in {*by_day, *new, *(order.day for order in self.orders.values())}:
            orders = by_day[day]
            figures = [order.figures() for order in orders]
            lines = [line for order in orders for line in order.lines]
            total = sum((f["order_adjusted_total"] for f in figures), ZERO)
            kept = [f["order_adjusted_total"] for f in figures if not f["is_cancelled"]]

            def add(name: str, of: list[Row] = figures) -> Decimal:
                return sum((Decimal(f[name]) for f in of), ZERO)

            rows[day] = {
                "date_day": day,
                "count_orders": len(orders),
                "count_orders_cancelled": sum(f["is_cancelled"] for f in figures),
                "count_orders_with_discounts": sum(bool(o.doc["discountCodes"]) for o in orders),
                "count_orders_with_refunds": sum(f["returns"] > 0 for f in figures),
                "count_line_items": len(lines),
                "quantity_sold": int(add("quantity_sold")),
                "quantity_refunded": int(add("quantity_refunded")),
                "quantity_net": int(add("quantity_net")),
                "gross_sales": add("gross_sales"),
                "discounts": add("discounts"),
                "returns": add("returns"),
                "net_sales": add("net_sales"),
                "shipping": add("shipping"),
                "taxes": add("taxes"),
                "order_adjusted_total": total,
                "shipping_cost": add("shipping_cost"),
                "total_discounts": add("total_discounts"),
                "refund_total_tax": add("refund_total_tax"),
                "refund_subtotal": add("refund_subtotal"),
                "count_customers_new": new[day],
                "count_customers": len({o.doc["customer"]["id"] for o in orders if o.doc["customer"]}),
                "count_products_sold": len({x.doc["product"]["id"] for x in lines if x.doc["product"]}),
                "count_variants_sold": len({x.doc["variant"]["id"] for x in lines if x.doc["variant"]}),
                "avg_order_value": rounded(total / len(orders)) if orders else None,
                "first_order_timestamp": min((o.at for o in orders), default=None),
                "last_order_timestamp": max((o.at for o in orders), default=None),
                "count_orders_other_currency": 0,
                "orders_count": len(kept),
                "orders_total": sum(kept, ZERO),
                "orders_avg": rounded(sum(kept, ZERO) / len(kept)) if kept else ZERO,
            }
        return rows

    def period_rows(self, unit: str) -> dict[date, Row]:
        """Return what analytics.weekly_shop (unit week) or monthly_shop (month) should have, by first day."""
        sums: dict[date, Row] = {}
        additive = (
            "count_orders", "count_orders_cancelled", "count_orders_with_discounts", "count_orders_with_refunds",
            "count_line_items", "quantity_sold", "quantity_refunded", "quantity_net", "gross_sales", "discounts",
            "returns", "net_sales", "shipping", "taxes", "order_adjusted_total", "shipping_cost", "total_discounts",
            "refund_total_tax", "refund_subtotal", "count_customers_new",
        )  # fmt: skip
        for day, row in self.daily_rows().items():
            start = monday(day) if unit == "week" else day.replace(day=1)
            into = sums.setdefault(start, {f"{unit}_start": start, **dict.fromkeys(additive, 0)})
            for name in additive:
                into[name] += row[name]
        for row in sums.values():
            row["avg_order_value"] = (
                rounded(row["order_adjusted_total"] / row["count_orders"]) if row["count_orders"] else None
            )
        return sums

    def product_rows(self, unit: str) -> dict[tuple[int, date], Row]:
        """Return what analytics.product_performance should have: unit day, week or month; by product and first day."""
        found: dict[tuple[int, date], list[tuple[Order, Line]]] = defaultdict(list)
        for order in self.counted:
            if order.doc["cancelledAt"]:
                continue
            start = {"day": order.day, "week": monday(order.day), "month": order.day.replace(day=1)}[unit]
            for line in order.lines:
                product = number(line.doc["product"]["id"]) if line.doc["product"] else None
                if product is not None:
                    found[product, start].append((order, line))
        rows = {}
        for (product, start), pairs in found.items():
            lines = [line for _, line in pairs]
            orders = len({order.doc["id"] for order, _ in pairs})
            revenue = sum((line.net - line.returns for line in lines), ZERO)
            sold, back = sum(line.quantity for line in lines), sum(line.back for line in lines)
            rows[product, start] = {
                "product_id": product,
                "period_start": start,
                "orders_count": orders,
                "units_sold": sold,
                "units_refunded": back,
                "gross_sales": sum((line.gross for line in lines), ZERO),
                "discounts": sum((line.discount for line in lines), ZERO),
                "returns": sum((line.returns for line in lines), ZERO),
                "revenue": revenue,
                "avg_order_value": rounded(revenue / orders),
                "return_rate": rounded(Decimal(100 * back) / sold),
            }
        return rows

    def customer_rows(self) -> dict[int, Row]:
        """Return what analytics.customers should have, by customer."""
        of: dict[str, list[Row]] = defaultdict(list)
        times: dict[str, list[datetime]] = defaultdict(list)
        for order in self.counted:
            if order.doc["customer"]:
                of[order.doc["customer"]["id"]].append(order.figures())
                times[order.doc["customer"]["id"]].append(order.at)
        rows = {}
        for doc in self.customers:
            figures = of[doc["id"]]

            def add(name: str, figures: list[Row] = figures) -> Decimal:
                return sum((Decimal(f[name]) for f in figures), ZERO)

            spent, net, count = add("total_price"), add("order_adjusted_total"), len(figures)
            rows[int(doc["legacyResourceId"])] = {
                "customer_id": int(doc["legacyResourceId"]),
                "has_email": doc["defaultEmailAddress"] is not None,
                "orders_count": int(doc["numberOfOrders"]),
                "lifetime_count_orders": count,
                "lifetime_total_spent": spent,
                "lifetime_total_refunded": spent - net,
                "lifetime_total_net": net,
                "lifetime_total_tax": add("total_tax"),
                "lifetime_total_discount": add("total_discounts"),
                "lifetime_total_shipping": add("shipping_cost"),
                "avg_order_value": rounded(spent / count) if count else None,
                "avg_quantity_per_order": rounded(add("quantity_sold") / count, "0.0001") if count else None,
                "first_order_timestamp": min(times[doc["id"]], default=None),
                "most_recent_order_timestamp": max(times[doc["id"]], default=None),
            }
        return rows

    def refund_rows(self) -> list[Row]:
        """Return what analytics.refunds should have, sorted by refund."""
        rows = []
        for order in self.orders.values():
            for refund in order.doc["refunds"]:
                at = moment(refund["createdAt"])
                assert at is not None
                rows.append(
                    {
                        "order_id": int(order.doc["legacyResourceId"]),
                        "refund_id": str(number(refund["id"])),
                        "created_timestamp": at,
                        "date_day": at.astimezone(self.zone).date(),
                        "total_refunded": shop_money(refund["totalRefundedSet"]),
                    }
                )
        return sorted(rows, key=lambda row: row["refund_id"])

    def persons(self) -> set[str]:
        """Return words of the files that name persons: addresses, numbers, full names, streets, notes."""
        found: set[str | None] = set()

        def address(place: Row | None) -> None:
            if place:
                found.update((place["name"], place["phone"], place["address1"], place["address2"]))

        for doc in self.customers:
            found.update((doc["displayName"], doc["note"]))
            found.add((doc["defaultEmailAddress"] or {}).get("emailAddress"))
            found.add((doc["defaultPhoneNumber"] or {}).get("phoneNumber"))
            for place in (doc["defaultAddress"], *doc["addresses"]):
                address(place)
        for order in self.orders.values():
            found.update((order.doc["email"], order.doc["note"]))
            address(order.doc["shippingAddress"])
            address(order.doc["billingAddress"])
            for line in order.lines:
                found.update(a["value"] for a in line.doc["customAttributes"])
        return {word for word in found if word}


def top_sellers(books: Books, since: datetime, products: dict[str, str]) -> dict[str, Row]:
    """Return what mv_top_sellers should have, by product gid; products: variant gid -> product gid."""
    found: dict[str, Row] = {}
    for order in books.counted:
        if moment(order.doc["createdAt"]) < since or order.doc["displayFinancialStatus"] not in (  # type: ignore[operator]
            "PAID",
            "PARTIALLY_REFUNDED",
        ):
            continue
        for line in order.lines:
            variant = line.doc["variant"]["id"] if line.doc["variant"] else None
            if variant not in products:
                continue
            row = found.setdefault(
                products[variant], {"units": 0, "revenue": ZERO, "net": ZERO, "variants": set()}
            )
            row["units"] += line.quantity
            row["revenue"] += line.gross
            row["net"] += line.net - line.returns
            row["variants"].add(variant)
    for row in found.values():
        row["variants"] = len(row["variants"])
        row["rank"] = 1 + sum(other["revenue"] > row["revenue"] for other in found.values())
    return found


def now_utc() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
