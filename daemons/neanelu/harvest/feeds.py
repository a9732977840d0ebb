"""Supplier feeds as records, read as a stream: CSV, JSON lines, XML, each also gzipped.

A record that cannot be read costs that record and not the ones behind it. XML is cut into records before it is parsed, each
record alone: there are no entities, no document type, nothing that a parser could be made to fetch or blow up.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

import orjson
from charset_normalizer import from_bytes
from lxml import etree  # type: ignore[import-untyped]

from neanelu.db.errors import InvalidInput

_GZIP: Final = b"\x1f\x8b"
_SAMPLE: Final = 256 * 1024
_CHUNK: Final = 256 * 1024
#: Lines that a quoted CSV field may go on over before its quote counts as a slip.
_QUOTED_LINES: Final = 200
_DELIMITERS: Final = (";", "\t", "|", ",")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DEPTH: Final = 12
_BAD_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Record:
    """A record: where it begins, and what it says."""

    line: int
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be used: where it begins, why, and its bytes (the first 64 kB)."""

    line: int
    code: str
    message: str
    raw: bytes
    size: int

    @classmethod
    def of(cls, line: int, code: str, message: str, raw: str | bytes) -> Rejected:
        """Make one; keeps the beginning of the bytes."""
        data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
        return cls(line, code, message, data[: 64 * 1024], len(data))


Item = Record | Rejected


class _Unpacked(io.RawIOBase):
    """A gzip stream whose end may be missing: what came before is used."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._file = gzip.GzipFile(fileobj=stream)
        self.broken: str | None = None

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read; a broken end is an end, `broken` says so."""
        try:
            data = self._file.read1(len(buffer))
        except (EOFError, OSError, zlib.error) as error:
            self.broken = str(error) or type(error).__name__
            return 0
        buffer[: len(data)] = data
        return len(data)


class Feed:
    """A feed file.

    Args:
        stream: of bytes, buffered; gzip is found by its first bytes.
        kind: csv, jsonl or xml; None: by what the file looks like.
        max_bytes: of a record.
        item: XML: tag of a record's element; None: the one that repeats.
        delimiter: CSV; None: by the header.
        encoding: None: by the file's beginning.

    Raises:
        InvalidInput: NG011 when it cannot be told what the file is.
    """

    def __init__(
        self,
        stream: io.BufferedReader,
        kind: str | None = None,
        *,
        max_bytes: int = 1024 * 1024,
        item: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self._unpacked: _Unpacked | None = None
        if stream.peek(2)[:2] == _GZIP:
            self._unpacked = _Unpacked(stream)
            stream = io.BufferedReader(self._unpacked, _CHUNK)
        self._stream = stream
        self._max = max_bytes
        self._delimiter = delimiter
        sample = stream.read(_SAMPLE)
        self._bom = next((len(bom) for bom, _ in _BOMS if sample.startswith(bom)), 0)
        self._encoding = self._find_encoding(sample, encoding)
        text = sample[self._bom :].decode(self._encoding, "replace")
        self.kind = kind or self._find_kind(text)
        self._item = item or (self._find_item(text) if self.kind == "xml" else "")
        self._head = sample[self._bom :]
        self._text = text

    @property
    def broken(self) -> str | None:
        """Return why the file ended before its end, or None."""
        return self._unpacked.broken if self._unpacked else None

    def records(self) -> Iterator[Item]:
        """Yield records and what could not be one, in the file's order."""
        if self.kind == "csv":
            yield from self._csv()
        elif self.kind == "jsonl":
            yield from self._jsonl()
        else:
            yield from self._xml()
        if self.broken:
            yield Rejected.of(1, "NG108", f"the packed file ends in the middle: {self.broken}", b"")

    # --- What it is ---------------------------------------------------------------------------------------

    def _find_encoding(self, sample: bytes, given: str | None) -> str:
        if given:
            try:
                return codecs.lookup(given).name
            except LookupError:
                raise InvalidInput(f"there is no encoding {given}", code="NG011") from None
        for bom, name in _BOMS:
            if sample.startswith(bom):
                return name
        if declared := re.match(rb"\s*<\?xml[^>]*encoding=[\"']([A-Za-z0-9._-]+)", sample):
            try:
                return codecs.lookup(declared[1].decode()).name
            except LookupError:
                pass
        try:
            codecs.getincrementaldecoder("utf-8")().decode(sample)
        except UnicodeDecodeError:
            best = from_bytes(sample[: 64 * 1024]).best()
            # A few stray bytes in UTF-8 are stray bytes; they cost their records.
            stray = sample.decode("utf-8", "surrogateescape")
            few = sum(1 for _ in _SURROGATE.finditer(stray)) <= len(sample) / 2000
            multibyte = any(ord(c) > 0x7F and not 0xD800 <= ord(c) <= 0xDFFF for c in stray)
            return "utf-8" if (few and multibyte) or best is None else best.encoding
        return "utf-8"

    @staticmethod
    def _find_kind(text: str) -> str:
        start = text.lstrip()
        if start.startswith("<"):
            return "xml"
        if start.startswith("{"):
            return "jsonl"
        if start.startswith("["):
            raise InvalidInput("a JSON array, not a record a line", code="NG011", hint="jq -c '.[]' FILE")
        if not start:
            raise InvalidInput("the file is empty", code="NG011")
        return "csv"

    @staticmethod
    def _find_item(text: str) -> str:
        """Return the tag that repeats nearest to the root."""
        depth = 0
        seen: dict[str, tuple[int, int]] = {}
        for match in re.finditer(
            r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>|<!.*?>|<(/?)([\w:.-]+)(?:[^>\"']|\"[^\"]*\"|'[^']*')*?(/?)>",
            text,
            re.S,
        ):
            tag = match[2]
            if not tag:
                continue
            if match[1]:
                depth -= 1
                continue
            level, count = seen.get(tag, (depth, 0))
            seen[tag] = (min(level, depth), count + 1)
            depth += not match[3]
        repeated = [(level, -count, tag) for tag, (level, count) in seen.items() if level > 0 and count > 1]
        once = [(level, -count, tag) for tag, (level, count) in seen.items() if level == 1]
        if not (repeated or once):
            raise InvalidInput("no element of the XML looks like a record", code="NG011", hint="--item TAG")
        return min(repeated or once)[2]

    # --- Lines --------------------------------------------------------------------------------------------

    def _chunks(self) -> Iterator[bytes]:
        yield self._head
        while chunk := self._stream.read(_CHUNK):
            yield chunk

    def _pieces(self) -> Iterator[str]:
        """Yield decoded text; bytes that are no text become lone surrogates, which cost their record."""
        wide = self._encoding.startswith(("utf-16", "utf-32"))
        decoder = codecs.getincrementaldecoder(self._encoding)("replace" if wide else "surrogateescape")
        for chunk in self._chunks():
            yield decoder.decode(chunk)
        yield decoder.decode(b"", True)

    def _lines(self) -> Iterator[tuple[str, int]]:
        """Yield lines with their ends, and the size of those that are too long (their text is cut off)."""
        rest, dropped = "", 0
        for piece in self._pieces():
            rest += piece
            *whole, rest = rest.split("\n")
            for line in whole:
                yield (line + "\n", dropped + len(line) if dropped else 0)
                dropped = 0
            if len(rest) > self._max:
                dropped += len(rest) - 1024
                rest = rest[:1024]
        if rest:
            yield rest, dropped + len(rest) if dropped else 0

    def _flaw(self, line: int, text: str) -> Rejected | None:
        """Return why a text cannot be a record, or None."""
        if len(text) > self._max:
            return Rejected.of(line, "NG105", f"longer than {self._max} bytes", text)
        if _SURROGATE.search(text):
            return Rejected.of(line, "NG102", f"not {self._encoding}", text)
        if found := _BAD_TEXT.search(text):
            return Rejected.of(line, "NG103", f"holds the character U+{ord(found[0]):04X}", text)
        return None

    # --- CSV ----------------------------------------------------------------------------------------------

    def _dialect(self) -> str:
        if self._delimiter:
            return "\t" if self._delimiter in ("\\t", "tab") else self._delimiter
        first = self._text.split("\n", 1)[0]
        bare = re.sub(r'"[^"]*"', "", first)
        counts = Counter({d: bare.count(d) for d in _DELIMITERS})
        return max(_DELIMITERS, key=lambda d: counts[d]) if any(counts.values()) else ","

    def _rows(self, delimiter: str) -> Iterator[tuple[int, str, list[str] | None]]:
        """Yield line, text and cells of each row; None where a quote is not closed, then the next line is a row again."""
        waiting: list[str] = []
        lines = self._lines()
        number = 0
        while True:
            if waiting:
                line = waiting.pop(0)
            else:
                try:
                    line, cut = next(lines)
                except StopIteration:
                    return
                if cut:
                    number += 1
                    yield number, line + " " * max(0, self._max - len(line) + 1), None
                    continue
            number += 1
            text, taken = line, [line]
            while True:
                try:
                    row = next(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True), [])
                    break
                except csv.Error as error:
                    more = waiting.pop(0) if waiting else next(lines, ("", 0))[0]
                    if "unexpected end of data" not in str(error) or not more:
                        waiting[:0] = [more] if more else []
                        row = None
                        break
                    taken.append(more)
                    text += more
                    if len(taken) > _QUOTED_LINES or len(text) > self._max:
                        row = None
                        break
            if row is None:
                # The quote may be a slip of this line alone: try the line without strictness, give the others back.
                waiting[:0] = taken[1:]
                yield number, line, None
            else:
                yield number, text, row
                number += len(taken) - 1

    def _csv(self) -> Iterator[Item]:
        csv.field_size_limit(sys.maxsize)
        delimiter = self._dialect()
        header: list[str] | None = None
        for number, text, row in self._rows(delimiter):
            if not text.strip():
                continue
            if flaw := self._flaw(number, text):
                yield flaw
                continue
            if row is None:
                loose = next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter, quoting=csv.QUOTE_NONE))
                if header is None or len(loose) != len(header):
                    yield Rejected.of(number, "NG101", "a quote is not closed", text)
                    continue
                row = loose
            if header is None:
                header = [name.strip() or f"column {n + 1}" for n, name in enumerate(row)]
                continue
            if len(row) != len(header):
                said = f"{len(row)} columns, the header has {len(header)}"
                yield Rejected.of(number, "NG104", said, text)
                continue
            yield Record(number, {k: v for k, v in zip(header, row, strict=True) if v.strip()})

    # --- JSON lines ---------------------------------------------------------------------------------------

    def _jsonl(self) -> Iterator[Item]:
        for number, (line, cut) in enumerate(self._lines(), 1):
            if cut:
                yield Rejected(
                    number, "NG105", f"longer than {self._max} bytes", line.encode("utf-8", "replace"), cut
                )
                continue
            if not line.strip():
                continue
            if flaw := self._flaw(number, line):
                yield flaw
                continue
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield Rejected.of(number, "NG101", f"no JSON: {error}"[:200], line)
                continue
            if not isinstance(value, dict):
                yield Rejected.of(number, "NG107", "not an object", line)
            elif _holds_nul(line):
                yield Rejected.of(number, "NG103", "holds the character U+0000", line)
            else:
                yield Record(number, value)

    # --- XML ----------------------------------------------------------------------------------------------

    def _xml(self) -> Iterator[Item]:
        tag = re.escape(self._item)
        mark = re.compile(rf"<!\[CDATA\[|<!--|</{tag}\s*>|<{tag}(?=[\s/>])")
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        namespaces: str | None = None
        buffer, line, start, depth, position = "", 1, -1, 0, 0
        pieces = self._pieces()
        done = False
        while True:
            found = mark.search(buffer, position)
            if found is None or (found.end() >= len(buffer) - 1 and not done):
                if done:
                    break
                if start < 0:
                    keep = max(0, len(buffer) - len(self._item) - 12)
                    line += buffer.count("\n", 0, keep)
                    buffer, position = buffer[keep:], 0
                else:
                    line += buffer.count("\n", 0, start)
                    # What was looked at is not looked at again, but for a mark that is not whole yet.
                    seen = len(buffer) - len(self._item) - 12 if found is None else found.start()
                    position = max(seen, position) - start
                    buffer, start = buffer[start:], 0
                    if len(buffer) > self._max:
                        yield Rejected.of(line, "NG105", f"longer than {self._max} bytes", buffer)
                        start, depth = -1, 0
                piece = next(pieces, None)
                done = piece is None
                buffer += piece or ""
                continue
            token = found[0]
            if token in ("<![CDATA[", "<!--"):
                close = "]]>" if token.startswith("<![") else "-->"
                end = buffer.find(close, found.end())
                while (
                    end < 0
                    and (piece := next(pieces, None)) is not None
                    and len(buffer) - found.start() <= self._max * 2
                ):
                    tail = len(buffer) - 2
                    buffer += piece
                    end = buffer.find(close, max(found.end(), tail))
                position = end + 3 if end >= 0 else found.end()
                continue
            if token.startswith("</"):
                position = found.end()
                if start < 0:
                    continue
                depth -= 1
                if depth > 0:
                    continue
                yield self._element(
                    buffer[start:position], line + buffer.count("\n", 0, start), namespaces or "", parser
                )
                line += buffer.count("\n", 0, position)
                buffer, position, start = buffer[position:], 0, -1
                continue
            close_at = _tag_end(buffer, found.end())
            while (
                close_at < 0
                and (piece := next(pieces, None)) is not None
                and len(buffer) - found.start() <= self._max
            ):
                buffer += piece
                close_at = _tag_end(buffer, found.end())
            if namespaces is None:
                namespaces = _namespaces(buffer[: found.start()])
            if start >= 0 and depth == 1 and self._nested_is_sibling(buffer, start, found.start()):
                # A record that was never closed: the next one begins.
                text = buffer[start : found.start()]
                yield Rejected.of(
                    line + buffer.count("\n", 0, start), "NG101", f"<{self._item}> is not closed", text
                )
                start, depth = -1, 0
            if start < 0:
                start = found.start()
            if close_at > 0 and buffer[close_at - 1] == "/":
                position = close_at + 1
                if depth == 0:
                    yield self._element(
                        buffer[start:position], line + buffer.count("\n", 0, start), namespaces, parser
                    )
                    line += buffer.count("\n", 0, position)
                    buffer, position, start = buffer[position:], 0, -1
            else:
                depth += 1
                position = close_at + 1 if close_at >= 0 else found.end()
        if start >= 0:
            yield Rejected.of(
                line + buffer.count("\n", 0, start),
                "NG108",
                f"the file ends within <{self._item}>",
                buffer[start:],
            )

    def _nested_is_sibling(self, buffer: str, start: int, here: int) -> bool:
        """Return whether an item inside of an item is really the next one: nothing that was opened between them is open."""
        open_tags = 0
        for match in re.finditer(
            r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<(/?)([\w:.-]+)(?:[^>\"']|\"[^\"]*\"|'[^']*')*?(/?)>",
            buffer[start:here],
            re.S,
        ):
            if match[2] and not match[3]:
                open_tags += -1 if match[1] else 1
        return open_tags <= 1

    def _element(self, text: str, line: int, namespaces: str, parser: Any) -> Item:
        """Return an element as a record."""
        if flaw := self._flaw(line, text):
            return flaw
        try:
            root = etree.fromstring(f"<r {namespaces}>{text}</r>".encode(), parser)
            value = _plain_xml(root[0])
        except (etree.XMLSyntaxError, ValueError, RecursionError) as error:
            return Rejected.of(line, "NG101", f"no XML: {error}"[:200], text)
        if not isinstance(value, dict):
            return Rejected.of(line, "NG107", "nothing in it", text)
        return Record(line, value)


def _holds_nul(line: str) -> bool:
    return re.search(r"(?<!\\)(?:\\\\)*\\u0000", line) is not None


def _tag_end(buffer: str, position: int) -> int:
    """Return where the `>` of a tag is, quoted ones aside; -1 when it is not there yet."""
    match = re.compile(r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*>").match(buffer, position)
    return match.end() - 1 if match else -1


def _namespaces(head: str) -> str:
    """Return the namespace declarations of what stands before the first record."""
    found = dict(re.findall(r"\s(xmlns(?::[\w.-]+)?)\s*=\s*(\"[^\"<&]*\"|'[^'<&]*')", head))
    return " ".join(f"{name}={value}" for name, value in found.items())


def _plain_xml(element: Any, depth: int = 0) -> Any:
    """Return an element as JSON: text, or an object of its attributes and children; those that repeat become arrays."""
    made: dict[str, Any] = {
        f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()
    }
    text = (element.text or "").strip()
    for child in element:
        if not isinstance(child.tag, str):
            raise ValueError("an entity that is not known")
        if (child.tail or "").strip():
            text = f"{text} {child.tail.strip()}".strip()
        if depth >= _DEPTH:
            raise ValueError("nested too deep")
        name = etree.QName(child).localname
        value = _plain_xml(child, depth + 1)
        if value is None:
            continue
        if name not in made:
            made[name] = value
        elif isinstance(made[name], list):
            made[name].append(value)
        else:
            made[name] = [made[name], value]
    if not made:
        return text or None
    if text:
        made["#text"] = text
    return made
