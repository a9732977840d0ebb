"""Pages, counts and single objects of a live shop agree with its bulk operations; queries are paid from a real bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from neanelu.sandbox.admin import _operation
from neanelu.sandbox.costs import TokenBucket, requested_cost
from neanelu.sandbox.files import Job
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.search import Search
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.shopify import documents

SHOP = "live.myshopify.com"


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxHandle]:
    with run_in_thread() as handle:
        yield handle


@pytest.fixture
def sandbox(running: SandboxHandle) -> SandboxHandle:
    running.clear_faults()
    running.add(ShopSpec(SHOP, products=30), live=True, plan="enterprise")
    return running


def send(sandbox: SandboxHandle, query: str, **variables: Any) -> httpx.Response:
    return httpx.post(
        f"{sandbox.url}/{SHOP}/admin/api/2026-10/graphql.json",
        json={"query": query, "variables": variables},
        headers={"X-Shopify-Access-Token": sandbox.token(SHOP)},
    )


def ask(sandbox: SandboxHandle, query: str, **variables: Any) -> Any:
    answer = send(sandbox, query, **variables).json()
    assert "errors" not in answer, answer
    return answer["data"]


def pages(
    sandbox: SandboxHandle, root: str, first: int = 7, arguments: str = "", fields: str = "id"
) -> list[Any]:
    query = f"""query($first: Int!, $after: String) {{ {root}(first: $first, after: $after{arguments}) {{
      nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
    found, after = [], None
    while True:
        page = ask(sandbox, query, first=first, after=after)[root]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def roots(sandbox: SandboxHandle, resource: str, search: str | None = None) -> list[str]:
    live = sandbox.live(SHOP)
    data = Job(live.spec, documents.render(resource, search), shop=live).part(0, 10_000).data
    return [line["id"] for line in map(orjson.loads, data.splitlines()) if "__parentId" not in line]


@pytest.mark.parametrize(
    "root",
    ["products", "customers", "orders", "collections", "locations", "publications", "metaobjectDefinitions"],
)
def test_pages_hold_what_a_bulk_operation_holds_in_the_order_of_ids(
    sandbox: SandboxHandle, root: str
) -> None:
    sandbox.act(SHOP, "create_product")
    sandbox.act(SHOP, "delete_product", product=4)
    arguments = {"locations": ", includeInactive: true", "orders": ", sortKey: ID"}.get(root, "")
    found = [n["id"] for n in pages(sandbox, root, arguments=arguments)]
    assert sorted(found) == sorted(roots(sandbox, {"metaobjectDefinitions": "metaobjects"}.get(root, root)))
    numbers = [int(gid.rsplit("/", 1)[1]) for gid in found]
    assert numbers == sorted(numbers)


def test_changes_while_pages_are_read_lose_and_repeat_nothing(sandbox: SandboxHandle) -> None:
    query = """query($after: String) { products(first: 5, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor } } }"""
    kept = set(sandbox.live(SHOP).products)
    found: list[str] = []
    after = None
    while True:
        page = ask(sandbox, query, after=after)["products"]
        found += [n["id"] for n in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        gone = [found[-1], found[0]]
        for gid in gone:
            if gid in sandbox.live(SHOP).products:
                sandbox.act(SHOP, "delete_product", product=gid)
                kept.discard(gid)
        sandbox.act(SHOP, "create_product")
    assert len(found) == len(set(found))
    assert kept <= set(found)


def test_window_of_changes_is_found_by_search_sorted_by_time(sandbox: SandboxHandle) -> None:
    since = sandbox.live(SHOP).stamp()
    changed = [sandbox.act(SHOP, "update_product", product=n, title=f"t{n}") for n in (9, 2, 17)]
    search = f"updated_at:>='{since}'"
    arguments = f', query: "{search}", sortKey: UPDATED_AT, reverse: true'
    found = pages(sandbox, "products", 2, arguments, "id updatedAt")
    assert sorted(n["id"] for n in found) == sorted(changed) == sorted(roots(sandbox, "products", search))
    moments = [n["updatedAt"] for n in found]
    assert moments == sorted(moments, reverse=True)
    count = ask(sandbox, f'{{ productsCount(query: "{search}") {{ count }} }}')["productsCount"]["count"]
    assert count == 3
    two = " OR ".join(f"id:{gid.rsplit('/', 1)[1]}" for gid in changed[:2])
    assert {n["id"] for n in pages(sandbox, "products", 5, f', query: "{two}"')} == set(changed[:2])


def test_single_objects_of_every_kind_and_many_by_ids(sandbox: SandboxHandle) -> None:
    live = sandbox.live(SHOP)
    gid = sandbox.act(SHOP, "create_product", variants=3)
    variant = live.products[gid]["variants"][1]
    item = variant["inventoryItem"]["id"]
    place = next(iter(live.levels[live.item(variant["id"])]))
    level = f"gid://shopify/InventoryLevel/{place}?inventory_item_id={item.rsplit('/', 1)[1]}"
    order = sandbox.act(SHOP, "create_order", lines=[(variant["id"], 2)], customer=0)
    query = """query($product: ID!, $variant: ID!, $item: ID!, $level: ID!, $order: ID!, $ids: [ID!]!) {
      product(id: $product) { id variantsCount { count } variants(first: 10) { nodes { id inventoryItem {
        inventoryLevels(first: 5) { nodes { id quantities(names: ["available"]) { quantity } } } } } } }
      productVariant(id: $variant) { sku product { id } }
      inventoryItem(id: $item) { sku variant { id } inventoryLevels(first: 3) { nodes { location { name } } } }
      inventoryLevel(id: $level) { quantities(names: ["available"]) { name quantity } item { id } location { id } }
      order(id: $order) { name customer { id } lineItems(first: 5) { nodes { quantity variant { id } } } }
      location { id isPrimary }
      nodes(ids: $ids) { id ... on Product { title } } }"""
    data = ask(
        sandbox, query, product=gid, variant=variant["id"], item=item, level=level, order=order,
        ids=[gid, "gid://shopify/Product/1", order],
    )  # fmt: skip
    assert data["product"]["variantsCount"]["count"] == len(data["product"]["variants"]["nodes"]) == 3
    assert data["productVariant"] == {"sku": variant["sku"], "product": {"id": gid}}
    assert data["inventoryItem"]["variant"] == {"id": variant["id"]}
    available = live.levels[live.item(variant["id"])][place].available
    assert data["inventoryLevel"]["quantities"] == [{"name": "available", "quantity": available}]
    assert data["inventoryLevel"]["item"] == {"id": item}
    assert data["order"]["lineItems"]["nodes"] == [{"quantity": 2, "variant": {"id": variant["id"]}}]
    assert data["location"]["isPrimary"] is True
    assert data["nodes"] == [{"id": gid, "title": live.products[gid]["title"]}, None, {"id": order}]


def test_wide_product_is_read_by_pages_of_variants(sandbox: SandboxHandle) -> None:
    gid = sandbox.act(SHOP, "create_product", variants=600)
    query = """query($id: ID!, $after: String) { product(id: $id) { variants(first: 250, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor } } } }"""
    found, after = [], None
    while True:
        page = ask(sandbox, query, id=gid, after=after)["product"]["variants"]
        found += [n["id"] for n in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        sandbox.act(SHOP, "delete_variant", variant=page["nodes"][0]["id"])
    assert len(found) == len(set(found)) == 600


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ shop { name } }", 1),
        ("{ product(id: 1) { id seo { title } } }", 2),
        ("{ products(first: 10) { nodes { id } pageInfo { hasNextPage } } }", 12),
        (
            "{ products(first: 10) { nodes { id variants(first: 5) { nodes { id } } } } }",
            2 + 10 * (1 + 2 + 5),
        ),
        ("{ products(first: 10) { edges { node { id } } } }", 12),
        ('mutation { webhookSubscriptionDelete(id: "1") { deletedWebhookSubscriptionId } }', 10),
        ("query($n: Int = 20) { orders(first: $n) { nodes { id } } }", 22),
    ],
)
def test_costs_follow_the_rule(query: str, expected: int) -> None:
    document = parse(query)
    operation = _operation(document, None)
    assert operation is not None
    assert requested_cost(document, operation, None) == expected


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 900)), max_size=60))
def test_bucket_never_pays_more_than_it_was_filled_with(steps: list[tuple[float, int]]) -> None:
    now = 0.0
    bucket = TokenBucket(100, lambda: now)
    for wait, points in steps:
        now += wait
        if bucket.refill() >= points:
            bucket.pay(points)
        assert 0 <= bucket.available <= bucket.maximum == 2000
        assert bucket.paid <= 2000 + now * 100 + 1e-6


def test_bucket_gives_back_the_rate_for_each_second_and_never_more_than_it_holds() -> None:
    now = 0.0
    bucket = TokenBucket(100, lambda: now)
    bucket.pay(2000)
    now = 5.5
    assert bucket.status() == {"maximumAvailable": 2000.0, "currentlyAvailable": 550, "restoreRate": 100.0}
    now = 500.0
    assert bucket.refill() == 2000


def test_bucket_by_plan_is_emptied_and_filled_by_time(sandbox: SandboxHandle) -> None:
    sandbox.add(ShopSpec(SHOP, products=30), live=True, plan="standard")
    bucket = sandbox.runtime(SHOP).bucket
    assert (bucket.maximum, bucket.rate) == (2000, 100)
    query = "{ products(first: 90) { nodes { id options { name } seo { title } media(first: 5) { nodes { id } } } } }"
    answers = []
    while len(answers) < 60:
        answers.append(send(sandbox, query))
        if "errors" in answers[-1].json():
            break
    body = answers[-1].json()
    cost = body["extensions"]["cost"]
    assert answers[-1].status_code == 200
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert cost["actualQueryCost"] is None
    status = cost["throttleStatus"]
    assert status["currentlyAvailable"] < cost["requestedQueryCost"]
    assert all("cost" in a.json()["extensions"] for a in answers)
    sandbox.sandbox.clock.advance(
        (cost["requestedQueryCost"] - status["currentlyAvailable"]) / status["restoreRate"]
    )
    assert "errors" not in send(sandbox, query).json()
    sandbox.act(SHOP, "set_plan", plan="plus")
    told = send(sandbox, "{ shop { plan { publicDisplayName } } }").json()
    assert told["extensions"]["cost"]["throttleStatus"]["maximumAvailable"] == 20_000.0
    assert told["data"]["shop"]["plan"]["publicDisplayName"] == "Plus"


def test_query_dearer_than_a_thousand_points_says_so_with_its_cost(sandbox: SandboxHandle) -> None:
    body = send(sandbox, "{ products(first: 250) { nodes { variants(first: 10) { nodes { id } } } } }").json()
    assert body["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert body["extensions"]["cost"]["requestedQueryCost"] == 2 + 250 * 13 > 1000
    assert body["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 40_000


def test_429_has_a_decimal_retry_after(sandbox: SandboxHandle) -> None:
    sandbox.fault("429", SHOP)
    answer = send(sandbox, "{ shop { id } }")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "4.0")
    assert send(sandbox, "{ shop { id } }").status_code == 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id:7", True),
        ("id:7 OR id:8", True),
        ("id:8 OR id:9", False),
        ("(id:7 OR id:8) AND status:draft", False),
        ("id:8 OR (id:7 AND status:active)", True),
        ("NOT status:draft", True),
        ("-status:active", False),
        ("status:active updated_at:<'2026-02-01'", True),
        ("updated_at:>'2026-01-02T01:00:00+02:00' AND updated_at:<2026-01-03", True),
        ("title:Ceas*", True),
        ("tag:promo", True),
        ("tag:eco", False),
        ("colour:red", True),
        ("", True),
    ],
)
def test_search_knows_words_parentheses_and_comparisons(text: str, expected: bool) -> None:
    value = {
        "id": "gid://shopify/Product/7", "status": "ACTIVE", "updatedAt": "2026-01-02T00:00:00Z",
        "title": "Ceas de masă", "tags": ["nou", "promo"],
    }  # fmt: skip
    assert Search(text).matches(value) is expected
