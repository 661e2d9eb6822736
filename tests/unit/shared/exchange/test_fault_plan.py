"""Faults are data: mapped to kinds, switched, seeded, counted."""

from __future__ import annotations

import pytest

from shared.domain.errors import NotAvailableError
from shared.exchange.fault_plan import (
    INJECTION_OF,
    INJECTIONS,
    FaultKind,
    FaultSwitches,
    FaultWindow,
)


def test_every_injection_has_one_key_and_a_number_of_the_catalogue() -> None:
    assert len(INJECTION_OF) == len(INJECTIONS)
    assert all(i.number.startswith("F-") and len(i.number) == 5 for i in INJECTIONS)


def test_every_kind_is_used_by_some_injection() -> None:
    unused = set(FaultKind) - {injection.kind for injection in INJECTIONS}
    # Configuration mistakes are made by people, not injected into a venue.
    assert unused == {FaultKind.CONFIG_ERROR}


def test_a_window_fires_inside_its_time_only_and_counts() -> None:
    switches = FaultSwitches(seed=1)
    switches.switch_on(FaultWindow("k.ws.cut", 10, 20))
    assert not switches.fires("k.ws.cut", 9)
    assert switches.fires("k.ws.cut", 10)
    assert not switches.fires("k.ws.cut", 20)
    assert not switches.fires("p.ws.cut", 15)
    assert switches.fired == {FaultKind.DISCONNECT: 1}
    switches.switch_off("k.ws.cut")
    assert not switches.fires("k.ws.cut", 15)


def test_chances_are_seeded() -> None:
    def pattern(seed: int) -> list[bool]:
        switches = FaultSwitches(seed)
        switches.switch_on(FaultWindow("p.ws.cut", 0, 1_000, ppm=300_000))
        return [switches.fires("p.ws.cut", at) for at in range(1_000)]

    assert pattern(4) == pattern(4) != pattern(5)
    assert 230 < sum(pattern(4)) < 370


@pytest.mark.parametrize("key", ["k.ack_lost", "no.such.fault"])
def test_what_is_not_wired_is_refused_with_its_name(key: str) -> None:
    with pytest.raises(NotAvailableError, match=key):
        FaultSwitches().switch_on(FaultWindow(key, 0, 1))
