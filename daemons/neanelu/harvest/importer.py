"""`neanelu harvest import`: a feed's records go to the database in batches, what cannot be used to quarantine."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from neanelu.cli.output import console, readable
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, NeaneluError
from neanelu.harvest.feeds import Feed, Record, Rejected
from neanelu.settings import Settings

#: Records, and bytes of them, that go in one transaction.
_BATCH: Final = 1000
_BATCH_BYTES: Final = 4 * 1024 * 1024
#: Names of keys, where the source's mapping has none.
_KEYS: Final = (
    "id", "sourceproductid", "productid", "itemid", "sku", "code", "productcode", "itemcode", "articlenumber",
    "gtin", "gtin13", "gtin14", "gtin12", "ean", "ean13", "upc", "isbn", "barcode", "mpn", "partnumber", "url", "link",
)  # fmt: skip
_FOLD: Final = re.compile(r"^[a-z]+:|[\W_]+")
_SHOWN: Final = 3


def fold(name: str) -> str:
    """Return a name as harvest._fold makes it."""
    return _FOLD.sub("", name.lower())


class Keys:
    """Finds the key of a record.

    Args:
        mapping: of the source's config.
    """

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        given = mapping.get("id")
        names = given if isinstance(given, list) else [given] if given else _KEYS
        self._names = [fold(str(name)) for name in names]
        self._by_name: dict[str, str] = {}

    def of(self, record: Mapping[str, Any]) -> str | None:
        """Return the value of the first of the names that has one, or None."""
        folded: dict[str, str] = {}
        for name in record:
            if name not in self._by_name:
                self._by_name[name] = fold(name)
            folded.setdefault(self._by_name[name], name)
        for wanted in self._names:
            value = record.get(folded.get(wanted, ""))
            if isinstance(value, dict):
                value = value.get("#text") or value.get("value")
            if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()
        return None


class Importer:
    """One import.

    Args:
        file: path, or `-`.
        source: name of the source.
        kind: csv, jsonl, xml or None.
        mapping: fields and names to keep in the source's config.
        item, delimiter, encoding: win over the source's config.
        settings: limits.
        dsn, operator_dsn: connect here instead of where the settings say (tests).
    """

    def __init__(
        self,
        file: str,
        source: str,
        kind: str | None,
        mapping: Mapping[str, Sequence[str]],
        item: str | None,
        delimiter: str | None,
        encoding: str | None,
        settings: Settings,
        dsn: str | None = None,
        operator_dsn: str | None = None,
    ) -> None:
        self._file = file
        self._source = source
        self._kind = kind
        self._mapping = {field: list(names) for field, names in mapping.items()}
        self._given = {"item": item, "delimiter": delimiter, "encoding": encoding}
        self._settings = settings
        self._dsn = dsn
        self._operator_dsn = operator_dsn

    def run(self, *, dry_run: bool = False, quiet: bool = False) -> dict[str, Any]:
        """Import, or with `dry_run` only read; returns the report.

        Raises:
            InvalidInput: NG011 the file cannot be read as a feed.
            NeaneluError: what the database refuses.
        """
        began = time.monotonic()
        counts = dict.fromkeys(("records", "stored", "unchanged", "superseded", "quarantined"), 0)
        report: dict[str, Any] = {"import_id": None, "dry_run": dry_run, **counts, "errors": []}
        with ExitStack() as stack:
            connection = stack.enter_context(
                session("neanelu_harvester", purpose="harvest import", dsn=self._dsn, settings=self._settings)
            )
            source_id, config = self._prepare(connection, dry_run=dry_run)
            stream, size = self._open(stack)
            given = {k: v or config.get(k) for k, v in self._given.items()}
            feed = Feed(stream, self._kind, max_bytes=self._settings.harvest_max_record_bytes, **given)
            report["format"] = feed.kind
            keys = Keys(config.get("mapping") or {})
            progress = stack.enter_context(_progress(quiet))
            task = progress.add_task("import", total=size)
            if not dry_run:
                arguments = {
                    "source_id": source_id,
                    "file": "standard input" if self._file == "-" else Path(self._file).name,
                    "format": feed.kind,
                }
                report["import_id"] = _value(connection, sql.BEGIN_IMPORT, arguments)
            try:
                for records, errors in _batches(feed, keys):
                    self._take(connection, report, records, errors)
                    progress.update(task, completed=_position(stream))
            except NeaneluError as error:
                if report["import_id"]:
                    _value(connection, sql.END_IMPORT, {"import_id": report["import_id"], "code": error.code})
                raise
            if report["import_id"]:
                _value(connection, sql.END_IMPORT, {"import_id": report["import_id"], "code": None})
        report["seconds"] = round(time.monotonic() - began, 3)
        return report

    def _prepare(self, connection: Connection, *, dry_run: bool) -> tuple[UUID, dict[str, Any]]:
        """Return the source and its config, with the mapping that was given, which is kept unless it is a dry run."""
        source_id: UUID = _value(connection, sql.FIND_SOURCE, {"name": self._source})
        row = connection.execute(sql.SOURCE_SETTINGS, {"source_id": source_id}).fetchone()
        assert row is not None
        config: dict[str, Any] = row["config"]
        if self._mapping:
            config = {**config, "mapping": {**(config.get("mapping") or {}), **self._mapping}}
            if not dry_run:
                with session(
                    "neanelu_operator",
                    purpose="harvest import",
                    dsn=self._operator_dsn,
                    settings=self._settings,
                ) as operator:
                    changes = {"config": {"mapping": config["mapping"]}}
                    operator.execute(sql.SET_SOURCE, {"source_id": source_id, "changes": Jsonb(changes)})
        return source_id, config

    def _open(self, stack: ExitStack) -> tuple[io.BufferedReader, int | None]:
        if self._file == "-":
            return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), 1 << 18), None
        try:
            stream = stack.enter_context(Path(self._file).open("rb", buffering=1 << 18))  # noqa: SIM115
        except OSError as error:
            raise InvalidInput(f"{self._file} cannot be read: {error.strerror}", code="NG011") from None
        assert isinstance(stream, io.BufferedReader)
        return stream, Path(self._file).stat().st_size or None

    def _take(
        self,
        connection: Connection,
        report: dict[str, Any],
        records: list[dict[str, Any]],
        errors: list[Rejected],
    ) -> None:
        """Hand one batch over, and count it."""
        for error in errors[: max(0, _SHOWN - len(report["errors"]))]:
            report["errors"].append(
                {
                    "line": error.line,
                    "code": error.code,
                    "message": error.message,
                    "raw": readable(error.raw, 80),
                }
            )
        if report["dry_run"]:
            report["records"] += len(records) + len(errors)
            report["quarantined"] += len(errors)
            return
        told = [
            {
                "line": error.line,
                "code": error.code,
                "message": error.message.encode("utf-8", "replace").decode(),
                "raw": base64.b64encode(error.raw).decode(),
                "bytes": error.size,
            }
            for error in errors
        ]
        row = connection.execute(
            sql.RECORD_IMPORT,
            {
                "import_id": report["import_id"],
                "records": Jsonb(records, dumps=orjson.dumps),
                "errors": Jsonb(told, dumps=orjson.dumps),
            },
        ).fetchone()
        assert row is not None
        for name, count in row.items():
            report[name] += count
            report["records"] += count


def _batches(feed: Feed, keys: Keys) -> Iterator[tuple[list[dict[str, Any]], list[Rejected]]]:
    """Yield records as harvest.store_many takes them, and what is to go to quarantine."""
    records: list[dict[str, Any]] = []
    errors: list[Rejected] = []
    size = 0
    for item in feed.records():
        if isinstance(item, Record):
            content = orjson.dumps(item.value, option=orjson.OPT_SORT_KEYS)
            key = keys.of(item.value)
            if key is None:
                errors.append(Rejected.of(item.line, "NG106", "no key", content))
            elif len(key.encode()) > 255:
                errors.append(Rejected.of(item.line, "NG106", "a key over 255 bytes", content))
            else:
                size += len(content)
                digest = hashlib.sha256(content).hexdigest()
                records.append({"source_product_id": key, "json": orjson.Fragment(content), "hash": digest})
        else:
            errors.append(item)
            size += len(item.raw)
        if len(records) + len(errors) >= _BATCH or size >= _BATCH_BYTES:
            yield records, errors
            records, errors, size = [], [], 0
    if records or errors:
        yield records, errors


def _value(connection: Connection, statement: str, arguments: Mapping[str, Any]) -> Any:
    row = connection.execute(statement, arguments).fetchone()
    assert row is not None
    return next(iter(row.values()))


def _position(stream: io.BufferedReader) -> int:
    try:
        return stream.tell()
    except OSError:
        return 0


def _progress(quiet: bool) -> Progress:
    """Return a bar on standard error, where that is a terminal."""
    screen = console(error=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=quiet or not screen.is_terminal,
    )
