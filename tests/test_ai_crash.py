"""Daemons killed at random moments: no request is lost, and none is paid for twice."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from ai_support import Models, models_in, page, starter

from neanelu.platform.scratch import Database


@pytest.fixture(scope="module")
def models(module_db: Database) -> Iterator[Models]:
    with models_in(module_db) as made:
        yield made


def left(models: Models) -> int:
    """Return how many pages, texts and batches are not at their end."""
    count: int = models.value(
        "SELECT (SELECT count(*) FROM neanelu.ai_extractions WHERE status IN ('requested', 'queued'))"
        " + (SELECT count(*) FROM neanelu.embedding_items)"
        " + (SELECT count(*) FROM neanelu.ai_batch_runs WHERE next_step_at IS NOT NULL)"
    )
    return count


def test_killed_at_random_moments_nothing_is_lost_and_nothing_paid_twice(models: Models) -> None:
    models.reset()
    dice = random.Random(20261121)
    models.connection.execute("UPDATE neanelu.ai_models SET max_batch_requests = 5")
    for name, options in (
        ("expire", {"share": 0.5}),
        ("lost", {"where": "batches", "times": 2}),
        ("partial", {"share": 0.3}),
        ("429", {"where": "batches", "seconds": 0.05, "times": 2}),
        ("slow", {"where": "/batches", "seconds": 0.15, "times": 3}),
        ("slow", {"where": "/files", "seconds": 0.15, "times": 3}),
        ("cut", {"after_bytes": 4000}),
    ):
        models.provider.faults.add(name, **options)
    documents = models.request([page(number) for number in range(50)])
    models.connection.execute(
        "SELECT ai.request_vectors(array_agg('text ' || n), 'text-embedding-3-small') FROM generate_series(1, 30) AS n"
    )
    start = starter(models)
    daemons = [start() for _ in range(2)]
    kills = 0
    deadline = time.monotonic() + 60
    while left(models):
        assert time.monotonic() < deadline, models.rows("SELECT * FROM ai.list_batches()")
        time.sleep(dice.uniform(0.1, 0.9) if kills < 10 else 0.1)
        if kills < 10:
            daemons.pop(dice.randrange(2)).kill()
            daemons.append(start())
            kills += 1
        # What waits for its time or its lease is not waited for: a killed daemon's second counts in full.
        models.connection.execute(
            "UPDATE neanelu.ai_batch_runs SET next_step_at = now() WHERE next_step_at > now() + interval '1 second'"
        )
        models.connection.execute(
            "UPDATE neanelu.embedding_items SET available_at = now() WHERE status = 'pending' AND available_at > now()"
        )
    for daemon in daemons:
        daemon.kill()
        daemon.join()
    assert kills >= 5
    sessions = models.sessions()
    assert sorted(session[0] for session in sessions) == sorted(documents)  # each once
    assert {session[2] for session in sessions} == {None}
    assert models.value("SELECT count(*) FROM neanelu.embedding_texts") == 30
    models.assert_paid_once(80)


def test_killed_while_the_provider_is_creating_the_batch_the_next_one_finds_it(models: Models) -> None:
    models.reset()
    models.provider.faults.add("slow", where="/batches", seconds=0.8)
    models.request([page(number) for number in range(5)])
    models.connection.execute("SELECT ai.close_batches('openai')")
    start = starter(models)
    first = start()
    deadline = time.monotonic() + 20
    while not models.provider.files:
        models.connection.execute("SELECT ai.close_batches('openai')")
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)  # uploaded; its request for the batch is on the way
    first.kill()
    first.join()
    assert models.rows("SELECT status FROM ai.list_batches()") == ["submitting"]
    second = start()
    while left(models):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second.kill()
    second.join()
    assert len(models.provider.batches) == 1
    models.assert_paid_once(5)
