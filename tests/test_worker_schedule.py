"""The schedule: ticks by the clock of a place, each taken once whatever the number of workers, missed ones by rule."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from worker_support import Jobs, jobs_in, wait_until

from neanelu.cli import main
from neanelu.db.connection import connect
from neanelu.db.errors import InvalidInput
from neanelu.platform.scratch import Database
from neanelu.settings import Settings, get_settings
from neanelu.worker.metrics import WorkerMetrics
from neanelu.worker.scheduler import Scheduler, next_tick
from neanelu.worker.worker import Worker


def ticks(expression: str, zone: str, after: str, count: int) -> list[str]:
    """Return the next ticks as UTC, each reckoned from the one before as workers do."""
    moment, found = datetime.fromisoformat(after), []
    for _ in range(count):
        moment = next_tick(expression, zone, moment)
        found.append(moment.astimezone(UTC).strftime("%m-%d %H:%M"))
    return found


def test_a_time_that_the_clocks_leave_out_is_made_up_for() -> None:
    # Bucharest, 2026-03-29: 03:00 becomes 04:00, which is 01:00 UTC.
    assert ticks("30 3 * * *", "Europe/Bucharest", "2026-03-27T12:00Z", 4) == [
        "03-28 01:30", "03-29 01:00", "03-30 00:30", "03-31 00:30"
    ]  # fmt: skip


def test_a_time_that_comes_twice_counts_once() -> None:
    # Bucharest, 2026-10-25: 04:00 becomes 03:00 again at 01:00 UTC. 03:30 is at 00:30 and at 01:30 UTC.
    assert ticks("30 3 * * *", "Europe/Bucharest", "2026-10-24T12:00Z", 3) == [
        "10-25 00:30", "10-26 01:30", "10-27 01:30"
    ]  # fmt: skip
    # Reckoned in the second of the two hours, before its 03:30: the day's run is over.
    assert ticks("30 3 * * *", "Europe/Bucharest", "2026-10-25T01:15Z", 1) == ["10-26 01:30"]


def test_what_is_finer_than_an_hour_runs_on_through_both_changes() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        found = ticks("*/20 * * * *", "Europe/Bucharest", f"{day}T00:00Z", 9)
        assert found == [f"{day[5:]} {h:02}:{m:02}" for h in range(4) for m in (0, 20, 40)][1:10]


def test_a_certain_second_keeps_the_rules_of_its_minute() -> None:
    for day, hour in (("2026-03-28", "3"), ("2026-10-24", "3"), ("2026-06-01", "*/6")):
        plain = ticks(f"30 {hour} * * *", "Europe/Bucharest", f"{day}T12:00Z", 5)
        assert ticks(f"15 30 {hour} * * *", "Europe/Bucharest", f"{day}T12:00Z", 5) == plain
    moment = next_tick("15 30 3 * * *", "UTC", datetime(2026, 6, 1, 3, 30, 14, 900_000, tzinfo=UTC))
    assert moment == datetime(2026, 6, 1, 3, 30, 15, tzinfo=UTC)
    assert next_tick("15 30 3 * * *", "UTC", moment) == moment + timedelta(days=1)
    assert next_tick("*/20 * * * * *", "Europe/Bucharest", moment) == moment + timedelta(seconds=5)


def test_a_tick_is_always_later() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(400):
        for zone in ("UTC", "Europe/Bucharest", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"):
            for expression in ("15 2 * * *", "*/7 * * * *", "0 0 1 * *", "30 1 * * sun"):
                assert next_tick(expression, zone, moment) > moment
        moment += timedelta(hours=23, minutes=17)


@pytest.mark.parametrize(
    ("expression", "zone"),
    [("61 * * * *", "UTC"), ("60 0 0 * * *", "UTC"), ("* * *", "UTC"), ("0 0 30 2 *", "UTC"), ("0 0 * * *", "Europe/Atlantis"),
     ("0 0 * * *", "../etc")],
)  # fmt: skip
def test_nonsense_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        next_tick(expression, zone, datetime.now(UTC))
    assert refused.value.code == "NJ010"


@pytest.fixture(scope="module")
def all_jobs(module_db: Database) -> Iterator[Jobs]:
    with jobs_in(module_db) as jobs:
        yield jobs


@pytest.fixture
def jobs(all_jobs: Jobs) -> Jobs:
    all_jobs.reset()
    all_jobs.connection.execute("DELETE FROM neanelu.scheduled_tasks WHERE task_name LIKE 'test.%'")
    return all_jobs


def schedule(jobs: Jobs, cron: str, *, missed: str = "once", due: str | None = None) -> UUID:
    """Schedule a task and return its id; due: how long ago its tick was."""
    task: UUID = jobs.value(
        "SELECT jobs.schedule('test.task', %s, 'webhooks', 'test.effect', '{\"n\": 1}', p_missed => %s)",
        cron,
        missed,
    )
    if due is not None:
        jobs.connection.execute(
            "UPDATE neanelu.scheduled_tasks SET next_run_at = now() - %s::interval WHERE id = %s", [due, task]
        )
    return task


def task_row(jobs: Jobs, task: UUID) -> dict[str, Any]:
    found: dict[str, Any] = jobs.value(
        "SELECT to_jsonb(t) FROM neanelu.scheduled_tasks AS t WHERE id = %s", task
    )
    return found


def fire(jobs: Jobs, count: int = 1) -> int:
    """Let so many schedulers look at the same moment, over connections of their own; return the runs they made."""
    begin, fired = threading.Barrier(count), []

    def look() -> None:
        scheduler = Scheduler(lambda: connection, WorkerMetrics())
        with connect(dsn=jobs.dsn("neanelu_worker"), autocommit=True) as connection:
            begin.wait()
            fired.append(scheduler.fire_due(connection))

    threads = [threading.Thread(target=look) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fired) == count
    return sum(fired)


def test_a_new_task_learns_its_tick_and_does_not_run_yet(jobs: Jobs) -> None:
    task = schedule(jobs, "0 0 1 1 *")
    assert fire(jobs) == 0
    row = task_row(jobs, task)
    assert (row["next_run_at"][5:16], row["run_count"], row["last_run_at"]) == ("01-01T00:00", 0, None)


def test_eight_schedulers_make_one_run_a_tick(jobs: Jobs) -> None:
    task = schedule(jobs, "* * * * *")
    fire(jobs)
    for tick in range(1, 6):
        jobs.connection.execute(
            "UPDATE neanelu.scheduled_tasks SET next_run_at = now() - interval '1 s' WHERE id = %s", [task]
        )
        assert fire(jobs, 8) == 1
        assert task_row(jobs, task)["run_count"] == tick
        assert jobs.value("SELECT count(*) FROM neanelu.job_runs WHERE task_id = %s", task) == tick


@pytest.mark.parametrize(
    ("missed", "late", "runs"),
    [("once", "03:00", 1), ("skip", "03:00", 0), ("skip", "00:00:30", 1), ("all", "00:02:30", 3)],
)
def test_missed_ticks_go_by_the_rule(jobs: Jobs, missed: str, late: str, runs: int) -> None:
    task = schedule(jobs, "* * * * *", missed=missed, due=late)
    for _ in range(6):
        fire(jobs)
    made = jobs.value("SELECT count(*) FROM neanelu.job_runs WHERE task_id = %s", task)
    # A whole minute may pass by while the test runs.
    assert made in (runs, runs + 1)
    next_run = datetime.fromisoformat(task_row(jobs, task)["next_run_at"])
    assert timedelta(0) < next_run - datetime.now(UTC) + timedelta(seconds=2) <= timedelta(seconds=62)


def test_a_paused_task_does_not_run(jobs: Jobs) -> None:
    schedule(jobs, "* * * * *", due="1 s")
    assert jobs.value("SELECT jobs.pause_task('test.task')")
    assert fire(jobs) == 0


def test_one_bad_task_does_not_keep_the_others_from_running(jobs: Jobs) -> None:
    bad = schedule(jobs, "61 * * * *", due="1 h")
    jobs.connection.execute("UPDATE neanelu.scheduled_tasks SET task_name = 'test.bad' WHERE id = %s", [bad])
    good = schedule(jobs, "* * * * *", due="1 s")
    assert fire(jobs) == 1
    assert task_row(jobs, good)["run_count"] == 1 and task_row(jobs, bad)["run_count"] == 0


def test_a_worker_fires_and_does_the_job(jobs: Jobs) -> None:
    task = schedule(jobs, "0 0 1 1 *", due="1 s")
    with Worker(Settings(), dsn=jobs.dsn("neanelu_worker"), concurrency=2) as worker:
        worker.start()
        wait_until(lambda: jobs.effects(n=1) == 1)
        wait_until(lambda: task_row(jobs, task)["last_run_at"] is not None)
    row = task_row(jobs, task)
    assert jobs.run(UUID(row["last_job_id"]))["status"] == "completed"
    assert worker.metrics.ticks.labels("fired")._value.get() == 1


# --- Commands ---------------------------------------------------------------------------------------------
def neanelu(jobs: Jobs, *arguments: str) -> Result:
    """Run a command as an operator."""
    get_settings.cache_clear()
    try:
        return CliRunner().invoke(
            main, arguments, env={"NEANELU_DATABASE_URL": jobs.dsn("neanelu_operator"), "COLUMNS": "250"}
        )
    finally:
        get_settings.cache_clear()


def test_tasks_are_listed_run_paused_and_resumed(jobs: Jobs) -> None:
    task = schedule(jobs, "5 4 * * *")
    listed = {row["task_name"]: row for row in json.loads(neanelu(jobs, "tasks", "list", "--json").stdout)}
    assert listed["test.task"]["cron_expression"] == "5 4 * * *"
    assert "5 4 * * *" in neanelu(jobs, "tasks", "list").stdout
    job_id = UUID(json.loads(neanelu(jobs, "tasks", "run", "test.task", "--json").stdout)["job_id"])
    assert jobs.run(job_id)["task_id"] == task
    assert "is paused" in neanelu(jobs, "tasks", "pause", "test.task").stdout
    assert task_row(jobs, task)["is_active"] is False
    assert "goes on" in neanelu(jobs, "tasks", "resume", "test.task").stdout
    assert task_row(jobs, task)["is_active"] is True
    for command in ("run", "pause", "resume"):
        assert neanelu(jobs, "tasks", command, "test.nothing").exit_code == 2


def test_jobs_are_listed_shown_retried_and_cancelled(jobs: Jobs) -> None:
    waiting, bad = jobs.enqueue("test.effect", n=1), jobs.enqueue("test.effect", shop=1, fail="23514")
    jobs.connection.execute(
        "UPDATE pgmq.q_webhooks SET vt = now() + interval '1 h' WHERE message ->> 'job' = %s", [str(waiting)]
    )
    with Worker(Settings(), dsn=jobs.dsn("neanelu_worker"), with_schedule=False) as worker:
        worker.drain()
    listed = json.loads(neanelu(jobs, "jobs", "list", "--status", "failed", "--json").stdout)
    assert [row["job_id"] for row in listed] == [str(bad)]
    assert "w0" in neanelu(jobs, "jobs", "list", "--shop", "w0", "--queue", "webhooks").stdout
    queues = {row["queue_name"]: row for row in json.loads(neanelu(jobs, "jobs", "queues", "--json").stdout)}
    assert (queues["webhooks"]["waiting"], queues["webhooks"]["dead"]) == (1, 1)
    assert "23514" in neanelu(jobs, "jobs", "dead").stdout
    shown = neanelu(jobs, "jobs", "show", str(bad)).stdout
    assert '"fail":"23514"' in shown and "attempt 1 of 50" in shown
    # Nothing happens before it is meant.
    assert (
        json.loads(neanelu(jobs, "jobs", "retry", "--queue", "webhooks", "--dry-run", "--json").stdout)[
            "jobs"
        ]
        == 1
    )
    assert neanelu(jobs, "jobs", "cancel", "--dry-run", str(waiting)).exit_code == 0
    assert [jobs.run(job)["status"] for job in (waiting, bad)] == ["waiting", "failed"]
    # All or none.
    assert neanelu(jobs, "jobs", "cancel", str(waiting), str(bad)).exit_code == 1
    assert jobs.run(waiting)["status"] == "waiting"
    assert "1 job cancelled" in neanelu(jobs, "jobs", "cancel", str(waiting)).stdout
    assert "1 job begun anew" in neanelu(jobs, "jobs", "retry", "--queue", "webhooks").stdout
    assert [jobs.run(job)["status"] for job in (waiting, bad)] == ["cancelled", "waiting"]
    assert neanelu(jobs, "jobs", "retry", str(waiting)).exit_code == 0
    assert neanelu(jobs, "jobs", "retry", str(waiting)).exit_code == 1
    assert neanelu(jobs, "jobs", "show", "0198c0de-0000-7000-8000-000000000000").exit_code == 2
    assert neanelu(jobs, "jobs", "retry").exit_code == 2
