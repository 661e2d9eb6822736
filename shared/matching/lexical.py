"""An inverted index over words: which markets share rare words, weighed by their rarity.

Words that more than ``COMMON_MAX`` markets use never open a pair; they only add to one that
a rarer word opened. The cost of a lookup grows with the number of shared rare words, not with
the size of the index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

COMMON_MAX: Final = 400
"""A word in more markets of the other side than this opens no pair."""
ALWAYS: Final = 2
"""The rarest words of a market open pairs even when they are common, up to a bound."""
ALWAYS_MAX: Final = 4 * COMMON_MAX


class LexicalIndex:
    """Markets of one side, findable by the words that describe them."""

    def __init__(self, sets: Sequence[Collection[str]]) -> None:
        self._size = len(sets)
        self._number: dict[str, int] = {}
        flat: list[int] = []
        lengths = np.empty(self._size, np.int64)
        known = self._number
        for position, found in enumerate(sets):
            flat.extend(known.setdefault(word, len(known)) for word in found)
            lengths[position] = len(found)
        words = np.asarray(flat, np.int64)
        owners = np.repeat(np.arange(self._size), lengths)
        counts = np.bincount(words, minlength=len(known))
        ends = np.cumsum(counts)
        order = np.argsort(words, kind="stable")
        self._starts, self._ends = ends - counts, ends
        self._postings = owners[order]
        self._weight = (np.log1p(self._size / np.maximum(counts, 1)) ** 2).astype(np.float32)
        squares = np.bincount(owners, self._weight[words], minlength=self._size)
        self._norm = np.sqrt(np.maximum(squares, 1e-9)).astype(np.float32)
        self._scores = np.zeros(self._size, np.float32)
        self._has: dict[int, NDArray[np.bool_]] = {}

    def nearest(self, found: Collection[str], top_k: int) -> list[tuple[int, float]]:
        """Return (number, score) of the markets most like these words, best first.

        Equal scores stand in the order of the numbers, so that a run can be repeated.
        """
        numbers = sorted(
            (self._number[w] for w in found if w in self._number),
            key=lambda n: (self._ends[n] - self._starts[n], n),
        )
        opened: list[NDArray[np.int64]] = []
        common: list[int] = []
        for position, number in enumerate(numbers):
            size = self._ends[number] - self._starts[number]
            if size <= COMMON_MAX or position < ALWAYS:
                postings = self._members(number)[:ALWAYS_MAX]
                self._scores[postings] += self._weight[number]
                opened.append(postings)
            else:
                common.append(number)
        if not opened:
            return []
        touched = np.unique(np.concatenate(opened)) if len(opened) > 1 else opened[0]
        scores = self._scores[touched]
        self._scores[touched] = 0
        for number in common:
            scores += self._weight[number] * self._holds(number)[touched]
        scores /= self._norm[touched]
        return top(touched, scores, top_k)

    def _members(self, number: int) -> NDArray[np.int64]:
        return self._postings[self._starts[number] : self._ends[number]]

    def _holds(self, number: int) -> NDArray[np.bool_]:
        """Return for every market whether it holds a common word; few words are common."""
        known = self._has.get(number)
        if known is None:
            known = self._has[number] = np.zeros(self._size, np.bool_)
            known[self._members(number)] = True
        return known


def top(
    numbers: NDArray[np.int64], scores: NDArray[np.float32], top_k: int
) -> list[tuple[int, float]]:
    """Return the ``top_k`` best (number, score); equal scores by number."""
    assert len(numbers) == len(scores) and top_k > 0
    if len(scores) > top_k:
        least = np.partition(scores, len(scores) - top_k)[len(scores) - top_k]
        kept = scores >= least
        numbers, scores = numbers[kept], scores[kept]
    order = np.lexsort((numbers, -scores))[:top_k]
    return list(zip(numbers[order].tolist(), scores[order].tolist(), strict=True))
