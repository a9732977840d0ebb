"""Consensus: the order of arrival does not matter, deciders do not step on each other, people have the last word.

Readings go the way of the factory: documents, readings, normalise.session_fields, pim.propose, pim.decide.
"""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neanelu.platform.scratch import Database

Connection = psycopg.Connection[Any]
START = datetime.now(UTC) - timedelta(days=20)

ATTRIBUTES = (("colour", "string"), ("pages", "number"), ("authors", "list"), ("ports", "list"))
TITLES = ("Blue Lamp", "blue lamp", "Lamp, blue", "Red lamp")
BRANDS = ("Acme", "ACME", "Emca")
COLOURS = ("red", "Red", "blue")
AUTHORS = (
    "Knuth, Donald E.",
    "Donald Knuth; Ronald Graham",
    "R. L. Graham",
    "Knuth",
    "Fuller, John / Knuth, D.",
)


@pytest.fixture(scope="module")
def shared(module_db: Database) -> Connection:
    """The superuser's connection to a database with four sources and the attributes."""
    connection = module_db.connect()
    for number, name in enumerate("abcd"):
        connection.execute(
            "INSERT INTO neanelu.prod_sources (name, source_type, trust_score) VALUES (%s, 'SUPPLIER', %s)",
            (name, 0.3 + number * 0.2),
        )
    for code, data_type in ATTRIBUTES:
        connection.execute(
            "INSERT INTO neanelu.prod_attr_definitions (code, label, data_type) VALUES (%s, %s, %s)",
            (code, code.title(), data_type),
        )
    return connection


def new_product(connection: Connection) -> uuid.UUID:
    """Return a new golden record."""
    row = connection.execute(
        "INSERT INTO neanelu.prod_master (internal_sku, canonical_title) VALUES (%s, 'Product') RETURNING id",
        (uuid.uuid4().hex,),
    ).fetchone()
    assert row
    product_id: uuid.UUID = row[0]
    return product_id


def new_session(connection: Connection, source: str, day: int, specs: dict[str, Any]) -> uuid.UUID:
    """Return a reading of a document that a source gave on a day."""
    row = connection.execute(
        """
        WITH document AS (
            INSERT INTO neanelu.prod_raw_harvest
                (source_id, source_url, raw_json, fetched_at, processing_status, processed_at, content_hash)
            SELECT s.id, 'feed:test', '{}', %s, 'processed', now(), encode(sha256(uuid_send(uuidv7())), 'hex')
              FROM neanelu.prod_sources AS s WHERE s.name = %s RETURNING id, fetched_at)
        INSERT INTO neanelu.prod_extraction_sessions
            (harvest_id, harvest_fetched_at, agent_version, extracted_specs, confidence_score)
        SELECT d.id, d.fetched_at, 'structured/1', %s, 0.9 FROM document AS d RETURNING id
        """,
        (START + timedelta(days=day), source, json.dumps(specs)),
    ).fetchone()
    assert row
    session_id: uuid.UUID = row[0]
    return session_id


def take(connection: Connection, product_id: uuid.UUID, sessions: list[uuid.UUID]) -> None:
    """Propose and decide."""
    connection.execute("SELECT pim.propose(%s, %s)", (sessions, [product_id] * len(sessions)))
    connection.execute("SELECT pim.decide(%s)", ([product_id],))


def record(connection: Connection, product_id: uuid.UUID) -> Any:
    """Return all of a record that must not depend on the order of arrival."""
    return connection.execute(
        """
        SELECT s.specs, s.raw_specs, s.needs_review,
               (SELECT jsonb_object_agg(e.key, e.value - '{decided_at,sessions,proposals}'::text[])
                  FROM jsonb_each(s.provenance) AS e),
               m.canonical_title, m.brand, m.primary_source_id, m.needs_review, m.review_notes,
               (SELECT jsonb_agg(jsonb_build_array(p.field_path, p.source_id, p.proposed_value, p.proposal_status, p.priority)
                                 ORDER BY p.field_path, p.source_id, p.proposed_value)
                  FROM neanelu.prod_proposals AS p WHERE p.product_id = m.id AND p.proposal_status <> 'superseded')
          FROM neanelu.prod_specs_normalized AS s JOIN neanelu.prod_master AS m ON m.id = s.product_id
         WHERE s.product_id = %s AND s.is_current
        """,
        (product_id,),
    ).fetchone()


readings = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 9),
        st.fixed_dictionaries(
            {"title": st.sampled_from(TITLES), "brand": st.sampled_from(BRANDS)},
            optional={
                "attributes": st.fixed_dictionaries(
                    {},
                    optional={
                        "colour": st.sampled_from(COLOURS),
                        "pages": st.sampled_from((100, 101, 130)),
                        "authors": st.sampled_from(AUTHORS),
                        "ports": st.sampled_from((["HDMI", "USB"], ["usb"], ["VGA"])),
                    },
                )
            },
        ),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda reading: (reading[0], reading[1]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=readings, data=st.data())
def test_the_order_of_arrival_does_not_matter(
    shared: Connection, said: list[tuple[str, int, dict[str, Any]]], data: st.DataObject
) -> None:
    sessions = [new_session(shared, *reading) for reading in said]
    together, one_by_one = new_product(shared), new_product(shared)
    take(shared, together, sessions)
    for session in data.draw(st.permutations(sessions)):
        take(shared, one_by_one, [session])
    expected = record(shared, together)
    assert expected is not None
    assert record(shared, one_by_one) == expected

    versions = "SELECT count(*) FROM neanelu.prod_specs_normalized WHERE product_id = %s"
    before = shared.execute(versions, (one_by_one,)).fetchone()
    take(shared, one_by_one, sessions)  # all of it again: nothing new
    assert record(shared, one_by_one) == expected
    assert shared.execute(versions, (one_by_one,)).fetchone() == before


def test_what_a_source_said_before_is_kept_and_does_not_vote(shared: Connection) -> None:
    product = new_product(shared)
    new = new_session(shared, "a", 5, {"brand": "New"})
    old = new_session(shared, "a", 1, {"brand": "Old"})
    take(shared, product, [new])
    take(shared, product, [old])
    rows = shared.execute(
        "SELECT proposed_value, proposal_status FROM neanelu.prod_proposals WHERE product_id = %s ORDER BY observed_at",
        (product,),
    ).fetchall()
    assert rows == [("Old", "superseded"), ("New", "approved")]
    assert shared.execute("SELECT brand FROM neanelu.prod_master WHERE id = %s", (product,)).fetchone() == (
        "New",
    )


def test_one_current_version_under_eight_deciders(shared: Connection, module_db: Database) -> None:
    products = [new_product(shared) for _ in range(12)]
    plans = [
        [
            [new_session(shared, "abcd"[n % 4], n, {"brand": BRANDS[(n + k) % 3], "title": TITLES[k % 4]})]
            for k in range(3)
        ]
        for n in range(8)
    ]
    failures: list[BaseException] = []
    ready = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            connection = module_db.connect("neanelu_worker")
            ready.wait()
            for step, sessions in enumerate(plans[number]):
                # each in an order of its own: the functions lock in one order
                mine = products[number + step :] + products[: number + step]
                with connection.transaction():
                    connection.execute(
                        "SELECT pim.propose(%s, %s)",
                        ([sessions[0]] * len(mine), mine if step % 2 else mine[::-1]),
                    )
                    connection.execute("SELECT pim.decide(%s)", (mine,))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    rows = shared.execute(
        """
        SELECT count(*) FILTER (WHERE is_current), max(version) FILTER (WHERE is_current) = max(version), count(*) = max(version)
          FROM neanelu.prod_specs_normalized WHERE product_id = ANY (%s) GROUP BY product_id
        """,
        (products,),
    ).fetchall()
    assert rows == [(1, True, True)] * len(products)
    records = [record(shared, product) for product in products]
    assert all(one[:5] == records[0][:5] for one in records), "the same readings, the same record"


def test_a_decision_survives_everything_that_comes_later(shared: Connection) -> None:
    product = new_product(shared)
    take(shared, product, [new_session(shared, "d", 1, {"brand": "Acme"})])
    shared.execute("SELECT pim.set_value(%s, 'brand', '\"Mine\"')", (product,))
    for day, source in enumerate("abcd", start=2):
        take(shared, product, [new_session(shared, source, day, {"brand": "Emca"})])
    shared.execute("SELECT pim.learn_trust()")
    shared.execute("SELECT pim.decide(%s)", ([product],))
    assert shared.execute("SELECT brand FROM neanelu.prod_master WHERE id = %s", (product,)).fetchone() == (
        "Mine",
    )
    waiting = shared.execute(
        "SELECT count(*) FROM neanelu.prod_proposals WHERE product_id = %s AND proposal_status = 'pending'",
        (product,),
    ).fetchone()
    assert waiting == (4,)


def test_a_version_once_written_is_never_changed(shared: Connection) -> None:
    product = new_product(shared)
    take(shared, product, [new_session(shared, "a", 1, {"brand": "Acme", "title": "One"})])
    query = """SELECT specs, raw_specs, provenance, created_at FROM neanelu.prod_specs_normalized
                WHERE product_id = %s AND version = 1"""
    first = shared.execute(query, (product,)).fetchone()
    take(shared, product, [new_session(shared, "d", 2, {"brand": "Emca", "title": "Two"})])
    assert shared.execute(query, (product,)).fetchone() == first
    told = shared.execute(
        "SELECT pim.as_of(%s, %s) -> 'version'", (product, first[3] if first else None)
    ).fetchone()
    assert told == (1,)


def test_a_reading_that_says_the_same_again_makes_no_version(shared: Connection) -> None:
    product = new_product(shared)
    for day in range(1, 4):
        take(
            shared,
            product,
            [new_session(shared, "b", day, {"brand": "Acme", "attributes": {"colour": "red"}})],
        )
    rows = shared.execute(
        "SELECT count(*), (SELECT count(*) FROM neanelu.prod_proposals WHERE product_id = %s) "
        "FROM neanelu.prod_specs_normalized WHERE product_id = %s",
        (product, product),
    ).fetchone()
    assert rows == (1, 2)


@pytest.mark.parametrize("role", ["neanelu_tenant", "neanelu_app", "neanelu_harvester", "neanelu_analyst"])
def test_nobody_else_decides(module_db: Database, role: str) -> None:
    connection = module_db.connect()
    connection.execute(psycopg.sql.SQL("SET ROLE {}").format(psycopg.sql.Identifier(role)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT pim.decide('{}')")
    connection.close()
