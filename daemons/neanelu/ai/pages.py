"""The visible text of a page, a line for a block, so that a table's row reads `label: value`."""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree  # type: ignore[import-untyped]

#: Longest page that is looked at, and longest text that is made, in characters.
LONGEST_PAGE: Final = 1_000_000
LONGEST_TEXT: Final = 300_000

_SILENT: Final = frozenset(
    "script style noscript template svg canvas iframe object nav footer select option button textarea head".split()  # noqa: SIM905
)
_HEADINGS: Final = {"h1": "# ", "h2": "## ", "h3": "## ", "h4": "## ", "h5": "## ", "h6": "## "}
_BLOCKS: Final = frozenset(
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure form "  # noqa: SIM905
    "h1 h2 h3 h4 h5 h6 header hr html legend li main ol p pre section summary table tbody tfoot thead tr ul".split()
)
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE: Final = re.compile(r"[\s\u200b\u2060\ufeff\u00ad]+")
_UNTEXT: Final = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff\\ufffe\\uffff]+")


class _Visible:
    """Gathers text while the parser goes over the page; nothing is kept of the tree, however deep it is."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._prefix = ""
        self._cells: list[str] | None = None
        self._term = ""
        self._silent: list[str] = []
        self._left = LONGEST_TEXT

    def start(self, tag: Any, attributes: Any) -> None:
        """Begin an element."""
        name = str(tag)
        if self._silent:
            self._silent.append(name)
            return
        if (
            name in _SILENT
            or "hidden" in attributes
            or attributes.get("aria-hidden") == "true"
            or _HIDDEN.search(attributes.get("style", ""))
        ):
            if name not in ("br", "hr", "img", "input", "link", "meta", "wbr", "body", "html"):
                self._silent.append(name)
            return
        if name in _BLOCKS and name != "tr":
            self._end_line()
        if name in _HEADINGS:
            self._prefix = _HEADINGS[name]
        elif name == "li":
            self._prefix = "- "
        elif name == "tr":
            self._end_line()
            self._cells = []
        elif name in ("td", "th") and self._cells is not None:
            self._end_cell()

    def end(self, tag: Any) -> None:
        """End an element."""
        name = str(tag)
        if self._silent:
            if name in self._silent:
                while self._silent.pop() != name:
                    pass
            return
        if name == "tr" and self._cells is not None:
            self._end_cell()
            cells, self._cells = self._cells, None
            self._put(": ".join([cells[0].rstrip(":"), cells[1]]) if len(cells) == 2 else " | ".join(cells))
        elif name in ("td", "th"):
            self._end_cell()
        elif name == "dt":
            self._term = self._taken().rstrip(":")
        elif name == "dd":
            value = self._taken()
            self._put(f"{self._term}: {value}" if self._term and value else value)
        elif name in _BLOCKS:
            self._end_line()

    def data(self, text: str) -> None:
        """Take a piece of text."""
        if not self._silent and self._left > 0:
            self._line.append(text)
            self._left -= len(text)

    def comment(self, _: str) -> None:
        """Leave a comment out."""

    def close(self) -> str:
        """Return the text."""
        self._end_line()
        return "\n".join(self.lines)

    def _taken(self) -> str:
        """Return the line so far, and begin a new one."""
        text = _SPACE.sub(" ", _UNTEXT.sub("", "".join(self._line))).strip()
        self._line.clear()
        return text

    def _end_cell(self) -> None:
        text = self._taken()
        if text and self._cells is not None:
            self._cells.append(text)

    def _end_line(self) -> None:
        if self._cells is not None:  # a block within a table's cell is part of it
            self._line.append(" ")
            return
        text, prefix = self._taken(), self._prefix
        if text:
            self._prefix = ""
            self._put(prefix + text)

    def _put(self, text: str) -> None:
        if text and (not self.lines or self.lines[-1] != text):
            self.lines.append(text)


def visible_text(html: str) -> str:
    """Return the visible text of a page: without scripts, navigation and what is hidden; headings marked with #.

    Args:
        html: the page; beyond `LONGEST_PAGE` characters it is not looked at.
    """
    target = _Visible()
    parser = etree.HTMLParser(target=target, huge_tree=True)
    data = _UNTEXT.sub("", html[:LONGEST_PAGE])
    try:
        for start in range(0, len(data), 1 << 16):
            parser.feed(data[start : start + (1 << 16)])
        parser.close()
    except etree.LxmlError:
        pass  # what was read until then is the text
    return target.close()
