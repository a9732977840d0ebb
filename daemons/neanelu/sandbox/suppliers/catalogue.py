"""Categories and attributes that the sandbox's suppliers speak of, as a PIM needs them."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import as_file, files
from typing import Any, Final

import orjson
import psycopg
from psycopg.types.json import Jsonb

from neanelu.db import sql
from neanelu.pim.taxonomy import read_categories

#: An excerpt of Shopify's published taxonomy, in the form of its file categories.txt; see data/NOTICE.
TAXONOMY: Final = files("neanelu.sandbox") / "data" / "taxonomy_excerpt.txt"
#: Attribute definitions, and which category expects which: {"attributes": [..], "categories": {gid: {code: {..}}}}.
ATTRIBUTES: Final = files("neanelu.sandbox") / "data" / "attributes.json"


def attributes() -> dict[str, Any]:
    """Return the content of `ATTRIBUTES`."""
    content: dict[str, Any] = orjson.loads(ATTRIBUTES.read_bytes())
    return content


def define(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Import the categories, define the attributes, and say which category expects which; return counts. Idempotent.

    Args:
        connection: as neanelu_operator or neanelu_pim_editor, autocommit.
    """
    with as_file(TAXONOMY) as path:
        categories = read_categories(path)
    content = attributes()
    # The excerpt beside a whole taxonomy would put the rest of it out of force.
    known = connection.execute(sql.COUNT_CATEGORIES).fetchone()
    assert known is not None
    if next(iter(known.values() if isinstance(known, dict) else known)) <= len(categories):
        connection.execute(
            sql.IMPORT_TAXONOMY, {"categories": Jsonb(categories), "most_removed": Decimal("0.2")}
        )
    connection.execute(sql.DEFINE_ATTRIBUTES, {"attributes": Jsonb(content["attributes"])})
    for gid, wanted in content["categories"].items():
        connection.execute(sql.EXPECT_ATTRIBUTES, {"category": gid, "attributes": Jsonb(wanted)})
    return {"categories": len(categories), "attributes": len(content["attributes"])}
