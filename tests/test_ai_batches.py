"""Batches of requests against the sandbox's provider: what goes wrong there loses nothing and costs nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from ai_support import Models, models_in, page

from neanelu.ai.daemon import AiDaemon
from neanelu.platform.scratch import Database


@pytest.fixture(scope="module")
def all_models(module_db: Database) -> Iterator[Models]:
    with models_in(module_db) as models:
        yield models


@pytest.fixture
def models(all_models: Models) -> Models:
    all_models.reset()
    return all_models


def pages(count: int) -> list[str]:
    return [page(number) for number in range(count)]


def texts(models: Models, count: int, words: str = "text") -> None:
    models.connection.execute(
        "SELECT ai.request_vectors(array_agg(%s || ' ' || n), 'text-embedding-3-small') FROM generate_series(1, %s) AS n",
        [words, count],
    )


def test_answers_in_any_order_become_sessions_of_their_pages(models: Models) -> None:
    documents = models.request(pages(30))
    models.run()
    assert models.batches() == [("completed", 1, 30, 30, 0)]
    sessions = models.sessions()
    assert sorted(session[0] for session in sessions) == sorted(documents)
    assert {session[2] for session in sessions} == {None}
    by_document = {session[0]: session[1] for session in sessions}
    for number, document in enumerate(documents):
        specs = by_document[document]
        assert specs["title"] == f"Acme Monitor X{number}"
        assert (specs["brand"], specs["mpn"]) == ("Acme", f"AC-{number:05d}")
        assert (specs["price"], specs["currency"]) == (f"1.{number:03d},50", "lei")
        assert specs["attributes"] == {"Diagonala": f"{20 + number % 20} inch"}
    models.assert_paid_once(30)
    assert models.provider.files == {}  # what was uploaded and answered is deleted there


def test_the_same_text_is_asked_once_for_all_its_pages(models: Models) -> None:
    models.request([page(1), page(1, "<script>other()</script>"), page(1, "<!-- a comment -->"), page(2)])
    models.run()
    assert models.batches() == [("completed", 1, 2, 2, 0)]
    assert [session[2] for session in models.sessions()] == [None] * 4
    models.assert_paid_once(2)
    models.request([page(2, "<!-- much later -->")])
    models.run()
    assert len(models.sessions()) == 5
    models.assert_paid_once(2)


def test_of_an_expired_batch_what_is_there_is_taken_and_the_rest_asked_again(models: Models) -> None:
    models.provider.faults.add("expire", share=0.4)
    models.request(pages(20))
    models.run()
    assert models.batches() == [("expired", 1, 20, 8, 12), ("completed", 2, 12, 12, 0)]
    assert len(models.sessions()) == 20
    models.assert_paid_once(20)


def test_what_the_provider_failed_at_is_asked_again(models: Models) -> None:
    models.provider.faults.add("partial", share=0.5)
    models.request(pages(10))
    models.run()
    assert models.batches() == [("completed", 1, 10, 5, 5), ("completed", 2, 5, 5, 0)]
    models.assert_paid_once(10)


def test_attempts_end(models: Models) -> None:
    models.provider.faults.add("partial", share=1.0, times=9)
    models.request(pages(3))
    models.run(ai_backoff_seconds=0.0)
    assert [batch[1] for batch in models.batches()] == [1, 2, 3, 4, 5]
    assert models.rows("SELECT DISTINCT status, error_code FROM neanelu.ai_extractions") == [
        ("failed", "NT106")
    ]
    models.assert_paid_once(0)


def test_what_the_provider_rejects_has_failed_at_once(models: Models) -> None:
    models.provider.faults.add("rejected", share=0.5)
    models.request(pages(10))
    models.run()
    assert models.batches() == [("completed", 1, 10, 5, 5)]
    assert models.rows(
        "SELECT status, count(*) FROM neanelu.ai_extractions GROUP BY status ORDER BY status"
    ) == [
        ("completed", 5),
        ("failed", 5),
    ]


def test_what_was_done_and_got_lost_at_the_provider_is_not_asked_again_by_itself(models: Models) -> None:
    models.provider.faults.add("dropped", share=0.3)
    models.provider.faults.add("bad_line")
    models.request(pages(10))
    models.run()
    assert models.batches() == [("completed", 1, 10, 7, 3)]
    assert models.rows("SELECT DISTINCT error_code FROM neanelu.ai_extractions WHERE status = 'failed'") == [
        "NT105"
    ]
    assert models.provider.ledger()["requests"] == 10
    assert models.provider.ledger()["twice"] == []
    # Somebody who accepts the costs may say so.
    batch = models.value("SELECT batch_id FROM ai.list_batches()")
    assert models.value("SELECT ai.retry_batch(%s)", batch) == 3
    models.run()
    assert models.rows("SELECT DISTINCT status FROM neanelu.ai_extractions") == ["completed"]
    assert models.provider.ledger()["requests"] == 13


def test_a_batch_that_found_no_room_goes_in_smaller_ones(models: Models) -> None:
    models.provider.faults.add("token_limit_exceeded")
    models.request(pages(60))
    models.run()
    batches = models.batches()
    assert batches[0] == ("failed", 1, 60, 0, 60)
    assert len(batches) > 2
    assert {batch[:2] for batch in batches[1:]} == {("completed", 2)}
    assert sum(batch[2] for batch in batches[1:]) == 60
    models.assert_paid_once(60)


def test_a_batch_is_never_larger_than_the_provider_takes(models: Models) -> None:
    models.connection.execute("UPDATE neanelu.ai_models SET max_batch_requests = 7")
    models.request(pages(30))
    models.run()
    assert sorted(batch[2] for batch in models.batches()) == [2, 7, 7, 7, 7]
    models.assert_paid_once(30)


def test_limits_of_rate_and_failures_of_the_server_are_waited_out(models: Models) -> None:
    for where in ("files", "batches", "files", "batches"):
        models.provider.faults.add("429", where=where, seconds=0.05)
    models.provider.faults.add("500", where="files")
    models.provider.faults.add("cut", after_bytes=3000)
    models.request(pages(10))
    models.run()
    assert models.batches() == [("completed", 1, 10, 10, 0)]
    models.assert_paid_once(10)


def test_a_batch_whose_creation_was_not_confirmed_is_found_again(models: Models) -> None:
    models.provider.faults.add("lost", where="batches")
    models.request(pages(10))
    models.run()
    assert models.batches() == [("completed", 1, 10, 10, 0)]
    assert len(models.provider.batches) == 1
    models.assert_paid_once(10)


def test_requests_that_are_none_fail_and_are_not_repeated(models: Models) -> None:
    models.connection.execute(
        "SELECT ai.set_model('openai', 'no-such-model', 'chat', 0, p_is_active => true)"
    )
    models.request(pages(3))
    models.run(ai_model="no-such-model")
    assert models.batches() == [("completed", 1, 3, 0, 3)]
    errors = models.rows("SELECT error_message FROM neanelu.ai_batch_items")
    assert all("model_not_found" in error for error in errors)
    models.assert_paid_once(0)


def test_a_wrong_key_keeps_everything_waiting(models: Models) -> None:
    models.request(pages(3))
    daemon = AiDaemon(
        models.settings(openai_api_key="wrong"),
        dsn=models.database.dsn("neanelu_ai"),
    )
    for _ in range(3):
        daemon.work(0.0)
    daemon.close()
    rows = models.rows("SELECT status, error FROM ai.list_batches()")
    assert [row[0] for row in rows] == ["submitting"]
    assert "refuses the key" in rows[0][1]
    assert "wrong" not in rows[0][1].replace("wrong login", "")
    models.connection.execute("UPDATE neanelu.ai_batch_runs SET next_step_at = now()")
    models.run()
    assert models.batches() == [("completed", 1, 3, 3, 0)]
    models.assert_paid_once(3)


# --- Budgets ----------------------------------------------------------------------------------------------
def test_nothing_is_sent_that_the_budget_does_not_cover(models: Models) -> None:
    models.connection.execute("SELECT ai.set_budget('openai', 0.0001)")
    models.request(pages(5))
    models.run()
    assert models.rows("SELECT status, error LIKE 'NT002%%' FROM ai.list_batches()") == [("pending", True)]
    assert models.provider.files == {}
    assert models.provider.billed == []
    models.connection.execute("SELECT ai.set_budget('openai', 1)")
    models.run()
    assert models.batches() == [("completed", 1, 5, 5, 0)]
    models.assert_paid_once(5)


def test_two_batches_do_not_take_the_same_money(models: Models) -> None:
    """Each alone fits into the budget; both together do not."""
    models.connection.execute("UPDATE neanelu.ai_models SET max_batch_requests = 5")
    models.provider.polls = 4
    models.request(pages(10))
    models.connection.execute("SELECT ai.set_budget('openai', 0.012)")
    daemon = AiDaemon(models.settings(), dsn=models.database.dsn("neanelu_ai"))
    for _ in range(3):
        daemon.work(0.0)
    daemon.close()
    assert sorted(models.rows("SELECT status FROM ai.list_batches()"))[0] == "pending"
    reserved = models.value("SELECT sum(reserved) FROM neanelu.ai_spending")
    assert Decimal(0) < reserved <= Decimal("0.012")
    models.connection.execute(
        "UPDATE neanelu.ai_batch_runs SET next_step_at = now() WHERE next_step_at IS NOT NULL"
    )


def test_costs_are_those_of_the_providers_tokens(models: Models) -> None:
    models.request(pages(4))
    models.run()
    tokens = models.provider.ledger()["tokens"]
    row = models.rows(
        "SELECT tokens_input, tokens_output, (metadata ->> 'cost')::numeric FROM neanelu.api_usage_log"
    )[0]
    assert row[0] + row[1] == tokens
    assert row[2] == (row[0] * Decimal("0.20") + row[1] * Decimal("0.80")) / 1_000_000
    assert models.value("SELECT spent FROM neanelu.ai_spending") == row[2]
    assert models.value("SELECT sum(total_cost) > 0 FROM neanelu.v_api_daily_costs")


# --- One by one -------------------------------------------------------------------------------------------
def test_small_amounts_are_asked_one_by_one(models: Models) -> None:
    models.provider.faults.add("429", where="chat", seconds=0.05)
    models.provider.faults.add("lost", where="chat")
    models.request(pages(6))
    models.run(ai_direct_items=10)
    assert models.batches() == [("completed", 1, 6, 6, 0)]
    assert models.provider.batches == {}
    assert len(models.sessions()) == 6
    # A lost answer was asked for again under the same key, and is not billed again.
    models.assert_paid_once(6)
    assert models.value("SELECT (metadata ->> 'is_batch')::boolean FROM neanelu.api_usage_log") is False


# --- Cancelling -------------------------------------------------------------------------------------------
def test_a_cancelled_batch_keeps_what_was_answered_and_asks_no_more(models: Models) -> None:
    models.provider.polls = 50
    models.request(pages(10))
    daemon = AiDaemon(models.settings(), dsn=models.database.dsn("neanelu_ai"))
    daemon.work(0.0)
    daemon.work(0.0)
    operator = models.database.connect("neanelu_operator")
    batch = models.value("SELECT batch_id FROM ai.list_batches()")
    operator.execute("SELECT ai.cancel_batch(%s)", [batch])
    daemon.run_until_idle()
    daemon.close()
    status, _, _, completed, failed = models.batches()[0]
    assert (status, completed + failed) == ("cancelled", 10)
    assert len(models.provider.billed) == completed
    assert len(models.batches()) == 1
    models.assert_paid_once(completed)
    with pytest.raises(psycopg.Error) as caught:
        operator.execute("SELECT ai.cancel_batch(%s)", [batch])
    assert caught.value.sqlstate == "NT005"


def test_a_batch_that_was_not_sent_is_cancelled_at_once(models: Models) -> None:
    models.request(pages(3))
    daemon = AiDaemon(models.settings(), dsn=models.database.dsn("neanelu_ai"))
    daemon.work(3600.0)
    batch = models.value("SELECT batch_id FROM ai.list_batches()")
    assert models.value("SELECT ai.cancel_batch(%s)", batch) == "cancelled"
    daemon.run_until_idle()
    daemon.close()
    assert models.provider.files == {}
    assert models.rows("SELECT DISTINCT status, error_code FROM neanelu.ai_extractions") == [
        ("failed", "NT105")
    ]


# --- Vectors ----------------------------------------------------------------------------------------------
def test_texts_get_their_own_vectors_through_batches(models: Models) -> None:
    texts(models, 250)
    models.provider.faults.add("expire", share=0.5)
    models.run()
    assert models.value("SELECT count(*) FROM neanelu.embedding_texts") == 250
    assert models.value("SELECT count(*) FROM neanelu.embedding_items") == 0
    statuses = [batch[0] for batch in models.batches()]
    assert statuses == ["expired", "completed"]
    models.assert_paid_once(250)
    # The vector of a text is the one that was made of it, whatever the order of the answers.
    from neanelu.sandbox.openai.provider import vector

    content, found = models.rows(
        "SELECT content, embedding::text FROM neanelu.embedding_texts ORDER BY id LIMIT 1"
    )[0]
    assert [round(x, 4) for x in vector(content, 1536)] == [
        round(float(x), 4) for x in found.strip("[]").split(",")
    ]


def test_a_text_that_the_provider_never_takes_stops_no_others(models: Models) -> None:
    texts(models, 10)
    models.provider.faults.add("rejected", share=0.2)
    models.run()
    assert models.value("SELECT count(*) FROM neanelu.embedding_texts") == 8
    assert models.rows("SELECT status, count(*) FROM neanelu.embedding_items GROUP BY 1") == [("failed", 2)]
    models.assert_paid_once(8)


def test_two_daemons_do_not_do_the_same(models: Models) -> None:
    models.connection.execute("UPDATE neanelu.ai_models SET max_batch_requests = 4")
    models.request(pages(20))
    first, second = (AiDaemon(models.settings(), dsn=models.database.dsn("neanelu_ai")) for _ in range(2))
    import threading

    threads = [threading.Thread(target=daemon.run_until_idle) for daemon in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    first.close()
    second.close()
    assert len(models.sessions()) == 20
    models.assert_paid_once(20)
