"""The receiver and a Shopify that delivers: subscriptions made and repaired, deliveries taken once, doubtful ones asked about."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row
from sync_support import KEYS
from webhook_support import Receiver, body_of, environment, new_shop, receiver_of

from neanelu.cli.shop import DEFAULT_SCOPES, register_shop
from neanelu.platform.scratch import Database
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread

SHOP = "hooks-live.myshopify.com"
SECRET, BEFORE = "sandbox-client-secret", "the-one-before"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    """A sandbox with one live shop."""
    with run_in_thread() as handle:
        handle.add(ShopSpec(SHOP, products=6), live=True)
        handle.sandbox.credentials.previous_secret = BEFORE
        yield handle


@pytest.fixture(scope="module")
def settings(sandbox: SandboxHandle) -> dict[str, str]:
    """What commands and receiver are told."""
    return {
        "shopify_base_url": sandbox.base_url_template,
        "shopify_client_secret": SECRET,
        "shopify_client_secret_previous": BEFORE,
        "shopify_client_id": "neanelu-sandbox",
        "oauth_address": "https://app.example.com",
    }


@pytest.fixture(scope="module")
def receiver(
    module_db: Database, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    """One receiver that the sandbox delivers to."""
    with receiver_of(module_db, tmp_path_factory.mktemp("live"), settings=settings) as running:
        settings["webhooks_address"] = running.url
        yield running


@pytest.fixture(scope="module")
def superuser(module_db: Database) -> psycopg.Connection[Any]:
    """A connection that sees everything."""
    return module_db.connect(row_factory=dict_row)


@pytest.fixture(scope="module")
def shop_id(module_db: Database, sandbox: SandboxHandle) -> UUID:
    """The live shop, registered with its token."""
    with psycopg.connect(
        module_db.dsn("neanelu_operator"), autocommit=True, row_factory=dict_row
    ) as connection:
        return register_shop(connection, KEYS, SHOP, sandbox.token(SHOP), DEFAULT_SCOPES.split(","))


def command(database: Database, settings: dict[str, str], *arguments: str, may_fail: bool = False) -> Any:
    """Run `neanelu … --json` and return what it printed; with `may_fail` it may end with 1."""
    ran = subprocess.run(
        [sys.executable, "-m", "neanelu", *arguments, "--json"],
        env=environment(database, **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, int(may_fail)), ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def mirrored(connection: psycopg.Connection[Any], shop_id: UUID) -> dict[str, str]:
    """Return topic by gid of the mirrored subscriptions."""
    rows = connection.execute(
        "SELECT shopify_gid, topic FROM neanelu.shopify_webhooks WHERE shop_id = %s", [shop_id]
    )
    return {row["shopify_gid"]: row["topic"] for row in rows}


def at_shopify(sandbox: SandboxHandle) -> dict[str, str]:
    """Return topic by gid of the subscriptions that the sandbox has."""
    nodes = sandbox.runtime(SHOP).subscriptions.by_id.values()
    return {node["id"]: node["topic"] for node in nodes}


def test_a_shop_is_subscribed_and_drift_is_repaired(
    module_db: Database,
    settings: dict[str, str],
    sandbox: SandboxHandle,
    receiver: Receiver,
    superuser: psycopg.Connection[Any],
    shop_id: UUID,
) -> None:
    plan = command(module_db, settings, "shop", "subscribe", SHOP, "--dry-run")
    assert Counter(step["action"] for step in plan["steps"]) == {"create": 32, "skip": 3}
    assert {step["topic"] for step in plan["steps"] if step["action"] == "skip"} == {
        "metaobjects/create",
        "metaobjects/delete",
        "metaobjects/update",
    }
    assert at_shopify(sandbox) == {} and mirrored(superuser, shop_id) == {}

    superuser.execute(
        """INSERT INTO neanelu.shopify_metaobjects (shop_id, shopify_gid, type, handle, fields)
           VALUES (%s, 'gid://shopify/Metaobject/1', 'size_chart', 'a', '{}'),
                  (%s, 'gid://shopify/Metaobject/2', 'app--1--x y', 'b', '{}')""",
        [shop_id, shop_id],
    )
    done = command(module_db, settings, "shop", "subscribe", SHOP)
    assert Counter(step["action"] for step in done["steps"]) == {"create": 35}
    subscriptions = sandbox.runtime(SHOP).subscriptions
    filters = {node["filter"] for node in subscriptions.by_id.values()}
    assert filters == {None, 'type:"app--1--x y" OR type:size_chart'}
    assert (
        len(at_shopify(sandbox)) == 35 and mirrored(superuser, shop_id).keys() == at_shopify(sandbox).keys()
    )

    by_topic = {topic: gid for gid, topic in at_shopify(sandbox).items()}
    subscriptions.delete(by_topic["ORDERS_PAID"])
    subscriptions.update(by_topic["ORDERS_CREATE"], {"uri": "https://moved.example.com/hooks"})
    subscriptions.update(by_topic["PRODUCTS_UPDATE"], {"includeFields": ["id"]})
    subscriptions.update(by_topic["METAOBJECTS_UPDATE"], {"filter": "type:other"})
    foreign = subscriptions.add("products/update", "https://somebody-else.example.com/x")["id"]
    twice = subscriptions.add("shop/update", receiver.url, filter="id:1")["id"]
    superuser.execute("DELETE FROM neanelu.shopify_webhooks WHERE topic = 'collections/delete'")
    superuser.execute("SELECT webhooks.sweep_subscriptions(NULL, '{}')")
    command(module_db, settings, "worker", "--once", "--queue", "sync")
    (job,) = superuser.execute(
        "SELECT status, result FROM neanelu.job_runs WHERE job_name = 'webhooks.subscriptions'"
    ).fetchall()
    assert job["status"] == "completed", job
    assert {
        name: job["result"][name] for name in ("create", "update", "delete", "keep", "foreign", "failed")
    } == {
        "create": 1,
        "update": 3,
        "delete": 1,
        "keep": 31,
        "foreign": 1,
        "failed": 0,
    }
    left = at_shopify(sandbox)
    assert foreign in left and twice not in left and len(left) == 36
    assert mirrored(superuser, shop_id).keys() == left.keys() - {foreign}
    assert subscriptions.by_id[by_topic["ORDERS_CREATE"]]["uri"] == receiver.url
    assert subscriptions.by_id[by_topic["PRODUCTS_UPDATE"]]["includeFields"] == []
    subscriptions.delete(foreign)
    again = command(module_db, settings, "shop", "subscribe", SHOP)
    assert Counter(step["action"] for step in again["steps"]) == {"keep": 35}


def test_disturbed_deliveries_are_taken_once_each(
    sandbox: SandboxHandle,
    receiver: Receiver,
    superuser: psycopg.Connection[Any],
    shop_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    courier = sandbox.runtime(SHOP).courier
    if not at_shopify(sandbox):
        for topic in ("products/update", "inventory_levels/update", "orders/create", "customers/create"):
            sandbox.runtime(SHOP).subscriptions.add(topic, receiver.url)
    courier.disturb(duplicates=0.3, replays=0.3, reorder=0.2, secret="mixed")
    sent: list[Any] = []
    original = type(courier).prepare

    def prepare(self: Any, events: Any) -> Any:
        made = original(self, events)
        sent.extend(made)
        return made

    monkeypatch.setattr(type(courier), "prepare", prepare)
    variants = list(sandbox.live(SHOP).variant_owner)
    for number in range(25):
        sandbox.act(SHOP, "set_price", variant=variants[number % 5], price=f"{number}.50")
        sandbox.act(SHOP, "adjust_inventory", variant=variants[number % 5], location=0, delta=-1)
    assert courier.drain(20)
    assert courier.counts["duplicated"] and courier.counts["replayed"] and courier.counts["given_up"] == 0
    rows = superuser.execute(
        "SELECT topic, payload FROM neanelu.webhook_events WHERE shop_id = %s", [shop_id]
    )
    kept = Counter((row["topic"], json.dumps(row["payload"], sort_keys=True)) for row in rows)
    told = Counter((one.event.topic, json.dumps(json.loads(one.body), sort_keys=True)) for one in sent)
    assert kept.keys() == told.keys()
    assert {name for name, number in kept.items() if number != 1} == set()
    assert receiver.figure('neanelu_webhooks_verified_total{secret="previous"}') > 0


def test_an_uninstallation_that_came_before_is_asked_about(
    module_db: Database,
    settings: dict[str, str],
    sandbox: SandboxHandle,
    receiver: Receiver,
    superuser: psycopg.Connection[Any],
    shop_id: UUID,
) -> None:
    profile = body_of("shop/update", myshopify_domain=SHOP)
    assert receiver.post(profile, SHOP, "shop/update", secret=SECRET) == (200, "stored")
    assert receiver.post(profile, SHOP, "app/uninstalled", secret=SECRET) == (200, "stored")
    erasure = json.dumps({"shop_domain": SHOP}).encode()
    assert receiver.post(erasure, SHOP, "shop/redact", secret=SECRET) == (200, "stored")
    command(module_db, settings, "worker", "--once", "--queue", "webhooks", may_fail=True)
    doubted = """
        SELECT e.topic, j.status, j.result ->> 'outcome' AS outcome, e.processing_error IS NOT NULL AS is_marked
          FROM neanelu.job_runs AS j JOIN neanelu.webhook_events AS e ON e.id::text = j.payload ->> 'event_id'
         WHERE j.job_name = 'webhook.confirm' ORDER BY e.topic"""
    assert [tuple(row.values()) for row in superuser.execute(doubted).fetchall()] == [
        ("app/uninstalled", "completed", "refused", True),
        ("shop/redact", "completed", "refused", True),
    ]
    alive = "SELECT uninstalled_at IS NULL AS alive FROM neanelu.shops WHERE id = %s"
    assert superuser.execute(alive, [shop_id]).fetchone()["alive"]

    sandbox.runtime(SHOP).uninstall()  # and the word of it is lost
    sandbox.runtime(SHOP).courier.drain(5)
    superuser.execute(
        "DELETE FROM neanelu.webhook_receipts WHERE topic IN ('shop/redact', 'app/uninstalled')"
    )
    superuser.execute("DELETE FROM neanelu.webhook_events WHERE topic = 'app/uninstalled'")
    assert receiver.post(erasure, SHOP, "shop/redact", secret=SECRET) == (200, "stored")
    command(module_db, settings, "worker", "--once", "--queue", "webhooks", may_fail=True)
    left = superuser.execute(alive, [shop_id]).fetchone()
    assert left is None or not left["alive"], "its token is dead, so the erasure is genuine"


def test_no_address_is_said_so(module_db: Database, settings: dict[str, str]) -> None:
    _, domain = new_shop(module_db)
    wanted = {name: value for name, value in settings.items() if name != "webhooks_address"}
    for more, code in (([], 2), (["--address", "http://example.com/x"], 2), (["--address", "ftp://x/y"], 2)):
        ran = subprocess.run(
            [sys.executable, "-m", "neanelu", "shop", "subscribe", domain, "--json", *more],
            env=environment(module_db, **wanted),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, json.loads(ran.stdout)["error"]["code"]) == (code, "NW031")


def test_the_app_is_installed_at_the_same_door(receiver: Receiver) -> None:
    answer = receiver.get(f"/oauth/start?shop={SHOP}")
    assert answer.status_code in (302, 303, 307)
    assert f"/{SHOP}/admin/oauth/authorize?" in answer.headers["location"]
