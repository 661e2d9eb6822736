"""A local index over embeddings: markets whose words mean alike, whatever their spelling.

Small catalogues are compared in full. Larger ones are parted into cells around sampled
markets, and a market looks into the cells nearest to it only; what that misses, the words
usually find. Vectors have length 1, so a dot product is a cosine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.matching.lexical import top
from shared.ports.language_model import Embedder

EXACT_MAX: Final = 4_000
"""Up to so many markets every one is compared; beyond, only the nearest cells."""
CELL: Final = 250
"""Markets a cell holds on average."""
PROBES: Final = 6
_BLOCK: Final = 512

Matrix = NDArray[np.float32]


def vectors(texts: Sequence[Sequence[str]], embedder: Embedder) -> Matrix:
    """Return one vector of length 1 a text, the sum of its words' vectors; each word is
    embedded once. A text without a known word has a row of zeros."""
    counts = Counter(chain.from_iterable(texts))
    words = sorted(counts)
    number = {word: n for n, word in enumerate(words)}
    table = np.asarray(embedder.embed(words), np.float32)
    result = np.zeros((len(texts), table.shape[1] if words else 1), np.float32)
    order = sorted(range(len(texts)), key=lambda n: -len(texts[n]))
    sums = np.zeros_like(result)
    ordered = [texts[n] for n in order]  # the longest first: a place is a leading block
    reach = len(ordered)
    for place in range(len(ordered[0]) if ordered else 0):
        while len(ordered[reach - 1]) <= place:
            reach -= 1
        sums[:reach] += table[[number[text[place]] for text in ordered[:reach]]]
    result[order] = sums
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    return np.asarray(result / np.maximum(lengths, 1e-9), np.float32)


class EmbeddingIndex:
    """Markets of one side, findable by what their words mean."""

    def __init__(self, rows: Matrix) -> None:
        self._rows = rows
        self._cells: list[NDArray[np.int64]] = []
        self._centres = rows[:0]
        if len(rows) > EXACT_MAX:
            step = max(1, len(rows) // (len(rows) // CELL))
            self._centres = rows[::step]
            home = _nearest_centre(rows, self._centres)
            order = np.argsort(home, kind="stable")
            ends = np.cumsum(np.bincount(home, minlength=len(self._centres)))
            self._cells = np.split(order, ends[:-1])

    def nearest(self, queries: Matrix, top_k: int) -> list[list[tuple[int, float]]]:
        """Return for each query the (number, cosine) of its nearest markets, best first."""
        if not len(self._rows) or not len(queries):
            return [[] for _ in range(len(queries))]
        if not self._cells:
            return self._exact(queries, top_k)
        return self._probed(queries, top_k)

    def _exact(self, queries: Matrix, top_k: int) -> list[list[tuple[int, float]]]:
        numbers = np.arange(len(self._rows))
        found: list[list[tuple[int, float]]] = []
        for start in range(0, len(queries), _BLOCK):
            scores = queries[start : start + _BLOCK] @ self._rows.T
            found.extend(top(numbers, row, top_k) for row in scores)
        return found

    def _probed(self, queries: Matrix, top_k: int) -> list[list[tuple[int, float]]]:
        """Part the queries by the cells they look into, so that each cell is read once."""
        probes = min(PROBES, len(self._cells))
        pieces: list[list[tuple[NDArray[np.int64], NDArray[np.float32]]]] = [
            [] for _ in range(len(queries))
        ]
        asking: list[list[int]] = [[] for _ in self._cells]
        for start in range(0, len(queries), _BLOCK):
            likeness = queries[start : start + _BLOCK] @ self._centres.T
            near = np.argpartition(likeness, -probes, axis=1)[:, -probes:]
            for offset, cells in enumerate(near.tolist()):
                for cell in cells:
                    asking[cell].append(start + offset)
        for members, askers in zip(self._cells, asking, strict=True):
            if len(members) and askers:
                self._read_cell(members, askers, queries, top_k, pieces)
        return [
            top(np.concatenate([n for n, _ in own]), np.concatenate([s for _, s in own]), top_k)
            if own
            else []
            for own in pieces
        ]

    def _read_cell(
        self,
        members: NDArray[np.int64],
        askers: list[int],
        queries: Matrix,
        top_k: int,
        pieces: list[list[tuple[NDArray[np.int64], NDArray[np.float32]]]],
    ) -> None:
        rows = self._rows[members]
        keep = min(top_k, len(members))
        for start in range(0, len(askers), _BLOCK):
            block = askers[start : start + _BLOCK]
            scores = queries[block] @ rows.T
            best = np.argpartition(scores, -keep, axis=1)[:, -keep:]
            kept = np.take_along_axis(scores, best, axis=1)
            for asker, chosen, values in zip(block, members[best], kept, strict=True):
                pieces[asker].append((chosen, values))


def _nearest_centre(rows: Matrix, centres: Matrix) -> NDArray[np.int64]:
    blocks = [
        np.argmax(rows[start : start + _BLOCK] @ centres.T, axis=1)
        for start in range(0, len(rows), _BLOCK)
    ]
    return np.concatenate(blocks)
