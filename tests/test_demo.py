"""`neanelu demo`, twice, in a cluster of its own: what `make demo` promises, the shop that lives and the factory included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import REPO

from neanelu.cli.demo import HOSTILE, LIVE_QUERIES, LIVE_SHOP, QUERIES, SHOPS
from neanelu.cli.demo_pim import PIM_QUERIES
from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Scratch, reachable_folder
from neanelu.settings import get_settings

#: Seconds after which a run hangs: a quiet machine takes a minute, one that others share six times as long.
LIMIT = 600
pytestmark = pytest.mark.timeout(3 * LIMIT)
#: Changes of the live shop: as many as keep the workers busy when one of them is killed.
CHANGES = 40


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
    done = neanelu(home, "demo", "--json", "--changes", str(CHANGES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < LIMIT
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def assert_followed(live: dict[str, Any]) -> None:
    """The mirror and the ledger followed the live shop, though deliveries were lost or came twice and a worker was killed."""
    assert live["problems"] == [] and live["ok"]
    assert live["changes"] == CHANGES
    assert live["delivered"] == live["stored"] + live["duplicates"] and live["given_up"] == 0
    assert live["applied"] == live["stored"] > CHANGES
    assert live["duplicates"] > 0 and live["dropped"] > 0
    assert live["dead"] == live["refused"] == live["unfolded"] == 0
    assert live["folded"] > 0
    assert sum(live["drift"].values()) > 0
    assert {kind: len(ids) for kind, ids in live["differences"].items()} == dict.fromkeys(live["compared"], 0)
    assert all(
        live["compared"][kind] > 0
        for kind in ("products", "variants", "collections", "orders", "levels", "stock")
    )
    with pytest.raises(ProcessLookupError):
        os.kill(live["killed"]["pid"], 0)


def assert_made(pim: dict[str, Any], *, again: bool) -> None:
    """What the shops and the suppliers say became golden records; the second time nothing of the feeds is news."""
    assert pim["problems"] == [] and pim["ok"]
    stored = sum(feed["stored"] for feed in pim["feeds"].values())
    unchanged = sum(feed["unchanged"] for feed in pim["feeds"].values())
    assert sum(feed["quarantined"] for feed in pim["feeds"].values()) == 0
    assert (stored, unchanged > 600) == (0, True) if again else (stored > 600, unchanged) == (True, 0)
    assert pim["shop_products"] > 0
    report = pim["report"]
    assert report["waiting"]["failed"] == 0
    assert len(report["sources"]) >= 7
    assert report["said_by_several"] > 150
    assert report["readings"]["model/1"] >= 10
    assert report["proposals"]["merged"] > 1000
    assert sum(report["levels"].values()) == report["products"] > report["linked"] / 2 > 800
    assert report["explained"]["story"]["votes"]
    assert pim["found"]


def processes_of(home: Path) -> list[str]:
    """Return the command lines of our processes that have this home; the server is not one of ours."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        if (process.info["environ"] or {}).get("NEANELU_HOME") == str(home):
            line = " ".join(process.info["cmdline"] or ())
            found += [line] if "-m neanelu" in line else []
    return found


@pytest.mark.slow
def test_the_demo_works_twice_and_the_second_time_writes_what_changed(home: Path) -> None:
    first = demo(home)
    assert first["ok"]
    assert not first["again"]
    by_shop = {(run["shop"], run["resource"]): run for run in first["runs"]}
    assert {shop for shop, _ in by_shop} == {shop.domain for shop in (*SHOPS, LIVE_SHOP)}
    assert by_shop[SHOPS[0].domain, "products"]["lines_quarantined"] == 0
    assert by_shop[SHOPS[1].domain, "products"]["lines_quarantined"] == len(HOSTILE)
    for run in first["runs"]:
        parts = ("merged", "unchanged", "quarantined", "duplicate", "ignored")
        assert run["lines_in"] == sum(run[f"lines_{part}"] for part in parts)
    assert_followed(first["live"])
    assert_made(first["pim"], again=False)
    assert processes_of(home) == []

    second = demo(home)
    assert_followed(second["live"])
    assert_made(second["pim"], again=True)
    assert processes_of(home) == []
    assert second["ok"]
    assert second["again"]
    products = next(
        run for run in second["runs"] if (run["shop"], run["resource"]) == (SHOPS[0].domain, "products")
    )
    assert 0 < products["lines_merged"] < products["lines_in"] / 20
    assert products["rows_tombstoned"] > 0
    assert second["totals"]["lines_unchanged"] > 0.95 * second["totals"]["lines_in"]

    # what the demo says to try works, and shows something
    for _, statement in QUERIES + LIVE_QUERIES + PIM_QUERIES:
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
    assert "demo shops" in done.stderr
