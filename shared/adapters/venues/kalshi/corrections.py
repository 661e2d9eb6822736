"""What the venue took back: busted trades, trades at another price, amended settlements.

An error trade may be reviewed for 15 minutes (F-032). A fill that we told and that two
complete readings at least a second apart no longer show was busted: the kernel hears that
its trade failed. One that shows another price or fee stays ours in contracts; only money
moved, and the reconciliation of cash halts the venue for a person to book it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.events import PayoutSeen
from shared.domain.order import Fill
from shared.domain.units import NS_PER_S, QtyMicros, UsdMicros

REVIEW_NS: Final = 15 * 60 * NS_PER_S
"""How long a trade may still be taken back."""
SETTLED_NS: Final = 5 * NS_PER_S
"""Records must be newer than the fill by this much before they can miss it."""
APART_NS: Final = NS_PER_S
KEPT_MAX: Final = 5_000


@dataclass(slots=True)
class _Told:
    fill: Fill
    missed_ns: int = 0
    is_repriced: bool = False


class ToldFills:
    """Fills handed out within the review time, and whether the venue still shows them."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, _Told] = OrderedDict()

    def note(self, fill: Fill) -> None:
        self._told.setdefault(fill.key, _Told(fill))
        while len(self._told) > KEPT_MAX:
            self._told.popitem(last=False)

    def is_empty(self) -> bool:
        return not self._told

    def compare(
        self, shown: Iterable[Fill], as_of_ns: int, mono_ns: int
    ) -> tuple[list[Fill], list[Fill]]:
        """Return (busted, re-priced) fills; ``shown`` is a complete reading of 15 minutes.

        ``as_of_ns`` is the venue's own word on how new its records were before the reading:
        records that lag miss nothing. Each fill is returned once; one that is back is not
        missing any more.
        """
        by_key = {fill.key: fill for fill in shown}
        busted: list[Fill] = []
        repriced: list[Fill] = []
        for key, told in list(self._told.items()):
            age_ns = as_of_ns - told.fill.venue_ts_ns
            now = by_key.get(key)
            if now is not None:
                told.missed_ns = 0
                if not told.is_repriced and _money(now) != _money(told.fill):
                    told.is_repriced = True
                    repriced.append(now)
            elif age_ns > SETTLED_NS:
                if told.missed_ns == 0:
                    told.missed_ns = mono_ns
                elif mono_ns - told.missed_ns >= APART_NS:
                    busted.append(told.fill)
                    del self._told[key]
                    continue
            if age_ns > REVIEW_NS:
                del self._told[key]
        assert len(busted) + len(repriced) <= len(by_key) + len(busted) + KEPT_MAX
        return busted, repriced


def _money(fill: Fill) -> tuple[int, int, int]:
    return int(fill.price), int(fill.qty), int(fill.fee)


class KnownPayouts:
    """Settlements as they were first read; an amended amount is told as the difference.

    One market settles once, so that the market names the settlement; its row may come
    with another time when it was amended.
    """

    def __init__(self) -> None:
        self._told: dict[str, list[PayoutSeen]] = {}

    def told(self, payout: PayoutSeen) -> list[PayoutSeen]:
        """Return everything told of a settlement so far, a new correction last."""
        known = self._told.setdefault(payout.market_id, [payout])
        booked = sum(one.cash for one in known)
        if booked != payout.cash:
            nothing = QtyMicros(0)
            correction = replace(
                payout,
                qty_yes=nothing,
                qty_no=nothing,
                cash=UsdMicros(payout.cash - booked),
                reference=f"{known[0].reference}/corrected/{len(known)}",
            )
            known.append(correction)
        assert sum(one.cash for one in known) == payout.cash
        return list(known)
