"""`python -m bench [NAME…] [--scale small|full]`: measure, print a line a figure, write results.json."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import traceback

import click

from bench import frame, table

#: In the order of a run: the short ones that say how the disk does come first.
NAMES = (
    "fsync",
    "audit",
    "tenant",
    "webhooks",
    "queue",
    "workers",
    "limiter",
    "ledger",
    "mirror",
    "analytics",
    "harvest",
    "attributes",
    "values",
    "consensus",
    "quality",
    "matching",
    "factory",
    "vectors",
    "hybrid",
    "bulk",
    "duckdb",
    "dlt",
    "scale",
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option(
    "--scale",
    type=click.Choice(["small", "full"]),
    default="small",
    show_default=True,
    help="small takes minutes; full takes the sizes that the targets were set for, and most of an hour.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, exists=True),
    envvar="NEANELU_BENCH_DATA",
    help="Folder of public data sets, for the measurements that have a truth to compare with.",
)
@click.option("--table", "only_table", is_flag=True, help="Only write results.json's figures into README.md.")
def main(names: tuple[str, ...], scale: str, data: str | None, only_table: bool) -> None:
    """Measure everything, or what is named: fsync, audit, tenant, webhooks, queue, workers, limiter, ledger,
    mirror, analytics, harvest, attributes, values, consensus, quality, matching, factory, vectors, hybrid, bulk, duckdb,
    dlt, scale.

    One line a figure: name value unit target ok|SHORT. Exit codes: 0 all targets are met, 1 some are not,
    2 no such measurement, 3 a measurement failed.
    """
    if only_table:
        table.write()
        return
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise click.UsageError(f"no such measurement: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if data:
        os.environ["NEANELU_BENCH_DATA"] = data
    short = failed = False
    # SIGTERM, too, must not leave a server behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for name in names or NAMES:
            try:
                where = frame.provenance()
                noise, began = frame.Noise(), time.monotonic()
                figures = importlib.import_module(f"bench.{name}").run(scale)
                facts = {
                    "took_seconds": round(time.monotonic() - began),
                    "cpu_of_others": round(noise.share(), 2),
                }
                frame.record(name, scale, {**where, **facts, "figures": figures})
            except Exception:
                traceback.print_exc()
                frame.say(f"{name} failed")
                failed = True
                continue
            for item in figures:
                print(frame.line(item), flush=True)
                short = short or item["ok"] is False
    finally:
        frame.close_laboratory()
    sys.exit(3 if failed else 1 if short else 0)


main(prog_name="python -m bench")
