"""Status of markets from several sources; stamps; the codec read back by other code."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shared.adapters.venues.polymarket_us.market_board import MarketBoard
from shared.adapters.venues.polymarket_us.order_codec import (
    decode_order,
    encode_order,
    find_difference,
)
from shared.adapters.venues.polymarket_us.timing import StampFilter
from shared.domain.enums import MarketStatus, Outcome, Side, TimeInForce
from shared.domain.errors import DomainError
from shared.domain.events import InstrumentChanged, MarketResolved, MarketStatusChanged
from shared.domain.units import MICROS, UsdMicros
from tests.fuzz.polymarket_us import INSTRUMENTS, NOW_NS
from tests.support.polymarket_us_world import RATE, ticket

RATE_MARKET = INSTRUMENTS[RATE]
PAUSE_NS = 1_795_086_900 * 10**9  # a Thursday 06:15 in New York


def board() -> MarketBoard:
    made = MarketBoard()
    assert made.watch({RATE: RATE_MARKET}, NOW_NS) == []
    return made


def statuses(bodies: list[object]) -> list[MarketStatus]:
    return [body.status for body in bodies if isinstance(body, MarketStatusChanged)]


def test_the_strictest_source_wins() -> None:
    made = board()
    assert statuses(made.on_state(RATE, MarketStatus.PAUSED)) == [MarketStatus.PAUSED]
    same = made.on_refreshed(RATE_MARKET, None, NOW_NS)
    assert statuses(same) == [], "the object calls it active, the book does not"
    assert statuses(made.on_state(RATE, MarketStatus.ACTIVE)) == [MarketStatus.ACTIVE]
    assert statuses(made.on_time(PAUSE_NS)) == [MarketStatus.PAUSED], "weekly maintenance"
    assert statuses(made.on_time(NOW_NS)) == [MarketStatus.ACTIVE]
    assert statuses(made.on_time(RATE_MARKET.close_ns)) == [MarketStatus.CLOSED]
    assert made.awaits_result() == [RATE]


def test_a_result_is_said_once_and_never_taken_back() -> None:
    made = board()
    over = replace(RATE_MARKET, status=MarketStatus.DETERMINED)
    bodies = made.on_refreshed(over, 1_000_000, NOW_NS)
    assert [type(b) for b in bodies][-1] is MarketResolved
    assert made.awaits_result() == []
    assert made.on_refreshed(over, 1_000_000, NOW_NS) == []
    assert statuses(made.on_refreshed(RATE_MARKET, None, NOW_NS)) == []


def test_a_changed_fee_or_tick_is_told_whole() -> None:
    made = board()
    dearer = replace(RATE_MARKET, fees=replace(RATE_MARKET.fees, rate_ppm=100_000))
    [body] = made.on_refreshed(dearer, None, NOW_NS)
    assert isinstance(body, InstrumentChanged) and body.instrument.fees.rate_ppm == 100_000


def test_gotcha_us_the_stamp_of_a_quiet_book_does_not_judge_the_clock() -> None:
    stamps = StampFilter()
    hours_old = NOW_NS - 3 * 3_600 * 10**9
    assert not stamps.saw(RATE, hours_old, NOW_NS, 1), "the first frame tells an old change"
    assert not stamps.saw(RATE, hours_old, NOW_NS, 2)
    assert stamps.watch.clock_offset_ns(3) is None
    assert stamps.saw(RATE, NOW_NS - 5_000_000, NOW_NS, 4)
    assert stamps.watch.clock_offset_ns(5) == -5_000_000
    stamps.forget()
    assert not stamps.saw(RATE, NOW_NS, NOW_NS, 6)


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("tif", list(TimeInForce))
def test_every_order_reads_back_as_its_ticket(
    outcome: Outcome, side: Side, tif: TimeInForce
) -> None:
    wanted = ticket(RATE_MARKET, outcome, side, 37, 12, tif=tif)
    payload = encode_order(wanted, RATE_MARKET)
    assert find_difference(payload, wanted) == ""
    assert decode_order(payload)["price"] == "0.37"
    body = json.loads(payload)
    assert body["manualOrderIndicator"] == "MANUAL_ORDER_INDICATOR_AUTOMATIC"
    assert ("synchronousExecution" in body) is (tif is not TimeInForce.GTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("marketSlug", "another"),
        ("intent", "ORDER_INTENT_SELL_LONG"),
        ("intent", "ORDER_INTENT_BUY_SHORT"),
        ("quantity", 11),
        ("price", {"value": "0.63", "currency": "USD"}),
        ("tif", "TIME_IN_FORCE_GOOD_TILL_CANCEL"),
        ("manualOrderIndicator", "MANUAL_ORDER_INDICATOR_MANUAL"),
        ("goodTillTime", "2027-01-01T00:00:00Z"),
    ],
)
def test_f027_a_changed_byte_is_noticed(name: str, value: object) -> None:
    wanted = ticket(RATE_MARKET, Outcome.YES, Side.BUY, 37, 12)
    body = json.loads(encode_order(wanted, RATE_MARKET))
    assert find_difference(json.dumps({**body, name: value}).encode(), wanted)


@pytest.mark.parametrize(
    "changes",
    [
        {"budget_usd": UsdMicros(MICROS)},
        {"reduce_only": True},
        {"market_id": "polymarket_us:another"},
    ],
)
def test_what_the_venue_does_not_have_is_refused(changes: dict[str, object]) -> None:
    wanted = ticket(RATE_MARKET, Outcome.YES, Side.BUY, 37, 12, **changes)
    with pytest.raises(DomainError):
        encode_order(wanted, RATE_MARKET)
