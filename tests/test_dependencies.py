"""What is locked runs on the oldest Python that the README promises, not only on the one that the tests happen to have."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

from conftest import REPO
from packaging.specifiers import SpecifierSet

#: Debian 12's.
OLDEST = "3.11.2"


def test_every_locked_package_may_be_installed_on_debians_python() -> None:
    names = re.findall(
        r"^([\w.-]+)==", (REPO / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE
    )
    wanted: dict[str, str] = {}
    for name in names:
        try:
            wanted[name] = distribution(name).metadata.get("Requires-Python") or ""
        except PackageNotFoundError:
            continue  # locked for another platform
    assert len(wanted) > 50
    assert {name: spec for name, spec in wanted.items() if not SpecifierSet(spec).contains(OLDEST)} == {}
