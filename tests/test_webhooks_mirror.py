"""What a webhook does to the mirror: every sample has its effect, order and repetition make no difference, bad payloads none."""

from __future__ import annotations

import copy
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mirror_support import KINDS, TABLES, MirrorShop, lines_of_live, number_of, plain, trees_of
from sync_support import TestShop, joined

from neanelu.platform.scratch import Database
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.live import LiveShop
from neanelu.sandbox.traffic import MIX, Changes

SAMPLES = {
    path.stem.replace("__", "/"): json.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "data" / "webhooks").glob("*.json"))
}
PRODUCT = "gid://shopify/Product/788032119674292922"
LOCATION = "gid://shopify/Location/866550311766439020"
NEW_YEAR = datetime(2022, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop(module_db: Database) -> Iterator[MirrorShop]:
    made = MirrorShop(module_db)
    yield made
    made.close()


def sample(topic: str, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SAMPLES[topic]), **changes}


def mirrored(shop: MirrorShop, table: str) -> dict[str, Any]:
    """Return the only row of a table, dead or alive."""
    return shop.row(f"SELECT * FROM neanelu.{table} WHERE shop_id = %s", shop.id)


def is_gone(shop: MirrorShop, table: str) -> bool:
    row = mirrored(shop, table)
    return (row["deleted_at"] is not None, row["deletion_reason"]) == (True, "webhook")


# --- Every sample -----------------------------------------------------------------------------------------


def product(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    row = mirrored(shop, "shopify_products")
    assert (row["shopify_gid"], row["legacy_resource_id"]) == (PRODUCT, 788032119674292922)
    assert (row["title"], row["handle"], row["vendor"]) == ("Example T-Shirt", "example-t-shirt", "Acme")
    assert (row["status"], row["tags"]) == ("ACTIVE", ["example", "mens", "t-shirt"])
    assert row["updated_at_shopify"] == row["published_at"] == NEW_YEAR
    variants = shop.mirror("shopify_variants")
    assert {(v["title"], v["price"], v["compare_at_price"]) for v in variants.values()} == {
        ("Small", Decimal("19.99"), Decimal("24.99")),
        ("Medium", Decimal("19.99"), Decimal("24.99")),
    }
    first = variants["gid://shopify/ProductVariant/642667041472713922"]
    assert (first["inventory_policy"], first["inventory_quantity"], first["product_id"]) == (
        "DENY",
        75,
        PRODUCT,
    )
    assert shop.wanted() == {
        "products": [788032119674292922],
        "product_publications": [788032119674292922],
    }


def product_deleted(shop: MirrorShop, topic: str) -> None:
    shop.send("products/create", SAMPLES["products/create"])
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    assert is_gone(shop, "shopify_products")
    assert shop.mirror("shopify_variants") == {}


def variant(shop: MirrorShop, topic: str) -> None:
    shop.send("products/create", SAMPLES["products/create"])
    body = sample(topic, inventory_quantity=3, updated_at="2022-03-01T00:00:00Z")
    assert shop.send(topic, body) == "applied"
    assert shop.mirror("shopify_variants")[body["admin_graphql_api_id"]]["inventory_quantity"] == 3
    assert shop.send(topic, SAMPLES[topic]) == "stale"


def publication(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "postponed"
    assert shop.wanted() == {"publications": [123456], "product_publications": [788032119674292922]}
    shop.send("products/create", SAMPLES["products/create"])
    shop.execute(
        "INSERT INTO neanelu.shopify_publications (shop_id, shopify_gid, name)"
        " VALUES (%s, 'gid://shopify/Publication/123456', 'Web')",
        shop.id,
    )
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    assert shop.links()["publications"] == [
        (PRODUCT, "gid://shopify/Publication/123456", "true", "2022-01-01 00:00:00+00", None)
    ]


def publication_deleted(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "ignored"
    assert (
        shop.value("SELECT count(*) FROM neanelu.shopify_resource_publications WHERE shop_id = %s", shop.id)
        == 0
    )


def collection(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    row = mirrored(shop, "shopify_collections")
    assert (row["title"], row["handle"], row["description_html"]) == (
        "My New Collection",
        "mynewcollection",
        "<b>Some HTML</b>",
    )
    assert (row["collection_type"], row["published_at"]) == ("MANUAL", NEW_YEAR - timedelta(hours=3))
    smart = sample(
        topic,
        updated_at="2022-02-01T00:00:00Z",
        sort_order="best-selling",
        disjunctive=True,
        rules=[{"column": "variant_price", "relation": "greater_than", "condition": "5"}],
    )
    assert shop.send(topic, smart) == "applied"
    row = mirrored(shop, "shopify_collections")
    assert (row["collection_type"], row["sort_order"], row["disjunctive"]) == ("SMART", "BEST_SELLING", True)
    assert row["rules"] == [{"column": "VARIANT_PRICE", "relation": "GREATER_THAN", "condition": "5"}]
    assert shop.wanted() == {"collections": [408372092144951419]}


def customer(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    row = mirrored(shop, "shopify_customers")
    assert (row["email"], row["display_name"], row["state"]) == ("bob@biller.com", "Bob Biller", "DISABLED")
    assert (row["verified_email"], row["tax_exempt"], row["orders_count"]) == (True, False, None)
    address = row["default_address"]
    assert address["id"] == "gid://shopify/MailingAddress/12321?model_name=CustomerAddress"
    assert (address["countryCodeV2"], address["provinceCode"], address["zip"]) == ("CA", "ON", "K2P 2L8")
    assert shop.wanted() == {"customers": [706405506930370084]}


def order(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    row = mirrored(shop, "shopify_orders")
    assert (row["name"], row["order_number"], row["email"]) == ("#9999", 1234, "jon@example.com")
    assert (row["financial_status"], row["fulfillment_status"]) == ("VOIDED", "UNFULFILLED")
    assert (row["cancel_reason"], row["cancelled_at"]) == ("CUSTOMER", NEW_YEAR)
    assert (row["total_price"], row["subtotal_price"], row["total_shipping"]) == (
        Decimal("404.95"),
        Decimal("404.95"),
        Decimal("10.00"),
    )
    assert (row["current_total_price"], row["total_discounts"], row["is_test"]) == (
        Decimal("414.95"),
        Decimal("20.00"),
        True,
    )
    line = row["line_items"][0]
    assert (line["id"], line["product"]["id"], line["variant"]) == (
        "gid://shopify/LineItem/487817672276298554",
        PRODUCT,
        None,
    )
    assert line["originalUnitPriceSet"]["shopMoney"] == {"amount": "89.99", "currencyCode": "USD"}
    assert (row["gateway"], row["tags"]) == ("visa", ["tag1", "tag2"])
    assert row["shipping_address"]["countryCodeV2"] == "US"
    buyer = mirrored(shop, "shopify_customers")
    assert (row["customer_id"], buyer["email"], buyer["updated_at_shopify"]) == (
        buyer["id"],
        "john@example.com",
        None,
    )
    assert shop.wanted() == {"customers": [115310627314723954], "orders": [820982911946154508]}


def item(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "ignored"
    body = sample("products/create")
    body["variants"][0]["inventory_item_id"] = SAMPLES[topic]["id"]
    shop.send("products/create", body)
    assert shop.send(topic, sample(topic, cost="7.50", weight_value=1.25)) == "applied"
    row = shop.mirror("shopify_variants")["gid://shopify/ProductVariant/642667041472713922"]
    assert (row["cost"], row["weight"], row["weight_unit"]) == (Decimal("7.50"), Decimal("1.2500"), "POUNDS")
    assert row["requires_shipping"] is True
    assert shop.send(topic, sample(topic, cost="1.00", updated_at="2020-01-01T00:00:00Z")) == "stale"


def level(shop: MirrorShop, topic: str) -> None:
    body = sample(topic, location_id=866550311766439020)
    assert shop.send(topic, body) == "postponed"
    assert shop.wanted()["locations"] == [866550311766439020]
    shop.send("locations/create", SAMPLES["locations/create"])
    assert shop.send(topic, body) == "applied"
    row = mirrored(shop, "inventory_levels")
    assert (row["available"], row["updated_at_shopify"], row["on_hand"]) == (10, NEW_YEAR, None)
    products = sample("products/create")
    products["variants"][0]["inventory_item_id"] = body["inventory_item_id"]
    shop.send("products/create", products)
    assert stock(shop) == 10, "the level came before its variant"
    assert shop.send(topic, {**body, "available": 4, "updated_at": "2022-05-01T00:00:00Z"}) == "applied"
    assert shop.send(topic, {**body, "available": 9, "updated_at": "2022-04-01T00:00:00Z"}) == "stale"
    assert (mirrored(shop, "inventory_levels")["available"], stock(shop)) == (4, 4)


def stock(shop: MirrorShop) -> int:
    return int(
        shop.value(
            "SELECT inventory.available(%s, (SELECT id FROM neanelu.shopify_variants"
            " WHERE shop_id = %s AND inventory_item_id IS NOT NULL), %s)",
            shop.id,
            shop.id,
            LOCATION,
        )
    )


def level_gone(shop: MirrorShop, topic: str) -> None:
    level(shop, "inventory_levels/update")
    body = sample(topic, location_id=866550311766439020)
    assert shop.send(topic, body, "2022-04-15T00:00:00Z") == "stale"
    assert shop.send(topic, body, "2022-06-01T00:00:00Z") == "applied"
    assert is_gone(shop, "inventory_levels")
    assert stock(shop) == 0
    late = sample(
        "inventory_levels/update", location_id=866550311766439020, updated_at="2022-05-20T00:00:00Z"
    )
    assert shop.send("inventory_levels/update", late) == "stale"
    again = {**late, "available": 2, "updated_at": "2022-07-01T00:00:00Z"}
    assert shop.send("inventory_levels/connect", again) == "applied"
    assert stock(shop) == 2


def item_deleted(shop: MirrorShop, topic: str) -> None:
    level(shop, "inventory_levels/update")
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    assert is_gone(shop, "inventory_levels")


def location(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    row = mirrored(shop, "inventory_locations")
    assert (row["shopify_gid"], row["name"], row["is_active"]) == (LOCATION, "Example Shop", True)
    assert (row["address"]["city"], row["address"]["country"], row["address"]["countryCode"]) == (
        "ottawa",
        "Canada",
        "CA",
    )


def location_deleted(shop: MirrorShop, topic: str) -> None:
    level(shop, "inventory_levels/update")
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    assert is_gone(shop, "inventory_locations")
    assert is_gone(shop, "inventory_levels")


def metaobject(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    row = mirrored(shop, "shopify_metaobjects")
    assert (row["type"], row["handle"], row["display_name"]) == (
        "example-type",
        "example-metaobject",
        "Example Metaobject",
    )
    assert row["fields"] == {"example-key": {"type": None, "value": "example-value"}}
    assert row["capabilities"]["publishable"] == {"status": "DRAFT"}
    assert shop.wanted() == {"metaobjects": [123]}


def deleted(table: str, before: str) -> Callable[[MirrorShop, str], None]:
    def check(shop: MirrorShop, topic: str) -> None:
        assert shop.send(before, SAMPLES[before]) == "applied"
        assert shop.send(topic, SAMPLES[topic]) == "applied"
        assert is_gone(shop, table)

    return check


def shop_updated(shop: MirrorShop, topic: str) -> None:
    body = sample(topic, iana_timezone="America/New_York", id=shop.value("SELECT (random() * 1e12)::bigint"))
    assert shop.send(topic, body) == "applied"
    row = shop.row("SELECT * FROM neanelu.shops WHERE id = %s", shop.id)
    assert (row["currency_code"], row["timezone"], row["plan_tier"]) == ("USD", "America/New_York", "basic")
    assert (row["shopify_shop_id"], row["settings"]["shopify"]["plan"]) == (body["id"], "enterprise")
    assert "super@supertoys.com" not in json.dumps(row["settings"]), "no person's data"
    assert shop.send(topic, {**body, "currency": "EUR"}, "2022-01-01T00:00:00Z") == "stale"


def scopes(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    assert shop.value("SELECT scopes FROM neanelu.shops WHERE id = %s", shop.id) == [
        "read_products",
        "write_products",
    ]
    older = sample(topic, current=[], updated_at="2023-01-01T00:00:00Z")
    assert shop.send(topic, older) == "stale"


def uninstalled(shop: MirrorShop, topic: str) -> None:
    shop.send("products/create", SAMPLES["products/create"])
    assert shop.send(topic, SAMPLES[topic], datetime.now(UTC) - timedelta(days=9)) == "stale", (
        "came back since"
    )
    assert shop.send(topic, SAMPLES[topic], datetime.now(UTC) + timedelta(seconds=1)) == "applied"
    row = shop.row("SELECT * FROM neanelu.shops WHERE id = %s", shop.id)
    assert (row["access_token_ciphertext"], row["uninstalled_at"] is None) == (None, False)
    assert shop.wanted() == {}
    jobs = shop.rows("SELECT DISTINCT status FROM neanelu.job_runs WHERE shop_id = %s", shop.id)
    assert [job["status"] for job in jobs] == ["cancelled"]


def bulk_finished(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "ignored"
    run = shop.value("SELECT sync.request_run(%s, 'products')", shop.id)
    shop.execute(
        "UPDATE neanelu.bulk_runs SET status = 'running', started_at = now(), attempt = 1, leased_by = 'x',"
        " lease_token = uuidv7(), lease_expires_at = now() + interval '1 h', shopify_operation_id = %s WHERE id = %s",
        SAMPLES[topic]["admin_graphql_api_id"],
        run,
    )
    shop.execute("LISTEN neanelu_sync")
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    heard = [json.loads(n.payload) for n in shop.connection.notifies(timeout=2.0, stop_after=1)]
    assert heard[0]["event"] == "finished"


def privacy(shop: MirrorShop, topic: str) -> None:
    assert shop.send(topic, SAMPLES[topic]) == "applied"
    asked = shop.rows("SELECT topic FROM neanelu.privacy_requests WHERE shop_id = %s", shop.id)
    assert [row["topic"] for row in asked] == [topic]


EFFECTS: dict[str, Callable[[MirrorShop, str], None]] = {
    "products/create": product,
    "products/update": product,
    "products/delete": product_deleted,
    "variants/in_stock": variant,
    "variants/out_of_stock": variant,
    "product_publications/create": publication,
    "product_publications/update": publication,
    "product_publications/delete": publication_deleted,
    "collections/create": collection,
    "collections/update": collection,
    "collections/delete": deleted("shopify_collections", "collections/create"),
    "customers/create": customer,
    "customers/update": customer,
    "customers/delete": deleted("shopify_customers", "customers/create"),
    "orders/create": order,
    "orders/updated": order,
    "orders/paid": order,
    "orders/cancelled": order,
    "orders/delete": deleted("shopify_orders", "orders/create"),
    "inventory_items/create": item,
    "inventory_items/update": item,
    "inventory_items/delete": item_deleted,
    "inventory_levels/connect": level,
    "inventory_levels/update": level,
    "inventory_levels/disconnect": level_gone,
    "locations/create": location,
    "locations/update": location,
    "locations/delete": location_deleted,
    "metaobjects/create": metaobject,
    "metaobjects/update": metaobject,
    "metaobjects/delete": deleted("shopify_metaobjects", "metaobjects/create"),
    "shop/update": shop_updated,
    "app/scopes_update": scopes,
    "app/uninstalled": uninstalled,
    "bulk_operations/finish": bulk_finished,
    "customers/data_request": privacy,
    "customers/redact": privacy,
    "shop/redact": privacy,
}


@pytest.mark.parametrize("topic", sorted(SAMPLES))
def test_every_sample_has_its_effect(shop: MirrorShop, topic: str) -> None:
    EFFECTS[topic](shop, topic)
    open_ = shop.rows(
        "SELECT topic FROM neanelu.webhook_events WHERE shop_id = %s AND processed_at IS NULL", shop.id
    )
    assert open_ == []


# --- Order and repetition ---------------------------------------------------------------------------------


def test_older_update_never_overwrites_a_newer_one(shop: MirrorShop) -> None:
    newer = sample("products/update", title="Newer", updated_at="2022-02-01T00:00:00Z")
    assert shop.send("products/update", newer) == "applied"
    assert shop.send("products/create", SAMPLES["products/create"]) == "stale"
    assert shop.send("products/update", newer) == "unchanged"
    assert mirrored(shop, "shopify_products")["title"] == "Newer"


def test_deleted_product_is_not_brought_back_by_what_is_older_and_is_by_what_is_newer(
    shop: MirrorShop,
) -> None:
    assert shop.send("products/delete", SAMPLES["products/delete"], "2022-03-01T00:00:00Z") == "applied"
    assert shop.send("products/create", SAMPLES["products/create"]) == "stale", (
        "deleted before the mirror had it"
    )
    assert shop.mirror("shopify_products") == {}
    restored = sample("products/create", updated_at="2022-04-01T00:00:00Z")
    assert shop.send("products/create", restored) == "applied"
    assert shop.send("products/delete", SAMPLES["products/delete"], "2022-03-01T00:00:00Z") == "stale"
    assert shop.send("products/update", SAMPLES["products/update"]) == "stale"
    assert set(shop.mirror("shopify_products")) == {PRODUCT}
    assert len(shop.mirror("shopify_variants")) == 2


def test_variant_that_a_newer_payload_does_not_name_is_gone_and_stays_so(shop: MirrorShop) -> None:
    shop.send("products/create", SAMPLES["products/create"])
    body = sample("products/update", updated_at="2022-02-01T00:00:00Z")
    body["variants"] = body["variants"][:1]
    body["variant_gids"] = body["variant_gids"][1:]
    assert shop.send("products/update", body) == "applied"
    assert len(shop.mirror("shopify_variants")) == 1
    late = sample("variants/in_stock", updated_at="2022-01-20T00:00:00Z", id=757650484644203962)
    assert shop.send("variants/in_stock", late) == "stale"
    assert shop.send("products/create", SAMPLES["products/create"]) == "stale"
    assert len(shop.mirror("shopify_variants")) == 1


def test_of_2048_variants_100_come_at_once_and_the_rest_is_asked_for(shop: MirrorShop) -> None:
    live = LiveShop(ShopSpec("live.myshopify.com", products=2), now=ticking())
    gid = live.create_product(variants=2048)
    event = next(e for e in live.take_events() if e.topic == "products/create")
    assert shop.send(event.topic, event.payload, event.triggered_at) == "applied"
    assert len(shop.mirror("shopify_variants")) == 100
    assert shop.wanted()["products"] == [number_of(gid)]
    shop.fetch_all(live)
    assert len(shop.mirror("shopify_variants")) == 2048
    live.delete_variant(live.products[gid]["variants"][1500]["id"])
    event = next(e for e in live.take_events() if e.topic == "products/update")
    assert shop.send(event.topic, event.payload, event.triggered_at) == "applied"
    assert len(shop.mirror("shopify_variants")) == 2047, "of those beyond the first 100 the gids tell"


def test_erased_customer_stays_erased(shop: MirrorShop) -> None:
    shop.send("customers/create", SAMPLES["customers/create"])
    shop.execute("SELECT privacy._erase_customers(%s, '706405506930370084')", shop.id)
    again = sample("customers/update", updated_at="2030-01-01T00:00:00Z")
    assert shop.send("customers/update", again) == "stale"
    assert mirrored(shop, "shopify_customers")["email"] is None


def test_delivery_is_processed_once(shop: MirrorShop) -> None:
    job = shop.receive("products/create", SAMPLES["products/create"])
    assert shop.process(job)["outcome"] == "applied"
    assert shop.process(job) == {"outcome": "done"}
    shop.execute("DELETE FROM neanelu.webhook_events WHERE shop_id = %s", shop.id)
    assert shop.process(job) == {"outcome": "gone"}


# --- Payloads that cannot be right ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "change", "code"),
    [
        (
            "products/create",
            {"variants": [{**SAMPLES["products/create"]["variants"][1], "price": "12.345"}]},
            "22003",
        ),
        ("products/create", {"status": "dreaming"}, "23514"),
        ("products/create", {"title": None}, "23502"),
        ("products/create", {"handle": "x" * 300}, "22001"),
        ("products/create", {"updated_at": "infinity"}, "22007"),
        ("products/create", {"id": "1.5e3"}, "NW010"),
        ("products/create", {"id": 10**30}, "NW010"),
        ("products/create", {"variants": "none"}, None),
        ("orders/create", {"line_items": {"id": 1}}, "22023"),
        ("orders/create", {"total_price_set": {"shop_money": {"amount": "NaN"}}}, "23514"),
        ("orders/create", {"customer": {"id": None}}, "NW010"),
        ("customers/create", {"default_address": 7}, None),
        ("metaobjects/create", {"fields": [1]}, "22023"),
        ("inventory_levels/update", {"available": 1.5, "location_id": 866550311766439020}, "22P02"),
        ("app/scopes_update", {"current": "all"}, "NW011"),
    ],
)
def test_bad_payload_is_kept_with_its_reason_and_has_no_effect(
    shop: MirrorShop, topic: str, change: dict[str, Any], code: str | None
) -> None:
    shop.send("locations/create", SAMPLES["locations/create"])
    before = {table: shop.mirror(table) for table in TABLES}
    result = shop.process(shop.receive(topic, sample(topic, **change)))
    if code is None:
        assert result["outcome"] == "applied"
        return
    assert (result["outcome"], result["error"][:5]) == ("rejected", code)
    assert {table: shop.mirror(table) for table in TABLES} == before
    event = shop.row("SELECT * FROM neanelu.webhook_events WHERE shop_id = %s AND topic = %s", shop.id, topic)
    assert (event["processed_at"], event["processing_error"][:5]) == (None, code)
    assert shop.wanted().get("products") is None


def test_refused_delivery_can_be_tried_again_after_its_cause_was_mended(shop: MirrorShop) -> None:
    shop.process(shop.receive("products/create", sample("products/create", status="dreaming")))
    shop.execute(
        'UPDATE neanelu.webhook_events SET payload = payload || \'{"status": "active"}\' WHERE shop_id = %s',
        shop.id,
    )
    assert shop.value("SELECT webhooks.retry(%s)", shop.id) == 1
    job = shop.value(
        "SELECT payload FROM neanelu.job_runs WHERE shop_id = %s AND job_name = 'webhook.process'", shop.id
    )
    assert shop.process(psycopg.types.json.Jsonb(job))["outcome"] == "applied"
    event = shop.row("SELECT * FROM neanelu.webhook_events WHERE shop_id = %s", shop.id)
    assert (event["processing_error"], event["retry_count"]) == (None, 1)
    assert shop.value("SELECT webhooks.retry(%s)", shop.id) == 0


# --- Beside bulk runs -------------------------------------------------------------------------------------


def ticking(hours: float = 2.0) -> Callable[[], float]:
    """Return a clock that begins some hours ago and goes on by its being looked at."""
    moments = iter(range(1, 1_000_000))
    began = time.time() - hours * 3600
    return lambda: began + 1.1 * next(moments)


def as_test_shop(shop: MirrorShop, tmp_path: Path) -> TestShop:
    """Return the same shop as the tests of the bulk pipeline know it."""
    from sync_support import settings as daemon_settings

    return TestShop(shop.database, tmp_path, shop.id, shop.domain, daemon_settings(tmp_path))


def bulk_file(live: LiveShop, resource: str = "products") -> bytes:
    return joined(json.dumps(line).encode() for line in lines_of_live(live, resource))


def test_bulk_file_does_not_bring_back_what_was_deleted_while_it_was_made(
    shop: MirrorShop, tmp_path: Path
) -> None:
    live = LiveShop(ShopSpec("live.myshopify.com", products=4), now=ticking())
    pipeline = as_test_shop(shop, tmp_path)
    old = bulk_file(live)
    first, second = list(live.products)[:2]
    pipeline.ingest(old)
    started = datetime.now(UTC)
    live.delete_product(first)
    live.delete_product(second)
    # One the mirror has; of the other only the tombstone tells.
    shop.execute(
        "DELETE FROM neanelu.shopify_products WHERE shop_id = %s AND shopify_gid = %s", shop.id, second
    )
    for gid in (first, second):
        at = datetime.now(UTC) + timedelta(minutes=5)  # deleted after the run begins
        assert shop.send("products/delete", {"id": number_of(gid)}, at) == "applied"
    run = pipeline.ingest(old, mode="incremental")
    assert run["started_at"] > started
    assert set(shop.mirror("shopify_products")) == set(live.products)
    assert not shop.rows(
        "SELECT FROM neanelu.sync_digests WHERE shop_id = %s AND object_id = ANY (%s) AND digest <> 0",
        shop.id,
        [number_of(first), number_of(second)],
    )


def test_snapshot_does_not_judge_missing_what_came_since_it_began(shop: MirrorShop, tmp_path: Path) -> None:
    live = LiveShop(ShopSpec("live.myshopify.com", products=3), now=ticking())
    pipeline = as_test_shop(shop, tmp_path)
    data = bulk_file(live)
    pipeline.ingest(data)
    live.create_product()
    event = next(e for e in live.take_events() if e.topic == "products/create")
    run = shop.value("SELECT sync.request_run(%s, 'products', 'snapshot', 'file')", shop.id)
    shop.execute("UPDATE neanelu.bulk_runs SET started_at = now() WHERE id = %s", run)
    assert shop.send(event.topic, event.payload, event.triggered_at) == "applied"
    path = tmp_path / "old.jsonl"
    path.write_bytes(data)
    from neanelu.sync.origin import Spool

    with pipeline.daemon() as daemon:
        assert daemon.work_once(shop_id=shop.id, run_id=run, source=Spool(path))
    assert pipeline.run(run)["status"] == "completed"
    assert set(shop.mirror("shopify_products")) == set(live.products)
    later = pipeline.ingest(data)
    assert later["rows_tombstoned"] >= 1, "the next one does"


def test_file_that_is_the_same_again_is_merged_again_where_a_webhook_wrote(
    shop: MirrorShop, tmp_path: Path
) -> None:
    live = LiveShop(ShopSpec("live.myshopify.com", products=3), now=ticking())
    pipeline = as_test_shop(shop, tmp_path)
    data = bulk_file(live)
    pipeline.ingest(data)
    gid = next(iter(live.products))
    before = shop.mirror("shopify_products")[gid]
    live.update_product(gid, title="Meanwhile")
    event = next(e for e in live.take_events() if e.topic == "products/update")
    older = {**event.payload, "updated_at": before["updated_at_shopify"].isoformat()}
    assert shop.send("products/update", older) == "applied"
    assert shop.mirror("shopify_products")[gid]["title"] == "Meanwhile"
    pipeline.ingest(data)
    assert shop.mirror("shopify_products")[gid] == before, "its digest was forgotten"


def test_completed_run_does_what_was_wanted_before_and_asks_again_for_what_was_fetched_since(
    shop: MirrorShop,
) -> None:
    shop.want("products", [1, 2])
    shop.execute(
        "UPDATE neanelu.mirror_fetches SET wanted_at = now() - interval '1 h' WHERE shop_id = %s AND object_id = 1",
        shop.id,
    )
    shop.execute(
        "INSERT INTO neanelu.mirror_fetches (shop_id, resource, object_id, fetched_at) VALUES (%s, 'products', 3, now())",
        shop.id,
    )
    run = shop.value("SELECT sync.request_run(%s, 'products')", shop.id)
    shop.execute(
        "UPDATE neanelu.bulk_runs SET status = 'running', started_at = now() - interval '10 min', attempt = 1, leased_by = 'x',"
        " lease_token = uuidv7(), lease_expires_at = now() + interval '1 h', lines_in = 0 WHERE id = %s",
        run,
    )
    shop.execute("INSERT INTO neanelu.bulk_groups VALUES (%s, 30, 1), (%s, 30, 2)", run, run)
    shop.execute(
        "UPDATE neanelu.bulk_runs SET status = 'completed', completed_at = now(), leased_by = NULL, lease_token = NULL,"
        " lease_expires_at = NULL WHERE id = %s",
        run,
    )
    assert shop.wanted() == {"products": [2, 3]}


def test_delivery_waits_for_a_merge_and_does_not_count_that_as_an_attempt(
    shop: MirrorShop, module_db: Database
) -> None:
    job = shop.receive("collections/create", SAMPLES["collections/create"])
    with module_db.connect(autocommit=False) as merging:
        merging.execute("SELECT sync.lock_resource(%s, 'collections')", [shop.id])
        assert shop.process(job) == {"outcome": "waits for a merge"}
    again = shop.row(
        "SELECT * FROM neanelu.job_runs WHERE shop_id = %s AND job_name = 'webhook.process'", shop.id
    )
    assert (again["status"], again["attempts"], again["payload"]["postponed"]) == ("waiting", 0, 1)
    assert shop.process(psycopg.types.json.Jsonb(again["payload"]))["outcome"] == "applied"


# --- All of it --------------------------------------------------------------------------------------------

#: What the payloads of a family carry, and must be as a bulk run brings it without anything being asked for.
CARRIED = {
    table: names.split()
    for table, names in {
        "inventory_locations": """
            name is_active updated_at_shopify
        """,
        "shopify_products": """
            title handle description_html vendor product_type status tags options featured_image_url
            template_suffix category_id published_at created_at_shopify updated_at_shopify
        """,
        "shopify_variants": """
            title sku barcode price compare_at_price currency_code position inventory_quantity product_id
            inventory_policy inventory_item_id taxable selected_options created_at_shopify
            updated_at_shopify
        """,
        "inventory_levels": """
            available location_id updated_at_shopify
        """,
        "shopify_collections": """
            title handle description_html collection_type sort_order rules template_suffix
            updated_at_shopify
        """,
        "shopify_customers": """
            email phone first_name last_name display_name state verified_email tax_exempt tax_exemptions
            note default_address addresses created_at_shopify
        """,
        "shopify_orders": """
            name order_number email phone financial_status fulfillment_status total_price subtotal_price
            total_tax total_discounts total_shipping current_total_price current_subtotal_price
            current_total_tax current_shipping_price taxes_included is_test currency_code
            presentment_currency line_items shipping_lines discount_codes refunds shipping_address
            billing_address customer_id customer_locale tags note note_attributes gateway payment_terms
            source_name source_identifier cancelled_at cancel_reason closed_at processed_at
            created_at_shopify updated_at_shopify
        """,
        "shopify_metaobjects": """
            type handle display_name fields capabilities updated_at_shopify
        """,
    }.items()
}


def settled(table: str, column: str, value: Any, reference: Any) -> Any:
    """Return a value without what Shopify changes and tells nobody: lines forget products that were deleted."""
    if (table, column) != ("shopify_orders", "line_items"):
        return value
    known = {line["id"] for line in reference if line["variant"] is not None}
    return [line if line["id"] in known else {**line, "product": None, "variant": None} for line in value]


def assert_equal(
    shop: MirrorShop, reference: MirrorShop, columns: dict[str, list[str]] | None = None
) -> None:
    for table in columns or TABLES:
        ours, theirs = shop.mirror(table), reference.mirror(table)
        if columns is None or table != "inventory_levels":
            assert set(ours) == set(theirs), table
        for gid in set(ours) & set(theirs):
            for column in (columns or {}).get(table) or theirs[gid]:
                if (table, column) == ("shopify_collections", "published_at"):
                    continue  # only webhooks send it
                mine, right = (
                    settled(table, column, ours[gid][column], theirs[gid][column]),
                    theirs[gid][column],
                )
                if columns is not None:
                    mine, right = plain(mine), plain(right)
                assert mine == right, (table, gid, column)


def interleaved(live: LiveShop, seed: int, steps: int) -> list[Any]:
    """Let things happen in a live shop and return its webhooks in another order, some of them twice."""
    work = Changes(live, seed, dict.fromkeys(MIX, 1.0))
    for _ in range(steps):
        work.step()
    events = [e for e in live.take_events() if not e.topic.startswith(("app/", "shop/"))]
    chance = random.Random(seed)
    events += chance.sample(events, len(events) // 5)
    chance.shuffle(events)
    return events


@settings(max_examples=3, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 30))
def test_any_interleaving_ends_in_the_mirror_of_a_fresh_sync(
    module_db: Database, tmp_path_factory: Any, seed: int
) -> None:
    live = LiveShop(ShopSpec("live.myshopify.com", products=6, seed=seed % 97), now=ticking())
    shop, fresh = MirrorShop(module_db), MirrorShop(module_db)
    shop.bring(live)
    for event in interleaved(live, seed, 30):
        outcome = shop.send(event.topic, event.payload, event.triggered_at)
        assert outcome in ("applied", "stale", "unchanged", "postponed", "ignored"), event
    pipeline = as_test_shop(fresh, tmp_path_factory.mktemp("fresh"))
    for resource in KINDS:
        assert pipeline.ingest(bulk_file(live, resource), resource)["status"] == "completed"
    assert_equal(shop, fresh, CARRIED)
    shop.fetch_all(live)
    assert_equal(shop, fresh)
    assert shop.links() == fresh.links()
    shop.close()
    fresh.close()


def test_processors_and_merges_side_by_side_wait_and_do_not_deadlock(module_db: Database) -> None:
    live = LiveShop(ShopSpec("live.myshopify.com", products=6, seed=11), now=ticking())
    shop, fresh = MirrorShop(module_db), MirrorShop(module_db)
    shop.bring(live)
    jobs = [shop.receive(e.topic, e.payload, e.triggered_at) for e in interleaved(live, 11, 40)]
    failures: list[BaseException] = []

    def work(part: int) -> None:
        try:
            with module_db.connect() as connection:
                for job in jobs[part::6]:
                    connection.execute("SELECT webhooks.process(%s, %s)", [shop.id, job])
        except BaseException as error:
            failures.append(error)

    def merge() -> None:
        try:
            with module_db.connect() as connection:
                for resource in ("products", "inventory", "orders", "customers", "products", "collections"):
                    trees = trees_of(live, resource)
                    lines = [line for tree in trees.values() for line in tree]
                    connection.execute(
                        "SELECT webhooks.apply_fetched(%s, %s, %s, %s, clock_timestamp())",
                        [shop.id, resource, list(trees), lines],
                    )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)] + [threading.Thread(target=merge)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    shop.fetch_all(live)
    fresh.bring(live)
    assert_equal(shop, fresh)
    shop.close()
    fresh.close()
