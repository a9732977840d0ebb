"""The scanner and the splitter, by property: however the bytes arrive, trees and lines are the same and add up."""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sync_support import joined, lines_of

from neanelu.sandbox.generator import ShopSpec
from neanelu.sync import scan
from neanelu.sync.scan import KnownTrees, LineScanner, Place, Reject, Tree, TreeSplitter

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
STREAMS = {"Product": 30, "ProductVariant": 31}
LINES = lines_of(ShopSpec(products=12))
DAMAGED = [
    b"", b"  ", b"{", b"[]", b"null", b"\xff\xfe", b"\0", b'{"id":"gid:\\/\\/shopify\\/Product\\/1"', b"x" * 3000,
    b'{"id":"gid:\\/\\/shopify\\/Product\\/99999999999999999999"}', b'{"id":"gid:\\/\\/shopify\\/Product\\/9"}', b"\r", b"{}\r",
    b'{"id":"gid:\\/\\/shopify\\/Product\\/9999999999999999999","t":"\xff"}', b'{"id":"gid:\\/\\/shopify\\/Product\\/8?x=\\/7"}',
    '{"id":"gid://shopify/Product/8","title":"\u2028"}'.encode(), b'{"id":"gid:\\/\\/shopify\\/Spaceship\\/5"}',
    b'{"isPublished":true,"__parentId":"gid:\\/\\/shopify\\/Product\\/7"}',
]  # fmt: skip

#: By number, so that a failing file is told in few words.
one_line = st.one_of(
    st.sampled_from(LINES),
    st.sampled_from(DAMAGED),
    st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")),
)
files = st.builds(
    lambda lines, bom, end: (b"\xef\xbb\xbf" if bom else b"") + joined(lines)[: None if end else -1],
    st.lists(one_line, max_size=40),
    st.booleans(),
    st.booleans(),
)


@st.composite
def chunked(draw: st.DrawFn, whole: st.SearchStrategy[bytes] = files) -> tuple[bytes, list[bytes]]:
    """Return a file, and the same file in pieces."""
    data = draw(whole)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return data, [piece for piece in pieces if piece]


def trees(
    pieces: list[bytes], root_kind: str | None = "Product"
) -> tuple[TreeSplitter, list[Tree], list[bytes]]:
    """Return a splitter after its work, the trees, and each tree's bytes as they were handed on."""
    splitter = TreeSplitter(root_kind)
    parts: list[bytes] = []
    found: list[Tree] = []
    handed: list[bytes] = []

    def take(data: bytes) -> int:
        parts.append(data)
        return data.count(b"\n")

    for tree in splitter.split(iter(pieces), take):
        found.append(tree)
        handed.append(b"".join(parts))
        parts.clear()
    assert b"".join(parts) == b""
    return splitter, found, handed


@settings(max_examples=300, deadline=None)
@given(chunked())
def test_trees_do_not_depend_on_how_the_bytes_arrive(case: tuple[bytes, list[bytes]]) -> None:
    data, pieces = case
    whole, expected, contents = trees([data] if data else [])
    split, found, handed = trees(pieces)
    assert found == expected
    assert handed == contents
    assert split.lines == whole.lines
    assert split.bytes == whole.bytes == len(data)


@settings(max_examples=200, deadline=None)
@given(chunked(), st.integers(128, 2000))
def test_trees_that_are_too_large_to_wait_for_are_the_same(
    case: tuple[bytes, list[bytes]], limit: int
) -> None:
    data, pieces = case
    _, expected, contents = trees([data] if data else [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_PIECE_BYTES", limit)
        _, found, handed = trees(pieces)
    assert found == expected
    assert handed == contents


@settings(max_examples=300, deadline=None)
@given(chunked())
def test_trees_cover_the_file_without_gap_or_overlap(case: tuple[bytes, list[bytes]]) -> None:
    data, pieces = case
    splitter, found, handed = trees(pieces)
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    assert b"".join(handed) == data[start:]
    line = 1
    for tree, content in zip(found, handed, strict=True):
        assert (tree.offset, tree.first_line) == (start, line)
        assert data[tree.offset : tree.offset + tree.size] == content
        assert tree.lines == content.count(b"\n") + (not content.endswith(b"\n"))
        if tree.root_id is not None:
            assert f"Product\\/{tree.root_id}".encode() in content.partition(b"\n")[0].replace(
                b"/", b"\\/"
            ).replace(b"\\\\", b"\\")
        start += tree.size
        line += tree.lines
    assert start == len(data) or (start == 3 and data == b"\xef\xbb\xbf")
    assert line - 1 == splitter.lines


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 11), min_size=2, max_size=2, unique=True), st.integers(0, 200))
def test_digest_says_whether_a_tree_changed(pair: list[int], where: int) -> None:
    _, before, contents = trees([joined(LINES)])
    assert len(before) == 12
    chosen = contents[pair[0]]
    at = 60 + where % (len(chosen) - 80)
    changed = chosen[:at] + (b"A" if chosen[at : at + 1] != b"A" else b"B") + chosen[at + 1 :]
    if changed.count(b"\n") != chosen.count(b"\n"):
        return
    _, after, _ = trees([b"".join(changed if n == pair[0] else c for n, c in enumerate(contents))])
    different = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a.digest != b.digest]
    assert different == [pair[0]]


class Heard:
    """What a scanner said."""

    def __init__(self, max_line_bytes: int = 2000) -> None:
        self.lines: list[tuple[Any, ...]] = []
        self.rejects: dict[int, Reject] = {}
        self.chunks: dict[int, bytes] = {}
        self.scanner = LineScanner(
            STREAMS, lambda *line: self.lines.append(line), self._reject, self._chunk, root_kind="Product",
            max_line_bytes=max_line_bytes,
        )  # fmt: skip
        self.scanner.begin_tree(1)

    def _reject(self, reject: Reject) -> None:
        assert reject.number not in self.rejects
        self.rejects[reject.number] = reject

    def _chunk(self, line: int, number: int, data: bytes) -> None:
        self.chunks[line] = self.chunks.get(line, b"") + data

    def all(self) -> tuple[Any, ...]:
        """Return everything that must not depend on the pieces."""
        rejects = {
            number: (r.code, r.kind, r.gid, r.size, r.raw + self.chunks.get(number, b""))
            for number, r in self.rejects.items()
        }
        totals = self.scanner.totals
        return (
            self.lines,
            rejects,
            totals.lines,
            totals.roots,
            dict(totals.kinds),
            self.scanner.is_closed,
            self.scanner.root_id,
        )


@settings(max_examples=300, deadline=None)
@given(chunked())
def test_lines_do_not_depend_on_how_the_bytes_arrive(case: tuple[bytes, list[bytes]]) -> None:
    data, pieces = case
    one = Heard(10**9)
    one.scanner.feed(data)
    one.scanner.finish()
    many = Heard(10**9)
    for piece in pieces:
        many.scanner.feed(piece)
    many.scanner.finish()
    assert many.all() == one.all()


@settings(max_examples=300, deadline=None)
@given(chunked())
def test_every_line_is_accounted_for_with_its_bytes(case: tuple[bytes, list[bytes]]) -> None:
    """Lines handed on, put aside and blank are all lines; what is handed on is JSON of an object, to the byte."""
    data, pieces = case
    heard = Heard()
    for piece in pieces:
        heard.scanner.feed(piece)
    heard.scanner.finish()
    file = data.split(b"\n")
    if file[-1] == b"":
        file.pop()
    totals = heard.scanner.totals
    blank = totals.kinds["-"]
    assert (
        totals.lines
        == len(file)
        == len(heard.lines) + len(heard.rejects) + blank
        == sum(totals.kinds.values())
    )
    numbers = sorted([*[line[0] for line in heard.lines], *heard.rejects])
    assert len(set(numbers)) == len(numbers)
    for number, _kind, stream, owner, object_id, _root, raw in heard.lines:
        assert raw == file[number - 1].removesuffix(b"\r")
        doc = orjson.loads(raw)
        assert isinstance(doc, dict)
        assert stream in (30, 31)
        assert f"/{object_id if object_id is not None and stream == STREAMS.get(_kind) else owner}" in (
            (doc.get("id") or "") + (doc.get("__parentId") or "")
        )
    for number, reject in heard.rejects.items():
        found = reject.raw + heard.chunks.get(number, b"")
        assert found in (file[number - 1], file[number - 1].removesuffix(b"\r"))
        assert reject.size in (len(found), len(file[number - 1]))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 64))
def test_any_bytes_at_all_are_survived(data: bytes, size: int) -> None:
    heard = Heard(100)
    for start in range(0, len(data), size):
        heard.scanner.feed(data[start : start + size])
    heard.scanner.finish()
    splitter, _, handed = trees([data[start : start + size] for start in range(0, len(data), size)])
    assert b"".join(handed) == data.removeprefix(b"\xef\xbb\xbf")
    assert heard.scanner.totals.lines == splitter.lines or data.startswith(b"\xef\xbb\xbf")


PRODUCTS = [b'{"id":"gid:\\/\\/shopify\\/Product\\/%d","title":"t%%d"}' % (1000 + n) for n in range(9)]
versions = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1), st.integers(0, 3)), max_size=14)


def file_of(trees: list[tuple[int, int, int]]) -> bytes:
    """Return a file of trees: product, version of its title, how many further lines it has."""
    return b"".join(PRODUCTS[n] % title + b"\n" + b'{"x":1}\n' * more for n, title, more in trees)


def known_of(data: bytes) -> tuple[KnownTrees, dict[int, Tree]]:
    """Return what would be known when this file was merged: of roots that occur twice nothing."""
    _, found, _ = trees([data])
    twice = Counter(tree.root_id for tree in found)
    by_root = {tree.root_id: tree for tree in found if tree.root_id is not None and twice[tree.root_id] == 1}
    known = KnownTrees()
    for n in range(0, len(by_root), 2):
        part = [by_root[root] for root in sorted(by_root)[n : n + 2]]
        columns = ([t.root_id for t in part], [t.digest for t in part], [t.lines for t in part])
        last = known.add(
            *(struct.pack(f">{len(part)}{code}", *c) for code, c in zip("qqi", columns, strict=True))
        )
        assert last == part[-1].root_id
    return known, by_root


@settings(max_examples=300, deadline=None)
@given(versions.map(sorted), versions, st.booleans(), st.data())
def test_of_known_trees_only_those_that_differ_are_told(
    before: list[tuple[int, int, int]], after: list[tuple[int, int, int]], ordered: bool, data: st.DataObject
) -> None:
    known, merged = known_of(file_of(before))
    content = file_of(sorted(after) if ordered else after)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True) if a < b]
    whole, expected, _ = trees([content] if content else [])
    splitter = TreeSplitter("Product")
    told: list[Tree] = []
    again = 0
    for tree in splitter.split(iter(pieces), known=known):
        place = known.place(tree)
        if place is not Place.SAME:
            told.append(tree)
            again += place is Place.TWICE
            assert (place is Place.NEW) == (tree.root_id not in merged)
    assert splitter.lines == whole.lines
    assert known.same + len(told) == len(expected)
    assert known.same_lines + sum(tree.lines for tree in told) == whole.lines
    assert all(tree in expected for tree in told), "with the places that they have in the whole file"
    missed = Counter((t.root_id, t.digest) for t in expected) - Counter((t.root_id, t.digest) for t in told)
    assert all(
        times == 1 and merged[root].digest == digest for (root, digest), times in missed.items() if root
    )
    first = {tree.root_id: tree for tree in reversed(expected)}
    assert again == sum(
        tree is not first[tree.root_id] and first[tree.root_id].digest == merged[tree.root_id].digest
        for tree in expected
        if tree.root_id in merged
    )
    assert set(known.gone()) == set(merged) - {tree.root_id for tree in expected}


def test_a_tree_whose_digest_is_not_trusted_is_told() -> None:
    content = file_of([(0, 0, 1), (1, 0, 1), (2, 0, 1)])
    _, found, _ = trees([content])
    known = KnownTrees()
    known.add(
        struct.pack(">3q", *(t.root_id for t in found)),
        struct.pack(">3q", found[0].digest, 0, found[2].digest),
        struct.pack(">3i", 2, 2, 2),
    )
    told = [
        (tree.root_id, known.place(tree)) for tree in TreeSplitter("Product").split([content], known=known)
    ]
    assert (1001, Place.CHANGED) in told
    assert (known.same, known.same_lines, list(known.gone())) == (2, 4, [])
