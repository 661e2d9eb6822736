"""The last gate: is an approved package still allowed when its envelope has become durable?

Between the decision and the commit anything may change: a limit was tightened, a book
gapped, rules were edited, a halt was taken. The ticket keeps its versions; they must
still be the current ones in the step that lets the bytes out (I-05, I-08, I-12, F-091).
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import GateCode, Outcome, Purpose
from shared.domain.order import LegTicket
from shared.domain.package import Package
from shared.domain.units import MICROS, PriceMicros
from shared.engine import exposure, gates, hedger
from shared.engine.envelope_limits import over_limits
from shared.engine.state import State, Turn

_OWN = frozenset({GateCode.COOLDOWN})
"""A pair rests because this very package was planned on it."""
OFF_GRID: Final = "the price grid changed since it was approved"
DOUBTED: Final = "an execution of its package is in doubt since it was approved"
COVERED: Final = "nothing is left to cover since it was approved"
UNFIT: Final = frozenset({OFF_GRID, DOUBTED, COVERED})
"""Refusals at the first byte that say nothing against choosing again at once (F-010)."""


def refusal(state: State, turn: Turn, package: Package) -> str:
    """Return why the package may not begin any more; empty when it still may."""
    view = state.pairs.get(package.pair_id)
    if view is None:
        return "the pair is not watched any more"
    current = state.versions(view.pair)
    changed = [name for name, value in package.versions.items() if current.get(name) != value]
    if changed:
        return f"{changed[0]} changed since the decision"
    for code, _ in gates.standing(state, turn, view):
        if code not in _OWN:
            return code.value
    for market in (view.pair.a, view.pair.b):
        if not gates.is_fresh(state, turn, state.instruments[market]):
            return GateCode.BOOK_STALE.value
    others = exposure.usage(state, turn, without=package.package_id)
    if others.naked >= state.config.naked_slots:
        return GateCode.NAKED_SLOT_BUSY.value
    if len(others.pairs | {package.pair_id}) > state.config.pairs_max:
        return GateCode.PAIRS_FULL.value
    broken = over_limits(state, package, others)
    return broken[0].value if broken else ""


def unfit(state: State, ticket: LegTicket) -> str:
    """Return why an approved order does not fit any more at its first byte; empty when it does.

    Milliseconds lie between the approval and the bytes: a grid may change (F-010), a trade may
    be busted (F-032). Asked of every order; one that covers a residual needs a residual.
    """
    instrument = state.instruments.get(ticket.market_id)
    is_yes = ticket.outcome is Outcome.YES
    price = ticket.price_limit if is_yes else PriceMicros(MICROS - ticket.price_limit)
    if instrument is not None and not instrument.is_on_grid(price):
        return OFF_GRID
    package = state.packages.get(ticket.package_id)
    if package is None or ticket.purpose is Purpose.OPEN:
        return ""
    if any(attempt.is_doubted for attempt in package.attempts.values()):
        return DOUBTED
    return COVERED if abs(package.residual) < hedger.DUST_QTY else ""
