"""Vectors from a server with OpenAI's interface, at once. For small amounts: what can wait goes by batch, at half the price."""

from __future__ import annotations

from collections.abc import Sequence

from neanelu.embeddings import WrongAnswer
from neanelu.openai.client import OpenAIClient
from neanelu.settings import Settings

#: What one request may have, by OpenAI's limits.
MAX_INPUTS, MAX_TOKENS = 2048, 300_000


class OpenAIEmbedder:
    """Makes vectors of one model.

    Args:
        name: of the model at the provider.
        dimensions: asked for.
        settings: key and address.

    Attributes:
        tokens: that the provider charged for the last request.

    Raises:
        KeyRefused: there is no key.
    """

    def __init__(self, name: str, dimensions: int, settings: Settings) -> None:
        self.name = name
        self.dimensions = dimensions
        self.tokens = 0
        self._client = OpenAIClient.of(settings)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector a text, in their order; one request, so within the limits above."""
        vectors, self.tokens = self._client.embeddings(self.name, texts, self.dimensions)
        if len(vectors) != len(texts) or any(len(vector) != self.dimensions for vector in vectors):
            raise WrongAnswer(f"the provider sent no vector of {self.dimensions} dimensions for each text")
        return vectors
