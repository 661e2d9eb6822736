"""How much of the wallet's cash the venue lets us spend, when it says less than there is.

The venue keeps a sum of matched orders against the balance; the sum sometimes does not
drain, and buys are refused although the cash is free (F-047). The refusal states its
figures in micro-dollars, and they are what counts until they are a minute old.
"""

from __future__ import annotations

import re
from typing import Final

from shared.domain.units import NS_PER_S

BELIEVED_NS: Final = 60 * NS_PER_S
_FIGURES: Final = re.compile(r"sum of (?:matched|active|open) orders: (\d{1,15})")


class FreeCash:
    """The last figure that a refusal gave; one for each account."""

    def __init__(self) -> None:
        self._counted = 0
        self._refused_ns = 0
        self._is_fresh = False

    def refused(self, text: str, now_ns: int) -> None:
        """Take the figures of a refused buy; without figures nothing is learnt."""
        found = [int(figure) for figure in _FIGURES.findall(text)]
        if not found:
            return
        self._counted, self._refused_ns, self._is_fresh = sum(found), now_ns, True
        assert self._counted >= 0

    def needs_refresh(self, now_ns: int) -> bool:
        """Say once after a refusal that the venue should be asked to reckon anew."""
        is_due = self._is_fresh and now_ns - self._refused_ns < BELIEVED_NS
        self._is_fresh = False
        return is_due

    def limit(self, cash: int, now_ns: int) -> int:
        """Return what may be spent of ``cash``, micro-dollars, never negative."""
        assert cash >= 0
        if now_ns - self._refused_ns >= BELIEVED_NS:
            return cash
        return max(0, cash - self._counted)
