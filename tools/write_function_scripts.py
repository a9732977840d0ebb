"""Write the revert and verify scripts of most of functions/ from what they deploy.

The deploy script says all that they need: signatures, SECURITY DEFINER, volatility, GRANT EXECUTE and triggers.
Run after a function is added, dropped or changes its arguments or rights; `--check` only compares, exit code 1
when a script is out of date. functions/sync/report has scripts written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lint_sql import Script, function_name, option
from pglast import ast, enums

REPO = Path(__file__).resolve().parent.parent
TOPICS = {
    "sync": ("lifecycle", "load", "stage", "merge", "retention"),
    "jobs": ("enqueue", "claim", "settle", "schedule", "report"),
    "inventory": ("record", "fold", "levels", "orders"),
    "webhooks": ("objects", "inventory", "products", "orders", "process", "fetch", "compare"),
    "harvest": ("sources", "documents", "extract", "shops", "queue", "imports"),
    "ai": (
        "costs",
        "budgets",
        "items",
        "batches",
        "text_batches",
        "extraction",
        "report",
        "texts",
        "vectors",
    ),
    "matching": (
        "features",
        "candidates",
        "score",
        "assign",
        "keys",
        "sessions",
        "clusters",
        "decide",
        "calibrate",
        "rescan",
    ),
    "search": ("similar", "hybrid"),
    "normalise": ("identifiers", "persons", "text", "values", "names", "map", "sessions"),
    "pim": (
        "taxonomy",
        "quality",
        "events",
        "semantics",
        "translations",
        "channels",
        "queue",
        "review_items",
        "rules",
        "products",
        "consensus",
        "versions",
        "proposals",
        "review",
        "explain",
        "trust",
        "search",
    ),
}
OWNER = "neanelu_engine"
#: Functions that a script composes, with a branch for each queue: what no parser sees in it.
COMPOSED = {
    "functions/jobs/enqueue": (
        "jobs._put(text, text, uuid[], uuid[], jsonb[], timestamptz, integer, interval)",
        "jobs._send(text, text, jsonb, timestamptz)",
    ),
    "functions/jobs/claim": (
        "jobs._take_from(text, text, integer, integer, integer, text[], integer, text[])",
    ),
}
_SPELLED = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "float8": "double precision",
}
_BUILT_IN = {
    "text",
    "uuid",
    "jsonb",
    "json",
    "bytea",
    "name",
    "oid",
    "date",
    "timestamptz",
    "regclass",
    "regconfig",
    "regprocedure",
    "regtype",
    "xid8",
    "tsquery",
}

_VERIFY = """\
-- Verify neanelu:{change} on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             {rows}
           ) AS f (signature, is_definer, volatility, callers)
      LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = to_regprocedure(f.signature)
     WHERE p.oid IS NULL OR p.proowner <> '{owner}'::regrole
        OR p.prosecdef <> f.is_definer OR p.provolatile::text <> f.volatility
        OR (p.prosqlbody IS NULL AND coalesce(array_to_string(p.proconfig, ' '), '') !~ 'search_path=.*pg_temp')
        OR ARRAY(SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')
                   FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
                  WHERE a.grantee <> p.proowner ORDER BY 1 DESC) <> f.callers::text[];
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions missing, of another kind, or executable by the wrong roles: %', v_bad;
    END IF;
{triggers}END
$verify$;

ROLLBACK;
"""
_VERIFY_TRIGGER = """
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = '{table}'::regclass AND t.tgname = '{name}' AND t.tgenabled = 'O'
           AND t.tgfoid = '{function}()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger {name} is missing or disabled';
    END IF;
"""


@dataclass
class Function:
    """A function of a deploy script and the roles that may call it; `key` is lint_sql's name for it."""

    key: str
    signature: str
    is_definer: bool
    volatility: str
    callers: set[str]


def spelled(name: Any, schema: str) -> str:
    """Return a type as a person writes it, qualified when it is one of ours."""
    word, brackets = str(name.names[-1].sval), "[]" * len(name.arrayBounds or ())
    if len(name.names) == 1 and word not in _BUILT_IN:
        word = f"{schema}.{word}"
    elif len(name.names) > 1 and name.names[0].sval != "pg_catalog":
        word = ".".join(str(part.sval) for part in name.names)
    return _SPELLED.get(word, word) + brackets


def functions_of(script: Script) -> list[Function]:
    """Return the functions that a script creates, in order, with who is granted EXECUTE on them."""
    modes = enums.FunctionParameterMode
    found: dict[str, Function] = {}
    for statement in script.statements:
        node = statement.node
        if isinstance(node, ast.CreateFunctionStmt):
            outs = (modes.FUNC_PARAM_OUT, modes.FUNC_PARAM_TABLE)
            inputs = [p.argType for p in node.parameters or () if p.mode not in outs]
            types = ", ".join(spelled(t, script.default_schema) for t in inputs)
            security = option(node, "security")
            key = script.function_key(node.funcname, node.parameters)
            found[key] = Function(
                key,
                f"{function_name(node)}({types})",
                security is not None and bool(security.arg.boolval),
                str(option(node, "volatility").arg.sval)[0],
                set(),
            )
        elif isinstance(node, ast.GrantStmt) and node.is_grant and node.objects:
            if node.objtype != enums.ObjectType.OBJECT_FUNCTION:
                continue
            for target in node.objects:
                if isinstance(target, ast.ObjectWithArgs):
                    key = script.function_key(target.objname, target.objfuncargs)
                    found[key].callers.update(str(role.rolename) for role in node.grantees)
    return list(found.values())


def triggers_of(script: Script) -> Iterator[dict[str, str]]:
    """Yield name, table and function of the triggers that a script creates."""
    for statement in script.statements:
        node = statement.node
        if isinstance(node, ast.CreateTrigStmt):
            function = ".".join(str(part.sval) for part in node.funcname)
            yield {
                "name": str(node.trigname),
                "table": script.relation_key(node.relation),
                "function": function,
            }


def revert_text(script: Script) -> str:
    """Return the revert script: triggers, then functions, in reverse order."""
    lines = [f"-- Revert neanelu:{script.change} from pg", "", "BEGIN;", ""]
    triggers = list(triggers_of(script))
    if triggers:
        lines += ["SET LOCAL ROLE neanelu_owner;"]
        lines += [f"DROP TRIGGER {t['name']} ON {t['table']};" for t in reversed(triggers)]
        lines += [""]
    lines += [f"SET LOCAL ROLE {OWNER};"]
    lines += [f"DROP FUNCTION {function.signature};" for function in reversed(functions_of(script))]
    lines += [f"DROP FUNCTION {signature};" for signature in reversed(COMPOSED.get(script.change, ()))]
    return "\n".join([*lines, "", "COMMIT;", ""])


def verify_text(script: Script) -> str:
    """Return the verify script: one table of what the functions must be."""
    rows = [
        f"('{f.signature}', {str(f.is_definer).lower()}, '{f.volatility}', "
        f"'{{{','.join(sorted(f.callers, reverse=True))}}}')"
        for f in functions_of(script)
    ] + [f"('{signature}', true, 'v', '{{}}')" for signature in COMPOSED.get(script.change, ())]
    triggers = "".join(_VERIFY_TRIGGER.format(**trigger) for trigger in triggers_of(script))
    return _VERIFY.format(
        change=script.change, rows=(",\n" + " " * 13).join(rows), owner=OWNER, triggers=triggers
    )


def main() -> int:
    """Write or check the scripts; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="only compare; exit code 1 when a script is out of date"
    )
    is_check = parser.parse_args().check
    stale = []
    changes = [f"functions/{module}/{topic}" for module, topics in TOPICS.items() for topic in topics]
    for change in changes:
        path = REPO / "db" / f"{change}.sql"
        script = Script(path, "deploy", change, path.read_text(encoding="utf-8"))
        for kind, text in (("revert", revert_text(script)), ("verify", verify_text(script))):
            target = REPO / "db" / kind / f"{change}.sql"
            if target.exists() and target.read_text(encoding="utf-8") == text:
                continue
            stale.append(str(target.relative_to(REPO)))
            if not is_check:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
    if not is_check:
        print(f"written: {', '.join(stale) or 'nothing, all are up to date'}")
        return 0
    if stale:
        print(f"out of date: {', '.join(stale)}; run tools/write_function_scripts.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
