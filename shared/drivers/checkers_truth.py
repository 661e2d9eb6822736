"""Reading the hidden truth of the simulated exchanges: what really filled, paid and lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.domain.enums import Side, Venue
from shared.domain.ids import AttemptId, MarketId
from shared.domain.ledger import Ledger
from shared.domain.package import Package
from shared.drivers.sim_venue import ABSENCE_NS, ACCOUNT, LOST_AFTER_NS, SimVenue
from shared.exchange.orders import FillRecord, OrderRecord, TradeStatus


@dataclass(frozen=True, slots=True)
class Violation:
    checker: str
    text: str


@dataclass(slots=True)
class Truth:
    """Both venues' own records, and the list of what was found wrong with ours."""

    venues: dict[Venue, SimVenue]
    violations: list[Violation] = field(default_factory=list)
    sent: set[AttemptId] = field(default_factory=set)
    """Attempts whose bytes left, over all processes of the run."""
    foreign: dict[MarketId, int] = field(default_factory=dict)
    """Contracts that a person traded in our account: belonging to no package of ours."""
    allowance_ns: int = 0
    """Time in which the process itself stood still; no deadline can hold there."""

    def fail(self, checker: str, text: str) -> None:
        if len(self.violations) < 20:
            self.violations.append(Violation(checker, text))

    def note_foreign(self, market: MarketId, qty: int) -> None:
        self.foreign[market] = self.foreign.get(market, 0) + qty

    def orders_of(self, package: Package) -> Iterator[tuple[SimVenue, OrderRecord]]:
        """Yield every order that the venues hold for an attempt of the package."""
        for attempt in package.attempts:
            if attempt not in self.sent:
                continue
            for venue in self.venues.values():
                order = venue.exchange.order_by_client_id(ACCOUNT, attempt)
                if order is not None:
                    yield venue, order

    def fills_of(self, package: Package, leg: int) -> Iterator[tuple[SimVenue, FillRecord]]:
        """Yield the executions of a leg's market; the failed ones too."""
        target = package.legs[leg]
        for venue, order in self.orders_of(package):
            if venue.venue is target.venue and order.market_id == target.market_id:
                for fill in venue.exchange.fills_of(order.order_id):
                    yield venue, fill

    def net(self, package: Package, leg: int, told: bool, ledger: Ledger | None = None) -> int:
        """Return signed contracts of the leg's outcome that its orders really made.

        A failed trade counts as standing until somebody was told (``told``), never before.
        With a ``ledger``, what its process can know decides: a failure that still waits in its
        queue stands, an execution of an order that arrived after its absence had been proven
        does not (F-017).
        """
        target = package.legs[leg]
        total = 0
        for venue, fill in self.fills_of(package, leg):
            if fill.status is TradeStatus.FAILED and not self._stands(venue, fill, told, ledger):
                continue
            if ledger is not None and self._is_zombie(venue, fill, ledger):
                continue
            same = fill.outcome is target.outcome
            bought = fill.side is Side.BUY
            total += fill.qty if same is bought else -fill.qty
        return total

    @staticmethod
    def _stands(venue: SimVenue, fill: FillRecord, told: bool, ledger: Ledger | None) -> bool:
        """Whether a failed trade still counts for somebody who was not told of it."""
        if ledger is not None:
            name = f"{venue.venue.value}/{fill.trade_id}/{fill.order_id}"
            return ledger.has(f"fill/{name}") and not ledger.has(f"void/{name}")
        return told and fill.trade_id not in venue.told_failed

    @staticmethod
    def _is_zombie(venue: SimVenue, fill: FillRecord, ledger: Ledger) -> bool:
        late = fill.ts_ns - venue.sent.get(AttemptId(fill.client_id), fill.ts_ns)
        name = f"fill/{venue.venue.value}/{fill.trade_id}/{fill.order_id}"
        return late > LOST_AFTER_NS + ABSENCE_NS and not ledger.has(name)

    def paid(self, package: Package, leg: int) -> int:
        """Return the cash that a leg's standing executions took, fees included, at least 0."""
        money = 0
        for venue, fill in self.fills_of(package, leg):
            if fill.status is TradeStatus.FAILED and fill.trade_id in venue.told_failed:
                continue  # as in ``net``: a failure that nobody was told of cannot be known
            money += fill.amount_usd if fill.side is Side.BUY else -fill.amount_usd
            money += fill.fee_usd
        return max(0, money)

    def provisional(self, package: Package) -> dict[str, int]:
        """Return market to dollars of executions that the chain may still void."""
        out: dict[str, int] = {}
        for leg, target in enumerate(package.legs):
            if target.venue is not Venue.POLYMARKET:
                continue
            for _, fill in self.fills_of(package, leg):
                if not fill.status.is_final:
                    out[target.market_id] = out.get(target.market_id, 0) + fill.amount_usd
        return out
