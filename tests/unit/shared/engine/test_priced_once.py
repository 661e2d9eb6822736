"""A quote is kept while nothing that it depends on has changed, and never a moment longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain import events as ev
from shared.domain.config import Config
from shared.domain.enums import BookSide, Polarity, Venue
from shared.domain.instrument import FeeSchedule
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros
from shared.engine import candidates
from shared.engine.state import PairView, Turn
from tests.support.kernel_desk import CENT, KALSHI, ONE, PAIR, WALL, Desk

DAY_NS = 86_400 * NS_PER_S


def _level(desk: Desk) -> None:
    change = ev.LevelChanged(BookSide.BID, PriceMicros(53 * CENT), QtyMicros(7 * ONE))
    desk.give(ev.BookChanged(KALSHI, (change,), WALL + desk.mono))


def _fees(desk: Desk) -> None:
    fees = replace(desk.a.fees, rate_ppm=desk.a.fees.rate_ppm // 2)
    desk.give(ev.InstrumentChanged(replace(desk.a, fees=fees)))


def _waiver(desk: Desk) -> None:
    fees: FeeSchedule = replace(desk.a.fees, waived_until_ns=WALL + DAY_NS)
    desk.give(ev.InstrumentChanged(replace(desk.a, fees=fees)))


CHANGES: dict[str, Callable[[Desk], object]] = {
    "a whole book": lambda d: d.book(Venue.KALSHI, 51, 53, 40),
    "one level": _level,
    "fees": _fees,
    "a waiver": _waiver,
    "the threshold": lambda d: d.give(ev.ConfigChanged(Config(min_net_edge_micros=1))),
    "the reach": lambda d: d.give(ev.ConfigChanged(Config(price_cap_ticks=0))),
    "carry": lambda d: d.give(ev.ConfigChanged(Config(capital_rate_ppm=400_000))),
    "polarity": lambda d: d.give(
        ev.PairsChanged((replace(d.pair, polarity=Polarity.INVERSE),), (d.a, d.b))
    ),
    "a day": lambda d: d.pass_time(86_400_000, seconds=True),
    "the end of a waiver": lambda d: (_waiver(d), d.pass_time(86_500_000, seconds=True)),
}


def _fresh(desk: Desk) -> tuple[object, object]:
    """Return what is kept after a look, and what a pair never priced before gets."""
    view = desk.kernel.state.pairs[PAIR]
    turn = Turn(ev.Stamp(desk.seq + 1, desk.mono, WALL + desk.mono))
    kept = candidates.find(desk.kernel.state, turn, view)
    return kept, candidates.find(desk.kernel.state, turn, PairView(view.pair, lead=view.lead))


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_the_quote_is_reckoned_anew(what: str) -> None:
    desk = Desk(config=Config(flag_trade=False))
    desk.book(Venue.KALSHI, 52, 54)
    desk.book(Venue.POLYMARKET, 44, 46)
    before, same = _fresh(desk)
    assert before == same and before is not None
    CHANGES[what](desk)
    kept, fresh = _fresh(desk)
    assert kept == fresh
    assert what == "the reach" or kept != before


def test_an_unchanged_pair_is_not_priced_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(config=Config(flag_trade=False))
    desk.book(Venue.KALSHI, 52, 54)
    desk.book(Venue.POLYMARKET, 44, 46)
    desk.pass_time(1_000, seconds=True)
    monkeypatch.setattr(candidates, "_best_quote", lambda *_: pytest.fail("priced again"))
    desk.pass_time(1_000, seconds=True)
    assert desk.kernel.state.pairs[PAIR].best_micros is not None
