"""A live shop's webhooks have the shape of Shopify's samples, and tell of the state that bulk operations answer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neanelu.sandbox.deliveries import Event
from neanelu.sandbox.files import Job
from neanelu.sandbox.generator import Obj, ShopSpec
from neanelu.sandbox.live import ACTIONS, LiveShop
from neanelu.sandbox.live_sales import cents
from neanelu.sandbox.subscriptions import BY_ENUM, PRIVACY_TOPICS, TOPICS
from neanelu.sandbox.traffic import MIX, Changes
from neanelu.shopify import documents

SAMPLES = {
    path.stem.replace("__", "/"): orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "data" / "webhooks").glob("*.json"))
}
BULK = [name for name, resource in documents.RESOURCES.items() if resource.mode == "bulk"]


def made(**options: Any) -> LiveShop:
    return LiveShop(ShopSpec("live.myshopify.com", products=12, seed=5), **options)


def bulk(shop: LiveShop, resource: str) -> list[Obj]:
    data = Job(shop.spec, documents.render(resource), shop=shop).part(0, 10_000).data
    return [orjson.loads(line) for line in data.splitlines()]


def variant(shop: LiveShop, product: int = 0) -> str:
    return str(shop.find("products", product)["variants"][0]["id"])


def everything(shop: LiveShop) -> dict[str, list[Event]]:
    """Do what triggers every topic of a live shop and return the events by topic."""
    product = shop.create_product(variants=3)
    shop.update_product(product, title="Ceas & <b>cadran</b>")
    first = shop.products[product]["variants"][0]["id"]
    shop.update_variant(first, sku="SKU-1", unitCost="7.50", price="19.99")
    places = list(shop.levels[shop.item(first)])
    gid = f"gid://shopify/Location/{places[0]}"
    shop.set_inventory(first, gid, 0)
    for place in places[1:]:
        shop.disconnect_inventory(first, f"gid://shopify/Location/{place}")
    shop.set_inventory(first, gid, 5)
    shop.set_inventory(first, gid, 0)
    place = shop.create_location(name="Depozit nou")
    shop.update_location(place, city="Arad")
    shop.connect_inventory(first, place, 9)
    buyer = shop.create_customer(email="ana@example.com")
    shop.update_customer(buyer, note="—")
    order = shop.create_order([(first, 2), (variant(shop), 1)], buyer)
    shop.refund_order(order, [(0, 1)])
    shop.cancel_order(shop.create_order([(first, 1)], paid=False))
    shop.request_customer_data(buyer)
    shop.redact_customer(buyer)
    collection = shop.create_collection([product])
    shop.remove_from_collection(collection, [product])
    shop.delete_collection(collection)
    channel = shop.products[product]["_published"][0]["publication"]["id"]
    shop.publish_product(product, channel, published=False)
    shop.unpublish_product(product, channel)
    shop.publish_product(product, channel)
    thing = shop.create_metaobject("producator", name="Nou")
    shop.update_metaobject(thing, name="Mai nou", status="DRAFT")
    shop.delete_metaobject(thing)
    shop.delete_order(order)
    shop.delete_customer(shop.create_customer())
    shop.delete_location(place)
    shop.delete_product(product)
    shop.update_shop(name="Alt nume")
    shop.update_scopes(["read_products", "read_orders"])
    shop.uninstall()
    shop.redact_shop()
    found: dict[str, list[Event]] = {}
    for event in shop.take_events():
        found.setdefault(event.topic, []).append(event)
    return found


def differences(sample: Any, own: Any, path: str = "") -> list[str]:
    """Return where a payload has other keys or types than a sample; null fits everything."""
    if sample is None or own is None:
        return []
    if isinstance(sample, dict) and isinstance(own, dict):
        if path.endswith("fields"):  # of a metaobject: its own keys
            return []
        wrong = [f"{path}: {sorted(set(sample) ^ set(own))}"] if set(sample) != set(own) else []
        return wrong + [
            d for k in set(sample) & set(own) for d in differences(sample[k], own[k], f"{path}.{k}")
        ]
    if isinstance(sample, list) and isinstance(own, list):
        return [d for one in own if sample for d in differences(sample[0], one, f"{path}[]")]
    kinds = [
        float if isinstance(v, int) and not isinstance(v, bool) and "weight" in path else type(v)
        for v in (sample, own)
    ]
    return [] if kinds[0] is kinds[1] else [f"{path}: {sample!r} and {own!r}"]


def test_every_topic_is_sent_with_the_keys_and_types_of_its_sample() -> None:
    found = everything(made())
    assert set(found) | {"bulk_operations/finish"} == set(SAMPLES) == set(TOPICS) | set(PRIVACY_TOPICS)
    for topic, events in found.items():
        for event in events:
            assert differences(SAMPLES[topic], orjson.loads(event.body)) == [], topic


def test_events_of_a_seed_are_the_same_to_the_byte_and_grow_in_time() -> None:
    first, second = made(), made()
    for shop in (first, second):
        shop.adjust_inventory(variant(shop), 0, -2)
        shop.create_order([(variant(shop, 3), 1)], 0)
    events, again = first.take_events(), second.take_events()
    assert [(e.topic, e.body, e.event_id, e.triggered_at) for e in events] == [
        (e.topic, e.body, e.event_id, e.triggered_at) for e in again
    ]
    assert len({e.event_id for e in events}) == 2
    moments = [e.triggered_at for e in events]
    assert moments == sorted(set(moments))


def test_bodies_escape_slashes_and_signs_and_keep_large_numbers() -> None:
    shop = made()
    shop.update_product(3, title="A & <b>")
    (event,) = shop.take_events()
    assert b'"gid:\\/\\/shopify\\/Product\\/' in event.body
    assert b"A \\u0026 \\u003cb\\u003e" in event.body
    body = orjson.loads(event.body)
    assert body["id"] > 1 << 53
    assert body["admin_graphql_api_id"] == f"gid://shopify/Product/{body['id']}"
    assert body["title"] == "A & <b>"


@pytest.mark.parametrize("resource", BULK)
def test_unchanged_live_shop_is_the_generated_one(resource: str) -> None:
    shop = made()
    generated = Job(shop.spec, documents.render(resource)).part(0, 10_000).data
    assert Job(shop.spec, documents.render(resource), shop=shop).part(0, 10_000).data == generated


def test_amounts_of_generated_orders_follow_from_their_lines() -> None:
    for included in (True, False):
        shop = LiveShop(ShopSpec(products=120, taxes_included=included, presentment=("EUR",)))
        for order in shop.orders.values():
            back = cents(order["totalShippingPriceSet"]) - cents(order["currentShippingPriceSet"])
            assert shop._summed(order, back) == order


def test_order_commits_stock_and_a_refund_brings_it_back() -> None:
    shop = made()
    gid = variant(shop)
    item = shop.item(gid)
    place = next(iter(shop.levels[item]))
    before = shop.levels[item][place]
    order = shop.create_order([(gid, 3)], 0, shipping=1000)
    level = shop.levels[item][place]
    assert (level.available, level.committed) == (before.available - 3, before.committed + 3)
    seen = next(v for v in bulk(shop, "products") if v["id"] == gid)
    assert seen["inventoryQuantity"] == sum(x.available for x in shop.levels[item].values())
    total = cents(shop.orders[order]["totalPriceSet"])
    shop.refund_order(order, [(0, 1)])
    partly = shop.orders[order]
    assert partly["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    back = cents(partly["refunds"][0]["totalRefundedSet"])
    assert cents(partly["currentTotalPriceSet"]) + back == total
    shop.refund_order(order, shipping=True)
    whole = shop.orders[order]
    assert (whole["displayFinancialStatus"], cents(whole["currentTotalPriceSet"])) == ("REFUNDED", 0)
    assert sum(cents(r["totalRefundedSet"]) for r in whole["refunds"]) == total
    assert shop.levels[item][place].available == before.available
    with pytest.raises(ValueError, match="REFUNDED"):
        shop.refund_order(order)


def test_stock_that_crosses_zero_tells_so_once() -> None:
    shop = made()
    gid = shop.create_product(variants=1)
    only = shop.products[gid]["variants"][0]["id"]
    for place in list(shop.levels[shop.item(only)])[1:]:
        shop.disconnect_inventory(only, f"gid://shopify/Location/{place}")
    shop.set_inventory(only, 0, 4)
    shop.take_events()
    shop.adjust_inventory(only, 0, -4)
    topics = [e.topic for e in shop.take_events()]
    assert topics == ["inventory_levels/update", "products/update", "variants/out_of_stock"]
    shop.adjust_inventory(only, 0, -1)
    assert [e.topic for e in shop.take_events()] == ["inventory_levels/update", "products/update"]
    shop.adjust_inventory(only, 0, 9)
    assert shop.take_events()[-1].topic == "variants/in_stock"


def test_product_with_2048_variants_carries_100_and_names_all() -> None:
    shop = made()
    gid = shop.create_product(variants=2048)
    body = next(e for e in shop.take_events() if e.topic == "products/create").payload
    assert len(body["variants"]) == 100
    assert [v["admin_graphql_api_id"] for v in body["variant_gids"]] == [
        v["id"] for v in shop.products[gid]["variants"]
    ]
    assert len(set(shop.variant_owner)) == shop.counts()["variants"] >= 2048
    with pytest.raises(ValueError, match="at most 2048"):
        shop.add_variants(gid)


def test_updated_at_of_an_object_grows_by_each_change_unless_ties_are_wanted() -> None:
    shop = made(now=lambda: datetime.fromisoformat("2026-11-21T10:00:00.5+00:00").timestamp())
    seen = []
    for n in range(3):
        shop.update_product(0, title=f"T{n}")
        seen.append(shop.find("products", 0)["updatedAt"])
    assert seen == ["2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z", "2026-11-21T10:00:02Z"]
    tied = made(now=lambda: datetime.fromisoformat("2026-11-21T10:00:00.5+00:00").timestamp(), ties=True)
    tied.update_product(0, title="a")
    tied.update_product(0, title="b")
    first, second = tied.take_events()
    assert first.payload["updated_at"] == second.payload["updated_at"] == "2026-11-21T12:00:00+02:00"
    assert first.triggered_at < second.triggered_at


def test_deleted_product_vanishes_from_collections_and_lines_and_may_come_back() -> None:
    shop = made()
    gid = shop.create_product()
    sold = shop.products[gid]["variants"][0]["id"]
    order = shop.create_order([(sold, 1)])
    collection = shop.create_collection([gid])
    shop.delete_product(gid)
    line = shop.view(shop.orders[order])["lineItems"][0]
    assert (line["product"], line["variant"]) == (None, None)
    assert shop.view(shop.collections[collection])["productsCount"]["count"] == 0
    shop.take_events()
    shop.update_order(order, note="x")
    (event,) = shop.take_events()
    assert event.payload["line_items"][0]["product_exists"] is False
    shop.restore_product(gid)
    assert {e.topic for e in shop.take_events()} >= {"products/create", "inventory_items/create"}
    assert shop.view(shop.orders[order])["lineItems"][0]["product"]["id"] == gid


def test_redacted_customer_leaves_nothing_personal_in_the_shop() -> None:
    shop = made()
    buyer = shop.create_customer(email="planted@example.com", firstName="Planted", phone="+40700000001")
    shop.create_order([(variant(shop), 1)], buyer)
    shop.redact_customer(buyer)
    text = b"".join(orjson.dumps(line) for name in ("customers", "orders") for line in bulk(shop, name))
    assert b"planted" not in text.lower()
    assert b"+40700000001" not in text


def test_snapshot_does_not_see_later_changes() -> None:
    shop = made()
    before = {name: bulk(shop, name) for name in BULK}
    twin = shop.snapshot()
    everything(shop)
    assert {name: bulk(twin, name) for name in BULK} == before
    assert bulk(shop, "products") != before["products"]


def test_what_is_not_there_or_not_allowed_is_refused_and_changes_nothing() -> None:
    shop = made()
    counts = shop.counts()
    for action, arguments in (
        ("update_product", {"product": 99}),
        ("set_price", {"variant": "gid://shopify/ProductVariant/1", "price": "1.00"}),
        ("no_such_action", {}),
        ("take_events", {}),
    ):
        with pytest.raises(KeyError):
            shop.act(action, arguments)
    with pytest.raises(TypeError):
        shop.act("update_product", {"product": 0, "colour": "red"})
    with pytest.raises(ValueError, match="primary"):
        shop.act("delete_location", {"location": 0})
    assert shop.counts() == counts
    assert shop.take_events() == []
    assert all(callable(getattr(shop, name)) for name in ACTIONS)
    assert set(BY_ENUM.values()) == set(TOPICS)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_last_webhook_of_an_object_tells_its_state(seed: int) -> None:
    """Whatever happened, the newest body of each product and level equals what a bulk operation says."""
    shop = LiveShop(ShopSpec("live.myshopify.com", products=6, seed=seed % 97))
    work = Changes(shop, seed, dict.fromkeys(MIX, 1.0))
    for _ in range(40):
        work.step()
    events = shop.take_events()
    assert all(event.body for event in events)
    newest = {(e.topic.split("/")[0], e.payload.get("admin_graphql_api_id")): e.payload for e in events}
    lines = {line["id"]: line for name in ("products", "inventory", "orders") for line in bulk(shop, name)}
    for (family, gid), body in newest.items():
        line = lines.get(gid or "")
        if family == "products" and line:
            assert body["title"] == line["title"]
            assert datetime.fromisoformat(body["updated_at"]) == datetime.fromisoformat(line["updatedAt"])
            for one in body["variants"]:
                told = lines[one["admin_graphql_api_id"]]
                assert (one["inventory_quantity"], one["price"]) == (told["inventoryQuantity"], told["price"])
        elif family == "inventory_levels" and line and body.get("available") is not None:
            assert line["quantities"][0] == {"name": "available", "quantity": body["available"]}
        elif family == "orders" and line:
            assert body["financial_status"].upper() == line["displayFinancialStatus"]
            assert float(body["current_total_price"]) == float(
                line["currentTotalPriceSet"]["shopMoney"]["amount"]
            )
