"""Hostile lines: each goes to quarantine with its number, code and bytes, and every other line of its file is merged.

The oracle is another shop that was given the same file without the bad lines: both mirrors must be equal.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from sync_support import TestShop, configure, joined, lines_of, vacuum

from neanelu.platform.scratch import Database, Scratch
from neanelu.sandbox.generator import Edit, ShopSpec

SPEC = ShopSpec(products=24)
CHANGED = SPEC.with_edit(Edit("changed", at="2026-11-10T00:00:00Z", fraction=0.5))
CHANGED_AGAIN = CHANGED.with_edit(Edit("changed", at="2026-11-11T00:00:00Z", fraction=0.6))
#: ids that the generator never makes
NEW = 9_100_000_000_000_001

Mirror = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def database(scratch: Scratch) -> Iterator[Database]:
    """One database for all shops of this module, with a limit that some bad lines of a short file do not reach."""
    made = scratch.create()
    configure(made, max_error_fraction=0.5)
    yield made
    scratch.drop(made)


@pytest.fixture(autouse=True)
def vacuumed(database: Database) -> Iterator[None]:
    """Do autovacuum's work after each test: throw-away clusters do without it."""
    yield
    vacuum(database)


@dataclass
class Item:
    """A line of a file and what should become of it: merged (no code), quarantined, or counted as a duplicate."""

    line: bytes
    code: str | None = None
    is_duplicate: bool = False
    #: whether the exact bytes are kept; lines that are storable JSON are kept as JSON
    is_raw: bool = True


@dataclass
class Case:
    """A kind of hostile line: makes items from a product's and a variant's line."""

    name: str
    make: Callable[[bytes, bytes], list[Item]]
    #: where the lines belong: on their own, or under the product whose line is given
    is_child: bool = False

    @property
    def is_bad(self) -> bool:
        """Whether a line of it goes to quarantine."""
        return any(item.code for item in self.make(*templates(lines_of(SPEC))))


def product(template: bytes, number: int = NEW, **changes: Any) -> bytes:
    """Return a product's line like another one's, with an id of its own."""
    doc = orjson.loads(template)
    doc |= {
        "id": f"gid://shopify/Product/{number}",
        "legacyResourceId": str(number),
        "handle": f"hostile-{number}",
    } | changes
    return orjson.dumps(doc).replace(b"/", b"\\/")


def variant(template: bytes, number: int = NEW, **changes: Any) -> bytes:
    """Return a variant's line like another one's, of the same product, with an id of its own."""
    doc = orjson.loads(template)
    doc |= {"id": f"gid://shopify/ProductVariant/{number}", "legacyResourceId": str(number)} | changes
    doc["__parentId"] = doc.pop("__parentId")
    return orjson.dumps(doc).replace(b"/", b"\\/")


def with_title(line: bytes, title: bytes) -> bytes:
    """Return a line with raw bytes as its title."""
    changed, times = re.subn(
        rb'"title":"(?:[^"\\]|\\.)*"', lambda _: b'"title":"' + title + b'"', line, count=1
    )
    assert times == 1
    return changed


def with_price(line: bytes, price: bytes) -> bytes:
    """Return a variant's line with raw bytes as its price."""
    changed, times = re.subn(rb'"price":"[0-9.]*"', lambda _: b'"price":' + price, line, count=1)
    assert times == 1
    return changed


def with_creation(line: bytes, moment: bytes) -> bytes:
    """Return a line with raw bytes as the time of its creation."""
    return re.sub(rb'"createdAt":"[^"]*"', b'"createdAt":"' + moment + b'"', line)


def with_parent(line: bytes, number: int) -> bytes:
    """Return a child's line under a product that nobody has."""
    doc = orjson.loads(line)
    doc["__parentId"] = f"gid://shopify/Product/{number}"
    return orjson.dumps(doc)


def bad_product(name: str, code: str, change: Callable[[bytes], bytes], *, raw: bool = True) -> Case:
    return Case(name, lambda p, _v: [Item(change(product(p)), code, is_raw=raw)])


def bad_variant(name: str, code: str, change: Callable[[bytes], bytes], *, raw: bool = False) -> Case:
    return Case(name, lambda _p, v: [Item(change(variant(v)), code, is_raw=raw)], is_child=True)


def odd_line(name: str, line: bytes, code: str = "NS106") -> Case:
    return Case(name, lambda _p, _v: [Item(line, code)])


def good_product(name: str, change: Callable[[bytes], bytes]) -> Case:
    return Case(name, lambda p, _v: [Item(change(product(p)))])


def deep(line: bytes, levels: int) -> bytes:
    return line[:-1] + b',"x":' + b"[" * levels + b"]" * levels + b"}"


CASES = [
    # --- not JSON
    bad_product("truncated", "NS101", lambda line: line[: len(line) // 2]),
    bad_product("truncated_in_a_character", "NS102",
                lambda line: with_title(line, "ă".encode())[: line.index(b'"title":"') + 10]),
    Case("concatenated", lambda p, _v: [Item(product(p) + product(p, NEW + 1), "NS101")]),
    Case("cut_and_concatenated", lambda p, _v: [Item(product(p)[:70] + product(p, NEW + 1), "NS101")]),
    bad_product("trailing_comma", "NS101", lambda line: line[:-1] + b",}"),
    bad_product("single_quotes", "NS101", lambda line: line.replace(b'"', b"'")),
    bad_product("nan", "NS101", lambda line: line[:-1] + b',"x":NaN}'),
    bad_product("infinity", "NS101", lambda line: line[:-1] + b',"x":-Infinity}'),
    bad_product("control_character", "NS101", lambda line: with_title(line, b"a\x02b")),
    bad_product("copy_quote", "NS101", lambda line: with_title(line, b"a\x01b")),
    bad_product("deeply_nested", "NS104", lambda line: deep(line, 60_000)),
    # --- bytes
    bad_product("invalid_utf8", "NS102", lambda line: with_title(line, b"a\xffb")),
    bad_product("overlong_utf8", "NS102", lambda line: with_title(line, b"a\xc0\xafb")),
    bad_product("utf8_surrogate", "NS102", lambda line: with_title(line, b"a\xed\xa0\x80b")),
    bad_product("nul_byte", "NS103", lambda line: with_title(line, b"a\0b")),
    bad_product("nul_byte_at_the_end", "NS103", lambda line: line + b"\0"),
    # --- JSON that jsonb does not take
    bad_product("escaped_nul", "22P05", lambda line: with_title(line, b"a\\u0000b")),
    bad_product("lone_high_surrogate", "NS101", lambda line: with_title(line, b"a\\ud800b")),
    bad_product("lone_low_surrogate", "NS101", lambda line: with_title(line, b"a\\udc00b")),
    bad_product("number_beyond_numeric", "22003", lambda line: line[:-1] + b',"x":1e400000}'),
    # --- not an object of Shopify
    odd_line("array", b"[1,2,3]"),
    odd_line("number", b"42"),
    odd_line("string", b'"gid:\\/\\/shopify\\/Product\\/1"'),
    odd_line("null", b"null"),
    odd_line("missing_id", b'{"title":"no id","handle":"none"}'),
    odd_line("id_is_a_number", b'{"id":5,"title":"x"}'),
    odd_line("id_is_no_gid", b'{"id":"5","title":"x"}'),
    odd_line("id_without_number", b'{"id":"gid:\\/\\/shopify\\/Product\\/","title":"x"}'),
    odd_line("unknown_kind", b'{"id":"gid:\\/\\/shopify\\/Spaceship\\/5","title":"x"}', "NS109"),
    odd_line("id_over_2_63", b'{"id":"gid:\\/\\/shopify\\/Product\\/9223372036854775808","title":"x"}', "NS107"),
    odd_line("id_of_100_digits", b'{"id":"gid:\\/\\/shopify\\/Product\\/' + b"9" * 100 + b'","title":"x"}', "NS107"),
    # --- values that do not fit
    bad_variant("price_with_three_decimals", "NS112", lambda line: with_price(line, b'"12.345"')),
    bad_variant("price_as_number_with_three_decimals", "NS112", lambda line: with_price(line, b"12.345")),
    bad_variant("price_nan", "NS112", lambda line: with_price(line, b'"NaN"')),
    bad_variant("price_negative", "NS113", lambda line: with_price(line, b'"-1.00"')),
    bad_variant("price_too_large", "NS112", lambda line: with_price(line, b'"12345678901.00"')),
    bad_variant("price_in_words", "NS112", lambda line: with_price(line, b'"cheap"')),
    bad_variant("price_null", "NS111", lambda line: with_price(line, b"null")),
    bad_variant("title_too_long", "NS112", lambda line: with_title(line, b"x" * 256)),
    bad_variant("unknown_policy", "NS113", lambda line: line.replace(b'"DENY"', b'"MAYBE"').replace(b'"CONTINUE"', b'"MAYBE"')),
    bad_variant("orphan", "NS114", lambda line: with_parent(line, 404)),
    bad_variant("boolean_shortened", "NS112", lambda line: re.sub(rb'"taxable":(true|false)', b'"taxable":"tru"', line)),
    bad_variant("integer_too_large", "NS112", lambda line: re.sub(rb'"position":\d+', b'"position":99999999999', line)),
    bad_product("unknown_status", "NS113", lambda line: re.sub(rb'"status":"\w+"', b'"status":"ASLEEP"', line), raw=False),
    bad_product("infinity_date", "NS112", lambda line: with_creation(line, b"infinity"), raw=False),
    bad_product("date_of_no_calendar", "NS112", lambda line: with_creation(line, b"2026-02-30T00:00:00Z"), raw=False),
    bad_product("date_in_words", "NS112", lambda line: with_creation(line, b"tomorrow"), raw=False),
    bad_product("missing_title", "NS111", lambda line: with_title(line, b"").replace(b'"title":""', b'"title":null'), raw=False),
    bad_product("tags_no_array", "NS112", lambda line: re.sub(rb'"tags":\[[^\]]*\]', b'"tags":"red"', line), raw=False),
    Case("duplicate_with_other_content", lambda p, _v: [
        Item(product(p, title="older", updatedAt="2026-01-01T00:00:00Z"), "NS115", is_raw=False),
        Item(product(p, title="newer", updatedAt="2026-01-02T00:00:00Z"))]),
    # --- odd, and good
    Case("duplicate_with_same_content", lambda p, _v: [Item(product(p)), Item(product(p), is_duplicate=True)]),
    good_product("id_over_2_53", lambda line: line),
    good_product("largest_id", lambda line: line.replace(str(NEW).encode(), str(2**63 - 1).encode())),
    good_product("line_separator", lambda line: with_title(line, "a\u2028b\u2029c\x85d".encode())),
    good_product("backslashes_and_end_of_data", lambda line: with_title(line, b"\\\\. \\\\N \\t \\\\x41 \\u00e9 \\ud83d\\ude00")),
    good_product("nested_100_deep", lambda line: deep(line, 100)),
    good_product("spaces_around", lambda line: b"  " + line.replace(b'":', b'" : ') + b"\t "),
]  # fmt: skip


def place(items: list[Item], lines: list[bytes], order: str, *, is_child: bool) -> list[Item]:
    """Put a case's items among good lines: between trees, inside a tree, or anywhere in a shuffled file."""
    good = [Item(line) for line in lines]
    if order == "shuffled":
        dice = random.Random(7)
        dice.shuffle(good)
        for item in items:
            good.insert(dice.randrange(len(good)), item)
        return good
    roots = [n for n, line in enumerate(lines) if b'"__parentId"' not in line]
    position = roots[len(roots) // 2]
    if is_child or order == "inside":
        position += 1
    return [*good[:position], *items, *good[position:]]


def without_new(mirror: Mirror) -> Mirror:
    """Return a mirror without what the cases added."""
    ids = (f"/{NEW}", f"/{2**63 - 1}")
    return {
        table: [row for row in rows if not any(str(value).endswith(ids) for value in row)]
        for table, rows in mirror.items()
    }


def templates(lines: list[bytes]) -> tuple[bytes, bytes]:
    """Return the line of the product that `place` picks, and a variant's line of it."""
    roots = [line for line in lines if b'"__parentId"' not in line]
    root = roots[len(roots) // 2]
    gid = orjson.loads(root)["id"]
    for line in lines:
        doc = orjson.loads(line)
        if doc.get("__parentId") == gid and "/ProductVariant/" in doc["id"]:
            return root, line
    raise AssertionError("every product has a variant")


def assert_reconciled(shop: TestShop, run: dict[str, Any], file: list[Item]) -> None:
    """Every line is accounted for, and quarantine says exactly what is wrong with which."""
    assert run["status"] == "completed", (run["error_code"], run["error_message"])
    expected = {n: item for n, item in enumerate(file, start=1) if item.code}
    found = {error["line_number"]: error for error in shop.errors(run["id"])}
    assert {n: e["error_code"] for n, e in found.items()} == {n: i.code for n, i in expected.items()}
    for number, item in expected.items():
        error = found[number]
        if item.is_raw:
            assert shop.quarantined_bytes(run["id"], number) == item.line
            assert error["raw_bytes"] == len(item.line)
        else:
            assert error["payload"] == orjson.loads(item.line)
    assert run["lines_in"] == len(file)
    assert run["lines_quarantined"] == len(expected)
    assert run["lines_duplicate"] == sum(item.is_duplicate for item in file)
    counts = shop.counts(run["id"]).values()
    assert sum(count["lines"] for count in counts) == len(file)
    assert run["lines_merged"] + run["lines_unchanged"] + run["lines_ignored"] == len(file) - len(
        expected
    ) - sum(item.is_duplicate for item in file)
    assert run["rows_tombstoned"] == 0


#: The files of a test, each on top of the one before, and how they are sent: first load; digests known; digests known,
#: but lines in any order, so that trees cannot be told apart.
FILES = (("all", SPEC, "inside"), ("manifest", CHANGED, "between"), ("all", CHANGED_AGAIN, "shuffled"))
#: Lines that look like roots of another kind: the tree that they stand in is not taken for whole.
FALL_BACK = {
    "truncated", "truncated_in_a_character", "concatenated", "cut_and_concatenated", "trailing_comma", "nan", "infinity",
    "control_character", "copy_quote", "deeply_nested", "lone_high_surrogate", "lone_low_surrogate", "missing_id",
    "id_without_number", "id_over_2_63", "id_of_100_digits", "unknown_kind", "orphan",
}  # fmt: skip


@pytest.fixture(scope="module")
def clean_mirrors(database: Database, tmp_path_factory: pytest.TempPathFactory) -> list[Mirror]:
    """The mirror after each of the files without any hostile line."""
    shop = TestShop.create(database, tmp_path_factory.mktemp("clean"))
    mirrors = []
    for _plan, spec, order in FILES:
        run = shop.ingest(joined(item.line for item in place([], lines_of(spec), order, is_child=False)))
        assert run["lines_quarantined"] == 0
        mirrors.append(shop.mirror())
    return mirrors


@pytest.mark.parametrize("case", [case for case in CASES if case.is_bad], ids=lambda case: case.name)
def test_hostile_line(database: Database, tmp_path: Path, case: Case, clean_mirrors: list[Mirror]) -> None:
    shop = TestShop.create(database, tmp_path)
    for (plan, spec, order), clean in zip(FILES, clean_mirrors, strict=True):
        lines = lines_of(spec)
        file = place(case.make(*templates(lines)), lines, order, is_child=case.is_child)
        run = shop.ingest(joined(item.line for item in file))
        assert_reconciled(shop, run, file)
        # What is bad stays bad: its digest was not kept.
        assert_reconciled(shop, shop.ingest(joined(item.line for item in file)), file)
        assert shop.plan(run["id"]) == ("all" if case.name in FALL_BACK else plan)
        assert without_new(shop.mirror()) == clean


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_bad], ids=lambda case: case.name)
def test_odd_line_is_taken_as_it_stands(
    database: Database, tmp_path: Path, case: Case, clean_mirrors: list[Mirror]
) -> None:
    shop = TestShop.create(database, tmp_path)
    for (_plan, spec, order), clean in zip(FILES, clean_mirrors, strict=True):
        lines = lines_of(spec)
        items = case.make(*templates(lines))
        file = place(items, lines, order, is_child=case.is_child)
        run = shop.ingest(joined(item.line for item in file))
        assert_reconciled(shop, run, file)
        assert without_new(shop.mirror()) == clean
        doc = orjson.loads(items[0].line)
        row = shop.rows(
            "SELECT * FROM neanelu.shopify_products WHERE shop_id = %s AND shopify_gid = %s",
            shop.id,
            doc["id"],
        )[0]
        assert row["title"] == doc["title"]
        assert row["legacy_resource_id"] == int(doc["legacyResourceId"]) == int(doc["id"].rpartition("/")[2])


def test_newest_of_several_versions_is_kept(database: Database, tmp_path: Path) -> None:
    shop = TestShop.create(database, tmp_path)
    case = next(case for case in CASES if case.name == "duplicate_with_other_content")
    for _plan, spec, order in FILES:
        lines = lines_of(spec)
        shop.ingest(
            joined(item.line for item in place(case.make(*templates(lines)), lines, order, is_child=False))
        )
        found = shop.value(
            "SELECT title FROM neanelu.shopify_products WHERE shop_id = %s AND legacy_resource_id = %s",
            shop.id,
            NEW,
        )
        assert found == "newer"


# --- whole files --------------------------------------------------------------------------------------------


def ingest_files(
    database: Database, tmp_path: Path, change: Callable[[bytes], bytes]
) -> list[tuple[TestShop, dict[str, Any], Mirror]]:
    """Ingest each of the files, changed; return shop, run and mirror after each."""
    shop = TestShop.create(database, tmp_path)
    results = []
    for _plan, spec, order in FILES:
        text = joined(item.line for item in place([], lines_of(spec), order, is_child=False))
        run = shop.ingest(change(text))
        assert run["status"] == "completed", run["error_message"]
        results.append((shop, run, shop.mirror()))
    return results


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(lambda text: text.replace(b"\n", b"\r\n", 20), id="mixed_line_ends"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text, id="bom"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"), id="bom_and_crlf"),
        pytest.param(lambda text: text[:-1], id="no_last_line_end"),
    ],
)
def test_file_form_does_not_matter(
    database: Database, tmp_path: Path, change: Callable[[bytes], bytes], clean_mirrors: list[Mirror]
) -> None:
    for (shop, run, mirror), clean in zip(
        ingest_files(database, tmp_path, change), clean_mirrors, strict=True
    ):
        assert shop.errors(run["id"]) == []
        assert run["lines_in"] == run["lines_merged"] + run["lines_unchanged"]
        assert mirror == clean


def test_blank_lines_are_counted_and_ignored(
    database: Database, tmp_path: Path, clean_mirrors: list[Mirror]
) -> None:
    def change(text: bytes) -> bytes:
        return b"\n" + text.replace(b"\n", b"\n  \n", 3) + b"\n\n"

    for (shop, run, mirror), clean in zip(
        ingest_files(database, tmp_path, change), clean_mirrors, strict=True
    ):
        assert shop.counts(run["id"])["-"]["ignored"] == 6
        assert run["lines_in"] == run["lines_merged"] + run["lines_unchanged"] + 6
        assert mirror == clean


def test_empty_file_is_a_snapshot_of_nothing(database: Database, tmp_path: Path) -> None:
    shop = TestShop.create(database, tmp_path)
    run = shop.ingest(b"")
    assert (run["status"], run["lines_in"], run["rows_tombstoned"]) == ("completed", 0, 0)
    shop.ingest(joined(lines_of(SPEC)))
    before = len(shop.live("shopify_products")) + len(shop.live("shopify_variants"))
    run = shop.ingest(b"")
    assert (run["status"], run["lines_in"], run["rows_tombstoned"]) == ("completed", 0, before)
    assert shop.live("shopify_products") == set()


def test_file_of_one_damaged_line_only(database: Database, tmp_path: Path) -> None:
    configure(database, max_error_fraction=1)
    try:
        shop = TestShop.create(database, tmp_path)
        shop.ingest(joined(lines_of(SPEC)))
        before = shop.mirror()
        run = shop.ingest(b"\xff")
        assert run["status"] == "completed"
        assert shop.quarantined_bytes(run["id"], 1) == b"\xff"
        assert shop.mirror() == before
    finally:
        configure(database, max_error_fraction=0.5)
