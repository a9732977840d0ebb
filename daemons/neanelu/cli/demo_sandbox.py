"""Processes that the demo starts: a sandbox Shopify, and whatever else of ours it needs."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from neanelu.db.errors import ENVIRONMENT, NeaneluError

#: Seconds for a process to answer, and to end when it is told to.
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0


@dataclass(frozen=True)
class DemoShop:
    """A shop of the demo: its domain, how many products, the seed, and lines that no shop should send."""

    domain: str
    products: int
    seed: int
    hostile: tuple[bytes, ...] = ()


class DemoError(NeaneluError):
    """The demo cannot go on."""

    default_code = "DEMO"
    exit_code = ENVIRONMENT


class Processes:
    """Our own commands as processes, which end with the block. Ctrl-C does not reach them: it is for us, and we end them.

    Args:
        folder: where their logs go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Processes:
        """Return the processes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Tell all to stop, and wait until they have; those that do not are killed."""
        for process in self._running:
            with suppress(ProcessLookupError):
                process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in self._running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log_of(self, name: str) -> Path:
        """Return where a process's log is."""
        return self._folder / f"{name}.log"

    def start(
        self, name: str, arguments: Sequence[str], environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `neanelu ARGUMENTS`, with settings beside those of this process."""
        with self.log_of(name).open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "neanelu", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        self._running.append(process)
        return process

    def wait_for(self, name: str, process: subprocess.Popen[bytes], url: str) -> None:
        """Wait until an address of a process answers with 200; raises DemoError with the end of its log."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                httpx.get(url, timeout=2.0).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return
        raise DemoError(f"{name} does not answer at {url}", detail=self.tail(name))

    def tail(self, name: str) -> str | None:
        """Return the end of a process's log."""
        return self.log_of(name).read_text("utf-8", "replace")[-2000:] or None


def free_port(wanted: int = 0) -> int:
    """Return a port of this machine that nobody listens on just now: the wanted one, if that is so."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoError("no port of this machine is free")


class DemoSandbox:
    """A sandbox that runs in a process of its own.

    Attributes:
        url: where it listens; its last part is port.
        tokens: access tokens by domain.
        secret: the app's client secret there.
    """

    def __init__(self, url: str, tokens: dict[str, str], secret: str) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.tokens = tokens
        self.secret = secret
        self._http = httpx.Client(base_url=url, timeout=30.0)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the answer of a control endpoint; with a body it is posted. Raises DemoError."""
        try:
            answer = self._http.get(path) if body is None else self._http.post(path, json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise DemoError(f"the sandbox refused {path}: {error}") from error
        return answer.json()

    def mutate(self, domain: str, change: dict[str, Any]) -> None:
        """Change a shop; raises DemoError."""
        self.ask(f"/_sandbox/shops/{domain}/mutate", change)

    def damage(self, shop: DemoShop) -> None:
        """Put the shop's hostile lines into its file of products."""
        if shop.hostile:
            lines = [
                {"root": "products", "raw_base64": base64.b64encode(line).decode()} for line in shop.hostile
            ]
            self.mutate(shop.domain, {"hostile": lines})

    def add_live(self, shop: DemoShop) -> None:
        """Add a shop that lives."""
        wish = {"domain": shop.domain, "products": shop.products, "seed": shop.seed}
        self.tokens[shop.domain] = self.ask("/_sandbox/shops", {**wish, "live": True, "min_polls": 1})[
            "token"
        ]


@contextmanager
def run_sandbox(shops: Sequence[DemoShop], wanted_port: int = 0) -> Iterator[DemoSandbox]:
    """Run a sandbox with these shops, at this port if it is free; raises DemoError with its log when it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="neanelu-demo-"))
    port, secret = free_port(wanted_port), secrets.token_hex(16)
    url, ready = f"http://127.0.0.1:{port}", folder / "ready.json"
    arguments = ["sandbox", "--port", str(port), "--log-level", "warning"]
    arguments += ["--min-polls", "1", "--ready-file", str(ready)]
    for shop in shops:
        arguments += ["--shop", f"{shop.domain}:{shop.products}:{shop.seed}"]
    try:
        with Processes(folder) as processes:
            process = processes.start("sandbox", arguments, {"NEANELU_SHOPIFY_CLIENT_SECRET": secret})
            processes.wait_for("sandbox", process, f"{url}/_sandbox/health")
            listed = orjson.loads(ready.read_bytes())
            yield DemoSandbox(url, {entry["shop"]: entry["token"] for entry in listed}, secret)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
