"""Numbers and words that cannot be: each is refused by name, none becomes another number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.adapters.venues.polymarket_us.instruments import build_instrument
from shared.adapters.venues.polymarket_us.order_codec import decode_order, encode_order
from shared.adapters.venues.polymarket_us.parsing import (
    build_fill,
    read_cash,
    read_decimal,
    read_order,
    read_qty,
    read_qty_text,
    read_usd,
)
from shared.adapters.venues.polymarket_us.schemas import Amount, Execution, Market, Order
from shared.domain.enums import Outcome, Side
from shared.domain.errors import DomainError, OffGridError, WireError
from shared.domain.units import NS_PER_S, PriceMicros
from tests.support.polymarket_us_world import RATE, TERMS, sim_market, ticket
from tests.unit.shared.adapters.venues.polymarket_us.test_answers import FILL, ORDER

NOW_NS = 1_795_000_000 * NS_PER_S


def market_of(**changes: object) -> Market:
    raw = {**json.loads(json.dumps(sim_market(RATE, NOW_NS).raw)), **changes}
    return msgspec.convert(raw, Market, strict=False)


def amount(value: str, currency: str) -> Amount:
    return msgspec.convert({"value": value, "currency": currency}, Amount, strict=False)


@pytest.mark.parametrize(
    "read",
    [
        lambda: read_decimal(Decimal("0.0000001"), "x"),
        lambda: read_decimal(Decimal("Infinity"), "x"),
        lambda: read_cash(None, "x"),
        lambda: read_cash(Decimal("NaN"), "x"),
        lambda: read_cash(Decimal("1e13"), "x"),
        lambda: read_qty(Decimal(-1), "x"),
        lambda: read_qty_text("0.0000", "0", "x"),
        lambda: read_qty_text("-1.0000", None, "x"),
        lambda: read_qty_text(None, None, "x"),
        lambda: read_usd(None, "x"),
        lambda: read_usd(amount("1", "EUR"), "x"),
    ],
)
def test_a_number_that_cannot_be_is_unreadable(read: Callable[[], object]) -> None:
    with pytest.raises(WireError):
        read()


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"marketSlug": ""},
        {"cumQuantity": 3},
        {"leavesQuantity": 1},
        {"quantity": -2, "cumQuantity": 0},
    ],
)
def test_an_order_without_a_name_or_with_odd_counts_is_unreadable(
    changes: dict[str, object],
) -> None:
    with pytest.raises(WireError):
        read_order(msgspec.convert({**ORDER, **changes}, Order, strict=False))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"commissionNotionalCollected": {"value": "-0.01", "currency": "USD"}}, "fill_fee"),
        ({"lastShares": "0.0000"}, "."),
        ({"tradeId": ""}, "fill_ids"),
    ],
)
def test_a_fill_that_cannot_be_is_unreadable(changes: dict[str, object], kind: str) -> None:
    with pytest.raises(WireError, match=kind):
        build_fill(msgspec.convert({**FILL, **changes}, Execution, strict=False), None)


def test_a_maker_may_be_paid_a_rebate() -> None:
    paid = {"commissionNotionalCollected": {"value": "-0.01", "currency": "USD"}}
    row = msgspec.convert({**FILL, **paid, "aggressor": False}, Execution, strict=False)
    assert build_fill(row, None).fee == -10_000


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "MARKET_STATUS_OF_NEXT_YEAR"}, "status MARKET_STATUS_OF"),
        ({"feeCoefficient": -0.1}, "fee coefficient unreadable"),
        ({"feeCoefficient": 0.06950000001}, "fee coefficient unreadable"),
        ({"minimumTradeQty": 0}, "no smallest quantity"),
    ],
)
def test_doubt_about_a_market_is_a_named_refusal(changes: dict[str, object], why: str) -> None:
    instrument = build_instrument(market_of(**changes), TERMS, NOW_NS)
    assert not instrument.tradeable and instrument.refusal.startswith(why)


def test_a_price_off_the_grid_is_never_encoded() -> None:
    instrument = build_instrument(market_of(), TERMS, NOW_NS)
    good = ticket(instrument, Outcome.NO, Side.BUY, 42, 2)
    assert encode_order(good, instrument)
    with pytest.raises(OffGridError):
        encode_order(replace(good, price_limit=PriceMicros(421_234)), instrument)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "2"},
        {"quantity": 0},
        {"quantity": 2.0000001},
        {"price": {"value": "1", "currency": "USD"}},
        {"price": {"value": "NaN", "currency": "USD"}},
        {"price": {"value": "0.42", "currency": "EUR"}},
        {"type": "ORDER_TYPE_MARKET"},
        {"cashOrderQty": {"value": "5", "currency": "USD"}},
    ],
)
def test_f027_a_body_that_is_no_limit_order_in_dollars_is_not_read_back(
    changes: dict[str, Any],
) -> None:
    instrument = build_instrument(market_of(), TERMS, NOW_NS)
    body = json.loads(encode_order(ticket(instrument, Outcome.YES, Side.BUY, 42, 2), instrument))
    with pytest.raises(DomainError):
        decode_order(json.dumps({**body, **changes}).encode())
