"""Fees against printed examples, real charges and the rule restated with Fraction."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from shared.domain.enums import FeeType, Liquidity, Side
from shared.domain.errors import DomainError, UnknownFeeError
from shared.domain.fee_bounds import bound
from shared.domain.fees import (
    budget_exact,
    budget_for,
    charge,
    charge_pico,
    effective,
    is_known,
    kalshi_schedule,
    model_fraction,
    polymarket_schedule,
    profit_fee,
    unit_fee,
)
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, format_micros
from tests.support.exact_fees import kalshi_fill, polymarket_fill
from tests.support.markets import SHARED, ct, px, usd

TAKER, MAKER, BUY, SELL = Liquidity.TAKER, Liquidity.MAKER, Side.BUY, Side.SELL
HALF = MICROS // 2
OLD_QUANTUM = 100


def fee_text(
    schedule: FeeSchedule, price: str, qty: str, side: Side = BUY, liquidity: Liquidity = TAKER
) -> str:
    return format_micros(charge(schedule, liquidity, side, px(price), ct(qty)).fee_usd)


# --- Kalshi -------------------------------------------------------------------------------

# (price, count, direct, to the cent, multiplier one half, maker): worked by hand from the
# documented rule; one contract at the extremes, the peak, and counts of a hundred.
KALSHI_EXAMPLES = [
    ("0.01", "1", "0.0007", "0.01", "0.0004", "0.0002"),
    ("0.05", "100", "0.3325", "0.34", "0.1663", "0.0832"),
    ("0.1", "1", "0.0063", "0.01", "0.0032", "0.0016"),
    ("0.25", "1", "0.0132", "0.02", "0.0066", "0.0033"),
    ("0.45", "3", "0.052", "0.06", "0.026", "0.013"),
    ("0.5", "1", "0.0175", "0.02", "0.0088", "0.0044"),
    ("0.5", "100", "1.75", "1.75", "0.875", "0.4375"),
    ("0.99", "100", "0.0693", "0.07", "0.0347", "0.0174"),
]


@pytest.mark.parametrize(("price", "count", "direct", "cent", "half", "maker"), KALSHI_EXAMPLES)
def test_kalshi_worked_examples(
    price: str, count: str, direct: str, cent: str, half: str, maker: str
) -> None:
    plain = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
    broker = kalshi_schedule(FeeType.KALSHI_QUADRATIC, precision=10_000)
    halved = kalshi_schedule(FeeType.KALSHI_QUADRATIC, HALF)
    makers = kalshi_schedule(FeeType.KALSHI_QUADRATIC_MAKER)
    assert fee_text(plain, price, count) == direct
    assert fee_text(broker, price, count) == cent
    assert fee_text(halved, price, count) == half
    assert fee_text(makers, price, count, liquidity=MAKER) == maker


def test_kalshi_every_row_of_the_fact_sheet() -> None:
    sheet = SHARED / "facts" / "KALSHI.md"
    if not sheet.exists():
        pytest.skip("fact sheet ../shared/facts/KALSHI.md is not here")
    number = r"\s*([0-9.]+)\s*"
    row = re.compile(r"^\|" + r"\|".join([number] * 7) + r"\|$", re.M)
    rows = row.findall(sheet.read_text())
    assert len(rows) == 25
    for price, count, model, direct, cent, half, maker in rows:
        plain = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
        assert model_fraction(plain, TAKER, px(price), ct(count)) == Fraction(model)
        got = (
            fee_text(plain, price, count),
            fee_text(kalshi_schedule(FeeType.KALSHI_QUADRATIC, precision=10_000), price, count),
            fee_text(kalshi_schedule(FeeType.KALSHI_QUADRATIC, HALF), price, count),
            fee_text(
                kalshi_schedule(FeeType.KALSHI_QUADRATIC_MAKER), price, count, liquidity=MAKER
            ),
        )
        assert [Fraction(x) for x in got] == [Fraction(x) for x in (direct, cent, half, maker)], (
            price,
            count,
        )


@pytest.mark.parametrize(
    ("qty", "price", "multiplier", "old", "new"),
    [
        ("227.27", "0.001", MICROS, "0.01593", "0.01593"),
        ("28.32", "0.033", MICROS, "0.06334", "0.06334"),
        ("71.94", "0.013", MICROS, "0.06478", "0.06468"),
        ("0.27", "0.27", HALF, "0.0019", "0.0019"),
        ("1", "0.427", MICROS, "0.0172", "0.0172"),
    ],
)
def test_kalshi_charges_that_were_seen(
    qty: str, price: str, multiplier: int, old: str, new: str
) -> None:
    before = kalshi_schedule(FeeType.KALSHI_QUADRATIC, multiplier, trade_fee_quantum=OLD_QUANTUM)
    assert fee_text(before, price, qty) == old
    assert fee_text(kalshi_schedule(FeeType.KALSHI_QUADRATIC, multiplier), price, qty) == new


def test_kalshi_maker_and_sale_examples() -> None:
    makers = kalshi_schedule(FeeType.KALSHI_QUADRATIC_MAKER)
    assert fee_text(makers, "0.67", "2", liquidity=MAKER) == "0.0078"
    assert fee_text(makers, "0.12", "2", liquidity=MAKER) == "0.0037"
    combo = kalshi_schedule(FeeType.KALSHI_QUADRATIC_COMBO_MAKER)
    assert fee_text(combo, "0.5", "100", liquidity=MAKER) == "0.875"
    plain = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
    assert fee_text(plain, "0.5", "100", liquidity=MAKER) == "0"
    assert fee_text(plain, "0.42", "10", SELL) == "0.1706"
    broker = kalshi_schedule(FeeType.KALSHI_QUADRATIC, precision=10_000)
    assert fee_text(broker, "0.055", "1") == "0.005"


def test_kalshi_real_fills() -> None:
    path = SHARED / "facts" / "kalshi" / "samples" / "fills_redacted.json"
    if not path.exists():
        pytest.skip("real fills ../shared/facts/kalshi/samples are not here")
    fills = json.loads(path.read_text())["payload"]["fills"]
    assert len(fills) == 17
    for fill in fills:
        multiplier = HALF if fill["ticker"].startswith("KXMLB") else MICROS
        schedule = kalshi_schedule(
            FeeType.KALSHI_QUADRATIC, multiplier, trade_fee_quantum=OLD_QUANTUM
        )
        leg = "yes_price_dollars" if fill["outcome_side"] == "yes" else "no_price_dollars"
        side = BUY if fill["action"] == "buy" else SELL
        got = fee_text(schedule, fill[leg], fill["count_fp"], side)
        assert Fraction(got) == Fraction(fill["fee_cost"]), fill


@pytest.mark.parametrize("precision", [100, 10_000])
@pytest.mark.parametrize("quantum", [1, 100])
def test_kalshi_equals_the_rule_over_an_order_of_many_fills(precision: int, quantum: int) -> None:
    schedule = kalshi_schedule(
        FeeType.KALSHI_QUADRATIC, HALF, precision=precision, trade_fee_quantum=quantum
    )
    fills = [("0.031", "0.01"), ("0.032", "17.37"), ("0.5", "0.03"), ("0.999", "500"), ("0.2", "1")]
    for side in (BUY, SELL):
        held, reference = 0, Fraction(0)
        for price, qty in fills * 3:
            got, held = charge_pico(schedule, TAKER, side, px(price), ct(qty), held)
            fee, reference = kalshi_fill(
                Fraction(qty),
                Fraction(price),
                is_buy=side is BUY,
                rate=Fraction(35, 1000),
                precision=Fraction(precision, MICROS),
                quantum=Fraction(quantum, MICROS),
                accumulator=reference,
            )
            assert Fraction(got, MICROS**2) == fee
            assert Fraction(held, MICROS**2) == reference


def test_kalshi_waiver_free_and_unknown() -> None:
    waived = kalshi_schedule(FeeType.KALSHI_QUADRATIC, waived_until_ns=100)
    assert fee_text(effective(waived, 99), "0.5", "1") == "0"
    assert effective(waived, 100) == waived
    assert fee_text(waived, "0.5", "1") == "0.0175", "a waiver counts only when it is asked for"
    free = kalshi_schedule(FeeType.KALSHI_FREE)
    assert fee_text(free, "0.5", "100") == "0"
    # What does not land on a centicent is still parked in the fee.
    assert fee_text(free, "0.001", "227.27") == "0.00003"
    for kind in (FeeType.KALSHI_FLAT, FeeType.UNKNOWN):
        schedule = kalshi_schedule(kind)
        assert not is_known(schedule)
        with pytest.raises(UnknownFeeError):
            charge(schedule, TAKER, BUY, px("0.5"), ct("1"))
        with pytest.raises(UnknownFeeError):
            bound(schedule, TAKER, BUY, [(px("0.5"), ct("1"))])
        assert effective(schedule, 0) is schedule


@pytest.mark.parametrize(
    "schedule",
    [
        FeeSchedule(FeeType.KALSHI_QUADRATIC, rate_ppm=-1),
        FeeSchedule(FeeType.KALSHI_QUADRATIC, rate_ppm=70_000, precision=0),
        FeeSchedule(FeeType.KALSHI_QUADRATIC, rate_ppm=70_000, multiplier_ppm=20 * MICROS),
        FeeSchedule(FeeType.POLYMARKET_CURVE, rate_ppm=50_000, exponent=0),
        FeeSchedule(FeeType.POLYMARKET_CURVE, rate_ppm=MICROS),
    ],
)
def test_absurd_numbers_are_unknown_fees(schedule: FeeSchedule) -> None:
    with pytest.raises(UnknownFeeError):
        charge(schedule, TAKER, BUY, px("0.5"), ct("1"))


def test_real_series_load() -> None:
    path = SHARED / "data" / "fees" / "kalshi_series_fees.jsonl"
    if not path.exists():
        pytest.skip("real series ../shared/data/fees are not here")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 348
    for row in rows:
        multiplier = round(row["fee_multiplier"] * MICROS)
        schedule = kalshi_schedule(FeeType(row["fee_type"]), multiplier)
        assert is_known(schedule)
        fee = Fraction(fee_text(schedule, "0.5", "100"))
        assert fee == Fraction("1.75") * Fraction(row["fee_multiplier"])


def test_off_the_grid_what_is_left_of_a_micro_dollar_is_charged() -> None:
    schedule = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
    price, qty = PriceMicros(333_100), QtyMicros(333)
    exact, _ = kalshi_fill(Fraction(333, MICROS), Fraction(3331, 10_000), is_buy=True)
    assert exact * MICROS == Fraction("89.0777")
    assert charge(schedule, TAKER, BUY, price, qty).fee_usd == 90


# --- Polymarket ---------------------------------------------------------------------------

# (rate, exponent, price, shares, charged): truncation to five decimals at and beside it.
POLYMARKET_EXAMPLES = [
    (50_000, 1, "0.66", "7.575758", "0.085"),
    (50_000, 1, "0.71", "21.126758", "0.21749"),
    (70_000, 1, "0.48", "2.083334", "0.0364"),
    (50_000, 1, "0.65", "7.57", "0.0861"),
    (50_000, 1, "0.67", "5", "0.05527"),
    (0, 1, "0.84", "5.952381", "0"),
    (50_000, 1, "0.5", "0.0001", "0"),
    (250_000, 2, "0.5", "100", "1.5625"),
    (250_000, 2, "0.03", "10", "0.00211"),
]


@pytest.mark.parametrize(("rate", "exponent", "price", "shares", "charged"), POLYMARKET_EXAMPLES)
def test_polymarket_examples(
    rate: int, exponent: int, price: str, shares: str, charged: str
) -> None:
    schedule = polymarket_schedule(rate, exponent)
    assert fee_text(schedule, price, shares) == charged
    assert fee_text(schedule, price, shares, SELL) == charged
    assert fee_text(schedule, price, shares, liquidity=MAKER) == "0"
    exact = polymarket_fill(Fraction(shares), Fraction(price), Fraction(rate, MICROS), exponent)
    assert exact == Fraction(charged)


def vectors() -> dict[str, Any]:
    path = SHARED / "facts" / "polymarket" / "vectors.json"
    if not path.exists():
        pytest.skip("vectors ../shared/facts/polymarket/vectors.json are not here")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_polymarket_fee_vectors() -> None:
    rows = vectors()["fee_examples"]
    assert len(rows) == 52
    for row in rows:
        schedule = polymarket_schedule(round(Fraction(row["rate"]) * MICROS))
        exact = model_fraction(schedule, TAKER, px(row["price"]), ct(row["shares"]))
        assert exact == Fraction(row["fee_exact"]), row
        got = fee_text(schedule, row["price"], row["shares"])
        assert Fraction(got) == Fraction(row["fee_charged_5dp_down"]), row


def test_polymarket_charges_on_chain() -> None:
    rows = vectors()["fee_examples_onchain_v2"]
    assert len(rows) == 14
    for row in rows:
        schedule = polymarket_schedule(round(Fraction(row["fee_rate"]) * MICROS))
        side = BUY if row["side"] == "BUY" else SELL
        fee = charge(schedule, TAKER, side, px(row["price"]), ct(row["shares"])).fee_usd
        assert fee == int(row["fee"]), row


def test_polymarket_budget_vectors() -> None:
    for row in vectors()["buy_amount_fee_adjust"]:
        schedule = polymarket_schedule(round(Fraction(row["rate"]) * MICROS))
        price, spend, amount = px(row["price"]), usd(row["max_spend"]), usd(row["amount"])
        exact = budget_exact(schedule, price, spend, amount)
        # The printed vectors carry 28 significant digits.
        assert abs(exact - Fraction(row["adjusted_amount"])) < Fraction(1, 10**25)
        cents = budget_for(schedule, price, spend, amount)
        assert cents % 10_000 == 0 and 0 <= exact - Fraction(cents, MICROS) < Fraction(1, 100)


def test_budget_with_fee_never_spends_more_than_allowed() -> None:
    for rate, price, spend in product((0, 40_000, 70_000), ("0.03", "0.5", "0.97"), ("1", "250")):
        schedule = polymarket_schedule(rate)
        budget = budget_for(schedule, px(price), usd(spend))
        shares = QtyMicros(budget * MICROS // px(price))
        fee = charge(schedule, TAKER, BUY, px(price), shares).fee_usd
        assert budget + fee <= usd(spend)
        assert budget + fee > usd(spend) - 20_000
    with pytest.raises(DomainError):
        budget_for(kalshi_schedule(FeeType.KALSHI_QUADRATIC), px("0.5"), usd("10"))
    with pytest.raises(DomainError):
        budget_for(polymarket_schedule(50_000), PriceMicros(0), usd("10"))
    builder = budget_for(polymarket_schedule(0), px("0.5"), usd("101"), builder_ppm=10_000)
    assert builder == usd("100")


# --- bound, unit fee, profit fee ------------------------------------------------------------


def test_bound_of_one_fill_is_the_charge_or_one_quantum_more() -> None:
    schedule = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
    for price, qty in product(("0.01", "0.427", "0.5", "0.999"), ("0.01", "1", "227.27")):
        for side in (BUY, SELL):
            fee = charge(schedule, TAKER, side, px(price), ct(qty)).fee_usd
            most = bound(schedule, TAKER, side, [(px(price), ct(qty))], fills_max=1)
            assert most - fee in (0, 100)


def test_unit_fee_is_the_model_of_one_contract() -> None:
    one = QtyMicros(MICROS)
    for schedule in (
        kalshi_schedule(FeeType.KALSHI_QUADRATIC, HALF),
        polymarket_schedule(50_000),
        polymarket_schedule(0),
    ):
        for price in (px("0.0001"), px("0.427"), px("0.5")):
            exact = model_fraction(schedule, TAKER, price, one) * MICROS * 10**18
            assert unit_fee(schedule, TAKER, price) == exact
    assert unit_fee(polymarket_schedule(50_000), MAKER, px("0.5")) == 0
    squared = polymarket_schedule(250_000, 2)
    exact = model_fraction(squared, TAKER, px("0.0123"), one) * MICROS * 10**18
    assert 0 <= unit_fee(squared, TAKER, px("0.0123")) - exact < 1


def test_profit_fee_is_a_share_of_the_win_rounded_up() -> None:
    schedule = FeeSchedule(FeeType.POLYMARKET_CURVE, profit_fee_ppm=20_000)
    assert profit_fee(schedule, UsdMicros(40_000_000), ct("100")) == 1_200_000
    assert profit_fee(schedule, UsdMicros(999_999), ct("1")) == 1
    assert profit_fee(schedule, UsdMicros(1_500_000), ct("1")) == 0
    assert profit_fee(polymarket_schedule(50_000), UsdMicros(0), ct("1")) == 0
    assert "20000" in schedule.version
