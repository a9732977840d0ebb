"""Webhook deliveries of a shop: signed, retried, and disturbed on demand.

An `Event` is what happened; each subscription to its topic makes a `Delivery` of it, whose body and webhook id stay the same
through all tries. A receiver that does not answer 2xx within 5 s is tried again up to 8 times with growing waits,
`RETRY_SECONDS` times `retry_scale`. Nothing is promised about order.

`Disturbance` says what goes wrong on purpose, each by probability from a seed: duplicates (the same webhook id once more),
replays (a fresh id over the same body), drops (never sent), reordering (each delivery up to so many seconds late), the secret
that signs, a rate that is not exceeded, and `hold`: deliveries wait until `release` sends them in the order that is given.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

import orjson
from structlog.typing import FilteringBoundLogger

from neanelu.sandbox.oauth import App
from neanelu.sandbox.posting import Poster
from neanelu.sandbox.subscriptions import PRIVACY_TOPICS, Subscriptions

#: Waits before the second to the ninth try: eight retries within four hours.
RETRY_SECONDS = (10, 30, 90, 300, 900, 1800, 3600, 7200)

Secret = Literal["current", "previous", "mixed", "wrong"]


def encode(payload: Any) -> bytes:
    """Return a payload's bytes as Shopify writes them: slashes and HTML's signs escaped."""
    text = orjson.dumps(payload)
    for sign, escaped in ((b"/", b"\\/"), (b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        text = text.replace(sign, escaped)
    return text


def signature(secret: str, body: bytes) -> str:
    """Return the header `X-Shopify-Hmac-Sha256` of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a shop.

    Attributes:
        topic: `products/update`.
        shop: the shop's domain.
        payload: the body before it is encoded.
        triggered_at: when, in UTC with nine digits of a second; grows from event to event of one shop.
        event_id: of the merchant's action, which may trigger several events.
    """

    topic: str
    shop: str
    payload: dict[str, Any]
    triggered_at: str
    event_id: str

    @property
    def body(self) -> bytes:
        """The encoded payload."""
        return encode(self.payload)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one address."""

    event: Event
    webhook_id: str
    address: str
    version: str
    body: bytes
    subscription: str | None = None

    def headers(self, secret: str) -> dict[str, str]:
        """Return the headers, signed."""
        return {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": self.event.topic,
            "X-Shopify-Hmac-Sha256": signature(secret, self.body),
            "X-Shopify-Shop-Domain": self.event.shop,
            "X-Shopify-API-Version": self.version,
            "X-Shopify-Webhook-Id": self.webhook_id,
            "X-Shopify-Event-Id": self.event.event_id,
            "X-Shopify-Triggered-At": self.event.triggered_at,
        }


@dataclass(slots=True)
class Disturbance:
    """What goes wrong with deliveries on purpose.

    Attributes:
        duplicates: share of the deliveries that are sent once more with the same webhook id.
        replays: share that are sent once more under a fresh webhook id.
        drops: share that are never sent.
        reorder: each delivery leaves up to so many seconds late.
        secret: which secret signs; `mixed` draws between current and previous, `wrong` is neither.
        rate: most deliveries that leave in a second; None for no limit.
        hold: deliveries wait for `release`.
        retry_scale: factor of `RETRY_SECONDS`.
        seed: of the draws.
    """

    duplicates: float = 0.0
    replays: float = 0.0
    drops: float = 0.0
    reorder: float = 0.0
    secret: Secret = "current"  # noqa: S105
    rate: float | None = None
    hold: bool = False
    retry_scale: float = 0.001
    seed: int = 1

    def changed(self, values: dict[str, Any]) -> Disturbance:
        """Return this with other values (TypeError for a name that is none)."""
        unknown = set(values) - {f.name for f in fields(self)}
        if unknown:
            raise TypeError(f"a disturbance has no {', '.join(sorted(unknown))}")
        return replace(self, **values)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a delivery: status of the answer, or None with what went wrong."""

    topic: str
    webhook_id: str
    number: int
    status: int | None
    error: str | None
    at: float


@dataclass(slots=True)
class Courier:
    """Brings one shop's deliveries to their addresses; works in the event loop of `Road`.

    Attributes:
        nonce: makes webhook ids unlike those of another sandbox; with a fixed one they are the same in each run.
        attempts: the latest tries.
        counts: deliveries that were `sent` (handed in), `delivered`, `retried` (tries beyond the first), `given_up`,
            `dropped`, `duplicated`, `replayed`.
        held: deliveries that wait for `release`.
        pending: deliveries under way.
    """

    app: App
    subscriptions: Subscriptions
    road: Road
    log: FilteringBoundLogger
    nonce: str = field(default_factory=lambda: str(time.time_ns()))
    disturbance: Disturbance = field(default_factory=Disturbance)
    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=100_000))
    counts: Counter[str] = field(default_factory=Counter)
    held: list[Delivery] = field(default_factory=list)
    pending: int = 0
    _made: int = 0
    _next_at: float = 0.0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    def disturb(self, **values: Any) -> Disturbance:
        """Change what goes wrong from now on; names as in `Disturbance`; without any, nothing does."""
        self.disturbance = self.disturbance.changed(values) if values else Disturbance()
        if "seed" in values or not values:
            self._random.seed(self.disturbance.seed)
        return self.disturbance

    def prepare(self, events: Iterable[Event]) -> list[Delivery]:
        """Return one delivery for each event and subscription to its topic; privacy topics go to the app's own address."""
        made = []
        for event in events:
            if event.topic in PRIVACY_TOPICS:
                address = self.app.privacy_uri or next(
                    (s["uri"] for s in self.subscriptions.by_id.values()), self.app.last_uri
                )
                if address:
                    made.append(Delivery(event, self._id(), address, self.app.version, event.body))
                continue
            for known in self.subscriptions.matching(event.topic):
                self.app.last_uri = known["uri"]
                wanted = known["includeFields"]
                payload = {k: v for k, v in event.payload.items() if not wanted or k in wanted}
                made.append(
                    Delivery(
                        event,
                        self._id(),
                        known["uri"],
                        known["apiVersion"]["handle"],
                        encode(payload),
                        known["id"],
                    )
                )
        return made

    def _id(self) -> str:
        """Return a webhook id that follows from the nonce and how many were made."""
        self._made += 1
        digest = hashlib.blake2b(f"{self.nonce}/{self._made}".encode(), digest_size=16).digest()
        return str(uuid.UUID(bytes=digest, version=4))

    def send(self, events: Iterable[Event]) -> None:
        """Deliver events, as disturbed as was asked for; returns at once."""
        made = self.prepare(events)
        if self.disturbance.hold:
            self.held.extend(made)
        elif made:
            self._go([d for one in made for d in self._disturbed(one)])

    def _disturbed(self, one: Delivery) -> list[Delivery]:
        draw, wish = self._random.random, self.disturbance
        if wish.drops and draw() < wish.drops:
            self.counts["dropped"] += 1
            return []
        out = [one]
        if wish.duplicates and draw() < wish.duplicates:
            self.counts["duplicated"] += 1
            out.append(one)
        if wish.replays and draw() < wish.replays:
            self.counts["replayed"] += 1
            out.append(replace(one, webhook_id=self._id()))
        return out

    def release(self, order: Sequence[int] | None = None) -> int:
        """Send what was held, in the order given by positions (some may be missing or repeated); return how many."""
        held, self.held = self.held, []
        chosen = held if order is None else [held[n] for n in order]
        self._go(chosen)
        return len(chosen)

    def _go(self, chosen: list[Delivery]) -> None:
        now, wish = time.monotonic(), self.disturbance
        starts = []
        for _ in chosen:
            at = now + (self._random.random() * wish.reorder if wish.reorder else 0.0)
            if wish.rate:
                self._next_at = max(self._next_at, now) + 1 / wish.rate
                at += self._next_at - now
            starts.append(at)
        with self._changed:
            self.pending += len(chosen)
            self.counts["sent"] += len(chosen)
        for one, at in zip(chosen, starts, strict=True):
            self.road.run(self._deliver(one, at, self._secret()))

    def _secret(self) -> str:
        kind = self.disturbance.secret
        if kind == "mixed":
            kind = "previous" if self._random.random() < 0.5 else "current"
        if kind == "previous":
            return self.app.previous_secret or self.app.client_secret
        return self.app.client_secret if kind == "current" else "no secret of the app"

    async def _deliver(self, one: Delivery, at: float, secret: str) -> None:
        """Try one delivery until it is answered 2xx or the tries are used up."""
        try:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            headers = one.headers(secret)
            for number, wait in enumerate((*RETRY_SECONDS, None), 1):
                if await self._try(one, headers, number):
                    self.counts["delivered"] += 1
                    return
                if wait is None:
                    break
                self.counts["retried"] += 1
                await asyncio.sleep(wait * self.disturbance.retry_scale)
            self.counts["given_up"] += 1
            self.log.info("sandbox.webhook.given_up", topic=one.event.topic, webhook=one.webhook_id)
        finally:
            with self._changed:
                self.pending -= 1
                self._changed.notify_all()

    async def _try(self, one: Delivery, headers: dict[str, str], number: int) -> bool:
        status = error = None
        try:
            async with self.road.places:
                status = await self.road.poster.post(one.address, headers, one.body)
        except (OSError, TimeoutError, ValueError) as problem:
            error = f"{type(problem).__name__}: {problem}"
        self.attempts.append(
            Attempt(one.event.topic, one.webhook_id, number, status, error, time.monotonic())
        )
        self.log.info(
            "sandbox.webhook", topic=one.event.topic, webhook=one.webhook_id, status=status, error=error
        )
        return status is not None and 200 <= status < 300

    def drain(self, seconds: float = 30.0) -> bool:
        """Wait until no delivery is under way; say whether that came about in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.pending == 0, seconds)

    def describe(self) -> dict[str, Any]:
        """Return how deliveries go."""
        return {
            "pending": self.pending,
            "held": len(self.held),
            **dict(self.counts),
            "disturbance": asdict(self.disturbance),
        }


class Road:
    """A thread with an event loop on which all couriers of a sandbox work.

    Args:
        concurrency: most deliveries under way at once.
    """

    def __init__(self, concurrency: int = 32) -> None:
        self.poster = Poster()
        self.places = asyncio.Semaphore(concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._under_way: set[Future[None]] = set()

    def run(self, work: Any) -> None:
        """Start a coroutine; the thread begins with the first."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, daemon=True, name="webhooks").start()
        future: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)

    def close(self) -> None:
        """Stop; what is under way is given up."""
        loop, self._loop = self._loop, None
        if loop is None:
            return

        async def stop() -> None:
            own = asyncio.current_task()
            others = [t for t in asyncio.all_tasks() if t is not own]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self.poster.close()

        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)


Sink = Callable[[list[Event]], None]
