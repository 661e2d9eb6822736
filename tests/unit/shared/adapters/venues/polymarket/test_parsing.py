"""Gamma objects to instruments: own fixtures, every recorded object, and bad input."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from shared.adapters.venues.polymarket.instruments import (
    apply_clob_info,
    parse_market,
    parse_market_page,
    parse_payout,
)
from shared.adapters.venues.polymarket.parsing import (
    micros,
    parse_time,
)
from shared.adapters.venues.polymarket.schemas import (
    ClobFee,
    ClobMarketInfo,
    ClobToken,
    GammaMarket,
)
from shared.domain.enums import FeeType, MarketStatus, Outcome
from shared.domain.errors import WireError
from shared.domain.instrument import Instrument
from tests.support.polymarket_world import gamma_object
from tests.support.shared_data import SHARED, needs_shared

PAIRED = SHARED / "data/paired_snapshot_2026-07-20/polymarket"


def built(**more: Any) -> Instrument:
    return parse_market(json.dumps(gamma_object(1, **more)).encode(), 99).instrument


def test_a_market_becomes_an_instrument() -> None:
    market = parse_market(json.dumps(gamma_object(2, secondsDelay=3)).encode(), 99)
    made = market.instrument
    assert made.market_id == f"polymarket:0x{2:064x}" and made.tradeable and made.neg_risk
    assert made.token_of(Outcome.YES) == str(10**40 + 4)
    assert made.token_of(Outcome.NO) == str(10**40 + 5)
    assert made.grid[0].step == 10_000 and made.min_qty == 5_000_000
    assert made.min_notional_usd == 1_000_000 and made.qty_step == 10_000
    assert (made.fees.rate_ppm, made.fees.exponent, made.fees.as_of_ns) == (50_000, 1, 99)
    assert made.taker_delay_ns == 3_000_000_000 and made.status is MarketStatus.ACTIVE
    assert made.close_ns < made.settle_expected_ns < made.settle_worst_ns
    assert made.category == "economics" and made.series_id == "harbour-bridge"
    assert market.tags == ("Economy",) and market.outcome_label == "Day 2"


def test_f104_yes_is_always_the_first_outcome_whatever_its_name() -> None:
    market = parse_market(json.dumps(gamma_object(1, outcomes='["No", "Yes"]')).encode(), 1)
    assert market.instrument.yes_token == str(10**40 + 2) and market.outcome_label == "No"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"version": "v2"}, "protocol v2"),
        ({"negRiskOther": True}, "other"),
        ({"enableOrderBook": False}, "no order book"),
        ({"feesEnabled": True, "feeSchedule": None}, "fee schedule"),
        ({"feeSchedule": {"exponent": 3, "rate": 0.05, "takerOnly": True}}, "fee schedule"),
        ({"feeSchedule": {"exponent": 1, "rate": 0.05, "takerOnly": False}}, "fee schedule"),
        ({"orderPriceMinTickSize": 0.02}, "unknown tick"),
        (
            {"groupItemTitle": "Person B", "events": [{"id": "1", "negRiskAugmented": True}]},
            "placeholder",
        ),
        (
            {"groupItemTitle": "Other", "events": [{"id": "1", "negRiskAugmented": True}]},
            "placeholder",
        ),
    ],
)
def test_markets_that_must_not_be_traded_say_why(more: dict[str, Any], words: str) -> None:
    made = built(**more)
    assert not made.tradeable and words in made.refusal


def test_named_outcomes_of_augmented_sets_and_position_ids_are_no_reason() -> None:
    augmented = [{"id": "1", "negRiskAugmented": True}]
    assert built(groupItemTitle="Spain", events=augmented, positionIds=["1"]).tradeable
    assert built(version="v1").tradeable


def test_fees_come_from_the_schedule_never_from_relics() -> None:
    free = built(feesEnabled=False, feeSchedule=None, takerBaseFee=1000)
    assert free.tradeable and free.fees.rate_ppm == 0
    assert free.fees.fee_type is FeeType.POLYMARKET_CURVE
    assert built(feeType="sports_fees_v3", takerBaseFee=1000).fees.rate_ppm == 50_000


def test_rules_hash_follows_every_deciding_text() -> None:
    base = built().rules_hash
    assert built().rules_hash == base and len(base) == 16
    for change in (
        {"description": "x"},
        {"question": "x"},
        {"resolutionSource": "x"},
        {"endDate": "2027-01-01T00:00:00Z"},
        {"groupItemTitle": "x"},
        {"negRisk": True},
    ):
        assert built(**change).rules_hash != base, change


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"acceptingOrders": False}, MarketStatus.PAUSED),
        ({"active": False}, MarketStatus.UNOPENED),
        ({"closed": True}, MarketStatus.CLOSED),
        ({"closed": True, "umaResolutionStatus": "resolved"}, MarketStatus.SETTLED),
        ({"umaResolutionStatus": "proposed"}, MarketStatus.PAUSED),
        ({"umaResolutionStatus": "disputed", "acceptingOrders": False}, MarketStatus.CLOSED),
    ],
)
def test_status(more: dict[str, Any], status: MarketStatus) -> None:
    assert built(**more).status is status


@pytest.mark.parametrize(
    ("prices", "payout"),
    [('["1", "0"]', 1_000_000), ('["0", "1"]', 0), ('["0.5", "0.5"]', 500_000)],
)
def test_f102_payout_of_final_prices(prices: str, payout: int) -> None:
    row = GammaMarket(
        condition_id="0x1",
        outcomes="[]",
        closed=True,
        uma_resolution_status="resolved",
        outcome_prices=prices,
    )
    assert parse_payout(row) == payout
    row.uma_resolution_status = "proposed"
    assert parse_payout(row) is None


def test_payout_that_does_not_sum_to_a_dollar_is_unreadable() -> None:
    row = GammaMarket(
        condition_id="0x1",
        outcomes="[]",
        closed=True,
        uma_resolution_status="resolved",
        outcome_prices='["0", "0"]',
    )
    with pytest.raises(WireError):
        parse_payout(row)


def test_clob_facts_win_over_gamma() -> None:
    base = built()
    tokens = [ClobToken(base.yes_token), ClobToken(base.no_token)]
    info = ClobMarketInfo(
        t=tokens,
        mts=Decimal("0.001"),
        fd=ClobFee(Decimal("0.07"), Decimal(1), True),
        ao=False,
        itode=True,
    )
    made = apply_clob_info(base, info, 500)
    assert (made.fees.rate_ppm, made.grid[0].step) == (70_000, 1_000)
    assert made.taker_delay_ns == 250_000_000 and made.status is MarketStatus.PAUSED
    assert made.fees.as_of_ns == 500 and made.fees.scope == f"market:{base.native_id}"
    assert (base.fees.scope, base.fees.venue) == (made.fees.scope, "polymarket")
    with pytest.raises(WireError):
        apply_clob_info(base, ClobMarketInfo(t=tokens[::-1]), 500)
    for delay_s in (-1, 3_601):  # found by the fuzzer: a negative hold of takers
        with pytest.raises(WireError):
            apply_clob_info(base, ClobMarketInfo(t=tokens, sd=delay_s), 500)


@pytest.mark.parametrize(
    "spoil",
    [
        {"conditionId": "abc"},
        {"conditionId": None},
        {"outcomes": "[]"},
        {"outcomes": "Yes"},
        {"outcomes": '["A", "B", "C"]'},
        {"clobTokenIds": '["1"]'},
        {"clobTokenIds": '["x", "y"]'},
        {"orderMinSize": -5},
        {"orderPriceMinTickSize": "NaN"},
        {"orderPriceMinTickSize": 1e99},
        {"endDate": "tomorrow"},
        {"secondsDelay": -1},
        {"customLiveness": -3},
        {"feeSchedule": {"rate": "Infinity", "exponent": 1}},
        {"events": "none"},
    ],
)
def test_f095_unreadable_markets_raise_their_own_error(spoil: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        built(**spoil)


def test_a_page_leaves_out_what_it_cannot_read() -> None:
    page = {"markets": [gamma_object(1), {"id": 5}, gamma_object(2)], "next_cursor": "abc"}
    markets, cursor, errors = parse_market_page(json.dumps(page).encode(), 1)
    assert len(markets) == 2 and cursor == "abc" and len(errors) == 1


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1726043102", 1_726_043_102_000_000_000),
        ("1725868885123", 1_725_868_885_123_000_000),
        ("2026-07-20T00:00:00Z", 1_784_505_600_000_000_000),
        ("2026-07-20 00:00:00+00", 1_784_505_600_000_000_000),
        ("2026-07-20T00:00:00.000001Z", 1_784_505_600_000_001_000),
        ("", 0),
        (None, 0),
    ],
)
def test_times(text: str | None, ns: int) -> None:
    assert parse_time(text, "t") == ns


@pytest.mark.parametrize("value", ["1e3", "NaN", "-", "0x1", "1" * 14, "0.0000001"])
def test_money_is_exact_or_refused(value: str) -> None:
    with pytest.raises(WireError):
        micros(value, "m")


@pytest.mark.parametrize("value", ["NaN", "1E+999999", "1E-999999", "0.00000001"])
def test_decimals_are_exact_or_refused(value: str) -> None:
    with pytest.raises(WireError):
        micros(Decimal(value), "m")


@needs_shared
def test_every_recorded_gamma_object_of_the_paired_snapshot() -> None:
    paths = sorted(PAIRED.glob("gamma_*.json"))
    for path in paths:
        market = parse_market(path.read_bytes(), 1)
        assert market.instrument.native_id in path.name and market.instrument.tradeable
        assert market.instrument.fees.rate_ppm in (30_000, 50_000)
        assert market.instrument.status in (MarketStatus.ACTIVE, MarketStatus.SETTLED)
    assert len(paths) == 31


@needs_shared
def test_every_recorded_sample_is_read_or_refused_in_words() -> None:
    folder = SHARED / "facts/polymarket/samples/other"
    events = json.loads((folder / "areeba_polymarket_raw_2026-03.json").read_text())
    markets = [m for event in events for m in event["markets"]]
    markets += json.loads((folder / "guzus_polymarket_markets_2026-06.json").read_text())
    markets += [json.loads(p.read_text()) for p in sorted(folder.glob("btc5m_gamma_*.json"))]
    refused = 0
    for raw in markets:
        try:
            parse_market(json.dumps(raw).encode(), 1)
        except WireError:
            refused += 1
            assert not raw.get("conditionId") or not raw.get("clobTokenIds")
    assert len(markets) > 240 and refused < 5
