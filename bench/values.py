"""Values: how many raw values of offers come out as a person normalised them.

`pave/raw_to_normalized_values*.csv`: offer, category, attribute, raw values, normalised values (several joined by `|||`). The
data set's guideline says what each attribute is to become: lengths centimetres with one decimal, from inches where no unit is
written; weights grams or kilograms; rotational speeds and counts plain numbers; capacities number and unit in full; part and
model numbers without punctuation; of a UPC the manufacturer's digits; brands in capitals, manufacturers by their full name.
`KINDS` states that as attribute definitions, once for all offers; every value then goes through `normalise.value`, `brand` and
`gtin`. A row is right when the set of its values is the expected one.

- `values_right`: the share of rows of these attributes; `values_NAME` the same by kind.
- `values_enums`: attributes whose values are put into classes of the data set's own making (product types, colours,
  interfaces). No rule knows those; labels of values are learnt from the other nine tenths of the rows, as a shop's people would
  enter them. Not part of `values_right`, no target. `values_enums_wrong`: how many of the values it dared to name are in none of
  the wanted classes; the rest it leaves to people.
- `values_all`: every row of the file, those of the classes too.
- `values_per_second`: values a second through `normalise.value`, one connection, distinct values only.
"""

from __future__ import annotations

import csv
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from bench import frame

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Kind:
    """What an attribute of the data set becomes."""

    name: str
    data_type: str = "number"
    unit: str | None = None
    family: str | None = None
    source_unit: str | None = None
    digits: int | None = None


LENGTH = Kind("lengths", unit="cm", family="length", source_unit="in", digits=1)
COUNT = Kind("counts")
DATA = Kind("capacities", family="data", source_unit="MB")
CODE = Kind("codes", data_type="code")
#: The guideline's full names of manufacturers known by their initials, entered as people would.
ALIASES = {
    "AMD": "Advanced Micro Devices",
    "DEC": "Digital Equipment Corporation",
    "GE": "General Electric",
    "HP": "Hewlett-Packard",
    "HPE": "Hewlett-Packard Enterprise",
    "IBM": "International Business Machines",
    "SGI": "Silicon Graphics",
    "WD": "Western Digital",
}
#: attribute name, in small letters -> kind.
KINDS = {
    "height": LENGTH,
    "width": LENGTH,
    "length": LENGTH,
    "depth": LENGTH,
    "size/weight": Kind("weights", unit="g", family="mass", digits=0),
    "paper weight": Kind("weights", unit="kg", family="mass", digits=1),
    "rotational speed": Kind("speeds", family="rotation"),
    "pack quantity": COUNT,
    "ports": COUNT,
    "processor core": COUNT,
    "cache": DATA,
    "capacity": DATA,
    "part number": CODE,
    "manufacturer stock number": CODE,
    "model number": CODE,
    "retail upc": Kind("upcs", data_type="upc"),
    "brand": Kind("brands", data_type="brand"),
    "manufacturer": Kind("manufacturers", data_type="manufacturer"),
}
ENUMS = ("product type", "color", "color(s)", "interface", "processor type", "generation")
MEASURES = "SELECT amount, unit, rest FROM normalise.measures(%s, %s)"
VALUE = "SELECT normalise.value(%s, 'number', %s, %s, 'en', NULL, %s)"
ENUM = "SELECT normalise.value(%s, 'enum', NULL, NULL, 'en', %s) ->> 'value'"
FULL = {
    "kB": "Kilobytes",
    "MB": "Megabytes",
    "GB": "Gigabytes",
    "TB": "Terabytes",
    "byte": "Bytes",
    "PB": "Petabytes",
}


def read(folder: Path) -> list[tuple[str, str, list[str], list[str]]]:
    """Return (category, attribute, raw values, expected values) of all rows."""
    rows = []
    for path in sorted(folder.glob("raw_to_normalized_values*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                raw, wanted = (
                    [part.strip() for part in row[name].split("|||")]
                    for name in ("raw_values", "normalized_values")
                )
                rows.append((row["category"], row["attribute"].lower(), raw, wanted))
    return rows


def plain(number: Any, digits: int | None) -> str:
    """Return a number as the data set writes it."""
    value = Decimal(str(number))
    if digits is not None:
        return f"{round(float(value), digits):.{digits}f}"  # as who made the data set rounded: 6.35 is 6.3
    return f"{value.normalize():f}"


def numbers(connection: Connection, raw: str, kind: Kind) -> list[str]:
    """Return every number of a raw value in the attribute's unit; the text itself where there is none."""
    found = connection.execute(VALUE, (raw, kind.unit, kind.family, kind.source_unit)).fetchone()
    assert found is not None
    if found[0] is None:
        return [raw]
    if kind is DATA:
        parts = connection.execute(MEASURES, (raw, kind.family)).fetchall()
        shown = [
            f"{plain(amount, None)} {FULL[unit or kind.source_unit]}{'/' if '/' in rest else ' '}"
            for amount, unit, rest in parts
        ]
        if any("/" in rest and unit is None for _, unit, rest in parts):  # 160/320 GB
            shown = [
                text if unit or not index + 1 < len(parts) else f"{plain(amount, None)}/"
                for index, (text, (amount, unit, _)) in enumerate(zip(shown, parts, strict=True))
            ]
        return ["".join(shown).strip("/ ")]
    if kind is not COUNT:
        return [plain(found[0]["value"], kind.digits)]
    every = connection.execute("SELECT amount FROM normalise.measures(%s)", (raw,)).fetchall()
    return [plain(row[0], None) for row in every] or [plain(found[0]["value"], None)]


def normalised(connection: Connection, raw: str, kind: Kind) -> list[str]:
    """Return what a raw value becomes."""
    if kind.data_type == "number":
        return numbers(connection, raw, kind)
    question = {
        "code": "SELECT regexp_replace(normalise.clean_text(%s), '[^[:alnum:]]', '', 'g')",
        "upc": "SELECT ltrim(substr(lpad(regexp_replace(%s, '\\D', '', 'g'), 14, '0'), 4, 5), '0')",
        "brand": "SELECT upper(normalise.brand(%s))",
        "manufacturer": "SELECT normalise.brand(%s)",
    }[kind.data_type]
    found = connection.execute(question, (raw,)).fetchone()
    assert found is not None
    return [found[0] or raw]


def rules(
    connection: Connection, rows: list[tuple[str, str, list[str], list[str]]]
) -> tuple[list[frame.Figure], int]:
    """Return the shares right of what rules can know, by kind and of all; how many rows are right."""
    for alias, brand in ALIASES.items():
        connection.execute("SELECT normalise.add_brand_alias(%s, %s)", (alias, brand))
    right: dict[str, list[bool]] = defaultdict(list)
    cache: dict[tuple[str, Kind], list[str]] = {}
    for category, attribute, raws, wanted in rows:
        kind = KINDS.get(attribute)
        if kind is None:
            continue
        got: list[str] = []
        for raw in raws:
            if (raw, kind) not in cache:
                cache[raw, kind] = normalised(connection, raw, kind)
            got += cache[raw, kind]
        ok = set(got) == set(wanted)
        right["right"].append(ok)
        right[kind.name].append(ok)
        if not ok:
            said = " ||| ".join(dict.fromkeys(got))
            frame.say(
                f"{category}, {attribute}: {' ||| '.join(raws)} → {said}; wanted {' ||| '.join(wanted)}"
            )
    figures = [frame.figure("values_asked", len(right["right"]), "rows")]
    for name, results in right.items():
        least = 0.985 if name == "right" else None
        figures.append(frame.figure(f"values_{name}", sum(results) / len(results), "share", least=least))
    return figures, sum(right["right"])


Labels = dict[tuple[str, str], dict[str, set[str]]]


def learn(rows: list[tuple[str, str, list[str], list[str]]]) -> Labels:
    """Return what rows call each class of an attribute: a text that has several, by the one that it has most."""
    seen: dict[tuple[str, str], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    labels: Labels = defaultdict(lambda: defaultdict(set))
    for category, attribute, raws, wanted in rows:
        for code in wanted:
            labels[category, attribute].setdefault(code, set())
        if len(wanted) == 1:
            for raw in raws:
                seen[category, attribute][raw.lower()][wanted[0]] += 1
    for key, texts in seen.items():
        for raw, codes in texts.items():
            labels[key][codes.most_common(1)[0][0]].add(raw)
    return labels


def enums(
    connection: Connection, rows: list[tuple[str, str, list[str], list[str]]]
) -> tuple[list[frame.Figure], int]:
    """Return the shares of classified values found and named wrongly with labels of the other tenths; how many rows are right."""
    asked = [row for row in rows if row[1] in ENUMS]
    right = named = wrong = 0
    for tenth in range(10):
        labels = learn([row for number, row in enumerate(asked) if number % 10 != tenth])
        for category, attribute, raws, wanted in asked[tenth::10]:
            allowed = json.dumps(
                [
                    {"code": code, "labels": {"en": sorted(texts)}}
                    for code, texts in sorted(labels[category, attribute].items())
                ]
            )
            found = [connection.execute(ENUM, (raw, allowed)).fetchone() for raw in raws]
            got = {row[0] for row in found if row is not None and row[0] is not None}
            named += len(got)
            wrong += len(got - set(wanted))
            right += (got or set(raws)) == set(wanted)
    figures = [
        frame.figure("values_enums", right / max(1, len(asked)), "share"),
        frame.figure("values_enums_wrong", wrong / max(1, named), "share"),
    ]
    return figures, right


def speed(connection: Connection, rows: list[tuple[str, str, list[str], list[str]]]) -> frame.Figure:
    """Return values a second in one statement over the distinct values of numbers."""
    values = sorted(
        {raw for _, a, raws, _ in rows for raw in raws if a in KINDS and KINDS[a].data_type == "number"}
    )
    statement = "SELECT count(normalise.value(v, 'number', 'cm', 'length', 'en', NULL, 'in')) FROM unnest(%s::text[]) AS v"
    connection.execute(statement, (values,))
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        connection.execute(statement, (values,))
        seconds.append(time.perf_counter() - started)
    return frame.figure("values_per_second", len(values) / frame.median(seconds), "values/s", digits=0)


def run(scale: str) -> list[frame.Figure]:
    """Measure; the scale does not matter."""
    folder = frame.data_folder("pave")
    if folder is None:
        return []
    rows = read(folder)
    database = frame.laboratory().create()
    with database.connect(autocommit=True) as connection:
        figures, by_rules = rules(connection, rows)
        classes, by_labels = enums(connection, rows)
        figures += [
            *classes,
            frame.figure("values_all", (by_rules + by_labels) / len(rows), "share"),
            speed(connection, rows),
        ]
    frame.drop(database)
    return figures
