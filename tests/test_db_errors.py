"""Errors of the database become exceptions by code and by constraint; the words of a message decide nothing."""

from __future__ import annotations

import re

import psycopg
import pytest
from conftest import REPO

from neanelu.db import errors
from neanelu.db.connection import connect, session
from neanelu.db.errors import (
    AccessDenied,
    DatabaseUnavailable,
    InvalidInput,
    LeaseLost,
    NeaneluError,
    NotDeployed,
    NotFound,
    NotReconciled,
    RunActive,
    TryAgain,
    translate,
    translated,
)
from neanelu.platform.scratch import Database


def _raised(db: Database, statement: str, role: str | None = None) -> NeaneluError:
    """Return the exception that a statement ends in."""
    connection = db.connect(role)
    with pytest.raises(NeaneluError) as caught, translated():
        connection.execute(statement)
    assert isinstance(caught.value.__cause__, psycopg.Error)
    return caught.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NS005", LeaseLost),
        ("NS004", NotFound),
        ("NS003", RunActive),
        ("NA002", AccessDenied),
        ("40001", TryAgain),
        ("40P01", TryAgain),
        ("55P03", TryAgain),
        ("53300", TryAgain),
        ("57P01", DatabaseUnavailable),
        ("22012", InvalidInput),
        ("NS999", errors.RunFailed),
        ("XX000", errors.DatabaseError),
    ],
)
def test_a_code_decides_and_a_misleading_message_does_not(
    module_db: Database, code: str, kind: type[NeaneluError]
) -> None:
    found = _raised(module_db, f"SELECT app.fail('{code}', 'lease lost NS005 deadlock', 'why', 'do this')")
    assert type(found) is kind
    assert (found.code, found.message) == (code, "lease lost NS005 deadlock")
    assert found.hint == "do this" or kind is DatabaseUnavailable
    assert found.detail == ("why" if code.startswith("N") else None)


def test_a_constraint_is_known_by_its_name(module_db: Database) -> None:
    sealed = "'\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{a}'"
    call = f"SELECT shops.register(uuidv7(), 'c.myshopify.com', {sealed}, p_api_version => '2026-11')"
    found = _raised(module_db, call)
    assert type(found) is InvalidInput
    assert found.constraint == "shops_api_version_check"
    assert found.exit_code == errors.USAGE


def test_rows_in_the_detail_of_a_violation_are_not_passed_on(module_db: Database) -> None:
    statement = (
        "WITH s AS (SELECT shops.register(uuidv7(), 'd.myshopify.com', '\\x01', decode(repeat('00', 12), 'hex'),"
        " decode(repeat('00', 16), 'hex'), 1, '{a}') AS id)"
        " INSERT INTO bulk_counts (shop_id, bulk_run_id, kind, lines) SELECT id, uuidv7(), 'confidential', 5 FROM s"
    )
    found = _raised(module_db, statement)
    assert type(found) is NotReconciled
    assert "confidential" not in f"{found} {found.detail} {found.hint}"


def test_what_is_not_deployed_says_so(module_db: Database) -> None:
    for statement in (
        "SELECT nothing.like_this()",
        "SELECT * FROM neanelu.no_table",
        "SELECT sync.no_function()",
    ):
        found = _raised(module_db, statement)
        assert type(found) is NotDeployed
        assert found.hint == "Deploy the schema: neanelu deploy"


def test_a_login_without_the_right_is_told_so(module_db: Database) -> None:
    found = _raised(module_db, "SELECT * FROM neanelu.shops", "neanelu_sync")
    assert type(found) is AccessDenied
    assert found.exit_code == errors.ENVIRONMENT


def test_nobody_answering_is_an_environment_that_is_not_ready() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        connect(dsn="host=/nonexistent port=1 dbname=x user=x")
    assert caught.value.retryable
    assert caught.value.exit_code == errors.ENVIRONMENT


def test_a_broken_connection_is_unavailable(module_db: Database) -> None:
    with pytest.raises(DatabaseUnavailable), session(dsn=module_db.dsn()) as connection:
        pid = connection.info.backend_pid
        module_db.connect().execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        connection.execute("SELECT 1")


def test_a_session_has_a_name_and_limits_that_the_string_may_change(module_db: Database) -> None:
    query = "SELECT current_setting('application_name') AS name, current_setting('lock_timeout') AS lock"
    with session(dsn=module_db.dsn(), purpose="testing") as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        assert re.fullmatch(r"neanelu testing \d+", row["name"])
        assert row["lock"] == "15s"
    with session(dsn=module_db.dsn(options="-c lock_timeout=1s")) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None and row["lock"] == "1s"


def test_every_error_without_a_code_has_one_anyway() -> None:
    assert translate(psycopg.OperationalError("the network is down")).code == "08006"
    assert type(translate(psycopg.InterfaceError("closed"))) is DatabaseUnavailable


def test_the_registry_has_every_code_that_is_used() -> None:
    registry = (REPO / "docs/errors.md").read_text("utf-8")
    known = set(re.findall(r"\bN[A-Z]\d{3}\b", registry))
    for first, last in re.findall(r"\b(N[A-Z]\d{3})–(N[A-Z]\d{3})\b", registry):
        known |= {f"{first[:2]}{number:03}" for number in range(int(first[2:]), int(last[2:]) + 1)}
    used: dict[str, str] = {}
    for folder, pattern in (("db", "*.sql"), ("daemons/neanelu", "*.py")):
        for path in (REPO / folder).rglob(pattern):
            for code in re.findall(r"['\":](N[A-Z]\d{3})\b", path.read_text("utf-8")):
                used.setdefault(code, str(path.relative_to(REPO)))
    used.pop("NA000", None)
    assert {code: where for code, where in used.items() if code not in known} == {}
