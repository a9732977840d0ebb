"""Pages that tell of products in RDFa, and JSON answers that list several."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from harvest_support import Site, Source, running_site
from starlette.responses import JSONResponse

from neanelu.harvest.page import MAX_RECORDS, RDFA_NODES, TooComplex, json_documents, read_page
from neanelu.platform.scratch import Database

RDFA = """<html lang="en"><head><title>t</title></head><body vocab="http://schema.org/">
    <div typeof="Product"><span property="name">Kettle &amp; Co</span> <b property="sku">K-1</b>
      <span property="brand" typeof="Brand"><span property="name">Acme</span></span>
      <img property="image" src="z.jpg"><img property="image" src="a.jpg">
      <div property="offers" typeof="Offer"><meta property="price" content="19.90">
        <meta property="priceCurrency" content="EUR"></div>
      <div property="isRelatedTo" typeof="Product"><span property="name">Cup</span></div></div>
    <div typeof="Product"><span property="name">Pan</span> <b property="sku">P-2</b></div></body></html>"""


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def source(db: Database, running: Site) -> Iterator[Source]:
    running.reset()
    made = Source(db, running)
    yield made
    made.close()


def read(html: str) -> list[dict[str, Any]]:
    return read_page(html, "https://shop.example/p", {}, {}).documents


def test_rdfa_is_read_the_same_each_time_and_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a page is read without the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    kettle, pan = read(RDFA)
    assert [kettle["source_product_id"], pan["source_product_id"]] == ["K-1", "P-2"]
    members = kettle["json"]["product"]
    assert (members["name"], members["brand"]["name"]) == ("Kettle & Co", "Acme")
    assert (members["offers"]["price"], members["offers"]["priceCurrency"]) == ("19.90", "EUR")
    assert members["image"] == ["https://shop.example/a.jpg", "https://shop.example/z.jpg"]
    assert kettle["json"]["evidence"]["name"] == "rdfa"
    assert all(read(RDFA) == [kettle, pan] for _ in range(3))


def test_rdfa_is_left_alone_where_stronger_evidence_is_or_the_page_is_too_long() -> None:
    linked = '<script type="application/ld+json">{"@type": "Product", "name": "Linked"}</script></body>'
    (document,) = read(RDFA.replace("</body>", linked))
    assert document["json"]["product"]["name"] == "Linked"
    assert read(RDFA.replace("</body>", "<p>x</p>" * RDFA_NODES + "</body>")) == []
    hostile = RDFA.replace("</body>", '<div typeof="Product" property="name">' * 3000 + "</body>")
    assert isinstance(read(hostile), list)


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ({"products": [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]}, ["1", "2"]),
        ({"data": {"hits": [{"code": "z", "label": "a"}]}, "total": 1}, ["z"]),
        ([{"sku": "A", "id": 1}, {"id": 2}], ["1", "2"]),
        ([{"Cod": "1"}, {"Cod": "2"}], [None, None]),
        ({"@graph": [{"@type": "Product", "sku": "1"}, {"@type": "Product", "sku": "2"}]}, ["1", "2"]),
        ({"name": "one product", "items": [{"a": 1}, {"a": 2}]}, None),
        ({"@type": "Product", "name": "one"}, None),
        ({"page": 1}, None),
        ([1, 2], None),
    ],
)  # fmt: skip
def test_a_json_answer_is_taken_apart_when_it_lists_products(
    value: Any, keys: list[str | None] | None
) -> None:
    documents = json_documents(value, "https://shop.example/api")
    if keys is None:
        assert documents == [{"json": value}]
        return
    assert [document["source_product_id"] for document in documents] == keys
    assert "url" not in documents[0], "the first stands for the answer"
    assert len({document.get("url") for document in documents}) == len(keys)


def test_an_answer_with_too_many_records_is_a_feed() -> None:
    with pytest.raises(TooComplex):
        json_documents([{"id": n} for n in range(MAX_RECORDS + 1)], "https://shop.example/api")


def test_records_of_an_api_become_documents_and_change_alone(source: Source) -> None:
    said = [{"id": 7, "name": "Kettle", "brand": "Acme"}, {"id": 8, "name": "Pan", "brand": "Acme"}]
    source.site.pages["/api"] = lambda _: JSONResponse({"products": said, "total": len(said)})
    source.site.pages["/rdfa"] = RDFA
    source.add("/api")
    assert source.run()["documents"] == 2
    assert [d["source_product_id"] for d in source.documents()] == ["7", "8"]
    said[1]["name"] = "Large pan"
    source.db.execute(
        "UPDATE neanelu.scraper_queue SET status = 'pending', attempts = 0, next_attempt_at = now()"
    )
    assert source.run()["documents"] == 1
    titles = "SELECT array_agg(extracted_specs ->> 'title' ORDER BY id) FROM neanelu.prod_extraction_sessions"
    source.value("SELECT harvest.extract_structured()")
    assert sorted(source.value(titles)) == ["Kettle", "Large pan", "Pan"]
    source.add("/rdfa")
    assert source.run()["documents"] == 2
    source.value("SELECT harvest.extract_structured()")
    assert "Kettle & Co" in source.value(titles)
