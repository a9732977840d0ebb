"""A cheap sender of deliveries: raw sockets, requests made beforehand, a process of its own.

Reads a job as JSON from standard input and prints one with what was answered. Not a measurement by itself: see webhooks.py.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hmac
import json
import random
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, cast

import uvloop

SAMPLES = Path(__file__).parent.parent / "tests/data/webhooks"
#: topic -> share of the traffic; what a busy shop sends: mostly stock, then products and orders.
MIX = {
    "inventory_levels/update": 0.45,
    "products/update": 0.25,
    "orders/updated": 0.15,
    "customers/update": 0.10,
    "orders/create": 0.05,
}


def requests(count: int, shops: list[str], secret: bytes, duplicates: float, seed: int) -> list[bytes]:
    """Return deliveries of the mix, every one an object of its own; of `duplicates` a share comes again with the same id."""
    chance = random.Random(seed)
    samples = {
        topic: json.loads((SAMPLES / f"{topic.replace('/', '__')}.json").read_bytes()) for topic in MIX
    }
    types = {"products": "Product", "orders": "Order", "customers": "Customer"}
    made: list[bytes] = []
    again: deque[bytes] = deque()
    for number in range(count):
        if again and chance.random() < duplicates:
            made.append(again.popleft())
            continue
        topic = chance.choices(list(MIX), list(MIX.values()))[0]
        payload = dict(samples[topic])
        own = seed * 10_000_000_000 + number
        if topic.startswith("inventory"):
            payload["inventory_item_id"] = own
            payload["admin_graphql_api_id"] = f"gid://shopify/InventoryLevel/1?inventory_item_id={own}"
        else:
            payload["id"] = own
            payload["admin_graphql_api_id"] = f"gid://shopify/{types[topic.split('/')[0]]}/{own}"
        payload["updated_at"] = "2026-11-20T10:00:00-05:00"
        payload.pop("order_status_url", None)
        body = json.dumps(payload, separators=(",", ":")).encode()
        signature = base64.b64encode(hmac.digest(secret, body, "sha256")).decode()
        head = (
            "POST /api/webhooks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"X-Shopify-Topic: {topic}\r\nX-Shopify-Hmac-Sha256: {signature}\r\n"
            f"X-Shopify-Shop-Domain: {shops[number % len(shops)]}\r\nX-Shopify-API-Version: 2026-10\r\n"
            f"X-Shopify-Webhook-Id: {seed:08x}-{number:012x}\r\nX-Shopify-Event-Id: {number:012x}\r\n"
            f"X-Shopify-Triggered-At: 2026-11-20T15:00:00.123456789Z\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
        again.append(made[-1])
        if len(again) > 200:  # a repetition comes soon, but not at once
            again.popleft()
    return made


class Sender(asyncio.Protocol):
    """One connection that has one request under way."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.began = 0.0
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, began: float) -> None:
        """Send a request whose time counts from `began`."""
        self.began = began
        self.buffer = b""
        assert self.transport is not None
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take the answer; the receiver's end with a brace and a line feed."""
        self.buffer += data
        if self.buffer.endswith(b"}\n"):
            self.load.answered(self, self.buffer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that got no answer."""
        self.load.lost(self)


class Load:
    """Sends requests as fast as they are answered, or at a rate.

    Args:
        requests: in order.
        rate: requests a second by a clock that waits for nobody, or 0 for as fast as answers come.
    """

    def __init__(self, requests: list[bytes], rate: float) -> None:
        self.requests = iter(requests)
        self.total = len(requests)
        self.rate = rate
        self.latencies: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.idle: deque[Sender] = deque()
        self.due: deque[tuple[bytes, float]] = deque()
        self.done = asyncio.Event()

    def answered(self, sender: Sender, answer: bytes) -> None:
        """Record an answer and send what comes next."""
        now = time.perf_counter()
        self.latencies.append(now - sender.began)
        self.outcomes[answer[9:12].decode() + " " + answer.rpartition(b':"')[2][:-3].decode()] += 1
        if len(self.latencies) >= self.total:
            self.done.set()
        elif self.rate:
            if self.due:
                sender.send(*self.due.popleft())
            else:
                self.idle.append(sender)
        else:
            request = next(self.requests, None)
            if request is not None:
                sender.send(request, now)

    def lost(self, sender: Sender) -> None:
        """Count a connection that was closed with a request under way."""
        if not self.done.is_set():
            self.outcomes["lost"] += 1
            self.done.set()

    async def run(self, host: str, port: int, connections: int) -> dict[str, Any]:
        """Send everything and return what became of it."""
        loop = asyncio.get_running_loop()
        senders = [
            (await loop.create_connection(lambda: Sender(self), host, port))[1] for _ in range(connections)
        ]
        gc.collect()
        gc.disable()
        began = time.perf_counter()
        if self.rate:
            self.idle.extend(senders)
            for number, request in enumerate(self.requests):
                at = began + number / self.rate
                pause = at - time.perf_counter()
                if pause > 0.0005:
                    await asyncio.sleep(pause)
                if self.idle:
                    self.idle.popleft().send(request, at)
                else:
                    self.due.append((request, at))
        else:
            for sender in senders:
                request = next(self.requests, None)
                if request is not None:
                    sender.send(request, time.perf_counter())
        await self.done.wait()
        seconds = time.perf_counter() - began
        ordered = sorted(self.latencies)
        return {
            "seconds": seconds,
            "answers": len(ordered),
            "outcomes": dict(self.outcomes),
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[int(len(ordered) * 0.99)],
            "max": ordered[-1],
        }


def main() -> None:
    """Do the job of standard input."""
    job = json.loads(sys.stdin.read())
    made = requests(job["count"], job["shops"], job["secret"].encode(), job["duplicates"], job["seed"])
    host, port = job["address"].rsplit(":", 1)
    result = uvloop.run(Load(made, job["rate"]).run(host, int(port), job["connections"]))
    print(json.dumps({**result, "bytes": sum(map(len, made)), "distinct": len(set(made))}))


if __name__ == "__main__":
    main()
