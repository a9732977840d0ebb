"""The loop: texts are collected and claimed, embedded, and their vectors stored. Killed anywhere, the next one goes on.

A claim ends by itself after five minutes; a vector is stored for the text that it was made from or not at all.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog

from neanelu.db import sql
from neanelu.db.errors import NeaneluError, NotFound
from neanelu.embeddings import Embedder, ProviderMissing, as_text, open_embedder
from neanelu.embeddings.remote import MAX_INPUTS, MAX_TOKENS, OpenAIEmbedder
from neanelu.openai.errors import RequestRefused
from neanelu.settings import Settings

log = structlog.get_logger(__name__)

#: Runs one statement in a transaction of its own and returns its rows: Context.rows of a worker, or the like.
Rows = Callable[..., Sequence[Mapping[str, Any]]]
#: Things that one call looks at.
_PAGE = 2000


def find_model(rows: Rows, name: str | None = None) -> Mapping[str, Any]:
    """Return name, provider and dimensions of a model, by default the one in use; raises NotFound (NE001)."""
    found = rows(sql.EMBEDDING_MODEL, model=name)
    if not found:
        raise NotFound(f"there is no model {name!r}", code="NE001", hint="neanelu embeddings models")
    return found[0]


def read_question(rows: Rows, question: str, settings: Settings) -> tuple[str | None, str | None, str | None]:
    """Return the model in use, the vector that it makes of a question, and why there is none where it cannot be had.

    Search goes on by words then: that a model is missing is no reason to find nothing.
    """
    try:
        found = find_model(rows)
        maker = open_embedder(found["name"], found["provider"], found["dimensions"], settings)
        return found["name"], as_text(maker.embed([question])[0]), None
    except (NotFound, ProviderMissing) as error:
        return None, None, f"by words only: {error}"


def collect(rows: Rows, model: str, *, every: timedelta = timedelta(0)) -> dict[str, int]:
    """Queue the texts that need a vector of a model; return how many things were looked at, and texts queued.

    Args:
        rows: see there.
        model: name.
        every: what was looked at within this time is left alone.
    """
    totals: Counter[str] = Counter()
    while True:
        page = rows(sql.COLLECT_DUE, model=model, limit=_PAGE, every=every)[0]
        totals.update(checked=int(page["checked"]), queued=int(page["queued"]))
        if page["is_complete"]:
            return dict(totals)
        every = timedelta(days=36_500)  # from now on only what is under way


class _Polite:
    """An embedder that computes in a thread of low priority, so that whoever else the machine works for comes first."""

    def __init__(self, embedder: Embedder) -> None:
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(1, "embeddings", initializer=self._step_back)

    @staticmethod
    def _step_back() -> None:
        if sys.platform == "linux":  # elsewhere it would be the whole process
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a unit vector a text, in their order."""
        return self._thread.submit(self._embedder.embed, texts).result()


def embed(
    rows: Rows, model: Mapping[str, Any], settings: Settings, *, politely: bool = False
) -> Iterator[dict[str, int]]:
    """Claim, embed and store until no text waits; yields what became of each batch: stored, stale, refused, failed.

    Args:
        rows: see there.
        model: of `find_model`.
        settings: size of a batch, threads, key.
        politely: a local model computes with low priority.

    Raises:
        ProviderMissing: the model cannot be used here.
        NeaneluError: the provider or the database failed; what was claimed waits for another try.
    """
    embedder: Embedder | None = None
    while True:
        texts = rows(
            sql.CLAIM_TEXTS,
            model=model["name"],
            limit=min(settings.embeddings_batch, MAX_INPUTS),
            tokens=MAX_TOKENS,
        )
        if not texts:
            return
        try:
            if embedder is None:
                embedder = open_embedder(model["name"], model["provider"], model["dimensions"], settings)
                if politely and model["provider"] == "local":
                    embedder = _Polite(embedder)
            yield dict(_embed_batch(rows, embedder, model, texts))
        except NeaneluError as error:
            _give_back(rows, texts, error)
            raise


def _embed_batch(
    rows: Rows, embedder: Embedder, model: Mapping[str, Any], texts: Sequence[Mapping[str, Any]]
) -> Counter[str]:
    """Embed and store claimed texts; one that a provider refuses among others is found by halving."""
    ids = [text["custom_id"] for text in texts]
    try:
        if isinstance(embedder, OpenAIEmbedder):
            row = _paid(rows, embedder, model, texts)
        else:
            vectors = [as_text(vector) for vector in embedder.embed([text["content"] for text in texts])]
            row = rows(sql.STORE_VECTORS, custom_ids=ids, vectors=vectors)[0]
    except RequestRefused as error:
        if len(texts) > 1:
            half = len(texts) // 2
            total = _embed_batch(rows, embedder, model, texts[:half])
            total.update(_embed_batch(rows, embedder, model, texts[half:]))
            return total
        rows(sql.FAIL_TEXTS, custom_ids=ids, errors=[str(error)], retry=False)
        return Counter(failed=1)
    return Counter({name: int(row[name]) for name in ("stored", "stale", "refused")})


def _paid(
    rows: Rows, embedder: OpenAIEmbedder, model: Mapping[str, Any], texts: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Reserve what it may cost, ask, and store vectors, cost and the reservation's end in one transaction."""
    bill: dict[str, Any] = {"provider": model["provider"], "model": model["name"]}
    reservation = rows(sql.RESERVE_TEXTS, **bill, tokens=sum(text["tokens"] for text in texts))[0]["id"]
    began = time.monotonic()
    try:
        vectors = embedder.embed([text["content"] for text in texts])
    except BaseException:
        rows(sql.SETTLE_MODEL_BUDGET, reservation=reservation)
        raise
    return rows(
        sql.STORE_PAID_VECTORS,
        **bill,
        reservation=reservation,
        tokens=embedder.tokens,
        milliseconds=round((time.monotonic() - began) * 1000),
        custom_ids=[text["custom_id"] for text in texts],
        vectors=[as_text(vector) for vector in vectors],
    )[0]


def _give_back(rows: Rows, texts: Sequence[Mapping[str, Any]], error: NeaneluError) -> None:
    """Let claimed texts wait for another try, with the reason."""
    try:
        ids = [text["custom_id"] for text in texts]
        rows(sql.FAIL_TEXTS, custom_ids=ids, errors=[str(error)] * len(ids), retry=True)
    except NeaneluError as second:  # their claim ends by itself
        log.warning("texts could not be given back", error=str(second))
