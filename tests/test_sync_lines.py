"""Lines on their way into the landing table: what arrives is what a naive way, line by line, would bring."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neanelu.db.connection import Connection, connect
from neanelu.db.errors import LeaseLost
from neanelu.platform.scratch import Database
from neanelu.sync import lines
from neanelu.sync.lease import Lease
from neanelu.sync.lines import LineCopy, as_text

#: JSON for the scanner, and what jsonb says of it.
GOOD = [
    b'{"id":"gid:\\/\\/shopify\\/Product\\/1"}', b"{}", b'{"a":"\\u00e9 \\ud83d\\ude00"}', '{"a":"ș„ț”\u2028"}'.encode(),
    b'  {"a" : [1, 2.50, -3e5, null, true]}\t ', b'{"a":1,\r"b":2}', b'{"a":"\\\\. \\\\N \\r\\n"}', b'{"a":"%b"}' % (b"x" * 700),
]  # fmt: skip
REFUSED = [b'{"a":"x\\u0000"}', b'{"a":1e400000}', b'{"a":"\\ud800"}', b"{", b'{"a":NaN}']

ids = st.integers(0, 2**63 - 1)
taken = st.tuples(
    st.sampled_from(["Product", "ProductVariant", "Metafield", "ResourcePublication"]),
    st.sampled_from([30, 31]),
    ids,
    st.none() | ids,
    st.none() | ids,
    st.integers(0, 9).flatmap(lambda dice: st.sampled_from(GOOD if dice else REFUSED)),
)


def a_lease() -> Any:
    """Return what LineCopy needs of a lease."""
    return SimpleNamespace(run={"id": uuid4(), "attempt": 3}, check=lambda: None)


def opener(database: Database) -> Callable[[], Connection]:
    """Return what opens connections as the daemon does."""
    return lambda: connect("neanelu_sync", dsn=database.dsn("neanelu_sync"))


def landed(database: Database, run_id: UUID) -> list[tuple[Any, ...]]:
    """Return what is in the table, in the order of the file."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        return connection.execute(
            "SELECT attempt, line_number, kind, stream, owner_id, object_id, root_id, doc::text"
            "  FROM neanelu.bulk_lines WHERE bulk_run_id = %s ORDER BY line_number",
            [run_id],
        ).fetchall()


def naive(database: Database, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return what should be there, by asking for each line whether jsonb takes it."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        docs = connection.execute(
            "SELECT CASE WHEN pg_input_is_valid(t, 'jsonb') THEN t::jsonb::text END"
            "  FROM unnest(%s::text[]) WITH ORDINALITY AS x (t, n) ORDER BY n",
            [[row[5].decode() for row in rows]],
        ).fetchall()
    return [
        (3, n, *row[:5], doc)
        for n, (row, (doc,)) in enumerate(zip(rows, docs, strict=True), 1)
        if doc is not None
    ]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few lines be a block, a few blocks a batch, and further connections worth it."""
    monkeypatch.setattr(lines, "_BLOCK_BYTES", 300)
    monkeypatch.setattr(lines, "_BATCH_BYTES", 1500)
    monkeypatch.setattr(lines, "_MANY_BYTES", 600)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(taken, max_size=60))
def test_what_lands_is_what_a_naive_way_would_bring(
    module_db: Database, small_batches: None, rows: list[tuple[Any, ...]]
) -> None:
    lease = a_lease()
    with LineCopy(cast(Lease, lease), opener(module_db)) as copy:
        for number, (kind, stream, owner, own, root, line) in enumerate(rows, start=1):
            copy.take(number, kind, stream, owner, own, root, line)
    expected = naive(module_db, rows)
    assert landed(module_db, lease.run["id"]) == expected
    assert (copy.sent, copy.landed) == (len(rows), len(expected))


@settings(max_examples=200, deadline=None)
@given(st.lists(taken, max_size=20))
def test_rows_are_the_same_in_binary_and_as_text(rows: list[tuple[Any, ...]]) -> None:
    lease = a_lease()
    copy = LineCopy(cast(Lease, lease), lambda: pytest.fail("nothing is to be sent"))
    block = b""
    for number, (kind, stream, owner, own, root, line) in enumerate(rows, start=1):
        copy.take(number, kind, stream, owner, own, root, line)
    block = b"".join(copy._rows)
    text = as_text(block).decode()
    found = list(
        csv.reader(io.StringIO(text, newline=""), delimiter="\x02", quotechar="\x01", lineterminator="\n")
    )
    run = str(lease.run["id"])
    expected = [
        [
            run,
            "3",
            str(stream),
            kind,
            str(number),
            *("" if n is None else str(n) for n in (owner, own, root)),
            line.decode(),
        ]
        for number, (kind, stream, owner, own, root, line) in enumerate(rows, start=1)
    ]
    assert found == expected


def test_one_connection_for_little_and_three_for_much(
    module_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Connection] = []

    def open_one() -> Connection:
        opened.append(opener(module_db)())
        return opened[-1]

    counts = []
    for much in (0, 1, 400):
        lease = a_lease()
        monkeypatch.setattr(lines, "_MANY_BYTES", 100_000)
        with LineCopy(cast(Lease, lease), open_one) as copy:
            for number in range(much):
                copy.take(number, "Product", 30, 1, 1, 1, b'{"a":"' + b"x" * 1000 + b'"}')
        assert len(landed(module_db, lease.run["id"])) == much == copy.landed
        counts.append(len(opened))
    assert counts == [0, 1, 4]
    assert all(connection.closed for connection in opened)


def test_work_that_fails_leaves_nothing_waiting(module_db: Database, small_batches: None) -> None:
    """An exception of the one who scans ends the senders; what they were at is not there."""
    lease = a_lease()
    with pytest.raises(LeaseLost), LineCopy(cast(Lease, lease), opener(module_db)) as copy:
        for number in itertools.count(1):
            copy.take(number, "Product", 30, 1, 1, 1, GOOD[0])
            if number == 500:
                raise LeaseLost("gone")
    assert not any(sender.is_alive() for sender in copy._senders)
    assert len(landed(module_db, lease.run["id"])) < 500


@pytest.mark.parametrize("victim", [0, 1])
def test_a_lost_connection_is_heard_of(module_db: Database, small_batches: None, victim: int) -> None:
    opened: list[Connection] = []

    def open_one() -> Connection:
        opened.append(opener(module_db)())
        return opened[-1]

    def numbers() -> Iterator[int]:
        for number in itertools.count(1):
            if number == 200:
                with psycopg.connect(module_db.dsn(), autocommit=True) as killer:
                    killer.execute(
                        "SELECT pg_terminate_backend(%s, 10000)", [opened[victim].info.backend_pid]
                    )
            assert number < 2_000_000, "nobody noticed"
            yield number

    lease = a_lease()
    with pytest.raises(psycopg.OperationalError), LineCopy(cast(Lease, lease), open_one) as copy:
        for number in numbers():
            copy.take(number, "Product", 30, 1, 1, 1, GOOD[0])
    assert not any(sender.is_alive() for sender in copy._senders)
