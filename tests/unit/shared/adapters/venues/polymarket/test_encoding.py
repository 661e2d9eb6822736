"""Amounts by the rounding table, tickets to bodies, and the body read back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.venues.polymarket.capabilities import ROUNDING, SignatureType
from shared.adapters.venues.polymarket.encoding import (
    ORDER_TYPES,
    WalletRoles,
    budget_buy_amounts,
    build_message,
    build_payload,
    decode_payload,
    limit_amounts,
    market_sell_amounts,
    order_type_of,
    tick_of,
)
from shared.adapters.venues.polymarket.instruments import (
    parse_market,
)
from shared.domain.enums import Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.errors import DomainError
from shared.domain.ids import AttemptId, PackageId, derive_salt
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.units import (
    MICROS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    format_micros,
    parse_micros,
)
from tests.support.polymarket_world import gamma_object
from tests.support.shared_data import SHARED, needs_shared

ROLES = WalletRoles("0x" + "aa" * 20, "0x" + "aa" * 20, SignatureType.DEPOSIT_WALLET, "key")
ATTEMPT = AttemptId("7c4c2bb0-7f9b-5b0b-8f0a-2f8f6c1f7a11")


def instrument(tick: float = 0.01) -> Instrument:
    return parse_market(json.dumps(gamma_object(1, tick=tick)).encode(), 1).instrument


def ticket(**changes: Any) -> LegTicket:
    base = LegTicket(
        attempt_id=ATTEMPT,
        package_id=PackageId("paper_sim-1-1"),
        leg=0,
        purpose=Purpose.OPEN,
        attempt=0,
        venue=Venue.POLYMARKET,
        market_id=instrument().market_id,
        outcome=Outcome.YES,
        side=Side.BUY,
        price_limit=PriceMicros(560_000),
        qty=QtyMicros(100_000_000),
        qty_max=QtyMicros(120_000_000),
        tif=TimeInForce.IOC,
        decided_mono_ns=1,
        decided_wall_ns=1_780_449_126_930_999_999,
        send_by_mono_ns=2,
    )
    return replace(base, **changes)


def encoded(asked: LegTicket, tick: float = 0.01) -> tuple[dict[str, Any], dict[str, str]]:
    market = instrument(tick)
    order = build_message(
        asked, market, ROLES, derive_salt(asked.attempt_id), tick_of(asked, market)
    )
    payload = build_payload(order, ORDER_TYPES[asked.tif], ROLES.owner)
    decoded = decode_payload(payload, market, as_budget=asked.budget_usd is not None)
    return json.loads(payload), decoded


@needs_shared
def test_every_row_of_the_recorded_rounding_table() -> None:
    rows = json.loads((SHARED / "facts/polymarket/vectors.json").read_text())["rounding"]
    for row in rows:
        side = Side.BUY if row["side"] == "BUY" else Side.SELL
        made = limit_amounts(
            side, parse_micros(row["price"]), parse_micros(row["size"]), parse_micros(row["tick"])
        )
        assert [made.maker, made.taker] == row["decimal_sdk"], row
    assert len(rows) == 14


def test_known_amounts_of_each_kind() -> None:
    assert limit_amounts(Side.BUY, 560_000, 21_040_000, 10_000).maker == 11_782_400
    fak = budget_buy_amounts(100_000_000, 560_000, 10_000)
    assert (fak.maker, fak.taker) == (100_000_000, 178_571_400)
    sale = market_sell_amounts(25_500_000, 410_000, 10_000)
    assert (sale.maker, sale.taker) == (25_500_000, 10_455_000)


@given(
    tick=st.sampled_from(sorted(ROUNDING)),
    steps=st.integers(1, 9_999),
    cents=st.integers(1, 10_000_000),
)
def test_a_budget_never_pays_above_its_price_by_a_tick(tick: int, steps: int, cents: int) -> None:
    price = tick * (steps % (MICROS // tick - 1) + 1)
    budget = cents * 10_000
    try:
        made = budget_buy_amounts(budget, price, tick)
    except DomainError:
        assert budget * MICROS // price < 1_000
        return
    assert made.maker == budget and made.taker * price <= budget * MICROS
    # Read back, the price is on its own tick again unless the order is dust.
    if made.taker >= 1_000_000:
        ratio = made.maker * MICROS // made.taker
        assert ratio - ratio % tick == price


def test_ticket_becomes_a_budget_and_is_read_back() -> None:
    body, decoded = encoded(ticket(budget_usd=UsdMicros(56_000_000)))
    order = body["order"]
    assert (order["makerAmount"], order["takerAmount"]) == ("56000000", "100000000")
    assert order["salt"] == derive_salt(ATTEMPT) < 2**53 and order["timestamp"] == "1780449126930"
    assert body["orderType"] == "FAK" and order["signature"] == ""
    assert decoded["budget"] == "56" and decoded["qty"] == "" and decoded["price"] == "0.56"


def test_immediate_buy_without_budget_must_be_whole_cents() -> None:
    _, decoded = encoded(ticket(qty=QtyMicros(50_000_000)))
    assert (decoded["qty"], decoded["budget"]) == ("50", "")
    with pytest.raises(DomainError, match="whole number of cents"):
        encoded(ticket(qty=QtyMicros(50_010_000)))


@pytest.mark.parametrize(
    "changes",
    [
        {"price_limit": PriceMicros(565_000)},
        {"price_limit": PriceMicros(MICROS)},
        {"qty": QtyMicros(0)},
        {"qty": QtyMicros(1_005_000)},
        {"budget_usd": UsdMicros(990_000)},
        {"budget_usd": UsdMicros(5_005_000)},
        {"tif": TimeInForce.GTC, "qty": QtyMicros(4_990_000)},
        {"tif": TimeInForce.GTC, "budget_usd": UsdMicros(5_000_000)},
    ],
)
def test_what_the_venue_cannot_express_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DomainError):
        encoded(ticket(**changes))


@given(
    tick=st.sampled_from([0.01, 0.001, 0.005, 0.0025, 0.0001, 0.1]),
    step=st.integers(0, 10_000),
    hundredths=st.integers(500, 5_000_000),
    outcome=st.sampled_from(list(Outcome)),
    side=st.sampled_from(list(Side)),
)
def test_f027_decoded_limit_order_equals_the_ticket(
    tick: float, step: int, hundredths: int, outcome: Outcome, side: Side
) -> None:
    size = round(tick * MICROS)
    price = size * (step % (MICROS // size - 1) + 1)
    asked = ticket(
        price_limit=PriceMicros(price),
        qty=QtyMicros(hundredths * 10_000),
        outcome=outcome,
        side=side,
        tif=TimeInForce.GTC,
    )
    _, decoded = encoded(asked, tick)
    assert decoded == {
        "market_id": asked.market_id,
        "outcome": outcome.value,
        "side": side.value,
        "price": format_micros(price),
        "qty": format_micros(asked.qty),
        "budget": "",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("makerAmount", "-5"),
        ("makerAmount", "0"),
        ("takerAmount", 5),
        ("takerAmount", "1e9"),
        ("side", "HOLD"),
        ("tokenId", None),
        ("expiration", True),
    ],
)
def test_what_is_no_order_is_never_read_back(field: str, value: object) -> None:
    asked, market = ticket(), instrument()
    body = json.loads(
        build_payload(build_message(asked, market, ROLES, 1, tick_of(asked, market)), "FAK", "k")
    )
    body["order"][field] = value
    with pytest.raises(DomainError):
        decode_payload(json.dumps(body).encode(), market)
    with pytest.raises(DomainError):
        decode_payload(b"[]", market)


def test_a_foreign_token_is_refused_when_read_back() -> None:
    asked = ticket(tif=TimeInForce.GTC)
    market = instrument()
    order = build_message(asked, market, ROLES, 1, 10_000)
    payload = build_payload(order, "GTC", "key").replace(market.yes_token.encode(), b"999")
    with pytest.raises(DomainError):
        decode_payload(payload, market)


def gtd(life_s: int, **changes: Any) -> LegTicket:
    base = ticket(tif=TimeInForce.GTC, **changes)
    return replace(base, expires_wall_ns=base.decided_wall_ns + life_s * NS_PER_S)


def test_a_resting_order_with_an_end_is_gtd_and_states_a_minute_more() -> None:
    asked = gtd(300)
    order_type, expiration = order_type_of(asked)
    assert order_type == "GTD"
    # The venue ends it a minute before what it states: at the second asked for, or just after.
    assert 0 <= (int(expiration) - 60) * NS_PER_S - asked.expires_wall_ns < NS_PER_S
    market = instrument()
    order = build_message(asked, market, ROLES, 1, tick_of(asked, market))
    payload = build_payload(order, order_type, ROLES.owner, expiration=expiration)
    said = decode_payload(payload, market, as_budget=False)
    assert (said["price"], said["qty"], said["budget"]) == ("0.56", "100", "")


def test_orders_without_an_end_state_none() -> None:
    assert order_type_of(ticket(tif=TimeInForce.GTC)) == ("GTC", "0")
    assert order_type_of(ticket()) == ("FAK", "0")
    assert order_type_of(ticket(tif=TimeInForce.FOK)) == ("FOK", "0")


@pytest.mark.parametrize("asked", [gtd(119), replace(gtd(600), tif=TimeInForce.IOC)])
def test_an_end_that_the_venue_cannot_keep_is_refused(asked: LegTicket) -> None:
    with pytest.raises(DomainError):
        order_type_of(asked)


@pytest.mark.parametrize(("order_type", "expiration"), [("GTC", "1780449600"), ("GTD", "0")])
def test_an_expiration_that_does_not_fit_its_type_is_not_read_back(
    order_type: str, expiration: str
) -> None:
    asked, market = ticket(tif=TimeInForce.GTC), instrument()
    order = build_message(asked, market, ROLES, 1, tick_of(asked, market))
    payload = build_payload(order, order_type, ROLES.owner, expiration=expiration)
    with pytest.raises(DomainError, match="expiration"):
        decode_payload(payload, market)
