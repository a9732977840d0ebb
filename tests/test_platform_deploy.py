"""Deployment: forth, back, and forth again to the same schema; verification notices what is missing."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Callable

import psycopg
import pytest

from neanelu.platform import sqitch
from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import THROWAWAY, Database, reachable_folder


def dump(cluster: Cluster, dbname: str = "neanelu") -> str:
    """Return the schema of a database as text, without sqitch's registry."""
    done = subprocess.run(
        [
            cluster.bin("pg_dump"), "--schema-only", "--restrict-key=x", "--exclude-schema=sqitch",
            cluster.dsn(dbname=dbname),
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def assert_same(left: str, right: str) -> None:
    """Fail with the difference of two dumps when there is one."""
    lines = list(difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=2))
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def roles(cluster: Cluster) -> list[tuple[str, ...]]:
    """Return the roles of a cluster with their attributes and memberships."""
    with psycopg.connect(cluster.dsn()) as connection:
        return connection.execute(
            "SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolbypassrls, r.rolinherit,"
            " array(SELECT m.roleid::regrole::text || m.inherit_option || m.set_option || m.admin_option"
            "         FROM pg_auth_members AS m WHERE m.member = r.oid ORDER BY 1)"
            " FROM pg_roles AS r WHERE r.rolname NOT LIKE 'pg\\_%' ORDER BY 1"
        ).fetchall()


@pytest.mark.slow
def test_deploy_revert_deploy_gives_the_same_dump(private_cluster: Callable[..., Cluster]) -> None:
    cluster = private_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE untouched")
    bare = dump(cluster, "untouched")
    first, first_roles = dump(cluster), roles(cluster)
    assert "CREATE TABLE neanelu.shops" in first

    sqitch.revert(cluster.dsn())
    assert_same(bare, dump(cluster))
    assert [name for name, *_ in roles(cluster)] == ["postgres"]

    sqitch.deploy(cluster.dsn())
    assert_same(first, dump(cluster))
    assert roles(cluster) == first_roles


def test_deploying_again_changes_nothing(db: Database) -> None:
    before = dump(db.cluster, db.name)
    said = sqitch.run("deploy", db.dsn())
    assert re.search("Nothing to deploy", said)
    assert_same(before, dump(db.cluster, db.name))


def test_verify_passes_on_a_fresh_deployment(db: Database) -> None:
    sqitch.verify(db.dsn())


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE neanelu.shopify_products CASCADE",
        "DROP FUNCTION app.current_shop_id() CASCADE",
        "ALTER TABLE neanelu.shopify_products DISABLE ROW LEVEL SECURITY",
        "GRANT SELECT ON neanelu.shopify_customers TO PUBLIC",
    ],
)
def test_verify_fails_when_the_schema_was_tampered_with(db: Database, statement: str) -> None:
    db.connect().execute(statement)  # type: ignore[arg-type]
    with pytest.raises(sqitch.SqitchError) as caught:
        sqitch.verify(db.dsn())
    assert "not ok" in str(caught.value).lower() or "error" in str(caught.value).lower()


def test_a_failing_script_leaves_nothing_of_itself(db: Database) -> None:
    """Each script is one transaction: what a failed change began is not there."""
    with pytest.raises(sqitch.SqitchError):
        sqitch.run("deploy", db.dsn(), ["--plan-file", "no/such.plan"])
    sqitch.verify(db.dsn())


def test_two_databases_of_one_cluster_can_both_be_deployed(private_cluster: Callable[..., Cluster]) -> None:
    cluster = private_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE second")
    sqitch.deploy(cluster.dsn(dbname="second"))
    assert_same(dump(cluster), dump(cluster, "second"))
    sqitch.revert(cluster.dsn(dbname="second"))
    sqitch.verify(cluster.dsn())


@pytest.mark.slow
def test_a_role_that_is_no_superuser_deploys_and_reverts() -> None:
    """It owns the database and may create roles; what only a superuser can install, it finds there."""
    cluster = Cluster(reachable_folder("own"), options=THROWAWAY)
    try:
        cluster.start()
        with psycopg.connect(cluster.dsn(dbname="postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE deployer LOGIN CREATEROLE")
            connection.execute("CREATE DATABASE mine OWNER deployer")
        mine = cluster.dsn("deployer", "mine")
        with pytest.raises(sqitch.SqitchError, match=r"extension vector .* is not installed"):
            sqitch.deploy(mine)
        with psycopg.connect(cluster.dsn(dbname="mine"), autocommit=True) as connection:
            # the statements of the hint
            connection.execute("CREATE SCHEMA IF NOT EXISTS extensions AUTHORIZATION deployer")
            connection.execute("CREATE EXTENSION vector SCHEMA extensions")
            connection.execute("CREATE EXTENSION pg_stat_statements SCHEMA extensions")
        sqitch.deploy(mine)  # and verifies each change
        with psycopg.connect(cluster.dsn("neanelu_worker", "mine"), autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM jobs.list_tasks()").fetchone()
            assert row is not None
            assert row[0] > 20
        sqitch.revert(mine)
        assert [name for name, *_ in roles(cluster)] == ["deployer", "postgres"]
    finally:
        cluster.drop()
