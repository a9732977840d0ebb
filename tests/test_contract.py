"""A deployed database has what the table contract asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from conftest import REPO

from neanelu.platform.scratch import Database

CONTRACT = REPO / "tests/data/contract"
SCHEMA = json.loads((CONTRACT / "schema.json").read_text(encoding="utf-8"))
#: Every relation of the contract is built.
RELATIONS = set(SCHEMA)


def shortfalls(database: Database) -> list[str]:
    """Return what the contract's own checker says."""
    env = {key: value for key, value in {**os.environ, **database.env()}.items() if key != "PGOPTIONS"}
    done = subprocess.run(
        [sys.executable, str(CONTRACT / "check"), "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    found: list[str] = json.loads(done.stdout)
    assert (done.returncode == 0) == (found == [])
    return found


def test_the_contract_names_all_relations() -> None:
    assert len(RELATIONS) == 74


def test_nothing_falls_short_of_the_contract(module_db: Database) -> None:
    assert shortfalls(module_db) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "ALTER TABLE neanelu.shopify_products DROP COLUMN vendor CASCADE",
            "shopify_products.vendor: column missing",
        ),
        ("DROP INDEX neanelu.idx_products_tags", "shopify_products: index idx_products_tags missing"),
        (
            "ALTER TABLE neanelu.api_cost_tracking ALTER COLUMN restore_rate TYPE numeric(12, 2)",
            "api_cost_tracking.restore_rate: type numeric(12,2), contract numeric(10,2)",
        ),
        (
            "ALTER TABLE neanelu.shopify_menus NO FORCE ROW LEVEL SECURITY",
            "shopify_menus: row level security not enabled, forced and given a policy",
        ),
    ],
)
def test_a_missing_piece_is_noticed(db: Database, change: str, expected: str) -> None:
    with db.connect() as connection:
        connection.execute(change)
    assert expected in shortfalls(db)


def test_domains_are_compared_without_case_by_every_login(module_db: Database) -> None:
    """Operators of citext are on the search path of every role, so that a comparison is not one of texts."""
    for role in ("neanelu_sync", "neanelu_app", "neanelu_analyst"):
        with psycopg.connect(module_db.dsn(role)) as connection:
            row = connection.execute("SELECT 'Shop.MyShopify.com'::citext = 'shop.myshopify.com'").fetchone()
            assert row == (True,), role


def test_the_copy_carries_its_origin() -> None:
    assert "Apache-2.0" in Path(CONTRACT / "ORIGIN.md").read_text(encoding="utf-8")
