"""The life of a package as data: 28 states x 42 events, of which 195 move and 308 are kept.

Read it beside docs/generated/package.svg. Words used in the names:
gate = nothing sent yet; flight = an attempt is on the wire; unknown = only evidence moves
it; hold = nothing to do but watch; human = a person is paged. R_* is the definitive result
of the current attempt, E_* a verdict over all attempts from the venues' own records, D_*
the chooser's decision, S_* settlement finality on chain, H_* an operator's verb.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.domain.fsm import StateSpec, Table
from shared.domain.units import NS_PER_MS, NS_PER_S


class PackageState(StrEnum):
    PLANNED = "planned"
    JOURNALLED = "journalled"
    LEG1_SENT = "leg1_sent"
    LEG1_HELD = "leg1_held"
    LEG1_CANCELLING = "leg1_cancelling"
    LEG1_UNKNOWN = "leg1_unknown"
    EXPOSED = "exposed"
    LEG2_SENT = "leg2_sent"
    LEG2_CANCELLING = "leg2_cancelling"
    LEG2_UNKNOWN = "leg2_unknown"
    RETRY_WAIT = "retry_wait"
    UNWIND_SENT = "unwind_sent"
    UNWIND_UNKNOWN = "unwind_unknown"
    UNWIND_WAIT = "unwind_wait"
    HEDGED_PROV = "hedged_prov"
    FLAT_PROV = "flat_prov"
    CONFIRM_UNKNOWN = "confirm_unknown"
    RECOVERING = "recovering"
    HEDGED = "hedged"
    EXITING = "exiting"
    SETTLING = "settling"
    STUCK_KNOWN = "stuck_known"
    STUCK_UNKNOWN = "stuck_unknown"
    ABORTED = "aborted"
    FLAT = "flat"
    SETTLED = "settled"
    DIVERGED = "diverged"
    EXITED_EARLY = "exited_early"


class PackageEvent(StrEnum):
    J_OK = "j_ok"
    J_FAIL = "j_fail"
    GATE_FAIL = "gate_fail"
    SENT = "sent"
    R_NONE = "r_none"
    R_FILL = "r_fill"
    R_HELD = "r_held"
    R_REST = "r_rest"
    R_UNK = "r_unk"
    TIMEOUT = "timeout"
    FILL_SEEN = "fill_seen"
    E_NOFILL = "e_nofill"
    E_ZERO = "e_zero"
    E_MATCHED = "e_matched"
    E_NAKED = "e_naked"
    D_HEDGE = "d_hedge"
    D_BACKOFF = "d_backoff"
    D_UNWIND = "d_unwind"
    D_WAIT = "d_wait"
    D_STUCK = "d_stuck"
    D_MATCHED = "d_matched"
    D_FLAT = "d_flat"
    V_DOWN = "v_down"
    V_UP = "v_up"
    M_CLOSED = "m_closed"
    M_RESOLVED = "m_resolved"
    TICK = "tick"
    ADVERSE = "adverse"
    S_CONF = "s_conf"
    S_FAIL = "s_fail"
    PAID_OK = "paid_ok"
    PAID_DIV = "paid_div"
    EXIT_GO = "exit_go"
    CHILD_DONE = "child_done"
    CHILD_KEPT = "child_kept"
    PAUSE = "pause"
    KILL = "kill"
    LEASE_LOST = "lease_lost"
    RECON_DIFF = "recon_diff"
    RESTART = "restart"
    H_HOLD = "h_hold"
    H_UNWIND = "h_unwind"


_N: Final = "FILL_SEEN V_DOWN V_UP M_CLOSED M_RESOLVED TICK ADVERSE S_CONF" + (
    " S_FAIL PAUSE LEASE_LOST RECON_DIFF"
)
"""What most waiting states only record."""
_LATE_N: Final = "V_DOWN V_UP M_CLOSED M_RESOLVED TICK ADVERSE PAUSE LEASE_LOST KILL"
"""_N of the states that move on fills, finality and differences, plus KILL."""


def _events(text: str) -> frozenset[PackageEvent]:
    return frozenset(PackageEvent[word] for word in text.split())


def _row(
    kind: str, deadline_ms: int, moves: str, kept: str
) -> StateSpec[PackageState, PackageEvent]:
    """Parse ``"A B -> STATE; C -> STATE2"``; a repeated or both moved and kept event is a bug."""
    table: dict[PackageEvent, PackageState] = {}
    for clause in filter(None, (part.strip() for part in moves.split(";"))):
        words, target = clause.split("->")
        for event in (PackageEvent[word] for word in words.split()):
            assert event not in table, (clause, event)
            table[event] = PackageState[target.strip()]
    keep = _events(kept)
    assert not keep & table.keys(), keep & table.keys()
    return StateSpec(kind, deadline_ms * NS_PER_MS, table, keep)


_UNKNOWN_MOVES: Final = (
    "E_ZERO -> FLAT_PROV; E_MATCHED -> HEDGED_PROV; E_NAKED -> EXPOSED;"
    "TIMEOUT KILL -> STUCK_UNKNOWN; RESTART -> RECOVERING"
)
_PAID: Final = " PAID_OK PAID_DIV"
_PROV_MOVES: Final = (
    "FILL_SEEN S_FAIL -> EXPOSED; TIMEOUT PAID_OK PAID_DIV RECON_DIFF RESTART -> CONFIRM_UNKNOWN;"
)
_WAIT_TAIL: Final = (
    "M_RESOLVED -> SETTLING; KILL -> STUCK_KNOWN; RECON_DIFF -> STUCK_UNKNOWN;RESTART -> RECOVERING"
)
_FLIGHT_TAIL: Final = "KILL -> STUCK_UNKNOWN; RESTART -> RECOVERING"
_END: Final[StateSpec[PackageState, PackageEvent]] = StateSpec(
    "end", 0, {}, _events(_N + _PAID + " KILL RESTART")
)
_DAY_MS: Final = 24 * 3600 * 1000

PACKAGE_TABLE: Final[Table[PackageState, PackageEvent]] = Table(
    "package",
    {
        PackageState.PLANNED: _row(
            "gate",
            100,
            "J_OK -> JOURNALLED; J_FAIL GATE_FAIL TIMEOUT V_DOWN M_CLOSED M_RESOLVED TICK PAUSE"
            " KILL LEASE_LOST RECON_DIFF -> ABORTED; RESTART -> RECOVERING",
            "V_UP",
        ),
        PackageState.JOURNALLED: _row(
            "gate",
            50,
            "GATE_FAIL R_NONE V_DOWN M_CLOSED M_RESOLVED TICK PAUSE KILL LEASE_LOST RECON_DIFF"
            " -> ABORTED; SENT -> LEG1_SENT; R_UNK TIMEOUT -> LEG1_UNKNOWN;"
            "RESTART -> RECOVERING",
            "V_UP",
        ),
        PackageState.LEG1_SENT: _row(
            "flight",
            250,
            "R_NONE -> ABORTED; R_FILL -> EXPOSED; R_HELD -> LEG1_HELD; R_REST -> LEG1_CANCELLING;"
            "R_UNK TIMEOUT -> LEG1_UNKNOWN;" + _FLIGHT_TAIL,
            _N,
        ),
        PackageState.LEG1_HELD: _row(
            "flight",
            5_000,
            "R_NONE -> ABORTED; R_FILL -> EXPOSED; R_REST -> LEG1_CANCELLING;"
            "R_UNK TIMEOUT -> LEG1_UNKNOWN;" + _FLIGHT_TAIL,
            _N + " R_HELD",
        ),
        PackageState.LEG1_CANCELLING: _row(
            "flight",
            250,
            "R_NONE -> ABORTED; R_FILL -> EXPOSED; R_HELD -> LEG1_HELD;"
            "R_REST R_UNK TIMEOUT -> LEG1_UNKNOWN;" + _FLIGHT_TAIL,
            _N,
        ),
        PackageState.LEG1_UNKNOWN: _row(
            "unknown",
            30_000,
            "E_NOFILL -> ABORTED; E_ZERO -> FLAT_PROV; E_NAKED -> EXPOSED;"
            "TIMEOUT KILL -> STUCK_UNKNOWN; RESTART -> RECOVERING",
            _N + _PAID,
        ),
        PackageState.EXPOSED: _row(
            "step",
            0,
            "D_HEDGE -> LEG2_SENT; D_BACKOFF -> RETRY_WAIT; D_UNWIND -> UNWIND_SENT;"
            "D_WAIT -> UNWIND_WAIT; D_STUCK TIMEOUT -> STUCK_KNOWN; D_MATCHED -> HEDGED_PROV;"
            "D_FLAT -> FLAT_PROV; RESTART -> RECOVERING",
            "",
        ),
        PackageState.LEG2_SENT: _row(
            "flight",
            250,
            "R_NONE R_FILL -> EXPOSED; R_HELD R_UNK TIMEOUT -> LEG2_UNKNOWN;"
            "R_REST -> LEG2_CANCELLING;" + _FLIGHT_TAIL,
            _N,
        ),
        PackageState.LEG2_CANCELLING: _row(
            "flight",
            250,
            "R_NONE R_FILL -> EXPOSED; R_HELD R_REST R_UNK TIMEOUT -> LEG2_UNKNOWN;" + _FLIGHT_TAIL,
            _N,
        ),
        PackageState.LEG2_UNKNOWN: _row("unknown", 30_000, _UNKNOWN_MOVES, _N + _PAID),
        PackageState.RETRY_WAIT: _row(
            "wait",
            800,
            "FILL_SEEN TIMEOUT V_DOWN V_UP M_CLOSED ADVERSE S_CONF S_FAIL -> EXPOSED;" + _WAIT_TAIL,
            "TICK PAUSE LEASE_LOST",
        ),
        PackageState.UNWIND_SENT: _row(
            "flight",
            250,
            "R_NONE R_FILL -> EXPOSED; R_HELD R_REST R_UNK TIMEOUT -> UNWIND_UNKNOWN;"
            + _FLIGHT_TAIL,
            _N,
        ),
        PackageState.UNWIND_UNKNOWN: _row("unknown", 30_000, _UNKNOWN_MOVES, _N + _PAID),
        PackageState.UNWIND_WAIT: _row(
            "wait",
            1_000,
            "FILL_SEEN TIMEOUT V_UP M_CLOSED ADVERSE S_CONF S_FAIL -> EXPOSED;" + _WAIT_TAIL,
            "V_DOWN TICK PAUSE LEASE_LOST",
        ),
        PackageState.HEDGED_PROV: _row("hold", 180_000, _PROV_MOVES + "S_CONF -> HEDGED", _LATE_N),
        PackageState.FLAT_PROV: _row("hold", 180_000, _PROV_MOVES + "S_CONF -> FLAT", _LATE_N),
        PackageState.CONFIRM_UNKNOWN: _row(
            "unknown",
            600_000,
            "E_ZERO -> FLAT; E_MATCHED -> HEDGED; E_NAKED -> EXPOSED; TIMEOUT -> STUCK_UNKNOWN;"
            "PAID_OK -> SETTLED; PAID_DIV -> DIVERGED; RESTART -> CONFIRM_UNKNOWN",
            _N + " KILL",
        ),
        PackageState.RECOVERING: _row(
            "unknown", 30_000, "E_NOFILL -> ABORTED;" + _UNKNOWN_MOVES, _N + _PAID
        ),
        PackageState.HEDGED: _row(
            "hold",
            _DAY_MS,
            "FILL_SEEN S_FAIL -> EXPOSED; TIMEOUT M_RESOLVED -> SETTLING;"
            "PAID_OK -> SETTLED; PAID_DIV -> DIVERGED; EXIT_GO -> EXITING;"
            "RECON_DIFF -> CONFIRM_UNKNOWN; RESTART -> HEDGED",
            "V_DOWN V_UP M_CLOSED TICK ADVERSE S_CONF PAUSE KILL LEASE_LOST",
        ),
        PackageState.EXITING: _row(
            "hold",
            60_000,
            "FILL_SEEN TIMEOUT S_FAIL -> STUCK_UNKNOWN; CHILD_DONE -> EXITED_EARLY;"
            "CHILD_KEPT -> HEDGED; RESTART -> EXITING",
            _LATE_N + " S_CONF RECON_DIFF" + _PAID,
        ),
        PackageState.SETTLING: _row(
            "human",
            _DAY_MS,
            "PAID_OK -> SETTLED; PAID_DIV -> DIVERGED; RESTART -> SETTLING",
            _N + " TIMEOUT KILL",
        ),
        PackageState.STUCK_KNOWN: _row(
            "human",
            60_000,
            "FILL_SEEN TIMEOUT V_UP S_CONF S_FAIL H_UNWIND -> EXPOSED; E_ZERO -> FLAT_PROV;"
            "E_MATCHED -> HEDGED_PROV; M_RESOLVED H_HOLD -> SETTLING; PAID_OK -> SETTLED;"
            "PAID_DIV -> DIVERGED; RECON_DIFF -> STUCK_UNKNOWN; RESTART -> RECOVERING",
            "E_NAKED V_DOWN M_CLOSED TICK ADVERSE PAUSE KILL LEASE_LOST",
        ),
        PackageState.STUCK_UNKNOWN: _row(
            "human",
            60_000,
            "E_NOFILL -> ABORTED; E_ZERO -> FLAT_PROV; E_MATCHED -> HEDGED_PROV;"
            "E_NAKED -> STUCK_KNOWN; PAID_OK -> SETTLED; PAID_DIV -> DIVERGED;"
            "CHILD_DONE -> EXITED_EARLY; RESTART -> STUCK_UNKNOWN; H_HOLD -> SETTLING",
            _N + " TIMEOUT CHILD_KEPT KILL",
        ),
        PackageState.ABORTED: _END,
        PackageState.FLAT: _END,
        PackageState.SETTLED: _END,
        PackageState.DIVERGED: _END,
        PackageState.EXITED_EARLY: _END,
    },
)

ENDS: Final = frozenset(s for s in PackageState if PACKAGE_TABLE.is_end(s))
UNKNOWN_STATES: Final = frozenset(
    s for s in PackageState if PACKAGE_TABLE.rows[s].kind == "unknown"
) | {PackageState.STUCK_UNKNOWN}
NAKED_STATES: Final = frozenset(
    PackageState[w]
    for w in "PLANNED JOURNALLED LEG1_SENT LEG1_HELD LEG1_CANCELLING LEG1_UNKNOWN EXPOSED LEG2_SENT"
    " LEG2_CANCELLING LEG2_UNKNOWN RETRY_WAIT UNWIND_SENT UNWIND_UNKNOWN UNWIND_WAIT RECOVERING"
    " STUCK_KNOWN STUCK_UNKNOWN".split()
)
"""States that hold the naked slot: a leg is, or may be, without its other half."""
ACTIVE_STATES: Final = frozenset(
    PackageState[w] for w in "EXPOSED LEG2_SENT LEG2_CANCELLING RETRY_WAIT UNWIND_SENT".split()
)
"""States whose time counts against the active-exposure budget A (waits judge themselves)."""

STATUS_GROUPS: Final = {
    "hedged": frozenset(
        PackageState[w] for w in "HEDGED_PROV HEDGED EXITING SETTLING SETTLED DIVERGED".split()
    ),
    "flat": frozenset(PackageState[w] for w in "FLAT_PROV FLAT EXITED_EARLY".split()),
    "stuck": frozenset({PackageState.STUCK_KNOWN, PackageState.STUCK_UNKNOWN}),
}
"""Counting groups of ``twinleg status``; aborted counts nowhere, open is the rest."""

UNKNOWN_ALERT_NS: Final = {
    PackageState.LEG1_UNKNOWN: 5 * NS_PER_S,
    PackageState.LEG2_UNKNOWN: 2 * NS_PER_S,
    PackageState.UNWIND_UNKNOWN: 2 * NS_PER_S,
}
