"""Bodies of webhooks in REST's shape, made of a live shop's objects: everything but customers and orders.

Keys and types are those of the sample payloads that tests compare with. Numbers are integers, which may be beyond what a float
holds exactly; times have the shop's offset; amounts are strings with two digits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from neanelu.sandbox.generator import Obj
from neanelu.sandbox.live_state import LiveState, number_of

#: Most variants that a product's payload carries whole.
FULL_VARIANTS = 100
_UNITS = {"KILOGRAMS": "kg", "GRAMS": "g", "POUNDS": "lb", "OUNCES": "oz"}


def local(shop: LiveState, at: str | None) -> str | None:
    """Return a time as REST writes it, with the shop's offset."""
    if at is None:
        return None
    zone = ZoneInfo(shop.shop["ianaTimezone"])
    return datetime.fromisoformat(at).astimezone(zone).isoformat(timespec="seconds")


def milliseconds(at: str) -> str:
    """Return a time in UTC with milliseconds."""
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def two(amount: Any) -> str | None:
    """Return an amount with two digits."""
    return None if amount is None else str(Decimal(str(amount)).quantize(Decimal("0.01")))


def product(shop: LiveState, held: Obj) -> Obj:
    """Return the body of products/create and products/update."""
    number = number_of(held["id"])
    images = _images(shop, held)
    by_variant = {v: i["id"] for i in images for v in i["variant_ids"]}
    published = [p for p in held["_published"] if p["isPublished"]]
    return {
        "admin_graphql_api_id": held["id"],
        "body_html": held["descriptionHtml"],
        "created_at": local(shop, held["createdAt"]),
        "handle": held["handle"],
        "id": number,
        "product_type": held["productType"],
        "published_at": local(shop, held["publishedAt"]),
        "template_suffix": held["templateSuffix"],
        "title": held["title"],
        "updated_at": local(shop, held["updatedAt"]),
        "vendor": held["vendor"],
        "status": held["status"].lower(),
        "published_scope": "global" if len(published) > 1 else "web",
        "tags": ", ".join(held["tags"]),
        "variants": [
            product_variant(shop, held, v, by_variant.get(number_of(v["id"])))
            for v in held["variants"][:FULL_VARIANTS]
        ],
        "options": [
            {
                "name": option["name"],
                "id": number * 8 + option["position"],
                "product_id": number,
                "position": option["position"],
                "values": list(option["values"]),
            }
            for option in held["options"]
        ],
        "images": images,
        "image": images[0] if images else None,
        "media": [_medium(shop, held, medium, n) for n, medium in enumerate(held["media"], 1)],
        "variant_gids": [
            {"admin_graphql_api_id": v["id"], "updated_at": milliseconds(v["updatedAt"])}
            for v in held["variants"]
        ],
        "has_variants_that_requires_components": any(v["requiresComponents"] for v in held["variants"]),
        "category": {"admin_graphql_api_id": held["category"]["id"], "name": "", "full_name": ""}
        if held["category"]
        else None,
    }


def _option_values(variant: Obj) -> list[str | None]:
    values: list[str | None] = [o["value"] for o in variant["selectedOptions"]]
    return [*values, None, None, None][:3]


def product_variant(shop: LiveState, held: Obj, variant: Obj, image: int | None) -> Obj:
    """Return a variant as a product's body has it."""
    first, second, third = _option_values(variant)
    return {
        "admin_graphql_api_id": variant["id"],
        "barcode": variant["barcode"],
        "compare_at_price": two(variant["compareAtPrice"]),
        "created_at": local(shop, variant["createdAt"]),
        "id": number_of(variant["id"]),
        "inventory_policy": variant["inventoryPolicy"].lower(),
        "position": variant["position"],
        "price": two(variant["price"]),
        "product_id": number_of(held["id"]),
        "sku": variant["sku"],
        "taxable": variant["taxable"],
        "title": variant["title"],
        "updated_at": local(shop, variant["updatedAt"]),
        "option1": first,
        "option2": second,
        "option3": third,
        "image_id": image,
        "inventory_item_id": number_of(variant["inventoryItem"]["id"]),
        "inventory_quantity": variant["inventoryQuantity"],
        "old_inventory_quantity": variant["inventoryQuantity"],
    }


def stock_variant(shop: LiveState, held: Obj, variant: Obj) -> Obj:
    """Return the body of variants/in_stock and variants/out_of_stock: a variant without its inventory item."""
    body = product_variant(shop, held, variant, None)
    del body["inventory_item_id"]
    return body


def _images(shop: LiveState, held: Obj) -> list[Obj]:
    """Return a product's images: those among its media, then those that only a variant shows."""
    found = [
        _image(shop, held, number_of(m["id"]), m["image"], m["alt"], m["id"], [])
        for m in held["media"]
        if m["__typename"] == "MediaImage"
    ]
    for variant in held["variants"][:FULL_VARIANTS]:
        if variant["image"]:
            number = number_of(variant["id"]) + 500_000
            gid = f"gid://shopify/MediaImage/{number}"
            found.append(_image(shop, held, number, variant["image"], None, gid, [number_of(variant["id"])]))
    return [{**image, "position": n} for n, image in enumerate(found, 1)]


def _image(
    shop: LiveState, held: Obj, number: int, image: Obj, alt: str | None, gid: str, variants: list[int]
) -> Obj:
    at = local(shop, held["createdAt"])
    return {
        "id": number,
        "alt": alt,
        "position": 0,
        "product_id": number_of(held["id"]),
        "created_at": at,
        "updated_at": at,
        "admin_graphql_api_id": gid,
        "width": image.get("width"),
        "height": image.get("height"),
        "src": image["url"],
        "variant_ids": variants,
    }


def _medium(shop: LiveState, held: Obj, medium: Obj, position: int) -> Obj:
    image = medium.get("image") or medium["preview"]["image"]
    return {
        "id": number_of(medium["id"]),
        "product_id": number_of(held["id"]),
        "position": position,
        "created_at": local(shop, medium["createdAt"]),
        "updated_at": local(shop, medium["createdAt"]),
        "alt": medium["alt"],
        "status": medium["status"],
        "media_content_type": medium["mediaContentType"],
        "preview_image": {
            "width": image.get("width"),
            "height": image.get("height"),
            "src": image["url"],
            "status": "READY",
        },
        "variant_ids": [],
        "admin_graphql_api_id": medium["id"],
    }


def collection(shop: LiveState, held: Obj) -> Obj:
    """Return the body of collections/create and collections/update."""
    published = [p for p in held["_published"] if p["isPublished"]]
    return {
        "id": number_of(held["id"]),
        "handle": held["handle"],
        "title": held["title"],
        "updated_at": local(shop, held["updatedAt"]),
        "body_html": held["descriptionHtml"],
        "published_at": local(shop, published[0]["publishDate"]) if published else None,
        "sort_order": held["sortOrder"].lower().replace("_", "-"),
        "template_suffix": held["templateSuffix"],
        "published_scope": "global" if len(published) > 1 else "web",
        "admin_graphql_api_id": held["id"],
    }


def collection_deleted(held: Obj) -> Obj:
    """Return the body of collections/delete."""
    return {"id": number_of(held["id"]), "published_scope": "web", "admin_graphql_api_id": held["id"]}


def inventory_item(shop: LiveState, variant: Obj) -> Obj:
    """Return the body of inventory_items/create and inventory_items/update."""
    item = variant["inventoryItem"]
    weight = (item.get("measurement") or {}).get("weight") or {"value": 0, "unit": "POUNDS"}
    return {
        "id": number_of(item["id"]),
        "sku": variant["sku"],
        "created_at": local(shop, item["createdAt"]),
        "updated_at": local(shop, item["updatedAt"]),
        "requires_shipping": item["requiresShipping"],
        "cost": two(item["unitCost"]["amount"]) if item["unitCost"] else None,
        "country_code_of_origin": item["countryCodeOfOrigin"],
        "province_code_of_origin": None,
        "harmonized_system_code": None,
        "tracked": item["tracked"],
        "country_harmonized_system_codes": [],
        "weight_value": weight["value"],
        "weight_unit": _UNITS[weight["unit"]],
        "admin_graphql_api_id": item["id"],
    }


def inventory_item_deleted(gid: str) -> Obj:
    """Return the body of inventory_items/delete."""
    return {
        "id": number_of(gid),
        "country_code_of_origin": None,
        "province_code_of_origin": None,
        "harmonized_system_code": None,
        "country_harmonized_system_codes": [],
        "admin_graphql_api_id": gid,
    }


def inventory_level(shop: LiveState, item: int, place: int) -> Obj:
    """Return the body of inventory_levels/connect and inventory_levels/update."""
    level = shop.levels[item][place]
    return {
        "inventory_item_id": item,
        "location_id": place,
        "available": level.available,
        "updated_at": local(shop, level.updated_at),
        "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{place}?inventory_item_id={item}",
    }


def location(shop: LiveState, held: Obj) -> Obj:
    """Return the body of locations/create and locations/update."""
    address = held["address"]
    return {
        "id": number_of(held["id"]),
        "name": held["name"],
        "address1": address["address1"],
        "address2": address["address2"],
        "city": address["city"],
        "zip": address["zip"],
        "province": address["province"],
        "country": address["countryCode"],
        "phone": address["phone"],
        "created_at": local(shop, held["createdAt"]),
        "updated_at": local(shop, held["updatedAt"]),
        "country_code": address["countryCode"],
        "country_name": address["country"],
        "province_code": address["provinceCode"],
        "legacy": held["isFulfillmentService"],
        "active": held["isActive"],
        "admin_graphql_api_id": held["id"],
    }


def metaobject(shop: LiveState, held: Obj) -> Obj:
    """Return the body of metaobjects/create and metaobjects/update."""
    return {
        "type": held["type"],
        "handle": held["handle"],
        "created_at": local(shop, held["createdAt"]),
        "updated_at": local(shop, held["updatedAt"]),
        "display_name": held["displayName"],
        "id": held["id"],
        "definition_id": shop.definitions[held["type"]]["id"],
        "fields": {f["key"]: f["value"] for f in held["fields"]},
        "created_by_staff_id": "gid://shopify/StaffMember/444",
        "created_by_app_id": "gid://shopify/ApiClient/333",
        "capabilities": {"publishable": {"status": held["capabilities"]["publishable"]["status"].lower()}},
    }


def metaobject_deleted(held: Obj) -> Obj:
    """Return the body of metaobjects/delete."""
    return {
        "id": held["id"],
        "type": held["type"],
        "handle": held["handle"],
        "created_by_app_id": "gid://shopify/ApiClient/333",
    }


def publication_number(product_gid: str, publication_gid: str) -> int:
    """Return the number of a product's publication in a channel."""
    return number_of(product_gid) * 16 + number_of(publication_gid) % 16


def product_publication(shop: LiveState, held: Obj, entry: Obj, at: str) -> Obj:
    """Return the body of product_publications/create and product_publications/update."""
    gid = entry["publication"]["id"]
    return {
        "id": publication_number(held["id"], gid),
        "publication_id": number_of(gid),
        "published_at": local(shop, entry["publishDate"]),
        "published": entry["isPublished"],
        "created_at": local(shop, entry["publishDate"]),
        "updated_at": local(shop, at),
        "product_id": number_of(held["id"]),
    }


def shop_body(shop: LiveState) -> Obj:
    """Return the body of shop/update and app/uninstalled."""
    own = shop.shop
    primary = next((n for n in shop.locations.values() if n["isPrimary"]), None)
    address = (
        primary["address"] if primary else dict.fromkeys(("address1", "address2", "city", "zip", "phone"))
    )
    currency = own["currencyCode"]
    money = f"{{{{amount}}}} {currency}"
    zone = ZoneInfo(own["ianaTimezone"])
    offset = datetime.fromtimestamp(shop.clock(), zone).strftime("%z")
    return {
        "id": number_of(own["id"]),
        "name": own["name"],
        "email": own["email"],
        "domain": own["primaryDomain"]["host"],
        "province": address.get("province") or "",
        "country": "RO",
        "address1": address["address1"],
        "zip": address["zip"],
        "city": address["city"],
        "source": None,
        "phone": address["phone"],
        "latitude": None,
        "longitude": None,
        "primary_locale": "ro",
        "address2": address["address2"],
        "created_at": local(shop, own["createdAt"]),
        "updated_at": local(shop, own["updatedAt"]),
        "country_code": "RO",
        "country_name": "Romania",
        "currency": currency,
        "customer_email": own["contactEmail"],
        "timezone": f"(GMT{offset[:3]}:{offset[3:]}) {own['ianaTimezone']}",
        "iana_timezone": own["ianaTimezone"],
        "shop_owner": "Ana Popescu",
        "money_format": money,
        "money_with_currency_format": money,
        "weight_unit": _UNITS[own["weightUnit"]],
        "province_code": address.get("provinceCode") or "",
        "taxes_included": own["taxesIncluded"],
        "auto_configure_tax_inclusivity": None,
        "tax_shipping": None,
        "county_taxes": None,
        "plan_display_name": own["plan"]["publicDisplayName"],
        "plan_name": own["plan"]["publicDisplayName"].lower(),
        "has_discounts": False,
        "has_gift_cards": True,
        "myshopify_domain": own["myshopifyDomain"],
        "google_apps_domain": None,
        "google_apps_login_enabled": None,
        "money_in_emails_format": money,
        "money_with_currency_in_emails_format": money,
        "eligible_for_payments": True,
        "requires_extra_payments_agreement": False,
        "password_enabled": None,
        "has_storefront": True,
        "finances": True,
        "primary_location_id": number_of(primary["id"]) if primary else 0,
        "checkout_api_supported": True,
        "multi_location_enabled": True,
        "setup_required": False,
        "pre_launch_enabled": False,
        "enabled_presentment_currencies": [currency, *shop.spec.presentment],
        "marketing_sms_consent_enabled_at_checkout": False,
        "transactional_sms_disabled": False,
    }
