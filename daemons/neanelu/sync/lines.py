"""Sends lines to the landing table: rows in COPY's binary format, over several connections while there is much to send.

In binary nothing has to be escaped here or looked for there, and each server process parses JSON on a CPU of its own.
But a line that `jsonb` does not take then refuses its whole COPY. So lines go in batches, each a COPY and a transaction:
one that is refused is sent once more as text, where the server leaves such lines out and takes the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from queue import Queue
from struct import Struct
from types import TracebackType
from typing import Final
from uuid import UUID

import psycopg
from psycopg.copy import LibpqWriter

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.sync.lease import Lease

#: Rows are handed to the senders in blocks of about so many bytes (psycopg cuts what is over 128 kB); a few wait at a time.
_BLOCK_BYTES = 112 * 1024
_WAITING_BLOCKS = 8
#: A batch is kept in memory until the server has taken it.
_BATCH_BYTES = 4 * 1024 * 1024
#: From so many bytes on further connections are worth opening, and how many there are then. A server process waits
#: whenever the socket's buffer is empty before its sender has the interpreter again: a third one fills these gaps.
_MANY_BYTES = 8 * 1024 * 1024
_SENDERS = 3

#: What stands before and behind the rows of a COPY in binary.
COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
COPY_END: Final = b"\xff\xff"
_FIELDS = 9
_JSONB_VERSION = 1
#: SQLSTATE classes of values that cannot be stored: invalid data, and limits of a value's size.
_REFUSALS = frozenset({"22", "54"})

_PREFIX = Struct(">hi16siiihi").pack
_COUNT = Struct(">h").unpack_from
_LENGTH = Struct(">i").unpack_from

_NUMBER_AND_OWNER = Struct(">iiq").pack
_BIGINT = Struct(">iq").pack
_SIZE_AND_VERSION = Struct(">iB").pack
_NULL: Final = Struct(">i").pack(-1)
_FOUR: Final = Struct(">i").pack(4)

#: Returns what stands before a line's bytes: of number, owner, own id, root (each but the first after its length), and size.
Packer = Callable[[int, int, int, int, int, int, int, int, int], bytes]


class LineCopy:
    """Takes lines one by one and has them in the table when it is left; a context manager.

    What was sent before an exception may be there or not: the load step begins from nothing again.

    Args:
        lease: the run; lost leases end the work.
        connect: opens a connection that is no autocommit one.
    """

    def __init__(self, lease: Lease, connect: Callable[[], Connection]) -> None:
        self._lease = lease
        self._connect = connect
        self._packers: dict[tuple[str, int], Packer] = {}
        self._rows: list[bytes] = []
        self._size = 0
        self._blocks: Queue[bytes | None] = Queue(_WAITING_BLOCKS)
        self._senders: list[_Sender] = []
        self._connections = ExitStack()
        self._handed = 0
        #: lines taken, and lines that the server took of them (known at the end)
        self.sent = 0
        self.landed = 0

    def __enter__(self) -> LineCopy:
        """Return the object itself; connections are opened when there is something to send."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until everything is sent; after an exception, until nothing is any more."""
        with self._connections:
            try:
                if kind is None:
                    self._flush()
            except BaseException:
                kind = BaseException
                raise
            finally:
                self._stop(abort=kind is not None)
            if kind is None:
                self._raise_error()
                self.landed = sum(sender.landed for sender in self._senders)

    def take(
        self, number: int, kind: str, stream: int, owner: int, own: int | None, root: int | None, line: bytes
    ) -> None:
        """Take a line (a `LineHandler`)."""
        size = len(line)
        rows = self._rows
        if own is None or root is None:
            rows.append(self._row_with_nulls(number, kind, stream, owner, own, root, size))
        else:
            pack = self._packers.get((kind, stream)) or self.packer(kind, stream)
            rows.append(pack(number, 8, owner, 8, own, 8, root, size + 1, _JSONB_VERSION))
        rows.append(line)
        self.sent += 1
        self._size += size
        if self._size > _BLOCK_BYTES:
            self._flush()

    def take_rows(self, heads: list[bytes], lines: list[bytes]) -> None:
        """Take many lines, and what stands before each of them, made by packers."""
        parts = [b""] * (2 * len(lines))
        parts[::2] = heads
        parts[1::2] = lines
        self.sent += len(lines)
        size = sum(map(len, lines))
        step = max(2, 2 * (len(lines) * _BLOCK_BYTES // max(size, 1)))
        for start in range(0, len(parts), step):
            self._hand(b"".join(parts[start : start + step]))

    def packer(self, kind: str, stream: int, *, has_id: bool = True) -> Packer:
        """Return what makes rows of lines of a kind: after the columns that do not differ among them.

        Lines without an id of their own are packed as if they had one, which is left out.
        """
        prefix = self._prefix(kind, stream)
        if has_id:
            packer: Packer = partial(Struct(f">{len(prefix)}siiqiqiqiB").pack, prefix)
            self._packers[kind, stream] = packer
            return packer
        pack = partial(Struct(f">{len(prefix)}siiqiiqiB").pack, prefix)
        return lambda number, eight, owner, _size, _own, *rest: pack(number, eight, owner, -1, *rest)

    def _row_with_nulls(
        self, number: int, kind: str, stream: int, owner: int, own: int | None, root: int | None, size: int
    ) -> bytes:
        """Return the row of a line without an id of its own, or outside of any tree."""
        parts = [self._prefix(kind, stream), _NUMBER_AND_OWNER(number, 8, owner)]
        parts += [_NULL if value is None else _BIGINT(8, value) for value in (own, root)]
        parts.append(_SIZE_AND_VERSION(size + 1, _JSONB_VERSION))
        return b"".join(parts)

    def _prefix(self, kind: str, stream: int) -> bytes:
        """Return what rows of a kind begin with, up to the length of the line's number."""
        run, text = self._lease.run, kind.encode()
        head = _PREFIX(_FIELDS, 16, run["id"].bytes, 4, run["attempt"], 2, stream, len(text))
        return head + text + _FOUR

    def _flush(self) -> None:
        """Hand the rows that have come together to a sender."""
        if not self._rows:
            return
        block = b"".join(self._rows)
        self._rows.clear()
        self._size = 0
        self._hand(block)

    def _hand(self, block: bytes) -> None:
        """Hand a block of rows to a sender."""
        self._lease.check()
        self._raise_error()
        if not self._senders or (len(self._senders) < _SENDERS and self._handed > _MANY_BYTES):
            connection = self._connections.enter_context(closing(self._connect()))
            self._senders.append(_Sender(connection, self._blocks))
        self._handed += len(block)
        self._blocks.put(block)

    def _stop(self, *, abort: bool) -> None:
        """Let the senders end, with what they are at or without it."""
        for sender in self._senders:
            sender.aborted = sender.aborted or abort
        for _ in self._senders:
            self._blocks.put(None)
        for sender in self._senders:
            sender.join()

    def _raise_error(self) -> None:
        """Raise what made a sender fail."""
        for sender in self._senders:
            if sender.error is not None:
                raise sender.error


class _Aborted(Exception):
    """What a sender is at is not wanted any more."""


class _Sender(threading.Thread):
    """Sends blocks over one connection as long as some come; takes them on after a failure, so that nobody waits."""

    def __init__(self, connection: Connection, blocks: Queue[bytes | None]) -> None:
        super().__init__(name="lines", daemon=True)
        self._connection = connection
        self._blocks = blocks
        self._ended = False
        self.aborted = False
        self.landed = 0
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Send until the end is told."""
        try:
            while (first := self._next()) is not None:
                self._send_batch(first)
        except _Aborted:
            pass
        except BaseException as error:  # raised by who hands blocks over
            self.error = error
        while not self._ended:
            self._ended = self._blocks.get() is None

    def _next(self) -> bytes | None:
        """Return the next block, or None when there is none any more; raises _Aborted."""
        block = None if self._ended else self._blocks.get()
        self._ended = block is None
        if self.aborted:
            raise _Aborted
        return block

    def _send_batch(self, first: bytes) -> None:
        """Send blocks in one COPY, until they are a batch."""
        batch = [first]
        try:
            self._copy(sql.COPY_LINES, self._binary(batch))
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in _REFUSALS:
                raise
            self._copy(sql.COPY_DOUBTFUL_LINES, (as_text(block) for block in batch))

    def _binary(self, batch: list[bytes]) -> Iterator[bytes]:
        """Yield a batch's bytes; the blocks that come are added to it."""
        yield COPY_HEADER
        yield batch[0]
        size = len(batch[0])
        while size < _BATCH_BYTES and (block := self._next()) is not None:
            batch.append(block)
            size += len(block)
            yield block
        yield COPY_END

    def _copy(self, statement: str, pieces: Iterator[bytes]) -> None:
        """Copy in one transaction and count the rows."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            # libpq is never given more than it can send: what it has to keep it moves about in memory
            with cursor.copy(statement, writer=LibpqWriter(cursor, flush_threshold=0)) as copy:
                for piece in pieces:
                    copy.write(piece)
            landed = cursor.rowcount
        self.landed += landed


def as_text(block: bytes) -> bytes:
    """Return rows in COPY's binary format as rows of text, for a COPY that leaves out what it cannot take."""
    rows: list[bytes] = []
    position = 0
    while position < len(block):
        values, position = _values(block, position)
        run, attempt, stream, kind, number, owner, own, root, doc = values
        assert run is not None and kind is not None and doc is not None
        line = doc[1:].removesuffix(b"\n")
        if b"\r" in line:
            line = b"\x01" + line + b"\x01"
        numbers = (_integer(value) for value in (number, owner, own, root))
        rows.append(
            b"\x02".join(
                (str(UUID(bytes=run)).encode(), _integer(attempt), _integer(stream), kind, *numbers, line)
            )
        )
    rows.append(b"")
    return b"\n".join(rows)


def _values(block: bytes, position: int) -> tuple[list[bytes | None], int]:
    """Return the fields of the row at a position, and where the next row begins."""
    (count,) = _COUNT(block, position)
    position += 2
    values: list[bytes | None] = []
    for _ in range(count):
        (length,) = _LENGTH(block, position)
        position += 4
        values.append(None if length < 0 else block[position : position + length])
        position += max(length, 0)
    return values, position


def _integer(value: bytes | None) -> bytes:
    """Return a number in text, nothing for null."""
    return b"" if value is None else str(int.from_bytes(value, "big", signed=True)).encode()
