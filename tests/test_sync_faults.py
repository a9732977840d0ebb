"""Every fault of Shopify and of the network ends in a clean run's mirror, or in a documented failure that left it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sync_support import TestShop, configure, new_domain, vacuum

from neanelu.platform.scratch import Database, Scratch
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread

SPEC = ShopSpec(products=60, customers=15, orders=20, collections=6)
#: The time of changes: later than every updatedAt of the generator.
LATER = "2026-11-10T00:00:00Z"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread(log_level="critical") as handle:
        yield handle


@pytest.fixture(scope="module")
def database(scratch: Scratch) -> Iterator[Database]:
    made = scratch.create()
    configure(made, retry_base_seconds=0.05)
    yield made
    scratch.drop(made)


@pytest.fixture
def shop(database: Database, sandbox: SandboxHandle, tmp_path: Path) -> Iterator[TestShop]:
    """A shop of the sandbox that has nothing in its mirror yet."""
    yield add_shop(database, sandbox, tmp_path)
    sandbox.clear_faults()
    vacuum(database)


def add_shop(database: Database, sandbox: SandboxHandle, tmp_path: Path, **options: Any) -> TestShop:
    domain = new_domain()
    sandbox.add(replace(SPEC, domain=domain), min_polls=1)
    return TestShop.create(
        database,
        tmp_path,
        domain=domain,
        token=sandbox.token(domain),
        base_url=sandbox.base_url_template,
        **options,
    )


@pytest.fixture(scope="module")
def clean_mirror(
    database: Database, sandbox: SandboxHandle, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[Any, ...]]]:
    """The products' part of the mirror after a run without faults."""
    shop = add_shop(database, sandbox, tmp_path_factory.mktemp("clean"))
    run = shop.sync("products")["products"]
    assert (run["status"], run["retry_count"], run["lines_quarantined"]) == ("completed", 0, 0)
    mirror = shop.mirror()
    assert len(mirror["shopify_products"]) == 60
    return mirror


def downloads(sandbox: SandboxHandle, shop: TestShop) -> list[int]:
    """Return how often the file of each of the shop's operations was asked for."""
    return [operation.downloads for operation in sandbox.runtime(shop.domain).operations.values()]


@pytest.mark.parametrize(
    ("name", "options", "asked"),
    [
        ("cut", {"after_bytes": 3_000}, [2]),
        ("cut", {"after_bytes": 0}, [2]),
        ("cut", {"after_bytes": 9_000, "times": 4}, [5]),
        ("reset", {"after_bytes": 3_000}, [2]),
        ("reset", {"after_bytes": 2_000, "times": 2}, [3]),
        ("slow", {"rate": 60_000}, [1]),
        ("503", {"times": 2}, [1]),
        ("503", {"where": "graphql", "times": 1}, [1]),
        ("throttle", {"times": 2}, [1]),
        ("in_progress", {"times": 2}, [1]),
        ("stuck_created", {"times": 5}, [1]),
        ("expired_url", {}, [1]),
    ],
)
def test_fault_that_is_survived_in_one_go(
    shop: TestShop,
    sandbox: SandboxHandle,
    clean_mirror: Any,
    name: str,
    options: dict[str, Any],
    asked: list[int],
) -> None:
    sandbox.fault(name, shop.domain, **options)
    run = shop.sync("products")["products"]
    assert (run["status"], run["retry_count"]) == ("completed", 0), (run["error_code"], run["error_message"])
    assert sandbox.faults() == [], "the fault was shown"
    assert downloads(sandbox, shop) == asked
    assert shop.mirror() == clean_mirror


def test_url_that_expires_in_the_middle_is_asked_for_again(
    shop: TestShop, sandbox: SandboxHandle, clean_mirror: Any
) -> None:
    sandbox.fault("cut", shop.domain, after_bytes=3_000)
    sandbox.fault("expired_url", shop.domain, times=1)
    run = shop.sync("products")["products"]
    assert (run["status"], run["retry_count"]) == ("completed", 0)
    assert shop.mirror() == clean_mirror


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("wrong_count", {"delta": 1}, "NS042"),
        ("wrong_count", {"delta": -1}, "NS042"),
        ("failed", {}, "NS032"),
        ("failed", {"error_code": "TIMEOUT"}, "NS032"),
        ("expired", {}, "NS032"),
    ],
)
def test_fault_that_needs_a_new_operation(
    shop: TestShop, sandbox: SandboxHandle, clean_mirror: Any, name: str, options: dict[str, Any], code: str
) -> None:
    """Once: tried again with a new operation. For ever: failed with the code, and nothing was merged."""
    sandbox.fault(name, shop.domain, times=100, **options)
    run = shop.sync("products")["products"]
    assert (run["status"], run["error_code"], run["retry_count"]) == ("failed", code, run["max_retries"])
    assert not any(shop.mirror().values())
    sandbox.clear_faults()
    sandbox.fault(name, shop.domain, times=1, **options)
    run = shop.sync("products")["products"]
    assert (run["status"], run["retry_count"]) == ("completed", 1)
    assert shop.mirror() == clean_mirror
    # Against a mirror that has something already.
    sandbox.mutate(shop.domain, "changed", at=LATER, fraction=0.5)
    sandbox.mutate(shop.domain, "deleted", at=LATER, only=[0, 1])
    sandbox.fault(name, shop.domain, times=100, **options)
    assert shop.sync("products")["products"]["error_code"] == code
    assert shop.mirror() == clean_mirror
    assert shop.value("SELECT status FROM neanelu.sync_checkpoints WHERE shop_id = %s", shop.id) == "error"


def test_download_that_never_ends_well_fails_and_is_tried_again(
    shop: TestShop, sandbox: SandboxHandle, clean_mirror: Any
) -> None:
    sandbox.fault("503", shop.domain, times=8)
    run = shop.sync("products")["products"]
    assert (run["status"], run["retry_count"], run["error_code"]) == ("completed", 1, None)
    assert len(downloads(sandbox, shop)) == 1, "the same operation serves the second try"
    assert shop.mirror() == clean_mirror


def test_file_that_changes_while_it_is_fetched(
    shop: TestShop, sandbox: SandboxHandle, clean_mirror: Any
) -> None:
    sandbox.fault("cut", shop.domain, after_bytes=3_000)
    sandbox.fault("changed_file", shop.domain)
    run = shop.sync("products")["products"]
    assert run["status"] == "completed", run["error_message"]
    assert run["retry_count"] >= 1
    assert shop.mirror() == clean_mirror, "no line of the two files was mixed"


def test_denied_access_is_not_tried_again(shop: TestShop, sandbox: SandboxHandle) -> None:
    sandbox.fault("failed", shop.domain, error_code="ACCESS_DENIED")
    run = shop.sync("products")["products"]
    assert (run["status"], run["error_code"], run["retry_count"]) == ("failed", "NS020", 0)
    assert not any(shop.mirror().values())


def test_wrong_token_fails_at_once(database: Database, sandbox: SandboxHandle, tmp_path: Path) -> None:
    domain = new_domain()
    sandbox.add(replace(SPEC, domain=domain), min_polls=1)
    shop = TestShop.create(
        database, tmp_path, domain=domain, token="shpat_stolen", base_url=sandbox.base_url_template
    )
    run = shop.sync("products")["products"]
    assert (run["status"], run["error_code"], run["retry_count"]) == ("failed", "NS020", 0)
    assert "shpat_stolen" not in str(shop.run(run["id"]))


@pytest.mark.parametrize("name", ["partial", "canceled"])
def test_partial_data_is_merged_and_judges_no_deletion(
    shop: TestShop, sandbox: SandboxHandle, clean_mirror: Any, name: str
) -> None:
    old = clean_mirror
    assert shop.sync("products")["products"]["status"] == "completed"
    checkpoint = (
        "SELECT last_full_snapshot_at, high_water_mark FROM neanelu.sync_checkpoints WHERE shop_id = %s"
    )
    before = shop.rows(checkpoint, shop.id)
    sandbox.mutate(shop.domain, "changed", at=LATER, fraction=0.7)
    sandbox.mutate(shop.domain, "deleted", at=LATER, only=[3, 4, 50])
    sandbox.mutate(shop.domain, "variants_deleted", at=LATER, fraction=0.5)
    sandbox.fault(name, shop.domain)
    run = shop.sync("products")["products"]
    assert (run["status"], run["is_partial"], run["rows_tombstoned"]) == ("completed", True, 0), run[
        "error_message"
    ]
    assert run["rows_updated"] > 0
    assert shop.rows(checkpoint, shop.id) == before, "the mark of incremental runs did not move"
    partly = shop.mirror()
    # What a whole run makes of it: the same shop, its next sync.
    run = shop.sync("products")["products"]
    assert (run["status"], run["is_partial"]) == ("completed", False)
    assert run["rows_tombstoned"] > 3
    new = shop.mirror()
    for table in ("shopify_products", "shopify_variants"):
        assert len(partly[table]) == len(old[table])
        strange = set(map(repr, partly[table])) - set(map(repr, old[table])) - set(map(repr, new[table]))
        assert strange == set(), "a row is as it was or as it is now, never half of it"
    for table in ("shopify_product_media", "shopify_variant_media"):
        assert set(partly[table]) >= set(old[table]) & set(new[table])
    reference = TestShop.create(
        shop.database,
        shop.tmp_path,
        domain=new_domain(),
        base_url=sandbox.base_url_template,
        token="shpat_x",
    )
    sandbox.add(
        replace(sandbox.runtime(shop.domain).spec, domain=reference.domain), min_polls=1, token="shpat_x"
    )
    reference.sync("products")
    expected = reference.mirror()
    live = {
        table: [row for row in rows if row[-1] == "false" or table.endswith("_media")]
        for table, rows in new.items()
    }
    assert live["shopify_products"] == expected["shopify_products"]
    assert live["shopify_variants"] == expected["shopify_variants"]


def test_all_resources_with_faults_everywhere(
    database: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    clean = add_shop(database, sandbox, tmp_path / "clean")
    for run in clean.sync().values():
        assert run["status"] == "completed", (run["query_type"], run["error_message"])
    shop = add_shop(database, sandbox, tmp_path / "faulty")
    for _ in range(2):
        sandbox.fault("cut", shop.domain, after_bytes=2_000)
        sandbox.fault("throttle", shop.domain)
        sandbox.fault("in_progress", shop.domain)
        sandbox.fault("wrong_count", shop.domain)
        sandbox.fault("reset", shop.domain, after_bytes=1_000)
        sandbox.fault("expired", shop.domain)
        sandbox.fault("503", shop.domain)
    runs = shop.sync()
    assert {run["status"] for run in runs.values()} == {"completed"}
    assert sum(run["retry_count"] for run in runs.values()) >= 2
    assert shop.mirror() == clean.mirror()
    sandbox.clear_faults()


@pytest.mark.parametrize("version", ["2025-10", "2026-10"])
def test_operations_at_once_by_api_version(
    database: Database, sandbox: SandboxHandle, tmp_path: Path, clean_mirror: Any, version: str
) -> None:
    """One operation at once before 2026-01, up to five since: a fresh shop's runs all end, whoever waits for whom."""
    shop = add_shop(database, sandbox, tmp_path, api_version=version)
    runs = shop.sync("locations", "publications", "products", "customers", "metaobjects")
    assert {run["status"] for run in runs.values()} == {"completed"}
    assert {run["retry_count"] for run in runs.values()} == {0}, "waiting for a slot is no failure"
    assert shop.mirror("shopify_products") == {"shopify_products": clean_mirror["shopify_products"]}


def test_hostile_lines_through_shopify(shop: TestShop, sandbox: SandboxHandle, clean_mirror: Any) -> None:
    bad = [b'{"id":"gid:\\/\\/shopify\\/Product\\/1","title":"\xff', b"[]", b"\0"]
    for line in bad:
        sandbox.runtime(shop.domain).inject("products", line + b"\n")
    run = shop.sync("products")["products"]
    assert (run["status"], run["lines_quarantined"]) == ("completed", 3), run["error_message"]
    assert [
        shop.quarantined_bytes(run["id"], error["line_number"]) for error in shop.errors(run["id"])
    ] == bad
    assert shop.mirror() == clean_mirror


def test_shuffled_file_gives_the_same_mirror(
    shop: TestShop, sandbox: SandboxHandle, clean_mirror: Any
) -> None:
    sandbox.mutate(shop.domain, shuffled=True)
    run = shop.sync("products")["products"]
    assert (run["status"], run["lines_quarantined"]) == ("completed", 0)
    # The order of a product's pictures is the order of its lines.
    assert {k: v for k, v in shop.mirror().items() if k != "shopify_product_media"} == {
        k: v for k, v in clean_mirror.items() if k != "shopify_product_media"
    }
    assert len(shop.mirror("shopify_product_media")["shopify_product_media"]) == len(
        clean_mirror["shopify_product_media"]
    )
