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
from click.testing import CliRunner

from neanelu.cli import main
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import run_in_thread
from neanelu.sandbox.subscriptions import TOPICS
from neanelu.sandbox.traffic import MIX


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
        "--live",
        "--subscribe",
        "http://127.0.0.1:9/webhooks",
        "--client-secret",
        "given",
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
            assert [(shop["live"], shop["subscriptions"]) for shop in listed] == [(True, len(TOPICS))] * 2
            assert httpx.get(f"http://127.0.0.1:{port}/_sandbox/app").json()["client_secret"] == "given"
            act = {"do": "update_product", "product": 0, "title": "x"}
            url = f"http://127.0.0.1:{port}/_sandbox/shops/one.myshopify.com/live"
            assert httpx.post(url, json=act).status_code == 200
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


def test_traffic_tells_what_it_did_and_ends_when_everything_is_delivered() -> None:
    names = ["one.myshopify.com", "two.myshopify.com"]
    with run_in_thread(
        [ShopSpec(name, products=6, seed=n) for n, name in enumerate(names)], live=True
    ) as box:
        command = ["sandbox", "traffic", *names, "--url", box.url, "--changes", "20", "--rate", "0", "--json"]
        result = CliRunner().invoke(main, [*command, "--mix", "inventory=3,order=1", "--seed", "9"])
        assert result.exit_code == 0, result.output
        told = orjson.loads(result.output)["shops"]
        assert [one["shop"] for one in told] == names
        for one in told:
            assert one["complete"]
            assert sum(one["made"].values()) == one["changes"] == 20
            assert set(one["made"]) <= {"inventory", "order"} < set(MIX)
            assert one["counts"] == box.live(one["shop"]).counts()
        assert CliRunner().invoke(main, [*command, "--mix", "weather=1"]).exit_code == 2
        assert (
            CliRunner().invoke(main, ["sandbox", "traffic", "none.myshopify.com", "--url", box.url]).exit_code
            == 2
        )
        box.runtime(names[0]).subscriptions.add("products/update", "http://127.0.0.1:9/")
        doomed = ["sandbox", "traffic", names[0], "--url", box.url, "--changes", "2", "--mix", "product=1"]
        failed = CliRunner().invoke(main, [*doomed, "--disturb", "retry_scale=0.00001", "--json"])
        assert failed.exit_code == 1
        assert orjson.loads(failed.output)["shops"][0]["deliveries"]["given_up"] == 2
    assert CliRunner().invoke(main, command).exit_code == 3
