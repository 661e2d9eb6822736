"""The maker variant under the same swarm: orders that rest break no invariant either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.enums import TimeInForce
from shared.drivers import checkers_wire
from shared.drivers.sim_late import Late
from shared.drivers.simulate import make_world


@pytest.mark.parametrize(
    ("edition", "seeds"), [(3, range(10_000, 10_025)), (4, range(10_000, 10_120))]
)
def test_resting_orders_break_no_invariant(
    edition: int, seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, judge = Late.config, checkers_wire.WireChecker.judge
    rested = 0

    def with_maker(self: Late, base: Any) -> Any:
        return replace(real(self, base), flag_maker_taker=True)

    def counting(self: Any, trader: Any, approved: Any) -> None:
        nonlocal rested
        ticket = approved.value
        rested += ticket.is_opening and ticket.tif is TimeInForce.GTC
        judge(self, trader, approved)

    monkeypatch.setattr(Late, "config", with_maker)
    monkeypatch.setattr(checkers_wire.WireChecker, "judge", counting)
    found = {}
    for seed in seeds:
        sim = make_world(seed, edition)
        report = sim.run()
        if report.violations:
            found[seed] = report.violations
    assert found == {} and rested >= 5, (found, rested)
