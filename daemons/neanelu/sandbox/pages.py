"""Pages of connections: by position where nothing moves, by the last object's key where shops are live."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson
from graphql import GraphQLError

from neanelu.sandbox.generator import Obj
from neanelu.sandbox.projection import Source
from neanelu.sandbox.search import Search

#: Sort keys that are obeyed in live shops; by id otherwise.
_SORT = {
    "UPDATED_AT": "updatedAt",
    "CREATED_AT": "createdAt",
    "PROCESSED_AT": "processedAt",
    "PUBLISHED_AT": "publishedAt",
    "TITLE": "title",
}
#: Most objects of a page.
MOST = 250


class Objects(Sequence[Obj]):
    """A root connection's objects, made only as far as a page needs them."""

    def __init__(self, source: Source, root: str, arguments: dict[str, Any]) -> None:
        self._source = source
        self._root = root
        self._search = Search(arguments.get("query") or "")
        self._inactive = root != "locations" or bool(arguments.get("includeInactive"))

    def __iter__(self) -> Iterator[Obj]:
        """Yield the objects that the connection's arguments let through."""
        for value in self._source.objects(self._root):
            if (self._inactive or value["isActive"]) and self._search.matches(value):
                yield value

    def window(self, start: int, size: int) -> tuple[list[Obj], bool]:
        """Return so many objects from a position on, and whether there are more."""
        found = list(islice(self, start, start + size + 1))
        return found[:size], len(found) > size

    def __len__(self) -> int:
        """Count the objects, making each."""
        return sum(1 for _ in self)

    def __getitem__(self, index: Any) -> Any:
        """Return the object at a position, or a slice of them."""
        return list(self)[index]


def page(items: Sequence[Obj], arguments: dict[str, Any], live: bool = False) -> Obj:
    """Return one page of a connection.

    Args:
        items: the connection's objects.
        arguments: of the field.
        live: whether cursors name the last object instead of a position.

    Raises:
        GraphQLError: neither `first` nor `last` was given, or more than 250 were asked for.
    """
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    if arguments.get("before"):
        raise GraphQLError("the sandbox pages forward only", extensions={"code": "BAD_REQUEST"})
    size = int(first if first is not None else last or 0)
    if size > MOST:
        raise GraphQLError(f"first cannot exceed {MOST}, was {size}", extensions={"code": "BAD_REQUEST"})
    if live:
        return _keyed(items, arguments, size)
    try:
        start = int(arguments["after"]) if arguments.get("after") else 0
    except ValueError:
        raise GraphQLError("Invalid cursor for current pagination sort.") from None
    if first is None:
        start = max(0, len(items) - size)
    if isinstance(items, Objects):
        found, more = items.window(start, size)
    else:
        found, more = list(items[start : start + size]), len(items) > start + size
    return _answer(found, [str(start + n + 1) for n in range(len(found))], start > 0, more)


def _keyed(items: Sequence[Obj], arguments: dict[str, Any], size: int) -> Obj:
    """Return a page that begins after the object that the cursor names, wherever that is now.

    Root connections are sorted by a key and the id; lists within an object keep their own order.
    """
    root = isinstance(items, Objects)
    ordered = list(items)
    field = _SORT.get(arguments.get("sortKey") or "", "")

    def key(value: Obj) -> tuple[str, int]:
        return str(value.get(field) or "") if field else "", _number(value)

    backward = bool(arguments.get("reverse"))
    if root:
        ordered.sort(key=key, reverse=backward)
    start = 0
    if arguments.get("after"):
        value, number, position = _opened(arguments["after"])
        if root:
            mark = (value, number)
            start = sum(1 for one in ordered if (key(one) >= mark if backward else key(one) <= mark))
        else:
            places = [n + 1 for n, one in enumerate(ordered) if _number(one) == number]
            start = places[0] if places else max(0, min(position - 1, len(ordered)))
    if arguments.get("first") is None:
        start = max(0, len(ordered) - size)
    found = ordered[start : start + size]
    cursors = [
        base64.b64encode(orjson.dumps([key(one)[0], str(_number(one)), start + n + 1])).decode()
        for n, one in enumerate(found)
    ]
    return _answer(found, cursors, start > 0, len(ordered) > start + size)


def _number(value: Obj) -> int:
    """Return what an object is ordered by: the number in its id; for a level the item's after the location's."""
    digits = str(value.get("id") or "").rsplit("/", 1)[-1]
    number, _, item = digits.partition("?inventory_item_id=")
    if item.isdigit():
        return (int(number) << 64) + int(item)
    return int(number) if number.isdigit() else 0


def _opened(cursor: str) -> tuple[str, int, int]:
    """Return what a cursor holds: the sort value, the number and the position (GraphQLError for no cursor)."""
    try:
        value, number, position = orjson.loads(base64.b64decode(cursor, validate=True))
        return str(value), int(number), int(position)
    except (ValueError, TypeError):
        raise GraphQLError("Invalid cursor for current pagination sort.") from None


def _answer(found: list[Obj], cursors: list[str], before: bool, more: bool) -> Obj:
    edges = [{"cursor": c, "node": v} for c, v in zip(cursors, found, strict=True)]
    return {
        "edges": edges,
        "nodes": found,
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": before,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }
