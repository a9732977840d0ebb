"""Has the lines of a run staged and merged by the database: one step after the other, or side by side on two connections.

A large load is staged on two connections, a table each. Of a large first load, which only inserts, one connection merges
the streams that are final already, in a transaction that stays open, while the other stages the rest: products are in the
mirror when the last variants are typed. All of it is committed at once, or nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, ParamSpec, TypeVar

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import translated
from neanelu.sync.lease import Lease

Given = ParamSpec("Given")
Result = TypeVar("Result")

#: A load larger than this is staged on two connections, lines.
_PARALLEL_LINES = 20_000
#: Longest pause between two statements of the open merge; idle_in_transaction_session_timeout is longer.
_IDLE_SECONDS = 30.0
#: Stands for the list of objects among the tables to be staged.
_GROUPS = "bulk_groups"


class StageAndMerge:
    """What is left of a run when its lines are loaded.

    Args:
        lease: the run and its token; calls go through it.
        connect: opens a second connection, autocommit.
        sent: how many lines were loaded.
        check: called between the steps; raises where the daemon must stop.
        on_merge: called when only merging is left.
    """

    def __init__(
        self,
        lease: Lease,
        connect: Callable[[], Connection],
        sent: int,
        *,
        check: Callable[[], None],
        on_merge: Callable[[], None],
    ) -> None:
        self._lease = lease
        self._connect = connect
        self._sent = sent
        self._check = check
        self._on_merge = on_merge
        #: staging tables by stream, in the order of merging: those to be staged in any order, and those that follow them
        self._streams: dict[int, tuple[list[str], list[str]]] = {}

    def run(self) -> dict[str, Any]:
        """Stage and merge; return the run as it ended.

        Raises:
            LoadLost: the server lost the lines or the staged rows: load again.
            LeaseLost: another daemon has the run.
        """
        if self._sent < _PARALLEL_LINES:
            if self._sent:
                _analyze(self._lease, None)
            if not self._begin():
                return self._one_after_the_other(None)
        with self._connect() as connection, ThreadPoolExecutor(1) as pool:
            second = _Second(Lease(connection, self._lease.run), pool)
            if self._sent < _PARALLEL_LINES:
                return self._side_by_side(second)
            analyzed = second.start(_analyze, None)
            may_merge_beside = self._begin()
            analyzed.result()
            return self._side_by_side(second) if may_merge_beside else self._one_after_the_other(second)

    def _begin(self) -> bool:
        """Begin to stage; return whether streams may be merged meanwhile."""
        may_merge_beside: bool = self._lease.value(sql.BEGIN_STAGE)
        resource = self._lease.run["query_type"]
        with translated():
            tables = self._lease.connection.execute(sql.STAGING_TABLES, {"resource": resource}).fetchall()
        for row in tables:
            self._streams.setdefault(row["stream"], ([], []))[row["depends_on_others"]].append(
                row["staging_table"]
            )
        return may_merge_beside

    def _one_after_the_other(self, second: _Second | None) -> dict[str, Any]:
        """Stage everything, end staging, merge."""
        alone = [table for tables, _ in self._streams.values() for table in tables]
        rows = self._stage_on_both(alone, second) if second else _stage_all(self._lease, alone)
        rows += _stage_all(self._lease, [table for _, others in self._streams.values() for table in others])
        self._lease.call(sql.END_STAGE, rows=rows)
        self._check()
        if self._sent:
            _analyze(self._lease, [*alone, _GROUPS])
        self._on_merge()
        return self._lease.row(sql.MERGE)

    def _stage_on_both(self, tables: list[str], second: _Second) -> int:
        """Stage tables and list the objects, each on the connection that is free first; return the rows staged."""
        # The last table of a resource is its largest: orders' lines, variants, media.
        work = deque([tables[-1], *tables[:-1], _GROUPS])
        other = second.start(_work_off, work)
        return _work_off(self._lease, work) + other.result()

    def _side_by_side(self, second: _Second) -> dict[str, Any]:
        """Stage the first stream on both connections, then merge on one what the other has staged."""
        (first, (tables, others)), *rest = self._streams.items()
        rows = self._stage_on_both(tables, second)
        rows += _stage_all(self._lease, others)
        self._lease.call(sql.SETTLE_STREAM, stream=first)
        _analyze(self._lease, [*tables, *others, _GROUPS])
        settled: SimpleQueue[int | None] = SimpleQueue()
        staging = second.start(_stage_streams, dict(rest), rows, settled)
        with translated(), self._lease.connection.transaction():
            if self._lease.value(sql.BEGIN_MERGE):
                self._lease.call(sql.MERGE_STREAM, stream=first)
                for stream in self._waited_for(settled):
                    self._lease.call(sql.MERGE_STREAM, stream=stream)
                return self._end_merge(staging)
        staging.result()
        self._check()
        self._on_merge()
        return self._lease.row(sql.MERGE)

    def _waited_for(self, settled: SimpleQueue[int | None]) -> Iterator[int]:
        """Yield streams as they are settled; the open transaction is used now and then, as an idle one is ended."""
        while True:
            try:
                stream = settled.get(timeout=_IDLE_SECONDS)
            except Empty:
                with translated():
                    self._lease.connection.execute(sql.PING)
                continue
            if stream is None:
                return
            self._check()
            yield stream

    def _end_merge(self, staging: Future[None]) -> dict[str, Any]:
        """End the open merge, when staging has ended well."""
        staging.result()
        self._on_merge()
        return self._lease.row(sql.END_MERGE)


class _Second:
    """A second connection with a thread of its own."""

    def __init__(self, lease: Lease, pool: ThreadPoolExecutor) -> None:
        self._lease = lease
        self._pool = pool

    def start(
        self, work: Callable[Concatenate[Lease, Given], Result], *given: Given.args, **named: Given.kwargs
    ) -> Future[Result]:
        """Begin some work on it; its result, or its error, is for who asks for it."""
        return self._pool.submit(work, self._lease, *given, **named)


def _stage_streams(
    lease: Lease,
    streams: dict[int, tuple[list[str], list[str]]],
    rows: int,
    settled: SimpleQueue[int | None],
) -> None:
    """Stage streams one after the other, saying of each when it is final, then end staging; at the end say None."""
    try:
        for stream, (tables, others) in streams.items():
            rows += _stage_all(lease, [*tables, *others])
            lease.call(sql.SETTLE_STREAM, stream=stream)
            _analyze(lease, [*tables, *others])
            settled.put(stream)
        lease.call(sql.END_STAGE, rows=rows)
    finally:
        settled.put(None)


def _stage_all(lease: Lease, tables: Iterable[str]) -> int:
    """Stage tables one after the other; return the rows staged."""
    return sum(lease.value(sql.STAGE_TABLE, table=table) for table in tables)


def _work_off(lease: Lease, work: deque[str]) -> int:
    """Stage what is left of some tables, one after the other, beside another thread; return the rows staged."""
    rows = 0
    while work:
        try:
            table = work.popleft()
        except IndexError:
            break
        if table == _GROUPS:
            lease.call(sql.COLLECT_GROUPS)
        else:
            rows += lease.value(sql.STAGE_TABLE, table=table)
    return rows


def _analyze(lease: Lease, tables: list[str] | None) -> None:
    """Refresh the planner's statistics of what was staged; None: of what was loaded."""
    with translated():
        lease.connection.execute(sql.REFRESH_STATISTICS, {"tables": tables})
