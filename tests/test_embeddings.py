"""Texts become vectors: each once, for the text it was made from, whoever dies in between; searches find them by index."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row

from neanelu.embeddings import as_text, run
from neanelu.embeddings.minilm import MiniLM
from neanelu.embeddings.run import collect, embed, find_model
from neanelu.openai.errors import RequestRefused
from neanelu.platform.scratch import Database
from neanelu.settings import Settings
from neanelu.worker import handlers

MODEL = "all-minilm-l6-v2"
A, B = (uuid.UUID(f"00000000-0000-7000-8000-0000000000a{n}") for n in (1, 2))
TITLES = (
    "Wireless headphones with noise cancelling",
    "Running shoes for men",
    "Office monitor 27 inch IPS",
    "Kitchen scale 5 kg",
    "Ergonomic office chair",
)
SHOPS = f"""
INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id, domain, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{{}}'
  FROM (VALUES ('{A}'::uuid, 'a.myshopify.com'), ('{B}'::uuid, 'b.myshopify.com')) AS s (id, domain)"""


@pytest.fixture
def admin(db: Database) -> Iterator[psycopg.Connection[Any]]:
    with db.connect() as connection:
        connection.row_factory = dict_row  # type: ignore[assignment]
        connection.execute(SHOPS)
        for number, title in enumerate(TITLES):
            connection.execute(
                "INSERT INTO neanelu.prod_master (internal_sku, canonical_title, brand) VALUES (%s, %s, 'Acme')",
                (f"S{number}", title),
            )
            for shop in (A, B):
                connection.execute(
                    """INSERT INTO neanelu.shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status,
                                                             vendor, tags, description_html)
                       VALUES (%s, %s, %s, %s, %s, 'ACTIVE', 'Acme', '{new}',
                               '<p>Good &amp; <b>cheap</b></p><script>x()</script>')""",
                    (shop, f"gid://shopify/Product/{number + 1}", number + 1, title, f"p{number}"),
                )
        connection.execute("SELECT pim.refresh_semantics(array_agg(id)) FROM neanelu.prod_master")
        yield connection


@pytest.fixture
def rows(db: Database, admin: psycopg.Connection[Any]) -> Iterator[run.Rows]:
    with db.connect("neanelu_ai") as connection:
        connection.row_factory = dict_row  # type: ignore[assignment]

        def call(statement: str, **values: Any) -> Sequence[Any]:
            return connection.execute(statement, values).fetchall()

        yield call


def one(connection: psycopg.Connection[Any], statement: str, *values: Any) -> Any:
    row = connection.execute(statement, values or None).fetchone()
    assert row is not None
    return next(iter(row.values())) if isinstance(row, dict) else row[0]


def embed_all(rows: run.Rows) -> int:
    return sum(
        batch["stored"]
        for batch in embed(rows, find_model(rows), Settings(embeddings_batch=4), politely=True)
    )


def vector(*values: float, size: int = 384) -> str:
    return as_text([*values, *[0.0] * (size - len(values))])


def claim(rows: run.Rows, limit: int = 100) -> list[dict[str, Any]]:
    return list(rows("SELECT * FROM ai.claim_texts(%(model)s, %(limit)s)", model=MODEL, limit=limit))


def store(rows: run.Rows, ids: list[str], vectors: list[str]) -> tuple[int, int, int]:
    row = rows("SELECT * FROM ai.store_vectors(%(ids)s, %(vectors)s)", ids=ids, vectors=vectors)[0]
    return row["stored"], row["stale"], row["refused"]


def test_what_changed_is_embedded_and_what_did_not_is_left_alone(
    admin: psycopg.Connection[Any], rows: run.Rows
) -> None:
    assert collect(rows, MODEL) == {"checked": 5 + 5 + 10 + 10, "queued": 15}
    assert embed_all(rows) == 15
    assert one(admin, "SELECT count(*) FROM neanelu.embedding_items") == 0
    assert collect(rows, MODEL)["queued"] == 0
    admin.execute(
        "UPDATE neanelu.prod_master SET canonical_title = 'Bluetooth headphones' WHERE internal_sku = 'S0'"
    )
    admin.execute("UPDATE neanelu.shopify_products SET synced_at = now() WHERE shop_id = %s", (A,))
    assert collect(rows, MODEL) == {"checked": 1 + 1 + 5 + 5, "queued": 1}
    assert embed_all(rows) == 1
    content = one(
        admin,
        "SELECT content FROM ai._product_texts(ARRAY(SELECT id FROM neanelu.prod_master WHERE internal_sku = 'S0'), 'combined')",
    )
    assert content.startswith("Acme Bluetooth headphones")
    stored = one(
        admin,
        """SELECT e.embedding::text FROM neanelu.prod_embeddings AS e JOIN neanelu.prod_master AS m ON m.id = e.product_id
            WHERE m.internal_sku = 'S0'""",
    )
    kept = np.array([float(value) for value in stored.strip("[]").split(",")])
    assert kept.shape == (1536,) and not kept[384:].any()
    assert np.allclose(kept[:384], MiniLM.shared(1).matrix([content])[0], atol=1e-5)


def test_a_shop_text_has_no_html(admin: psycopg.Connection[Any]) -> None:
    text = one(
        admin,
        "SELECT content FROM ai._shop_product_texts(%s, ARRAY(SELECT id FROM neanelu.shopify_products "
        "WHERE shop_id = %s AND handle = 'p1'), "
        "'combined')",
        A,
        A,
    )
    assert text == "Running shoes for men\nAcme\nnew\nGood & cheap"


def test_a_change_that_commits_late_is_not_missed(
    db: Database, admin: psycopg.Connection[Any], rows: run.Rows
) -> None:
    with db.connect(autocommit=False) as slow:
        slow.execute(
            "UPDATE neanelu.prod_master SET canonical_title = 'Later', updated_at = now() WHERE internal_sku = 'S1'"
        )
        collect(rows, MODEL)
        embed_all(rows)
        slow.commit()
    assert collect(rows, MODEL)["queued"] == 1


def test_an_older_vector_does_not_overwrite_a_newer_text(
    admin: psycopg.Connection[Any], rows: run.Rows
) -> None:
    collect(rows, MODEL)
    texts = claim(rows)
    first = next(text for text in texts if "Running" in text["content"] and text["shop_id"] is None)
    admin.execute(
        "UPDATE neanelu.prod_master SET canonical_title = 'Walking shoes' WHERE internal_sku = 'S1'"
    )
    assert collect(rows, MODEL)["queued"] == 1
    assert store(rows, [first["custom_id"]], [vector(1)]) == (0, 1, 0)
    (second,) = claim(rows)
    assert "Walking" in second["content"]
    assert store(rows, [second["custom_id"]], [vector(0, 1)]) == (1, 0, 0)
    assert store(rows, [first["custom_id"]], [vector(1)]) == (0, 1, 0)
    assert (
        one(admin, "SELECT count(*) FROM neanelu.prod_embeddings WHERE embedding::text LIKE '[0,1,%%'") == 1
    )


def test_a_text_that_went_back_is_taken_back(admin: psycopg.Connection[Any], rows: run.Rows) -> None:
    collect(rows, MODEL)
    embed_all(rows)
    admin.execute(
        "UPDATE neanelu.prod_master SET canonical_title = canonical_title || '!' WHERE internal_sku = 'S1'"
    )
    assert collect(rows, MODEL)["queued"] == 1
    admin.execute(
        "UPDATE neanelu.prod_master SET canonical_title = rtrim(canonical_title, '!') WHERE internal_sku = 'S1'"
    )
    assert collect(rows, MODEL)["queued"] == 0
    assert claim(rows) == []


def test_results_come_in_any_order_in_part_and_twice(admin: psycopg.Connection[Any], rows: run.Rows) -> None:
    collect(rows, MODEL)
    texts = claim(rows)
    ids = [text["custom_id"] for text in texts]
    some = ids[:7][::-1]
    assert store(rows, some, [vector(1, n) for n in range(7)]) == (7, 0, 0)
    assert store(rows, some, [vector(1, n) for n in range(7)]) == (0, 7, 0)
    bad = ["", "[1,2]", vector(0), "[nan,1]", "no vector"]
    assert store(rows, ids[7:12], bad) == (0, 0, 5)
    assert store(rows, ["garbage", str(uuid.uuid4())], [vector(1)] * 2) == (0, 2, 0)
    with pytest.raises(psycopg.DatabaseError) as uneven:
        store(rows, ids[:2], [vector(1)])
    assert uneven.value.sqlstate == "NE005"
    waiting = {
        row["status"]: row["texts"]
        for row in rows("SELECT status, sum(texts) AS texts FROM ai.list_waiting() GROUP BY status")
    }
    assert waiting == {"claimed": 3, "pending": 5}


def test_claims_of_two_daemons_are_disjoint(db: Database, rows: run.Rows) -> None:
    collect(rows, MODEL)
    barrier, found = threading.Barrier(4), list[list[str]]()

    def take() -> None:
        with db.connect("neanelu_ai") as own:
            barrier.wait()
            found.append(
                [
                    row[0]
                    for row in own.execute("SELECT custom_id FROM ai.claim_texts(%s, 3)", (MODEL,)).fetchall()
                ]
            )

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [custom_id for part in found for custom_id in part]
    assert len(taken) == len(set(taken)) == 12


def test_who_dies_with_a_claim_is_replaced_and_the_eighth_time_is_the_last(
    admin: psycopg.Connection[Any], rows: run.Rows
) -> None:
    rows("SELECT ai.request_vectors(%(texts)s)", texts=["Ecran", "Display", "Ecran", ""])
    for attempt in range(8):
        assert len(claim(rows)) == 2, attempt
        assert claim(rows) == []
        admin.execute("UPDATE neanelu.embedding_items SET available_at = now() - interval '1 second'")
    assert claim(rows) == []
    assert (
        one(
            admin,
            "SELECT count(*) FROM neanelu.embedding_items WHERE status = 'failed' AND error_message IS NOT NULL",
        )
        == 2
    )
    admin.execute("SELECT ai.recheck_texts()")
    assert embed_all(rows) == 2
    known = rows("SELECT content FROM ai.vectors_of(%(texts)s)", texts=["Display", "unknown"])
    assert [row["content"] for row in known] == ["Display"]


def test_a_batch_keeps_its_texts_until_it_is_released(admin: psycopg.Connection[Any], rows: run.Rows) -> None:
    rows("SELECT ai.request_vectors(%(texts)s, 'text-embedding-3-small')", texts=["one", "two", "three"])
    batch = one(admin, "INSERT INTO neanelu.embedding_batches (batch_type) VALUES ('attribute') RETURNING id")
    taken = rows(
        "SELECT custom_id FROM ai.claim_texts('text-embedding-3-small', 10, p_batch_id => %(batch)s, p_lease => '0')",
        batch=batch,
    )
    assert len(taken) == 3
    assert rows("SELECT custom_id FROM ai.claim_texts('text-embedding-3-small', 10)") == []
    assert store(rows, [taken[0]["custom_id"]], [vector(1, size=1536)]) == (1, 0, 0)
    assert rows("SELECT ai.release_texts(%(batch)s) AS n", batch=batch)[0]["n"] == 2
    assert rows("SELECT ai.release_texts(%(batch)s) AS n", batch=batch)[0]["n"] == 0
    assert len(rows("SELECT custom_id FROM ai.claim_texts('text-embedding-3-small', 10)")) == 2


def test_a_claim_keeps_to_its_tokens(rows: run.Rows) -> None:
    rows("SELECT ai.request_vectors(%(texts)s)", texts=["x" * 300, "y" * 300, "z" * 300])
    assert len(rows("SELECT * FROM ai.claim_texts(%(m)s, 10, 250)", m=MODEL)) == 2
    assert len(rows("SELECT * FROM ai.claim_texts(%(m)s, 10, 5)", m=MODEL)) == 1


def test_long_texts_are_cut_by_whole_characters(admin: psycopg.Connection[Any]) -> None:
    for text in ("ă" * 9000, "a" * 20000, "日本" * 5000, "a" * 10 + "日" * 9000):
        cut = one(admin, "SELECT ai._cut(%s, 2048)", text)
        assert text.startswith(cut) and 1900 < len(cut.encode()) <= 2048


def test_a_refused_text_does_not_hold_up_the_others(
    admin: psycopg.Connection[Any], rows: run.Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Picky:
        name, dimensions = MODEL, 384

        def embed(self, texts: Sequence[str]) -> list[list[float]]:
            if any("bad" in text for text in texts):
                raise RequestRefused("no", 400)
            return [[1.0, *[0.0] * 383] for _ in texts]

    monkeypatch.setattr(run, "open_embedder", lambda *_: Picky())
    rows("SELECT ai.request_vectors(%(texts)s)", texts=[f"good {n}" for n in range(9)] + ["bad"])
    totals = list(embed(rows, find_model(rows), Settings(embeddings_batch=100)))
    assert totals == [{"stored": 9, "stale": 0, "refused": 0, "failed": 1}]
    assert one(admin, "SELECT content FROM neanelu.embedding_items WHERE status = 'failed'") == "bad"


def test_a_model_is_never_compared_with_another(admin: psycopg.Connection[Any], rows: run.Rows) -> None:
    collect(rows, MODEL)
    embed_all(rows)
    admin.execute(
        """INSERT INTO neanelu.prod_embeddings (product_id, embedding_type, embedding, content_hash, model_version)
           SELECT product_id, embedding_type, embedding, content_hash, 'text-embedding-3-small' FROM neanelu.prod_embeddings
            WHERE product_id = (SELECT id FROM neanelu.prod_master WHERE internal_sku = 'S0')"""
    )
    product = one(admin, "SELECT id FROM neanelu.prod_master WHERE internal_sku = 'S0'")
    assert len(admin.execute("SELECT * FROM pim.similar(%s)", (product,)).fetchall()) == 4
    admin.execute("SELECT ai.use_model('text-embedding-3-small')")
    assert admin.execute("SELECT * FROM pim.similar(%s)", (product,)).fetchall() == []
    with pytest.raises(psycopg.DatabaseError) as wrong:
        admin.execute("SELECT * FROM pim.by_vector(%s::extensions.vector)", (vector(1),))
    assert wrong.value.sqlstate == "NE004"


def test_a_worker_has_a_handler_for_the_scheduled_job() -> None:
    assert "ai.embed_local" in handlers.load()


@pytest.fixture
def tenants(
    db: Database, admin: psycopg.Connection[Any], rows: run.Rows
) -> Iterator[Callable[[uuid.UUID], psycopg.Connection[Any]]]:
    collect(rows, MODEL)
    embed_all(rows)
    names = {shop: f"test_vectors_{uuid.uuid4().hex[:8]}" for shop in (A, B)}
    opened = []
    for shop, name in names.items():
        admin.execute(f"CREATE ROLE {name} LOGIN IN ROLE neanelu_tenant")
        admin.execute("SELECT app.bind_tenant_login(%s, %s)", (name, shop))

    def login(shop: uuid.UUID) -> psycopg.Connection[Any]:
        opened.append(db.connect(names[shop]))
        return opened[-1]

    yield login
    for connection in opened:
        connection.close()
    for name in names.values():
        admin.execute("SELECT app.unbind_tenant_login(%s)", (name,))
        admin.execute(f"DROP ROLE {name}")


def test_a_tenant_finds_its_own_products_by_meaning_and_no_others(
    admin: psycopg.Connection[Any], tenants: Callable[[uuid.UUID], psycopg.Connection[Any]]
) -> None:
    question = as_text(MiniLM.shared(1).embed(["sneakers for jogging"])[0])
    mine = {
        row["id"] for row in admin.execute("SELECT id FROM neanelu.shopify_products WHERE shop_id = %s", (A,))
    }
    tenant = tenants(A)
    hits = tenant.execute(
        "SELECT id, title FROM search.by_vector(%s, %s::extensions.vector)", (A, question)
    ).fetchall()
    assert hits[0][1] == "Running shoes for men" and {row[0] for row in hits} == mine
    like = tenant.execute(
        "SELECT id, title, distance FROM search.similar_products(%s, %s, 2)", (A, hits[0][0])
    ).fetchall()
    assert len(like) == 2 and hits[0][0] not in {row[0] for row in like}
    mixed = tenant.execute(
        "SELECT title, vector_rank FROM search.hybrid(%s, 'shoes', %s::extensions.vector)", (A, question)
    ).fetchall()
    assert mixed[0] == ("Running shoes for men", 1)
    for call in (
        "search.by_vector(%s, %s::extensions.vector)",
        "search.hybrid(%s, 'shoes', %s::extensions.vector)",
    ):
        with pytest.raises(psycopg.DatabaseError) as other:
            tenant.execute(f"SELECT * FROM {call}", (B, question))
        assert other.value.sqlstate == "NA002"
    assert tenant.execute(
        "SELECT count(*), count(DISTINCT shop_id) FROM neanelu.shop_product_embeddings"
    ).fetchone() == (5, 1)
    for closed in (
        "neanelu.prod_embeddings",
        "pim.search('shoes')",
        "ai.list_waiting()",
        "neanelu.embedding_sweeps",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tenant.execute(f"SELECT * FROM {closed}")
    admin.execute(
        "UPDATE neanelu.shopify_products SET deleted_at = now(), deletion_reason = 'webhook' WHERE id = %s",
        (hits[0][0],),
    )
    left = tenant.execute(
        "SELECT id FROM search.hybrid(%s, 'shoes', %s::extensions.vector)", (A, question)
    ).fetchall()
    assert hits[0][0] not in {row[0] for row in left} and len(left) == 4


def test_words_similar_words_and_missing_words_are_found(
    tenants: Callable[[uuid.UUID], psycopg.Connection[Any]],
) -> None:
    tenant = tenants(A)

    def ask(question: str) -> list[str]:
        return [
            row[0]
            for row in tenant.execute(
                "SELECT title FROM search.hybrid(%s, %s, NULL, 5)", (A, question)
            ).fetchall()
        ]

    assert ask("office chair") == ["Ergonomic office chair"]
    assert ask("hedphones")[0] == TITLES[0]
    assert ask("ofice monitr") == [TITLES[2]]
    assert ask("monitor 27 inch curved") == [TITLES[2]]
    assert sorted(ask("chair or shoes")) == sorted([TITLES[1], TITLES[4]])
    assert ask("office -chair") == [TITLES[2]]
    assert ask('"chair office"') == []
    for question in ("", "  ", "-chair", "x" * 1001):
        with pytest.raises(psycopg.DatabaseError) as refused:
            ask(question)
        assert refused.value.sqlstate == "NR003"


def test_golden_records_are_found_in_their_language_or_another(
    admin: psycopg.Connection[Any], rows: run.Rows
) -> None:
    collect(rows, MODEL)

    def ask(question: str, locale: str | None = None) -> list[str]:
        return [
            row["title"]
            for row in admin.execute(
                "SELECT title FROM pim.search(%s, NULL, %s)", (question, locale)
            ).fetchall()
        ]

    assert ask("shoe", "en") == [TITLES[1]] or ask("shoes") == [TITLES[1]]
    assert ask("acme") and len(ask("acme")) == 5
    assert ask("kitchn scale") == [TITLES[3]]
    with pytest.raises(psycopg.DatabaseError) as refused:
        ask("-")
    assert refused.value.sqlstate == "NR003"


def test_many_vectors_go_through_the_graph_and_k_of_k_come_back(
    db: Database, admin: psycopg.Connection[Any]
) -> None:
    """Shop A has 2,100 vectors: the graph. Shop B has 20: exact. Both answer k of k, as exact search does."""
    most, index = 2100, "neanelu.idx_shop_embeddings_minilm_combined"
    definition = one(admin, "SELECT pg_get_indexdef(%s::regclass)", index)
    admin.execute(f"DROP INDEX {index}")
    admin.execute("DELETE FROM neanelu.shopify_products")
    random = np.random.default_rng(1)
    vectors = random.standard_normal((most + 20, 384)) * (1.0 / np.arange(1, 385)) ** 0.5
    with admin.cursor() as cursor:
        cursor.execute("CREATE TABLE given_vectors (n integer, v text)")
        with cursor.copy("COPY given_vectors FROM STDIN") as copy:
            for number, values in enumerate(vectors):
                copy.write_row((number, as_text(values)))
    admin.execute(
        """INSERT INTO neanelu.shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status)
           SELECT CASE WHEN n < %(most)s THEN %(a)s ELSE %(b)s END::uuid, 'gid://shopify/Product/' || n, n + 1, 'p',
                  'p' || n, 'ACTIVE'
             FROM given_vectors""",
        {"most": most, "a": A, "b": B},
    )
    admin.execute(
        """INSERT INTO neanelu.shop_product_embeddings (shop_id, product_id, embedding_type, embedding, content_hash,
                                                        model_version,
                                                        dimensions, status, generated_at)
           SELECT p.shop_id, p.id, 'combined', ai._padded(v.v::extensions.vector), repeat('0', 64), %s, 384, 'ready', now()
             FROM given_vectors AS v JOIN neanelu.shopify_products AS p ON p.legacy_resource_id = v.n + 1""",
        (MODEL,),
    )
    admin.execute(definition)
    admin.execute("ANALYZE neanelu.shop_product_embeddings, neanelu.shopify_products")
    with db.connect("neanelu_app") as tenant:
        for shop, has_graph in ((A, True), (B, False)):
            question = as_text(random.standard_normal(384))
            found = tenant.execute(
                "SELECT id FROM search.by_vector(%s, %s::extensions.vector, 10)", (shop, question)
            ).fetchall()
            exact = admin.execute(
                """SELECT n.product_id FROM ai._nearest_exact(ai._model(NULL), %s, 'combined',
                                                                  ai._padded(%s::extensions.vector), 10) AS n""",
                (shop, question),
            ).fetchall()
            assert len(found) == 10
            shared = {row[0] for row in found} & {row["product_id"] for row in exact}
            assert len(shared) >= (8 if has_graph else 10)
    plan = explained(
        admin,
        "SELECT * FROM ai._nearest_by_graph(ai._model(NULL), %s, 'combined', ai._padded(%s::extensions.vector), 10)",
        A,
        as_text(vectors[0]),
    )
    assert "idx_shop_embeddings_minilm_combined" in plan and "Sort Key: (subvector" not in plan


def test_words_are_looked_up_in_the_full_text_indexes(admin: psycopg.Connection[Any]) -> None:
    admin.execute(
        """INSERT INTO neanelu.shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status)
           SELECT %s, 'gid://shopify/Product/' || n, n, 'Thing rare' || n %% 2000, 'h' || n, 'ACTIVE'
             FROM generate_series(100, 5099) AS n""",
        (A,),
    )
    admin.execute(
        """INSERT INTO neanelu.prod_master (internal_sku, canonical_title)
           SELECT 'N' || n, 'Thing rare' || n % 2000 FROM generate_series(100, 5099) AS n"""
    )
    admin.execute("SELECT pim.refresh_semantics(array_agg(id)) FROM neanelu.prod_master")
    admin.execute("ANALYZE neanelu.shopify_products, neanelu.prod_semantics")
    shop = explained(admin, "SELECT * FROM search.hybrid(%s, 'thing rare77')", A)
    assert "Bitmap Index Scan on idx_products_fts" in shop and "Seq Scan on shopify_products" not in shop
    records = explained(admin, "SELECT * FROM pim.search('thing rare77')")
    assert "Bitmap Index Scan on idx_semantics_fts" in records and "Seq Scan on prod_semantics" not in records


def explained(admin: psycopg.Connection[Any], statement: str, *values: Any) -> str:
    """Return the plans that a statement really ran with, functions' statements included, as auto_explain tells them."""
    told: list[str] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:
        told.append(notice.message_primary or "")

    admin.execute("LOAD 'auto_explain'")
    admin.execute("SET auto_explain.log_min_duration = 0")
    admin.execute("SET auto_explain.log_nested_statements = on")
    admin.add_notice_handler(note)
    admin.execute("SET client_min_messages = log")
    admin.execute(statement, values or None)
    admin.execute("SET client_min_messages = notice")
    admin.remove_notice_handler(note)
    return "\n".join(told)
