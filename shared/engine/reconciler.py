"""Our books against the venue's own account: a difference seen twice halts that venue.

Nothing is ever "adjusted" to the venue (M-40). The comparison is made only at a quiet
moment, when no order, fill, confirmation or payout of ours is under way there.
"""

from __future__ import annotations

from typing import Final

from shared.domain.commands import MarkProven
from shared.domain.enums import HaltReason, Outcome, Venue
from shared.domain.events import AccountSnapshot
from shared.domain.ids import MarketId, venue_of
from shared.domain.ledger import cash_account, opening_account, opening_transaction
from shared.domain.package_table import PackageEvent, PackageState
from shared.domain.units import NS_PER_S, UsdMicros, format_micros
from shared.engine import accounting, machine
from shared.engine.halts import raise_halt
from shared.engine.state import State, Turn

TWICE_NS: Final = 2 * NS_PER_S
QUIET_NS: Final = 3 * NS_PER_S
_HOLDING: Final = frozenset({PackageState.HEDGED, PackageState.SETTLING, PackageState.EXITING})


def on_account(state: State, turn: Turn, event: AccountSnapshot) -> None:
    view = state.venue(event.venue)
    view.account = event
    view.account_seen_mono_ns = turn.mono
    if not is_quiet(state, turn, event.venue, event.as_of_wall_ns):
        view.difference_since_ns = 0
        return
    open_books(state, turn, event)
    text = difference(state, event)
    if not text:
        view.difference_since_ns, view.difference_text = 0, ""
        _prove_pairs(state, turn, event)
        return
    if view.difference_since_ns == 0:
        view.difference_since_ns = turn.mono
    elif turn.mono - view.difference_since_ns >= TWICE_NS and not view.difference_text:
        view.difference_text = text
        scope = f"venue:{event.venue.value}"
        raise_halt(state, turn, scope, HaltReason.RECONCILE_DIFFERENCE, note=text)
        doubt_packages(state, turn, event.venue, text)


def has_books(state: State, venue: Venue) -> bool:
    """Whether the cash that the account began with is booked."""
    return opening_account(venue) in state.ledger.balances


def open_books(state: State, turn: Turn, event: AccountSnapshot) -> None:
    """Book what the account held before anything that we booked in it, once and for ever.

    Asked only at a quiet moment: a crash may have lost the row while fills of ours were
    kept, and then the cash found now is not what the account began with. And only once the
    contracts agree: while the account holds some whose trade was not booked yet, its cash
    was paid for them already, and the trade would take it a second time when it is told.
    """
    if has_books(state, event.venue) or not state.run_id or differing_markets(state, event):
        return
    began_with = event.cash - state.ledger.balance(cash_account(event.venue))
    if began_with >= 0:
        opening = opening_transaction(event.venue, state.run_id, UsdMicros(began_with))
        accounting.post(state, turn, opening, None)
        # Cash that was there all along is no gain: the stops measure from it (section 8).
        for period in state.equity_base:
            state.equity_base[period] += began_with


def doubt_packages(state: State, turn: Turn, venue: Venue, why: str) -> None:
    """What a venue holds for us differs: packages there are proven anew, or never begin."""
    for package in state.live_packages():
        if any(leg.venue is venue for leg in package.legs):
            machine.offer(state, turn, package, PackageEvent.RECON_DIFF, why)


def doubt_market(state: State, turn: Turn, market: MarketId, *, only_gates: bool) -> None:
    """Somebody else trades in a market of ours: what has not begun does not begin (F-064).

    With ``only_gates`` nothing else is touched yet: the execution may turn out to be ours.
    """
    for package in state.live_packages():
        is_gate = package.state in (PackageState.PLANNED, PackageState.JOURNALLED)
        if any(leg.market_id == market for leg in package.legs) and (is_gate or not only_gates):
            why = "an execution that nobody here ordered"
            machine.offer(state, turn, package, PackageEvent.RECON_DIFF, why)


def is_quiet(state: State, turn: Turn, venue: Venue, as_of_wall_ns: int) -> bool:
    """Whether the venue's figures can be expected to equal ours right now."""
    if any(fill.venue is venue for fill, _ in state.orphans.values()):
        return False
    for package in state.packages.values():
        if not any(leg.venue is venue for leg in package.legs):
            continue
        if not package.is_ended and package.is_naked:
            return False
        for attempt in package.attempts.values():
            if attempt.ticket is None or attempt.ticket.venue is not venue:
                continue
            if attempt.known_qty != attempt.fills_qty - attempt.voided_qty:
                return False
            for fill in attempt.fills.values():
                if not fill.is_final or fill.venue_ts_ns + QUIET_NS > as_of_wall_ns:
                    return False
    held = [m for m in state.positions.markets() if venue_of(m) is venue]
    return not any(market in state.resolved for market in held)


def difference(state: State, event: AccountSnapshot) -> str:
    """Return what differs, in words and exact numbers; empty when all agrees."""
    booked = state.ledger.balance(cash_account(event.venue))
    markets = differing_markets(state, event)
    is_waiting = bool(markets) and not has_books(state, event.venue)
    if booked != event.cash and not is_waiting:
        return f"cash {format_micros(event.cash)} at the venue, {format_micros(booked)} booked"
    for market in markets:
        yes, no = reported(event, market)
        held = state.positions.net_yes(market)
        return f"{market}: {format_micros(yes - no)} net at the venue, " + (
            f"{format_micros(held)} booked"
        )
    return ""


def differing_markets(state: State, event: AccountSnapshot) -> list[MarketId]:
    """Return the markets whose contracts are not as booked, in order of their ids."""
    ours = [m for m in state.positions.markets() if venue_of(m) is event.venue]
    differing = []
    for market in sorted({*(p.market_id for p in event.positions), *ours}):
        yes, no = reported(event, market)
        held_yes = state.positions.of(market, Outcome.YES).qty
        held_no = state.positions.of(market, Outcome.NO).qty
        nets = event.venue.is_netting
        same = yes - no == held_yes - held_no if nets else (yes, no) == (held_yes, held_no)
        if not same:
            differing.append(market)
    return differing


def reported(event: AccountSnapshot, market: MarketId) -> tuple[int, int]:
    """Return the YES and NO contracts x 1e6 that the venue reports of a market."""
    for position in event.positions:
        if position.market_id == market:
            return position.qty_yes, position.qty_no
    return 0, 0


def _prove_pairs(state: State, turn: Turn, event: AccountSnapshot) -> None:
    """The signs of a pair's first package are proven when both venues report its position."""
    for package in state.live_packages():
        view = state.pairs.get(package.pair_id)
        if view is None or package.state not in _HOLDING or package.kind != "normal":
            continue
        if view.pair.is_proven or view.pair.pair_id in state.proven_pairs:
            continue
        for index, leg in enumerate(package.legs):
            if leg.venue is event.venue and _signs_agree(
                event, leg.market_id, leg.outcome, package.net(index)
            ):
                view.probe_legs_proven.add(event.venue)
        if len(view.probe_legs_proven) == len({leg.venue for leg in package.legs}):
            state.proven_pairs.add(view.pair.pair_id)
            turn.emit(MarkProven(view.pair.pair_id))
            turn.decide(
                state,
                "pair",
                str(view.pair.pair_id),
                "proven",
                "both venues report the position that the first package meant",
                package=package,
            )


def _signs_agree(event: AccountSnapshot, market: MarketId, outcome: Outcome, net: int) -> bool:
    for position in event.positions:
        if position.market_id == market:
            signed = position.qty_yes - position.qty_no
            return net > 0 and (signed > 0) is (outcome is Outcome.YES)
    return False
