"""Categories and attributes that the sandbox's suppliers speak of, as a PIM needs them."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import orjson

#: An excerpt of Shopify's published taxonomy, in the form of its file categories.txt; see data/NOTICE.
TAXONOMY: Final = files("neanelu.sandbox") / "data" / "taxonomy_excerpt.txt"
#: Attribute definitions, and which category expects which: {"attributes": [..], "categories": {gid: {code: {..}}}}.
ATTRIBUTES: Final = files("neanelu.sandbox") / "data" / "attributes.json"


def attributes() -> dict[str, Any]:
    """Return the content of `ATTRIBUTES`."""
    content: dict[str, Any] = orjson.loads(ATTRIBUTES.read_bytes())
    return content
