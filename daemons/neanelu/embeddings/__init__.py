"""Vectors of texts: who makes them (`Embedder`), and the loop that takes texts from the database and brings vectors back.

The database decides which texts need a vector and of which model (ai.collect_texts); nothing here remembers anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from neanelu.db.errors import ENVIRONMENT, NeaneluError
from neanelu.settings import Settings


class ProviderMissing(NeaneluError):
    """What a provider needs is not installed or not set."""

    default_code = "NE010"
    exit_code = ENVIRONMENT


class WrongAnswer(NeaneluError):
    """A provider answered something else than one vector a text."""

    default_code = "NE011"
    retryable = True


class Embedder(Protocol):
    """Makes vectors of one model.

    Attributes:
        name: of the model, as in neanelu.embedding_models.
        dimensions: of its vectors.
    """

    name: str
    dimensions: int

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a unit vector a text, in their order; raises NeaneluError."""
        ...


def open_embedder(name: str, provider: str, dimensions: int, settings: Settings) -> Embedder:
    """Return who makes vectors of a model of neanelu.embedding_models.

    Raises:
        ProviderMissing: its packages are not installed, or there is no key.
    """
    if provider == "local":
        from neanelu.embeddings.minilm import MiniLM

        if name != MiniLM.name:
            raise ProviderMissing(f"no local model is called {name}")
        return MiniLM.shared(settings.embeddings_threads)
    from neanelu.embeddings.remote import OpenAIEmbedder

    return OpenAIEmbedder(name, dimensions, settings)


def as_text(vector: Sequence[float]) -> str:
    """Return a vector as PostgreSQL reads it."""
    return "[" + ",".join(f"{value:.7g}" for value in vector) + "]"
