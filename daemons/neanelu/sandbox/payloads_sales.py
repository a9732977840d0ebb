"""Bodies of the webhooks about customers, orders and privacy, in REST's shape."""

from __future__ import annotations

from typing import Any

from neanelu.sandbox.generator import Obj
from neanelu.sandbox.live_state import LiveState, number_of
from neanelu.sandbox.payloads import local, two

_FULFILLED = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "UNFULFILLED": None}


def bag(value: Obj) -> Obj:
    """Return a MoneyBag as REST writes it."""
    return {
        to: {"amount": two(value[source]["amount"]), "currency_code": value[source]["currencyCode"]}
        for to, source in (("shop_money", "shopMoney"), ("presentment_money", "presentmentMoney"))
    }


def amount(value: Obj) -> str:
    """Return the shop money of a MoneyBag."""
    return str(two(value["shopMoney"]["amount"]))


def customer_address(number: int, held: Obj, default: bool) -> Obj:
    """Return an address of a customer."""
    return {
        "id": number_of(held["id"]),
        "customer_id": number,
        "first_name": held["firstName"],
        "last_name": held["lastName"],
        "company": held["company"],
        "address1": held["address1"],
        "address2": held["address2"],
        "city": held["city"],
        "province": held["province"],
        "country": held["country"],
        "zip": held["zip"],
        "phone": held["phone"],
        "name": held["name"],
        "province_code": held["provinceCode"],
        "country_code": held["countryCodeV2"],
        "country_name": held["country"],
        "default": default,
    }


def customer(shop: LiveState, held: Obj) -> Obj:
    """Return the body of customers/create and customers/update."""
    number = number_of(held["id"])
    first = held["defaultAddress"]
    email, phone = held["defaultEmailAddress"], held["defaultPhoneNumber"]
    return {
        "id": number,
        "created_at": local(shop, held["createdAt"]),
        "updated_at": local(shop, held["updatedAt"]),
        "first_name": held["firstName"],
        "last_name": held["lastName"],
        "state": held["state"].lower(),
        "note": held["note"],
        "verified_email": held["verifiedEmail"],
        "multipass_identifier": None,
        "tax_exempt": held["taxExempt"],
        "email": email["emailAddress"] if email else None,
        "phone": phone["phoneNumber"] if phone else None,
        "currency": shop.shop["currencyCode"],
        "addresses": [
            customer_address(number, a, first is not None and a["id"] == first["id"])
            for a in held["addresses"]
        ],
        "tax_exemptions": list(held["taxExemptions"]),
        "admin_graphql_api_id": held["id"],
        "default_address": customer_address(number, first, True) if first else None,
    }


def customer_deleted(held: Obj) -> Obj:
    """Return the body of customers/delete."""
    return {"id": number_of(held["id"]), "tax_exemptions": [], "admin_graphql_api_id": held["id"]}


def _address(held: Obj | None) -> Obj | None:
    if held is None:
        return None
    return {
        "first_name": held["firstName"],
        "address1": held["address1"],
        "phone": held["phone"],
        "city": held["city"],
        "zip": held["zip"],
        "province": held["province"],
        "country": held["country"],
        "last_name": held["lastName"],
        "address2": held["address2"],
        "company": held["company"],
        "latitude": None,
        "longitude": None,
        "name": held["name"],
        "country_code": held["countryCodeV2"],
        "province_code": held["provinceCode"],
    }


def _taxes(lines: list[Obj]) -> list[Obj]:
    return [
        {
            "title": line["title"],
            "price": amount(line["priceSet"]),
            "rate": line["rate"],
            "price_set": bag(line["priceSet"]),
            "channel_liable": False,
        }
        for line in lines
    ]


def line_item(shop: LiveState, held: Obj) -> Obj:
    """Return a line of an order."""
    line = shop._line_view(held)
    grams = 0
    if line["variant"]:
        _, variant = shop.variant(line["variant"]["id"])
        weight = variant["inventoryItem"]["measurement"]["weight"]
        grams = round(weight["value"] * (1000 if weight["unit"] == "KILOGRAMS" else 1))
    return {
        "id": number_of(line["id"]),
        "admin_graphql_api_id": line["id"],
        "attributed_staffs": [],
        "current_quantity": line["currentQuantity"],
        "fulfillable_quantity": line["currentQuantity"],
        "fulfillment_service": "manual",
        "fulfillment_status": None,
        "gift_card": line["isGiftCard"],
        "grams": grams,
        "name": line["name"],
        "price": amount(line["originalUnitPriceSet"]),
        "price_set": bag(line["originalUnitPriceSet"]),
        "product_exists": line["product"] is not None,
        "product_id": number_of(line["product"]["id"]) if line["product"] else None,
        "properties": [{"name": a["key"], "value": a["value"]} for a in line["customAttributes"]],
        "quantity": line["quantity"],
        "requires_shipping": line["requiresShipping"],
        "sales_line_item_group_id": None,
        "sku": line["sku"],
        "taxable": line["taxable"],
        "title": line["title"],
        "total_discount": amount(line["totalDiscountSet"]),
        "total_discount_set": bag(line["totalDiscountSet"]),
        "variant_id": number_of(line["variant"]["id"]) if line["variant"] else None,
        "variant_inventory_management": "shopify" if line["variant"] else None,
        "variant_title": line["variantTitle"],
        "vendor": line["vendor"],
        "tax_lines": _taxes(line["taxLines"]),
        "duties": [],
        "discount_allocations": [
            {
                "amount": amount(a["allocatedAmountSet"]),
                "amount_set": bag(a["allocatedAmountSet"]),
                "discount_application_index": 0,
            }
            for a in line["discountAllocations"]
        ],
    }


def _shipping_line(held: Obj) -> Obj:
    return {
        "id": number_of(held["id"]),
        "carrier_identifier": held["carrierIdentifier"],
        "code": held["code"],
        "current_discounted_price_set": bag(held["discountedPriceSet"]),
        "discounted_price": amount(held["discountedPriceSet"]),
        "discounted_price_set": bag(held["discountedPriceSet"]),
        "is_removed": False,
        "phone": None,
        "price": amount(held["originalPriceSet"]),
        "price_set": bag(held["originalPriceSet"]),
        "requested_fulfillment_service_id": None,
        "source": held["source"],
        "title": held["title"],
        "tax_lines": _taxes(held["taxLines"]),
        "discount_allocations": [],
    }


def _refund(shop: LiveState, order: Obj, held: Obj) -> Obj:
    """Return a refund; the lines of refunds from before the shop was live are not known."""
    at = local(shop, held["createdAt"])
    paid = held["totalRefundedSet"]["shopMoney"]
    return {
        "id": number_of(held["id"]),
        "admin_graphql_api_id": held["id"],
        "order_id": number_of(order["id"]),
        "created_at": at,
        "processed_at": at,
        "note": None,
        "user_id": None,
        "restock": bool(held.get("_restocked")),
        "duties": [],
        "order_adjustments": [],
        "refund_line_items": [
            {
                "id": number_of(part["line"]) * 16 + number_of(held["id"]) % 16,
                "line_item_id": number_of(part["line"]),
                "location_id": part["location"],
                "quantity": part["quantity"],
                "restock_type": "return" if held.get("_restocked") else "no_restock",
                "subtotal": amount(part["subtotal"]),
                "subtotal_set": bag(part["subtotal"]),
                "total_tax": amount(part["tax"]),
                "total_tax_set": bag(part["tax"]),
            }
            for part in held.get("_parts", ())
        ],
        "transactions": [
            {
                "id": number_of(held["id"]) + 1,
                "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{number_of(held['id']) + 1}",
                "order_id": number_of(order["id"]),
                "kind": "refund",
                "status": "success",
                "amount": two(paid["amount"]),
                "currency": paid["currencyCode"],
                "processed_at": at,
            }
        ],
    }


def order(shop: LiveState, held: Obj) -> Obj:
    """Return the body of orders/create, updated, paid and cancelled."""
    number = number_of(held["id"])
    currency = held["currencyCode"]
    zero: dict[str, Any] = {
        "shop_money": {"amount": "0.00", "currency_code": currency},
        "presentment_money": {"amount": "0.00", "currency_code": held["presentmentCurrencyCode"]},
    }
    buyer = shop.customers.get(held["customer"]["id"]) if held["customer"] else None
    lines = [line_item(shop, line) for line in held["lineItems"]]
    shipping = [_shipping_line(line) for line in held["shippingLines"]]
    gross = sum(float(line["price"]) * line["quantity"] for line in lines)
    outstanding = held["displayFinancialStatus"] in ("PENDING", "AUTHORIZED")
    token = f"{number:032x}"
    totals = {
        "current_shipping_price_set": bag(held["currentShippingPriceSet"]),
        "current_subtotal_price": amount(held["currentSubtotalPriceSet"]),
        "current_subtotal_price_set": bag(held["currentSubtotalPriceSet"]),
        "current_total_additional_fees_set": None,
        "current_total_discounts": amount(held["totalDiscountsSet"]),
        "current_total_discounts_set": bag(held["totalDiscountsSet"]),
        "current_total_duties_set": None,
        "current_total_price": amount(held["currentTotalPriceSet"]),
        "current_total_price_set": bag(held["currentTotalPriceSet"]),
        "current_total_tax": amount(held["currentTotalTaxSet"]),
        "current_total_tax_set": bag(held["currentTotalTaxSet"]),
        "subtotal_price": amount(held["subtotalPriceSet"]),
        "subtotal_price_set": bag(held["subtotalPriceSet"]),
        "total_cash_rounding_payment_adjustment_set": zero,
        "total_cash_rounding_refund_adjustment_set": zero,
        "total_discounts": amount(held["totalDiscountsSet"]),
        "total_discounts_set": bag(held["totalDiscountsSet"]),
        "total_line_items_price": f"{gross:.2f}",
        "total_line_items_price_set": bag(
            shop.base._bag(round(gross * 100), held["presentmentCurrencyCode"])
        ),
        "total_outstanding": amount(held["currentTotalPriceSet"]) if outstanding else "0.00",
        "total_price": amount(held["totalPriceSet"]),
        "total_price_set": bag(held["totalPriceSet"]),
        "total_shipping_price_set": bag(held["totalShippingPriceSet"]),
        "total_tax": amount(held["totalTaxSet"]),
        "total_tax_set": bag(held["totalTaxSet"]),
        "total_tip_received": "0.00",
        "total_weight": sum(line["grams"] * line["quantity"] for line in lines),
    }
    body = {
        "id": number,
        "admin_graphql_api_id": held["id"],
        "app_id": None,
        "browser_ip": None,
        "buyer_accepts_marketing": False,
        "cancel_reason": held["cancelReason"].lower() if held["cancelReason"] else None,
        "cancelled_at": local(shop, held["cancelledAt"]),
        "cart_token": None,
        "checkout_token": None,
        "client_details": None,
        "closed_at": local(shop, held["closedAt"]),
        "confirmation_number": None,
        "confirmed": True,
        "contact_email": held["email"],
        "created_at": local(shop, held["createdAt"]),
        "currency": currency,
        **totals,
        "customer_locale": held["customerLocale"],
        "device_id": None,
        "discount_codes": [
            {"code": code, "amount": amount(held["totalDiscountsSet"]), "type": "percentage"}
            for code in held["discountCodes"]
        ],
        "duties_included": False,
        "email": held["email"] or "",
        "estimated_taxes": False,
        "financial_status": held["displayFinancialStatus"].lower(),
        "fulfillment_status": _FULFILLED.get(held["displayFulfillmentStatus"]),
        "landing_site": None,
        "landing_site_ref": None,
        "location_id": None,
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "merchant_of_record_app_id": None,
        "name": held["name"],
        "note": held["note"],
        "note_attributes": [{"name": a["key"], "value": a["value"]} for a in held["customAttributes"]],
        "number": held["number"] - 1000,
        "order_number": held["number"],
        "order_status_url": f"https://{shop.spec.domain}/orders/{token}/authenticate?key={token[:8]}",
        "original_total_additional_fees_set": None,
        "original_total_duties_set": None,
        "payment_gateway_names": list(held["paymentGatewayNames"]),
        "phone": held["phone"],
        "po_number": None,
        "presentment_currency": held["presentmentCurrencyCode"],
        "processed_at": local(shop, held["processedAt"]),
        "reference": None,
        "referring_site": None,
        "source_identifier": held["sourceIdentifier"],
        "source_name": held["sourceName"],
        "source_url": None,
        "tags": ", ".join(held["tags"]),
        "tax_exempt": False,
        "tax_lines": [tax for line in lines for tax in line["tax_lines"]]
        + [tax for line in shipping for tax in line["tax_lines"]],
        "taxes_included": held["taxesIncluded"],
        "test": held["test"],
        "token": token,
        "updated_at": local(shop, held["updatedAt"]),
        "user_id": None,
        "billing_address": _address(held["billingAddress"]),
        "customer": None,
        "discount_applications": [
            {
                "target_type": "line_item",
                "type": "discount_code",
                "value": "10.0",
                "value_type": "percentage",
                "allocation_method": "across",
                "target_selection": "all",
                "code": code,
            }
            for code in held["discountCodes"]
        ],
        "fulfillments": [],
        "line_items": lines,
        "payment_terms": None,
        "refunds": [_refund(shop, held, refund) for refund in held["refunds"]],
        "shipping_address": _address(held["shippingAddress"]),
        "shipping_lines": shipping,
        "returns": [],
        "line_item_groups": [],
    }
    if buyer:
        body["customer"] = {k: v for k, v in customer(shop, buyer).items() if k != "addresses"}
    return body


def _person(held: Obj) -> Obj:
    email, phone = held["defaultEmailAddress"], held["defaultPhoneNumber"]
    return {
        "id": number_of(held["id"]),
        "email": email["emailAddress"] if email else None,
        "phone": phone["phoneNumber"] if phone else None,
    }


def privacy(shop: LiveState, held: Obj | None, key: str | None, orders: list[str]) -> Obj:
    """Return the body of a privacy topic.

    Args:
        shop: whose.
        held: the customer, for the topics that concern one.
        key: name of the list of orders: `orders_requested` or `orders_to_redact`.
        orders: ids of the orders concerned.
    """
    body: Obj = {"shop_id": number_of(shop.shop["id"]), "shop_domain": shop.spec.domain}
    if held is not None and key is not None:
        body["customer"] = _person(held)
        body[key] = [number_of(gid) for gid in orders]
    if key == "orders_requested":
        body["data_request"] = {"id": 9000 + shop.changes}
    return body
