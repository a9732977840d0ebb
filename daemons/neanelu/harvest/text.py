"""Bytes become text that PostgreSQL takes: whatever the page says of its charset, and whatever is in it."""

from __future__ import annotations

import codecs
import math
import re
from typing import Any, Final

from charset_normalizer import from_bytes
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding

#: Bytes that are looked at when nobody says what they are.
_SAMPLE: Final = 64 * 1024
#: Deeper structures are cut off.
_DEPTH: Final = 40
#: Encodings in which bytes that look like UTF-8 mean something else.
_OTHER: Final = frozenset(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "iso2022_jp", "hz"))
_UNTEXT: Final = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff\\ufffe\\uffff]+")


def decode(body: bytes, content_type: str | None = None) -> str:
    """Return the text of a page.

    In this order: a byte order mark; UTF-8 when the bytes are valid UTF-8 (other encodings never look like it by accident);
    what the header says, then what the page says of itself, when the bytes agree; what they look like; at last what was
    said, with marks for what does not fit.

    Args:
        body: the page.
        content_type: the Content-Type header.
    """
    name_of_mark, mark = read_bom(body)
    if name_of_mark is not None and mark is not None:
        return clean(body[len(mark) :].decode(name_of_mark, "replace"))
    declared = [
        name
        for name in (http_content_type_encoding(content_type), html_body_declared_encoding(body[:4096]))
        if name is not None
    ]
    names = [resolve_encoding(name) or name for name in declared]
    if not (names and names[0] in _OTHER):
        names.insert(0, "utf-8")
    for name in names:
        try:
            return clean(codecs.decode(body, name))
        except (UnicodeDecodeError, LookupError):
            continue
    best = from_bytes(body[:_SAMPLE]).best()
    fallback = best.encoding if best is not None else names[-1]
    try:
        return clean(codecs.decode(body, fallback, "replace"))
    except LookupError:
        return clean(body.decode("cp1252", "replace"))


def clean(text: str) -> str:
    """Return text without NUL, other control characters, lone surrogates and non-characters."""
    return _UNTEXT.sub("", text)


def clean_json(value: Any, depth: int = 0) -> Any:
    """Return a JSON value that jsonb takes: clean text, finite numbers, not too deep."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool | int) or value is None:
        return value if not isinstance(value, int) or abs(value) < 10**300 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= _DEPTH:
        return None
    if isinstance(value, dict):
        return {clean(str(key)): clean_json(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(member, depth + 1) for member in value]
    return clean(str(value))
