"""Brings a result file to the daemon's disk while it is being read: one pass over the network, none lost to a cut.

A `Spool` is the file on disk. Its bytes can be read while they arrive (`chunks`), and again afterwards. What is on
disk already, from a try that was cut short or from a daemon that was killed, is read from there, and only the rest
is asked for with a Range request; the ETag must be the one that the beginning had.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import orjson

from neanelu.shopify.errors import DownloadFailed, FileChanged

if TYPE_CHECKING:
    import httpx

    from neanelu.shopify.client import ShopifyClient

#: Bytes read and handed on at a time.
CHUNK_BYTES = 1024 * 1024
#: HTTP statuses that say that a signed URL does not work (any more).
_EXPIRED = frozenset({401, 403, 404, 410})


@cache
def _hasher() -> ThreadPoolExecutor:
    """Return the thread that computes digests (hashlib works without the interpreter's lock)."""
    return ThreadPoolExecutor(1, thread_name_prefix="sha256")


class Feed(Protocol):
    """Something that appends bytes to a spool, starting where the spool ends."""

    def __call__(self, spool: Spool) -> Iterator[bytes]:
        """Yield the missing bytes in order; the spool has written each before the next is asked for."""


class Spool:
    """A file that is complete on disk when `chunks` has been read to its end.

    Args:
        path: where it lies; its folder is made.
        feed: what brings the bytes that are not there yet; None for a file that is complete.
        on_progress: called with the bytes read so far.
    """

    def __init__(
        self, path: Path, feed: Feed | None = None, on_progress: Callable[[int], None] | None = None
    ) -> None:
        self.path = path
        self._feed = feed
        self._on_progress = on_progress
        self._hash = hashlib.sha256()
        self._hashing: Future[None] | None = None
        self.bytes = 0
        #: of the file that this object writes
        self._inode: int | None = None
        if feed is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes read by `chunks`, lower-case hex."""
        if self._hashing is not None:
            self._hashing.result()
        return self._hash.hexdigest()

    @property
    def state_path(self) -> Path:
        """A small file beside the spool with what is needed to go on: ETag, cursor."""
        return self.path.with_name(self.path.name + ".state")

    def read_state(self) -> dict[str, Any]:
        """Return what `write_state` kept, or nothing."""
        try:
            state = json.loads(self.state_path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def write_state(self, state: dict[str, Any]) -> None:
        """Keep what is needed to go on, atomically."""
        temporary = self.state_path.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        temporary.replace(self.state_path)

    def discard(self) -> None:
        """Forget what is on disk, unless another daemon put a file of its own in its place."""
        if self._inode is not None:
            with contextlib.suppress(FileNotFoundError):
                if self.path.stat().st_ino != self._inode:
                    return
        self.path.unlink(missing_ok=True)
        self.state_path.unlink(missing_ok=True)

    def chunks(self) -> Iterator[bytes]:
        """Yield every byte of the file: what is on disk, then what arrives. May be called again afterwards."""
        self._hash = hashlib.sha256()
        self._hashing = None
        self.bytes = 0
        with contextlib.ExitStack() as stack:
            writer = stack.enter_context(self._own()) if self._feed is not None else None
            with self.path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield self._account(chunk)
            if self._feed is None or writer is None:
                return
            for chunk in self._feed(self):
                writer.write(chunk)
                writer.flush()
                yield self._account(chunk)
        self._feed = None

    def _own(self) -> IO[bytes]:
        """Open the file for appending, and nobody else's writing may get between.

        A daemon that stalled, and lost its run to this one, may still hold the file: it keeps it, without a name.
        """
        for _ in range(3):
            file = self.path.open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                self.path.unlink(missing_ok=True)
                self.state_path.unlink(missing_ok=True)
                self.path.touch(mode=0o600)
            else:
                self._inode = os.fstat(file.fileno()).st_ino
                return file
        raise DownloadFailed("another process writes the file of this run")

    def _account(self, chunk: bytes) -> bytes:
        """Add a chunk to the digest, which is computed beside the reader's own work, and to the count."""
        if self._hashing is not None:
            self._hashing.result()
        self._hashing = _hasher().submit(self._hash.update, chunk)
        self.bytes += len(chunk)
        if self._on_progress:
            self._on_progress(self.bytes)
        return chunk


class Download:
    """Feeds a spool from a signed URL, resuming after cuts.

    Args:
        http: the client to use.
        url: returns the URL; called with True after one stopped working, to ask for a new one.
        expected_bytes: Shopify's fileSize, if known.
        attempts: tries in a row that may bring nothing.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        http: httpx.Client,
        url: Callable[[bool], str],
        expected_bytes: int | None,
        *,
        attempts: int = 6,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http
        self._url = url
        self._expected = expected_bytes
        self._attempts = attempts
        self._sleep = sleep

    def __call__(self, spool: Spool) -> Iterator[bytes]:
        """Yield the missing bytes.

        Raises:
            DownloadFailed: nothing came in several tries in a row.
            FileChanged: the file at the URL is not the one whose beginning is on disk; the spool was discarded.
        """
        import httpx

        failures = 0
        renew = False
        while True:
            position = spool.bytes
            try:
                yield from self._rest(spool, self._url(renew))
                return
            except _UrlExpired:
                renew = True
                problem = "the URL does not work"
            except (httpx.TransportError, _Incomplete) as error:
                renew = False
                problem = f"{type(error).__name__}: {error}"
            failures = 1 if spool.bytes > position else failures + 1
            if failures >= self._attempts:
                raise DownloadFailed(
                    f"the result file cannot be fetched: {problem}, {spool.bytes} bytes are there"
                )
            self._sleep(min(0.2 * 2**failures, 10.0))

    def _rest(self, spool: Spool, url: str) -> Iterator[bytes]:
        """Make one request for what is missing and yield it."""
        if self._expected is not None and spool.bytes == self._expected:
            return
        state = spool.read_state()
        headers = {"Accept-Encoding": "gzip"}
        if spool.bytes:
            headers = {"Accept-Encoding": "identity", "Range": f"bytes={spool.bytes}-"}
        with self._http.stream("GET", url, headers=headers) as response:
            if response.status_code in _EXPIRED:
                raise _UrlExpired
            if response.status_code == 416 and self._expected is None and spool.bytes:
                return
            if response.status_code not in (200, 206):
                raise _Incomplete(f"HTTP {response.status_code}")
            self._check_identity(spool, response, state)
            if response.status_code == 200 and spool.bytes:
                raise self._changed(spool, "the server does not resume")
            received = 0
            for chunk in response.iter_bytes(CHUNK_BYTES):
                received += len(chunk)
                yield chunk
            if self._expected is not None and spool.bytes < self._expected:
                raise _Incomplete(f"the answer ended after {received} bytes")

    def _check_identity(self, spool: Spool, response: httpx.Response, state: dict[str, Any]) -> None:
        """Compare ETag and total size with those of the beginning; note them at the beginning."""
        etag = response.headers.get("etag")
        known = state.get("etag")
        if spool.bytes and known and etag and etag != known:
            raise self._changed(spool, f"its ETag was {known} and is {etag}")
        total = response.headers.get("content-range", "").rpartition("/")[2]
        if self._expected is not None and total.isdigit() and int(total) != self._expected:
            raise self._changed(spool, f"it has {total} bytes, fileSize is {self._expected}")
        if not spool.bytes:
            spool.write_state({"etag": etag})

    @staticmethod
    def _changed(spool: Spool, why: str) -> FileChanged:
        """Discard what is on disk and return the exception that makes the run begin again."""
        spool.discard()
        return FileChanged(f"the result file changed while it was fetched: {why}")


class _UrlExpired(Exception):
    """A signed URL that does not work (any more)."""


class _Incomplete(Exception):
    """An answer that did not bring everything."""


class Pages:
    """Feeds a spool with the pages of an ordinary query: a node a line, as a bulk result would have them."""

    def __init__(self, client: ShopifyClient, document: str, root: str) -> None:
        self._client = client
        self._document = document
        self._root = root

    def __call__(self, spool: Spool) -> Iterator[bytes]:
        """Yield the missing pages; the cursor is kept beside the spool, so that a killed daemon goes on behind it."""
        state = spool.read_state()
        if state.get("ended"):
            return
        if spool.bytes != state.get("bytes", 0):
            # the page after the last one noted was cut short: what was read of it is not known to be whole
            spool.discard()
            raise FileChanged("the pages were cut short, they are asked for again")
        size = spool.bytes
        for nodes, cursor in self._client.pages(self._document, self._root, after=state.get("cursor")):
            page = b"".join(orjson.dumps(node, option=orjson.OPT_APPEND_NEWLINE) for node in nodes)
            size += len(page)
            if page:
                yield page
            spool.write_state({"cursor": cursor, "bytes": size, "ended": cursor is None})


class Copy:
    """Feeds a spool from an open file, unpacking gzip: for `ingest` from standard input and from .gz files."""

    def __init__(self, file: IO[bytes], *, packed: bool) -> None:
        self._file: Any = gzip.open(file, "rb") if packed else file  # noqa: SIM115 - closed by the owner of file

    def __call__(self, spool: Spool) -> Iterator[bytes]:
        """Yield the file's bytes.

        Raises:
            DownloadFailed: the gzip data is damaged or ends early.
        """
        try:
            while chunk := self._file.read(CHUNK_BYTES):
                yield chunk
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise DownloadFailed(f"the file cannot be read: {error}") from error
