"""The provider behind the sandbox's OpenAI interface: what it was given, what it answered, and what it billed."""

from __future__ import annotations

import hashlib
import math
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from neanelu.sandbox.openai import reader
from neanelu.sandbox.openai.faults import Faults
from neanelu.sandbox.openai.shapes import (
    MOST_BATCH_BYTES,
    MOST_BATCH_REQUESTS,
    BatchLine,
    BatchRequest,
    ChatRequest,
    EmbeddingRequest,
    Refused,
    check_embedding,
    check_schema,
    parsed,
    tokens,
)

KEY = "sandbox-openai-key"
#: What the provider knows, and how many dimensions a vector of it has at most.
MODELS = {
    "gpt-4.1-mini": 0,
    "gpt-4.1-nano": 0,
    "gpt-4o-mini": 0,
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
}
_ENDED = frozenset({"failed", "completed", "expired", "cancelled"})
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Batch:
    """A batch, and what became of its lines."""

    id: str
    request: BatchRequest
    created_at: int
    status: str = "validating"
    lines: list[BatchLine] = field(default_factory=list)
    polls: int = 0
    done: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    output_file_id: str | None = None
    error_file_id: str | None = None
    ended_at: int | None = None

    def as_object(self) -> dict[str, Any]:
        """Return it as the interface shows it."""
        times = {f"{name}_at": None for name in ("in_progress", "finalizing", *sorted(_ENDED), "cancelling")}
        if self.ended_at is not None:
            times[f"{self.status}_at"] = self.ended_at  # type: ignore[assignment]
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.request.endpoint,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.request.input_file_id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.created_at + 86_400,
            **times,
            "request_counts": {"total": len(self.lines), "completed": self.done, "failed": self.failed},
            "metadata": self.request.metadata,
        }


class Provider:
    """Files, batches and answers of one provider; safe for several threads.

    Args:
        polls: how often a batch is asked for before it is at its end.
        key: that requests must bring; None for any.
    """

    def __init__(self, polls: int = 2, key: str | None = KEY) -> None:
        self.polls = polls
        self.key = key
        self.faults = Faults()
        self.lock = threading.RLock()
        self.files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.batches: dict[str, Batch] = {}
        #: Every execution that was billed: custom_id (or idempotency key, or "") of each, in order.
        self.billed: list[tuple[str, int]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self._dice = random.Random(7)  # noqa: S311
        self._numbers = 0

    def _id(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}{self._numbers:06d}{self._dice.getrandbits(40):010x}"

    def ledger(self) -> dict[str, Any]:
        """Return what was billed: times and tokens of each custom_id, and which were billed more than once."""
        with self.lock:
            times = Counter(name for name, _ in self.billed)
            return {
                "requests": len(self.billed),
                "tokens": sum(count for _, count in self.billed),
                "times": dict(times),
                "twice": sorted(name for name, count in times.items() if count > 1),
            }

    # --- Files --------------------------------------------------------------------------------------------
    def add_file(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        """Keep a file and return its object."""
        if purpose not in ("batch", "batch_output"):
            raise Refused(f"'{purpose}' is not one of ['batch']", "invalid_value", param="purpose")
        if len(content) > MOST_BATCH_BYTES:
            raise Refused("The file is larger than 200 MB", "file_too_large", param="file")
        with self.lock:
            about = {
                "id": self._id("file-"),
                "object": "file",
                "bytes": len(content),
                "created_at": int(time.time()),
                "filename": name,
                "purpose": purpose,
                "status": "processed",
            }
            self.files[str(about["id"])] = (about, content)
            return about

    def file(self, file_id: str) -> tuple[dict[str, Any], bytes]:
        """Return a file's object and content; raises Refused."""
        with self.lock:
            if file_id not in self.files:
                raise Refused(f"No such File object: {file_id}", "not_found", 404, "id")
            return self.files[file_id]

    def delete_file(self, file_id: str) -> dict[str, Any]:
        """Delete a file; raises Refused."""
        with self.lock:
            self.file(file_id)
            del self.files[file_id]
            return {"id": file_id, "object": "file", "deleted": True}

    # --- Answers ------------------------------------------------------------------------------------------
    def answer(self, endpoint: str, body: Any, name: str = "", key: str | None = None) -> dict[str, Any]:
        """Answer one request and bill it.

        Args:
            endpoint: `/v1/embeddings` or `/v1/chat/completions`.
            body: as it came.
            name: what it is billed under.
            key: idempotency key: the same one gets the same answer, billed once.

        Raises:
            Refused: the request is none, or a fault says so.
        """
        with self.lock:
            if key is not None and key in self.answers:
                return self.answers[key]
            made = self._embed(body) if endpoint == "/v1/embeddings" else self._chat(body)
            self.billed.append((name or key or "", made["usage"]["total_tokens"]))
            if key is not None:
                self.answers[key] = made
            return made

    @staticmethod
    def check(endpoint: str, body: Any) -> str:
        """Return the model that a request asks; raises Refused when the request is none."""
        request: EmbeddingRequest | ChatRequest
        if endpoint == "/v1/embeddings":
            request = parsed(EmbeddingRequest, body)
            check_embedding(request)
            most = MODELS.get(request.model, 0)
            if most and request.dimensions and request.dimensions > most:
                raise Refused(f"'dimensions' is larger than {most}", "invalid_value", param="dimensions")
        elif endpoint == "/v1/chat/completions":
            request = parsed(ChatRequest, body)
            asked = request.response_format
            if asked is not None and asked.type == "json_schema":
                if asked.json_schema is None:
                    raise Refused(
                        "Missing required parameter: 'response_format.json_schema'",
                        "missing_required_parameter",
                    )
                if asked.json_schema.strict:
                    check_schema(asked.json_schema.schema_)
        else:
            raise Refused(f"Invalid endpoint {endpoint}", "invalid_endpoint")
        is_vector = endpoint == "/v1/embeddings"
        if request.model not in MODELS or bool(MODELS[request.model]) != is_vector:
            message = f"The model '{request.model}' does not exist or you do not have access to it."
            raise Refused(message, "model_not_found", 404, "model")
        return request.model

    def _embed(self, body: Any) -> dict[str, Any]:
        self.check("/v1/embeddings", body)
        request = parsed(EmbeddingRequest, body)
        inputs = check_embedding(request)
        size = request.dimensions or MODELS[request.model]
        used = sum(tokens(text) for text in inputs)
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": n, "embedding": vector(text, size)}
                for n, text in enumerate(inputs)
            ],
            "model": request.model,
            "usage": {"prompt_tokens": used, "total_tokens": used},
        }

    def _chat(self, body: Any) -> dict[str, Any]:
        self.check("/v1/chat/completions", body)
        request = parsed(ChatRequest, body)
        messages = [message.model_dump() for message in request.messages]
        asked = request.response_format.json_schema if request.response_format else None
        page = reader.page_of(messages)
        found = orjson.dumps(reader.read(messages, asked.schema_)).decode() if asked else page[:200]
        content, refusal, reason = self._spoilt(found, page)
        sent = sum(tokens(str(message["content"])) for message in messages)
        received = tokens(content or refusal or "x")
        return {
            "id": self._id("chatcmpl-"),
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request.model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": refusal},
                    "logprobs": None,
                    "finish_reason": reason,
                }
            ],
            "usage": {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received},
        }

    def _spoilt(self, content: str, page: str) -> tuple[str | None, str | None, str]:
        """Return content, refusal and reason of the end, spoilt by the fault that waits for this page."""
        take = self.faults.take
        if take("refusal", "chat", page):
            return None, "I'm sorry, I can't assist with that.", "stop"
        if take("cut_off", "chat", page):
            return content[: len(content) // 2], None, "length"
        if take("not_json", "chat", page):
            return "Sure! Here is the product: **" + content[:80], None, "stop"
        if take("wrong_schema", "chat", page):
            return '{"fields": {"title": "x"}, "extra": [1, 2]}', None, "stop"
        if take("invented", "chat", page):
            made = {"value": "Invented 9000", "confidence": 0.99}
            return (
                orjson.dumps(
                    {
                        "fields": [
                            {"name": "brand", "snippet": "by the famous Invented 9000 company", **made},
                            {"name": "model", "snippet": page[:40], **made},
                        ],
                        "attributes": [{"name": "Colour", "snippet": "Colour: Invented 9000", **made}],
                    }
                ).decode(),
                None,
                "stop",
            )
        if take("obedient", "chat", page):
            answer = orjson.loads(content)
            line = next((line for line in page.splitlines() if "ignore" in line.lower()), page[:60]).strip()
            word = (line.split() or ["x"])[-1].strip(".")
            for name in ("internal_sku", "data_quality_level", "trust_score"):
                answer["fields"].append({"name": name, "value": word, "snippet": line, "confidence": 1})
            return orjson.dumps(answer).decode(), None, "stop"
        return content, None, "stop"

    # --- Batches ------------------------------------------------------------------------------------------
    def create_batch(self, body: Any) -> dict[str, Any]:
        """Begin a batch and return its object; raises Refused."""
        request = parsed(BatchRequest, body)
        with self.lock:
            about, _ = self.file(request.input_file_id)
            if about["purpose"] != "batch":
                raise Refused("The file's purpose is not 'batch'", "invalid_purpose", param="input_file_id")
            batch = Batch(self._id("batch_"), request, int(time.time()))
            self.batches[batch.id] = batch
            return batch.as_object()

    def batch(self, batch_id: str) -> Batch:
        """Return a batch; raises Refused."""
        with self.lock:
            if batch_id not in self.batches:
                raise Refused(f"No batch found with id '{batch_id}'.", "not_found", 404, "id")
            return self.batches[batch_id]

    def poll(self, batch_id: str) -> dict[str, Any]:
        """Let a batch go one step on, and return its object."""
        with self.lock:
            batch = self.batch(batch_id)
            self._step(batch)
            return batch.as_object()

    def page(self, limit: int, after: str | None) -> dict[str, Any]:
        """Return a page of the batches, the newest first."""
        with self.lock:
            found = [batch.as_object() for batch in reversed(self.batches.values())]
        ids = [batch["id"] for batch in found]
        start = ids.index(after) + 1 if after in ids else 0
        data = found[start : start + limit]
        return {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": start + limit < len(found),
        }

    def cancel(self, batch_id: str) -> dict[str, Any]:
        """Ask for a batch's end; raises Refused when it has ended."""
        with self.lock:
            batch = self.batch(batch_id)
            if batch.status in _ENDED:
                raise Refused(f"Cannot cancel a batch with status '{batch.status}'.", "invalid_state", 409)
            batch.status = "cancelling"
            return batch.as_object()

    def _step(self, batch: Batch) -> None:
        batch.polls += 1
        if batch.status == "validating":
            self._validate(batch)
        elif batch.status == "cancelling":
            self._run(batch, "cancelled", 0.5 if batch.polls > 2 else 0.0)
        elif batch.status in ("in_progress", "finalizing") and batch.polls >= self.polls:
            if batch.status == "in_progress" and batch.polls < self.polls + 1 and self.polls > 2:
                batch.status = "finalizing"
                return
            expired = self.faults.take("expire", "batches")
            self._run(batch, "expired" if expired else "completed", expired.share if expired else 1.0)

    def _validate(self, batch: Batch) -> None:
        """Read the lines; the batch has failed when one is none."""
        _, content = self.file(batch.request.input_file_id)
        models: set[str] = set()
        seen: set[str] = set()
        for number, raw in enumerate(content.splitlines(), 1):
            try:
                line = parsed(BatchLine, orjson.loads(raw))
                if line.custom_id in seen:
                    raise Refused(f"The custom_id {line.custom_id} is there twice.", "duplicate_custom_id")
                if line.url != batch.request.endpoint:
                    raise Refused("The URL differs from the batch's endpoint.", "mismatched_endpoint")
                seen.add(line.custom_id)
                models.add(str(line.body.get("model")))
                batch.lines.append(line)
            except orjson.JSONDecodeError:
                batch.errors.append(
                    {
                        "code": "invalid_json_line",
                        "message": "This line is not JSON.",
                        "line": number,
                        "param": None,
                    }
                )
            except Refused as error:
                batch.errors.append(
                    {"code": error.code, "message": error.message, "line": number, "param": error.param}
                )
        if not batch.errors and not batch.lines:
            batch.errors.append(
                {"code": "empty_file", "message": "The file is empty.", "line": None, "param": None}
            )
        if len(batch.lines) > MOST_BATCH_REQUESTS:
            batch.errors.append(
                {
                    "code": "too_many_requests",
                    "message": "More than 50000 requests.",
                    "line": None,
                    "param": None,
                }
            )
        if len(models) > 1:
            batch.errors.append(
                {
                    "code": "mismatched_model",
                    "message": "All requests must ask one model.",
                    "line": None,
                    "param": None,
                }
            )
        if not batch.errors and self.faults.take("token_limit_exceeded", "batches"):
            message = "Enqueued token limit reached. Please try again once some in_progress batches have been completed."
            batch.errors.append(
                {"code": "token_limit_exceeded", "message": message, "line": None, "param": None}
            )
        batch.status = "failed" if batch.errors else "in_progress"
        batch.ended_at = int(time.time()) if batch.errors else None

    def _run(self, batch: Batch, status: str, share: float) -> None:
        """Do the first share of the requests in any order, and end the batch."""
        order = list(batch.lines)
        self._dice.shuffle(order)
        done = round(len(order) * share)
        take = self.faults.take
        spoilt = (
            {name: take(name, "batches") for name in ("partial", "rejected", "dropped")}
            if status == "completed"
            else {}
        )
        good: list[bytes] = []
        bad: list[bytes] = []
        for number, line in enumerate(order):
            here = number / max(len(order), 1)
            if number >= done:
                if status == "expired":
                    error = {
                        "code": "batch_expired",
                        "message": "This request could not be executed before the completion window expired.",
                    }
                    bad.append(self._line(line, None, None, error))
            elif (fault := spoilt.get("partial")) and here < fault.share:
                bad.append(
                    self._line(
                        line,
                        500,
                        {
                            "error": {
                                "message": "The server had an error.",
                                "type": "server_error",
                                "param": None,
                                "code": "server_error",
                            }
                        },
                    )
                )
            elif (fault := spoilt.get("rejected")) and here < fault.share:
                bad.append(self._line(line, 400, Refused("Not this one.", "invalid_value").body()))
            else:
                try:
                    made = self.answer(line.url, line.body, line.custom_id)
                except Refused as error:
                    bad.append(self._line(line, error.status, error.body()))
                    continue
                if not ((fault := spoilt.get("dropped")) and here < fault.share):
                    good.append(self._line(line, 200, made))
        self._dice.shuffle(good)
        if good and take("bad_line", "batches"):
            good.insert(len(good) // 2, b'{"id": "batch_req_broken", "custom_id": "')
        batch.done, batch.failed, batch.status, batch.ended_at = len(good), len(bad), status, int(time.time())
        if good:
            batch.output_file_id = str(
                self.add_file("output.jsonl", b"\n".join(good) + b"\n", "batch_output")["id"]
            )
        if bad:
            batch.error_file_id = str(
                self.add_file("errors.jsonl", b"\n".join(bad) + b"\n", "batch_output")["id"]
            )

    def _line(self, line: BatchLine, status: int | None, body: Any, error: Any = None) -> bytes:
        """Return a line of an output or error file."""
        response = (
            None if status is None else {"status_code": status, "request_id": self._id("req_"), "body": body}
        )
        return orjson.dumps(
            {"id": self._id("batch_req_"), "custom_id": line.custom_id, "response": response, "error": error}
        )


def vector(text: str, size: int) -> list[float]:
    """Return the unit vector of a text: the same for the same text, near for texts that share words."""
    found = [0.0] * size
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.blake2b(word.encode(), digest_size=32).digest()
        for n in range(0, 32, 4):
            found[int.from_bytes(digest[n : n + 3], "big") % size] += 1.0 if digest[n + 3] & 1 else -1.0
    length = math.sqrt(sum(x * x for x in found))
    if length == 0.0:
        found[0] = length = 1.0
    return [x / length for x in found]
