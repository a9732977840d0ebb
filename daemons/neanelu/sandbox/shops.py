"""Shops of the sandbox as they run: their bulk operations, result files and rate limits."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from neanelu.sandbox.faults import FaultBook
from neanelu.sandbox.files import Job, parts
from neanelu.sandbox.generator import Edit, Obj, Shop, ShopSpec
from neanelu.sandbox.oauth import App, Clock, Grants, permanent_token

#: Seconds for which a result's URL is good after the operation completed.
URL_SECONDS = 604_800
#: GraphQL points restored a second, by the shop's plan; the bucket holds twenty times as much.
RESTORE_RATES = {"standard": 100, "advanced": 200, "plus": 1000, "enterprise": 2000}
#: First API version with five bulk operations at once and `bulkOperation(id:)`.
FIVE_AT_ONCE = "2026-01"
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


class TokenBucket:
    """Shopify's leaky bucket of GraphQL points.

    Args:
        rate: points restored a second.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.maximum = rate * 20
        self.available = self.maximum
        self._at = time.monotonic()

    def refill(self) -> float:
        """Restore what time gave back and return what is available."""
        now = time.monotonic()
        self.available = min(self.maximum, self.available + (now - self._at) * self.rate)
        self._at = now
        return self.available

    def status(self) -> dict[str, float]:
        """Return `throttleStatus`, a float and two ints as Shopify mixes them."""
        return {
            "maximumAvailable": float(self.maximum),
            "currentlyAvailable": int(self.refill()),
            "restoreRate": float(self.rate),
        }


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
    ) -> None:
        self.spec = spec
        self.shop = Shop(spec)
        digest = hashlib.sha256(f"{spec.domain}/{spec.seed}".encode()).hexdigest()
        self.token = token or permanent_token(spec.domain, spec.seed)
        self.clock = clock or Clock()
        self.grants = Grants(spec.domain, app or App(), self.clock, self.token)
        self.bucket = TokenBucket(RESTORE_RATES[plan])
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

    def close(self) -> None:
        """Stop what is being made and remove the files."""
        with self.lock:
            for operation in self.operations.values():
                if not operation.ended:
                    operation.status = "CANCELED"
        for operation in list(self.operations.values()):
            operation.produced.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def uninstall(self) -> None:
        """Remove the app from the shop: every token is refused from now on."""
        self.grants.revoke()
        self.log.info("sandbox.shop.uninstalled")

    # -- changes -------------------------------------------------------------------------------------------

    def edit(self, edit: Edit) -> None:
        """Change the shop; operations that run already show it as it was."""
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
            self.write_file(operation, self.spec if operation.spec is None else operation.spec)
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

    def write_file(self, operation: Operation, spec: ShopSpec) -> None:
        """Write an operation's file for a state of the shop, and set its counts, size and ETag.

        Raises:
            Stopped: the operation was canceled meanwhile.
        """
        job = Job(spec, operation.query, shuffled=self.shuffled)
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
                "counts": {
                    name: self.shop.count(name)
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
