"""Has the lines of a run staged and merged by the database: one step after the other, or side by side on several connections.

A large load is staged on two connections. Of a large first load, which only inserts, a third one merges what is staged
already, in a transaction that stays open: products are in the mirror when the last variants are typed. All of it is
committed at once, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import translated
from neanelu.sync.lease import Lease

Given = ParamSpec("Given")
Result = TypeVar("Result")

#: A load larger than this is staged on connections of their own, lines.
_PARALLEL_LINES = 20_000
#: How many.
_STAGERS = 2
#: Longest pause between two statements of the open merge; idle_in_transaction_session_timeout is longer.
_IDLE_SECONDS = 30.0
#: Stands for the list of objects among the tables to be analysed.
_GROUPS = "bulk_groups"


class _Piece(NamedTuple):
    """What is staged, and merged, at a time."""

    table: str
    #: 0 or 1: half of the objects; None: all
    half: int | None = None


class StageAndMerge:
    """What is left of a run when its lines are loaded.

    Args:
        lease: the run and its token; calls go through it.
        connect: opens a further connection, autocommit.
        sent: how many lines were loaded.
        send_trees: sends what is known of the file's trees, if that is still to be done.
        check: called between the steps; raises where the daemon must stop.
        on_merge: called when only merging is left.
    """

    def __init__(
        self,
        lease: Lease,
        connect: Callable[[], Connection],
        sent: int,
        *,
        send_trees: Callable[[Lease], None],
        check: Callable[[], None],
        on_merge: Callable[[], None],
    ) -> None:
        self._lease = lease
        self._connect = connect
        self._sent = sent
        self._send_trees = send_trees
        self._check = check
        self._on_merge = on_merge
        #: rows of sync.staging_tables, in the order of merging
        self._tables: list[dict[str, Any]] = []

    def run(self) -> dict[str, Any]:
        """Stage and merge; return the run as it ended.

        Raises:
            LoadLost: the server lost the lines or the staged rows: load again.
            LeaseLost: another daemon has the run.
        """
        if self._sent < _PARALLEL_LINES:
            self._send_trees(self._lease)
            if self._sent:
                _analyze(self._lease, None)
            if not self._begin():
                return self._one_after_the_other()
        with _Stagers(self._connect, self._lease.run) as stagers:
            if self._sent < _PARALLEL_LINES:
                return self._merge_beside(stagers, [])
            analyzed = stagers.start(_analyze, None)
            trees = stagers.start(self._send_trees)
            may_merge_beside = self._begin()
            analyzed.result()
            return (self._merge_beside if may_merge_beside else self._merge_after)(stagers, [trees])

    def _begin(self) -> bool:
        """Begin to stage; return whether tables may be merged meanwhile."""
        may_merge_beside: bool = self._lease.value(sql.BEGIN_STAGE)
        with translated():
            self._tables = self._lease.connection.execute(
                sql.STAGING_TABLES, {"resource": self._lease.run["query_type"]}
            ).fetchall()
        return may_merge_beside

    def _names(self, *, depending: bool) -> list[str]:
        """Return the staging tables that depend on others of their stream, or those that do not."""
        return [row["staging_table"] for row in self._tables if row["depends_on_others"] is depending]

    def _one_after_the_other(self) -> dict[str, Any]:
        """Stage all tables on one connection, merge."""
        rows = sum(_stage(self._lease, _Piece(table)) for table in self._names(depending=False))
        return self._merge_all(rows)

    def _merge_after(self, stagers: _Stagers, before: list[Future[None]]) -> dict[str, Any]:
        """Stage all tables on several connections, then merge.

        Args:
            before: what must be done before staging ends.
        """
        tables = self._names(depending=False)
        # The last table of a resource is its largest: orders' lines, variants, media.
        staged = [stagers.start(_stage, _Piece(table)) for table in (tables[-1], *tables[:-1])]
        for future in (*before, stagers.start(_collect_groups)):
            future.result()
        return self._merge_all(sum(rows.result() for rows in staged))

    def _merge_all(self, rows: int) -> dict[str, Any]:
        """Stage the tables that depend on others, end staging, merge.

        Args:
            rows: what the other tables took.
        """
        rows += sum(_stage(self._lease, _Piece(table)) for table in self._names(depending=True))
        self._lease.call(sql.END_STAGE, rows=rows)
        self._check()
        if self._sent:
            _analyze(self._lease, [*self._names(depending=False), _GROUPS])
        self._on_merge()
        return self._lease.row(sql.MERGE)

    def _merge_beside(self, stagers: _Stagers, before: list[Future[None]]) -> dict[str, Any]:
        """Merge each piece when it is staged, in their order.

        Args:
            before: what must be done before staging ends.
        """
        pieces, ended = self._start_staging(stagers, before)
        with translated(), self._lease.connection.transaction():
            if self._lease.value(sql.BEGIN_MERGE):
                for piece, staged in pieces:
                    self._wait(staged)
                    self._check()
                    self._lease.call(sql.MERGE_PIECE, table=piece.table, half=piece.half)
                self._wait(ended)
                self._on_merge()
                return self._lease.row(sql.END_MERGE)
        ended.result()
        self._check()
        self._on_merge()
        return self._lease.row(sql.MERGE)

    def _start_staging(
        self, stagers: _Stagers, before: list[Future[None]]
    ) -> tuple[list[tuple[_Piece, Future[int]]], Future[None]]:
        """Start to stage all tables; return the pieces with their rows, and when all is staged.

        Of a stream first the objects' own lines are staged, in halves; when they and the list of objects are there, the
        stream is settled, and its other tables follow. Whatever waits was started after what it waits for.
        """
        pieces: list[tuple[_Piece, Future[int]]] = []
        settled = [*before, stagers.start(_collect_groups)]
        for stream in dict.fromkeys(row["stream"] for row in self._tables):
            tables = [row for row in self._tables if row["stream"] == stream]
            own = [_Piece(row["staging_table"], half) for row in tables if row["is_own"] for half in (0, 1)]
            staged = [(piece, stagers.start(_stage_and_analyze, piece)) for piece in own]
            settled = [stagers.start(_settle, stream, [*settled, *(rows for _, rows in staged)])]
            others = [_Piece(row["staging_table"]) for row in tables if not row["is_own"]]
            staged += [(piece, stagers.start(_stage_and_analyze, piece, settled[0])) for piece in others]
            pieces += staged
        return pieces, stagers.start(_end_staging, [rows for _, rows in pieces], settled[0])

    def _wait(self, future: Future[Any]) -> None:
        """Wait for what is staged; the open transaction is used now and then, as an idle one is ended."""
        while True:
            try:
                future.result(timeout=_IDLE_SECONDS)
            except TimeoutError:
                if future.done():
                    raise
                with translated():
                    self._lease.connection.execute(sql.PING)
            else:
                return


class _Stagers:
    """Connections that stage beside the run's own, a thread each; what is started first begins first."""

    def __init__(self, connect: Callable[[], Connection], run: dict[str, Any]) -> None:
        self._connect = connect
        self._run = run
        self._free: SimpleQueue[Lease] = SimpleQueue()
        self._pool = ThreadPoolExecutor(_STAGERS, thread_name_prefix="stage")
        self._stack = ExitStack()

    def __enter__(self) -> _Stagers:
        """Open the connections."""
        with ExitStack() as stack:
            for _ in range(_STAGERS):
                self._free.put(Lease(stack.enter_context(self._connect()), self._run))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what has not begun, wait for what has, close the connections."""
        with self._stack:
            self._pool.shutdown(cancel_futures=True)

    def start(
        self, work: Callable[Concatenate[Lease, Given], Result], *given: Given.args, **named: Given.kwargs
    ) -> Future[Result]:
        """Begin some work on the connection that is free first; its result, or its error, is for who asks for it."""

        def on_free_connection() -> Result:
            lease = self._free.get()
            try:
                return work(lease, *given, **named)
            finally:
                self._free.put(lease)

        return self._pool.submit(on_free_connection)


def _collect_groups(lease: Lease) -> None:
    """List the objects that own lines."""
    lease.call(sql.COLLECT_GROUPS)
    _analyze(lease, [_GROUPS])


def _stage(lease: Lease, piece: _Piece) -> int:
    """Stage a table, or half of it; return the rows staged."""
    rows: int = lease.value(sql.STAGE_TABLE, table=piece.table, half=piece.half)
    return rows


def _stage_and_analyze(lease: Lease, piece: _Piece, after: Future[Any] | None = None) -> int:
    """Stage a table, or half of it, when something else is done; return the rows staged."""
    if after:
        after.result()
    rows = _stage(lease, piece)
    # what the first half says of a table holds for both, and it is merged first
    if not piece.half:
        _analyze(lease, [piece.table])
    return rows


def _settle(lease: Lease, stream: int, after: Sequence[Future[Any]]) -> None:
    """Take out the objects of a stream that lack a line of their own, when others are done."""
    for future in after:
        future.result()
    lease.call(sql.SETTLE_STREAM, stream=stream)


def _end_staging(lease: Lease, staged: Sequence[Future[int]], settled: Future[None]) -> None:
    """End staging, when all is staged and settled."""
    settled.result()
    lease.call(sql.END_STAGE, rows=sum(rows.result() for rows in staged))


def _analyze(lease: Lease, tables: list[str] | None) -> None:
    """Refresh the planner's statistics of what was staged; None: of what was loaded."""
    with translated():
        lease.connection.execute(sql.REFRESH_STATISTICS, {"tables": tables})
