"""The steps of one batch: upload and create, look for it after a crash, poll, fetch the answers, or ask one by one.

What the database knows decides; the daemon may be killed between any two lines. Before anything is sent the batch is
`submitting` in the database, and the provider's batch carries our id in its metadata: so the next daemon finds what the
dead one created, instead of paying for it twice.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from psycopg.types.json import Jsonb

from neanelu.ai.lease import Lease
from neanelu.ai.metrics import AiMetrics
from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.openai.client import OpenAIClient
from neanelu.openai.errors import KeyRefused, ProviderBusy, ProviderError, ProviderUnreachable, RequestRefused
from neanelu.settings import Settings

log = structlog.get_logger(__name__)

#: Key of our batch's id in the provider's metadata.
METADATA: Final = "neanelu_batch"
#: Answers that are taken in one transaction, and lines that are fetched at once for uploading.
_CHUNK, _LINES = 200, 2000
#: Requests that are asked at a time where they are asked one by one.
_AT_ONCE = 4
#: Batches of the provider that are looked through for ours.
_LOOKED_THROUGH = 5000


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch as ai.claim_batch gave it."""

    batch_id: UUID
    token: UUID
    kind: str
    step: str
    model: str
    endpoint: str
    provider_batch_id: str | None
    input_file_id: str | None
    output_file_id: str | None
    error_file_id: str | None
    provider_status: str | None
    attempt: int


@dataclass(slots=True)
class Answers:
    """Answers on their way into the database: parallel lists."""

    custom_ids: list[str] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    bodies: list[str | None] = field(default_factory=list)
    errors: list[str | None] = field(default_factory=list)

    def add(self, custom_id: str, status: int | None, body: str | None, error: str | None) -> None:
        """Add one."""
        self.custom_ids.append(custom_id)
        self.statuses.append(status)
        self.bodies.append(body)
        self.errors.append(error)


class Steps:
    """Does the next step of a claimed batch.

    Args:
        connection: autocommit, as neanelu_ai.
        client: of the provider.
        settings: intervals.
        metrics: counts.
        lease: keeps the batch.
        claimed: the batch.
    """

    def __init__(
        self,
        connection: Connection,
        client: OpenAIClient,
        settings: Settings,
        metrics: AiMetrics,
        lease: Lease,
        claimed: Claimed,
    ) -> None:
        self._connection = connection
        self._client = client
        self._settings = settings
        self._metrics = metrics
        self._lease = lease
        self._batch = claimed
        self._held = {"batch_id": claimed.batch_id, "token": claimed.token}
        self._log = log.bind(batch=str(claimed.batch_id), step=claimed.step)

    def do(self) -> None:
        """Do the step; what the provider refuses or fails at is told to the database, and tried again by it or not.

        Raises:
            LeaseLost: another daemon has the batch.
            DatabaseUnavailable: the database is away; the lease runs out.
        """
        step = self._batch.step
        try:
            if step in ("submit", "recover"):
                self._submit(look_first=step == "recover")
            elif step == "direct":
                self._ask_directly()
            elif step == "cancel":
                self._client.cancel_batch(str(self._batch.provider_batch_id))
                self._poll()
            elif step == "poll":
                self._poll()
            else:
                self._take(self._batch.output_file_id, self._batch.error_file_id)
        except ProviderUnreachable as error:
            # What was sent last may still arrive: the next look comes when it has, or never will.
            unsure = step in ("submit", "recover")
            pause = (
                self._settings.ai_lease_seconds if unsure else min(5.0, self._settings.ai_poll_max_seconds)
            )
            self._release(pause, error)
        except ProviderBusy as error:
            self._release(min(error.pause or 30.0, 3600.0), error)
        except KeyRefused as error:
            self._release(300.0, error)
        except RequestRefused as error:
            self._refused(error)
        except ProviderError as error:
            self._release(60.0, error)

    def _call(self, statement: str, **values: Any) -> Any:
        """Call a function about the batch and return the first row."""
        cursor = self._connection.execute(statement, {**self._held, **values})
        return cursor.fetchone()

    def _release(self, delay: float, error: ProviderError) -> None:
        self._metrics.errors.labels(error.code).inc()
        self._log.warning("the provider did not do it", error=str(error), again_in_seconds=delay)
        self._call(sql.RELEASE_AI_BATCH, delay=delay, error=str(error))

    def _refused(self, error: RequestRefused) -> None:
        """The provider says that it will never do it: what can be begun anew is, the rest has failed."""
        self._metrics.errors.labels(error.code).inc()
        if self._batch.step in ("submit", "recover") and error.status == 404 and self._batch.input_file_id:
            self._call(sql.RECORD_AI_UPLOAD, file_id=None)
            self._release(0.0, error)
            return
        self._log.error("the provider refuses the batch", error=str(error))
        self._call(
            sql.FAIL_AI_BATCH,
            code=error.reason or f"http_{error.status}",
            message=error.message,
            backoff=self._settings.ai_backoff_seconds,
            permanent=True,
        )

    # --- Submitting ---------------------------------------------------------------------------------------
    def _submit(self, *, look_first: bool) -> None:
        made = self._find() if look_first else None
        if made is None:
            file_id = self._batch.input_file_id or self._upload()
            self._lease.confirm(self._connection)
            made = self._client.create_batch(
                file_id, self._batch.endpoint, {METADATA: str(self._batch.batch_id)}
            )
        self._call(
            sql.RECORD_AI_SUBMITTED,
            provider_batch_id=str(made["id"]),
            expires_at=made.get("expires_at"),
            next=self._settings.ai_poll_seconds,
        )
        self._metrics.batches.labels(self._batch.kind, "submitted").inc()
        self._log.info("batch submitted", provider_batch=made["id"], found=look_first)

    def _find(self) -> dict[str, Any] | None:
        """Return the provider's batch of this one, if a daemon before us created it; further ones are cancelled."""
        ours = str(self._batch.batch_id)
        found: list[dict[str, Any]] = []
        for number, batch in enumerate(self._client.batches()):
            if (batch.get("metadata") or {}).get(METADATA) == ours:
                found.append(batch)
            if number >= _LOOKED_THROUGH:
                break
        alive = [b for b in found if b.get("status") not in ("failed", "cancelled", "cancelling")] or found
        alive.sort(key=lambda b: (b.get("created_at") or 0, str(b.get("id"))))
        for batch in alive[1:]:
            self._log.warning("a second batch for the same requests is cancelled", provider_batch=batch["id"])
            self._client.cancel_batch(str(batch["id"]))
        return alive[0] if alive else None

    def _upload(self) -> str:
        """Write the requests to a file, upload it, and return the provider's id of it."""
        with tempfile.TemporaryDirectory(prefix="neanelu-ai-") as folder:
            path = Path(folder) / "requests.jsonl"
            with path.open("wb") as file:
                for custom_id, body in self._lines():
                    line = {"custom_id": custom_id, "method": "POST", "url": self._batch.endpoint}
                    file.write(orjson.dumps(line)[:-1] + b',"body":' + body.encode() + b"}\n")
            self._lease.check()
            file_id = str(self._client.upload(path, f"neanelu-{self._batch.batch_id}.jsonl")["id"])
        self._call(sql.RECORD_AI_UPLOAD, file_id=file_id)
        return file_id

    def _lines(self) -> Iterator[tuple[str, str]]:
        """Yield custom_id and body of the requests that have no answer yet."""
        after = ""
        while True:
            rows = self._connection.execute(
                sql.AI_BATCH_LINES, {**self._held, "after": after, "limit": _LINES}
            ).fetchall()
            for row in rows:
                after = row["custom_id"]
                yield after, row["body"]
            if len(rows) < _LINES:
                return

    # --- At the provider ----------------------------------------------------------------------------------
    def _poll(self) -> None:
        seen = self._client.batch(str(self._batch.provider_batch_id))
        decision = self._call(
            sql.RECORD_AI_POLL,
            provider=Jsonb(
                {name: seen.get(name) for name in ("status", "output_file_id", "error_file_id", "errors")}
            ),
            first=self._settings.ai_poll_seconds,
            longest=self._settings.ai_poll_max_seconds,
            backoff=self._settings.ai_backoff_seconds,
        )["decision"]
        self._log.debug("batch looked at", status=seen.get("status"), decision=decision)
        if decision == "take":
            self._take(seen.get("output_file_id"), seen.get("error_file_id"))
        elif decision == "failed":
            self._metrics.batches.labels(self._batch.kind, "failed").inc()
            self._log.warning("the provider did not take the batch", errors=seen.get("errors"))

    def _take(self, *files: str | None) -> None:
        """Fetch the answers and give them to the database, chunk by chunk; then the batch is at its end."""
        for file_id in filter(None, files):
            self._store(self._answers(file_id))
        self._finish()
        for file_id in filter(None, (self._batch.input_file_id, *files)):
            with contextlib.suppress(ProviderError):
                self._client.delete_file(file_id)

    def _finish(self) -> None:
        status = self._call(sql.FINISH_AI_BATCH, backoff=self._settings.ai_backoff_seconds)["status"]
        self._metrics.batches.labels(self._batch.kind, status).inc()
        self._log.info("batch at its end", status=status)

    def _answers(self, file_id: str) -> Iterator[tuple[str, int | None, str | None, str | None]]:
        """Yield custom_id, HTTP status, body and error of the lines of a file; what is no such line is left out."""
        for raw in self._client.lines(file_id):
            try:
                line = orjson.loads(raw)
                custom_id, response = line["custom_id"], line.get("response") or {}
                error = (line.get("error") or {}).get("code")
                body = response.get("body")
                status = response.get("status_code")
                if not isinstance(custom_id, str) or not isinstance(status, int | None):
                    raise TypeError
                if error is None and status != 200 and isinstance(body, dict):
                    error = (body.get("error") or {}).get("code") or (body.get("error") or {}).get("type")
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                self._metrics.errors.labels("NT108").inc()
                self._log.warning("a line of answers is none", bytes=len(raw))
                continue
            yield (
                custom_id,
                status,
                None if body is None else orjson.dumps(body).decode(),
                None if error is None else str(error),
            )

    def _store(self, answers: Iterable[tuple[str, int | None, str | None, str | None]]) -> None:
        """Give answers to the database in chunks."""
        waiting = Answers()
        for answer in answers:
            waiting.add(*answer)
            if len(waiting.custom_ids) >= _CHUNK:
                self._flush(waiting)
                waiting = Answers()
        if waiting.custom_ids:
            self._flush(waiting)

    def _flush(self, answers: Answers) -> None:
        self._lease.check()
        row = self._call(
            sql.TAKE_AI_RESULTS,
            custom_ids=answers.custom_ids,
            statuses=answers.statuses,
            bodies=answers.bodies,
            errors=answers.errors,
        )
        self._metrics.answers.labels(self._batch.kind).inc(row["taken"])

    # --- One by one ---------------------------------------------------------------------------------------
    def _ask_directly(self) -> None:
        """Ask each request by itself; the custom_id is its idempotency key, each answer is kept at once."""

        def ask(line: tuple[str, str]) -> tuple[str, int | None, str | None, str | None]:
            custom_id, body = line
            try:
                answer = self._client.ask(self._batch.endpoint, body.encode(), key=custom_id)
            except RequestRefused as error:
                said = orjson.dumps({"error": {"message": error.message}}).decode()
                return custom_id, error.status, said, error.reason or "refused"
            return custom_id, 200, orjson.dumps(answer).decode(), None

        lines = list(self._lines())
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ask") as pool:
            for start in range(0, len(lines), _AT_ONCE):
                self._lease.check()
                asked = [pool.submit(ask, line) for line in lines[start : start + _AT_ONCE]]
                answers, broken = Answers(), None
                for future in asked:
                    try:
                        answers.add(*future.result())
                    except ProviderError as error:
                        broken = error
                if answers.custom_ids:
                    self._flush(answers)
                if broken is not None:
                    raise broken
        self._finish()
