"""Open connections of the sandbox's server, so that a fault can close or reset the one it is shown on."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Open connections by the client's address.
_transports: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(H11Protocol):
    """uvicorn's protocol, which remembers its transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            _transports[peer[:2]] = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        peer = self.transport.get_extra_info("peername") if self.transport else None
        if isinstance(peer, tuple):
            _transports.pop(peer[:2], None)
        super().connection_lost(exc)


async def break_connection(request: Request, reset: bool) -> None:
    """Close the connection that a request came on, or reset it."""
    assert request.client is not None
    transport = _transports.get((request.client.host, request.client.port))
    if transport is None:
        return
    if reset:
        await asyncio.sleep(0.05)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await asyncio.sleep(0)
