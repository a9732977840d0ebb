"""HTTP routes of the sandbox's OpenAI: `/openai/v1/…` as OpenAI has them, `/_sandbox/openai/…` to control it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from neanelu.sandbox.openai.provider import Provider
from neanelu.sandbox.openai.shapes import Refused

PREFIX = "/openai/v1"
Endpoint = Callable[[Request], Awaitable[Response]]


def _answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")


class OpenAIDoor:
    """The routes of one provider."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def routes(self) -> list[Route]:
        """Return the routes."""
        guarded = self._guarded
        return [
            Route(f"{PREFIX}/files", guarded(self._upload), methods=["POST"]),
            Route(f"{PREFIX}/files/{{file}}", guarded(self._file), methods=["GET", "DELETE"]),
            Route(f"{PREFIX}/files/{{file}}/content", guarded(self._content), methods=["GET"]),
            Route(f"{PREFIX}/batches", guarded(self._batches), methods=["GET", "POST"]),
            Route(f"{PREFIX}/batches/{{batch}}", guarded(self._batch), methods=["GET"]),
            Route(f"{PREFIX}/batches/{{batch}}/cancel", guarded(self._cancel), methods=["POST"]),
            Route(f"{PREFIX}/embeddings", guarded(self._ask), methods=["POST"]),
            Route(f"{PREFIX}/chat/completions", guarded(self._ask), methods=["POST"]),
            Route("/_sandbox/openai/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/openai/ledger", self._ledger, methods=["GET"]),
        ]

    def _guarded(self, work: Endpoint) -> Endpoint:
        """Return an endpoint that asks for the key, shows faults, and answers what is refused."""

        async def endpoint(request: Request) -> Response:
            path, take = request.url.path, self.provider.faults.take
            key = self.provider.key
            if key is not None and request.headers.get("authorization") != f"Bearer {key}":
                return _answer(Refused("Incorrect API key provided.", "invalid_api_key", 401).body(), 401)
            if slow := take("slow", path):
                await asyncio.sleep(slow.seconds)
            if limit := take("429", path):
                headers = {
                    "Retry-After": str(limit.seconds),
                    "x-ratelimit-limit-requests": "500",
                    "x-ratelimit-remaining-requests": "0",
                    "x-ratelimit-reset-requests": f"{limit.seconds}s",
                }
                refused = Refused("Rate limit reached for requests.", "rate_limit_exceeded", 429)
                return _answer(refused.body(), 429, headers)
            broken = Refused("The server had an error while processing your request.", None, 500)
            if take("500", path):
                return _answer(broken.body(), 500)
            try:
                made = await work(request)
            except Refused as error:
                return _answer(error.body(), error.status)
            return _answer(broken.body(), 500) if take("lost", path) else made

        return endpoint

    async def _json(self, request: Request) -> Any:
        try:
            return orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            raise Refused("We could not parse the JSON body of your request.") from None

    async def _upload(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refused("The request is not multipart/form-data.")
        async with request.form() as form:
            file, purpose = form.get("file"), form.get("purpose")
            if not isinstance(file, UploadFile) or not isinstance(purpose, str):
                raise Refused("'file' and 'purpose' are required.", "missing_required_parameter")
            return _answer(self.provider.add_file(file.filename or "file", await file.read(), purpose))

    async def _file(self, request: Request) -> Response:
        file = request.path_params["file"]
        if request.method == "DELETE":
            return _answer(self.provider.delete_file(file))
        return _answer(self.provider.file(file)[0])

    async def _content(self, request: Request) -> Response:
        _, content = self.provider.file(request.path_params["file"])
        cut = self.provider.faults.take("cut", request.url.path)

        async def blocks() -> AsyncIterator[bytes]:
            whole = content if cut is None else content[: cut.after_bytes]
            for start in range(0, len(whole), 65_536):
                yield whole[start : start + 65_536]
            if cut is not None:
                raise ConnectionResetError("as told")

        return StreamingResponse(
            blocks(), headers={"Content-Length": str(len(content))}, media_type="application/octet-stream"
        )

    async def _batches(self, request: Request) -> Response:
        if request.method == "POST":
            return _answer(self.provider.create_batch(await self._json(request)))
        limit = request.query_params.get("limit", "20")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            raise Refused("'limit' is 1 to 100", "invalid_value", param="limit")
        return _answer(self.provider.page(int(limit), request.query_params.get("after")))

    async def _batch(self, request: Request) -> Response:
        return _answer(await asyncio.to_thread(self.provider.poll, request.path_params["batch"]))

    async def _cancel(self, request: Request) -> Response:
        return _answer(self.provider.cancel(request.path_params["batch"]))

    async def _ask(self, request: Request) -> Response:
        endpoint = request.url.path.removeprefix("/openai")
        body = await self._json(request)
        key = request.headers.get("idempotency-key")
        return _answer(await asyncio.to_thread(self.provider.answer, endpoint, body, "", key))

    async def _faults(self, request: Request) -> Response:
        faults = self.provider.faults
        if request.method == "DELETE":
            faults.clear()
            return Response(status_code=204)
        if request.method == "POST":
            try:
                return _answer(faults.add(**orjson.loads(await request.body())).as_dict(), 201)
            except (TypeError, ValueError) as error:
                return _answer({"error": str(error)}, 400)
        return _answer([fault.as_dict() for fault in faults.waiting()])

    async def _ledger(self, _: Request) -> Response:
        return _answer(self.provider.ledger())
