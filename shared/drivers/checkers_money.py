"""Books against the venues, to the micro-dollar: I-01, I-02, I-13, I-14, I-17, I-22, I-30.

Postings are watched as rows while they are written; sums are compared at the end, when
nothing is in flight any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from shared.domain.enums import Liquidity, Outcome, Venue
from shared.domain.fee_bounds import bound
from shared.domain.package import Package
from shared.domain.package_table import PackageState
from shared.drivers.checkers_opening import OpeningChecker, loss_bound_usd
from shared.drivers.checkers_truth import Truth
from shared.drivers.sim_venue import ACCOUNT, SimVenue
from shared.exchange.orders import OrderRecord, TradeStatus

if TYPE_CHECKING:
    from shared.drivers.sim_trader import SimTrader

DUST: Final = 10_000
_LOSS_ENDS: Final = frozenset({PackageState.FLAT, PackageState.HEDGED, PackageState.EXITED_EARLY})


def _pairs_across(packages: Iterable[Package]) -> int:
    """Return the dollars of YES and NO of one market that different packages hold, unpaid.

    A late fill may leave a repair with the other outcome of what an older package holds.
    The two pay a dollar a pair whatever the result, so the account has it already: at once
    on a netting venue, as a complete set elsewhere. No package's own result counts it.
    """
    held: dict[tuple[Any, Outcome], int] = {}
    for package in packages:
        for index, leg in enumerate(package.legs):
            if index not in package.paid_legs and not package.is_mirror:
                key = (leg.market_id, leg.outcome)
                held[key] = held.get(key, 0) + max(0, package.net(index))
    markets = {market for market, _ in held}
    return sum(min(held.get((m, outcome), 0) for outcome in Outcome) for m in markets)


class MoneyChecker:
    def __init__(self, truth: Truth, opening: OpeningChecker) -> None:
        self.truth = truth
        self.opening = opening
        self.posted: set[str] = set()
        """Postings that the living process wrote; a restart may write lost ones again."""
        self.sums: dict[str, int] = {}
        """What the living process's balances must be by its postings alone."""
        self.bounded: set[str] = set()
        """Orders whose fee was compared with its bound."""

    # --- while it runs -------------------------------------------------------------------

    def on_postings(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Every posting is written once in a process, and every transaction sums to zero."""
        sums: dict[str, int] = {}
        for row in rows:
            name = row["posting_id"]
            if name in self.posted:
                self.truth.fail("I-02", f"{name} is posted twice")
            self.posted.add(name)
            sums[row["txn_id"]] = sums.get(row["txn_id"], 0) + row["usd_micros"]
            account = row["account"]
            self.sums[account] = self.sums.get(account, 0) + row["usd_micros"]
        for txn, total in sums.items():
            if total != 0:
                self.truth.fail("I-02", f"{txn} sums to {total}")

    def check_balances(self, trader: SimTrader) -> None:
        """Nothing but a posting moves a balance; nothing is adjusted to a venue (I-02)."""
        balances = trader.kernel.state.ledger.balances
        if balances == self.sums:
            return
        for account in sorted({*self.sums, *balances}):
            running, posted = balances.get(account, 0), self.sums.get(account, 0)
            if running != posted:
                self.truth.fail("I-02", f"{account} holds {running}, its postings {posted}")
        self.sums = dict(balances)

    def on_state(self, package: Package, was_stuck: bool) -> None:
        """A package has just come to rest: what it lost is inside its bound (I-30)."""
        if package.state not in _LOSS_ENDS or package.kind != "normal":
            return
        matched = max(0, min(package.net(0), package.net(1)))
        result = package.result_usd + (matched if package.state is PackageState.HEDGED else 0)
        if package.state is PackageState.FLAT:
            self.opening.day_loss_usd += max(0, -result)
        # The tail of a cent a contract is the venues' rounding, at most one per fill.
        fills = sum(len(a.fills) + len(a.voided) for a in package.attempts.values())
        # Every trade that fails on chain is an incident of its own, with its own bound.
        bound = loss_bound_usd(package) * (1 + package.failed_trades) + fills * 10_000
        if -result > bound and not was_stuck:
            self.truth.fail("I-30", f"{package.package_id} lost {-result} micro-dollars")

    def check_bounds(self, instruments: Mapping[Any, Any]) -> None:
        """What a venue charged never exceeds the bound of what the order really took (I-22)."""
        for venue in self.truth.venues.values():
            for order in venue.exchange.orders(ACCOUNT):
                if not order.is_live and order.order_id not in self.bounded:
                    self.bounded.add(order.order_id)
                    self._bound(venue, order, instruments)

    def _bound(self, venue: SimVenue, order: OrderRecord, instruments: Mapping[Any, Any]) -> None:
        by_kind: dict[Liquidity, list[Any]] = {}
        for fill in venue.exchange.fills_of(order.order_id):
            by_kind.setdefault(fill.liquidity, []).append(fill)
        # Rounding is carried over all fills of an order, of whichever kind: so is the bound.
        schedule = instruments[order.market_id].fees
        most = charged = 0
        for liquidity, found in by_kind.items():
            takes = [(fill.price, fill.qty) for fill in found]
            most += bound(schedule, liquidity, order.side, takes)
            charged += sum(fill.fee_usd for fill in found)
        if charged > most:
            self.truth.fail("I-22", f"{order.client_id}: {charged} charged, bound {most}")

    # --- at the end ----------------------------------------------------------------------

    def at_end(self, trader: SimTrader) -> None:
        state = trader.kernel.state
        if state.ledger.total() != 0:
            self.truth.fail("I-02", f"the ledger sums to {state.ledger.total()}")
        self.check_balances(trader)
        self.check_bounds(state.instruments)
        for venue in self.truth.venues.values():
            self._account(trader, venue)
        self._orphans(trader)
        self._profit(trader)

    def _account(self, trader: SimTrader, venue: SimVenue) -> None:
        """Cash, fees and fills of one venue equal ours, micro-exact; none lost, none doubled."""
        state, fail, name = trader.kernel.state, self.truth.fail, venue.venue.value
        booked = state.ledger.balance(f"cash:{name}")
        cash = venue.exchange.cash(ACCOUNT)
        if booked != cash:
            fail("I-17", f"{name}: {booked} booked, {cash} at the venue")
        charged = 0
        for fill in venue.exchange.fills(ACCOUNT):
            key = f"{name}/{fill.trade_id}/{fill.order_id}"
            if fill.status is TradeStatus.FAILED:
                continue  # matched and voided before anybody told us: it moved nothing
            charged += fill.fee_usd
            if not state.ledger.has(f"fill/{key}"):
                fail("I-14", f"{key} was lost")
        if state.ledger.balance(f"fees:{name}") != charged:
            fees_booked = state.ledger.balance(f"fees:{name}")
            fail("I-22", f"{name}: fees of {fees_booked} booked, {charged} charged")
        for attempt, count in venue.executions.items():
            if count > 1:
                fail("I-03", f"{attempt} executed {count} times")
        for market, held in venue.exchange.positions(ACCOUNT).items():
            ours = [state.positions.of(market, outcome).qty for outcome in Outcome]
            theirs = [int(held.yes), int(held.no)]
            if venue.venue is Venue.KALSHI:
                ours, theirs = [ours[0] - ours[1]], [theirs[0] - theirs[1]]
            if ours != theirs:
                fail("I-17", f"{market}: {ours} booked, {theirs} at the venue")

    def _orphans(self, trader: SimTrader) -> None:
        """Both halves of every pair cancel out but for what living packages still owe (I-13)."""
        state = trader.kernel.state
        for view in state.pairs.values():
            pair = view.pair
            markets = (pair.a, pair.b)
            if any(market in state.resolved for market in markets):
                continue
            total = 0
            for market in markets:
                venue = self.truth.venues[state.instruments[market].venue]
                total += venue.exchange.position(ACCOUNT, market).net_yes
            owed = 0
            for package in state.live_packages():
                if package.pair_id == pair.pair_id:
                    sign = 1 if package.legs[0].outcome is Outcome.YES else -1
                    owed += sign * package.residual
            # What is below the smaller of both venues' smallest orders stays where it is.
            least = min(state.instruments[market].min_qty for market in markets)
            tails = max(DUST, least) * (1 + state.package_number)
            by_hand = sum(self.truth.foreign.get(market, 0) for market in markets)
            if abs(total - owed) > tails + by_hand:
                self.truth.fail("I-13", f"{pair.name}: {total - owed} contracts are nobody's")

    def _profit(self, trader: SimTrader) -> None:
        """Cash that moved = what ended packages realised + what living ones paid (I-22)."""
        state = trader.kernel.state
        first = sum(-v for k, v in state.ledger.balances.items() if k.startswith("opening:"))
        cash = sum(v for k, v in state.ledger.balances.items() if k.startswith("cash:"))
        told = 0
        live = {package.package_id for package in state.live_packages()}
        for row in trader.store.all_rows("packages"):
            if row["package_id"] not in live:
                told += row["realised_usd_micros"] or 0
        told += sum(package.result_usd for package in state.live_packages())
        told += _pairs_across(state.live_packages())
        sets = 0
        for market, held in self.truth.venues[Venue.POLYMARKET].exchange.positions(ACCOUNT).items():
            assert market
            sets += min(held.yes, held.no)
        # Tails below every venue's smallest order sit in no package and no set.
        tail = max(
            (
                min(state.instruments[m].min_qty for m in (view.pair.a, view.pair.b))
                for view in state.pairs.values()
            ),
            default=0,
        )
        # What a person bought may have cost, and may be worth, up to a dollar a contract.
        by_hand = 2 * sum(self.truth.foreign.values())
        if abs(cash + sets - first - told) > max(DUST, tail) * state.package_number + by_hand:
            self.truth.fail("I-22", f"cash moved by {cash + sets - first}, packages say {told}")
