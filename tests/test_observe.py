"""Health and figures of daemons over HTTP: honest when something fails, and never in anybody's way."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from neanelu.observe.health import LIVE, METRICS, READY, Health, HealthServer
from neanelu.observe.metrics import RowsCollector, new_registry


class Told:
    """Checks that say what they are told."""

    def __init__(self) -> None:
        self.live: str | None = None
        self.ready: str | None = None

    def broken(self) -> str | None:
        raise RuntimeError("cannot tell")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def server(told: Told) -> Iterator[HealthServer]:
    registry = new_registry()
    Counter("seen", "Things seen", registry=registry).inc(3)
    health = Health(registry, live={"loop": lambda: told.live}, ready={"database": lambda: told.ready})
    with HealthServer(health) as running:
        yield running


def get(server: HealthServer, path: str, **headers: str) -> tuple[int, str, str]:
    request = urllib.request.Request(f"http://{server.host}:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def test_ready_depends_on_more_than_live(server: HealthServer, told: Told) -> None:
    assert get(server, LIVE)[0] == get(server, READY)[0] == 200
    told.ready = "the database is away"
    assert get(server, LIVE)[0] == 200
    status, kind, body = get(server, READY)
    assert (status, kind) == (503, "application/json")
    assert json.loads(body) == {
        "status": "failing", "checks": {"loop": "ok", "database": "the database is away"}
    }  # fmt: skip
    told.live = "the loop hangs"
    assert get(server, LIVE)[0] == 503
    assert "the loop hangs" in get(server, READY)[2]


def test_a_check_that_breaks_has_failed() -> None:
    answer = Health(new_registry(), live={"broken": Told().broken}).answer(LIVE)
    assert answer.status == 503
    assert b"RuntimeError: cannot tell" in answer.body


def test_figures_come_in_the_format_that_is_asked_for(server: HealthServer) -> None:
    status, kind, body = get(server, METRICS)
    assert status == 200 and kind.startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(body)}
    assert families["seen"].samples[0].value == 3
    assert "process_resident_memory_bytes" in families
    kind = get(server, METRICS, Accept="application/openmetrics-text; version=1.0.0")[1]
    assert kind.startswith("application/openmetrics-text")


def test_other_paths_and_methods_are_refused(server: HealthServer) -> None:
    assert get(server, "/")[0] == get(server, "/health")[0] == 404
    assert get(server, LIVE + "?verbose=1")[0] == 200
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{LIVE}", method="POST", data=b"x")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 501


def test_a_client_that_says_nothing_keeps_nobody_waiting(server: HealthServer) -> None:
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    assert get(server, LIVE)[0] == 200
    for connection in silent:
        connection.close()


def samples(registry: CollectorRegistry) -> dict[tuple[str, tuple[Any, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in registry.collect() for sample in family.samples
    }  # fmt: skip


def test_rows_become_gauges_and_sums() -> None:
    asked = 0

    def fetch() -> list[dict[str, Any]]:
        nonlocal asked
        asked += 1
        return [{"name": "a", "size": 3, "age": None}, {"name": "b", "size": 4, "age": 2.5}]

    registry = CollectorRegistry()
    registry.register(
        RowsCollector(
            "things", fetch,
            {"thing_size": ("size", "Size"), "thing_age": ("age", "Age")}, {"thing": "name"},
            {"things_size": ("size", sum, "Sum"), "things_age": ("age", max, "Oldest")}, ttl=60,
        )
    )  # fmt: skip
    assert asked == 0, "the database is not asked before somebody wants to know"
    found = samples(registry)
    assert found == {
        ("things_up", ()): 1, ("thing_size", ("a",)): 3, ("thing_size", ("b",)): 4, ("thing_age", ("b",)): 2.5,
        ("things_size", ()): 7, ("things_age", ()): 2.5,
    }  # fmt: skip
    assert samples(registry) == found and asked == 1


def test_without_the_database_no_old_figure_is_told() -> None:
    def fetch() -> list[dict[str, Any]]:
        raise ConnectionError("away")

    registry = CollectorRegistry()
    registry.register(RowsCollector("things", fetch, {"thing_size": ("size", "Size")}, ttl=0))
    Counter("own", "Own figure", registry=registry).inc()
    found = samples(registry)
    assert found[("things_up", ())] == 0
    assert found[("own_total", ())] == 1
    assert not [name for name, _ in found if name == "thing_size"]
