"""Consensus: how often it finds the truth among sources that contradict each other, and how fast.

- `consensus_books`: sources that list the authors of books (`books/claims.tsv`: source, ISBN, title, authors; the truth of
  some in `books/silver.tsv`). Every claim becomes a document and a reading, readings become proposals, proposals are
  decided: the path of the factory, nothing beside it. A book counts when as many persons come out as there are, each with
  the family name and the initial of one of them. `consensus_books_learnt`: the same once trust in the sources was learnt
  from agreement and everything decided again, as it is every night.
- `consensus_million_seconds`: 1,000,000 proposals of 100,000 products decided by two callers, in batches of 500 products;
  small takes a tenth and reports ten times its seconds.
- `consensus_audit_ratio`: the same with and without the capture triggers of golden records, 20,000 proposals each, best of three.
"""

from __future__ import annotations

import csv
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench import frame
from neanelu.platform.scratch import Database

Connection = psycopg.Connection[Any]

CALLERS = 2
BATCH = 500
MILLION = 1_000_000
PER_PRODUCT = 10

FILL_SOURCES = """
INSERT INTO neanelu.prod_sources (name, source_type, trust_score)
SELECT 'source ' || g, 'SUPPLIER', 0.4 + g * 0.05 FROM generate_series(1, 8) AS g ON CONFLICT DO NOTHING
"""
#: Ten proposals a product, in five fields of several kinds; a fifth of them contradict the others.
FILL = """
WITH made AS (
    INSERT INTO neanelu.prod_master (internal_sku, canonical_title)
    SELECT %(name)s || g, 'Product ' || g FROM generate_series(1, %(products)s::integer) AS g RETURNING id, internal_sku),
numbered AS (SELECT m.*, row_number() OVER () AS k FROM made AS m),
voices AS (SELECT s.id, s.name, row_number() OVER (ORDER BY s.name) AS n FROM neanelu.prod_sources AS s)
INSERT INTO neanelu.prod_proposals
    (product_id, field_path, proposed_value, source_id, confidence_score, observed_at, raw_value)
SELECT m.id, f.path,
       CASE f.path
           WHEN 'title' THEN to_jsonb('Product ' || m.internal_sku || ' of ' || s.name)
           WHEN 'brand' THEN to_jsonb(CASE WHEN r.x < 0.2 THEN 'ACME Brand' ELSE 'Acme brand' END)
           WHEN 'specs.weight' THEN jsonb_build_object(
               'value', round((100 + r.x + CASE WHEN r.x > 0.8 THEN 50 ELSE 0 END)::numeric, 1), 'unit', 'g')
           WHEN 'specs.tags' THEN jsonb_build_array('alpha', 'beta-' || floor(r.x * 3), 'Gamma')
           ELSE to_jsonb((ARRAY['red', 'blue', 'green'])[1 + floor(r.x * 1.25)::integer]) END,
       s.id, 0.9, now() - r.x * interval '300 days', to_jsonb('raw ' || r.x)
  FROM numbered AS m
 CROSS JOIN (VALUES ('title', 2), ('brand', 2), ('specs.weight', 3), ('specs.colour', 2), ('specs.tags', 1)) AS f (path, k)
  JOIN voices AS s ON (s.n + m.k) %% 8 < f.k
 CROSS JOIN LATERAL (SELECT random() AS x WHERE m.k + s.n > 0) AS r
"""


# --- Books ------------------------------------------------------------------------------------------------
def read_tsv(path: Path) -> Iterator[list[str]]:
    """Yield the fields of each line."""
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def load_books(connection: Connection, path: Path) -> None:
    """Store each claim as a document with a reading, in the file's order: of a source's claims the last is its newest."""
    connection.execute(
        """
        CREATE TEMP TABLE claims (place bigint GENERATED ALWAYS AS IDENTITY, source text, isbn text, title text, authors text,
                                  harvest_id uuid DEFAULT uuidv7(), session_id uuid DEFAULT uuidv7(), fetched_at timestamptz)
        """
    )
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY claims (source, isbn, title, authors) FROM STDIN") as copy,
    ):
        for row in read_tsv(path):
            copy.write_row((row + [""] * 4)[:4])
    connection.execute(
        """
        UPDATE claims SET fetched_at = now() - (1e6 - place) * interval '1 millisecond';
        INSERT INTO neanelu.prod_attr_definitions (code, label, data_type) VALUES ('authors', 'Authors', 'list');
        INSERT INTO neanelu.prod_sources (name, source_type, trust_score)
        SELECT DISTINCT left(source, 100), 'MARKETPLACE', 0.5 FROM claims;
        INSERT INTO neanelu.prod_master (internal_sku, canonical_title)
        SELECT isbn, min(title) FROM claims WHERE title <> '' GROUP BY isbn;
        INSERT INTO neanelu.prod_raw_harvest
            (id, source_id, source_url, source_product_id, raw_json, fetched_at, processing_status, processed_at, content_hash)
        SELECT c.harvest_id, s.id, 'feed:books#' || c.place, c.isbn, jsonb_build_object('authors', c.authors), c.fetched_at,
               'processed', now(), encode(sha256(convert_to(c.place::text, 'UTF8')), 'hex')
          FROM claims AS c JOIN neanelu.prod_sources AS s ON s.name = left(c.source, 100);
        INSERT INTO neanelu.prod_extraction_sessions
            (id, harvest_id, harvest_fetched_at, agent_version, extracted_specs, confidence_score)
        SELECT c.session_id, c.harvest_id, c.fetched_at, 'structured/1',
               jsonb_build_object('title', c.title, 'attributes', jsonb_build_object('authors', c.authors)), 0.9
          FROM claims AS c;
        ANALYZE;
        """
    )


def words(name: str) -> list[str]:
    """Return the words of a name, folded."""
    text = unicodedata.normalize("NFKD", name.lower().replace("'", ""))
    kept = "".join(c if c.isalnum() or c == "-" else " " for c in text if not unicodedata.combining(c))
    return kept.split()


def persons(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return family name and initial of each name, sorted."""
    split = [words(name) for name in names]
    return sorted((name[-1], name[0][0]) for name in split if name)


def share_right(connection: Connection, truth: dict[str, list[str]]) -> float:
    """Return the part of the books with exactly the right authors."""
    found: dict[str, list[str]] = dict(
        connection.execute(
            """
            SELECT m.internal_sku, coalesce(s.specs -> 'authors' -> 'value', '[]')
              FROM neanelu.prod_master AS m JOIN neanelu.prod_specs_normalized AS s ON s.product_id = m.id AND s.is_current
            """
        ).fetchall()
    )
    right = sum(persons(found.get(isbn, [])) == persons(names) for isbn, names in truth.items())
    return right / len(truth)


def books(connection: Connection, folder: Path) -> list[frame.Figure]:
    """Measure books: propose and decide all claims, compare with the truth; learn trust, decide again."""
    truth = {row[0]: row[1].split(";") for row in read_tsv(folder / "silver.tsv")}
    load_books(connection, folder / "claims.tsv")
    pairs = connection.execute(
        "SELECT c.session_id, m.id FROM claims AS c "
        "JOIN neanelu.prod_master AS m ON m.internal_sku = c.isbn ORDER BY m.id, c.place"
    ).fetchall()
    began = time.perf_counter()
    for batch in cut(pairs, 2000):
        connection.execute("SELECT pim.propose(%s, %s)", ([p[0] for p in batch], [p[1] for p in batch]))
    proposed = time.perf_counter() - began
    products = [row[0] for row in connection.execute("SELECT id FROM neanelu.prod_master ORDER BY id")]
    began = time.perf_counter()
    decide(connection, products)
    decided = time.perf_counter() - began
    first = share_right(connection, truth)
    connection.execute("SELECT pim.learn_trust()")
    decide(connection, products)
    return [
        frame.figure("consensus_books", first, "share", least=0.88),
        frame.figure("consensus_books_learnt", share_right(connection, truth), "share", least=0.88),
        frame.figure("consensus_books_propose", proposed, "s"),
        frame.figure("consensus_books_decide", decided, "s"),
    ]


# --- A million proposals ----------------------------------------------------------------------------------
def cut(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield slices of a sequence."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def decide(connection: Connection, products: Sequence[UUID]) -> int:
    """Decide products in batches; returns how many versions were written."""
    written = 0
    for batch in cut(products, BATCH):
        row = connection.execute("SELECT pim.decide(%s)", (list(batch),)).fetchone()
        written += row[0] if row else 0
    return written


def fill(connection: Connection, name: str, products: int) -> list[UUID]:
    """Store products with ten proposals each and return their ids."""
    connection.execute(FILL_SOURCES)
    connection.execute(FILL, {"name": f"{name}-", "products": products})
    connection.execute("ANALYZE")
    found = connection.execute(
        "SELECT id FROM neanelu.prod_master WHERE internal_sku LIKE %s ORDER BY id", (f"{name}-%",)
    )
    return [row[0] for row in found]


def decide_together(database: Database, products: Sequence[UUID]) -> float:
    """Return the seconds that several callers take for all products, each for its own share."""
    shares = [products[n::CALLERS] for n in range(CALLERS)]
    written: list[int] = []

    def work(share: Sequence[UUID]) -> None:
        with database.connect() as connection:
            written.append(decide(connection, share))

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if sum(written) != len(products):
        raise RuntimeError(f"{sum(written)} of {len(products)} products got a version")
    return seconds


def audit_ratio(connection: Connection) -> float:
    """Return how much longer deciding takes with the capture triggers of golden records than without."""
    took: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
    for number, state in enumerate(("DISABLE", "ENABLE") * 3):
        products = fill(connection, f"audit{number}", 2000)
        connection.execute(f"ALTER TABLE neanelu.prod_master {state} TRIGGER tg_prod_master__capture_update")
        began = time.perf_counter()
        decide(connection, products)
        took[state].append(time.perf_counter() - began)
    return min(took["ENABLE"]) / min(took["DISABLE"])


def run(scale: str) -> list[frame.Figure]:
    """Measure; `small` decides a tenth of the million."""
    figures: list[frame.Figure] = []
    proposals = MILLION if scale == "full" else MILLION // 10
    with frame.steps("consensus", 3) as step:
        step("books")
        folder = frame.data_folder("books")
        if folder is not None:
            database = frame.laboratory().create()
            with database.connect() as connection:
                figures += books(connection, folder)
            frame.drop(database)
        step(f"{proposals} proposals")
        database = frame.laboratory().create()
        with database.connect() as connection:
            products = fill(connection, "product", proposals // PER_PRODUCT)
        seconds = decide_together(database, products) * MILLION / proposals
        figures.append(frame.figure("consensus_million_seconds", seconds, "s", most=300))
        step("audit")
        with database.connect() as connection:
            figures.append(frame.figure("consensus_audit_ratio", audit_ratio(connection), "x", most=1.5))
        frame.drop(database)
    return figures
