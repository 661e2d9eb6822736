"""Executions into books: every fill once, every void and payout as its own transaction."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.enums import HaltReason, Outcome, Side
from shared.domain.events import PayoutSeen
from shared.domain.ledger import (
    Transaction,
    busted_transaction,
    fill_transaction,
    netting_transaction,
    payout_transaction,
    void_transaction,
)
from shared.domain.order import Fill
from shared.domain.package import Attempt, Package
from shared.domain.units import NS_PER_S, UsdMicros, complement
from shared.engine import costs, rows
from shared.engine.halts import raise_halt
from shared.engine.state import FILLS_KEPT_MAX, State, Turn

FAILED_REST_NS = 3600 * NS_PER_S
FAILED_WINDOW_NS = 600 * NS_PER_S
FAILED_DAY_NS = 86_400 * NS_PER_S


def book_fill(
    state: State, turn: Turn, fill: Fill, package: Package | None, attempt: Attempt | None
) -> bool:
    """Post one execution: ledger, position, rows. False when it was known already."""
    if fill.key in state.fills or state.ledger.has(f"fill/{fill.key}"):
        return False
    if attempt is not None and attempt.ticket is not None:
        fill = fill.in_terms_of(attempt.ticket.outcome)
        fill = replace(fill, attempt_id=attempt.attempt_id)
    early = state.finality_early.pop(fill.trade_id, None)
    if early and not fill.is_final:
        fill = replace(fill, is_final=True)
    booked = _as_booked(fill)
    basis = state.positions.apply(booked)
    if not post(state, turn, fill_transaction(booked, basis), package):
        return False
    _net_out(state, turn, fill, package)
    state.fills[fill.key] = fill
    state.fills_by_trade.setdefault(fill.trade_id, []).append(fill.key)
    state.fills_count += 1
    if attempt is not None:
        attempt.fills[fill.key] = fill
    costs.keep_versions(state, turn, (fill.market_id,))
    planned_by = dict(package.versions).get("frictions") if package else None
    row = rows.fill_row(
        fill,
        package,
        attempt,
        turn.wall,
        fee_hash=state.fee_hash(fill.market_id),
        friction_hash=planned_by or state.friction_hash(),
    )
    turn.write("fills", row)
    _write_fill_state(turn, fill.key, "confirmed" if fill.is_final else "provisional")
    _write_position(state, turn, fill)
    turn.decide(
        state,
        "fill",
        fill.key,
        fill.side.value,
        f"{fill.venue.value} {fill.outcome.value}",
        package=package,
        params={"price_micros": str(fill.price), "qty_micros": str(fill.qty), "fee": str(fill.fee)},
        severity="p4",
    )
    if early is False:
        void_fill(state, turn, fill.key, package)
    while len(state.fills) > FILLS_KEPT_MAX:
        old, dropped = state.fills.popitem(last=False)
        state.fills_by_trade.pop(dropped.trade_id, None)
        assert old not in state.fills
    return True


def _as_booked(fill: Fill) -> Fill:
    """Return the execution as the books take it.

    A netting venue does not know a sale: selling NO at q is buying YES at 1 - q, and the
    pairs that this closes pay their dollar in the netting transaction. Booked so, fills
    may arrive in any order and end in the same cash and cost.
    """
    if not fill.venue.is_netting or fill.side is Side.BUY:
        return fill
    exact = replace(fill, cost_usd=fill.notional_usd)
    return exact.in_terms_of(fill.outcome.other)


def _net_out(
    state: State, turn: Turn, fill: Fill, package: Package | None, *, is_void: bool = False
) -> None:
    """Where a venue keeps one net number, YES and NO of a market pay a dollar a pair at once."""
    if not fill.venue.is_netting:
        return
    yes = state.positions.of(fill.market_id, Outcome.YES)
    no = state.positions.of(fill.market_id, Outcome.NO)
    pairs = min(yes.qty, no.qty)
    if pairs > 0:
        # A contract pays one dollar, so micro-contracts are micro-dollars.
        basis_yes, basis_no = yes.take(pairs), no.take(pairs)
        closed = netting_transaction(fill, pairs, basis_yes, basis_no, is_void=is_void)
        post(state, turn, closed, package)


def finalise(state: State, turn: Turn, key: str) -> bool:
    """The chain confirmed a fill; False when it was final before."""
    fill = state.fills[key]
    if fill.is_final:
        return False
    final = replace(fill, is_final=True)
    state.fills[key] = final
    attempt = attempt_of(state, final)
    if attempt is not None and key in attempt.fills:
        attempt.fills[key] = final
    _write_fill_state(turn, key, "confirmed")
    return True


def void_fill(state: State, turn: Turn, key: str, package: Package | None) -> bool:
    """The chain (or a bust) took a fill back: reverse its cash, fee and position (F-053)."""
    fill = state.fills[key]
    if state.ledger.has(f"void/{key}"):
        return False
    fill = _as_booked(fill)
    if fill.venue.is_netting:
        _take_back(state, turn, fill, package)
    else:
        basis = state.positions.revert(fill)
        posted = post(state, turn, void_transaction(fill, max(basis, 0)), package)
        assert posted, key
    attempt = attempt_of(state, fill)
    if attempt is not None:
        attempt.voided[key] = attempt.fills.pop(key, fill)
    if package is not None:
        package.failed_trades += 1
    _write_fill_state(turn, key, "failed")
    _write_position(state, turn, fill)
    _rest_after_failure(state, turn, fill)
    return True


def _take_back(state: State, turn: Turn, fill: Fill, package: Package | None) -> None:
    """Reverse a busted trade where one net number is kept (F-032).

    Its contracts may have been closed against others long ago, so nothing can be taken out:
    the opposite is booked, exactly as the venue does, and nets out with what is held.
    """
    undone = UsdMicros(fill.qty - fill.notional_usd)
    reverse = replace(
        fill, outcome=fill.outcome.other, price=complement(fill.price), cost_usd=undone
    )
    state.positions.apply(reverse)
    posted = post(state, turn, busted_transaction(fill, undone), package)
    assert posted and reverse.side is Side.BUY, fill.key
    _net_out(state, turn, fill, package, is_void=True)


def _rest_after_failure(state: State, turn: Turn, fill: Fill) -> None:
    """One FAILED rests the market an hour; two in ten minutes or three in a day halt the venue."""
    state.market_rest_until_ns[fill.market_id] = turn.mono + FAILED_REST_NS
    failed = state.venue(fill.venue).failed_trades_ns
    failed.append(turn.mono)
    recent = [at for at in failed if turn.mono - at <= FAILED_WINDOW_NS]
    in_a_day = [at for at in failed if turn.mono - at <= FAILED_DAY_NS]
    if len(recent) >= 2 or len(in_a_day) >= 3:
        scope = f"venue:{fill.venue.value}"
        raise_halt(
            state, turn, scope, HaltReason.FAILED_SETTLEMENTS, note=f"{len(in_a_day)} failed"
        )


def book_payout(state: State, turn: Turn, payout: PayoutSeen) -> bool:
    """Post a settlement once; positions of the market leave at cost."""
    txn_id = f"payout/{payout.venue.value}/{payout.reference}"
    if payout.reference in state.payouts_posted or state.ledger.has(txn_id):
        return False
    yes = state.positions.of(payout.market_id, Outcome.YES)
    no = state.positions.of(payout.market_id, Outcome.NO)
    transaction = payout_transaction(
        payout.venue,
        payout.market_id,
        payout.reference,
        payout.cash,
        yes.take(min(yes.qty, payout.qty_yes)),
        no.take(min(no.qty, payout.qty_no)),
    )
    if not post(state, turn, transaction, None):
        return False
    state.payouts_posted.add(payout.reference)
    turn.write(
        "payouts",
        {
            "reference": payout.reference,
            "venue": payout.venue.value,
            "market_id": payout.market_id,
            "payout_micros": payout.payout,
            "qty_yes_micros": payout.qty_yes,
            "qty_no_micros": payout.qty_no,
            "cash_usd_micros": payout.cash,
            "venue_ts_ns": payout.venue_ts_ns,
            "posted_wall_ns": turn.wall,
        },
    )
    turn.write(
        "positions",
        rows.position_row(state.positions, payout.venue.value, payout.market_id, turn.wall),
    )
    return True


def post(state: State, turn: Turn, transaction: Transaction, package: Package | None) -> bool:
    """Post a transaction once, with its rows."""
    if not state.ledger.post(transaction):
        return False
    turn.write("ledger_postings", *rows.posting_rows(transaction, package, turn.wall))
    return True


def attempt_of(state: State, fill: Fill) -> Attempt | None:
    if fill.attempt_id is None:
        return None
    package_id = state.attempts.get(fill.attempt_id)
    package = state.packages.get(package_id) if package_id else None
    return package.attempts.get(fill.attempt_id) if package else None


def package_of(state: State, fill: Fill) -> Package | None:
    package_id = state.attempts.get(fill.attempt_id) if fill.attempt_id else None
    return state.packages.get(package_id) if package_id else None


def _write_fill_state(turn: Turn, key: str, value: str) -> None:
    turn.write("fill_states", {"fill_key": key, "state": value, "ts_ns": turn.wall})


def _write_position(state: State, turn: Turn, fill: Fill) -> None:
    turn.write(
        "positions",
        rows.position_row(state.positions, fill.venue.value, fill.market_id, turn.wall),
    )
