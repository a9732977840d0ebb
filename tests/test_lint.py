"""Each rule of tools/lint_sql.py finds what it is for, and the project's own scripts are clean."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import REPO

sys.path.insert(0, str(REPO / "tools"))
import lint_migrations
import lint_sql

TABLE = """
CREATE TABLE neanelu.things (
    id     uuid NOT NULL,
    other  uuid NOT NULL,
    CONSTRAINT things_pkey PRIMARY KEY (id),
    CONSTRAINT things_other_check CHECK (other <> id),
    CONSTRAINT things_other_fkey FOREIGN KEY (other) REFERENCES neanelu.things (id) ON DELETE NO ACTION
);
COMMENT ON TABLE neanelu.things IS 'Things';
"""
FUNCTION = """
CREATE FUNCTION neanelu.do(p_id uuid, p_names text[] DEFAULT NULL, OUT answer integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_row neanelu.things;
BEGIN
    IF p_id IS NULL THEN
        RAISE EXCEPTION 'no id' USING ERRCODE = 'NA001';
    END IF;
    SELECT * INTO v_row FROM things WHERE id = p_id;
    answer := 1;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'failed';
    RAISE;
END
$$;
COMMENT ON FUNCTION neanelu.do(uuid, text[]) IS 'Does';
"""
DROPS = "DROP FUNCTION neanelu.do(uuid, text[]);\nDROP TABLE neanelu.things;\n"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return `write(deploy, revert=…, verify=…, plan=…)`: a project with one change, `schema/things`."""

    def make(
        deploy: str = TABLE + FUNCTION,
        revert: str = DROPS,
        verify: str = "SELECT id FROM neanelu.things WHERE false;\n",
        plan: str = "schema/things 2026-01-01T00:00:00Z A <a@b.c> # Things\n",
        whole: str | None = None,
        pgtap: str = "SELECT is(neanelu.do(NULL), 1);\n",
    ) -> Path:
        scripts = {
            "db/schema/things.sql": whole
            if whole is not None
            else f"-- Deploy …\nBEGIN;\n{deploy}\nCOMMIT;\n",
            "db/revert/schema/things.sql": f"BEGIN;\n{revert}\nCOMMIT;\n",
            "db/verify/schema/things.sql": f"BEGIN;\n{verify}\nROLLBACK;\n",
            "docs/errors.md": "| code | means |\n|---|---|\n| NA001 | something |\n",
            "sqitch.plan": f"%project=x\n\n# heading\n{plan}",
            "pgtap/things/it_does.sql": pgtap,
        }
        for name, text in scripts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return make


def rules(root: Path) -> set[str]:
    return {finding.rule for finding in lint_sql.lint(root)}


def test_a_good_project_is_clean(write: Write) -> None:
    assert lint_sql.lint(write()) == []


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("volatility", "VOLATILE ", ""),
        ("search-path", "SET search_path = neanelu, pg_temp\n", ""),
        ("definer", "SET search_path = neanelu, pg_temp\n", ""),
        ("definer", "neanelu, pg_temp", "pg_temp, neanelu"),
        ("comment", "COMMENT ON TABLE neanelu.things IS 'Things';", ""),
        ("comment", "COMMENT ON FUNCTION neanelu.do(uuid, text[]) IS 'Does';", ""),
        ("comment", "COMMENT ON FUNCTION neanelu.do(uuid, text[])", "COMMENT ON FUNCTION neanelu.do(uuid)"),
        ("comment", "IS 'Things'", "IS ''"),
        ("constraint-name", "CONSTRAINT things_pkey ", ""),
        ("constraint-name", "CONSTRAINT things_other_check ", ""),
        ("constraint-name", "CONSTRAINT things_other_fkey ", ""),
        ("constraint-name", "id     uuid NOT NULL", "id     uuid NOT NULL UNIQUE"),
        ("on-delete", " ON DELETE NO ACTION", ""),
        ("on-delete", " ON DELETE NO ACTION", " ON UPDATE CASCADE"),
        ("on-delete", "other  uuid NOT NULL", "other  uuid CONSTRAINT x REFERENCES neanelu.things (id)"),
        ("grant-public", "CREATE TABLE", "GRANT USAGE ON SCHEMA neanelu TO PUBLIC; CREATE TABLE"),
        ("qualified-drop", "CREATE TABLE", "DROP TABLE old; CREATE TABLE"),
        ("drop-if-exists", "CREATE TABLE", "DROP TABLE IF EXISTS neanelu.old; CREATE TABLE"),
        ("drop-if-exists", "CREATE TABLE", "DROP ROLE IF EXISTS somebody; CREATE TABLE"),
        ("drop-cascade", "CREATE TABLE", "DROP TABLE neanelu.old CASCADE; CREATE TABLE"),
        ("body", "answer := 1;", "answer := ;"),
        ("body", "IF p_id IS NULL THEN", "IF p_id IS NULL"),
        ("function-length", "answer := 1;", "answer := 1;\n" * 95),
        ("errcode", " USING ERRCODE = 'NA001'", ""),
        ("when-others", "    RAISE;\n", ""),
        ("names", "p_id uuid", "id uuid"),
        ("names", "v_row", "r"),
        ("sqlstate", "'NA001'", "'NA999'"),
        ("transaction", "CREATE TABLE", "COMMIT; BEGIN; CREATE TABLE"),
        ("syntax", "CREATE TABLE", "CREATE TABEL"),
        ("revert-complete", "CREATE TABLE", "CREATE VIEW neanelu.v AS SELECT 1; CREATE TABLE"),
        ("revert-complete", "p_names text[]", "p_names text"),
    ],
)
def test_a_rule_finds_its_violation(write: Write, rule: str, old: str, new: str) -> None:
    good = TABLE + FUNCTION
    assert old in good
    assert rule in rules(write(good.replace(old, new)))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("qualified-drop", {"revert": "DROP FUNCTION neanelu.do; DROP TABLE neanelu.things;"}),
        ("qualified-drop", {"revert": DROPS + "DROP POLICY p ON things;"}),
        ("qualified-drop", {"revert": DROPS + "DROP TYPE t;"}),
        ("drop-cascade", {"revert": DROPS.replace("things;", "things CASCADE;")}),
        ("revert-complete", {"revert": "DROP TABLE neanelu.things;"}),
        ("verify-empty", {"verify": "SET LOCAL ROLE neanelu_owner;"}),
        ("body", {"verify": "DO $$ BEGIN PERFORM 1 END $$;"}),
        ("transaction", {"whole": TABLE}),
        ("transaction", {"whole": f"BEGIN;{TABLE}ROLLBACK;"}),
        ("counterpart", {"plan": ""}),
        ("counterpart", {"plan": "schema/things …\nschema/more …\n"}),
        ("pgtap", {"pgtap": "SELECT neanelu.do_not(NULL), neanelu.do FROM neanelu.does() -- neanelu.do(1)"}),
        (
            "pgtap",
            {"pgtap": "SELECT ok(has_function_privilege('x', 'neanelu.do(uuid, text[])', 'EXECUTE'));"},
        ),
        ("names", {"deploy": "CREATE FUNCTION app.x() RETURNS trigger LANGUAGE sql STABLE AS ''; "}),
    ],
)
def test_a_rule_finds_its_violation_elsewhere(write: Write, rule: str, changes: dict[str, str]) -> None:
    assert rule in rules(write(**changes))


def test_a_missing_counterpart_is_found(write: Write) -> None:
    root = write()
    (root / "db/verify/schema/things.sql").unlink()
    assert rules(root) == {"counterpart"}


def test_a_long_function_is_a_warning_and_a_longer_one_an_error(write: Write) -> None:
    severities = []
    for lines in (40, 60, 95):
        found = lint_sql.lint(write((TABLE + FUNCTION).replace("answer := 1;", "answer := 1;\n" * lines)))
        severities.append([finding.severity for finding in found])
    assert severities == [[], ["warning"], ["error"]]


def test_a_finding_names_the_line(write: Write) -> None:
    root = write((TABLE + FUNCTION).replace(" USING ERRCODE = 'NA001'", ""))
    text = (root / "db/schema/things.sql").read_text(encoding="utf-8").splitlines()
    (finding,) = lint_sql.lint(root)
    assert "RAISE EXCEPTION 'no id'" in text[finding.line - 1]
    assert str(finding).startswith(f"db/schema/things.sql:{finding.line}: error [errcode]")


def test_a_finding_is_allowed_with_a_reason_where_it_stands(write: Write) -> None:
    bare = TABLE + FUNCTION.replace("VOLATILE ", "")
    comment = "-- lint: allow volatility because a test says so\n"
    assert rules(write(bare.replace("CREATE FUNCTION", comment + "CREATE FUNCTION"))) == set()
    assert rules(write(bare.replace("DECLARE", comment + "DECLARE"))) == set()
    # Above another statement, of another rule, without a reason, without a finding:
    assert rules(write(comment + bare)) == {"volatility", "allow"}
    assert rules(write(bare.replace("DECLARE", comment.replace("volatility", "names") + "DECLARE"))) == {
        "volatility",
        "allow",
    }
    assert rules(write(bare.replace("DECLARE", "-- lint: allow volatility\nDECLARE"))) == {
        "volatility",
        "allow",
    }
    assert rules(write(TABLE + comment + FUNCTION)) == {"allow"}


def test_the_command_prints_json_and_exits_by_what_it_found(write: Write) -> None:
    def run(root: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(REPO / "tools/lint_sql.py"), "--json", "--root", str(root)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good = run(write())
    assert (good.returncode, json.loads(good.stdout)) == (0, [])
    bad = run(write(TABLE.replace(" ON DELETE NO ACTION", "") + FUNCTION))
    assert (bad.returncode, [finding["rule"] for finding in json.loads(bad.stdout)]) == (1, ["on-delete"])


def test_every_script_of_the_project_is_clean() -> None:
    assert [str(finding) for finding in lint_sql.lint(REPO) if finding.severity == "error"] == []


# --- Migrations after the first tag -----------------------------------------------------------------------
def test_only_changes_after_the_newest_tag_are_checked() -> None:
    assert lint_migrations.changes_after_tag("%x=1\na 2026\nb [a] 2026\n") == (None, ["a", "b"])
    plan = "a 2026\n@v1 2026\nb 2026\n@v2 2026\n\n# heading\nc [b] 2026\na [a@v2] 2026\n"
    assert lint_migrations.changes_after_tag(plan) == ("@v2", ["c", "a"])


def test_nothing_is_checked_before_the_first_tag(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    assert lint_migrations.main(["--root", str(write())]) == 0
    assert "no tag yet" in capfd.readouterr().out


def test_squawk_refuses_a_rewrite_of_a_full_table(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    rewrite = "ALTER TABLE neanelu.things ADD COLUMN size double precision NOT NULL DEFAULT random();"
    root = write(rewrite, plan="@v1 2026\nschema/things 2026\n")
    assert lint_migrations.main(["--root", str(root)]) != 0
    assert "adding-field-with-default" in capfd.readouterr().out
    safe = (
        "SET lock_timeout = '1s'; SET statement_timeout = '5s'; ALTER TABLE neanelu.things ADD size integer;"
    )
    assert lint_migrations.main(["--root", str(write(safe, plan="@v1 2026\nschema/things 2026\n"))]) == 0


# --- Scripts made from others -----------------------------------------------------------------------------
def test_reverts_and_verifies_of_the_pipeline_are_what_its_deploy_scripts_say() -> None:
    command = [sys.executable, str(REPO / "tools/write_function_scripts.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
