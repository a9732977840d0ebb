"""The sandbox's OAuth: codes are good once, access tokens expire, refresh tokens rotate, callbacks are signed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread

SHOP = "oauth.myshopify.com"
CALLBACK = "https://app.example.com/oauth/callback"


@pytest.fixture
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread([ShopSpec(SHOP, products=3)]) as handle:
        yield handle


def authorize(sandbox: SandboxHandle, **query: str) -> httpx.Response:
    asked = {"client_id": "neanelu-sandbox", "redirect_uri": CALLBACK, "state": "s t&1", **query}
    return httpx.get(f"{sandbox.url}/{SHOP}/admin/oauth/authorize", params=asked)


def callback(sandbox: SandboxHandle) -> dict[str, str]:
    answer = authorize(sandbox)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(CALLBACK + "?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def token(sandbox: SandboxHandle, form: bool = False, **values: str) -> httpx.Response:
    sent = {"client_id": "neanelu-sandbox", "client_secret": "sandbox-client-secret", **values}
    url = f"{sandbox.url}/{SHOP}/admin/oauth/access_token"
    return httpx.post(url, data=sent) if form else httpx.post(url, json=sent)


def admitted(sandbox: SandboxHandle, access: str) -> bool:
    answer = httpx.post(
        f"{sandbox.url}/{SHOP}/admin/api/2026-10/graphql.json",
        json={"query": "{ shop { name } }"},
        headers={"X-Shopify-Access-Token": access},
    )
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def pair(sandbox: SandboxHandle) -> dict[str, Any]:
    answer = token(sandbox, code=callback(sandbox)["code"], expiring="1")
    assert answer.status_code == 200, answer.text
    given: dict[str, Any] = answer.json()
    return given


def test_callback_is_signed_over_its_sorted_query(sandbox: SandboxHandle) -> None:
    query = callback(sandbox)
    assert (query["shop"], query["state"]) == (SHOP, "s t&1")
    signature = query.pop("hmac")
    message = "&".join(f"{k}={v}" for k, v in sorted(query.items()))
    assert signature == hmac.new(b"sandbox-client-secret", message.encode(), hashlib.sha256).hexdigest()


def test_code_is_good_once_and_for_a_minute(sandbox: SandboxHandle) -> None:
    code = callback(sandbox)["code"]
    first = token(sandbox, code=code)
    assert set(first.json()) == {"access_token", "scope"}
    assert admitted(sandbox, first.json()["access_token"])
    again = token(sandbox, code=code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    late = callback(sandbox)["code"]
    sandbox.sandbox.clock.advance(61)
    assert token(sandbox, code=late).status_code == 400


def test_expiring_token_is_refused_after_its_time_and_refreshed_before(sandbox: SandboxHandle) -> None:
    given = pair(sandbox)
    assert (given["expires_in"], given["refresh_token_expires_in"]) == (3600, 7_776_000)
    assert admitted(sandbox, given["access_token"])
    httpx.post(f"{sandbox.url}/_sandbox/clock", json={"advance": 3601})
    assert not admitted(sandbox, given["access_token"])
    fresh = token(sandbox, form=True, grant_type="refresh_token", refresh_token=given["refresh_token"]).json()
    assert admitted(sandbox, fresh["access_token"])
    assert fresh["refresh_token"] != given["refresh_token"]


def test_refresh_token_rotates_on_use_and_the_old_one_is_refused(sandbox: SandboxHandle) -> None:
    given = pair(sandbox)
    fresh = token(sandbox, grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert fresh.status_code == 200
    old = token(sandbox, grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert (old.status_code, old.json()["error"]) == (400, "invalid_grant")
    assert sandbox.runtime(SHOP).grants.describe()["refreshes"] == 1


def test_lost_answer_leaves_the_old_refresh_token_spent(sandbox: SandboxHandle) -> None:
    given = pair(sandbox)
    sandbox.fault("oauth_lost")
    with pytest.raises(httpx.TransportError):
        token(sandbox, grant_type="refresh_token", refresh_token=given["refresh_token"])
    again = token(sandbox, grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    assert admitted(sandbox, given["access_token"])


def test_wrong_client_is_refused_and_both_secrets_are_taken_after_a_rotation(sandbox: SandboxHandle) -> None:
    code = callback(sandbox)["code"]
    wrong = token(sandbox, code=code, client_secret="guess")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert token(sandbox, code=code, client_id="other").status_code == 401
    httpx.post(f"{sandbox.url}/_sandbox/app", json={"client_secret": "new-secret"})
    assert token(sandbox, code=code).status_code == 200
    assert token(sandbox, code=callback(sandbox)["code"], client_secret="new-secret").status_code == 200


def test_merchant_may_refuse_and_addresses_may_be_limited(sandbox: SandboxHandle) -> None:
    sandbox.fault("oauth_denied")
    denied = callback(sandbox)
    assert denied["error"] == "access_denied"
    assert "code" not in denied
    assert authorize(sandbox, client_id="other").status_code == 400
    sandbox.sandbox.credentials.redirect_uris = ("https://elsewhere.example.com/",)
    assert authorize(sandbox).status_code == 400


def test_uninstalled_app_has_no_token_left_until_it_is_installed_again(sandbox: SandboxHandle) -> None:
    given = pair(sandbox)
    url = f"{sandbox.url}/{SHOP}/admin/api_permissions/current.json"
    assert httpx.delete(url, headers={"X-Shopify-Access-Token": given["access_token"]}).status_code == 200
    assert not admitted(sandbox, given["access_token"])
    assert not admitted(sandbox, sandbox.token(SHOP))
    assert token(sandbox, grant_type="refresh_token", refresh_token=given["refresh_token"]).status_code == 400
    assert admitted(sandbox, pair(sandbox)["access_token"])
