"""The local model in numpy gives the vectors that the published model is known for, however texts are batched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neanelu.embeddings import ProviderMissing, as_text, minilm, open_embedder
from neanelu.embeddings.minilm import MiniLM
from neanelu.settings import Settings


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM.shared(1)


def test_cosines_are_those_that_the_model_is_published_with(model: MiniLM) -> None:
    # The example on the model's page: 0.695, 0.943, 0.257.
    texts = [
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
    ]
    vectors = model.matrix(texts)
    assert vectors.shape == (4, 384)
    assert np.allclose(vectors[0] @ vectors[1:].T, [0.6946, 0.9429, 0.2569], atol=1e-3)


def test_a_text_has_one_vector_whatever_comes_with_it(model: MiniLM) -> None:
    texts = [
        "mug",
        "a mug of stoneware, 300 ml, dishwasher safe " * 8,
        "Cană ceramică albă",
        "",
        "☕ 日本語",
        '27" IPS',
    ]
    together, alone = model.matrix(texts), np.vstack([model.matrix([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_any_text_has_a_finite_unit_vector(texts: list[str]) -> None:
    vectors = MiniLM.shared(1).matrix(texts)
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_nearness_is_nearness_of_meaning(model: MiniLM) -> None:
    query, *products = model.matrix(
        ["sneakers for jogging", "Running shoes", "Office chair", "Kitchen scale"]
    )
    assert int(np.argmax(np.array(products) @ query)) == 0


def test_a_missing_or_foreign_model_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    with pytest.raises(ProviderMissing) as other:
        open_embedder("another", "local", 384, Settings())
    assert other.value.code == "NE010"
    monkeypatch.setattr(minilm, "_PACKAGE", "no_such_package_at_all")
    with pytest.raises(ProviderMissing) as missing:
        MiniLM()
    assert missing.value.hint is not None and "requirements-local.txt" in missing.value.hint


def test_weights_that_are_not_the_published_ones_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "_WEIGHTS", "0" * 64)
    with pytest.raises(ProviderMissing):
        MiniLM()


def test_a_vector_is_written_as_postgresql_reads_it() -> None:
    assert as_text([0.1, -2.0, 1e-9]) == "[0.1,-2,1e-09]"
