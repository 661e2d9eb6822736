"""What is asked of the venues about a package in doubt, and the verdict over their answers."""

from __future__ import annotations

from typing import Final

from shared.domain.commands import AskEvidence
from shared.domain.package import Package
from shared.domain.package_table import PACKAGE_TABLE, PackageEvent, PackageState
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.engine import hedger, plans
from shared.engine.state import State, Turn

PS = PackageState
PE = PackageEvent
EVIDENCE_FIRST_NS: Final = 500 * NS_PER_MS
EVIDENCE_SLOW_NS: Final = 30 * NS_PER_S
FINALITY_ASK_NS: Final = 20 * NS_PER_S
"""A provisional trade that the user stream has not settled by then is asked about over REST."""
UNKNOWN: Final = frozenset(
    {PS.LEG1_UNKNOWN, PS.LEG2_UNKNOWN, PS.UNWIND_UNKNOWN, PS.RECOVERING, PS.CONFIRM_UNKNOWN}
)
DOUBTFUL: Final = frozenset({PS.RECOVERING, PS.CONFIRM_UNKNOWN, PS.STUCK_UNKNOWN})
"""States in which the venue's records are believed over everything remembered."""


def next_ask_ns(package: Package) -> int:
    """Return the wait before the same questions are asked again: 0.5 s, growing to 30 s."""
    return min(EVIDENCE_FIRST_NS << min(package.evidence_asks // 8, 6), EVIDENCE_SLOW_NS)


def verdict(state: State, package: Package) -> PackageEvent:
    """Return what every attempt together amounts to; each of them must be settled."""
    # A REPAIR holds what its parent left, whether it has traded itself or not.
    nothing = package.carried == (0, 0) and all(
        attempt.known_qty == 0 for attempt in package.attempts.values()
    )
    return verdict_of(state, package, (package.net(0), package.net(1)), nothing=nothing)


def verdict_of(
    state: State, package: Package, nets: tuple[int, int], *, nothing: bool
) -> PackageEvent:
    """Return the verdict that signed contracts x 1e6 per leg amount to."""
    if nothing and PACKAGE_TABLE.is_legal(package.state, PE.E_NOFILL):
        return PE.E_NOFILL
    residual = nets[0] - nets[1]
    deficit, surplus = (1, 0) if residual > 0 else (0, 1)
    size = abs(residual)
    if size and (
        plans.legal_qty(state, package, deficit, size)
        or plans.reduce_qty(state, package, surplus, size)
    ):
        return PE.E_NAKED
    if min(nets) >= hedger.DUST_QTY:
        return PE.E_MATCHED
    return PE.E_ZERO


def ask_finality(state: State, turn: Turn, package: Package) -> bool:
    """Ask again about attempts whose fills are missing or provisional; say whether any were."""
    tickets = tuple(
        attempt.ticket
        for attempt in package.attempts.values()
        if attempt.ticket is not None
        and (
            attempt.known_qty != attempt.fills_qty - attempt.voided_qty
            or any(not fill.is_final for fill in attempt.fills.values())
        )
    )
    if tickets:
        turn.emit(AskEvidence(package.package_id, tickets, turn.mono))
        turn.arm(f"ev:{package.package_id}", turn.mono + FINALITY_ASK_NS)
    return bool(tickets)


def ask_all(turn: Turn, package: Package) -> None:
    """Ask about every attempt that reached, or may have reached, the wire."""
    tickets = tuple(a.ticket for a in package.attempts.values() if a.ticket is not None)
    if tickets:
        turn.emit(AskEvidence(package.package_id, tickets, turn.mono))
