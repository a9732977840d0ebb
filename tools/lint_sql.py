"""Check every script under db/ against the house rules that a parser can see.

Run by `make lint`. `--rules` lists the rules, `--json` prints findings for a program, `--root` names another
project. Exit codes: 0 clean (warnings allowed), 1 errors found, 2 wrong usage.

A finding that is meant to be is allowed where it stands, in a comment inside the statement or right above it
(anywhere in the script for rules about whole scripts), with the reason:

    -- lint: allow search-path because the planner inlines only functions without a SET clause

What dynamic SQL creates is not seen here; plpgsql_check and the verify scripts look at the deployed database.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pglast import ast, enums, parse_plpgsql, parse_sql
from pglast.parser import ParseError, scan

REPO = Path(__file__).resolve().parent.parent
LONG_BODY, TOO_LONG_BODY = 60, 100

_ALLOW = re.compile(r"--\s*lint:\s*(?P<rest>.*)")
_ALLOW_FORM = re.compile(r"allow (?P<rule>[a-z-]+) because \S.*")
_QUIET = re.compile(r"--.*|has_function_privilege\s*\((?:[^()']|'[^']*'|\([^()]*\))*\)")
_CALL = re.compile(r"\b([a-z]\w*\.[a-z]\w*)\s*\(")
_OWN_SQLSTATE = re.compile(r"[I-Z][0-9A-Z][0-9]{3}")
_ERROR_LEVEL = 21  # elog level of RAISE EXCEPTION
_EXPRESSION = 2  # RAW_PARSE_PLPGSQL_EXPR, and the assignments above it
#: What the plpgsql parser lacks outside a server: a catalogue to look up names in.
_NO_CATALOGUE = (
    "LookupExplicitNamespace",
    "pseudo-type",
    "type _record",
    "must be an array",
    "Not implemented",
)
_BASE_TYPES = {
    "text",
    "integer",
    "bigint",
    "smallint",
    "uuid",
    "jsonb",
    "bytea",
    "name",
    "oid",
    "boolean",
    "numeric",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One violation; `line` counts from 1, `severity` is error or warning."""

    path: str
    line: int
    rule: str
    severity: str
    message: str

    def __str__(self) -> str:
        """Return the form that editors jump to."""
        return f"{self.path}:{self.line}: {self.severity} [{self.rule}] {self.message}"


@dataclass(frozen=True)
class Problem:
    """What a rule found: the words and the offset in the script; without offset, the statement's."""

    message: str
    offset: int | None = None
    severity: str = "error"


@dataclass(frozen=True)
class Statement:
    """One statement of a script; `start` and `end` are offsets, `before` the end of the previous one."""

    node: Any
    start: int
    end: int
    before: int
    source: str


# --- Scripts --------------------------------------------------------------------------------------------
@dataclass
class Script:
    """One parsed script; `kind` is deploy, revert or verify, `change` its name in sqitch.plan."""

    path: Path
    kind: str
    change: str
    text: str
    statements: list[Statement] = field(default_factory=list)
    error: Problem | None = None

    def __post_init__(self) -> None:
        """Parse the text; a syntax error is kept as a finding."""
        try:
            raw = parse_sql(self.text)
        except ParseError as error:
            where = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0
            self.error = Problem(f"cannot be parsed: {error.args[0]}", where)
            return
        before = 0
        for item in raw:
            length = item.stmt_len or len(self.text) - item.stmt_location
            end = item.stmt_location + length
            source = self.text[item.stmt_location : end]
            self.statements.append(Statement(item.stmt, item.stmt_location, end, before, source))
            before = end

    def line(self, offset: int) -> int:
        """Return the line, from 1, of a character offset."""
        return self.text.count("\n", 0, offset) + 1

    @cached_property
    def allowances(self) -> list[tuple[int, str, int]]:
        """Offset, rest of the comment and number of each `-- lint:` comment."""
        return [(m.start(), m["rest"].strip(), i) for i, m in enumerate(_ALLOW.finditer(self.text))]

    @cached_property
    def default_schema(self) -> str:
        """Where unqualified names are created: the first schema of the script's own SET LOCAL search_path."""
        for statement in self.statements:
            node = statement.node
            if isinstance(node, ast.VariableSetStmt) and node.name == "search_path" and node.args:
                return str(node.args[0].val.sval)
        return "public"

    def created(self) -> Iterator[tuple[Statement, str, str]]:
        """Yield (statement, kind, key) of each function, table, view, type and schema created here."""
        for statement in self.statements:
            node = statement.node
            if isinstance(node, ast.CreateFunctionStmt):
                yield statement, "function", self.function_key(node.funcname, node.parameters)
            elif isinstance(node, ast.CreateStmt):
                yield statement, "table", self.relation_key(node.relation)
            elif isinstance(node, ast.ViewStmt):
                yield statement, "view", self.relation_key(node.view)
            elif isinstance(node, ast.CreateTableAsStmt) and node.objtype == enums.ObjectType.OBJECT_MATVIEW:
                yield statement, "view", self.relation_key(node.into.rel)
            elif isinstance(node, ast.CreateEnumStmt | ast.CompositeTypeStmt | ast.CreateDomainStmt):
                # the typeName of a domain is what it is made of
                name = getattr(node, "domainname", None) or getattr(node, "typeName", None)
                key = self.relation_key(node.typevar) if name is None else self.name_key(name)
                yield statement, "type", key
            elif isinstance(node, ast.CreateSchemaStmt):
                yield statement, "schema", str(node.schemaname)

    def name_key(self, names: Sequence[Any]) -> str:
        """Return schema.name of a qualified or unqualified name."""
        parts = [str(part.sval) for part in names]
        return ".".join(parts if len(parts) > 1 else [self.default_schema, *parts])

    def relation_key(self, relation: Any) -> str:
        """Return schema.name of a relation."""
        return f"{relation.schemaname or self.default_schema}.{relation.relname}"

    def function_key(self, names: Sequence[Any], parameters: Sequence[Any] | None) -> str:
        """Return schema.name(type, …) with the input parameters only, types without their schema."""
        modes = enums.FunctionParameterMode
        outs = (modes.FUNC_PARAM_OUT, modes.FUNC_PARAM_TABLE)
        types = [type_key(p.argType) for p in parameters or () if p.mode not in outs]
        return f"{self.name_key(names)}({', '.join(types)})"


def type_key(name: Any) -> str:
    """Return a type's last name and its array brackets."""
    return str(name.names[-1].sval) + "[]" * len(name.arrayBounds or ())


@dataclass
class Project:
    """All scripts of a project folder, its plan and its registry of errors."""

    root: Path
    scripts: dict[tuple[str, str], Script] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read every script under db/."""
        base = self.root / "db"
        for path in sorted(base.rglob("*.sql")):
            parts = path.relative_to(base).with_suffix("").parts
            if parts[0] == "reworked":
                continue  # sqitch's copies of what was checked when it was written
            kind = parts[0] if parts[0] in ("revert", "verify") else "deploy"
            change = "/".join(parts if kind == "deploy" else parts[1:])
            self.scripts[kind, change] = Script(path, kind, change, path.read_text(encoding="utf-8"))

    @cached_property
    def planned(self) -> list[str]:
        """Names of the changes in sqitch.plan, in order."""
        plan = self.root / "sqitch.plan"
        lines = plan.read_text(encoding="utf-8").splitlines() if plan.exists() else []
        return [line.split()[0] for line in lines if line.strip() and line.lstrip()[0] not in "%#@"]

    @cached_property
    def sqlstates(self) -> set[str]:
        """Codes that docs/errors.md has a table row for, one by one or as a range (NS020–NS026)."""
        registry = self.root / "docs" / "errors.md"
        text = registry.read_text(encoding="utf-8") if registry.exists() else ""
        codes = set()
        row = r"^\| *`?([I-Z][0-9A-Z])([0-9]{3})(?:[–-]\1([0-9]{3}))?`? *\|"
        for letters, first, last in re.findall(row, text, re.MULTILINE):
            codes.update(f"{letters}{number:03}" for number in range(int(first), int(last or first) + 1))
        return codes

    @cached_property
    def tested(self) -> set[str] | None:
        """Functions that a script under pgtap/ calls, schema.name; None where there is no such folder."""
        folder = self.root / "pgtap"
        if not folder.is_dir():
            return None
        texts = (path.read_text(encoding="utf-8") for path in folder.rglob("*.sql"))
        return {name for text in texts for name in _CALL.findall(_QUIET.sub("", text))}


# --- Rules ----------------------------------------------------------------------------------------------
StatementRule = Callable[[Project, Script, Statement], Iterator[Problem]]
ScriptRule = Callable[[Project, Script], Iterator[Problem]]
STATEMENT_RULES: dict[str, tuple[frozenset[str], StatementRule]] = {}
SCRIPT_RULES: dict[str, tuple[frozenset[str], ScriptRule]] = {}
EVERYWHERE = ("deploy", "revert", "verify")


def statement_rule(name: str, *kinds: str) -> Callable[[StatementRule], StatementRule]:
    """Register a rule that looks at one statement, for scripts of these kinds (default: deploy)."""

    def register(check: StatementRule) -> StatementRule:
        STATEMENT_RULES[name] = (frozenset(kinds or ("deploy",)), check)
        return check

    return register


def script_rule(name: str, *kinds: str) -> Callable[[ScriptRule], ScriptRule]:
    """Register a rule that looks at a whole script, for scripts of these kinds (default: deploy)."""

    def register(check: ScriptRule) -> ScriptRule:
        SCRIPT_RULES[name] = (frozenset(kinds or ("deploy",)), check)
        return check

    return register


def option(node: Any, name: str) -> Any:
    """Return the option of CREATE FUNCTION or DO with this name, or None."""
    return next((o for o in node.options or () if o.defname == name), None)


def body_of(node: Any) -> tuple[str, str, int] | None:
    """Return (language, body, offset of the body) of CREATE FUNCTION or DO, or None without a quoted body."""
    options = {o.defname: o for o in (node.args if isinstance(node, ast.DoStmt) else node.options) or ()}
    if "as" not in options:
        return None
    body = options["as"].arg
    language = str(options["language"].arg.sval) if "language" in options else "plpgsql"
    return (
        language,
        str(body.sval if isinstance(body, ast.String) else body[0].sval),
        options["as"].arg_location,
    )


def search_path_of(node: Any) -> list[str] | None:
    """Return the schemas of a function's SET search_path, or None."""
    for o in node.options or ():
        if o.defname == "set" and o.arg.name == "search_path":
            return [str(a.val.sval) for a in o.arg.args or ()]
    return None


def function_name(node: Any) -> str:
    """Return a function's name as written."""
    return ".".join(str(part.sval) for part in node.funcname)


@statement_rule("volatility")
def check_volatility(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """Every function states IMMUTABLE, STABLE or VOLATILE."""
    node = statement.node
    if (
        isinstance(node, ast.CreateFunctionStmt)
        and not node.is_procedure
        and option(node, "volatility") is None
    ):
        yield Problem(f"function {function_name(node)} does not state its volatility")


@statement_rule("search-path")
def check_search_path(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """Every function has SET search_path; bodies bound at creation (RETURN, BEGIN ATOMIC) need none."""
    node = statement.node
    if isinstance(node, ast.CreateFunctionStmt) and node.sql_body is None and search_path_of(node) is None:
        yield Problem(f"function {function_name(node)} has no SET search_path")


@statement_rule("definer")
def check_definer(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """SECURITY DEFINER needs a SET search_path that ends in pg_temp."""
    node = statement.node
    if not isinstance(node, ast.CreateFunctionStmt):
        return
    security = option(node, "security")
    if security is not None and security.arg.boolval and (search_path_of(node) or [""])[-1] != "pg_temp":
        yield Problem(
            f"SECURITY DEFINER function {function_name(node)} needs SET search_path ending in pg_temp"
        )


@script_rule("comment")
def check_comment(_project: Project, script: Script) -> Iterator[Problem]:
    """Every function, table, view, type and schema has a COMMENT in the script that creates it."""
    types = enums.ObjectType
    described = set()
    for statement in script.statements:
        node = statement.node
        if isinstance(node, ast.CommentStmt) and (node.comment or "").strip():
            target = node.object
            if isinstance(target, ast.ObjectWithArgs):
                described.add(script.function_key(target.objname, target.objfuncargs))
            elif isinstance(target, ast.TypeName):
                described.add(script.name_key(target.names))
            elif isinstance(target, ast.String):
                described.add(str(target.sval))
            elif node.objtype in (types.OBJECT_TABLE, types.OBJECT_VIEW, types.OBJECT_MATVIEW):
                described.add(script.name_key(target))
    for statement, kind, key in script.created():
        if key not in described:
            yield Problem(f"{kind} {key} has no COMMENT ON", statement.start)


def constraints_of(node: Any) -> Iterator[tuple[Any, str]]:
    """Yield every constraint that a statement makes, with the table's or domain's name."""
    if isinstance(node, ast.CreateStmt):
        owner, elements = str(node.relation.relname), node.tableElts or ()
    elif isinstance(node, ast.AlterTableStmt):
        owner, elements = str(node.relation.relname), tuple(c.def_ for c in node.cmds if c.def_ is not None)
    elif isinstance(node, ast.CreateDomainStmt):
        owner, elements = str(node.domainname[-1].sval), node.constraints or ()
    else:
        return
    for element in elements:
        if isinstance(element, ast.Constraint):
            yield element, owner
        elif isinstance(element, ast.ColumnDef):
            yield from ((c, owner) for c in element.constraints or ())


@statement_rule("constraint-name")
def check_constraint_name(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """CHECK, PRIMARY KEY, UNIQUE, EXCLUDE and foreign key constraints have names of their own."""
    types = enums.ConstrType
    named = {
        types.CONSTR_CHECK: "CHECK",
        types.CONSTR_PRIMARY: "PRIMARY KEY",
        types.CONSTR_UNIQUE: "UNIQUE",
        types.CONSTR_EXCLUSION: "EXCLUDE",
        types.CONSTR_FOREIGN: "FOREIGN KEY",
    }
    for constraint, owner in constraints_of(statement.node):
        if constraint.contype in named and not constraint.conname:
            yield Problem(
                f"a {named[constraint.contype]} constraint of {owner} has no name", constraint.location
            )


@statement_rule("on-delete")
def check_on_delete(_project: Project, script: Script, statement: Statement) -> Iterator[Problem]:
    """Every foreign key says what a delete does, also when that is NO ACTION."""
    for constraint, owner in constraints_of(statement.node):
        if constraint.contype == enums.ConstrType.CONSTR_FOREIGN and constraint.fk_del_action == "a":
            text = script.text[constraint.location : statement.end]
            depth, words = 0, []
            for token in scan(text):
                depth += {"ASCII_40": 1, "ASCII_41": -1}.get(token.name, 0)
                if depth < 0 or (depth == 0 and token.name == "ASCII_44"):
                    break
                words.append(token.name)
            if ("ON", "DELETE_P") not in itertools.pairwise(words):
                yield Problem(
                    f"foreign key {constraint.conname or ''} of {owner} has no ON DELETE", constraint.location
                )


@statement_rule("grant-public")
def check_grant_public(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """Nothing is granted to PUBLIC."""
    node = statement.node
    action = node.action if isinstance(node, ast.AlterDefaultPrivilegesStmt) else node
    public = enums.RoleSpecType.ROLESPEC_PUBLIC
    if (
        isinstance(action, ast.GrantStmt)
        and action.is_grant
        and public in {g.roletype for g in action.grantees}
    ):
        yield Problem("a grant to PUBLIC")


_UNQUALIFIED_KINDS = {
    enums.ObjectType.OBJECT_SCHEMA,
    enums.ObjectType.OBJECT_EXTENSION,
    enums.ObjectType.OBJECT_EVENT_TRIGGER,
    enums.ObjectType.OBJECT_LANGUAGE,
}
_ON_TABLE_KINDS = {
    enums.ObjectType.OBJECT_TRIGGER,
    enums.ObjectType.OBJECT_POLICY,
    enums.ObjectType.OBJECT_RULE,
}


def dropped_names(node: Any) -> Iterator[tuple[list[str], bool]]:
    """Yield (parts of the name, whether an argument list is missing) for each object of a DROP."""
    for target in node.objects:
        if isinstance(target, ast.ObjectWithArgs):
            yield [str(p.sval) for p in target.objname], bool(target.args_unspecified)
        elif isinstance(target, ast.TypeName):
            yield [str(p.sval) for p in target.names], False
        elif isinstance(target, ast.String):
            yield [str(target.sval)], False
        else:
            yield [str(p.sval) for p in target], False


@statement_rule("qualified-drop", *EVERYWHERE)
def check_qualified_drop(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """DROP names the schema, and a function's argument types."""
    node = statement.node
    if not isinstance(node, ast.DropStmt) or node.removeType in _UNQUALIFIED_KINDS:
        return
    wanted = 3 if node.removeType in _ON_TABLE_KINDS else 2
    for parts, no_arguments in dropped_names(node):
        if len(parts) < wanted:
            yield Problem(f"DROP of {'.'.join(parts)} without its schema")
        if no_arguments:
            yield Problem(f"DROP of {'.'.join(parts)} without its argument types")


@statement_rule("drop-cascade", *EVERYWHERE)
def check_drop_cascade(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """No DROP … CASCADE: it takes along what nobody named."""
    node = statement.node
    if (
        isinstance(node, ast.DropStmt | ast.DropOwnedStmt)
        and node.behavior == enums.DropBehavior.DROP_CASCADE
    ):
        yield Problem("DROP … CASCADE")


@statement_rule("drop-if-exists")
def check_drop_if_exists(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """A deploy script knows what is there: no DROP … IF EXISTS."""
    if isinstance(statement.node, ast.DropStmt | ast.DropRoleStmt) and statement.node.missing_ok:
        yield Problem("DROP … IF EXISTS in a deploy script")


@statement_rule("body", *EVERYWHERE)
def check_body(_project: Project, script: Script, statement: Statement) -> Iterator[Problem]:
    """Bodies of PL/pgSQL and SQL functions and of DO blocks parse."""
    node = statement.node
    if not isinstance(node, ast.CreateFunctionStmt | ast.DoStmt) or (body := body_of(node)) is None:
        return
    language, text, offset = body
    try:
        if language == "plpgsql":
            for kind, expression in walk(plpgsql_tree(statement.source)):
                if kind == "PLpgSQL_expr":
                    parse_expression(expression["query"], expression["parseMode"])
        elif language == "sql":
            parse_sql(text)
    except ParseError as error:
        yield Problem(f"the body cannot be parsed: {error.args[0]}", offset)


@statement_rule("function-length")
def check_function_length(_project: Project, _script: Script, statement: Statement) -> Iterator[Problem]:
    """A function's body over 60 lines is a warning, over 100 an error."""
    node = statement.node
    if not isinstance(node, ast.CreateFunctionStmt) or (body := body_of(node)) is None:
        return
    lines = len(body[1].strip("\n").split("\n"))
    if lines > LONG_BODY:
        words = f"the body of {function_name(node)} has {lines} lines"
        yield Problem(words, severity="error" if lines > TOO_LONG_BODY else "warning")


def plpgsql_tree(source: str) -> Any:
    """Return the parsed PL/pgSQL of a CREATE FUNCTION or DO statement.

    The parser knows no types but the built-in ones. Where it stumbles over that, it gets the text once more
    with schemas made part of names and arrays of unknown types made text[]; lines stay where they are.

    Raises:
        ParseError: the body is no PL/pgSQL.
    """
    try:
        return parse_plpgsql(source)
    except ParseError as error:
        if not any(words in str(error) for words in _NO_CATALOGUE):
            raise
    plain = re.sub(
        r"\b(neanelu|extensions|app|sync|audit|ops|shops|search|pgmq|partman|matching)\.(?=\w)",
        r"\1_",
        source,
    )
    plain = re.sub(r"\bVARIADIC\b", "", plain)
    plain = re.sub(r"[\w.]+%(?:ROW)?TYPE\b", "record", plain, flags=re.IGNORECASE)
    plain = re.sub(r"\b(\w+)\[\]", lambda m: m[0] if m[1].lower() in _BASE_TYPES else "text[]", plain)
    return parse_plpgsql(plain)


def parse_expression(query: str, mode: int) -> None:
    """Parse what PL/pgSQL leaves to SQL: a statement (mode 0), an expression (2) or an assignment (above).

    Raises:
        ParseError: it is no SQL.
    """
    if mode > _EXPRESSION:
        query = query[query.index("=") + 1 :]
    if mode >= _EXPRESSION:
        query = f"SELECT {query.strip() or '()'}"
    parse_sql(query)


def walk(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every (kind, node) of a parsed PL/pgSQL tree."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key.startswith("PLpgSQL_") and isinstance(value, dict):
                yield key, value
            yield from walk(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from walk(value)


def plpgsql_nodes(statement: Statement) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the nodes of a PL/pgSQL function's body; nothing where there is none or it does not parse."""
    node = statement.node
    if (
        isinstance(node, ast.CreateFunctionStmt)
        and (body := body_of(node)) is not None
        and body[0] == "plpgsql"
    ):
        try:
            yield from walk(plpgsql_tree(statement.source))
        except ParseError:
            return


def body_offset(script: Script, statement: Statement, line: int) -> int:
    """Return the offset of a line, from 1, of a function's body."""
    body = body_of(statement.node)
    offset = statement.start if body is None else body[2]
    for _ in range(line - 1):
        offset = script.text.find("\n", offset) + 1
    return offset


@statement_rule("errcode")
def check_errcode(_project: Project, script: Script, statement: Statement) -> Iterator[Problem]:
    """RAISE EXCEPTION in a function has an ERRCODE, so that callers need not read messages."""
    for kind, node in plpgsql_nodes(statement):
        if kind != "PLpgSQL_stmt_raise" or node.get("elog_level") != _ERROR_LEVEL:
            continue
        options = [o["PLpgSQL_raise_option"]["opt_type"] for o in node.get("options", ())]
        if ("message" in node or options) and 0 not in options and "condname" not in node:
            yield Problem("RAISE EXCEPTION without ERRCODE", body_offset(script, statement, node["lineno"]))


@statement_rule("when-others")
def check_when_others(_project: Project, script: Script, statement: Statement) -> Iterator[Problem]:
    """No WHEN OTHERS that swallows: its handler raises again."""
    for kind, node in plpgsql_nodes(statement):
        if kind != "PLpgSQL_exception":
            continue
        names = {c["PLpgSQL_condition"]["condname"] for c in node.get("conditions", ())}
        raises = any(
            k == "PLpgSQL_stmt_raise" and n.get("elog_level") == _ERROR_LEVEL
            for k, n in walk(node.get("action"))
        )
        if "others" in names and not raises:
            line = next((n["lineno"] for _, n in walk(node.get("action")) if "lineno" in n), 1)
            yield Problem("WHEN OTHERS that does not raise again", body_offset(script, statement, line))


@statement_rule("names")
def check_names(_project: Project, script: Script, statement: Statement) -> Iterator[Problem]:
    """Parameters begin with p_, variables with v_, names of trigger functions with tg_<table>__."""
    node = statement.node
    if not isinstance(node, ast.CreateFunctionStmt):
        return
    modes = enums.FunctionParameterMode
    for parameter in node.parameters or ():
        if parameter.mode in (modes.FUNC_PARAM_OUT, modes.FUNC_PARAM_TABLE):
            continue
        if not (parameter.name or "").startswith("p_"):
            yield Problem(
                f"parameter {parameter.name or '(unnamed)'} of {function_name(node)} does not begin with p_"
            )
    is_trigger = node.returnType is not None and type_key(node.returnType) == "trigger"
    if is_trigger and not re.fullmatch(r"tg_\w+?__\w+", str(node.funcname[-1].sval)):
        yield Problem(f"trigger function {function_name(node)} is not named tg_<table>__<task>")
    seen = set()
    for kind, variable in plpgsql_nodes(statement):
        name = str(variable.get("refname", ""))
        if kind not in ("PLpgSQL_var", "PLpgSQL_rec") or "lineno" not in variable or name in seen:
            continue
        seen.add(name)
        if not name.startswith("v_") and name not in ("sqlstate", "sqlerrm"):
            where = body_offset(script, statement, variable["lineno"])
            yield Problem(f"variable {name} of {function_name(node)} does not begin with v_", where)


@statement_rule("pgtap")
def check_pgtap(project: Project, script: Script, statement: Statement) -> Iterator[Problem]:
    """Every function without _ in front is called by a script under pgtap/; its rights alone do not do."""
    node = statement.node
    if not isinstance(node, ast.CreateFunctionStmt) or project.tested is None:
        return
    is_trigger = node.returnType is not None and type_key(node.returnType) == "trigger"
    name = script.name_key(node.funcname)
    if not is_trigger and "._" not in name and name not in project.tested:
        yield Problem(f"no script under pgtap/ calls {name}")


@statement_rule("sqlstate")
def check_sqlstate(project: Project, script: Script, statement: Statement) -> Iterator[Problem]:
    """SQLSTATEs of our own stand in docs/errors.md."""
    seen = set()
    for match in re.finditer(r"'([^'\n]{5})'", statement.source):
        code = match[1]
        if _OWN_SQLSTATE.fullmatch(code) and code not in project.sqlstates and code not in seen:
            seen.add(code)
            yield Problem(f"{code} is not in docs/errors.md", statement.start + match.start())


@script_rule("transaction", *EVERYWHERE)
def check_transaction(_project: Project, script: Script) -> Iterator[Problem]:
    """A script is one transaction: BEGIN first; COMMIT last, in verify scripts ROLLBACK."""
    kinds = enums.TransactionStmtKind
    last = kinds.TRANS_STMT_ROLLBACK if script.kind == "verify" else kinds.TRANS_STMT_COMMIT
    found = [(i, s) for i, s in enumerate(script.statements) if isinstance(s.node, ast.TransactionStmt)]
    begins = bool(found) and found[0][0] == 0 and found[0][1].node.kind == kinds.TRANS_STMT_BEGIN
    ends = bool(found) and found[-1][0] == len(script.statements) - 1 and found[-1][1].node.kind == last
    if not begins:
        yield Problem("the script does not begin with BEGIN")
    if not ends:
        yield Problem(f"the script does not end with {'ROLLBACK' if script.kind == 'verify' else 'COMMIT'}")
    if begins and ends and len(found) > 2:
        yield Problem("more than one transaction", found[1][1].start)


@script_rule("counterpart", *EVERYWHERE)
def check_counterpart(project: Project, script: Script) -> Iterator[Problem]:
    """Every change in sqitch.plan has a deploy, a revert and a verify script, and every script a change."""
    if script.change not in project.planned:
        yield Problem(f"{script.change} is not in sqitch.plan")
    for kind in EVERYWHERE:
        if (kind, script.change) not in project.scripts:
            yield Problem(f"{script.change} has no {kind} script")


@script_rule("verify-empty", "verify")
def check_verify_empty(_project: Project, script: Script) -> Iterator[Problem]:
    """A verify script verifies something."""
    idle = (ast.TransactionStmt, ast.VariableSetStmt)
    if not any(not isinstance(s.node, idle) for s in script.statements):
        yield Problem("the verify script is empty")


@script_rule("revert-complete")
def check_revert_complete(project: Project, script: Script) -> Iterator[Problem]:
    """What a deploy script creates, its revert script drops by name."""
    revert = project.scripts.get(("revert", script.change))
    if revert is None:
        return
    dropped = set()
    for statement in revert.statements:
        node = statement.node
        if not isinstance(node, ast.DropStmt):
            continue
        for target in node.objects:
            if isinstance(target, ast.ObjectWithArgs):
                dropped.add(revert.function_key(target.objname, target.objfuncargs))
            elif isinstance(target, ast.String):
                dropped.add(str(target.sval))
            else:
                dropped.add(revert.name_key(target.names if isinstance(target, ast.TypeName) else target))
    for statement, kind, key in script.created():
        if key not in dropped:
            yield Problem(
                f"{kind} {key} is created here and not dropped by the revert script", statement.start
            )


# --- Running --------------------------------------------------------------------------------------------
def problems(project: Project, script: Script) -> Iterator[tuple[str, Problem, int, int]]:
    """Yield (rule, problem, from, to): a finding may be allowed by a comment between the two offsets."""
    if script.error is not None:
        yield "syntax", script.error, 0, 0
        return
    for name, (kinds, check_script) in SCRIPT_RULES.items():
        if script.kind in kinds:
            for problem in check_script(project, script):
                owner = next((s for s in script.statements if s.start == problem.offset), None)
                first, last = (owner.before, owner.end) if owner else (0, len(script.text))
                yield name, problem, first, last
    for statement in script.statements:
        for name, (kinds, check_statement) in STATEMENT_RULES.items():
            if script.kind in kinds:
                for problem in check_statement(project, script, statement):
                    yield name, problem, statement.before, statement.end


def check(project: Project, script: Script) -> Iterator[Finding]:
    """Yield the findings of one script, allowances applied, and allowances that are wrong or of no use."""
    path = str(script.path.relative_to(project.root))
    used: set[int] = set()
    starts = {s.before: s.start for s in script.statements}
    for rule, problem, first, last in problems(project, script):
        allowed = [
            number
            for offset, rest, number in script.allowances
            if first <= offset < last and (m := _ALLOW_FORM.fullmatch(rest)) and m["rule"] == rule
        ]
        used.update(allowed)
        if not allowed:
            offset = problem.offset if problem.offset is not None else starts.get(first, first)
            yield Finding(path, script.line(offset), rule, problem.severity, problem.message)
    for offset, rest, number in script.allowances:
        if not _ALLOW_FORM.fullmatch(rest):
            message = "write: -- lint: allow <rule> because <reason>"
        elif number not in used:
            message = "this comment allows nothing that is found here"
        else:
            continue
        yield Finding(path, script.line(offset), "allow", "error", message)


def lint(root: Path) -> list[Finding]:
    """Return all findings of the project in a folder, in order of file and line."""
    project = Project(root)
    found = [finding for script in project.scripts.values() for finding in check(project, script)]
    for change in project.planned:
        if ("deploy", change) not in project.scripts:
            found.append(Finding("sqitch.plan", 1, "counterpart", "error", f"{change} has no deploy script"))
    return sorted(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--rules", action="store_true", help="list the rules and what they want")
    parser.add_argument("--root", type=Path, default=REPO, help="the project's folder")
    chosen = parser.parse_args(arguments)
    if chosen.rules:
        for name, (_, rule) in sorted({**STATEMENT_RULES, **SCRIPT_RULES}.items()):
            print(f"{name:16} {(rule.__doc__ or '').splitlines()[0]}")
        return 0
    found = lint(chosen.root.resolve())
    errors = sum(finding.severity == "error" for finding in found)
    if chosen.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        for finding in found:
            print(finding)
        print(f"lint_sql: {errors} errors, {len(found) - errors} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
