"""Deliveries through the real receiver into a real database: what is stored, what is refused, and what a forger can do."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row
from webhook_support import (
    PREVIOUS,
    SECRET,
    Receiver,
    body_of,
    headers,
    new_shop,
    receiver_of,
    samples,
    signature,
)

from neanelu.platform.scratch import Database

OWN = "a-secret-of-its-own"


@pytest.fixture(scope="module")
def receiver(module_db: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One receiver for all tests of the module."""
    limits = {"webhooks_max_body_bytes": "200000"}
    with receiver_of(module_db, tmp_path_factory.mktemp("receiver"), settings=limits) as running:
        yield running


@pytest.fixture(scope="module")
def superuser(module_db: Database) -> psycopg.Connection[Any]:
    """A connection that sees everything."""
    return module_db.connect(row_factory=dict_row)


@pytest.fixture
def shop(module_db: Database) -> tuple[Any, str]:
    """A shop of the test's own: its id and domain."""
    return new_shop(module_db)


def events(connection: psycopg.Connection[Any], shop_id: object) -> list[dict[str, Any]]:
    """Return the events of a shop with the name of the job of each."""
    return connection.execute(
        """
        SELECT e.*, j.job_name, j.queue_name
          FROM neanelu.webhook_events AS e
          LEFT JOIN neanelu.job_runs AS j ON j.payload = jsonb_build_object('event_id', e.id, 'event_created_at', e.created_at)
         WHERE e.shop_id = %s ORDER BY e.created_at""",
        [shop_id],
    ).fetchall()


def refusals(connection: psycopg.Connection[Any], domain: str) -> dict[str, int]:
    """Return how often deliveries in a shop's name were refused, by reason."""
    rows = connection.execute(
        "SELECT reason, sum(times)::int AS times FROM neanelu.webhook_refusals WHERE shop_domain = %s GROUP BY reason",
        [domain],
    )
    return {row["reason"]: row["times"] for row in rows}


@pytest.mark.parametrize("topic", samples())
def test_each_sample_is_stored_as_it_is_and_has_a_job(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str], topic: str
) -> None:
    shop_id, domain = shop
    raw = samples()[topic].replace(b"{shop}.myshopify.com", domain.encode())
    body = raw + b" " * int(
        domain.split("-")[2].split(".")[0]
    )  # bytes that another shop sent would be a replay
    assert receiver.post(body, domain, topic, webhook_id=f"id-{topic}") == (200, "stored")
    (event,) = events(superuser, shop_id)
    assert event["payload"] == json.loads(body)
    assert (event["topic"], event["shopify_webhook_id"], event["api_version"]) == (
        topic,
        f"id-{topic}",
        "2026-10",
    )
    assert event["hmac_verified"] and event["processed_at"] is None
    assert str(event["triggered_at"]) == "2026-11-20 18:00:27.877041+00:00"
    doubtful = topic == "shop/redact"  # the shop has not uninstalled, so Shopify is asked first
    assert event["job_name"] == ("webhook.confirm" if doubtful else "webhook.process")
    assert event["queue_name"] == "webhooks"


def test_ids_beyond_53_bits_and_prices_keep_their_digits(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    body = b'{"id": 9223372036854775807, "updated_at": "x", "price": 10.100000000000000000001, "tail": [18446744073709551617]}'
    assert receiver.post(body, domain) == (200, "stored")
    text = superuser.execute(
        "SELECT payload::text AS t FROM neanelu.webhook_events WHERE shop_id = %s", [shop_id]
    ).fetchone()["t"]
    for number in ("9223372036854775807", "10.100000000000000000001", "18446744073709551617"):
        assert number in text


def test_a_delivery_is_taken_once_whatever_its_id(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    body = body_of()
    assert receiver.post(body, domain, webhook_id="one") == (200, "stored")
    assert receiver.post(body, domain, webhook_id="one") == (200, "duplicate")
    assert receiver.post(body, domain, webhook_id="two") == (200, "duplicate")
    assert receiver.post(body_of(), domain, webhook_id="one") == (200, "duplicate")
    assert len(events(superuser, shop_id)) == 1


def test_one_of_twenty_equal_deliveries_at_once_is_taken(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    bodies = [body_of() for _ in range(5)]

    async def all_at_once() -> list[str]:
        async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=100)) as client:
            calls = [
                client.post(
                    receiver.url,
                    content=body,
                    headers=headers(body, domain, webhook_id=f"w{number}" if fixed else str(copy)),
                )
                for number, body in enumerate(bodies)
                for copy in range(10)
                for fixed in (True, False)
            ]
            return [answer.json()["outcome"] for answer in await asyncio.gather(*calls)]

    assert Counter(asyncio.run(all_at_once())) == {"stored": 5, "duplicate": 95}
    assert len(events(superuser, shop_id)) == 5


def test_what_is_true_a_second_time_is_taken_a_second_time(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    topic = "inventory_levels/update"
    five, four = (body_of(topic, available=n, inventory_item_id=shop_id.int % 10**15) for n in (5, 4))
    said = [receiver.post(body, domain, topic)[1] for body in (five, five, four, five, five, four)]
    assert said == ["stored", "duplicate", "stored", "stored", "duplicate", "stored"]
    gone = json.dumps(
        {"inventory_item_id": shop_id.int % 10**15, "location_id": json.loads(five)["location_id"]}
    ).encode()
    assert [receiver.post(gone, domain, "inventory_levels/disconnect")[1] for _ in range(2)] == [
        "stored",
        "duplicate",
    ]
    later = body_of(
        topic, available=9, inventory_item_id=shop_id.int % 10**15, updated_at="2026-11-20T18:00:00Z"
    )
    assert receiver.post(later, domain, topic) == (200, "stored")
    assert receiver.post(gone, domain, "inventory_levels/disconnect") == (200, "stored")
    assert [event["job_name"] for event in events(superuser, shop_id)][-1] == "webhook.confirm"


def test_bodies_under_another_shops_name_are_refused(
    receiver: Receiver, superuser: psycopg.Connection[Any], module_db: Database, shop: tuple[Any, str]
) -> None:
    _, domain = shop
    other_id, other = new_shop(module_db)
    body = body_of()
    assert receiver.post(body, domain) == (200, "stored")
    assert [receiver.post(body, other)[1] for _ in range(3)] == ["replayed"] * 3
    named = body_of("shop/update", myshopify_domain=domain)
    assert receiver.post(named, other, "shop/update") == (200, "wrong_shop")
    erasure = samples()["shop/redact"].replace(b"{shop}.myshopify.com", domain.encode())
    assert receiver.post(erasure, other, "shop/redact") == (200, "wrong_shop")
    assert events(superuser, other_id) == []
    assert refusals(superuser, other) == {"replayed": 3, "wrong_shop": 2}
    rows = superuser.execute(
        "SELECT count(*) AS n FROM neanelu.webhook_refusals WHERE shop_domain = %s", [other]
    )
    assert rows.fetchone()["n"] == 3, "a repetition is counted, not kept"


def test_an_update_cannot_come_back_as_something_else(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    body = body_of()
    assert receiver.post(body, domain) == (200, "stored")
    assert receiver.post(body, domain, "products/delete") == (200, "wrong_shape")
    assert receiver.post(body, domain, "orders/updated") == (200, "wrong_shape")
    assert receiver.post(body, domain, "shop/update") == (200, "replayed")
    assert receiver.post(body, domain, "themes/publish") == (200, "unknown_topic")
    profile = body_of("shop/update")
    assert receiver.post(profile, domain, "shop/update") == (200, "stored")
    assert receiver.post(profile, domain, "app/uninstalled") == (200, "stored")
    assert [event["job_name"] for event in events(superuser, shop_id)] == ["webhook.process"] * 2 + [
        "webhook.confirm"
    ]


def test_unknown_and_uninstalled_shops_are_recorded_and_never_processed(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    assert receiver.post(body_of(), "nobody-here.myshopify.com") == (200, "unknown_shop")
    superuser.execute("SELECT shops.uninstall(%s)", [shop_id])
    assert receiver.post(body_of(), domain) == (200, "uninstalled")
    assert refusals(superuser, domain) == {"uninstalled": 1}
    for topic in ("shop/redact", "customers/redact", "customers/data_request"):
        body = samples()[topic].replace(b"{shop}.myshopify.com", domain.encode())
        assert receiver.post(body, domain, topic, secret="forged") == (401, "bad_signature")
        assert receiver.post(body, domain, topic) == (200, "stored")
    assert [(e["topic"], e["job_name"]) for e in events(superuser, shop_id)] == [
        ("shop/redact", "webhook.process"),
        ("customers/redact", "webhook.process"),
        ("customers/data_request", "webhook.process"),
    ]


def test_the_previous_secret_signs_as_well_and_is_counted(receiver: Receiver, shop: tuple[Any, str]) -> None:
    before = receiver.figure('neanelu_webhooks_verified_total{secret="previous"}')
    assert receiver.post(body_of(), shop[1], secret=PREVIOUS) == (200, "stored")
    assert receiver.figure('neanelu_webhooks_verified_total{secret="previous"}') == before + 1
    assert receiver.post(body_of(), shop[1], secret="neither") == (401, "bad_signature")


def test_a_shop_with_a_secret_of_its_own_is_believed_by_that_one_only(
    receiver: Receiver, module_db: Database
) -> None:
    _, domain = new_shop(module_db, secret=OWN)
    until = time.monotonic() + 5
    while receiver.post(body_of(), domain, secret=OWN) != (200, "stored"):  # the receiver reads it within 2 s
        assert time.monotonic() < until
    assert receiver.post(body_of(), domain, secret=SECRET) == (401, "bad_signature")
    assert receiver.post(body_of(), domain, secret=PREVIOUS) == (401, "bad_signature")
    assert receiver.figure('neanelu_webhooks_verified_total{secret="shop"}') >= 1


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_of_body_or_signature_passes(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str], data: st.DataObject
) -> None:
    topic = data.draw(
        st.sampled_from(["products/update", "customers/redact", "shop/redact", "app/uninstalled"])
    )
    body = bytearray(samples()[topic])
    given = bytearray(signature(bytes(body)).encode())
    target = data.draw(st.sampled_from([body, given]))
    place = data.draw(st.integers(0, len(target) - 1))
    target[place] ^= 1 << data.draw(st.integers(0, 7))
    sent = headers(bytes(body), shop[1], topic)
    sent["X-Shopify-Hmac-Sha256"] = ""
    raw = [(name.encode(), value.encode()) for name, value in sent.items() if value]
    if re.fullmatch(rb"[\x21-\x7e]+", given):
        raw.append((b"X-Shopify-Hmac-Sha256", bytes(given)))
    answer = receiver.client.post(receiver.url, content=bytes(body), headers=raw)
    assert (answer.status_code, answer.json()["outcome"]) == (401, "bad_signature")
    assert events(superuser, shop[0]) == [] and refusals(superuser, shop[1]) == {}


@pytest.mark.parametrize(
    "forged",
    ["", "=", "A" * 44, "null", "Basic x", signature(b""), "é"],
    ids=["empty", "padding", "wrong", "word", "scheme", "of-nothing", "not-ascii"],
)
def test_forged_signatures_are_refused(receiver: Receiver, shop: tuple[Any, str], forged: str) -> None:
    body = body_of()
    sent = headers(body, shop[1], Hmac_Sha256=None)
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    raw.append((b"X-Shopify-Hmac-Sha256", forged.encode("latin-1")))
    assert receiver.client.post(receiver.url, content=body, headers=raw).status_code == 401


def test_two_signatures_are_none(receiver: Receiver, shop: tuple[Any, str]) -> None:
    body = body_of()
    raw = [(name.encode(), value.encode()) for name, value in headers(body, shop[1]).items()]
    raw.append((b"x-shopify-hmac-sha256", b"AAAA"))
    assert receiver.client.post(receiver.url, content=body, headers=raw).status_code == 401


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b"not json", "json"),
        (b'{"id": 1', "json"),
        (b'{"id": 1, "title": "\\u0000"}', "Unicode"),
        (b'{"id": 1, "title": "\\ud800"}', "json"),
        (b'{"id": 1}\x00', "NUL"),
        (b'{"title": "\xff"}', "UTF-8"),
        (b'{"id": 1e999999}', "overflow|out of range"),
        (b"[" * 20_000, "depth|json"),
    ],
)
def test_what_is_signed_and_no_json_is_kept_with_its_reason(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str], body: bytes, why: str
) -> None:
    shop_id, domain = shop
    assert receiver.post(body, domain) == (400, "malformed")
    assert receiver.post(body, domain) == (400, "malformed")
    row = superuser.execute(
        "SELECT * FROM neanelu.webhook_refusals WHERE reason = 'malformed' AND body_digest = sha256(%s)",
        [body],
    ).fetchone()
    assert row["times"] == 2 and re.search(why, row["detail"]), row["detail"]
    assert row["body"] == body.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    assert events(superuser, shop_id) == []


def test_a_bad_body_does_not_keep_others_of_its_batch_out(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    bodies = [b'{"broken": "\\u0000 %d"}' % n if n % 7 == 3 else body_of() for n in range(60)]

    async def all_at_once() -> Counter[str]:
        async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=100)) as client:
            calls = [
                client.post(receiver.url, content=body, headers=headers(body, domain)) for body in bodies
            ]
            return Counter(answer.json()["outcome"] for answer in await asyncio.gather(*calls))

    assert asyncio.run(all_at_once()) == {"stored": 51, "malformed": 9}
    assert len(events(superuser, shop_id)) == 51


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("topic", None),
        ("topic", "Products/Update"),
        ("topic", "products/update; DROP"),
        ("shop_domain", None),
        ("shop_domain", "evil.example.com"),
        ("shop_domain", "a.myshopify.com.evil.example"),
        ("webhook_id", None),
        ("webhook_id", "x" * 101),
        ("webhook_id", "a b"),
        ("event_id", ""),
        ("api_version", "2026 10"),
    ],
)
def test_headers_that_are_none_are_refused(
    receiver: Receiver, shop: tuple[Any, str], header: str, value: str | None
) -> None:
    assert receiver.post(body_of(), shop[1], **{header: value}) == (400, "bad_header")


def test_the_form_of_a_request_is_checked(receiver: Receiver, shop: tuple[Any, str]) -> None:
    assert receiver.get("/api/webhooks").status_code == 405
    assert receiver.get("/nowhere").status_code == 404
    large = b'{"id": 1, "x": "' + b"y" * 200_000 + b'"}'
    assert receiver.post(large, shop[1]) == (413, "too_large")

    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b"z" * 10_000

    answer = httpx.post(receiver.url, content=pieces(), headers=headers(b"", shop[1]))
    assert answer.status_code == 413
    assert receiver.post(body_of(), shop[1], triggered_at="yesterday") == (200, "stored")
    assert receiver.post(body_of(), shop[1].upper(), event_id=None, api_version=None) == (200, "stored")


def test_health_and_figures_are_told(receiver: Receiver, shop: tuple[Any, str]) -> None:
    assert receiver.get("/health/live").status_code == 200
    assert receiver.get("/health/ready").json()["checks"]["database"] == "ok"
    before = receiver.figure('neanelu_webhooks_deliveries_total{outcome="stored"}')
    receiver.post(body_of(), shop[1])
    assert receiver.figure('neanelu_webhooks_deliveries_total{outcome="stored"}') == before + 1
    assert SECRET not in receiver.get("/metrics").text and SECRET not in receiver.log.read_text()


def test_old_receipts_go_and_those_that_guard_the_shop_stay(
    receiver: Receiver, superuser: psycopg.Connection[Any], shop: tuple[Any, str]
) -> None:
    shop_id, domain = shop
    for topic in ("products/update", "app/uninstalled", "shop/update"):
        receiver.post(body_of(topic), domain, topic)
    superuser.execute(
        "UPDATE neanelu.webhook_receipts SET received_at = now() - interval '8 days' WHERE shop_id = %s",
        [shop_id],
    )
    assert superuser.execute("SELECT webhooks.prune(NULL, '{}') AS r").fetchone()["r"]["receipts"] >= 1
    left = superuser.execute(
        "SELECT topic FROM neanelu.webhook_receipts WHERE shop_id = %s ORDER BY topic", [shop_id]
    )
    assert [row["topic"] for row in left] == ["app/uninstalled", "shop/update"]
