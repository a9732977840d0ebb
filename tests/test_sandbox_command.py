"""`neanelu sandbox` serves the shops it is told to, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import orjson


def test_command_serves_its_shops_until_terminated_and_removes_its_files(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ready = tmp_path / "ready.json"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    shops = ["--shop", "one.myshopify.com:7", "--shop", "two.myshopify.com:9:42"]
    command = [
        sys.executable,
        "-m",
        "neanelu",
        "sandbox",
        "--port",
        str(port),
        *shops,
        "--ready-file",
        str(ready),
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(temporary)}
    ) as process:
        try:
            for _ in range(200):
                try:
                    listed = httpx.get(f"http://127.0.0.1:{port}/_sandbox/shops").json()
                    break
                except httpx.ConnectError:
                    assert process.poll() is None, process.stderr.read() if process.stderr else ""
                    time.sleep(0.1)
            counts = {shop["domain"]: (shop["counts"]["products"], shop["seed"]) for shop in listed}
            assert counts == {"one.myshopify.com": (7, 1), "two.myshopify.com": (9, 42)}
            assert ready.stat().st_mode & 0o777 == 0o600
            first = orjson.loads(ready.read_bytes())[0]
            url = first["base_url"].format(shop=first["shop"]) + "/admin/api/2026-10/graphql.json"
            answer = httpx.post(
                url, json={"query": "{ shop { name } }"}, headers={"X-Shopify-Access-Token": first["token"]}
            )
            assert answer.json()["data"]["shop"]["name"] == "One"
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=20)
    assert list(temporary.iterdir()) == []
    events = [orjson.loads(line)["event"] for line in log.splitlines() if line.startswith(b"{")]
    assert "sandbox.graphql" in events
