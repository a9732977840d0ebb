"""Staging judges most values by a short cut; every short cut gives exactly what its rule gives, whatever the value.

The rules are written out here in their plain form: a regular expression and a cast, elements taken out one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neanelu.platform.scratch import Database

#: type, what it is as oid and typmod in sync._typed_expression's words, and its rule over v
RULES = {
    "numeric(12,2)": r"CASE WHEN v ~ '^-?[0-9]{1,10}(\.[0-9]{1,2}0*)?$' THEN v::numeric(12,2) END",
    "numeric(10,4)": r"CASE WHEN v ~ '^-?[0-9]{1,6}(\.[0-9]{1,4}0*)?$' THEN v::numeric(10,4) END",
    "integer": "CASE WHEN v ~ '^-?[0-9]+$' AND pg_input_is_valid(v, 'integer') THEN v::integer END",
    "bigint": "CASE WHEN v ~ '^-?[0-9]+$' AND pg_input_is_valid(v, 'bigint') THEN v::bigint END",
    "varchar(5)": "CASE WHEN length(v) <= 5 THEN v END",
    "boolean": "CASE v WHEN 'true' THEN true WHEN 'false' THEN false END",
    "timestamptz": r"""CASE WHEN v ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$'
                            AND pg_input_is_valid(v, 'timestamptz') THEN v::timestamptz END""",
}
#: values as v
TEXTS = "unnest(%s::text[]) AS v"
DOCUMENTS = "(SELECT t::jsonb AS v FROM unnest(%s::text[]) AS t) AS d"
ARRAY_RULE = """CASE jsonb_typeof(v) WHEN 'array' THEN (
    SELECT CASE WHEN coalesce(max(length(e.v)), 0) <= 255 THEN coalesce(array_agg(e.v ORDER BY e.n), '{}') END
      FROM jsonb_array_elements_text(v) WITH ORDINALITY AS e (v, n)) END"""
FOLD_RULE = """jsonb_object_agg((c.doc ->> 'namespace') || '.' || (c.doc ->> 'key'),
                                jsonb_build_object('type', c.doc -> 'type', 'value', c.doc -> 'value'))"""

ODD = [
    "", " ", "0", "-0", "00", "007", "1", "+1", " 1", "1 ", "\t1", "1\n", "1_000", "0x1", "0b1", "0o7", "1e2",
    "1E-2", ".5", "5.", "-.5", "1.", "1.0", "1.00", "1.000", "1.230", "12.345", "0.1", "-0.01", "-0.00",
    "9999999999", "9999999999.99", "99999999999", "10000000000", "999999.9999", "1000000.1", "123456789.12",
    "NaN", "nan", "Infinity", "-Infinity", "inf", "infinity", "1,5", "1.2.3", "--1", "-", ".", "٣", "１２", "Ⅷ",
    "1\u00a0", "²", "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "9" * 400, "true", "false", "TRUE", "t", "yes", "on",
    "fals", "ăâîșț", "ăâîșțx", "abcde", "abcdef", "日本語日本", "😀😀😀😀😀", "now", "today", "epoch", "tomorrow",
    "2026-11-21T10:20:30Z", "2026-11-21T10:20:30z", "2026-11-21 10:20:30Z", "2026-11-21T10:20:30",
    "2026-11-21T10:20:30.123Z", "2026-11-21T10:20:30+02:00", "2026-11-21T10:20:30.1234567-05:30",
    "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
    "2026-11-00T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T24:00:01Z",
    "2026-11-21T23:59:60Z", "2026-11-21T23:60:00Z", "2026-11-21T25:00:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "294277-01-01T00:00:00Z", "-001-01-01T00:00:00Z",
    "٢٠٢٦-11-21T10:20:30Z", "2026-11-21T10:20:30.Z", "2026-11-21T10:20:30+2:00", "2026-11-21T10:20:30+99:00",
    "2026-xx-21T10:20:30Z", "    -  -  T  :  :  Z", "2026-11-21T1a:20:30Z", "2026-11-21T10:20:30 Z",
    "2026-1-21T10:20:30Z", "2026-Nov-21T10:20Z", "20:26-11-21T10:20:3Z", "Europ-/B-chT10:20:30Z",
]  # fmt: skip

numbers = st.from_regex(r"\A[-+ ]?[0-9]{0,13}(\.[0-9]{0,6})?(e[-+]?[0-9])?\Z")
moments = st.from_regex(
    r"\A(19|20|00|99)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?(Z|[+-][01][0-9]:[0-5][0-9])\Z"
)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
values = st.lists(st.one_of(st.sampled_from(ODD), numbers, moments, texts), min_size=1, max_size=40)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False).map(float),
    texts,
)
elements = st.recursive(
    st.one_of(scalars, st.integers(250, 260).map(lambda n: "ă" * n)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
arrays = st.one_of(elements, st.lists(elements, max_size=6), st.lists(texts, max_size=8))


@pytest.fixture(scope="module")
def connection(module_db: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection on which the values are judged."""
    with module_db.connect() as made:
        made.execute("SET TimeZone = 'UTC'")
        yield made


def expression(connection: psycopg.Connection[Any], type_name: str, *, trusting: bool = False) -> str:
    """Return the SQL by which staging types v as a column of this type."""
    connection.execute(f'CREATE TEMP TABLE IF NOT EXISTS typed ("{type_name}" {type_name})')  # type: ignore[arg-type]
    row = connection.execute(
        "SELECT sync._typed_expression('v', atttypid, atttypmod, NULL, %s) FROM pg_attribute"
        " WHERE attrelid = 'pg_temp.typed'::regclass AND attnum = 1",
        [trusting],
    ).fetchone()
    connection.execute("DROP TABLE pg_temp.typed")
    assert row is not None
    return str(row[0])


def differences(
    connection: psycopg.Connection[Any], one: str, other: str, source: str, given_: Any
) -> list[Any]:
    """Return the values of which two expressions over v say different things, also in spelling."""
    return connection.execute(
        f"SELECT v, ({one})::text, ({other})::text FROM {source} WHERE ({one})::text IS DISTINCT FROM ({other})::text",  # type: ignore[arg-type]
        [given_],
    ).fetchall()


@pytest.mark.parametrize("type_name", RULES)
def test_short_cut_gives_what_the_rule_gives(connection: psycopg.Connection[Any], type_name: str) -> None:
    short = expression(connection, type_name).replace("%", "%%")
    rule = RULES[type_name].replace("%", "%%")

    @settings(max_examples=60, deadline=None)
    @given(values)
    def judge(some: list[str]) -> None:
        assert differences(connection, short, rule, TEXTS, some) == []

    assert differences(connection, short, rule, TEXTS, [*ODD, None]) == []
    assert differences(connection, short, rule, TEXTS, [v.strip() for v in ODD]) == []
    judge()


@pytest.mark.parametrize("type_name", ["numeric(12,2)", "numeric(10,4)", "integer"])
def test_trusted_number_is_the_number_or_an_error(
    connection: psycopg.Connection[Any], type_name: str
) -> None:
    short = expression(connection, type_name, trusting=True).replace("%", "%%")
    rule = RULES[type_name].replace("%", "%%")
    refused = []

    @settings(max_examples=60, deadline=None)
    @given(values)
    def judge(some: list[str | None]) -> None:
        for value in some:
            try:
                assert differences(connection, short, rule, TEXTS, [value]) == []
            except psycopg.DataError:
                refused.append(value)

    judge.hypothesis.inner_test([*ODD, None])  # type: ignore[attr-defined]
    assert "1,5" in refused
    judge()
    row = connection.execute(f"SELECT count({rule}) FROM unnest(%s::text[]) AS v", [refused]).fetchone()  # type: ignore[arg-type]
    assert row == (0,), "a number that is one was refused"


def test_json_without_its_null_is_all_else_alike(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute("SELECT sync._without_null('v')").fetchone()
    assert row is not None

    @settings(max_examples=60, deadline=None)
    @given(st.lists(arrays, min_size=1, max_size=20))
    def judge(some: list[Any]) -> None:
        documents = [json.dumps({"v": value}) for value in [None, "", "null", 0, [], {}, *some]]
        rows = connection.execute(
            f"SELECT ({row[0]}), nullif(v, 'null') FROM (SELECT t::jsonb -> 'v' FROM unnest(%s::text[]) AS t) AS d (v)",  # type: ignore[arg-type]
            [documents],
        ).fetchall()
        assert [one for one, _ in rows] == [other for _, other in rows]

    judge()


def test_trusted_time_is_the_time_or_an_error(connection: psycopg.Connection[Any]) -> None:
    short = expression(connection, "timestamptz", trusting=True).replace("%", "%%")
    rule = RULES["timestamptz"]
    refused = []
    for value in ODD:
        try:
            assert differences(connection, short, rule, TEXTS, [value]) == []
        except psycopg.DataError:
            refused.append(value)
    assert "2026-04-31T00:00:00Z" in refused
    assert all(len(value) == 20 for value in refused), "only of the usual form"
    row = connection.execute(f"SELECT count({rule}) FROM unnest(%s::text[]) AS v", [refused]).fetchone()  # type: ignore[arg-type]
    assert row == (0,), "a time that is one was refused"


def test_arrays_are_taken_apart_alike(connection: psycopg.Connection[Any]) -> None:
    short = expression(connection, "text[]")

    @settings(max_examples=200, deadline=None)
    @given(st.lists(arrays, min_size=1, max_size=10))
    def judge(some: list[Any]) -> None:
        texts_ = [json.dumps(value) for value in some]
        assert differences(connection, short, ARRAY_RULE, DOCUMENTS, texts_) == []

    for odd in (
        [],
        [[]],
        [["a"], ["b"]],
        ["a", ["b"]],
        ["a", None],
        [None],
        [1, True, {"a": 1}],
        {},
        "a",
        "",
        ["x" * 255],
        ["x" * 256],
        ["ă" * 255],
        [""],
    ):
        judge_one = [json.dumps(odd)]
        assert (
            differences(
                connection,
                short,
                ARRAY_RULE,
                DOCUMENTS,
                judge_one,
            )
            == []
        ), odd
    judge()


def test_number_of_the_line_is_its_legacy_id_or_not(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute(
        "SELECT typed FROM sync._columns('staging_products', false) WHERE name = 'legacy_resource_id'"
    ).fetchone()
    assert row is not None
    rows = connection.execute(
        f"SELECT ({row[0]}) FROM (VALUES ('7', 7), ('7', 8), ('07', 7), ('7', NULL), (NULL, 7), ('x', 7), (' 7', 7))"
        " AS r (legacy_resource_id, object_id)"
    ).fetchall()
    assert [value for (value,) in rows] == [7, 7, 7, 7, None, None, None]


@pytest.mark.parametrize("trusting", [False, True])
def test_metafields_are_folded_alike(connection: psycopg.Connection[Any], trusting: bool) -> None:
    row = connection.execute(
        "SELECT sync._fold_expression('metafields', %s), sync._child_lines('{Metafield}', 'metafields', false)",
        [trusting],
    ).fetchone()
    assert row is not None
    values_of_child = re.search(r"c\.doc(, .* AS value)\n", row[1], re.DOTALL)
    assert values_of_child
    words = st.one_of(
        texts,
        st.sampled_from(
            [
                'a"b',
                "a\\b",
                'a":1,"b',
                "true",
                "false",
                "null",
                "json",
                "boolean",
                "[1]",
                "{}",
                "5",
                "-1",
                "Z",
            ]
        ),
    )
    fields = st.fixed_dictionaries(
        {"namespace": words, "key": words, "value": elements.filter(lambda value: value is not None)},
        optional={"type": st.one_of(scalars, words, st.just([1]), st.just({})), "id": texts},
    )

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            fields, min_size=1, max_size=6, unique_by=lambda field: f"{field['namespace']}.{field['key']}"
        )
    )
    def judge(some: list[dict[str, Any]]) -> None:
        try:
            folded = connection.execute(
                f"SELECT {row[0]}, {FOLD_RULE} FROM (SELECT c.doc{values_of_child[1]}"  # type: ignore[arg-type]
                " FROM (SELECT t::jsonb FROM unnest(%s::text[]) AS t) AS c (doc)) AS c",
                [[json.dumps(field) for field in some]],
            ).fetchone()
        except psycopg.errors.InvalidTextRepresentation:
            assert trusting, "only the trusting one may refuse"
            assert re.search(
                r"[\x00-\x1f]",
                "".join(str(field.get(name)) for field in some for name in ("namespace", "key", "type")),
            )
            return
        assert folded is not None
        assert folded[0] == folded[1]

    judge()


def test_a_trusted_metafield_lacks_nothing_or_is_refused(connection: psycopg.Connection[Any]) -> None:
    whole = {"namespace": "a", "key": "b", "value": "c", "type": "json"}
    row = connection.execute(
        "SELECT sync._fold_expression('metafields', true), sync._child_lines('{Metafield}', 'metafields', false)"
    ).fetchone()
    assert row is not None
    values_of_child = re.search(r"c\.doc(, .* AS value)\n", row[1], re.DOTALL)
    assert values_of_child
    for name in ("namespace", "key", "value"):
        for lacking in ({**whole, name: None}, {key: value for key, value in whole.items() if key != name}):
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):
                connection.execute(
                    f"SELECT {row[0]} FROM (SELECT c.doc{values_of_child[1]}"  # type: ignore[arg-type]
                    " FROM (SELECT t::jsonb FROM unnest(%s::text[]) AS t) AS c (doc)) AS c",
                    [[json.dumps(whole), json.dumps(lacking)]],
                )
