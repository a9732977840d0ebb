"""`neanelu ai`: the daemon that asks models, its batches, what they cost and what they may cost."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import click

from neanelu.cli.output import console, emit, exits, instant, number, readable, status_text, table
from neanelu.cli.worker import Signals
from neanelu.db import sql
from neanelu.db.connection import session
from neanelu.db.errors import NotFound
from neanelu.settings import get_settings

STATUSES = ("pending", "submitting", "submitted", "processing", "completed", "failed", "expired", "cancelled")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
_LIMIT = click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many."
)


@click.group()
def ai() -> None:
    """Models: run the daemon that asks them, see batches and costs, set budgets and prices.

    \b
    Examples:
      neanelu ai run
      neanelu ai extract --source webshop
      neanelu ai batches list --status processing
      neanelu ai usage --by model
      neanelu ai budget set openai 50
    """


@ai.command()
@click.option("--until-idle", is_flag=True, help="End when nothing is left to be asked or answered.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port of health and metrics; 0: a free one [default: NEANELU_AI_PORT, 9466].",
)
@click.option("--json", "as_json", is_flag=True, help="With --until-idle: print what was done.")
def run(until_idle: bool, port: int | None, as_json: bool) -> None:
    """Have pages read and texts made into vectors by models, in batches, for as long as it runs.

    Any number may run side by side. It may be killed at any moment: what was sent is found again at the
    provider, nothing is lost and nothing paid for twice. SIGTERM or Ctrl-C ends it after the step under
    way. /health/live, /health/ready and /metrics are served on the port. A month's budget that does not
    suffice keeps batches waiting: `neanelu ai budget`.

    Exit codes: 0 stopped, or nothing left; 1 with --until-idle: batches wait for a budget; 2 wrong call;
    3 no database, no key, or the port is taken; 130 second signal.

    \b
    Examples:
      neanelu ai run
      neanelu ai run --until-idle --json
      NEANELU_OPENAI_BASE_URL=http://127.0.0.1:8499/openai/v1 neanelu ai run --port 0
    """
    from neanelu.ai.daemon import AiDaemon, PortTaken
    from neanelu.observe.health import HealthServer
    from neanelu.observe.log import configure_logging

    if as_json and not until_idle:
        raise click.UsageError("--json belongs to --until-idle: a service has no end to report")
    settings = get_settings()
    configure_logging(settings.ai_log_level)
    with exits(as_json), Signals() as signals:
        made = AiDaemon(settings)
        if until_idle:
            _until_idle(made, signals, as_json)
            return
        chosen = settings.ai_port if port is None else port
        try:
            server = HealthServer(made.health(), settings.ai_host, chosen)
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {settings.ai_host}:{chosen}: {error.strerror}",
                hint="Another daemon on this machine? Give each a --port of its own, or 0.",
            ) from error
        with server:
            thread = threading.Thread(target=made.run, name="ai", daemon=True)
            thread.start()
            while thread.is_alive() and not signals.wait(1.0):
                pass
            made.stop()
            thread.join()
            made.close()


def _until_idle(made: Any, signals: Signals, as_json: bool) -> None:
    """Work until nothing is left, hearing signals meanwhile, and say what was done."""
    raised: list[BaseException] = []

    def body() -> None:
        try:
            made.run_until_idle()
        except BaseException as error:  # raised again below
            raised.append(error)

    thread = threading.Thread(target=body, name="ai", daemon=True)
    thread.start()
    while thread.is_alive():
        if signals.wait(0.05):
            made.stop()
            thread.join()
    made.close()
    if raised:
        raise raised[0]
    settings = get_settings()
    with session("neanelu_operator", purpose="ai") as connection:
        left = connection.execute(sql.AI_OUTLOOK, {"provider": settings.ai_provider}).fetchone()
    assert left is not None
    facts = {"pages": made.tally.pages, "steps": made.tally.steps, "held_back": left["held_back"]}
    if as_json:
        emit(facts)
    else:
        click.echo(f"{facts['pages']} pages made into text, {facts['steps']} steps of batches")
    if facts["held_back"]:
        click.echo(f"{facts['held_back']} batches wait for a budget: neanelu ai budget show", err=True)
        sys.exit(1)


@ai.command()
@click.argument("documents", nargs=-1, type=click.UUID, metavar="[DOCUMENT]...")
@click.option("--source", metavar="NAME", help="All pages of this source without structured data.")
@_JSON
def extract(documents: tuple[UUID, ...], source: str | None, as_json: bool) -> None:
    """Have harvested pages read by a model; `neanelu ai run` does it.

    Pages that wait already, or were read already, are left out. What a page says of a product comes
    back as a session of extraction, as far as it can be found on the page.

    \b
    Examples:
      neanelu ai extract --source webshop
      neanelu ai extract 0198c0de-0000-7000-8000-000000000000 --json
    """
    if not documents and source is None:
        raise click.UsageError("name documents, or a --source")
    with exits(as_json), session("neanelu_operator", purpose="ai") as connection:
        row = connection.execute(
            sql.REQUEST_EXTRACTION, {"ids": list(documents), "source": source}
        ).fetchone()
        report = connection.execute(sql.EXTRACTION_REPORT).fetchall()
    requested = row["requested"] if row else 0
    if as_json:
        emit({"requested": requested, "pages": report})
        return
    click.echo(f"{number(requested)} pages are to be read")
    rows = [
        [status_text(line["status"]), line["error_code"] or "-", number(line["pages"])] for line in report
    ]
    console().print(table({"STATUS": "left", "ERROR": "left", "PAGES": "right"}, rows))


# --- Batches ----------------------------------------------------------------------------------------------
@ai.group()
def batches() -> None:
    """Batches of requests at a provider.

    \b
    Examples:
      neanelu ai batches list
      neanelu ai batches show BATCH
      neanelu ai batches cancel BATCH
      neanelu ai batches retry BATCH
    """


@batches.command("list")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; may repeat."
)
@_LIMIT
@_JSON
def list_(statuses: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List batches, the latest first. COST is what is put aside while one runs, then what it came to.

    \b
    Examples:
      neanelu ai batches list
      neanelu ai batches list --status pending --status processing --json
    """
    with exits(as_json), session("neanelu_operator", purpose="ai") as connection:
        rows = connection.execute(
            sql.LIST_AI_BATCHES, {"statuses": list(statuses) or None, "limit": limit, "batch_id": None}
        ).fetchall()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("no batches")
        return
    columns = dict.fromkeys(("BATCH", "TYPE", "MODEL", "STATUS"), "left") | dict.fromkeys(
        ("REQUESTS", "DONE", "FAILED", "TOKENS", "COST"), "right"
    )
    columns |= {"MADE": "left", "ERROR": "left"}
    cells = [
        [
            row["batch_id"],
            row["batch_type"],
            row["model"],
            status_text(row["status"]),
            number(row["requests"]),
            number(row["completed"]),
            number(row["failed"]),
            number(row["tokens"]),
            dollars(row["cost"]),
            instant(row["created_at"]),
            readable((row["error"] or "").encode(), 50),
        ]
        for row in rows
    ]
    console().print(table(columns, cells))


@batches.command()
@click.argument("batch", type=click.UUID)
@_LIMIT
@_JSON
def show(batch: UUID, limit: int, as_json: bool) -> None:
    """Show all that is known of a batch, and requests that went wrong.

    \b
    Examples:
      neanelu ai batches show BATCH
      neanelu ai batches show BATCH --json | jq .errors
    """
    with exits(as_json), session("neanelu_operator", purpose="ai") as connection:
        row = connection.execute(
            sql.LIST_AI_BATCHES, {"statuses": None, "limit": 1, "batch_id": batch}
        ).fetchone()
        if row is None:
            raise NotFound(f"there is no batch {batch}", code="NT004", hint="neanelu ai batches list")
        errors = connection.execute(sql.AI_BATCH_ERRORS, {"batch_id": batch, "limit": limit}).fetchall()
    if as_json:
        emit({**row, "errors": errors})
        return
    for name, value in row.items():
        shown = instant(value) if isinstance(value, datetime) else "-" if value is None else str(value)
        click.echo(f"{name:<18} {readable(shown.encode())}")
    if errors:
        rows = [[e["custom_id"], e["status"], readable((e["error"] or "").encode(), 100)] for e in errors]
        console().print(table({"REQUEST": "left", "STATUS": "left", "ERROR": "left"}, rows))


@batches.command()
@click.argument("batch", type=click.UUID)
@_DRY_RUN
@_JSON
def cancel(batch: UUID, dry_run: bool, as_json: bool) -> None:
    """Cancel a batch. What the provider has answered already is taken, and paid for; the rest is not asked again.

    \b
    Examples:
      neanelu ai batches cancel BATCH --dry-run
      neanelu ai batches cancel BATCH
    """
    _change(sql.CANCEL_AI_BATCH, batch, dry_run, as_json, "status", "batch is {}")


@batches.command()
@click.argument("batch", type=click.UUID)
@_DRY_RUN
@_JSON
def retry(batch: UUID, dry_run: bool, as_json: bool) -> None:
    """Ask requests of an ended batch again that failed, or whose answers were of no use. That is paid for anew.

    \b
    Examples:
      neanelu ai batches retry BATCH --dry-run
      neanelu ai batches retry BATCH
    """
    _change(sql.RETRY_AI_BATCH, batch, dry_run, as_json, "items", "{} requests are asked again")


def _change(statement: str, batch: UUID, dry_run: bool, as_json: bool, key: str, text: str) -> None:
    """Do something to a batch in a transaction, which a dry run rolls back."""
    with (
        exits(as_json),
        session("neanelu_operator", purpose="ai") as connection,
        connection.transaction(force_rollback=dry_run),
    ):
        row = connection.execute(statement, {"batch_id": batch}).fetchone()
    assert row is not None
    if as_json:
        emit({key: row[key], "dry_run": dry_run})
    else:
        click.echo(text.format(row[key]) + (" (not done: --dry-run)" if dry_run else ""))


# --- Costs ------------------------------------------------------------------------------------------------
@ai.command()
@click.option(
    "--by",
    default="day",
    show_default=True,
    type=click.Choice(["day", "month", "provider", "endpoint", "model", "shop"]),
    help="What to add up by.",
)
@click.option("--days", default=31, show_default=True, type=click.IntRange(1, 3660), help="How far back.")
@click.option("--provider", metavar="NAME", help="Only this provider.")
@_JSON
def usage(by: str, days: int, provider: str | None, as_json: bool) -> None:
    """Show what outside services cost: requests, tokens, USD by list prices.

    \b
    Examples:
      neanelu ai usage
      neanelu ai usage --by shop --days 90
      neanelu ai usage --by model --json | jq '[.[].cost | tonumber] | add'
    """
    since = datetime.now(UTC) - timedelta(days=days)
    with exits(as_json), session("neanelu_operator", purpose="ai") as connection:
        rows = connection.execute(sql.AI_USAGE, {"by": by, "since": since, "provider": provider}).fetchall()
    if as_json:
        emit(rows)
        return
    columns = {by.upper(): "left"} | dict.fromkeys(
        ("REQUESTS", "TOKENS IN", "TOKENS OUT", "COST", "ERRORS"), "right"
    )
    cells = [
        [
            row["key"],
            number(row["requests"]),
            number(row["tokens_in"]),
            number(row["tokens_out"]),
            dollars(row["cost"]),
            number(row["errors"]),
        ]
        for row in rows
    ]
    console().print(table(columns, cells))


@ai.group()
def budget() -> None:
    """What may be spent at a provider in a month (UTC). It is enforced before anything is sent.

    \b
    Examples:
      neanelu ai budget show
      neanelu ai budget set openai 50
    """


@budget.command("show")
@_JSON
def show_budget(as_json: bool) -> None:
    """Show this month's budgets: limit, spent, put aside for work under way, left; USD.

    \b
    Examples:
      neanelu ai budget show
      neanelu ai budget show --json
    """
    with exits(as_json), session("neanelu_operator", purpose="ai") as connection:
        rows = connection.execute(sql.AI_BUDGETS, {"provider": None}).fetchall()
    if as_json:
        emit(rows)
        return
    columns = {"PROVIDER": "left", "MONTH": "left"} | dict.fromkeys(
        ("LIMIT", "SPENT", "RESERVED", "LEFT"), "right"
    )
    names = ("monthly_limit", "spent", "reserved", "remaining")
    cells = [
        [row["provider"], row["month"].strftime("%Y-%m"), *(dollars(row[name]) for name in names)]
        for row in rows
    ]
    console().print(table(columns, cells))


@budget.command("set")
@click.argument("provider")
@click.argument("usd", type=click.FloatRange(0, 99_999_999))
@_JSON
def set_budget(provider: str, usd: float, as_json: bool) -> None:
    """Set what may be spent at a provider in a month, in USD. Counts at once; what waited for it goes on.

    \b
    Examples:
      neanelu ai budget set openai 50
      neanelu ai budget set openai 0
    """
    with exits(as_json), session("neanelu_operator", purpose="ai") as connection:
        connection.execute(sql.SET_AI_BUDGET, {"provider": provider, "limit": Decimal(str(usd))})
        row = connection.execute(sql.AI_BUDGETS, {"provider": provider}).fetchone()
    if as_json:
        emit(row)
    else:
        click.echo(f"{provider}: {dollars(Decimal(str(usd)))} a month")


@ai.group()
def models() -> None:
    """Models that may be asked, and what they cost. Prices are list prices: compare them with your provider's.

    \b
    Examples:
      neanelu ai models list
      neanelu ai models set vllm qwen2.5-7b --input 0 --output 0
    """


@models.command("list")
@_JSON
def list_models(as_json: bool) -> None:
    """List models with their prices in USD for a million tokens.

    \b
    Examples:
      neanelu ai models list
    """
    with exits(as_json), session("neanelu_operator", purpose="ai") as connection:
        rows = connection.execute(sql.AI_MODELS).fetchall()
    if as_json:
        emit(rows)
        return
    columns = {"PROVIDER": "left", "MODEL": "left", "KIND": "left"} | dict.fromkeys(
        ("INPUT", "OUTPUT", "BATCH INPUT", "BATCH OUTPUT"), "right"
    )
    names = ("input_price", "output_price", "batch_input_price", "batch_output_price")
    cells = [
        [row["provider"], row["model"], row["kind"], *(f"{row[name].normalize():f}" for name in names)]
        for row in rows
    ]
    console().print(table(columns, cells))


@models.command("set")
@click.argument("provider")
@click.argument("model")
@click.option(
    "--kind",
    default="chat",
    show_default=True,
    type=click.Choice(["chat", "embedding"]),
    help="What it does.",
)
@click.option(
    "--input", "input_", required=True, type=click.FloatRange(0), help="USD for a million tokens sent."
)
@click.option("--output", default=0.0, type=click.FloatRange(0), help="USD for a million tokens received.")
@click.option("--batch-input", type=click.FloatRange(0), help="The same in batches [default: as --input].")
@click.option("--batch-output", type=click.FloatRange(0), help="The same in batches [default: as --output].")
@click.option("--max-input", type=click.IntRange(1), help="Most tokens of a question.")
@click.option("--max-requests", type=click.IntRange(1, 50_000), help="Most requests of a batch.")
@click.option("--active/--inactive", default=True, help="Whether it may be asked.")
def set_model(
    provider: str,
    model: str,
    kind: str,
    input_: float,
    output: float,
    batch_input: float | None,
    batch_output: float | None,
    max_input: int | None,
    max_requests: int | None,
    active: bool,
) -> None:
    """Add a model, or change its prices and limits.

    \b
    Examples:
      neanelu ai models set openai gpt-4.1 --input 2 --output 8 --batch-input 1 --batch-output 4
      neanelu ai models set vllm bge-m3 --kind embedding --input 0
    """
    values = {
        "provider": provider,
        "model": model,
        "kind": kind,
        "input": Decimal(str(input_)),
        "output": Decimal(str(output)),
        "batch_input": None if batch_input is None else Decimal(str(batch_input)),
        "batch_output": None if batch_output is None else Decimal(str(batch_output)),
        "max_input": max_input,
        "max_requests": max_requests,
        "active": active,
    }
    with exits(), session("neanelu_operator", purpose="ai") as connection:
        connection.execute(sql.SET_AI_MODEL, values)
    click.echo(f"{provider} {model}: {input_:g} in, {output:g} out")


def dollars(value: Decimal | None) -> str:
    """Return an amount for people: cents, or as many places as small ones need."""
    if value is None:
        return "-"
    return f"${value:,.2f}" if value == 0 or abs(value) >= 1 else f"${value:.6f}".rstrip("0")
