"""Judged as the bytes leave, against the hidden truth: I-03, I-04, I-06, I-09, I-10, I-11, I-21.

A wrong order heals later and the end looks clean; only the instant of sending shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.domain.enums import Purpose, Side, Venue
from shared.domain.ledger import Ledger
from shared.domain.order import LegTicket
from shared.domain.package import Package
from shared.domain.risk import RiskApproved
from shared.domain.units import MICROS, NS_PER_S
from shared.drivers.checkers_opening import OpeningChecker
from shared.drivers.checkers_truth import Truth
from shared.drivers.sim_venue import ABSENCE_NS, ACCOUNT, LOST_AFTER_NS, SimVenue
from shared.exchange.orders import OrderRequest

if TYPE_CHECKING:
    from shared.drivers.sim_trader import SimTrader

DUST: Final = 10_000
OPEN_LEASE_NS: Final = 20 * NS_PER_S
REDUCE_LEASE_NS: Final = 2 * NS_PER_S


class WireChecker:
    def __init__(self, truth: Truth, opening: OpeningChecker) -> None:
        self.truth = truth
        self.opening = opening
        self.lease_truth: dict[int, int] = {}
        """Epoch to the end of the lease that was really granted."""

    def judge(self, trader: SimTrader, approved: RiskApproved[LegTicket]) -> None:
        """Judge one order at the instant of its first byte."""
        ticket = approved.value
        attempt = ticket.attempt_id
        fail = self.truth.fail
        if attempt in self.truth.sent:
            fail("I-03", f"{attempt} reaches the wire twice")
        self.truth.sent.add(attempt)
        self._envelope(trader, ticket)
        self._lease(trader, ticket)
        if trader.kernel.state.is_frozen:
            fail("I-18", f"{attempt} is sent while frozen")
        if ticket.is_opening and any(
            halt.scope in ("global", f"venue:{ticket.venue.value}")
            for halt in trader.kernel.state.halts.values()
        ):
            fail("I-18", f"{attempt} opens while halted")
        package = trader.kernel.state.packages[ticket.package_id]
        self._alone(package, ticket)
        self._size(package, ticket, trader.kernel.state.ledger)
        self._bytes(trader, package, ticket)
        if ticket.is_opening:
            self.opening.judge(trader, approved)

    def _envelope(self, trader: SimTrader, ticket: LegTicket) -> None:
        attempt = ticket.attempt_id
        if attempt not in trader.store.envelope_ids:
            self.truth.fail("I-04", f"{attempt} is in no committed envelope")
        row = trader.store.tables["packages"].get((ticket.package_id,))
        if row is None:
            return
        if ticket.qty_max > row["qty_max_micros"]:
            self.truth.fail("I-04", f"{attempt} is larger than its envelope")
        if row["mode"] != trader.kernel.state.mode:
            self.truth.fail("I-04", f"{attempt} belongs to the mode {row['mode']}")
        if ticket.purpose is Purpose.UNWIND:
            return
        leg = row["envelope"]["legs"][ticket.leg]
        worst = leg["price_limit"] if ticket.is_opening else leg["price_worst"]
        limit = ticket.price_limit
        if ticket.side is Side.SELL:
            # A mirrored leg sells what the envelope words as buying the other outcome.
            limit = MICROS - limit  # type: ignore[assignment]
        if limit > worst:
            self.truth.fail("I-04", f"{attempt} pays more than its envelope allows")

    def _lease(self, trader: SimTrader, ticket: LegTicket) -> None:
        need = OPEN_LEASE_NS if ticket.is_opening else REDUCE_LEASE_NS
        left = self.lease_truth.get(trader.epoch, 0) - trader.mono()
        if trader.is_fenced or left < need:
            self.truth.fail("I-06", f"{ticket.attempt_id} is sent with {left} ns of lease")

    def _alone(self, package: Package, ticket: LegTicket) -> None:
        """No attempt of the package may be in flight or alive at a venue (I-03, I-09)."""
        for other in package.attempts:
            if other == ticket.attempt_id or other not in self.truth.sent:
                continue
            for venue in self.truth.venues.values():
                order = venue.exchange.order_by_client_id(ACCOUNT, other)
                if order is not None and order.is_live:
                    self.truth.fail("I-09", f"{ticket.attempt_id} goes while {other} lives")
                is_young = venue.now() - venue.sent.get(other, 0) < LOST_AFTER_NS + ABSENCE_NS
                if other in venue.in_transit and is_young:
                    self.truth.fail("I-09", f"{ticket.attempt_id} goes while {other} is under way")

    def _size(self, package: Package, ticket: LegTicket, ledger: Ledger) -> None:
        """Reducing never exceeds the true residual, never sells what is not final."""
        fail, attempt = self.truth.fail, ticket.attempt_id
        if ticket.venue is Venue.KALSHI and ticket.side is Side.SELL and not ticket.reduce_only:
            fail("I-11", f"{attempt} sells without reduce-only")
        if ticket.purpose is Purpose.OPEN:
            return
        if package.carried != (0, 0):
            return
        if any(
            other in venue.in_transit
            for other in package.attempts
            for venue in self.truth.venues.values()
        ):
            return
        # A failure may be known (evidence) or not (told late), and an order that arrived
        # after its proven absence may be untold: the largest residual bounds.
        net = self.truth.net
        residual = max(
            abs(net(package, 0, told, books) - net(package, 1, told, books))
            for told in (False, True)
            for books in (None, ledger)
        )
        if ticket.qty > residual + DUST:
            checker = "I-10" if ticket.purpose is Purpose.HEDGE else "I-11"
            fail(checker, f"{attempt}: {ticket.qty} for a residual of {residual}")

    def _bytes(self, trader: SimTrader, package: Package, ticket: LegTicket) -> None:
        """The encoded order is decoded again: side, price on the grid, quantity, finality."""
        venue: SimVenue = self.truth.venues[ticket.venue]
        request = venue._request(ticket)
        if moves_of(request) != moves_of_ticket(ticket):
            self.truth.fail("I-05", f"{ticket.attempt_id}: the bytes are another order")
        instrument = trader.watch.instruments.get(ticket.market_id)
        if instrument is not None and not instrument.is_on_grid(request.yes_limit):
            self.truth.fail("I-12", f"{ticket.attempt_id}: {request.yes_limit} is off the grid")
        if ticket.side is Side.SELL and ticket.venue is Venue.POLYMARKET:
            final = venue.exchange.position(ACCOUNT, ticket.market_id).final_of(ticket.outcome)
            if ticket.qty > final:
                self.truth.fail("I-21", f"{ticket.attempt_id} sells {ticket.qty} of {final} final")


def moves_of(request: OrderRequest) -> tuple[str, int, int, bool]:
    """Return (market, signed YES contracts, worst YES price, reduce-only) of an encoded order."""
    up = (request.side is Side.BUY) is (request.outcome.value == "yes")
    qty = request.qty if up else -request.qty
    return request.market_id, qty, request.yes_limit, request.reduce_only


def moves_of_ticket(ticket: LegTicket) -> tuple[str, int, int, bool]:
    """Return the same of the ticket: what the order was approved to do."""
    is_yes = ticket.outcome.value == "yes"
    qty = ticket.qty if (ticket.side is Side.BUY) is is_yes else -ticket.qty
    price = ticket.price_limit if is_yes else MICROS - ticket.price_limit
    return ticket.market_id, qty, price, ticket.reduce_only
