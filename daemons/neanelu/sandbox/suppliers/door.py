"""The suppliers' sites and feeds over HTTP, beside the sandbox's shops."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.suppliers import feeds, pages
from neanelu.sandbox.suppliers.suppliers import BY_CODE, Record, Supplier, records
from neanelu.sandbox.suppliers.world import World, WorldSpec

_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "xml": "application/xml"}


class SupplierDoor:
    """Answers under /suppliers/, and for the world at /_sandbox/suppliers.

    Args:
        shops: returns the shops of the sandbox; their products are part of the world unless it is told otherwise.
    """

    def __init__(self, shops: Callable[[], tuple[ShopSpec, ...]]) -> None:
        self._shops = shops
        self._world: World | None = None
        self._said: dict[str, tuple[list[Record], dict[str, int]]] = {}
        #: Requests that the sites had, by path; for those who test politeness.
        self.visits: dict[str, int] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/robots.txt", self._robots),
            Route("/_sandbox/suppliers", self._settings, methods=["GET", "POST"]),
            Route("/_sandbox/suppliers/truth", self._truth),
            Route("/_sandbox/suppliers/visits", self._tell_visits),
            Route("/suppliers/{supplier}/feed", self._feed),
            Route("/suppliers/{supplier}/", self._listing),
            Route("/suppliers/{supplier}/cart", self._cart),
            Route("/suppliers/{supplier}/p/{product}", self._product),
        ]

    @property
    def world(self) -> World:
        """The world, made when it is first asked for."""
        if self._world is None:
            self._world = World.of(WorldSpec(shops=self._shops()))
        return self._world

    def _of(self, request: Request) -> tuple[Supplier, list[Record], dict[str, int]] | None:
        """Return the supplier that a request is for, its records, and their places by id in lower case."""
        self.visits[request.url.path] = self.visits.get(request.url.path, 0) + 1
        supplier = BY_CODE.get(request.path_params["supplier"])
        if supplier is None:
            return None
        if supplier.code not in self._said:
            found = list(records(self.world, supplier))
            self._said[supplier.code] = (found, {one.id.lower(): n for n, one in enumerate(found)})
        return supplier, *self._said[supplier.code]

    async def _robots(self, request: Request) -> Response:
        self.visits[request.url.path] = self.visits.get(request.url.path, 0) + 1
        return PlainTextResponse(pages.ROBOTS)

    async def _settings(self, request: Request) -> Response:
        """Tell what the world consists of; or make another from {"seed", "products", "shops": [{"domain", ...}]}."""
        if request.method == "POST":
            try:
                body: dict[str, Any] = orjson.loads(await request.body())
                shops = (
                    tuple(ShopSpec(**shop) for shop in body.pop("shops"))
                    if "shops" in body
                    else self._shops()
                )
                self._world = World.of(WorldSpec(**body, shops=shops))
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
            self._said.clear()
        world = self.world
        return JSONResponse(
            {
                "seed": world.spec.seed,
                "products": len(world.products),
                "shops": [shop.domain for shop in world.spec.shops],
                "suppliers": list(BY_CODE),
            }
        )

    async def _truth(self, _: Request) -> Response:
        content = orjson.dumps(feeds.truth(self.world), option=orjson.OPT_NON_STR_KEYS)
        return Response(content, media_type="application/json")

    async def _tell_visits(self, _: Request) -> Response:
        return JSONResponse(self.visits)

    async def _feed(self, request: Request) -> Response:
        found = self._of(request)
        if found is None or found[0].format not in feeds.WRITERS:
            return Response(status_code=404)
        supplier, said, _ = found
        content = feeds.WRITERS[supplier.format](supplier, said)
        return _cached(request, content, _TYPES[supplier.format])

    async def _listing(self, request: Request) -> Response:
        found = self._of(request)
        number = request.query_params.get("page", "1")
        if found is None or found[0].format in feeds.WRITERS or not number.isdigit() or number == "0":
            return Response(status_code=404)
        return _cached(request, pages.listing(found[0], found[1], int(number)).encode(), "text/html")

    async def _cart(self, request: Request) -> Response:
        return Response("<!doctype html><title>Cart</title>Empty.", media_type="text/html")

    async def _product(self, request: Request) -> Response:
        found = self._of(request)
        place = None if found is None else found[2].get(request.path_params["product"])
        if found is None or place is None or found[0].format in feeds.WRITERS:
            return Response(status_code=404)
        supplier, said, _ = found
        url = str(request.url.replace(query=""))
        page = pages.product_page(supplier, said[place], place, url)
        return _cached(request, page.encode(), "text/html")


def _cached(request: Request, content: bytes, media_type: str) -> Response:
    """Return an answer with an ETag, or 304 where the client has it."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(content, media_type=media_type, headers={"ETag": etag})
