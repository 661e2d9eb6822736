"""Deliberate bugs of the fault catalogue, each with the checkers that must see it.

``python -m tests.simulation.mutants [--seeds N]`` prints a table and exits 1 on a survivor.
A mutant is killed by a checker's violation; a crash of the kernel alone is told apart.
Mutants of adapters, matching and the trader process have their killers in those suites; so
has M-17: kernel, send-by time and lease at the wire each stop it, and so one of them alone
cannot be seen to be missing here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from shared.domain.enums import Purpose
from shared.domain.order import Evidence, EvidenceKind, OrderState, Rejected, Unknown
from shared.domain.package import Package
from shared.drivers import sim_store, sim_trader, sim_venue
from shared.drivers.simulate import run_seed
from shared.engine import accounting, attempts, deadlines, execution, hedger, reconciler

Patch = Callable[[ExitStack], None]
FIRST_SEED = 10_000


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    what: str
    killers: tuple[str, ...]
    """Checkers of which at least one must see it; empty: any."""
    apply: Patch


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    what: str
    fate: str
    """killed, killed_by_other, crashed or survived"""
    by: tuple[str, ...]
    seed: int | None


def _swap(owner: Any, name: str, make: Callable[[Any], Any]) -> Patch:
    def apply(stack: ExitStack) -> None:
        stack.enter_context(patch.object(owner, name, make(getattr(owner, name))))

    return apply


def _timeout_is_rejection(real: Any) -> Any:
    def lying(self: Any, delay: int, outcome: Any) -> None:
        if isinstance(outcome, Unknown):
            outcome, delay = Rejected(outcome.attempt_id, "timeout"), min(delay, 240_000_000)
        real(self, delay, outcome)

    return lying


def _planned_hedge(real: Any) -> Any:
    def wrong(state: Any, package: Package, leg: int, size: int) -> Any:
        plan = real(state, package, leg, size)
        return replace(plan, qty=package.qty) if plan else None

    return wrong


def _rounded_up(real: Any) -> Any:
    def wrong(state: Any, package: Package, leg: int, size: int) -> Any:
        plan = real(state, package, leg, size)
        return replace(plan, qty=plan.qty + 1_000_000) if plan else None

    return wrong


def _equal_dollars(real: Any) -> Any:
    def wrong(state: Any, package: Package, leg: int, size: int) -> Any:
        plan = real(state, package, leg, size)
        if plan is None or plan.price_limit <= 0:
            return plan
        other = hedger.average_cost(package, 1 - leg)
        qty = max(10_000, size * other // plan.price_limit // 10_000 * 10_000)
        return replace(plan, qty=qty)

    return wrong


def _drop_late_fill(real: Any) -> Any:
    def wrong(state: Any, turn: Any, event: Any) -> None:
        found = attempts.find_attempt(state, event.fill.attempt_id, event.fill.order_id)
        if found is not None and found[1].state in (OrderState.ABSENT, OrderState.REJECTED):
            return
        real(state, turn, event)

    return wrong


def _nothing(real: Any) -> Any:
    return lambda *args, **kwargs: None


def _no_failure(real: Any) -> Any:
    return lambda *args, **kwargs: False


def _hasty_absence(real: Any) -> Any:
    def wrong(self: Any, ticket: Any) -> Evidence:
        found: Evidence = real(self, ticket)
        if found.kind is EvidenceKind.UNPROVEN:
            return replace(found, kind=EvidenceKind.ABSENT)
        return found

    return wrong


def _planned_unwind(real: Any) -> Any:
    def wrong(state: Any, package: Package, leg: int, size: int) -> Any:
        plan = real(state, package, leg, size)
        return replace(plan, qty=package.qty) if plan else None

    return wrong


def _new_id(real: Any) -> Any:
    def renamed(*args: Any, **kwargs: Any) -> Any:
        ticket = real(*args, **kwargs)
        if ticket.purpose is Purpose.HEDGE and ticket.attempt > 0:
            return replace(ticket, attempt_id=f"{ticket.attempt_id}-again")
        return ticket

    return renamed


def _same_id(real: Any) -> Any:
    def reused(state: Any, turn: Any, package: Package) -> None:
        attempt = package.attempts[package.current]  # type: ignore[index]
        used = [a for a in package.attempts.values() if a.state is not OrderState.PLANNED]
        if used and attempt.ticket is not None:
            attempt.ticket = replace(attempt.ticket, attempt_id=used[0].attempt_id)
        real(state, turn, package)

    return reused


def _send_uncommitted(real: Any) -> Any:
    def wrong(self: Any, package: Any, rows: Any) -> None:
        return None

    return wrong


def _no_lease(real: Any) -> Any:
    def wrong(self: Any, command: Any) -> None:
        kept, self.lease_until = self.lease_until, self.mono() + 60_000_000_000
        real(self, command)
        self.lease_until = max(kept, 0)

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


def _forget_halts(real: Any) -> Any:
    def wrong(self: Any, run_id: str, epoch: int) -> Any:
        return replace(real(self, run_id, epoch), halts=())

    return wrong


def _trust_rows(real: Any) -> Any:
    def wrong(state: Any, turn: Any, package: Package, *, every_slot: bool) -> int:
        return int(real(state, turn, package, every_slot=False))

    return wrong


def _unarmed(real: Any) -> Any:
    def wrong(state: Any, turn: Any, package: Package) -> None:
        package.timer_due_ns = 0

    return wrong


def _endless(real: Any) -> Any:
    return lambda *args, **kwargs: 1 << 50


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "M-01",
        "timeout = rejected",
        ("I-09", "I-17", "I-10", "I-11"),
        _swap(sim_venue.SimVenue, "_answer", _timeout_is_rejection),
    ),
    Mutant(
        "M-02", "hedge the planned size", ("I-10",), _swap(hedger, "_hedge_plan", _planned_hedge)
    ),
    Mutant("M-03", "hedge equal dollars", ("I-10",), _swap(hedger, "_hedge_plan", _equal_dollars)),
    Mutant("M-04", "round the hedge up", ("I-10",), _swap(hedger, "_hedge_plan", _rounded_up)),
    Mutant("M-05", "drop a late fill", ("I-14",), _swap(execution, "on_fill", _drop_late_fill)),
    Mutant(
        "M-06",
        "no REPAIR from an end",
        ("I-13", "I-10", "I-16", "I-17"),
        _swap(execution, "open_repair", _nothing),
    ),
    Mutant("M-09", "ignore FAILED", ("I-17",), _swap(accounting, "void_fill", _no_failure)),
    Mutant(
        "M-10",
        "absence at once",
        ("I-09", "I-10", "I-11"),
        _swap(sim_venue.SimVenue, "_evidence", _hasty_absence),
    ),
    Mutant(
        "M-12",
        "restart trusts the row",
        ("I-17",),
        _swap(attempts, "ask_evidence", _trust_rows),
    ),
    Mutant(
        "M-13", "unwind the planned size", ("I-11",), _swap(hedger, "_unwind_plan", _planned_unwind)
    ),
    Mutant(
        "M-16", "the budget never runs out", ("I-07",), _swap(hedger, "budget_left_ns", _endless)
    ),
    Mutant(
        "M-17",
        "forget the lease before a send",
        ("I-06",),
        _swap(sim_trader.SimTrader, "_submit", _no_lease),
    ),
    Mutant(
        "M-19",
        "send before commit",
        ("I-04",),
        _swap(sim_store.SimStore, "commit_envelope", _send_uncommitted),
    ),
    Mutant("M-20", "new id per retry", ("I-04",), _swap(attempts, "build_ticket", _new_id)),
    Mutant("M-21", "same id for two attempts", ("I-03",), _swap(attempts, "submit", _same_id)),
    Mutant(
        "M-33",
        "halts lost on restart",
        ("I-18",),
        _swap(sim_store.SimStore, "recovered", _forget_halts),
    ),
    Mutant("M-38", "timer not re-armed", ("I-15", "I-16"), _swap(deadlines, "rearm", _unarmed)),
    Mutant(
        "M-40",
        "reconcile adjusts to the venue",
        ("I-02", "I-17"),
        _swap(reconciler, "on_account", _adjusting),
    ),
)


@contextmanager
def in_force(mutant: Mutant) -> Iterator[None]:
    """Apply one mutant; the kernel's table of handlers is patched where it holds the function."""
    from shared.engine import kernel

    before = dict(kernel._HANDLERS)
    old = {module: dict(vars(module)) for module in (execution, reconciler)}
    with ExitStack() as stack:
        mutant.apply(stack)
        for module, names in old.items():
            for name, function in names.items():
                now = getattr(module, name)
                if now is not function:
                    for kind, handler in before.items():
                        if handler is function:
                            kernel._HANDLERS[kind] = now
        try:
            yield
        finally:
            kernel._HANDLERS.update(before)


def judge(mutant: Mutant, seeds: int, first: int = FIRST_SEED) -> Verdict:
    """Run seeds until the expected checker fires; say what saw the mutant, or that none did."""
    others: dict[str, int] = {}
    with in_force(mutant):
        for seed in range(first, first + seeds):
            try:
                seen = {v.checker for v in run_seed(seed).violations}
            except Exception as error:
                others.setdefault(type(error).__name__, seed)
                continue
            hit = tuple(sorted(seen & set(mutant.killers))) if mutant.killers else tuple(seen)
            if hit:
                return Verdict(mutant.name, mutant.what, "killed", hit, seed)
            for checker in seen:
                others.setdefault(checker, seed)
    checkers = tuple(name for name in others if name.startswith("I-"))
    if checkers:
        by = others[checkers[0]]
        return Verdict(mutant.name, mutant.what, "killed_by_other", checkers, by)
    if others:
        return Verdict(
            mutant.name, mutant.what, "crashed", tuple(others), next(iter(others.values()))
        )
    return Verdict(mutant.name, mutant.what, "survived", (), None)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--only", default="")
    asked = parser.parse_args(argv)
    verdicts = [judge(m, asked.seeds) for m in MUTANTS if m.name.startswith(asked.only)]
    for v in verdicts:
        print(f"{v.name}  {v.fate:<16} {v.what:<34} {' '.join(v.by)} {v.seed or ''}", flush=True)
    return 1 if any(v.fate in ("survived", "crashed") for v in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
