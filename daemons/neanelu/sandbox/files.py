"""Writes the result files of bulk operations: in order or shuffled, the same bytes however many processes."""

from __future__ import annotations

import gc
import gzip
import hashlib
import multiprocessing
import random
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import IO, Any, Literal

from neanelu.sandbox.generator import Shop, ShopSpec
from neanelu.sandbox.projection import BulkQuery, Source

#: Root objects made at once: a process's unit of work and the window within which lines are shuffled.
CHUNK = 500
#: Share of the lines that a shuffled file holds back until its end, far from their parents and children.
LATE = 0.01


@dataclass(frozen=True, slots=True)
class Part:
    """What one range of root objects came to: its text, the lines held back for the end, and the counts."""

    data: bytes
    late: bytes
    lines: int
    roots: int
    size: int


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file.

    Attributes:
        size: bytes before compression.
        lines: JSONL lines, root objects and children.
        roots: root objects.
        seconds: how long it took.
        sha256: hex digest of the uncompressed bytes; empty when they were compressed by the workers.
    """

    size: int
    lines: int
    roots: int
    seconds: float
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes as a dictionary."""
        return asdict(self)


class Job:
    """One bulk query over one shop; can be sent to another process.

    Args:
        spec: the shop.
        query: the text of a valid bulk query.
        shuffled: whether lines lose their order, children coming before parents and far from them too.
        compressed: whether parts are gzip members.
        shop: the objects, where they do not follow from `spec`; such a job stays in this process.
    """

    def __init__(
        self,
        spec: ShopSpec,
        query: str,
        *,
        shuffled: bool = False,
        compressed: bool = False,
        shop: Source | None = None,
    ) -> None:
        self.spec = spec
        self.text = query
        self.shuffled = shuffled
        self.compressed = compressed
        self.shop: Source = shop or Shop(spec)
        self.query = BulkQuery(query)

    def ranges(self) -> list[tuple[int, int]]:
        """Return the index ranges that make up the whole."""
        span = self.shop.span(self.query.root)
        return [(start, min(start + CHUNK, span)) for start in range(0, span, CHUNK)]

    def part(self, start: int, stop: int) -> Part:
        """Make the lines of one range."""
        late = b""
        if self.shuffled:
            lines, roots = self.query.lines(self.shop, start, stop)
            dice = random.Random(f"{self.spec.seed}/{start}")  # noqa: S311
            dice.shuffle(lines)
            held = round(len(lines) * LATE)
            count = len(lines)
            late = _escape(b"".join(lines[:held]))
            data = _escape(b"".join(lines[held:]))
        else:
            data, count, roots = self.query.chunk(self.shop, start, stop)
        size = len(data) + len(late)
        if self.compressed and data:
            data = gzip.compress(data, 6, mtime=0)
        return Part(data, late, count, roots, size)


def _escape(text: bytes) -> bytes:
    return text.replace(b"/", b"\\/")


_job: Job | None = None


def _begin(spec: ShopSpec, query: str, shuffled: bool, compressed: bool) -> None:
    """Prepare a worker process; its garbage collector runs between parts only."""
    global _job
    _job = Job(spec, query, shuffled=shuffled, compressed=compressed)
    gc.disable()
    gc.freeze()


def _work(bounds: tuple[int, int]) -> Part:
    assert _job is not None
    part = _job.part(*bounds)
    gc.collect(0)
    return part


def parts(job: Job, processes: int = 1, method: Literal["fork", "spawn"] = "fork") -> Iterator[Part]:
    """Yield a job's parts in order.

    Args:
        job: what to make.
        processes: with one, parts are made here; with more, in so many worker processes, a few parts ahead.
        method: how worker processes start; a process with threads must say `spawn`.
    """
    if processes <= 1:
        for bounds in job.ranges():
            yield job.part(*bounds)
        return
    context = multiprocessing.get_context(method)
    arguments = (job.spec, job.text, job.shuffled, job.compressed)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=arguments) as pool:
        waiting: deque[Future[Part]] = deque()
        try:
            for bounds in job.ranges():
                waiting.append(pool.submit(_work, bounds))
                if len(waiting) > processes * 3:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def write(
    job: Job,
    target: IO[bytes],
    *,
    processes: int = 1,
    method: Literal["fork", "spawn"] = "fork",
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a job's file.

    Args:
        job: what to make.
        target: where to; written in order, never read.
        processes: see `parts`.
        method: see `parts`.
        progress: called with lines and root objects so far after each part; may raise to stop the work.
    """
    began = time.monotonic()
    digest = hashlib.sha256()
    size = lines = roots = 0
    with tempfile.TemporaryFile() as held:
        for part in parts(job, processes, method):
            target.write(part.data)
            held.write(part.late)
            if not job.compressed:
                digest.update(part.data)
            size += part.size
            lines += part.lines
            roots += part.roots
            if progress is not None:
                progress(lines, roots)
        held.seek(0)
        while late := held.read(1 << 20):
            if job.compressed:
                late = gzip.compress(late, 6, mtime=0)
            else:
                digest.update(late)
            target.write(late)
    return Written(size, lines, roots, time.monotonic() - began, "" if job.compressed else digest.hexdigest())
