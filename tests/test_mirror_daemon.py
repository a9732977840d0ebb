"""What a worker does for the mirror, against the sandbox: it fetches what webhooks do not carry and finds what never came."""

from __future__ import annotations

import bisect
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, validate
from mirror_support import KINDS, MirrorShop, trees_of
from psycopg.types.json import Jsonb
from sync_support import KEYS, TestShop, configure, new_domain
from test_webhooks_mirror import assert_equal

from neanelu.platform.scratch import Database
from neanelu.sandbox.costs import MAX_COST, requested_cost
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.live import LiveShop
from neanelu.sandbox.schema import load_schema
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.shopify import nodes
from neanelu.worker.worker import Tally, Worker


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread() as handle:
        yield handle


class Followed:
    """A live shop in the sandbox, and the mirror that follows it."""

    def __init__(self, database: Database, sandbox: SandboxHandle, tmp_path: Path, **spec: Any) -> None:
        domain = new_domain()
        sandbox.add(ShopSpec(domain, **{"products": 8, "seed": 7, **spec}), live=True, ties=True)
        self.live: LiveShop = sandbox.live(domain)
        self.live.sink = None  # its webhooks are handed over here
        self.pipeline = TestShop.create(
            database,
            tmp_path,
            domain=domain,
            token=sandbox.token(domain),
            base_url=sandbox.base_url_template,
            worker_lock_seconds=0.5,
        )
        self.mirror = MirrorShop(database)
        self.mirror.id = self.pipeline.id
        self.mirror.bring(self.live)
        self.mirror.execute(
            "UPDATE neanelu.shops SET scopes = scopes || '{read_all_orders}' WHERE id = %s", self.mirror.id
        )

    def deliver(self, *but: str) -> int:
        """Process all webhooks but those of some topics; return how many."""
        events = [e for e in self.live.take_events() if e.topic not in but]
        for event in events:
            outcome = self.mirror.send(event.topic, event.payload, event.triggered_at)
            assert outcome != "rejected", event
        return len(events)

    def work(self) -> Tally:
        """Let a worker do the shop's waiting jobs of the queue sync, those that wait for their time too."""
        self.mirror.execute("UPDATE neanelu.mirror_fetches SET due_at = now() WHERE wanted_at IS NOT NULL")
        self.mirror.execute("UPDATE pgmq.q_sync SET vt = now()")
        with Worker(
            self.pipeline.settings,
            queues=["sync"],
            concurrency=2,
            dsn=self.pipeline.database.dsn("neanelu_worker"),
            keys=KEYS,
            with_schedule=False,
        ) as worker:
            return worker.drain()

    def compare(self, resource: str) -> dict[str, Any]:
        """Let a worker compare a resource with Shopify; return the row of the comparison."""
        self.mirror.execute(
            "SELECT jobs.enqueue('sync', 'mirror.reconcile', %s, %s)",
            self.mirror.id,
            Jsonb({"resource": resource}),
        )
        tally = self.work()
        assert (tally.retry, tally.dead) == (0, 0), self.mirror.rows(
            "SELECT job_name, error_message FROM neanelu.job_runs WHERE error_message IS NOT NULL"
        )
        return self.mirror.rows(
            "SELECT * FROM neanelu.mirror_comparisons WHERE shop_id = %s AND resource = %s ORDER BY started_at",
            self.mirror.id,
            resource,
        )[-1]

    def pretend_snapshots(self) -> None:
        """Have checkpoints as after full runs, without which nothing is compared."""
        self.mirror.execute(
            "INSERT INTO neanelu.bulk_runs"
            " (shop_id, operation_type, query_type, status, started_at, completed_at, attempt, lines_in)"
            " SELECT %s, operation_type, resource, 'completed', now(), now(), 1, 0 FROM neanelu.sync_resources",
            self.mirror.id,
        )
        self.mirror.execute(
            "INSERT INTO neanelu.sync_checkpoints"
            " (shop_id, resource_type, last_sync_at, last_run_id, last_full_snapshot_at, high_water_mark)"
            " SELECT shop_id, query_type, now(), id, now(), now() FROM neanelu.bulk_runs WHERE shop_id = %s",
            self.mirror.id,
        )

    def fresh(self) -> MirrorShop:
        """Return a shop that was just brought as the live one is."""
        made = MirrorShop(self.pipeline.database)
        made.bring(self.live)
        return made


# --- Documents --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", KINDS)
def test_queries_for_single_objects_are_valid_and_admitted(resource: str) -> None:
    query = nodes.query_for(resource, KINDS[resource])
    schema = load_schema()
    for batch in range(1, nodes.MAX_BATCH + 1):
        document = parse(query.document(batch))
        assert validate(schema, document) == []
        assert query.cost(batch) <= MAX_COST
    for connection in query.selection.connections.values():
        document = parse(query.page(connection, KINDS[resource]))
        assert validate(schema, document) == []
        for inner in connection.node.connections.values():
            assert validate(schema, parse(query.page(inner, "ProductVariant"))) == []


@pytest.mark.parametrize("resource", ["locations", "products", "collections", "customers", "orders"])
def test_queries_of_comparisons_are_valid_and_admitted(resource: str) -> None:
    schema = load_schema()
    texts = [nodes.list_document(resource)]
    texts += [nodes.count_document(resource)] if resource != "locations" else []
    for text in texts:
        document = parse(text)
        assert validate(schema, document) == []
        (operation,) = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        assert requested_cost(document, operation, {"query": "x", "after": None}) <= MAX_COST


# --- Fetching ---------------------------------------------------------------------------------------------


def test_what_webhooks_do_not_carry_is_fetched_page_by_page(
    module_db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    shop = Followed(module_db, sandbox, tmp_path)
    live = shop.live
    wide = live.create_product(variants=110)
    live.set_metafield(wide, "custom", "key", "value", "single_line_text_field")
    (field,) = (f for f in live.products[wide]["metafields"] if f["key"] == "key")
    more = [{**field, "id": f"{field['id']}{n}", "key": f"key_{n}"} for n in range(130)]
    live.products[wide]["metafields"] = [field, *more]
    live.products[wide]["variants"][0]["metafields"] = more[:12]
    live.set_metafield(next(iter(live.products)), "custom", "care", "wash cold", "single_line_text_field")
    live.create_collection(list(live.products))
    buyer = live.create_customer(email="ana@example.com")
    cheap = [v["id"] for v in live.products[wide]["variants"][:30]]
    live.create_order([(gid, 1) for gid in cheap], buyer)
    live.create_metaobject("producator", name="Nou")
    live.create_location(name="Depozit nou")
    live.delete_product(list(live.products)[1])
    shop.deliver()
    tally = shop.work()
    assert (tally.retry, tally.dead) == (0, 0)
    assert shop.mirror.wanted() == {}
    fresh = shop.fresh()
    assert_equal(shop.mirror, fresh)
    assert shop.mirror.links() == fresh.links()
    costs = shop.mirror.rows(
        "SELECT operation_type, max(requested_cost) AS most, count(*) AS requests FROM neanelu.api_cost_tracking"
        " WHERE shop_id = %s GROUP BY 1",
        shop.mirror.id,
    )
    assert {row["operation_type"] for row in costs} == {"query Fetch", "query Page"}
    assert all(row["most"] <= MAX_COST for row in costs)
    fresh.close()


def test_fetch_waits_for_a_merge_without_losing_an_attempt(
    module_db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    shop = Followed(module_db, sandbox, tmp_path)
    shop.mirror.want("locations", [int(gid.rsplit("/", 1)[1]) for gid in shop.live.locations])
    with module_db.connect(autocommit=False) as merging:
        merging.execute("SELECT sync.lock_resource(%s, 'locations')", [shop.mirror.id])
        assert shop.work().released == 1
    job = shop.mirror.row(
        "SELECT * FROM neanelu.job_runs WHERE shop_id = %s AND job_name = 'mirror.fetch'", shop.mirror.id
    )
    assert (job["status"], job["attempts"]) == ("waiting", 0)
    assert shop.work().completed == 1
    assert shop.mirror.wanted() == {}


def test_answer_that_the_mirror_refuses_is_tried_again_and_then_left_with_its_reason(
    module_db: Database,
) -> None:
    shop = MirrorShop(module_db)
    live = LiveShop(ShopSpec("live.myshopify.com", products=2))
    (number, lines), *_ = trees_of(live, "products").items()
    bad = [line.replace('"status": "', '"status": "IM') for line in lines]
    for attempt in range(1, 7):
        shop.want("products", [number])
        assert shop.answer("products", [number], bad)["refused"] == 1
        row = shop.row("SELECT * FROM neanelu.mirror_fetches WHERE shop_id = %s", shop.id)
        assert (row["failures"], row["error"][:5]) == (attempt, "NS113")
        assert (row["wanted_at"] is None) == (attempt >= 5)
        assert shop.mirror("shopify_products") == {}
    shop.want("products", [number])
    assert shop.answer("products", [number], lines)["refused"] == 0
    assert shop.row("SELECT * FROM neanelu.mirror_fetches WHERE shop_id = %s", shop.id)["error"] is None
    shop.close()


def test_orders_out_of_sight_are_not_taken_for_deleted(module_db: Database) -> None:
    live = LiveShop(ShopSpec("live.myshopify.com", products=4))
    for scopes, left in ((["read_orders"], 1), (["read_orders", "read_all_orders"], 0)):
        shop = MirrorShop(module_db, scopes=scopes)
        shop.bring(live)
        (number,) = [o["legacy_resource_id"] for o in shop.mirror("shopify_orders").values()][:1]
        shop.execute(
            "UPDATE neanelu.shopify_orders SET created_at_shopify = now() - interval '70 days'"
            " WHERE shop_id = %s AND legacy_resource_id = %s",
            shop.id,
            number,
        )
        shop.answer("orders", [number], [])
        found = shop.rows(
            "SELECT FROM neanelu.shopify_orders WHERE shop_id = %s AND legacy_resource_id = %s AND deleted_at IS NULL",
            shop.id,
            number,
        )
        assert len(found) == left
        shop.close()


def test_masses_of_fetches_are_left_to_a_bulk_run(
    module_db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    shop = Followed(module_db, sandbox, tmp_path, products=30)
    shop.pretend_snapshots()
    configure(module_db, fetch_max=10)
    shop.mirror.want("products", [int(g.rsplit("/", 1)[1]) for g in shop.live.products])
    shop.mirror.want("locations", [1])
    tally = shop.work()
    configure(module_db, fetch_max=2000)
    assert (tally.retry, tally.dead) == (0, 0)
    run = shop.mirror.row(
        "SELECT * FROM neanelu.bulk_runs WHERE shop_id = %s AND status = 'pending'", shop.mirror.id
    )
    assert (run["query_type"], run["mode"]) == ("products", "incremental")
    assert set(shop.mirror.wanted()) == {"products"}, "the location was asked for"


# --- Comparing --------------------------------------------------------------------------------------------


def test_what_webhooks_missed_is_found_and_repaired(
    module_db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    shop = Followed(module_db, sandbox, tmp_path, products=12)
    shop.pretend_snapshots()
    configure(module_db, compare_grace_seconds=-60)
    live = shop.live
    for resource in ("locations", "products", "collections", "customers", "orders"):
        assert (shop.compare(resource)["status"], shop.mirror.wanted()) == ("equal", {})
    first, second, third = list(live.products)[:3]
    live.update_product(first, title="Nobody told us")
    live.delete_product(second)
    live.create_product(title="Nor of this")
    live.update_customer(next(iter(live.customers)), note="changed")
    live.delete_order(list(live.orders)[-1])
    live.create_location(name="Depozit nou")
    live.create_collection([first, third])
    assert (
        shop.deliver(*(e for e in ("products/update", "products/create", "products/delete")), *DROPPED) == 0
    )
    found = {}
    for resource in ("locations", "products", "collections", "customers", "orders"):
        row = shop.compare(resource)
        found[resource] = (row["missing"], row["outdated"], row["extra"])
        assert (row["status"], row["repair"], row["questions"]) == ("drift", "fetch", [])
    assert (found["products"][0], sum(found["products"])) == (1, 3), (
        "an update that left a window is too many there"
    )
    assert found["locations"] == (1, 0, 0)
    assert found["collections"][0] == 1
    assert sum(found["customers"]) == 1
    assert found["orders"][2] == 1
    shop.work()
    fresh = shop.fresh()
    for table in ("shopify_products", "shopify_variants", "shopify_customers", "inventory_locations"):
        assert shop.mirror.mirror(table) == fresh.mirror(table), table
    for resource in ("locations", "products", "collections", "customers", "orders"):
        assert shop.compare(resource)["status"] == "equal"
    figures = {row["resource"]: row for row in shop.mirror.rows("SELECT * FROM webhooks.metrics()")}
    assert (figures["products"]["drift_objects"], figures["products"]["comparisons"]) == (3, 3)
    assert (figures["locations"]["drift_shops"], figures["locations"]["fetches_waiting"]) == (1, 0)
    fresh.close()


DROPPED = [
    "inventory_items/create",
    "inventory_items/delete",
    "inventory_levels/connect",
    "inventory_levels/disconnect",
    "inventory_levels/update",
    "customers/update",
    "orders/delete",
    "orders/updated",
    "locations/create",
    "collections/create",
    "collections/update",
    "customers/create",
    "product_publications/create",
    "product_publications/update",
    "product_publications/delete",
    "variants/in_stock",
    "variants/out_of_stock",
    "orders/create",
]


class Oracle:
    """Shopify, as far as a comparison asks: versions by number."""

    def __init__(self, versions: dict[int, datetime]) -> None:
        self.versions = versions
        self.sorted = sorted(versions.values())
        self.listed = self.counted = 0

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        since = (
            datetime.fromisoformat(question["from"]) if question["from"] else datetime.min.replace(tzinfo=UTC)
        )
        until = datetime.fromisoformat(question["to"])
        if question["kind"] == "count":
            self.counted += 1
            return {
                **question,
                "count": bisect.bisect_left(self.sorted, until) - bisect.bisect_left(self.sorted, since),
            }
        found = {n: v for n, v in self.versions.items() if since <= v < until}
        self.listed += len(found)
        objects = [{"id": f"gid://shopify/Product/{n}", "updatedAt": v.isoformat()} for n, v in found.items()]
        return {**question, "objects": objects}


def compared(shop: MirrorShop, oracle: Oracle) -> dict[str, Any]:
    """Compare products with the oracle; return the row of the comparison."""
    begun = shop.row("SELECT * FROM webhooks.begin_comparison(%s, 'products')", shop.id)
    questions = begun["questions"]
    while questions:
        answers = Jsonb([oracle.answer(q) for q in questions])
        questions = shop.value(
            "SELECT webhooks.continue_comparison(%s, %s, %s)", shop.id, begun["comparison_id"], answers
        )
    return shop.row("SELECT * FROM neanelu.mirror_comparisons WHERE id = %s", begun["comparison_id"])


@pytest.fixture
def thousands(module_db: Database) -> Iterator[tuple[MirrorShop, dict[int, datetime]]]:
    """A mirror of 6,000 products, changed over two years, and what Shopify has of them."""
    configure(module_db, compare_grace_seconds=300)
    shop = MirrorShop(module_db)
    shop.execute(
        "INSERT INTO neanelu.shopify_products"
        " (shop_id, shopify_gid, legacy_resource_id, title, handle, status, updated_at_shopify)"
        " SELECT %s, 'gid://shopify/Product/' || n, n, 'T', 'h', 'ACTIVE',"
        "        date_trunc('second', now() - n * interval '3 hours 1 second')"
        "   FROM generate_series(1, 6000) AS n",
        shop.id,
    )
    Followed.pretend_snapshots(shop_like(shop))
    versions = {
        row["n"]: row["at"]
        for row in shop.rows(
            "SELECT legacy_resource_id AS n, updated_at_shopify AS at FROM neanelu.shopify_products WHERE shop_id = %s",
            shop.id,
        )
    }
    yield shop, versions
    shop.close()


def shop_like(shop: MirrorShop) -> Any:
    """Return what `Followed.pretend_snapshots` needs of its owner."""
    return type("Holder", (), {"mirror": shop})()


def test_few_differences_among_thousands_are_found_with_few_questions(
    thousands: tuple[MirrorShop, dict[int, datetime]],
) -> None:
    shop, versions = thousands
    chance = random.Random(3)
    deleted, changed = chance.sample(sorted(versions), 2), chance.sample(sorted(versions), 2)
    now = datetime.now(UTC).replace(microsecond=0)
    theirs = {n: v for n, v in versions.items() if n not in deleted}
    theirs |= {n: now - timedelta(minutes=30) for n in changed} | dict.fromkeys(
        (70001, 70002), versions[5000]
    )
    oracle = Oracle(theirs)
    began = time.monotonic()
    row = compared(shop, oracle)
    assert (row["status"], row["repair"]) == ("drift", "fetch")
    wanted = shop.wanted()["products"]
    assert set(wanted) >= {*deleted, *changed, 70_001, 70_002}
    assert (row["missing"], row["outdated"]) == (2, len(changed))
    assert row["extra"] >= len(deleted)
    assert oracle.counted <= 40, oracle.counted
    assert oracle.listed <= 6 * 250 + 50
    assert time.monotonic() - began < 5
    assert compared(shop, oracle)["status"] == "equal", "what is being repaired is no new drift"


def test_equal_mirrors_cost_nine_counts_and_a_short_list(
    thousands: tuple[MirrorShop, dict[int, datetime]],
) -> None:
    shop, versions = thousands
    oracle = Oracle(versions)
    assert compared(shop, oracle)["status"] == "equal"
    assert (oracle.counted, oracle.listed < 20) == (9, True)


def test_very_many_differences_are_repaired_by_a_bulk_run(
    thousands: tuple[MirrorShop, dict[int, datetime]],
) -> None:
    shop, versions = thousands
    now = datetime.now(UTC).replace(microsecond=0)
    everything = Oracle(dict.fromkeys(versions, now - timedelta(hours=1)))
    row = compared(shop, everything)
    assert (row["status"], row["repair"]) == ("drift", "snapshot")
    run = shop.row("SELECT * FROM neanelu.bulk_runs WHERE id = %s", row["run_id"])
    assert (run["query_type"], run["mode"], run["status"]) == ("products", "snapshot", "pending")
    assert compared(shop, everything)["run_id"] is None, "one is under way"


def test_what_is_due_is_asked_for_and_what_is_old_forgotten(module_db: Database) -> None:
    shop = MirrorShop(module_db)
    Followed.pretend_snapshots(shop_like(shop))
    shop.execute(
        "UPDATE neanelu.sync_checkpoints SET updated_at = now() - interval '2 days' WHERE shop_id = %s",
        shop.id,
    )
    shop.value("SELECT webhooks.reconcile_due(NULL, '{}')")
    jobs = shop.rows(
        "SELECT payload FROM neanelu.job_runs WHERE shop_id = %s AND job_name = 'mirror.reconcile'", shop.id
    )
    assert {job["payload"]["resource"] for job in jobs} == {
        "locations",
        "products",
        "collections",
        "customers",
        "orders",
    }
    again = shop.value("SELECT webhooks.reconcile_due(NULL, '{}')")
    assert shop.rows("SELECT FROM neanelu.job_runs WHERE shop_id = %s", shop.id) == shop.rows(
        "SELECT FROM neanelu.job_runs WHERE shop_id = %s", shop.id
    )
    assert again is not None
    shop.execute(
        "INSERT INTO neanelu.mirror_tombstones VALUES (%s, 'Product', 1, 0, now(), now() - interval '31 days'),"
        " (%s, 'Product', 2, 0, now(), now())",
        shop.id,
        shop.id,
    )
    shop.value("SELECT webhooks.sweep(NULL, '{}')")
    left = shop.rows("SELECT object_id FROM neanelu.mirror_tombstones WHERE shop_id = %s", shop.id)
    assert [row["object_id"] for row in left] == [2]
    shop.close()
