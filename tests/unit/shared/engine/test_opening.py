"""When a package opens, and every reason why it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.config import Config
from shared.domain.enums import (
    BookState,
    FeeType,
    GateCode,
    HaltReason,
    Liquidity,
    MarketStatus,
    Outcome,
    Polarity,
    Purpose,
    Side,
    TimeInForce,
    Venue,
    Verdict,
)
from shared.domain.instrument import FeeSchedule, PriceRange
from shared.domain.package_table import PackageState
from shared.domain.pairing import Terms
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros
from tests.support.kernel_desk import CENT, KALSHI, ONE, POLY, WALL, Desk, instrument, matched_pair


def test_an_edge_above_the_minimum_yields_one_committed_opening_order() -> None:
    desk = Desk()
    ticket = desk.open_edge()
    kinds = [type(c) for c in desk.log if isinstance(c, cm.CommitEnvelope | cm.SubmitLeg)]
    assert kinds == [cm.CommitEnvelope, cm.SubmitLeg]
    assert ticket.is_opening and ticket.purpose is Purpose.OPEN and ticket.side is Side.BUY
    assert desk.package.entry_edge_micros >= 25_000
    assert len(desk.package.attempts) == 13


def test_the_two_legs_buy_both_sides_of_the_question() -> None:
    desk = Desk()
    desk.open_edge()
    legs = {leg.market_id: leg.outcome for leg in desk.package.legs}
    assert legs == {KALSHI: Outcome.NO, POLY: Outcome.YES}


def test_an_inverse_pair_buys_the_same_outcome_twice() -> None:
    desk = Desk(pair=matched_pair(polarity=Polarity.INVERSE))
    desk.book(Venue.KALSHI, 44, 46)
    desk.book(Venue.POLYMARKET, 44, 46)
    legs = {leg.market_id: leg.outcome for leg in desk.package.legs}
    assert legs == {KALSHI: Outcome.YES, POLY: Outcome.YES}


def test_identical_prices_never_open() -> None:
    for bid in range(5, 94, 7):
        desk = Desk()
        desk.book(Venue.KALSHI, bid, bid + 1)
        desk.book(Venue.POLYMARKET, bid, bid + 1)
        assert desk.packages == [] and desk.tickets() == []


def test_an_edge_below_the_minimum_says_so_with_its_number() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 50, 51)
    desk.book(Venue.POLYMARKET, 46, 47)
    desk.pass_time(10, seconds=True)
    assert desk.gates()[0] in ("EDGE_BELOW_MIN", "EDGE_NEGATIVE")
    params = desk.kernel.state.pairs[desk.pair.pair_id].gates[0][1]
    assert int(params["net_micros"]) < 25_000 == int(params["min_micros"])
    assert desk.tickets() == []


def test_polymarket_first_goes_as_a_budget_in_whole_cents() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 60)
    ticket = desk.tickets()[-1]
    assert ticket.venue is Venue.POLYMARKET and ticket.tif is TimeInForce.IOC
    assert ticket.budget_usd is not None and ticket.budget_usd % CENT == 0
    assert ticket.qty_max >= ticket.qty and ticket.budget_usd <= 250 * ONE


def test_kalshi_first_is_fill_or_kill_because_partials_could_not_be_hedged() -> None:
    desk = Desk()
    desk.book(Venue.POLYMARKET, 44, 46, 400)
    desk.book(Venue.KALSHI, 54, 56, 60)
    ticket = desk.tickets()[-1]
    assert ticket.venue is Venue.KALSHI and ticket.tif is TimeInForce.FOK


def test_f104_the_first_package_of_an_unproven_pair_is_the_smallest_one() -> None:
    desk = Desk(pair=matched_pair(is_proven=False))
    ticket = desk.open_edge(size=1_000)
    assert desk.package.is_probe
    assert ticket.qty * ticket.price_limit // ONE <= 5 * ONE


def test_f097_an_edge_too_good_to_be_true_is_probed_only() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 60, 62, 1_000)
    desk.book(Venue.POLYMARKET, 40, 42, 1_000)
    assert desk.package.is_probe
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    desk.pass_time(11_000)
    desk.renew()
    for venue in (Venue.KALSHI, Venue.POLYMARKET):
        desk.feed(venue)
    desk.book(Venue.KALSHI, 60, 62, 1_000)
    desk.book(Venue.POLYMARKET, 40, 42, 1_000)
    assert len(desk.packages) == 1 and "PAIR_IN_REVIEW" in desk.gates()


def test_i08_cost_a_contract_a_venue_stays_under_250_dollars_at_its_worst() -> None:
    desk = Desk()
    desk.open_edge(size=100_000)
    assert max(desk.package.cost_worst_usd) <= 250 * ONE


def _halted(desk: Desk, scope: str) -> None:
    halt = ev.Halt(scope, HaltReason.OPERATOR, "me", WALL)
    desk.give(ev.HaltTaken(halt))


GATES = [
    ("HALTED_GLOBAL", lambda d: _halted(d, "global")),
    ("HALTED_VENUE", lambda d: _halted(d, "venue:kalshi")),
    ("HALTED_SCOPE", lambda d: _halted(d, "category:economics")),
    ("MONITOR_ONLY", lambda d: d.give(ev.ConfigChanged(Config(flag_trade=False)))),
    ("LEASE_NOT_HELD", lambda d: d.give(ev.LeaseSeen(1, d.mono + 19 * NS_PER_S))),
    ("JOURNAL_DOWN", lambda d: d.give(ev.JournalHealth(False))),
    ("VENUE_DOWN", lambda d: d.feed(Venue.POLYMARKET, up=False)),
    ("BOOK_GAPPED", lambda d: d.give(ev.BookMarked(KALSHI, BookState.GAPPED, "gap"))),
    ("BOOK_FROZEN", lambda d: d.give(ev.BookMarked(POLY, BookState.FROZEN, "flip"))),
    ("MARKET_PAUSED", lambda d: d.give(ev.MarketStatusChanged(KALSHI, MarketStatus.PAUSED))),
    ("MARKET_CLOSED", lambda d: d.give(ev.MarketResolved(POLY, PriceMicros(ONE)))),
    (
        "MARKET_CLOSING",
        lambda d: d.give(ev.InstrumentChanged(replace(d.a, close_ns=WALL + 100 * NS_PER_S))),
    ),
    (
        "MARKET_CLOSING",
        lambda d: d.give(ev.InstrumentChanged(replace(d.a, close_ns=0))),
    ),
    (
        "FEES_UNKNOWN",
        lambda d: d.give(ev.InstrumentChanged(replace(d.b, fees=FeeSchedule(FeeType.UNKNOWN)))),
    ),
    (
        "TAKER_DELAY",
        lambda d: d.give(ev.InstrumentChanged(replace(d.b, taker_delay_ns=3 * NS_PER_S))),
    ),
    (
        "PAIR_RULES_CHANGED",
        lambda d: d.give(ev.InstrumentChanged(replace(d.a, rules_hash="edited"))),
    ),
    (
        "PAIR_IN_REVIEW",
        lambda d: d.give(ev.PairsChanged((replace(d.pair, verdict=Verdict.REVIEW),), (d.a, d.b))),
    ),
    (
        "PAIR_BLOCKED",
        lambda d: d.give(ev.PairsChanged((replace(d.pair, verdict=Verdict.BLOCKED),), (d.a, d.b))),
    ),
]


CHANGES = {
    "rules text": {"rules_hash": "edited"},
    "settlement source": {"settlement_source": "somebody else"},
    "close time": {"close_ns": WALL + 90_000 * NS_PER_S},
    "price grid": {"grid": (PriceRange(PriceMicros(0), PriceMicros(ONE), 1_000),)},
    "fee scope": {"fees": FeeSchedule(FeeType.KALSHI_QUADRATIC, 70_000, 17_500, scope="event:E")},
}


@pytest.mark.parametrize("what", CHANGES)
def test_f100_any_changed_term_stops_the_pair_and_is_named(what: str) -> None:
    desk = Desk()
    terms = replace(desk.pair, terms_a=Terms.of(desk.a), terms_b=Terms.of(desk.b))
    desk.give(ev.PairsChanged((terms,), (desk.a, desk.b)))
    desk.give(ev.InstrumentChanged(replace(desk.a, **CHANGES[what])))  # type: ignore[arg-type]
    desk.book(Venue.KALSHI, 54, 56)
    desk.book(Venue.POLYMARKET, 44, 46)
    desk.give(ev.SecondTicked())
    assert desk.tickets() == []
    gates = dict(desk.kernel.state.pairs[desk.pair.pair_id].gates)
    assert gates[GateCode.PAIR_RULES_CHANGED]["what"] == what
    now = desk.kernel.state.instruments[KALSHI]
    again = replace(terms, rules_hash_a=now.rules_hash, terms_a=Terms.of(now))
    desk.give(ev.PairsChanged((again,), (now, desk.b)))
    desk.give(ev.SecondTicked())
    assert "PAIR_RULES_CHANGED" not in desk.gates()


def test_f102_a_diverged_series_is_charged_and_then_blocks() -> None:
    sizes = []
    for charge in (0, 9_000, 30_000):
        desk = Desk(pair=matched_pair(divergence_ppm=charge))
        desk.book(Venue.KALSHI, 54, 56, 400)
        desk.book(Venue.POLYMARKET, 44, 46, 400)
        sizes.append(desk.tickets()[-1].qty if desk.tickets() else 0)
    assert min(sizes[:2]) > sizes[2] == 0
    desk.give(ev.SecondTicked())
    net = desk.kernel.state.pairs[desk.pair.pair_id].best_micros
    assert net is not None and net >= 25_000, "the edge itself would do"
    assert desk.gates() == ["PAIR_DIVERGENCE"]
    params = dict(desk.kernel.state.pairs[desk.pair.pair_id].gates)[GateCode.PAIR_DIVERGENCE]
    assert params["charge_micros"] == "30000" and params["series"] == "KXS"


@pytest.mark.parametrize(("code", "cause"), GATES, ids=[code for code, _ in GATES])
def test_every_standing_gate_stops_an_edge_and_names_itself(code, cause) -> None:  # type: ignore[no-untyped-def]
    desk = Desk()
    cause(desk)
    a, b = desk.kernel.state.instruments[KALSHI], desk.kernel.state.instruments[POLY]
    assert a is not None and b is not None
    if not code.startswith("BOOK"):
        desk.book(Venue.KALSHI, 54, 56)
        desk.book(Venue.POLYMARKET, 44, 46)
    else:
        desk.book(Venue.KALSHI if "GAPPED" not in code else Venue.POLYMARKET, 44, 46)
    desk.give(ev.SecondTicked())
    assert desk.tickets() == []
    assert code in desk.gates()


def test_i12_an_edge_on_a_book_older_than_two_seconds_asks_for_proof_first() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56)
    desk.pass_time(2_500)
    desk.renew()
    for venue in (Venue.KALSHI, Venue.POLYMARKET):
        desk.feed(venue)
    desk.book(Venue.POLYMARKET, 44, 46)
    assert desk.tickets() == []
    asked = desk.asked(cm.RequestSnapshot)
    assert [c.market_id for c in asked] == [KALSHI]  # type: ignore[attr-defined]
    desk.give(ev.BookProved(KALSHI))
    assert len(desk.tickets()) == 1


def test_f009_a_crossed_book_is_gapped_and_never_trades() -> None:
    desk = Desk()
    desk.book(Venue.POLYMARKET, 44, 46)
    bids = ((PriceMicros(60 * CENT), QtyMicros(ONE)),)
    asks = ((PriceMicros(55 * CENT), QtyMicros(ONE)),)
    desk.give(ev.BookReplaced(KALSHI, bids, asks, WALL))
    assert desk.kernel.state.books[KALSHI].state is BookState.GAPPED
    assert desk.tickets() == []


@pytest.mark.parametrize(
    ("price", "qty"), [(0, ONE), (ONE, ONE), (-CENT, ONE), (50 * CENT, 0), (50 * CENT, -1)]
)
def test_f007_placeholders_and_nonsense_never_enter_a_book(price: int, qty: int) -> None:
    desk = Desk()
    level = ((PriceMicros(price), QtyMicros(qty)),)
    desk.give(ev.BookReplaced(KALSHI, level, (), WALL))
    assert desk.kernel.state.books[KALSHI].state is BookState.GAPPED
    assert desk.kernel.state.books[KALSHI].best_bid() is None


def test_f013_a_feed_that_is_gone_halts_its_venue_and_lifts_after_30_healthy_seconds() -> None:
    desk = Desk()
    desk.feed(Venue.KALSHI, up=False)
    assert ("venue:kalshi", "feed_stale") in desk.kernel.state.halts
    for _ in range(29):
        desk.pass_time(1_000, seconds=True)
        desk.feed(Venue.KALSHI)
        desk.feed(Venue.POLYMARKET)
    assert ("venue:kalshi", "feed_stale") in desk.kernel.state.halts
    for _ in range(3):
        desk.pass_time(1_000, seconds=True)
        desk.feed(Venue.KALSHI)
    assert ("venue:kalshi", "feed_stale") not in desk.kernel.state.halts


def test_f011_late_venue_timestamps_halt_the_venue() -> None:
    desk = Desk()
    desk.feed(Venue.KALSHI, latency_ms=2_001)
    assert ("venue:kalshi", "feed_stale") in desk.kernel.state.halts
    desk.book(Venue.KALSHI, 54, 56)
    desk.book(Venue.POLYMARKET, 44, 46)
    assert desk.tickets() == []


def test_f077_a_failed_commit_sends_nothing() -> None:
    desk = Desk()
    desk.commits_ok = False
    desk.book(Venue.KALSHI, 54, 56)
    desk.book(Venue.POLYMARKET, 44, 46)
    desk.give(ev.EnvelopeFailed(desk.package.package_id, "the database is away"))
    assert desk.package.state is PackageState.ABORTED and desk.tickets() == []


def test_f077_a_commit_that_takes_too_long_sends_nothing_even_when_it_succeeds_later() -> None:
    desk = Desk()
    desk.commits_ok = False
    desk.book(Venue.KALSHI, 54, 56)
    desk.book(Venue.POLYMARKET, 44, 46)
    desk.pass_time(101)
    desk.give(ev.EnvelopeCommitted(desk.package.package_id))
    assert desk.package.state is PackageState.ABORTED and desk.tickets() == []


def test_eight_pairs_at_most_hold_packages() -> None:
    desk = Desk(config=Config(pairs_max=0))
    desk.book(Venue.KALSHI, 54, 56)
    desk.book(Venue.POLYMARKET, 44, 46)
    assert desk.tickets() == [] and "PAIRS_FULL" in desk.gates()


def test_one_naked_slot_holds_back_the_next_package() -> None:
    desk = Desk()
    ticket = desk.open_edge()
    desk.sending(ticket)
    desk.pass_time(50)
    desk.book(Venue.KALSHI, 54, 56, 90)
    assert len(desk.tickets()) == 1 and "NAKED_SLOT_BUSY" in desk.gates()


def test_instruments_of_the_desk_are_tradeable() -> None:
    assert instrument(Venue.KALSHI).tradeable and instrument(Venue.POLYMARKET).tradeable


@pytest.mark.parametrize(("kalshi", "poly"), [(54, 44), (74, 64), (24, 14), (90, 80)])
def test_i30_a_hedge_at_its_worst_price_loses_at_most_ten_cents_a_contract(
    kalshi: int, poly: int
) -> None:
    """Fees included: they grow with the price of the leg that is paid too much for."""
    from shared.domain.fee_bounds import bound

    desk = Desk()
    desk.book(Venue.KALSHI, kalshi, kalshi + 2, 400)
    desk.book(Venue.POLYMARKET, poly, poly + 2, 100)
    package = desk.package
    first = package.legs[package.leg_first]
    second = package.legs[1 - package.leg_first]
    qty = package.qty
    paid = 0
    for leg, price in ((first, first.price_limit), (second, second.price_worst)):
        fees = desk.kernel.state.instruments[leg.market_id].fees
        paid += price * qty // ONE + bound(fees, Liquidity.TAKER, Side.BUY, [(price, qty)], 1)
    assert paid - qty <= qty // 10 + 20_000
