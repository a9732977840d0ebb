"""A client of OpenAI's interface: patient with rate limits, careful never to ask twice what may have been done once.

Requests that read, and those that carry an idempotency key, are tried again after any failure. What makes something (a file, a
batch) is tried again only when the provider said that it did not do it: after a lost answer the caller looks first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import stamina

from neanelu import __version__
from neanelu.openai.errors import KeyRefused, ProviderBusy, ProviderError, ProviderUnreachable, RequestRefused
from neanelu.settings import Settings, get_settings

#: Statuses with which the provider says that it did nothing.
_NOT_DONE: Final = frozenset({425, 429})
#: Codes of 429 that no pause mends.
_FINAL: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class _Again(Exception):
    """An answer that may be better next time.

    Args:
        message: what it was.
        pause: seconds to wait at least.
        is_busy: whether it was a rate limit.
    """

    def __init__(self, message: str, pause: float = 0.0, *, is_busy: bool = False) -> None:
        super().__init__(message)
        self.pause = pause
        self.is_busy = is_busy


class OpenAIClient:
    """Speaks to one provider. May be used by several threads at once.

    Args:
        base_url: with the version, for instance `https://api.openai.com/v1`.
        api_key: never logged, never part of an exception; None for servers that ask for none.
        timeout: seconds for one answer.
        attempts: tries of what may be tried again.
        longest_pause: seconds that one pause may last; a longer one that the provider asks for ends in ProviderBusy.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        attempts: int = 5,
        longest_pause: float = 60.0,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._attempts = attempts
        self._longest_pause = longest_pause
        headers = {"User-Agent": f"neanelu/{__version__}"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self.http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=10.0), headers=headers, follow_redirects=False
        )

    @classmethod
    def of(cls, settings: Settings | None = None, **more: Any) -> OpenAIClient:
        """Return a client as the settings say.

        Raises:
            KeyRefused: the provider is OpenAI, and there is no key.
        """
        settings = settings or get_settings()
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
        if not key and "api.openai.com" in settings.openai_base_url:
            raise KeyRefused(
                "there is no key for OpenAI",
                hint="Set NEANELU_OPENAI_API_KEY, or NEANELU_OPENAI_BASE_URL to another server with that interface.",
            )
        return cls(settings.openai_base_url, key, timeout=settings.openai_timeout_seconds, **more)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def __enter__(self) -> OpenAIClient:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    # --- Answers at once ----------------------------------------------------------------------------------
    def embeddings(
        self, model: str, inputs: Sequence[str], dimensions: int | None = None
    ) -> tuple[list[list[float]], int]:
        """Return the vectors of texts in their order, and the tokens they cost.

        Args:
            model: name.
            inputs: at most 2,048 texts, none empty, of at most 8,192 tokens each and 300,000 together.
            dimensions: of the vectors; None leaves it to the model.

        Raises:
            RequestRefused: texts or model are none that the provider takes.
            ProviderError: see `ask`.
        """
        body: dict[str, Any] = {"model": model, "input": list(inputs), "encoding_format": "float"}
        if dimensions is not None:
            body["dimensions"] = dimensions
        answer = self.ask("/v1/embeddings", body)
        try:
            found = {int(item["index"]): [float(x) for x in item["embedding"]] for item in answer["data"]}
            return [found[n] for n in range(len(inputs))], int(answer["usage"]["prompt_tokens"])
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderError("the provider's answer has not a vector for each text") from error

    def ask(self, endpoint: str, body: Any, *, key: str | None = None) -> dict[str, Any]:
        """POST one request and return its answer's object.

        Args:
            endpoint: path as batches write it, `/v1/embeddings`.
            body: JSON as an object, or as bytes.
            key: idempotency key; a provider that knows it does not do, or charge, the same request twice.

        Raises:
            KeyRefused, RequestRefused, ProviderBusy, ProviderUnreachable, ProviderError: see there.
        """
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self._object(
            self._request("POST", self._path(endpoint), is_safe=True, content=content, headers=headers)
        )

    # --- Files --------------------------------------------------------------------------------------------
    def upload(self, path: Path, name: str) -> dict[str, Any]:
        """Upload a file of requests and return the provider's object of it (id, bytes); a repeated upload costs nothing.

        Raises:
            ProviderError: see `ask`.
        """

        def send() -> httpx.Response:
            with path.open("rb") as file:
                parts = {"file": (name, file, "application/jsonl")}
                return self._send("POST", "/files", is_safe=True, data={"purpose": "batch"}, files=parts)

        return self._object(self._retried(send, is_safe=True))

    def delete_file(self, file_id: str) -> None:
        """Delete a file; one that is not there is no error."""
        try:
            self._request("DELETE", f"/files/{file_id}", is_safe=True)
        except RequestRefused as error:
            if error.status != 404:
                raise

    def lines(self, file_id: str) -> Iterator[bytes]:
        """Yield the lines of a file, streamed; a broken stream ends in ProviderUnreachable, and is begun anew by the caller."""
        try:
            with self.http.stream("GET", f"{self._base}/files/{file_id}/content") as response:
                if response.status_code != 200:
                    response.read()
                    _judge(response)
                rest = b""
                for block in response.iter_bytes(1 << 18):
                    *whole, rest = (rest + block).split(b"\n")
                    yield from (line for line in whole if line.strip())
                if rest.strip():
                    yield rest
        except httpx.TransportError as error:
            raise ProviderUnreachable(f"a file cannot be read to its end: {type(error).__name__}") from error
        except _Again as error:
            raise ProviderUnreachable(str(error)) from error

    # --- Batches ------------------------------------------------------------------------------------------
    def create_batch(self, file_id: str, endpoint: str, metadata: dict[str, str]) -> dict[str, Any]:
        """Have the requests of a file done within a day; return the batch. After ProviderUnreachable it may be there.

        Raises:
            ProviderError: see `ask`.
        """
        body = {
            "input_file_id": file_id,
            "endpoint": endpoint,
            "completion_window": "24h",
            "metadata": metadata,
        }
        return self._object(self._request("POST", "/batches", is_safe=False, json=body))

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Return a batch: status, request_counts, output_file_id, error_file_id, errors."""
        return self._object(self._request("GET", f"/batches/{batch_id}", is_safe=True))

    def batches(self, page: int = 100) -> Iterator[dict[str, Any]]:
        """Yield all batches, the newest first."""
        after: str | None = None
        while True:
            parameters: dict[str, str | int] = {"limit": page} | ({"after": after} if after else {})
            answer = self._object(self._request("GET", "/batches", is_safe=True, params=parameters))
            data = answer.get("data")
            if not isinstance(data, list):
                raise ProviderError("the provider's list of batches is none")
            yield from data
            if not answer.get("has_more") or not data:
                return
            after = str(data[-1]["id"])

    def cancel_batch(self, batch_id: str) -> None:
        """Ask for a batch to be cancelled; one that has ended is left alone."""
        try:
            self._request("POST", f"/batches/{batch_id}/cancel", is_safe=True)
        except RequestRefused as error:
            if error.status not in (400, 409):
                raise

    # --- One request --------------------------------------------------------------------------------------
    def _path(self, endpoint: str) -> str:
        """Return an endpoint as it follows the base URL, which has the version already."""
        return endpoint.removeprefix("/v1") if self._base.endswith("/v1") else endpoint

    def _retried(self, call: Callable[[], httpx.Response], *, is_safe: bool) -> httpx.Response:
        """Call until it succeeds, with growing pauses, or those that the provider asks for."""

        def again(error: Exception) -> bool | float:
            if isinstance(error, _Again):
                if error.pause > self._longest_pause:
                    return False
                return error.pause or True
            return is_safe and isinstance(error, httpx.TransportError)

        try:
            for attempt in stamina.retry_context(
                on=again,
                attempts=self._attempts,
                timeout=600.0,
                wait_initial=0.3,
                wait_max=20.0,
                wait_jitter=0.3,
            ):
                with attempt:
                    return call()
        except _Again as error:
            if error.is_busy:
                raise ProviderBusy(f"the provider limits our rate: {error}", error.pause or None) from error
            raise ProviderUnreachable(f"the provider does not answer: {error}") from error
        except httpx.TransportError as error:
            raise ProviderUnreachable(
                f"the provider cannot be reached: {type(error).__name__}: {error}"
            ) from error
        raise AssertionError("unreachable")

    def _request(self, method: str, path: str, *, is_safe: bool, **options: Any) -> httpx.Response:
        """Send a request, again where that is allowed; return the answer with status 200."""
        return self._retried(lambda: self._send(method, path, is_safe=is_safe, **options), is_safe=is_safe)

    def _send(self, method: str, path: str, *, is_safe: bool, **options: Any) -> httpx.Response:
        """Send a request once."""
        response = self.http.request(method, self._base + path, **options)
        _judge(response, is_safe=is_safe)
        return response

    @staticmethod
    def _object(response: httpx.Response) -> dict[str, Any]:
        """Return an answer's object; raises ProviderError when it has none."""
        try:
            answer = orjson.loads(response.content)
        except orjson.JSONDecodeError as error:
            raise ProviderError("the provider's answer is not JSON") from error
        if not isinstance(answer, dict):
            raise ProviderError("the provider's answer is no object")
        return answer


def _judge(response: httpx.Response, *, is_safe: bool = True) -> None:
    """Raise what an answer other than 2xx means; `is_safe`: the request may be sent again whatever became of it."""
    status = response.status_code
    if 200 <= status < 300:
        return
    code, message = _said(response)
    if status in (401, 403):
        raise KeyRefused(
            f"the provider refuses the key (HTTP {status}): {message}", hint="NEANELU_OPENAI_API_KEY"
        )
    if status == 429 and code in _FINAL:
        raise ProviderBusy(f"{code}: {message}", 3600.0)
    if status in _NOT_DONE or (status >= 500 and is_safe) or (status == 408 and is_safe):
        raise _Again(f"HTTP {status} {code or ''} {message}".strip(), _pause(response), is_busy=status == 429)
    if status >= 500 or status == 408:
        raise ProviderUnreachable(f"the provider failed, and may have done what was asked: HTTP {status}")
    raise RequestRefused(f"the provider refuses the request (HTTP {status}): {message}", status, code)


def _said(response: httpx.Response) -> tuple[str | None, str]:
    """Return code and message of an error's body."""
    try:
        error = orjson.loads(response.content)["error"]
        return (str(error["code"]) if error.get("code") else None), str(error.get("message") or "")[:500]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None, ""


def _pause(response: httpx.Response) -> float:
    """Return the seconds that an answer asks to wait: Retry-After, or when the limits that are used up are full again."""
    said = response.headers.get("retry-after-ms")
    try:
        if said:
            return float(said) / 1000
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):
        pass
    resets = [
        sum(
            float(n) * _UNITS[unit]
            for n, unit in _DURATION.findall(response.headers.get(f"x-ratelimit-reset-{kind}", ""))
        )
        for kind in ("requests", "tokens")
        if response.headers.get(f"x-ratelimit-remaining-{kind}") == "0"
    ]
    return max(resets, default=0.0)
