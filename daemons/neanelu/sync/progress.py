"""How runs get on, for whoever watches."""

from __future__ import annotations

from typing import Any, Protocol


class Progress(Protocol):
    """Hears how runs get on; the default does nothing."""

    def phase(self, run: dict[str, Any], name: str, total: int | None = None) -> None:
        """Say that a run entered a phase: start, wait, fetch, send, stage, merge; total in bytes where known."""

    def advance(self, run: dict[str, Any], done: int) -> None:
        """Say how many bytes of the phase are done."""

    def ended(self, run: dict[str, Any], status: str, message: str | None) -> None:
        """Say how the attempt ended."""


class Silent:
    """Progress that nobody watches."""

    def phase(self, run: dict[str, Any], name: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, run: dict[str, Any], done: int) -> None:
        """Do nothing."""

    def ended(self, run: dict[str, Any], status: str, message: str | None) -> None:
        """Do nothing."""
