"""The first load of all goes into bare tables: the same mirror, indexes, constraints and accounts as row by row."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sync_support import TestShop, configure, joined, lines_of, mirror_tables, new_domain
from test_platform_deploy import assert_same, dump
from test_sync_crash import At, add_shop, assert_all_completed, daemon_in_thread, request_all, waiting_backend

from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Database, Scratch
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.sync import steps

SPEC = ShopSpec(products=60, customers=20, orders=20, collections=5, metaobjects=5)
NEVER = 1e9
ACCOUNTS = (
    "lines_merged",
    "lines_unchanged",
    "lines_duplicate",
    "rows_inserted",
    "rows_updated",
    "rows_tombstoned",
)
#: A comment and a storage option, which a new index must have, too.
MARKED = (
    "COMMENT ON INDEX neanelu.idx_products_fts IS 'kept'",
    "ALTER INDEX neanelu.idx_products_tags SET (fastupdate = off)",
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread(log_level="critical") as handle:
        yield handle


@pytest.fixture
def two(scratch: Scratch) -> Iterator[list[Database]]:
    """Two databases that nothing was loaded into."""
    databases = [scratch.create() for _ in range(2)]
    yield databases
    for database in databases:
        scratch.drop(database)


def indexes(database: Database) -> list[Any]:
    """Return every index of the mirror's tables by its oid: one that was made again has another."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        tables = [f"neanelu.{table}" for table in mirror_tables(connection)]
        return connection.execute(
            "SELECT indexrelid, indexrelid::regclass::text, indisvalid AND indisready, indcheckxmin FROM pg_index"
            " WHERE indrelid = ANY (%s::text[]::regclass[]) ORDER BY 1",
            [tables],
        ).fetchall()


def is_bare(shop: TestShop, run_id: Any) -> bool:
    """Return whether a run's merge went into bare tables, as its step says."""
    bare: bool = shop.value(
        "SELECT (metadata ->> 'bare')::boolean FROM neanelu.bulk_steps WHERE bulk_run_id = %s AND step_name = 'merge'",
        run_id,
    )
    return bare


def test_bare_and_row_by_row_end_the_same(
    two: list[Database], sandbox: SandboxHandle, tmp_path: Path
) -> None:
    shops, runs, schemas = [], [], []
    domain = new_domain()
    for database, lines in zip(two, (0, NEVER), strict=True):
        configure(database, bare_load_lines=lines)
        with psycopg.connect(database.dsn(), autocommit=True) as connection:
            for statement in MARKED:
                connection.execute(statement.encode())
        before = dump(database.cluster, database.name)
        sandbox.add(
            replace(SPEC, domain=domain),
            min_polls=1,
        )
        folder = tmp_path / database.name
        folder.mkdir()
        shop = TestShop.create(
            database, folder, domain=domain, token=sandbox.token(domain), base_url=sandbox.base_url_template
        )
        runs.append(shop.sync())
        shops.append(shop)
        schemas.append(dump(database.cluster, database.name))
        assert_same(before, schemas[-1])
    assert_same(*schemas)
    bare, plain = shops
    assert bare.mirror() == plain.mirror()
    assert {name: [row[key] for key in ACCOUNTS] for name, row in runs[0].items()} == {
        name: [row[key] for key in ACCOUNTS] for name, row in runs[1].items()
    }
    # collections share a table with the publications of products, which came before
    assert {name for name, row in runs[0].items() if not is_bare(bare, row["id"])} == {"collections"}
    assert not any(is_bare(plain, row["id"]) for row in runs[1].values())
    assert all(row[2] for row in indexes(bare.database))
    # and both know the same of the second time
    again = [shop.sync("products", mode="verify")["products"] for shop in shops]
    assert [row["rows_updated"] + row["rows_inserted"] for row in again] == [0, 0]
    with (
        psycopg.connect(bare.database.dsn(), autocommit=True) as connection,
        pytest.raises(psycopg.errors.ForeignKeyViolation),
    ):
        connection.execute("UPDATE neanelu.shopify_variants SET product_id = gen_random_uuid()")


def test_second_shop_takes_no_exclusive_lock(db: Database, sandbox: SandboxHandle, tmp_path: Path) -> None:
    configure(db, bare_load_lines=0)
    first, second = (add_shop(db, sandbox, tmp_path, SPEC) for _ in range(2))
    assert is_bare(first, first.sync("products")["products"]["id"])
    made = indexes(db)
    runs = request_all(second, "products")
    with psycopg.connect(db.dsn()) as reader:
        # an open reader would make an exclusive lock wait
        reader.execute(
            "SELECT count(*) FROM neanelu.shopify_products, neanelu.shopify_variants, neanelu.shopify_media LIMIT 1"
        )
        with daemon_in_thread(second, runs):
            pass
    row = assert_all_completed(second, runs)[0]
    assert not is_bare(second, row["id"])
    assert indexes(db) == made
    assert second.mirror("shopify_variants")["shopify_variants"]


def test_reader_of_an_empty_table_is_not_waited_for(
    db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    configure(db, bare_load_lines=0)
    shop = add_shop(db, sandbox, tmp_path, SPEC)
    made = indexes(db)
    with psycopg.connect(db.dsn()) as reader:
        reader.execute("SELECT FROM neanelu.shopify_variants")
        row = shop.sync("products")["products"]
    assert row["status"] == "completed"
    assert not is_bare(shop, row["id"]), "the locks were given back"
    assert indexes(db) == made


def test_small_first_load_is_row_by_row(db: Database, sandbox: SandboxHandle, tmp_path: Path) -> None:
    shop = add_shop(db, sandbox, tmp_path, SPEC)
    assert not is_bare(shop, shop.sync("products")["products"]["id"]), "sync.bare_load_lines says from when"


def test_two_equal_lines_of_a_bare_load_are_one_row(two: list[Database], tmp_path: Path) -> None:
    """Media of two products are one row of the mirror: unique indexes that are made after the rows must find no two."""
    lines = lines_of(SPEC)
    media = next(line for line in lines if rb"\/MediaImage\/" in line[:40])
    products = [line for line in lines if rb"\/Product\/" in line[:40]]
    head, _, _ = media.rpartition(b'"__parentId":')
    shared = [
        head + b'"__parentId":' + product.split(b'"id":')[1].split(b",")[0] + b"}" for product in products[:5]
    ]
    mirrors = []
    for database, limit in zip(two, (0, NEVER), strict=True):
        configure(database, bare_load_lines=limit, max_error_fraction=1)
        folder = tmp_path / database.name
        folder.mkdir()
        shop = TestShop.create(database, folder)
        row = shop.ingest(joined([*lines, *shared]))
        assert row["status"] == "completed", shop.failure(row["id"])
        assert is_bare(shop, row["id"]) == (limit == 0)
        mirrors.append(shop.mirror())
    assert mirrors[0] == mirrors[1]


def parent(line: bytes) -> bytes:
    """Return the gid of a line's parent, as it stands there."""
    return line.rpartition(b'"__parentId":')[2].rstrip(b"}")


def damaged(lines: list[bytes]) -> list[bytes]:
    """Return a file's lines with a product missing, one refused, a variant refused, a medium shared, and a line twice.

    A variant of the product that is refused has metafields: they are taken out with nobody, and no row comes of them.
    """
    products = [line for line in lines if rb"\/Product\/" in line[:40]]
    variants = {
        line.split(b'"id":')[1].split(b",")[0]: line for line in lines if rb"\/ProductVariant\/" in line[:40]
    }
    media = next(line for line in reversed(lines) if rb"\/MediaImage\/" in line[:40])
    bare = next(parent(variants[parent(line)]) for line in lines if parent(line) in variants)
    refused = next(line for line in products if bare in line[:60])
    missing, *others = (line for line in products if line != refused)
    variant = next(line for line in reversed(variants.values()) if parent(line) not in (bare, missing))
    wrong = {
        refused: re.sub(rb'"status":"[A-Z]+"', b'"status":"BOGUS"', refused),
        variant: re.sub(rb'"price":"[^"]*"', b'"price":"1.234"', variant),
    }
    left = [wrong.get(line, line) for line in lines if line != missing]
    shared = [media.replace(parent(media), line.split(b'"id":')[1].split(b",")[0]) for line in others[:2]]
    return [*left, *shared, lines[-1]]


def test_a_first_load_is_what_comparing_with_the_mirror_gives(two: list[Database], tmp_path: Path) -> None:
    """A shop of which the mirror has something is compared row by row: accounts, quarantine and rows are the same."""
    lines = lines_of(SPEC)
    known = next(line for line in lines if rb"\/Product\/" in line[:40])
    number = re.search(rb'"legacyResourceId":"(\d+)"', known)
    assert number
    known = known.replace(number[1], b"9100000000000001")
    found = []
    for database, before in zip(two, ([], [known]), strict=True):
        configure(database, max_error_fraction=1)
        folder = tmp_path / database.name
        folder.mkdir()
        shop = TestShop.create(database, folder)
        for first in before:
            assert shop.ingest(first + b"\n", mode="incremental")["lines_merged"] == 1
        row = shop.ingest(joined(damaged(lines)), mode="incremental")
        assert row["status"] == "completed", shop.failure(row["id"])
        assert row["lines_quarantined"] > 3
        shop.execute("DELETE FROM neanelu.shopify_products WHERE legacy_resource_id = 9100000000000001")
        fates = ("lines", "merged", "unchanged", "quarantined", "duplicate", "ignored")
        counts = {kind: [count[fate] for fate in fates] for kind, count in shop.counts(row["id"]).items()}
        errors = [(error["line_number"], error["error_code"]) for error in shop.errors(row["id"])]
        found.append(([row[name] for name in ACCOUNTS], counts, sorted(errors), shop.mirror()))
        digests = shop.value("SELECT count(*) FROM neanelu.sync_digests WHERE object_id <> 9100000000000001")
        assert 0 < digests < SPEC.products
    assert found[0] == found[1]


@contextlib.contextmanager
def merged_while_staging_waits(
    shop: TestShop, runs: list[Any]
) -> Iterator[tuple[psycopg.Connection[Any], int]]:
    """Run a daemon until it has merged products, in a transaction that stays open, and waits with staging variants.

    Yields the connection that makes it wait, to be rolled back, and the process that waits.
    """
    blocker = psycopg.connect(shop.database.dsn())

    def stop() -> None:
        blocker.execute("LOCK TABLE neanelu.staging_variants IN SHARE MODE")

    with contextlib.closing(blocker), daemon_in_thread(shop, runs, At("products", "stage", stop)):
        waiting = waiting_backend(shop.database, "staging_variants", blocker.info.backend_pid)
        with psycopg.connect(shop.database.dsn(), autocommit=True) as connection:
            while not connection.execute(
                "SELECT FROM pg_stat_activity WHERE usename = 'neanelu_sync' AND datname = current_database()"
                " AND state = 'idle in transaction' AND (query LIKE '%merge_piece%' OR query = 'SELECT 1')"
            ).fetchall():
                time.sleep(0.02)
        yield blocker, waiting
        with contextlib.suppress(psycopg.Error):  # the server may have been killed
            blocker.rollback()


@pytest.mark.slow
def test_killed_in_the_midst_leaves_everything_in_place(
    private_cluster: Callable[..., Cluster], sandbox: SandboxHandle, tmp_path: Path
) -> None:
    database = Database(private_cluster(), "neanelu")
    configure(database, bare_load_lines=0, retry_base_seconds=0.05)
    shop = add_shop(database, sandbox, tmp_path, SPEC)
    before, made = dump(database.cluster), indexes(database)
    runs = request_all(shop, "products")
    with merged_while_staging_waits(shop, runs):
        with psycopg.connect(database.dsn(), autocommit=True) as connection:
            held = connection.execute(
                "SELECT pid FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
                " AND relation = 'neanelu.idx_products_fts'::regclass"
            ).fetchone()
        assert held, "the index is dropped as far as the merge sees"
        os.kill(held[0], signal.SIGKILL)
    row = assert_all_completed(shop, runs)[0]
    assert row["attempt"] > 1
    assert_same(before, dump(database.cluster))
    assert {name for _, name, *_ in indexes(database)} == {name for _, name, *_ in made}
    assert is_bare(shop, row["id"]), "what the killed one wrote is nobody's: the tables are empty still"
    assert all(shop.mirror("shopify_products", "shopify_variants", "shopify_product_media").values())


def test_products_are_merged_before_variants_are_staged(
    db: Database, sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(db, bare_load_lines=0)
    monkeypatch.setattr(steps, "_IDLE_SECONDS", 0.1)
    shop = add_shop(db, sandbox, tmp_path, SPEC)
    runs = request_all(shop, "products")
    with (
        merged_while_staging_waits(shop, runs),
        psycopg.connect(db.dsn(), autocommit=True) as connection,
    ):
        found = connection.execute(
            "SELECT relation::regclass::text FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
            " AND relation = 'neanelu.shopify_products'::regclass"
        ).fetchall()
        assert found, "nobody sees half of it"
        with pytest.raises(psycopg.errors.LockNotAvailable):  # no row checked that it is there
            connection.execute("SELECT FROM neanelu.shops WHERE id = %s FOR UPDATE NOWAIT", [shop.id])
        for _ in range(2):  # an idle transaction is ended some day, so it is used again and again
            last = connection.execute("SELECT clock_timestamp()").fetchone()
            while not connection.execute(
                "SELECT FROM pg_stat_activity WHERE usename = 'neanelu_sync' AND datname = current_database()"
                " AND xact_start < query_start AND query = 'SELECT 1' AND query_start > %s",
                last,
            ).fetchall():
                time.sleep(0.02)
    row = assert_all_completed(shop, runs)[0]
    assert is_bare(shop, row["id"])
    assert all(shop.mirror("shopify_products", "shopify_variants").values())


def test_staging_that_dies_takes_the_open_merge_with_it(
    db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    configure(db, bare_load_lines=0, retry_base_seconds=0.05)
    shop = add_shop(db, sandbox, tmp_path, SPEC)
    runs = request_all(shop, "products")
    with (
        merged_while_staging_waits(shop, runs) as (_, waiting),
        psycopg.connect(db.dsn(), autocommit=True) as connection,
    ):
        connection.execute("SELECT pg_terminate_backend(%s)", [waiting])
    row = assert_all_completed(shop, runs)[0]
    assert row["attempt"] > 1
    assert is_bare(shop, row["id"]), "the first attempt left nothing: the tables are empty still"
    assert all(shop.mirror("shopify_products", "shopify_variants").values())


def test_references_to_the_shop_go_unchecked_only_where_nothing_else_hangs_on_a_row(db: Database) -> None:
    """All of the engine's triggers are turned off with the one that is not needed, and so are ours."""
    tables = ["shopify_products", "shopify_media", "shopify_variants", "shopify_orders"]

    def trusted() -> list[str]:
        connection.execute("SET ROLE neanelu_engine")
        found = connection.execute(
            "SELECT t FROM unnest(%s::text[]) AS t WHERE sync._may_trust_shop(t)", [tables]
        ).fetchall()
        connection.execute("RESET ROLE")
        return [name for (name,) in found]

    with psycopg.connect(db.dsn()) as connection:
        assert trusted() == ["shopify_products", "shopify_media"], "variants have a product, orders a trigger"
        connection.execute(
            "ALTER TABLE neanelu.shopify_variants"
            " ALTER CONSTRAINT shopify_variants_shop_id_product_id_fkey NOT ENFORCED"
        )
        assert trusted() == ["shopify_products", "shopify_media", "shopify_variants"]
        connection.execute("REVOKE SET ON PARAMETER session_replication_role FROM neanelu_engine")
        assert trusted() == [], "a server whose superuser gave nothing"
        connection.rollback()


def test_without_the_superusers_grant_rows_are_checked_one_by_one_and_the_mirror_is_the_same(
    two: list[Database], tmp_path: Path
) -> None:
    mirrors = []
    for database, given in zip(two, (True, False), strict=True):
        configure(database, bare_load_lines=0)
        folder = tmp_path / database.name
        folder.mkdir()
        shop = TestShop.create(database, folder)
        with psycopg.connect(database.dsn(), autocommit=True) as connection:
            if not given:
                connection.execute("REVOKE SET ON PARAMETER session_replication_role FROM neanelu_engine")
            try:
                row = shop.ingest(joined(lines_of(SPEC)))
            finally:
                connection.execute("GRANT SET ON PARAMETER session_replication_role TO neanelu_engine")
        assert row["status"] == "completed", shop.failure(row["id"])
        assert is_bare(shop, row["id"])
        mirrors.append(shop.mirror())
    assert mirrors[0] == mirrors[1]
    assert mirrors[0]["shopify_products"]
