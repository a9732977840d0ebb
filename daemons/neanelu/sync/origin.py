"""Where a run's file comes from: a bulk operation of Shopify, from request to download, or pages of a query."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from psycopg.types.json import Jsonb

from neanelu.db import sql
from neanelu.db.errors import translated
from neanelu.settings import Settings
from neanelu.shopify import documents
from neanelu.shopify.client import ShopifyClient
from neanelu.shopify.errors import OperationInProgress, OperationLost, ShopifyError
from neanelu.sync.fetch import Download, Feed, Pages, Spool
from neanelu.sync.lease import Lease
from neanelu.sync.progress import Progress

log = structlog.get_logger(__name__)


class Origin:
    """Brings one leased run from its request to a feed of bytes.

    Args:
        lease: the run.
        client: the shop's client.
        settings: for the pauses between looks.
        progress: hears of the phases.
        sleep: waits a number of seconds, or raises when the daemon must stop.
        checkpoint: raises when the daemon must stop or lost the run.
    """

    def __init__(
        self,
        lease: Lease,
        client: ShopifyClient,
        settings: Settings,
        progress: Progress,
        sleep: Callable[[float], None],
        checkpoint: Callable[[], None],
    ) -> None:
        self._lease = lease
        self._client = client
        self._settings = settings
        self._progress = progress
        self._sleep = sleep
        self._checkpoint = checkpoint

    def pages(self) -> Feed:
        """Return what feeds a spool with the pages of the resource's query."""
        name = self._lease.run["query_type"]
        return Pages(self._client, documents.load(name), documents.RESOURCES[name].root)

    def operation(self, spool: Path) -> Feed | None:
        """Start or find the bulk operation, wait for its end, and return what feeds the spool; None: given back."""
        run = self._lease.run
        gid: str | None = run["shopify_operation_id"]
        if gid is None:
            Spool(spool).discard()
            gid = self._start()
            if gid is None:
                return None
        operation = self._wait(gid)
        if operation is None:
            Spool(spool).discard()
            return _nothing
        url = operation.get("url") or operation.get("partialDataUrl")
        size = operation.get("fileSize")
        whole = int(size) if operation.get("status") == "COMPLETED" and size is not None else None
        self._progress.phase(run, "fetch", int(size) if size is not None else None)
        run["bytes_expected"] = whole
        run["result_url"] = url

        def current_url(renew: bool) -> str:
            if not renew:
                return str(url_box[0])
            fresh = self._client.operation(gid) or {}
            url_box[0] = fresh.get("url") or fresh.get("partialDataUrl")
            if not url_box[0]:
                raise OperationLost("the bulk operation has no file any more")
            return str(url_box[0])

        url_box = [url]
        return Download(self._client.http, current_url, whole, sleep=self._sleep)

    def _start(self) -> str | None:
        """Ask Shopify for the operation when a slot is free; None when the run was given back to wait."""
        run = self._lease.run
        self._progress.phase(run, "start")
        search = f"updated_at:>'{_shopify_time(run['filter_from'])}'" if run["filter_from"] else None
        document = documents.render(run["query_type"], search)
        if not self._lease.value(sql.RESERVE_OPERATION):
            self._lease.call(sql.RELEASE_RUN, delay=timedelta(seconds=self._settings.sync_poll_seconds))
            return None
        try:
            operation = self._client.start_operation(document)
        except OperationInProgress as error:
            adopted = self._adopt(self._client, error.gids, document)
            if adopted is None:
                log.info("waiting for a bulk operation slot", run_id=str(run["id"]), busy=len(error.gids))
                self._lease.call(
                    sql.RELEASE_RUN,
                    delay=timedelta(seconds=self._settings.sync_poll_seconds * (1 + random.random())),  # noqa: S311
                )
                self._progress.ended(run, "waiting", None)
                return None
            operation = adopted
        gid = str(operation["id"])
        self._lease.call(sql.RECORD_OPERATION, gid=gid, created_at=operation.get("createdAt"))
        run["shopify_operation_id"] = gid
        return gid

    @staticmethod
    def _adopt(client: ShopifyClient, gids: tuple[str, ...], document: str) -> dict[str, Any] | None:
        """Return the operation that a daemon killed between asking and noting it had asked for, if there is one."""
        for gid in gids:
            operation = client.operation(gid)
            if operation is not None and operation.get("query") == document:
                return operation
        return None

    def _wait(self, gid: str) -> dict[str, Any] | None:
        """Poll with growing intervals until the operation has ended; None when it completed without a file."""
        self._progress.phase(self._lease.run, "wait")
        pause = self._settings.sync_poll_seconds
        while True:
            operation = self._client.operation(gid)
            if operation is None:
                raise OperationLost(f"Shopify does not know the bulk operation {gid} any more")
            decision = self._lease.value(sql.RECORD_POLL, operation=Jsonb(operation))
            if decision == "download":
                return operation
            if decision == "empty":
                return None
            if decision == "lost":
                reason = operation.get("errorCode")
                if reason == "ACCESS_DENIED":
                    raise ShopifyError("the token has not the scopes that the bulk query needs", code="NS020")
                raise OperationLost(
                    f"the bulk operation ended as {operation.get('status')} without data"
                    + (f": {reason}" if reason else "")
                )
            self._wait_for_signal(gid, pause)
            pause = min(pause * 1.5, self._settings.sync_poll_max_seconds)

    def _wait_for_signal(self, gid: str, seconds: float) -> None:
        """Wait until the operation is said to have finished (sync.signal_operation), or the time is over."""
        deadline = time.monotonic() + seconds
        with translated():
            self._lease.connection.execute(sql.LISTEN)
            while (left := deadline - time.monotonic()) > 0:
                self._checkpoint()
                for notification in self._lease.connection.notifies(timeout=min(left, 0.5), stop_after=1):
                    if gid in notification.payload:
                        return


def _nothing(spool: Spool) -> Iterator[bytes]:
    """Feed a spool with nothing: the operation completed without a file."""
    return iter(())


def _shopify_time(moment: datetime) -> str:
    """Return a time as Shopify's search takes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
