"""HTTP that reaches public addresses only.

A name is resolved here, every address that it has is checked, and the connection is made to one of the checked ones: what
a name says a moment later makes no difference. Redirections are not followed by this layer, so each hop passes it anew.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

from neanelu.harvest.errors import FetchError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Most bytes of a proxy's answer.
_PROXY_BYTES: Final = 16 * 1024
#: Names that are looked up at a time.
_RESOLVERS: Final = 32
#: IPv6 ranges that carry an IPv4 address at some bits: NAT64, 6to4, and IPv4-compatible addresses.
_CARRIERS: Final[tuple[tuple[ipaddress.IPv6Network, int], ...]] = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("::/96"), 0),
)


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a list with commas; raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_public(address: Address) -> bool:
    """Return whether an address is one of the open internet, also the one that it carries inside."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.teredo is not None:
            return False
        for network, shift in _CARRIERS:
            if address in network:
                return is_public(ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to public addresses, and to networks that the settings allow.

    Args:
        allowed: networks beside the public ones.
    """

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)
        self._inner = httpcore.AnyIOBackend()
        # Threads of its own: a resolver that does not answer keeps nobody else waiting.
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, "resolver")

    def permits(self, address: Address) -> bool:
        """Return whether a connection to this address may be made."""
        return is_public(address) or any(
            address.version == network.version and address in network for network in self._allowed
        )

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, all of them permitted.

        Raises:
            FetchError: NG032 one of them is not, NG035 there is none.
        """
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError) as error:
            raise FetchError("NG035", f"{host} has no address: {error}", may_pass=True) from None
        texts = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        for text in texts:
            if not self.permits(ipaddress.ip_address(text)):
                raise FetchError("NG032", f"{host} has the address {text}, which is not public")
        return texts

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of the host's checked addresses."""
        async with asyncio.timeout(timeout):
            addresses = await self.resolve(host, port)
        error: Exception | None = None
        for address in addresses[:3]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as raised:
                error = raised
        assert error is not None
        raise error

    def close(self) -> None:
        """Wait for no name any more."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Refuse: there is no page behind a socket of this machine."""
        raise FetchError("NG032", "a unix socket is not public")

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, and what it is told of who asks ("user:password", or nothing)."""

    host: str
    port: int
    credentials: str | None = None


class ProxiedBackend(GuardedBackend):
    """Opens connections through a proxy, to addresses that were looked up and checked here.

    The proxy is asked (CONNECT) for the checked address, not for the name: what it makes of names makes no difference.

    Args:
        proxy: where it stands must be permitted, too.
        allowed: networks beside the public ones, for what is fetched.
        proxies: further networks in which the proxy may stand.
    """

    def __init__(
        self, proxy: Proxy, allowed: Sequence[Network] = (), proxies: Sequence[Network] = ()
    ) -> None:
        super().__init__(allowed)
        self._proxy = proxy
        self._way = GuardedBackend((*allowed, *proxies))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of the host's checked addresses through the proxy."""
        async with asyncio.timeout(timeout):
            address = (await self.resolve(host, port))[0]
            stream = await self._way.connect_tcp(
                self._proxy.host, self._proxy.port, timeout, local_address, socket_options
            )
            try:
                await self._tunnel(stream, f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
            except BaseException:
                await stream.aclose()
                raise
        return stream

    async def _tunnel(self, stream: httpcore.AsyncNetworkStream, target: str) -> None:
        """Ask for a tunnel; raises FetchError (NG035) when there is none."""
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self._proxy.credentials:
            told = base64.b64encode(self._proxy.credentials.encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {told}")
        await stream.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = await stream.read(4096)
            answer += part
            if not part or len(answer) > _PROXY_BYTES:
                raise FetchError("NG035", "the proxy broke off", may_pass=True)
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        if rest or not status or not status[0].startswith(b"2"):
            said = head.split(b"\r\n", 1)[0][:80].decode("latin-1")
            raise FetchError("NG035", f"the proxy answers {said!r}", may_pass=True)

    def close(self) -> None:
        """Wait for no name any more."""
        super().close()
        self._way.close()


class _Body(httpx.AsyncByteStream):
    """A body of httpcore as one of httpx."""

    def __init__(self, body: Any) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """A transport of httpx over a guarded backend.

    Args:
        backend: opens the connections.
        limit: connections at a time.
    """

    def __init__(self, backend: GuardedBackend, limit: int = 32) -> None:
        self._backend = backend
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=limit,
            max_keepalive_connections=limit,
            keepalive_expiry=15.0,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        self._backend.close()
