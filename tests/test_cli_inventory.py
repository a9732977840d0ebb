"""The command inventory, as people call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ledger_support import Ledger, variant

from neanelu.cli import main
from neanelu.platform.scratch import Database
from neanelu.settings import get_settings

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def ledger(module_db: Database) -> Ledger:
    return Ledger.of(module_db)


@pytest.fixture
def call(module_db: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    dsn = f"host={module_db.cluster.socket_dir} dbname={module_db.name}"
    monkeypatch.setenv("NEANELU_DATABASE_URL", dsn)
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(main, ["inventory", *map(str, arguments)])
    get_settings.cache_clear()


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_stock_is_recorded_once_moved_shown_and_told(call: Call, ledger: Ledger) -> None:
    record = (
        "record",
        "a",
        "sku1",
        "10",
        "--location",
        "1",
        "--reason",
        "RESTOCK",
        "--reference",
        "delivery-1",
    )
    tried = said(call(*record, "--dry-run", "--json"))
    assert tried == {"recorded": False, "is_new": True, "available": 10}
    assert said(call("show", "a", "sku1", "--json"))["locations"] == []
    assert said(call(*record, "--json")) == {"recorded": True, "is_new": True, "available": 10}
    assert said(call(*record, "--json")) == {"recorded": False, "is_new": False, "available": 10}
    assert said(call("record", "a", "sku1", "-3", "--location", "1", "--json"))["available"] == 7
    assert ledger.value("SELECT inventory.fold()") == 2
    moved = ("transfer", "a", "sku1", "2", "--from", "1", "--to", "2", "--reference", "t-1", "--json")
    assert [said(call(*moved))["recorded"] for _ in range(2)] == [True, False]

    shown = said(call("show", "a", str(variant(1)), "--json"))
    assert (shown["sku"], shown["product"]) == ("sku1", "p")
    figures = ("location", "available", "folded", "waiting", "entries")
    assert [tuple(place[name] for name in figures) for place in shown["locations"]] == [
        ("here", 5, 7, -2, 3),
        ("there", 2, 0, 2, 1),
    ]
    told = said(call("history", "a", "sku1", "--location", "1", "--json"))
    assert [(entry["delta"], entry["quantity"], entry["reason"]) for entry in told] == [
        (-2, None, "TRANSFER"),
        (-3, 7, "ADJUSTMENT"),
        (10, 10, "RESTOCK"),
    ]
    assert [len(said(call("history", "a", "sku1", "--limit", n, "--json"))) for n in (1, 9)] == [1, 4]
    for name in ("show", "history"):
        assert "gid://shopify/Location/2" in call(name, "a", "sku1").output


def test_balances_are_checked_against_the_ledger(call: Call, ledger: Ledger) -> None:
    assert said(call("record", "a", "sku2", "4", "--location", "1", "--json"))["available"] == 4
    ledger.value("SELECT inventory.fold()")
    assert said(call("reconcile", "a", "--json")) == []
    assert said(call("drift", "a", "--json")) == []
    ledger.connection.execute(
        "UPDATE neanelu.inventory_balances SET quantity = quantity + 1 WHERE variant_id = %s", [variant(2)]
    )
    [wrong] = said(call("reconcile", "a", "--json"), code=1)
    assert (wrong["variant_id"], wrong["balance"], wrong["recomputed"]) == (str(variant(2)), 5, 4)
    assert str(variant(2)) in call("reconcile", "a").output


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("show", "a", "no-such", "--json"), 2, "NI010"),
        (("transfer", "a", "sku3", "1", "--from", "1", "--to", "1", "--json"), 2, "NI004"),
        (("reconcile", "no-such-shop", "--json"), 2, "NH002"),
    ],
)
def test_what_cannot_be_is_said(call: Call, arguments: tuple[str, ...], code: int, error: str) -> None:
    assert said(call(*arguments), code=code)["error"]["code"] == error


def test_a_change_of_nothing_is_refused(call: Call) -> None:
    refused = call("record", "a", "sku3", "0", "--location", "1")
    assert refused.exit_code == 2 and "a change of nothing is none" in refused.output


def test_a_sku_that_two_variants_have_is_asked_about(call: Call, ledger: Ledger) -> None:
    ledger.connection.execute(
        "UPDATE neanelu.shopify_variants SET sku = 'twice' WHERE id IN (%s, %s)", [variant(8), variant(9)]
    )
    refused = said(call("show", "a", "twice", "--json"), code=2)["error"]
    assert refused["code"] == "NI010"
    assert str(variant(8)) in refused["hint"] and str(variant(9)) in refused["hint"]
    assert said(call("show", "a", str(variant(9)), "--json"))["locations"] == []
