"""Matching: the same product becomes one golden record, whoever brings it and when; and every merge can be undone.

Readings are written as the extraction writes them, then matched. Titles are made up.
"""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from neanelu.platform.scratch import Database

Connection = psycopg.Connection[Any]
#: Everything that a merge touches, with what it is found by; the journal and what is remembered aside.
TOUCHED = (
    "prod_master",
    "prod_proposals",
    "prod_specs_normalized",
    "prod_channel_mappings",
    "prod_similarity_matches",
    "prod_embeddings",
    "prod_semantics",
    "prod_translations",
    "prod_quality_events",
    "prod_dedupe_clusters",
    "prod_dedupe_cluster_members",
    "prod_match_links",
    "prod_match_keys",
    "prod_match_terms",
)
NUMBERS = itertools.count(1)


def add_source(connection: Connection, one_to_one: bool = False, name: str | None = None) -> uuid.UUID:
    """Return a new source."""
    row = connection.execute(
        "INSERT INTO neanelu.prod_sources (name, source_type, config) VALUES (%s, 'SUPPLIER', %s) RETURNING id",
        (name or uuid.uuid4().hex, Jsonb({"one_to_one": one_to_one})),
    ).fetchone()
    assert row
    return uuid.UUID(str(row[0]))


def read(
    connection: Connection, source: uuid.UUID, specs: dict[str, Any], key: str | None = None
) -> uuid.UUID:
    """Return a new reading of a product of a source."""
    key = key or f"k{next(NUMBERS)}"
    row = connection.execute(
        """WITH h AS (
               INSERT INTO neanelu.prod_raw_harvest (source_id, source_url, source_product_id, raw_json, content_hash)
               VALUES (%(source)s, 'feed:x#' || %(key)s, %(key)s, %(specs)s,
                       encode(sha256(uuidv7()::text::bytea), 'hex'))
               RETURNING id, fetched_at)
           INSERT INTO neanelu.prod_extraction_sessions (harvest_id, harvest_fetched_at, agent_version, extracted_specs)
           SELECT id, fetched_at, 'test/1', %(specs)s FROM h RETURNING id""",
        {"source": source, "key": key, "specs": Jsonb(specs)},
    ).fetchone()
    assert row
    return uuid.UUID(str(row[0]))


def match(connection: Connection, *sessions: uuid.UUID) -> dict[uuid.UUID, tuple[uuid.UUID, str, str]]:
    """Return golden record, decision and method of each reading."""
    rows = connection.execute(
        "SELECT session_id, product_id, decision, method FROM matching.match_sessions(%s)", (list(sessions),)
    ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def put(connection: Connection, source: uuid.UUID, **specs: Any) -> tuple[uuid.UUID, str, str]:
    """Read one product and match it; return golden record, decision and method."""
    session = read(connection, source, specs)
    return match(connection, session)[session]


@pytest.fixture(scope="module")
def shared(module_db: Database) -> Connection:
    """The superuser's connection to a database with a hundred golden records of lamps and kettles."""
    connection = module_db.connect()
    source = add_source(connection, name="stock")
    colours, kinds = (
        ("black", "white", "red", "green"),
        ("desk lamp", "floor lamp", "kettle", "toaster", "radio"),
    )
    sessions = [
        read(connection, source, {"title": f"Brandon {k} {c} - BR{n}{k[0].upper()}X", "brand": "Brandon"})
        for n, (k, c) in enumerate(itertools.product(kinds, colours), start=1100)
    ]
    match(connection, *sessions)
    return connection


def test_the_numbers_that_name_a_product_go_first(shared: Connection) -> None:
    """A GTIN in another form, then brand and part number, find the product under quite another title."""
    shop, feed = add_source(shared), add_source(shared)
    first, decision, _ = put(
        shared, shop, title="Pocket torch Lumo 3", brand="Lumo", mpn="LM-3/A", gtin="036000291452"
    )
    assert decision == "created"
    assert put(shared, feed, title="Lanterna mica", gtin="0 0036000-291452") == (
        first,
        "matched",
        "gtin_exact",
    )
    assert put(shared, feed, title="Taschenlampe", brand="LUMO", mpn="lm 3a") == (
        first,
        "matched",
        "mpn_exact",
    )
    # the source's second number is one to be found by, too
    assert put(shared, shop, title="Torche", gtin="4006381333931", mpn="LM3A", brand="Lumo")[1] == "review"


def test_a_code_decides_unless_something_contradicts(shared: Connection) -> None:
    """The same code in other words is the same product; another colour or a longer code is for people to judge."""
    shop, feed = add_source(shared), add_source(shared)
    first = put(shared, shop, title="Acmeton Soundbar 2.1 Wireless Black - SBW412X")[0]
    assert put(shared, feed, title="Acmeton SB-W412X wireless sound bar (black)") == (
        first,
        "matched",
        "model_code",
    )
    assert put(shared, feed, title="Acmeton SBW412X wireless soundbar white")[1] == "review"
    assert put(shared, feed, title="Acmeton SBW412XPRO wireless soundbar black")[1] == "review"
    assert put(shared, feed, title="Wall bracket for Acmeton SBW412X")[1] != "matched"
    assert put(shared, feed, title="Acmeton SBW418X wireless soundbar 2.1 black")[0] != first


def test_a_price_far_off_is_suspicious(shared: Connection) -> None:
    """Half the price under the same code is left to people."""
    shop, feed = add_source(shared), add_source(shared)
    put(shared, shop, title="Plantino Mixer PM7731", price="100.00", currency="RON")
    assert put(shared, feed, title="Plantino PM7731 mixer", price="60", currency="RON")[1] == "matched"
    assert put(shared, feed, title="Plantino PM7731 mixer", price="49.99", currency="RON")[1] == "review"


def test_it_is_decided_once(shared: Connection) -> None:
    """The same call again changes nothing, and a product of a source stays where it is under another title."""
    source = add_source(shared)
    session = read(shared, source, {"title": "Velora kettle VK9001"}, key="a")
    before = match(shared, session)
    count = shared.execute("SELECT count(*) FROM neanelu.prod_master").fetchone()
    assert match(shared, session) == before
    later = read(shared, source, {"title": "Something else altogether"}, key="a")
    assert match(shared, later)[later][0] == before[session][0]
    assert shared.execute("SELECT count(*) FROM neanelu.prod_master").fetchone() == count


def test_readings_of_one_call_get_one_record(shared: Connection) -> None:
    """Three sources in one call are one product; two products of a source that has each once are two."""
    sources = [add_source(shared, one_to_one=True) for _ in range(3)]
    sessions = [
        read(shared, s, {"title": f"Quantia {w} QN88T7"})
        for s, w in zip(sources, ("camera", "Camera", "cam"), strict=True)
    ]
    found = match(shared, *sessions)
    assert len({product for product, _, _ in found.values()}) == 1
    assert sorted(decision for _, decision, _ in found.values()) == ["created", "matched", "matched"]
    single = [read(shared, sources[0], {"title": "Quantia lens QL55Z8"}) for _ in range(2)]
    assert len({product for product, _, _ in match(shared, *single).values()}) == 2
    several = add_source(shared)
    double = [read(shared, several, {"title": "Quantia tripod QT77M2"}) for _ in range(2)]
    assert len({product for product, _, _ in match(shared, *double).values()}) == 1


def test_readings_without_a_product_are_left_out(shared: Connection) -> None:
    """A reading that names nothing, or failed, gets no golden record."""
    source = add_source(shared)
    assert match(shared, read(shared, source, {"description": "no name"})) == {}


def test_two_workers_with_the_same_new_product_make_one_record(db: Database) -> None:
    """Eight connections bring the same 20 products at once: 20 golden records."""
    setup = db.connect()
    lots = []
    for _ in range(8):
        source = add_source(setup)
        lots.append(
            [
                read(
                    setup, source, {"title": f"Item number {n} ZX{n}40Q", "brand": "Zed", "mpn": f"ZX{n}40Q"}
                )
                for n in range(20)
            ]
        )
    start = threading.Barrier(8)
    failed: list[Exception] = []

    def work(sessions: Sequence[uuid.UUID]) -> None:
        try:
            with db.connect("neanelu_worker") as connection:
                start.wait()
                for at in range(0, 20, 5):
                    match(connection, *sessions[at : at + 5])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(lot,)) for lot in lots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert setup.execute("SELECT count(*) FROM neanelu.prod_master").fetchone() == (20,)
    assert setup.execute("SELECT count(*) FROM neanelu.prod_match_links").fetchone() == (160,)


# --- Merging ----------------------------------------------------------------------------------------------
def dump(connection: Connection) -> dict[str, str]:
    """Return all rows of what a merge touches, as text in order."""
    connection.execute("SELECT matching.fold_terms()")
    rows = {
        table: connection.execute(
            f"SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM neanelu.{table} AS t"
        ).fetchone()
        for table in TOUCHED
    }
    return {table: str(row[0]) for table, row in rows.items() if row}


def family(connection: Connection, size: int) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """Return a pending cluster of new golden records with proposals, links, channels, matches, versions and vectors."""
    products = []
    for n in range(size):
        source = add_source(connection)
        number = next(NUMBERS)
        product = put(
            connection, source, title=f"Widget {number} W{number}AB{n}C", price="5", currency="EUR"
        )[0]
        products.append(product)
        connection.execute(
            "INSERT INTO neanelu.prod_proposals (product_id, field_path, proposed_value, source_id) "
            "VALUES (%s, 'title', '\"x\"', %s)",
            (product, source),
        )
        connection.execute(
            "INSERT INTO neanelu.prod_channel_mappings (product_id, channel, external_id) VALUES (%s, 'google', %s)",
            (product, product.hex),
        )
        connection.execute(
            "INSERT INTO neanelu.prod_similarity_matches (product_id, source_url, similarity_score, match_method, "
            "is_primary_source) VALUES (%s, 'x', 0.9, 'manual', true)",
            (product,),
        )
        connection.execute(
            "INSERT INTO neanelu.prod_specs_normalized (product_id, specs, provenance) VALUES (%s, '{}', '{}')",
            (product,),
        )
        connection.execute(
            "INSERT INTO neanelu.prod_embeddings (product_id, embedding_type, embedding, content_hash, model_version) "
            "VALUES (%s, 'title', array_fill(0.1, ARRAY[1536])::extensions.vector, repeat('a', 64), 'test')",
            (product,),
        )
    row = connection.execute(
        "INSERT INTO neanelu.prod_dedupe_clusters (cluster_type, match_criteria, canonical_product_id, member_count) "
        "VALUES ('FUZZY', '{}', %s, %s) RETURNING id",
        (products[0], size),
    ).fetchone()
    assert row
    for product in products:
        connection.execute(
            "INSERT INTO neanelu.prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, is_canonical) "
            "VALUES (%s, %s, 0.9, %s)",
            (row[0], product, product == products[0]),
        )
    return row[0], products


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_merge_then_unmerge_is_the_identity(shared: Connection, data: st.DataObject) -> None:
    """Whatever the size, the survivor and the order of taking apart, everything is as it was."""
    cluster, products = family(shared, data.draw(st.integers(2, 4)))
    survivor = data.draw(st.sampled_from([None, *products]))
    before = dump(shared)
    row = shared.execute("SELECT matching.merge(%s, %s)", (cluster, survivor)).fetchone()
    assert row
    merged = dump(shared)
    assert merged["prod_master"] != before["prod_master"]
    assert merged["prod_proposals"] != before["prod_proposals"]
    moved = shared.execute(
        "SELECT count(*) FROM neanelu.prod_match_links WHERE product_id = %s", (row[0],)
    ).fetchone()
    assert moved == (len(products),)
    for product in data.draw(st.permutations([p for p in products if p != row[0]])):
        shared.execute("SELECT matching.unmerge(%s, %s, p_remember => false)", (cluster, product))
    assert dump(shared) == before


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_decision_is_taken_back(shared: Connection, decision: str) -> None:
    """matching.undo makes everything what it was before a person decided, what was remembered too."""
    cluster, _ = family(shared, 3)
    rules = "SELECT count(*) FROM neanelu.prod_match_rules"
    before, said = dump(shared), shared.execute(rules).fetchone()
    shared.execute("SELECT matching.decide_cluster(%s, %s, %s)", (cluster, decision, uuid.uuid4()))
    assert dump(shared) != before
    with pytest.raises(psycopg.Error) as refused:
        shared.execute("SELECT matching.decide_cluster(%s, %s)", (cluster, decision))
    assert refused.value.sqlstate == "NM002"
    shared.execute("SELECT matching.undo(%s)", (cluster,))
    assert dump(shared) == before
    assert shared.execute(rules).fetchone() == said
    with pytest.raises(psycopg.Error) as nothing:
        shared.execute("SELECT matching.undo(%s)", (cluster,))
    assert nothing.value.sqlstate == "NM007"


def test_what_people_said_is_remembered(shared: Connection) -> None:
    """Cannot-link stops a merge, also of what was merged since; must-link merges; unmerge remembers."""
    cluster, (a, b, c) = family(shared, 3)
    other, (d, e) = family(shared, 2)
    shared.execute("SELECT matching.link(%s, %s, 'cannot')", (b, d))
    with pytest.raises(psycopg.Error) as refused:
        shared.execute("SELECT matching.link(%s, %s, 'cannot')", (a, a))
    assert refused.value.sqlstate == "NM005"
    shared.execute("SELECT matching.merge(%s, %s)", (cluster, a))
    with pytest.raises(psycopg.Error) as never:
        shared.execute("SELECT matching.link(%s, %s, 'must')", (d, a))
    assert never.value.sqlstate == "NM004"
    shared.execute("SELECT matching.link(%s, %s, 'must')", (c, e))
    survivors = shared.execute("SELECT matching._survivor(%s) = matching._survivor(%s)", (c, e)).fetchone()
    assert survivors == (True,)
    with pytest.raises(psycopg.Error) as merged:
        shared.execute("SELECT matching.unmerge(%s, %s)", (other, e))
    assert merged.value.sqlstate == "NM003"


def test_a_member_is_decided_alone(shared: Connection) -> None:
    """One of three is rejected: it gets a cluster of its own, the rest waits under the old id."""
    cluster, (a, b, c) = family(shared, 3)
    row = shared.execute(
        "SELECT matching.decide_cluster(%s, 'reject', p_product_id => %s)", (cluster, c)
    ).fetchone()
    assert row
    assert row[0] != cluster
    rest = shared.execute(
        "SELECT status, member_count FROM neanelu.prod_dedupe_clusters WHERE id = %s", (cluster,)
    ).fetchone()
    assert rest == ("pending", 2)
    assert shared.execute("SELECT matching._are_never_one(%s, %s)", (a, c)).fetchone() == (True,)
    assert shared.execute("SELECT matching._are_never_one(%s, %s)", (a, b)).fetchone() == (False,)


def test_what_changed_is_compared_again(db: Database) -> None:
    """A golden record that gets another one's number is merged with it by the rescan, once, unless somebody said never."""
    connection = db.connect()
    source, feed = add_source(connection), add_source(connection)
    first = put(connection, source, title="Alpha blender", gtin="4006381333931")[0]
    second = put(connection, feed, title="Beta juicer", brand="Beta")[0]
    assert first != second
    connection.execute(
        "UPDATE neanelu.prod_master SET gtin = '04006381333931', updated_at = clock_timestamp() WHERE id = %s",
        (second,),
    )
    counts = connection.execute("SELECT matching.rescan()").fetchone()
    assert counts
    assert counts[0]["merged"] == 1
    again = connection.execute("SELECT matching.rescan()").fetchone()
    assert again
    assert again[0]["pairs"] == 0
    row = connection.execute(
        "SELECT dedupe_cluster_id, id FROM neanelu.prod_master WHERE dedupe_status = 'duplicate'"
    ).fetchone()
    assert row
    connection.execute("SELECT matching.unmerge(%s, %s)", row)
    connection.execute(
        "UPDATE neanelu.prod_master SET canonical_title = canonical_title || ' x', updated_at = clock_timestamp()"
    )
    last = connection.execute("SELECT matching.rescan()").fetchone()
    assert last
    assert (last[0]["compared"], last[0]["pairs"]) == (2, 0)


def give_vector(connection: Connection, product: uuid.UUID, *values: float) -> None:
    """Store a vector of the model in use for a golden record."""
    vector = [*values, *[0.0] * (1536 - len(values))]
    connection.execute(
        "INSERT INTO neanelu.prod_embeddings (product_id, embedding_type, embedding, content_hash, model_version, dimensions)"
        " SELECT %s, 'combined', %s::extensions.vector, repeat('0', 64), m.name, m.dimensions"
        " FROM neanelu.embedding_models AS m WHERE m.is_default",
        (product, str(vector)),
    )


def test_who_gets_a_vector_is_compared_with_its_neighbours(db: Database) -> None:
    """Two languages without a word in common: nothing but the vectors brings the two before people, once."""
    connection = db.connect()
    shop, feed = add_source(connection), add_source(connection)
    said = {"brand": "Kaizen"}
    english = put(connection, shop, title="Wireless headphones for runners", **said)[0]
    romanian = put(connection, feed, title="Casti fara fir pentru alergatori", **said)[0]
    other = put(connection, feed, title="Cuptor incorporabil", **said)[0]
    assert len({english, romanian, other}) == 3
    assert connection.execute("SELECT matching.rescan() ->> 'pairs'").fetchone() == ("0",)
    give_vector(connection, english, 1, 0.1)
    give_vector(connection, romanian, 1, 0.12)
    give_vector(connection, other, 0.1, -1)
    row = connection.execute("SELECT matching.rescan()").fetchone()
    assert row
    assert {name: row[0][name] for name in ("arrived", "pairs", "merged")} == {
        "arrived": 3,
        "pairs": 1,
        "merged": 0,
    }
    asked = connection.execute(
        "SELECT array_agg(m.product_id), bool_or(m.match_fields ? 'vector'), min(c.status)"
        " FROM neanelu.prod_dedupe_cluster_members AS m JOIN neanelu.prod_dedupe_clusters AS c ON c.id = m.cluster_id"
    ).fetchone()
    assert asked
    assert (set(asked[0]), *asked[1:]) == ({english, romanian}, True, "pending")
    again = connection.execute("SELECT matching.rescan()").fetchone()
    assert again
    assert (again[0]["arrived"], again[0]["pairs"]) == (0, 0)


def test_a_decision_about_who_is_no_member_is_refused(shared: Connection) -> None:
    """Also where the cluster is a pair, which needs no splitting."""
    cluster, _ = family(shared, 2)
    with pytest.raises(psycopg.Error) as refused:
        shared.execute("SELECT matching.decide_cluster(%s, 'approve', p_product_id => uuidv7())", (cluster,))
    assert refused.value.sqlstate == "NM003"
    row = shared.execute(
        "SELECT status FROM neanelu.prod_dedupe_clusters WHERE id = %s", (cluster,)
    ).fetchone()
    assert row == ("pending",)


# --- Assignment and thresholds ----------------------------------------------------------------------------
PAIRS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz"), st.floats(0, 1, width=16)),
    max_size=25,
    unique_by=lambda p: p[:2],
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=PAIRS, data=st.data())
def test_an_assignment_is_stable_and_does_not_depend_on_order(
    shared: Connection, pairs: list[tuple[str, str, float]], data: st.DataObject
) -> None:
    """Nobody is given twice, no two prefer each other to what they got, and the order of the lists is nothing."""

    def assign(of: Sequence[tuple[str, str, float]]) -> set[tuple[str, str]]:
        lists = [list(column) for column in zip(*of, strict=True)] or [[], [], []]
        rows = connection_rows(shared, lists)
        return {(row[0], row[1]) for row in rows}

    got = assign(pairs)
    assert got == assign(data.draw(st.permutations(pairs)))
    assert len({left for left, _ in got}) == len(got) == len({right for _, right in got})
    score = {(left, right): value for left, right, value in pairs}
    of_left, of_right = {p[0]: score[p] for p in got}, {p[1]: score[p] for p in got}
    for (left, right), value in score.items():
        assert value <= of_left.get(left, -1) or value <= of_right.get(right, -1)


def connection_rows(connection: Connection, lists: list[list[Any]]) -> list[Any]:
    """Return what matching.assign answers."""
    return connection.execute(
        "SELECT left_key, right_key FROM matching.assign(%s::text[], %s::text[], %s::float8[])", lists
    ).fetchall()


REVIEWED = st.lists(
    st.tuples(st.integers(0, 100).map(lambda n: Decimal(n) / 100), st.booleans()), min_size=1, max_size=120
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=REVIEWED,
    old=st.integers(0, 100).map(lambda n: Decimal(n) / 100),
    wanted=st.sampled_from([0.5, 0.9, 0.98, 1]),
)
def test_calibrating_never_lowers_precision_on_its_own_pairs(
    shared: Connection, pairs: list[tuple[Decimal, bool]], old: Decimal, wanted: float
) -> None:
    """At the new threshold pairs are right at least as often as at the old one; and as wanted where that can be had."""
    row = shared.execute(
        "SELECT matching._best_threshold(%s::numeric[], %s::boolean[], %s::numeric, %s::numeric)",
        ([p[0] for p in pairs], [p[1] for p in pairs], wanted, old),
    ).fetchone()
    assert row

    def precision(threshold: Decimal) -> float | None:
        above = [right for score, right in pairs if score >= threshold]
        return sum(above) / len(above) if above else None

    new, before = precision(row[0]), precision(old)
    assert new is None or before is None or new >= before
    if new is not None and new < wanted:
        reached = [precision(score) or 0 for score, _ in pairs if score >= old]
        assert all(value < wanted or value < (before or 0) for value in reached)
    if row[0] < old:
        assert sum(score >= row[0] for score, _ in pairs) >= 30


def test_thresholds_are_calibrated_from_what_people_decided(db: Database) -> None:
    """Forty reviewed pairs set the threshold of the model; a wrong precision or model is refused."""
    connection = db.connect()
    product = put(connection, add_source(connection), title="Any lamp")[0]
    for n in range(40):
        connection.execute(
            "INSERT INTO neanelu.prod_similarity_matches (product_id, source_url, similarity_score, match_method, "
            "match_confidence, validated_at) "
            "VALUES (%s, 'x', %s, 'title_fuzzy', %s, now())",
            (product, Decimal(60 + n) / 100, "rejected" if n < 5 else "confirmed"),
        )
    row = connection.execute(
        "SELECT merge_at, reached_precision, pairs FROM matching.calibrate('evidence/1', NULL, 0.98)"
    ).fetchone()
    assert row == (Decimal("0.6500"), Decimal("1.0000"), 40)
    for arguments in (("evidence/1", 0), ("nothing", 0.9)):
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("SELECT matching.calibrate(%s, NULL, %s::numeric)", arguments)
        assert refused.value.sqlstate == "NM005"
    assert json.dumps(connection.execute("SELECT matching._bands(%s)", ([product],)).fetchone(), default=str)


# --- Plans ------------------------------------------------------------------------------------------------
def buffers(connection: Connection, session: uuid.UUID) -> int:
    """Return how many pages it takes to match one reading."""
    row = connection.execute(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM matching.match_sessions(%s)", ([session],)
    ).fetchone()
    assert row
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def test_one_record_costs_the_same_however_many_came_before_while_statistics_are_old(db: Database) -> None:
    """Statistics say that the tables are empty, as they were: no plan may start from the links."""
    connection = db.connect()
    connection.execute("VACUUM ANALYZE")
    source = add_source(connection)
    sessions = [
        read(connection, source, {"title": f"Lamp {uuid.uuid4().hex[:6].upper()} {n}"}) for n in range(220)
    ]
    taken = [buffers(connection, session) for session in sessions]
    early, late = sorted(taken[10:20]), sorted(taken[-10:])
    assert late[5] < 3 * early[5], (early, late)
