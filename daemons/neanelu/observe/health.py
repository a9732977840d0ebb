"""Health over HTTP: `/health/live` (the process works), `/health/ready` (it can do its work), `/metrics`.

`Health` makes the answers; `HealthServer` serves them from a thread, for daemons that have no HTTP server of their own.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

log = structlog.get_logger(__name__)

#: Returns None when all is well, else one sentence about what is not.
Check = Callable[[], str | None]

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
METRICS: Final = "/metrics"
_TEXT = "text/plain; charset=utf-8"
#: Seconds that a client may take to send its request.
_REQUEST_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a GET: status, content type, body."""

    status: int
    content_type: str
    body: bytes


class Health:
    """Answers for the three paths.

    Args:
        registry: of the figures.
        live: checks by name; a failing one means that the process must be started anew.
        ready: checks by name; a failing one means that it cannot work just now.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        live: Mapping[str, Check] | None = None,
        ready: Mapping[str, Check] | None = None,
    ) -> None:
        self._registry = registry
        self._live = dict(live or {})
        self._ready = {**self._live, **(ready or {})}

    def answer(self, path: str, accept: str = "") -> Answer:
        """Return the answer to a GET of `path`; 404 for others than the three.

        Args:
            path: without a query.
            accept: the request's Accept header, by which Prometheus says which format it takes.
        """
        if path == LIVE:
            return _verdict(self._live)
        if path == READY:
            return _verdict(self._ready)
        if path == METRICS:
            encode, content_type = choose_encoder(accept)
            try:
                return Answer(200, content_type, encode(self._registry))
            except Exception:  # a defect of one figure; the daemon goes on
                log.exception("figures cannot be written")
                return Answer(500, _TEXT, b"a figure cannot be written; the log has more\n")
        return Answer(404, _TEXT, b"there are /health/live, /health/ready, /metrics\n")


def _verdict(checks: Mapping[str, Check]) -> Answer:
    """Return 200 when every check is content, else 503, with what each says."""
    said: dict[str, str] = {}
    for name, check in checks.items():
        try:
            said[name] = check() or "ok"
        except Exception as error:  # a check that breaks is a check that fails
            said[name] = f"{type(error).__name__}: {error}"
    well = all(text == "ok" for text in said.values())
    body = orjson.dumps({"status": "ok" if well else "failing", "checks": said}) + b"\n"
    return Answer(200 if well else 503, "application/json", body)


class HealthServer:
    """Serves a `Health` from a thread.

    Args:
        health: what is answered.
        host: address to listen on.
        port: 0 takes a free one; `port` of the object says which.

    Raises:
        OSError: the port is taken, or may not be had.
    """

    def __init__(self, health: Health, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = _Server((host, port), _handler(health))
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self.host = host
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> HealthServer:
        """Begin to answer."""
        self._thread.start()
        log.info("health server listens", host=self.host, port=self.port)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; requests under way are dropped."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    """A server whose requests never keep the process from ending."""

    daemon_threads = True
    request_queue_size = 16


def _handler(health: Health) -> type[http.server.BaseHTTPRequestHandler]:
    """Return the class that answers one connection's requests."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """GET and HEAD of the three paths."""

        timeout = _REQUEST_TIMEOUT
        server_version = "neanelu"
        sys_version = ""

        def do_GET(self) -> None:
            """Answer with a body."""
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            """Answer without the body."""
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            answer = health.answer(self.path.partition("?")[0], self.headers.get("Accept") or "")
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if with_body:
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a scrape every few seconds is no news."""

    return Handler
