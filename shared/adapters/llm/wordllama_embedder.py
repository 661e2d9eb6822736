"""Embeddings from the weights inside the ``wordllama`` package: no network, no torch.

Only the weights and the tokenizer's file of the package are used, both read at construction
(about 0.3 s); the package's own loader would ask the network when it misses a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from tokenizers import Tokenizer

_WEIGHTS: Final = "weights/l2_supercat_256.safetensors"
_TOKENIZER: Final = "tokenizers/l2_supercat_tokenizer_config.json"


class WordLlamaEmbedder:
    """Port ``Embedder``. A text's vector is the sum of its tokens' vectors, not scaled."""

    def __init__(self) -> None:
        files = resources.files("wordllama")
        self._tokenizer = Tokenizer.from_str(files.joinpath(_TOKENIZER).read_text("utf-8"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        tensors = load(files.joinpath(_WEIGHTS).read_bytes())
        self._table: NDArray[np.float32] = tensors["embedding.weight"].astype(np.float32)

    @property
    def name(self) -> str:
        return "wordllama l2_supercat_256"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a float32 matrix, one row a text; zeros for a text without tokens."""
        result = np.zeros((len(texts), self._table.shape[1]), np.float32)
        for row, encoded in enumerate(
            self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ):
            if encoded.ids:
                result[row] = self._table[encoded.ids].sum(axis=0)
        return result
