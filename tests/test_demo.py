"""`neanelu demo`, twice, in a cluster of its own: what `make demo` promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REPO

from neanelu.cli.demo import HOSTILE, QUERIES, SHOPS
from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Scratch, reachable_folder
from neanelu.settings import get_settings

#: Seconds that a run may take on two cores, provisioning apart.
LIMIT = 120


@pytest.fixture
def home(scratch: Scratch) -> Iterator[Path]:
    """A folder for a cluster that the demo makes; the programs are those of the tests."""
    folder = reachable_folder("demo")
    yield folder / "home"
    Cluster(folder / "home").drop()


def neanelu(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NEANELU_", "PG"))}
    environment = {**kept, "NEANELU_HOME": str(home), "NEANELU_CACHE_DIR": str(get_settings().cache_dir)}
    return subprocess.run(
        [sys.executable, "-m", "neanelu", *arguments], cwd=REPO, env=environment, capture_output=True, text=True,
        check=False, timeout=LIMIT,
    )  # fmt: skip


def demo(home: Path) -> dict[str, Any]:
    began = time.monotonic()
    done = neanelu(home, "demo", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < LIMIT
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.slow
def test_the_demo_works_twice_and_the_second_time_writes_what_changed(home: Path) -> None:
    first = demo(home)
    assert first["ok"]
    assert not first["again"]
    by_shop = {(run["shop"], run["resource"]): run for run in first["runs"]}
    assert {shop for shop, _ in by_shop} == {shop.domain for shop in SHOPS}
    assert by_shop[SHOPS[0].domain, "products"]["lines_quarantined"] == 0
    assert by_shop[SHOPS[1].domain, "products"]["lines_quarantined"] == len(HOSTILE)
    for run in first["runs"]:
        parts = ("merged", "unchanged", "quarantined", "duplicate", "ignored")
        assert run["lines_in"] == sum(run[f"lines_{part}"] for part in parts)

    second = demo(home)
    assert second["ok"]
    assert second["again"]
    products = next(
        run for run in second["runs"] if (run["shop"], run["resource"]) == (SHOPS[0].domain, "products")
    )
    assert 0 < products["lines_merged"] < products["lines_in"] / 20
    assert products["rows_tombstoned"] > 0
    assert second["totals"]["lines_unchanged"] > 0.95 * second["totals"]["lines_in"]

    # what the demo says to try works, and shows something
    for _, statement in QUERIES:
        done = neanelu(home, "server", "psql", "-X", "-v", "ON_ERROR_STOP=1", "-At", "-c", statement)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) >= 2
    assert neanelu(home, "status", "--json").returncode == 0
    for run in second["runs"]:
        assert neanelu(home, "runs", "show", run["run_id"]).returncode == 0
        break


def test_a_database_of_ones_own_is_not_used_without_a_word() -> None:
    environment = {**os.environ, "NEANELU_DATABASE_URL": "host=/nowhere dbname=mine"}
    done = subprocess.run(
        [sys.executable, "-m", "neanelu", "demo"], cwd=REPO, env=environment, capture_output=True, text=True,
        input="n\n", check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert "two demo shops" in done.stderr
