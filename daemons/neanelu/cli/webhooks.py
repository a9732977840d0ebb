"""`neanelu webhooks`: take deliveries of Shopify."""

from __future__ import annotations

from pathlib import Path

import click

from neanelu.cli.output import exits
from neanelu.db.errors import ENVIRONMENT, NeaneluError
from neanelu.observe.log import LEVELS, configure_logging
from neanelu.settings import get_settings


class NoPort(NeaneluError):
    """The address cannot be listened on."""

    default_code = "NW030"
    exit_code = ENVIRONMENT


@click.command()
@click.option("--host", help="Address to listen on [default: NEANELU_WEBHOOKS_HOST, 127.0.0.1].")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port [default: NEANELU_WEBHOOKS_PORT, 8440]; 0 takes a free one.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes [default: NEANELU_WEBHOOKS_WORKERS, 1]."
)
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(LEVELS), help="What is logged."
)
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help="Write HOST:PORT here once the port is open."
)
def webhooks(
    host: str | None, port: int | None, workers: int | None, log_level: str, ready_file: Path | None
) -> None:
    """Receive webhooks: POST /api/webhooks. Verifies, stores, enqueues, answers; `neanelu worker` does the rest.

    200 is answered after the commit and not before; 401 when the signature is not that of
    NEANELU_SHOPIFY_CLIENT_SECRET (or _PREVIOUS, or the shop's own); 503 when nothing could be stored in time. Also
    serves /health/live, /health/ready and /metrics. SIGTERM answers what is under way and ends with 0.

    \b
    Examples:
      neanelu webhooks
      neanelu webhooks --host 0.0.0.0 --port 8440 --workers 2
      curl -s localhost:8440/health/ready
    """
    configure_logging(log_level)
    settings = get_settings()
    with exits():
        from neanelu.webhooks.serve import serve

        host = host or settings.webhooks_host
        port = settings.webhooks_port if port is None else port
        try:
            serve(host, port, workers or settings.webhooks_workers, log_level, ready_file)
        except OSError as error:
            raise NoPort(f"cannot listen on {host}:{port}: {error.strerror}") from error
