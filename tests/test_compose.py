"""compose.yml obeys the Compose specification, keeps secrets out, and names only what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import REPO
from ruamel.yaml import YAML

from neanelu.cli import COMMANDS
from neanelu.platform.distribution import packages
from neanelu.secrets import KeyRing
from neanelu.settings import Settings


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((REPO / "compose.yml").read_text("utf-8"))
    return loaded


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_compose_file_obeys_the_specification(tmp_path: Path) -> None:
    done = check_schema(REPO / "compose.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / "compose.yml"
    broken.write_text(
        (REPO / "compose.yml").read_text("utf-8").replace("healthcheck:", "healthchek:"), "utf-8"
    )
    assert check_schema(broken).returncode == 1


def test_every_reference_has_a_definition(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for kind in ("secrets", "networks"):
            assert set(service.get(kind, [])) <= set(compose[kind]), (name, kind)
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"], name
        for other in service.get("depends_on", {}):
            assert other in compose["services"], name


def test_lasting_services_restart_and_have_health_checks(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if service["restart"] != "no":
            assert "test" in service["healthcheck"], name


def test_environment_names_settings_and_holds_no_secret(compose: dict[str, Any]) -> None:
    known = {f"NEANELU_{field.upper()}" for field in Settings.model_fields}
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            assert variable in known, name
            assert not re.search(r"//[^/@]*:[^/@]*@", value), f"{name} carries a password"
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], name


def test_commands_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        program, *arguments = service["command"]
        if program == "neanelu":
            assert arguments[0] in COMMANDS
        else:
            assert (REPO / "docker" / program).stat().st_mode & 0o111


def test_image_holds_neither_secrets_nor_a_second_package_list() -> None:
    ignored = (REPO / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!") and ("secret" in line or "env" in line)]
    dockerfile = (REPO / "Dockerfile").read_text("utf-8")
    assert "packages.txt" in dockerfile
    assert not [name for name in packages() if re.search(rf"\b{re.escape(name)}\b(?![/.])", dockerfile)]
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.M):
        for path in source.split():
            assert f"!{path}" in ignored or any(
                f"!{parent}" in ignored for parent in map(str, Path(path).parents)
            )


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    script = tmp_path / "docker/secrets.sh"
    script.write_bytes((REPO / "docker/secrets.sh").read_bytes())
    subprocess.run(["sh", str(script)], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {name: len(value) for name, value in made.items()} == {
        "postgres_password": 32, "neanelu_sync_password": 32, "neanelu_worker_password": 32, "neanelu_webhooks_password": 32,
        "neanelu_encryption_key": 44, "shopify_client_secret": 0
    }  # fmt: skip
    assert KeyRing.parse(made["neanelu_encryption_key"]).versions == [1]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    subprocess.run(["sh", str(script)], check=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made
