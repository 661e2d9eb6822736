"""What the committed envelopes allow: the parent against which every child is compared.

Bytes may leave only for an attempt that a committed, unvoided envelope names, no larger
and no worse than it says, in the mode that it was made for (I-04). This register lives
beside the kernel on purpose: it knows only what was stored, so that a kernel that asks for
something else is stopped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.enums import Purpose, RunMode, Side
from shared.domain.order import LegTicket
from shared.domain.units import MICROS

Row = Mapping[str, Any]
UNUSED: Final = frozenset({"planned", "", None})
"""States of an attempt row that was never sent, as far as the row knows."""


@dataclass(frozen=True, slots=True)
class _LegBound:
    venue: str
    outcome: str
    price_worst: int


@dataclass(slots=True)
class _Bound:
    """One package: its two markets, its largest size, and the ids it may use."""

    qty_max: int
    legs: dict[str, _LegBound]
    purposes: dict[str, str] = field(default_factory=dict)
    opening_price: int | None = None


class Envelopes:
    """Committed packages by id, and the attempt ids that reached the wire."""

    def __init__(self, mode: RunMode) -> None:
        self._mode = mode
        self._bounds: dict[str, _Bound] = {}
        self._on_wire: set[str] = set()
        self.highest = 0
        """Highest package number among the committed envelopes."""

    def __len__(self) -> int:
        return len(self._bounds)

    def recover(self, package: Row, attempts: Iterable[Row]) -> None:
        """Take in an envelope of a former run; what it may have sent is used up (I-03).

        The opening order counts as sent whatever its row says: rows lag the wire.
        """
        rows = list(attempts)
        self.add(package, rows)
        for row in rows:
            if row["purpose"] == Purpose.OPEN.value or row.get("state") not in UNUSED:
                self._on_wire.add(str(row["attempt_id"]))

    def add(self, package: Row, attempts: Iterable[Row]) -> None:
        """Take in a committed envelope or extension.

        An extension keeps the larger of both sizes and the wider of both prices.
        """
        package_id = str(package["package_id"])
        qty_max = int(package["qty_max_micros"])
        assert qty_max > 0, package_id
        self.highest = max(self.highest, int(package.get("number", 0)))
        legs = {
            str(leg["market_id"]): _LegBound(
                str(leg["venue"]), str(leg["outcome"]), int(leg["price_worst"])
            )
            for leg in package["envelope"]["legs"]
        }
        bound = self._bounds.setdefault(package_id, _Bound(qty_max, legs))
        bound.qty_max = max(bound.qty_max, qty_max)
        for market, leg in legs.items():
            known = bound.legs.get(market)
            if known is None or leg.price_worst > known.price_worst:
                bound.legs[market] = leg
        for row in attempts:
            bound.purposes[str(row["attempt_id"])] = str(row["purpose"])
            if row["purpose"] == Purpose.OPEN.value:
                bound.opening_price = int(row["px_limit_micros"])

    def drop(self, package_id: str) -> None:
        """Forget an ended or voided package: nothing of it may be sent any more."""
        self._bounds.pop(package_id, None)

    def why_not(self, ticket: LegTicket) -> str | None:
        """Return why this ticket may not be sent, or None. Changes nothing."""
        bound = self._bounds.get(ticket.package_id)
        if bound is None or bound.purposes.get(ticket.attempt_id) != ticket.purpose.value:
            return "no committed envelope names this attempt"
        if not ticket.package_id.startswith(f"{self._mode.value}-"):
            return "the package was made in another mode"
        if ticket.attempt_id in self._on_wire:
            return "this attempt was on the wire before"
        leg = bound.legs.get(ticket.market_id)
        if leg is None or leg.venue != ticket.venue.value:
            return "the envelope names other markets"
        if ticket.qty > bound.qty_max or ticket.qty_max > bound.qty_max:
            return "larger than the envelope allows"
        if ticket.purpose is Purpose.UNWIND:
            # Its price is bounded by loss, not by the leg: chooser rule 4 of the package.
            return None
        is_mirrored = ticket.side is Side.SELL and ticket.outcome.value != leg.outcome
        if not is_mirrored and (ticket.side is not Side.BUY or ticket.outcome.value != leg.outcome):
            return "the envelope names another outcome or side"
        # An EXIT child sells what its envelope words as buying the other outcome.
        price = MICROS - ticket.price_limit if is_mirrored else ticket.price_limit
        worst = leg.price_worst
        if ticket.purpose is Purpose.OPEN and bound.opening_price is not None:
            opening = bound.opening_price
            worst = MICROS - opening if is_mirrored else opening
        return "a worse price than the envelope allows" if price > worst else None

    def mark_on_wire(self, ticket: LegTicket) -> None:
        """Note, before the first byte, that this id is used up (I-03)."""
        assert ticket.attempt_id not in self._on_wire, ticket.attempt_id
        self._on_wire.add(ticket.attempt_id)
