"""The daemon that asks models: makes pages into text, has requests asked in batches, brings answers back."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from psycopg.rows import DictRow

from neanelu.ai.batch import Claimed, Steps
from neanelu.ai.lease import Lease
from neanelu.ai.metrics import AiMetrics
from neanelu.ai.pages import visible_text
from neanelu.db import sql
from neanelu.db.connection import Connection, connect
from neanelu.db.errors import DatabaseUnavailable, LeaseLost, NeaneluError, TryAgain, translated
from neanelu.observe.health import Health
from neanelu.openai.client import OpenAIClient
from neanelu.settings import Settings, get_settings

log = structlog.get_logger(__name__)

ROLE = "neanelu_ai"
#: Pages whose text is made between two looks at batches.
_PAGES = 10
#: Seconds for which a batch is left alone that cannot go on.
_SET_ASIDE_SECONDS = 300.0
#: Seconds between two looks when there was nothing to do.
_IDLE_SECONDS = 1.0
#: First and longest pause when the database is away, seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
#: Seconds without a look at the database after which the daemon counts as stuck: a step may take a file's time.
_STUCK_SECONDS = 900.0


@dataclass(slots=True)
class Tally:
    """What was done: pages made into text, steps of batches."""

    pages: int = 0
    steps: int = 0


class AiDaemon:
    """Does what is due, for as long as it is told (`run`) or until nothing is left (`run_until_idle`).

    Args:
        settings: instead of the process's own.
        dsn: connect here instead of where the settings say (tests, benchmarks).
        client: of the provider; by default as the settings say.
        metrics: counts; by default in a registry of its own.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        dsn: str | None = None,
        client: OpenAIClient | None = None,
        metrics: AiMetrics | None = None,
    ) -> None:
        self.settings = settings or get_settings()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.metrics = metrics or AiMetrics()
        self.tally = Tally()
        self._dsn = dsn
        self._client = client or OpenAIClient.of(self.settings)
        self._stopping = threading.Event()
        self._connection: Connection | None = None
        self._looked_at = time.monotonic()
        self._is_ready = False

    # --- Life ---------------------------------------------------------------------------------------------
    def stop(self) -> None:
        """End after the step under way; can be called from a signal handler's thread."""
        self._stopping.set()

    def close(self) -> None:
        """Close connections."""
        if self._connection is not None:
            self._connection.close()
        self._client.close()

    def run(self) -> None:
        """Work until `stop`; waits for a database that is away."""
        log.info("daemon starts", daemon=self.name, provider=self.settings.ai_provider)
        if self.settings.ai_lease_seconds <= self.settings.openai_timeout_seconds:
            log.warning("the lease is shorter than a request may take: NEANELU_AI_LEASE_SECONDS")
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                is_done = self.work(self.settings.ai_linger_seconds)
                pause = _FIRST_PAUSE
                if not is_done:
                    self._stopping.wait(min(_IDLE_SECONDS, self.settings.ai_poll_seconds))
            except (DatabaseUnavailable, TryAgain) as error:
                self._is_ready = False
                log.warning(
                    "the database does not answer", error=str(error), again_in_seconds=round(pause, 1)
                )
                self._stopping.wait(pause * (0.5 + random.random() / 2))  # noqa: S311
                pause = min(pause * 2, _LONGEST_PAUSE)
        log.info("daemon stopped", pages=self.tally.pages, steps=self.tally.steps)

    def run_until_idle(self) -> Tally:
        """Work until no page, text or batch is left that does not wait for a budget.

        Raises:
            DatabaseUnavailable: the database is away.
        """
        while not self._stopping.is_set():
            if self.work(86_400.0, text_linger=0.0):
                continue
            self._rows(sql.CLOSE_AI_BATCHES, provider=self.settings.ai_provider)
            left = self._rows(sql.AI_OUTLOOK, provider=self.settings.ai_provider)[0]
            if not (left["pages"] or left["texts"] or left["batches"]):
                break
            self._stopping.wait(min(0.2, self.settings.ai_poll_seconds))
        return self.tally

    def work(self, linger: float, text_linger: float | None = None) -> bool:
        """Do what is due once: pages, texts, one step of a batch. Return whether there was something.

        Args:
            linger: seconds that batches wait for further requests.
            text_linger: the same for texts that wait for vectors.
        """
        pages = self._make_texts(linger)
        self._rows(
            sql.BEGIN_TEXT_BATCH,
            provider=self.settings.ai_provider,
            minimum=1000,
            linger=linger if text_linger is None else text_linger,
        )
        is_stepped = self._step()
        self._looked_at = time.monotonic()
        self._is_ready = True
        return bool(pages) or is_stepped

    # --- Work ---------------------------------------------------------------------------------------------
    def _make_texts(self, linger: float) -> int:
        """Make the texts of some pages and have them asked about; return how many."""
        rows = self._rows(sql.CLAIM_PAGES, limit=_PAGES, lease=self.settings.ai_lease_seconds)
        if not rows:
            return 0
        self._rows(
            sql.QUEUE_EXTRACTIONS,
            ids=[row["extraction_id"] for row in rows],
            texts=[visible_text(row["raw_html"]) for row in rows],
            provider=self.settings.ai_provider,
            model=self.settings.ai_model,
            max_input=self.settings.ai_page_tokens,
            max_output=self.settings.ai_answer_tokens,
            linger=linger,
        )
        self.metrics.pages.inc(len(rows))
        self.tally.pages += len(rows)
        return len(rows)

    def _step(self) -> bool:
        """Do the next step of the batch whose time has come; return whether there was one."""
        rows = self._rows(
            sql.CLAIM_AI_BATCH,
            provider=self.settings.ai_provider,
            worker=self.name,
            lease=self.settings.ai_lease_seconds,
            direct=self.settings.ai_direct_items,
        )
        if not rows:
            return False
        claimed = Claimed(**rows[0])
        connection = self._connected()
        with Lease(self._connect, claimed.batch_id, claimed.token, self.settings.ai_lease_seconds) as lease:
            try:
                with translated():
                    Steps(connection, self._client, self.settings, self.metrics, lease, claimed).do()
            except LeaseLost:
                log.warning("another daemon has the batch", batch=str(claimed.batch_id))
            except (DatabaseUnavailable, TryAgain):
                raise
            except NeaneluError as error:
                self._set_aside(claimed, error)
        self.tally.steps += 1
        return True

    def _set_aside(self, claimed: Claimed, error: NeaneluError) -> None:
        """Give a batch back that cannot go on as it is, so that others can."""
        self.metrics.errors.labels(error.code).inc()
        log.error("a batch cannot go on", batch=str(claimed.batch_id), step=claimed.step, error=str(error))
        self._rows(
            sql.RELEASE_AI_BATCH,
            batch_id=claimed.batch_id,
            token=claimed.token,
            delay=_SET_ASIDE_SECONDS,
            error=str(error),
        )

    # --- The database -------------------------------------------------------------------------------------
    def _connect(self) -> Connection:
        return connect(ROLE, autocommit=True, purpose="ai", dsn=self._dsn, settings=self.settings)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _rows(self, statement: str, **values: Any) -> Sequence[DictRow]:
        """Run one statement in a transaction of its own and return its rows."""
        with translated():
            return self._connected().execute(statement, values).fetchall()

    def health(self) -> Health:
        """Return the answers for the health server."""

        def figures(statement: str, **values: Any) -> list[DictRow]:
            with translated(), self._connect() as connection:
                return connection.execute(statement, values).fetchall()

        self.metrics.add_database(
            lambda: figures(sql.AI_METRICS),
            lambda: figures(sql.AI_BUDGETS, provider=self.settings.ai_provider),
        )
        return Health(
            self.metrics.registry,
            live={"loop": self._check_loop},
            ready={"database": lambda: None if self._is_ready else "the database has not answered yet"},
        )

    def _check_loop(self) -> str | None:
        silent = time.monotonic() - self._looked_at
        return None if silent < _STUCK_SECONDS else f"no look at the database for {silent:.0f} s"


class PortTaken(NeaneluError):
    """The port of health and metrics cannot be had."""

    default_code = "NT031"
    exit_code = 3
