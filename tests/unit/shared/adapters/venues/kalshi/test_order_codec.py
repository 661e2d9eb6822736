"""Tickets to bytes and back; the mutants that buy the wrong side are caught (F-027)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.venues.kalshi.order_codec import (
    decode_order,
    encode_order,
    find_difference,
)
from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.errors import DomainError, OffGridError
from shared.domain.instrument import PriceRange
from shared.domain.order import LegTicket
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros, format_micros
from tests.support.kalshi_world import COIN, RATE, sim_market, ticket

INSTRUMENT = sim_market(RATE, 10**19).instrument
FINE = replace(INSTRUMENT, grid=(PriceRange(PriceMicros(0), PriceMicros(1_000_000), 100),))


def make(outcome: Outcome, side: Side, price: int, qty: int) -> LegTicket:
    base = ticket(INSTRUMENT, outcome, side, 50, 1, number=1)
    qty_micros = QtyMicros(qty * 10_000)
    return replace(base, price_limit=PriceMicros(price), qty=qty_micros, qty_max=qty_micros)


@pytest.mark.parametrize(
    ("outcome", "side", "wire_side", "wire_price"),
    [
        (Outcome.YES, Side.BUY, "bid", "0.3000"),
        (Outcome.YES, Side.SELL, "ask", "0.3000"),
        (Outcome.NO, Side.BUY, "ask", "0.7000"),
        (Outcome.NO, Side.SELL, "bid", "0.7000"),
    ],
)
def test_the_wire_knows_yes_only(
    outcome: Outcome, side: Side, wire_side: str, wire_price: str
) -> None:
    wanted = make(outcome, side, 300_000, 150)
    body = json.loads(encode_order(wanted, INSTRUMENT))
    assert (body["side"], body["price"], body["count"]) == (wire_side, wire_price, "1.50")
    assert body["client_order_id"] == wanted.attempt_id
    assert body["exchange_index"] == 0 and body["time_in_force"] == "immediate_or_cancel"
    assert not {"action", "yes_price", "no_price", "type", "buy_max_cost"} & set(body)


@given(
    outcome=st.sampled_from(Outcome),
    side=st.sampled_from(Side),
    price=st.integers(1, 9_999),
    qty=st.integers(1, 10_000_000),
)
def test_decoded_equals_ticket(outcome: Outcome, side: Side, price: int, qty: int) -> None:
    wanted = make(outcome, side, price * 100, qty)
    payload = encode_order(wanted, FINE)
    assert find_difference(payload, wanted) == ""
    assert decode_order(payload, outcome) == {
        "market_id": wanted.market_id,
        "outcome": outcome.value,
        "side": side.value,
        "price": format_micros(wanted.price_limit),
        "qty": format_micros(wanted.qty),
        "budget": "",
    }


@pytest.mark.parametrize(
    "damage",
    [
        {"side": "bid"},  # F-027: NO sent as bid
        {"price": "0.3000"},  # NO price instead of its complement
        {"ticker": "KXOTHER-1"},
        {"count": "15.00"},
        {"exchange_index": 3},
        {"client_order_id": "someone-else"},
        {"time_in_force": "good_till_canceled"},
        {"reduce_only": True},
    ],
)
def test_f027_every_mutation_of_the_bytes_is_a_difference(damage: dict[str, object]) -> None:
    wanted = make(Outcome.NO, Side.BUY, 300_000, 150)
    body = json.loads(encode_order(wanted, INSTRUMENT))
    assert find_difference(json.dumps({**body, **damage}).encode(), wanted)


def test_reduce_only_and_resting_flags() -> None:
    sell = replace(make(Outcome.YES, Side.SELL, 300_000, 100), reduce_only=True)
    assert json.loads(encode_order(sell, INSTRUMENT))["reduce_only"] is True
    rest = replace(make(Outcome.YES, Side.BUY, 300_000, 100), tif=TimeInForce.GTC)
    assert json.loads(encode_order(rest, INSTRUMENT))["cancel_order_on_pause"] is True
    with pytest.raises(DomainError):
        encode_order(replace(rest, reduce_only=True), INSTRUMENT)


@pytest.mark.parametrize("price", [0, 1_000_000, 305_000, 1])
def test_off_grid_price_is_refused_not_rounded(price: int) -> None:
    with pytest.raises(OffGridError):
        encode_order(make(Outcome.YES, Side.BUY, price, 100), INSTRUMENT)


def test_odd_requests_are_refused() -> None:
    good = make(Outcome.YES, Side.BUY, 300_000, 100)
    other = sim_market(COIN, 10**19).instrument
    for bad in (
        replace(good, budget_usd=UsdMicros(1)),
        replace(good, qty=QtyMicros(5_000)),
        replace(good, qty=QtyMicros(0)),
        replace(good, venue=Venue.POLYMARKET),
        replace(good, shard=2),
        replace(good, market_id=other.market_id),
    ):
        with pytest.raises(DomainError):
            encode_order(bad, INSTRUMENT)


@given(st.binary(max_size=200))
def test_decoding_anything_else_is_a_domain_error(payload: bytes) -> None:
    with pytest.raises(DomainError):
        decode_order(payload, Outcome.YES)


def test_a_resting_order_dies_by_itself_after_a_minute_unless_told_otherwise() -> None:
    """Nothing cancels on disconnect here: a lost process must leave nothing on the book."""
    rest = replace(make(Outcome.YES, Side.BUY, 300_000, 100), tif=TimeInForce.GTC)
    decided_s = rest.decided_wall_ns // 1_000_000_000
    body = json.loads(encode_order(rest, INSTRUMENT))
    assert decided_s + 59 <= body["expiration_time"] <= decided_s + 60
    assert body["time_in_force"] == "good_till_canceled"
    told = replace(rest, expires_wall_ns=rest.decided_wall_ns + 300 * 10**9)
    assert json.loads(encode_order(told, INSTRUMENT))["expiration_time"] - decided_s == 300
    assert "expiration_time" not in json.loads(
        encode_order(make(Outcome.YES, Side.BUY, 300_000, 100), INSTRUMENT)
    )


def test_an_end_belongs_to_a_resting_order_and_is_read_back() -> None:
    ioc = make(Outcome.YES, Side.BUY, 300_000, 100)
    with pytest.raises(DomainError, match="has an end"):
        encode_order(replace(ioc, expires_wall_ns=ioc.decided_wall_ns + 10**12), INSTRUMENT)
    rest = replace(ioc, tif=TimeInForce.GTC)
    body = json.loads(encode_order(rest, INSTRUMENT))
    assert find_difference(json.dumps(body).encode(), rest) == ""
    body["expiration_time"] += 60
    assert "expiration_time" in find_difference(json.dumps(body).encode(), rest)


@pytest.mark.parametrize("field", ["price", "count"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "", None, [], True])
def test_what_is_no_order_is_never_read_back(field: str, value: object) -> None:
    body = json.loads(encode_order(make(Outcome.YES, Side.BUY, 300_000, 100), INSTRUMENT))
    body[field] = value
    with pytest.raises(DomainError):
        decode_order(json.dumps(body).encode(), Outcome.YES)
