"""Planted secrets are looked for in every place where a careless system leaves them; nothing is found.

The real flows run as processes: shops are added and authorised, tokens renewed and refused, keys rotated, settings set,
a bulk run made. Then logs, the server's log, its statistics of statements, what its sessions were doing, the audit log,
the jobs, a dump of everything, and the list of processes are searched for each secret, plain, in hex and in base64.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from oauth_support import CLIENT_SECRET, Desk, desk, environment, new_shop
from sync_support import KEY_TEXT

from neanelu.platform.scratch import Database
from neanelu.sandbox.server import run_in_thread

KEY_2 = base64.b64encode(bytes(range(64, 96))).decode()
PASSWORD = "correct-horse-battery-staple"
HOOK = "hook-secret-0123456789abcdef"
WRONG = "shpat_ffffffffffffffffffffffffffffffff"


def written(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and in the ways that systems write bytes down."""
    data = secret.encode()
    yield secret
    yield data.hex()
    yield quote(secret, safe="")
    for shift in range(3):  # base64 of a text that holds it, wherever it begins
        encoded = base64.b64encode(b"\0" * shift + data).decode()
        yield encoded[{0: 0, 1: 2, 2: 3}[shift] : len(encoded) - 4]


class Sampler(threading.Thread):
    """Looks again and again at what sessions of the database are doing, and at the command lines of processes."""

    def __init__(self, database: Database) -> None:
        super().__init__(daemon=True)
        self.database = database
        self.seen: set[str] = set()
        self.commands: set[str] = set()
        self.done = threading.Event()

    def run(self) -> None:
        children: set[int] = set()
        with desk(self.database) as look:
            while not self.done.wait(0.01):
                rows = look(
                    "SELECT query, application_name FROM pg_stat_activity WHERE datname = current_database()"
                )
                self.seen.update(f"{row['application_name']} {row['query']}" for row in rows)
                for process in psutil.process_iter(["cmdline"]):
                    command = " ".join(process.info["cmdline"] or ())
                    # Ours, and the server's for us: other tests may run beside this one.
                    if process.pid in children or self.database.name in command:
                        self.commands.add(command)
                children = {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.fixture
def sampler(db: Database) -> Iterator[Sampler]:
    made = Sampler(db)
    made.start()
    yield made
    made.done.set()
    made.join()


@pytest.fixture
def look(db: Database) -> Iterator[Desk]:
    with desk(db) as made:
        yield made


def wait_for_file(path: Path, process: subprocess.Popen[str]) -> str:
    until = time.monotonic() + 30
    while not (path.exists() and path.read_text().strip()):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return path.read_text().strip()


def test_no_secret_is_left_anywhere(db: Database, look: Desk, sampler: Sampler, tmp_path: Path) -> None:
    look(
        "SELECT extensions.pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)"
    )
    log_size = db.cluster.log.stat().st_size
    said: list[str] = []
    with run_in_thread() as sandbox:
        plain, installed = new_shop(sandbox), new_shop(sandbox)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEANELU_", "PG"))}
        secret_of = f"1:{KEY_TEXT},2:{KEY_2}"
        env = {
            **kept,
            **environment(db, sandbox),
            "NEANELU_ENCRYPTION_KEY": secret_of,
            "NEANELU_ENCRYPTION_SEALING_VERSION": "1",
            "NEANELU_OAUTH_ADDRESS": "http://127.0.0.1:1",
            "NEANELU_SYNC_SPOOL_DIR": str(tmp_path / "spool"),
        }

        def neanelu(*arguments: str, ends: int = 0, given: str = "", **more: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "neanelu", *arguments],
                input=given, env={**env, **more}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            said.append(done.stdout + done.stderr)
            assert done.returncode == ends, done.stdout + done.stderr
            return done.stdout

        hook = tmp_path / "hook"
        hook.write_text(HOOK)
        neanelu("shop", "add", plain, "--token-file", "-", "--verify", given=WRONG, ends=3)
        neanelu(
            "shop", "add", plain, "--token-file", "-", "--verify", "--webhook-secret-file", str(hook),
            given=sandbox.token(plain),
        )  # fmt: skip
        neanelu("config", "set", "smtp.password", "--sensitive", "--value-file", "-", given=PASSWORD)
        neanelu("config", "list")
        assert neanelu("config", "get", "smtp.password").strip() == "***"

        # The app is installed through the daemon that does it in production, and by a browser.
        ready = tmp_path / "ready"
        receiver = subprocess.Popen(
            [sys.executable, "-m", "neanelu", "webhooks", "--port", "0", "--ready-file", str(ready), "--log-level", "debug"],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            cookies = _install(f"http://{wait_for_file(ready, receiver)}", installed)
        finally:
            receiver.terminate()
            said.append(receiver.communicate(timeout=30)[0])

        # Renewed by the worker; refused once.
        grants = sandbox.runtime(installed).grants
        first = dict(grants.refresh)
        look("UPDATE neanelu.shop_tokens SET access_expires_at = now() + interval '1 minute'")
        look("SELECT shops.sweep_tokens(NULL, '{}')")
        neanelu(
            "worker", "--once", "--queue", "sync", "--port", "0", NEANELU_WORKER_LOG_LEVEL="debug", ends=_ANY
        )
        assert grants.spent == 1
        neanelu(
            "shop",
            "refresh",
            installed,
            "--insist",
            NEANELU_SHOPIFY_CLIENT_SECRET="not-the-client-secret",
            ends=3,
        )
        neanelu("sync", plain, "--resource", "locations")
        neanelu("keys", "rotate", NEANELU_ENCRYPTION_SEALING_VERSION="2")
        neanelu("keys", "status", NEANELU_ENCRYPTION_SEALING_VERSION="2")
        neanelu("shop", "tokens", "--json")
        # A statement that fails is written to the server's log, with its text.
        with pytest.raises(Exception, match="NK012"):
            look("UPDATE neanelu.shops SET webhook_secret = '\\x000000010000'")
        secrets = {
            "permanent token": sandbox.token(plain),
            "wrong token": WRONG,
            "client secret": CLIENT_SECRET,
            "webhook secret": HOOK,
            "setting": PASSWORD,
            "key 1": KEY_TEXT,
            "key 2": KEY_2,
            **{f"access token {n}": token for n, token in enumerate(grants.access)},
            **{f"refresh token {n}": token for n, token in enumerate({**first, **grants.refresh})},
            **{f"cookie {n}": cookie for n, cookie in enumerate(cookies)},
        }
    sampler.done.set()
    sampler.join()
    assert (
        len(secrets) >= 12
        and len(sampler.seen) > 5
        and any("neanelu keys rotate" in c for c in sampler.commands)
    )

    places = {
        "what programs said": "\n".join(said),
        "the server's log": db.cluster.log.read_bytes()[log_size:].decode("utf-8", "replace"),
        "sessions": "\n".join(sampler.seen),
        "processes": "\n".join(sampler.commands),
        "pg_stat_statements": _table(look, "extensions.pg_stat_statements", "query"),
        "the audit log": _table(look, "neanelu.audit_logs"),
        "jobs": _table(look, "neanelu.job_runs"),
        "a dump": subprocess.run(
            [db.cluster.bin("pg_dump"), "--inserts", "--no-sync"],
            env={**os.environ, **db.env()}, capture_output=True, check=True, text=True,
        ).stdout,
    }  # fmt: skip
    for place, text in places.items():
        assert len(text) > 200, place
        for name, secret in secrets.items():
            for form in written(secret):
                assert form not in text, f"{name} in {place}"
    # They were there to be found: sealed in the dump, and opened by nobody.
    assert places["a dump"].count("shprt_") == 0 and installed in places["a dump"]


#: Exit code that does not matter: other jobs of a new shop may fail here.
_ANY = type("Any", (int,), {"__eq__": lambda *_: True, "__hash__": int.__hash__})()


def _table(look: Desk, table: str, column: str = "*") -> str:
    """Return all rows of a table as text."""
    wanted = f"t.{column}" if column != "*" else "to_json(t)::text"
    return "\n".join(str(next(iter(row.values()))) for row in look(f"SELECT {wanted} FROM {table} AS t"))


def _install(address: str, shop: str) -> list[str]:
    """Install the app with a browser; returns the parts of its cookie, and of a forged try."""
    with httpx.Client(follow_redirects=False, timeout=60) as browser:
        begun = browser.get(f"{address}/oauth/start", params={"shop": shop})
        assert begun.status_code == 302, begun.text
        (cookie,) = browser.cookies.jar
        value: Any = cookie.value
        back = httpx.get(begun.headers["location"], timeout=60).headers["location"]
        query = back.partition("?")[2]
        headers = {"Cookie": f"{cookie.name}={value}"}
        forged = httpx.get(f"{address}/oauth/callback?{query}x", headers=headers, timeout=60)
        assert forged.status_code in (400, 401)
        done = httpx.get(f"{address}/oauth/callback?{query}", headers=headers, timeout=60)
        assert done.status_code == 302, done.text
    return value.split(".")
