"""Run squawk over the scripts that sqitch.plan adds or reworks after its newest tag.

Until the first tag nobody's data depends on a script, and scripts are edited in place; after it a change
meets full tables, and squawk knows which statements lock or rewrite them. Settings: .squawk.toml. Exit code:
squawk's, 0 when there is nothing to check.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def changes_after_tag(plan: str) -> tuple[str | None, list[str]]:
    """Return the newest tag of a plan, or None, and the names of the changes below it, in order."""
    tag, changes = None, []
    for line in plan.splitlines():
        words = line.split()
        if not words or words[0][0] in "%#":
            continue
        if words[0].startswith("@"):
            tag, changes = words[0], []
        else:
            changes.append(words[0])
    return tag, changes


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what there is to check and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=REPO, help="the project's folder")
    root = parser.parse_args(arguments).root.resolve()
    tag, changes = changes_after_tag((root / "sqitch.plan").read_text(encoding="utf-8"))
    if tag is None:
        print("lint_migrations: sqitch.plan has no tag yet, nothing for squawk to check")
        return 0
    scripts = [script for name in changes if (root / (script := f"db/{name}.sql")).exists()]
    print(f"lint_migrations: {len(scripts)} scripts after {tag}", flush=True)
    if not scripts:
        return 0
    squawk = Path(sys.executable).with_name("squawk")
    config = ["--config", str(REPO / ".squawk.toml")]
    return subprocess.run([str(squawk), *config, *scripts], cwd=root, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
