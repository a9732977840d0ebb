"""Whether the pipeline stays as fast as the shop grows: rows/s of a first load ten times as large.

Both sizes in one run, the small ones around the large one. Each process's start is in its time, which favours
the large file by at most a second.
"""

from __future__ import annotations

from bench import frame

PRODUCTS = {"small": (10_000, 100_000), "full": (100_000, 1_000_000)}
ROUNDS = 2


def _load(file: frame.File) -> tuple[float, float, float]:
    """Return the rows/s of a first load and of an unchanged re-sync, and the higher peak of memory in MB."""
    database = frame.new_shop_database()
    first = frame.ingest(database, file.path)[0]
    again = frame.ingest(database, file.path)[0]
    frame.drop(database)
    return file.lines / first.seconds, file.lines / again.seconds, max(first.peak_mb, again.peak_mb)


def run(scale: str) -> list[frame.Figure]:
    """Measure; see the module's text."""
    few, many = PRODUCTS[scale]
    with frame.steps("scale", 2 + 2 * ROUNDS) as step:
        step(f"generate {few} products")
        small_file = frame.generate(few, name=f"products-{few}")
        step(f"generate {many} products")
        large_file = frame.generate(many, name=f"products-{many}")
        small: list[tuple[float, float, float]] = []
        large: list[tuple[float, float, float]] = []
        for number in range(1, ROUNDS + 1):
            if number == 1 or scale == "full":
                step(f"round {number}: {many} products")
                large.append(_load(large_file))
            step(f"round {number}: {few} products, twice")
            small += [_load(small_file), _load(small_file)]
        large_file.path.unlink()
        large_file.path.with_suffix(".json").unlink()
    small_first, large_first = (frame.median([item[0] for item in items]) for items in (small, large))
    small_again, large_again = (frame.median([item[1] for item in items]) for items in (small, large))
    return [
        frame.figure("scale_file", large_file.size / 1e6, "MB", digits=0),
        frame.figure("scale_few_products", few, "products"),
        frame.figure("scale_many_products", many, "products"),
        frame.figure("scale_few_rate", small_first, "rows/s", digits=0),
        frame.figure("scale_many_rate", large_first, "rows/s", digits=0),
        frame.figure("scale_rate_ratio", large_first / small_first, "x", least=0.8),
        frame.figure("scale_few_unchanged_rate", small_again, "rows/s", digits=0),
        frame.figure("scale_many_unchanged_rate", large_again, "rows/s", digits=0),
        frame.figure("scale_unchanged_rate_ratio", large_again / small_again, "x", least=0.8),
        frame.figure("scale_few_peak_rss", max(item[2] for item in small), "MB", digits=1),
        frame.figure("scale_many_peak_rss", max(item[2] for item in large), "MB", digits=1),
    ]
