"""What tests of quality and reviews share: golden records with sources that agree or not, and a receiver of events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb


class Records:
    """Golden records in a database, made without reading documents."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def value(self, statement: str, *values: Any) -> Any:
        """Return the first value that a statement answers."""
        row = self.connection.execute(statement, values).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]

    def source(self, name: str, trust: float = 0.5) -> UUID:
        """Return the id of a source; made when it is missing."""
        made: UUID = self.value(
            "INSERT INTO neanelu.prod_sources (name, source_type, trust_score) VALUES (%s, 'SUPPLIER', %s)"
            " ON CONFLICT (name) DO UPDATE SET trust_score = excluded.trust_score RETURNING id",
            name, trust,
        )  # fmt: skip
        return made

    def product(self, title: str = "A product", **columns: Any) -> UUID:
        """Make a golden record and return its id."""
        made: UUID = self.value(
            "INSERT INTO neanelu.prod_master (internal_sku, canonical_title) VALUES (%s, %s) RETURNING id",
            f"T-{uuid4().hex[:12]}", title,
        )  # fmt: skip
        for name, value in columns.items():
            self.connection.execute(
                psycopg.sql.SQL("UPDATE neanelu.prod_master SET {} = %s WHERE id = %s").format(psycopg.sql.Identifier(name)),
                [value, made],
            )  # fmt: skip
        return made

    def propose(self, product: UUID, field: str, value: Any, source: str, confidence: float = 0.9) -> UUID:
        """Have a source propose a value; returns the proposal's id."""
        made: UUID = self.value(
            "INSERT INTO neanelu.prod_proposals (product_id, field_path, proposed_value, raw_value, source_id, confidence_score)"
            " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
            product, field, Jsonb(value), Jsonb(value), self.source(source), confidence,
        )  # fmt: skip
        return made

    def decide(self, *products: UUID) -> None:
        """Decide, score and describe products as the factory does."""
        self.connection.execute("SELECT pim.decide(%s)", [list(products)])
        self.connection.execute("SELECT pim.score(%s)", [list(products)])
        self.connection.execute("SELECT pim.refresh_semantics(%s)", [list(products)])

    def quarrel(self, title: str = "A product") -> tuple[UUID, list[UUID]]:
        """Make a product of whose brand two sources say different things; returns it and the proposals that wait."""
        product = self.product(title)
        for source in ("one", "two"):
            self.propose(product, "title", title, source)
            self.propose(product, "brand", f"Brand {source}", source)
        self.decide(product)
        rows = self.connection.execute(
            "SELECT id FROM neanelu.prod_proposals WHERE product_id = %s AND proposal_status = 'pending'"
            " ORDER BY priority DESC, id",
            [product],
        ).fetchall()
        return product, [row[0] for row in rows]

    def level(self, product: UUID) -> str:
        """Return the product's quality level."""
        level: str = self.value("SELECT data_quality_level FROM neanelu.prod_master WHERE id = %s", product)
        return level


class Receiver:
    """An address that takes events, after it refused as often as it was told to."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.location: str | None = None
        outer = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                if outer.location:
                    self.send_header("location", outer.location)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that listens."""
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()
