"""Shops of the sandbox as they run: their bulk operations, result files and rate limits."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from structlog.typing import FilteringBoundLogger

from neanelu.sandbox import payloads
from neanelu.sandbox.costs import RESTORE_RATES, TokenBucket
from neanelu.sandbox.deliveries import Courier, Event, Road
from neanelu.sandbox.faults import FaultBook
from neanelu.sandbox.files import Job, parts
from neanelu.sandbox.generator import Edit, Obj, Shop, ShopSpec
from neanelu.sandbox.live import LiveShop
from neanelu.sandbox.live_state import shop_object
from neanelu.sandbox.oauth import App, Clock, Grants, permanent_token
from neanelu.sandbox.projection import Source
from neanelu.sandbox.subscriptions import Subscriptions

#: Seconds for which a result's URL is good after the operation completed.
URL_SECONDS = 604_800
#: First API version with five bulk operations at once and `bulkOperation(id:)`.
FIVE_AT_ONCE = "2026-01"
#: Topic that tells of a bulk operation's end. Where it is subscribed to, operations end without being asked for.
FINISH = "bulk_operations/finish"
#: Seconds between the steps of such an operation.
FINISH_SECONDS = 0.05
#: Shops with more root objects than this have their files made by processes of their own.
BIG = 20_000

_ENDED = frozenset(("COMPLETED", "CANCELED", "FAILED", "EXPIRED"))


def iso(moment: float) -> str:
    """Return a POSIX time as Shopify writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Stopped(Exception):
    """The operation was canceled while its file was being made."""


@dataclass(slots=True)
class Operation:
    """One bulk operation and its file."""

    number: int
    query: str
    root: str
    created_at: float
    folder: Path
    min_polls: int
    status: str = "CREATED"
    error_code: str | None = None
    completed_at: float | None = None
    lines: int = 0
    roots: int = 0
    reported: int | None = None
    size: int | None = None
    etag: str = ""
    partial: bool = False
    ended_by_fault: str | None = None
    produced: threading.Event = field(default_factory=threading.Event)
    polls: int = 0
    url_epoch: int = 0
    downloads: int = 0
    spec: ShopSpec | None = None
    shop: Source | None = None
    failure: str | None = None

    @property
    def gid(self) -> str:
        """The operation's id."""
        return f"gid://shopify/BulkOperation/{self.number}"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.folder / f"{self.number}.jsonl"

    @property
    def ended(self) -> bool:
        """Whether nothing can change any more."""
        return self.status in _ENDED


class ShopRuntime:
    """A running shop.

    Args:
        spec: what it consists of.
        token: its access token; None for one that follows from domain and seed.
        plan: a key of `RESTORE_RATES`.
        shuffled: whether result files lose the order of their lines.
        min_polls: polls before an operation may be COMPLETED.
        url_seconds: for how long URLs are good.
        faults: the sandbox's faults.
        log: where events go.
        app: the app that is installed in the shop.
        clock: the sandbox's time.
        road: what brings its webhooks away.
        live: whether it is a live shop; see `neanelu.sandbox.live`.
        ties: for a live shop: whether changes within a second share their time.
        forget_deleted: for a live shop: whether orders lose references to deleted products.
    """

    def __init__(
        self,
        spec: ShopSpec,
        *,
        token: str | None = None,
        plan: str = "plus",
        shuffled: bool = False,
        min_polls: int = 2,
        url_seconds: float = URL_SECONDS,
        faults: FaultBook,
        log: FilteringBoundLogger,
        app: App | None = None,
        clock: Clock | None = None,
        road: Road | None = None,
        live: bool = False,
        ties: bool = False,
        forget_deleted: bool = True,
    ) -> None:
        self.spec = spec
        self.shop = Shop(spec)
        digest = hashlib.sha256(f"{spec.domain}/{spec.seed}".encode()).hexdigest()
        self.token = token or permanent_token(spec.domain, spec.seed)
        self.clock = clock or Clock()
        app = app or App()
        self.grants = Grants(spec.domain, app, self.clock, self.token)
        self.bucket = TokenBucket(RESTORE_RATES[plan], lambda: time.monotonic() + self.clock.offset)
        self.plan = plan
        self.shuffled = shuffled
        self.min_polls = min_polls
        self.url_seconds = url_seconds
        self.hostile: dict[str, list[bytes]] = {}
        self.faults = faults
        self.log = log.bind(shop=spec.domain)
        self.operations: dict[str, Operation] = {}
        self.lock = threading.RLock()
        self._secret = os.urandom(16)
        self._folder = Path(tempfile.mkdtemp(prefix="neanelu-sandbox-"))
        self._next = 7_600_000_000_000 + int(digest[:6], 16)
        self.subscriptions = Subscriptions(1_000_000_000 + int(digest[:6], 16), self.clock.now)
        self.courier = Courier(app, self.subscriptions, road or Road(), self.log)
        self.live: LiveShop | None = None
        if live:
            nonce = self.courier.nonce
            self.live = LiveShop(
                spec, now=self.clock.now, ties=ties, forget_deleted=forget_deleted, nonce=nonce
            )
            self.live.shop = shop_object(spec, plan)
            self.live.sink = self.courier.send
            self.live.on_uninstall = self._removed

    def close(self) -> None:
        """Stop what is being made and remove the files."""
        with self.lock:
            for operation in self.operations.values():
                if not operation.ended:
                    operation.status = "CANCELED"
        for operation in list(self.operations.values()):
            operation.produced.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def source(self) -> Source:
        """What queries and bulk operations read."""
        return self.live or self.shop

    def shop_object(self) -> Obj:
        """Return the shop's own object."""
        return self.live.shop if self.live is not None else shop_object(self.spec, self.plan)

    def uninstall(self) -> None:
        """Remove the app from the shop: app/uninstalled, then every token is refused and no subscription is left."""
        with self.lock:
            if self.live is not None:
                self.live.uninstall()
                return
            empty = LiveShop(replace(self.spec, products=0, customers=0, orders=0, collections=0, edits=()))
            empty.shop = self.shop_object()
            self.courier.send([self._event("app/uninstalled", payloads.shop_body(empty))])
            self._removed()

    def _removed(self) -> None:
        self.grants.revoke()
        self.subscriptions.clear()
        self.log.info("sandbox.shop.uninstalled")

    def _event(self, topic: str, payload: Obj) -> Event:
        """Return an event that no action of a live shop triggered."""
        moment = self.clock.now()
        at = f"{iso(moment)[:-1]}.{int(moment % 1 * 1e9):09d}Z"
        return Event(topic, self.spec.domain, payload, at, str(uuid.uuid4()))

    def act(self, name: str, arguments: dict[str, Any]) -> Any:
        """Do an action in a live shop; see `LiveShop.act`.

        Raises:
            ValueError: the shop is not live.
        """
        if self.live is None:
            raise ValueError(f"{self.spec.domain} is not live")
        with self.lock:
            result = self.live.act(name, arguments)
            if name == "set_plan":
                self.plan = str(arguments["plan"])
                self.bucket.change(RESTORE_RATES[self.plan])
        return result

    # -- changes -------------------------------------------------------------------------------------------

    def edit(self, edit: Edit) -> None:
        """Change the shop; operations that run already show it as it was."""
        if self.live is not None:
            raise ValueError("a live shop is changed by actions, not by edits")
        with self.lock:
            self.spec = self.spec.with_edit(edit)
            self.shop = Shop(self.spec)
        self.log.info("sandbox.shop.edited", kind=edit.kind, resource=edit.resource, at=edit.at)

    def inject(self, root: str, raw: bytes) -> None:
        """Put raw bytes, line ends included, into a root field's result files from now on."""
        with self.lock:
            self.hostile.setdefault(root, []).append(raw)

    # -- bulk operations -----------------------------------------------------------------------------------

    def running(self) -> list[Operation]:
        """Return the operations that have not ended, oldest first."""
        with self.lock:
            return [o for o in self.operations.values() if not o.ended]

    def start(self, query: str, root: str) -> Operation:
        """Begin a bulk operation on a query that was checked."""
        with self.lock:
            self._next += 2_048
            operation = Operation(
                self._next, query, root, time.time(), self._folder, self.min_polls, spec=self.spec
            )
            operation.shop = self.live.snapshot() if self.live is not None else None
            for name in ("partial", "failed", "expired", "canceled"):
                fault = self.faults.take(name, self.spec.domain, root)
                if fault is not None:
                    operation.ended_by_fault = name
                    operation.error_code = fault.error_code if name in ("partial", "failed") else None
                    break
            wrong = self.faults.take("wrong_count", self.spec.domain, root)
            if wrong is not None:
                operation.reported = wrong.delta
            self.operations[operation.gid] = operation
        self.log.info("sandbox.operation.created", operation=operation.gid, root=root)
        thread = threading.Thread(target=self._produce, args=(operation,), daemon=True, name=f"bulk-{root}")
        thread.start()
        return operation

    def _produce(self, operation: Operation) -> None:
        """Make an operation's file; runs in a thread of its own."""
        began = time.monotonic()
        try:
            self.write_file(operation, operation.spec or self.spec, operation.shop)
        except Stopped:
            pass
        except Exception as error:
            operation.failure = repr(error)
            self.log.exception("sandbox.operation.broken", operation=operation.gid)
        finally:
            operation.produced.set()
        seconds = round(time.monotonic() - began, 3)
        self.log.info(
            "sandbox.operation.produced", operation=operation.gid, lines=operation.lines, seconds=seconds
        )
        if self.subscriptions.matching(FINISH):
            while not operation.ended:
                time.sleep(FINISH_SECONDS)
                self.poll(operation)

    def write_file(self, operation: Operation, spec: ShopSpec, shop: Source | None = None) -> None:
        """Write an operation's file for a state of the shop, and set its counts, size and ETag.

        Raises:
            Stopped: the operation was canceled meanwhile.
        """
        job = Job(spec, operation.query, shuffled=self.shuffled, shop=shop)
        hostile = list(self.hostile.get(operation.root, ()))
        processes = 2 if job.shop.span(job.query.root) > BIG else 1
        digest = hashlib.md5(usedforsecurity=False)
        lines = roots = size = 0
        late: list[bytes] = []
        temporary = operation.path.with_suffix(".part")
        cut = operation.ended_by_fault in ("partial", "canceled")
        stop_at = max(1, len(job.ranges()) // 2)
        with temporary.open("wb") as file:

            def put(data: bytes) -> None:
                nonlocal size
                file.write(data)
                digest.update(data)
                size += len(data)

            made = parts(job, processes, "spawn")
            for number, part in enumerate(made):
                data, count = part.data, part.lines
                if cut and number + 1 == stop_at:
                    kept = part.data.splitlines(keepends=True)
                    kept = kept[: max(1, len(kept) // 2)]
                    data, count = b"".join(kept), len(kept)
                put(data)
                lines += count
                roots += part.roots
                if number == 0:
                    for raw in hostile:
                        put(raw)
                        lines += raw.count(b"\n")
                        roots += sum(b'"__parentId"' not in line for line in raw.split(b"\n")[:-1])
                if operation.status == "CANCELED":
                    raise Stopped
                operation.lines, operation.roots = lines, roots
                if cut and number + 1 == stop_at:
                    break
                late.append(part.late)
            if not cut:
                for data in late:
                    put(data)
        temporary.replace(operation.path)
        operation.lines, operation.roots, operation.size = lines, roots, size
        operation.partial = cut
        operation.etag = f'"{digest.hexdigest()}"'

    def poll(self, operation: Operation) -> None:
        """Let an operation go one step on, as time does at Shopify."""
        with self.lock:
            if operation.ended:
                return
            if operation.status == "CANCELING":
                operation.status = "CANCELED"
                self._tell_end(operation)
                return
            stuck = operation.status == "CREATED" and self.faults.take(
                "stuck_created", self.spec.domain, operation.root
            )
            if stuck:
                return
            operation.polls += 1
            before = operation.status
            operation.status = "RUNNING"
            if operation.polls >= operation.min_polls and operation.produced.is_set():
                operation.status = {
                    None: "COMPLETED",
                    "partial": "FAILED",
                    "failed": "FAILED",
                    "expired": "EXPIRED",
                    "canceled": "CANCELED",
                }[operation.ended_by_fault]
                if operation.failure:
                    operation.status, operation.error_code = "FAILED", "INTERNAL_SERVER_ERROR"
                if operation.status != "CANCELED":
                    operation.completed_at = time.time()
            if operation.status != before:
                self.log.info("sandbox.operation.status", operation=operation.gid, status=operation.status)
            if operation.ended:
                self._tell_end(operation)

    def _tell_end(self, operation: Operation) -> None:
        """Send bulk_operations/finish."""
        if not self.subscriptions.matching(FINISH):
            return
        code = operation.error_code if operation.status == "FAILED" else None
        body = {
            "admin_graphql_api_id": operation.gid,
            "completed_at": self._local(operation.completed_at),
            "created_at": self._local(operation.created_at),
            "error_code": code.lower() if code else None,
            "status": operation.status.lower(),
            "type": "query",
        }
        self.courier.send([self._event(FINISH, body)])

    def _local(self, moment: float | None) -> str | None:
        """Return a time as webhooks write it."""
        if moment is None:
            return None
        zone = ZoneInfo(self.shop_object()["ianaTimezone"])
        return datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")

    def cancel(self, operation: Operation) -> None:
        """Begin to cancel an operation that runs."""
        with self.lock:
            operation.status = "CANCELING"
        self.log.info("sandbox.operation.status", operation=operation.gid, status="CANCELING")

    def as_object(self, operation: Operation, base_url: str) -> Obj:
        """Return an operation with the fields of the Admin API; its counts are strings.

        Args:
            operation: which.
            base_url: scheme, host and port under which the client reached the sandbox.
        """
        done = operation.ended and operation.produced.is_set()
        lines, roots = operation.lines, operation.roots
        if not operation.ended:
            lines, roots = lines // 100 * 100, 0
        if operation.status == "CREATED":
            lines = 0
        if done and operation.reported is not None:
            lines += operation.reported
        url = partial_url = None
        size = operation.size if done else None
        if done and operation.size and operation.status in ("COMPLETED", "CANCELED", "FAILED"):
            signed = self.sign(operation, base_url)
            if operation.status == "FAILED":
                partial_url = signed if operation.partial else None
            else:
                url = signed
        if operation.ended_by_fault in ("failed", "expired") and operation.ended:
            lines = roots = 0
            size = None
        return {
            "__typename": "BulkOperation",
            "id": operation.gid,
            "status": operation.status,
            "errorCode": operation.error_code if operation.status == "FAILED" else None,
            "createdAt": iso(operation.created_at),
            "completedAt": iso(operation.completed_at) if operation.completed_at else None,
            "objectCount": str(lines),
            "rootObjectCount": str(roots),
            "fileSize": str(size) if size else None,
            "url": url,
            "partialDataUrl": partial_url,
            "query": operation.query,
            "type": "QUERY",
        }

    # -- signed URLs ---------------------------------------------------------------------------------------

    def _signature(self, operation: Operation, expires: int, epoch: int) -> str:
        text = f"{operation.number}.{expires}.{epoch}".encode()
        return hmac.new(self._secret, text, "sha256").hexdigest()

    def sign(self, operation: Operation, base_url: str) -> str:
        """Return the URL of an operation's file."""
        expires = int((operation.completed_at or time.time()) + self.url_seconds)
        epoch = operation.url_epoch
        signature = self._signature(operation, expires, epoch)
        name = f"bulk-{operation.number}.jsonl"
        return (
            f"{base_url}/_sandbox/files/{self.spec.domain}/{operation.number}/{name}"
            f"?X-Goog-Algorithm=GOOG4-RSA-SHA256&Expires={expires}&Epoch={epoch}&Signature={signature}"
        )

    def admits(self, operation: Operation, query: dict[str, str]) -> bool:
        """Say whether a file request's signature is right and has not expired."""
        try:
            expires, epoch = int(query["Expires"]), int(query["Epoch"])
        except (KeyError, ValueError):
            return False
        good = hmac.compare_digest(self._signature(operation, expires, epoch), query.get("Signature", ""))
        return good and epoch == operation.url_epoch and time.time() < expires

    def swap_file(self, operation: Operation) -> None:
        """Put another file in the place of an operation's, as if it had been made of a shop that changed."""
        spec = operation.spec or self.spec
        changed = spec.with_edit(Edit("changed", iso(time.time()), _edited(operation.root), 1.0))
        with self.lock:
            lines, roots, size = operation.lines, operation.roots, operation.size
            self.write_file(operation, changed)
            operation.lines, operation.roots, operation.size = lines, roots, size

    def describe(self) -> dict[str, Any]:
        """Return what an operator may want to know of the shop."""
        with self.lock:
            spec = replace(self.spec, edits=())
            return {
                "domain": spec.domain,
                "token": self.token,
                "seed": spec.seed,
                "plan": self.plan,
                "shuffled": self.shuffled,
                "edits": len(self.spec.edits),
                "live": self.live is not None,
                "oauth": self.grants.describe(),
                "subscriptions": len(self.subscriptions.by_id),
                "counts": {
                    name: self.source.count(name)
                    for name in ("products", "customers", "orders", "collections", "metaobjects", "locations")
                },
                "operations": [
                    {
                        "id": o.gid,
                        "root": o.root,
                        "status": o.status,
                        "lines": o.lines,
                        "downloads": o.downloads,
                    }
                    for o in self.operations.values()
                ],
            }


def _edited(root: str) -> str:
    """Return the resource whose edits change what a root field answers."""
    return {
        "inventoryItems": "products",
        "productVariants": "products",
        "metaobjectDefinitions": "metaobjects",
    }.get(root, root)
