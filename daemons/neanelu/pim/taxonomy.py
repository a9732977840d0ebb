"""Published taxonomies, as Shopify publishes them: text or JSON, categories or attributes.

Categories: lines `gid : A > B > C`, or JSON with `verticals[].categories[]` (or a list of categories) that have `id`,
`full_name` and perhaps `attributes`. Attributes: lines `gid : Name`, JSON with `attributes[]`, or the list of handles that the
help centre searches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from neanelu.db.errors import InvalidInput

#: Files beyond this are no taxonomy (Shopify's largest, with all values, has about 30 MB).
MOST_BYTES = 200 << 20


def _read(path: Path) -> bytes:
    """Return a file's bytes; raises InvalidInput (NX001) when it is too long."""
    if path.stat().st_size > MOST_BYTES:
        raise InvalidInput(f"{path} has over {MOST_BYTES >> 20} MB", code="NX001")
    return path.read_bytes().removeprefix(b"\xef\xbb\xbf")


def _json(path: Path, data: bytes) -> Any:
    """Return the content of a JSON file; raises InvalidInput (NX001)."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{path} is not JSON: {error}", code="NX001") from error


def _lines(path: Path, data: bytes) -> Iterator[tuple[str, str]]:
    """Yield (gid, text) of the lines of a text file; raises InvalidInput (NX001) with the line's number."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8", code="NX001") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        gid, colon, rest = line.partition(" : ")
        if not colon or not gid.strip() or not rest.strip():
            raise InvalidInput(f"{path}, line {number}: not `gid : name`", code="NX001")
        yield gid.strip(), rest.strip()


def _is_json(data: bytes) -> bool:
    """Return whether a file begins like JSON."""
    return data.lstrip()[:1] in (b"{", b"[")


def _handle(attribute: Any) -> str | None:
    """Return the handle of an attribute of a category: a text, or an object with handle or name."""
    if isinstance(attribute, str):
        return attribute
    if isinstance(attribute, dict):
        value = attribute.get("handle") or attribute.get("name")
        return str(value) if value else None
    return None


def read_categories(path: Path) -> list[dict[str, Any]]:
    """Return the categories of a file as pim.import_taxonomy takes them.

    Raises:
        InvalidInput: the file is none of the known forms (NX001).
    """
    data = _read(path)
    if not _is_json(data):
        return [{"id": gid, "path": _path(name)} for gid, name in _lines(path, data)]
    content = _json(path, data)
    if isinstance(content, dict) and isinstance(content.get("verticals"), list):
        content = [
            category for vertical in content["verticals"] for category in vertical.get("categories", ())
        ]
    elif isinstance(content, dict):
        content = content.get("categories")
    if not isinstance(content, list):
        raise InvalidInput(f"{path} has neither verticals nor categories", code="NX001")
    found: list[dict[str, Any]] = []
    for category in content:
        if not isinstance(category, dict) or not category.get("id"):
            raise InvalidInput(f"{path}: a category without id", code="NX001")
        name = category.get("full_name") or category.get("fullName") or category.get("name") or ""
        one: dict[str, Any] = {"id": str(category["id"]), "path": category.get("path") or _path(str(name))}
        if isinstance(category.get("attributes"), list):
            one["attributes"] = [handle for item in category["attributes"] if (handle := _handle(item))]
        found.append(one)
    return found


def _path(name: str) -> list[str]:
    """Return the names of `A > B > C`."""
    return [part.strip() for part in name.split(" > ")]


def read_attributes(path: Path) -> list[dict[str, Any]]:
    """Return the attributes of a file as pim.import_attributes takes them.

    Raises:
        InvalidInput: the file is none of the known forms (NX001).
    """
    data = _read(path)
    if not _is_json(data):
        return [{"handle": name, "name": name} for _, name in _lines(path, data)]
    content = _json(path, data)
    if isinstance(content, dict):
        content = content.get("attributes")
    if not isinstance(content, list):
        raise InvalidInput(f"{path} has no attributes", code="NX001")
    found: list[dict[str, Any]] = []
    for item in content:
        if not isinstance(item, dict):
            raise InvalidInput(f"{path}: an attribute that is no object", code="NX001")
        given = item.get("attribute")
        inner: dict[str, Any] = given if isinstance(given, dict) else item
        handle = inner.get("handle") or item.get("searchIdentifier") or item.get("name")
        name = item.get("name") or item.get("title") or handle
        if not handle or not name:
            raise InvalidInput(f"{path}: an attribute without handle and name", code="NX001")
        values = [
            {"handle": value.get("handle") or value["name"], "name": value["name"]}
            for value in item.get("values") or ()
            if isinstance(value, dict) and value.get("name")
        ]
        found.append(
            {
                "handle": str(handle),
                "name": str(name),
                "description": item.get("description"),
                "values": values,
            }
        )
    return found
