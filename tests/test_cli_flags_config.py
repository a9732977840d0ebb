"""The commands flags, config and the new ones of shop, as people call them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from oauth_support import desk, environment, new_shop
from sync_support import KEYS, TestShop

from neanelu.cli import main
from neanelu.cli.flags import _parse_condition
from neanelu.db.errors import InvalidInput
from neanelu.platform.scratch import Database
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.secrets import Sealed, config_place
from neanelu.settings import get_settings

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread() as handle:
        yield handle


@pytest.fixture
def call(module_db: Database, sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Return `call(*arguments, input=None)`: a command on the module's database."""
    values = environment(
        module_db,
        sandbox,
        NEANELU_DATABASE_URL=f"host={module_db.cluster.socket_dir} dbname={module_db.name}",
    )
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()

    def run(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=input)

    yield run
    get_settings.cache_clear()


def found(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_flag_is_made_explained_killed_and_deleted(call: Call, module_db: Database, tmp_path: Path) -> None:
    shop = TestShop.create(module_db, tmp_path)
    name = shop.domain.partition(".")[0]
    tried = found(call("flags", "set", "new_merge", "--allow", name, "--dry-run", "--json"))
    assert tried["dry_run"] and found(call("flags", "list", "--json")) == []
    made = found(
        call("flags", "set", "new_merge", "--rollout", "100", "--when", "plan_tier>=basic", "--when",
             "currency_code:in=RON,EUR", "--description", "the new merge", "--json")
    )  # fmt: skip
    assert made["conditions"] == {"plan_tier": {"gte": "basic"}, "currency_code": {"in": ["RON", "EUR"]}}
    told = found(call("flags", "explain", "new_merge", name, "--json"))
    assert (told["is_enabled"], told["reason"], told["shop_id"]) == (True, "rollout", str(shop.id))
    assert "is off: its conditions are about shops" in call("flags", "explain", "new_merge").output
    found(call("flags", "set", "new_merge", "--block", name, "--json"))
    assert "is off: the shop is blocked" in call("flags", "explain", "new_merge", name).output
    found(call("flags", "set", "new_merge", "--block", "none", "--when", "plan_tier=pro", "--json"))
    assert 'plan_tier is "basic", wanted {"eq":"pro"}' in call("flags", "explain", "new_merge", name).output
    assert "killed" in call("flags", "set", "new_merge", "--kill").output
    assert "KILLED" in call("flags", "list").output
    assert call("flags", "set", "new_merge", "--revive").exit_code == 0
    assert call("flags", "delete", "new_merge", input="n\n").exit_code == 1
    assert found(call("flags", "delete", "new_merge", "--yes", "--json")) == {
        "flag": "new_merge",
        "deleted": True,
    }
    assert call("flags", "delete", "new_merge", "--yes").exit_code == 2
    with desk(module_db) as look:
        entries = look("SELECT action, actor_id FROM neanelu.audit_logs WHERE entity_type = 'feature_flags'")
    assert {entry["actor_id"] for entry in entries} == {"neanelu_operator"} and len(entries) >= 5


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("plan_tier=pro", ("plan_tier", {"eq": "pro"})),
        ("plan_tier!=pro", ("plan_tier", {"not": "pro"})),
        ("settings.beta.level>=3", ("settings.beta.level", {"gte": 3})),
        ("api_version<=2026-10", ("api_version", {"lte": "2026-10"})),
        ("scopes:has=read_orders", ("scopes", {"has": "read_orders"})),
        ("timezone:in=Europe/Paris,Europe/Rome", ("timezone", {"in": ["Europe/Paris", "Europe/Rome"]})),
        ("settings.on=true", ("settings.on", {"eq": True})),
    ],
)
def test_a_condition_is_written_shortly(text: str, means: tuple[str, Any]) -> None:
    assert _parse_condition(text) == means


@pytest.mark.parametrize("text", ["", "plan_tier", "=pro", "plan_tier="])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        _parse_condition(text)


def test_wrong_flags_are_refused(call: Call) -> None:
    for arguments in (
        ("No Name",),
        ("a", "--when", "secret=1"),
        ("a", "--conditions", "{"),
        ("a", "--rollout", "101"),
        ("a", "--allow", "no-such-shop"),
        ("a", "--when", "plan_tier=pro", "--conditions", "{}"),
    ):
        assert call("flags", "set", *arguments).exit_code == 2, arguments
    assert found(call("flags", "list", "--json")) == []


def test_a_setting_is_set_read_and_forgotten(call: Call) -> None:
    assert (
        found(call("config", "set", "tap.limit", "80", "--description", "how many", "--json"))["value"] == 80
    )
    assert call("config", "get", "tap.limit").output == "80\n"
    assert found(call("config", "get", "tap.limit", "--json")) == {"key": "tap.limit", "value": 80}
    assert call("config", "set", "tap.name", "plain text").exit_code == 0
    assert call("config", "get", "tap.name").output == "plain text\n"
    listed = found(call("config", "list", "--json"))
    assert [row["key"] for row in listed] == ["tap.limit", "tap.name"] and listed[0][
        "description"
    ] == "how many"
    assert call("config", "unset", "tap.limit").exit_code == 0
    assert call("config", "get", "tap.limit").exit_code == 2
    assert call("config", "unset", "tap.limit").exit_code == 2
    assert call("config", "set", "No Name", "1").exit_code == 2


def test_a_sensitive_setting_leaves_sealed(call: Call, module_db: Database) -> None:
    assert call("config", "set", "tap.password", "--sensitive", "as an argument").exit_code == 2
    done = call("config", "set", "tap.password", "--sensitive", "--value-file", "-", input="1e5\n")
    assert done.exit_code == 0 and "1e5" not in done.output and "***" in done.output
    assert call("config", "get", "tap.password").output == "***\n"
    assert "***" in call("config", "list").output
    with desk(module_db, "neanelu_worker") as worker:
        sealed = worker.one("SELECT flags.sealed_config('tap.password') AS s")["s"]
    assert KEYS.open(Sealed.unpack(sealed), config_place("tap.password")) == b"1e5"
    # It stays sensitive unless it is said that it need not be.
    assert call("config", "set", "tap.password", "open").exit_code == 2
    assert call("config", "set", "tap.password", "--value-file", "-", input="new").exit_code == 0
    assert call("config", "get", "tap.password").output == "***\n"
    assert call("config", "set", "tap.password", "open", "--no-sensitive").exit_code == 0
    assert call("config", "get", "tap.password").output == "open\n"


def test_a_shop_is_verified_before_it_is_added(call: Call, sandbox: SandboxHandle) -> None:
    domain, other = new_shop(sandbox), new_shop(sandbox)
    refused = call("shop", "add", domain, "--token-file", "-", "--verify", input="shpat_wrong")
    assert refused.exit_code == 3 and "NS020" in refused.output
    strange = call("shop", "add", domain, "--token-file", "-", "--verify", input=sandbox.token(other))
    assert strange.exit_code == 3
    assert domain not in call("shop", "list").output
    added = found(
        call("shop", "add", domain, "--token-file", "-", "--verify", "--json", input=sandbox.token(domain))
    )
    assert (added["currency_code"], added["timezone"]) == ("RON", "Europe/Bucharest") and added[
        "shopify_shop_id"
    ]
    assert found(call("shop", "tokens", domain, "--json"))[0]["kind"] == "permanent"
    assert found(call("shop", "refresh", domain, "--json"))["outcome"] == "permanent"


def test_without_a_token_the_way_to_one_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    told = call("shop", "add", "demo")
    assert told.exit_code == 2 and "neanelu shop authorize demo.myshopify.com" in told.output
    assert found(call("shop", "authorize", "demo", "--json"))["url"].endswith(
        "/oauth/start?shop=demo.myshopify.com"
    )
    monkeypatch.delenv("NEANELU_OAUTH_ADDRESS")
    get_settings.cache_clear()
    assert "NH009" in call("shop", "authorize", "demo").output
