"""The factory as a whole: suppliers that disagree become golden records, whoever runs it and whatever breaks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest
from conftest import REPO
from factory_support import define, deliver, groups, one, process, superuser, verdict
from psycopg.types.json import Jsonb

from neanelu.platform.scratch import Database, Scratch
from neanelu.sandbox.suppliers.world import World, WorldSpec

SEED = 21


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(WorldSpec(seed=SEED, products=120))


@pytest.fixture(scope="module")
def filled(scratch: Scratch, world: World) -> Iterator[Database]:
    """A PIM into which one caller took everything."""
    database = scratch.create()
    define(database)
    deliver(database, world)
    process(database)
    yield database
    scratch.drop(database)


def test_golden_records_are_nearer_to_the_truth_than_what_was_said(filled: Database, world: World) -> None:
    found = verdict(filled, world)
    right, said = found.said
    assert found.records > 250 and found.products >= 115
    assert found.precision >= 0.98, found.mixed
    assert found.recall >= 0.85, list(found.split)[:5]
    assert found.share() > right / said
    assert found.share() >= 0.95, found.examples[:10]
    assert 1 - found.share("missing", ("right", "wrong", "missing")) >= 0.85
    for name in ("brand", "mpn"):
        counts = found.fields[name]
        assert counts["wrong"] <= 0.02 * counts.total(), (name, found.examples[:10])


def test_a_second_run_finds_nothing_to_do(filled: Database) -> None:
    state = (
        "SELECT jsonb_build_array((SELECT count(*) FROM prod_master), (SELECT count(*) FROM prod_proposals),"
        " (SELECT count(*) FROM prod_specs_normalized))"
    )
    with superuser(filled) as connection:
        connection.execute("SET search_path = neanelu")
        before = one(connection, state)
        assert one(connection, "SELECT pim.process()") == {"read": 0, "sessions": 0, "products": 0}
        assert one(connection, state) == before
        assert not one(connection, "SELECT pim.is_waiting()")


def test_the_same_feed_again_changes_nothing_and_a_changed_price_a_price(
    filled: Database, world: World
) -> None:
    with superuser(filled) as connection:
        connection.execute("SET search_path = neanelu")
        versions = one(connection, "SELECT count(*) FROM prod_specs_normalized")
        deliver(filled, world)
        assert process(filled)["sessions"] == 0
        assert one(connection, "SELECT count(*) FROM prod_specs_normalized") == versions
        products = one(connection, "SELECT count(*) FROM prod_master")
        row = connection.execute(
            "SELECT h.source_id, h.source_product_id AS id, h.raw_json FROM prod_raw_harvest AS h"
            " JOIN prod_sources AS s ON s.id = h.source_id"
            " WHERE s.source_type = 'MANUFACTURER' ORDER BY h.id LIMIT 1"
        ).fetchone()
        changed = {**row["raw_json"], "price": 1234.5}
        records = [{"source_product_id": row["id"], "json": changed}]

        connection.execute("SELECT harvest.store_many(%s, %s)", [row["source_id"], Jsonb(records)])
        counts = process(filled)
        assert (counts["sessions"], counts["matched"]) == (1, 1)
        assert one(connection, "SELECT count(*) FROM prod_master") == products


def test_several_callers_at_once_make_what_one_makes(filled: Database, db: Database, world: World) -> None:
    define(db)
    deliver(db, world)
    counts = process(db, callers=4, limit=40)
    assert counts.get("failed", 0) == 0
    with superuser(db) as connection:
        assert not one(connection, "SELECT pim.is_waiting()")
        doubled = (
            "SELECT count(*) FROM (SELECT FROM neanelu.prod_specs_normalized WHERE is_current"
            " GROUP BY product_id HAVING count(*) > 1) AS d"
        )
        assert one(connection, doubled) == 0
    ours, theirs = groups(db), groups(filled)
    # Which of two likely records a doubtful one joins may hang on who came first; what identifiers say may not.
    assert len(ours ^ theirs) <= 0.04 * len(ours | theirs), sorted(map(sorted, ours ^ theirs))[:6]
    assert verdict(db, world).precision >= 0.98


def test_a_killed_factory_loses_nothing(db: Database, world: World) -> None:
    define(db)
    delivered = deliver(db, world)
    environment = {**os.environ, "NEANELU_DATABASE_URL": db.dsn()}
    dice = random.Random(SEED)
    for _ in range(4):
        command = [
            sys.executable,
            "-m",
            "neanelu",
            "factory",
            "run",
            "--until-idle",
            "--limit",
            "30",
            "--json",
        ]
        running = subprocess.Popen(command, cwd=REPO, env=environment, stdout=subprocess.DEVNULL)
        time.sleep(0.8 + dice.random())
        running.send_signal(signal.SIGKILL)
        running.wait()
    # The server notices the death of a caller when it answers; until then what that one has locked is passed over.
    with superuser(db) as connection:
        until = time.monotonic() + 60
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        while one(connection, others):
            assert time.monotonic() < until, "a killed caller's backend is still there"
            time.sleep(0.05)
    process(db)
    with superuser(db) as connection:
        connection.execute("SET search_path = neanelu")
        documents = sum(map(len, delivered.values()))
        assert one(connection, "SELECT count(*) FROM prod_extraction_sessions") == documents
        assert one(connection, "SELECT count(*) FROM factory_sessions") == 0
        taken = "SELECT count(DISTINCT extraction_session_id) FROM prod_proposals"
        assert one(connection, taken) == documents
    assert verdict(db, world).precision >= 0.98


@pytest.mark.parametrize(
    ("table", "column", "queue"),
    [
        ("prod_match_links", "source_key", "factory_sessions"),
        ("prod_proposals", "raw_value #>> '{}'", "factory_products"),
    ],
)
def test_what_cannot_be_taken_in_is_set_aside_alone(
    db: Database, world: World, table: str, column: str, queue: str
) -> None:
    define(db)
    delivered = deliver(db, world, only={product.key for product in world.products[:10]})
    refused = delivered["manufacturer"][3]
    poison = refused.id if queue == "factory_sessions" else refused.mpn
    with superuser(db) as connection:
        connection.execute("SET search_path = neanelu")
        # The constraint stands for whatever a source may come up with that no column takes.
        connection.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_poison_check CHECK ({column} <> '{poison}')"
        )
        counts = process(db, limit=50)
        assert counts["failed"] == 1
        rows = connection.execute(
            f"SELECT error_code, error_message FROM {queue} WHERE failed_at IS NOT NULL"
        ).fetchall()
        assert [row["error_code"] for row in rows] == ["23514"] and "poison" in rows[0]["error_message"]
        assert not one(connection, "SELECT pim.is_waiting()")
        # All others are done.
        products = one(connection, "SELECT count(*) FROM prod_master")
        done = one(connection, "SELECT count(*) FROM prod_specs_normalized WHERE is_current")
        assert products >= 9 and done == products - (queue == "factory_products")
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_poison_check")
        assert one(connection, "SELECT pim.retry_failed()") == 1
        process(db)
        assert one(connection, "SELECT count(*) FROM factory_sessions") == 0
        assert one(connection, "SELECT count(*) FROM factory_products") == 0
        taken = one(connection, "SELECT count(DISTINCT extraction_session_id) FROM prod_proposals")
        assert taken == sum(map(len, delivered.values()))


def test_the_job_goes_on_while_something_waits(db: Database, world: World) -> None:
    define(db)
    deliver(db, world, only={product.key for product in world.products[:8]})
    with superuser(db) as connection:
        first = one(connection, "SELECT pim._do_process(NULL, '{\"limit\": 10}')")
        assert first["sessions"] == 10
        waiting = (
            "SELECT count(*) FROM neanelu.job_runs WHERE job_name = 'pim.process' AND status = 'waiting'"
        )
        assert one(connection, waiting) == 1


def test_the_report_counts_what_is_there_and_explains_a_value(filled: Database) -> None:
    with filled.connect("neanelu_operator", autocommit=True) as connection:
        report = one(connection, "SELECT pim.factory_report()")
        disputed = connection.execute("SELECT * FROM pim.most_disputed(1)").fetchone()
        assert disputed is not None
        story = one(connection, "SELECT pim.explain(%s, %s)", [disputed[0], disputed[1]])
    with superuser(filled) as connection:
        products = one(
            connection, "SELECT count(*) FROM neanelu.prod_master WHERE dedupe_status <> 'duplicate'"
        )
    assert report["products"] == products == sum(report["levels"].values())
    assert len(report["sources"]) == 3
    assert all(source["documents"] >= source["readings"] > 0 for source in report["sources"])
    trusted = {source["type"]: source["won"] / source["votes"] for source in report["sources"]}
    assert trusted["MANUFACTURER"] > trusted["MARKETPLACE"]
    assert story and disputed[1].startswith("specs.")


def test_the_documents_questions_have_answers(filled: Database) -> None:
    text = (REPO / "docs/pim.md").read_text(encoding="utf-8")
    questions = text.rpartition("## A map for analysts")[2].split("```sql")[1].split("```")[0].split(";")
    asked = [question for question in questions if question.strip()]
    assert len(asked) == 8
    with filled.connect("neanelu_analyst", autocommit=True) as connection:
        connection.execute("SET search_path = neanelu")
        answers = [connection.execute(question).fetchall() for question in asked]
    # Nobody's shop is in this database; all else there is something to say about, reviews perhaps.
    for number, answer in enumerate(answers):
        assert answer or number in (5, 6), asked[number]


def test_tenants_see_links_of_their_own_shop_and_nothing_else_of_the_pim(filled: Database) -> None:
    shops = [f"00000000-0000-7000-8000-0000000000{letter}" for letter in ("a1", "b1")]
    with superuser(filled) as connection:
        for number, shop in enumerate(shops):
            connection.execute(
                "INSERT INTO neanelu.shops"
                " (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)"
                " VALUES (%s, %s, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}')",
                [shop, f"factory-{number}.myshopify.com"],
            )
            connection.execute(
                "INSERT INTO neanelu.prod_channel_mappings (product_id, channel, shop_id, external_id, sync_status)"
                " SELECT id, 'shopify', %s, 'gid://shopify/Product/1', 'synced' FROM neanelu.prod_master ORDER BY id LIMIT 1",
                [shop],
            )
        hidden = [
            row["name"]
            for row in connection.execute(
                "SELECT c.relname AS name FROM pg_class AS c"
                " WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p')"
                " AND c.relname ~ '^(prod|factory|harvest|scraper)_'"
                " AND c.relname <> 'prod_channel_mappings'"
            )
        ]
    assert len(hidden) > 20
    with filled.connect("neanelu_app", autocommit=False) as connection:
        connection.execute("SELECT app.set_context(%s)", [shops[0]])
        links = connection.execute("SELECT shop_id::text FROM neanelu.prod_channel_mappings").fetchall()
        assert links == [(shops[0],)]
        for table in hidden:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT 1 FROM neanelu.{table} LIMIT 1")
        for call in ("pim.process()", "pim.factory_report()", "pim.factory_status()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT {call}")
