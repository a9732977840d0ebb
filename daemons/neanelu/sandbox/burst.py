"""Traffic in the shops of a sandbox that runs elsewhere, asked for over its control endpoints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import httpx

from neanelu.db.errors import ENVIRONMENT, NeaneluError


class SandboxUnreachable(NeaneluError):
    """There is no sandbox where one was expected."""

    default_code = "SANDBOX"
    exit_code = ENVIRONMENT


class Burst:
    """One burst of changes in live shops.

    Args:
        url: where the sandbox answers.
        shops: domains.
        timeout: seconds for all changes and their deliveries.
    """

    def __init__(self, url: str, shops: Sequence[str], timeout: float) -> None:
        self._url = url.rstrip("/")
        self._shops = shops
        self._timeout = timeout
        self._http = httpx.Client(timeout=30.0)

    def __enter__(self) -> Burst:
        """Return the burst itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    @staticmethod
    def parse(text: str | None, *, numbers: bool) -> dict[str, Any] | None:
        """Return `name=value,…` as a dictionary; numbers where they are some.

        Raises:
            ValueError: an entry is none, or (with `numbers`) its value is no number.
        """
        if text is None:
            return None
        found: dict[str, Any] = {}
        for entry in filter(None, text.split(",")):
            name, sign, value = entry.partition("=")
            if not sign:
                raise ValueError(f"{entry} is not NAME=VALUE")
            try:
                found[name.strip()] = float(value)
            except ValueError:
                if numbers:
                    raise ValueError(f"{value} is no number") from None
                found[name.strip()] = value.strip()
        return found

    def _ask(self, shop: str, door: str, body: dict[str, Any] | None = None) -> Any:
        """Return the answer of a control endpoint (ValueError when it refuses)."""
        url = f"{self._url}/_sandbox/shops/{shop}/{door}"
        try:
            answer = self._http.get(url) if body is None else self._http.post(url, json=body)
        except httpx.TransportError as error:
            raise SandboxUnreachable(
                f"no sandbox answers at {self._url}: {error}", hint="Start one: neanelu sandbox --live"
            ) from error
        if answer.status_code >= 400:
            raise ValueError(f"{shop}: {answer.json().get('error', answer.text)}")
        return answer.json()

    def run(
        self,
        changes: int,
        rate: float,
        seed: int,
        mix: dict[str, Any] | None,
        disturb: dict[str, Any] | None,
    ) -> list[dict[str, Any]]:
        """Make the changes in all shops at once and return what each came to, once its webhooks are delivered.

        Raises:
            SandboxUnreachable: there is no sandbox.
            ValueError: a shop is not live, a name is not known.
        """
        for shop in self._shops:
            if disturb:
                self._ask(shop, "deliveries", disturb)
            wish = {"changes": changes, "rate": rate, "seed": seed, "mix": mix}
            self._ask(shop, "traffic", wish)
        end = time.monotonic() + self._timeout
        found: list[dict[str, Any]] = []
        for shop in self._shops:
            while True:
                told = self._ask(shop, "traffic")
                complete = told["done"] and told["deliveries"]["pending"] == 0
                if complete or time.monotonic() > end:
                    break
                time.sleep(0.1)
            if disturb:
                self._ask(shop, "deliveries", {})
            found.append({**told, "complete": complete})
        return found
