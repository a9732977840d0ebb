"""What the tests of the bulk pipeline share: shops, files of lines, daemons, and mirrors to compare.

A mirror is compared by natural keys: internal ids become the gids of what they refer to, times at which we wrote are
left out, and tombstones are compared as facts.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql as psql
from psycopg.rows import dict_row

from neanelu.cli.shop import DEFAULT_SCOPES, register_shop
from neanelu.platform.scratch import Database
from neanelu.sandbox.files import Job
from neanelu.sandbox.generator import ShopSpec
from neanelu.secrets import KeyRing
from neanelu.settings import Settings
from neanelu.shopify import documents
from neanelu.sync.daemon import SyncDaemon
from neanelu.sync.fetch import Spool
from neanelu.sync.progress import Progress

#: The key that seals the tokens of test shops.
KEYS = KeyRing({1: bytes(range(32))})
#: The same key as a daemon's environment names it.
KEY_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_numbers = itertools.count(1)

#: Columns that say when and under which internal id we wrote, not what the shop is.
_OURS = frozenset({"id", "shop_id", "media_id", "created_at", "updated_at", "synced_at", "deleted_at"})
#: References without a foreign key: resource_id of publications is a product's or a collection's.
_POLYMORPHIC = {
    ("shopify_resource_publications", "resource_id"): """
        (SELECT p.shopify_gid FROM neanelu.shopify_products AS p WHERE p.shop_id = t.shop_id AND p.id = t.resource_id
         UNION ALL
         SELECT c.shopify_gid FROM neanelu.shopify_collections AS c WHERE c.shop_id = t.shop_id AND c.id = t.resource_id)"""
}


def new_domain() -> str:
    """Return a domain that no other test of this process uses."""
    return f"shop-{os.getpid()}-{next(_numbers)}.myshopify.com"


def settings(tmp_path: Path, base_url: str = "https://{shop}", **more: Any) -> Settings:
    """Return settings for a daemon that does not wait longer than a test likes."""
    return Settings(
        _env_file=None,
        **{
            "shopify_base_url": base_url,
            "sync_spool_dir": tmp_path / "spool",
            "sync_poll_seconds": 0.05,
            "sync_poll_max_seconds": 0.1,
            "sync_idle_seconds": 0.05,
            **more,
        },
    )


def configure(database: Database, **values: float) -> None:
    """Set numbers of system_config, key sync.<name>."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for name, value in values.items():
            connection.execute(
                "INSERT INTO neanelu.system_config (key, value) VALUES ('sync.' || %s, to_jsonb(%s::numeric))"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [name, value],
            )


def vacuum(database: Database) -> None:
    """Vacuum what runs leave behind, as autovacuum does outside of tests."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        names = connection.execute(
            "SELECT format('neanelu.%I', relname) FROM pg_class"
            " WHERE relpersistence = 'u' AND relkind = 'r' AND relnamespace = 'neanelu'::regnamespace"
        ).fetchall()
        tables = ", ".join(row[0] for row in names)
        connection.execute(f"VACUUM (ANALYZE) {tables}".encode())


@dataclass
class TestShop:
    """A shop in a test's database, and what a daemon does with it."""

    __test__ = False

    database: Database
    tmp_path: Path
    id: UUID
    domain: str
    settings: Settings
    key_ring: KeyRing = KEYS

    @classmethod
    def create(
        cls,
        database: Database,
        tmp_path: Path,
        *,
        domain: str | None = None,
        token: str = "shpat_unused",
        base_url: str = "https://{shop}",
        api_version: str = "2026-10",
        **options: Any,
    ) -> TestShop:
        """Register a shop; options are settings of its daemons."""
        domain = domain or new_domain()
        with psycopg.connect(
            database.dsn("neanelu_operator"), autocommit=True, row_factory=dict_row
        ) as connection:
            shop_id = register_shop(
                connection, KEYS, domain, token, DEFAULT_SCOPES.split(","), api_version=api_version
            )
        return cls(database, tmp_path, shop_id, domain, settings(tmp_path, base_url, **options))

    def daemon(self, progress: Progress | None = None, **options: Any) -> SyncDaemon:
        """Return a daemon for this shop's database; the caller closes it."""
        return SyncDaemon(
            options.pop("settings", self.settings),
            dsn=self.database.dsn("neanelu_sync"),
            progress=progress,
            keys=self.key_ring,
            **options,
        )

    # --- runs ---------------------------------------------------------------------------------------------

    def ingest(
        self,
        data: bytes,
        resource: str = "products",
        mode: str = "snapshot",
        *,
        allow_mass_delete: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Take the bytes of a file through the pipeline and return the row of its run."""
        path = self.tmp_path / f"{next(_numbers)}.jsonl"
        path.write_bytes(data)
        with self.daemon(progress) as daemon:
            run_id = daemon.request(
                self.id, resource, mode, source="file", allow_mass_delete=allow_mass_delete
            )
            assert daemon.work_once(shop_id=self.id, run_id=run_id, source=Spool(path))
        path.unlink()
        return self.run(run_id)

    def sync(
        self,
        *resources: str,
        mode: str = "snapshot",
        allow_mass_delete: bool = False,
        daemon: SyncDaemon | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Synchronise resources (all of them without a name) from the sandbox; return the runs' rows by resource."""
        worker = daemon or self.daemon()
        try:
            names = resources or tuple(worker.resources())
            runs = {
                name: worker.request(self.id, name, mode, allow_mass_delete=allow_mass_delete)
                for name in names
            }
            worker.run_until_ended(runs.values(), shop_id=self.id)
        finally:
            if daemon is None:
                worker.close()
        return {name: self.run(run_id) for name, run_id in runs.items()}

    # --- looking ------------------------------------------------------------------------------------------

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement, asked for as the superuser."""
        with psycopg.connect(self.database.dsn(), autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def value(self, statement: str, *values: Any) -> Any:
        """Return the only value of a statement."""
        rows = self.rows(statement, *values)
        assert len(rows) == 1
        return next(iter(rows[0].values()))

    def execute(self, statement: str, *values: Any) -> None:
        """Execute a statement as the superuser."""
        with psycopg.connect(self.database.dsn(), autocommit=True) as connection:
            connection.execute(statement.encode(), values or None)

    def run(self, run_id: UUID) -> dict[str, Any]:
        """Return a run's row."""
        return self.rows("SELECT * FROM neanelu.bulk_runs WHERE id = %s", run_id)[0]

    def plan(self, run_id: UUID) -> str:
        """Return how the run's file was sent: all, or manifest."""
        return str(
            self.value(
                "SELECT metadata ->> 'plan' FROM neanelu.bulk_steps WHERE bulk_run_id = %s AND step_name = 'load'",
                run_id,
            )
        )

    def errors(self, run_id: UUID) -> list[dict[str, Any]]:
        """Return a run's quarantine, in the order of the file."""
        return self.rows(
            "SELECT * FROM neanelu.bulk_errors WHERE bulk_run_id = %s ORDER BY line_number", run_id
        )

    def failure(self, run_id: UUID) -> str:
        """Return what is known of a run that did not complete, as text for a message."""
        run = self.run(run_id)
        names = (
            "query_type",
            "status",
            "attempt",
            "retry_count",
            "error_code",
            "error_message",
            "lines_in",
            "leased_by",
        )
        reasons = self.rows(
            "SELECT error_code, kind, count(*), min(line_number) AS first, min(error_message) AS message"
            " FROM neanelu.bulk_errors WHERE bulk_run_id = %s GROUP BY 1, 2 ORDER BY 3 DESC",
            run_id,
        )
        steps = self.rows(
            "SELECT step_name, status, metadata FROM neanelu.bulk_steps WHERE bulk_run_id = %s ORDER BY id",
            run_id,
        )
        return "\n".join(map(str, [{name: run[name] for name in names}, *steps, *reasons]))

    def counts(self, run_id: UUID) -> dict[str, dict[str, Any]]:
        """Return what became of a run's lines, by kind."""
        rows = self.rows("SELECT * FROM neanelu.bulk_counts WHERE bulk_run_id = %s", run_id)
        return {row["kind"]: row for row in rows}

    def quarantined_bytes(self, run_id: UUID, line: int) -> bytes:
        """Return the bytes of a quarantined line, all pieces of it."""
        pieces = self.rows(
            "SELECT raw FROM neanelu.bulk_errors WHERE bulk_run_id = %s AND line_number = %s", run_id, line
        )
        pieces += self.rows(
            "SELECT bytes AS raw FROM neanelu.bulk_error_chunks WHERE bulk_run_id = %s AND line_number = %s"
            " ORDER BY chunk_number",
            run_id,
            line,
        )
        return b"".join(bytes(piece["raw"]) for piece in pieces)

    def mirror(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        """Return the shop's mirror by table: rows in a form that equal shops share, sorted."""
        with psycopg.connect(self.database.dsn(), autocommit=True) as connection:
            names = tables or mirror_tables(connection)
            return {name: _natural_rows(connection, name, self.id) for name in names}

    def live(self, table: str) -> set[str]:
        """Return the gids of a table's living rows."""
        rows = self.rows(
            f"SELECT shopify_gid FROM neanelu.{table} WHERE shop_id = %s AND deleted_at IS NULL", self.id
        )
        return {row["shopify_gid"] for row in rows}

    def gone(self, table: str) -> set[str]:
        """Return the gids of a table's tombstones."""
        rows = self.rows(
            f"SELECT shopify_gid FROM neanelu.{table} WHERE shop_id = %s AND deleted_at IS NOT NULL", self.id
        )
        return {row["shopify_gid"] for row in rows}


def mirror_tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the tables that the pipeline fills."""
    rows = connection.execute("SELECT DISTINCT target_table FROM neanelu.sync_tables ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def _natural_rows(connection: psycopg.Connection[Any], table: str, shop_id: UUID) -> list[tuple[Any, ...]]:
    """Return a table's rows of one shop, internal ids replaced by gids, sorted."""
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname",
            [f"neanelu.{table}"],
        )
    ]
    references = {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            """
            SELECT a.attname, k.confrelid::regclass::text, f.attname
              FROM pg_constraint AS k
             CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS x (own, other)
              JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = x.own AND a.attname <> 'shop_id'
              JOIN pg_attribute AS f ON f.attrelid = k.confrelid AND f.attnum = x.other
             WHERE k.contype = 'f' AND k.conrelid = %s::regclass AND f.attname IN ('id', 'media_id')""",
            [f"neanelu.{table}"],
        )
    }
    parts = []
    for column in columns:
        if (table, column) in _POLYMORPHIC:
            parts.append(_POLYMORPHIC[table, column])
        elif column in references:
            parent, key = references[column]
            parts.append(
                f"(SELECT r.shopify_gid FROM {parent} AS r WHERE r.shop_id = t.shop_id AND r.{key} = t.{column})"
            )
        elif column not in _OURS:
            parts.append(f"t.{column}::text")
    if "deleted_at" in columns:
        parts.append("(t.deleted_at IS NOT NULL)::text")
    query = f"SELECT {', '.join(parts)} FROM neanelu.{table} AS t WHERE t.shop_id = %s"
    rows = connection.execute(psql.SQL(query), [shop_id]).fetchall()  # type: ignore[arg-type]
    return sorted(rows, key=repr)


# --- files of lines ---------------------------------------------------------------------------------------


def lines_of(spec: ShopSpec, resource: str = "products", *, shuffled: bool = False) -> list[bytes]:
    """Return the lines of a shop's result file, without their line ends."""
    job = Job(spec, documents.render(resource), shuffled=shuffled)
    parts = [job.part(*bounds) for bounds in job.ranges()]
    return b"".join([part.data for part in parts] + [part.late for part in parts]).splitlines()


def joined(lines: Iterable[bytes]) -> bytes:
    """Return lines as a file."""
    return b"".join(line + b"\n" for line in lines)


def insert_after(lines: Sequence[bytes], position: int, *more: bytes) -> list[bytes]:
    """Return the lines with some more after the first `position`."""
    return [*lines[:position], *more, *lines[position:]]


def replace_line(
    lines: Sequence[bytes], matches: Callable[[bytes], bool], change: Callable[[bytes], bytes]
) -> tuple[list[bytes], int]:
    """Return the lines with the first one that matches changed, and its number from 1."""
    for position, line in enumerate(lines):
        if matches(line):
            changed = change(line)
            assert changed != line
            return [*lines[:position], changed, *lines[position + 1 :]], position + 1
    raise AssertionError("no line matches")


def shuffled(lines: Sequence[bytes], seed: int = 1) -> list[bytes]:
    """Return the lines in another order, the same for the same seed."""
    mixed = list(lines)
    random.Random(seed).shuffle(mixed)
    return mixed
