"""Rules, levels, attributes and expectations, set and removed by command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb
from quality_support import Records
from test_review_cli import Call, call, found

from neanelu.platform.scratch import Database

__all__ = ["call"]


@pytest.fixture
def records(db: Database) -> Iterator[Records]:
    with db.connect(autocommit=True) as connection:
        connection.execute(
            "SELECT pim.import_taxonomy(%s)",
            [
                Jsonb(
                    [
                        {"id": "gid://shopify/TaxonomyCategory/zz", "path": ["Things"]},
                        {"id": "gid://shopify/TaxonomyCategory/zz-1", "path": ["Things", "Boxes"]},
                    ]
                )
            ],
        )
        yield Records(connection)


def test_a_survivorship_rule_is_set_listed_and_removed(call: Call, records: Records) -> None:
    product = records.product()
    records.propose(product, "price", 5, "one")
    records.propose(product, "price", 7, "two", 0.3)
    setting = ("pim", "rules", "set", "price", "rule=max", "--category", "Things", "--json")
    assert found(call(*setting), 1)["error"]["code"] == "23502"
    made = found(call(*setting, "--reason", "Dearest", "--dry-run"))
    assert (made["rule"]["rule"], made["dry_run"]) == ("max", True)
    assert found(call("pim", "rules", "list", "--category", "zz", "--json")) == []
    found(call(*setting, "--reason", "Dearest"))
    (rule,) = found(call("pim", "rules", "list", "--category", "zz", "--json"))
    assert (rule["category"], rule["reason"]) == ("Things", "Dearest")
    assert "Dearest" in call("pim", "rules", "list").output
    records.decide(product)
    price = "SELECT provenance #>> '{price,value}' FROM neanelu.prod_specs_normalized WHERE is_current AND product_id = %s"
    records.connection.execute(
        "UPDATE neanelu.prod_master SET taxonomy_id = pim.category_id('zz-1') WHERE id = %s", [product]
    )
    records.decide(product)
    assert records.value(price, product) == "7"
    assert found(call("pim", "rules", "set", "price", "rle=max", "--json"), 2)["error"]["code"] == "NQ013"
    assert call("pim", "rules", "set", "price", "rule").exit_code == 2
    assert (
        found(call("pim", "rules", "set", "x", "rule=max", "--category", "no", "--json"), 2)["error"]["code"]
        == "NX006"
    )
    removal = ("pim", "rules", "remove", "price", "--category", "zz", "--json")
    assert call(*removal).exit_code == 2
    assert found(call(*removal, "--dry-run"))["rule"]["rule"] == "max"
    assert call(*removal[:-1], input="n\n").exit_code == 1
    found(call(*removal, "--yes"))
    assert found(call(*removal, "--yes"), 2)["error"]["code"] == "NC010"
    assert found(call("pim", "rules", "remove", "*", "--yes", "--json"), 2)["error"]["code"] == "NC011"


def test_a_level_is_set_listed_and_removed(call: Call, records: Records) -> None:
    setting = (
        "pim",
        "levels",
        "set",
        "golden",
        "min_sources=3",
        "required_fields=title,gtin",
        "--category",
        "zz",
    )
    made = found(call(*setting, "--json"))["rule"]
    assert (made["min_sources"], made["required_fields"]) == (3, ["title", "gtin"])
    listed = found(call("pim", "levels", "list", "--json"))
    assert [row["min_sources"] for row in listed if row["category"] == "Things"] == [3]
    assert "Things" in call("pim", "levels", "list").output
    done = call("pim", "levels", "remove", "golden", "--category", "zz", "--dry-run")
    assert "golden would be removed" in done.output
    found(call("pim", "levels", "remove", "golden", "--category", "zz", "--yes", "--json"))
    missing = found(call("pim", "levels", "remove", "golden", "--category", "zz", "--yes", "--json"), 2)
    assert missing["error"]["code"] == "NQ014"
    one = found(
        call("pim", "levels", "set", "silver", "required_fields=title", "--channel", "google", "--json")
    )
    assert one["rule"]["required_fields"] == ["title"]


def test_attributes_are_defined_changed_expected_and_removed(
    call: Call, records: Records, tmp_path: Path
) -> None:
    define = ("attributes", "define", "depth", "--json")
    assert found(call(*define, "--label", "Depth"), 2)["error"]["code"] == "NX005"
    assert found(call(*define, "--unit", "furlongs"), 2)["error"]["code"] == "NN005"
    made = found(call(*define, "--label", "Depth", "--kind", "number", "--unit", "cm", "--dry-run"))
    assert (made["inserted"], made["dry_run"]) == (1, True)
    found(call(*define, "--label", "Depth", "--kind", "number", "--unit", "cm"))
    found(call(*define, "--description", "Front to back"))
    kept = "SELECT concat_ws(' ', label, data_type, unit, unit_family, description) FROM neanelu.prod_attr_definitions"
    assert records.value(kept) == "Depth number cm length Front to back"
    file = tmp_path / "attributes.json"
    file.write_text(
        json.dumps([{"code": "lid", "label": "Lid", "data_type": "enum", "allowed_values": ["loose"]}])
    )
    assert "1 inserted" in call("attributes", "define", "--file", str(file)).output
    file.write_text("{")
    assert found(call("attributes", "define", "--file", str(file), "--json"), 2)["error"]["code"] == "NX005"
    assert call("attributes", "define").exit_code == 2
    tried = found(call("attributes", "expect", "zz", "depth", "lid", "--required", "--dry-run", "--json"))
    assert (sorted(tried["attribute_schema"]), tried["dry_run"]) == (["depth", "lid"], True)
    found(call("attributes", "expect", "zz", "depth", "lid", "--required", "--channel", "google", "--json"))
    inherited = found(call("taxonomy", "show", "zz-1", "--json"))["attribute_schema"]
    assert inherited["depth"] == {"required": True, "channels": ["google"]}
    assert "depth" in call("attributes", "expect", "zz-1", "lid", "--never").output
    assert sorted(found(call("taxonomy", "show", "zz-1", "--json"))["attribute_schema"]) == ["depth"]
    found(call("attributes", "unexpect", "zz-1", "lid", "--json"))
    assert sorted(found(call("taxonomy", "show", "zz-1", "--json"))["attribute_schema"]) == ["depth", "lid"]
    assert found(call("attributes", "expect", "zz", "width", "--json"), 2)["error"]["code"] == "NX007"
    assert found(call("attributes", "remove", "lid", "--yes", "--json"), 2)["error"]["code"] == "NX008"
    found(call("attributes", "unexpect", "zz", "lid", "--json"))
    assert found(call("attributes", "remove", "lid", "--dry-run", "--json"))["dry_run"]
    found(call("attributes", "remove", "lid", "--yes", "--json"))
    assert found(call("attributes", "remove", "lid", "--yes", "--json"), 2)["error"]["code"] == "NX007"
