"""Faults are data: mapped to kinds, switched, seeded, counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.errors import NotAvailableError
from shared.exchange.fault_plan import (
    INJECTION_OF,
    INJECTIONS,
    WIRED,
    FaultKind,
    FaultSwitches,
    FaultWindow,
    Injection,
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


def test_a_window_ends_after_its_hits_and_strikes_only_whom_it_names() -> None:
    switches = FaultSwitches()
    switches.switch_on(FaultWindow("p.fail", 0, 100, only="one", most=2))
    assert not switches.fires("p.fail", 5, "two", "three")
    assert switches.fires("p.fail", 5, "two", "one") and switches.fires("p.fail", 6, "one")
    assert not switches.fires("p.fail", 7, "one") and switches.hits("p.fail") == 2
    switches.switch_on(FaultWindow("p.fail", 0, 100))
    assert switches.fires("p.fail", 8), "switching on again starts a new count"


def test_amount_and_form_come_from_the_table_unless_given() -> None:
    plain, other = FaultWindow("k.stp", 0, 1), FaultWindow("k.stp", 0, 1, amount=0, form="refused")
    assert (plain.size, plain.shape) == (50, "kept")
    assert (other.size, other.shape) == (0, "refused")


@pytest.mark.parametrize(
    ("key", "form", "why"),
    [
        ("pg.down", "", "F-077.*the trader's own process"),
        ("no.such.fault", "", "not in the catalogue"),
        ("k.stp", "sideways", "its forms are kept, refused"),
    ],
)
def test_what_no_venue_can_do_is_refused_in_a_sentence(key: str, form: str, why: str) -> None:
    switches = FaultSwitches()
    with pytest.raises(NotAvailableError, match=why):
        switches.switch_on(FaultWindow(key, 0, 1, form=form))
    assert not switches.is_on


def test_the_documentation_shows_this_very_table() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "simulators.md").read_text()
    table = text.split("## The keys", 1)[1]
    shown = [line for line in table.splitlines() if line.startswith("| `")]
    assert shown == [doc_row(row) for row in INJECTIONS]


def doc_row(row: Injection) -> str:
    server = {
        None: "all",
        "kalshi": "Kalshi",
        "polymarket": "Polymarket",
        "polymarket_us": "Polymarket US",
    }[row.venue.value if row.venue else None]
    amount = f"{row.amount} {row.unit}" if row.unit else ""
    if row.key not in WIRED:
        server = "not available"
    cells = (f"`{row.key}`", row.number, server, row.where.value, row.does, amount)
    return "| " + " | ".join((*cells, ", ".join(row.forms))) + " |"
