"""Every recorded sample and frame goes through the parser that would meet it live.

Each file of the shared folders is named below, by the parsers that its objects belong to
or by the reason why none of ours ever reads such a thing; a file that is not named fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from shared.adapters.venues.kalshi import parsing as kalshi
from shared.adapters.venues.kalshi import schemas as kalshi_rows
from shared.adapters.venues.kalshi.account import read_balance as read_kalshi_balance
from shared.adapters.venues.kalshi.account import read_payout
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.instruments import build_listing, read_fees
from shared.adapters.venues.kalshi.market_board import MarketBoard
from shared.adapters.venues.polymarket import schemas as polymarket_rows
from shared.adapters.venues.polymarket.answers import judge_answer
from shared.adapters.venues.polymarket.book_keeper import parse_rest_book
from shared.adapters.venues.polymarket.fills import trade_state
from shared.adapters.venues.polymarket.instruments import parse_market
from shared.adapters.venues.polymarket.parsing import decode, read_balance
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.domain.enums import TimeInForce
from shared.domain.errors import WireError
from shared.domain.order import Rejected, Unknown
from tests.fuzz.polymarket import INSTRUMENT, TICKET
from tests.support.shared_data import SHARED, needs_shared

KALSHI: Final = SHARED / "facts" / "kalshi" / "samples"
FRAMES: Final = SHARED / "facts" / "polymarket" / "frames"
SAMPLES: Final = SHARED / "facts" / "polymarket" / "samples"

Check = Callable[[dict[str, Any]], None]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every JSON object inside a value, outermost first."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects(item)


# --- Kalshi -----------------------------------------------------------------------------------


def kalshi_market(row: dict[str, Any]) -> None:
    event = kalshi_rows.EventRow(row["event_ticker"], "S", title="E")
    series = kalshi_rows.SeriesRow("S", fee_type="quadratic", fee_multiplier=None)
    try:
        listing = build_listing(msgspec.Raw(json.dumps(row).encode()), event, series, 1)
    except WireError as error:
        # Objects from before price grids were published cannot be ordered on, and say so.
        if error.kind == "grid" and not row.get("price_ranges"):
            return
        raise
    assert listing.instrument.native_id == row["ticker"] and listing.raw == row
    assert listing.instrument.settle_worst_ns >= listing.instrument.settle_expected_ns


def kalshi_book(row: dict[str, Any]) -> None:
    ladders = msgspec.convert(row["orderbook_fp"], kalshi_rows.BookLadders)
    bids = dict(kalshi.read_levels(ladders.yes_dollars, flip=False))
    asks = dict(kalshi.read_levels(ladders.no_dollars, flip=True))
    assert not bids or not asks or max(bids) < min(asks)
    assert all(qty > 0 for qty in (*bids.values(), *asks.values()))


def kalshi_event(row: dict[str, Any]) -> None:
    made = msgspec.json.decode(json.dumps(row), type=kalshi_rows.EventRow)
    assert made.event_ticker == row["event_ticker"]


def kalshi_series(row: dict[str, Any]) -> None:
    made = msgspec.json.decode(json.dumps(row), type=kalshi_rows.SeriesRow)
    fees = read_fees(made, None, 0, 1)
    assert fees.fee_type.value in ("quadratic", "quadratic_with_maker_fees", "flat", "unknown")


def kalshi_fill(row: dict[str, Any]) -> None:
    made = msgspec.convert(row, kalshi_rows.FillRow)
    fill = kalshi.build_fill(made, made.ticker, None, made.fee_cost)
    assert fill.qty > 0 and 0 < fill.price < 1_000_000 and fill.fee >= 0


def kalshi_settlement(row: dict[str, Any]) -> None:
    payout = read_payout(msgspec.convert(row, kalshi_rows.SettlementRow))
    assert payout is None or payout.cash >= 0


def kalshi_status(row: dict[str, Any]) -> None:
    board = MarketBoard(WireTally())
    board.on_exchange(msgspec.convert(row, kalshi_rows.ExchangeStatus))


def kalshi_balance(row: dict[str, Any]) -> None:
    total, shards = read_kalshi_balance(msgspec.convert(row, kalshi_rows.BalanceReply))
    assert total == sum(usd for _, usd in shards)


def kalshi_grid(row: dict[str, Any]) -> None:
    rows = msgspec.convert(row["price_ranges"], list[kalshi_rows.PriceRangeRow])
    grid = kalshi.read_grid(rows)
    assert grid[0].start == 0 and grid[-1].end == 1_000_000


KALSHI_SHAPES: Final[tuple[tuple[str, frozenset[str], Check], ...]] = (
    ("market", frozenset({"ticker", "event_ticker", "status", "close_time"}), kalshi_market),
    ("book", frozenset({"orderbook_fp"}), kalshi_book),
    ("event", frozenset({"event_ticker", "series_ticker", "title"}), kalshi_event),
    ("series", frozenset({"ticker", "fee_type", "fee_multiplier", "title"}), kalshi_series),
    ("fill", frozenset({"trade_id", "count_fp", "fee_cost"}), kalshi_fill),
    ("settlement", frozenset({"market_result", "revenue", "yes_count_fp"}), kalshi_settlement),
    ("status", frozenset({"exchange_active", "trading_active"}), kalshi_status),
    ("balance", frozenset({"balance", "portfolio_value"}), kalshi_balance),
    ("grid", frozenset({"price_level_structure", "price_ranges", "example_ticker"}), kalshi_grid),
)
KALSHI_NOT_OURS: Final = {
    "golden_2026-01_create_order_response.json": "the first version of orders, gone (410)",
    "golden_2026-01_portfolio_orders_response.json": "orders of the first version, in cents",
    "golden_2026-01_orderbook_response.json": "integer books, replaced by orderbook_fp",
    "golden_2026-01_event_metadata_response.json": "pictures and competitions, not read",
    "golden_2026-01_exchange_schedule_response.json": "hours come from the status and the clock",
    "golden_2026-01_series_fee_changes_response.json": "announced fees are read by the catalogue",
    "golden_2026-01_trades_list_response.json": "the public tape is not read",
    "econ_CPI_strikes_quotes.json": "somebody's own table of quotes",
    "weather_series_meta.json": "somebody's own table of series",
}


@needs_shared
@pytest.mark.parametrize("path", sorted(KALSHI.glob("*.json")), ids=lambda p: p.name)
def test_every_kalshi_sample_parses(path: Path) -> None:
    found: list[str] = []
    for row in objects(json.loads(path.read_text())):
        for name, keys, check in KALSHI_SHAPES:
            if keys <= set(row) and not (name == "event" and "ticker" in row):
                check(row)
                found.append(name)
    assert bool(found) is not (path.name in KALSHI_NOT_OURS), (path.name, set(found))


# --- Polymarket -------------------------------------------------------------------------------


def _decode(kind: Any) -> Callable[[bytes], Any]:
    def check(raw: bytes) -> Any:
        return decode(msgspec.json.Decoder(kind), raw, "recorded")

    return check


def market_frame(raw: bytes) -> None:
    channel = MarketChannel()
    channel.watch([INSTRUMENT])
    channel.feed(raw, 1, [])
    odd = {k for k in channel.errors if k != "polymarket.ws.event_type"}
    assert not odd, channel.errors


def user_frame(raw: bytes) -> None:
    head = _decode(polymarket_rows.UserHead)(raw)
    kind = (head.event_type or head.type or "").lower()
    if kind == "trade":
        user_trade(raw)
    else:
        assert kind in ("order", "placement", "update", "cancellation"), kind


def user_trade(raw: bytes) -> None:
    trade = _decode(polymarket_rows.Trade)(raw)
    assert trade.id and trade_state(trade)


def order_answer(raw: bytes) -> None:
    row = json.loads(raw)
    status = 500 if "error" in row else 200
    outcome = judge_answer(TICKET, INSTRUMENT, "0x" + "00" * 32, status, raw, 1)
    # Another order's answer, a 500, an unlisted text: none of them proves anything.
    assert isinstance(outcome, Unknown | Rejected)
    assert not (isinstance(outcome, Rejected) and status == 500)


def balance(raw: bytes) -> None:
    assert read_balance(_decode(polymarket_rows.BalanceAnswer)(raw).balance) > 0


def rest_book(raw: bytes) -> None:
    book = parse_rest_book(raw)
    assert book.market and book.hash


FRAME_PARSERS: Final[tuple[tuple[str, Callable[[bytes], Any]], ...]] = (
    ("clob_book_response", rest_book),
    ("it_http_responses__book", rest_book),
    ("data_api_positions", _decode(list[polymarket_rows.PositionRow])),
    ("http_balance", balance),
    ("http_batch_cancel", _decode(polymarket_rows.CancelAnswer)),
    ("http_cancel", _decode(polymarket_rows.CancelAnswer)),
    ("http_open_orders_page", _decode(polymarket_rows.OrderPage)),
    ("http_open_order", _decode(polymarket_rows.OpenOrder)),
    ("http_order_response", order_answer),
    ("http_trade_report", user_trade),
    ("http_trades_page", _decode(polymarket_rows.TradePage)),
    ("it_ws_messages__trades", user_trade),
    ("it_ws_messages__user_trade", user_frame),
    ("it_ws_messages__order_", user_frame),
    ("it_ws_messages__", market_frame),
    ("ws_user_", user_frame),
    ("ws_", market_frame),
)
FRAMES_NOT_OURS: Final = {
    "clob_fee_rate_response": "fees never come from /fee-rate (gotcha 6)",
    "data_api_trades": "the public tape is not read",
    "it_http_responses__trades": "the public tape is not read",
    "http_signed_order": "what a client sends; ours is held to the vectors",
    "rtds_": "price feeds of other markets are not read",
}


@needs_shared
@pytest.mark.parametrize("path", sorted(FRAMES.glob("*.json")), ids=lambda p: p.name)
def test_every_polymarket_frame_parses(path: Path) -> None:
    if any(path.name.startswith(prefix) for prefix in FRAMES_NOT_OURS):
        return
    parse = next(check for prefix, check in FRAME_PARSERS if path.name.startswith(prefix))
    parse(path.read_bytes())


def gamma_market(row: dict[str, Any]) -> None:
    try:
        made = parse_market(json.dumps(row).encode(), 1).instrument
    except WireError:
        # Legacy objects without tokens, outcomes or dates are left out, never guessed.
        is_whole = row.get("clobTokenIds") and row.get("outcomes") and row.get("endDate")
        if is_whole and row.get("orderPriceMinTickSize"):
            raise
        return
    assert made.native_id == row["conditionId"] and (made.grid or not made.tradeable)


def clob_book(row: dict[str, Any]) -> None:
    rest_book(json.dumps(row).encode())


SAMPLE_SHAPES: Final[tuple[tuple[frozenset[str], Check], ...]] = (
    (frozenset({"conditionId", "question"}), gamma_market),
    (frozenset({"bids", "asks", "asset_id", "hash", "market"}), clob_book),
)
SAMPLES_NOT_OURS: Final = frozenset(
    {
        "gamma_tags.json",  # tags come with the market
        "clob_market_closed_binary_accepting_false.json",  # the CLOB's old /markets, not read
        "clob_market_closed_binary_accepting_true.json",
        "it_http_responses__events_list.json",  # markets as bare ids
        "it_http_responses__market.json",
        "it_http_responses__markets.json",
    }
)


@needs_shared
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*.json")), ids=lambda p: p.name)
def test_every_polymarket_sample_parses(path: Path) -> None:
    found = 0
    for row in objects(json.loads(path.read_text())):
        for keys, check in SAMPLE_SHAPES:
            if keys <= set(row):
                check(row)
                found += 1
    assert bool(found) is not (path.name in SAMPLES_NOT_OURS), (path.name, found)


@needs_shared
def test_nothing_recorded_is_left_out() -> None:
    """The paired snapshot has tests of its own; here every other folder is counted."""
    assert len(list(KALSHI.glob("*.json"))) == 42 and len(list(FRAMES.glob("*.json"))) == 57
    assert len(list(SAMPLES.glob("*/*.json"))) == 26
    assert TICKET.tif is TimeInForce.IOC
