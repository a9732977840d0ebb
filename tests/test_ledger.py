"""The stock ledger: exact under concurrency, late commits, duplicates and reordering; append only; figures outlive their months.

Each test has variants of its own, so that they share one database.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_support import HERE, OTHER_SHOP, SHOP, THERE, Ledger, variant
from psycopg import sql
from psycopg.types.json import Jsonb

from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Database
from neanelu.worker.worker import Worker

TENANT = f"test_ledger_{uuid.uuid4().hex[:8]}"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def ledger(module_db: Database) -> Ledger:
    return Ledger.of(module_db)


@pytest.fixture
def number() -> int:
    """A variant that no other test uses."""
    return next(_numbers)


def now() -> datetime:
    return datetime.now(UTC)


# --- Writers and folders ----------------------------------------------------------------------------------
def test_sixteen_writers_and_three_folders_agree_on_a_hot_variant(ledger: Ledger, number: int) -> None:
    writing = threading.Event()
    writing.set()

    def write(seed: int) -> int:
        with ledger.connect() as connection:
            for step in range(60):
                connection.execute(
                    "SELECT inventory.record(%s, %s, %s, %s, 'SALE')",
                    (SHOP, variant(number), HERE, -1 if (seed + step) % 3 else 5),
                )
        return sum(-1 if (seed + step) % 3 else 5 for step in range(60))

    def fold() -> int:
        folded = 0
        with ledger.connect() as connection:
            while writing.is_set():
                row = connection.execute("SELECT inventory.fold(70)").fetchone()
                assert row is not None
                folded += row[0]
        return folded

    with ThreadPoolExecutor(19) as pool:
        folders = [pool.submit(fold) for _ in range(3)]
        expected = sum(pool.map(write, range(16)))
        writing.clear()
        folded = sum(folder.result() for folder in folders)
    assert ledger.available(number) == expected
    assert folded + ledger.fold() >= 16 * 60
    chain = ledger.chain(number)
    assert [entry[0] for entry in chain] == list(range(1, 16 * 60 + 1))
    assert [entry[2] for entry in chain] == [0] + [entry[3] for entry in chain[:-1]]
    assert chain[-1][3] == ledger.available(number) == expected
    ledger.assert_sound()


def test_a_writer_does_not_wait_for_one_that_is_not_done(ledger: Ledger, number: int) -> None:
    with ledger.connect() as slow, ledger.connect() as quick, slow.transaction():
        slow.execute("SELECT inventory.record(%s, %s, %s, -1, 'SALE')", (SHOP, variant(number), HERE))
        quick.execute("SET lock_timeout = '100ms'")
        quick.execute("SELECT inventory.record(%s, %s, %s, -2, 'SALE')", (SHOP, variant(number), HERE))
        quick.execute("SELECT inventory.fold()")
        assert ledger.available(number) == -2
    assert ledger.available(number) == -3


def test_what_commits_late_is_folded_late_and_once(ledger: Ledger, number: int) -> None:
    ledger.fold()
    with ledger.connect() as late:
        with late.transaction():
            late.execute("SELECT inventory.record(%s, %s, %s, 10, 'RESTOCK')", (SHOP, variant(number), HERE))
            ledger.record(number, -1, "SALE")
            assert ledger.fold() == 1
            assert ledger.available(number) == -1
        assert ledger.available(number) == 9
    assert ledger.fold() == 1
    assert ledger.chain(number) == [(1, -1, 0, -1), (2, 10, -1, 9)]
    ledger.assert_sound()


def test_the_stock_is_exact_while_a_fold_is_not_committed(ledger: Ledger, number: int) -> None:
    ledger.record(number, 7)
    with ledger.connect() as folder:
        with folder.transaction():
            folder.execute("SELECT inventory.fold()")
            assert ledger.available(number) == 7
            assert ledger.value("SELECT inventory.fold()") == 0  # one at a time, and the other does not wait
            ledger.record(number, 1)
            assert ledger.available(number) == 8
        assert ledger.available(number) == 8
    ledger.fold()
    assert ledger.available(number) == 8
    assert ledger.value(
        "SELECT quantity FROM neanelu.inventory_current WHERE variant_id = %s", variant(number)
    ) == 8  # fmt: skip


def test_a_killed_backend_in_the_fold_loses_nothing(private_cluster: Callable[..., Cluster]) -> None:
    cluster = private_cluster()
    ledger = Ledger(lambda: psycopg.connect(cluster.dsn(), autocommit=True))
    many = "SELECT inventory.record_many(%s, %s, %s, %s, %s)"
    for _ in range(20):
        ledger.connection.execute(
            many, (SHOP, [variant(n % 50 + 1) for n in range(500)], [HERE] * 500, [3] * 500, ["RESTOCK"] * 500)
        )  # fmt: skip
    for pause in (None, 0.05):  # killed with its work done but for the commit, and killed in the midst of it
        folder = psycopg.connect(cluster.dsn(), autocommit=True)
        pid = folder.info.backend_pid

        def fold(folder: psycopg.Connection[Any] = folder, pause: float | None = pause) -> None:
            with pytest.raises(psycopg.OperationalError):
                folder.execute("BEGIN")
                folder.execute("SELECT inventory.fold(8000)")
                folder.execute("SELECT pg_sleep(60)" if pause is None else "SELECT inventory.fold(2000)")
                folder.execute("SELECT pg_sleep(60)")

        thread = threading.Thread(target=fold)
        thread.start()
        if pause is None:
            deadline = time.monotonic() + 20
            while not ledger.value(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'", pid
            ):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        else:
            time.sleep(pause)
        _kill(pid)
        thread.join()
        ledger = _reconnected(cluster, ledger)
        assert [ledger.available(n) for n in (1, 50)] == [600, 600]
    # As the worker folds: what was folded a moment ago may be lost with its commit, and its arrivals are there again.
    folder = psycopg.connect(cluster.dsn(), autocommit=True)
    folder.execute("SET synchronous_commit = off")
    folder.execute("SELECT inventory.fold(3000)")
    _kill(folder.info.backend_pid)
    ledger = _reconnected(cluster, ledger)
    assert [ledger.available(n) for n in (1, 50)] == [600, 600]
    assert ledger.fold(3000) in (7_000, 10_000)
    assert [ledger.available(n) for n in (1, 50)] == [600, 600]
    assert ledger.chain(7)[-1] == (200, 3, 597, 600)
    ledger.assert_sound()


def _kill(pid: int) -> None:
    import os
    import signal

    os.kill(pid, signal.SIGKILL)


def _reconnected(cluster: Cluster, before: Ledger) -> Ledger:
    """Return the ledger of a server that has recovered; its crash ends all connections of before."""
    deadline = time.monotonic() + 30
    with pytest.raises(psycopg.OperationalError):
        while time.monotonic() < deadline:
            before.value("SELECT 1")
            time.sleep(0.02)
    while True:
        try:
            return Ledger(lambda: psycopg.connect(cluster.dsn(), autocommit=True), fill=False)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_worker_keeps_the_ledger_folded(ledger: Ledger, module_db: Database, number: int) -> None:
    with Worker(dsn=module_db.dsn("neanelu_worker"), concurrency=1) as worker:
        worker.start()
        ledger.record(number, 4)
        began = time.monotonic()
        while not worker.metrics.registry.get_sample_value("neanelu_ledger_folded_total"):
            assert time.monotonic() - began < 10
            time.sleep(0.02)
    assert ledger.chain(number) == [(1, 4, 0, 4)]


# --- References -------------------------------------------------------------------------------------------
def test_a_reference_counts_once_whoever_comes_first(ledger: Ledger, number: int) -> None:
    gate = threading.Barrier(8)

    def record(_: int) -> bool:
        with ledger.connect() as connection:
            gate.wait()
            row = connection.execute(
                "SELECT inventory.record(%s, %s, %s, -3, 'SALE', 'order', '1')", (SHOP, variant(number), HERE)
            ).fetchone()
            assert row is not None
            return bool(row[0])

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(record, range(8))) == [False] * 7 + [True]
    assert ledger.available(number) == -3
    ledger.fold()
    assert not ledger.record(number, -3, "SALE", "order", "1", now() - timedelta(days=40))  # another month
    assert ledger.record(number, -3, "SALE", "order", "1", place=THERE)
    assert ledger.record(number, -3, "SALE", "orders", "1")
    assert ledger.record(number, -1, "SALE") and ledger.record(number, -1, "SALE")  # without one, every call
    assert (ledger.available(number), ledger.available(number, None)) == (-8, -11)


def test_batches_are_all_or_nothing_and_count_references_once(ledger: Ledger, number: int) -> None:
    entry = {"variant_id": str(variant(number)), "location_id": HERE, "delta": 2, "reason": "RESTOCK"}
    batch = [
        {**entry, "reference_type": "po", "reference_id": "1"},
        {**entry, "reference_type": "po", "reference_id": "1"},
        {**entry, "reference_type": "po", "reference_id": "2", "cost_per_unit": "3.50"},
        entry,
        entry,
    ]
    many = "SELECT inventory.record_many(%s, %s)"
    assert ledger.value(many, SHOP, Jsonb(batch)) == 4
    assert ledger.value(many, SHOP, Jsonb(batch)) == 2
    assert ledger.available(number) == 12
    with pytest.raises(psycopg.Error) as refused:
        ledger.value(many, SHOP, Jsonb([entry, {**entry, "variant_id": str(uuid.uuid4())}]))
    assert refused.value.sqlstate == "NI002"
    with pytest.raises(psycopg.Error) as refused:
        ledger.value(
            many, SHOP, Jsonb([{**entry, "variant_id": str(uuid.uuid4()), "reference_type": "po", "reference_id": "9"}])
        )  # fmt: skip
    assert refused.value.sqlstate == "NI002"
    assert ledger.available(number) == 12
    assert ledger.value(many, SHOP, Jsonb([])) == 0


def test_batches_that_share_references_do_not_deadlock(ledger: Ledger) -> None:
    numbers = [next(_numbers) for _ in range(40)]
    gate = threading.Barrier(6)

    def record(turn: int) -> int:
        order = numbers[::-1] if turn % 2 else numbers
        with ledger.connect() as connection:
            gate.wait()
            row = connection.execute(
                "SELECT inventory.record_many(%s, %s, %s, %s, %s, %s, %s)",
                (SHOP, [variant(n) for n in order], [HERE] * 40, [1] * 40, ["RESTOCK"] * 40, ["x"] * 40, ["1"] * 40),
            ).fetchone()  # fmt: skip
            assert row is not None
            return int(row[0])

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(record, range(6))) == 40
    assert {ledger.available(n) for n in numbers} == {1}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((variant(1), HERE, 0, "SALE"), "23514"),
        ((variant(1), HERE, 1, "LOST"), "23514"),
        ((variant(1), "here", 1, "SALE"), "23514"),
        ((variant(1), HERE, 1, "SALE", "order", None), "NI009"),
        ((OTHER_SHOP, HERE, 1, "SALE", None, None, "2001-01-01"), "NI003"),
        ((variant(1), HERE, 1, "SALE", None, None, "3001-01-01"), "NI003"),
        ((variant(1), HERE, 1, "SALE", None, None, "infinity"), "NI003"),
        ((uuid.UUID(int=5), HERE, 1, "SALE"), "NI002"),
    ],
)
def test_what_cannot_be_is_refused(ledger: Ledger, arguments: tuple[Any, ...], code: str) -> None:
    marks = ", %s" * len(arguments)
    with pytest.raises(psycopg.Error) as refused:
        ledger.value(f"SELECT inventory.record(%s{marks})", SHOP, *arguments)
    assert refused.value.sqlstate == code


def test_a_transfer_is_two_entries_that_sum_to_zero(ledger: Ledger, number: int) -> None:
    call = "SELECT inventory.transfer(%s, %s, %s, %s, %s, %s)"
    ledger.record(number, 10)
    assert ledger.value(call, SHOP, variant(number), HERE, THERE, 4, "t1")
    assert not ledger.value(call, SHOP, variant(number), HERE, THERE, 4, "t1")
    assert (ledger.available(number), ledger.available(number, THERE), ledger.available(number, None)) == (
        6,
        4,
        10,
    )
    for arguments in (
        (HERE, HERE, 1, "t2"),
        (HERE, THERE, 0, "t2"),
        (HERE, "gid://shopify/Location/3", 4, "t1"),
    ):
        with pytest.raises(psycopg.Error) as refused:
            ledger.value(call, SHOP, variant(number), *arguments)
        assert refused.value.sqlstate == "NI004"
    assert ledger.available(number, None) == 10


# --- Levels that Shopify tells ----------------------------------------------------------------------------
_levels = st.lists(
    st.tuples(st.integers(0, 20), st.integers(-5, 50)), min_size=1, max_size=8, unique_by=lambda x: x[0]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(levels=_levels, data=st.data())
def test_whatever_the_order_and_however_often_the_newest_level_holds(
    ledger: Ledger, levels: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Levels dated minutes ago, in any order, some twice, entries of our own of now between them, folds anywhere."""
    number = next(_numbers)
    start = now() - timedelta(hours=1)
    told = [("level", *level) for level in levels]
    again = data.draw(st.lists(st.sampled_from(told), max_size=6))
    own = [("own", delta, 0) for delta in data.draw(st.lists(st.integers(-9, 9).filter(bool), max_size=4))]
    folds = [("fold", 0, 0)] * data.draw(st.integers(0, 3))
    for kind, first, second in data.draw(st.permutations(told + again + own + folds)):
        if kind == "level":
            # redelivered under the same id, or told afresh under none
            reference = f"{number}/{first}" if data.draw(st.booleans()) else None
            ledger.level(number, second, start + timedelta(minutes=first), reference)
        elif kind == "own":
            ledger.record(number, first)
        else:
            ledger.fold()
    newest = max(levels)
    at = start + timedelta(minutes=newest[0])
    assert ledger.available(number) == newest[1] + sum(delta for _, delta, _ in own)
    assert (
        ledger.value("SELECT inventory.stock_at(%s, %s, %s, %s)", SHOP, variant(number), HERE, at)
        == newest[1]
    )
    ledger.fold()
    assert (
        ledger.value("SELECT inventory.stock_at(%s, %s, %s, %s)", SHOP, variant(number), HERE, at)
        == newest[1]
    )


def test_levels_of_one_variant_wait_for_each_other_and_others_do_not(ledger: Ledger, number: int) -> None:
    other, start = next(_numbers), now() - timedelta(hours=1)
    call = "SELECT inventory.record_absolute(%s, %s, %s, %s, %s)"
    with ledger.connect() as first, ledger.connect() as second:
        second.execute("SET lock_timeout = '100ms'")
        with first.transaction():
            first.execute(call, (SHOP, number, HERE, 10, start))
            second.execute(call, (SHOP, other, HERE, 5, start))
            with pytest.raises(psycopg.errors.LockNotAvailable):
                second.execute(call, (SHOP, number, HERE, 9, start + timedelta(minutes=1)))
    with ThreadPoolExecutor(8) as pool:

        def tell(minute: int) -> None:
            with ledger.connect() as connection:
                connection.execute(call, (SHOP, number, HERE, minute, start + timedelta(minutes=minute)))

        list(pool.map(tell, [3, 1, 7, 5, 30, 2, 30, 12]))
    assert (ledger.available(number), ledger.available(other)) == (30, 5)


def test_an_unknown_item_is_no_error_and_may_be_told_again(ledger: Ledger) -> None:
    assert not ledger.level(999_999, 5, now(), "unknown-1")
    assert not ledger.level(999_999, 5, now(), "unknown-1")
    with pytest.raises(psycopg.Error) as refused:
        ledger.value("SELECT inventory.record_absolute(%s, 1, %s, NULL, now())", SHOP, HERE)
    assert refused.value.sqlstate == "NI006"


def test_a_shop_that_counts_by_its_ledger_takes_a_level_once(ledger: Ledger, number: int) -> None:
    start = now() - timedelta(hours=1)
    ledger.connection.execute("SELECT inventory.set_source(%s, 'ledger')", (SHOP,))
    try:
        assert ledger.level(number, 10, start)
        ledger.record(number, -2, "SALE")
        assert not ledger.level(number, 50, start + timedelta(minutes=1))
        assert ledger.available(number) == 8
    finally:
        ledger.connection.execute("SELECT inventory.set_source(%s, 'shopify')", (SHOP,))
    assert ledger.level(number, 50, start + timedelta(minutes=1))
    assert ledger.available(number) == 48
    with pytest.raises(psycopg.Error) as refused:
        ledger.connection.execute("SELECT inventory.set_source(%s, 'guess')", (SHOP,))
    assert refused.value.sqlstate == "NI005"


def test_a_completed_bulk_run_brings_its_levels(ledger: Ledger) -> None:
    first, second, gone = (next(_numbers) for _ in range(3))
    old = now() - timedelta(days=400)
    for number, units in ((first, 7), (second, 8), (gone, 9)):
        ledger.connection.execute(
            "INSERT INTO neanelu.inventory_levels (shop_id, shopify_gid, inventory_item_gid, inventory_item_legacy_id,"
            " location_id, available, updated_at_shopify) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (SHOP, f"gid://shopify/InventoryLevel/1?inventory_item_id={number}", f"gid://shopify/InventoryItem/{number}",
             number, "00000000-0000-7000-8000-0000000000c1", units, old),
        )  # fmt: skip

    def complete() -> Any:
        return ledger.value("SELECT inventory._do_run(%s, %s)", SHOP, Jsonb(ledger.complete_run("inventory")))

    assert complete()["taken"] == 3
    assert complete()["taken"] == 0
    assert [ledger.available(n) for n in (first, second, gone)] == [7, 8, 9]
    # An entry of our own that Shopify does not know stands until a whole snapshot says otherwise.
    ledger.record(first, -3)
    ledger.connection.execute(
        "UPDATE neanelu.inventory_levels SET deleted_at = now(), deletion_reason = 'snapshot'"
        " WHERE inventory_item_legacy_id = %s",
        (gone,),
    )
    assert ledger.rows("SELECT stock, level FROM inventory.drift(%s)", SHOP) == [(4, 7)]
    time.sleep(1.1)  # Shopify's times have whole seconds
    complete()
    assert [ledger.available(n) for n in (first, second, gone)] == [7, 8, 0]
    assert ledger.rows("SELECT * FROM inventory.drift(%s)", SHOP) == []
    ledger.fold()
    ledger.assert_sound()


# --- Orders -----------------------------------------------------------------------------------------------
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations([(5, 5, False), (5, 5, False), (5, 3, False), (5, 1, False), (5, 1, True)]),
    by_levels=st.booleans(),
)
def test_an_order_is_recorded_once_in_whatever_versions_it_comes(
    ledger: Ledger, order: list[tuple[int, int, bool]], by_levels: bool
) -> None:
    number = next(_numbers)
    ledger.connection.execute(
        "SELECT inventory.set_source(%s, %s)", (SHOP, "shopify" if by_levels else "ledger")
    )
    order_id = ledger.new_order(number, [], now())
    for quantity, current, is_cancelled in order:
        line = {"id": f"gid://shopify/LineItem/{number}", "quantity": quantity, "currentQuantity": current,
                "variant": {"id": f"gid://shopify/ProductVariant/{number}"}}  # fmt: skip
        ledger.connection.execute(
            "UPDATE neanelu.shopify_orders SET line_items = %s, cancelled_at = CASE WHEN %s THEN now() END WHERE id = %s",
            (
                Jsonb([line, {**line, "id": "gid://shopify/LineItem/0", "variant": None}]),
                is_cancelled,
                order_id,
            ),
        )
        ledger.value("SELECT inventory.record_order(%s, %s)", SHOP, order_id)
    sums = dict(
        ledger.rows(
            "SELECT reason, sum(delta) FROM neanelu.inventory_entries WHERE variant_id = %s GROUP BY reason",
            variant(number),
        )
    )
    assert (sums["SALE"], sums["RETURN"], sums.get("SYNC", 0)) == (-5, 5, 0)
    assert ledger.available(number, None) == 0


def test_a_sale_counts_by_the_ledger_and_is_attributed_by_levels(ledger: Ledger, number: int) -> None:
    def sell(line: int, at: datetime) -> None:
        item = {"id": f"gid://shopify/LineItem/9{line}", "quantity": 2, "currentQuantity": 2}
        order_id = ledger.new_order(
            900_000 + line, [{**item, "variant": {"id": f"gid://shopify/ProductVariant/{number}"}}], at
        )
        ledger.value("SELECT inventory.record_order(%s, %s)", SHOP, order_id)

    start = now() - timedelta(hours=1)
    ledger.connection.execute("SELECT inventory.set_source(%s, 'shopify')", (SHOP,))
    ledger.level(number, 10, start)
    sell(1, start + timedelta(minutes=5))
    assert ledger.available(number, None) == 10  # Shopify has not said so yet
    ledger.level(number, 8, start + timedelta(minutes=5))
    assert ledger.available(number, None) == 8
    ledger.connection.execute("SELECT inventory.set_source(%s, 'ledger')", (SHOP,))
    try:
        sell(2, start + timedelta(minutes=6))
    finally:
        ledger.connection.execute("SELECT inventory.set_source(%s, 'shopify')", (SHOP,))
    assert ledger.available(number, None) == 6


# --- Append only, retention, erasure ----------------------------------------------------------------------
@pytest.mark.parametrize(
    "role",
    ["postgres", "neanelu_owner", "neanelu_engine", "neanelu_operator", "neanelu_worker", "neanelu_app"],
)
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET delta = 5", "UPDATE {} SET new_quantity = NULL", "DELETE FROM {}", "TRUNCATE {}"],
)
def test_the_ledger_is_append_only_for_every_role(ledger: Ledger, role: str, statement: str) -> None:
    ledger.record(1, 1)
    ledger.fold()
    (month,) = ledger.rows("SELECT tableoid::regclass::text FROM neanelu.inventory_ledger LIMIT 1")[0]
    before = ledger.value("SELECT count(*) FROM neanelu.inventory_ledger")
    for table in ("neanelu.inventory_ledger", month, "neanelu.inventory_ledger_default"):
        with ledger.connect() as connection:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            connection.execute("SET inventory.erasing = 'true'")
            try:
                done = connection.execute(statement.format(table))  # type: ignore[arg-type]
                # Whoever sees no rows changes none; TRUNCATE looks at none, so it must be refused.
                assert done.rowcount == 0 and "TRUNCATE" not in statement
            except psycopg.Error as error:
                assert error.sqlstate in ("NI001", "42501"), error
    assert ledger.value("SELECT count(*), sum(delta) FROM neanelu.inventory_ledger") == before


def test_new_months_are_append_only_too(ledger: Ledger) -> None:
    with ledger.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("GRANT neanelu_owner TO CURRENT_USER")
        connection.execute("SET LOCAL ROLE neanelu_owner")
        connection.execute(
            "SELECT partman.create_partition_time('neanelu.inventory_ledger', ARRAY[now() + interval '9 months'])"
        )
        connection.execute("SELECT ops.maintain_partitions()")
        month = connection.execute(
            "SELECT i.inhrelid::regclass::text FROM pg_inherits AS i WHERE i.inhparent = 'neanelu.inventory_ledger'::regclass"
            " ORDER BY i.inhrelid DESC LIMIT 1"
        ).fetchone()  # fmt: skip
        assert month is not None
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(f"TRUNCATE {month[0]}")  # type: ignore[arg-type]
        assert refused.value.sqlstate == "NI001"


def test_dropped_months_leave_every_figure_as_it_was(db: Database) -> None:
    ledger = Ledger.of(db)
    kept_from = ledger.value("SELECT kept_from FROM neanelu.inventory_retention")
    for day, delta in ((1, 100), (20, -3), (45, -4), (95, 6)):
        for place in (HERE, THERE):
            ledger.record(
                1, delta, "ADJUSTMENT", "day", str(day), kept_from + timedelta(days=day), place=place
            )
    ledger.record(2, 5, "RESTOCK", None, None, kept_from + timedelta(days=2))
    ledger.record(3, 5)
    ledger.fold()
    later = kept_from + timedelta(days=70)

    def figures() -> list[Any]:
        return [
            [ledger.available(n, place) for n in (1, 2, 3) for place in (HERE, THERE, None)],
            ledger.rows("SELECT * FROM neanelu.inventory_current ORDER BY 2, 3"),
            [ledger.value("SELECT inventory.stock_at(%s, %s, %s, %s)", SHOP, variant(1), HERE, at)
             for at in (later, later + timedelta(days=40), now())],
        ]  # fmt: skip

    before = figures()
    assert before[0][:3] == [99, 99, 198]
    dropped = ledger.rows("SELECT * FROM inventory.drop_months(now() - %s)", later)
    assert len(dropped) == 2 and sum(entries for _, entries in dropped) == 7
    assert figures() == before
    assert ledger.value("SELECT count(*) FROM neanelu.inventory_ledger") == 3
    ledger.assert_sound()
    assert ledger.rows("SELECT * FROM inventory.drop_months(now() - %s)", later) == []
    for statement in (
        "SELECT inventory.stock_at(%s, %s, %s, %s)",
        "SELECT inventory.record(%s, %s, %s, 1, 'SALE', NULL, NULL, %s)",
    ):
        with pytest.raises(psycopg.Error) as refused:
            ledger.value(statement, SHOP, variant(1), HERE, kept_from + timedelta(days=5))
        assert refused.value.sqlstate == "NI003"
    assert not ledger.record(
        1, -4, "ADJUSTMENT", "day", "45", now()
    )  # a reference of a dropped month is still known
    ledger.record(1, 1)
    ledger.fold()
    ledger.assert_sound()
    with pytest.raises(psycopg.Error) as refused:
        ledger.rows("SELECT * FROM inventory.drop_months('1 day')")
    assert refused.value.sqlstate == "NI008"
    # Reconciliation does notice what is wrong.
    ledger.connection.execute(
        "UPDATE neanelu.inventory_balances SET quantity = quantity + 1 WHERE variant_id = %s", (variant(3),)
    )
    assert ledger.rows("SELECT balance, recomputed, difference FROM inventory.reconcile(%s)", SHOP) == [
        (6, 5, 1)
    ]
    assert ledger.value("SELECT inventory.erase_shop(%s)", SHOP) > 0
    assert ledger.value("SELECT count(*) FROM neanelu.inventory_entries") == 0
    assert ledger.value("SELECT count(*) FROM neanelu.inventory_receipts") == 0


# --- Tenants, plans ---------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def tenant(ledger: Ledger) -> Iterator[str]:
    ledger.connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN IN ROLE neanelu_tenant").format(sql.Identifier(TENANT))
    )
    ledger.connection.execute("SELECT app.bind_tenant_login(%s, %s)", (TENANT, SHOP))
    yield TENANT
    ledger.connection.execute("SELECT app.unbind_tenant_login(%s)", (TENANT,))
    ledger.connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(TENANT)))


def test_a_tenant_reads_its_stock_and_writes_none(
    ledger: Ledger, module_db: Database, tenant: str, number: int
) -> None:
    ledger.record(number, 3)
    with module_db.connect(tenant) as own:
        current = "SELECT quantity FROM neanelu.inventory_current WHERE variant_id = %s"
        assert own.execute(current, (variant(number),)).fetchall() == [(3,)]
        assert own.execute(
            "SELECT inventory.available(%s, %s, %s)", (SHOP, variant(number), HERE)
        ).fetchone() == (3,)
        for statement, code in (
            ("SELECT inventory.available('00000000-0000-7000-8000-0000000000a2', uuidv7())", "NA002"),
            (
                "SELECT inventory.record('00000000-0000-7000-8000-0000000000a1', uuidv7(), '', 1, 'SALE')",
                "42501",
            ),
            ("SELECT inventory.fold()", "42501"),
            ("INSERT INTO neanelu.inventory_arrivals DEFAULT VALUES", "42501"),
        ):
            with pytest.raises(psycopg.Error) as refused:
                own.execute(statement)
            assert refused.value.sqlstate == code


def test_the_stock_is_read_through_indexes(db: Database) -> None:
    ledger = Ledger.of(db)
    numbers = [n % 2000 + 1 for n in range(20_000)]
    many = "SELECT inventory.record_many(%s, %s, %s, %s, %s)"
    arguments = (
        SHOP,
        [variant(n) for n in numbers],
        [HERE] * len(numbers),
        [1] * len(numbers),
        ["RESTOCK"] * len(numbers),
    )
    ledger.connection.execute(many, arguments)
    ledger.fold()
    ledger.connection.execute(many, arguments)
    for table in ("arrivals", "balances", "ledger"):
        ledger.connection.execute(f"VACUUM ANALYZE neanelu.inventory_{table}")
    found: list[str] = []
    with ledger.connect() as connection:
        connection.add_notice_handler(lambda notice: found.append(notice.message_primary or ""))
        connection.execute("LOAD 'auto_explain'")
        for name, value in (
            ("auto_explain.log_nested_statements", "on"),
            ("auto_explain.log_verbose", "on"),
            ("auto_explain.log_min_duration", "0"),
            ("client_min_messages", "log"),
        ):
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        for _ in range(7):  # the generic plan, too
            connection.execute("SELECT inventory.available(%s, %s, %s)", (SHOP, variant(5), HERE))
            connection.execute(
                "SELECT inventory.stock_at(%s, %s, %s, %s)",
                (SHOP, variant(5), HERE, now() - timedelta(days=1)),
            )
            connection.execute(
                "SELECT * FROM neanelu.inventory_current WHERE shop_id = %s AND variant_id = %s",
                (SHOP, variant(5)),
            )
    plans = "\n".join(found)
    scans = [
        line.strip() for line in plans.splitlines() if "Scan" in line and " on neanelu.inventory_" in line
    ]
    assert len(scans) > 20
    assert [
        line
        for line in scans
        if "Seq Scan" in line and "inventory_retention" not in line and "ledger_" not in line
    ] == []
    assert [line for line in scans if "Seq Scan" in line and "_p2" in line and "rows=1 " not in line] == []
