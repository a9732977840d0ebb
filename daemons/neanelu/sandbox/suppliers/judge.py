"""How near golden records come to the truth of the world that they were made from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isclose
from typing import Any, Final

from neanelu.sandbox.suppliers.world import folded

#: Suppliers round: a pound's second decimal of a light thing is 2 %.
TOLERANCE: Final = 0.03
FIELDS: Final = ("brand", "mpn", "gtin")


@dataclass(slots=True)
class Verdict:
    """What a judge found.

    Attributes:
        records: of suppliers that belong to a golden record.
        products: of the world that somebody spoke of.
        golden: records that are no merged duplicates.
        mixed: golden records that hold several true products, by key, with those products.
        split: true products that are spread over several golden records, with these.
        pairs: of records that are, that were said to be, and that are and were said to be, the same product.
        values: right, wrong, missing (somebody said something, the golden record does not), by attribute code.
        fields: the same of brand, mpn and gtin.
        said: statements of suppliers about attributes: right and all.
        examples: of wrong values.
    """

    records: int = 0
    products: int = 0
    golden: int = 0
    mixed: dict[str, list[str]] = field(default_factory=dict)
    split: dict[str, list[str]] = field(default_factory=dict)
    pairs: tuple[int, int, int] = (0, 0, 0)
    values: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    fields: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    said: tuple[int, int] = (0, 0)
    examples: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Share of joined pairs of records that are the same product."""
        return self.pairs[2] / self.pairs[1] if self.pairs[1] else 1.0

    @property
    def recall(self) -> float:
        """Share of pairs of records of one product that were joined."""
        return self.pairs[2] / self.pairs[0] if self.pairs[0] else 1.0

    def share(self, what: str = "right", among: tuple[str, ...] = ("right", "wrong")) -> float:
        """Return the share of attribute values that are right among those that are `among`."""
        total = sum(sum(counts[name] for name in among) for counts in self.values.values())
        return sum(counts[what] for counts in self.values.values()) / total if total else 0.0

    def as_document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "records": self.records,
            "products": self.products,
            "golden": self.golden,
            "mixed": len(self.mixed),
            "split": len(self.split),
            "pair_precision": round(self.precision, 4),
            "pair_recall": round(self.recall, 4),
            "values_right": round(self.share(), 4),
            "values_known": round(1 - self.share("missing", ("right", "wrong", "missing")), 4),
            "statements_right": round(self.said[0] / self.said[1], 4) if self.said[1] else None,
            "fields": {name: dict(counts) for name, counts in self.fields.items()},
            "attributes": {name: dict(counts) for name, counts in sorted(self.values.items())},
            "examples": self.examples[:20],
        }


def is_same(said: Any, true: Any) -> bool:
    """Return whether a golden value ({"value", "unit"}, or bare) is what the world has."""
    value = said["value"] if isinstance(said, Mapping) and "value" in said else said
    if isinstance(true, bool) or isinstance(value, bool):
        return value is true
    if isinstance(true, int | float):
        return isinstance(value, int | float) and isclose(value, true, rel_tol=TOLERANCE)
    if isinstance(value, Mapping) and {"min", "max"} <= value.keys():
        value = [value["min"], value["max"]]
    if isinstance(true, list | tuple):
        parts = value if isinstance(value, list) else [value]
        if true and isinstance(true[0], int | float):
            return len(parts) == len(true) and all(map(is_same, parts, true))
        return sorted(map(str, parts)) == sorted(map(str, true))
    return str(value) == str(true)


def judge(
    truth: Mapping[str, Any],
    belongs: Mapping[tuple[str, str], str],
    golden: Iterable[Mapping[str, Any]],
) -> Verdict:
    """Compare golden records with the truth.

    Args:
        truth: as `feeds.truth` returns it.
        belongs: (supplier's code, its id) -> id of the golden record; the shops' products as (domain, gid).
        golden: rows with id, brand, mpn, gtin, specs of records that are no merged duplicates.
    """
    verdict = Verdict()
    products = {product["key"]: product for product in truth["products"]}
    by_golden: dict[str, Counter[str]] = defaultdict(Counter)
    told: dict[str, set[str]] = defaultdict(set)
    right = said = 0
    for record in _records(truth):
        right += len(record["said"]) - len(record["wrong"])
        said += len(record["said"])
        told[record["key"]].update(record["said"])
        home = belongs.get((record["supplier"], record["id"]))
        if home is not None:
            by_golden[home][record["key"]] += 1
            verdict.records += 1
    verdict.said = (right, said)
    homes: dict[str, Counter[str]] = defaultdict(Counter)
    for home, keys in by_golden.items():
        if len(keys) > 1:
            verdict.mixed[home] = sorted(keys)
        for key, count in keys.items():
            homes[key][home] += count
    verdict.products = len(homes)
    verdict.split = {key: sorted(found) for key, found in homes.items() if len(found) > 1}
    verdict.pairs = (
        sum(_pairs(found.total()) for found in homes.values()),
        sum(_pairs(keys.total()) for keys in by_golden.values()),
        sum(_pairs(count) for found in homes.values() for count in found.values()),
    )
    for record in golden:
        verdict.golden += 1
        known = by_golden.get(str(record["id"]))
        if known:
            key = max(sorted(known), key=lambda one: known[one])
            _compare(verdict, record, products[key], told[key])
    return verdict


def _records(truth: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Yield what suppliers said, and the shops' own products as records that said nothing that is measured."""
    yield from truth["records"]
    for product in truth["products"]:
        if product["gid"]:
            yield {
                "supplier": product["shop"],
                "id": product["gid"],
                "key": product["key"],
                "wrong": [],
                "said": [],
            }


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _compare(
    verdict: Verdict, record: Mapping[str, Any], product: Mapping[str, Any], told: Iterable[str]
) -> None:
    """Count what is right and wrong in a golden record about a product."""
    specs = record["specs"] or {}
    for code in told:
        true = product["attributes"][code]
        if code not in specs:
            verdict.values[code]["missing"] += 1
            continue
        outcome = "right" if is_same(specs[code], true) else "wrong"
        verdict.values[code][outcome] += 1
        if outcome == "wrong":
            verdict.examples.append(f"{product['key']} {code}: {specs[code]} instead of {true}")
    for name in FIELDS:
        value, true = record[name], product[name]
        outcome = "missing" if value is None else "right" if folded(value) == folded(true) else "wrong"
        verdict.fields[name][outcome] += 1
        if outcome == "wrong":
            verdict.examples.append(f"{product['key']} {name}: {value} instead of {true}")


#: What `judge` is given, asked of the database by tests and measurements (as a role that may read the PIM).
BELONGS: Final = """
    SELECT DISTINCT s.name AS source, h.source_product_id, p.product_id
      FROM neanelu.prod_proposals AS p
      JOIN neanelu.prod_extraction_sessions AS e ON e.id = p.extraction_session_id
      JOIN neanelu.prod_raw_harvest AS h ON h.id = e.harvest_id AND h.fetched_at = e.harvest_fetched_at
      JOIN neanelu.prod_sources AS s ON s.id = h.source_id
      JOIN neanelu.prod_master AS m ON m.id = p.product_id AND m.dedupe_status <> 'duplicate'"""
GOLDEN: Final = """
    SELECT m.id, m.brand, m.mpn, m.gtin, m.canonical_title, v.specs
      FROM neanelu.prod_master AS m
      LEFT JOIN neanelu.prod_specs_normalized AS v ON v.product_id = m.id AND v.is_current
     WHERE m.dedupe_status <> 'duplicate'"""
