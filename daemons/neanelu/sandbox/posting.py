"""A small HTTP/1.1 client for webhook deliveries: kept connections, one second to connect, five in all."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from urllib.parse import urlsplit

#: Seconds that a receiver has to accept the connection, and to have answered.
CONNECT_SECONDS = 1.0
TOTAL_SECONDS = 5.0

Target = tuple[str, str, int]


class Poster:
    """Posts bodies; must be used within one event loop."""

    def __init__(self) -> None:
        self._idle: dict[Target, deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    async def post(self, address: str, headers: dict[str, str], body: bytes) -> int:
        """Post a body and return the answer's status.

        Raises:
            OSError, TimeoutError, ValueError: no usable answer in time.
        """
        parts = urlsplit(address)
        secure = parts.scheme == "https"
        target = (parts.scheme, parts.hostname or "", parts.port or (443 if secure else 80))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
        async with asyncio.timeout(TOTAL_SECONDS):
            idle = self._idle.setdefault(target, deque())
            while idle:
                reader, writer = idle.pop()
                if reader.at_eof() or writer.is_closing():
                    writer.close()
                    continue
                try:
                    return await self._exchange(target, reader, writer, request)
                except (ConnectionError, asyncio.IncompleteReadError):
                    continue  # closed by the other side while it was idle
            async with asyncio.timeout(CONNECT_SECONDS):
                context = ssl.create_default_context() if secure else None
                reader, writer = await asyncio.open_connection(target[1], target[2], ssl=context)
            try:
                return await self._exchange(target, reader, writer, request)
            except asyncio.IncompleteReadError as error:
                raise ConnectionResetError("closed before the answer was whole") from error

    async def _exchange(
        self,
        target: Target,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: bytes,
    ) -> int:
        """Send a request and read the answer; keep the connection where it may be used again."""
        keep = False
        try:
            writer.write(request)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *rest = head.split("\r\n")
            status = int(status_line.split(" ", 2)[1])
            fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
            if "content-length" in fields:
                await reader.readexactly(int(fields["content-length"]))
                keep = fields.get("connection", "").lower() != "close"
            return status
        except asyncio.LimitOverrunError as error:
            raise ValueError("the answer's head is too long") from error
        finally:
            if keep:
                self._idle[target].append((reader, writer))
            else:
                writer.close()

    def close(self) -> None:
        """Close idle connections."""
        for idle in self._idle.values():
            while idle:
                idle.pop()[1].close()
