"""The sandbox subscribes, signs, delivers, retries and disturbs webhooks; they and the shop agree."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import orjson
import pytest

from neanelu.sandbox.deliveries import RETRY_SECONDS
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.shopify import documents

SHOP = "live.myshopify.com"
VERSION = "2026-10"


class Receiver:
    """An HTTP server that keeps what it was sent and answers as it is told: 200 when `answers` is empty."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.pause = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                time.sleep(receiver.pause)
                status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def bodies(self) -> list[Any]:
        return [orjson.loads(body) for _, body in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxHandle]:
    with run_in_thread() as handle:
        yield handle


@pytest.fixture
def sandbox(running: SandboxHandle) -> SandboxHandle:
    running.clear_faults()
    running.add(ShopSpec(SHOP, products=8), live=True)
    running.sandbox.credentials.client_secret = "sandbox-client-secret"
    running.sandbox.credentials.previous_secret = None
    return running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def ask(sandbox: SandboxHandle, query: str, **variables: Any) -> Any:
    answer = httpx.post(
        f"{sandbox.url}/{SHOP}/admin/api/{VERSION}/graphql.json",
        json={"query": query, "variables": variables},
        headers={"X-Shopify-Access-Token": sandbox.token(SHOP)},
    ).json()
    assert "errors" not in answer, answer
    return answer["data"]


def subscribe(sandbox: SandboxHandle, receiver: Receiver, *topics: str, **values: Any) -> None:
    for topic in topics:
        sandbox.runtime(SHOP).subscriptions.add(topic, receiver.url, **values)


# -- subscriptions -------------------------------------------------------------------------------------------

CREATE = """mutation($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri, format: JSON}) {
    webhookSubscription { id topic uri format apiVersion { handle } }
    userErrors { field message } } }"""
LIST = """query($first: Int!, $after: String, $topics: [WebhookSubscriptionTopic!]) {
  webhookSubscriptions(first: $first, after: $after, topics: $topics) {
    nodes { id topic uri endpoint { ... on WebhookHttpEndpoint { callbackUrl } } }
    pageInfo { hasNextPage endCursor } } }"""


def test_subscriptions_are_created_listed_by_pages_changed_and_deleted(sandbox: SandboxHandle) -> None:
    made = {}
    for topic in ("PRODUCTS_UPDATE", "ORDERS_CREATE", "APP_UNINSTALLED"):
        answer = ask(sandbox, CREATE, topic=topic, uri="https://app.example.com/w")[
            "webhookSubscriptionCreate"
        ]
        assert answer["userErrors"] == []
        assert answer["webhookSubscription"]["apiVersion"]["handle"] == VERSION
        made[topic] = answer["webhookSubscription"]["id"]
    seen, after = [], None
    while True:
        page = ask(sandbox, LIST, first=2, after=after)["webhookSubscriptions"]
        seen += [n["id"] for n in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == list(made.values())
    (one,) = ask(sandbox, LIST, first=5, topics=["ORDERS_CREATE"])["webhookSubscriptions"]["nodes"]
    assert one["endpoint"] == {"callbackUrl": "https://app.example.com/w"}
    update = """mutation($id: ID!) { webhookSubscriptionUpdate(id: $id,
      webhookSubscription: {uri: "https://app.example.com/x"}) {
        webhookSubscription { uri format } userErrors { message } } }"""
    changed = ask(sandbox, update, id=made["ORDERS_CREATE"])["webhookSubscriptionUpdate"]
    assert changed["webhookSubscription"] == {"uri": "https://app.example.com/x", "format": "JSON"}
    delete = """mutation($id: ID!) { webhookSubscriptionDelete(id: $id) {
      deletedWebhookSubscriptionId userErrors { field message } } }"""
    for expected in (made["ORDERS_CREATE"], None):
        gone = ask(sandbox, delete, id=made["ORDERS_CREATE"])["webhookSubscriptionDelete"]
        assert gone["deletedWebhookSubscriptionId"] == expected
    assert gone["userErrors"] == [{"field": ["id"], "message": "Webhook subscription does not exist"}]
    assert ask(sandbox, "{ webhookSubscriptionsCount { count } }")["webhookSubscriptionsCount"]["count"] == 2


@pytest.mark.parametrize(
    ("topic", "uri", "field", "message"),
    [
        ("PRODUCTS_UPDATE", "https://app.example.com/w", "uri", "already been taken"),
        ("PRODUCTS_CREATE", "ftp://app.example.com", "uri", "invalid"),
        ("PRODUCTS_CREATE", "", "uri", "blank"),
        ("CARTS_CREATE", "https://app.example.com/w", "topic", "Invalid topic"),
    ],
)
def test_wrong_subscriptions_are_user_errors(
    sandbox: SandboxHandle, topic: str, uri: str, field: str, message: str
) -> None:
    sandbox.runtime(SHOP).subscriptions.add("products/update", "https://app.example.com/w")
    answer = ask(sandbox, CREATE, topic=topic, uri=uri)["webhookSubscriptionCreate"]
    assert answer["webhookSubscription"] is None
    (error,) = answer["userErrors"]
    assert field in error["field"]
    assert message in error["message"]


# -- deliveries ----------------------------------------------------------------------------------------------


def signed_by(secret: str, headers: dict[str, str], body: bytes) -> bool:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return headers["x-shopify-hmac-sha256"] == base64.b64encode(digest).decode()


def test_change_is_delivered_signed_with_all_headers(sandbox: SandboxHandle, receiver: Receiver) -> None:
    subscribe(sandbox, receiver, "products/update", "inventory_levels/update")
    gid = sandbox.live(SHOP).find("products", 0)["variants"][0]["id"]
    sandbox.act(SHOP, "adjust_inventory", variant=gid, location=0, delta=-1)
    assert sandbox.runtime(SHOP).courier.drain()
    assert {h["x-shopify-topic"] for h, _ in receiver.requests} == {
        "products/update",
        "inventory_levels/update",
    }
    assert len({h["x-shopify-event-id"] for h, _ in receiver.requests}) == 1
    assert len({h["x-shopify-webhook-id"] for h, _ in receiver.requests}) == 2
    for headers, body in receiver.requests:
        assert signed_by("sandbox-client-secret", headers, body)
        assert headers["x-shopify-shop-domain"] == SHOP
        assert headers["x-shopify-api-version"] == VERSION
        assert headers["x-shopify-triggered-at"].endswith("Z")
        assert headers["content-type"] == "application/json"


def test_failed_deliveries_are_tried_again_with_the_same_id_and_given_up_after_eight_retries(
    sandbox: SandboxHandle, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver, "products/update")
    courier = sandbox.runtime(SHOP).courier
    courier.disturb(retry_scale=1e-5)
    receiver.answers = [500, 302, 404]
    sandbox.act(SHOP, "update_product", product=0, title="a")
    assert courier.drain()
    assert len(receiver.requests) == 4
    assert len({(h["x-shopify-webhook-id"], body) for h, body in receiver.requests}) == 1
    receiver.requests.clear()
    receiver.answers = [503] * 9
    sandbox.act(SHOP, "update_product", product=0, title="b")
    assert courier.drain()
    assert len(receiver.requests) == 1 + len(RETRY_SECONDS) == 9
    assert (courier.counts["delivered"], courier.counts["given_up"]) == (1, 1)
    assert [a.status for a in courier.attempts] == [500, 302, 404, 200] + [503] * 9


def test_waits_between_tries_grow_and_nobody_there_is_a_failure(sandbox: SandboxHandle) -> None:
    courier = sandbox.runtime(SHOP).courier
    sandbox.runtime(SHOP).subscriptions.add("products/update", "http://127.0.0.1:9/")
    courier.disturb(retry_scale=2e-5)
    sandbox.act(SHOP, "update_product", product=0, title="a")
    assert courier.drain()
    moments = [a.at for a in courier.attempts]
    waits = [b - a for a, b in itertools.pairwise(moments)]
    assert len(waits) == 8
    assert all(w >= s * 2e-5 for w, s in zip(waits, RETRY_SECONDS, strict=True))
    assert all(a.status is None and a.error for a in courier.attempts)


def test_slow_receiver_is_left_after_five_seconds(
    sandbox: SandboxHandle, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neanelu.sandbox.posting.TOTAL_SECONDS", 0.2)
    subscribe(sandbox, receiver, "products/update")
    courier = sandbox.runtime(SHOP).courier
    courier.disturb(retry_scale=0.05)
    receiver.pause = 0.5
    sandbox.act(SHOP, "update_product", product=0, title="a")
    while not courier.attempts:
        time.sleep(0.01)
    receiver.pause = 0.0
    assert courier.drain()
    first, second = courier.attempts
    assert (first.status, second.status) == (None, 200)
    assert "Timeout" in str(first.error)


def test_duplicates_share_their_id_and_replays_have_a_fresh_one(
    sandbox: SandboxHandle, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver, "products/update")
    courier = sandbox.runtime(SHOP).courier
    for wish, ids in (({"duplicates": 1.0, "replays": 0.0}, 1), ({"duplicates": 0.0, "replays": 1.0}, 2)):
        receiver.requests.clear()
        courier.disturb(**wish)
        sandbox.act(SHOP, "update_product", product=0, title=f"t{ids}")
        assert courier.drain()
        assert len(receiver.requests) == 2
        assert len({body for _, body in receiver.requests}) == 1
        assert len({h["x-shopify-webhook-id"] for h, _ in receiver.requests}) == ids


def test_drops_reordering_and_holding(sandbox: SandboxHandle, receiver: Receiver) -> None:
    subscribe(sandbox, receiver, "products/update")
    courier = sandbox.runtime(SHOP).courier
    courier.disturb(drops=1.0)
    sandbox.act(SHOP, "update_product", product=0, title="lost")
    assert courier.drain()
    assert (receiver.requests, courier.counts["dropped"]) == ([], 1)
    courier.disturb(drops=0.0, hold=True)
    for n in range(4):
        sandbox.act(SHOP, "update_product", product=0, title=f"t{n}")
    assert len(courier.held) == 4
    courier.disturb(rate=20.0)
    assert courier.release([3, 1, 0, 1]) == 4
    assert courier.drain()
    assert [b["title"] for b in receiver.bodies()] == ["t3", "t1", "t0", "t1"]
    receiver.requests.clear()
    courier.disturb()
    courier.disturb(reorder=0.3, seed=3)
    for n in range(12):
        sandbox.act(SHOP, "update_product", product=0, title=f"t{n:02d}")
    assert courier.drain()
    titles = [b["title"] for b in receiver.bodies()]
    assert sorted(titles) == [f"t{n:02d}" for n in range(12)] != titles


def test_secret_that_signs_can_be_the_new_the_old_or_a_wrong_one(
    sandbox: SandboxHandle, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver, "products/update")
    sandbox.sandbox.credentials.rotate("new-secret")
    courier = sandbox.runtime(SHOP).courier
    seen = []
    for kind in ("current", "previous", "wrong"):
        courier.disturb(secret=kind)
        sandbox.act(SHOP, "update_product", product=0, title=kind)
        assert courier.drain()
        headers, body = receiver.requests[-1]
        seen.append([signed_by(s, headers, body) for s in ("new-secret", "sandbox-client-secret")])
    assert seen == [[True, False], [False, True], [False, False]]


def test_rate_is_not_exceeded(sandbox: SandboxHandle, receiver: Receiver) -> None:
    subscribe(sandbox, receiver, "products/update")
    courier = sandbox.runtime(SHOP).courier
    courier.disturb(rate=50.0)
    began = time.monotonic()
    for n in range(25):
        sandbox.act(SHOP, "update_product", product=0, title=f"{n}")
    assert courier.drain()
    assert time.monotonic() - began >= 0.48


def test_only_included_fields_are_sent(sandbox: SandboxHandle, receiver: Receiver) -> None:
    subscribe(sandbox, receiver, "products/update", includeFields=["id", "updated_at"])
    sandbox.act(SHOP, "update_product", product=0, title="a")
    assert sandbox.runtime(SHOP).courier.drain()
    assert set(receiver.bodies()[0]) == {"id", "updated_at"}


def test_uninstall_sends_its_webhook_and_leaves_no_token_and_no_subscription(
    sandbox: SandboxHandle, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver, "app/uninstalled", "products/update")
    sandbox.act(SHOP, "uninstall")
    runtime = sandbox.runtime(SHOP)
    assert runtime.courier.drain()
    sandbox.act(SHOP, "redact_shop")
    assert runtime.courier.drain()
    assert [h["x-shopify-topic"] for h, _ in receiver.requests] == ["app/uninstalled", "shop/redact"]
    assert receiver.bodies()[0]["myshopify_domain"] == SHOP
    assert not runtime.grants.admits(runtime.token)
    assert runtime.subscriptions.by_id == {}


@pytest.mark.parametrize("live", [True, False])
def test_end_of_a_bulk_operation_is_told_without_a_poll(
    sandbox: SandboxHandle, receiver: Receiver, live: bool
) -> None:
    sandbox.add(ShopSpec(SHOP, products=8), live=live)
    subscribe(sandbox, receiver, "bulk_operations/finish")
    start = "mutation($q: String!) { bulkOperationRunQuery(query: $q) { bulkOperation { id } } }"
    gid = ask(sandbox, start, q=documents.render("products"))["bulkOperationRunQuery"]["bulkOperation"]["id"]
    for _ in range(200):
        if receiver.requests:
            break
        time.sleep(0.02)
    (body,) = receiver.bodies()
    assert (body["admin_graphql_api_id"], body["status"], body["type"]) == (gid, "completed", "query")
    assert body["error_code"] is None
    seen = ask(sandbox, "query($id: ID!) { bulkOperation(id: $id) { status url } }", id=gid)["bulkOperation"]
    assert seen["status"] == "COMPLETED"


# -- control -------------------------------------------------------------------------------------------------


def test_shops_live_and_are_changed_over_http(sandbox: SandboxHandle, receiver: Receiver) -> None:
    shops = f"{sandbox.url}/_sandbox/shops"
    assert httpx.post(shops, json={"domain": "two.myshopify.com", "products": 4, "live": True}).json()["live"]
    base = f"{shops}/two.myshopify.com"
    topics = ["products/update", "products/delete"]
    assert len(httpx.post(f"{base}/subscriptions", json={"uri": receiver.url, "topics": topics}).json()) == 2
    actions = [{"do": "update_product", "product": 0, "title": "x"}, {"do": "delete_product", "product": 1}]
    gids = httpx.post(f"{base}/live", json=actions).json()["result"]
    assert len(gids) == 2
    assert httpx.get(f"{base}/live").json()["products"] == 3
    assert httpx.post(f"{base}/live", json={"do": "delete_product", "product": 99}).status_code == 404
    assert httpx.post(f"{base}/live", json={"do": "update_product", "product": 0, "x": 1}).status_code == 400
    assert httpx.post(f"{base}/deliveries", json={"hold": True}).json()["disturbance"]["hold"] is True
    assert httpx.post(f"{base}/deliveries", json={"nonsense": 1}).status_code == 400
    assert httpx.get(f"{shops}/none.myshopify.com/live").status_code == 404
    assert httpx.post(f"{base}/mutate", json={"kind": "changed", "fraction": 1.0}).status_code == 400


def test_traffic_ends_in_the_counts_that_it_tells_and_every_event_is_delivered(
    sandbox: SandboxHandle, receiver: Receiver
) -> None:
    base = f"{sandbox.url}/_sandbox/shops/{SHOP}"
    httpx.post(f"{base}/subscriptions", json={"uri": receiver.url})
    httpx.post(f"{base}/traffic", json={"changes": 60, "rate": 0, "seed": 7})
    for _ in range(500):
        told = httpx.get(f"{base}/traffic").json()
        if told["done"] and told["deliveries"]["pending"] == 0:
            break
        time.sleep(0.02)
    assert (told["failure"], told["changes"], sum(told["made"].values())) == (None, 60, 60)
    assert told["deliveries"]["delivered"] == told["deliveries"]["sent"] == len(receiver.requests) > 60
    counts = ask(sandbox, "{ productsCount { count } ordersCount { count } productVariantsCount { count } }")
    assert counts["productsCount"]["count"] == told["counts"]["products"]
    assert counts["ordersCount"]["count"] == told["counts"]["orders"]
    assert counts["productVariantsCount"]["count"] == told["counts"]["variants"]
