"""The bulk pipeline on one file of products against the server's own COPY of the same file.

A round, three times: COPY as text, COPY into one UNLOGGED jsonb column, on a new database the first load, the
jsonb COPY again, a re-sync of the same file and one of the same shop with 1 % of its products changed, the jsonb
COPY once more. Each time is compared with the COPYs before and after it. Times are of the whole process, `neanelu
ingest`, from its start to its end. A shuffled file (children anywhere, so that trees cannot be told apart) is
measured once, without target.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import frame
from neanelu.platform.scratch import Database

#: 4.8 kB a product with its variants, media, metafields and publications
PRODUCTS = {"small": 60_000, "full": 210_000}
ROUNDS = 3
COUNTERS = """
    SELECT sum(n_dead_tup), sum(n_tup_ins + n_tup_upd + n_tup_del)
      FROM pg_stat_user_tables
     WHERE schemaname = 'neanelu' AND relname IN (SELECT target_table FROM neanelu.sync_tables)"""
#: WAL of the mirror: of its tables, their TOAST tables and all their indexes.
MIRROR_WAL = """
    WITH heaps AS (
        SELECT c.oid, c.reltoastrelid FROM pg_class AS c
         WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind = 'r'
           AND c.relname IN (SELECT target_table FROM neanelu.sync_tables)),
    tables AS (SELECT oid FROM heaps UNION SELECT reltoastrelid FROM heaps),
    files AS (
        SELECT pg_relation_filenode(oid) AS file FROM tables
        UNION SELECT pg_relation_filenode(i.indexrelid) FROM pg_index AS i JOIN tables AS t ON t.oid = i.indrelid)
    SELECT coalesce(sum(block_data_length + block_fpi_length), 0)
      FROM bench.pg_get_wal_block_info(%s, %s)
     WHERE relfilenode IN (SELECT file FROM files)"""


def _effects(database: Database, work: Callable[[], None]) -> dict[str, float]:
    """Return what some work does to the mirror: tuples dead and written, bytes of WAL; and bytes of WAL in all."""
    with frame.laboratory().superuser(database.name) as connection:

        def one(statement: str, *values: Any) -> tuple[Any, ...]:
            row = connection.execute(statement, values).fetchone()
            assert row is not None
            return tuple(row)

        connection.execute("CHECKPOINT")
        dead, written = one(COUNTERS)
        (start,) = one("SELECT pg_current_wal_insert_lsn()")
        work()
        (end,) = one("SELECT pg_current_wal_insert_lsn()")
        dead_after, written_after = one(COUNTERS)
        connection.execute("SELECT pg_switch_wal()")
        (wal,) = one("SELECT %s::pg_lsn - %s::pg_lsn", end, start)
        (mirror,) = one(MIRROR_WAL, start, end)
    facts = {"dead": dead_after - dead, "written": written_after - written, "wal": wal, "mirror_wal": mirror}
    return {name: float(value) for name, value in facts.items()}


class Rounds:
    """Times of interleaved rounds: wall and CPU seconds by what was done, and the COPY around each."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)
        self.steps: dict[str, list[float]] = defaultdict(list)
        self._waiting: list[tuple[str, float, float]] = []
        self._ratios: dict[str, list[float]] = defaultdict(list)
        self._last = 0.0

    def copy(self, path: Path) -> None:
        """Measure the COPY that what came before and what follows are compared with."""
        cpu = frame.cpu_seconds()
        now = frame.copy_raw(path, "jsonb")
        self.cpu["jsonb"].append(frame.cpu_seconds() - cpu)
        self.wall["jsonb"].append(now)
        for name, seconds, before in self._waiting:
            self._ratios[name].append(seconds / ((before + now) / 2))
        self._waiting.clear()
        self._last = now

    def note(self, name: str, seconds: float, cpu: float) -> None:
        """Note what something took, between two calls of `copy`."""
        self.wall[name].append(seconds)
        self.cpu[name].append(cpu)
        self._waiting.append((name, seconds, self._last))

    def ratio(self, name: str) -> float:
        """Return the median of the ratios to the COPYs before and after."""
        return frame.median(self._ratios[name])


def run(scale: str) -> list[frame.Figure]:
    """Measure; see the module's text."""
    rounds = Rounds()
    facts: dict[str, list[float]] = defaultdict(list)
    peak = 0.0

    def timed(name: str, database: Database, file: frame.File, *, merged: int | None = None) -> None:
        nonlocal peak
        cpu = frame.cpu_seconds()
        ran, report = frame.ingest(database, file.path)
        rounds.note(name, ran.seconds, frame.cpu_seconds() - cpu)
        peak = max(peak, ran.peak_mb)
        for taken in report["steps"]:
            rounds.steps[f"{name}_{taken['step']}"].append(taken["seconds"])
        if merged is not None and report["lines_merged"] != merged:
            raise RuntimeError(f"{report['lines_merged']} lines merged, not {merged}")

    def watched(name: str, database: Database, file: frame.File) -> None:
        for fact, value in _effects(database, lambda: timed(name, database, file)).items():
            facts[f"{name}_{fact}"].append(value)

    with frame.steps("bulk", 6 + 6 * ROUNDS) as step:
        products = PRODUCTS[scale]
        step("generate the file")
        whole = frame.generate(products, name="products")
        step("generate the file with 1 % changed")
        changed = frame.generate(products, "--changed", "0.01", name="products-changed")
        step("generate the shuffled file")
        shuffled = frame.generate(products, "--shuffled", name="products-shuffled")
        step("deploy")
        frame.laboratory().template()
        text = []
        for number in range(1, ROUNDS + 1):
            step(f"round {number}: COPY")
            text.append(frame.copy_raw(whole.path, "text"))
            rounds.copy(whole.path)
            step(f"round {number}: first load")
            database = frame.new_shop_database()
            timed("first", database, whole, merged=whole.lines)
            step(f"round {number}: COPY")
            rounds.copy(whole.path)
            with database.connect() as connection:
                # what autovacuum does within a minute of a load
                connection.execute("VACUUM (ANALYZE)")
            step(f"round {number}: unchanged")
            watched("unchanged", database, whole)
            step(f"round {number}: 1 % changed")
            watched("changed", database, changed)
            step(f"round {number}: COPY")
            rounds.copy(whole.path)
            frame.drop(database)
        step("shuffled: first load")
        database = frame.new_shop_database()
        timed("shuffled_first", database, shuffled, merged=whole.lines)
        step("shuffled: unchanged")
        timed("shuffled_unchanged", database, shuffled, merged=0)
        rounds.copy(whole.path)
        frame.drop(database)
    for name, values in rounds.wall.items():
        frame.say(f"  {name}: {frame.spread(values)} s")
    wall = {name: frame.median(values) for name, values in rounds.wall.items()}
    cpu = {name: frame.median(values) for name, values in rounds.cpu.items()}
    return [
        frame.figure("bulk_file", whole.size / 1e6, "MB", digits=0),
        frame.figure("bulk_lines", whole.lines, "lines"),
        frame.figure("bulk_copy_jsonb", wall["jsonb"], "s"),
        frame.figure("bulk_copy_jsonb_cpu", cpu["jsonb"], "s"),
        frame.figure("bulk_copy_text", frame.median(text), "s"),
        frame.figure("bulk_first_load", wall["first"], "s"),
        frame.figure("bulk_first_load_cpu", cpu["first"], "s"),
        *(
            frame.figure(f"bulk_first_load_{name}_step", frame.median(rounds.steps[f"first_{name}"]), "s")
            for name in ("load", "stage", "merge")
        ),
        frame.figure("bulk_first_load_rate", whole.lines / wall["first"], "rows/s", digits=0),
        frame.figure("bulk_first_load_ratio", rounds.ratio("first"), "x", most=3),
        frame.figure("bulk_unchanged", wall["unchanged"], "s"),
        frame.figure("bulk_unchanged_cpu", cpu["unchanged"], "s"),
        frame.figure("bulk_unchanged_rate", whole.lines / wall["unchanged"], "rows/s", digits=0),
        frame.figure("bulk_unchanged_ratio", rounds.ratio("unchanged"), "x", most=0.4),
        frame.figure("bulk_unchanged_dead_tuples", max(facts["unchanged_dead"]), "rows", most=0),
        frame.figure("bulk_unchanged_tuples_written", max(facts["unchanged_written"]), "rows", most=0),
        frame.figure("bulk_unchanged_mirror_wal", max(facts["unchanged_mirror_wal"]) / 1024, "kB", most=64),
        frame.figure("bulk_unchanged_wal", max(facts["unchanged_wal"]) / 1024, "kB", digits=0),
        frame.figure("bulk_changed1pct", wall["changed"], "s"),
        frame.figure("bulk_changed1pct_cpu", cpu["changed"], "s"),
        frame.figure("bulk_changed1pct_ratio", rounds.ratio("changed"), "x", most=0.6),
        frame.figure("bulk_changed1pct_mirror_wal", max(facts["changed_mirror_wal"]) / 1024, "kB", digits=0),
        frame.figure("bulk_changed1pct_wal", max(facts["changed_wal"]) / 1024, "kB", digits=0),
        frame.figure("bulk_peak_rss", peak, "MB", most=120, digits=1),
        frame.figure("bulk_shuffled_first_load_ratio", rounds.ratio("shuffled_first"), "x"),
        frame.figure("bulk_shuffled_unchanged_ratio", rounds.ratio("shuffled_unchanged"), "x"),
    ]
