"""Positions per market: contracts of each outcome and what they cost, by venue rules.

Kalshi holds one signed number per market, so its YES and NO never coexist: they net, and
each netted pair has paid a dollar. Polymarket holds two token balances side by side.
Cost basis leaves a position in proportion, rounded so that an emptied position has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.enums import Outcome, Side
from shared.domain.ids import MarketId
from shared.domain.order import Fill
from shared.domain.units import MICROS, floor_div


@dataclass(slots=True)
class Holding:
    """Contracts x 1e6 and their cost in micro-dollars, of one outcome."""

    qty: int = 0
    cost_usd: int = 0

    def add(self, qty: int, cost_usd: int) -> None:
        assert qty >= 0 and cost_usd >= 0, (qty, cost_usd)
        self.qty += qty
        self.cost_usd += cost_usd

    def take(self, qty: int) -> int:
        """Remove contracts and return their share of the cost, rounded down but for the last."""
        assert 0 <= qty <= self.qty, (qty, self.qty)
        if qty == self.qty:
            share, self.qty, self.cost_usd = self.cost_usd, 0, 0
            return share
        share = floor_div(self.cost_usd * qty, self.qty)
        self.qty -= qty
        self.cost_usd -= share
        assert self.cost_usd >= 0 and self.qty > 0
        return share

    @property
    def avg_price_micros(self) -> int:
        """Average cost per contract, rounded up (against us); 0 when empty."""
        return -(-self.cost_usd * MICROS // self.qty) if self.qty else 0


class Positions:
    """All positions of ours, folded from fills and payouts."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[MarketId, dict[Outcome, Holding]] = {}

    def of(self, market: MarketId, outcome: Outcome) -> Holding:
        sides = self._held.setdefault(market, {Outcome.YES: Holding(), Outcome.NO: Holding()})
        return sides[outcome]

    def net_yes(self, market: MarketId) -> int:
        """Signed contracts, YES positive: what a netting venue reports."""
        return self.of(market, Outcome.YES).qty - self.of(market, Outcome.NO).qty

    def markets(self) -> list[MarketId]:
        return sorted(m for m, s in self._held.items() if any(h.qty for h in s.values()))

    def apply(self, fill: Fill) -> int:
        """Fold one fill in and return the cost basis that left the position.

        A sale beyond the holding opens the other outcome, as a netting venue books it:
        the contracts beyond cost their complement.
        """
        if fill.side is Side.BUY:
            self.of(fill.market_id, fill.outcome).add(fill.qty, fill.notional_usd)
            return 0
        held = self.of(fill.market_id, fill.outcome)
        part = min(fill.qty, held.qty)
        basis = held.take(part)
        beyond = fill.qty - part
        if beyond:
            cost = -(-beyond * (MICROS - fill.price) // MICROS)
            self.of(fill.market_id, fill.outcome.other).add(beyond, cost)
        return basis

    def revert(self, fill: Fill) -> int:
        """Take a voided fill back out and return the cost basis that left (or came back negative).

        A voided buy removes its contracts at cost; a voided sale restores them at its price.
        """
        held = self.of(fill.market_id, fill.outcome)
        if fill.side is Side.BUY:
            return held.take(min(fill.qty, held.qty))
        held.add(fill.qty, fill.notional_usd)
        return -fill.notional_usd

    def load(self, market: MarketId, outcome: Outcome, qty: int, cost_usd: int) -> None:
        assert qty >= 0 and cost_usd >= 0, (market, qty, cost_usd)
        holding = self.of(market, outcome)
        holding.qty, holding.cost_usd = qty, cost_usd
