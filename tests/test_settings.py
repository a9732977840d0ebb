"""Settings: one class, described, documented, and deaf to nonsense."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPO
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr, ValidationError

from neanelu.db.connection import connect
from neanelu.db.errors import DatabaseUnavailable
from neanelu.platform import PlatformError
from neanelu.platform.cluster import database_dsn
from neanelu.settings import Settings


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_documentation_is_what_the_class_says() -> None:
    done = subprocess.run(
        [sys.executable, "tools/write_settings.py", "--check"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("NEANELU_HOME=/from/file\nNEANELU_SERVER_USER=filed\nOTHER=1\n")
    monkeypatch.setenv("NEANELU_HOME", "/from/environment")
    settings = Settings()
    assert settings.home == Path("/from/environment")
    assert settings.server_user == "filed"


def test_password_comes_from_its_file_only_when_the_url_has_none(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("it's\\ sécret\n")
    url = "postgresql://someone@db.example/neanelu"
    settings = Settings(database_url=url, database_password_file=secret)
    assert conninfo_to_dict(database_dsn(settings=settings))["password"] == "it's\\ sécret"
    settings = Settings(database_url=url.replace("@", ":own@"), database_password_file=secret)
    assert conninfo_to_dict(database_dsn(settings=settings))["password"] == "own"
    with pytest.raises(PlatformError, match="cannot be read"):
        database_dsn(settings=Settings(database_url=url, database_password_file=tmp_path / "none"))


def test_a_missing_password_file_is_a_database_that_is_away(tmp_path: Path) -> None:
    url = "postgresql://someone@db.example/neanelu"
    with pytest.raises(DatabaseUnavailable, match="cannot be read"):
        connect(settings=Settings(database_url=url, database_password_file=tmp_path / "none"))


def test_role_is_put_in_only_where_the_url_names_none() -> None:
    bare = Settings(database_url="postgresql://db.example/neanelu")
    assert conninfo_to_dict(database_dsn("neanelu_sync", bare))["user"] == "neanelu_sync"
    named = Settings(database_url="postgresql://me@db.example/neanelu")
    assert conninfo_to_dict(database_dsn("neanelu_sync", named))["user"] == "me"


def test_a_url_that_is_none_is_a_clear_error() -> None:
    with pytest.raises(PlatformError, match="NEANELU_DATABASE_URL"):
        database_dsn(settings=Settings(database_url="not a url"))


def test_the_client_secret_may_stand_in_a_file_with_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("newest\nbefore\n")
    settings = Settings(_env_file=None, shopify_client_secret_file=file)
    assert settings.shopify_client_secret is not None and settings.shopify_client_secret_previous is not None
    assert settings.shopify_client_secret.get_secret_value() == "newest"
    assert settings.shopify_client_secret_previous.get_secret_value() == "before"
    given = Settings(
        _env_file=None, shopify_client_secret_file=file, shopify_client_secret=SecretStr("given")
    )
    assert (
        given.shopify_client_secret is not None and given.shopify_client_secret.get_secret_value() == "given"
    )
    file.write_text("")
    assert Settings(_env_file=None, shopify_client_secret_file=file).shopify_client_secret is None
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, shopify_client_secret_file=tmp_path / "missing")
    assert "cannot be read" in str(caught.value)
