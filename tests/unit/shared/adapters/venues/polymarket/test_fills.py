"""Trades to fills: taker, maker, several of ours in one trade, and the recorded frames."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from shared.adapters.venues.polymarket.fills import fills_of_trade, trade_state
from shared.adapters.venues.polymarket.schemas import Trade
from shared.domain.enums import Liquidity, Outcome, Side
from shared.domain.errors import WireError
from shared.domain.ids import AttemptId
from shared.domain.order import Fill
from tests.support.shared_data import SHARED, needs_shared
from tests.unit.shared.adapters.venues.polymarket.test_encoding import instrument

MARKET = instrument()
KEY, WALLET = "key-1", "0x" + "aa" * 20


def nobody(_order_id: str) -> AttemptId | None:
    return None


def trade(**more: Any) -> Trade:
    row = {
        "id": "t-1",
        "market": MARKET.native_id,
        "asset_id": MARKET.yes_token,
        "side": "BUY",
        "size": "10",
        "price": "0.46",
        "status": "MATCHED",
        "taker_order_id": "0xAA",
        "match_time": "1726043102",
        "owner": KEY,
        "trader_side": "TAKER",
        "maker_orders": [],
    }
    return msgspec.convert(row | more, Trade)


def maker(**more: Any) -> dict[str, Any]:
    row = {
        "order_id": "0xBB",
        "matched_amount": "4",
        "price": "0.46",
        "owner": "other",
        "asset_id": MARKET.yes_token,
        "maker_address": "0x" + "cc" * 20,
    }
    return row | more


def read(item: Trade, owner: Any = nobody) -> list[Fill]:
    return fills_of_trade(item, MARKET, owner, KEY, WALLET)


def test_taker_fill_has_a_lower_case_key_and_the_schedule_s_fee() -> None:
    (fill,) = read(trade(fee_rate_bps="1000"))
    assert fill.key == "polymarket/t-1/0xaa" and fill.liquidity is Liquidity.TAKER
    assert (fill.price, fill.qty, fill.cost_usd) == (460_000, 10_000_000, 4_600_000)
    assert fill.fee == 124_200 and not fill.is_final
    assert fill.venue_ts_ns == 1_726_043_102_000_000_000


def test_taker_money_is_the_sum_over_its_makers() -> None:
    other = maker(matched_amount="6", asset_id=MARKET.no_token, price="0.55")
    (fill,) = read(trade(maker_orders=[maker(), other]))
    assert fill.cost_usd == 4 * 460_000 + 6 * 450_000
    (odd,) = read(trade(maker_orders=[maker()]))
    assert odd.cost_usd == 4_600_000


def test_maker_fill_is_told_by_its_own_entry() -> None:
    ours = maker(owner=KEY, asset_id=MARKET.no_token, price="0.54", side="BUY")
    (fill,) = read(trade(owner="other", trader_side="MAKER", maker_orders=[ours, maker()]))
    assert (fill.outcome, fill.side, fill.price) == (Outcome.NO, Side.BUY, 540_000)
    assert fill.qty == 4_000_000 and fill.fee == 0 and fill.order_id == "0xbb"


@pytest.mark.parametrize(
    ("token", "side"), [(MARKET.yes_token, Side.SELL), (MARKET.no_token, Side.BUY)]
)
def test_unsaid_maker_side_follows_from_the_tokens(token: str, side: Side) -> None:
    ours = maker(owner=KEY, asset_id=token)
    (fill,) = read(trade(owner="other", trader_side="MAKER", maker_orders=[ours]))
    assert fill.side is side


def test_f050_two_maker_orders_of_ours_in_one_trade_are_two_fills() -> None:
    ours = [maker(owner=KEY, order_id="0x1"), maker(owner=KEY, order_id="0x2", price="0.45")]
    fills = read(trade(owner="other", trader_side="MAKER", maker_orders=ours))
    assert [fill.key for fill in fills] == ["polymarket/t-1/0x1", "polymarket/t-1/0x2"]


def test_a_remembered_order_is_ours_whatever_the_owner_says() -> None:
    attempt = AttemptId("a")
    (fill,) = read(trade(owner="?", trader_side=None), {"0xaa": attempt}.get)
    assert fill.attempt_id == attempt


def test_foreign_trades_are_nobody_s_fills() -> None:
    assert read(trade(owner="other", trader_side="MAKER", maker_orders=[maker()])) == []


@pytest.mark.parametrize(
    "spoil",
    [
        {"size": "0"},
        {"size": "-1"},
        {"price": "1.2"},
        {"price": "x"},
        {"side": "HOLD"},
        {"asset_id": "5"},
        {"match_time": "soon"},
        {"maker_orders": [maker(matched_amount="-4", owner=KEY)]},
    ],
)
def test_unreadable_trades_raise_their_own_error(spoil: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        read(trade(**spoil))


def test_status_words() -> None:
    assert trade_state(trade(status="TRADE_STATUS_CONFIRMED")) == "CONFIRMED"
    assert trade_state(trade(status="matched_not_broadcasted")) == "MATCHED_NOT_BROADCASTED"
    assert read(trade(status="CONFIRMED"))[0].is_final


@needs_shared
def test_recorded_trade_frames_are_read() -> None:
    decoder = msgspec.json.Decoder(Trade)
    seen = 0
    for path in sorted((SHARED / "facts/polymarket/frames").glob("*trade*.json")):
        raw = json.loads(path.read_text())
        rows = raw.get("data", [raw]) if isinstance(raw, dict) else []
        for row in rows:
            if "taker_order_id" in row:
                item = decoder.decode(json.dumps(row))
                assert item.id and trade_state(item) in ("MATCHED", "MINED", "CONFIRMED")
                seen += 1
    assert seen >= 6
