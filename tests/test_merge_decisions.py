"""What people decided about golden records when these become one, and two again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from quality_support import Records

from neanelu.platform.scratch import Database

BRANDS = ("Acme", "Bolt", "Core")


@pytest.fixture
def records(db: Database) -> Iterator[Records]:
    with db.connect(autocommit=True) as connection:
        yield Records(connection)


def group(records: Records, products: list[UUID]) -> UUID:
    """Return a pending cluster of golden records."""
    cluster: UUID = records.value(
        "INSERT INTO neanelu.prod_dedupe_clusters (cluster_type, match_criteria, canonical_product_id, member_count)"
        " VALUES ('FUZZY', '{\"model\": \"evidence/1\"}', %s, %s) RETURNING id",
        products[0], len(products),
    )  # fmt: skip
    for product in products:
        records.connection.execute(
            "INSERT INTO neanelu.prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, is_canonical)"
            " VALUES (%s, %s, 0.8, %s)",
            [cluster, product, product == products[0]],
        )
    return cluster


def family(records: Records, size: int) -> tuple[UUID, list[UUID]]:
    """Return a pending cluster of golden records of which sources say the same."""
    products = [records.product(f"Widget {place}") for place in range(size)]
    for place, product in enumerate(products):
        records.propose(product, "title", f"Widget {place}", f"source {place}")
        records.propose(product, "brand", BRANDS[place % 3], f"source {place}", 0.9)
    records.decide(*products)
    cluster = group(records, products)
    return cluster, products


def say(records: Records, product: UUID, kind: str, brand: str) -> None:
    """Have a person set, reject or release a brand."""
    if kind == "set":
        records.connection.execute("SELECT pim.set_value(%s, 'brand', %s)", [product, Jsonb(brand)])
    elif kind == "reject":
        records.connection.execute(
            "SELECT pim.review_proposal(p.id, 'reject') FROM neanelu.prod_proposals AS p"
            " WHERE p.product_id = %s AND p.field_path = 'brand' AND p.proposal_status <> 'superseded'"
            "   AND p.proposed_value = %s",
            [product, Jsonb(brand)],
        )


def decisions(records: Records) -> str:
    """Return all decisions, as text in order."""
    return json.dumps(
        records.value(
            "SELECT coalesce(jsonb_agg(d ORDER BY d.id), '[]') FROM neanelu.prod_field_decisions AS d"
        )
    )


def brands(records: Records, products: list[UUID]) -> list[Any]:
    """Decide products and return their brands."""
    records.decide(*products)
    return [
        records.value("SELECT brand FROM neanelu.prod_master WHERE id = %s", product) for product in products
    ]


def merge(records: Records, cluster: UUID, survivor: UUID) -> None:
    records.connection.execute("SELECT matching.merge(%s, %s)", [cluster, survivor])


def unmerge(records: Records, cluster: UUID, product: UUID) -> None:
    records.connection.execute("SELECT matching.unmerge(%s, %s, p_remember => false)", [cluster, product])


def test_what_was_decided_about_the_one_that_goes_holds_for_the_one_that_stays(records: Records) -> None:
    cluster, (stays, goes) = family(records, 2)
    say(records, goes, "set", "Mine")
    before = decisions(records)
    merge(records, cluster, stays)
    assert brands(records, [stays]) == ["Mine"]
    records.propose(stays, "brand", "Acme", "another")
    assert brands(records, [stays]) == ["Mine"], "it sticks"
    unmerge(records, cluster, goes)
    assert decisions(records) == before
    assert brands(records, [stays, goes]) == ["Acme", "Mine"]


def test_what_was_decided_about_the_one_that_stays_stands(records: Records) -> None:
    cluster, (stays, goes) = family(records, 2)
    say(records, stays, "set", "Ours")
    say(records, goes, "set", "Mine")
    merge(records, cluster, stays)
    assert brands(records, [stays]) == ["Ours"]
    unmerge(records, cluster, goes)
    assert brands(records, [stays, goes]) == ["Ours", "Mine"]


def test_a_value_that_the_survivor_was_refused_does_not_come_by_a_merge(records: Records) -> None:
    cluster, (stays, goes) = family(records, 2)
    records.propose(stays, "brand", "Bolt", "another", 0.5)
    records.decide(stays)
    say(records, stays, "reject", "Bolt")
    say(records, goes, "set", "Bolt")
    merge(records, cluster, stays)
    assert brands(records, [stays]) == ["Acme"]


def test_what_is_decided_while_they_are_one_stays_with_the_survivor(records: Records) -> None:
    cluster, (stays, goes) = family(records, 2)
    say(records, goes, "set", "Mine")
    merge(records, cluster, stays)
    say(records, stays, "set", "Later")
    unmerge(records, cluster, goes)
    assert brands(records, [stays, goes]) == ["Later", "Mine"]
    records.connection.execute("SELECT pim.release_field(%s, 'brand')", [stays])
    assert brands(records, [stays, goes]) == ["Acme", "Mine"]


def test_of_several_that_go_the_next_is_heard_when_one_is_taken_out(records: Records) -> None:
    cluster, (stays, one, two) = family(records, 3)
    say(records, one, "set", "First")
    say(records, two, "set", "Second")
    merge(records, cluster, stays)
    first = brands(records, [stays])[0]
    assert first in ("First", "Second")
    heard, other = (one, two) if first == "First" else (two, one)
    unmerge(records, cluster, heard)
    assert brands(records, [stays, heard]) == ["Second" if heard == one else "First", first]
    unmerge(records, cluster, other)
    assert brands(records, [stays])[0] == "Acme"


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_decisions_are_as_before_when_all_are_taken_out(records: Records, data: st.DataObject) -> None:
    """Whatever was decided, whoever survives, in whatever order they are taken out, also of a chain of two merges."""
    cluster, products = family(records, data.draw(st.integers(2, 4)))
    said = st.tuples(
        st.integers(0, len(products) - 1), st.sampled_from(["set", "reject"]), st.sampled_from(BRANDS)
    )
    for place, kind, brand in data.draw(st.lists(said, max_size=6)):
        say(records, products[place], kind, brand)
    before = decisions(records)
    survivor = data.draw(st.sampled_from(products))
    merge(records, cluster, survivor)
    further = records.product("Widget of others")
    chain = group(records, [survivor, further])
    merge(records, chain, further)
    unmerge(records, chain, survivor)
    for product in data.draw(st.permutations([p for p in products if p != survivor])):
        unmerge(records, cluster, product)
    assert decisions(records) == before


def test_calibration_learns_from_clusters_that_have_no_matches(records: Records) -> None:
    one, _ = family(records, 2)
    two, _ = family(records, 2)
    for cluster, decision in ((one, "approve"), (two, "reject")):
        records.connection.execute("SELECT matching.decide_cluster(%s, %s)", [cluster, decision])
    learnt = "SELECT jsonb_agg(jsonb_build_array(score, is_match) ORDER BY is_match) FROM matching.reviewed_pairs('evidence/1')"
    assert records.value(learnt) == [[0.8, False], [0.8, True]]
    records.connection.execute("SELECT matching.undo(%s)", [one])
    assert records.value(learnt) == [[0.8, False]]
