"""Write docs/settings.md and .env.example from the one class of settings; `--check` only compares.

Run as `make docs`. Exit code 1 when --check finds that a file is out of date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from neanelu.settings import Settings

REPO = Path(__file__).resolve().parent.parent
_HEAD = """\
# Settings

Read from the environment and from a `.env` file in the current folder; the environment wins. Made from
`daemons/neanelu/settings.py` by `make docs`.

| variable | default | range | what it is and when to change it |
|---|---|---|---|
"""
#: Defaults that depend on who runs the program.
_COMPUTED = {
    "home": "`/var/lib/neanelu` for root, else `~/.local/share/neanelu`",
    "cache_dir": "`/var/cache/neanelu` for root, else `~/.cache/neanelu`",
    "sync_spool_dir": "`spool` in the home folder",
}


def default(name: str, field: FieldInfo) -> str:
    """Return a field's default as the table shows it."""
    if name in _COMPUTED:
        return _COMPUTED[name]
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    return "unset" if value is None else f"`{value}`"


def bounds(field: FieldInfo) -> str:
    """Return the range that a field accepts, from its constraints or its type."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(limit, key)}"
        for limit in field.metadata
        for key, sign in signs.items()
        if hasattr(limit, key)
    ]
    if limits:
        return ", ".join(limits)
    text = re.sub(r"<class '(.*)'>", r"\1", str(field.annotation))
    for long, short in (
        ("pathlib._local.", ""),
        ("pathlib.", ""),
        ("typing.", ""),
        (" | None", ""),
        ("|", "or"),
    ):
        text = text.replace(long, short)
    return {
        "str": "text",
        "bool": "true, false",
        "int": "whole number",
        "float": "number",
        "Path": "path",
        "pydantic.types.SecretStr": "text, kept out of logs",
    }.get(text, text)


def table() -> str:
    """Return the text of docs/settings.md."""
    rows = [
        f"| `NEANELU_{name.upper()}` | {default(name, field)} | {bounds(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def example() -> str:
    """Return the text of .env.example: every setting, commented out."""
    parts = ["# Copy to .env and uncomment what you change. docs/settings.md tells more.\n"]
    for name, field in Settings.model_fields.items():
        value: Any = (
            None if name in _COMPUTED else field.get_default(call_default_factory=True, validated_data={})
        )
        parts.append(f"# {field.description}\n#NEANELU_{name.upper()}={'' if value is None else value}\n")
    return "\n".join(parts)


def main() -> int:
    """Write or check both files; returns the exit code."""
    stale = []
    for path, text in ((REPO / "docs/settings.md", table()), (REPO / ".env.example", example())):
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv:
            stale.append(path.name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
