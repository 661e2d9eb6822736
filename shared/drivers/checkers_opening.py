"""May this package begin? Judged as its first byte leaves: I-05, I-08, I-12, I-25, I-30.

Usage is computed from the venues' records and from the committed envelopes, books and
rules from what the process was told; the kernel's own sums are not asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared.domain.config import Config
from shared.domain.enums import BookState, MarketStatus, Venue
from shared.domain.ids import MarketId
from shared.domain.order import LegTicket
from shared.domain.package import Package
from shared.domain.risk import TICKET_LIFE_NS, RiskApproved
from shared.domain.units import MICROS, NS_PER_MS, NS_PER_S
from shared.drivers.checkers_truth import Truth
from shared.drivers.checkers_watch import Watch
from shared.drivers.sim_venue import ACCOUNT

if TYPE_CHECKING:
    from shared.drivers.sim_trader import SimTrader

NAKED_MAX: Final = 2
LOSS_A_CONTRACT: Final = 100_000
PACKAGE_LOSS: Final = 50_000_000


@dataclass(slots=True)
class _Use:
    """What everything that is alive may come to use, in micro-dollars."""

    by_market: dict[MarketId, int] = field(default_factory=dict)
    by_venue: dict[Venue, int] = field(default_factory=dict)
    still: dict[Venue, int] = field(default_factory=dict)
    """Cash that is not paid yet but may be."""
    groups: dict[tuple[str, str], int] = field(default_factory=dict)
    provisional: int = 0


class OpeningChecker:
    """Stateless but for the day's loss, which it adds up itself."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.day_loss_usd = 0
        """Losses of ended packages so far (one run lasts minutes: one day)."""

    def judge(self, trader: SimTrader, approved: RiskApproved[LegTicket]) -> None:
        """Judge one opening order; reducing ones are not asked here."""
        ticket = approved.value
        package = trader.kernel.state.packages[ticket.package_id]
        self._versions(trader, approved, package)
        self._market(trader, ticket, package)
        self._limits(trader, package)

    # --- I-05, I-25 ----------------------------------------------------------------------

    def _versions(
        self, trader: SimTrader, approved: RiskApproved[LegTicket], package: Package
    ) -> None:
        """The ticket is young and everything it was approved under is still current."""
        fail, watch, ticket = self.truth.fail, trader.watch, approved.value
        name = ticket.attempt_id
        if trader.mono() - ticket.decided_mono_ns > TICKET_LIFE_NS:
            fail("I-05", f"{name} opens on an old ticket")
        pair = watch.pairs.get(package.pair_id)
        if pair is None or watch.config is None:
            fail("I-05", f"{name} opens on a pair or a configuration that nobody gave")
            return
        stamped = dict(approved.versions)
        if stamped["config"] != str(watch.config.version):
            fail("I-05", f"{name} was approved under configuration {stamped['config']}")
        fees = "|".join(watch.instruments[m].fees.version_hash for m in (pair.a, pair.b))
        if stamped["fees"] != fees:
            fail("I-05", f"{name} was approved under other fees")
        hashes = (pair.rules_hash_a, pair.rules_hash_b)
        if hashes != tuple(watch.instruments[m].rules_hash for m in (pair.a, pair.b)):
            fail("I-25", f"{name} opens on rules that nobody confirmed")
        if not pair.is_proven and pair.pair_id not in trader.kernel.state.proven_pairs:
            cost = sum(package.legs[i].price_limit for i in (0, 1)) * package.qty // MICROS
            if cost > watch.config.probe_cost_dear_usd_micros:
                fail("I-25", f"{name} is no probe: {cost} micro-dollars")

    # --- I-12 ----------------------------------------------------------------------------

    def _market(self, trader: SimTrader, ticket: LegTicket, package: Package) -> None:
        fail, watch = self.truth.fail, trader.watch
        for leg in package.legs:
            text = self._book_trouble(trader, watch, leg.market_id)
            if text:
                fail("I-12", f"{ticket.attempt_id} opens: {leg.market_id} {text}")
            text = self._feed_trouble(trader, watch, leg.venue)
            if text:
                fail("I-12", f"{ticket.attempt_id} opens: {leg.venue.value} {text}")

    def _book_trouble(self, trader: SimTrader, watch: Watch, market: MarketId) -> str:
        seen = watch.books.get(market)
        instrument = watch.instruments.get(market)
        assert watch.config is not None
        if seen is None or seen.state is not BookState.SYNCED:
            return "has no book in step"
        # The proof is judged at the last gate; the ticket itself may be 250 ms old.
        fresh = watch.config.book_fresh_ms * NS_PER_MS + TICKET_LIFE_NS
        if trader.mono() - seen.proved_ns > fresh:
            return "is not proven fresh"
        if instrument is None or instrument.status is not MarketStatus.ACTIVE:
            return "is not active"
        if market in watch.resolved:
            return "is resolved"
        left = instrument.close_ns - trader.wall()
        if left < watch.config.close_margin_s * NS_PER_S:
            return "closes too soon"
        start = instrument.game_start_ns
        margin = watch.config.close_margin_s * NS_PER_S
        if start and abs(start - trader.wall()) < margin:
            return "has its game start now"
        return ""

    def _feed_trouble(self, trader: SimTrader, watch: Watch, venue: Venue) -> str:
        assert watch.config is not None
        found = watch.feeds.get(venue)
        if found is None or not found[0].is_connected:
            return "has no feed"
        status, _ = found
        skew = abs(status.clock_offset_ns or 0)
        if skew > watch.config.clock_offset_max_ms * NS_PER_MS:
            return "has a skewed clock"
        late = status.latency_ns or 0
        if late > watch.config.feed_latency_max_ms * NS_PER_MS:
            return "has a late feed"
        return ""

    # --- I-08, I-30 ----------------------------------------------------------------------

    def _limits(self, trader: SimTrader, package: Package) -> None:
        """Every limit holds for every outcome of what is in flight, this package included."""
        config = trader.watch.config
        assert config is not None
        live = trader.kernel.state.live_packages()
        use = _Use()
        for one in live:
            self._add(use, one, is_new=one.package_id == package.package_id)
        over = [
            f"{leg.market_id} holds {use.by_market[leg.market_id]}"
            for leg in package.legs
            if use.by_market[leg.market_id] > config.per_contract_exposure_usd_micros
        ]
        for venue in {leg.venue for leg in package.legs}:
            if use.by_venue[venue] > config.capital_per_venue_usd_micros:
                over.append(f"{venue.value} uses {use.by_venue[venue]}")
            cash = self.truth.venues[venue].exchange.cash(ACCOUNT)
            if use.still[venue] > cash:
                over.append(f"{venue.value} may need {use.still[venue]} of {cash}")
        over += self._caps(use, package, config)
        if len({one.pair_id for one in live}) > config.pairs_max:
            over.append("too many pairs")
        naked = sum(one.is_naked for one in live)
        if naked > min(config.naked_slots, NAKED_MAX):
            over.append(f"{naked} naked slots")
        for text in over:
            self.truth.fail("I-08", f"{package.package_id}: {text}")
        self._day(trader, live, config)

    def _add(self, use: _Use, one: Package, *, is_new: bool) -> None:
        for index, leg in enumerate(one.legs):
            paid = self.truth.paid(one, index)
            most = max(one.cost_worst_usd[index], paid) if one.is_naked else paid
            use.by_market[leg.market_id] = use.by_market.get(leg.market_id, 0) + most
            use.by_venue[leg.venue] = use.by_venue.get(leg.venue, 0) + most
            use.still[leg.venue] = use.still.get(leg.venue, 0) + most - paid
            for group in (("category", one.category), ("source", one.source)):
                use.groups[group] = use.groups.get(group, 0) + most
            if is_new and leg.venue is Venue.POLYMARKET:
                use.provisional += most
        use.provisional += sum(self.truth.provisional(one).values())

    @staticmethod
    def _caps(use: _Use, package: Package, config: Config) -> list[str]:
        capital = 2 * config.capital_per_venue_usd_micros
        over = []
        for kind, name, ppm in (
            ("category", package.category, config.category_cap_ppm),
            ("source", package.source, config.source_cap_ppm),
        ):
            if use.groups[(kind, name)] > capital * ppm // MICROS:
                over.append(f"{kind} {name} uses {use.groups[(kind, name)]}")
        if use.provisional > config.provisional_max_usd_micros:
            over.append(f"provisional {use.provisional}")
        return over

    def _day(self, trader: SimTrader, live: list[Package], config: Config) -> None:
        """Worst case of what is not hedged yet plus the day's loss stays inside the day stop."""
        open_worst = sum(loss_bound_usd(one) for one in live if one.is_naked)
        base = trader.kernel.state.equity_base.get("day", 0)
        stop = base * config.stop_day_ppm // MICROS
        if base > 0 and open_worst + self.day_loss_usd > stop:
            self.truth.fail(
                "I-30", f"{open_worst} at risk and {self.day_loss_usd} lost, stop {stop}"
            )


def loss_bound_usd(package: Package) -> int:
    """Return the most that a package may lose: its leg's cost, 10 c a contract, $50 (I-30)."""
    dearest = max(package.cost_worst_usd)
    return min(dearest, LOSS_A_CONTRACT * package.qty_max // MICROS, PACKAGE_LOSS)
