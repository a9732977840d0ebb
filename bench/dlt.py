"""The bulk pipeline against dlt: first load against its append, unchanged re-sync against its merge.

Same lines, same server, databases of their own. dlt with the settings of its walkthroughs (`default`) is so slow
that it gets a smaller file than dlt with the best settings of its documentation (`best`); Neanelu is measured on
each of the two files. dlt's time is that of pipeline.run alone, Neanelu's that of the whole process.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from bench import frame

#: Products by settings of dlt; about 8 lines a product.
PRODUCTS: dict[str, dict[str, int]] = {
    "small": {"default": 10_000, "best": 30_000},
    "full": {"default": 60_000, "best": 210_000},
}
#: Rounds of dlt by settings, and of ours: the fewer the longer they take.
ROUNDS = {"small": {"default": 1, "best": 1}, "full": {"default": 1, "best": 1}}
OWN_ROUNDS = {"small": 2, "full": 2}


class Dlt:
    """dlt on one database."""

    def __init__(self, settings: str) -> None:
        lab = frame.laboratory()
        self._settings = settings
        self._name = f"peer_dlt_{settings}"
        self._state = lab.files / self._name
        with lab.superuser() as connection:
            connection.execute(f"CREATE DATABASE {self._name}")

    def load(self, file: frame.File, disposition: str) -> float:
        """Run the pipeline on a file and return its seconds."""
        lab = frame.laboratory()
        with lab.superuser(self._name) as connection:
            connection.execute("CHECKPOINT")
        script = str(frame.HERE / "peers/with_dlt.py")
        place = [
            str(lab.cluster.socket_dir),
            self._name,
            str(file.path),
            self._settings,
            disposition,
            str(self._state),
        ]
        ran = frame.run_process([frame.peer_python("dlt"), script, *place], _plain_environment())
        return float(ran.output.split()[-1])

    def rows(self, disposition: str, file: frame.File) -> None:
        """Raise RuntimeError when not every line of the file became a row."""
        tables = ("products", "variants", "metafields", "media")
        schema = f"dlt_{self._settings}_{disposition}"
        with frame.laboratory().superuser(self._name) as connection:
            counts = [
                connection.execute(f"SELECT count(*) FROM {schema}.{table}").fetchone() for table in tables
            ]
        if (total := sum(row[0] for row in counts if row)) != file.lines:
            raise RuntimeError(f"dlt has {total} rows of {file.lines}")

    def drop(self, *, database: bool = True) -> None:
        """Drop what was loaded, and the pipeline's state."""
        shutil.rmtree(self._state, ignore_errors=True)
        with frame.laboratory().superuser() as connection:
            connection.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
            if not database:
                connection.execute(f"CREATE DATABASE {self._name}")


def _plain_environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHON", "NEANELU_"))
    }


def _against(
    settings: str, file: frame.File, rounds: int, own_rounds: int, step: Callable[[str], None]
) -> list[frame.Figure]:
    """Measure both sides on one file."""
    took: dict[str, list[float]] = {"append": [], "merge": [], "first": [], "unchanged": []}
    peer = Dlt(settings)
    try:
        for number in range(max(rounds, own_rounds)):
            step(f"{settings}: ours, round {number + 1}")
            database = frame.new_shop_database()
            took["first"].append(frame.ingest(database, file.path)[0].seconds)
            took["unchanged"].append(frame.ingest(database, file.path)[0].seconds)
            frame.drop(database)
            if number < rounds:
                step(f"{settings}: dlt, round {number + 1}")
                took["append"].append(peer.load(file, "append"))
                peer.rows("append", file)
                peer.load(file, "merge")
                took["merge"].append(peer.load(file, "merge"))
                peer.rows("merge", file)
                peer.drop(database=False)
    finally:
        peer.drop()
    append, merge, first, unchanged = (frame.median(values) for values in took.values())
    name = f"dlt_{settings}"
    return [
        frame.figure(f"{name}_file", file.size / 1e6, "MB", digits=0),
        frame.figure(f"{name}_append", append, "s"),
        frame.figure(f"{name}_merge_unchanged", merge, "s"),
        frame.figure(f"{name}_our_first_load", first, "s"),
        frame.figure(f"{name}_our_unchanged", unchanged, "s"),
        frame.figure(f"{name}_first_load_speedup", append / first, "x", least=3),
        frame.figure(f"{name}_unchanged_speedup", merge / unchanged, "x", least=50),
    ]


def run(scale: str) -> list[frame.Figure]:
    """Measure; see the module's text."""
    frame.peer_python("dlt")
    figures: list[frame.Figure] = []
    with frame.steps("dlt", 2 + sum(OWN_ROUNDS[scale] + rounds for rounds in ROUNDS[scale].values())) as step:
        for settings, products in PRODUCTS[scale].items():
            step(f"generate {products} products")
            file = frame.generate(products, name=f"products-{products}")
            figures += _against(settings, file, ROUNDS[scale][settings], OWN_ROUNDS[scale], step)
    return figures
