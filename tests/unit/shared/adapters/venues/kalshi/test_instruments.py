"""Market objects to instruments: fees, refusals, times, the rules hash, payouts."""

from __future__ import annotations

import contextlib
import json
from dataclasses import fields
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.venues.kalshi.account import read_payout as read_settlement
from shared.adapters.venues.kalshi.instruments import (
    build_instrument,
    build_listing,
    read_fees,
    read_payout,
    read_status,
)
from shared.adapters.venues.kalshi.parsing import (
    read_amount,
    read_grid,
    read_levels,
    read_ratio_ppm,
    read_time_ns,
)
from shared.adapters.venues.kalshi.schemas import (
    EventRow,
    Market,
    PriceRangeRow,
    SeriesRow,
    SettlementRow,
)
from shared.domain.enums import FeeType, MarketStatus
from shared.domain.errors import WireError
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S
from tests.support.kalshi_world import RATE, raw_event, raw_market, raw_series

CLOSE = 1_800_000_000 * NS_PER_S
EVENT = msgspec.convert(raw_event(RATE), EventRow)
SERIES = msgspec.convert(raw_series(RATE), SeriesRow)


def market(**changes: Any) -> Market:
    return msgspec.convert(raw_market(RATE, CLOSE, **changes), Market)


def build(**changes: Any) -> Instrument:
    return build_instrument(market(**changes), EVENT, SERIES, 5)


def test_plain_market() -> None:
    made = build()
    assert made.tradeable and made.refusal == ""
    assert made.fees.fee_type is FeeType.KALSHI_QUADRATIC
    assert (made.fees.rate_ppm, made.fees.maker_rate_ppm) == (70_000, 0)
    assert made.close_ns == CLOSE
    assert made.settle_expected_ns == CLOSE + 360 * NS_PER_S
    assert made.settle_worst_ns == CLOSE + (7 * 86_400 + 60) * NS_PER_S
    assert made.settlement_source == "Bureau of Outcomes"
    assert made.qty_step == made.min_qty == 10_000
    assert made.title == "Event KXRATE-26DEC: Outcome H0"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"market_type": "scalar"}, "market type"),
        ({"settlement_bounds_type": "floor"}, "settlement bounds"),
        ({"mve_collection_ticker": "KXMVE"}, "combination"),
        ({"is_provisional": True}, "provisional"),
        ({"status": "hibernating"}, "status"),
        ({"notional_value_dollars": "10.0000"}, "notional"),
        ({"exchange_index": -1}, "shard"),
    ],
)
def test_f100_doubtful_markets_are_listed_but_refused(changes: dict[str, Any], word: str) -> None:
    made = build(**changes)
    assert not made.tradeable and word in made.refusal


def test_f098_fees_come_from_the_venue_or_are_unknown() -> None:
    def fee(series: dict[str, Any], **event: Any) -> tuple[FeeType, int, int]:
        made = read_fees(
            msgspec.convert({**raw_series(RATE), **series}, SeriesRow),
            msgspec.convert({**raw_event(RATE), **event}, EventRow),
            0,
            0,
        )
        return made.fee_type, made.multiplier_ppm, made.maker_rate_ppm

    assert fee({"fee_multiplier": Decimal("0.5")})[1] == 500_000
    assert fee({"fee_type": "quadratic_with_maker_fees"})[2] == 17_500
    assert fee({"fee_type": "quadratic_with_combo_maker_fees"})[2] == 35_000
    assert fee({"fee_multiplier": 0})[0] is FeeType.KALSHI_FREE
    assert fee({"fee_type": "flat"})[0] is FeeType.KALSHI_FLAT
    for odd in (
        {"fee_type": "cubic"},
        {"fee_type": "curve"},
        {"fee_multiplier": None},
        {"fee_multiplier": -1},
        {"fee_multiplier": Decimal("0.12345678")},
    ):
        assert fee(odd)[0] is FeeType.UNKNOWN, odd
    # The event's override wins, value by value.
    assert fee({}, fee_multiplier_override=Decimal("0.25"))[1] == 250_000
    assert fee({"fee_type": "flat"}, fee_type_override="quadratic")[0] is FeeType.KALSHI_QUADRATIC
    assert read_fees(None, EVENT, 0, 0).fee_type is FeeType.UNKNOWN


def test_unknown_fees_make_a_market_untradeable() -> None:
    made = build_instrument(market(), EVENT, None, 5)
    assert not made.tradeable and made.refusal == "fee formula unknown"


def test_f100_every_text_of_the_bet_moves_the_rules_hash() -> None:
    base = build().rules_hash
    assert base == build(title="Renamed", volume_fp="9").rules_hash
    for changes in (
        {"rules_primary": "x"},
        {"rules_secondary": "x"},
        {"yes_sub_title": "x"},
        {"custom_strike": {"Outcome": "other"}},
        {"floor_strike": 3},
        {"strike_type": "greater"},
        {"early_close_condition": "x"},
        {"settlement_bounds_type": "floor"},
    ):
        assert build(**changes).rules_hash != base, changes
    other = msgspec.convert(
        {**raw_event(RATE), "settlement_sources": [{"name": "Elsewhere"}]}, EventRow
    )
    assert build_instrument(market(), other, SERIES, 5).rules_hash != base


def test_missing_expected_settlement_is_the_worst_one() -> None:
    made = build(expected_expiration_time=None)
    assert made.settle_expected_ns == made.settle_worst_ns > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"price_ranges": None},
        {"price_ranges": []},
        {"price_ranges": [{"start": "0", "end": "1", "step": "0"}]},
        {"price_ranges": [{"start": "1", "end": "0", "step": "0.01"}]},
        {"close_time": "soon"},
        {"close_time": "2027-01-15"},
        {"notional_value_dollars": "one"},
    ],
)
def test_unreadable_market_is_a_wire_error(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        build(**changes)


def test_listing_carries_texts_and_the_raw_object() -> None:
    raw = msgspec.Raw(json.dumps(raw_market(RATE, CLOSE)).encode())
    listing = build_listing(raw, EVENT, SERIES, 5)
    assert listing.tags == ("Rates", "Economics")
    assert listing.rules_text.count("\n\n") == 1
    assert listing.raw["ticker"] == RATE and listing.outcome_label == "Outcome H0"


def test_status_words() -> None:
    assert read_status("active") is MarketStatus.ACTIVE
    assert read_status("amended") is MarketStatus.DETERMINED
    assert read_status("something") is MarketStatus.PAUSED


def test_payouts() -> None:
    assert read_payout(market()) is None
    assert read_payout(market(status="determined", result="yes")) == 1_000_000
    assert read_payout(market(status="finalized", result="no")) == 0
    scalar = market(status="finalized", result="scalar", settlement_value_dollars="0.2500")
    assert read_payout(scalar) == 250_000
    assert read_payout(market(status="determined", result="scalar")) is None
    for value in ("1.5000", "-0.1", "0.0000"):
        with pytest.raises(WireError):
            read_payout(market(status="finalized", result="yes", settlement_value_dollars=value))


def test_times_of_all_shapes() -> None:
    assert read_time_ns("2026-06-14T07:33:32.55868Z") == 1_781_422_412_558_680_000
    assert read_time_ns("2026-06-14T07:33:32+00:00") == 1_781_422_412_000_000_000
    assert read_time_ns(None) == read_time_ns("") == 0
    for odd in ("2026-06-14T07:33:32", "1781422412", "0001-01-01T00:00:00Z", "x"):
        with pytest.raises(WireError):
            read_time_ns(odd)


@given(st.text(max_size=40))
def test_readers_raise_nothing_but_wire_errors(text: str) -> None:
    for reader in (
        lambda: read_amount(text, "x"),
        lambda: read_time_ns(text),
        lambda: read_levels([(text, "1.00")], flip=False),
        lambda: read_levels([("0.50", text)], flip=True),
        lambda: read_grid([PriceRangeRow(text, "1", "0.01")]),
        lambda: build(close_time=text),
    ):
        with contextlib.suppress(WireError):
            reader()


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_ratios_are_exact_or_refused(value: Decimal) -> None:
    try:
        ppm = read_ratio_ppm(value, "x")
    except WireError:
        return
    assert Decimal(ppm) == value * 1_000_000 and 0 <= ppm <= 100_000_000


def test_instrument_has_no_float() -> None:
    made = build()
    assert not [f.name for f in fields(made) if isinstance(getattr(made, f.name), float)]


def test_a_settlement_that_names_no_market_is_unreadable() -> None:
    """Found by the fuzzer: an empty ticker reached an assertion of the domain."""
    row = SettlementRow(
        ticker="",
        market_result="yes",
        yes_count_fp="10.00",
        no_count_fp="0.00",
        revenue=1000,
        settled_time="2026-10-01T00:00:00Z",
        value=100,
    )
    with pytest.raises(WireError):
        read_settlement(row)
