"""Search by words, mistyped words and meaning at once: time of pim.search and search.hybrid.

100,000 golden records and as many products of one shop (full: 1,000,000 each): titles of a brand, a kind, two qualities and a
model code, descriptions of 20 words, all drawn with Zipf's law, and vectors. Questions: two or three words of a title, a model
code, one word that is in a tenth of everything, and words with a letter wrong; half of them bring their vector.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
import psycopg

from bench import frame
from bench.vectors import DIMENSIONS, MODEL, copy_vectors, spread_vectors

SHOP = UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0001)
QUESTIONS = 300


def _lexicon(seed: int) -> list[str]:
    """Return 20,000 invented words, all different."""
    source = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < 20_000:
        made[
            "".join(
                source.choice("bcdfglmnprstvz") + source.choice("aeiou")
                for _ in range(source.choice((2, 3, 4)))
            )
        ] = None
    return list(made)


class World:
    """Titles and descriptions by number; words come by Zipf's law."""

    def __init__(self) -> None:
        self.words = _lexicon(5)
        self.source = random.Random(9)

    def _word(self, first: int, count: int) -> str:
        return self.words[first + int(count ** self.source.random()) - 1]

    def product(self) -> tuple[str, str, str]:
        """Return brand, title and description."""
        brand = self._word(0, 500)
        code = f"{self.source.choice('abcdefgh')}{self.source.choice('klmnop')}{self.source.randrange(100, 999_999)}"
        title = (
            f"{brand} {self._word(500, 200)} {self._word(700, 3000)} {self._word(700, 3000)} {code}".title()
        )
        return brand, title, " ".join(self._word(3700, 16_000) for _ in range(20))


def fill(connection: psycopg.Connection[Any], count: int, step: Callable[[str], None]) -> list[str]:
    """Insert everything; return titles to make questions of."""
    connection.execute("SET synchronous_commit = off")
    connection.execute(
        "SET maintenance_work_mem = '3GB'"
    )  # a graph that does not fit is built ten times slower
    connection.execute(
        "INSERT INTO neanelu.shops (id, shopify_domain, scopes, uninstalled_at) VALUES (%s, 'large.myshopify.com', '{}', now())",
        (SHOP,),
    )
    connection.execute("CREATE UNLOGGED TABLE bench.products (id uuid, brand text, title text, words text)")
    world, titles, ids = World(), [], []
    with connection.cursor() as cursor, cursor.copy("COPY bench.products FROM STDIN") as copy:
        for n in range(count):
            ids.append(UUID(int=0x0190_0000_0001_7000_8000_0000_0000_0000 + n))
            product = world.product()
            titles.append(product[1])
            copy.write_row((ids[-1], *product))
    step("golden records, their search vectors, products of a shop")
    kept = _without_indexes(connection, "prod_semantics", "shopify_products")
    connection.execute(
        """INSERT INTO neanelu.prod_master (id, internal_sku, canonical_title, brand)
           SELECT id, id::text, title, brand FROM bench.products"""
    )
    connection.execute(
        """INSERT INTO neanelu.prod_semantics (product_id, title_master, description_master, search_vector, locale)
           SELECT id, title, words, setweight(to_tsvector(pim.search_config('en'), title), 'A')
                  || setweight(to_tsvector('neanelu.pim_simple', title), 'A')
                  || setweight(to_tsvector(pim.search_config('en'), words), 'D'),
                  'en' FROM bench.products"""
    )
    connection.execute(
        """INSERT INTO neanelu.shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, description,
                                             handle, vendor, status)
           SELECT id, %s, 'gid://shopify/Product/' || n, n, title, words, 'product-' || n, brand, 'ACTIVE'
             FROM (SELECT p.*, row_number() OVER () AS n FROM bench.products AS p) AS x""",
        (SHOP,),
    )
    for definition in kept:
        connection.execute(definition)
    step("words")
    for shop in (None, SHOP):
        with connection.transaction():
            connection.execute("SELECT app.set_context(%s)", (SHOP,))
            while True:
                row = connection.execute(
                    "SELECT is_complete FROM ai.collect_words(%s, 50000)", (shop,)
                ).fetchone()
                if row and row[0]:
                    break
    step("vectors and their indexes")
    definitions = _without_indexes(connection, "prod_embeddings", "shop_product_embeddings", only="%minilm%")
    connection.execute(
        "CREATE UNLOGGED TABLE bench.vectors (id uuid, embedding extensions.vector(1536) STORAGE EXTENDED COMPRESSION lz4)"
    )
    copy_vectors(connection, "COPY bench.vectors FROM STDIN (FORMAT binary)", ids, spread_vectors(count))
    connection.execute(
        """INSERT INTO neanelu.prod_embeddings (product_id, embedding_type, embedding, content_hash, model_version, dimensions)
           SELECT id, 'combined', embedding, repeat('0', 64), %s, %s FROM bench.vectors""",
        (MODEL, DIMENSIONS),
    )
    connection.execute(
        """INSERT INTO neanelu.shop_product_embeddings (shop_id, product_id, embedding_type, embedding, content_hash,
                                                        model_version, dimensions, status, generated_at)
           SELECT %s, id, 'combined', embedding, repeat('0', 64), %s, %s, 'ready', now() FROM bench.vectors""",
        (SHOP, MODEL, DIMENSIONS),
    )
    for definition in definitions:
        connection.execute(definition)
    connection.execute("VACUUM ANALYZE")
    return titles


def _without_indexes(
    connection: psycopg.Connection[Any], *tables: str, only: str = "%USING gin%"
) -> list[str]:
    """Drop indexes of some tables; return their definitions, to make them again at once when the rows are there."""
    rows = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'neanelu' AND tablename = ANY (%s) AND indexdef LIKE %s",
        (list(tables), only),
    ).fetchall()
    for name, _ in rows:
        connection.execute(f"DROP INDEX neanelu.{name}")
    return [definition for _, definition in rows]


def questions(titles: list[str], words: list[str]) -> list[tuple[str, str]]:
    """Return (kind, question) pairs."""
    source = random.Random(21)
    made: list[tuple[str, str]] = []
    for n in range(QUESTIONS):
        parts = source.choice(titles).lower().split()
        kind = ("words", "words", "code", "common", "mistyped")[n % 5]
        if kind == "words":
            question = " ".join(source.sample(parts[:4], 2 + n % 2))
        elif kind == "code":
            question = parts[4]
        elif kind == "common":
            question = source.choice(words[:3] + words[500:502])
        else:
            word = source.choice(parts[1:4])
            place = source.randrange(len(word))
            question = f"{parts[0]} {word[:place]}{source.choice('aeioubcd')}{word[place + 1 :]}"
        made.append((kind, question))
    return made


def run(scale: str) -> list[frame.Figure]:
    """Measure p50 and p95 of both searches, over all questions and by kind."""
    count = 1_000_000 if scale == "full" else 100_000
    figures: list[frame.Figure] = []
    with frame.steps("hybrid", 6) as step:
        step(f"invent {count} products")
        database = frame.laboratory().create()
        with database.connect() as connection:
            titles = fill(connection, count, step)
            asked = questions(titles, _lexicon(5))
            vectors = spread_vectors(2000, seed=8)
            for name, statement in (
                (
                    "pim",
                    "SELECT product_id FROM pim.search(%(query)s, %(vector)s::extensions.vector, 'en', 20)",
                ),
                (
                    "shop",
                    "SELECT id FROM search.hybrid(%(shop)s, %(query)s, %(vector)s::extensions.vector, 20)",
                ),
            ):
                step(f"ask {QUESTIONS} questions: {name}")
                times: dict[str, list[float]] = defaultdict(list)
                for warm in (True, False):
                    for n, (kind, query) in enumerate(asked):
                        vector = None if n % 2 else str(vectors[n].tolist())
                        began = time.perf_counter()
                        connection.execute(
                            statement, {"query": query, "vector": vector, "shop": SHOP}
                        ).fetchall()
                        if not warm:
                            times[kind].append((time.perf_counter() - began) * 1000)
                everything = [value for values in times.values() for value in values]
                figures.append(frame.figure(f"hybrid_{name}_p50", float(np.percentile(everything, 50)), "ms"))
                figures.append(
                    frame.figure(f"hybrid_{name}_p95", float(np.percentile(everything, 95)), "ms", most=30)
                )
                for kind, values in times.items():
                    figures.append(
                        frame.figure(f"hybrid_{name}_{kind}_p95", float(np.percentile(values, 95)), "ms")
                    )
        frame.drop(database)
    return figures
