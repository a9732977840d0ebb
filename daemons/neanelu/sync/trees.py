"""Takes whole trees as Shopify writes them, many at a time: most of what is done for each line is done in C here.

Everything is hoped for and nothing assumed: the trees of a block become rows only if every line of them is an object
with an id of the usual form, every tree begins with its root, and every other line refers to one before it in its tree.
Where there is anything else the trees go to the `LineScanner`, line by line.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import accumulate, chain, repeat
from operator import itemgetter, sub

import msgspec
from xxhash import xxh3_64_intdigest

from neanelu.sync.lines import LineCopy, Packer
from neanelu.sync.scan import GID_PREFIX, IDLESS_KIND, LineScanner

#: Stands for the kind of an id where a line has none. No line has this one: a half of a character cannot be decoded.
_NO_ID_KIND = "\ud800"
_NO_ID = f"{GID_PREFIX}{_NO_ID_KIND}/0"

_first_byte = itemgetter(0)
_byte_before_end = itemgetter(-2)
_integers = msgspec.json.Decoder(list[int]).decode
_DIGITS = b"0123456789"


class _Head(msgspec.Struct, gc=False):
    """The fields that say where a line belongs. As in scan.py, but an id of null is refused here."""

    id: str = _NO_ID
    parent: str | None = msgspec.field(default=None, name="__parentId")


class _Irregular(Exception):
    """Something is to be looked at more closely."""


class _PackUnder(dict[int | None, Packer]):
    """What makes rows of lines of a kind that has no stream, by the stream of the line they refer to."""

    def __init__(self, packer: Callable[[int], Packer]) -> None:
        super().__init__()
        self._packer = packer

    def __missing__(self, stream: int | None) -> Packer:
        """Make it the first time."""
        if stream is None:
            raise _Irregular
        self[stream] = packer = self._packer(stream)
        return packer


class _Place:
    """What is to be known of a kind: what makes rows of its lines, and its stream, or None where they go with others."""

    __slots__ = ("kind", "pack", "pack_under", "stream")

    def __init__(self, copy: LineCopy, kind: str, stream: int | None, *, has_id: bool) -> None:
        self.kind = kind
        self.stream = stream
        self.pack = None if stream is None else copy.packer(kind, stream)
        self.pack_under = _PackUnder(partial(copy.packer, kind, has_id=has_id))


#: What there is to hear of JSON that is none, and of anything that is not as hoped for.
_DOUBTS = (
    _Irregular,
    msgspec.DecodeError,
    UnicodeError,
    RecursionError,
    struct.error,
    LookupError,
)


@dataclass(slots=True)
class _Lines:
    """Lines that are in order: what stands before each in its row, places, and the trees' first lines and roots."""

    lines: list[bytes]
    rows: list[bytes]
    places: list[_Place]
    firsts: list[int]
    roots: list[int]


class TreeReader:
    """Hands on the lines of whole trees, if they are in order, and tells what is to be known of the trees.

    Args:
        scanner: has trees that are taken one by one; its totals count these too.
        copy: takes the lines.
        on_trees: is told of the trees, all closed and clean, in the form of the index: root id, offset, size, first line,
            lines, digest, 1.
    """

    def __init__(
        self, scanner: LineScanner, copy: LineCopy, on_trees: Callable[[array[int]], object]
    ) -> None:
        self._scanner = scanner
        self._copy = copy
        self._on_trees = on_trees
        self._streams = scanner.streams
        self._root_kind = scanner.root_kind
        self._decode = msgspec.json.Decoder(_Head).decode_lines
        #: by what stands before the number of an id
        self._places: dict[str, _Place] = {}

    def take(self, marker: bytes, parts: list[bytes], offset: int, first_line: int) -> int:
        """Hand on all lines of some trees or none, and return how many (a `BlockHandler`). Handlers' exceptions pass through."""
        start = marker[1:]
        found = self._read(b"%b%b\n" % (start, marker.join(parts)), first_line)
        if found is None or len(found.firsts) != len(parts):
            return 0
        lines, firsts, roots = found.lines, found.firsts, found.roots
        # no other line begins like this: there are as many that do as parts
        if not all(
            lines[first].startswith(b'%b%d"' % (start, root))
            for first, root in zip(firsts, roots, strict=True)
        ):
            return 0
        self._hand_on(found)
        sizes = [len(part) + len(marker) for part in parts]
        entries = zip(
            roots,
            accumulate(sizes, initial=offset),
            sizes,
            [first_line + first for first in firsts],
            map(sub, [*firsts[1:], len(lines)], firsts),
            array("q", array("Q", map(xxh3_64_intdigest, parts)).tobytes()),
            repeat(1),
            strict=False,
        )
        self._on_trees(array("q", chain.from_iterable(entries)))
        self._scanner.begin_tree(first_line + len(lines))
        return len(lines)

    def _hand_on(self, found: _Lines) -> None:
        """Hand lines on and count them."""
        totals = self._scanner.totals
        totals.lines += len(found.lines)
        totals.roots += len(found.roots)
        for place, number in Counter(found.places).items():
            totals.kinds[place.kind] += number
        self._copy.take_rows(found.rows, found.lines)

    def _read(self, data: bytes, first_line: int) -> _Lines | None:
        """Return the lines of trees, with their ends, or None if anything is not as hoped for."""
        lines = list(BytesIO(data))
        try:
            if not data.isascii():
                for line in lines:
                    if not line.isascii():
                        line.decode()
            heads = self._decode(data)
            _check_lines(heads, lines)
            places, values = self._split([head.id for head in heads])
            return self._rows(heads, lines, places, values, first_line)
        except _DOUBTS:
            return None

    def _split(self, gids: list[str]) -> tuple[list[_Place], list[int]]:
        """Return the places and the numbers of ids."""
        text = "\n" + "\n".join(gids)
        # Of an id are left a line end with the kind, and the number. What is between two numbers holds no more than that:
        # an id that does not begin as all do is seen in the number before it, or in `first`.
        first, *parts = text.replace(f"\n{GID_PREFIX}", "/\n").split("/")
        kinds, numbers = parts[::2], ",".join(parts[1::2])
        if first or len(parts) != 2 * len(gids):
            raise _Irregular
        if numbers.encode().translate(None, _DIGITS) != b"," * (len(gids) - 1):
            raise _Irregular
        try:
            places = list(map(self._places.__getitem__, kinds))
        except KeyError:
            self._learn(kinds)
            places = list(map(self._places.__getitem__, kinds))
        values = _integers(f"[{numbers}]")
        if len(values) != len(gids):  # nothing at all is read as no number
            raise _Irregular
        return places, values

    def _learn(self, kinds: list[str]) -> None:
        """Note what is to be known of kinds that were not seen before."""
        for kind in set(kinds) - self._places.keys():
            name = kind[1:]
            if name == _NO_ID_KIND:
                self._places[kind] = _Place(self._copy, IDLESS_KIND, None, has_id=False)
            elif name:
                self._places[kind] = _Place(self._copy, name, self._streams.get(name), has_id=True)

    def _rows(
        self, heads: list[_Head], lines: list[bytes], places: list[_Place], values: list[int], first_line: int
    ) -> _Lines:
        """Make rows: each tree begins with a root, and every other line refers to one of its tree that is not after it."""
        root_kind = self._root_kind
        where: dict[str | None, int] = {head.id: i for i, head in enumerate(heads)}
        rows: list[bytes] = []
        firsts: list[int] = []
        roots: list[int] = []
        first, root, number = len(lines), 0, first_line
        ats = map(where.get, [head.parent for head in heads])
        for i, (place, own, at, line) in enumerate(zip(places, values, ats, lines, strict=True)):
            if at is None:
                if place.kind != root_kind or heads[i].parent is not None:
                    raise _Irregular
                first, root = i, own
                firsts.append(i)
                roots.append(own)
                pack, owner = place.pack, own
                if pack is None:
                    raise _Irregular
            elif not first <= at <= i:
                raise _Irregular
            elif (pack := place.pack) is not None:
                owner = own
            else:
                pack, owner = place.pack_under[places[at].stream], values[at]
            rows.append(pack(number, 8, owner, 8, own, 8, root, len(line) + 1, 1))
            number += 1
        return _Lines(lines, rows, places, firsts, roots)


def _check_lines(heads: list[_Head], lines: list[bytes]) -> None:
    """Make sure that every line is one object.

    The decoder takes line ends for white space. But where a line ends with a brace, and the next begins with one,
    an object has ended: so there is at least one in each line, and where there are as many as lines, one.
    """
    if (
        len(heads) != len(lines)
        or bytes(map(_first_byte, lines)).strip(b"{")
        or bytes(map(_byte_before_end, lines)).strip(b"}")
    ):
        raise _Irregular
