"""uvicorn around the application: one process, or several behind one port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from neanelu.observe.log import configure_logging
from neanelu.settings import Settings, get_settings
from neanelu.webhooks.app import create_app
from neanelu.webhooks.metrics import DIRECTORY

log = structlog.get_logger(__name__)

#: Seconds in which a stopping process answers what it has.
GRACE: Final = 8
#: Set for the processes by the command: their log's level.
LOG_LEVEL: Final = "NEANELU_WEBHOOKS_LOG_LEVEL"


def application() -> Starlette:
    """Return the application of one process; uvicorn calls it in each."""
    configure_logging(os.environ.get(LOG_LEVEL, "info"))
    return create_app()


class _Server(uvicorn.Server):
    """A server that ends with 0 when it was told to stop, and at once when it was told twice."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as requests to stop."""

        def stop(number: int, _: object) -> None:
            if self.should_exit:
                os._exit(130 if number == signal.SIGINT else 1)
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def configuration(settings: Settings, host: str, port: int, workers: int) -> uvicorn.Config:
    """Return how uvicorn is to serve."""
    return uvicorn.Config(
        "neanelu.webhooks.serve:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        backlog=4096,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=15,
        limit_concurrency=settings.webhooks_queue + 1000,
    )


def serve(
    host: str, port: int, workers: int, log_level: str = "info", ready_file: Path | None = None
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        host: address to listen on.
        port: 0 takes a free one.
        workers: processes.
        log_level: of `neanelu.observe.log.LEVELS`.
        ready_file: gets `HOST:PORT` once the port is open.

    Raises:
        OSError: the port is taken, or may not be had.
    """
    settings = get_settings()
    config = configuration(settings, host, port, workers)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        os.environ[LOG_LEVEL] = log_level
        if workers > 1:
            os.environ[DIRECTORY] = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="neanelu-webhooks-")
            )
        if settings.shopify_client_secret is None:
            log.warning("no client secret: only shops with a webhook secret of their own are believed")
        where = f"{listener.getsockname()[0]}:{listener.getsockname()[1]}"
        log.info("receiver listens", address=where, workers=workers, paths="/api/webhooks")
        if ready_file is not None:
            ready_file.write_text(where + "\n")
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            _Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # From here on connections wait in the queue; nobody is refused who saw the address.
        listener.listen(2048)
        listener.set_inheritable(True)
    except OSError:
        listener.close()
        raise
    return listener
