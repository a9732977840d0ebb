"""Nearest neighbours: recall and time of what tenants call, against exact search, on vectors spread as real ones are.

200,000 vectors of 384 dimensions (full; small: 50,000). Families of products around categories around the whole, each step in
directions whose weight falls as the eigenvalues of real title vectors do (1/rank): neighbours are near, and never alone.
One tenant has most, one 5 %, one 0.1 %.
"""

from __future__ import annotations

import statistics
import struct
import time
from typing import Any
from uuid import UUID

import numpy as np
import psycopg

from bench import frame

TENANTS = {"large": 0.949, "middle": 0.05, "small": 0.001}
SHOPS = {name: UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + n) for n, name in enumerate(TENANTS, 1)}
QUERIES, K = 200, 10
MODEL, DIMENSIONS = "all-minilm-l6-v2", 384
INDEX = "idx_shop_embeddings_minilm_combined"


def spread_vectors(count: int, seed: int = 7) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return unit vectors: categories, families in them, products in those."""
    random = np.random.default_rng(seed)
    weights = (1.0 / np.arange(1, DIMENSIONS + 1)) ** 0.5
    turn = np.linalg.qr(random.standard_normal((DIMENSIONS, DIMENSIONS)))[0]

    def cloud(size: int) -> Any:
        made = random.standard_normal((size, DIMENSIONS), np.float32) * weights
        return made / np.linalg.norm(made, axis=1).mean()

    weights = weights.astype(np.float32)
    turn = turn.astype(np.float32)
    categories = cloud(200)
    families = categories[random.integers(0, 200, count // 20)] + np.float32(0.8) * cloud(count // 20)
    vectors = np.empty((count, DIMENSIONS), np.float32)
    for start in range(0, count, 50_000):
        size = min(50_000, count - start)
        part = (families[random.integers(0, count // 20, size)] + np.float32(0.5) * cloud(size)) @ turn
        vectors[start : start + size] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def copy_vectors(
    connection: psycopg.Connection[Any], statement: str, ids: list[UUID], vectors: np.ndarray[Any, Any]
) -> None:
    """COPY (id, padded vector) rows in binary, a hundred times quicker than as text."""
    size = 4 + 4 * 1536
    row = np.dtype(
        [
            ("fields", ">i2"),
            ("id_size", ">i4"),
            ("id", "V16"),
            ("size", ">i4"),
            ("dim", ">i2"),
            ("pad", ">i2"),
            ("vector", ">f4", (1536,)),
        ]
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
        for start in range(0, len(ids), 5000):
            part = ids[start : start + 5000]
            rows = np.zeros(len(part), row)
            rows["fields"], rows["id_size"], rows["size"], rows["dim"] = 2, 16, size, 1536
            rows["id"] = np.frombuffer(b"".join(i.bytes for i in part), "V16")
            rows["vector"][:, :DIMENSIONS] = vectors[start : start + 5000]
            copy.write(rows.tobytes())
        copy.write(struct.pack(">h", -1))


def fill(
    connection: psycopg.Connection[Any], count: int
) -> tuple[np.ndarray[Any, Any], list[UUID], list[UUID]]:
    """Insert shops, products and vectors without the index; return vectors, product ids and whose they are."""
    for name, shop in SHOPS.items():
        connection.execute(
            """INSERT INTO neanelu.shops (id, shopify_domain, scopes, uninstalled_at) VALUES (%s, %s, '{}', now())""",
            (shop, f"{name}.myshopify.com"),
        )
    random = np.random.default_rng(3)
    owners = [list(SHOPS.values())[i] for i in random.choice(3, count, p=list(TENANTS.values()))]
    ids = [UUID(int=0x0190_0000_0001_7000_8000_0000_0000_0000 + n) for n in range(count)]
    vectors = spread_vectors(count)
    connection.execute("SET synchronous_commit = off")
    connection.execute(
        "CREATE UNLOGGED TABLE bench.vectors (id uuid, embedding extensions.vector(1536) STORAGE EXTENDED COMPRESSION lz4)"
    )
    copy_vectors(connection, "COPY bench.vectors FROM STDIN (FORMAT binary)", ids, vectors)
    connection.execute("CREATE UNLOGGED TABLE bench.owners (id uuid PRIMARY KEY, shop_id uuid)")
    with connection.cursor() as cursor, cursor.copy("COPY bench.owners FROM STDIN") as copy:
        for product, owner in zip(ids, owners, strict=True):
            copy.write_row((product, owner))
    connection.execute(
        """INSERT INTO neanelu.shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
           SELECT o.id, o.shop_id, 'gid://shopify/Product/' || row_number() OVER (), row_number() OVER (),
                  'product', 'product-' || row_number() OVER (), 'ACTIVE' FROM bench.owners AS o"""
    )
    connection.execute(
        """INSERT INTO neanelu.shop_product_embeddings (shop_id, product_id, embedding_type, embedding, content_hash,
                                                        model_version, dimensions, status, generated_at)
           SELECT o.shop_id, o.id, 'combined', v.embedding, repeat('0', 64), %s, %s, 'ready', now()
             FROM bench.owners AS o JOIN bench.vectors AS v USING (id)""",
        (MODEL, DIMENSIONS),
    )
    connection.execute("ANALYZE neanelu.shop_product_embeddings, neanelu.shopify_products")
    return vectors, ids, owners


def true_neighbours(vectors: Any, mine: Any, queries: Any) -> list[set[int]]:
    """Return the row numbers of the K nearest of each query among the rows that are `mine`, the query itself left out."""
    found = []
    for query in queries:
        similarity = vectors[mine] @ vectors[query]
        best = mine[np.argpartition(-similarity, K + 1)[: K + 2]] if len(mine) > K + 2 else mine
        order = best[np.argsort(-(vectors[best] @ vectors[query]), kind="stable")]
        found.append({int(n) for n in order if n != query} if len(order) <= K else
                     {int(n) for n in [m for m in order if m != query][:K]})  # fmt: skip
    return found


def ask(connection: psycopg.Connection[Any], shop: UUID, product: UUID) -> tuple[list[UUID], float]:
    """Return the answer of search.similar_products and its milliseconds."""
    began = time.perf_counter()
    rows = connection.execute(
        "SELECT id FROM search.similar_products(%s, %s, %s)", (shop, product, K)
    ).fetchall()
    return [row[0] for row in rows], (time.perf_counter() - began) * 1000


def run(scale: str) -> list[frame.Figure]:
    """Measure recall@10 and time for a tenant with nearly all vectors, with 5 % and with 0.1 %."""
    count = 200_000 if scale == "full" else 50_000
    figures: list[frame.Figure] = []
    with frame.steps("vectors", 6) as step:
        step(f"insert {count} vectors")
        database = frame.laboratory().create()
        with database.connect() as connection:
            (definition,) = connection.execute(
                "SELECT pg_get_indexdef(to_regclass(%s))", (f"neanelu.{INDEX}",)
            ).fetchone()  # type: ignore[misc]
            connection.execute(f"DROP INDEX neanelu.{INDEX}")
            vectors, ids, owners = fill(connection, count)
            step("build the index")
            connection.execute("SET maintenance_work_mem = '1GB'")
            began = time.perf_counter()
            connection.execute(definition)
            figures.append(frame.figure("vectors_index_build", time.perf_counter() - began, "s"))
            size = connection.execute(
                "SELECT pg_relation_size(to_regclass(%s))", (f"neanelu.{INDEX}",)
            ).fetchone()
            assert size is not None
            figures.append(frame.figure("vectors_index_size", size[0] / 1e6, "MB"))
            number = {product: n for n, product in enumerate(ids)}
            random = np.random.default_rng(11)
            for name, shop in SHOPS.items():
                step(f"ask {QUERIES} times as the {name} tenant")
                mine = np.array([n for n, owner in enumerate(owners) if owner == shop])
                queries = random.choice(mine, min(QUERIES, len(mine)), replace=False)
                truth = true_neighbours(vectors, mine, queries)
                recall, times = [], []
                for query, wanted in zip(queries, truth, strict=True):
                    answer, milliseconds = ask(connection, shop, ids[query])
                    times.append(milliseconds)
                    assert len(answer) == K, (name, len(answer))
                    recall.append(len({number[i] for i in answer} & wanted) / K)
                figures.append(
                    frame.figure(f"vectors_recall_{name}", statistics.fmean(recall), "share", least=0.95)
                )
                figures.append(frame.figure(f"vectors_p50_{name}", float(np.percentile(times, 50)), "ms"))
                figures.append(frame.figure(f"vectors_p95_{name}", float(np.percentile(times, 95)), "ms"))
            step("half against full precision")
            figures += compare_precisions(connection, vectors, ids, definition)
        frame.drop(database)
    return figures


def compare_precisions(
    connection: psycopg.Connection[Any], vectors: Any, ids: list[UUID], definition: str
) -> list[frame.Figure]:
    """Return recall, time and size of the model's index as it is and over four bytes a number, without any filter."""
    figures = []
    number = {product: n for n, product in enumerate(ids)}
    queries = np.random.default_rng(12).choice(len(ids), QUERIES // 2, replace=False)
    truth = true_neighbours(vectors, np.arange(len(ids)), queries)
    connection.execute("SET hnsw.ef_search = 80")
    for kind in ("halfvec", "vector"):
        connection.execute(f"DROP INDEX neanelu.{INDEX}")
        began = time.perf_counter()
        connection.execute(definition.replace("halfvec", kind))
        seconds = time.perf_counter() - began
        size = connection.execute(
            "SELECT pg_relation_size(to_regclass(%s))", (f"neanelu.{INDEX}",)
        ).fetchone()
        assert size is not None
        statement = f"""
            SELECT product_id FROM neanelu.shop_product_embeddings
             WHERE model_version = '{MODEL}' AND embedding_type = 'combined'
             ORDER BY extensions.subvector(embedding, 1, {DIMENSIONS})::extensions.{kind}({DIMENSIONS})
                      OPERATOR(extensions.<=>) %s::extensions.{kind}({DIMENSIONS}) LIMIT {K + 1}"""
        recall, times = [], []
        for query, wanted in zip(queries, truth, strict=True):
            began = time.perf_counter()
            rows = connection.execute(statement, (str(vectors[query].tolist()),)).fetchall()
            times.append((time.perf_counter() - began) * 1000)
            found = [number[row[0]] for row in rows if number[row[0]] != query][:K]
            recall.append(len(set(found) & wanted) / K)
        figures.append(frame.figure(f"vectors_{kind}_build", seconds, "s"))
        figures.append(frame.figure(f"vectors_{kind}_size", size[0] / 1e6, "MB"))
        figures.append(frame.figure(f"vectors_{kind}_recall", statistics.fmean(recall), "share"))
        figures.append(frame.figure(f"vectors_{kind}_p50", float(np.percentile(times, 50)), "ms"))
    return figures
