"""`neanelu keys`: the keys that seal secrets, and rotation to a new one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import click

from neanelu.cli.output import console, emit, exits, instant, number, table
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import NeaneluError, TryAgain, translated
from neanelu.secrets import (
    KeyRing,
    KeyUnusable,
    Sealed,
    add_to_key_file,
    key_file,
    key_ring,
    new_key,
    place_of,
)
from neanelu.settings import Settings, get_settings

#: Rounds through what is left; each but the first sees only what was written while the one before ran.
_ROUNDS: Final = 5


class Unopened(NeaneluError):
    """Some values could not be opened, so that the rotation cannot end."""

    default_code = "NK015"


@dataclass(slots=True)
class Progress:
    """What a rotation did and could not do."""

    resealed: int = 0
    unopened: list[dict[str, str]] = field(default_factory=list)


def rotate_values(
    connection: Connection, ring: KeyRing, rotation_id: UUID, batch: int, progress: Progress
) -> Progress:
    """Seal all values anew that are sealed with an older key; each batch is one transaction.

    A value that changed meanwhile was sealed with the new key by whoever changed it, and is left alone.

    Args:
        connection: autocommit, as neanelu_operator.
        ring: opens old values and seals with the rotation's key.
        rotation_id: rotation in progress.
        batch: values a transaction.
        progress: is counted up as it goes.

    Raises:
        NeaneluError: what the database says.
    """
    after = {"after_place": "", "after_row": ""}
    while True:
        with translated():
            rows = connection.execute(
                sql.SEALED_BATCH, {"rotation_id": rotation_id, "limit": batch, **after}
            ).fetchall()
        if not rows:
            return progress
        after = {"after_place": rows[-1]["place"], "after_row": rows[-1]["row_key"]}
        fresh: list[tuple[dict[str, Any], bytes]] = []
        for row in rows:
            place = place_of(row["place"], row["shop_id"], row["row_key"])
            try:
                secret = ring.open(Sealed.unpack(row["packed"]), place)
            except NeaneluError as error:
                progress.unopened.append(
                    {"place": row["place"], "row": row["row_key"], "code": error.code, "why": error.message}
                )
                continue
            fresh.append((row, ring.seal(secret, place).pack()))
        if not fresh:
            continue
        with translated():
            done = connection.execute(
                sql.RESEAL,
                {
                    "rotation_id": rotation_id,
                    "places": [row["place"] for row, _ in fresh],
                    "shop_ids": [row["shop_id"] for row, _ in fresh],
                    "row_keys": [row["row_key"] for row, _ in fresh],
                    "old": [row["packed"] for row, _ in fresh],
                    "new": [packed for _, packed in fresh],
                },
            ).fetchone()
        assert done is not None
        progress.resealed += done["resealed"]


def finish(connection: Connection, rotation_id: UUID) -> int:
    """Complete the rotation if nothing needs the old key; returns how many values still do."""
    for last_try in (False, False, True):
        try:
            with translated():
                row = connection.execute(sql.FINISH_KEY_ROTATION, {"rotation_id": rotation_id}).fetchone()
        except TryAgain:  # somebody holds a shop's row for long
            if last_try:
                raise
        else:
            assert row is not None
            remaining: int = row["remaining"]
            return remaining
    raise AssertionError("unreachable")


def _source(settings: Settings) -> str:
    """Return where the keys come from, for people."""
    if settings.encryption_key is not None:
        return "NEANELU_ENCRYPTION_KEY"
    path = key_file(settings)
    return str(path) if path is not None else "NEANELU_ENCRYPTION_KEY_COMMAND"


def _usage(connection: Connection) -> list[dict[str, Any]]:
    with translated():
        return connection.execute(sql.KEY_USAGE).fetchall()


@click.group()
def keys() -> None:
    """Keys that seal tokens, webhook secrets and sensitive settings, and rotation to a new one.

    \b
    Examples:
      neanelu keys list                 which keys are here, and what is sealed with which
      neanelu keys generate --add       put a new key into the key file
      neanelu keys rotate               seal everything with the newest key
      neanelu keys status               rotations, and which keys are not needed any more
    """


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_(as_json: bool) -> None:
    """List the keys by version: whether they are here, which one seals, and how much is sealed with each.

    Keys themselves are never shown.

    \b
    Examples:
      neanelu keys list
      neanelu keys list --json | jq '.keys[] | select(.here == false)'
    """
    with exits(as_json):
        settings = get_settings()
        ring = key_ring(settings)
        with session("neanelu_operator", purpose="keys") as connection:
            used = Counter[int]()
            for row in _usage(connection):
                used[row["key_version"]] += row["sealed_values"]
        rows = [
            {
                "version": version,
                "here": version in ring.versions,
                "seals": version == ring.sealing_version,
                "sealed_values": used[version],
            }
            for version in sorted({*ring.versions, *used}, reverse=True)
        ]
        if as_json:
            emit({"source": _source(settings), "keys": rows})
            return
        click.echo(f"keys from {_source(settings)}")
        columns = {"KEY": "right", "HERE": "left", "SEALS": "left", "SEALED VALUES": "right"}
        console().print(
            table(
                columns,
                (
                    (
                        row["version"],
                        "yes" if row["here"] else "MISSING",
                        "yes" if row["seals"] else "",
                        number(row["sealed_values"]),
                    )
                    for row in rows
                ),
            )
        )


@keys.command()
@click.option("--add", is_flag=True, help="Add it to the key file instead of printing it.")
@click.option(
    "--version", "version", type=click.IntRange(1, 999_999_999), help="Its version [default: the next]."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def generate(add: bool, version: int | None, as_json: bool) -> None:
    """Make a new key, 32 random bytes.

    Without --add it is printed as VERSION:BASE64 and kept nowhere: give it to your secret manager.
    With --add it goes into the key file (NEANELU_ENCRYPTION_KEY_FILE, or the embedded cluster's own), beside the old ones.

    \b
    Examples:
      neanelu keys generate --add && neanelu keys rotate
      neanelu keys generate | vault kv put secret/neanelu/key2 key=-
    """
    with exits(as_json):
        settings = get_settings()
        try:
            versions = key_ring(settings).versions
        except KeyUnusable:
            if add:
                raise
            versions = []
        chosen = version or max(versions, default=0) + 1
        if chosen in versions:
            raise KeyUnusable(f"there is a key of version {chosen} already")
        entry = new_key(chosen)
        if not add:
            emit({"version": chosen, "key": entry}) if as_json else click.echo(entry)
            return
        path = key_file(settings)
        if path is None:
            raise KeyUnusable(
                f"the keys come from {_source(settings)}, to which nothing can be added",
                hint="neanelu keys generate prints a key to be put there.",
            )
        add_to_key_file(path, entry)
        if as_json:
            emit({"version": chosen, "file": str(path)})
        else:
            click.echo(f"key {chosen} added to {path}; back it up, then: neanelu keys rotate")


@keys.command()
@click.option(
    "--to", "version", type=click.IntRange(1), help="Version to rotate to [default: the newest here]."
)
@click.option(
    "--batch", default=500, show_default=True, type=click.IntRange(1, 10_000), help="Values a transaction."
)
@click.option("--dry-run", is_flag=True, help="Say what would be sealed anew; change nothing.")
@click.option("--abandon", is_flag=True, help="Give up the rotation in progress; both keys stay needed.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask (--abandon).")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def rotate(version: int | None, batch: int, dry_run: bool, abandon: bool, yes: bool, as_json: bool) -> None:
    """Seal everything with the newest key, in batches, while all daemons go on.

    Give the new key to all daemons first: as soon as the rotation begins, values sealed with an older key are refused.
    Interrupted at any point, it goes on where it was when it is called again. When it has ended nothing needs the old key.

    \b
    Examples:
      neanelu keys rotate --dry-run
      neanelu keys rotate
      neanelu keys rotate --abandon
    """
    with exits(as_json), session("neanelu_operator", purpose="keys") as connection:
        if abandon:
            _abandon(connection, dry_run, yes or as_json, as_json)
            return
        ring = key_ring()
        newest = version or max(ring.versions)
        if newest != ring.sealing_version:
            if newest not in ring.versions:
                raise KeyUnusable(f"there is no key {newest} here", hint="neanelu keys list")
            raise KeyUnusable(
                f"key {ring.sealing_version} seals here and not key {newest}",
                hint="NEANELU_ENCRYPTION_SEALING_VERSION says so, or there is a newer key.",
            )
        if dry_run:
            rows = [row for row in _usage(connection) if row["key_version"] < newest]
            if as_json:
                emit({"to": newest, "would_reseal": rows})
                return
            for row in rows:
                click.echo(
                    f"{row['place']}: {number(row['sealed_values'])} sealed with key {row['key_version']}"
                )
            click.echo(
                f"would seal {number(sum(row['sealed_values'] for row in rows))} values with key {newest}"
            )
            return
        result = _rotate(connection, ring, newest, batch)
        if as_json:
            emit(result)
        elif result["status"] == "completed":
            click.echo(
                f"{number(result['resealed'])} values sealed with key {newest}; nothing needs an older key any more"
            )
        if result["status"] != "completed":
            raise Unopened(
                f"{len(result['unopened'])} values could not be opened, and {result['remaining']} need an older key",
                detail="; ".join(
                    f"{bad['place']} of {bad['row']}: {bad['why']}" for bad in result["unopened"][:5]
                ),
                hint="Give those secrets anew (neanelu shop add, neanelu config set), then rotate again.",
            )


def _rotate(connection: Connection, ring: KeyRing, version: int, batch: int) -> dict[str, Any]:
    """Rotate and return what came of it."""
    with translated():
        begun = connection.execute(sql.BEGIN_KEY_ROTATION, {"version": version}).fetchone()
    assert begun is not None
    rotation_id: UUID = begun["rotation_id"]
    progress = Progress()
    remaining = begun["remaining"]
    for _ in range(_ROUNDS):
        progress.unopened.clear()
        rotate_values(connection, ring, rotation_id, batch, progress)
        remaining = finish(connection, rotation_id)
        if remaining <= len(progress.unopened):
            break
    return {
        "rotation_id": rotation_id,
        "from": begun["key_version_old"],
        "to": version,
        "is_resumed": begun["is_resumed"],
        "resealed": progress.resealed,
        "remaining": remaining,
        "status": "completed" if remaining == 0 else "in_progress",
        "unopened": progress.unopened,
    }


def _abandon(connection: Connection, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Give up the rotation in progress."""
    with translated():
        found = [
            r
            for r in connection.execute(sql.KEY_ROTATIONS, {"limit": 1}).fetchall()
            if r["status"] == "in_progress"
        ]
    if not found or dry_run:
        if as_json:
            emit({"abandoned": None, "would_abandon": found[0]["id"] if found else None})
        else:
            click.echo("would give up the rotation" if found else "no rotation is in progress")
        return
    if not yes:
        click.confirm(f"Give up the rotation to key {found[0]['key_version_new']}?", abort=True)
    with translated():
        row = connection.execute(sql.ABANDON_KEY_ROTATION, {"reason": "abandoned by an operator"}).fetchone()
    assert row is not None
    if as_json:
        emit({"abandoned": row["rotation_id"]})
    else:
        click.echo("rotation given up; values are sealed with both keys, keep them")


@keys.command()
@click.option(
    "--limit", default=10, show_default=True, type=click.IntRange(1, 1000), help="Rotations to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(limit: int, as_json: bool) -> None:
    """Show rotations and their progress, what is sealed with which key, and which keys may be taken away.

    \b
    Examples:
      neanelu keys status
      neanelu keys status --json | jq .removable
    """
    with exits(as_json), session("neanelu_operator", purpose="keys") as connection:
        with translated():
            rotations = connection.execute(sql.KEY_ROTATIONS, {"limit": limit}).fetchall()
        usage = _usage(connection)
        ring = key_ring()
        needed = {row["key_version"] for row in usage}
        open_one = next((r for r in rotations if r["status"] == "in_progress"), None)
        removable = (
            [] if open_one else [v for v in ring.versions if v not in needed and v < ring.sealing_version]
        )
        missing = sorted(needed - set(ring.versions))
        if as_json:
            emit({"rotations": rotations, "usage": usage, "removable": removable, "missing": missing})
            return
        columns = {
            "FROM": "right",
            "TO": "right",
            "STATUS": "left",
            "SEALED ANEW": "right",
            "BEGUN": "left",
            "ENDED": "left",
        }
        if rotations:
            console().print(
                table(
                    columns,
                    (
                        (
                            row["key_version_old"],
                            row["key_version_new"],
                            row["status"],
                            number(row["records_updated"]),
                            instant(row["started_at"]),
                            instant(row["completed_at"]),
                        )
                        for row in rotations
                    ),
                )
            )
        else:
            click.echo("no rotation yet")
        for row in usage:
            click.echo(f"key {row['key_version']}: {number(row['sealed_values'])} of {row['place']}")
        if open_one is not None:
            left = sum(r["sealed_values"] for r in usage if r["key_version"] < open_one["key_version_new"])
            click.echo(f"{number(left)} values to go; go on with: neanelu keys rotate")
        if missing:
            click.secho(f"not here, but needed: key {', '.join(map(str, missing))}", fg="red")
        if removable:
            click.echo(f"not needed any more: key {', '.join(map(str, removable))}")
