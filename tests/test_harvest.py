"""The harvester against a site that behaves, one that does not, and one that means harm."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from conftest import REPO
from harvest_support import Site, Source, running_site
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from neanelu.harvest.fetch import retry_after
from neanelu.harvest.transport import is_public
from neanelu.platform.scratch import Database

JSON_LD = (
    '<html><head><title>t</title></head><body><script type="application/ld+json">%s</script>%s</body></html>'
)


def page(name: str, body: str = "", **more: str) -> str:
    """Return a product page."""
    members = "".join(f', "{key}": "{value}"' for key, value in more.items())
    return JSON_LD % (
        f'{{"@context": "https://schema.org", "@type": "Product", "name": "{name}"{members}}}',
        body,
    )


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def source(module_db: Database, running: Site) -> Iterator[Source]:
    """A fresh source in the module's database, and the site without pages."""
    running.reset()
    made = Source(module_db, running)
    yield made
    made.db.execute(
        "DELETE FROM neanelu.prod_extraction_sessions; DELETE FROM neanelu.prod_raw_harvest; DELETE FROM neanelu.prod_sources"
    )
    made.close()


# --- A site that behaves -----------------------------------------------------------------------------------


def test_a_page_becomes_a_document_and_a_session(source: Source) -> None:
    source.site.pages["/p/1"] = page("Ceas", "<p>Un ceas</p>", sku="C-1", gtin13="4006381333931")
    source.add("/p/1")
    assert source.run() == {"stored": 1, "documents": 1, "queued": 0}
    (document,) = source.documents()
    assert (document["source_url"], document["source_product_id"]) == (f"{source.site.base}/p/1", "C-1")
    assert "Un ceas" in document["raw_html"]
    assert document["http_status"] == 200
    (session,) = source.value("SELECT harvest.extract_structured()")
    row = source.rows("SELECT * FROM neanelu.prod_extraction_sessions WHERE id = %s", session)[0]
    assert row["extracted_specs"] == {"title": "Ceas", "gtin": "4006381333931"}
    assert row["agent_version"] == "structured/1"
    (run,) = source.rows("SELECT * FROM neanelu.scraper_runs")
    counts = (run["status"], run["pages_crawled"], run["products_found"], run["errors_count"])
    assert counts == ("completed", 1, 1, 0)
    assert source.value("SELECT success_rate FROM neanelu.scraper_configs") == 100


def test_evidence_of_several_kinds_is_put_together(source: Source) -> None:
    source.site.pages["/p"] = """
        <html lang="de"><head><meta property="og:type" content="product"><meta property="og:title" content="von OpenGraph">
        <meta property="og:image" content="bild.jpg"></head><body>
        <script type="application/ld+json">// a comment
        {"@graph": [{"@type": "WebPage"}, {"@type": ["Product"], "name": "Uhr",
                     "brand": {"@type": "Brand", "name": "Acme"}}]}</script>
        <div itemscope itemtype="http://schema.org/Product"><span itemprop="name">Uhr</span>
        <div itemprop="offers" itemscope itemtype="http://schema.org/Offer"><meta itemprop="price" content="99.50">
        <meta itemprop="priceCurrency" content="EUR"></div></div>
        <table class="specs"><tr><th>Farbe:</th><td>blau</td></tr><tr><th>Breite</th><td>5 cm</td></tr></table></body></html>"""
    source.set(selectors={"attributes": {"rows": "table.specs tr"}})
    source.add("/p")
    source.run()
    (session,) = source.value("SELECT harvest.extract_structured()")
    row = source.rows("SELECT * FROM neanelu.prod_extraction_sessions WHERE id = %s", session)[0]
    specs, confidences = row["extracted_specs"], row["field_confidences"]
    assert specs == {
        "title": "Uhr", "brand": "Acme", "price": "99.50", "currency": "EUR", "image": "bild.jpg", "locale": "de",
        "attributes": {"Farbe": "blau", "Breite": "5 cm"},
    }  # fmt: skip
    assert confidences["title"] > confidences["price"] > confidences["Farbe"] > confidences["image"]


def test_several_products_of_a_page_are_documents_of_their_own(source: Source) -> None:
    group = """{"@type": "ProductGroup", "name": "Shirt", "brand": "Acme", "hasVariant": [
        {"@type": "Product", "sku": "S-r", "color": "red"}, {"@type": "Product", "sku": "S-b", "color": "blue"}]}"""
    source.site.pages["/g"] = JSON_LD % (group, "")
    source.add("/g")
    source.run()
    documents = source.documents()
    assert [d["source_product_id"] for d in documents] == ["S-r", "S-b"]
    assert [d["source_url"] for d in documents] == [f"{source.site.base}/g", f"{source.site.base}/g#S-b"]
    assert [d["raw_html"] is None for d in documents] == [False, True]
    assert all(d["raw_json"]["product"]["brand"] == "Acme" for d in documents)


def test_links_are_followed_within_depth_pattern_and_base(source: Source) -> None:
    source.site.pages |= {
        "/list": '<a class="p" href="/p/1#top">1</a><a class="p" href="p/2">2</a><a class="p" href="/other">o</a>'
        '<a class="p" href="http://elsewhere.example/p/3">3</a><a class="p" rel="nofollow" href="/p/9">9</a>'
        '<a class="p" href="javascript:alert(1)">x</a>',
        "/p/1": page("one", '<a class="p" href="/p/deep">d</a>'),
        "/p/2": page("two"),
        "/p/deep": page("deep", '<a class="p" href="/p/deeper">d</a>'),
        "/p/deeper": page("deeper"),
    }
    source.set(
        selectors={"links": "a.p"}, target_url_pattern="/(list|p/)", pagination_config={"max_depth": 2}
    )
    source.add("/list")
    source.run()
    assert set(source.queue()) == {"/list", "/p/1", "/p/2", "/p/deep"}
    assert source.rows("SELECT depth, parent_url FROM neanelu.scraper_queue WHERE url LIKE '%%deep'") == [
        {"depth": 2, "parent_url": f"{source.site.base}/p/1"}
    ]


def test_unchanged_pages_are_asked_for_conditionally_and_not_stored_again(source: Source) -> None:
    def conditional(request: Request) -> Response:
        if request.headers.get("if-none-match") == '"v1"':
            return Response(status_code=304)
        return Response(page("x"), media_type="text/html", headers={"etag": '"v1"', "set-cookie": "a=b"})

    counter = iter(range(100))
    source.site.pages |= {
        "/etag": conditional,
        "/token": lambda _: page("y", f'<input type="hidden" name="csrf" value="{next(counter)}">'),
        "/news": lambda _: page("z", f"<p>visitor {next(counter)}</p>"),
    }
    source.add("/etag", "/token", "/news")
    assert source.run()["stored"] == 3
    source.add("/etag", "/token", "/news", again=True)
    counts = source.run()
    assert (counts["not_modified"], counts["unchanged"], counts["stored"]) == (1, 1, 1)
    assert len(source.documents()) == 4
    assert all("set-cookie" not in d["response_headers"] for d in source.documents())
    runs = source.rows(
        "SELECT pages_crawled, products_found, products_updated FROM neanelu.scraper_runs ORDER BY id"
    )
    assert [tuple(run.values()) for run in runs] == [(3, 3, 0), (3, 1, 1)]


# --- robots.txt and manners --------------------------------------------------------------------------------


def test_robots_txt_is_honoured(source: Source) -> None:
    source.site.pages |= {
        "/robots.txt": "User-agent: neanelu\nDisallow: /private\nCrawl-delay: 0.2\n\nUser-agent: *\nDisallow: /\n",
        "/a": page("a"),
        "/b": page("b"),
        "/private/x": page("x"),
    }
    source.add("/a", "/b", "/private/x")
    source.run()
    assert source.queue() == {
        "/a": ("completed", None),
        "/b": ("completed", None),
        "/private/x": ("failed", "NG030"),
    }
    assert "/private/x" not in source.site.fetched()
    assert len([path for _, path, _ in source.site.hits if path == "/robots.txt"]) == 1
    assert source.value("SELECT crawl_delay FROM neanelu.harvest_buckets") == Decimal("0.200")


@pytest.mark.parametrize(
    ("status", "expected"), [(404, "completed"), (403, "completed"), (503, "pending"), (429, "pending")]
)
def test_no_robots_txt_allows_and_a_broken_server_does_not(
    source: Source, status: int, expected: str
) -> None:
    source.site.pages |= {"/robots.txt": Response(status_code=status), "/a": page("a")}
    source.set(retry_config={"max_attempts": 3, "backoff_seconds": 600})
    source.add("/a")
    harvester = source.harvester(once=expected == "completed")

    async def work() -> None:
        task = asyncio.create_task(harvester.run())
        while not (task.done() or harvester.tally.counts):
            await asyncio.sleep(0.02)
        harvester.stop()
        await task

    asyncio.run(work())
    assert source.queue()["/a"] == (expected, None if expected == "completed" else "NG031")


def test_a_site_is_asked_no_faster_than_it_allows(source: Source) -> None:
    source.value(
        'SELECT harvest.set_source(%s, \'{"rate_limit": {"requests_per_second": 8, "burst": 1, "concurrency": 1}}\')',
        source.id,
    )
    paths = [f"/{n}" for n in range(6)]
    source.site.pages |= {path: page(path) for path in paths}
    source.add(*paths)
    source.run()
    times = [at for at, path, _ in source.site.hits if path != "/robots.txt"]
    assert len(times) == 6
    # Five pauses of an eighth of a second; the first page may be late by its reader's start.
    assert times[-1] - times[1] >= 4 / 8 - 0.05


def test_429_leaves_the_whole_site_alone_and_costs_no_attempt(source: Source) -> None:
    answers = iter([429, 200])

    def busy(_: Request) -> Response:
        if next(answers) == 429:
            return Response(status_code=429, headers={"retry-after": "1"})
        return Response(page("a"), media_type="text/html")

    source.site.pages |= {"/a": busy, "/b": page("b")}
    source.value(
        'SELECT harvest.set_source(%s, \'{"rate_limit": {"requests_per_second": 100, "burst": 1, "concurrency": 1}}\')',
        source.id,
    )
    source.value(
        "SELECT count(*) FROM harvest.enqueue_urls(%s, %s, 9)", source.scraper, [f"{source.site.base}/a"]
    )
    source.add("/b")
    assert source.run() == {"postponed": 1, "stored": 2, "documents": 2, "queued": 0}
    times = {path: at for at, path, _ in source.site.hits}
    first = source.site.hits[1]
    assert first[1] == "/a"
    assert times["/b"] - first[0] >= 0.95
    assert {row["attempts"] for row in source.rows("SELECT attempts FROM neanelu.scraper_queue")} == {1}
    assert source.value("SELECT refusals FROM neanelu.harvest_buckets") == 0


def test_what_may_pass_is_tried_again_and_then_given_up(source: Source) -> None:
    answers = iter([500, 200])

    def flaky(_: Request) -> Response:
        status = next(answers)
        return Response(page("f"), media_type="text/html", status_code=status)

    source.site.pages |= {
        "/flaky": flaky,
        "/broken": Response(status_code=500),
        "/pdf": Response(b"%PDF", media_type="application/pdf"),
    }
    source.add("/flaky", "/broken", "/gone", "/pdf")
    counts = source.run()
    assert source.queue() == {
        "/flaky": ("completed", None), "/broken": ("failed", "NG040"), "/gone": ("failed", "NG040"), "/pdf": ("failed", "NG038"),
    }  # fmt: skip
    assert (counts["postponed"], counts["failed"], counts["stored"]) == (3, 3, 1)
    assert (source.site.fetched().count("/broken"), source.site.fetched().count("/gone")) == (3, 1)
    (run,) = source.rows(
        "SELECT errors_count, pages_crawled, jsonb_array_length(error_log) AS logged FROM neanelu.scraper_runs"
    )
    assert tuple(run.values()) == (3, 1, 6)
    assert source.value("SELECT success_rate FROM neanelu.scraper_configs") == 25


# --- A site that means harm --------------------------------------------------------------------------------

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1",
    "2002:a00:1::", "2001:db8::1", "::127.0.0.1", "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_that_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/secret", "http://[::1]:{port}/secret", "http://2130706434:{port}/secret",
        "http://0x7f.2:{port}/secret", "http://169.254.169.254/latest/meta-data", "http://[::ffff:127.0.0.2]:{port}/secret", "http://10.0.0.1/",
    ],
)  # fmt: skip
def test_redirections_to_private_addresses_are_refused(source: Source, target: str) -> None:
    source.site.pages |= {
        "/away": RedirectResponse(target.format(port=source.site.port), 302),
        "/secret": page("secret"),
    }
    source.set(retry_config={"max_attempts": 1})
    source.add("/away")
    source.run()
    status, code = source.queue()["/away"]
    assert status == "failed"
    assert code == "NG032"
    assert source.site.fetched() == ["/away"]
    assert source.documents() == []


def test_a_private_page_is_not_even_asked_for_where_nothing_is_allowed(source: Source) -> None:
    source.site.pages["/a"] = page("a")
    source.add("/a")
    source.run(harvest_allow_networks="")
    assert source.queue()["/a"] == ("failed", "NG032")
    assert source.site.hits == []


def test_redirections_that_lead_nowhere(source: Source) -> None:
    base = source.site.base
    source.site.pages |= {
        "/circle": RedirectResponse(f"{base}/circle2"),
        "/circle2": RedirectResponse(f"{base}/circle"),
        "/file": RedirectResponse("file:///etc/passwd"),
        "/off": RedirectResponse(f"http://localhost:{source.site.port}/elsewhere"),
        "/elsewhere": page("e"),
        "/moved": RedirectResponse("new", 301),
        "/new": page("new"),
        **{f"/{n}": RedirectResponse(f"{base}/{n + 1}") for n in range(10)},
    }
    source.add("/circle", "/file", "/off", "/moved", "/0")
    source.run(harvest_allow_networks="127.0.0.1/32,::1/128")
    assert source.queue() == {
        "/circle": ("failed", "NG034"), "/file": ("failed", "NG033"), "/off": ("failed", "NG034"), "/0": ("failed", "NG034"),
        "/moved": ("completed", None),
    }  # fmt: skip


def test_secrets_and_cookies_go_to_the_source_alone(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEANELU_SOURCE_SECRET_ACME", "s3cret")
    source.value(
        'SELECT harvest.set_source(%s, \'{"auth_config": {"secret": "ACME", "prefix": "Bearer "}}\')',
        source.id,
    )
    source.set(headers={"X-Shop": "1", "Host": "evil.example"}, cookies={"lang": "ro"})
    source.site.pages |= {
        "/in": page("in"),
        "/out": RedirectResponse(f"http://localhost:{source.site.port}/there"),
        "/there": page("t"),
    }
    source.add("/in", "/out")
    source.run(harvest_allow_networks="127.0.0.1/32,::1/128")
    sent = {path: headers for _, path, headers in source.site.hits}
    assert (sent["/in"]["authorization"], sent["/in"]["x-shop"], sent["/in"]["cookie"]) == (
        "Bearer s3cret",
        "1",
        "lang=ro",
    )
    assert sent["/in"]["host"] == f"127.0.0.1:{source.site.port}"
    assert not {"authorization", "cookie", "x-shop"} & set(sent["/there"])
    assert "s3cret" not in str(source.rows("SELECT * FROM neanelu.prod_sources"))


def test_bombs_and_floods_are_refused_without_being_swallowed(source: Source) -> None:
    bomb = gzip.compress(b"\0" * 300_000_000, 9)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"<p>more and more</p>" * 5000
            await asyncio.sleep(0)

    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await asyncio.sleep(0.1)

    packed = {"content-encoding": "gzip"}
    source.site.pages |= {
        "/bomb": Response(bomb, headers=packed, media_type="text/html"),
        "/twice": Response(
            gzip.compress(bomb), headers={"content-encoding": "gzip, gzip"}, media_type="text/html"
        ),
        "/endless": lambda _: StreamingResponse(endless(), media_type="text/html"),
        "/slow": lambda _: StreamingResponse(slow(), media_type="text/html"),
        "/liar": Response(b"no gzip", headers=packed, media_type="text/html"),
        "/half": Response(
            gzip.compress(page("h").encode() * 100)[:-20], headers=packed, media_type="text/html"
        ),
        "/good": Response(gzip.compress(page("good").encode()), headers=packed, media_type="text/html"),
        "/deflate": Response(
            __import__("zlib").compress(page("d").encode()),
            headers={"content-encoding": "deflate"},
            media_type="text/html",
        ),
    }
    source.set(retry_config={"max_attempts": 1})
    source.add(*[path for path in source.site.pages if path != "/robots.txt"])
    before = time.monotonic()
    source.run(harvest_max_bytes=2_000_000, harvest_deadline_seconds=1.5)
    assert time.monotonic() - before < 30
    assert source.queue() == {
        "/bomb": ("failed", "NG037"), "/twice": ("failed", "NG042"), "/endless": ("failed", "NG037"),
        "/slow": ("failed", "NG036"), "/liar": ("failed", "NG042"),
        "/half": ("failed", "NG042"), "/good": ("completed", None), "/deflate": ("completed", None),
    }  # fmt: skip


HOSTILE = {
    "nested": b"<div>" * 2_000_000,
    "wide": b"<b>x</b>" * 1_250_000,
    "json": b'<script type="application/ld+json">' + b"[" * 5_000_000 + b"</script>",
    "items": b"<div itemscope itemtype='http://schema.org/Product' itemprop=x>" * 150_000,
}


def test_ten_megabytes_of_tags_cost_that_page_and_no_other(source: Source) -> None:
    source.site.pages |= {f"/{name}": b"<html><body>" + body for name, body in HOSTILE.items()}
    source.site.pages["/script"] = page("kept", "<script>document.body.innerHTML = 'run'</script>")
    source.set(retry_config={"max_attempts": 1})
    source.add(*[path for path in source.site.pages if path != "/robots.txt"])
    source.run(harvest_max_bytes=20_000_000, harvest_reader_seconds=15.0, harvest_deadline_seconds=30.0)
    queue = source.queue()
    assert queue["/script"] == ("completed", None)
    assert {status for status, _ in queue.values()} <= {"completed", "failed"}
    assert {code for _, code in queue.values()} <= {None, "NG041"}
    # Nothing on these pages is a product, and nothing of them ran.
    assert [d["raw_json"]["product"]["name"] for d in source.documents() if d["raw_json"]] == ["kept"]


def test_a_reader_that_takes_too_much_is_replaced(source: Source) -> None:
    source.site.pages |= {"/big": b"<p>" + b"x" * 19_000_000, "/small": page("small")}
    source.set(retry_config={"max_attempts": 1})
    source.add("/big")
    source.run(harvest_max_bytes=20_000_000, harvest_reader_megabytes=256, harvest_deadline_seconds=20.0)
    assert source.queue()["/big"][0] in ("failed", "completed")
    source.add("/small")
    source.run()
    assert source.queue()["/small"] == ("completed", None)


def test_text_is_read_whatever_its_charset_says(source: Source) -> None:
    name = "Ceas de mână – 24″ „școală”"
    source.site.pages |= {
        "/lies": Response(page(name), headers={"content-type": "text/html; charset=iso-8859-1"}),
        "/utf16": Response(page(name).encode("utf-16"), media_type="text/html"),
        "/meta": Response(
            page("Țară mică").replace("<title>", '<meta charset="iso-8859-16"><title>').encode("iso-8859-16"),
            headers={"content-type": "text/html"},
        ),
        "/none": Response(
            page("caféthéâtre à la française").encode("cp1252"),
            headers={"content-type": "text/html; charset=klingon"},
        ),
        "/nul": Response(page("a\\u0000b\\ud83d c") + "\0\x07<p>\ufffe", media_type="text/html"),
    }
    source.add(*[path for path in source.site.pages if path != "/robots.txt"])
    source.run()
    names = {d["source_url"].rpartition("/")[2]: d["raw_json"]["product"]["name"] for d in source.documents()}
    assert names == {
        "lies": name,
        "utf16": name,
        "meta": "Țară mică",
        "none": "caféthéâtre à la française",
        "nul": "ab c",
    }


# --- Many harvesters, and dead ones ------------------------------------------------------------------------


def test_two_harvesters_never_fetch_the_same_page(source: Source) -> None:
    paths = [f"/p/{n}" for n in range(40)]
    source.site.pages |= {path: page(path) for path in paths}
    source.add(*paths)
    threads = [threading.Thread(target=source.run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(source.site.fetched()) == sorted(paths)
    assert len(source.documents()) == 40
    assert source.value("SELECT count(*) FROM neanelu.scraper_runs WHERE status = 'completed'") >= 1
    assert source.value("SELECT sum(pages_crawled) FROM neanelu.scraper_runs") == 40


def start(source: Source) -> subprocess.Popen[bytes]:
    """Start the command as a process of its own."""
    limits = source.settings()
    environment = {
        **os.environ,
        "NEANELU_DATABASE_URL": source.database.dsn("neanelu_harvester"),
        "NEANELU_HARVEST_ALLOW_NETWORKS": limits.harvest_allow_networks,
        "NEANELU_HARVEST_GRACE_SECONDS": "0.1",
        "NEANELU_HARVEST_CONCURRENCY": "4",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "neanelu", "harvest", "run", "--port", "0"],
        cwd=REPO,
        env=environment,
        stderr=subprocess.PIPE,
    )


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_killed_harvester_loses_nothing(source: Source) -> None:
    held = threading.Event()

    async def hanging(_: Request) -> Response:
        while not held.is_set():
            await asyncio.sleep(0.02)
        return Response(page("slow"), media_type="text/html")

    paths = [f"/p/{n}" for n in range(12)]
    source.site.pages |= {path: page(path) for path in paths} | {"/p/3": hanging, "/p/7": hanging}
    source.add(*paths)
    process = start(source)
    wait_for(lambda: {"/p/3", "/p/7"} <= set(source.site.fetched()))
    wait_for(
        lambda: source.value("SELECT count(*) FROM neanelu.scraper_queue WHERE status = 'completed'") == 10
    )
    process.send_signal(signal.SIGKILL)
    process.communicate()
    held.set()
    assert source.value("SELECT count(*) FROM neanelu.harvest_leases") == 2
    assert {path for path, (status, _) in source.queue().items() if status == "processing"} == {
        "/p/3",
        "/p/7",
    }
    # Nobody else gets them before their lease has run out.
    assert source.value("SELECT count(*) FROM harvest.claim_urls('another', 10)") == 0
    source.db.execute("UPDATE neanelu.harvest_leases SET expires_at = clock_timestamp()")
    assert source.run()["stored"] == 2
    assert {status for status, _ in source.queue().values()} == {"completed"}
    assert len({d["source_url"] for d in source.documents()}) == len(source.documents()) == 12
    (run,) = source.rows("SELECT status, pages_crawled FROM neanelu.scraper_runs")
    assert tuple(run.values()) == ("completed", 12)


def test_a_stopped_harvester_gives_its_pages_back_and_is_healthy_before(source: Source) -> None:
    async def hanging(_: Request) -> Response:
        await asyncio.sleep(4)
        return Response(page("slow"), media_type="text/html")

    source.site.pages["/slow"] = hanging
    source.add("/slow")
    process = start(source)
    try:
        wait_for(lambda: "/slow" in source.site.fetched())
    finally:
        process.send_signal(signal.SIGTERM)
        log = process.communicate()[1].decode()
    assert process.returncode == 0, log
    assert re.search(r'"port": ?\d+', log)
    assert source.rows("SELECT status, attempts FROM neanelu.scraper_queue") == [
        {"status": "pending", "attempts": 0}
    ]
    assert source.value("SELECT count(*) FROM neanelu.harvest_leases") == 0


def test_figures_and_health(source: Source) -> None:
    source.site.pages["/a"] = page("a")
    source.add("/a", "/missing")
    made = source.harvester()
    asyncio.run(made.run())
    health = made.health()
    assert health.answer("/health/ready").status == 200
    text = health.answer("/metrics").body.decode()
    assert 'neanelu_harvest_pages_total{outcome="stored"} 1.0' in text
    assert 'neanelu_harvest_errors_total{code="NG040"} 1.0' in text
    assert 'neanelu_harvest_failed{source="shop"} 1.0' in text


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("120") == 120
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is retry_after(None) is retry_after("") is None
