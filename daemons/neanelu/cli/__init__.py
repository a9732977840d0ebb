"""The command line `neanelu`: one module a command, imported only when the command is used.

Exit codes: 0 done; 1 the work failed (a run ended failed, a check found differences); 2 the call was wrong;
3 the environment is not ready (no server, no database, no network); 130 interrupted.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import Any

import click

from neanelu import __version__

#: command name -> module:attribute, the table of everything `neanelu` can do.
COMMANDS: dict[str, str] = {
    "server": "neanelu.cli.server:server",
    "deploy": "neanelu.cli.deploy:deploy",
    "revert": "neanelu.cli.deploy:revert",
    "verify": "neanelu.cli.deploy:verify",
    "sandbox": "neanelu.cli.sandbox:sandbox",
    "shop": "neanelu.cli.shop:shop",
    "sync": "neanelu.cli.sync:sync",
    "ingest": "neanelu.cli.ingest:ingest",
    "runs": "neanelu.cli.runs:runs",
    "status": "neanelu.cli.status:status",
    "worker": "neanelu.cli.worker:worker",
    "jobs": "neanelu.cli.jobs:jobs",
    "tasks": "neanelu.cli.tasks:tasks",
    "inventory": "neanelu.cli.inventory:inventory",
    "privacy": "neanelu.cli.privacy:privacy",
    "webhooks": "neanelu.cli.webhooks:webhooks",
    "keys": "neanelu.cli.keys:keys",
    "flags": "neanelu.cli.flags:flags",
    "config": "neanelu.cli.config:config",
    "taxonomy": "neanelu.cli.taxonomy:taxonomy",
    "attributes": "neanelu.cli.attributes:attributes",
    "factory": "neanelu.cli.factory:factory",
    "sources": "neanelu.cli.sources:sources",
    "harvest": "neanelu.cli.harvest:harvest",
    "pim": "neanelu.cli.pim:pim",
    "review": "neanelu.cli.review:review",
    "embeddings": "neanelu.cli.embeddings:embeddings",
    "ai": "neanelu.cli.ai:ai",
    "demo": "neanelu.cli.demo:demo",
}


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None when there is no such command."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, attribute = target.split(":")
        command: Any = getattr(_imported(module), attribute)
        assert isinstance(command, click.Command)
        return command


def _imported(name: str) -> ModuleType:
    """Import a module without looking for garbage among what comes with it.

    That stays, and looking takes a tenth of a short command's time.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="neanelu")
def main() -> None:
    """Bring Shopify shops into PostgreSQL and keep them true; turn what sources say of products into golden records.

    \b
    Examples:
      neanelu server start               start the embedded PostgreSQL
      neanelu deploy                     deploy the schema with sqitch
      neanelu shop add demo.myshopify.com --token-file token.txt
      neanelu sync demo.myshopify.com    bring the whole shop in
      neanelu status                     what is where, and how fresh
      neanelu harvest import FILE --source NAME
      neanelu factory run --until-idle   golden records of what was harvested
    """
