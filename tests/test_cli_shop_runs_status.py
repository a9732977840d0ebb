"""The commands shop, runs and status, as processes against a database of their own."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog

from neanelu.cli.output import age, exits, number, readable, seconds, size
from neanelu.cli.shop import domain_of
from neanelu.db.errors import InvalidInput
from neanelu.platform.scratch import Database
from neanelu.secrets import KeyRing, OpenError, Sealed, token_place

TOKEN = "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"
KEY = bytes(range(32))

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(db: Database) -> Run:
    """Return `cli(*arguments, input=None, **environment)`: neanelu as a process on the test's database."""
    url = f"host={db.cluster.socket_dir} port=5432 dbname={db.name}"

    def run(
        *arguments: str, input: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        variables = {
            key: value for key, value in os.environ.items() if not key.startswith(("NEANELU_", "PG"))
        }
        variables |= {"NEANELU_DATABASE_URL": url, "NEANELU_ENCRYPTION_KEY": base64.b64encode(KEY).decode()}
        return subprocess.run(
            [sys.executable, "-m", "neanelu", *arguments],
            input=input, capture_output=True, text=True, check=False, env={**variables, **environment},
        )  # fmt: skip

    return run


def _add(cli: Run, name: str = "demo") -> UUID:
    """Add a shop and return its id."""
    done = cli("shop", "add", name, "--token-file", "-", "--json", input=TOKEN)
    assert done.returncode == 0, done.stderr
    return UUID(json.loads(done.stdout)["id"])


def _request(db: Database, shop_id: UUID, resource: str = "products") -> UUID:
    """Request a run and return its id."""
    row = (
        db.connect("neanelu_sync").execute("SELECT sync.request_run(%s, %s)", [shop_id, resource]).fetchone()
    )
    assert row is not None
    found: UUID = row[0]
    return found


def _fail(db: Database, run_id: UUID, code: str = "NS061") -> None:
    """Let a daemon quarantine two lines of a run and fail."""
    connection = db.connect("neanelu_sync")
    row = connection.execute(
        "SELECT lease_token FROM sync.claim_run('test', p_run_id => %s)", [run_id]
    ).fetchone()
    assert row is not None
    token = row[0]
    connection.execute(
        "SELECT sync.quarantine(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            run_id, token, [3, 70_000], ["NS102", "NS101"], ["not UTF-8 at offset 3", "not JSON: [bold]x[/]"],
            [None, "Product"], [None, "gid://shopify/Product/7"], [b"\xff\x00\x1b[31mred", b'{"a": [red]1}'], [12, 13],
        ],
    )  # fmt: skip
    connection.execute("SELECT sync.fail_run(%s, %s, %s, 'too many bad lines')", [run_id, token, code])


def test_a_shop_is_added_listed_renewed_removed_and_brought_back(cli: Run, db: Database) -> None:
    shop_id = _add(cli, "https://Demo.myshopify.com/")
    ring, place = KeyRing({1: KEY}), token_place(shop_id)
    query = "SELECT ciphertext, iv, tag, key_version FROM shops.credentials(%s)"

    def stored() -> Sealed:
        row = db.connect("neanelu_sync").execute(query, [shop_id]).fetchone()
        assert row is not None
        return Sealed(*row)

    first = stored()
    assert ring.open(first, place) == TOKEN.encode()

    done = cli("shop", "add", "demo", "--token-file", "-", "--currency", "eur", input=f"{TOKEN}2\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"demo.myshopify.com updated: {shop_id}" in done.stdout
    assert ring.open(stored(), place) == f"{TOKEN}2".encode()

    listed = json.loads(cli("shop", "list", "--json").stdout)
    assert [(row["id"], row["domain"], row["currency_code"]) for row in listed] == [
        (str(shop_id), "demo.myshopify.com", "EUR")
    ]
    run_id = _request(db, shop_id)
    planned = json.loads(cli("shop", "remove", "demo", "--dry-run", "--json").stdout)
    assert planned["runs_to_cancel"] == [str(run_id)]
    assert stored() is not None

    refused = cli("shop", "remove", "demo", input="n\n")
    assert refused.returncode == 1
    assert json.loads(cli("shop", "list", "--installed", "--json").stdout) != []
    removed = cli("shop", "remove", str(shop_id), "--yes", "--json")
    assert json.loads(removed.stdout)["runs_cancelled"] == 1
    assert json.loads(cli("shop", "list", "--installed", "--json").stdout) == []
    again = cli("shop", "remove", "demo", "--yes")
    assert (again.returncode, "was removed before" in again.stdout) == (0, True)

    assert _add(cli) == shop_id
    with pytest.raises(OpenError):
        ring.open(stored(), token_place(uuid4()))


def test_no_output_and_no_process_list_shows_a_token(cli: Run, db: Database) -> None:
    outputs = []
    for arguments in (
        ["shop", "add", "demo"],
        ["shop", "add", "demo", "--json"],
        ["shop", "add", "nowhere.example"],
    ):
        done = cli(*arguments, "--token-file", "-", input=TOKEN)
        outputs.append(done.stdout + done.stderr)
    failed = cli("shop", "add", "demo", "--token-file", "-", input=TOKEN, NEANELU_ENCRYPTION_KEY="c2hvcnQ=")
    outputs += [failed.stdout + failed.stderr, cli("shop", "list", "--json").stdout]
    assert failed.returncode == 3
    assert "NK001" in failed.stderr
    assert not any(TOKEN in output or "c2hvcnQ" in output for output in outputs)
    logged = db.connect().execute("SELECT string_agg(a::text, '') FROM audit_logs AS a").fetchone()
    assert logged is not None
    assert "demo.myshopify.com" in logged[0]
    assert TOKEN not in logged[0]
    assert TOKEN.encode().hex() not in logged[0]


@pytest.mark.parametrize("token", ["", "  \n", "two words", "line\nbreak", "\x1b[0m", "x" * 5000, "ș"])
def test_what_is_no_token_is_refused(cli: Run, token: str) -> None:
    done = cli("shop", "add", "demo", "--token-file", "-", input=token)
    assert done.returncode == 2
    assert "NH005" in done.stderr
    assert json.loads(cli("shop", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["shop", "add", "demo"], 2, "--token-file"),
        (["shop", "add", "a.b.c", "--token-file", "-"], 2, "NH001"),
        (["shop", "add", "demo", "--token-file", "/nonexistent"], 2, "cannot be read"),
        (["shop", "add", "demo", "--token-file", "-", "--currency", "EURO"], 2, "three letters"),
        (["shop", "add", "demo", "--token-file", "-", "--api-version", "2026-11"], 2, "Shopify's API"),
        (["shop", "add", "demo", "--token-file", "-", "--timezone", "Mars/Base"], 2, "NH004"),
        (["shop", "remove", "nobody", "--yes"], 2, "NH002"),
        (["shop", "remove", "nobody", "--json"], 2, "--yes"),
        (["runs", "list", "--shop", "nobody"], 2, "NH002"),
        (["runs", "list", "--status", "odd"], 2, "odd"),
        (["runs", "show", "not-a-run"], 2, "UUID"),
        (["runs", "show", "0198c0de-0000-7000-8000-000000000000"], 2, "NS004"),
        (["runs", "retry", "0198c0de-0000-7000-8000-000000000000"], 2, "NS004"),
        (["runs", "cancel", "0198c0de-0000-7000-8000-000000000000"], 2, "NS004"),
        (["status", "nobody"], 2, "NH002"),
    ],
)
def test_wrong_calls_say_what_is_wrong_and_exit_with_2(
    cli: Run, arguments: list[str], code: int, says: str
) -> None:
    done = cli(*arguments, input=TOKEN)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_server_or_a_schema_the_exit_code_is_3(cli: Run, db: Database) -> None:
    away = cli("status", NEANELU_DATABASE_URL="host=/nonexistent dbname=x")
    assert away.returncode == 3
    assert "08006" in away.stderr
    bare = f"host={db.cluster.socket_dir} port=5432 dbname=postgres user=postgres"
    undeployed = cli("runs", "list", NEANELU_DATABASE_URL=bare)
    assert undeployed.returncode == 3
    assert "neanelu deploy" in undeployed.stderr
    as_json = cli("runs", "list", "--json", NEANELU_DATABASE_URL=bare)
    assert as_json.returncode == 3
    assert json.loads(as_json.stdout)["error"]["hint"] == "Deploy the schema: neanelu deploy"


def test_status_without_the_embedded_server_says_how_to_start_it(cli: Run, tmp_path: Any) -> None:
    done = cli("status", NEANELU_DATABASE_URL="", NEANELU_HOME=str(tmp_path))
    assert done.returncode == 3
    assert "neanelu server start" in done.stderr


def test_runs_are_listed_shown_retried_and_cancelled(cli: Run, db: Database) -> None:
    assert "no runs yet" in cli("runs", "list").stdout
    one, two = _add(cli, "one"), _add(cli, "two")
    failed, waiting = _request(db, one), _request(db, two, "orders")
    _fail(db, failed)

    listed = json.loads(cli("runs", "list", "--json").stdout)
    assert [row["run_id"] for row in listed] == [str(waiting), str(failed)]
    assert json.loads(cli("runs", "list", "--shop", "one", "--status", "pending", "--json").stdout) == []
    assert [row["status"] for row in json.loads(cli("runs", "list", "--shop", "one", "--json").stdout)] == [
        "failed"
    ]
    table = cli("runs", "list").stdout
    assert re.search(rf"{failed}\s+one\s+products\s+snapshot\s+failed NS061", table)

    shown = json.loads(cli("runs", "show", str(failed), "--json").stdout)
    assert shown["error_code"] == "NS061"
    assert [(row["line_number"], row["error_code"]) for row in shown["errors"]] == [
        (3, "NS102"),
        (70_000, "NS101"),
    ]
    text = cli("runs", "show", str(failed), "--errors", "1").stdout
    assert "\x1b" not in text
    assert r"\xff\x00\x1b[31mred" in text
    assert "line 3  NS102" in text
    assert f"neanelu runs show {failed} --errors 100 --after 3" in text
    assert "[bold]x[/]" in cli("runs", "show", str(failed), "--after", "3").stdout

    retried = json.loads(cli("runs", "retry", str(failed), "--allow-mass-delete", "--json").stdout)
    assert retried["is_new"] is True
    row = (
        db.connect()
        .execute("SELECT allow_mass_delete FROM bulk_runs WHERE id = %s", [retried["run_id"]])
        .fetchone()
    )
    assert row == (True,)
    assert json.loads(cli("runs", "retry", str(waiting), "--json").stdout) == {
        "run_id": str(waiting),
        "is_new": False,
    }

    for _ in range(2):
        assert cli("runs", "cancel", str(waiting)).returncode == 0
    ended = cli("runs", "cancel", str(failed))
    assert ended.returncode == 1
    assert "NS006" in ended.stderr


def test_status_tells_what_needs_a_look(cli: Run, db: Database) -> None:
    assert "shops       none yet" in cli("status").stdout
    good = cli("status", "--check", "--json")
    assert (good.returncode, json.loads(good.stdout)["problems"]) == (0, [])
    shop_id = _add(cli)
    run_id = _request(db, shop_id)
    _request(db, shop_id, "orders")
    _fail(db, run_id)
    db.connect().execute(
        "INSERT INTO shopify_customers (shop_id, shopify_gid, legacy_resource_id, deleted_at, deletion_reason)"
        " SELECT %s, 'gid://shopify/Customer/' || n, n, CASE n WHEN 1 THEN now() END, CASE n WHEN 1 THEN 'snapshot' END"
        " FROM generate_series(1, 3) AS n",
        [shop_id],
    )
    done = cli("status", "demo", "--check", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert len(report["problems"]) == 1
    assert "NS061" in report["problems"][0]
    assert report["runs"]["pending"] == 1
    by_name = {line["resource"]: line for line in report["shops"][0]["resources"]}
    assert by_name["orders"]["active_status"] == "pending"
    assert (by_name["products"]["last_run_status"], by_name["products"]["quarantined"]) == ("failed", 2)
    customers = by_name["customers"]["tables"]
    assert [(row["table_name"], row["live"], row["tombstoned"]) for row in customers] == [
        ("shopify_customers", 2, 1)
    ]
    text = cli("status").stdout
    assert re.search(r"customers .* shopify_customers\s+2\s+1\n", text)
    assert "failed NS061" in text
    assert "shopify_customers" not in cli("status", "--no-counts").stdout


def test_a_role_without_partitions_still_gets_its_status(cli: Run, db: Database) -> None:
    _add(cli)
    url = f"host={db.cluster.socket_dir} port=5432 dbname={db.name} user=neanelu_sync"
    done = cli("status", "--json", NEANELU_DATABASE_URL=url)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["partitions"] is None


@pytest.mark.parametrize("command", ["shop", "shop add", "shop list", "shop remove", "runs", "runs list", "runs show",
                                     "runs retry", "runs cancel", "status"])  # fmt: skip
def test_every_command_has_help_with_examples(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neanelu", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"neanelu {command.split()[0]}" in done.stdout.split("Examples:")[1]


@pytest.mark.parametrize(
    "text", ["demo", " Demo.MyShopify.com", "https://demo.myshopify.com/admin", "demo.myshopify.com/"]
)
def test_a_domain_is_what_was_meant(text: str) -> None:
    assert domain_of(text) == "demo.myshopify.com"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-demo",
        "demo.example.com",
        "x.demo.myshopify.com",
        "https://",
        "de mo",
        "demo.myshopify.com.evil.org",
    ],
)
def test_other_domains_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        domain_of(text)


def test_what_is_logged_is_no_part_of_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    try:
        with exits(as_json=True):
            structlog.get_logger().warning("tried again")
        told = capsys.readouterr()
        assert (told.out, "tried again" in told.err) == ("", True)
    finally:
        structlog.reset_defaults()


def test_figures_are_readable() -> None:
    assert [number(None), number(1234567)] == ["-", "1,234,567"]
    assert [size(999), size(34_100_000), size(2 * 10**12)] == ["999 B", "34.1 MB", "2.0 TB"]
    assert [seconds(0.44), seconds(200), seconds(7500), seconds(90_000)] == [
        "0.4 s",
        "3 min 20 s",
        "2 h 5 min",
        "1 d 1 h",
    ]
    assert age(None) == "never"
    assert readable(b"a\n\xc8\x99\xff\x1b") == "a\\nș\\xff\\x1b"
    assert readable(b"abcdef", 4) == "abc…"
