"""What a file does not change leaves no trace on its way: where digests are known, only what differs is told and merged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sync_support import TestShop, joined, lines_of

from neanelu.db import sql
from neanelu.platform.scratch import Database
from neanelu.sandbox.generator import ShopSpec

LINES = lines_of(ShopSpec(products=30))
_ROOT = b'{"id":"gid:\\/\\/shopify\\/Product\\/'


@pytest.fixture
def shop(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestShop:
    """A shop that has merged all products, and whose runs leave what passes through them."""
    shop = TestShop.create(db, tmp_path)
    shop.ingest(joined(LINES))
    monkeypatch.setattr(sql, "SWEEP_STAGING", "SELECT 0 AS rows")
    return shop


def trees() -> list[list[bytes]]:
    """Return the lines of each product."""
    starts = [number for number, line in enumerate(LINES) if line.startswith(_ROOT)]
    return [LINES[a:b] for a, b in zip(starts, [*starts[1:], len(LINES)], strict=True)]


def root_of(tree: list[bytes]) -> int:
    """Return the number of a tree's product."""
    return int(tree[0][len(_ROOT) :].partition(b'"')[0])


def ingest(shop: TestShop, wanted: list[list[bytes]], mode: str = "snapshot") -> dict[str, Any]:
    """Bring in a file of trees; the run must complete."""
    run = shop.ingest(joined(line for tree in wanted for line in tree), mode=mode)
    assert run["status"] == "completed", run["error_message"]
    return run


def passed(shop: TestShop, run: dict[str, Any]) -> dict[str, int]:
    """Return how many rows of a run are in each transient table, where there is one."""
    tables = shop.rows(
        "SELECT c.relname AS name FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'bulk_run_id'"
        " WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind = 'r' AND c.relpersistence = 'u'"
    )
    assert len(tables) > 10
    counts = {
        row["name"]: shop.value(
            f"SELECT count(*) FROM neanelu.{row['name']} WHERE bulk_run_id = %s", run["id"]
        )
        for row in tables
    }
    return {name: count for name, count in counts.items() if count}


def loaded(shop: TestShop, run: dict[str, Any]) -> dict[int, bool]:
    """Return the roots that a run named, and whether they are in its file."""
    rows = shop.rows("SELECT root_id, is_here FROM neanelu.bulk_trees WHERE bulk_run_id = %s", run["id"])
    return {row["root_id"]: row["is_here"] for row in rows}


def digests(shop: TestShop) -> set[int]:
    """Return the roots of which a digest is trusted."""
    rows = shop.rows("SELECT object_id FROM neanelu.sync_digests WHERE shop_id = %s AND digest <> 0", shop.id)
    return {row["object_id"] for row in rows}


def test_unchanged_file_passes_without_a_row(shop: TestShop) -> None:
    before = shop.mirror()
    for mode in ("snapshot", "incremental"):
        run = ingest(shop, trees(), mode)
        assert (run["lines_unchanged"], run["lines_in"]) == (len(LINES), len(LINES))
        assert passed(shop, run) == {}
        assert shop.mirror() == before


def test_only_what_differs_is_told(shop: TestShop) -> None:
    first, second, third, *others = trees()
    changed = [second[0].replace(b'"vendor":"', b'"vendor":"x'), *second[1:]]
    new = [line.replace(str(root_of(third)).encode(), b"4711") for line in third[:1]]
    run = ingest(shop, [changed, third, *others, new])
    assert loaded(shop, run) == {root_of(first): False, root_of(second): True, 4711: True}
    assert run["lines_unchanged"] >= sum(map(len, [third, *others]))
    assert f"gid://shopify/Product/{root_of(first)}" in shop.gone("shopify_products")
    assert digests(shop) == {root_of(tree) for tree in (second, third, *others)} | {4711}
    # the variants of what is gone went with it, and no others
    clean = shop.mirror()
    ingest(shop, [changed, third, *others, new], "verify")
    assert shop.mirror() == clean


def test_part_of_a_file_judges_nothing_gone(shop: TestShop) -> None:
    before = shop.mirror()
    run = ingest(shop, trees()[5:9], "incremental")
    assert passed(shop, run) == {}
    assert shop.mirror() == before
    assert len(digests(shop)) == 30


def test_tree_in_another_place_is_the_same(shop: TestShop) -> None:
    run = ingest(shop, [*trees()[20:], *trees()[:20]])
    assert passed(shop, run) == {}
    assert run["lines_unchanged"] == len(LINES)


def test_tree_that_another_path_wrote_is_loaded_again(shop: TestShop) -> None:
    root = root_of(trees()[7])
    shop.execute(
        "UPDATE neanelu.sync_digests SET digest = 0 WHERE shop_id = %s AND object_id = %s", shop.id, root
    )
    run = ingest(shop, trees())
    assert loaded(shop, run) == {root: True}
    assert len(digests(shop)) == 30


def test_root_that_occurs_twice_is_never_taken_for_unchanged(shop: TestShop) -> None:
    before = shop.mirror()
    twice = trees()[3]
    run = ingest(shop, [*trees(), twice])
    assert shop.plan(run["id"]) == "all", "the first was passed by when the second came"
    assert run["lines_duplicate"] == len(twice)
    assert digests(shop) == {root_of(tree) for tree in trees()} - {root_of(twice)}
    run = ingest(shop, [*trees(), twice])
    assert (shop.plan(run["id"]), loaded(shop, run)) == ("manifest", {root_of(twice): True})
    assert shop.mirror() == before


def test_a_file_is_ingested_without_what_only_shopify_needs() -> None:
    """Most of a short run is the start of its process."""
    needless = "{'httpx', 'stamina', 'cryptography', 'psutil', 'rich.progress', 'neanelu.shopify.client'}"
    code = f"import sys, neanelu.cli.ingest; print(sorted({needless} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
