"""What a shop says of itself when it is asked with a new token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import httpx

from neanelu import __version__
from neanelu.settings import Settings
from neanelu.shopify.errors import ShopifyError, ShopifyRefused, ShopifyUnreachable

#: One question: whose the token is, and what a shop's registration knows besides.
SHOP_FACTS: Final = "query ShopFacts { shop { id myshopifyDomain ianaTimezone currencyCode } }"
_GID: Final = re.compile(r"gid://shopify/Shop/([0-9]{1,18})")
TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)


class OtherShop(ShopifyRefused):
    """The token is another shop's."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a shop; None where it did not say."""

    shopify_shop_id: int | None = None
    timezone: str | None = None
    currency_code: str | None = None


def graphql_url(settings: Settings, shop: str, version: str) -> str:
    """Return where a shop answers GraphQL."""
    return f"{settings.shopify_base_url.format(shop=shop).rstrip('/')}/admin/api/{version}/graphql.json"


def request_headers(token: str) -> dict[str, str]:
    """Return the headers of a question asked with a token."""
    return {"X-Shopify-Access-Token": token, "User-Agent": f"neanelu/{__version__}"}


def read_facts(response: httpx.Response, shop: str) -> Facts:
    """Return what an answer to `SHOP_FACTS` says.

    Raises:
        ShopifyRefused: the token is not taken.
        OtherShop: it is another shop's.
        ShopifyError: it is no answer.
    """
    if response.status_code in (401, 403):
        raise ShopifyRefused(f"Shopify refuses the access token (HTTP {response.status_code})")
    try:
        found: dict[str, Any] = response.json()["data"]["shop"]
        domain, gid = str(found["myshopifyDomain"]), _GID.fullmatch(str(found["id"]))
    except (ValueError, KeyError, TypeError):
        raise ShopifyError(f"Shopify did not say who the shop is (HTTP {response.status_code})") from None
    if domain.lower() != shop:
        raise OtherShop(f"the access token is not of {shop}, but of {domain.lower()}")
    currency = str(found.get("currencyCode") or "")
    return Facts(
        shopify_shop_id=int(gid[1]) if gid else None,
        timezone=str(found["ianaTimezone"]) if found.get("ianaTimezone") else None,
        currency_code=currency if re.fullmatch("[A-Z]{3}", currency) else None,
    )


def ask_facts(settings: Settings, shop: str, version: str, token: str) -> Facts:
    """Ask a shop who it is, once.

    Raises:
        ShopifyUnreachable: no answer.
        ShopifyError: as `read_facts`.
    """
    try:
        answer = httpx.post(
            graphql_url(settings, shop, version),
            json={"query": SHOP_FACTS},
            headers=request_headers(token),
            timeout=TIMEOUT,
            follow_redirects=False,
        )
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ShopifyUnreachable(f"{shop} cannot be reached: {type(error).__name__}") from None
    return read_facts(answer, shop)
