"""Generated shops are what they say: deterministic, sound, realistic, and changed exactly as asked."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from neanelu.cli.sandbox import sandbox
from neanelu.sandbox.files import Job, write
from neanelu.sandbox.generator import (
    MAX_VARIANTS,
    WIDEST_PRODUCT,
    Edit,
    Shop,
    ShopSpec,
    gtin_check_digit,
)
from neanelu.sandbox.projection import BulkQuery, Search
from neanelu.shopify import documents

BULK = [name for name, resource in documents.RESOURCES.items() if resource.mode == "bulk"]


def body(spec: ShopSpec, resource: str = "products", **options: bool) -> bytes:
    target = io.BytesIO()
    write(Job(spec, documents.render(resource), **options), target)
    return target.getvalue()


@pytest.mark.parametrize("resource", BULK)
def test_same_seed_same_bytes_and_other_seed_other_bytes(resource: str) -> None:
    spec = ShopSpec(products=150)
    assert body(spec, resource) == body(ShopSpec(products=150), resource)
    assert body(spec, resource) != body(ShopSpec(products=150, seed=2), resource)


def test_number_of_processes_does_not_change_the_bytes() -> None:
    spec = ShopSpec(products=1600)
    for options in ({}, {"shuffled": True}):
        job = Job(spec, documents.render("products"), **options)
        one, two = io.BytesIO(), io.BytesIO()
        assert write(job, one).sha256 == write(job, two, processes=2).sha256
        assert one.getvalue() == two.getvalue()


def test_compressed_parts_make_one_readable_gzip_file() -> None:
    spec = ShopSpec(products=1200)
    assert gzip.decompress(body(spec, compressed=True)) == body(spec)
    shuffled = gzip.decompress(body(spec, compressed=True, shuffled=True))
    assert sorted(shuffled.splitlines()) == sorted(body(spec).splitlines())


@pytest.mark.parametrize("resource", BULK)
def test_counts_and_parents_are_right(resource: str) -> None:
    target = io.BytesIO()
    written = write(Job(ShopSpec(products=300), documents.render(resource)), target)
    raw = target.getvalue()
    lines = [orjson.loads(line) for line in raw.splitlines()]
    assert (written.size, written.lines) == (len(raw), len(lines))
    assert written.roots == sum("__parentId" not in line for line in lines)
    named = Counter(line["id"] for line in lines if "id" in line)
    if resource not in ("collections", "product_publications"):
        assert max(named.values()) == 1
    assert all(line["__parentId"] in named for line in lines if "__parentId" in line)


def test_lines_are_escaped_and_ordered_as_shopify_writes_them() -> None:
    raw = body(ShopSpec(products=20))
    assert raw.endswith(b"\n")
    assert b"/" not in raw.replace(b"\\/", b"")
    first = raw.splitlines()[0]
    assert first.startswith(b'{"id":"gid:\\/\\/shopify\\/Product\\/')
    assert b"__typename" not in raw
    assert not any(
        key.startswith("_") for line in raw.splitlines() for key in orjson.loads(line) if key != "__parentId"
    )


def test_barcodes_have_valid_check_digits() -> None:
    lengths: Counter[int] = Counter()
    for product in Shop(ShopSpec(products=2000)).objects("products"):
        for variant in product["variants"]:
            code = variant["barcode"]
            if code is not None:
                lengths[len(code)] += 1
                assert gtin_check_digit(code[:-1]) == int(code[-1]), code
    assert set(lengths) == {8, 13}


@given(st.text("0123456789", min_size=7, max_size=13))
def test_check_digit_makes_the_weighted_sum_a_multiple_of_ten(digits: str) -> None:
    code = digits + str(gtin_check_digit(digits))
    assert sum(int(d) * (1 if n % 2 == 0 else 3) for n, d in enumerate(reversed(code))) % 10 == 0


def test_known_gtins_have_the_known_check_digits() -> None:
    assert gtin_check_digit("400638133393") == 1
    assert gtin_check_digit("9638507") == 4
    assert gtin_check_digit("03600029145") == 2


def test_products_are_realistic_in_number_of_variants_and_size() -> None:
    shop = Shop(ShopSpec(products=4000))
    counts = [shop.variant_count(n) for n in range(4000)]
    assert counts[WIDEST_PRODUCT] == MAX_VARIANTS
    assert sum(c <= 4 for c in counts) / len(counts) > 0.9
    assert max(c for n, c in enumerate(counts) if n != WIDEST_PRODUCT) > 50
    data, _, roots = BulkQuery(documents.render("products")).chunk(shop, 2000, 4000)
    assert 4000 < len(data) / roots < 5200


def test_the_widest_product_has_distinct_options_for_each_of_its_variants() -> None:
    product = Shop(ShopSpec(products=WIDEST_PRODUCT + 1)).product(WIDEST_PRODUCT)
    assert product is not None
    titles = {tuple(o["value"] for o in v["selectedOptions"]) for v in product["variants"]}
    assert len(product["variants"]) == len(titles) == MAX_VARIANTS
    for n, option in enumerate(product["options"]):
        assert {t[n] for t in titles} == set(option["values"])
        assert option["position"] == n + 1


def test_options_hold_exactly_the_values_that_variants_use() -> None:
    for product in Shop(ShopSpec(products=1200)).objects("products"):
        variants = product["variants"]
        used = [{v["selectedOptions"][n]["value"] for v in variants} for n in range(len(product["options"]))]
        assert used == [set(option["values"]) for option in product["options"]], product["id"]
        assert len({v["title"] for v in variants}) == len(variants)


def test_price_range_covers_the_variants() -> None:
    for product in Shop(ShopSpec(products=400)).objects("products"):
        prices = [float(v["price"]) for v in product["variants"]]
        span = product["priceRangeV2"]
        assert float(span["minVariantPrice"]["amount"]) == min(prices)
        assert float(span["maxVariantPrice"]["amount"]) == max(prices)
        assert product["hasOutOfStockVariants"] == any(
            v["inventoryQuantity"] <= 0 for v in product["variants"]
        )


def test_some_ids_exceed_what_a_float_holds() -> None:
    numbers = [int(p["legacyResourceId"]) for p in Shop(ShopSpec(products=100)).objects("products")]
    beyond = [n for n in numbers if n > 2**53]
    assert 5 < len(beyond) < 50
    assert len(set(numbers)) == 100
    assert max(numbers) < 2**63


def test_inventory_levels_sum_up_to_the_variants_quantity() -> None:
    shop = Shop(ShopSpec(products=100))
    quantities = {v["inventoryItem"]["id"]: v["inventoryQuantity"] for v in shop.objects("productVariants")}
    for item in shop.objects("inventoryItems"):
        levels = item["inventoryLevels"]()
        available = sum(
            q["quantity"] for level in levels for q in level["quantities"] if q["name"] == "available"
        )
        assert available == quantities[item["id"]]


# -- edits ---------------------------------------------------------------------------------------------------


def products(spec: ShopSpec) -> dict[str, dict[str, object]]:
    return {p["id"]: p for p in Shop(spec).objects("products")}


def test_changed_products_get_the_edits_time_and_others_stay_as_they_were() -> None:
    spec = ShopSpec(products=1000)
    at = "2026-11-05T00:00:00Z"
    before, after = body(spec), body(spec.with_edit(Edit("changed", at, fraction=0.1)))
    old = {i["id"]: i for i in map(orjson.loads, before.splitlines())}
    new = {i["id"]: i for i in map(orjson.loads, after.splitlines())}
    touched = [i for i in new if old.get(i) != new[i]]
    roots = {i for i in touched if "__parentId" not in new[i]}
    assert 60 < len(roots) < 140
    assert all(new[i]["updatedAt"] == at for i in roots)
    parents = {new[i]["__parentId"] for i in touched if "__parentId" in new[i]}
    assert parents <= roots
    assert {i.split("/")[3] for i in touched} == {"Product", "ProductVariant", "Metafield"}


def test_deleted_products_leave_with_all_their_lines_and_may_come_back() -> None:
    spec = ShopSpec(products=200)
    gone = spec.with_edit(Edit("deleted", only=(1, 2)))
    assert len(products(spec)) - len(products(gone)) == 2
    parents = {x["__parentId"] for x in map(orjson.loads, body(gone).splitlines()) if "__parentId" in x}
    assert Shop(spec).product_gid(1) not in parents
    back = gone.with_edit(Edit("reappeared", "2026-11-07T00:00:00Z", only=(2,)))
    assert set(products(back)) == set(products(spec)) - {Shop(spec).product_gid(1)}


def test_variants_deleted_takes_the_last_of_several_but_never_the_only_one() -> None:
    spec = ShopSpec(products=300)
    after = Shop(spec.with_edit(Edit("variants_deleted", fraction=1.0)))
    for n, product in enumerate(after.objects("products")):
        assert len(product["variants"]) == max(1, Shop(spec).variant_count(n) - 1)


def test_added_products_come_last_and_are_new() -> None:
    spec = ShopSpec(products=50).with_edit(Edit("added", "2026-11-09T00:00:00Z", count=7))
    listed = list(Shop(spec).objects("products"))
    assert len(listed) == 57
    assert {p["createdAt"] for p in listed[50:]} == {"2026-11-09T00:00:00Z"}
    assert {p["id"] for p in listed[:50]} == set(products(ShopSpec(products=50)))


@pytest.mark.parametrize("resource", ["customers", "orders", "collections", "metaobjects", "locations"])
def test_other_resources_change_and_disappear_too(resource: str) -> None:
    spec = ShopSpec(products=60)
    before = body(spec, resource)
    assert body(spec.with_edit(Edit("changed", resource=resource, only=(1,))), resource) != before
    deleted = body(spec.with_edit(Edit("deleted", resource=resource, only=(1,))), resource)
    assert deleted.count(b"\n") < before.count(b"\n")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.builds(
            Edit,
            st.sampled_from(["changed", "deleted", "variants_deleted", "added", "reappeared"]),
            fraction=st.floats(0, 1),
            count=st.integers(0, 5),
        ),
        max_size=5,
    )
)
def test_any_history_gives_a_sound_file(edits: list[Edit]) -> None:
    spec = ShopSpec(products=12, edits=tuple(edits))
    lines = [orjson.loads(line) for line in body(spec).splitlines()]
    ids = [line["id"] for line in lines]
    assert len(ids) == len(set(ids))
    assert all(line["__parentId"] in ids for line in lines if "__parentId" in line)
    with_variants = {line["__parentId"] for line in lines if "ProductVariant" in line["id"]}
    assert with_variants == {line["id"] for line in lines if "__parentId" not in line}


def test_unknown_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="no such edit"):
        Edit("painted")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no such resource"):
        Edit("changed", resource="ghosts")


# -- queries other than the documents -----------------------------------------------------------------------


def test_field_selection_aliases_fragments_and_unknown_fields_follow_the_query() -> None:
    query = """{ products { edges { node { __typename name: title id ...rest
      variants { edges { node { id inventoryItem {
        tracked inventoryLevels { edges { node { id } } } } } } } } } } }
      fragment rest on Product { totalInventory onlineStoreUrl
      media { edges { node { id ... on Video { duration } } } } }"""
    out, _ = BulkQuery(query).lines(Shop(ShopSpec(products=3)))
    lines = [orjson.loads(line) for line in out]
    root = lines[0]
    assert list(root) == ["__typename", "name", "id", "totalInventory", "onlineStoreUrl"]
    assert (root["__typename"], root["onlineStoreUrl"]) == ("Product", None)
    assert not any("duration" in line for line in lines if "MediaImage" in line["id"])


def test_connections_inside_an_object_hang_on_the_nearest_node() -> None:
    query = """{ productVariants { edges { node { id inventoryItem { sku
      inventoryLevels { edges { node { id quantities(names: ["on_hand"]) { name quantity } } } } } } } } }"""
    out, roots = BulkQuery(query).lines(Shop(ShopSpec(products=5)))
    lines = [orjson.loads(line) for line in out]
    levels = [line for line in lines if "InventoryLevel" in line["id"]]
    assert levels
    assert roots == len(lines) - len(levels)
    assert all("/ProductVariant/" in line["__parentId"] for line in levels)
    assert all([q["name"] for q in line["quantities"]] == ["on_hand"] for line in levels)
    assert all("?inventory_item_id=" in line["id"] for line in levels)


@pytest.mark.parametrize(
    ("search", "matches"),
    [
        ("updated_at:>='2026-01-01T00:00:00Z'", True),
        ("updated_at:>2026-01-01", False),
        ('updated_at:<"2026-01-01T01:00:00+02:00"', False),
        ("updated_at:<='2026-01-01T02:00:00+02:00'", True),
        ("status:active AND updated_at:>=2026-01-01", True),
        ("-status:active", False),
        ("id:>41", True),
        ("id:>=43", False),
        ("colour:red", True),
    ],
)
def test_search_terms(search: str, matches: bool) -> None:
    value = {"updatedAt": "2026-01-01T00:00:00Z", "status": "ACTIVE", "legacyResourceId": "42"}
    assert Search(search).matches(value) is matches


# -- command line --------------------------------------------------------------------------------------------


def test_command_writes_the_file_and_says_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "products.jsonl"
    result = CliRunner().invoke(sandbox, ["generate", "--products", "30", "--json", "-o", str(path)])
    assert result.exit_code == 0, result.output
    summary = orjson.loads(result.stdout)
    raw = path.read_bytes()
    assert raw == body(ShopSpec(products=30))
    assert (summary["size"], summary["lines"], summary["roots"]) == (len(raw), raw.count(b"\n"), 30)


def test_command_refuses_a_resource_without_a_bulk_document(tmp_path: Path) -> None:
    result = CliRunner().invoke(sandbox, ["generate", "--resource", "menus", "-o", str(tmp_path / "x")])
    assert result.exit_code == 2
    assert "menus has no bulk document" in result.output
