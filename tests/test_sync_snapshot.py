"""What a snapshot, a verify run and an incremental run do to the mirror, against what the sandbox's shop really holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from sync_support import TestShop, configure, lines_of, mirror_tables, new_domain, vacuum

from neanelu.platform.scratch import Database, Scratch
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread

SPEC = ShopSpec(products=50, customers=20, orders=25, collections=6, metaobjects=12)
LATER = "2026-11-10T00:00:00Z"
EVEN_LATER = "2026-11-11T00:00:00Z"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread(log_level="critical") as handle:
        yield handle


@pytest.fixture(scope="module")
def database(scratch: Scratch) -> Iterator[Database]:
    made = scratch.create()
    configure(made, retry_base_seconds=0.05)
    yield made
    scratch.drop(made)


@pytest.fixture
def shop(database: Database, sandbox: SandboxHandle, tmp_path: Path) -> Iterator[TestShop]:
    """A shop of the sandbox, not yet synchronised."""
    domain = new_domain()
    sandbox.add(replace(SPEC, domain=domain), min_polls=1)
    yield TestShop.create(
        database, tmp_path, domain=domain, token=sandbox.token(domain), base_url=sandbox.base_url_template
    )
    vacuum(database)


def sync(shop: TestShop, *resources: str, **options: Any) -> dict[str, dict[str, Any]]:
    """Synchronise and insist on success."""
    runs = shop.sync(*resources, **options)
    for name, run in runs.items():
        assert run["status"] == "completed", (name, run["error_code"], run["error_message"])
        assert run["lines_quarantined"] == 0, (name, shop.errors(run["id"]))
    return runs


def lines(shop: TestShop, sandbox: SandboxHandle, resource: str) -> list[dict[str, Any]]:
    """Return the lines that Shopify would send of a resource now."""
    return [orjson.loads(line) for line in lines_of(sandbox.runtime(shop.domain).spec, resource)]


def gids(shop: TestShop, sandbox: SandboxHandle, resource: str, kind: str) -> set[str]:
    """Return the ids of a kind's objects in a resource's file."""
    return {
        line["id"]
        for line in lines(shop, sandbox, resource)
        if line.get("id", "").startswith(f"gid://shopify/{kind}/")
    }


def versions(shop: TestShop) -> dict[str, list[tuple[str, str]]]:
    """Return where every row of the shop's mirror lies and which transaction wrote it: equal means not written."""
    with psycopg.connect(shop.database.dsn(), autocommit=True) as connection:
        return {
            table: sorted(
                connection.execute(
                    f"SELECT ctid::text, xmin::text FROM neanelu.{table} WHERE shop_id = %s".encode(),
                    [shop.id],
                ).fetchall()
            )
            for table in mirror_tables(connection)
        }


# --- what is in the mirror ----------------------------------------------------------------------------------


def test_every_resource_arrives_with_its_values(shop: TestShop, sandbox: SandboxHandle) -> None:
    runs = sync(shop)
    assert len(runs) == 10
    products = {line["id"]: line for line in lines(shop, sandbox, "products")}
    stored = {
        r["shopify_gid"]: r
        for r in shop.rows("SELECT * FROM neanelu.shopify_products WHERE shop_id = %s", shop.id)
    }
    metafields: dict[str, dict[str, Any]] = {gid: {} for gid in products}
    for line in products.values():
        if "/Metafield/" in line["id"]:
            metafields[line["__parentId"]][f"{line['namespace']}.{line['key']}"] = {
                "type": line["type"],
                "value": line["value"],
            }
    roots = {gid: line for gid, line in products.items() if "__parentId" not in line}
    assert set(stored) == set(roots)
    for gid, line in roots.items():
        row = stored[gid]
        assert row["legacy_resource_id"] == int(line["legacyResourceId"])
        for column, field in (
            ("title", "title"),
            ("handle", "handle"),
            ("vendor", "vendor"),
            ("status", "status"),
            ("description_html", "descriptionHtml"),
            ("tags", "tags"),
            ("options", "options"),
        ):
            assert row[column] == line[field]
        assert row["metafields"] == metafields[gid]
        assert row["updated_at_shopify"] == datetime.fromisoformat(line["updatedAt"])
    variants = {line["id"]: line for line in products.values() if "/ProductVariant/" in line["id"]}
    rows = shop.rows(
        "SELECT v.*, p.shopify_gid AS product_gid FROM neanelu.shopify_variants AS v"
        " JOIN neanelu.shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id WHERE v.shop_id = %s",
        shop.id,
    )
    assert {row["shopify_gid"] for row in rows} == set(variants)
    for row in rows:
        line = variants[row["shopify_gid"]]
        assert row["product_gid"] == line["__parentId"]
        assert row["price"] == Decimal(line["price"])
        assert row["compare_at_price"] == (
            Decimal(line["compareAtPrice"]) if line["compareAtPrice"] else None
        )
        assert (row["sku"], row["barcode"], row["inventory_quantity"]) == (
            line["sku"],
            line["barcode"],
            line["inventoryQuantity"],
        )
        assert row["metafields"] == metafields[row["shopify_gid"]]
    orders = lines(shop, sandbox, "orders")
    items: dict[str, list[str]] = {}
    for line in orders:
        if "/LineItem/" in line["id"]:
            items.setdefault(line["__parentId"], []).append(line["id"])
    for row in shop.rows("SELECT * FROM neanelu.shopify_orders WHERE shop_id = %s", shop.id):
        line = next(line for line in orders if line["id"] == row["shopify_gid"])
        assert row["total_price"] == Decimal(line["totalPriceSet"]["shopMoney"]["amount"])
        assert [item["id"] for item in row["line_items"]] == items.get(row["shopify_gid"], [])
    for table, resource, kind in (
        ("shopify_customers", "customers", "Customer"),
        ("shopify_orders", "orders", "Order"),
        ("shopify_collections", "collections", "Collection"),
        ("shopify_metaobjects", "metaobjects", "Metaobject"),
        ("inventory_locations", "locations", "Location"),
        ("inventory_levels", "inventory", "InventoryLevel"),
        ("shopify_publications", "publications", "Publication"),
        ("shopify_media", "products", "MediaImage"),
    ):
        expected = gids(shop, sandbox, resource, kind)
        assert expected, table
        found = shop.rows(f"SELECT shopify_gid FROM neanelu.{table} WHERE shop_id = %s", shop.id)
        assert {row["shopify_gid"] for row in found} >= expected, table
    links = {
        (line["__parentId"], line["id"])
        for line in lines(shop, sandbox, "collections")
        if "/Product/" in line.get("id", "")
    }
    found = shop.rows(
        "SELECT c.shopify_gid AS c, p.shopify_gid AS p FROM neanelu.shopify_collection_products AS l"
        " JOIN neanelu.shopify_collections AS c ON c.shop_id = l.shop_id AND c.id = l.collection_id"
        " JOIN neanelu.shopify_products AS p ON p.shop_id = l.shop_id AND p.id = l.product_id WHERE l.shop_id = %s",
        shop.id,
    )
    assert {(row["c"], row["p"]) for row in found} == links
    assert shop.value("SELECT count(*) FROM neanelu.shopify_menu_items WHERE shop_id = %s", shop.id) > 0
    for run in runs.values():
        assert run["lines_in"] == run["lines_merged"] + run["lines_ignored"] + run["lines_unchanged"]
        assert run["objects_expected"] in (None, run["lines_in"])
        assert run["result_url"] is None
        artifact = shop.rows("SELECT * FROM neanelu.bulk_artifacts WHERE bulk_run_id = %s", run["id"])[0]
        assert len(artifact["checksum"]) == 64
        assert not artifact["url"] or "?" not in artifact["url"], "no signature is kept"
    assert (
        shop.value(
            "SELECT count(*) FROM neanelu.sync_checkpoints WHERE shop_id = %s AND status = 'idle'", shop.id
        )
        == 10
    )
    for table in ("bulk_lines", "bulk_groups", "staging_products", "staging_variants"):
        assert shop.value(f"SELECT count(*) FROM neanelu.{table}") == 0, "nothing transient is left"
    assert list((shop.tmp_path / "spool").rglob("*.jsonl*")) == [], "no file is left"


def test_unchanged_shop_is_not_written(shop: TestShop) -> None:
    sync(shop)
    before, mirror = versions(shop), shop.mirror()
    assert sum(map(len, before.values())) > 500
    for mode in ("snapshot", "verify", "incremental"):
        runs = sync(shop, mode=mode)
        assert versions(shop) == before, f"a {mode} run wrote rows that did not change"
        assert {
            (r["rows_inserted"], r["rows_updated"], r["rows_tombstoned"], r["lines_merged"])
            for r in runs.values()
        } == {(0, 0, 0, 0)}
    assert shop.mirror() == mirror


def test_unchanged_resync_makes_no_wal_in_the_mirror(database: Database, shop: TestShop) -> None:
    """As the server counts it: no tuple of a mirror table is inserted, updated or deleted, and none is dead."""
    sync(shop)
    tables = "SELECT array_agg(DISTINCT target_table) FROM neanelu.sync_tables"
    counters = (
        "SELECT sum(n_tup_ins) AS ins, sum(n_tup_upd) AS upd, sum(n_tup_del) AS del FROM pg_stat_user_tables"
        f" WHERE schemaname = 'neanelu' AND relname = ANY (({tables})::text[])"
    )
    shop.execute("SELECT pg_stat_force_next_flush()")
    before = shop.rows(counters)
    sync(shop)
    shop.execute("SELECT pg_stat_force_next_flush()")
    assert shop.rows(counters) == before


# --- what vanishes ------------------------------------------------------------------------------------------

VANISHING = [
    ("products", "products", "shopify_products", "Product"),
    ("customers", "customers", "shopify_customers", "Customer"),
    ("orders", "orders", "shopify_orders", "Order"),
    ("collections", "collections", "shopify_collections", "Collection"),
    ("metaobjects", "metaobjects", "shopify_metaobjects", "Metaobject"),
    ("locations", "locations", "inventory_locations", "Location"),
    ("publications", "publications", "shopify_publications", "Publication"),
    ("menus", "menus", "shopify_menus", "Menu"),
]


@pytest.mark.parametrize(("resource", "edited", "table", "kind"), VANISHING, ids=lambda value: str(value))
def test_what_disappears_is_marked_and_lives_again(
    shop: TestShop, sandbox: SandboxHandle, resource: str, edited: str, table: str, kind: str
) -> None:
    needed = ["products", "publications"] if resource == "collections" else []
    sync(shop, *needed, resource)
    all_of_them = shop.live(table)
    before = shop.mirror(table)
    sandbox.mutate(shop.domain, "deleted", resource=edited, at=LATER, only=[0])
    run = sync(shop, resource)[resource]
    gone = shop.gone(table)
    assert len(gone) == 1
    assert shop.live(table) == all_of_them - gone
    if resource != "menus":
        assert shop.live(table) == gids(shop, sandbox, resource, kind)
    assert run["rows_tombstoned"] >= 1
    assert {
        r["deletion_reason"]
        for r in shop.rows(
            f"SELECT deletion_reason FROM neanelu.{table} WHERE shop_id = %s AND deleted_at IS NOT NULL",
            shop.id,
        )
    } == {"snapshot"}
    when = shop.value(
        f"SELECT deleted_at FROM neanelu.{table} WHERE shop_id = %s AND deleted_at IS NOT NULL", shop.id
    )
    assert sync(shop, resource)[resource]["rows_tombstoned"] == 0
    assert (
        shop.value(
            f"SELECT deleted_at FROM neanelu.{table} WHERE shop_id = %s AND deleted_at IS NOT NULL", shop.id
        )
        == when
    )
    sandbox.mutate(shop.domain, "reappeared", resource=edited, at=EVEN_LATER, only=[0])
    run = sync(shop, resource)[resource]
    assert shop.gone(table) == set()
    assert shop.live(table) == all_of_them
    assert run["rows_tombstoned"] == 0
    assert len(shop.mirror(table)[table]) == len(before[table])


def test_variants_of_a_deleted_product_go_and_come_with_it(shop: TestShop, sandbox: SandboxHandle) -> None:
    sync(shop, "products")
    everything = shop.live("shopify_variants")
    sandbox.mutate(shop.domain, "deleted", at=LATER, only=[2, 3, 30])
    run = sync(shop, "products")["products"]
    gone = shop.gone("shopify_variants")
    assert gone
    assert (
        shop.live("shopify_variants")
        == gids(shop, sandbox, "products", "ProductVariant")
        == everything - gone
    )
    assert run["rows_tombstoned"] == 3 + len(gone)
    sandbox.mutate(shop.domain, "reappeared", at=EVEN_LATER, only=[2, 30])
    sync(shop, "products")
    assert len(shop.gone("shopify_products")) == 1
    assert shop.live("shopify_variants") == gids(shop, sandbox, "products", "ProductVariant")


def test_variants_of_a_living_product_vanish(shop: TestShop, sandbox: SandboxHandle) -> None:
    sync(shop, "products")
    everything = shop.live("shopify_variants")
    sandbox.mutate(shop.domain, "variants_deleted", at=LATER, fraction=1.0)
    run = sync(shop, "products")["products"]
    left = gids(shop, sandbox, "products", "ProductVariant")
    assert left < everything
    assert shop.live("shopify_variants") == left
    assert shop.gone("shopify_variants") == everything - left
    assert shop.gone("shopify_products") == set()
    assert run["rows_tombstoned"] == len(everything - left)
    counts = shop.counts(run["id"])
    assert counts["ProductVariant"]["tombstoned"] == len(everything - left)


def test_levels_of_a_lost_location_vanish(shop: TestShop, sandbox: SandboxHandle) -> None:
    sync(shop, "locations", "products", "inventory")
    everything = shop.live("inventory_levels")
    assert everything == gids(shop, sandbox, "inventory", "InventoryLevel")
    sandbox.mutate(shop.domain, "deleted", resource="locations", at=LATER, only=[1])
    run = sync(shop, "locations", "inventory")["inventory"]
    left = gids(shop, sandbox, "inventory", "InventoryLevel")
    assert everything - left
    assert shop.live("inventory_levels") == left
    assert shop.gone("inventory_levels") == everything - left
    assert run["rows_tombstoned"] == len(everything - left)


def test_levels_of_a_deleted_product_vanish(shop: TestShop, sandbox: SandboxHandle) -> None:
    sync(shop, "locations", "products", "inventory")
    sandbox.mutate(shop.domain, "deleted", at=LATER, only=[5])
    sync(shop, "products", "inventory")
    assert shop.gone("inventory_levels")
    assert shop.live("inventory_levels") == gids(shop, sandbox, "inventory", "InventoryLevel")


def test_links_follow_their_objects(shop: TestShop, sandbox: SandboxHandle) -> None:
    """A shop that changed until its mirror equals that of a shop which never was otherwise."""
    sync(shop)
    for change in ("changed", "deleted", "variants_deleted"):
        sandbox.mutate(shop.domain, change, at=LATER, fraction=0.3)
        sandbox.mutate(
            shop.domain,
            change if change != "variants_deleted" else "changed",
            resource="collections",
            at=LATER,
            fraction=0.3,
        )
        sync(shop)
    sandbox.mutate(shop.domain, "added", at=EVEN_LATER, count=4)
    sync(shop)
    other_domain = new_domain()
    sandbox.add(
        replace(sandbox.runtime(shop.domain).spec, domain=other_domain), min_polls=1, token="shpat_other"
    )
    other = TestShop.create(
        shop.database,
        shop.tmp_path,
        domain=other_domain,
        token="shpat_other",
        base_url=sandbox.base_url_template,
    )
    sync(other)
    expected, found = other.mirror(), shop.mirror()
    dead = (
        shop.gone("shopify_products")
        | shop.gone("shopify_variants")
        | shop.gone("shopify_collections")
        | shop.gone("inventory_levels")
    )
    for table, rows in expected.items():
        if table == "shopify_media":
            continue  # media of gone products stay: they belong to the shop, not to the product
        living = [
            row for row in found[table] if not any(value in dead for value in row) and row[-1] != "true"
        ]
        if table in (
            "shopify_product_media",
            "shopify_collection_products",
            "shopify_resource_publications",
            "shopify_variant_media",
        ):
            living = [row for row in found[table] if not any(value in dead for value in row)]
        assert sorted(map(repr, living)) == sorted(map(repr, rows)), table


# --- newer and older ----------------------------------------------------------------------------------------


def test_older_data_do_not_overwrite_newer(shop: TestShop, sandbox: SandboxHandle) -> None:
    sync(shop, "products")
    gid = min(shop.live("shopify_products"))
    shop.execute(
        "UPDATE neanelu.shopify_products SET title = 'by webhook', updated_at_shopify = '2026-11-09T00:00:00Z'"
        " WHERE shop_id = %s AND shopify_gid = %s",
        shop.id,
        gid,
    )
    shop.execute("DELETE FROM neanelu.sync_digests WHERE shop_id = %s", shop.id)
    title = "SELECT title FROM neanelu.shopify_products WHERE shop_id = %s AND shopify_gid = %s"
    for mode in ("snapshot", "snapshot", "verify"):
        run = sync(shop, "products", mode=mode)["products"]
        assert shop.value(title, shop.id, gid) == "by webhook"
        assert run["lines_ignored"] >= 1, "seen, not merged, and not forgotten: no digest is kept"
        assert shop.counts(run["id"])["Product"]["ignored"] == 1
    sandbox.mutate(shop.domain, "changed", at=LATER, fraction=1.0)
    sync(shop, "products")
    assert shop.value(title, shop.id, gid) != "by webhook", "Shopify's newer version wins"


def test_verify_repairs_what_was_tampered_with(shop: TestShop) -> None:
    sync(shop, "products")
    clean = shop.mirror()
    shop.execute(
        "UPDATE neanelu.shopify_variants SET price = price + 1 WHERE shop_id = %s AND position = 1", shop.id
    )
    shop.execute(
        "UPDATE neanelu.shopify_products SET tags = '{}', deleted_at = now(), deletion_reason = 'webhook' WHERE shop_id = %s",
        shop.id,
    )
    shop.execute("DELETE FROM neanelu.shopify_product_media WHERE shop_id = %s", shop.id)
    run = sync(shop, "products")["products"]
    assert shop.mirror() != clean, "a snapshot trusts its digests"
    assert run["lines_unchanged"] == run["lines_in"]
    run = sync(shop, "products", mode="verify")["products"]
    assert shop.mirror() == clean
    assert run["rows_updated"] > 0
    assert run["rows_tombstoned"] == 0


# --- incremental --------------------------------------------------------------------------------------------


def test_first_incremental_run_is_a_snapshot(shop: TestShop) -> None:
    run = sync(shop, "products", mode="incremental")["products"]
    assert (run["mode"], run["filter_from"]) == ("snapshot", None)
    assert sync(shop, "locations", mode="incremental")["locations"]["mode"] == "snapshot"
    assert sync(shop, "locations", mode="incremental")["locations"]["mode"] == "snapshot", (
        "locations cannot be filtered"
    )


def test_incremental_run_asks_with_overlap_and_never_tombstones(
    shop: TestShop, sandbox: SandboxHandle
) -> None:
    sync(shop, "products")
    mark = shop.value("SELECT high_water_mark FROM neanelu.sync_checkpoints WHERE shop_id = %s", shop.id)
    operation = list(sandbox.runtime(shop.domain).operations.values())[-1]
    assert abs(mark.timestamp() - operation.created_at) < 2, "the mark is when Shopify began to read"
    everything = shop.live("shopify_products")
    soon = datetime.fromtimestamp(operation.created_at + 86400).astimezone().isoformat()
    sandbox.mutate(shop.domain, "deleted", at=soon, only=[0, 1, 2])
    sandbox.mutate(shop.domain, "changed", at=soon, only=[10, 11])
    sandbox.mutate(shop.domain, "added", at=soon, count=1)
    run = sync(shop, "products", mode="incremental")["products"]
    assert run["mode"] == "incremental"
    assert run["filter_from"] == mark - timedelta(seconds=600)
    asked = list(sandbox.runtime(shop.domain).operations.values())[-1]
    assert f"updated_at:>'{run['filter_from'].strftime('%Y-%m-%dT%H:%M:%SZ')}'" in asked.query
    assert asked.roots == 3
    assert run["rows_tombstoned"] == 0
    assert shop.live("shopify_products") > everything
    assert len(shop.live("shopify_products")) == len(everything) + 1
    assert run["rows_inserted"] >= 1 and run["rows_updated"] >= 2
    later = shop.rows("SELECT * FROM neanelu.sync_checkpoints WHERE shop_id = %s", shop.id)[0]
    assert later["high_water_mark"] >= mark
    assert later["metadata"]["mode"] == "incremental"
    run = sync(shop, "products")["products"]
    assert run["rows_tombstoned"] >= 3
    assert shop.live("shopify_products") == gids(shop, sandbox, "products", "Product")


# --- too much -----------------------------------------------------------------------------------------------


def test_mass_delete_is_refused_until_it_is_allowed(
    db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    configure(db, max_tombstone_rows=5)
    domain = new_domain()
    sandbox.add(replace(SPEC, domain=domain), min_polls=1)
    shop = TestShop.create(
        db, tmp_path, domain=domain, token=sandbox.token(domain), base_url=sandbox.base_url_template
    )
    sync(shop, "products")
    before = shop.mirror()
    checkpoint = shop.rows(
        "SELECT last_run_id, high_water_mark FROM neanelu.sync_checkpoints WHERE shop_id = %s", shop.id
    )
    sandbox.mutate(shop.domain, "deleted", at=LATER, only=list(range(40)))
    run = shop.sync("products")["products"]
    assert (run["status"], run["error_code"]) == ("failed", "NS063")
    assert shop.mirror() == before
    assert (
        shop.rows(
            "SELECT last_run_id, high_water_mark FROM neanelu.sync_checkpoints WHERE shop_id = %s", shop.id
        )
        == checkpoint
    )
    with psycopg.connect(db.dsn("neanelu_operator"), autocommit=True) as connection:
        row = connection.execute("SELECT sync.retry_run(%s, true)", [run["id"]]).fetchone()
    assert row is not None
    with shop.daemon() as daemon:
        daemon.run_until_ended([row[0]], shop_id=shop.id)
    again = shop.run(row[0])
    assert (again["status"], again["allow_mass_delete"]) == ("completed", True)
    assert len(shop.live("shopify_products")) == 10
