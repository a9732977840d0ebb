"""Keeps the stock ledger folded: every worker runs it, and the database lets one of them fold at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import NeaneluError, translated
from neanelu.worker.metrics import WorkerMetrics

log = structlog.get_logger(__name__)

#: Entries of one fold, a transaction; what waits longer than a moment goes in several.
BATCH = 10_000
#: Seconds between two looks when little arrives; an entry waits at most about so long and the fold itself.
_PAUSE_SECONDS = 0.2
#: While at least so many came since the last fold the next is due sooner: whoever asks for the stock of a hot SKU adds up
#: what is not folded. From a quarter of a batch on there is none: pauses until a whole one waits cost fewer instructions,
#: and leave a steady load of 42,000 entries a second a second behind.
_MANY = 200
_SHORT_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE = 10.0


class Folder:
    """Folds what arrives, several times a second.

    A job would be too slow for this: the ledger is to be a second behind at most, and a run of a job costs more
    than a look into an empty table. The scheduled job `inventory.fold` stands in when no worker runs this.

    Args:
        connect: opens an autocommit connection.
        metrics: counts entries.
    """

    def __init__(self, connect: Callable[[], Connection], metrics: WorkerMetrics) -> None:
        self._connect = connect
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folder", daemon=True)

    def start(self) -> None:
        """Begin to fold."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the fold under way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5.0)

    @property
    def is_alive(self) -> bool:
        """Whether it still folds."""
        return self._thread.is_alive()

    def _run(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                with self._connect() as connection:
                    # A fold that a crash undoes is done again, as its arrivals are there again: nothing waits for its flush.
                    connection.execute(sql.FOLD_WITHOUT_WAITING)
                    while not self._stop.is_set():
                        folded = self.fold(connection)
                        pause = _PAUSE_SECONDS
                        if folded < BATCH // 4:
                            self._stop.wait(_PAUSE_SECONDS if folded < _MANY else _SHORT_PAUSE_SECONDS)
            except NeaneluError as error:
                log.warning("folder cannot fold", error=str(error))
            except Exception:  # a defect must not end the folding for ever
                log.exception("folder failed")
            self._stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def fold(self, connection: Connection) -> int:
        """Fold once, and return how many entries that were; 0 also when another worker folds.

        Raises:
            DatabaseUnavailable: the connection is lost.
        """
        with translated():
            row = connection.execute(sql.FOLD_LEDGER, {"limit": BATCH}).fetchone()
        assert row is not None
        folded = int(row["folded"])
        if folded:
            self._metrics.folded.inc(folded)
        return folded
