"""`neanelu config`: settings of the platform that stand in the database."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import click
import orjson

from neanelu.cli.output import console, emit, exits, instant, table
from neanelu.db import sql
from neanelu.db.connection import session
from neanelu.db.errors import InvalidInput, NotFound, translated
from neanelu.secrets import config_place, key_ring

_LIMIT = 65_536


@click.group()
def config() -> None:
    """Settings of the platform that stand in the database and outlive a restart.

    Sensitive ones are sealed before they leave this command, and shown as ***. What a daemon needs to start is
    in its environment instead: docs/settings.md.

    \b
    Examples:
      neanelu config list
      neanelu config set jobs.max_active 80
      neanelu config set smtp.password --sensitive --value-file - < password
    """


@config.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(as_json: bool) -> None:
    """List the settings that are set.

    \b
    Examples:
      neanelu config list
      neanelu config list --json | jq -r '.[].key'
    """
    with exits(as_json), session("neanelu_operator", purpose="config") as connection:
        with translated():
            rows = connection.execute(sql.LIST_CONFIG).fetchall()
        if as_json:
            emit(rows)
        elif not rows:
            click.echo("nothing is set; all settings have their defaults")
        else:
            columns = {"KEY": "left", "VALUE": "left", "CHANGED": "left", "DESCRIPTION": "left"}
            console().print(
                table(
                    columns,
                    (
                        (
                            row["key"],
                            "***" if row["is_sensitive"] else orjson.dumps(row["value"]).decode(),
                            instant(row["updated_at"]),
                            row["description"] or "",
                        )
                        for row in rows
                    ),
                    wrap="DESCRIPTION",
                )
            )


@config.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def get(key: str, as_json: bool) -> None:
    """Print a setting; *** where it is sensitive.

    \b
    Examples:
      neanelu config get jobs.max_active
    """
    with exits(as_json), session("neanelu_operator", purpose="config") as connection:
        with translated():
            row = connection.execute(sql.CONFIG, {"key": key}).fetchone()
        value = row["value"] if row else None
        if value is None:
            raise NotFound(
                f"setting {key} is not set", code="NF003", hint="It has its default. neanelu config list"
            )
        if as_json:
            emit({"key": key, "value": value})
        else:
            click.echo(value if isinstance(value, str) else orjson.dumps(value).decode())


def _text(value: str | None, value_file: str | None) -> str:
    """Return what was given, as an argument or in a file."""
    if (value is None) == (value_file is None):
        raise click.UsageError("give either VALUE or --value-file")
    text = value
    if value_file is not None:
        try:
            data = (
                sys.stdin.buffer.read(_LIMIT) if value_file == "-" else Path(value_file).read_bytes()[:_LIMIT]
            )
            text = data.decode("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise InvalidInput(f"the value cannot be read from {value_file}", code="NF001") from None
    assert text is not None
    return text


def _value(text: str) -> Any:
    """Return what is meant: JSON where it is JSON, else the text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


@config.command("set")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--value-file", metavar="FILE|-", help="Read the value from a file; - reads standard input.")
@click.option(
    "--sensitive/--no-sensitive", "sensitive", default=None, help="Seal it, or say that it may be seen."
)
@click.option("--description", help="What it does, with unit and range.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def set_(
    key: str,
    value: str | None,
    value_file: str | None,
    sensitive: bool | None,
    description: str | None,
    as_json: bool,
) -> None:
    """Set a setting. VALUE is JSON (80, true, "text", {"a": 1}), or text when it is no JSON.

    A sensitive value is read from a file or standard input, as arguments can be read by everyone on the machine.

    \b
    Examples:
      neanelu config set sync.max_error_fraction 0.02
      neanelu config set smtp.password --sensitive --value-file -
    """
    if sensitive and value is not None:
        raise click.UsageError("give a sensitive value with --value-file: arguments can be read by everyone")
    text = _text(value, value_file)
    with exits(as_json), session("neanelu_operator", purpose="config") as connection:
        if sensitive is None:  # what was sensitive stays so
            with translated():
                rows = connection.execute(sql.LIST_CONFIG).fetchall()
            sensitive = any(row["key"] == key and row["is_sensitive"] for row in rows)
            if sensitive and value is not None:
                raise click.UsageError(f"{key} is sensitive: give its value with --value-file")
        stored = _value(text)
        if sensitive:
            packed = key_ring().seal(text, config_place(key)).pack()
            stored = {"sealed": base64.b64encode(packed).decode()}
        with translated():
            connection.execute(
                sql.SET_CONFIG,
                {
                    "key": key,
                    "value": orjson.dumps(stored).decode(),
                    "sensitive": sensitive,
                    "description": description,
                },
            )
        if as_json:
            emit({"key": key, "value": "***" if sensitive else stored, "is_sensitive": sensitive})
        else:
            click.echo(f"{key} set to {'***' if sensitive else orjson.dumps(stored).decode()}")


@config.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def unset(key: str, as_json: bool) -> None:
    """Forget a setting, so that its default counts again.

    \b
    Examples:
      neanelu config unset jobs.max_active
    """
    with exits(as_json), session("neanelu_operator", purpose="config") as connection:
        with translated():
            connection.execute(sql.DELETE_CONFIG, {"key": key})
        if as_json:
            emit({"key": key, "value": None})
        else:
            click.echo(f"{key} has its default again")
