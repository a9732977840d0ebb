"""A sync daemon as a process of its own, for tests that kill and stop it: `python sync_worker.py DSN SHOP_ID RUN_ID...`.

Settings come from the environment. Every phase, and how an attempt ended, is a line on standard output.
"""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from neanelu.sync.daemon import SyncDaemon


class Reporter:
    """Progress as lines of text: what, resource, detail."""

    def phase(self, run: dict[str, Any], name: str, total: int | None = None) -> None:
        print("phase", run["query_type"], name, flush=True)

    def advance(self, run: dict[str, Any], done: int) -> None:
        print("advance", run["query_type"], done, flush=True)

    def ended(self, run: dict[str, Any], status: str, message: str | None) -> None:
        print("ended", run["query_type"], status, flush=True)


def main() -> None:
    dsn, shop_id, *runs = sys.argv[1:]
    with SyncDaemon(dsn=dsn, progress=Reporter()) as daemon:
        print("ready", flush=True)
        daemon.run_until_ended(map(UUID, runs), shop_id=UUID(shop_id))
    print("done", flush=True)


if __name__ == "__main__":
    main()
