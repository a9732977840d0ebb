"""Fixtures: databases cloned from a template that sqitch deployed, and clusters to be killed.

Every test gets a database of its own; nothing here imitates PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Database, Scratch

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def scratch() -> Iterator[Scratch]:
    """The session's throw-away cluster."""
    pool = Scratch()
    pool.open()
    yield pool
    pool.close()


@pytest.fixture
def db(scratch: Scratch) -> Iterator[Database]:
    """A fresh, deployed database for one test; `db.connect("neanelu_sync")` is a connection as that role."""
    database = scratch.create()
    yield database
    scratch.drop(database)


@pytest.fixture(scope="module")
def module_db(scratch: Scratch) -> Iterator[Database]:
    """One deployed database for all tests of a module, which must not disturb each other."""
    database = scratch.create()
    yield database
    scratch.drop(database)


@pytest.fixture
def connect(db: Database) -> Callable[..., psycopg.Connection[Any]]:
    """Return `connect(role=None, autocommit=True)` for the test's own database."""
    return db.connect


@pytest.fixture
def private_cluster(scratch: Scratch) -> Iterator[Callable[..., Cluster]]:
    """A factory of started, deployed clusters that a test may kill; dropped afterwards."""
    made: list[Cluster] = []

    def make(options: Mapping[str, str] | None = None) -> Cluster:
        cluster = scratch.private_cluster(options)
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.drop()


#: Files that take longest, longest first. One process does a file, so these begin first and nobody waits for them at the end.
LONG_FILES = (
    "test_sync_crash",
    "test_cli_sync",
    "test_demo",
    "test_cli_shop_runs_status",
    "test_sync_faults",
    "test_platform",
    "test_sync_damage",
    "test_platform_deploy",
    "test_sync_hostile",
    "test_sync_snapshot",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; the order within a file stays."""
    places = {name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
