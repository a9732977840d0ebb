"""Looks at the bytes of a result file: trees and their digests first, lines only where a tree is new or changed.

A tree is a root object with everything that follows it until the next root; that is how Shopify writes results. One
digest a tree is enough to know that none of its lines changed, and a tree that was once found to be closed (no line of
it refers to an object outside) is closed whenever its bytes are the same. A file in any other order is read line by line.

This is the only place that looks at bytes. It makes no decision about products or orders: the kinds come from
`sync.resources()`, and everything that is JSON goes to the database as it stands.
"""

from __future__ import annotations

import contextlib
import enum
import re
import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
import xxhash

#: First bytes of a file written by a Windows editor.
BOM = b"\xef\xbb\xbf"
#: Kind of children that have no id of their own (sync_tables.kinds).
IDLESS_KIND = "ResourcePublication"
#: Kinds for the accounts: a line whose object cannot be told, and a blank line.
UNKNOWN_KIND = "?"
BLANK_KIND = "-"

GID_PREFIX = "gid://shopify/"
_LEADING_GID = re.compile(
    rb'\s*\{\s*"id"\s*:\s*"gid:\\?/\\?/shopify\\?/([A-Za-z0-9_]+)\\?/([0-9]{1,19})(\?[^"\\]*)?"'
)
_MAX_ID = 2**63 - 1
#: How much of a file is looked at to find out how its roots begin, bytes.
_HEAD_BYTES = 64 * 1024
#: Pieces in which the beginning of an over-long line goes to quarantine, bytes.
_OVERLONG_HEAD = 1024 * 1024
#: A tree of more objects than this is not known to be closed, so that memory stays bounded.
_MAX_SEEN = 200_000
#: A tree larger than this is digested piece by piece, bytes.
_PIECE_BYTES = 4 * 1024 * 1024
#: So many trees are offered to be taken at once.
_BLOCK_TREES = 32
#: Of a known tree: the file did not have it yet, has it as it was, or has it to be looked at line by line.
_UNSEEN, _SAME, _LOADED = range(3)
#: Stretches of ids between which a file may go to and fro.
_STRETCHES = 3


class _Head(msgspec.Struct):
    """The two fields of a line that say where it belongs; everything else is checked as JSON and skipped."""

    id: str | None = None
    parent: str | None = msgspec.field(default=None, name="__parentId")


@dataclass(slots=True)
class Reject:
    """A line that cannot be sent: reason code (docs/errors.md), message, and its bytes without the line end."""

    number: int
    code: str
    message: str
    kind: str | None
    gid: str | None
    raw: bytes
    size: int


@dataclass(slots=True)
class Totals:
    """What was looked at line by line: lines, roots (lines without parent) and lines of each kind."""

    lines: int = 0
    roots: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Tree:
    """A root and what follows it: id (None where the bytes follow no root), place in the file, lines, digest."""

    root_id: int | None
    offset: int
    size: int
    first_line: int
    lines: int
    digest: int


class _Overlong:
    """A line over the limit, while its pieces come in."""

    def __init__(self, start: bytes) -> None:
        self.head = start[:_OVERLONG_HEAD]
        self.size = len(start)
        self.pieces = 0
        self.ending = b""


#: Called for every good line: number, kind, stream, owner id, own id or None, root's id or None, the line's bytes.
LineHandler = Callable[[int, str, int, int, int | None, int | None, bytes], None]
#: Called for every bad line.
RejectHandler = Callable[[Reject], None]
#: Called with whole trees: what splits them (a line end, and what their first lines begin with), what is between, the
#: offset and number of the first line. Returns how many lines they have, or 0 where they are to be taken one by one.
BlockHandler = Callable[[bytes, list[bytes], int, int], int]
#: Called with the further pieces of an over-long line: number, piece number from 1, bytes.
ChunkHandler = Callable[[int, int, bytes], None]


def leading_gid(raw: bytes) -> tuple[str | None, str | None]:
    """Return (kind, gid) of a damaged line if it starts with an id, else (None, None)."""
    match = _LEADING_GID.match(raw[:400])
    if match is None:
        return None, None
    kind = match[1].decode()
    return kind, f"{GID_PREFIX}{kind}/{match[2].decode()}{(match[3] or b'').decode('ascii', 'replace')}"


def split_gid(gid: str) -> tuple[str, int]:
    """Return (kind, numeric id) of a gid; ValueError when it is none, OverflowError when the id exceeds 2^63 - 1."""
    if not gid.startswith(GID_PREFIX):
        raise ValueError(gid)
    kind, _, number = gid[len(GID_PREFIX) :].partition("/")
    number = number.partition("?")[0]
    if not kind or not number.isascii() or not number.isdigit():
        raise ValueError(gid)
    value = int(number) if len(number) < 30 else _MAX_ID + 1
    if value > _MAX_ID:
        raise OverflowError(gid)
    return kind, value


class LineScanner:
    """Splits bytes into lines and hands each to a handler; memory is bounded by `max_line_bytes`.

    `streams` maps the kinds that own lines to their stream numbers (one resource of `sync.resources()`).
    """

    def __init__(
        self,
        streams: dict[str, int],
        on_line: LineHandler,
        on_reject: RejectHandler,
        on_chunk: ChunkHandler,
        *,
        root_kind: str | None,
        max_line_bytes: int,
    ) -> None:
        self.totals = Totals()
        self.rejected = 0
        #: id of the last root seen in this tree
        self.root_id: int | None = None
        self.root_kind = root_kind
        self.streams = streams
        self._on_line = on_line
        self._on_reject = on_reject
        self._on_chunk = on_chunk
        self._max_line_bytes = max_line_bytes
        self._head = msgspec.json.Decoder(_Head).decode
        #: kind and stream by what stands before the number of a gid
        self._kinds: dict[str, tuple[str, int | None]] = {}
        self._last_parent: str | None = None
        self._last_place: tuple[str, int | None, int] = ("", None, 0)
        self._number = 0
        self._tail = b""
        self._overlong: _Overlong | None = None
        #: objects seen since `begin_tree`, their stream and number, and whether a line referred to another one
        self._seen: dict[str, tuple[int | None, int]] = {}
        self.is_closed = True

    def begin_tree(self, first_line: int) -> None:
        """Start a tree (or the whole file): its first line's number; `is_closed` and `rejected` start anew."""
        self._number = first_line - 1
        self._seen.clear()
        self.is_closed = True
        self.rejected = 0
        self.root_id = None

    def feed(self, data: bytes) -> int:
        """Take the next bytes, which may end anywhere, and return how many lines ended. Handlers' exceptions pass through."""
        before = self.totals.lines
        if self._overlong is not None:
            data = self._continue_overlong(self._overlong, data)
        elif self._tail:
            data = self._tail + data
        lines = data.split(b"\n")
        self._tail = lines.pop()
        if lines:
            self._batch(lines, data)
        if self._overlong is None and len(self._tail) > self._max_line_bytes:
            self._overlong = _Overlong(self._tail)
            tail, self._tail = self._tail, b""
            for start in range(_OVERLONG_HEAD, len(tail), _OVERLONG_HEAD):
                self._overlong.pieces += 1
                self._on_chunk(self._number + 1, self._overlong.pieces, tail[start : start + _OVERLONG_HEAD])
        return self.totals.lines - before

    def finish(self) -> None:
        """Take what is left after the last line end as a line."""
        if self._overlong is not None:
            self._end_overlong(self._overlong)
        elif self._tail:
            tail, self._tail = self._tail, b""
            self._batch([tail], tail)

    def _batch(self, lines: list[bytes], data: bytes) -> None:
        """Handle complete lines; only chunks with suspicious bytes are looked at byte by byte."""
        if b"\r" in data:
            lines = [line[:-1] if line.endswith(b"\r") else line for line in lines]
        self.totals.lines += len(lines)
        if len(self._seen) > _MAX_SEEN:
            self.is_closed = False
            self._seen.clear()
        if b"\0" not in data:
            self._lines(lines, data.isascii())
            return
        for line in lines:
            if b"\0" in line:
                self._number += 1
                self._reject(line, "NS103", f"NUL byte at offset {line.index(0)}")
            else:
                self._lines([line], False)

    def _lines(self, lines: list[bytes], is_ascii: bool) -> None:
        """Classify lines and hand them on. The hot loop: lines as Shopify writes them, all others go to `_line`."""
        decode, on_line, known = self._head, self._on_line, self._kinds.get
        seen, kinds, root_kind = self._seen, self.totals.kinds, self.root_kind
        number, is_closed = self._number, self.is_closed
        for line in lines:
            number += 1
            try:
                if not is_ascii and not line.isascii():
                    line.decode()
                head = decode(line)
            except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
                self._number = number
                self._undecodable(line, error)
                is_closed = self.is_closed
                continue
            gid, parent = head.id, head.parent
            kind, stream, owner, own = IDLESS_KIND, None, None, None
            if gid is not None:
                prefix, _, digits = gid.rpartition("/")
                place = known(prefix)
                if place is not None and len(digits) < 19 and digits.isascii() and digits.isdigit():
                    kind, stream = place
                    owner = own = int(digits)
                    if is_closed:
                        seen[gid] = stream, own
            if parent is None:
                if kind == root_kind and stream is not None and owner is not None:
                    self.totals.roots += 1
                    self.root_id = own
                    kinds[kind] += 1
                    on_line(number, kind, stream, owner, own, own, line)
                    continue
            elif (parents := seen.get(parent)) is not None and (own is not None or gid is None):
                if stream is None:
                    stream, owner = parents
                if stream is not None and owner is not None:
                    kinds[kind] += 1
                    on_line(number, kind, stream, owner, own, self.root_id, line)
                    continue
            self._number = number
            self._line(line, gid, parent)
            is_closed = self.is_closed
        self._number = number

    def _line(self, line: bytes, gid: str | None, parent: str | None) -> None:
        """Classify a line of any other form, and hand it on."""
        kind = IDLESS_KIND
        stream = owner = object_id = None
        try:
            if gid is not None:
                kind, stream, object_id = self._place(gid)
                owner = object_id
                if self.is_closed:
                    self._seen[gid] = stream, object_id
            if parent is None:
                self.totals.roots += 1
                if kind == self.root_kind:
                    self.root_id = object_id
                else:
                    self.is_closed = False
            else:
                if parent not in self._seen:
                    self.is_closed = False
                if stream is None:
                    if parent != self._last_parent:
                        self._last_place = self._place(parent)
                        self._last_parent = parent
                    _, stream, owner = self._last_place
        except OverflowError as error:
            self.totals.roots += parent is None
            message = f"the id does not fit into 64 bits: {str(error)[:80]}"
            self._reject(line, "NS107", message, counted=True)
            return
        except ValueError as error:
            self.totals.roots += parent is None
            self._reject(line, "NS106", f"not an id of Shopify: {str(error)[:80]}", counted=True)
            return
        if owner is None:
            self._reject(line, "NS106", "the line has neither id nor __parentId", counted=True)
        elif stream is None:
            self._reject(line, "NS109", f"a {kind} line has no place in this file", counted=True)
        else:
            self.totals.kinds[kind] += 1
            self._on_line(self._number, kind, stream, owner, object_id, self.root_id, line)

    def _undecodable(self, line: bytes, error: Exception) -> None:
        """Count a blank line, and reject what is no JSON object with an id."""
        if isinstance(error, UnicodeDecodeError):
            self._reject(line, "NS102", f"not UTF-8 at offset {error.start}: {error.reason}")
        elif isinstance(error, RecursionError):
            self._reject(line, "NS104", "nested too deep")
        elif not line.strip():
            self.totals.kinds[BLANK_KIND] += 1
            self.is_closed = False
        elif isinstance(error, msgspec.ValidationError):
            self._reject(line, "NS106", f"the line is no object with an id: {error}")
        else:
            self._reject(line, "NS101", f"not JSON: {error}")

    def _place(self, gid: str) -> tuple[str, int | None, int]:
        """Return (kind, its stream or None, numeric id) of a gid; raises as `split_gid`."""
        kind, value = split_gid(gid)
        stream = self.streams.get(kind)
        self._kinds[f"{GID_PREFIX}{kind}"] = (kind, stream)
        return kind, stream, value

    def _reject(self, line: bytes, code: str, message: str, *, counted: bool = False) -> None:
        """Hand a bad line to quarantine and count it under its kind, where that can be told."""
        kind, gid = leading_gid(line)
        if not self._is_whole(line, code):
            gid = None
        elif gid is not None and code != "NS107":
            # what follows in its tree refers to it
            with contextlib.suppress(OverflowError):
                _, stream, value = self._place(gid)
                self._seen[gid] = stream, value
                if kind == self.root_kind:
                    self.root_id = value
        self.rejected += 1
        self.totals.kinds[kind or UNKNOWN_KIND] += 1
        if not counted and b'"__parentId"' not in line[-200:]:
            self.totals.roots += 1
        self._on_reject(Reject(self._number, code, message, kind, gid, line, len(line)))

    def _is_whole(self, line: bytes, code: str) -> bool:
        """Return whether a bad line is at least one object from its beginning to its end.

        Where it is not, bytes were lost, perhaps a line end and the beginning of further objects with them: then it
        cannot be told which objects are missing, and nothing may be judged deleted.
        """
        if code in ("NS101", "NS104"):
            return False
        if code in ("NS102", "NS103"):
            try:
                self._head(line.decode("utf-8", "replace").replace("\0", " ").encode())
            except (msgspec.DecodeError, RecursionError):
                return False
        return True

    def _continue_overlong(self, line: _Overlong, data: bytes) -> bytes:
        """Stream the next piece of a line over the limit to quarantine; return what follows its line end."""
        part, newline, rest = data.partition(b"\n")
        line.pieces += 1
        line.size += len(part)
        line.ending = (line.ending + part)[-200:]
        self._on_chunk(self._number + 1, line.pieces, part)
        if newline:
            self._end_overlong(line)
        return rest

    def _end_overlong(self, line: _Overlong) -> None:
        """Account for a line over the limit whose pieces are all in quarantine."""
        self._overlong = None
        self._number += 1
        self.totals.lines += 1
        self.rejected += 1
        kind, _ = leading_gid(line.head)
        self.totals.kinds[kind or UNKNOWN_KIND] += 1
        if b'"__parentId"' not in line.ending:
            self.totals.roots += 1
        message = f"the line has {line.size} bytes, the limit is {self._max_line_bytes}"
        self._on_reject(Reject(self._number, "NS105", message, kind, None, line.head, line.size))


class Place(enum.Enum):
    """What is known of a tree: not at all, other bytes, the same, or that its root was in the file before."""

    NEW = enum.auto()
    CHANGED = enum.auto()
    SAME = enum.auto()
    TWICE = enum.auto()


class KnownTrees:
    """The trees that were merged last: digests and counts of lines by root, and which of them a file has so far.

    A file mostly has them in the order of their ids: then a block of trees is compared at once. 21 bytes a tree.
    """

    def __init__(self) -> None:
        self._roots = array("q")
        self._digests = array("Q")
        self._lines = array("i")
        self._seen = bytearray()
        #: the tree that is expected next, and those where other stretches of ids were left
        self._next = 0
        self._left: list[int] = []
        #: trees of the file that are the same, and their lines
        self.same = 0
        self.same_lines = 0

    def add(self, roots: bytes, digests: bytes, lines: bytes) -> int:
        """Take further trees, in the order of their roots, as sync.known_trees gives them; return the last root."""
        for column, data in ((self._roots, roots), (self._digests, digests), (self._lines, lines)):
            part = array(column.typecode, data)
            if sys.byteorder == "little":
                part.byteswap()
            column.extend(part)
        self._seen = bytearray(len(self._roots))
        return self._roots[-1]

    def gone(self) -> Iterator[int]:
        """Yield the roots that the file did not have."""
        position = -1
        while (position := self._seen.find(_UNSEEN, position + 1)) >= 0:
            yield self._roots[position]

    def follow(self, digests: array[int], start: int) -> tuple[int, int]:
        """Return how many trees from `start` on are the same as the known ones that come next, and their lines; note them."""
        found = digests[start:] if start else digests
        first, count = self._next, len(found)
        if (
            self._digests[first : first + count] != found
            or self._seen.count(_UNSEEN, first, first + count) < count
        ):
            return self._follow_singly(found)
        self._next += count
        self._seen[first : self._next] = bytes((_SAME,)) * count
        lines = sum(self._lines[first : self._next])
        self.same += count
        self.same_lines += lines
        return count, lines

    def _follow_singly(self, found: array[int]) -> tuple[int, int]:
        """Do what `follow` does, tree by tree, where a file goes to and fro between some stretches of ids."""
        digests, lines, seen, left = self._digests, self._lines, self._seen, self._left
        position, end, count, total = self._next, len(digests), 0, 0
        for digest in found:
            if position == end or digests[position] != digest:
                for number, other in enumerate(left):
                    if other < end and digests[other] == digest:
                        left[number], position = position, other
                        break
                else:
                    break
            if seen[position]:
                break
            seen[position] = _SAME
            total += lines[position]
            count += 1
            position += 1
        self._next = position
        self.same += count
        self.same_lines += total
        return count, total

    def place(self, tree: Tree) -> Place:
        """Say what is known of a tree that did not follow the one before, and note it."""
        root = tree.root_id
        if root is None:
            return Place.NEW
        position = bisect_left(self._roots, root)
        if position == len(self._roots) or self._roots[position] != root:
            return Place.NEW
        if position != self._next:
            # the stretch that was left here may go on later
            self._left = [self._next, *(other for other in self._left if other != position)][:_STRETCHES]
        self._next = position + 1
        seen = self._seen[position]
        if seen == _SAME:
            return Place.TWICE
        if seen == _UNSEEN and self._digests[position] == tree.digest % 2**64:
            self._seen[position] = _SAME
            self.same += 1
            self.same_lines += tree.lines
            return Place.SAME
        self._seen[position] = _LOADED
        return Place.CHANGED


class TreeSplitter:
    """Splits a stream of bytes into trees, keeping of each only its place, count of lines and digest.

    `root_kind` is the kind whose lines start a tree. Without one, or when no line of the first bytes starts with such
    an object's id, the whole file is one tree without root.
    """

    def __init__(self, root_kind: str | None) -> None:
        self._root_kind = root_kind.encode() if root_kind else None
        self.bytes = 0
        self.lines = 0
        self.had_bom = False

    def split(
        self,
        chunks: Iterable[bytes],
        on_bytes: Callable[[bytes], int] | None = None,
        *,
        on_block: BlockHandler | None = None,
        known: KnownTrees | None = None,
    ) -> Iterator[Tree]:
        """Yield the trees in file order, but for most of those that are the same as the known ones.

        `on_block` is offered whole trees, many at a time: those that it takes are not yielded. `on_bytes` gets a tree's bytes, in
        pieces, before it is yielded, and returns how many line ends are in each. Of each tree
        that is yielded, `known` is to be asked before the next one; one of the two may be given.
        """
        source = iter(chunks)
        head = b""
        while len(head) < _HEAD_BYTES and (chunk := next(source, b"")):
            head += chunk
        self.bytes = len(head)
        if head.startswith(BOM):
            self.had_bom = True
            head = head[len(BOM) :]
        marker = self._find_marker(head)
        start = len(BOM) if self.had_bom else 0
        if marker and head.startswith(marker[1:]):
            tree, data = _OpenTree(start, marker[1:], on_bytes), head[len(marker) - 1 :]
        else:
            tree, data = _OpenTree(start, b"", on_bytes), head
        while True:
            if marker:
                parts = data.split(marker)
                data = parts.pop()
                digests = array("Q", map(xxhash.xxh3_64_intdigest, parts) if known else ())
                position = refused = 0
                while position < len(parts):
                    count = lines = 0
                    if known and tree.is_new:
                        count, lines = known.follow(digests, position)
                    elif on_block and tree.is_new and position >= refused:
                        block = parts[position : position + _BLOCK_TREES]
                        lines = on_block(marker, block, tree.end, self.lines + 1)
                        count = len(block) if lines else 0
                        refused = position + len(block)
                    if count:
                        position += count
                        size = sum(map(len, parts[position - count : position])) + count * len(marker)
                        tree = _OpenTree(tree.end + size, marker[1:], on_bytes)
                        self.lines += lines
                        continue
                    if closed := tree.close(parts[position], self.lines, newline=True):
                        self.lines += closed.lines
                        yield closed
                    tree = _OpenTree(tree.end, marker[1:], on_bytes)
                    position += 1
            if len(data) > _PIECE_BYTES or not marker:
                keep = len(marker) + 24 if marker else 1
                tree.extend(data[:-keep])
                data = data[-keep:]
            chunk = next(source, b"")
            if not chunk:
                break
            self.bytes += len(chunk)
            data += chunk
        newline = data.endswith(b"\n")
        if closed := tree.close(data[:-1] if newline else data, self.lines, newline=newline):
            self.lines += closed.lines
            yield closed

    def _find_marker(self, head: bytes) -> bytes | None:
        """Return the bytes that start a root's line in this file, with the newline before, or None."""
        if self._root_kind is None:
            return None
        match = re.search(
            rb'(?m)^\{"id":"gid:(?:\\/\\/|//)shopify(?:\\/|/)' + self._root_kind + rb"(?:\\/|/)(?=[0-9])",
            head,
        )
        return b"\n" + match[0] if match else None


class _OpenTree:
    """A tree while its bytes come in; `marker` is what its first line starts with, before the id."""

    __slots__ = ("_hasher", "_head", "_lines", "_marker", "_on_bytes", "_size", "_start", "end")

    def __init__(self, start: int, marker: bytes, on_bytes: Callable[[bytes], int] | None) -> None:
        self._start = self.end = start
        self._marker = marker
        self._on_bytes = on_bytes
        self._hasher: xxhash.xxh3_64 | None = None
        self._head = b""
        self._size = 0
        self._lines = 0

    @property
    def is_new(self) -> bool:
        """Whether it begins with a root, and no piece of it was taken yet."""
        return self._hasher is None and bool(self._marker)

    def extend(self, data: bytes) -> None:
        """Take a piece of a tree that is too large to wait for its end."""
        if self._hasher is None:
            self._hasher = xxhash.xxh3_64()
            self._head = data[:24]
            if self._on_bytes and self._marker:
                self._on_bytes(self._marker)
        self._hasher.update(data)
        self._size += len(data)
        self._lines += self._on_bytes(data) if self._on_bytes else data.count(b"\n")

    def close(self, data: bytes, lines_before: int, *, newline: bool) -> Tree | None:
        """Take the last piece, without the line end that follows it if `newline`; None when there was nothing at all."""
        if self._hasher is not None:
            self.extend(data)
            digest, head, size, lines = self._hasher.intdigest(), self._head, self._size, self._lines
            if newline and self._on_bytes:
                self._on_bytes(b"\n")
        else:
            digest, head, size = xxhash.xxh3_64_intdigest(data), data[:24], len(data)
            if self._on_bytes:
                lines = (
                    self._on_bytes(self._marker + data + b"\n" if newline else self._marker + data) - newline
                )
            else:
                lines = data.count(b"\n")
        size += len(self._marker)
        if size == 0 and not newline:
            return None
        self.end = self._start + size + newline
        root = _root_id(head) if self._marker else None
        return Tree(
            root, self._start, size + newline, lines_before + 1, lines + 1, digest - (digest >> 63 << 64)
        )


def _root_id(head: bytes) -> int | None:
    """Return the digits before the first quote as a number, or None where there is no usable id."""
    digits = head.partition(b'"')[0]
    if len(digits) > 19 or not digits.isdigit() or int(digits) > _MAX_ID:
        return None
    return int(digits)
