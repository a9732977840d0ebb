"""`neanelu ai`: what the commands say and how they end; the daemon as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from ai_support import Models, models_in, page
from click.testing import CliRunner

from neanelu.cli.ai import ai
from neanelu.platform.scratch import Database
from neanelu.sandbox.openai.provider import KEY
from neanelu.settings import get_settings


@pytest.fixture(scope="module")
def all_models(module_db: Database) -> Iterator[Models]:
    with models_in(module_db) as models:
        yield models


@pytest.fixture
def models(all_models: Models) -> Models:
    all_models.reset()
    return all_models


def environment(models: Models, role: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEANELU_", "PG"))}
    return {
        **kept,
        "NEANELU_DATABASE_URL": models.database.dsn(role),
        "NEANELU_OPENAI_BASE_URL": models.sandbox.openai_url,
        "NEANELU_OPENAI_API_KEY": KEY,
        "NEANELU_AI_POLL_SECONDS": "0.03",
        "NEANELU_AI_LINGER_SECONDS": "0.1",
        **more,
    }


def call(models: Models, *words: str) -> tuple[int, Any]:
    """Run a command in this process; return exit code and its JSON, or what it said."""
    get_settings.cache_clear()
    done = CliRunner().invoke(ai, words, env=environment(models, "neanelu_operator"))
    get_settings.cache_clear()
    try:
        return done.exit_code, json.loads(done.stdout)
    except ValueError:
        return done.exit_code, done.output


def until_idle(models: Models, *words: str) -> tuple[int, str]:
    """Run the daemon until nothing is left; return exit code and what it said. Each of its logins is its own."""
    base = models.database.dsn("neanelu_ai").replace("user=neanelu_ai", "")
    done = subprocess.run(
        [sys.executable, "-m", "neanelu", "ai", "run", "--until-idle", *words],
        env={**environment(models, "neanelu_ai"), "NEANELU_DATABASE_URL": base},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + ("" if done.stdout.startswith("{") else done.stderr)


def test_from_a_page_to_its_costs(models: Models) -> None:
    models.request([page(1)])
    models.connection.execute("DELETE FROM neanelu.ai_extractions")
    code, said = call(models, "extract", "--source", "web", "--json")
    assert (code, said["requested"]) == (0, 1)
    models.run()
    code, rows = call(models, "batches", "list", "--json")
    assert (code, rows[0]["status"], rows[0]["completed"]) == (0, "completed", 1)
    batch = rows[0]["batch_id"]
    assert call(models, "batches", "show", batch, "--json")[1]["errors"] == []
    assert "completed" in call(models, "batches", "list")[1]
    code, usage = call(models, "usage", "--by", "model", "--json")
    assert (code, usage[0]["key"], usage[0]["requests"]) == (0, "gpt-4.1-mini", 1)
    assert "gpt-4.1-mini" in call(models, "usage", "--by", "model")[1]
    assert call(models, "batches", "cancel", batch, "--json")[1]["error"]["code"] == "NT005"
    assert call(models, "batches", "retry", batch, "--dry-run", "--json") == (
        0,
        {"items": 0, "dry_run": True},
    )


def test_budgets_and_prices(models: Models) -> None:
    assert call(models, "budget", "set", "openai", "12.5", "--json")[1]["monthly_limit"] == "12.5000"
    assert "$12.50" in call(models, "budget", "show")[1]
    code, said = call(models, "budget", "set", "No Such", "1", "--json")
    assert (code, said["error"]["code"]) == (2, "NT007")
    assert call(models, "models", "set", "vllm", "tiny", "--input", "0")[0] == 0
    listed = call(models, "models", "list", "--json")[1]
    assert ("vllm", "tiny") in {(row["provider"], row["model"]) for row in listed}


def test_a_batch_that_is_not_there_is_a_wrong_call(models: Models) -> None:
    for words in (("show",), ("cancel",), ("retry",)):
        code, said = call(models, "batches", *words, "0198c0de-0000-7000-8000-000000000000", "--json")
        assert (code, said["error"]["code"]) == (2, "NT004")
    assert call(models, "extract")[0] == 2


def test_until_idle_says_what_was_done_and_what_waits(models: Models) -> None:
    models.request([page(1), page(2)])
    code, said = until_idle(models, "--json")
    assert code == 0, said
    assert json.loads(said)["pages"] == 2
    models.connection.execute("SELECT ai.set_budget('openai', 0)")
    models.request([page(3)])
    code, said = until_idle(models)
    assert code == 1
    assert "wait for a budget" in said


def test_the_service_answers_for_its_health_and_ends_when_told(models: Models) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "neanelu", "ai", "run", "--port", "0"],
        env=environment(models, "neanelu_ai"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        port = next(json.loads(line)["port"] for line in process.stderr if "health server listens" in line)
        models.request([page(1)])
        deadline = time.monotonic() + 20
        while not models.sessions():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            figures = answer.read().decode()
        assert 'neanelu_ai_answers_total{kind="items"} 1.0' in figures
        assert 'neanelu_ai_budget_limit_usd{provider="openai"} 10.0' in figures
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
