"""One page over HTTP, within limits: of addresses, redirections, time, and bytes before and after unpacking."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx
from protego import Protego

from neanelu.harvest.errors import FetchError
from neanelu.harvest.transport import GuardedBackend, GuardedTransport, ProxiedBackend, Proxy, networks
from neanelu.settings import Settings

MAX_REDIRECTS: Final = 5
#: RFC 9309: at least 500 kibibytes of robots.txt are read.
ROBOTS_BYTES: Final = 512 * 1024
#: Sites whose robots.txt is kept.
ROBOTS_SITES: Final = 10_000
#: Seconds for which a robots.txt that could not be had is not asked for again.
ROBOTS_PAUSE: Final = 300.0
#: Headers of a scraper that must not be sent: the connection's own, and what would undo our limits.
_OURS: Final = frozenset(
    [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept-encoding",
        "range",
        "te",
        "upgrade",
        "expect",
    ]
)
#: Headers of answers that are kept.
_KEPT: Final = frozenset(
    [
        "content-type", "content-language", "etag", "last-modified", "date", "server",
        "cache-control", "expires", "link", "x-robots-tag",
    ]
)  # fmt: skip
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))


@dataclass(slots=True)
class Answer:
    """What a server answered.

    Attributes:
        url: where it came from at last.
        status: 200 to 299, or 304.
        headers: those that are kept, names in lower case.
        content_type: without parameters, lower case; empty when it was not said.
        body: unpacked.
    """

    url: str
    status: int
    headers: dict[str, str]
    content_type: str = ""
    body: bytes = b""


@dataclass(slots=True)
class Request:
    """What to ask for.

    Attributes:
        url: page.
        base_url: the source's root; the page must stay at its host.
        headers: of the scraper.
        cookies: of the scraper.
        secret: header and value that only the source's own host may see.
        etag: of the newest document.
        last_modified: of the newest document.
        proxy: of the scraper.
    """

    url: str
    base_url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    secret: tuple[str, str] | None = None
    etag: str | None = None
    last_modified: str | None = None
    proxy: Proxy | None = None


def _site(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("www.")


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for, or None when it says nothing that can be understood."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


class Fetcher:
    """Fetches pages; one for a whole harvester.

    Args:
        settings: limits and name.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[Proxy | None, httpx.AsyncClient] = {}
        self._robots: OrderedDict[tuple[str, Proxy | None], tuple[float, Protego | None]] = OrderedDict()
        self._robots_locks: dict[tuple[str, Proxy | None], asyncio.Lock] = {}

    def _client(self, proxy: Proxy | None) -> httpx.AsyncClient:
        """Return the client that goes through a proxy, or straight."""
        client = self._clients.get(proxy)
        if client is None:
            settings = self._settings
            allowed = networks(settings.harvest_allow_networks)
            further = networks(settings.harvest_proxy_networks)
            backend = GuardedBackend(allowed) if proxy is None else ProxiedBackend(proxy, allowed, further)
            client = self._clients[proxy] = httpx.AsyncClient(
                transport=GuardedTransport(backend, settings.harvest_concurrency * 2),
                timeout=httpx.Timeout(
                    settings.harvest_read_seconds, connect=settings.harvest_connect_seconds
                ),
                follow_redirects=False,
                trust_env=False,
            )
        return client

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    # --- robots.txt ---------------------------------------------------------------------------------------

    async def robots(self, url: str, proxy: Proxy | None = None) -> Protego:
        """Return the robots.txt of a URL's site, from memory while it is fresh, asked for on the way on which its pages are.

        Raises:
            FetchError: NG031 when it cannot be had just now: then nothing may be fetched.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc.lower()}"
        place = (site, proxy)
        async with self._robots_locks.setdefault(place, asyncio.Lock()):
            until, rules = self._robots.get(place, (0.0, None))
            if time.monotonic() >= until:
                rules = await self._fetch_robots(site, proxy)
                seconds = self._settings.harvest_robots_seconds if rules is not None else ROBOTS_PAUSE
                self._robots[place] = (time.monotonic() + seconds, rules)
                self._robots.move_to_end(place)
                if len(self._robots) > ROBOTS_SITES:
                    old, _ = self._robots.popitem(last=False)
                    self._robots_locks.pop(old, None)
        if rules is None:
            raise FetchError(
                "NG031",
                f"{site}/robots.txt cannot be had",
                may_pass=True,
                is_refusal=True,
                retry_after=max(1.0, self._robots[place][0] - time.monotonic()),
            )
        return rules

    async def _fetch_robots(self, site: str, proxy: Proxy | None) -> Protego | None:
        """Return the rules; those of an empty file for 4xx; None for 5xx, 429 and a server that does not answer."""
        try:
            async with asyncio.timeout(self._settings.harvest_deadline_seconds):
                answer = await self._follow(
                    Request(f"{site}/robots.txt", proxy=proxy), ROBOTS_BYTES, cut=True, check_robots=False
                )
        except FetchError as error:
            if error.code == "NG032":
                raise
            refused = error.code == "NG040" and not error.may_pass
            return Protego.parse("") if refused or error.code == "NG034" else None
        except TimeoutError:
            return None
        return Protego.parse(answer.body.decode("utf-8", "replace"))

    # --- Pages --------------------------------------------------------------------------------------------

    async def fetch(self, request: Request) -> Answer:
        """Return what the server answers: a page, or that it has not changed.

        Raises:
            FetchError: everything else, see docs/errors.md.
        """
        try:
            async with asyncio.timeout(self._settings.harvest_deadline_seconds):
                return await self._follow(request, self._settings.harvest_max_bytes)
        except TimeoutError:
            seconds = self._settings.harvest_deadline_seconds
            raise FetchError("NG036", f"not complete after {seconds:g} s", may_pass=True) from None

    async def _follow(
        self, request: Request, limit: int, *, cut: bool = False, check_robots: bool = True
    ) -> Answer:
        """Follow redirections by hand: each address, each robots.txt is looked at."""
        url = request.url
        seen: set[str] = set()
        home = _site(urlsplit(request.base_url or request.url).hostname or "")
        for _ in range(MAX_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise FetchError("NG033", f"{url[:200]} is no http or https URL")
            if url in seen:
                raise FetchError("NG034", "redirected in a circle")
            seen.add(url)
            if check_robots and not (await self.robots(url, request.proxy)).can_fetch(
                url, self._settings.harvest_user_agent
            ):
                raise FetchError("NG030", f"robots.txt of {parts.hostname} forbids it")
            answer = await self._ask(url, request, limit, cut=cut, at_home=_site(parts.hostname) == home)
            if isinstance(answer, Answer):
                if check_robots and request.base_url and _site(urlsplit(answer.url).hostname or "") != home:
                    raise FetchError("NG034", f"redirected away from the source, to {answer.url[:200]}")
                return answer
            url = answer
        raise FetchError("NG034", f"redirected more than {MAX_REDIRECTS} times")

    def _headers(self, request: Request, *, at_home: bool) -> dict[str, str]:
        """Return the headers to send; those of the scraper, cookies and secrets to the source's own host only."""
        headers = {
            "accept": "text/html,application/xhtml+xml,application/ld+json;q=0.9,application/json;q=0.8",
            "accept-language": "en;q=0.5,*;q=0.1",
            "accept-encoding": "gzip, deflate",
            "user-agent": self._settings.harvest_user_agent,
        }
        if at_home:
            headers |= {k.lower(): str(v) for k, v in request.headers.items() if k.lower() not in _OURS}
            if request.cookies:
                headers["cookie"] = "; ".join(f"{k}={v}" for k, v in request.cookies.items())
            if request.secret:
                headers[request.secret[0].lower()] = request.secret[1]
            if request.etag:
                headers["if-none-match"] = request.etag
            if request.last_modified:
                headers["if-modified-since"] = request.last_modified
        return headers

    async def _ask(self, url: str, request: Request, limit: int, *, cut: bool, at_home: bool) -> Answer | str:
        """Ask once; returns the answer, or where it is redirected to."""
        try:
            headers = self._headers(request, at_home=at_home)
            async with self._client(request.proxy).stream("GET", url, headers=headers) as response:
                if response.status_code in _REDIRECTS and response.headers.get("location"):
                    return urljoin(url, response.headers["location"].strip()).partition("#")[0]
                _judge(response)
                kept = {k.lower(): v[:1000] for k, v in response.headers.items() if k.lower() in _KEPT}
                answer = Answer(url, response.status_code, kept)
                if response.status_code != 304:
                    answer.content_type = (
                        response.headers.get("content-type", "").partition(";")[0].strip().lower()
                    )
                    answer.body = await _read(response, limit, cut=cut)
                return answer
        except (
            httpx.InvalidURL,
            httpx.UnsupportedProtocol,
            httpcore.UnsupportedProtocol,
            UnicodeError,
        ) as error:
            raise FetchError("NG033", f"{url[:200]} cannot be asked for: {error}") from None
        except (httpx.TimeoutException, httpcore.TimeoutException, TimeoutError) as error:
            raise FetchError("NG036", type(error).__name__, may_pass=True) from None
        except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise FetchError("NG035", f"{type(error).__name__}: {error}"[:300], may_pass=True) from None


def _judge(response: httpx.Response) -> None:
    """Raise for what is neither a page nor "not modified"."""
    status = response.status_code
    if 200 <= status < 300 or status == 304:
        return
    if status in (429, 503):
        raise FetchError(
            "NG039",
            f"status {status}",
            may_pass=True,
            is_refusal=True,
            retry_after=retry_after(response.headers.get("retry-after")),
        )
    raise FetchError("NG040", f"status {status}", may_pass=status >= 500 or status in (408, 425))


async def _read(response: httpx.Response, limit: int, *, cut: bool) -> bytes:
    """Return the unpacked body; it is unpacked piece by piece, so that a bomb does not get to explode.

    Args:
        response: not yet read.
        limit: bytes, before and after unpacking.
        cut: take what fits instead of refusing.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit and not cut:
        raise FetchError("NG037", f"{announced} bytes are announced, {limit} are allowed")
    if encoding in ("gzip", "x-gzip", "deflate"):
        unpack = zlib.decompressobj(wbits=47 if encoding != "deflate" else zlib.MAX_WBITS)
    elif encoding in ("", "identity"):
        unpack = None
    else:
        raise FetchError("NG042", f"packed in a way that was not asked for: {encoding[:50]}")
    body = bytearray()
    wire = 0
    first = True
    async for chunk in response.aiter_raw():
        wire += len(chunk)
        try:
            if unpack is None:
                body += chunk
            else:
                if first and encoding == "deflate" and chunk[:1] != b"\x78":
                    unpack = zlib.decompressobj(wbits=-zlib.MAX_WBITS)  # some servers leave the header out
                body += unpack.decompress(chunk, limit + 1 - len(body))
        except zlib.error as error:
            raise FetchError("NG042", f"not {encoding}: {error}", may_pass=True) from None
        first = False
        if len(body) > limit or wire > limit:
            if cut:
                return bytes(body[:limit])
            raise FetchError("NG037", f"more than {limit} bytes")
    if unpack is not None and not unpack.eof and not cut:
        raise FetchError("NG042", "the packed body ends in the middle", may_pass=True)
    return bytes(body)
