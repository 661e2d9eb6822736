"""Between the decision and the first byte: what changed meanwhile stops the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.config import Config
from shared.domain.enums import BookState, HaltReason, MarketStatus, Venue, Verdict
from shared.domain.order import LegTicket
from shared.domain.package_table import PackageState
from shared.domain.units import UsdMicros
from tests.support.kernel_desk import KALSHI, ONE, POLY, WALL, Desk, matched_pair

PS = PackageState


def planned(size: int = 100) -> Desk:
    """Return a desk whose package waits for its commit."""
    desk = Desk()
    desk.commits_ok = False
    desk.book(Venue.KALSHI, 54, 56, 4 * size)
    desk.book(Venue.POLYMARKET, 44, 46, size)
    assert desk.package.state is PS.PLANNED and desk.tickets() == []
    return desk


def committed(desk: Desk) -> list[LegTicket]:
    """Let the commit succeed; return the orders that left."""
    desk.pass_time(5)
    desk.give(ev.EnvelopeCommitted(desk.package.package_id))
    return desk.tickets()


def test_nothing_changed_and_the_order_leaves() -> None:
    desk = planned()
    assert len(committed(desk)) == 1 and desk.package.state is PS.JOURNALLED


def _halt(desk: Desk) -> None:
    halt = ev.Halt("venue:kalshi", HaltReason.OPERATOR, "me", WALL)
    desk.kernel.state.halts[("venue:kalshi", "operator")] = halt


CHANGES: dict[str, Callable[[Desk], object]] = {
    "config": lambda d: d.give(ev.ConfigChanged(Config(version=2))),
    "rules": lambda d: d.give(ev.InstrumentChanged(replace(d.a, rules_hash="edited"))),
    "fees": lambda d: d.give(
        ev.InstrumentChanged(replace(d.b, fees=replace(d.b.fees, rate_ppm=50_000)))
    ),
    "gapped": lambda d: d.give(ev.BookMarked(KALSHI, BookState.GAPPED, "a frame was lost")),
    "stale": lambda d: setattr(d.kernel.state.books[POLY], "proved_mono_ns", -1),
    "review": lambda d: d.give(
        ev.PairsChanged((matched_pair(verdict=Verdict.REVIEW),), (d.a, d.b))
    ),
    "unwatched": lambda d: d.give(ev.PairsChanged((), ())),
    "paused": lambda d: d.kernel.state.instruments.update(
        {KALSHI: replace(d.a, status=MarketStatus.PAUSED)}
    ),
    "halted": _halt,
    "lease": lambda d: setattr(d.kernel.state, "lease_until_ns", d.mono + 19 * 10**9),
    "journal": lambda d: d.give(ev.JournalHealth(False)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_f091_a_change_before_the_first_byte_ends_the_package(what: str) -> None:
    desk = planned()
    CHANGES[what](desk)
    assert committed(desk) == []
    assert desk.package.state is PS.ABORTED and desk.package.void_reason


@pytest.mark.parametrize(
    "limits",
    [
        {"per_contract_exposure_usd_micros": 5 * ONE},
        {"capital_per_venue_usd_micros": 5 * ONE},
        {"category_cap_ppm": 100},
        {"source_cap_ppm": 100},
        {"provisional_max_usd_micros": ONE},
        {"lock_days_max": 0},
        {"stop_day_ppm": 1},
        {"pairs_max": 0},
    ],
)
def test_f091_tighter_limits_bind_an_opening_in_the_next_step(limits: dict[str, int]) -> None:
    """The very same version number, so that only the limit itself can refuse it."""
    desk = planned()
    desk.pass_time(1, seconds=True)
    desk.give(ev.ConfigChanged(replace(Config(), **limits)))
    assert committed(desk) == []
    assert desk.package.state is PS.ABORTED


def test_f091_a_package_under_way_keeps_its_envelope_and_is_hedged() -> None:
    """Limits far below what is open bind nobody who must finish; no bound is loosened."""
    desk = planned()
    (first,) = committed(desk)
    worst = desk.package.legs[1 - first.leg].price_worst
    desk.sending(first)
    desk.give(ev.ConfigChanged(Config(version=9, pairs_max=1, capital_per_venue_usd_micros=ONE)))
    desk.answer(first)
    hedge = desk.tickets()[-1]
    assert hedge is not first and hedge.qty == first.qty and hedge.price_limit <= worst
    assert dict(desk.package.versions)["config"] == "1"


def test_f062_the_same_dollars_are_never_reserved_twice() -> None:
    """Cash for one package: a second one that counts on it is refused, by venue and shard."""
    for shards in ((), ((0, UsdMicros(60 * ONE)),)):
        desk = planned()
        need = desk.package.cost_worst_usd
        for index, leg in enumerate(desk.package.legs):
            cash = UsdMicros(need[index] + ONE)
            rows = shards if leg.venue is Venue.KALSHI else ()
            snapshot = ev.AccountSnapshot(leg.venue, cash, rows, (), WALL + desk.mono)
            desk.kernel.state.venue(leg.venue).account = snapshot
        if not shards:
            assert len(committed(desk)) == 1
            continue
        # The shard's own row must cover the leg, whatever the venue holds elsewhere.
        short = 0 if desk.package.legs[0].venue is Venue.KALSHI else 1
        assert (need[short] <= 60 * ONE) is (len(committed(desk)) == 1)


def test_f062_provisional_sale_proceeds_are_no_collateral() -> None:
    desk = planned()
    (first,) = committed(desk)
    desk.sending(first)
    desk.answer(first, final=False)
    from shared.engine import exposure

    fill = next(iter(desk.package.attempts[first.attempt_id].fills.values()))
    before = exposure.provisional_proceeds_usd(desk.kernel.state, fill.venue)
    sale = replace(fill, side=type(fill.side)("sell"), trade_id="s")
    desk.package.attempts[first.attempt_id].fills["s"] = sale
    after = exposure.provisional_proceeds_usd(desk.kernel.state, fill.venue)
    assert (before, after) == (0, sale.cash_usd)


def test_an_abort_at_the_last_gate_is_no_miss() -> None:
    desk = planned()
    desk.give(ev.ConfigChanged(Config(version=2)))
    committed(desk)
    assert not desk.kernel.state.pairs[desk.pair.pair_id].misses_ns
    assert not any(isinstance(c, cm.SubmitLeg) for c in desk.log)


def test_i08_an_unknown_buy_counts_full_and_its_cash_is_reserved() -> None:
    """Nothing is known of leg 1: every limit and the free cash count it at its worst."""
    from shared.domain.enums import GateCode
    from shared.engine import envelope_limits, exposure
    from shared.engine.state import Turn

    desk = planned()
    (first,) = committed(desk)
    desk.sending(first)
    desk.pass_time(260)
    package, state = desk.package, desk.kernel.state
    assert package.state is PS.LEG1_UNKNOWN
    turn = Turn(ev.Stamp(desk.seq + 1, desk.mono, WALL + desk.mono))
    total = exposure.usage(state, turn)
    for leg, worst in zip(package.legs, package.cost_worst_usd, strict=True):
        assert worst > 0
        assert total.by_market[leg.market_id] == total.by_venue[leg.venue] == worst
        assert total.reserved[leg.venue] == worst
        assert exposure.cash_free_usd(state, total, leg.venue) == 5_000 * ONE - worst
    most = max(package.cost_worst_usd)
    tight = {"capital_per_venue_usd_micros": most * 3 // 2}
    wide = {"per_contract_exposure_usd_micros": 2_500 * ONE}
    desk.give(ev.ConfigChanged(replace(Config(), **tight, **wide)))
    broken = envelope_limits.over_limits(state, package, total)
    assert broken is not None and broken[0] is GateCode.VENUE_LIMIT
