"""The sandbox's OpenAI takes what OpenAI takes, refuses what it refuses, and shows every fault; the client copes with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from neanelu.openai.client import OpenAIClient
from neanelu.openai.errors import KeyRefused, ProviderBusy, ProviderError, ProviderUnreachable, RequestRefused
from neanelu.sandbox.openai.faults import FAULTS
from neanelu.sandbox.openai.provider import KEY
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.settings import Settings

SMALL = "text-embedding-3-small"
Line = dict[str, Any]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxHandle]:
    with run_in_thread() as handle:
        yield handle


@pytest.fixture
def sandbox(running: SandboxHandle) -> SandboxHandle:
    running.openai.faults.clear()
    running.openai.billed.clear()
    running.openai.batches.clear()
    return running


@pytest.fixture
def client(sandbox: SandboxHandle) -> Iterator[OpenAIClient]:
    with OpenAIClient(sandbox.openai_url, KEY, attempts=4) as made:
        yield made


@pytest.fixture
def batch(client: OpenAIClient, tmp_path: Path) -> Callable[[list[Any]], dict[str, Any]]:
    """A function that has lines done as a batch of embeddings, and returns the batch at its end."""

    def do(lines: list[Any]) -> dict[str, Any]:
        path = tmp_path / "in.jsonl"
        path.write_text(
            "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        )
        made = client.create_batch(client.upload(path, "in.jsonl")["id"], "/v1/embeddings", {"ours": "1"})
        assert made["status"] == "validating"
        for _ in range(9):
            made = client.batch(made["id"])
        return made

    return do


def lines(count: int, **more: Any) -> list[Line]:
    return [
        {"custom_id": f"c{n}", "method": "POST", "url": "/v1/embeddings",
         "body": {"model": SMALL, "input": f"text {n}", "dimensions": 8}, **more}
        for n in range(count)
    ]  # fmt: skip


def output(client: OpenAIClient, made: dict[str, Any], name: str = "output_file_id") -> list[Any]:
    return [json.loads(line) for line in client.lines(made[name])] if made[name] else []


# --- Limits -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": SMALL, "input": []}, "invalid_value"),
        ({"model": SMALL, "input": [""]}, "invalid_value"),
        ({"model": SMALL, "input": ["x"] * 2049}, "invalid_value"),
        ({"model": SMALL, "input": "x" * 4 * 8193}, "context_length_exceeded"),
        ({"model": SMALL, "input": ["x" * 4 * 8000] * 38}, "max_tokens_per_request"),
        ({"model": SMALL, "input": "x", "dimensions": 1537}, "invalid_value"),
        ({"model": SMALL, "input": "x", "size": 3}, "unknown_parameter"),
        ({"model": "none", "input": "x"}, "model_not_found"),
        ({"model": "gpt-4.1-mini", "input": "x"}, "model_not_found"),
    ],
)
def test_embeddings_beyond_the_limits_are_refused(client: OpenAIClient, body: Any, code: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        client.ask("/v1/embeddings", body)
    assert caught.value.reason == code


def test_vectors_are_those_of_their_texts_and_near_for_shared_words(client: OpenAIClient) -> None:
    (one, two, other, again), tokens = client.embeddings(
        SMALL, ["red lamp", "red lamps red", "steel bolt", "red lamp"]
    )
    assert one == again
    assert len(one) == 1536
    assert tokens == 2 + 4 + 3 + 2

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert cosine(one, two) > cosine(one, other)
    assert len(client.embeddings(SMALL, ["a"], 256)[0][0]) == 256


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": [], "additionalProperties": False},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}, "required": ["a"],
         "additionalProperties": False},
    ],
)  # fmt: skip
def test_a_schema_that_is_not_strict_is_refused(client: OpenAIClient, schema: Any) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    body = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "x"}], "response_format": form}
    with pytest.raises(RequestRefused) as caught:
        client.ask("/v1/chat/completions", body)
    assert caught.value.reason == "invalid_json_schema"


# --- Batches ----------------------------------------------------------------------------------------------
def test_a_batch_is_answered_in_another_order(client: OpenAIClient, batch: Any) -> None:
    made = batch(lines(40))
    assert (made["status"], made["request_counts"]) == (
        "completed",
        {"total": 40, "completed": 40, "failed": 0},
    )
    ids = [line["custom_id"] for line in output(client, made)]
    assert sorted(ids) == sorted(f"c{n}" for n in range(40))
    assert ids != sorted(ids, key=lambda name: int(name[1:]))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("not json", "invalid_json_line"),
        (lines(1)[0], "duplicate_custom_id"),
        ({**lines(1)[0], "custom_id": "x", "url": "/v1/chat/completions"}, "mismatched_endpoint"),
        ({**lines(1)[0], "custom_id": "x", "body": {"model": "another", "input": "x"}}, "mismatched_model"),
        ({**lines(1)[0], "custom_id": "x", "method": "GET"}, "invalid_value"),
    ],
)
def test_a_batch_with_a_wrong_line_fails_whole(
    batch: Any, sandbox: SandboxHandle, bad: Any, code: str
) -> None:
    made = batch([*lines(3), bad])
    assert (made["status"], made["errors"]["data"][0]["code"]) == ("failed", code)
    assert made["output_file_id"] is None
    assert sandbox.openai.billed == []


def test_faults_of_batches(client: OpenAIClient, batch: Any, sandbox: SandboxHandle) -> None:
    faults = sandbox.openai.faults
    faults.add("expire", share=0.3)
    made = batch(lines(10))
    assert (made["status"], len(output(client, made))) == ("expired", 3)
    left = output(client, made, "error_file_id")
    assert {(line["response"], line["error"]["code"]) for line in left} == {(None, "batch_expired")}
    faults.add("partial", share=0.5)
    assert {
        line["response"]["status_code"] for line in output(client, batch(lines(10)), "error_file_id")
    } == {500}
    faults.add("token_limit_exceeded")
    assert batch(lines(2))["errors"]["data"][0]["code"] == "token_limit_exceeded"
    sandbox.openai.billed.clear()
    faults.add("dropped", share=0.5)
    assert len(output(client, batch(lines(10)))) == 5
    assert sandbox.openai.ledger()["requests"] == 10


def test_batches_are_listed_page_by_page_the_newest_first(client: OpenAIClient, batch: Any) -> None:
    ids = [batch(lines(1))["id"] for _ in range(5)]
    assert [made["id"] for made in client.batches(page=2)] == ids[::-1]
    assert next(client.batches())["metadata"] == {"ours": "1"}


def test_every_fault_is_described_and_an_unknown_one_refused(sandbox: SandboxHandle) -> None:
    assert all(FAULTS.values())
    url = f"{sandbox.url}/_sandbox/openai/faults"
    assert httpx.post(url, json={"fault": "none"}).status_code == 400
    assert httpx.post(url, json={"fault": "429", "times": 2}).status_code == 201
    assert [fault["fault"] for fault in httpx.get(url).json()] == ["429"]
    assert httpx.delete(url).status_code == 204
    assert httpx.get(f"{sandbox.url}/_sandbox/openai/ledger").json()["twice"] == []


# --- The client -------------------------------------------------------------------------------------------
def test_a_limit_of_rate_is_waited_out_as_long_as_it_says(
    client: OpenAIClient, sandbox: SandboxHandle
) -> None:
    sandbox.openai.faults.add("429", where="embeddings", seconds=0.1, times=3)
    assert client.embeddings(SMALL, ["x"])[1] == 1
    sandbox.openai.faults.add("429", where="embeddings", seconds=3600)
    with pytest.raises(ProviderBusy) as caught:
        client.embeddings(SMALL, ["x"])
    assert caught.value.pause == 3600


def test_a_lost_answer_is_asked_for_again_under_its_key_and_billed_once(
    client: OpenAIClient, sandbox: SandboxHandle
) -> None:
    sandbox.openai.faults.add("lost", where="embeddings")
    client.ask("/v1/embeddings", {"model": SMALL, "input": "x"}, key="mine")
    assert sandbox.openai.ledger()["times"] == {"mine": 1}


def test_a_batch_is_never_created_twice_by_itself(
    client: OpenAIClient, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(lines(1)[0]) + "\n")
    file = client.upload(path, "x.jsonl")["id"]
    for fault in ("lost", "500"):
        sandbox.openai.faults.add(fault, where="batches")
        with pytest.raises(ProviderUnreachable):
            client.create_batch(file, "/v1/embeddings", {})
    assert len(sandbox.openai.batches) == 1


def test_a_cut_file_is_an_error_and_not_a_shorter_file(
    client: OpenAIClient, batch: Any, sandbox: SandboxHandle
) -> None:
    made = batch(lines(20))
    sandbox.openai.faults.add("cut", after_bytes=2000)
    with pytest.raises(ProviderUnreachable):
        output(client, made)
    assert len(output(client, made)) == 20


def test_the_key_is_refused_and_never_told(sandbox: SandboxHandle) -> None:
    with structlog.testing.capture_logs() as logs, OpenAIClient(sandbox.openai_url, "sk-secret") as client:
        with pytest.raises(KeyRefused) as caught:
            client.embeddings(SMALL, ["x"])
        sandbox.openai.faults.add("500", where="embeddings", times=9)
    said = f"{caught.value} {caught.value.hint} {caught.value.detail} {client!r} {logs}"
    assert "sk-secret" not in said
    assert "sk-secret" not in repr(Settings(_env_file=None, openai_api_key="sk-secret"))
    with pytest.raises(KeyRefused):
        OpenAIClient.of(Settings(_env_file=None, openai_api_key=None))


def test_nobody_answering_is_unreachable() -> None:
    with OpenAIClient("http://127.0.0.1:9/v1", attempts=2) as client, pytest.raises(ProviderUnreachable):
        client.embeddings(SMALL, ["x"])


def test_what_is_not_there_to_be_deleted_or_cancelled_is_no_error(client: OpenAIClient, batch: Any) -> None:
    client.delete_file("file-none")
    client.cancel_batch(batch(lines(1))["id"])
    with pytest.raises(ProviderError):
        client.batch("batch_none")
