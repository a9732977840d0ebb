"""Golden records found from a shell by words and by meaning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from quality_support import Records
from test_review_cli import Call, call, found

from neanelu.embeddings import ProviderMissing
from neanelu.embeddings.minilm import MiniLM
from neanelu.platform.scratch import Database

__all__ = ["call"]


@pytest.fixture
def records(db: Database) -> Iterator[Records]:
    with db.connect(autocommit=True) as connection:
        made = Records(connection)
        for title in ("Wireless headphones with noise cancelling", "Cordless drill 18 V"):
            product = made.product(title)
            made.propose(product, "title", title, "one")
            made.decide(product)
        yield made


def test_a_question_is_searched_by_meaning_too(
    call: Call, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(call("embeddings", "run", "--json"))
    question = ("pim", "search", "earphones for music", "--json")
    best, *_ = found(call(*question))
    assert (best["title"], best["vector_rank"]) == ("Wireless headphones with noise cancelling", 1)
    assert best["text_rank"] is None
    assert all(row["vector_rank"] is None for row in found(call(*question, "--words-only")))
    assert "MEANING" in call("pim", "search", "drill", "--locale", "en").output

    def missing(threads: int) -> MiniLM:
        raise ProviderMissing("the local model is not installed")

    monkeypatch.setattr(MiniLM, "shared", missing)
    alone = call("pim", "search", "cordless drill", "--json")
    assert "by words only" in alone.stderr
    (row,) = found(alone)
    assert (row["title"], row["vector_rank"]) == ("Cordless drill 18 V", None)
