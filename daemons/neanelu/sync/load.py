"""Sends a file's lines to the database: all, or where digests are known, those of the trees that differ."""

from __future__ import annotations

import struct
import tempfile
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain, islice
from typing import IO, Any

from psycopg.types.json import Jsonb

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.sync.fetch import CHUNK_BYTES, Spool
from neanelu.sync.lease import Lease
from neanelu.sync.lines import COPY_END, COPY_HEADER, LineCopy
from neanelu.sync.scan import KnownTrees, LineScanner, Place, Reject, Totals, Tree, TreeSplitter, leading_gid
from neanelu.sync.trees import TreeReader

#: How often progress is told, bytes.
_TELL_BYTES = 1024 * 1024
_QUARANTINE_LINES = 500
_QUARANTINE_BYTES = 4 * 1024 * 1024
#: Trees that are asked for at a time.
_KNOWN_TREES = 65_536
_MANIFEST_ROW = struct.Struct("!h i16s ii iq iq ii i?").pack
#: of the index: root id (-1: none), offset, size, first line, lines, digest, is_clean
_INDEX_FIELDS = 7
_INDEX_BLOCK = _INDEX_FIELDS * 4096


#: Marks lines for which PostgreSQL itself is asked what is wrong with them.
_REFUSED = "refused"


class _NotClosed(Exception):
    """A changed tree refers to objects outside, or came before unchanged: the trees of this file cannot be told apart."""


class Loader:
    """Loads one run's file, under its lease.

    Args:
        lease: the run and its token; calls go through it.
        connect: opens a further connection, for COPY; no autocommit.
        resource: a row of sync.resources().
        max_line_bytes: longer lines go to quarantine.
        on_progress: called with a phase (`send`) and bytes done.
    """

    def __init__(
        self,
        lease: Lease,
        connect: Callable[[], Connection],
        resource: dict[str, Any],
        *,
        max_line_bytes: int,
        on_progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self._lease = lease
        self._connect = connect
        self._streams: dict[str, int] = resource["streams"]
        self._root_kind: str | None = resource["root_kind"]
        self._max_line_bytes = max_line_bytes
        self._progress = on_progress or (lambda _phase, _bytes: None)
        run = lease.run
        self._run_bytes: bytes = run["id"].bytes
        self._attempt: int = run["attempt"]
        self._told = 0
        #: after `load`: no line had to be looked at, every tree is as it was merged last
        self.is_unchanged = False
        self._index = tempfile.TemporaryFile(prefix="neanelu-trees-")  # noqa: SIM115 (closed by __exit__)
        self._has_trees = True

    def __enter__(self) -> Loader:
        """Return the loader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the index of trees."""
        self._index.close()

    def load(self, spool: Spool) -> int:
        """Load the file and close the load step; return how many lines were sent.

        Where all were, the trees are still to be sent, by `send_trees`, before the run is merged.

        Raises:
            Incomplete: the file is not what Shopify announced.
            LeaseLost: another daemon has the run.
            ShopifyError: the file could not be fetched.
        """
        plan = self._lease.value(sql.OPEN_LOAD)
        index = self._index
        if plan == "manifest":
            try:
                return self._load_changed(spool, index)
            except _NotClosed:
                self._lease.call(sql.SEND_EVERYTHING)
                index.seek(0)
                index.truncate()
        return self._load_all(spool, index)

    def send_trees(self, lease: Lease) -> None:
        """Send the trees of a file of which every line was sent, unless that was done.

        Args:
            lease: for the call, which may be made beside others.
        """
        if not self._has_trees:
            self._has_trees = True
            self._copy_manifest(_entries(self._index))
            lease.call(sql.COLLECT_TREES)

    # --- the two plans ------------------------------------------------------------------------------------

    def _load_all(self, spool: Spool, index: IO[bytes]) -> int:
        """Send every line in one pass; the trees follow with the lines that were refused, or later."""
        self._has_trees = False
        splitter = TreeSplitter(self._root_kind)
        with _Quarantine(self._lease) as quarantine, LineCopy(self._lease, self._connect) as copy:
            scanner = self._scanner(copy.take, quarantine)

            def note(entries: array[int]) -> None:
                index.write(entries)
                self._tell("send", entries[-6] + entries[-5])

            reader = TreeReader(scanner, copy, note)
            scanner.begin_tree(1)
            for tree in splitter.split(spool.chunks(), scanner.feed, on_block=reader.take):
                scanner.finish()
                clean = scanner.is_closed and not scanner.rejected and scanner.root_id == tree.root_id
                _append(index, tree, clean)
                scanner.begin_tree(tree.first_line + tree.lines)
                self._tell("send", tree.offset + tree.size)
        self._close(spool, index, splitter.lines, scanner.totals, copy)
        return copy.sent

    def _load_changed(self, spool: Spool, index: IO[bytes]) -> int:
        """Learn which trees were merged last, and send the lines of those that differ, in one pass."""
        known = self._known_trees()
        splitter = TreeSplitter(self._root_kind)
        with (
            ExitStack() as stack,
            _Quarantine(self._lease) as quarantine,
            LineCopy(self._lease, self._connect) as copy,
        ):
            file: IO[bytes] | None = None
            scanner = self._scanner(copy.take, quarantine)
            chunks = self._watched(spool)
            for tree in splitter.split(chunks, known=known):
                place = known.place(tree)
                if place is Place.SAME:
                    continue
                # opened late: the spool may put another file in this one's place before it is read
                file = file or stack.enter_context(spool.path.open("rb"))
                self._scan(scanner, file, tree.first_line, tree.offset, tree.size)
                root = tree.root_id
                if place is Place.TWICE or root is None or not scanner.is_closed or scanner.root_id != root:
                    deque(chunks, 0)  # the file is to be whole on disk
                    raise _NotClosed
                _append(index, tree, not scanner.rejected)
                self._tell("send", tree.offset + tree.size)
        self.is_unchanged = not index.tell()
        gone = known.gone() if self._lease.run["mode"] != "incremental" else ()
        if self._copy_manifest(chain(_entries(index), ((root, 0, 0, 0, 0, 0, False) for root in gone))):
            self._lease.call(sql.COLLECT_TREES)
        self._close(spool, index, splitter.lines, scanner.totals, copy, known)
        return copy.sent

    # --- pieces -------------------------------------------------------------------------------------------

    def _known_trees(self) -> KnownTrees:
        """Return what the database knows of the trees that were merged last."""
        known = KnownTrees()
        after = -1
        while (row := self._lease.row(sql.KNOWN_TREES, after=after, limit=_KNOWN_TREES))["trees"]:
            after = known.add(row["roots"], row["digests"], row["lines"])
            if row["trees"] < _KNOWN_TREES:
                break
        return known

    def _watched(self, spool: Spool) -> Iterator[bytes]:
        """Yield the file's bytes, as long as the lease holds."""
        for chunk in spool.chunks():
            self._lease.check()
            yield chunk

    def _tell(self, phase: str, done: int) -> None:
        """Tell how far a phase is, now and then."""
        if not 0 <= done - self._told < _TELL_BYTES:
            self._told = done
            self._progress(phase, done)

    def _scanner(self, handle_line: Callable[..., None], quarantine: _Quarantine) -> LineScanner:
        """Return a scanner for this resource."""
        return LineScanner(
            self._streams,
            handle_line,
            quarantine.add,
            quarantine.add_chunk,
            root_kind=self._root_kind,
            max_line_bytes=self._max_line_bytes,
        )

    @staticmethod
    def _scan(scanner: LineScanner, file: IO[bytes], first_line: int, offset: int, size: int) -> None:
        """Look at the lines of a tree."""
        scanner.begin_tree(first_line)
        for piece in _span(file, offset, size):
            scanner.feed(piece)
        scanner.finish()

    def _copy_manifest(self, entries: Iterable[Sequence[int]]) -> bool:
        """Send the trees that have a root, as they come; return whether there was one."""
        head = (6, 16, self._run_bytes, 4, self._attempt)
        rows = (
            _MANIFEST_ROW(*head, 8, root, 8, digest, 4, lines, 1, clean)
            for root, _offset, _size, _first, lines, digest, clean in entries
            if root >= 0
        )
        first = next(rows, None)
        if first is None:
            return False
        with (
            closing(self._connect()) as connection,
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy(sql.COPY_MANIFEST) as copy,
        ):
            copy.write(COPY_HEADER + first)
            while block := b"".join(islice(rows, 2048)):
                copy.write(block)
                self._lease.check()
            copy.write(COPY_END)
        return True

    def _close(
        self,
        spool: Spool,
        index: IO[bytes],
        lines: int,
        totals: Totals,
        copy: LineCopy,
        known: KnownTrees | None = None,
    ) -> None:
        """End the load step; find and quarantine the lines that COPY refused, if there are any."""
        refused = self._lease.value(
            sql.CLOSE_LOAD,
            bytes=spool.bytes,
            lines=lines,
            roots=totals.roots + (known.same if known else 0),
            kinds=Jsonb(dict(totals.kinds)),
            unchanged=known.same_lines if known else 0,
            sent=copy.sent,
            checksum=spool.sha256,
            landed=copy.landed,
        )
        if refused:
            self.send_trees(self._lease)
            self._quarantine_refused(spool, index)

    def _quarantine_refused(self, spool: Spool, index: IO[bytes]) -> None:
        """Read what was sent once more beside the numbers of the lines that landed; what is missing was refused."""
        dirty: set[int] = set()
        with _Quarantine(self._lease) as quarantine, self._lease.stream(sql.LANDED_LINES) as rows:
            landed = (next(iter(row.values())) for row in rows)
            waiting = next(landed, None)

            def compare(
                number: int, kind: str, _s: int, _o: int, _i: int | None, root: int | None, line: bytes
            ) -> None:
                nonlocal waiting
                if number == waiting:
                    waiting = next(landed, None)
                else:
                    gid = leading_gid(line)[1]
                    if root is not None:
                        dirty.add(root)
                    quarantine.add(Reject(number, _REFUSED, "", kind, gid, line, len(line)))

            scanner = LineScanner(
                self._streams,
                compare,
                _ignore,
                _ignore,
                root_kind=self._root_kind,
                max_line_bytes=self._max_line_bytes,
            )
            with spool.path.open("rb") as file:
                for _root, offset, size, first_line, *_ in _entries(index):
                    self._scan(scanner, file, first_line, offset, size)
        if dirty:
            self._lease.call(sql.DISTRUST_TREES, roots=sorted(dirty))


class _Quarantine:
    """Collects bad lines and sends them in batches, over the lease's own connection."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._rejects: list[Reject] = []
        self._bytes = 0

    def __enter__(self) -> _Quarantine:
        """Return the collector."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Send what is left, unless the work failed."""
        if kind is None:
            self.flush()

    def add(self, reject: Reject) -> None:
        """Take a bad line."""
        self._rejects.append(reject)
        self._bytes += len(reject.raw)
        if len(self._rejects) >= _QUARANTINE_LINES or self._bytes >= _QUARANTINE_BYTES:
            self.flush()

    def add_chunk(self, line: int, chunk: int, data: bytes) -> None:
        """Take a further piece of an over-long line."""
        self._lease.call(sql.QUARANTINE_CHUNK, line=line, chunk=chunk, bytes=data)

    def flush(self) -> None:
        """Send the lines collected."""
        refused = [reject for reject in self._rejects if reject.code is _REFUSED]
        others = [reject for reject in self._rejects if reject.code is not _REFUSED]
        if others:
            self._lease.call(
                sql.QUARANTINE,
                codes=[reject.code for reject in others],
                messages=[reject.message for reject in others],
                sizes=[reject.size for reject in others],
                **_columns(others),
            )
        if refused:
            self._lease.call(sql.QUARANTINE_REFUSED, **_columns(refused))
        self._rejects.clear()
        self._bytes = 0


def _columns(rejects: list[Reject]) -> dict[str, Any]:
    """Return the arrays that both quarantine functions take."""
    return {
        "lines": [reject.number for reject in rejects],
        "kinds": [reject.kind for reject in rejects],
        "gids": [reject.gid for reject in rejects],
        "raws": [reject.raw for reject in rejects],
    }


def _ignore(*_: object) -> None:
    """Do nothing: the line is in quarantine already."""


def _append(index: IO[bytes], tree: Tree, clean: bool) -> None:
    """Note a tree that was looked at in the index."""
    root = -1 if tree.root_id is None else tree.root_id
    index.write(array("q", (root, tree.offset, tree.size, tree.first_line, tree.lines, tree.digest, clean)))


def _entries(index: IO[bytes]) -> Iterator[array[int]]:
    """Yield the entries of the index from its beginning."""
    index.seek(0)
    while block := index.read(_INDEX_BLOCK * 8):
        values = array("q", block)
        for start in range(0, len(values), _INDEX_FIELDS):
            yield values[start : start + _INDEX_FIELDS]


def _span(file: IO[bytes], offset: int, size: int) -> Iterator[bytes]:
    """Yield the bytes of a part of a file, piece by piece."""
    file.seek(offset)
    while size > 0 and (piece := file.read(min(size, CHUNK_BYTES))):
        size -= len(piece)
        yield piece
