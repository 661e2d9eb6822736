"""How others broke on this venue, one test for each: the number is that of the fact sheet.

Some gotchas are answered by never using a feature; those tests read the adapter's source.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import shared.adapters.venues.kalshi as adapter
from shared.adapters.venues.kalshi.capabilities import is_scheduled_pause
from shared.adapters.venues.kalshi.catalogue import KalshiCatalogue
from shared.adapters.venues.kalshi.errors import WireTally, find_refusal
from shared.adapters.venues.kalshi.evidence import judge
from shared.adapters.venues.kalshi.instruments import choose_category, read_status
from shared.adapters.venues.kalshi.market_board import MarketBoard
from shared.adapters.venues.kalshi.order_codec import encode_order
from shared.adapters.venues.kalshi.parsing import build_fill, read_levels, read_price
from shared.adapters.venues.kalshi.schemas import (
    EventRow,
    ExchangeStatus,
    FillRow,
    LifecycleMsg,
    Market,
    SeriesRow,
)
from shared.adapters.venues.kalshi.signing import build_signed_text
from shared.domain.enums import BookState, MarketStatus, Outcome, Side, TimeInForce
from shared.domain.errors import WireError
from shared.domain.events import BookChanged, BookReplaced, MarketStatusChanged
from shared.domain.order import Acked, EvidenceKind, Rejected, Unknown
from shared.domain.units import NS_PER_S
from tests.support.kalshi_world import COIN, RATE, contracts, raw_event, raw_series, ticket
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply
from tests.unit.shared.adapters.venues.kalshi.frames import INSTRUMENTS, NOW, Wire
from tests.unit.shared.adapters.venues.kalshi.test_evidence import SENT, T0, attempt, records
from tests.unit.shared.adapters.venues.kalshi.test_execution import (
    GOOD,
    INSTRUMENT,
    TICKET,
    submit,
)
from tests.unit.shared.adapters.venues.kalshi.test_user_stream import REST_FILL

SOURCE = "\n".join(path.read_text() for path in sorted(Path(str(adapter.__path__[0])).glob("*.py")))


def nested(code: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": "m"}}).encode()


def body_of(**changes: Any) -> dict[str, Any]:
    return json.loads(encode_order(replace(TICKET, **changes), INSTRUMENT))


async def test_kalshi_gotcha_01_orders_go_to_the_second_version() -> None:
    canned = Canned(lambda _: reply(201, GOOD))
    await canned.execution.send(canned.execution.encode(TICKET, INSTRUMENT), lambda: None)
    assert canned.requests[0].url.path == "/trade-api/v2/portfolio/events/orders"
    refusal = find_refusal(410, nested("deprecated_v1_order_endpoint"))
    assert refusal is not None and refusal.reason == "wrong_endpoint"


@pytest.mark.parametrize(
    ("status", "code"), [(400, "insufficient_balance"), (404, "user_not_found")]
)
async def test_kalshi_gotcha_02_an_unfunded_shard_is_said_so(status: int, code: str) -> None:
    outcome = await submit(reply(status, nested(code)))
    assert isinstance(outcome, Rejected) and outcome.reason == "shard_unfunded"


async def test_kalshi_gotcha_03_cancel_names_market_and_shard() -> None:
    canned = Canned(lambda _: reply(200, {"order_id": "o1", "reduced_by": "1.00"}))
    coin = INSTRUMENTS[COIN]
    order = canned.execution.encode(ticket(coin, Outcome.YES, Side.BUY, 42, 1), coin)
    assert await canned.execution.cancel(order, "o1")
    [sent] = canned.requests
    assert dict(sent.url.params) == {"market_ticker": COIN, "exchange_index": "2"}


def test_kalshi_gotcha_04_integer_levels_leave_no_ghost() -> None:
    wire = Wire()
    wire.both_synced()
    for size in ("0.10", "0.20", "-0.30"):
        step = wire.delta("0.3800", size)
    [change] = step.bodies
    assert isinstance(change, BookChanged) and change.changes[0].qty == 0
    bids, _ = wire.stream.books[RATE].levels()
    assert 380_000 not in [price for price, _ in bids]


def test_kalshi_gotcha_05_sequence_is_of_the_sid_and_acks_count() -> None:
    wire = Wire()
    wire.both_synced()
    wire.delta("0.3900", "1.00", ticker=COIN)
    wire.seq += 1
    wire.send(type="ok", id=900, sid=7, seq=wire.seq, msg={"market_tickers": [RATE]})
    wire.delta("0.3900", "1.00", ticker=RATE)
    assert wire.tally.counts["gap"] == 0
    assert set(wire.states().values()) == {BookState.SYNCED}


def test_kalshi_gotcha_06_missing_sides_are_empty_sides() -> None:
    wire = Wire()
    step = wire.next("orderbook_snapshot", {"market_ticker": RATE, "market_id": "m"})
    [book] = [body for body in step.bodies if isinstance(body, BookReplaced)]
    assert book.bids == () and book.asks == ()


def test_kalshi_gotcha_07_placeholder_quotes_are_not_prices() -> None:
    for text in ("0.0000", "1.0000"):
        with pytest.raises(WireError):
            read_price(text)
        with pytest.raises(WireError):
            read_levels([(text, "5.00")], flip=False)
    # Quotes of the market object are not read at all; books come from the stream.
    assert not [name for name in Market.__struct_fields__ if "bid" in name or "ask" in name]


def test_kalshi_gotcha_08_buying_no_is_an_ask_at_the_complement() -> None:
    body = body_of(outcome=Outcome.NO, price_limit=600_000)
    assert (body["side"], body["price"]) == ("ask", "0.4000")
    assert body_of(outcome=Outcome.NO, price_limit=600_000, side=Side.SELL)["side"] == "bid"


async def test_kalshi_gotcha_09_unfilled_ioc_is_201_and_unfilled_fok_409() -> None:
    body = {**GOOD, "fill_count": "0.00"}
    del body["average_fill_price"]
    ioc = await submit(reply(201, body))
    assert isinstance(ioc, Acked) and ioc.cum_qty == 0
    fok = replace(TICKET, tif=TimeInForce.FOK)
    for status in (400, 409):
        killed = await submit(
            reply(status, nested("fill_or_kill_insufficient_resting_volume")), fok
        )
        assert isinstance(killed, Rejected) and killed.reason == "fok_unfilled"


def test_kalshi_gotcha_10_records_that_lag_never_prove_absence() -> None:
    for mono in range(10):
        stale = records(T0 + mono * NS_PER_S, as_of=SENT)
        assert judge(attempt(), stale).kind is EvidenceKind.UNPROVEN


async def test_kalshi_gotcha_11_positions_are_read_to_the_end_of_this_subaccount() -> None:
    pages = {
        "": {"market_positions": [{"ticker": RATE, "position_fp": "-2.00"}], "cursor": "c"},
        "c": {"market_positions": [{"ticker": COIN, "position_fp": "3.00"}], "cursor": ""},
    }
    canned = Canned(lambda request: reply(200, pages[request.url.params.get("cursor", "")]))
    nets = await canned.account.read_positions()
    assert nets == {RATE: -2_000_000, COIN: 3_000_000}
    for request in canned.requests:
        assert request.url.params["count_filter"] == "position"
        assert "subaccount" not in request.url.params


def test_kalshi_gotcha_12_and_26_orders_are_never_amended() -> None:
    assert "/amend" not in SOURCE and "/decrease" not in SOURCE


async def test_kalshi_gotcha_26_odd_counts_are_checked_by_reading_the_order() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return reply(201, {**GOOD, "fill_count": "3.00", "remaining_count": "9.00"})
        row = {
            "order_id": "3b23",
            "ticker": RATE,
            "status": "canceled",
            "fill_count_fp": "3.00",
            "remaining_count_fp": "0.00",
            "client_order_id": TICKET.attempt_id,
        }
        return reply(200, {"order": row})

    canned = Canned(respond)
    order = canned.execution.encode(TICKET, INSTRUMENT)
    outcome = await canned.execution.send(order, lambda: None)
    assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(3)
    assert [r.method for r in canned.requests] == ["POST", "GET"]


def test_kalshi_gotcha_13_status_words_differ_from_the_filter_words() -> None:
    assert read_status("active") is MarketStatus.ACTIVE
    assert read_status("open") is MarketStatus.PAUSED, "no status of an object, so not tradeable"


async def listing_queries() -> list[dict[str, str]]:
    """Return the query of every market listing that reading the whole catalogue sends."""

    def respond(request: httpx.Request) -> httpx.Response:
        key = "series" if request.url.path.endswith("/series") else "markets"
        changes: dict[str, list[object]] = {"series_fee_change_arr": [], "event_fee_changes": []}
        return reply(200, {key: [], "cursor": "", **changes})

    canned = Canned(respond)
    catalogue = KalshiCatalogue(canned.rest, canned.tally)
    assert [market async for market in catalogue.list_markets()] == []
    asked = [r.url for r in canned.requests if r.url.path.endswith("/markets")]
    return [dict(url.params) for url in asked]


async def test_kalshi_gotcha_13_the_listing_filters_by_open_not_by_active() -> None:
    queries = await listing_queries()
    assert queries and all(query["status"] == "open" for query in queries)


def test_kalshi_gotcha_14_candles_are_not_used() -> None:
    assert "candlestick" not in SOURCE


def test_kalshi_gotcha_15_created_alone_asks_again_and_says_nothing() -> None:
    board = MarketBoard(WireTally())
    board.watch(INSTRUMENTS, NOW)
    created = msgspec.convert({"event_type": "created", "market_ticker": RATE}, LifecycleMsg)
    bodies, again, _ = board.on_lifecycle(created)
    assert again == {RATE}
    assert not [b for b in bodies if isinstance(b, MarketStatusChanged)]


async def test_kalshi_gotcha_15_a_market_that_is_not_there_yet_is_left_for_later() -> None:
    canned = Canned(lambda _: reply(404, nested("not_found")))
    assert await canned.account.read_order("o1") is None


async def test_kalshi_gotcha_16_evidence_looks_back_minutes_never_past_the_cutoff() -> None:
    empty = {"orders": [], "fills": [], "market_positions": [], "cursor": ""}
    canned = Canned(lambda _: reply(200, {**empty, "as_of_time": "2026-11-24T12:00:00Z"}))
    await canned.execution.find_evidence([TICKET])
    decided_s = TICKET.decided_wall_ns // NS_PER_S
    starts = [r.url.params["min_ts"] for r in canned.requests if "min_ts" in r.url.params]
    # The live records reach back two weeks and more; ten minutes can never miss an order.
    assert len(starts) == 2 and all(decided_s - int(start) == 600 for start in starts)
    assert not [r for r in canned.requests if "/historical" in r.url.path]


async def test_kalshi_gotcha_17_combinations_are_excluded() -> None:
    queries = await listing_queries()
    assert queries and all(query["mve_filter"] == "exclude" for query in queries)


def test_kalshi_gotcha_18_the_query_is_not_signed_the_api_path_is() -> None:
    text = build_signed_text(1_764_000_000_000, "GET", "/trade-api/v2/portfolio/orders?limit=5")
    assert text == b"1764000000000GET/trade-api/v2/portfolio/orders"


async def test_kalshi_gotcha_18_19_headers_of_a_real_request() -> None:
    canned = Canned(lambda _: reply(200, {"orders": [], "cursor": ""}))
    await canned.account.read_orders(ticker=RATE)
    [request] = canned.requests
    assert request.url.path.startswith("/trade-api/v2/") and request.url.query
    assert len(request.headers["KALSHI-ACCESS-TIMESTAMP"]) == 13


def test_kalshi_gotcha_19_seconds_are_refused_before_signing() -> None:
    with pytest.raises(AssertionError):
        build_signed_text(1_764_000_000, "GET", "/trade-api/v2/x")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_kalshi_gotcha_20_server_errors_leave_the_order_unknown(status: int) -> None:
    assert isinstance(await submit(reply(status, nested("invalid_price"))), Unknown)


async def test_kalshi_gotcha_20_already_exists_means_the_first_one_landed() -> None:
    assert isinstance(await submit(reply(409, nested("order_already_exists"))), Unknown)
    assert isinstance(await submit(httpx.ReadTimeout("slow")), Unknown)


async def test_kalshi_gotcha_21_after_a_cancel_all_nothing_is_sent_for_a_minute() -> None:
    canned = Canned(lambda request: reply(204 if request.method == "DELETE" else 201, b""))
    assert await canned.execution.sweep_everything()
    order = canned.execution.encode(TICKET, INSTRUMENT)
    outcome = await canned.execution.send(order, lambda: None)
    assert isinstance(outcome, Rejected) and outcome.reason.startswith("local")
    assert [r.method for r in canned.requests] == ["DELETE"]


def test_kalshi_gotcha_22_money_is_never_transferred() -> None:
    assert "transfer" not in SOURCE


async def test_kalshi_gotcha_23_rest_fills_find_their_owner_by_order_id() -> None:
    assert "client_order_id" not in REST_FILL
    canned = Canned(lambda _: reply(200, {"fills": [REST_FILL], "cursor": ""}))
    canned.memory.link("o1", TICKET.attempt_id)
    [fill] = await canned.account.read_fills()
    assert fill.attempt_id == TICKET.attempt_id


def test_kalshi_gotcha_24_no_groups_and_no_batches() -> None:
    assert not {"order_group_id", "orders"} & body_of().keys()
    assert "/batched" not in SOURCE


def test_kalshi_gotcha_25_nothing_opens_around_the_thursday_pause() -> None:
    def at(hour: int, minute: int, day: int = 26) -> bool:
        # 26 November 2026 is a Thursday; New York is five hours behind in winter.
        moment = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
        return is_scheduled_pause(int(moment.timestamp()) * NS_PER_S)

    assert at(7, 55) and at(8, 0) and at(9, 59)
    assert not (at(7, 54) or at(10, 0) or at(8, 0, day=27))
    summer = datetime(2026, 7, 2, 6, 58, tzinfo=UTC)  # 02:58 in New York
    assert is_scheduled_pause(int(summer.timestamp()) * NS_PER_S)


def test_kalshi_gotcha_27_category_is_that_of_the_series() -> None:
    event = msgspec.convert(raw_event(RATE) | {"category": "Old"}, EventRow)
    series = msgspec.convert(raw_series(RATE) | {"categories": ["New", "B"]}, SeriesRow)
    assert choose_category(event, series) == "New"


def test_kalshi_gotcha_28_self_trade_prevention_is_stated() -> None:
    assert body_of()["self_trade_prevention_type"] == "taker_at_cross"


def test_kalshi_gotcha_29_no_page_of_the_website_is_fetched() -> None:
    assert "https://kalshi.com" not in SOURCE and "www.kalshi.com" not in SOURCE


def test_kalshi_gotcha_30_fees_are_dollars_with_six_decimals() -> None:
    row = msgspec.convert(REST_FILL, FillRow)
    fill = build_fill(row, RATE, None, "0.117601")
    assert fill.fee == 117_601
    with pytest.raises(WireError):
        build_fill(row, RATE, None, "0.1176015")


def test_kalshi_gotcha_31_outcomes_come_from_sides_not_from_subtitles() -> None:
    row = msgspec.convert(REST_FILL, FillRow)
    assert build_fill(row, RATE, None, "0.1").outcome is Outcome.NO
    assert INSTRUMENT.title  # a market whose two subtitles are equal is still listed
    assert INSTRUMENT.tradeable


def test_kalshi_gotcha_32_a_paused_shard_pauses_its_markets_though_the_exchange_is_active() -> None:
    board = MarketBoard(WireTally())
    board.watch(INSTRUMENTS, NOW)
    row = {
        "exchange_index": 2,
        "exchange_active": True,
        "trading_active": False,
        "intra_exchange_transfers_active": True,
    }
    status = msgspec.convert(
        {"exchange_active": True, "trading_active": True, "exchange_index_statuses": [row]},
        ExchangeStatus,
    )
    said = [b for b in board.on_exchange(status) if isinstance(b, MarketStatusChanged)]
    assert [b.market_id.split(":")[1] for b in said] == [COIN]
    assert said[0].status is MarketStatus.PAUSED


def test_kalshi_gotcha_33_our_own_liquidity_is_not_depth() -> None:
    wire = Wire()
    wire.both_synced()
    own = {
        "market_ticker": RATE,
        "market_id": "m",
        "price_dollars": "0.4100",
        "delta_fp": "5.00",
        "side": "yes",
        "ts_ms": 1_790_000_000_000,
        "client_order_id": "mine",
    }
    [rested] = wire.next("orderbook_delta", own).bodies
    assert isinstance(rested, BookChanged) and rested.changes[0].qty == 0
    assert 410_000 not in [price for price, _ in wire.stream.books[RATE].levels()[0]]
    both = wire.delta("0.4100", "2.00")
    assert isinstance(both.bodies[0], BookChanged)
    assert both.bodies[0].changes[0].qty == contracts(2)
    gone = wire.next("orderbook_delta", {**own, "delta_fp": "-5.00"})
    assert isinstance(gone.bodies[0], BookChanged)
    assert gone.bodies[0].changes[0].qty == contracts(2)
    taken = wire.next("orderbook_delta", {**own, "price_dollars": "0.4000", "delta_fp": "-30.00"})
    assert isinstance(taken.bodies[0], BookChanged)
    assert taken.bodies[0].changes[0].qty == contracts(70), "what we took was not ours"
    last = wire.delta("0.4100", "-2.00")
    assert isinstance(last.bodies[0], BookChanged) and last.bodies[0].changes[0].qty == 0
    assert wire.states()[RATE] is BookState.SYNCED


async def test_kalshi_gotcha_34_cost_is_of_the_average_price() -> None:
    outcome = await submit(reply(201, {**GOOD, "average_fill_price": "0.3900"}))
    assert isinstance(outcome, Acked) and outcome.cost_usd == 5 * 390_000


async def test_kalshi_gotcha_35_each_level_is_a_fill_with_its_own_fee() -> None:
    rows = [
        {**REST_FILL, "trade_id": f"t{n}", "fee_cost": fee, "count_fp": "1.00"}
        for n, fee in enumerate(("0.010000", "0.020000", "0.000000"))
    ]
    canned = Canned(lambda _: reply(200, {"fills": rows, "cursor": ""}))
    fills = await canned.account.read_fills()
    assert [fill.fee for fill in fills] == [10_000, 20_000, 0]
    assert len({fill.key for fill in fills}) == 3
