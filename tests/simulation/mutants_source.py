"""Deliberate bugs in adapters and in the trader process, each with the tests that must fail.

A mutant is a module whose text is altered while it is imported, in an interpreter of its
own; its killers are named tests, and only a failed assertion counts, never a crash.
``python -m tests.simulation.mutants_source M-17`` runs one and prints its verdict.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
_ASSERTED: Final = ("AssertionError", "assert ", "Failed: ")


@dataclass(frozen=True, slots=True)
class SourceMutant:
    name: str
    what: str
    module: str
    old: str
    new: str
    killers: tuple[str, ...]
    """Arguments for pytest: the tests that must see it."""


_UNIT: Final = "tests/unit/shared/adapters/venues"
SOURCE_MUTANTS: Final = (
    SourceMutant(
        "M-12",
        "restart trusts the row",
        "shared.engine.attempts",
        "    if every_slot and package.slots_pending is None:\n",
        "    every_slot = False\n    if every_slot and package.slots_pending is None:\n",
        ("tests/unit/shared/engine/test_recovering.py", "-k", "m12"),
    ),
    SourceMutant(
        "M-17",
        "forget the lease before a send",
        "trader_task.gate",
        "        if left < needed:\n",
        "        if left < needed - (1 << 62):\n",
        ("tests/unit/trader_task/test_order_path.py", "-k", "i06"),
    ),
    SourceMutant(
        "M-18",
        "lease by wall clock",
        "trader_task.lease",
        "        self._permission.lease_until_mono_ns = begun_mono_ns + LEASE_NS\n",
        "        self._permission.lease_until_mono_ns = (\n"
        "            begun_mono_ns + LEASE_NS + self._clock.wall_ns() % (1 << 33)\n        )\n",
        ("tests/unit/trader_task/test_lease.py", "-k", "f067 or f086"),
    ),
    SourceMutant(
        "M-22",
        "409 already-exists = rejected",
        "shared.adapters.venues.kalshi.errors",
        '    _row((401,), "*", "unauthorised", _FACTS),\n',
        '    _row((401,), "*", "unauthorised", _FACTS),\n'
        '    _row((409,), "order_already_exists", "duplicate", _FACTS),\n',
        (f"{_UNIT}/kalshi/test_execution.py", "-k", "m22"),
    ),
    SourceMutant(
        "M-22p",
        "Duplicated = rejected",
        "shared.adapters.venues.polymarket.errors",
        '    _refusal("invalid_expiration", r"invalid expiration", _DOCS),\n',
        '    _refusal("invalid_expiration", r"invalid expiration", _DOCS),\n'
        '    _refusal("duplicate", r"order .{1,120} is invalid\\. Duplicated", _DOCS),\n',
        (f"{_UNIT}/polymarket/test_answers.py", "-k", "f034"),
    ),
    SourceMutant(
        "M-23",
        "acks skipped in the Kalshi sequence",
        "shared.adapters.venues.kalshi.stream",
        "        order, count = self._subs.check(frame)\n",
        '        if frame.type in ("ok", "unsubscribed"):\n            return True\n'
        "        order, count = self._subs.check(frame)\n",
        (f"{_UNIT}/kalshi/test_stream.py", "-k", "f002 or f001"),
    ),
    SourceMutant(
        "M-24",
        "book hash not checked",
        "shared.adapters.venues.polymarket.book_keeper",
        "        if book.digest() == claimed:\n",
        "        if claimed is not None:\n",
        (f"{_UNIT}/polymarket/test_stream.py", "-k", "f006"),
    ),
    SourceMutant(
        "M-27",
        "NO as a bid at its own price",
        "shared.adapters.venues.kalshi.order_codec",
        "    is_bid = (ticket.side is Side.BUY) is is_yes\n",
        "    is_bid = ticket.side is Side.BUY\n    yes_price = ticket.price_limit\n",
        (f"{_UNIT}/kalshi/test_order_codec.py", "-k", "wire_knows or decoded"),
    ),
    SourceMutant(
        "M-28",
        "unknown buys not reserved",
        "shared.engine.exposure",
        "    if package.is_naked:\n        return package.cost_worst_usd\n",
        "    if package.is_naked:\n        return _paid(package, 0), _paid(package, 1)\n",
        ("tests/unit/shared/engine/test_last_gate.py", "-k", "i08"),
    ),
    SourceMutant(
        "M-34",
        "a full queue drops an order event",
        "trader_task.ingress",
        "        if len(self._queue) >= self._capacity and self._collapse(body):\n",
        "        if len(self._queue) >= self._capacity and (self._collapse(body) or True):\n",
        ("tests/property/test_ingress_collapse.py", "-k", "collapse_keeps"),
    ),
    SourceMutant(
        "M-36",
        "a partial page is taken for the whole",
        "shared.adapters.venues.kalshi.rest",
        "            page = await self.get(path, kind, params, background=background)\n",
        "            try:\n"
        "                page = await self.get(path, kind, params, background=background)\n"
        "            except StoreError:\n                return\n",
        (f"{_UNIT}/kalshi/test_rest.py", "-k", "f065"),
    ),
    SourceMutant(
        "M-42",
        "hold ignored in T_ack",
        "shared.engine.deadlines",
        "    return state.instruments[ticket.market_id].taker_delay_ns if ticket else 0\n",
        "    return 0\n",
        ("tests/unit/shared/engine/test_holds.py", "-k", "f040"),
    ),
    SourceMutant(
        "M-41",
        "an exception in a task is swallowed",
        "trader_task.tasks",
        "                trace = traceback.format_exc()\n",
        '                trace = ""\n',
        ("tests/unit/trader_task/test_tasks.py", "-k", "third_failure"),
    ),
)


class _Loader(importlib.abc.SourceLoader):
    """Loads one module from its file with a piece of its text replaced."""

    def __init__(self, path: str, mutant: SourceMutant) -> None:
        self._path, self._mutant = path, mutant

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str) -> bytes:
        text = Path(self._path).read_text()
        assert text.count(self._mutant.old) == 1, f"{self._mutant.name}: its text has moved"
        return text.replace(self._mutant.old, self._mutant.new).encode()


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: SourceMutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        file = ROOT.joinpath(*fullname.split(".")).with_suffix(".py")
        return importlib.util.spec_from_loader(fullname, _Loader(str(file), self._mutant))


class _Fates:
    """Collects how the killers ended: red by an assertion, red by something else, green."""

    def __init__(self) -> None:
        self.asserted: list[str] = []
        self.crashed: list[str] = []
        self.passed = 0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.crashed.append(f"collecting {report.nodeid}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed:
            self.passed += report.when == "call"
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message if crash is not None else str(report.longrepr)
        name = report.nodeid.rpartition("::")[2]
        # Several distinct falsifying examples come as one group; its text holds them all.
        is_group = message.startswith("ExceptionGroup") and "AssertionError" in str(report.longrepr)
        found = message.startswith(_ASSERTED) or is_group
        (self.asserted if found else self.crashed).append(name)


def run_here(mutant: SourceMutant) -> dict[str, object]:
    """Run the killers in this interpreter, the mutant in force; used by ``main`` alone."""
    assert mutant.module not in sys.modules, f"{mutant.module} is imported already"
    sys.meta_path.insert(0, _Finder(mutant))
    fates = _Fates()
    options = ["-q", "-p", "no:cacheprovider", "--no-header", "-x", "--tb=short"]
    pytest.main([*options, *mutant.killers], plugins=[fates])
    return {"asserted": fates.asserted, "crashed": fates.crashed, "passed": fates.passed}


def run_apart(mutant: SourceMutant) -> dict[str, list[str]]:
    """Run one mutant in an interpreter of its own and return how its killers ended."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutants_source", mutant.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"asserted"')]
    assert lines, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, list[str]] = json.loads(lines[-1])
    return found


def main(argv: list[str]) -> int:
    (mutant,) = (m for m in SOURCE_MUTANTS if m.name == argv[0])
    print("\n" + json.dumps(run_here(mutant)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
