"""The sandbox behaves as Shopify was recorded to, and shows every fault that it can be asked for."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from neanelu.sandbox.faults import FAULTS
from neanelu.sandbox.files import Job
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.shopify import documents

SHOP = "demo.myshopify.com"
VERSION = "2026-10"
START = """mutation Run($query: String!) { bulkOperationRunQuery(query: $query) {
  bulkOperation { id status objectCount url } userErrors { field message code } } }"""
POLL = """query Poll($id: ID!) { bulkOperation(id: $id) {
  id status errorCode createdAt completedAt objectCount rootObjectCount
  fileSize url partialDataUrl type } }"""


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxHandle]:
    with run_in_thread([ShopSpec(SHOP, products=60)]) as handle:
        yield handle


@pytest.fixture
def sandbox(running: SandboxHandle) -> SandboxHandle:
    running.clear_faults()
    running.add(ShopSpec(SHOP, products=60))
    return running


def ask(
    sandbox: SandboxHandle,
    query: str,
    variables: dict[str, Any] | None = None,
    version: str = VERSION,
    **headers: str,
) -> httpx.Response:
    url = sandbox.base_url_template.format(shop=SHOP) + f"/admin/api/{version}/graphql.json"
    sent = {"X-Shopify-Access-Token": sandbox.token(SHOP)} | headers
    return httpx.post(url, json={"query": query, "variables": variables}, headers=sent)


def start(sandbox: SandboxHandle, query: str | None = None, version: str = VERSION) -> dict[str, Any]:
    query = query or documents.render("products")
    answer = ask(sandbox, START, {"query": query}, version).json()
    result: dict[str, Any] = answer["data"]["bulkOperationRunQuery"]
    return result


def poll(sandbox: SandboxHandle, gid: str) -> dict[str, Any]:
    result: dict[str, Any] = ask(sandbox, POLL, {"id": gid}).json()["data"]["bulkOperation"]
    return result


def finish(sandbox: SandboxHandle, query: str | None = None) -> dict[str, Any]:
    begun = start(sandbox, query)
    assert begun["userErrors"] == []
    for _ in range(200):
        operation = poll(sandbox, begun["bulkOperation"]["id"])
        if operation["status"] in ("COMPLETED", "FAILED", "CANCELED", "EXPIRED"):
            return operation
        time.sleep(0.02)
    raise AssertionError("the operation did not end")


def expected(sandbox: SandboxHandle, resource: str = "products") -> bytes:
    return b"".join(
        part.data
        for job in [Job(sandbox.runtime(SHOP).spec, documents.render(resource))]
        for part in (job.part(*bounds) for bounds in job.ranges())
    )


# -- protocol ------------------------------------------------------------------------------------------------


def test_operation_goes_created_running_completed_with_string_counts(sandbox: SandboxHandle) -> None:
    begun = start(sandbox)["bulkOperation"]
    assert (begun["status"], begun["objectCount"], begun["url"]) == ("CREATED", "0", None)
    first = poll(sandbox, begun["id"])
    assert first["status"] == "RUNNING"
    assert first["completedAt"] is None
    done = first
    while done["status"] == "RUNNING":
        done = poll(sandbox, begun["id"])
    body = expected(sandbox)
    assert done["status"] == "COMPLETED"
    assert done["objectCount"] == str(body.count(b"\n"))
    assert done["rootObjectCount"] == "60"
    assert done["fileSize"] == str(len(body))
    assert done["partialDataUrl"] is None
    assert httpx.get(done["url"]).content == body


@pytest.mark.parametrize("resource", [n for n, r in documents.RESOURCES.items() if r.mode == "bulk"])
def test_every_bulk_document_gives_lines_whose_parents_are_in_the_file(
    sandbox: SandboxHandle, resource: str
) -> None:
    done = finish(sandbox, documents.render(resource))
    body = httpx.get(done["url"]).content
    lines = [orjson.loads(line) for line in body.splitlines()]
    assert int(done["objectCount"]) == len(lines) == body.count(b"\n")
    ids = {line["id"] for line in lines if "id" in line}
    assert all(line["__parentId"] in ids for line in lines if "__parentId" in line)
    assert int(done["rootObjectCount"]) == sum("__parentId" not in line for line in lines) > 0
    assert all(list(line)[-1] == "__parentId" for line in lines if "__parentId" in line)


def test_empty_result_has_null_url(sandbox: SandboxHandle) -> None:
    done = finish(sandbox, documents.render("products", "updated_at:>'2099-01-01'"))
    assert (done["status"], done["url"], done["objectCount"], done["fileSize"]) == (
        "COMPLETED",
        None,
        "0",
        None,
    )


def test_updated_at_filter_gives_only_what_changed_since(sandbox: SandboxHandle) -> None:
    sandbox.mutate(SHOP, "changed", only=[3, 5, 59], at="2026-11-10T10:00:00Z")
    done = finish(sandbox, documents.render("products", "updated_at:>='2026-11-10T12:00:00+02:00'"))
    assert done["rootObjectCount"] == "3"


def test_wrong_token_is_401_and_unknown_shop_404(sandbox: SandboxHandle) -> None:
    assert ask(sandbox, "{ shop { id } }", **{"X-Shopify-Access-Token": "no"}).status_code == 401
    url = sandbox.base_url_template.format(shop="none.myshopify.com") + f"/admin/api/{VERSION}/graphql.json"
    assert httpx.post(url, json={"query": "{ shop { id } }"}).status_code == 404


def test_invalid_query_is_answered_as_shopify_does(sandbox: SandboxHandle) -> None:
    answer = ask(sandbox, "{ products(first: 1) { nodes { nonsense } } }")
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    assert error["message"] == "Field 'nonsense' doesn't exist on type 'Product'"
    assert error["extensions"]["code"] == "undefinedField"
    assert ask(sandbox, "{ products(").json()["errors"][0]["extensions"]["code"] == "syntaxError"


def test_bulk_rules_become_user_errors(sandbox: SandboxHandle) -> None:
    result = start(sandbox, "{ products { nodes { id } } }")
    assert result["bulkOperation"] is None
    assert result["userErrors"][0]["code"] == "INVALID"
    assert "'edges' > 'node'" in result["userErrors"][0]["message"]
    unknown = start(sandbox, "{ products { edges { node { id nonsense } } } }")
    assert unknown["userErrors"][0]["code"] == "INVALID"


@pytest.mark.parametrize(("version", "limit"), [("2025-10", 1), ("2026-01", 5), ("2026-10", 5)])
def test_one_or_five_operations_at_once_by_version(sandbox: SandboxHandle, version: str, limit: int) -> None:
    started = [start(sandbox, version=version)["bulkOperation"]["id"] for _ in range(limit)]
    refused = start(sandbox, version=version)
    assert refused["bulkOperation"] is None
    (error,) = refused["userErrors"]
    assert (error["code"], error["field"]) == ("OPERATION_IN_PROGRESS", None)
    assert error["message"] == (
        f"A bulk query operation for this app and shop is already in progress: {', '.join(started)}."
    )


def test_bulk_operation_by_id_is_unknown_before_2026_01_but_node_works(sandbox: SandboxHandle) -> None:
    gid = start(sandbox)["bulkOperation"]["id"]
    answer = ask(sandbox, POLL, {"id": gid}, "2025-10").json()
    assert answer["errors"][0]["message"] == "Field 'bulkOperation' doesn't exist on type 'QueryRoot'"
    by_node = "query($id: ID!) { node(id: $id) { id ... on BulkOperation { status } } }"
    assert ask(sandbox, by_node, {"id": gid}, "2025-10").json()["data"]["node"]["status"] == "RUNNING"


def test_current_operation_is_the_latest_even_when_ended(sandbox: SandboxHandle) -> None:
    done = finish(sandbox)
    answer = ask(sandbox, "{ currentBulkOperation { id status } }").json()
    assert answer["data"]["currentBulkOperation"] == {"id": done["id"], "status": "COMPLETED"}


def test_cancel_goes_through_canceling_and_leaves_completed_at_null(sandbox: SandboxHandle) -> None:
    gid = start(sandbox)["bulkOperation"]["id"]
    payload = "{ bulkOperation { status } userErrors { message } }"
    cancel = f"mutation($id: ID!) {{ bulkOperationCancel(id: $id) {payload} }}"
    result = ask(sandbox, cancel, {"id": gid}).json()["data"]["bulkOperationCancel"]
    assert result == {"bulkOperation": {"status": "CANCELING"}, "userErrors": []}
    ended = poll(sandbox, gid)
    assert (ended["status"], ended["completedAt"]) == ("CANCELED", None)
    again = ask(sandbox, cancel, {"id": gid}).json()["data"]["bulkOperationCancel"]
    assert again["userErrors"][0]["message"] == "A bulk operation cannot be canceled when it is canceled"


def test_pages_of_menus_hold_every_menu_once(sandbox: SandboxHandle) -> None:
    seen: list[str] = []
    after = None
    while True:
        answer = ask(sandbox, documents.render("menus"), {"first": 2, "after": after}).json()
        menus = answer["data"]["menus"]
        seen += [m["id"] for m in menus["nodes"]]
        if not menus["pageInfo"]["hasNextPage"]:
            break
        after = menus["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) == 3
    assert any(i["items"] for m in menus["nodes"] for i in m["items"])


def test_shop_counts_and_single_nodes(sandbox: SandboxHandle) -> None:
    gid = sandbox.shop(SHOP).product_gid(3)
    query = (
        "query($id: ID!) { shop { myshopifyDomain currencyCode } productsCount { count precision } "
        "product(id: $id) { id title variants(first: 1) { nodes { sku } } } }"
    )
    data = ask(sandbox, query, {"id": gid}).json()["data"]
    assert data["shop"] == {"myshopifyDomain": SHOP, "currencyCode": "RON"}
    assert data["productsCount"] == {"count": 60, "precision": "EXACT"}
    assert data["product"]["id"] == gid
    assert len(data["product"]["variants"]["nodes"]) == 1


def test_costs_are_told_and_the_bucket_throttles_with_status_200(sandbox: SandboxHandle) -> None:
    sandbox.add(ShopSpec(SHOP, products=60), plan="standard")
    query = "{ products(first: 200) { nodes { id seo { title } } } }"
    first = ask(sandbox, query).json()
    cost = first["extensions"]["cost"]
    assert cost["throttleStatus"]["maximumAvailable"] == 2000.0
    assert cost["throttleStatus"]["restoreRate"] == 100.0
    assert cost["actualQueryCost"] <= cost["requestedQueryCost"]
    assert cost["throttleStatus"]["currentlyAvailable"] < 2000
    for _ in range(60):
        answer = ask(sandbox, query)
        if "errors" in answer.json():
            break
    assert answer.status_code == 200
    assert "retry-after" not in answer.headers
    assert answer.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    status = answer.json()["extensions"]["cost"]
    assert status["throttleStatus"]["currentlyAvailable"] < status["requestedQueryCost"]
    dear = ask(sandbox, "{ products(first: 250) { nodes { variants(first: 250) { nodes { id } } } } }").json()
    assert dear["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


# -- files ---------------------------------------------------------------------------------------------------


def test_files_honour_range_if_range_and_gzip(sandbox: SandboxHandle) -> None:
    url = finish(sandbox)["url"]
    body = expected(sandbox)
    whole = httpx.get(url, headers={"Accept-Encoding": "identity"})
    assert whole.content == body
    assert whole.headers["content-length"] == str(len(body))
    etag = whole.headers["etag"]
    part = httpx.get(url, headers={"Range": "bytes=1000-", "Accept-Encoding": "identity", "If-Range": etag})
    assert (part.status_code, part.content) == (206, body[1000:])
    assert part.headers["content-range"] == f"bytes 1000-{len(body) - 1}/{len(body)}"
    assert httpx.get(url, headers={"Range": "bytes=10-19"}).content == body[10:20]
    other = httpx.get(
        url, headers={"Range": "bytes=1000-", "If-Range": '"other"', "Accept-Encoding": "identity"}
    )
    assert (other.status_code, other.content) == (200, body)
    assert httpx.get(url, headers={"Range": f"bytes={len(body)}-"}).status_code == 416
    with httpx.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(packed.iter_raw())) == body


def test_url_with_wrong_signature_or_expired_is_403(sandbox: SandboxHandle) -> None:
    url = finish(sandbox)["url"]
    assert httpx.get(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 403
    sandbox.add(ShopSpec(SHOP, products=60), url_seconds=-1)
    assert httpx.get(finish(sandbox)["url"]).status_code == 403


# -- faults --------------------------------------------------------------------------------------------------


def fetch(url: str, **headers: str) -> tuple[bytes, bool]:
    """Return what came of a file and whether it came whole."""
    got = b""
    try:
        with httpx.stream("GET", url, headers={"Accept-Encoding": "identity"} | headers) as answer:
            for block in answer.iter_raw():
                got += block
    except (httpx.RemoteProtocolError, httpx.ReadError):
        return got, False
    return got, True


@pytest.mark.parametrize("name", ["cut", "reset"])
def test_broken_download_can_be_resumed(sandbox: SandboxHandle, name: str) -> None:
    url = finish(sandbox)["url"]
    body = expected(sandbox)
    sandbox.fault(name, SHOP, after_bytes=20_000)
    got, whole = fetch(url)
    assert not whole
    if name == "cut":
        assert got == body[:20_000]
    rest, whole = fetch(url, Range=f"bytes={len(got)}-")
    assert whole
    assert got + rest == body


def test_cut_also_breaks_compressed_downloads(sandbox: SandboxHandle) -> None:
    url = finish(sandbox)["url"]
    sandbox.fault("cut", SHOP, after_bytes=5_000)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        httpx.get(url, headers={"Accept-Encoding": "gzip"})


def test_slow_download_takes_its_time(sandbox: SandboxHandle) -> None:
    url = finish(sandbox)["url"]
    size = len(expected(sandbox))
    sandbox.fault("slow", SHOP, rate=size * 2)
    began = time.monotonic()
    assert fetch(url) == (expected(sandbox), True)
    assert time.monotonic() - began > 0.3


def test_503_for_files_and_for_graphql(sandbox: SandboxHandle) -> None:
    url = finish(sandbox)["url"]
    sandbox.fault("503", SHOP, times=2)
    sandbox.fault("503", SHOP, where="graphql")
    assert [httpx.get(url).status_code for _ in range(3)] == [503, 503, 200]
    assert [ask(sandbox, "{ shop { id } }").status_code for _ in range(2)] == [503, 200]


def test_changed_file_has_another_etag_and_content_on_the_second_request(sandbox: SandboxHandle) -> None:
    url = finish(sandbox)["url"]
    sandbox.fault("changed_file", SHOP)
    first = httpx.get(url)
    second = httpx.get(url, headers={"Range": "bytes=100-", "If-Range": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]
    assert second.content != first.content


def test_expired_url_is_403_until_the_operation_is_asked_again(sandbox: SandboxHandle) -> None:
    done = finish(sandbox)
    sandbox.fault("expired_url", SHOP)
    assert [httpx.get(done["url"]).status_code for _ in range(2)] == [403, 403]
    fresh = poll(sandbox, done["id"])["url"]
    assert fresh != done["url"]
    assert httpx.get(fresh).content == expected(sandbox)


def test_wrong_count(sandbox: SandboxHandle) -> None:
    sandbox.fault("wrong_count", SHOP, root="products", delta=-2)
    done = finish(sandbox)
    assert int(done["objectCount"]) == expected(sandbox).count(b"\n") - 2


def test_partial_is_failed_with_the_beginning_of_the_file(sandbox: SandboxHandle) -> None:
    sandbox.fault("partial", SHOP, error_code="TIMEOUT")
    done = finish(sandbox)
    assert (done["status"], done["errorCode"], done["url"]) == ("FAILED", "TIMEOUT", None)
    part = httpx.get(done["partialDataUrl"]).content
    body = expected(sandbox)
    assert body.startswith(part)
    assert 0 < len(part) < len(body)


def test_failed_and_expired_have_no_data(sandbox: SandboxHandle) -> None:
    sandbox.fault("failed", SHOP, error_code="ACCESS_DENIED")
    failed = finish(sandbox)
    assert (failed["status"], failed["errorCode"]) == ("FAILED", "ACCESS_DENIED")
    assert failed["url"] is failed["partialDataUrl"] is None
    sandbox.fault("expired", SHOP)
    assert finish(sandbox)["status"] == "EXPIRED"


def test_canceled_keeps_completed_at_null_and_has_a_url(sandbox: SandboxHandle) -> None:
    sandbox.fault("canceled", SHOP)
    done = finish(sandbox)
    assert (done["status"], done["completedAt"]) == ("CANCELED", None)
    assert expected(sandbox).startswith(httpx.get(done["url"]).content)


def test_stuck_created_stays_for_so_many_polls(sandbox: SandboxHandle) -> None:
    sandbox.fault("stuck_created", SHOP, times=3)
    gid = start(sandbox)["bulkOperation"]["id"]
    assert [poll(sandbox, gid)["status"] for _ in range(4)] == ["CREATED"] * 3 + ["RUNNING"]


def test_throttle_and_in_progress(sandbox: SandboxHandle) -> None:
    sandbox.fault("throttle", SHOP, times=2)
    codes = [
        ask(sandbox, "{ shop { id } }").json().get("errors", [{}])[0].get("extensions") for _ in range(3)
    ]
    assert codes == [{"code": "THROTTLED"}, {"code": "THROTTLED"}, None]
    sandbox.fault("in_progress", SHOP)
    assert start(sandbox)["userErrors"][0]["code"] == "OPERATION_IN_PROGRESS"
    assert start(sandbox)["userErrors"] == []


def test_every_fault_can_be_asked_for_over_http_and_unknown_ones_are_refused(sandbox: SandboxHandle) -> None:
    url = f"{sandbox.url}/_sandbox/faults"
    for name in FAULTS:
        assert httpx.post(url, json={"fault": name, "shop": SHOP}).status_code == 201
    assert [f["fault"] for f in httpx.get(url).json()] == list(FAULTS)
    assert httpx.post(url, json={"fault": "earthquake"}).status_code == 400
    assert httpx.delete(url).status_code == 204
    assert sandbox.faults() == []


# -- changes -------------------------------------------------------------------------------------------------


def products(sandbox: SandboxHandle) -> dict[str, dict[str, Any]]:
    lines = map(orjson.loads, httpx.get(finish(sandbox)["url"]).content.splitlines())
    return {line["id"]: line for line in lines if "__parentId" not in line}


def test_mutations_over_http_show_in_the_next_operation(sandbox: SandboxHandle) -> None:
    before = products(sandbox)
    url = f"{sandbox.url}/_sandbox/shops/{SHOP}/mutate"
    assert httpx.post(url, json={"kind": "changed", "fraction": 0.5}).status_code == 200
    after = products(sandbox)
    changed = [i for i in before if before[i]["updatedAt"] != after[i]["updatedAt"]]
    assert 15 < len(changed) < 45
    assert httpx.post(url, json={"kind": "deleted", "only": [0, 1, 2]}).status_code == 200
    assert len(products(sandbox)) == 57
    httpx.post(url, json={"kind": "reappeared", "only": [1]})
    httpx.post(url, json={"kind": "added", "count": 5})
    assert len(products(sandbox)) == 63
    assert httpx.post(url, json={"kind": "nonsense", "fraction": 1}).status_code == 400
    assert httpx.post(url, json={"colour": "red"}).status_code == 400


def test_hostile_lines_are_sent_as_they_are_and_counted(sandbox: SandboxHandle) -> None:
    raw = b'{"id":"gid:\\/\\/shopify\\/Product\\/1","title":"\xff\x00'
    sandbox.mutate(SHOP, hostile={"root": "products", "raw_base64": "eyJpZCI6Imdp/wA="})
    sandbox.runtime(SHOP).inject("products", raw + b"\n")
    done = finish(sandbox)
    body = httpx.get(done["url"]).content
    assert raw + b"\n" in body
    assert b'{"id":"gi\xff\x00\n' in body
    assert int(done["objectCount"]) == body.count(b"\n") == expected(sandbox).count(b"\n") + 2


def test_shuffled_files_hold_the_same_lines_with_children_before_parents(sandbox: SandboxHandle) -> None:
    sandbox.mutate(SHOP, shuffled=True)
    body = httpx.get(finish(sandbox)["url"]).content
    assert sorted(body.splitlines()) == sorted(expected(sandbox).splitlines())
    seen: set[str] = set()
    early = 0
    for line in map(orjson.loads, body.splitlines()):
        early += "__parentId" in line and line["__parentId"] not in seen
        seen.add(line["id"])
    assert early > 50


def test_shops_can_be_added_and_removed_over_http(sandbox: SandboxHandle) -> None:
    url = f"{sandbox.url}/_sandbox/shops"
    made = httpx.post(
        url, json={"domain": "second.myshopify.com", "products": 5, "seed": 9, "plan": "advanced"}
    )
    assert made.status_code == 201
    assert made.json()["counts"]["products"] == 5
    assert httpx.post(url, json={"nonsense": 1}).status_code == 400
    assert "second.myshopify.com" in httpx.get(f"{sandbox.url}/_sandbox/health").json()["shops"]
    assert httpx.delete(f"{url}/second.myshopify.com").status_code == 204
    assert httpx.get(f"{url}/second.myshopify.com").status_code == 404
