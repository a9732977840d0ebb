"""Lines of objects that the mirror has, damaged: the rows stay as they were, none is judged deleted, the rest goes on.

Also what the pipeline does with too many bad lines, with data of a failed operation, and with one line of 100 MB.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import REPO
from sync_support import TestShop, configure, joined, lines_of, replace_line, shuffled, vacuum

from neanelu.platform.scratch import Database, Scratch
from neanelu.sandbox.generator import Edit, ShopSpec

SPEC = ShopSpec(products=24, customers=10, orders=12, collections=5)
CHANGED = SPEC.with_edit(Edit("changed", at="2026-11-10T00:00:00Z", fraction=1.0))


@pytest.fixture(scope="module")
def database(scratch: Scratch) -> Iterator[Database]:
    made = scratch.create()
    configure(made, max_error_fraction=0.5)
    yield made
    scratch.drop(made)


@pytest.fixture(autouse=True)
def vacuumed(database: Database) -> Iterator[None]:
    yield
    vacuum(database)


def is_kind(kind: str) -> Callable[[bytes], bool]:
    start = f'{{"id":"gid:\\/\\/shopify\\/{kind}\\/'.encode()
    return lambda line: line.startswith(start)


def is_publication(line: bytes) -> bool:
    return b'"isPublished"' in line


def cut(line: bytes) -> bytes:
    return line[: len(line) * 2 // 3]


def invalid(line: bytes) -> bytes:
    return line.replace(b'"', b'"\xff', 4)


def escaped_nul(line: bytes) -> bytes:
    return line[:-1] + b',"x":"\\u0000"}'


def unknown_enum(line: bytes) -> bytes:
    return re.sub(rb'"(mediaContentType|status|sortOrder|state)":"\w+"', rb'"\1":"NEVER"', line)


@dataclass(frozen=True)
class Damage:
    """Which line of which resource is damaged how, and which table's rows must stay as they were."""

    name: str
    resource: str
    matches: Callable[[bytes], bool]
    change: Callable[[bytes], bytes]
    table: str


DAMAGES = [
    Damage("product_cut", "products", is_kind("Product"), cut, "shopify_products"),
    Damage("product_not_utf8", "products", is_kind("Product"), invalid, "shopify_products"),
    Damage("product_escaped_nul", "products", is_kind("Product"), escaped_nul, "shopify_products"),
    Damage("product_unknown_status", "products", is_kind("Product"), unknown_enum, "shopify_products"),
    Damage("variant_cut", "products", is_kind("ProductVariant"), cut, "shopify_variants"),
    Damage("variant_escaped_nul", "products", is_kind("ProductVariant"), escaped_nul, "shopify_variants"),
    Damage("media_cut", "products", is_kind("MediaImage"), cut, "shopify_product_media"),
    Damage("media_escaped_nul", "products", is_kind("MediaImage"), escaped_nul, "shopify_product_media"),
    Damage("media_unknown_type", "products", is_kind("MediaImage"), unknown_enum, "shopify_product_media"),
    Damage("publication_cut", "product_publications", is_publication, cut, "shopify_resource_publications"),
    Damage(
        "publication_nul",
        "product_publications",
        is_publication,
        escaped_nul,
        "shopify_resource_publications",
    ),
    Damage("level_cut", "inventory", is_kind("InventoryLevel"), cut, "inventory_levels"),
    Damage("level_escaped_nul", "inventory", is_kind("InventoryLevel"), escaped_nul, "inventory_levels"),
    Damage("item_escaped_nul", "inventory", is_kind("InventoryItem"), escaped_nul, "inventory_levels"),
    Damage(
        "collection_unknown_sort", "collections", is_kind("Collection"), unknown_enum, "shopify_collections"
    ),
    Damage("member_cut", "collections", is_kind("Product"), cut, "shopify_collection_products"),
    Damage("customer_escaped_nul", "customers", is_kind("Customer"), escaped_nul, "shopify_customers"),
    Damage("order_cut", "orders", is_kind("Order"), cut, "shopify_orders"),
]
ORDER = (
    "locations",
    "publications",
    "products",
    "product_publications",
    "inventory",
    "collections",
    "customers",
    "orders",
)


def load(shop: TestShop, spec: ShopSpec, upto: str) -> None:
    """Load what a resource refers to, and the resource."""
    for resource in ORDER[: ORDER.index(upto) + 1]:
        run = shop.ingest(joined(lines_of(spec, resource)), resource)
        assert (run["status"], run["lines_quarantined"]) == ("completed", 0), run["error_message"]


@pytest.mark.parametrize("order", ["in_order", "shuffled"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_rows_of_damaged_lines_stay(database: Database, tmp_path: Path, damage: Damage, order: str) -> None:
    shop = TestShop.create(database, tmp_path)
    load(shop, SPEC, damage.resource)
    keys = (
        "SELECT count(*), count(*) FILTER (WHERE t::text LIKE '%%snapshot%%') AS gone"
        f" FROM neanelu.{damage.table} AS t WHERE shop_id = %s"
    )
    before = shop.rows(keys, shop.id)
    spec = CHANGED if damage.resource == "products" else SPEC
    lines, _ = replace_line(lines_of(spec, damage.resource), damage.matches, damage.change)
    if order == "shuffled":
        lines = shuffled(lines)
    run = shop.ingest(joined(lines), damage.resource)
    assert run["status"] == "completed", run["error_message"]
    assert run["lines_quarantined"] >= 1
    assert run["rows_tombstoned"] == 0
    assert shop.rows(keys, shop.id) == before
    # When the line comes in order again, the mirror is as if nothing had been.
    healed = shop.ingest(joined(lines_of(spec, damage.resource)), damage.resource)
    assert (healed["status"], healed["lines_quarantined"]) == ("completed", 0)
    clean = TestShop.create(database, tmp_path)
    load(clean, SPEC, damage.resource)
    clean.ingest(joined(lines_of(spec, damage.resource)), damage.resource)
    assert shop.mirror() == clean.mirror()


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_lost_line_end_hides_no_object(database: Database, tmp_path: Path, lost: int) -> None:
    """Some bytes around a line end are lost: neither of the two objects is judged deleted."""
    shop = TestShop.create(database, tmp_path)
    load(shop, SPEC, "products")
    lines = lines_of(CHANGED)
    position = next(
        n for n, (a, b) in enumerate(itertools.pairwise(lines))
        if is_kind("ProductVariant")(a) and is_kind("ProductVariant")(b)
    )  # fmt: skip
    first, second = lines[position : position + 2]
    whole = first + b"\n" + second
    end = len(first)
    damaged = whole[: end - lost // 3] + whole[end + lost - lost // 3 :]
    before = shop.live("shopify_variants")
    run = shop.ingest(joined([*lines[:position], damaged, *lines[position + 2 :]]))
    assert run["status"] == "completed"
    assert run["lines_quarantined"] >= 1
    assert shop.live("shopify_variants") == before


# --- too many -----------------------------------------------------------------------------------------------


def broken(lines: list[bytes], count: int) -> list[bytes]:
    """Return the lines with the first `count` variants' prices spoilt."""
    done = 0
    result = []
    for line in lines:
        if done < count and is_kind("ProductVariant")(line):
            line, done = re.sub(rb'"price":"[^"]*"', b'"price":"1.234"', line), done + 1
        result.append(line)
    assert done == count
    return result


def test_too_many_bad_lines_fail_the_run_and_leave_the_mirror(db: Database, tmp_path: Path) -> None:
    shop = TestShop.create(db, tmp_path)
    load(shop, SPEC, "products")
    before = shop.mirror()
    lines = lines_of(CHANGED)
    assert len(lines) * 0.05 < 10
    run = shop.ingest(joined(broken(lines, 10)))
    assert (run["status"], run["error_code"]) == ("failed", "NS061")
    assert shop.mirror() == before
    assert len(shop.errors(run["id"])) >= 10, "the reasons are kept although the run failed"
    assert (
        shop.value(
            "SELECT status FROM neanelu.sync_checkpoints WHERE shop_id = %s AND resource_type = 'products'",
            shop.id,
        )
        == "error"
    )
    configure(db, max_error_fraction=0.5)
    run = shop.ingest(joined(broken(lines, 10)))
    assert (run["status"], run["lines_quarantined"] >= 10) == ("completed", True)


def test_unreadable_lines_count_against_the_limit(db: Database, tmp_path: Path) -> None:
    shop = TestShop.create(db, tmp_path)
    lines = lines_of(SPEC)
    run = shop.ingest(joined([*lines, *[b"{"] * 20]))
    assert (run["status"], run["error_code"]) == ("failed", "NS061")
    assert shop.mirror("shopify_products", "shopify_variants") == {
        "shopify_products": [],
        "shopify_variants": [],
    }
    assert [e["line_number"] for e in shop.errors(run["id"])] == list(range(len(lines) + 1, len(lines) + 21))


# --- one very long line -------------------------------------------------------------------------------------

LONG_LINE = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
import psycopg
from neanelu.secrets import KeyRing
from neanelu.sync.daemon import SyncDaemon
from neanelu.sync.fetch import Spool
from sync_support import settings
dsn, run_id, shop_id, small, large = sys.argv[1:]
with SyncDaemon(settings(Path(small).parent), dsn=dsn) as daemon:
    for path in (small, large):
        run = daemon.request(shop_id, "products", source="file")
        assert daemon.work_once(run_id=run, source=Spool(Path(path)))
        peak = next(l for l in open("/proc/self/status") if l.startswith("VmHWM"))
        print(run, int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["one_string", "whole_object"])
def test_line_of_100_mb_is_quarantined_in_bounded_memory(db: Database, tmp_path: Path, shape: str) -> None:
    configure(db, max_error_fraction=0.5)
    shop = TestShop.create(db, tmp_path)
    lines = lines_of(SPEC)
    block = b"x" * 1_000_000
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    small.write_bytes(joined(lines))
    head = b'{"id":"gid:\\/\\/shopify\\/Product\\/77","title":"'
    tail = b'"}' if shape == "whole_object" else b""
    with large.open("wb") as file:
        file.write(joined(lines[:10]) + head)
        for _ in range(100):
            file.write(block)
        file.write(tail + b"\n" + joined(lines[10:]))
    done = subprocess.run(
        [sys.executable, "-c", LONG_LINE, db.dsn("neanelu_sync"), "-", str(shop.id), str(small), str(large)],
        cwd=REPO, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (_, base), (run_id, peak) = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 2]
    run = shop.run(run_id)  # type: ignore[arg-type]
    assert run["status"] == "completed", run["error_message"]
    errors = shop.errors(run["id"])
    assert [(e["line_number"], e["error_code"], e["raw_bytes"]) for e in errors] == [
        (11, "NS105", len(head) + 100_000_000 + len(tail))
    ]
    assert shop.quarantined_bytes(run["id"], 11) == head + block * 100 + tail
    assert run["lines_in"] == len(lines) + 1
    assert run["rows_tombstoned"] == 0
    print(f"peak RSS {base} MiB without, {peak} MiB with the line")
    assert int(peak) <= 160
    assert int(peak) - int(base) <= 80


def test_files_have_lines_of_every_kind_that_is_damaged() -> None:
    """The generator has lines of every kind that the damages name."""
    for damage in DAMAGES:
        assert any(map(damage.matches, lines_of(SPEC, damage.resource))), damage.name
