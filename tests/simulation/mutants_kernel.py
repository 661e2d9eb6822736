"""Deliberate bugs in the kernel and on the simulated wire, each seen by named checkers.

A mutant replaces one function where it is used; ``killers`` are the checkers of which at
least one must report it. ``I-19`` is judged by running the seed twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

from shared.domain import fee_bounds, fees
from shared.domain.enums import BookState, Purpose
from shared.domain.instrument import DECI_CENT
from shared.domain.ledger import fill_transaction
from shared.domain.order import Evidence, EvidenceKind, OrderEvent, OrderState, Rejected, Unknown
from shared.domain.package import Package
from shared.domain.package_table import PackageEvent, PackageState
from shared.domain.units import NS_PER_S, UsdMicros
from shared.drivers import checkers_money, sim_store, sim_venue
from shared.engine import (
    accounting,
    attempts,
    deadlines,
    envelope_limits,
    execution,
    feeds,
    hedger,
    inquiry,
    last_gate,
    limits,
    machine,
    opener,
    plans,
    reconciler,
    recovery,
)
from shared.engine.state import Turn
from shared.exchange.orders import TradeStatus

Patch = Callable[[ExitStack], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    what: str
    killers: tuple[str, ...]
    """Checkers of which at least one must see it."""
    apply: Patch
    seeds: int = 60
    """How many seeds it may take; rarer occasions need more."""


def swap(owner: Any, name: str, make: Callable[[Any], Any]) -> Patch:
    def apply(stack: ExitStack) -> None:
        stack.enter_context(patch.object(owner, name, make(getattr(owner, name))))

    return apply


def both(*patches: Patch) -> Patch:
    def apply(stack: ExitStack) -> None:
        for one in patches:
            one(stack)

    return apply


def always(value: Any) -> Callable[[Any], Any]:
    return lambda real: lambda *args, **kwargs: value


# --- outcomes ----------------------------------------------------------------------------


def _timeout_is_rejection(real: Any) -> Any:
    def lying(self: Any, delay: int, outcome: Any) -> None:
        if isinstance(outcome, Unknown):
            outcome, delay = Rejected(outcome.attempt_id, "timeout"), min(delay, 240_000_000)
        real(self, delay, outcome)

    return lying


def _drop_late_fill(real: Any) -> Any:
    def wrong(state: Any, turn: Any, event: Any) -> None:
        found = attempts.find_attempt(state, event.fill.attempt_id, event.fill.order_id)
        if found is not None and found[1].state in (OrderState.ABSENT, OrderState.REJECTED):
            return
        real(state, turn, event)

    return wrong


def _hasty_absence(real: Any) -> Any:
    def wrong(self: Any, ticket: Any) -> Evidence:
        found: Evidence = real(self, ticket)
        if found.kind is EvidenceKind.UNPROVEN:
            return replace(found, kind=EvidenceKind.ABSENT)
        return found

    return wrong


def _mined_is_final(real: Any) -> Any:
    def wrong(self: Any, record: Any) -> Any:
        fill = real(self, record)
        return replace(fill, is_final=True) if record.status is TradeStatus.MINED else fill

    return wrong


def _act_on_unknown(real: Any) -> Any:
    unknown = (PackageState.LEG1_UNKNOWN, PackageState.LEG2_UNKNOWN, PackageState.UNWIND_UNKNOWN)

    def wrong(state: Any, turn: Any, package: Package) -> None:
        if package.state in unknown and turn.mono >= package.timer_due_ns > 0:
            for attempt in package.attempts.values():
                if not attempt.is_settled:
                    attempt.on(OrderEvent.PROVE_ABSENT)
            machine.conclude(state, turn, package)
            return
        real(state, turn, package)

    return wrong


def _impatient(real: Any) -> Any:
    """A deadline that is reached more often than thirty seconds are: the bug is the same."""

    def wrong(state: Any, turn: Any, package: Package) -> int:
        whole = int(real(state, turn, package))
        return NS_PER_S if package.state in inquiry.UNKNOWN else whole

    return wrong


# --- sizes and ways out ------------------------------------------------------------------


def _of_plan(**change: Callable[[Any, Package], Any]) -> Callable[[Any], Any]:
    def make(real: Any) -> Any:
        def wrong(state: Any, package: Package, leg: int, size: int) -> Any:
            plan = real(state, package, leg, size)
            if plan is None:
                return None
            return replace(plan, **{name: of(plan, package) for name, of in change.items()})

        return wrong

    return make


def _dollars(plan: Any, package: Package) -> int:
    other = plans.average_cost(package, 1 - plan.leg)
    return max(10_000, int(plan.qty) * other // max(int(plan.price_limit), 1) // 10_000 * 10_000)


def _never_give_up(real: Any) -> Any:
    def wrong(state: Any, turn: Any, package: Package) -> Any:
        choice = real(state, turn, package)
        if choice.event is PackageEvent.D_STUCK and not state.is_frozen:
            return hedger.Choice(PackageEvent.D_WAIT, "again", wait_ns=NS_PER_S)
        return choice

    return wrong


def _pause_stops_hedges(real: Any) -> Any:
    def wrong(state: Any, turn: Any, package: Package) -> Any:
        if state.halts:
            return hedger.Choice(PackageEvent.D_WAIT, "halted", wait_ns=NS_PER_S)
        return real(state, turn, package)

    return wrong


# --- envelopes and ids -------------------------------------------------------------------


def _new_id(real: Any) -> Any:
    def renamed(state: Any, turn: Any, package: Package) -> None:
        attempt = package.attempts[package.current]  # type: ignore[index]
        ticket = attempt.ticket
        if ticket is not None and ticket.purpose is Purpose.HEDGE and ticket.attempt > 0:
            attempt.ticket = replace(ticket, attempt_id=f"{ticket.attempt_id}-again")
        real(state, turn, package)

    return renamed


def _same_id(real: Any) -> Any:
    def reused(state: Any, turn: Any, package: Package) -> None:
        attempt = package.attempts[package.current]  # type: ignore[index]
        used = [a for a in package.attempts.values() if a.state is not OrderState.PLANNED]
        if used and attempt.ticket is not None:
            attempt.ticket = replace(attempt.ticket, attempt_id=used[0].attempt_id)
        real(state, turn, package)

    return reused


# --- books, limits, money ----------------------------------------------------------------


def _pong_is_proof(real: Any) -> Any:
    def wrong(state: Any, turn: Any, event: Any) -> None:
        real(state, turn, event)
        for market, book in state.books.items():
            instrument = state.instruments.get(market)
            same = instrument is not None and instrument.venue is event.venue
            if same and event.is_connected and book.state is BookState.SYNCED:
                book.proved_mono_ns = turn.mono

    return wrong


def _old_grid(real: Any) -> Any:
    def wrong(state: Any, turn: Any, event: Any) -> None:
        old = state.instruments.get(event.instrument.market_id)
        if old is not None and old.grid == DECI_CENT:
            # Planned on the fine grid, sent on it too, whatever holds by then.
            event = replace(event, instrument=replace(event.instrument, grid=old.grid))
        real(state, turn, event)

    return wrong


def _post_again(real: Any) -> Any:
    def wrong(state: Any, turn: Any, event: Any) -> None:
        if event.fill.key in state.fills:
            txn = fill_transaction(state.fills[event.fill.key], 0)
            state.ledger._seen.discard(txn.txn_id)
            accounting.post(state, turn, txn, None)
        real(state, turn, event)

    return wrong


def _cheap_fee(real: Any) -> Any:
    def wrong(schedule: Any, liquidity: Any, side: Any, takes: Any, *rest: Any) -> UsdMicros:
        cents = 0
        for price, qty in takes:
            unit = fees.unit_fee(schedule, liquidity, price) // fees.UNIT_FEE_SCALE
            cents += unit // 10_000 * 10_000 * qty // 1_000_000
        return UsdMicros(cents)

    return wrong


def _adjusting(real: Any) -> Any:
    def wrong(state: Any, turn: Any, event: Any) -> None:
        real(state, turn, event)
        balances = state.ledger.balances
        account = f"cash:{event.venue.value}"
        off = event.cash - balances.get(account, event.cash)
        if off:
            balances[account] += off
            balances["adjusted"] = balances.get("adjusted", 0) - off

    return wrong


# --- restarts ----------------------------------------------------------------------------


def _swap_legs(real: Any) -> Any:
    def wrong(row: Any, attempt_rows: Any, turn: Any) -> Package:
        package: Package = real(row, attempt_rows, turn)
        package.legs = (package.legs[1], package.legs[0])
        return package

    return wrong


def _forget_halts(real: Any) -> Any:
    def wrong(self: Any, run_id: str, epoch: int) -> Any:
        return replace(real(self, run_id, epoch), halts=())

    return wrong


def _unarmed(real: Any) -> Any:
    def wrong(state: Any, turn: Any, package: Package) -> None:
        package.timer_due_ns = 0

    return wrong


def _by_the_clock(real: Any) -> Any:
    def wrong(self: Turn) -> None:
        real(self)
        self.wall += time.perf_counter_ns() % 1_000

    return wrong


MUTANTS: Final[tuple[Mutant, ...]] = (
    Mutant(
        "M-01",
        "timeout = rejected",
        ("I-09", "I-17", "I-10", "I-11"),
        swap(sim_venue.SimVenue, "_answer", _timeout_is_rejection),
    ),
    Mutant(
        "M-02",
        "hedge the planned size",
        ("I-10",),
        swap(plans, "hedge", _of_plan(qty=lambda plan, package: package.qty)),
    ),
    Mutant(
        "M-03",
        "hedge equal dollars",
        ("I-10",),
        swap(plans, "hedge", _of_plan(qty=_dollars)),
    ),
    Mutant(
        "M-04",
        "round the hedge up",
        ("I-10",),
        swap(plans, "hedge", _of_plan(qty=lambda plan, package: plan.qty + 1_000_000)),
    ),
    Mutant("M-05", "drop a late fill", ("I-14",), swap(execution, "on_fill", _drop_late_fill)),
    Mutant(
        "M-06",
        "no REPAIR from an end",
        ("I-13",),
        swap(execution, "open_repair", always(None)),
        seeds=1_500,
    ),
    Mutant(
        "M-07",
        "hedged or flat is final at MATCHED",
        ("I-21",),
        swap(Package, "all_fills_final", always(True)),
    ),
    Mutant("M-08", "MINED is final", ("I-21",), swap(sim_venue.SimVenue, "fill", _mined_is_final)),
    Mutant("M-09", "ignore FAILED", ("I-17",), swap(accounting, "void_fill", always(False))),
    Mutant(
        "M-10",
        "absence at once",
        ("I-09", "I-10", "I-11"),
        swap(sim_venue.SimVenue, "_evidence", _hasty_absence),
    ),
    Mutant(
        "M-11",
        "act on an unknown at its deadline",
        ("I-09", "I-10", "I-11"),
        both(
            swap(machine, "on_timer", _act_on_unknown),
            swap(deadlines, "deadline_ns", _impatient),
        ),
        seeds=200,
    ),
    Mutant(
        "M-13",
        "unwind the planned size",
        ("I-11",),
        swap(plans, "unwind", _of_plan(qty=lambda plan, package: package.qty)),
    ),
    Mutant(
        "M-14",
        "unwind without reduce-only",
        ("I-11",),
        swap(plans, "unwind", _of_plan(reduce_only=lambda plan, package: False)),
    ),
    Mutant(
        "M-15",
        "retry for ever",
        ("I-07",),
        swap(hedger, "choose", _never_give_up),
        seeds=400,
    ),
    Mutant(
        "M-16",
        "waits and retries on separate clocks",
        ("I-07",),
        swap(
            machine,
            "_is_active",
            lambda real: lambda package, after: after in machine.ACTIVE_STATES,
        ),
        seeds=400,
    ),
    Mutant(
        "M-19",
        "send before commit",
        ("I-04",),
        swap(sim_store.SimStore, "commit_envelope", always(None)),
    ),
    Mutant("M-20", "new id per retry", ("I-04",), swap(attempts, "submit", _new_id)),
    Mutant("M-21", "same id for two attempts", ("I-03",), swap(attempts, "submit", _same_id)),
    Mutant(
        "M-25", "a pong proves a book", ("I-12",), swap(feeds, "on_feed", _pong_is_proof), seeds=400
    ),
    Mutant(
        "M-26",
        "legs swapped on return",
        ("I-04", "I-10", "I-11", "I-13", "I-17", "I-22"),
        swap(recovery, "package_from", _swap_legs),
        seeds=400,
    ),
    Mutant(
        "M-29",
        "limits checked before, not with, the new package",
        ("I-08",),
        both(
            swap(envelope_limits, "over_limits", always(None)),
            swap(opener, "over_limits", always(None)),
            swap(last_gate, "over_limits", always(None)),
            swap(limits, "_shrink", lambda real: lambda room: (1 << 60) if room > 0 else 0),
        ),
        seeds=200,
    ),
    Mutant(
        "M-30",
        "a fill posted twice after a reconnect",
        ("I-02",),
        swap(execution, "on_fill", _post_again),
    ),
    Mutant(
        "M-31",
        "fee truncated in our favour",
        ("I-22",),
        both(swap(fee_bounds, "bound", _cheap_fee), swap(checkers_money, "bound", _cheap_fee)),
    ),
    Mutant(
        "M-32",
        "PAUSE stops hedges",
        ("I-07",),
        swap(hedger, "choose", _pause_stops_hedges),
        seeds=400,
    ),
    Mutant(
        "M-33",
        "halts lost on restart",
        ("I-18",),
        swap(sim_store.SimStore, "recovered", _forget_halts),
    ),
    Mutant("M-35", "now() in the kernel", ("I-19",), swap(Turn, "__post_init__", _by_the_clock)),
    Mutant(
        "M-37",
        "tick taken from the plan, not the send",
        ("I-12",),
        swap(feeds, "on_instrument", _old_grid),
        seeds=400,
    ),
    Mutant(
        "M-38",
        "timer not re-armed",
        ("I-15", "I-16"),
        both(swap(deadlines, "rearm", _unarmed)),
    ),
    Mutant(
        "M-39",
        "sell shares that are not final",
        ("I-21",),
        swap(plans, "awaits_finality", always(False)),
    ),
    Mutant(
        "M-40",
        "reconcile adjusts to the venue",
        ("I-02", "I-17"),
        swap(reconciler, "on_account", _adjusting),
    ),
)
