"""The sandbox's model: reads a page by plain rules (headings, `label: value`) and answers what it finds, with snippets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_PAGE = re.compile(r"\[page ([0-9a-f]+)\]\n(.*)\n\[end of page \1\]", re.DOTALL)
_PAIR = re.compile(r"^\s*([^:\t|]{2,60}?)\s*[:\t|]\s*(\S.*)$")
_MONEY = re.compile(
    r"(\d[\d.,\s\u00a0]*\d|\d)\s*(lei|ron|eur|usd|gbp|€|\$|£)|(eur|usd|gbp|€|\$|£)\s*(\d[\d.,\s\u00a0]*\d|\d)",
    re.IGNORECASE,
)
#: Words by which pages in several languages label the general fields.
_LABELS: Final = {
    "brand": ("brand", "marca", "marque", "marke"),
    "manufacturer": ("manufacturer", "producator", "fabricant", "hersteller", "fabricante"),
    "mpn": ("mpn", "part number", "cod produs", "product code", "cod producator", "reference", "artikelnummer"),
    "gtin": ("gtin", "ean", "upc", "barcode", "cod de bare", "code-barres", "ean-13"),
    "model": ("model", "modele", "modell", "modelo"),
    "category": ("category", "categorie", "kategorie", "categoria"),
    "description": ("description", "descriere", "beschreibung", "descripcion"),
    "price": ("price", "pret", "prix", "preis", "precio"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """What a page says, with the line that says it."""

    name: str
    value: str
    snippet: str

    def as_dict(self, confidence: float = 0.9) -> dict[str, Any]:
        """Return it as an answer has it."""
        return {"name": self.name, "value": self.value, "snippet": self.snippet, "confidence": confidence}


def fold(text: str) -> str:
    """Return a label without case, accents and signs at its ends."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return " ".join(plain.replace("_", " ").split()).strip(" .:*")


def page_of(messages: list[dict[str, Any]]) -> str:
    """Return the page among the messages; the last message when none is marked."""
    for message in messages:
        found = _PAGE.search(str(message.get("content", "")))
        if found:
            return found.group(2)
    return str(messages[-1].get("content", ""))


def pairs(page: str) -> Iterator[Fact]:
    """Yield `label: value` lines."""
    for line in page.splitlines():
        found = _PAIR.match(line)
        if found and "//" not in found.group(2)[:3] and not line.startswith("# "):
            yield Fact(found.group(1).strip("-*• "), found.group(2).strip(), line.strip())


def fields(page: str) -> Iterator[Fact]:
    """Yield the general fields."""
    lines = [line.strip() for line in page.splitlines() if line.strip()]
    heading = next((line for line in lines if line.startswith("# ")), lines[0] if lines else "")
    title = heading.removeprefix("# ").strip()
    if title:
        yield Fact("title", title, title)
    seen: set[str] = set()
    for pair in pairs(page):
        field = next((name for name, labels in _LABELS.items() if fold(pair.name) in labels), None)
        if field is None or field in seen:
            continue
        seen.add(field)
        money = _MONEY.search(pair.value) if field == "price" else None
        if money:
            yield Fact("price", (money.group(1) or money.group(4)).strip(), pair.snippet)
            yield Fact("currency", money.group(2) or money.group(3), pair.snippet)
        else:
            yield Fact(field, pair.value, pair.snippet)


def attributes(page: str, codes: list[str] | None, told: str) -> Iterator[Fact]:
    """Yield the other pairs: all, or those that a code or what was told about it names.

    Args:
        page: its text.
        codes: names that are allowed; None for any.
        told: the instructions, where `code: label, …` explains the codes.
    """
    known = {label for labels in _LABELS.values() for label in labels}
    labels: dict[str, str] = {}
    for code in codes or ():
        labels[fold(code)] = code
        said = re.search(rf"(?:^|[;:] ){re.escape(code)}: ([^;,.]+)", told)
        if said:
            labels[fold(said.group(1))] = code
    for pair in pairs(page):
        label = fold(pair.name)
        if codes is None and label not in known:
            yield pair
        elif label in labels:
            yield Fact(labels[label], pair.value, pair.snippet)


def names_of(schema: dict[str, Any], part: str) -> list[str] | None:
    """Return the names that a schema allows in a list of facts; None for any, [] when there is no such list."""
    try:
        name = schema["properties"][part]["items"]["properties"]["name"]
    except (KeyError, TypeError):
        return []
    return list(name["enum"]) if "enum" in name else None


def read(messages: list[dict[str, Any]], schema: dict[str, Any]) -> dict[str, Any]:
    """Return what the page says of what the schema asks for; a schema of plain strings is filled by its properties' names."""
    page = page_of(messages)
    told = " ".join(str(m.get("content", "")) for m in messages if m.get("role") in ("system", "developer"))
    properties = schema.get("properties", {})
    if set(properties) == {"fields", "attributes"}:
        allowed = names_of(schema, "fields")
        return {
            "fields": [f.as_dict() for f in fields(page) if allowed is None or f.name in allowed],
            "attributes": [f.as_dict(0.8) for f in attributes(page, names_of(schema, "attributes"), told)],
        }
    found = {fold(f.name): f.value for f in [*pairs(page), *fields(page)]}
    return {name: found.get(fold(name), "") for name in properties}
