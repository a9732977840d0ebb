"""The bulk pipeline's first load against DuckDB writing the same lines into tables without any index.

DuckDB reads the file and the ADBC driver writes typed rows by binary COPY: no keys, no history, no validation,
nothing to compare the next file with. The limit says how much all of that may cost.
"""

from __future__ import annotations

import os

from bench import frame

PRODUCTS = {"small": 60_000, "full": 210_000}
ROUNDS = {"small": 2, "full": 3}


def _duckdb(file: frame.File) -> tuple[float, float]:
    """Return DuckDB's own seconds and those of its whole process."""
    lab = frame.laboratory()
    with lab.superuser() as connection:
        connection.execute("DROP DATABASE IF EXISTS peer_duckdb")
        connection.execute("CREATE DATABASE peer_duckdb")
    with lab.superuser("peer_duckdb") as connection:
        connection.execute("CREATE SCHEMA peer")
        connection.execute("CHECKPOINT")
    script = str(frame.HERE / "peers/with_duckdb.py")
    dsn = lab.cluster.dsn(dbname="peer_duckdb")
    ran = frame.run_process([frame.peer_python("duckdb"), script, dsn, str(file.path), "peer"], os.environ)
    seconds, rows = ran.output.split()[-2:]
    if int(rows) != file.lines:
        raise RuntimeError(f"DuckDB wrote {rows} rows of {file.lines}")
    with lab.superuser() as connection:
        connection.execute("DROP DATABASE peer_duckdb WITH (FORCE)")
    return float(seconds), ran.seconds


def run(scale: str) -> list[frame.Figure]:
    """Measure; see the module's text."""
    frame.peer_python("duckdb")
    duckdb: list[float] = []
    whole: list[float] = []
    ours: list[float] = []
    with frame.steps("duckdb", 1 + 2 * ROUNDS[scale]) as step:
        step("generate the file")
        file = frame.generate(PRODUCTS[scale], name="products")
        for number in range(1, ROUNDS[scale] + 1):
            step(f"round {number}: DuckDB")
            inner, outer = _duckdb(file)
            duckdb.append(inner)
            whole.append(outer)
            step(f"round {number}: ours")
            database = frame.new_shop_database()
            ours.append(frame.ingest(database, file.path)[0].seconds)
            frame.drop(database)
    return [
        frame.figure("duckdb_load", frame.median(duckdb), "s"),
        frame.figure("duckdb_load_process", frame.median(whole), "s"),
        frame.figure("duckdb_our_first_load", frame.median(ours), "s"),
        frame.figure("duckdb_first_load_ratio", frame.median(ours) / frame.median(whole), "x", most=5),
    ]
