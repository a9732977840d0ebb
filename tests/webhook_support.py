"""What the tests of the receiver share: the real process, the real samples, and deliveries as Shopify signs them."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
from psycopg.conninfo import make_conninfo
from sync_support import KEY_TEXT, KEYS

from neanelu.cli.shop import DEFAULT_SCOPES, register_shop
from neanelu.platform.scratch import Database

SAMPLES = Path(__file__).parent / "data/webhooks"
SECRET = "hush-hush"
PREVIOUS = "what-it-was-before"
_numbers = itertools.count(1)


def samples() -> dict[str, bytes]:
    """Return the sample bodies by topic."""
    return {path.stem.replace("__", "/"): path.read_bytes() for path in sorted(SAMPLES.glob("*.json"))}


def body_of(topic: str = "products/update", **changes: Any) -> bytes:
    """Return a sample's body with a fresh id and changes; a value of None takes the key away."""
    payload = json.loads(samples()[topic])
    own = 7_000_000_000_000_000_000 + next(_numbers) + os.getpid() * 100_000
    if isinstance(payload.get("id"), int):
        payload["id"] = own
        if payload.get("admin_graphql_api_id"):
            payload["admin_graphql_api_id"] = f"{payload['admin_graphql_api_id'].rpartition('/')[0]}/{own}"
    if "inventory_item_id" in payload:
        payload["inventory_item_id"] = own
    payload |= changes
    return json.dumps(
        {name: value for name, value in payload.items() if changes.get(name, "") is not None}
    ).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    """Return the header's value."""
    return base64.b64encode(hmac.new(secret.encode(), body, "sha256").digest()).decode()


def headers(
    body: bytes, domain: str, topic: str | None = "products/update", secret: str = SECRET, **more: str | None
) -> dict[str, str]:
    """Return the headers of a delivery; `more` replaces some (`webhook_id="…"`), or takes them away (None)."""
    names = {
        **({"X-Shopify-Topic": topic} if topic else {}),
        "X-Shopify-Hmac-Sha256": signature(body, secret),
        "X-Shopify-Shop-Domain": domain,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": str(uuid4()),
        "X-Shopify-Event-Id": str(uuid4()),
        "X-Shopify-Triggered-At": "2026-11-20T18:00:27.877041743Z",
        "Content-Type": "application/json",
    }
    for name, value in more.items():
        header = "X-Shopify-" + name.replace("_", "-")
        found = next((known for known in names if known.lower() == header.lower()), header)
        if value is None:
            del names[found]
        else:
            names[found] = value
    return names


def new_shop(database: Database, *, secret: str | None = None) -> tuple[UUID, str]:
    """Register a shop and return its id and domain."""
    domain = f"hooked-{os.getpid()}-{next(_numbers)}.myshopify.com"
    with psycopg.connect(
        database.dsn("neanelu_operator"), autocommit=True, row_factory=psycopg.rows.dict_row
    ) as connection:
        shop_id = register_shop(
            connection, KEYS, domain, "shpat_tested", DEFAULT_SCOPES.split(","), webhook_secret=secret
        )
    return shop_id, domain


class Receiver:
    """A running `neanelu webhooks`."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.log = log
        self.url = f"http://{address}/api/webhooks"
        self.client = httpx.Client(timeout=10.0)

    def post(
        self, body: bytes, domain: str, topic: str | None = "products/update", **more: Any
    ) -> tuple[int, str]:
        """Deliver once and return status and outcome."""
        answer = self.client.post(self.url, content=body, headers=headers(body, domain, topic, **more))
        return answer.status_code, answer.json()["outcome"]

    def get(self, path: str) -> httpx.Response:
        """GET a path."""
        return self.client.get(f"http://{self.address}{path}")

    def figure(self, name: str) -> float:
        """Return the value of one line of /metrics."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return 0.0

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process and those that it started."""
        os.killpg(self.process.pid, number)


def environment(database: Database, **more: str) -> dict[str, str]:
    """Return the environment for commands on a database; `more` are settings without their prefix, in lower case."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEANELU_", "PG"))}
    socket = str(database.cluster.socket_dir)
    return {
        **kept,
        "NEANELU_DATABASE_URL": make_conninfo(host=socket, port=5432, dbname=database.name),
        "NEANELU_ENCRYPTION_KEY": KEY_TEXT,
        "NEANELU_SHOPIFY_CLIENT_SECRET": SECRET,
        "NEANELU_SHOPIFY_CLIENT_SECRET_PREVIOUS": PREVIOUS,
        **{f"NEANELU_{name.upper()}": value for name, value in more.items()},
    }


@contextmanager
def receiver_of(
    database: Database, folder: Path, workers: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Receiver]:
    """Start `neanelu webhooks` in a process group of its own, wait until it is ready, and end it."""
    number = next(_numbers)
    ready, log = folder / f"ready-{number}", folder / f"receiver-{number}.log"
    arguments = ["webhooks", "--port", "0", "--workers", str(workers), "--ready-file", str(ready)]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "neanelu", *arguments],
            env=environment(database, **(settings or {})),
            stderr=errors,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + 30
        address = ""
        while True:
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            if not address and ready.exists():
                address = ready.read_text().strip()
            try:
                if address and httpx.get(f"http://{address}/health/ready", timeout=2.0).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        receiver = Receiver(process, address, log)
        with receiver.client:
            yield receiver
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
