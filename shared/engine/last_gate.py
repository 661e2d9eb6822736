"""The last gate: is an approved package still allowed when its envelope has become durable?

Between the decision and the commit anything may change: a limit was tightened, a book
gapped, rules were edited, a halt was taken. The ticket keeps its versions; they must
still be the current ones in the step that lets the bytes out (I-05, I-08, I-12, F-091).
"""

from __future__ import annotations

from shared.domain.enums import GateCode
from shared.domain.package import Package
from shared.engine import exposure, gates
from shared.engine.envelope_limits import over_limits
from shared.engine.state import State, Turn

_OWN = frozenset({GateCode.COOLDOWN})
"""A pair rests because this very package was planned on it."""


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
