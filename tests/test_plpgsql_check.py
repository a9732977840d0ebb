"""plpgsql_check finds nothing in any function of ours; and what they compose at run time is SQL.

Errors, warnings, extra and security warnings count. Performance advice does not: it cannot see into EXECUTE
and would have functions that write through it marked STABLE.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from neanelu.platform.scratch import Database

SCHEMAS = [
    "ai",
    "analytics",
    "app",
    "audit",
    "budget",
    "flags",
    "harvest",
    "inventory",
    "jobs",
    "matching",
    "normalise",
    "ops",
    "pim",
    "privacy",
    "search",
    "shops",
    "sync",
    "webhooks",
]

#: Functions whose EXECUTE of a composed string was read and found safe, and why; plpgsql_check follows only
#: quote_ident, quote_literal and format's %I and %L. "Registry" is sync_tables and its siblings, which only
#: the owner writes. Entries that need no review any more fail the test.
REVIEWED = {
    "ai._nearest_by_graph(embedding_models,uuid,text,vector,integer)": "composed by ai._source, values through %L",
    "ai._nearest_exact(embedding_models,uuid,text,vector,integer)": "composed by ai._source, values through %L",
    "audit.attach(regclass,text[],text[],text)": "the table is a regclass, names go through %I",
    "sync._stage_rows(bulk_runs,sync_tables,boolean,jsonb,smallint)": "composed by sync._stage_statement et al.",
    "sync._count_lines_staged(bulk_runs)": "composed from the registry's streams and kinds through %s of numbers and %L",
    "sync._is_whole(bulk_runs)": "composed from the registry's streams through %s of numbers and %L",
    "sync._collect_groups(bulk_runs)": "composed from the registry's streams through %s of numbers and %L",
    "sync._merge_table(bulk_runs,sync_tables)": "composed from the registry by sync._update_statement et al.",
    "sync._insert_fresh(bulk_runs,sync_tables,smallint)": "composed by sync._insert_statements; names go through %I",
    "sync._note_empty(bulk_runs,sync_tables[],bigint[])": "table names go through %I",
    "privacy._erase_raw(uuid,text)": "composed from privacy.raw_places, which only the owner writes; names through %I",
    "privacy.find_traces(uuid,text[])": "names are regclass, conditions those of privacy.raw_places",
    "sync._lay_bare(text[])": "names go through %I or are regclass",
    "sync._dress(jsonb)": "definitions are pg_get_indexdef's, by sync._lay_bare in this transaction; names go through %I",
    "sync._assert_references(text,text[])": "names are regclass or go through %I",
    "sync._prune_parts(bulk_runs,sync_tables)": "names go through %I, expressions are the registry's",
    "sync._changed_rows(bulk_runs,sync_tables)": "names go through %I, object_column is the registry's",
    "sync._tombstone_parts(bulk_runs,sync_tables)": "names go through %I, object_column is the registry's",
    "webhooks._mark_deleted(uuid,text,text,bigint[],timestamp with time zone,text)": "p_where is the registry's or a literal",
}

FINDINGS = """
SELECT p.oid::regprocedure::text AS function, t.tgrelid::regclass::text AS relation, c.level, c.lineno,
       c.sqlstate, c.message, concat_ws(' ', c.detail, c.hint) AS more
  FROM pg_proc AS p
  JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
  LEFT JOIN LATERAL (
        SELECT t.tgrelid, t.tgoldtable, t.tgnewtable FROM pg_trigger AS t
         WHERE t.tgfoid = p.oid AND t.tgparentid = 0) AS t ON true
 CROSS JOIN LATERAL tap.plpgsql_check_function_tb(
        p.oid, coalesce(t.tgrelid, 0), oldtable => t.tgoldtable, newtable => t.tgnewtable,
        fatal_errors => false, other_warnings => true, extra_warnings => true, security_warnings => true,
        compatibility_warnings => true, performance_warnings => false) AS c
 WHERE p.pronamespace = ANY (%s::text[]::regnamespace[])
   AND (p.prorettype <> 'trigger'::regtype OR t.tgrelid IS NOT NULL)
 ORDER BY 1, 2, c.lineno
"""


@pytest.fixture(scope="module")
def findings(module_db: Database) -> list[Any]:
    with module_db.connect() as connection:
        return connection.execute(FINDINGS, [SCHEMAS]).fetchall()


def test_every_function_is_checked(module_db: Database) -> None:
    """No schema of functions is left out, and no trigger function is without a trigger to check it by."""
    with module_db.connect() as connection:
        others = connection.execute(
            "SELECT DISTINCT p.pronamespace::regnamespace::text FROM pg_proc AS p"
            " WHERE p.proowner IN ('neanelu_owner'::regrole, 'neanelu_engine'::regrole)"
            " AND p.pronamespace <> ALL (%s::text[]::regnamespace[])",
            [SCHEMAS],
        ).fetchall()
        idle = connection.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.prorettype = 'trigger'::regtype"
            " AND p.pronamespace = ANY (%s::text[]::regnamespace[])"
            " AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgfoid = p.oid)",
            [SCHEMAS],
        ).fetchall()
    assert (others, idle) == ([], [])


def test_plpgsql_check_finds_nothing(findings: list[Any]) -> None:
    left = [row for row in findings if not (row[2] == "security" and row[0] in REVIEWED)]
    assert not left, "\n" + "\n".join(" | ".join(str(value) for value in row) for row in left)


def test_reviews_are_of_functions_that_need_one(findings: list[Any]) -> None:
    assert set(REVIEWED) <= {row[0] for row in findings if row[2] == "security"}


def test_the_check_can_fail(module_db: Database) -> None:
    with module_db.connect(autocommit=False) as connection:
        connection.execute(
            "CREATE FUNCTION sync.broken(p_name text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$"
            " BEGIN PERFORM nothing_here FROM neanelu.shops; EXECUTE 'SELECT ' || p_name; END $$"
        )
        rows = connection.execute(FINDINGS, [SCHEMAS]).fetchall()
        levels = {row[2] for row in rows if row[0].startswith("sync.broken")}
        connection.rollback()
    assert {"error", "security"} <= levels


def composed(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Return (name, statement) of every statement that staging and merging compose for every table."""
    return connection.execute(
        """
        WITH booleans (value) AS (VALUES (false), (true))
        SELECT t.staging_table || ' ' || s.what, s.statement
          FROM neanelu.sync_tables AS t
         CROSS JOIN LATERAL (
            SELECT 'stage' AS what, sync._stage_statement(t.staging_table, b.value, c.value, d.value) AS statement
              FROM booleans AS b, booleans AS c, booleans AS d WHERE t.kinds <> '{}'
            UNION ALL SELECT 'report', sync._report_statement(t.staging_table) WHERE t.kinds <> '{}'
            UNION ALL SELECT 'update', sync._update_statement(t.staging_table, b.value) FROM booleans AS b
            UNION ALL SELECT 'insert', i.rows
                        FROM booleans AS b, sync._insert_statements(t.staging_table, b.value) AS i
            UNION ALL SELECT 'fresh', i.fresh
                        FROM booleans AS b, sync._insert_statements(t.staging_table, b.value) AS i
            UNION ALL SELECT 'outcomes', i.outcomes
                        FROM booleans AS b, sync._insert_statements(t.staging_table, b.value) AS i) AS s
         WHERE s.statement IS NOT NULL
        """
    ).fetchall()


def test_composed_statements_can_be_planned(module_db: Database) -> None:
    """What plpgsql_check cannot see: every composed statement names columns that exist and types that fit."""
    failed = []
    with module_db.connect() as connection:
        connection.execute("SET ROLE neanelu_engine")
        connection.execute("SET search_path = neanelu, sync, extensions, pg_temp")
        statements = composed(connection)
        for name, statement in statements:
            try:
                connection.execute(sql.SQL("PREPARE composed AS ") + sql.SQL(statement))  # type: ignore[arg-type]
                connection.execute("DEALLOCATE composed")
            except psycopg.Error as error:
                failed.append(f"{name}: {error}")
    assert len(statements) >= 40
    assert not failed, "\n".join(failed)
