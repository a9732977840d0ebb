"""What the disk takes for a durable write: the figure to read every other durable figure by."""

from __future__ import annotations

from bench import frame


def run(scale: str) -> list[frame.Figure]:
    """Measure; the scale does not matter."""
    return [frame.figure("fsync_fdatasync", frame.fdatasync_us(), "us", digits=0)]
