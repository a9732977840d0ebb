"""Normalisation: properties that hold for any text, fields of readings, names mapped by several at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from neanelu.platform.scratch import Database

Connection = psycopg.Connection[Any]
KINDS = ("string", "number", "boolean", "enum", "dimensions", "range", "list")
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def connection(module_db: Database) -> Iterator[Connection]:
    yield module_db.connect("neanelu_pim_editor")


def one(connection: Connection, statement: str, *arguments: Any) -> Any:
    row = connection.execute(statement, arguments).fetchone()
    assert row is not None
    return row[0]


def written(number: Decimal, locale: str) -> str:
    """Return a number as people of a country write it, with groups."""
    text = f"{number:,.2f}"
    return text if locale == "en" else text.translate(str.maketrans(",.", " ," if locale == "fr" else ".,"))


@QUICK
@given(st.decimals(0, 10**9, places=2), st.sampled_from(["en", "de", "ro", "es", "fr"]))
def test_numbers_are_read_as_their_country_writes_them(
    connection: Connection, number: Decimal, locale: str
) -> None:
    said = one(
        connection,
        "SELECT normalise.value(%s, 'number', 'kg', NULL, %s) ->> 'value'",
        f"{written(number, locale)} kg",
        locale,
    )
    assert Decimal(said) == number


@QUICK
@given(st.text(max_size=80), st.sampled_from(KINDS))
@example("1" * 400, "number")
@example("1e99 kg", "number")
@example("9" * 39 + ",5 x 3/0 - 10^", "dimensions")
@example("((((--//", "range")
@example("½¼⅞ \u2044 ″′", "number")
def test_no_text_is_an_error(connection: Connection, text: str, kind: str) -> None:
    text = text.replace("\x00", "")
    said = one(connection, "SELECT normalise.value(%s, %s, 'cm', 'length', 'ro', '[\"black\"]')", text, kind)
    assert said is None or "value" in said
    one(connection, "SELECT normalise.brand(%s)", text)
    one(connection, "SELECT count(*) FROM normalise.attribute_candidates(%s)", text)


@QUICK
@given(st.decimals(min_value=Decimal("0.01"), max_value=10**6, places=3), st.data())
def test_units_convert_there_and_back(connection: Connection, amount: Decimal, data: st.DataObject) -> None:
    pairs = [("in", "cm"), ("degF", "degC"), ("lb", "kg"), ("gal", "l"), ("psi", "bar"), ("K", "degF")]
    here, there = data.draw(st.sampled_from(pairs))
    back = one(
        connection,
        "SELECT normalise.convert(normalise.convert(%s, %s, %s), %s, %s)",
        amount,
        here,
        there,
        there,
        here,
    )
    assert abs(back - amount) <= amount * Decimal("1e-6") + Decimal("1e-6")


def test_every_unit_is_found_by_each_of_its_names(connection: Connection) -> None:
    lost = connection.execute(
        "SELECT n.name, n.unit_code, normalise.unit(n.name, n.family) FROM neanelu.prod_unit_names AS n"
        " WHERE normalise.unit(n.name, n.family) IS NULL"
        "    OR normalise.unit(n.name, n.family) <> n.unit_code AND n.locale <> 'und'"
    ).fetchall()
    # Names that two units of a family share: the more usual one is meant.
    assert {row[0] for row in lost} <= {
        "CP",
        "PS",
        "ch",
        "CV",
        "T",
        "po",
        "Po",
        "MB",
        "Mb",
        "cp",
        "kB",
        "kb",
        "dz",
        "j",
        "J",
    }


def prepared(db: Database) -> tuple[UUID, list[UUID]]:
    """Make two attributes, a source and one reading; return source and readings."""
    connection = db.connect()
    connection.execute(
        "INSERT INTO neanelu.prod_attr_definitions (code, label, data_type, unit, unit_family) VALUES"
        " ('weight', 'Weight', 'number', 'kg', 'mass'), ('colour', 'Colour', 'string', NULL, NULL)"
    )
    source = one(
        connection,
        "INSERT INTO neanelu.prod_sources (name, source_type, config)"
        " VALUES ('s', 'SUPPLIER', '{\"locale\": \"ro\"}') RETURNING id",
    )
    specs = {
        "title": "  Lampă  de birou ", "brand": "Philips GmbH", "gtin": "4006381333931", "price": "1.299,90 lei",
        "currency": "ron",
        "attributes": {"Greutate": ["2,5 kg"], "Culoare": "Negru", "Xyz": 7},
    }  # fmt: skip
    reading = one(
        connection,
        "WITH h AS (INSERT INTO neanelu.prod_raw_harvest (source_id, source_url, raw_json, content_hash)"
        " VALUES (%s, 'feed:s#1', '{}', repeat('0', 64)) RETURNING id, fetched_at)"
        " INSERT INTO neanelu.prod_extraction_sessions (harvest_id, harvest_fetched_at, agent_version, extracted_specs,"
        " confidence_score, field_confidences)"
        " SELECT id, fetched_at, 'structured/1', %s, 0.9, '{\"Culoare\": 0.5}' FROM h RETURNING id",
        source,
        Jsonb(specs),
    )
    return source, [reading]


def test_fields_of_readings_are_named_and_normalised(db: Database) -> None:
    _, readings = prepared(db)
    rows = (
        db.connect()
        .execute("SELECT field_path, value, raw, confidence FROM normalise.session_fields(%s)", (readings,))
        .fetchall()
    )
    fields = {row[0]: row[1:] for row in rows}
    assert (
        fields["title"][0] == "Lampă de birou"
        and fields["brand"][0] == "Philips"
        and fields["gtin"][0] == "04006381333931"
    )
    assert fields["price"][:2] == ({"value": 1299.9, "unit": "RON"}, "1.299,90 lei")
    assert fields["specs.weight"][:2] == ({"value": 2.5, "unit": "kg"}, ["2,5 kg"])
    assert (
        fields["specs.colour"][0] == {"value": "Negru"}
        and fields["specs.colour"][2] < fields["specs.weight"][2]
    )
    assert fields[None][1] == {"name": "Xyz", "value": 7}
    again = (
        db.connect()
        .execute("SELECT field_path, value, raw, confidence FROM normalise.session_fields(%s)", (readings,))
        .fetchall()
    )
    assert sorted(map(str, again)) == sorted(map(str, rows))


def test_names_mapped_by_eight_at_once_are_mapped_once(db: Database) -> None:
    source, _ = prepared(db)
    names = [f"Greutate {n}" for n in range(20)] + ["Greutate", "Culoare"]
    answers: list[list[Any]] = []

    def ask() -> None:
        with psycopg.connect(db.dsn("neanelu_pim_editor")) as mine:
            answers.append(
                mine.execute(
                    "SELECT * FROM normalise.map_attributes(%s, %s) ORDER BY 1", (source, names)
                ).fetchall()
            )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        len(answers) == 8
        and all(answer == answers[0] for answer in answers)
        and len(answers[0]) == len(names)
    )
    assert one(db.connect(), "SELECT count(*) FROM neanelu.prod_attr_mappings") == len(names)


def test_profiles_are_learnt_from_golden_records(db: Database) -> None:
    prepared(db)
    connection = db.connect()
    connection.execute(
        "WITH m AS (INSERT INTO neanelu.prod_master (internal_sku, canonical_title)"
        " SELECT 'P' || g, 'P' FROM generate_series(1, 20) AS g RETURNING id, internal_sku)"
        " INSERT INTO neanelu.prod_specs_normalized (product_id, specs, raw_specs, provenance)"
        " SELECT id, '{}', jsonb_build_object('weight', substr(internal_sku, 2) || ' kg'), '{}' FROM m"
    )
    assert one(db.connect("neanelu_operator"), "SELECT normalise.learn_profiles()") == 1
    assert one(db.connect("neanelu_operator"), "SELECT normalise.learn_profiles()") == 0
    assert (
        one(connection, "SELECT profile -> 'families' ->> 'mass' FROM neanelu.prod_attr_profiles") == "1.000"
    )


def test_vectors_of_names_count_where_there_are(db: Database) -> None:
    prepared(db)
    operator = db.connect("neanelu_operator")
    east, north = [1.0, 0.0], [0.0, 1.0]
    assert (
        one(
            operator,
            "SELECT normalise.store_definition_vectors('m', '{weight,colour}', %s::real[])",
            [east, north],
        )
        == 2
    )
    assert (
        one(
            operator,
            "SELECT normalise.store_name_vectors('m', '{Masse totale inconnue}', %s::real[])",
            [north],
        )
        == 1
    )
    rows = operator.execute(
        "SELECT code, score, method FROM normalise.attribute_candidates('Masse totale inconnue') ORDER BY rank"
    ).fetchall()
    assert "colour" in [row[0] for row in rows] and all(row[1] < Decimal("0.86") for row in rows)
