"""The supplier side of the sandbox: one world, several stories about it, and a truth that knows which are wrong."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from conftest import REPO

from neanelu.sandbox.generator import ShopSpec, gtin_check_digit
from neanelu.sandbox.server import run_in_thread
from neanelu.sandbox.suppliers import feeds
from neanelu.sandbox.suppliers.suppliers import BY_CODE, SUPPLIERS, records
from neanelu.sandbox.suppliers.world import World, WorldSpec

SHOP = ShopSpec(domain="demo.myshopify.com", products=400, seed=3)


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(WorldSpec(seed=5, products=400, shops=(SHOP,)))


def test_a_world_is_a_function_of_its_spec_and_grows_at_its_end(world: World, tmp_path: Path) -> None:
    again = World.of(world.spec)
    feeds.write_all(world, tmp_path / "a")
    feeds.write_all(again, tmp_path / "b")
    for one in sorted((tmp_path / "a").iterdir()):
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes()
    larger = World.of(WorldSpec(seed=5, products=500, shops=(SHOP,)))
    assert larger.products[: len(world.products)] == world.products
    assert (
        World.of(WorldSpec(seed=6, products=400)).products
        != World.of(WorldSpec(seed=5, products=400)).products
    )


def test_true_products_have_keys_of_their_own_and_true_check_digits(world: World) -> None:
    made = [p for p in world.products if p.shop is None]
    for known in (
        {p.gtin for p in made},
        {(p.brand, p.mpn) for p in made},
        {(p.brand, p.model) for p in made},
    ):
        assert len(known) == len(made) == 400
    assert all(int(p.gtin[-1]) == gtin_check_digit(p.gtin[:-1]) for p in world.products)
    families = Counter(p.family for p in made)
    assert max(families.values()) == 3  # sisters: other products with nearly the same title
    for family in (f for f, count in families.items() if count > 1):
        sisters = [p for p in made if p.family == family]
        for code in sisters[0].attributes:
            differ = len({str(p.attributes[code]) for p in sisters}) > 1
            assert differ == (code == sisters[0].kind.differs)


def test_products_of_the_sandboxs_shops_are_among_them(world: World) -> None:
    mine = [p for p in world.products if p.shop == SHOP.domain]
    assert len(mine) >= 10
    assert all(p.gid and p.title and p.brand in p.title for p in mine)


@pytest.mark.parametrize("code", [one.code for one in SUPPLIERS if one.limit is None])
def test_mistakes_come_at_the_rates_that_were_said_and_the_truth_knows_them(code: str) -> None:
    large = World.of(WorldSpec(seed=5, products=2000))
    supplier = BY_CODE[code]
    said = list(records(large, supplier))
    told = [right for one in said for right in one.said.values()]
    assert len(said) == pytest.approx(2000 * supplier.covers * (1 + supplier.twice), rel=0.05)
    assert told.count(False) / len(told) == pytest.approx(supplier.wrong, rel=0.15)
    slips = Counter(slip for one in said for slip in one.slips)
    for slip, rate in (
        ("no_gtin", supplier.no_gtin),
        ("bad_gtin", supplier.bad_gtin),
        ("typo", supplier.typos),
    ):
        assert slips[slip] / len(said) == pytest.approx(rate, rel=0.35, abs=0.002)
    by_key = {p.key: p for p in large.products}
    for one in said:
        own = one.gtin is not None and one.gtin == by_key[one.key].gtin
        assert own == (not {"no_gtin", "bad_gtin", "crossed_gtin"} & set(one.slips))
        if "bad_gtin" in one.slips:
            assert one.gtin is not None and int(one.gtin[-1]) != gtin_check_digit(one.gtin[:-1])


def test_each_supplier_writes_in_its_own_hand(world: World) -> None:
    said = {one.code: list(records(world, one)) for one in SUPPLIERS}
    names = ("Greutate", "Weight", "Greutate neta")
    weights = {
        code: {one.attributes[name].split(" ")[1] for one in of for name in one.attributes if name in names}
        for code, of in said.items()
    }  # fmt: skip
    assert (
        weights["distribuitor"] == {"kg"}
        and weights["manufacturer"] == {"lb"}
        and weights["marketplace"] == {"g"}
    )
    text = feeds.as_csv(BY_CODE["distribuitor"], said["distribuitor"]).decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert {len(row) for row in table} == {len(table[0])}
    price = table[0].index("Preț")
    assert all(row[price].count(",") == 1 for row in table[1:])
    offered = said["marketplace"]
    tree = ElementTree.fromstring(feeds.as_xml(BY_CODE["marketplace"], offered))
    assert [node.get("id") for node in tree] == [one.id for one in offered]
    assert len({one.id for one in offered}) == len(offered)


def test_the_command_writes_feeds_and_the_truth(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neanelu", "sandbox", "suppliers", "--out", str(tmp_path), "--products", "30", "--json"],
        cwd=REPO, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    files = json.loads(done.stdout)["files"]
    assert set(files) == {"distribuitor.csv", "manufacturer.jsonl", "marketplace.xml", "truth.json"}
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert len(truth["products"]) == 30
    keys = {product["key"] for product in truth["products"]}
    assert {record["key"] for record in truth["records"]} <= keys


def test_sites_are_served_with_links_robots_and_etags() -> None:
    with (
        run_in_thread([ShopSpec(domain="a.myshopify.com", products=50)]) as box,
        httpx.Client(base_url=box.url) as http,
    ):
        made = http.post("/_sandbox/suppliers", json={"seed": 2, "products": 200}).json()
        assert made["shops"] == ["a.myshopify.com"] and made["products"] >= 200
        assert "Disallow: /suppliers/webshop/cart" in http.get("/robots.txt").text
        first = http.get("/suppliers/webshop/")
        assert first.status_code == 200 and "page=2" in first.text and "/suppliers/webshop/cart" in first.text
        links = [part.split('"')[0] for part in first.text.split('class="product" href="')[1:]]
        pages = [http.get(link) for link in links]
        assert all(page.status_code == 200 for page in pages)
        kinds = ["application/ld+json" in page.text for page in pages]
        assert True in kinds and False in kinds
        assert all(
            "application/ld+json" in p.text or 'itemtype="https://schema.org/Product"' in p.text
            for p in pages
        )
        same = http.get(links[0], headers={"If-None-Match": pages[0].headers["etag"]})
        assert same.status_code == 304 and same.content == b""
        old = http.get("/suppliers/catalogue/")
        page = http.get(old.text.split('class="product" href="')[1].split('"')[0])
        assert (
            "schema.org" not in page.text
            and "Greutate" in http.get(old.text.split('href="')[2].split('"')[0]).text + page.text
        )
        assert http.get("/suppliers/marketplace/feed").content.startswith(b"<?xml")
        assert http.get("/suppliers/nobody/").status_code == 404
        assert http.get("/suppliers/webshop/p/none").status_code == 404
        assert http.get("/_sandbox/suppliers/visits").json()["/suppliers/webshop/"] == 1
        truth = http.get("/_sandbox/suppliers/truth").json()
        assert len(truth["products"]) == made["products"]
        assert http.post("/_sandbox/suppliers", json={"nonsense": 1}).status_code == 400
