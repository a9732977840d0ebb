"""What tests of models share: a provider to ask, pages to be read, and daemons that ask."""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.process
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from neanelu.ai.daemon import AiDaemon
from neanelu.platform.scratch import Database
from neanelu.sandbox.openai.provider import KEY, Provider
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.settings import Settings

#: Quick intervals; the lease is as short as settings allow.
QUICK = {
    "ai_poll_seconds": 0.03,
    "ai_poll_max_seconds": 0.1,
    "ai_backoff_seconds": 0.05,
    "ai_lease_seconds": 1.0,
    "ai_linger_seconds": 0.2,
    "ai_log_level": "error",
}


def page(number: int, extra: str = "") -> str:
    """Return a page without structured data."""
    return (
        f"<html><head><script>var brand = 'Script'</script></head><body><nav>Home</nav><h1>Acme Monitor X{number}</h1>"
        f"<table><tr><th>Brand</th><td>Acme</td></tr><tr><th>Diagonala</th><td>{20 + number % 20} inch</td></tr>"
        f"<tr><th>Cod produs</th><td>AC-{number:05d}</td></tr></table><p>Pret: 1.{number % 1000:03d},50 lei</p>"
        f"{extra}</body></html>"
    )


class Models:
    """A database with pages, and a provider."""

    def __init__(self, database: Database, sandbox: SandboxHandle) -> None:
        self.database = database
        self.sandbox = sandbox
        self.provider: Provider = sandbox.openai
        self.connection: psycopg.Connection[Any] = database.connect()
        self.connection.execute(
            "INSERT INTO neanelu.prod_sources (name, source_type) VALUES ('web', 'SCRAPER') ON CONFLICT DO NOTHING"
        )

    def reset(self) -> None:
        """Forget all that was asked, here and there."""
        self.connection.execute(
            "TRUNCATE neanelu.ai_batches, neanelu.embedding_batches, neanelu.embedding_items, neanelu.embedding_texts,"
            " neanelu.prod_raw_harvest, neanelu.api_usage_log, neanelu.ai_spending CASCADE"
        )
        self.connection.execute(
            "UPDATE neanelu.ai_models SET max_batch_requests = 50000, max_batch_tokens = 40000000, is_active = true"
        )
        self.connection.execute("UPDATE neanelu.ai_budgets SET monthly_limit = 10")
        self.provider.faults.clear()
        self.provider.billed.clear()
        self.provider.answers.clear()
        self.provider.batches.clear()
        self.provider.files.clear()
        self.provider.polls = 2

    def settings(self, **more: Any) -> Settings:
        """Return settings of a daemon that asks the sandbox."""
        values = {"openai_base_url": self.sandbox.openai_url, "openai_api_key": KEY, **QUICK, **more}
        return Settings(_env_file=None, **values)

    def request(self, pages: Sequence[str]) -> list[Any]:
        """Harvest pages and have them read; return the documents' ids."""
        ids = []
        for number, html in enumerate(pages):
            digest = hashlib.sha256(f"{number}{html}".encode()).hexdigest()
            ids.append(
                self.value(
                    "INSERT INTO neanelu.prod_raw_harvest (source_id, source_url, raw_html, content_hash)"
                    " SELECT id, %s, %s, %s FROM neanelu.prod_sources WHERE name = 'web' RETURNING id",
                    f"https://web.example/{number}", html, digest,
                )
            )  # fmt: skip
        self.connection.execute(
            "SELECT ai.request_extraction(array_agg(id), array_agg(fetched_at))"
            " FROM neanelu.prod_raw_harvest WHERE id = ANY (%s)",
            [ids],
        )
        return ids

    def run(self, **more: Any) -> None:
        """Run a daemon until nothing is left."""
        daemon = AiDaemon(self.settings(**more), dsn=self.database.dsn("neanelu_ai"))
        try:
            daemon.run_until_idle()
        finally:
            daemon.close()

    def value(self, statement: str, *values: Any) -> Any:
        """Return the first value that a statement answers."""
        row = self.connection.execute(statement, values).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Return the rows of a statement; single columns as values."""
        found = self.connection.execute(statement, values).fetchall()  # type: ignore[arg-type]
        return [row[0] if len(row) == 1 else row for row in found]

    def batches(self) -> list[Any]:
        """Return (status, attempt, requests, completed, failed) of all batches in their order."""
        return self.rows(
            "SELECT status, attempt, requests, completed, failed FROM ai.list_batches(p_limit => 1000) ORDER BY batch_id"
        )

    def sessions(self) -> list[Any]:
        """Return (document, specs, error) of all sessions."""
        return self.rows(
            "SELECT harvest_id, extracted_specs, error_message FROM neanelu.prod_extraction_sessions ORDER BY id"
        )

    def assert_paid_once(self, requests: int) -> None:
        """Assert that so many requests were billed, none twice, and that our books say what the provider's do."""
        ledger = self.provider.ledger()
        assert ledger["twice"] == []
        assert ledger["requests"] == requests
        spent = self.rows("SELECT coalesce(sum(tokens_input + tokens_output), 0) FROM neanelu.api_usage_log")
        assert spent == [ledger["tokens"]]
        assert self.rows("SELECT coalesce(sum(reserved), 0) FROM neanelu.ai_spending") == [0]


@contextmanager
def models_in(database: Database) -> Iterator[Models]:
    """Yield a provider, and a database that asks it."""
    with run_in_thread() as sandbox:
        yield Models(database, sandbox)


def work(dsn: str, values: dict[str, Any]) -> None:
    """Be a daemon until killed (runs in a process of its own)."""
    from neanelu.observe.log import configure_logging

    configure_logging("error")
    AiDaemon(Settings(_env_file=None, **values), dsn=dsn).run()


def starter(models: Models) -> Callable[[], multiprocessing.process.BaseProcess]:
    """Return a function that starts a daemon in a process of its own, quickly."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ai_support"])
    values = {"openai_base_url": models.sandbox.openai_url, "openai_api_key": KEY, **QUICK}

    def start() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=work, args=(models.database.dsn("neanelu_ai"), values), daemon=True)
        process.start()
        return process

    return start
