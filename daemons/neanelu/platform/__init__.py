"""The ground Neanelu stands on: a provisioned PostgreSQL, private clusters, and deployment with sqitch.

`distribution` builds the per-user cache of programs, `cluster` runs a server from it, `sqitch` deploys.
"""

from __future__ import annotations


class PlatformError(Exception):
    """The environment is not ready: no programs, no server, no network. The CLI exits with 3 on it."""
