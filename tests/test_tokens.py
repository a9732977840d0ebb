"""Tokens are renewed before they end, by one refresher a shop, and an answer that was lost is known to be lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from click.testing import CliRunner
from oauth_support import app_settings, browse, desk, environment, installed, new_shop, source
from pydantic import SecretStr
from sync_support import KEYS, TestShop

from neanelu.cli import main
from neanelu.db.errors import NeedsAuthorization, ShopNotInstalled
from neanelu.oauth.grant import AppRefused, TokenUnavailable, read_grant
from neanelu.oauth.tokens import TokenSource, shopify_client
from neanelu.platform.scratch import Database
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.secrets import KeyRing, Sealed, refresh_token_place

REFRESHER = Path(__file__).with_name("token_refresher.py")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread() as handle:
        yield handle


@pytest.fixture
def shop(module_db: Database, sandbox: SandboxHandle) -> tuple[str, UUID]:
    return installed(module_db, sandbox)


def ending(database: Database, shop_id: UUID, seconds: float = 60.0) -> None:
    """Let the shop's access token end soon, as far as the database knows."""
    with desk(database) as look:
        look(
            "UPDATE neanelu.shop_tokens SET access_expires_at = now() + make_interval(secs => %(s)s) WHERE shop_id = %(i)s",
            s=seconds,
            i=shop_id,
        )


def record(database: Database, shop_id: UUID) -> dict[str, Any]:
    with desk(database) as look:
        return look.one("SELECT * FROM neanelu.shop_tokens WHERE shop_id = %(i)s", i=shop_id)


def wait_for(what: Callable[[], bool], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


# --- In time --------------------------------------------------------------------------------------------------
def test_a_token_is_renewed_before_it_ends_and_not_earlier(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    domain, shop_id = shop
    grants = sandbox.runtime(domain).grants
    with desk(module_db, "neanelu_worker") as worker:
        tokens = source(worker, sandbox, shop_id)
        first = tokens.current()
        assert grants.admits(first.token) and tokens.current().token == first.token and grants.spent == 0
        ending(module_db, shop_id)
        second = tokens.current()
        assert second.token != first.token and grants.admits(second.token) and grants.spent == 1
        assert (
            second.expires_at is not None
            and first.expires_at is not None
            and second.expires_at > first.expires_at
        )
        # The rotated refresh token was stored with it: the next one works.
        ending(module_db, shop_id)
        assert grants.admits(tokens.current().token) and grants.spent == 2
        row = record(module_db, shop_id)
        assert (row["status"], row["failures"], row["unanswered_since"]) == ("valid", 0, None)
        kept = KEYS.open(Sealed.unpack(row["refresh_token"]), refresh_token_place(shop_id)).decode()
        assert list(grants.refresh) == [kept]


def test_a_refused_token_is_renewed_in_the_middle_of_a_conversation(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    domain, shop_id = shop
    grants = sandbox.runtime(domain).grants
    with (
        desk(module_db, "neanelu_sync") as sync,
        shopify_client(source(sync, sandbox, shop_id), app_settings(sandbox)) as client,
    ):
        assert client.query("{ shop { name } }")
        for token in list(grants.access):
            grants.access[token] = 0.0  # ends earlier than was said
        assert client.query("{ shop { name } }")
        assert grants.spent == 1 and client.query("{ shop { name } }") and grants.spent == 1


def test_a_token_that_does_not_expire_is_left_alone(
    module_db: Database, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    domain = new_shop(sandbox)
    plain = TestShop.create(module_db, tmp_path, domain=domain, token=sandbox.token(domain))
    with desk(module_db, "neanelu_worker") as worker:
        tokens = source(worker, sandbox, plain.id)
        assert tokens.current().expires_at is None
        assert tokens.refresh(insist=True) == "permanent"
        assert tokens.renew(tokens.current().token) == sandbox.token(domain)


def test_fifty_callers_make_one_request(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    domain, shop_id = shop
    grants = sandbox.runtime(domain).grants
    ending(module_db, shop_id, 5)  # so short that nobody may go on with the old one
    begin = threading.Barrier(50)

    def act(_: int) -> str:
        with desk(module_db, "neanelu_worker") as worker:
            tokens = source(worker, sandbox, shop_id)
            begin.wait(30)
            return tokens.current().token

    with ThreadPoolExecutor(50) as pool:
        found = set(pool.map(act, range(50)))
    assert grants.spent == 1
    assert len(found) == 1 and grants.admits(found.pop())


def test_the_worker_renews_what_the_sweep_finds(db: Database, sandbox: SandboxHandle) -> None:
    domain, shop_id = installed(db, sandbox)
    grants = sandbox.runtime(domain).grants
    with desk(db) as look:
        look("UPDATE neanelu.scheduled_tasks SET is_active = false")
        look("SELECT shops.sweep_tokens(NULL, '{}')")
        assert look("SELECT FROM neanelu.job_runs WHERE job_name = 'token.refresh'") == []
        ending(db, shop_id)
        look("SELECT jobs.enqueue('maintenance', 'token.sweep', NULL)")
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "neanelu",
                "worker",
                "--queue",
                "maintenance",
                "--queue",
                "sync",
                "--port",
                "0",
            ],
            env={**os.environ, **environment(db, sandbox)},
            stderr=subprocess.PIPE,
        )
        try:
            wait_for(lambda: grants.spent == 1, 30)
            wait_for(
                lambda: (
                    look.one("SELECT status FROM neanelu.job_runs WHERE job_name = 'token.refresh'")["status"]
                    == "completed"
                )
            )
        finally:
            worker.terminate()
            said = worker.communicate(timeout=30)[1].decode()
        result = look.one("SELECT result FROM neanelu.job_runs WHERE job_name = 'token.refresh'")["result"]
        assert result == {"outcome": "refreshed"}, said
        assert not any(token in said for token in (*grants.access, *grants.refresh))


def test_the_metrics_say_how_many_shops_must_authorise_again(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    with desk(module_db) as look, desk(module_db, "neanelu_worker") as worker:
        before = {row["status"]: row["shops"] for row in worker("SELECT * FROM shops.token_metrics()")}
        look(
            "UPDATE neanelu.shop_tokens SET status = 'refused', refused_at = now(), error_code = 'NH007', error_message = 'x'"
            " WHERE shop_id = %(i)s",
            i=shop[1],
        )
        after = {row["status"]: row["shops"] for row in worker("SELECT * FROM shops.token_metrics()")}
    assert after["needs_authorization"] == before["needs_authorization"] + 1
    assert set(after) == {"valid", "refreshing", "expired", "needs_authorization"}


# --- When it goes wrong ---------------------------------------------------------------------------------------
def test_a_shopify_that_is_away_is_asked_again_later(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    domain, shop_id = shop
    grants = sandbox.runtime(domain).grants
    ending(module_db, shop_id)
    with desk(module_db, "neanelu_worker") as worker:
        tokens = source(worker, sandbox, shop_id, shopify_base_url="http://127.0.0.1:1/{shop}")
        with pytest.raises(TokenUnavailable) as caught:
            tokens.current()
        assert caught.value.is_answered  # it never left
        row = record(module_db, shop_id)
        assert (row["status"], row["failures"], row["error_code"]) == ("valid", 1, "NH008")
        assert row["unanswered_since"] is None and row["not_before"] > row["asked_at"]
        # During the pause the token that still lasts is used, and Shopify is left alone.
        tokens = source(worker, sandbox, shop_id)
        assert grants.admits(tokens.current().token) and grants.spent == 0
        # An operator does not wait.
        assert tokens.refresh(insist=True) == "refreshed" and grants.spent == 1
        assert record(module_db, shop_id)["error_code"] is None


def test_a_wrong_client_secret_costs_no_token(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    _, shop_id = shop
    with desk(module_db, "neanelu_worker") as worker:
        wrong = source(worker, sandbox, shop_id, shopify_client_secret=SecretStr("wrong"))
        with pytest.raises(AppRefused):
            wrong.refresh(insist=True)
        unset = source(worker, sandbox, shop_id, shopify_client_secret=None)
        with pytest.raises(AppRefused):
            unset.refresh(insist=True)
        row = record(module_db, shop_id)
        assert (row["status"], row["error_code"], row["unanswered_since"]) == ("valid", "NH009", None)
        assert source(worker, sandbox, shop_id).refresh(insist=True) == "refreshed"


def test_a_ring_without_the_key_costs_no_token(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    domain, shop_id = shop
    with desk(module_db, "neanelu_worker") as worker:
        with pytest.raises(Exception, match="NK002"):
            source(worker, sandbox, shop_id, keys=KeyRing({1: bytes(32)})).refresh(insist=True)
        assert sandbox.runtime(domain).grants.spent == 0
        assert record(module_db, shop_id)["status"] == "valid"


def test_an_answer_lost_on_its_way_is_known_when_the_old_token_is_refused(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    domain, shop_id = shop
    with desk(module_db, "neanelu_worker") as worker:
        tokens = source(worker, sandbox, shop_id)
        before = tokens.current()
        sandbox.fault("oauth_lost", domain)
        with pytest.raises(TokenUnavailable) as caught:
            tokens.refresh(insist=True)
        assert not caught.value.is_answered
        row = record(module_db, shop_id)
        assert row["status"] == "valid" and row["unanswered_since"] is not None
        with pytest.raises(NeedsAuthorization):
            tokens.refresh(insist=True)
        row = record(module_db, shop_id)
        assert row["status"] == "refused" and row["error_message"].startswith("an answer of Shopify was lost")
        # The access token is good until it ends; then that is said, and nobody asks in vain.
        assert tokens.current().token == before.token
        ending(module_db, shop_id, -1)
        with pytest.raises(NeedsAuthorization) as refused:
            tokens.current()
        assert refused.value.detail is not None and "was lost" in refused.value.detail


def test_a_database_that_is_away_gets_the_pair_when_it_is_back(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    domain, shop_id = shop
    grants = sandbox.runtime(domain).grants
    with desk(module_db) as look, ThreadPoolExecutor(1) as pool:
        locker = psycopg.connect(module_db.dsn())
        exchange, store_is_blocked = grants.exchange, threading.Event()

        def lock_then_exchange(values: dict[str, str]) -> dict[str, Any]:
            locker.execute("SELECT FROM neanelu.shops WHERE id = %s FOR UPDATE", [shop_id])
            store_is_blocked.set()
            return exchange(values)

        patched = _Exchange(grants, lock_then_exchange)
        with patched, desk(module_db, "neanelu_worker", options="-c lock_timeout=50") as worker:
            done = pool.submit(source(worker, sandbox, shop_id).refresh, insist=True)
            assert store_is_blocked.wait(15)
            wait_for(lambda: grants.spent == 1)
            time.sleep(0.3)  # several tries that fail
            assert not done.done()
            locker.rollback()
            assert done.result(15) == "refreshed"
        locker.close()
        assert grants.admits(source(desk_of(module_db), sandbox, shop_id).current().token)
        assert (
            look.one("SELECT status FROM neanelu.shop_tokens WHERE shop_id = %(i)s", i=shop_id)["status"]
            == "valid"
        )


def desk_of(database: Database) -> Any:
    """Return a caller as the worker, for one use."""

    def call(statement: str, **values: Any) -> list[dict[str, Any]]:
        with desk(database, "neanelu_worker") as worker:
            return worker(statement, **values)

    return call


class _Exchange:
    """The sandbox's token endpoint with something that happens just before it answers."""

    def __init__(self, grants: Any, exchange: Callable[[dict[str, str]], dict[str, Any]]) -> None:
        self.grants, self.exchange = grants, exchange

    def __enter__(self) -> None:
        self.kind = type(self.grants)
        target, instead, original = self.grants, self.exchange, self.kind.exchange
        self.original = original

        def routed(grants: Any, values: dict[str, str]) -> dict[str, Any]:
            return instead(values) if grants is target else original(grants, values)

        self.kind.exchange = routed

    def __exit__(self, *_: object) -> None:
        self.kind.exchange = self.original


@pytest.mark.parametrize("grace", [False, True], ids=["shopify takes it once", "shopify takes it again"])
def test_a_refresher_killed_between_shopifys_answer_and_the_commit(
    grace: bool,
    module_db: Database,
    sandbox: SandboxHandle,
    shop: tuple[str, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole machine goes: the process by SIGKILL, and its session with it."""
    domain, shop_id = shop
    grants = sandbox.runtime(domain).grants
    before = dict(grants.refresh)
    locker = psycopg.connect(module_db.dsn())
    exchange = grants.exchange

    def lock_then_exchange(values: dict[str, str]) -> dict[str, Any]:
        locker.execute("SELECT FROM neanelu.shops WHERE id = %s FOR UPDATE", [shop_id])
        return exchange(values)

    env = {**os.environ, **environment(module_db, sandbox)}
    command = [sys.executable, REFRESHER, module_db.dsn("neanelu_worker"), str(shop_id)]
    with desk(module_db) as look:
        blocked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'token refresher' AND wait_event_type = 'Lock'"
        with _Exchange(grants, lock_then_exchange):
            process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            wait_for(lambda: bool(look(blocked)), 30)
        assert grants.spent == 1  # Shopify has answered: the old refresh token is used up
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        look("SELECT pg_terminate_backend(pid, 5000) FROM (" + blocked + ") AS b")
        locker.rollback()
        locker.close()

        row = record(module_db, shop_id)
        assert (row["status"], row["unanswered_since"]) == ("refreshing", None)
        with desk(module_db, "neanelu_worker") as worker:
            assert source(worker, sandbox, shop_id).refresh(insist=True, wait=0.0) == "busy"  # its lease
            look(
                "UPDATE neanelu.shop_tokens SET lease_expires_at = now() - interval '1 second' WHERE shop_id = %(i)s",
                i=shop_id,
            )
            tokens = source(worker, sandbox, shop_id)
            if grace:
                grants.refresh.update(before)
                assert tokens.refresh(insist=True) == "refreshed"
                assert grants.admits(tokens.current().token)
                assert record(module_db, shop_id)["unanswered_since"] is None
                return
            with pytest.raises(NeedsAuthorization):
                tokens.refresh(insist=True)
        row = record(module_db, shop_id)
        assert (row["status"], row["error_code"]) == ("refused", "NH007")
        assert row["error_message"].startswith("an answer of Shopify was lost")

        # It is said, and the merchant's next visit heals it.
        for name, value in environment(module_db, sandbox).items():
            monkeypatch.setenv(name, value)
        from neanelu.settings import get_settings

        get_settings.cache_clear()
        told = CliRunner().invoke(main, ["shop", "tokens", domain])
        assert told.exit_code == 1 and "needs_authorization" in told.output
        where = CliRunner().invoke(main, ["shop", "authorize", domain])
        assert where.output.strip() == f"https://app.example.com/oauth/start?shop={domain}"

        async def act(browser: Any) -> httpx.Response:
            return await browser.install(domain)

        assert browse(module_db, app_settings(sandbox), act).status_code == 302
        assert CliRunner().invoke(main, ["shop", "tokens", domain]).exit_code == 0
        get_settings.cache_clear()


def test_a_shop_that_left_has_no_tokens(
    module_db: Database, sandbox: SandboxHandle, shop: tuple[str, UUID]
) -> None:
    _, shop_id = shop
    with desk(module_db) as look, desk(module_db, "neanelu_worker") as worker:
        look("SELECT shops.uninstall(%(i)s)", i=shop_id)
        assert look("SELECT FROM neanelu.shop_tokens WHERE shop_id = %(i)s", i=shop_id) == []
        with pytest.raises(ShopNotInstalled):
            source(worker, sandbox, shop_id).current()


# --- Answers --------------------------------------------------------------------------------------------------
def answer(status: int, body: Any) -> httpx.Response:
    return (
        httpx.Response(status, json=body)
        if not isinstance(body, bytes)
        else httpx.Response(status, content=body)
    )


def test_a_refresh_without_a_lifetime_expires_all_the_same() -> None:
    grant = read_grant(answer(200, {"access_token": "shpat_12345678", "refresh_token": "shprt_12345678"}))
    assert grant.expires_in is not None and grant.expires_in.total_seconds() == 3600
    permanent = read_grant(answer(200, {"access_token": "shpat_12345678", "scope": "a,b"}))
    assert (permanent.expires_in, permanent.scopes) == (None, ["a", "b"])
    assert "shpat" not in repr(grant) and "shprt" not in repr(grant)


@pytest.mark.parametrize(
    ("status", "body", "kind", "is_answered"),
    [
        (400, {"error": "invalid_grant"}, NeedsAuthorization, None),
        (401, {"error": "invalid_request"}, NeedsAuthorization, None),
        (401, {"error": "invalid_client"}, AppRefused, None),
        (400, {"error": "application_cannot_be_found"}, AppRefused, None),
        (404, b"<html>", TokenUnavailable, True),
        (423, {"errors": "locked"}, TokenUnavailable, True),
        (429, {"errors": "too many"}, TokenUnavailable, True),
        (302, b"", TokenUnavailable, False),
        (503, b"", TokenUnavailable, False),
        (200, b"<html>", TokenUnavailable, False),
        (200, {}, TokenUnavailable, False),
        (200, {"access_token": "with space"}, TokenUnavailable, False),
        (200, {"access_token": 12345678}, TokenUnavailable, False),
        (200, [], TokenUnavailable, False),
    ],
)
def test_an_answer_says_whether_the_token_is_used_up(
    status: int, body: Any, kind: type[Exception], is_answered: bool | None
) -> None:
    with pytest.raises(kind) as caught:
        read_grant(answer(status, body))
    assert getattr(caught.value, "is_answered", None) is is_answered


def test_a_source_shows_no_token(sandbox: SandboxHandle, module_db: Database, shop: tuple[str, UUID]) -> None:
    with desk(module_db, "neanelu_worker") as worker:
        tokens: TokenSource = source(worker, sandbox, shop[1])
        found = tokens.current()
        assert found.token not in repr(found)
