"""The part of Shopify's search syntax that synchronisation needs: terms with comparisons, AND, OR, NOT and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from neanelu.sandbox.generator import Obj

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>AND|OR|NOT)(?=[\s()])|
    (?P<minus>-)?(?P<name>[a-z_]+):\s*(?P<operator>>=|<=|>|<|)\s*
        (?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^\s()]+))|
    (?P<rest>[^\s()]+))""",
    re.VERBOSE,
)
_FIELDS = {
    "updated_at": "updatedAt",
    "created_at": "createdAt",
    "processed_at": "processedAt",
    "published_at": "publishedAt",
    "status": "status",
    "handle": "handle",
    "title": "title",
    "sku": "sku",
    "barcode": "barcode",
    "vendor": "vendor",
    "product_type": "productType",
    "name": "name",
    "tag": "tags",
    "financial_status": "displayFinancialStatus",
    "fulfillment_status": "displayFulfillmentStatus",
}
_LOWER = frozenset(
    ("status", "financial_status", "fulfillment_status", "vendor", "product_type", "title", "tag")
)
#: name -> where the number to compare with stands
_NUMBERS: dict[str, Callable[[Obj], Any]] = {
    "id": lambda value: value.get("legacyResourceId") or value.get("id"),
    "product_id": lambda value: (value.get("product") or value.get("variant", {}).get("product") or {}).get(
        "id"
    ),
    "customer_id": lambda value: (value.get("customer") or {}).get("id"),
    "inventory_item_id": lambda value: (value.get("inventoryItem") or {}).get("id"),
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
}

Test = Callable[[Obj], bool]


class Search:
    """A search over objects.

    Args:
        text: for instance `updated_at:>='2026-11-01T00:00:00Z' AND (id:1 OR id:2)`. Terms without a word between them must
            all hold. Unknown fields and free text are ignored, as Shopify does.
    """

    def __init__(self, text: str) -> None:
        self.terms: list[str] = []
        self._tokens = [m.groupdict() for m in _TOKEN.finditer(text)]
        self._at = 0
        self._test = self._either() if self._tokens else None

    def matches(self, value: Obj) -> bool:
        """Say whether an object satisfies the search."""
        return self._test is None or self._test(value)

    def _peek(self, kind: str) -> str | None:
        token = self._tokens[self._at] if self._at < len(self._tokens) else {}
        return token.get(kind)

    def _either(self) -> Test | None:
        """Read alternatives up to a closing parenthesis or the end."""
        found = [self._all()]
        while self._peek("word") == "OR":
            self._at += 1
            found.append(self._all())
        tests = [t for t in found if t is not None]
        if len(tests) <= 1:
            return tests[0] if tests else None
        return lambda value: any(test(value) for test in tests)

    def _all(self) -> Test | None:
        """Read terms that must all hold."""
        tests: list[Test] = []
        while self._at < len(self._tokens) and self._peek("word") != "OR" and not self._peek("close"):
            if self._peek("word") == "AND":
                self._at += 1
                continue
            test = self._one()
            if test is not None:
                tests.append(test)
        if len(tests) <= 1:
            return tests[0] if tests else None
        return lambda value: all(test(value) for test in tests)

    def _one(self) -> Test | None:
        token = self._tokens[self._at]
        self._at += 1
        if token["word"] == "NOT":
            return _negated(self._one() if self._at < len(self._tokens) else None)
        if token["open"]:
            inner = self._either()
            if self._peek("close"):
                self._at += 1
            return inner
        if token["name"] is None:
            return None
        wanted = next(t for t in (token["single"], token["double"], token["bare"], "") if t is not None)
        test = _term(token["name"], token["operator"] or "=", wanted)
        if test is not None:
            self.terms.append(token["name"])
        return _negated(test) if token["minus"] else test


def _negated(test: Test | None) -> Test | None:
    """Return the opposite of a test."""
    return None if test is None else lambda value: not test(value)


def _term(name: str, operator: str, wanted: str) -> Test | None:
    """Return the test of one term, or None when the field is not known."""
    compare = _COMPARE[operator]
    reach = _NUMBERS.get(name)
    if reach is not None:
        number = int(wanted) if wanted.isdigit() else -1
        return lambda value: compare(_number(reach(value)), number)
    field = _FIELDS.get(name)
    if field is None:
        return None
    if name.endswith("_at"):
        moment = _instant(wanted)
        return lambda value: compare(str(value.get(field) or ""), moment)
    lower = name in _LOWER
    text = wanted.lower() if lower else wanted

    def holds(value: Obj) -> bool:
        actual = value.get(field) or ""
        for one in actual if isinstance(actual, list) else [actual]:
            seen = str(one).lower() if lower else str(one)
            if compare(seen, text) or (text.endswith("*") and seen.startswith(text[:-1])):
                return True
        return False

    return holds


def _number(gid: str | None) -> int:
    """Return the number in a global id; 0 for none."""
    digits = (gid or "").rsplit("/", 1)[-1].partition("?")[0]
    return int(digits) if digits.isdigit() else 0


def _instant(text: str) -> str:
    """Return a search value in the form in which time stamps are compared, `2026-11-01T00:00:00Z`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
