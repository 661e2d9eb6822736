"""Taking over what a person did in an account: contracts, or cash put in or taken out.

Nothing is ever adjusted by itself (M-40): a difference halts its venue until a person says
what it is. Adoption books the difference against ``foreign:V``, so that it is neither gain
nor loss, and moves the base of the loss stops by the cash that came or went.
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import HaltReason, Outcome, Venue
from shared.domain.errors import DomainError
from shared.domain.events import AccountSnapshot, AdoptionOrdered
from shared.domain.ids import MarketId, venue_of
from shared.domain.ledger import adoption_transaction, cash_account
from shared.domain.units import NS_PER_S
from shared.engine import accounting, halts, reconciler, rows
from shared.engine.state import State, Turn

CASH: Final = "cash"
"""In place of a market: a deposit or a withdrawal."""
FRESH_NS: Final = 30 * NS_PER_S
_LIFTED: Final = (HaltReason.FOREIGN_POSITION, HaltReason.RECONCILE_DIFFERENCE)


def on_adoption(state: State, turn: Turn, event: AdoptionOrdered) -> None:
    """Book the venue's figures for one market or its cash, or say why not."""
    subject = f"{event.venue.value}/{event.market}"
    try:
        account = _account(state, turn, event.venue)
        moved = _adopt(state, turn, event, account)
    except DomainError as refusal:
        reason = f"adopt: {refusal}"
        turn.decide(state, "adoption", subject, "refused", reason, severity="p3")
        return
    reconciler.open_books(state, turn, account)
    left = reconciler.difference(state, account)
    turn.decide(
        state,
        "adoption",
        subject,
        "adopted",
        left or event.reason,
        params={"actor": event.actor, "cash_micros": str(moved)},
        severity="p2",
    )
    if not left:
        _lift(state, turn, event)


def _account(state: State, turn: Turn, venue: Venue) -> AccountSnapshot:
    """Return a fresh, quiet reading of the account; what moves cannot be compared."""
    view = state.venues.get(venue)
    if view is None or view.account is None:
        raise DomainError("the account was never read")
    if turn.mono - view.account_seen_mono_ns > FRESH_NS:
        raise DomainError("the account was not read in the last 30 s")
    if not reconciler.is_quiet(state, turn, venue, view.account.as_of_wall_ns):
        raise DomainError("orders or fills of ours are under way there; try again")
    return view.account


def _adopt(state: State, turn: Turn, event: AdoptionOrdered, account: AccountSnapshot) -> int:
    cash = account.cash - state.ledger.balance(cash_account(event.venue))
    differing = reconciler.differing_markets(state, account)
    if differing and not reconciler.has_books(state, event.venue):
        cash = 0  # what the account began with, booked once the contracts agree: no price
    if event.market == CASH:
        if differing:
            raise DomainError(f"contracts differ first: {', '.join(differing)}")
        if cash == 0:
            raise DomainError("the cash agrees already")
        _post(state, turn, event, cash, {})
        return cash
    market = MarketId(event.market)
    if market not in differing:
        if not differing and cash == 0:
            return 0  # a foreign fill that was booked as it came: only its halt is left
        raise DomainError(f"{market} agrees already")
    # Cash is explained by this market only when nothing else could explain it.
    explained = cash if differing == [market] else 0
    yes, no = reconciler.reported(account, market)
    _refuse_shortage(state, market, yes, no)
    changes = {
        Outcome.YES: yes - state.positions.of(market, Outcome.YES).qty,
        Outcome.NO: no - state.positions.of(market, Outcome.NO).qty,
    }
    _post(state, turn, event, explained, changes)
    return explained


def _refuse_shortage(state: State, market: MarketId, yes: int, no: int) -> None:
    """Contracts that an open package holds are not given away by adoption."""
    needs = {Outcome.YES: 0, Outcome.NO: 0}
    number = 0
    for package in state.live_packages():
        for index, leg in enumerate(package.legs):
            if leg.market_id == market and index not in package.paid_legs:
                needs[leg.outcome] += package.net(index)
                number = package.number
    if venue_of(market) is Venue.KALSHI:
        need, have = needs[Outcome.YES] - needs[Outcome.NO], yes - no
        is_short = have < need if need > 0 else have > need if need < 0 else False
    else:
        is_short = yes < needs[Outcome.YES] or no < needs[Outcome.NO]
    if is_short:
        raise DomainError(f"package {number} holds these contracts: resolve or hold it first")


def _post(
    state: State, turn: Turn, event: AdoptionOrdered, cash: int, changes: dict[Outcome, int]
) -> None:
    """Book one adoption: contracts in at what the cash says they cost, out at their cost."""
    grown = [outcome for outcome, change in changes.items() if change > 0]
    spent = max(0, -cash) if grown else 0
    basis: dict[Outcome, int] = {}
    for outcome, change in changes.items():
        holding = state.positions.of(MarketId(event.market), outcome)
        if change > 0:
            # The odd micro-dollar of a split goes to the first outcome.
            basis[outcome] = -(-spent // len(grown)) if outcome is grown[0] else spent // len(grown)
            holding.add(change, basis[outcome])
        elif change < 0:
            basis[outcome] = -holding.take(min(-change, holding.qty))
    market = None if event.market == CASH else MarketId(event.market)
    txn = adoption_transaction(event.venue, event.command_id, market, cash, basis)
    posted = accounting.post(state, turn, txn, None)
    assert posted, "a command is acted on once"
    assert state.ledger.total() == 0
    if market is not None:
        row = rows.position_row(state.positions, event.venue.value, market, turn.wall)
        turn.write("positions", row)
    for period in state.equity_base:
        state.equity_base[period] += cash


def _lift(state: State, turn: Turn, event: AdoptionOrdered) -> None:
    scope = f"venue:{event.venue.value}"
    view = state.venue(event.venue)
    view.difference_since_ns, view.difference_text = 0, ""
    for reason in _LIFTED:
        halts.lift(state, turn, scope, reason.value, actor=event.actor, note=event.reason)
