"""Reads pages in a process of its own, which has little memory and little time and may die.

Parent and child exchange messages: four bytes of length, then that many bytes. A question is a JSON header, a line
feed and the page's bytes; an answer is JSON. `Reader` is the parent's side, the child is
`python -m neanelu.harvest.reader MEGABYTES`.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import struct
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import orjson

from neanelu.harvest.errors import FetchError

_LENGTH: Final = struct.Struct(">I")
#: A child is replaced after so many pages: what libraries leak, goes with it.
_PAGES: Final = 2000


class Reader:
    """A child process that reads pages, started when it is needed and again when it died.

    Args:
        seconds: for one page.
        megabytes: address space of the child.
    """

    def __init__(self, seconds: float, megabytes: int) -> None:
        self._seconds = seconds
        self._megabytes = megabytes
        self._child: asyncio.subprocess.Process | None = None
        self._pages = 0
        self._lock = asyncio.Lock()

    async def read(
        self,
        body: bytes,
        url: str,
        content_type: str | None,
        selectors: Mapping[str, Any],
        pagination: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return {"html", "documents", "links", "hash"} of a page.

        Raises:
            FetchError: NG041 when it takes too long, too much memory, or the child dies of it.
        """
        header = {"url": url, "type": content_type, "selectors": selectors, "pagination": pagination}
        question = orjson.dumps(header) + b"\n" + body
        async with self._lock:
            try:
                async with asyncio.timeout(self._seconds + 5.0 * (self._child is None)):
                    answer = await self._ask(question)
            except TimeoutError:
                await self.close()
                raise FetchError("NG041", f"not read within {self._seconds:g} s") from None
            except (asyncio.IncompleteReadError, ConnectionError, OSError):
                await self.close()
                raise FetchError("NG041", "the reader died of it") from None
            except BaseException:
                await self.close()  # an answer that nobody waits for must not be taken for the next one
                raise
            self._pages += 1
            if self._pages >= _PAGES:
                await self.close()
        if "error" in answer:
            raise FetchError("NG041", answer["error"])
        return answer

    async def _ask(self, question: bytes) -> dict[str, Any]:
        if self._child is None or self._child.returncode is not None:
            self._pages = 0
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "neanelu.harvest.reader",
                str(self._megabytes),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the parent
            )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(_LENGTH.pack(len(question)))
        self._child.stdin.write(question)
        await self._child.stdin.drain()
        (length,) = _LENGTH.unpack(await self._child.stdout.readexactly(_LENGTH.size))
        answer: dict[str, Any] = orjson.loads(await self._child.stdout.readexactly(length))
        return answer

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


# --- The child --------------------------------------------------------------------------------------------


def answer_to(question: bytes) -> dict[str, Any]:
    """Return what is to be answered: what the page says, or {"error": text}."""
    from neanelu.harvest.page import TooComplex, read_page
    from neanelu.harvest.text import decode

    head, _, body = question.partition(b"\n")
    header = orjson.loads(head)
    try:
        html = decode(body, header["type"])
        page = read_page(html, header["url"], header["selectors"], header["pagination"])
    except MemoryError:
        return {"error": "too little memory"}
    except RecursionError:
        return {"error": "nested too deep"}
    except TooComplex as error:
        return {"error": str(error)}
    except Exception as error:  # whatever a page does to a parser, the next one is read
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    # Of a page that only leads to others nothing is to be read.
    html = "" if page.is_way else html
    return {"html": html, "documents": page.documents, "links": page.links, "hash": page.hash}


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        sys.exit(0)
    return data


def main() -> None:
    """Answer questions until there are no more."""
    limit = int(sys.argv[1]) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while True:
        (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size))
        answer = orjson.dumps(answer_to(_exactly(source, length)))
        target.write(_LENGTH.pack(len(answer)) + answer)
        target.flush()


if __name__ == "__main__":
    main()
