"""Reviews of names that may mean an attribute, and of single pairs of a source's record and a golden record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from factory_support import process
from psycopg.types.json import Jsonb
from quality_support import Records
from test_review_cli import Call, call, found

from neanelu.platform.scratch import Database

__all__ = ["call"]


@pytest.fixture
def records(db: Database) -> Iterator[Records]:
    with db.connect(autocommit=True) as connection:
        yield Records(connection)


def deliver(records: Records, source: str, *documents: dict[str, Any]) -> UUID:
    """Have a source deliver records; returns the source's id."""
    source_id = records.source(source)
    said = [{"source_product_id": one["id"], "json": one} for one in documents]
    records.connection.execute("SELECT harvest.store_many(%s, %s)", [source_id, Jsonb(said)])
    return source_id


@pytest.fixture
def named(db: Database, records: Records) -> Records:
    """Two sources call an attribute "Diagonale", which waits for a person."""
    records.connection.execute(
        "INSERT INTO neanelu.prod_attr_definitions (code, label, data_type, unit, unit_family) VALUES"
        " ('screen_size', 'Screen size', 'number', 'cm', 'length'), ('depth', 'Depth', 'number', 'cm', 'length')"
    )
    records.connection.execute("SELECT normalise.add_synonym('screen_size', 'Diagonal length')")
    for source, title in (("one", "Lumo TV-4411"), ("two", "Panasonic HX-9000 radio")):
        deliver(records, source, {"id": "7", "name": title, "locale": "de", "Diagonale": "15 cm"})
    process(db)
    return records


def values(records: Records) -> list[Any]:
    """Return the screen sizes that golden records have."""
    rows = records.connection.execute(
        "SELECT specs #>> '{screen_size,value}' FROM neanelu.prod_specs_normalized"
        " WHERE is_current AND specs ? 'screen_size' ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def state(records: Records, *tables: str) -> str:
    """Return all rows of tables, but for when they changed."""
    parts = [
        records.value(
            f"SELECT jsonb_agg(to_jsonb(t) - 'updated_at' ORDER BY to_jsonb(t)::text) FROM neanelu.{table} AS t"
        )
        for table in tables
    ]
    return json.dumps(parts, sort_keys=True)


NAMES = ("prod_attr_mappings", "prod_attr_synonyms", "prod_attr_names")
PAIRS = ("prod_match_rules", "prod_match_links", "prod_similarity_matches", "prod_dedupe_clusters")


def test_a_name_is_shown_with_its_values_and_approved_for_all_sources(
    call: Call, db: Database, named: Records
) -> None:
    listed = found(call("review", "list", "--kind", "synonym", "--json"))
    assert sorted(row["subject"] for row in listed) == [
        '"Diagonale" (one) means screen_size',
        '"Diagonale" (two) means screen_size',
    ]
    assert (
        found(call("review", "list", "--kind", "synonym", "--product", str(named.product()), "--json")) == []
    )
    item = found(call("review", "next", "--kind", "synonym", "--source", "one", "--json"))
    assert item["name"]["source"] == "one"
    assert item["candidates"][0]["code"] == "screen_size"
    assert item["candidates"][0]["values"] == [{"raw": "15 cm", "value": {"value": 15, "unit": "cm"}}]
    assert [(other["source"], other["decision"]) for other in item["elsewhere"]] == [("two", "proposed")]
    shown = call("review", "show", item["id"])
    assert "“Diagonale” of one" in shown.output and "15 cm" in shown.output
    before = state(named, *NAMES)
    assert values(named) == []
    found(call("review", "decide", item["id"], "approve", "--json"))
    assert found(call("review", "list", "--kind", "synonym", "--json")) == []
    assert named.value("SELECT decided_by FROM neanelu.prod_attr_mappings WHERE id = %s", item["id"])
    process(db)
    assert values(named) == ["15", "15"], "what was read before the name was understood counts now"
    assert "screen_size" in found(call("review", "log", "--json"))[0]["subject"]
    found(call("review", "undo", "--json"))
    assert state(named, *NAMES) == before
    process(db)
    assert values(named) == []
    assert len(found(call("review", "list", "--kind", "synonym", "--json"))) == 2


def test_a_name_is_given_another_meaning_or_none(call: Call, named: Records) -> None:
    one, two = (row["item_id"] for row in found(call("review", "list", "--kind", "synonym", "--json")))
    wrong = found(call("review", "decide", one, "reject", "--means", "depth", "--json"), 2)
    assert wrong["error"]["code"] == "NQ012"
    before = state(named, *NAMES)
    found(call("review", "decide", one, "reject", "--json"))
    assert named.value("SELECT decision FROM neanelu.prod_attr_mappings WHERE id = %s", one) == "ignored"
    found(call("review", "undo", "--json"))
    assert state(named, *NAMES) == before
    found(call("review", "decide", two, "approve", "--means", "depth", "--json"))
    meant = named.value(
        "SELECT d.code FROM neanelu.prod_attr_mappings AS m"
        " JOIN neanelu.prod_attr_definitions AS d ON d.id = m.definition_id WHERE m.id = %s",
        two,
    )
    assert meant == "depth"
    # Who decides elsewhere keeps it: taking back is refused then.
    named.connection.execute("UPDATE neanelu.prod_attr_mappings SET method = 'synonym' WHERE id = %s", [two])
    assert found(call("review", "undo", "--json"), 2)["error"]["code"] == "NQ006"


def pair(records: Records, product: UUID, score: float, **columns: Any) -> UUID:
    """Note that a record of a source may be a golden record, as a search of the web does."""
    details = {"scores": {"title": 1.5, "price": -0.5}, "conflicts": ["price"]}
    made: UUID = records.value(
        "INSERT INTO neanelu.prod_similarity_matches"
        " (product_id, source_id, source_url, source_product_id, source_title, similarity_score, match_method, match_details)"
        " VALUES (%s, %s, %s, %s, %s, %s, 'title_fuzzy', %s) RETURNING id",
        product, columns.get("source_id"), "https://shop.example/p/7", columns.get("key"),
        columns.get("title", "Lumo TV 4411 black"), score, Jsonb(details),
    )  # fmt: skip
    return made


def test_a_pair_without_a_cluster_is_merged_and_parted_again(
    call: Call, db: Database, records: Records
) -> None:
    source = deliver(
        records, "one", {"id": "7", "name": "Lumo TV-4411"}, {"id": "8", "name": "Radio HX-9000"}
    )
    process(db)
    tv, radio = (
        records.value("SELECT product_id FROM neanelu.prod_match_links WHERE source_key = %s", key)
        for key in ("7", "8")
    )
    match = pair(records, tv, 0.7, source_id=source, key="8")
    settled = pair(records, tv, 0.9, source_id=source, key="7")
    (listed,) = found(call("review", "list", "--kind", "match", "--json"))
    assert listed["item_id"] == str(match), "a record that is that product already is not asked about"
    item = found(call("review", "next", "--json"))
    assert item["products"] == [str(tv), str(radio)]
    assert (item["other"]["title"], item["conflicts"]) == ("Radio HX-9000", ["price"])
    shown = call("review", "show", str(match))
    assert "IS A RECORD OF ITS OWN NOW" in shown.output and "against it: price" in shown.output
    before = state(records, *PAIRS)
    masters = "SELECT jsonb_agg(jsonb_build_array(id, dedupe_status, dedupe_cluster_id) ORDER BY id) FROM neanelu.prod_master"
    products = records.value(masters)
    found(call("review", "decide", str(match), "approve", "--json"))
    assert records.value("SELECT count(*) FROM neanelu.prod_master WHERE dedupe_status = 'duplicate'") == 1
    assert records.value("SELECT count(*) FROM matching.reviewed_pairs('evidence/1') WHERE is_match") == 1
    found(call("review", "undo", "--json"))
    assert state(records, *PAIRS) == before
    assert records.value(masters) == products
    done = call("review", "--kind", "match", input="r")
    assert "0 approved, 1 rejected" in done.output
    assert records.value("SELECT rule FROM neanelu.prod_match_rules") == "cannot"
    assert (
        records.value("SELECT match_confidence FROM neanelu.prod_similarity_matches WHERE id = %s", settled)
        == "pending"
    )
    found(call("review", "undo", "--json"))
    assert state(records, *PAIRS) == before


def test_a_record_without_a_golden_record_becomes_one_s(call: Call, db: Database, records: Records) -> None:
    product = records.product("Lumo TV-4411")
    records.propose(product, "title", "Lumo TV-4411", "another")
    source = records.source("shop")
    match = pair(records, product, 0.6, source_id=source, key="P7", title="Something else entirely")
    before = state(records, *PAIRS)
    found(call("review", "decide", str(match), "approve", "--json"))
    deliver(records, "shop", {"id": "P7", "name": "Something else entirely", "brand": "Lumo"})
    process(db)
    linked = "SELECT product_id FROM neanelu.prod_match_links WHERE source_key = 'P7'"
    assert records.value(linked) == product
    assert records.value("SELECT brand FROM neanelu.prod_master WHERE id = %s", product) == "Lumo"
    found(call("review", "undo", "--json"))
    assert state(records, *PAIRS) == before
    assert records.value("SELECT brand FROM neanelu.prod_master WHERE id = %s", product) is None


def test_nobody_gets_what_another_looks_at(call: Call, named: Records) -> None:
    pair(named, named.product("Lumo TV-4411"), 0.6)
    ours = {found(call("review", "next", "--kind", kind, "--json"))["id"] for kind in ("synonym", "match")}
    assert len(ours) == 2
    assert found(call("review", "next", "--kind", "match", "--as", "Ben", "--json")) is None
    theirs = found(call("review", "next", "--kind", "synonym", "--as", "Ben", "--json"))
    assert theirs["id"] not in ours
    taken = found(call("review", "decide", sorted(ours)[0], "approve", "--as", "Ben", "--json"), 1)
    assert taken["error"]["code"] == "NQ005"
    done = call("review", "--kind", "synonym", input="ssq")
    assert "2 skipped" in done.output or "1 skipped" in done.output
