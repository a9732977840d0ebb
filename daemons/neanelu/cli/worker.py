"""`neanelu worker`: does the jobs that wait in the queues, and fires the schedule."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import Any

import click

from neanelu.cli.output import emit, exits
from neanelu.db.errors import NeaneluError
from neanelu.observe.health import HealthServer
from neanelu.observe.log import configure_logging
from neanelu.settings import get_settings
from neanelu.worker.worker import Tally, Worker

INTERRUPTED = 130


class Signals:
    """Hears SIGTERM and SIGINT from the main thread; the second one ends the process on the spot.

    A handler may only write to a pipe: locks, and so events, might be held by the very code that it interrupted.
    """

    def __init__(self) -> None:
        self.asked = False
        self._read, self._write = os.pipe()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        """Begin to listen."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Put back what was there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _handle(self, _number: int, _frame: object) -> None:
        if self.asked:
            os._exit(INTERRUPTED)
        self.asked = True
        os.write(self._write, b"!")

    def wait(self, timeout: float) -> bool:
        """Wait for a signal, at most so many seconds; return whether there was one."""
        if not self.asked:
            select.select([self._read], [], [], timeout)
        return self.asked


@click.command()
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME",
    help="Only this queue; may repeat [default: NEANELU_WORKER_QUEUES, all].",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    help="Jobs at a time [default: NEANELU_WORKER_CONCURRENCY, 8].",
)
@click.option("--once", is_flag=True, help="Do what may be done now, and end. Fires no schedule.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port of health and metrics; 0: a free one [default: NEANELU_WORKER_PORT, 9464].",
)
@click.option("--json", "as_json", is_flag=True, help="With --once: print what became of the jobs.")
def worker(
    queues: tuple[str, ...], concurrency: int | None, once: bool, port: int | None, as_json: bool
) -> None:
    """Do the jobs that wait in the queues, and fire scheduled tasks, for as long as it runs.

    Any number may run side by side, on any number of machines. The log goes to standard error, as JSON
    lines where that is no terminal. SIGTERM or Ctrl-C: it claims no more, jobs under way may finish for
    NEANELU_WORKER_GRACE_SECONDS, the others are given back; a second one ends it on the spot, and the
    leases run out. /health/live, /health/ready and /metrics are served on the port.

    Exit codes: 0 stopped, or done; 1 with --once: a job failed; 2 wrong call; 3 no database (with
    --once; otherwise it waits for one), or the port is taken; 130 second signal.

    \b
    Examples:
      neanelu worker
      neanelu worker --queue webhooks --queue sync --concurrency 16
      neanelu worker --queue maintenance --port 0
      neanelu worker --once --json
    """
    if as_json and not once:
        raise click.UsageError("--json belongs to --once: a service has no end to report")
    settings = get_settings()
    configure_logging(settings.worker_log_level)
    with exits(as_json), Signals() as signals:
        made = Worker(settings, queues=queues, concurrency=concurrency, with_schedule=not once)
        if once:
            with made:
                tally = _drain(made, signals)
            _report(tally, as_json)
            return
        chosen = settings.worker_port if port is None else port
        try:
            server = HealthServer(made.health(), settings.worker_host, chosen)
        except OSError as error:
            raise _PortTaken(
                f"cannot listen on {settings.worker_host}:{chosen}: {error.strerror}",
                hint="Another worker on this machine? Give each a --port of its own, or 0.",
            ) from error
        with server, made:
            made.start()
            while not signals.wait(3600.0):
                pass
            made.stop()


class _PortTaken(NeaneluError):
    """The port of health and metrics cannot be had."""

    default_code = "NJ022"
    exit_code = 3


def _drain(made: Worker, signals: Signals) -> Tally:
    """Drain the queues in a thread, so that signals are heard; raises what it raised."""
    raised: list[BaseException] = []

    def body() -> None:
        try:
            made.drain()
        except BaseException as error:  # raised again below
            raised.append(error)

    thread = threading.Thread(target=body, name="drain", daemon=True)
    thread.start()
    while thread.is_alive():
        if signals.wait(0.05):
            made.stop()
            break
    if raised:
        raise raised[0]
    return made.tally


def _report(tally: Tally, as_json: bool) -> None:
    """Print what became of the jobs, and leave with 1 when one failed."""
    facts = {name: getattr(tally, name) for name in Tally.__slots__}
    if as_json:
        emit(facts)
    else:
        said = ", ".join(f"{count} {name}" for name, count in facts.items() if count)
        click.echo(said or "no jobs")
    if tally.retry or tally.dead:
        sys.exit(1)
