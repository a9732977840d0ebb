"""Matching: how much of a truth is found without training, how right automatic merges are, and how long one record takes.

- For every folder of the public data with two tables and their matches (`gt.csv`: row of the first, row of the second): the
  second becomes golden records, the first is matched with them, title only, each source having each product once. Path of the
  factory: documents, readings, `matching.match_sessions`, with the thresholds that a fresh deploy has. `_completeness`:
  matches among at most 20 candidates a record; `_f1`: of the pairs that were merged or put before people; `_automatic`: how
  many of the merged are right. `_f1_turned`: the same with the tables exchanged. `_f1_thinned`: a third of the matches have
  lost their left, another third their right record, so that most records have no match: what happens in life.
- `matching_one_p95`: one new record, by `matching.match_sessions` with all it writes, among 1,000,000 golden records with made-up
  titles (small: 100,000); half of the records are there already in other words.
- `matching_batch_rate`: records a second in calls of 500 against the same.
"""

from __future__ import annotations

import csv
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from bench import frame
from neanelu.platform.scratch import Database

Connection = psycopg.Connection[Any]
CANDIDATES = 20
BATCH = 2000

READ = """
WITH h AS (
    INSERT INTO neanelu.prod_raw_harvest (source_id, source_url, source_product_id, raw_json, content_hash)
    SELECT %(source)s, 'feed:bench#' || u.i, u.i::text, jsonb_build_object('title', u.title),
           encode(sha256(convert_to(u.i || u.title, 'UTF8')), 'hex')
      FROM unnest(%(titles)s::text[]) WITH ORDINALITY AS u (title, i)
    RETURNING id, fetched_at, source_product_id::integer AS i, raw_json)
INSERT INTO neanelu.prod_extraction_sessions (harvest_id, harvest_fetched_at, agent_version, extracted_specs)
SELECT h.id, h.fetched_at, 'structured/1', h.raw_json FROM h ORDER BY h.i
RETURNING id
"""


@dataclass(frozen=True)
class Truth:
    """Titles of two sources, and which are the same product."""

    left: list[str]
    right: list[str]
    pairs: set[tuple[int, int]]

    def turned(self) -> Truth:
        """Return the same with the sources exchanged."""
        return Truth(self.right, self.left, {(b, a) for a, b in self.pairs})

    def thinned(self) -> Truth:
        """Return it with a third of the pairs without their left record, a third without their right one."""
        pairs = sorted(self.pairs)
        random.Random(7).shuffle(pairs)
        third = len(pairs) // 3
        gone_left, gone_right = {a for a, _ in pairs[:third]}, {b for _, b in pairs[third : 2 * third]}
        left = {a: n for n, a in enumerate(a for a in range(len(self.left)) if a not in gone_left)}
        right = {b: n for n, b in enumerate(b for b in range(len(self.right)) if b not in gone_right)}
        return Truth(
            [self.left[a] for a in left],
            [self.right[b] for b in right],
            {(left[a], right[b]) for a, b in pairs if a in left and b in right},
        )


# --- Truths -----------------------------------------------------------------------------------------------
def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file, whatever of | , ; and tab separates them."""
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        head = lines.readline()
        lines.seek(0)
        return list(csv.DictReader(lines, delimiter=max("|,;\t", key=head.count)))


def titles(path: Path) -> list[str]:
    """Return the titles of a table: of the column title or name."""
    rows = read_table(path)
    column = next(c for c in ("title", "name", "product_title", "Title", "Name") if rows and c in rows[0])
    return [row[column] or "" for row in rows]


def truths() -> Iterator[tuple[str, Truth]]:
    """Yield name and truth of each folder that has two tables and gt.csv."""
    root = Path(os.environ.get("NEANELU_BENCH_DATA", "/nonexistent"))
    for truth in sorted([*root.glob("gt.csv"), *root.glob("*/gt.csv")]):
        tables = sorted(p for p in truth.parent.glob("*.csv") if p.name != "gt.csv")
        if len(tables) != 2:
            frame.say(f"{truth.parent} has {len(tables)} tables beside gt.csv, not 2 (skipped)")
            continue
        pairs = {(int(a), int(b)) for a, b in (list(row.values())[:2] for row in read_table(truth))}
        yield (
            truth.parent.name.replace("-", "_"),
            Truth(titles(tables[0]), titles(tables[1]), pairs),
        )


# --- Truth against matching -------------------------------------------------------------------------------
def read(connection: Connection, name: str, of: Sequence[str]) -> list[UUID]:
    """Store one reading a title of a source that has each product once; return their ids in order."""
    row = connection.execute(
        "INSERT INTO neanelu.prod_sources (name, source_type, config) VALUES (%s, 'SUPPLIER', %s) RETURNING id",
        (name, Jsonb({"one_to_one": True})),
    ).fetchone()
    assert row
    with connection.cursor() as cursor:
        cursor.execute(READ, {"source": row[0], "titles": list(of)})
        return sorted(found[0] for found in cursor.fetchall())


def match(connection: Connection, sessions: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Return golden record and decision of each reading."""
    rows = connection.execute(
        "SELECT session_id, product_id, decision FROM matching.match_sessions(%s)", (list(sessions),)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def completeness(connection: Connection, truth: Truth, places: dict[UUID, int]) -> float:
    """Return the part of the true pairs that are among the candidates."""
    found: set[tuple[int, int]] = set()
    for start in range(0, len(truth.left), 200):
        part = truth.left[start : start + 200]
        rows = connection.execute(
            "SELECT c.item, c.product_id FROM matching._candidates(ARRAY(SELECT i FROM matching._items("
            "array_fill(uuidv7(), ARRAY[cardinality(%(t)s::text[])]), %(t)s, NULL, NULL, NULL) AS i), %(n)s) AS c",
            {"t": part, "n": CANDIDATES},
        )
        found |= {(start + item - 1, places[product]) for item, product in rows}
    return len(found & truth.pairs) / len(truth.pairs)


def measure(connection: Connection, truth: Truth) -> tuple[float, float, float, int]:
    """Return completeness, F1 of all pairs, precision and number of the merged ones; leaves nothing behind."""
    with connection.transaction(force_rollback=True):
        right = read(connection, "right", truth.right)
        products = match(connection, right)
        places = {products[s][0]: n for n, s in enumerate(right) if s in products}
        complete = completeness(connection, truth, places)
        left = read(connection, "left", truth.left)
        decided = match(connection, left)
        asked = dict(
            connection.execute(
                "SELECT extraction_session_id, product_id FROM neanelu.prod_similarity_matches WHERE match_confidence = 'pending'"
            ).fetchall()
        )
    merged = {
        (n, places.get(decided[s][0], -1))
        for n, s in enumerate(left)
        if s in decided and decided[s][1] == "matched"
    }
    pairs = merged | {
        (n, places.get(asked[s], -1)) for n, s in enumerate(left) if s in asked and decided[s][1] == "review"
    }
    right_pairs = len(pairs & truth.pairs)
    f1 = 2 * right_pairs / (len(pairs) + len(truth.pairs))
    return complete, f1, len(merged & truth.pairs) / max(1, len(merged)), len(merged)


def quality(database: Database) -> list[frame.Figure]:
    """Measure every truth there is."""
    figures: list[frame.Figure] = []
    with database.connect() as connection:
        for name, truth in truths():
            complete, f1, precision, merged = measure(connection, truth)
            _, turned, turned_precision, _ = measure(connection, truth.turned())
            _, thinned, thinned_precision, _ = measure(connection, truth.thinned())
            figures += [
                frame.figure(f"matching_{name}_completeness", complete, "share", least=0.99, digits=4),
                frame.figure(f"matching_{name}_f1", f1, "share", least=0.93, digits=4),
                frame.figure(f"matching_{name}_automatic", precision, "share", least=0.98, digits=4),
                frame.figure(f"matching_{name}_automatic_pairs", merged, "pairs"),
                frame.figure(f"matching_{name}_f1_turned", turned, "share", least=0.93, digits=4),
                frame.figure(
                    f"matching_{name}_automatic_turned", turned_precision, "share", least=0.98, digits=4
                ),
                frame.figure(f"matching_{name}_f1_thinned", thinned, "share", digits=4),
                frame.figure(
                    f"matching_{name}_automatic_thinned", thinned_precision, "share", least=0.98, digits=4
                ),
            ]
    if not figures:
        frame.say("no public data with gt.csv; give its folder as --data or NEANELU_BENCH_DATA (skipped)")
    return figures


# --- One record among many --------------------------------------------------------------------------------
class Titles:
    """Makes up titles: a brand, words, a code, a colour, measures; words and brands rare and frequent as in life."""

    def __init__(self, seed: int) -> None:
        """Seed the words and the choice of them."""
        words = random.Random(11)
        syllables = [c + v for c in "bcdfghklmnprstvz" for v in "aeiou"]
        self.random = random.Random(seed)
        self.brands = ["".join(words.choices(syllables, k=words.randint(2, 3))) for _ in range(3000)]
        self.words = ["".join(words.choices(syllables, k=words.randint(2, 4))) for _ in range(4000)]
        self.colours = ["black", "white", "silver", "red", "blue", "green", "grey", "beige"]

    def rare(self, of: Sequence[str]) -> str:
        """Return one, the first much more often than the last."""
        return of[int(len(of) * self.random.random() ** 3)]

    def code(self) -> str:
        """Return a model code as manufacturers make them."""
        letters = "".join(self.random.choices("ABCDEFGHKLMNPRSTVWX", k=self.random.randint(2, 4)))
        return f"{letters}{self.random.randint(100, 99999)}{self.random.choice(['', '', 'B', 'W', 'EU'])}"

    def title(self) -> str:
        """Return a title."""
        words = [self.rare(self.words) for _ in range(self.random.randint(2, 6))]
        size = self.random.choice(["", f'{self.random.randint(5, 75)}"', f"{self.random.randint(1, 64)} GB"])
        parts = [self.rare(self.brands).title(), *words, size, self.random.choice([*self.colours, ""])]
        return " ".join(p for p in parts if p) + (f" - {self.code()}" if self.random.random() < 0.8 else "")

    def reworded(self, title: str) -> str:
        """Return the same product in other words: some dropped, the order changed, the code hyphened."""
        words, _, code = title.partition(" - ")
        kept = [w for w in words.split() if self.random.random() < 0.75] or words.split()
        self.random.shuffle(kept)
        return " ".join([*kept, f"{code[:2]}-{code[2:]}" if code else ""]).strip()


def fill(database: Database, count: int) -> None:
    """Make golden records with what they are found by, on two connections."""

    def work(part: int) -> None:
        made = Titles(part)
        with database.connect() as connection:
            for _ in range(count // 2 // BATCH):
                found = connection.execute(
                    "INSERT INTO neanelu.prod_master (internal_sku, canonical_title) "
                    "SELECT uuidv7()::text, t FROM unnest(%s::text[]) AS t RETURNING id",
                    ([made.title() for _ in range(BATCH)],),
                )
                connection.execute("SELECT matching.refresh_keys(%s)", ([row[0] for row in found],))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect() as connection:
        connection.execute("SELECT matching.fold_terms()")
        connection.execute("VACUUM ANALYZE")


def speed(database: Database, count: int) -> list[frame.Figure]:
    """Measure single records and batches among `count` golden records."""
    began = time.perf_counter()
    fill(database, count)
    filled = time.perf_counter() - began
    made = Titles(99)
    with database.connect() as connection:
        known = [
            row[0]
            for row in connection.execute(
                "SELECT canonical_title FROM neanelu.prod_master TABLESAMPLE SYSTEM (5) LIMIT 1600"
            )
        ]
        made.random.shuffle(known)
        sessions = read(
            connection, "new", [made.reworded(t) if n % 2 else made.title() for n, t in enumerate(known)]
        )
        for session in sessions[:50]:
            match(connection, [session])
        taken = []
        found = 0
        for session in sessions[50:450]:
            start = time.perf_counter()
            decided = match(connection, [session])
            taken.append(time.perf_counter() - start)
            found += any(d == "matched" or d == "review" for _, d in decided.values())
        rest = sessions[450 : 450 + (len(sessions) - 450) // 500 * 500]
        start = time.perf_counter()
        for at in range(0, len(rest), 500):
            match(connection, rest[at : at + 500])
        batch = time.perf_counter() - start
    taken.sort()
    return [
        frame.figure("matching_one_p50", taken[len(taken) // 2] * 1000, "ms"),
        frame.figure("matching_one_p95", taken[int(len(taken) * 0.95)] * 1000, "ms", most=25),
        frame.figure("matching_one_found", found / len(taken), "share"),
        frame.figure("matching_batch_rate", len(rest) / batch if rest else 0, "records/s", least=300),
        frame.figure("matching_fill_rate", count / filled, "records/s"),
    ]


def run(scale: str) -> list[frame.Figure]:
    """Measure quality against the truths there are, then speed."""
    database = frame.laboratory().create()
    try:
        return quality(database) + speed(database, 1_000_000 if scale == "full" else 100_000)
    finally:
        frame.drop(database)
