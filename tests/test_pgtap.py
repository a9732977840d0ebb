"""Every script under pgtap/ passes under pg_prove, each in its own transaction in one deployed database."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import REPO

from neanelu.platform.scratch import PGTAP_SEARCH_PATH, Database

SCRIPTS = sorted((REPO / "pgtap").rglob("*.sql"))


def test_there_are_scripts() -> None:
    assert SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(REPO / "pgtap")))
def test_pgtap(module_db: Database, script: Path) -> None:
    done = subprocess.run(
        [module_db.cluster.bin("pg_prove"), "--ext", ".sql", "--verbose", str(script)],
        cwd=REPO,
        env={**os.environ, **module_db.env(), "PGOPTIONS": f"-c search_path={PGTAP_SEARCH_PATH}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{done.stdout}\n{done.stderr}", pytrace=False)
