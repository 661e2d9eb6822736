"""Status from four sources; the strictest wins, and nothing is said twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.adapters.venues.kalshi.capabilities import is_scheduled_pause
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.market_board import MarketBoard
from shared.adapters.venues.kalshi.schemas import (
    EventFeeMsg,
    ExchangeStatus,
    LifecycleMsg,
    PriceRangeRow,
    ShardStatus,
)
from shared.domain.enums import MarketStatus
from shared.domain.events import InstrumentChanged, MarketResolved, MarketStatusChanged
from shared.domain.units import NS_PER_S, PriceMicros
from tests.support.kalshi_world import COIN, RATE, sim_market

WALL = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()) * NS_PER_S  # a Tuesday
CLOSE = WALL + 86_400 * NS_PER_S
MARKETS = {ticker: sim_market(ticker, CLOSE).instrument for ticker in (RATE, COIN)}
KEY = MARKETS[RATE].market_id


def board() -> MarketBoard:
    made = MarketBoard(WireTally())
    assert made.watch(MARKETS, WALL) == []
    return made


def life(word: str, **more: object) -> LifecycleMsg:
    return LifecycleMsg(RATE, word, **more)  # type: ignore[arg-type]


def test_f029_close_by_time_emits_no_frame_but_we_say_it() -> None:
    one = board()
    assert one.on_time(CLOSE - 1) == []
    assert MarketStatusChanged(KEY, MarketStatus.CLOSED) in one.on_time(CLOSE)
    assert one.on_time(CLOSE + 1) == []


def test_close_moved_later_reopens_after_the_object_was_read() -> None:
    one = board()
    one.on_time(CLOSE)
    later = replace(MARKETS[RATE], close_ns=CLOSE + 10 * NS_PER_S)
    bodies = one.on_refreshed(later, None, CLOSE + 1)
    assert MarketStatusChanged(KEY, MarketStatus.ACTIVE) in bodies
    assert one.on_time(CLOSE + 9 * NS_PER_S) == []
    assert MarketStatusChanged(KEY, MarketStatus.CLOSED) in one.on_time(later.close_ns)


def test_f028_shard_row_says_less_than_the_whole_exchange() -> None:
    one = board()
    rows = [ShardStatus(0, True, True), ShardStatus(2, True, False)]
    bodies = one.on_exchange(ExchangeStatus(True, True, rows))
    assert bodies == [MarketStatusChanged(MARKETS[COIN].market_id, MarketStatus.PAUSED)]
    bodies = one.on_exchange(ExchangeStatus(True, False, None))
    assert bodies == [MarketStatusChanged(KEY, MarketStatus.PAUSED)]
    assert len(one.on_exchange(ExchangeStatus(True, True, None))) == 2


def test_f100_changed_metadata_pauses_until_the_object_was_read_again() -> None:
    one = board()
    bodies, tickers, with_event = one.on_lifecycle(life("metadata_updated"))
    assert bodies == [MarketStatusChanged(KEY, MarketStatus.PAUSED)]
    assert (tickers, with_event) == ({RATE}, False)
    bodies = one.on_refreshed(replace(MARKETS[RATE], rules_hash="new"), None, WALL)
    assert isinstance(bodies[0], InstrumentChanged)
    assert bodies[0].instrument.rules_hash == "new"
    assert bodies[1] == MarketStatusChanged(KEY, MarketStatus.ACTIVE)


def test_unknown_lifecycle_word_is_read_up_before_trading_goes_on() -> None:
    bodies, tickers, _ = board().on_lifecycle(life("rebranded"))
    assert bodies == [MarketStatusChanged(KEY, MarketStatus.PAUSED)] and tickers == {RATE}


def test_f098_fee_update_pauses_the_event_and_re_reads_it() -> None:
    one = board()
    msg = EventFeeMsg(MARKETS[RATE].event_id, "quadratic", None)
    bodies, tickers, with_event = one.on_lifecycle(msg)
    assert bodies == [MarketStatusChanged(KEY, MarketStatus.PAUSED)]
    assert tickers == {RATE} and with_event


def test_grid_change_is_a_new_instrument() -> None:
    rows = [PriceRangeRow("0.0000", "1.0000", "0.0010")]
    bodies, _, _ = board().on_lifecycle(life("price_level_structure_updated", price_ranges=rows))
    [changed] = bodies
    assert isinstance(changed, InstrumentChanged) and changed.instrument.grid[0].step == 1_000
    bodies, _, _ = board().on_lifecycle(life("price_level_structure_updated", price_ranges=None))
    assert bodies == [MarketStatusChanged(KEY, MarketStatus.PAUSED)]


def test_result_is_said_once_and_an_amended_one_again() -> None:
    one = board()
    bodies, _, _ = one.on_lifecycle(life("determined", result="yes"))
    assert MarketResolved(KEY, PriceMicros(1_000_000)) in bodies
    determined = replace(MARKETS[RATE], status=MarketStatus.DETERMINED)
    assert one.on_refreshed(determined, PriceMicros(1_000_000), WALL) == []
    amended = one.on_refreshed(determined, PriceMicros(0), WALL)
    assert amended == [MarketResolved(KEY, PriceMicros(0))]


def test_cached_rest_answer_does_not_take_a_result_back() -> None:
    one = board()
    one.on_lifecycle(life("determined", result="no"))
    assert one.on_refreshed(MARKETS[RATE], None, WALL) == []


def test_unwatched_markets_are_ignored() -> None:
    msg = LifecycleMsg("KXOTHER-1", "determined", result="yes")
    assert board().on_lifecycle(msg) == ([], set(), False)


def test_f070_thursday_pause_is_in_eastern_time_all_year() -> None:
    eastern = ZoneInfo("America/New_York")
    moment = datetime(2026, 1, 1, tzinfo=eastern)
    paused = 0
    for _ in range(2 * 365 * 24 * 12):
        wall = int(moment.timestamp()) * NS_PER_S
        local = moment.astimezone(eastern)
        minute = local.hour * 60 + local.minute
        inside = local.weekday() == 3 and 175 <= minute < 300
        assert is_scheduled_pause(wall) is inside, local
        paused += inside
        moment = (moment.astimezone(UTC) + timedelta(minutes=5)).astimezone(eastern)
    assert paused > 100 * 24


def test_scheduled_pause_pauses_every_market() -> None:
    thursday = int(datetime(2026, 11, 26, 8, 30, tzinfo=UTC).timestamp()) * NS_PER_S
    made = MarketBoard(WireTally())
    far = {t: replace(i, close_ns=thursday * 2) for t, i in MARKETS.items()}
    made.watch(far, WALL)
    assert len(made.on_time(thursday)) == 2
    assert len(made.on_time(thursday + 2 * 3600 * NS_PER_S)) == 2
