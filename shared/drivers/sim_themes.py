"""Themes of the dense world: what a few seeds dwell on, and for how long."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.domain.units import NS_PER_MS, NS_PER_S


class Theme(StrEnum):
    """What a few seeds dwell on, so that long waits come to their end too."""

    PLAIN = "plain"
    SLOW_CHAIN = "slow_chain"
    """Trades become final after minutes: provisional and doubtful states time out."""
    CLOGGED = "clogged"
    """Both venues out of reach for longer than an unknown may last."""
    OVERDUE = "overdue"
    """A market settles a day late."""
    QUICK_CHAIN = "quick_chain"
    """Trades are final within seconds: what is held is disturbed, sold early, paid."""
    BY_HAND = "by_hand"
    """A person trades in our account meanwhile."""


THEME_WEIGHTS: Final = (76, 2, 3, 1, 14, 4)
SLOW_FINALITY_NS: Final = (170 * NS_PER_S, 900 * NS_PER_S)
QUICK_FINALITY_NS: Final = (200 * NS_PER_MS, 2 * NS_PER_S)
QUICK_NS: Final = 16 * NS_PER_S
BY_HAND_NS: Final = 20 * NS_PER_S
HAND_FIRST_NS: Final = 900 * NS_PER_MS
CLOGGED_NS: Final = 50 * NS_PER_S
CLOG_AT: Final = ("leg1_sent", "leg2_sent", "unwind_sent", "recovering")
OVERDUE_FROM_NS: Final = 300 * NS_PER_S
OVERDUE_NS: Final = 26 * 3_600 * NS_PER_S
HEAL_OF: Final = {Theme.SLOW_CHAIN: 1_200 * NS_PER_S, Theme.OVERDUE: 27 * 3_600 * NS_PER_S}
