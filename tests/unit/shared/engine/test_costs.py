"""Fee schedules that change under us: said at once, judged at once, and on record by hash."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.config import Config
from shared.domain.enums import FeeType, GateCode, Venue
from shared.domain.frictions import FrictionPack
from shared.domain.instrument import FeeSchedule
from shared.domain.package_table import PackageState
from shared.domain.units import NS_PER_S
from tests.support.kernel_desk import KALSHI, POLY, Desk, matched_pair


def rows(commands: list[cm.Command], table: str) -> list[dict[str, Any]]:
    return [
        dict(row)
        for command in commands
        if isinstance(command, cm.WriteRows) and command.table == table
        for row in command.rows
    ]


def dearer(desk: Desk) -> FeeSchedule:
    return replace(desk.a.fees, multiplier_ppm=3_000_000)


def with_fees(desk: Desk, fees: FeeSchedule) -> ev.InstrumentChanged:
    return ev.InstrumentChanged(replace(desk.a, fees=fees))


def shown_edge(desk: Desk) -> int:
    """A desk with a displayed edge of a few cents, below what is traded."""
    desk.book(Venue.KALSHI, 52, 54)
    desk.book(Venue.POLYMARKET, 46, 48)
    desk.pass_time(1_000, seconds=True)
    (view,) = desk.kernel.state.pairs.values()
    assert view.best_micros is not None and view.display is not None
    return view.best_micros


def test_a_changed_fee_is_reported_with_both_versions_and_prices_anew_in_the_same_step() -> None:
    desk = Desk()
    before = shown_edge(desk)
    out = desk.give(with_fees(desk, dearer(desk)))
    (said,) = [c for c in out if isinstance(c, cm.RecordDecision) and c.kind == "fees"]
    assert said.verdict == "changed" and said.severity == "p2" and said.subject == KALSHI
    assert said.params["before_hash"] == desk.a.fees.version_hash
    assert said.params["after_hash"] == dearer(desk).version_hash
    (view,) = desk.kernel.state.pairs.values()
    assert view.best_micros is not None and view.best_micros < before - 10_000
    assert not [
        c for c in desk.give(with_fees(desk, dearer(desk))) if isinstance(c, cm.RecordDecision)
    ]


def test_the_same_change_in_a_new_pair_set_is_reported_as_well() -> None:
    desk = Desk()
    before = shown_edge(desk)
    moved = replace(desk.a, fees=dearer(desk))
    out = desk.give(ev.PairsChanged((matched_pair(),), (moved, desk.b)))
    assert [c.kind for c in out if isinstance(c, cm.RecordDecision)] == ["fees"]
    (view,) = desk.kernel.state.pairs.values()
    assert view.best_micros is not None and view.best_micros < before - 10_000


def test_fees_that_become_unknown_take_the_edge_off_the_screen_at_once() -> None:
    desk = Desk()
    shown_edge(desk)
    desk.give(with_fees(desk, FeeSchedule(FeeType.KALSHI_FLAT, source="event X")))
    (view,) = desk.kernel.state.pairs.values()
    assert view.best_micros is None and view.display is None
    assert GateCode.FEES_UNKNOWN in [code for code, _ in view.gates]


def test_a_waiver_that_ends_is_a_change_although_the_formula_is_the_same() -> None:
    desk = Desk()
    waived = replace(desk.a.fees, waived_until_ns=desk.kernel.state.wall_ns + 3_600 * NS_PER_S)
    assert waived.version_hash == desk.a.fees.version_hash
    (said,) = [
        c
        for c in desk.give(with_fees(desk, waived))
        if isinstance(c, cm.RecordDecision) and c.kind == "fees"
    ]
    assert said.params["waived_until_ns"] == str(waived.waived_until_ns)


def test_a_schedule_past_its_limit_opens_nothing_until_it_was_read_again() -> None:
    desk = Desk()
    old = replace(desk.a.fees, as_of_ns=desk.kernel.state.wall_ns - 25 * 3_600 * NS_PER_S)
    desk.give(with_fees(desk, old))
    desk.book(Venue.KALSHI, 54, 56)
    desk.book(Venue.POLYMARKET, 44, 46)
    (view,) = desk.kernel.state.pairs.values()
    assert not desk.tickets() and GateCode.FEES_EXPIRED in [code for code, _ in view.gates]
    read_again = replace(old, as_of_ns=desk.kernel.state.wall_ns)
    desk.give(with_fees(desk, read_again))
    desk.book(Venue.KALSHI, 54, 56, 101)
    assert len(desk.tickets()) == 1


def test_both_hashes_are_on_edge_package_and_fill_and_can_be_read_as_formulas() -> None:
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.fill(first)
    desk.answer(first)
    desk.pass_time(11_000, seconds=True)
    out = desk.all_log
    friction = FrictionPack.from_config(desk.kernel.state.config).version_hash
    fees = {KALSHI: desk.a.fees.version_hash, POLY: desk.b.fees.version_hash}
    both = f"{fees[desk.a.market_id]}|{fees[desk.b.market_id]}"
    versions = dict(desk.package.versions)
    assert desk.package.state is not PackageState.PLANNED
    assert (versions["fees"], versions["frictions"]) == (both, friction)
    fills = rows(out, "fills")
    assert fills
    for row in fills:
        assert row["fee_rev_hash"] == fees[row["market_id"]] and row["friction_hash"] == friction
    edges = rows(out, "edges")
    assert edges
    for row in edges:
        assert (row["fee_rev_hash"], row["friction_hash"]) == (both, friction)
    kept = {row["hash"]: row for row in rows(out, "cost_versions")}
    assert set(kept) == {*fees.values(), friction} and len(rows(out, "cost_versions")) == 3
    assert kept[fees[KALSHI]]["version"] == desk.a.fees.version
    assert kept[friction]["kind"] == "friction"


def test_the_configured_number_of_fills_bounds_the_fee_of_what_is_shown_and_opened() -> None:
    fees = []
    for fills_max in (1, 256):
        desk = Desk(config=Config(fills_max=fills_max))
        desk.open_edge()
        (view,) = desk.kernel.state.pairs.values()
        assert view.priced is not None and view.priced[1], "it clears"
        fees.append(view.priced[0].fee_a_usd)
    assert fees[0] < fees[1] <= fees[0] + 255 + 100, "at most a micro-dollar a fill, aligned"
