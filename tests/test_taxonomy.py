"""Taxonomies: files read, imported by the command, found again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import REPO

from neanelu.cli import main
from neanelu.db.errors import InvalidInput
from neanelu.pim.taxonomy import read_attributes, read_categories
from neanelu.platform.scratch import Database
from neanelu.settings import get_settings

FILES = REPO / "tests" / "data" / "taxonomy"
Call = Callable[..., Result]


@pytest.fixture
def call(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Return `call(*arguments)`: a command on the test's database."""
    monkeypatch.setenv("NEANELU_DATABASE_URL", f"host={db.cluster.socket_dir} dbname={db.name}")
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    get_settings.cache_clear()


def found(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_text_and_json_say_the_same_categories() -> None:
    text, made = read_categories(FILES / "categories.txt"), read_categories(FILES / "categories.json")
    assert text == [{"id": one["id"], "path": one["path"]} for one in made]
    assert text[4]["path"] == [
        "Animals & Pet Supplies",
        "Pet Supplies",
        "Bird Supplies",
        "Bird Cage Accessories",
    ]


def test_attributes_are_read_from_handles_text_and_json(tmp_path: Path) -> None:
    handles = read_attributes(FILES / "attributes.json")
    assert {
        "handle": "3d-glasses-material",
        "name": "3D glasses material",
        "description": None,
        "values": [],
    } in handles
    text = tmp_path / "attributes.txt"
    text.write_text("# Attributes\n\ngid://shopify/TaxonomyAttribute/1 : Color\n")
    assert read_attributes(text) == [{"handle": "Color", "name": "Color"}]
    full = tmp_path / "attributes.json"
    full.write_text(
        '{"attributes": [{"name": "Fit", "handle": "fit", "values": [{"name": "Slim", "handle": "fit__slim"}]}]}'
    )
    assert read_attributes(full)[0]["values"] == [{"handle": "fit__slim", "name": "Slim"}]


@pytest.mark.parametrize(
    "content",
    [b"no colon here", b"\xff\xfe\x00", b"{", b"[1]", b'{"other": []}', b'[{"name": "no id"}]', b"gid : "],
)
def test_what_is_no_taxonomy_is_refused_by_code(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as raised:
        read_categories(path)
    assert raised.value.code == "NX001"


def test_the_command_imports_twice_and_finds_categories(call: Call, db: Database) -> None:
    arguments = (
        "taxonomy",
        "import",
        str(FILES / "categories.txt"),
        "--attributes",
        str(FILES / "attributes.json"),
        "--json",
    )
    assert found(call(*arguments, "--dry-run"))["categories"]["inserted"] == 12
    assert db.connect().execute("SELECT count(*) FROM neanelu.prod_taxonomy").fetchone() == (0,)
    first, second = found(call(*arguments)), found(call(*arguments))
    assert first["categories"] == {"inserted": 12, "updated": 0, "deactivated": 0, "unchanged": 0}
    assert second["categories"] == {"inserted": 0, "updated": 0, "deactivated": 0, "unchanged": 12}
    assert first["attributes"]["inserted"] == 7 and second["attributes"] == {
        "inserted": 0,
        "updated": 0,
        "unchanged": 7,
    }
    kinds = dict(
        db.connect()
        .execute("SELECT code, data_type || coalesce(' ' || unit, '') FROM neanelu.prod_attr_definitions")
        .fetchall()
    )
    assert (
        kinds["voltage"] == "number V"
        and kinds["display_resolution"] == "dimensions px"
        and kinds["item_condition"] == "string"
    )

    found(call("taxonomy", "import", str(FILES / "categories.json"), "--json"))
    shown = found(call("taxonomy", "show", "ap-2-1-3", "--json"))
    assert shown["path"].endswith("Bird Supplies > Bird Food") and shown["attribute_schema"] == {
        "color": {"required": False}
    }
    assert found(call("taxonomy", "find", "bird cages", "--json"))[0]["path"].endswith("Bird Cages & Stands")
    assert [row["path"] for row in found(call("taxonomy", "list", "--below", "electronics", "--json"))] == [
        "Electronics > Video"
    ]
    assert call("taxonomy", "show", "zz-9").exit_code == 2
    for words in (
        ("taxonomy", "show", "ap-2-1-3"),
        ("taxonomy", "list"),
        ("attributes", "list"),
        ("attributes", "units", "--family", "length"),
    ):
        assert call(*words).exit_code == 0


def test_the_editor_may_import_and_the_analyst_may_not(db: Database) -> None:
    statement = 'SELECT inserted FROM pim.import_taxonomy(\'[{"id": "x", "path": ["X"]}]\')'
    assert db.connect("neanelu_pim_editor").execute(statement).fetchone() == (1,)
    with pytest.raises(Exception, match="permission denied"):
        db.connect("neanelu_analyst").execute(statement)
