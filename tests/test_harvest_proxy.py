"""Pages fetched through a proxy: it connects where the harvester looked, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from harvest_support import Site, Source, running_site
from test_harvest import page

from neanelu.harvest.errors import FetchError
from neanelu.harvest.transport import ProxiedBackend, Proxy, networks
from neanelu.platform.scratch import Database

#: The proxy stands where pages must not be fetched from.
PLACE = "127.0.0.2"


class Tunnels:
    """A proxy in a thread that makes tunnels and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Tunnels:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, PLACE, 0), self._loop)
        self.server = started.result(10)
        self.port: int = self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        verb, target, _ = head[0].split(" ")
        assert verb == "CONNECT"
        said = dict(line.split(": ", 1) for line in head[1:] if line)
        self.asked.append((target, said.get("Proxy-Authorization")))
        writer.write(self.answer)
        if b" 200 " in self.answer:
            host, _, port = target.rpartition(":")
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pass(reader, back), _pass(there, writer))
        writer.close()


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.write_eof()


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def proxy() -> Iterator[Tunnels]:
    with Tunnels() as made:
        yield made


@pytest.fixture
def source(db: Database, running: Site) -> Iterator[Source]:
    running.reset()
    made = Source(db, running)
    yield made
    made.close()


def use(source: Source, proxy: Tunnels, **more: Any) -> None:
    source.set(proxy_config={"url": f"http://{PLACE}:{proxy.port}", **more})


def test_pages_and_robots_come_through_the_proxy_by_address(
    source: Source, proxy: Tunnels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEANELU_SOURCE_SECRET_WAY", "ana:open sesame")
    use(source, proxy, secret="WAY")
    source.site.pages["/p/1"] = page("Ceas")
    source.add("/p/1")
    source.run(harvest_proxy_networks=f"{PLACE}/32")
    assert source.queue()["/p/1"] == ("completed", None)
    assert {target for target, _ in proxy.asked} == {f"127.0.0.1:{source.site.port}"}
    assert {told for _, told in proxy.asked} == {"Basic YW5hOm9wZW4gc2VzYW1l"}
    assert "/robots.txt" in [path for _, path, _ in source.site.hits]


def test_what_may_not_be_fetched_is_not_fetched_through_a_proxy_either(
    source: Source, proxy: Tunnels
) -> None:
    use(source, proxy)
    source.site.pages["/p/1"] = page("Ceas")
    source.add("/p/1")
    source.run(harvest_allow_networks="", harvest_proxy_networks=f"{PLACE}/32")
    assert source.queue()["/p/1"] == ("failed", "NG032")
    assert proxy.asked == []


def test_a_proxy_stands_at_a_public_address_or_where_it_may(source: Source, proxy: Tunnels) -> None:
    use(source, proxy)
    source.add("/p/1")
    source.run(harvest_allow_networks="127.0.0.1/32")
    assert source.queue()["/p/1"] == ("failed", "NG032")
    assert proxy.asked == []


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 407 Who are you\r\n\r\n", b"HTTP/1.1 299 OK\r\n\r\nfoisted", b""],
)
def test_a_proxy_that_refuses_or_lies_gives_no_connection(proxy: Tunnels, answer: bytes) -> None:
    proxy.answer = answer
    here = ProxiedBackend(Proxy(PLACE, proxy.port), networks("127.0.0.1/32,::1/128"), networks(f"{PLACE}/32"))
    with pytest.raises(FetchError) as refused:
        asyncio.run(here.connect_tcp("localhost", 80, timeout=5.0))
    here.close()
    assert (refused.value.code, refused.value.may_pass) == ("NG035", True)
    assert proxy.asked[0][0] in ("127.0.0.1:80", "[::1]:80"), "the address, not the name"


def test_a_proxy_is_named_without_a_password(source: Source) -> None:
    for wrong in (
        {"url": "http://ana:secret@proxy.example:3128"},
        {"url": "socks5://proxy.example"},
        {"url": "http://proxy.example", "password": "secret"},
        {"url": "http://proxy.example", "secret": "no name"},
        "http://proxy.example",
    ):
        with pytest.raises(psycopg.Error) as refused:
            source.set(proxy_config=wrong)
        assert refused.value.sqlstate == "NG008", wrong
    source.set(proxy_config={"url": "http://[2001:db8::1]:3128/"})
    kept = "SELECT proxy_config FROM neanelu.scraper_configs"
    assert source.value(kept) == {"url": "http://[2001:db8::1]:3128/"}
    source.set(is_active=True)
    assert source.value(kept) is not None
    source.set(proxy_config=None)
    assert source.value(kept) is None
