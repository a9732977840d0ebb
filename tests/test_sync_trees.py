"""Whole trees at once, by property: what is handed on and told is what reading line by line says, whatever the lines."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sync_support import joined, lines_of

from neanelu.db.connection import connect
from neanelu.platform.scratch import Database
from neanelu.sandbox.generator import ShopSpec
from neanelu.sync import scan
from neanelu.sync.lease import Lease
from neanelu.sync.lines import LineCopy, _values
from neanelu.sync.scan import BlockHandler, LineScanner, Reject, TreeSplitter
from neanelu.sync.trees import TreeReader

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
STREAMS = {"Product": 30, "ProductVariant": 31}
LINES = lines_of(ShopSpec(products=12))


def gid(kind: str, number: object) -> str:
    return f"gid:\\/\\/shopify\\/{kind}\\/{number}"


def line(kind: str, number: object, parent: str | None = None, more: str = "") -> bytes:
    """Return a line as Shopify writes it."""
    end = "" if parent is None else f',"__parentId":"{parent}"'
    return f'{{"id":"{gid(kind, number)}"{more}{end}}}'.encode()


PRODUCT, VARIANT = gid("Product", 1), gid("ProductVariant", 11)
#: What is not as usual, or only looks as if it was. Some go to quarantine, others only have to be looked at closely.
ODD = [
    b"", b" ", b"{", b"}", b"{}", b"[]", b"null", b"\0", b"\r", b'{"id":"x"}\r', b"\xff", b'{"id":null}', b'{"id":5}',
    b'{"id":""}', b' {"id":"gid:\\/\\/shopify\\/Product\\/1"}', b'{"id":"gid:\\/\\/shopify\\/Product\\/1"} ',
    # objects over several lines, and several in one
    b'{"id":"gid:\\/\\/shopify\\/Product\\/1","x":[', b']}{"id":"gid:\\/\\/shopify\\/Product\\/2"}', b'{"x":{}',
    b',"y":{}}{}', b'{"x":[{}', b'{"y":1}]}', b"{}{}", b'{"a":', b"1}", line("Product", 1) + line("Product", 2), b"{}\t{}",
    b"\n" + line("Metafield", 21, PRODUCT) + line("Metafield", 22, PRODUCT),
    line("Metafield", 21, PRODUCT, ',"x":[').replace(b"[,", b"[\n],") + line("Metafield", 22, PRODUCT),
    line("Metafield", 21, PRODUCT, ',"x":{}').replace(b"{},", b"{}\n,") + line("Metafield", 22, PRODUCT),
    line("Metafield", 21, PRODUCT, ',"x":[').replace(b"[,", b"[\n{}],") + line("Metafield", 22, PRODUCT),
    # ids that come close to one
    line("Product", "007"), line("Product", "1_0"), line("Product", "+1"), line("Product", " 1"), line("Product", "-1"),
    line("Product", "1.0"), line("Product", "1e0"), line("Product", "\u0663"), line("Product", ""), line("Product", "1,2"),
    line("Product", "1?x=2"), line("Product", 2**63 - 1), line("Product", 2**63), line("Product", 10**30),
    line("Product", "1\\/gid:\\/\\/shopify\\/Product\\/2"), line("Product", "1\\ngid:\\/\\/shopify\\/Product\\/2"),
    line("Product", "1\\n"), line("Product", "1\\/"), line("", 1), line("\\n", 1), line("Pro duct", 1),
    line("Product\\/", 1), line("\\ud800", 0), line("\\ud800\\udc00", 0), b'{"id":"Product\\/1"}',
    b'{"id":"\\nProduct\\/1"}', b'{"id":"gid:\\/\\/shopify\\/Product\\/1","id":"gid:\\/\\/shopify\\/Product\\/2"}',
    b'{"id":"gid:\\/\\/shopify\\/Product\\/1","id":"gid:\\/\\/shopify\\/Metafield\\/2","__parentId":"gid:\\/\\/shopify\\/Product\\/1"}',
    b'{"id":"gid:\\/\\/shopify\\/Product\\/1","__parentId":null}',
    b'{"__parentId":"gid:\\/\\/shopify\\/Product\\/1","id":null}', b'{"__parentId":7}', line("ProductVariant", 11),
    line("Metafield", 21), line("Spaceship", 1, PRODUCT), line("Product", 3, PRODUCT), line("ProductVariant", 11, VARIANT),
    line("Metafield", 21, gid("Metafield", 21)), line("Metafield", 22, gid("Metafield", 21)),
    line("ProductVariant", 12, gid("Metafield", 21)),
    b'{"isPublished":true,"__parentId":"gid:\\/\\/shopify\\/Metafield\\/21"}',
    b'{"id":"gid:\\/\\/shopify\\/Product\\/1","id":"gid:\\/\\/shopify\\/ProductVariant\\/1"}',
    b'{"id":"gid:\\/\\/shopify\\/Product\\/1","id":"x"}', b'{"id":"x","__parentId":"gid:\\/\\/shopify\\/Product\\/1"}',
    b'{"id":"gid:\\/\\/shopify\\/Product\\/1","id":"x\\/\\nProduct\\/1"}',
    line("", 1, PRODUCT), line("\\n", 1, PRODUCT), line("a\\nb", 1, PRODUCT), line("a\\ngid:\\/\\/shopify\\/b", 1, PRODUCT),
    # values
    line("Product", 1, more=',"t":"\xe9"')[:-1] + b',"u":"\xe9"}', line("Product", 1, more=',"t":"\u2028\U0001f600"'),
    line("Product", 1)[:-1] + b',"t":"\0"}', line("Product", 1, more=',"t":"\\u0000"'), line("Product", 1, more=',"t":NaN'),
    line("Product", 1, more=',"t":' + "[" * 3000 + "]" * 3000),
]  # fmt: skip

numbers = st.integers(1, 3)
parents = st.one_of(
    st.builds(gid, st.sampled_from(["Product", "ProductVariant"]), numbers),
    st.just(PRODUCT),
    st.just(VARIANT),
)
#: Lines as Shopify writes them; whether their trees are in order is left to chance.
child = st.one_of(
    st.builds(
        line, st.sampled_from(["ProductVariant", "Metafield", "MediaImage", "ResourcePublication"]), numbers, parents,
        st.sampled_from(["", ',"title":"Rochie"', ',"title":"Ro\u021bi \u2013 \U0001f600"']),
    ),
    parents.map(lambda parent: f'{{"isPublished":true,"__parentId":"{parent}"}}'.encode()),
)  # fmt: skip


@st.composite
def a_tree(draw: st.DrawFn) -> list[bytes]:
    """Return a tree, mostly one in order."""
    number = draw(st.integers(1, 6))
    tree = [line("Product", number)]
    for variant in range(draw(st.integers(0, 3))):
        tree.append(line("ProductVariant", f"{number}{variant}", gid("Product", number)))
        tree += [
            line("Metafield", f"{number}{variant}{n}", gid("ProductVariant", f"{number}{variant}"))
            for n in range(draw(st.integers(0, 2)))
        ]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        tree.insert(draw(st.integers(0, len(tree))), draw(st.one_of(st.sampled_from(ODD), child)))
    return tree


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    """Return a file in pieces."""
    lines = list(itertools.chain.from_iterable(draw(st.lists(a_tree(), max_size=8))))
    if draw(st.booleans()):
        # a marker that is sure to be found
        lines = [line("Product", 9), *lines]
    data = joined(lines)
    if draw(st.integers(0, 4)) == 0:
        data = data[:-1]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


class Landing(LineCopy):
    """Keeps what is handed to senders."""

    def __init__(self) -> None:
        lease: Any = SimpleNamespace(run={"id": UUID(int=7), "attempt": 3}, check=lambda: None)
        super().__init__(lease, lambda: pytest.fail("nothing is to be sent"))
        self.rows: list[tuple[Any, ...]] = []

    def _hand(self, block: bytes) -> None:
        position = 0
        while position < len(block):
            (run, attempt, stream, kind, *ids, doc), position = _values(block, position)
            assert run == UUID(int=7).bytes and attempt == b"\0\0\0\3"
            assert stream is not None and kind is not None and doc is not None and doc[0] == 1
            values = [None if value is None else int.from_bytes(value, "big") for value in ids]
            self.rows.append(
                (
                    values[0],
                    kind.decode(),
                    int.from_bytes(stream, "big"),
                    *values[1:],
                    doc[1:].removesuffix(b"\n"),
                )
            )


class Reading:
    """What became of a file."""

    def __init__(self, read: Callable[[Reading, list[bytes]], None], pieces: list[bytes]) -> None:
        self.copy = Landing()
        self.rejects: list[Reject] = []
        self.entries: list[tuple[int | None, ...]] = []
        self.scanner = LineScanner(
            STREAMS, self.copy.take, self.rejects.append, lambda *_: None, root_kind="Product", max_line_bytes=10**9
        )  # fmt: skip
        self.splitter = TreeSplitter("Product")
        read(self, pieces)
        self.copy._flush()

    def all(self) -> tuple[Any, ...]:
        """Return everything that must not depend on how the file was read."""
        totals = self.scanner.totals
        return (
            sorted(self.copy.rows), self.copy.sent, self.rejects, self.entries, self.splitter.lines, self.splitter.bytes,
            totals.lines, totals.roots, {kind: count for kind, count in totals.kinds.items() if count},
        )  # fmt: skip


def line_by_line(reading: Reading, pieces: list[bytes], on_block: BlockHandler | None = None) -> None:
    scanner = reading.scanner
    scanner.begin_tree(1)
    for tree in reading.splitter.split(iter(pieces), scanner.feed, on_block=on_block):
        scanner.finish()
        clean = scanner.is_closed and not scanner.rejected and scanner.root_id == tree.root_id
        reading.entries.append(
            (tree.root_id, tree.offset, tree.size, tree.first_line, tree.lines, tree.digest, clean)
        )
        scanner.begin_tree(tree.first_line + tree.lines)


def in_trees(reading: Reading, pieces: list[bytes]) -> None:
    def note(entries: Any) -> None:
        reading.entries.extend(zip(*[iter(entries)] * 7, strict=True))

    line_by_line(reading, pieces, TreeReader(reading.scanner, reading.copy, note).take)


@settings(max_examples=700, deadline=None)
@given(chunked(), st.sampled_from([1, 2, 3, 32]))
def test_trees_are_read_as_line_by_line(pieces: list[bytes], together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_BLOCK_TREES", together)
        assert Reading(in_trees, pieces).all() == Reading(line_by_line, pieces).all()


@settings(max_examples=100, deadline=None)
@given(chunked(), st.integers(128, 1000))
def test_trees_too_large_to_wait_for_are_read_as_line_by_line(pieces: list[bytes], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_PIECE_BYTES", limit)
        assert Reading(in_trees, pieces).all() == Reading(line_by_line, pieces).all()


@pytest.mark.parametrize("number", range(len(ODD)))
def test_one_odd_line_among_usual_ones(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself, in a tree that has what it refers to, at its beginning, behind it, and at its end."""
    tree = [line("Product", 1), line("ProductVariant", 11, PRODUCT), line("Metafield", 21, VARIANT)]
    for place, together in itertools.product((0, 1, len(tree)), (1, 32)):
        monkeypatch.setattr(scan, "_BLOCK_TREES", together)
        lines = [line("Product", 8), *tree[:place], ODD[number], *tree[place:], line("Product", 9)]
        assert Reading(in_trees, [joined(lines)]).all() == Reading(line_by_line, [joined(lines)]).all()


def fed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that gets what is read line by line."""
    taken: list[bytes] = []
    feed = LineScanner.feed

    def watched(scanner: LineScanner, data: bytes) -> int:
        taken.append(data)
        return feed(scanner, data)

    monkeypatch.setattr(LineScanner, "feed", watched)
    return taken


def test_usual_lines_are_not_read_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but those of the last tree, whose end is the file's."""
    publication = b'{"isPublished":true,"__parentId":"%b"}'
    lines: list[bytes] = []
    for usual in LINES:
        lines.append(usual)
        if b'"__parentId"' not in usual:
            lines.append(publication % usual.split(b'"')[3])
    expected = Reading(line_by_line, [joined(lines)]).all()
    looked_at = fed(monkeypatch)
    found = Reading(in_trees, [joined(lines)])
    assert found.all() == expected
    assert len(found.copy.rows) == len(lines)
    assert len(found.entries) == 12 and all(entry[-1] for entry in found.entries)
    assert len(looked_at) == 1
    assert joined(lines).endswith(looked_at[0])


def test_a_bad_line_leads_only_the_trees_around_it_to_be_read_line_by_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    position = next(n for n, text in enumerate(LINES) if n > 30 and b'"__parentId"' in text)
    lines = [*LINES[:position], b"{", *LINES[position:]]
    monkeypatch.setattr(scan, "_BLOCK_TREES", 2)
    expected = Reading(line_by_line, [joined(lines)]).all()
    looked_at = fed(monkeypatch)
    assert Reading(in_trees, [joined(lines)]).all() == expected
    assert len(looked_at) == 3
    assert any(b"\n{\n" in tree for tree in looked_at)


def whole(reader: TreeReader, tree: list[bytes]) -> int:
    """Offer a tree to a reader, and return how many lines it took."""
    marker = b'\n{"id":"gid:\\/\\/shopify\\/Product\\/'
    return reader.take(marker, [joined(tree)[len(marker) - 1 : -1]], 0, 1)


def test_many_rows_go_in_blocks_that_senders_take() -> None:
    """One tree that is much larger than a block is cut, between lines, so that memory stays bounded."""
    tree = [
        line("Product", 1),
        *(line("ProductVariant", n, PRODUCT, f',"t":"{"x" * 900}"') for n in range(1, 2000)),
    ]
    sizes: list[int] = []

    class Measured(Landing):
        def _hand(self, block: bytes) -> None:
            sizes.append(len(block))
            super()._hand(block)

    copy = Measured()
    scanner = LineScanner(
        STREAMS, copy.take, cast(Any, None), cast(Any, None), root_kind="Product", max_line_bytes=10**9
    )
    assert whole(TreeReader(scanner, copy, lambda _: None), tree) == 2000
    assert len(copy.rows) == 2000 == copy.sent
    assert max(sizes) < 150 * 1024


@pytest.fixture
def refusable(module_db: Database) -> Iterator[tuple[LineCopy, Any, Database]]:
    lease = SimpleNamespace(run={"id": uuid4(), "attempt": 3}, check=lambda: None)
    copy = LineCopy(cast(Lease, lease), lambda: connect("neanelu_sync", dsn=module_db.dsn("neanelu_sync")))
    yield copy, lease, module_db


@pytest.mark.parametrize("refused", [0, 1])
def test_rows_of_trees_land_and_lines_that_jsonb_refuses_stay_away(
    refusable: tuple[LineCopy, Any, Database], refused: int
) -> None:
    copy, lease, database = refusable
    bad = line("Metafield", 1, PRODUCT, ',"t":"\\u0000"')
    tree = [line("Product", 1), *[bad] * refused, line("ProductVariant", 2, PRODUCT, ',"t":"a\\n\u021b"')]
    tree.append(b'{"isPublished":true,"__parentId":"%b"}' % PRODUCT.encode())
    with copy:
        scanner = LineScanner(
            STREAMS, copy.take, cast(Any, None), cast(Any, None), root_kind="Product", max_line_bytes=10**9
        )
        assert whole(TreeReader(scanner, copy, lambda _: None), tree) == len(tree)
    assert (copy.sent, copy.landed) == (len(tree), 3)
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        rows = connection.execute(
            "SELECT line_number, kind, stream, owner_id, object_id, root_id, coalesce(doc ->> 't', '')"
            "  FROM neanelu.bulk_lines WHERE bulk_run_id = %s ORDER BY line_number",
            [lease.run["id"]],
        ).fetchall()
    assert rows == [
        (1, "Product", 30, 1, 1, 1, ""),
        (2 + refused, "ProductVariant", 31, 2, 2, 1, "a\nț"),
        (3 + refused, "ResourcePublication", 30, 1, None, 1, ""),
    ]
