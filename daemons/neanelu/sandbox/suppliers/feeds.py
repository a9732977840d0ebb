"""Files of the suppliers: CSV as a distributor writes it, JSON lines, a marketplace's XML, and the truth beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import orjson

from neanelu.sandbox.suppliers.goods import KINDS
from neanelu.sandbox.suppliers.suppliers import SUPPLIERS, Record, Supplier, records
from neanelu.sandbox.suppliers.world import World

#: The distributor's columns before those of attributes.
CSV_COLUMNS: Final = (
    "Cod produs", "Denumire produs", "Marcă", "Cod EAN", "Cod producător", "Categorie", "Preț", "Monedă", "Descriere",
)  # fmt: skip


def as_csv(supplier: Supplier, said: Sequence[Record]) -> bytes:
    """Return records as CSV with semicolons, one column an attribute of any kind of goods."""
    names = list(dict.fromkeys(a.names[supplier.hand] for kind in KINDS for a in kind.attributes))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow((*CSV_COLUMNS, *names))
    for one in said:
        fixed = (
            one.id,
            one.title,
            one.brand,
            one.gtin or "",
            one.mpn or "",
            one.category,
            one.price,
            one.currency,
        )
        writer.writerow((*fixed, one.description, *(one.attributes.get(name, "") for name in names)))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_jsonl(_: Supplier, said: Sequence[Record]) -> bytes:
    """Return records as a line of JSON each."""
    return b"".join(orjson.dumps(document(one)) + b"\n" for one in said)


def document(one: Record) -> dict[str, Any]:
    """Return a record as the manufacturer's JSON."""
    whole = {
        "sku": one.id,
        "name": one.title,
        "brand": one.brand,
        "gtin": one.gtin,
        "mpn": one.mpn,
        "category": one.category,
        "price": float(one.price),
        "currency": one.currency,
        "description": one.description,
        "attributes": one.attributes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def as_xml(_: Supplier, said: Sequence[Record]) -> bytes:
    """Return records as an XML feed with PARAM elements, as comparison sites of the region take it."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<products>"]
    for one in said:
        lines.append(f"  <product id={quoteattr(one.id)}>")
        told = {
            "name": one.title,
            "brand": one.brand,
            "ean": one.gtin,
            "mpn": one.mpn,
            "category": one.category,
            "description": one.description,
        }
        lines += [f"    <{tag}>{escape(text)}</{tag}>" for tag, text in told.items() if text is not None]
        lines.append(f"    <price currency={quoteattr(one.currency)}>{one.price}</price>")
        lines += [
            f"    <param name={quoteattr(name)}>{escape(value)}</param>"
            for name, value in one.attributes.items()
        ]
        lines.append("  </product>")
    lines.append("</products>\n")
    return "\n".join(lines).encode()


def as_read(supplier: Supplier, said: Sequence[Record]) -> list[dict[str, Any]]:
    """Return records as harvest.store_many takes them: what a reader of the supplier's format makes of its file."""
    return [{"source_product_id": one.id, "json": _READ[supplier.format](one)} for one in said]


def _row(one: Record) -> dict[str, str]:
    """Return a record as a row of the distributor's CSV, without empty cells."""
    fixed = (
        one.id,
        one.title,
        one.brand,
        one.gtin,
        one.mpn,
        one.category,
        one.price,
        one.currency,
        one.description,
    )
    return {name: value for name, value in zip(CSV_COLUMNS, fixed, strict=True) if value} | one.attributes


def _element(one: Record) -> dict[str, Any]:
    """Return a record as an element of the marketplace's XML."""
    told = {"@id": one.id, "name": one.title, "brand": one.brand, "ean": one.gtin, "mpn": one.mpn}
    told |= {"category": one.category, "description": one.description}
    whole: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    whole["price"] = {"@currency": one.currency, "#text": one.price}
    whole["param"] = [{"@name": name, "#text": value} for name, value in one.attributes.items()]
    return whole


_READ: Final = {"csv": _row, "jsonl": document, "xml": _element}
WRITERS: Final = {"csv": as_csv, "jsonl": as_jsonl, "xml": as_xml}


def truth(world: World) -> dict[str, Any]:
    """Return what is so, and which record of whom is about which product and wrong in what."""
    return {
        "seed": world.spec.seed,
        "products": [product.as_truth() for product in world.products],
        "records": [one.as_truth(who.code) for who in SUPPLIERS for one in records(world, who)],
    }


def write_all(world: World, folder: Path) -> dict[str, Any]:
    """Write the feeds and truth.json into a folder, and return counts and sizes by file."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Any] = {}
    for supplier in SUPPLIERS:
        if supplier.format in WRITERS:
            said = list(records(world, supplier))
            content = WRITERS[supplier.format](supplier, said)
            path = folder / f"{supplier.code}.{supplier.format}"
            path.write_bytes(content)
            written[path.name] = {"records": len(said), "bytes": len(content)}
    content = orjson.dumps(truth(world), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    (folder / "truth.json").write_bytes(content)
    written["truth.json"] = {"products": len(world.products), "bytes": len(content)}
    return written
