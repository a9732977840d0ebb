"""The receiver on loopback: `neanelu webhooks --workers 2`, a sender in a process of its own, and PostgreSQL, on the same CPUs.

Three loads, of stock, product, order and customer bodies (3.1 kB on average, tests/data/webhooks) for 50 shops:

- as fast as 64 connections are answered, one request each at a time: deliveries a second, stored and enqueued;
- at half of the target, by a clock that waits for nobody: the time from when a delivery was due to its answer;
- at the same rate with a tenth of the deliveries coming twice: what is stored and enqueued is compared with what was sent.

CPU seconds a delivery are those of receiver and server together; they say what a machine without neighbours would do.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench import frame
from neanelu.platform.scratch import Database

WORKERS = 2
SECRET = "measured-secret"
SHOPS = [f"bench-{number}.myshopify.com" for number in range(1, 51)]
TARGET_RATE = 1500
TARGET_P99 = 0.05
SIZES = {"small": (9_000, 4_500, 4_500, 3), "full": (60_000, 45_000, 45_000, 5)}
FILL = """
INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT uuidv7(), d, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}' FROM unnest(%s::text[]) AS d
"""
KEPT = """
SELECT (SELECT count(*) FROM neanelu.webhook_events), (SELECT count(*) FROM neanelu.job_runs WHERE job_name = 'webhook.process'),
       (SELECT count(DISTINCT payload ->> 'event_id') FROM neanelu.job_runs WHERE job_name = 'webhook.process'),
       (SELECT count(DISTINCT (shop_id, shopify_webhook_id)) FROM neanelu.webhook_events)
"""


@contextmanager
def receiver(database: Database) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start the receiver and yield its address and process."""
    ready = Path(frame.laboratory().files) / "webhooks-ready"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "neanelu", "webhooks", "--port", "0", "--workers", str(WORKERS)]
    process = subprocess.Popen(
        [*command, "--log-level", "error", "--ready-file", str(ready)],
        env={**frame.product_environment(database), "NEANELU_SHOPIFY_CLIENT_SECRET": SECRET},
        start_new_session=True,
    )
    try:
        for _ in range(200):
            if process.poll() is not None:
                raise RuntimeError("the receiver did not start")
            if ready.exists() and len(psutil.Process(process.pid).children()) > WORKERS:
                break
            time.sleep(0.1)
        time.sleep(3.0)
        yield ready.read_text().strip(), process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def load(address: str, count: int, rate: float, seed: int, duplicates: float = 0.0) -> dict[str, Any]:
    """Send deliveries and return what the sender saw; every one must have been answered with 200."""
    job = {
        "address": address,
        "count": count,
        "rate": rate,
        "connections": 64,
        "seed": seed,
        "duplicates": duplicates,
        "secret": SECRET,
        "shops": SHOPS,
    }
    sender = [
        sys.executable,
        "-P",
        str(frame.HERE / "webhook_load.py"),
    ]  # -P: bench/queue.py is not the library's
    result: dict[str, Any] = json.loads(frame.run_process(sender, os.environ, json.dumps(job)).output)
    outcomes = result["outcomes"]
    if result["answers"] != count or not set(outcomes) <= {"200 stored", "200 duplicate"}:
        raise RuntimeError(f"deliveries were not taken: {outcomes}")
    return result


def cpu(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU seconds so far of the receiver's processes and of the server with its backends."""
    total = 0.0
    server = frame.laboratory().cluster.status().pid
    assert server is not None
    for parent in (psutil.Process(process.pid), psutil.Process(server)):
        for one in (parent, *parent.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def run(scale: str) -> list[frame.Figure]:
    """Measure."""
    flood, paced, doubled, rounds = SIZES[scale]
    database = frame.laboratory().create()
    rates: list[float] = []
    costs: list[float] = []
    p99: list[float] = []
    try:
        with psycopg.connect(database.dsn(), autocommit=True) as connection:
            connection.execute(FILL, [SHOPS])
            with receiver(database) as (address, process), frame.steps("webhooks", 2 * rounds + 2) as step:
                step("warm-up")
                load(address, 2_000, 0, 1)
                for number in range(rounds):
                    step(f"flood {number + 1}")
                    connection.execute("CHECKPOINT")
                    before = cpu(process)
                    seen = load(address, flood, 0, 10 + number)
                    costs.append((cpu(process) - before) / flood)
                    rates.append(flood / seen["seconds"])
                    step(f"half load {number + 1}")
                    p99.append(load(address, paced, TARGET_RATE / 2, 20 + number)["p99"])
                step("a tenth twice")
                before_rows = connection.execute(KEPT).fetchone()
                seen = load(address, doubled, TARGET_RATE / 2, 30, duplicates=0.1)
                after_rows = connection.execute(KEPT).fetchone()
                assert before_rows is not None and after_rows is not None
                made = [after - before for before, after in zip(before_rows, after_rows, strict=True)]
        wrong = sum(abs(number - seen["distinct"]) for number in made)
        twice = seen["outcomes"].get("200 duplicate", 0)
        frame.say(f"webhooks: {frame.spread(rates)} /s, p99 {frame.spread(p99)} s, {twice} came twice")
        return [
            frame.figure(
                "webhooks_stored_per_second", statistics.median(rates), "1/s", least=TARGET_RATE, digits=0
            ),
            frame.figure("webhooks_p99_at_half_load", statistics.median(p99), "s", most=TARGET_P99, digits=4),
            frame.figure("webhooks_not_exactly_once", wrong, "deliveries", most=0),
            frame.figure("webhooks_came_twice", twice / doubled, "share"),
            frame.figure("webhooks_cpu_per_delivery", statistics.median(costs) * 1000, "ms"),
        ]
    finally:
        frame.drop(database)
