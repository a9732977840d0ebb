"""`neanelu sync` and `ingest` as a user runs them: processes of their own, against the sandbox and a real database."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REPO
from psycopg.conninfo import make_conninfo

from neanelu.platform.scratch import Database
from neanelu.sandbox.files import Job
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.shopify import documents

SHOP, OTHER = "alpha.myshopify.com", "beta.myshopify.com"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
RESOURCES = 10


class User:
    """Somebody with a shell: environment, shops that are registered, and commands.

    The database's URL names no user, so that every command comes as the role that it is meant to have.
    """

    def __init__(self, database: Database, folder: Path, box: SandboxHandle) -> None:
        self.database, self.folder, self.box = database, folder, box
        self._connection = database.connect()
        cluster = database.cluster
        self.environment = {
            **os.environ,
            "NEANELU_DATABASE_URL": make_conninfo(
                host=str(cluster.socket_dir), port="5432", dbname=database.name
            ),
            "NEANELU_ENCRYPTION_KEY": KEY,
            "NEANELU_SHOPIFY_BASE_URL": box.base_url_template,
            "NEANELU_SYNC_SPOOL_DIR": str(folder / "spool"),
            "NEANELU_SYNC_POLL_SECONDS": "0.05",
            "NEANELU_SYNC_POLL_MAX_SECONDS": "0.1",
            "NEANELU_SYNC_IDLE_SECONDS": "0.05",
            "NEANELU_SYNC_WATCH_SECONDS": "1",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "neanelu", *arguments]

    def run(
        self, *arguments: str, stdin: bytes | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, cwd=self.folder, check=False,
            env={**self.environment, **more}, timeout=120,
        )  # fmt: skip
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def json(self, *arguments: str, code: int = 0, stdin: bytes | None = None, **more: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json", stdin=stdin, **more)
        assert done.returncode == code, done.stdout + done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=self.folder, env={**self.environment, **more},
        )  # fmt: skip

    def add(self, domain: str) -> None:
        token = self.folder / "token"
        token.write_text(self.box.token(domain))
        done = self.run("shop", "add", domain, "--token-file", str(token))
        assert done.returncode == 0, done.stderr

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return list(self._connection.execute(query, values or None).fetchall())


@pytest.fixture
def box() -> Iterator[SandboxHandle]:
    specs = [ShopSpec(domain=SHOP, products=40, seed=3), ShopSpec(domain=OTHER, products=10, seed=4)]
    with run_in_thread(specs, min_polls=1) as handle:
        yield handle


@pytest.fixture
def user(db: Database, tmp_path: Path, box: SandboxHandle) -> User:
    someone = User(db, tmp_path, box)
    someone.add(SHOP)
    someone.add(OTHER)
    return someone


def products_file(products: int, seed: int = 5) -> bytes:
    """Return the file that a bulk operation on a shop's products gives."""
    from neanelu.sandbox.files import parts

    job = Job(ShopSpec(products=products, seed=seed), documents.render("products", None))
    made = list(parts(job, 1, "spawn"))
    return b"".join(part.data for part in made) + b"".join(part.late for part in made)


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


# --- sync -------------------------------------------------------------------------------------------------


def test_a_shop_comes_in_whole_and_again_without_a_write(user: User) -> None:
    first = user.json("sync", "alpha", "--workers", "3")
    assert first["ok"]
    assert [run["resource"] for run in first["runs"]][:3] == ["locations", "publications", "products"]
    assert len(first["runs"]) == RESOURCES
    for run in first["runs"]:
        parts = ("merged", "unchanged", "quarantined", "duplicate", "ignored")
        assert run["lines_in"] == sum(run[f"lines_{part}"] for part in parts)
        assert run["deletions_judged"] is True
    (products,) = user.rows("SELECT count(*) FROM neanelu.shopify_products WHERE deleted_at IS NULL")
    assert products == (40,)
    stamps = user.rows("SELECT max(updated_at) FROM neanelu.shopify_products")

    again = user.json("sync", SHOP)
    assert again["totals"]["lines_merged"] == 0
    assert again["totals"]["rows_tombstoned"] == 0
    assert user.rows("SELECT max(updated_at) FROM neanelu.shopify_products") == stamps
    assert not list((user.folder / "spool").rglob("*.jsonl"))


def test_the_report_for_people_has_a_row_a_resource_and_the_sum(user: User) -> None:
    done = user.run("sync", "alpha", "--resource", "customers", "--resource", "locations")
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines() if line.strip()]
    assert words[0][:4] == ["RESOURCE", "MODE", "STATUS", "LINES"]
    # in the order of running, whatever the order of asking
    assert [row[0] for row in words[2:5]] == ["locations", "customers", "all"]
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [e["event"] for e in events].count("run completed") == 2
    assert {e["phase"] for e in events if e["event"] == "run phase"} >= {"start", "wait", "send", "merge"}


def test_all_shops_are_brought_in_and_only_the_installed_ones(user: User) -> None:
    assert user.run("shop", "remove", "beta", "--yes").returncode == 0
    document = user.json("sync", "--all", "--resource", "locations")
    assert [run["shop"] for run in document["runs"]] == [SHOP]
    user.add(OTHER)
    document = user.json("sync", "--all", "--resource", "locations")
    assert [run["shop"] for run in document["runs"]] == [SHOP, OTHER]


def test_deletions_and_changes_are_found_by_the_next_snapshot(user: User) -> None:
    user.json("sync", "alpha", "--resource", "products")
    user.box.mutate(SHOP, "deleted", only=(1, 2))
    user.box.mutate(SHOP, "changed", only=(5,), at="2026-11-20T00:00:00Z")
    (run,) = user.json("sync", "alpha", "--resource", "products")["runs"]
    assert run["rows_tombstoned"] >= 2
    assert 0 < run["lines_merged"] < run["lines_in"] / 2
    assert user.rows(
        "SELECT count(*), min(deletion_reason) FROM neanelu.shopify_products WHERE deleted_at IS NOT NULL"
    ) == [(2, "snapshot")]


def test_lines_that_could_be_any_object_keep_the_snapshot_from_judging(user: User) -> None:
    user.json("sync", "alpha", "--resource", "products")
    user.box.mutate(SHOP, "deleted", only=(1,))
    user.box.mutate(SHOP, hostile={"root": "products", "raw": "<html>502</html>"})
    done = user.run("sync", "alpha", "--resource", "products")
    assert done.returncode == 0, done.stderr
    assert "nothing was judged deleted" in done.stdout
    assert "1 lines in quarantine" in done.stdout
    assert user.rows("SELECT count(*) FROM neanelu.shopify_products WHERE deleted_at IS NOT NULL") == [(0,)]


def test_wrong_calls_end_with_2_and_a_hint(user: User) -> None:
    for arguments in (
        ("sync",), ("sync", "alpha", "--all"), ("sync", "nobody"), ("sync", "alpha", "--resource", "cats"),
        ("sync", "alpha", "--watch", "--json"), ("ingest", "alpha", "no-such-file"), ("ingest", "nobody", "-"),
    ):  # fmt: skip
        assert user.run(*arguments).returncode == 2, arguments
    assert "products" in user.run("sync", "alpha", "--resource", "cats").stderr


def test_no_database_ends_with_3(user: User) -> None:
    url = f"host={user.folder} dbname=nothing"
    assert user.run("sync", "alpha", NEANELU_DATABASE_URL=url).returncode == 3
    assert user.json("sync", "alpha", code=3, NEANELU_DATABASE_URL=url)["error"]["code"] == "08006"


def test_a_run_that_fails_ends_with_1_and_says_why(user: User) -> None:
    user.box.runtime(SHOP).grants.revoke()
    done = user.run("sync", "alpha", "--resource", "products")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NS0" in done.stdout
    assert "neanelu runs show" in done.stdout


def test_a_spool_that_cannot_be_written_fails_the_run_and_not_the_command(user: User) -> None:
    document = user.json(
        "sync", "alpha", "--resource", "products", code=1, NEANELU_SYNC_SPOOL_DIR="/dev/null/x"
    )
    assert [(run["status"], run["error_code"]) for run in document["runs"]] == [("failed", "58030")]
    assert "/dev/null/x" in document["runs"][0]["error_message"]


def test_a_root_whose_id_is_too_large_counts_as_a_root(user: User) -> None:
    user.box.mutate(
        SHOP, hostile={"root": "products", "raw": '{"id":"gid://shopify/Product/18446744073709551616"}'}
    )
    document = user.json("sync", "alpha", "--resource", "products")
    assert document["totals"]["lines_quarantined"] == 1
    assert [row["code"] for row in document["runs"][0]["error_codes"]] == ["NS107"]


def test_another_kind_of_run_is_refused_and_the_others_are_done(user: User) -> None:
    (row,) = user.rows("SELECT id FROM neanelu.shops WHERE shopify_domain = %s", SHOP)
    with user.database.connect("neanelu_sync") as connection:
        connection.execute("SELECT sync.request_run(%s, 'locations', 'verify')", [row[0]])
    document = user.json("sync", "alpha", "--resource", "locations", "--resource", "metaobjects", code=1)
    assert [run["resource"] for run in document["runs"]] == ["metaobjects"]
    assert [(e["resource"], e["code"]) for e in document["refused"]] == [("locations", "NS003")]
    assert not document["ok"]


def test_verify_reads_every_line_again(user: User) -> None:
    user.json("sync", "alpha", "--resource", "products")
    # something changed the mirror behind the digests' back
    user.rows(
        "UPDATE neanelu.shopify_products SET title = 'wrong' WHERE legacy_resource_id % 2 = 0 RETURNING id"
    )
    assert user.json("sync", "alpha", "--resource", "products")["totals"]["lines_merged"] == 0
    assert (
        user.json("sync", "alpha", "--resource", "products", "--mode", "verify")["totals"]["lines_merged"] > 0
    )
    assert user.rows("SELECT count(*) FROM neanelu.shopify_products WHERE title = 'wrong'") == [(0,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_gives_runs_back_and_the_next_sync_goes_on(user: User, number: int) -> None:
    for _ in range(3):
        user.box.fault("slow", SHOP, rate=20_000)
    process = user.start("sync", "alpha", "--resource", "products")
    wait_until(lambda: user.rows("SELECT 1 FROM neanelu.bulk_steps WHERE step_name = 'load'") != [])
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    ((run_id, status, holder),) = user.rows("SELECT id, status, leased_by FROM neanelu.bulk_runs")
    assert (status, holder) == ("running", None)
    user.box.clear_faults()
    document = user.json("sync", "alpha", "--resource", "products")
    assert [run["run_id"] for run in document["runs"]] == [str(run_id)]


def test_watch_goes_on_with_incremental_rounds_until_it_is_told_to_stop(user: User) -> None:
    process = user.start("sync", "--all", "--watch", "--resource", "products")

    def modes() -> list[str]:
        rows = user.rows(
            "SELECT r.mode FROM neanelu.bulk_runs AS r JOIN neanelu.shops AS s ON s.id = r.shop_id"
            " WHERE s.shopify_domain = %s AND r.status = 'completed' ORDER BY r.id", SHOP
        )  # fmt: skip
        return [row[0] for row in rows]

    try:
        wait_until(lambda: modes()[:2] == ["snapshot", "incremental"])
        user.box.mutate(SHOP, "changed", only=(5,))
        wait_until(
            lambda: (
                user.rows("SELECT 1 FROM neanelu.bulk_runs WHERE mode = 'incremental' AND rows_updated > 0")
                != []
            )
        )
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert user.rows("SELECT count(*) FROM neanelu.bulk_runs WHERE leased_by IS NOT NULL") == [(0,)]
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert events.count("round") >= 3
    assert events[-1] == "stopped"


def test_watch_does_at_once_what_others_ask_for(user: User) -> None:
    process = user.start(
        "sync", "alpha", "--watch", "--resource", "locations", NEANELU_SYNC_WATCH_SECONDS="3600"
    )
    try:
        wait_until(lambda: user.rows("SELECT 1 FROM neanelu.bulk_runs WHERE status = 'completed'") != [])
        with user.database.connect("neanelu_operator") as connection:
            connection.execute("SELECT sync.request_run(id, 'metaobjects') FROM shops.find('alpha')")
        wait_until(lambda: user.rows("SELECT 1 FROM neanelu.bulk_runs WHERE query_type = 'metaobjects' AND status = 'completed'") != [])  # fmt: skip # noqa: E501
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


# --- ingest -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["plain", "gzip", "stdin", "packed stdin", "gzip without the name"])
def test_a_file_comes_in_however_it_is_given(user: User, how: str) -> None:
    data = products_file(30)
    packed = gzip.compress(data)
    (user.folder / "p.jsonl").write_bytes(packed if how == "gzip without the name" else data)
    (user.folder / "p.jsonl.gz").write_bytes(packed)
    name, stdin = {
        "plain": ("p.jsonl", None), "gzip": ("p.jsonl.gz", None), "stdin": ("-", data),
        "packed stdin": ("-", packed), "gzip without the name": ("p.jsonl", None),
    }[how]  # fmt: skip
    document = user.json("ingest", "alpha", name, stdin=stdin)
    assert document["totals"]["lines_in"] == document["totals"]["lines_merged"] == data.count(b"\n")
    assert user.rows("SELECT count(*) FROM neanelu.shopify_products") == [(30,)]
    assert not list((user.folder / "spool").rglob("*.jsonl"))
    assert (user.folder / "p.jsonl").exists()


def test_a_second_file_marks_what_it_lacks_and_an_incremental_one_does_not(user: User) -> None:
    (user.folder / "all").write_bytes(products_file(30))
    (user.folder / "some").write_bytes(products_file(20))
    user.json("ingest", "alpha", "all")
    assert user.json("ingest", "alpha", "some", "--mode", "incremental")["totals"]["rows_tombstoned"] == 0
    assert user.json("ingest", "alpha", "some")["totals"]["rows_tombstoned"] > 0
    assert user.rows("SELECT count(*) FROM neanelu.shopify_products WHERE deleted_at IS NULL") == [(20,)]


def test_bad_lines_are_shown_and_do_not_stop_the_others(user: User) -> None:
    data = products_file(30)
    bad = b'{"id":"gid://shopify/Product/1","title":"\\u0000"}\n{"id":"gid://shopify/Product/2",\n'
    (user.folder / "p").write_bytes(data + bad)
    done = user.run("ingest", "alpha", "p", "--errors", "1")
    assert done.returncode == 0, done.stderr
    assert "2 lines in quarantine" in done.stdout
    assert f"line {data.count(bytes([10])) + 1}  22P05" in done.stdout
    assert "NS101  Product" not in done.stdout
    document = user.json("ingest", "alpha", "p")
    assert [error["error_code"] for error in document["errors"]] == ["22P05", "NS101"]
    assert document["totals"]["lines_unchanged"] == data.count(b"\n")


def test_a_file_of_something_else_fails_and_nothing_is_merged(user: User) -> None:
    (user.folder / "p").write_bytes(products_file(30))
    document = user.json("ingest", "alpha", "p", "--resource", "customers", code=1)
    assert document["runs"][0]["error_code"] == "NS061"
    assert user.rows("SELECT count(*) FROM neanelu.shopify_customers") == [(0,)]


def test_a_torn_archive_fails_and_leaves_the_way_free(user: User) -> None:
    packed = gzip.compress(products_file(200))
    document = user.json("ingest", "alpha", "-", stdin=packed[: len(packed) // 2], code=1)
    assert document["runs"][0]["status"] == "cancelled"
    assert document["runs"][0]["error_code"] == "NS040"
    assert user.rows("SELECT count(*) FROM neanelu.shopify_products") == [(0,)]
    assert user.json("ingest", "alpha", "-", stdin=packed)["ok"]


def test_an_empty_file_marks_everything_and_is_stopped_by_the_limit(user: User) -> None:
    user.rows(
        "INSERT INTO neanelu.system_config (key, value) VALUES ('sync.max_tombstone_rows', '5') RETURNING key"
    )
    (user.folder / "all").write_bytes(products_file(30))
    (user.folder / "none").write_bytes(b"")
    user.json("ingest", "alpha", "all")
    assert user.json("ingest", "alpha", "none", code=1)["runs"][0]["error_code"] == "NS063"
    assert user.rows("SELECT count(*) FROM neanelu.shopify_products WHERE deleted_at IS NULL") == [(30,)]
    assert user.json("ingest", "alpha", "none", "--allow-mass-delete")["totals"]["rows_tombstoned"] >= 30


def test_an_interrupted_ingest_cancels_its_run(user: User) -> None:
    process = user.start("ingest", "alpha", "-")
    assert process.stdin is not None
    process.stdin.write(products_file(30))
    process.stdin.flush()
    wait_until(lambda: user.rows("SELECT 1 FROM neanelu.bulk_runs WHERE status = 'running'") != [])
    process.send_signal(signal.SIGTERM)
    # the pipe stays open and silent
    assert process.wait(30) == 130
    process.stdin.close()
    assert user.rows("SELECT status FROM neanelu.bulk_runs") == [("cancelled",)]
    assert not list((user.folder / "spool").rglob("*.jsonl"))


def test_a_killed_ingest_does_not_block_the_next_one_for_ever(user: User) -> None:
    process = user.start("ingest", "alpha", "-", NEANELU_SYNC_LEASE_SECONDS="1")
    assert process.stdin is not None
    process.stdin.write(products_file(30))
    process.stdin.flush()
    wait_until(lambda: user.rows("SELECT 1 FROM neanelu.bulk_runs WHERE status = 'running'") != [])
    process.kill()
    process.communicate()
    (user.folder / "p").write_bytes(products_file(30))
    wait_until(lambda: user.run("ingest", "alpha", "p", NEANELU_SYNC_LEASE_SECONDS="1").returncode == 0)
    assert user.rows("SELECT status FROM neanelu.bulk_runs ORDER BY id") == [("cancelled",), ("completed",)]


def test_help_shows_examples() -> None:
    for command in ("sync", "ingest", "demo"):
        done = subprocess.run(
            [sys.executable, "-m", "neanelu", command, "--help"], cwd=REPO, capture_output=True, text=True, check=True
        )  # fmt: skip
        assert "Examples:" in done.stdout
        assert f"neanelu {command}" in done.stdout
