"""Our own resting orders, as a taker of ours would meet them: nobody trades with himself.

Kalshi's feed leaves them out already (it names the client id of a change), and on paper
our orders are in no venue's book at all. Elsewhere the book that the venue shows contains
them, so they are taken off the ladder before anything is planned on it. An order that the
book does not show yet is taken off as well: then a little less is planned, never more.
"""

from __future__ import annotations

from shared.domain.depth import OwnLevels
from shared.domain.enums import Outcome, Side, Venue
from shared.domain.ids import MarketId, venue_of
from shared.domain.order import OrderState
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from shared.engine.state import State

_MAY_REST = frozenset({OrderState.SENT, OrderState.HELD, OrderState.RESTING, OrderState.CANCELLING})
_PAPER = "paper_"


def against(state: State, market: MarketId, outcome: Outcome) -> OwnLevels | None:
    """Return our contracts by price that a buyer of ``outcome`` would meet; None when none.

    Prices are those of ``outcome``: a bid of ours for the other outcome at q offers this one
    at 1 - q, a sale of ours at its own price.
    """
    if venue_of(market) is Venue.KALSHI or state.mode.startswith(_PAPER):
        return None
    found: dict[PriceMicros, QtyMicros] = {}
    for package in state.live_packages():
        if all(leg.market_id != market for leg in package.legs):
            continue
        for attempt in package.attempts.values():
            ticket = attempt.ticket
            if ticket is None or ticket.market_id != market or attempt.state not in _MAY_REST:
                continue
            is_offer = ticket.outcome is outcome
            if is_offer is not (ticket.side is Side.SELL):
                continue
            left = ticket.qty - attempt.known_qty
            limit = ticket.price_limit
            price = limit if is_offer else PriceMicros(MICROS - limit)
            if left > 0:
                found[price] = QtyMicros(found.get(price, 0) + left)
    assert all(0 < price < MICROS and qty > 0 for price, qty in found.items())
    return found or None
