"""Net edge on hand-worked books."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from shared.domain.edge import best, best_display, common_lot, could_clear, quote
from shared.domain.enums import FeeType, Outcome
from shared.domain.errors import UnknownFeeError
from shared.domain.fees import kalshi_schedule, polymarket_schedule
from shared.domain.frictions import FrictionPack
from shared.domain.units import QtyMicros, format_micros
from tests.support.markets import book_of, ct, kalshi_market, polymarket_market, px, usd

K, P = kalshi_market(), polymarket_market()
YES, NO = Outcome.YES, Outcome.NO
FREE = FrictionPack()
CENT = 10_000
# YES costs 0.46 on A; NO costs 0.45 then 0.46 and 0.50 on B.
BOOK_A = book_of(K, "0.45x100", "0.46x40 0.48x60")
BOOK_B = book_of(P, "0.55x30 0.54x40 0.50x500", "0.56x100")


def test_quote_adds_up_to_the_dollar_that_comes_back() -> None:
    pack = FrictionPack(usd("0.01"), 100, capital_rate_ppm=36_500)
    found = quote(BOOK_A, BOOK_B, K, P, YES, NO, ct("60"), pack, 10)
    assert found is not None
    assert found.cost_a_usd == usd("28")  # 40 x 0.46 + 20 x 0.48
    assert found.cost_b_usd == usd("27.3")  # 30 x 0.45 + 30 x 0.46
    assert found.gross_usd == usd("5.4")  # 60 x (1 - 0.46 - 0.45)
    assert found.slippage_usd == usd("0.7")
    assert (found.touch_a, found.worst_a) == (px("0.46"), px("0.48"))
    assert (found.touch_b, found.worst_b) == (px("0.45"), px("0.46"))
    # Bounds: Kalshi's model 1.0450608 and 64 quanta of headroom at the most.
    assert usd("1.045061") <= found.fee_a_usd <= usd("1.045061") + 64 * 100
    assert found.fee_b_usd == usd("0.743850")
    assert found.friction_usd == usd("0.016")
    spent = found.cost_a_usd + found.cost_b_usd + found.fee_a_usd + found.fee_b_usd
    assert found.carry_usd == -(-spent // 1000)  # 3.65 % for 10 of 365 days
    assert found.net_usd == ct("60") - spent - found.friction_usd - found.carry_usd
    assert found.net_per_contract_micros == found.net_usd * 1_000_000 // ct("60")
    yearly = Fraction(found.net_usd, spent) * 365 / 10 * 1_000_000
    assert found.annual_ppm <= yearly < found.annual_ppm + 1


def test_breakdown_sums_to_net_exactly() -> None:
    pack = FrictionPack(usd("0.01"), 100, capital_rate_ppm=40_000)
    for qty in ("0.01", "7.77", "60"):
        found = quote(BOOK_A, BOOK_B, K, P, YES, NO, ct(qty), pack, 33)
        assert found is not None
        parts = {name: Fraction(text) for name, text in found.breakdown().items()}
        net = parts.pop("net")
        assert sum(parts.values()) == net == Fraction(found.net_per_contract_micros, CENT)
        assert list(parts) == ["gross", "fee_a", "fee_b", "frictions", "slippage", "carry"]
        assert all(parts[name] <= 0 for name in parts if name != "gross")


def test_quote_of_more_than_the_ladders_hold_is_none() -> None:
    assert quote(BOOK_A, BOOK_B, K, P, YES, NO, ct("100"), FREE, 1) is not None
    assert quote(BOOK_A, BOOK_B, K, P, YES, NO, ct("100.01"), FREE, 1) is None


def test_best_stops_at_the_last_level_that_clears() -> None:
    # 0.46 + 0.46 costs 0.08 - fees 0.0298 = 5 cents; 0.48 + 0.46 clears 3 but not 4 cents.
    found = best(BOOK_A, BOOK_B, K, P, YES, NO, ct("1000"), 4 * CENT, FREE, 1)
    assert found is not None and found.qty == ct("40")
    found = best(BOOK_A, BOOK_B, K, P, YES, NO, ct("1000"), 3 * CENT, FREE, 1)
    assert found is not None and found.qty == ct("70")
    assert found.net_per_contract_micros >= 3 * CENT
    found = best(BOOK_A, BOOK_B, K, P, YES, NO, ct("12.345678"), 3 * CENT, FREE, 1)
    assert found is not None and found.qty == ct("12.34")
    assert best(BOOK_A, BOOK_B, K, P, YES, NO, ct("1000"), 7 * CENT, FREE, 1) is None
    assert best(BOOK_A, BOOK_B, K, P, YES, NO, QtyMicros(0), CENT, FREE, 1) is None


def test_a_three_cent_edge_is_found_at_the_default_threshold() -> None:
    # Fees 1.75 + 1.25 cents at 0.50: gross 6 cents leaves 3.
    a, b = book_of(K, "0.46x500", "0.47x500"), book_of(P, "0.53x500", "0.54x500")
    found = best(a, b, K, P, YES, NO, ct("500"), 25_000, FREE, 0)
    assert found is not None and found.qty == ct("500")
    assert 30_000 < found.net_per_contract_micros < 31_000


def test_fixed_costs_can_eat_every_quantity() -> None:
    thin_a, thin_b = book_of(K, "", "0.46x1"), book_of(P, "0.55x1", "")
    pack = FrictionPack(per_package_usd=usd("0.05"))
    assert best(thin_a, thin_b, K, P, YES, NO, ct("1000"), 25_000, FREE, 1) is not None
    assert best(thin_a, thin_b, K, P, YES, NO, ct("1000"), 25_000, pack, 1) is None


def test_carry_and_conversion_shrink_what_clears() -> None:
    dear = FrictionPack(capital_rate_ppm=40_000)
    near = best(BOOK_A, BOOK_B, K, P, YES, NO, ct("1000"), 25_000, dear, 1)
    far = best(BOOK_A, BOOK_B, K, P, YES, NO, ct("1000"), 25_000, dear, 200)
    assert near is not None and near.qty == ct("70")
    assert far is not None and far.qty == ct("40")
    # 2 % of 0.91 or 0.92 leaves 4.20 and 3.17 cents; of 0.94 only 1.14.
    for pack in (FrictionPack(cost_ppm=20_000), FrictionPack(per_contract_micros=18_000)):
        found = best(BOOK_A, BOOK_B, K, P, YES, NO, ct("1000"), 25_000, pack, 1)
        assert found is not None and found.qty == ct("40")
        assert found.net_per_contract_micros >= 25_000
    assert (
        best(BOOK_A, BOOK_B, K, P, YES, NO, ct("9"), 25_000, FrictionPack(cost_ppm=60_000), 1)
        is None
    )


def test_own_orders_do_not_count_as_depth() -> None:
    found = best(
        BOOK_A, BOOK_B, K, P, YES, NO, ct("1000"), 4 * CENT, FREE, 1, own_b={px("0.45"): ct("25")}
    )
    assert found is not None and found.qty == ct("40")
    assert found.cost_b_usd == usd("2.25") + usd("16.1")  # 5 x 0.45 + 35 x 0.46


def test_profit_fee_is_that_of_the_dearer_winner() -> None:
    taxed = replace(P, fees=replace(P.fees, profit_fee_ppm=10_000))
    plain = quote(BOOK_A, BOOK_B, K, P, YES, NO, ct("30"), FREE, 1)
    found = quote(BOOK_A, BOOK_B, K, taxed, YES, NO, ct("30"), FREE, 1)
    assert plain is not None and found is not None
    assert plain.profit_fee_usd == 0
    assert found.profit_fee_usd == usd("0.165")  # 1 % of 30 x 0.55
    assert found.net_usd == plain.net_usd - usd("0.165")
    parts = found.breakdown()
    assert sum(Fraction(parts[k]) for k in parts if k != "net") == Fraction(parts["net"])
    assert best(BOOK_A, BOOK_B, K, taxed, YES, NO, ct("1000"), 55_000, FREE, 1) is None


def test_could_clear_agrees_with_best_at_the_touch() -> None:
    args = (BOOK_A, BOOK_B, K.fees, P.fees, YES, NO)
    assert could_clear(*args, 6 * CENT)
    assert not could_clear(*args, 6 * CENT + 2_500)
    assert not could_clear(BOOK_A, BOOK_B, K.fees, P.fees, NO, YES, 0)
    assert not could_clear(BOOK_A, book_of(P), K.fees, P.fees, YES, NO, -CENT)
    # Threshold equal to the exact marginal edge of free venues still clears.
    nothing = polymarket_schedule(0)
    assert could_clear(BOOK_A, BOOK_B, nothing, nothing, YES, NO, 90_000)
    assert not could_clear(BOOK_A, BOOK_B, nothing, nothing, YES, NO, 90_001)
    free = replace(P, fees=nothing)
    exact = best(BOOK_A, BOOK_B, free, free, YES, NO, ct("1000"), 90_000, FREE, 0)
    assert exact is not None and exact.qty == ct("30")
    assert best(BOOK_A, BOOK_B, free, free, YES, NO, ct("1000"), 90_001, FREE, 0) is None


def test_unknown_fees_fail_closed() -> None:
    odd = replace(K, fees=kalshi_schedule(FeeType.KALSHI_FLAT))
    assert not could_clear(BOOK_A, BOOK_B, odd.fees, P.fees, YES, NO, 0)
    assert best_display(BOOK_A, BOOK_B, odd, P, YES, NO, FREE, 1) is None
    with pytest.raises(UnknownFeeError):
        best(BOOK_A, BOOK_B, odd, P, YES, NO, ct("10"), 0, FREE, 1)
    with pytest.raises(UnknownFeeError):
        quote(BOOK_A, BOOK_B, odd, P, YES, NO, ct("10"), FREE, 1)


def test_display_shows_negative_edges_and_hides_empty_books() -> None:
    found = best_display(BOOK_A, BOOK_B, K, P, NO, YES, FREE, 1)
    assert found is not None and found.qty == ct("100")
    assert found.gross_usd == usd("-11") and found.net_usd < usd("-11")
    assert format_micros(found.net_per_contract_micros).startswith("-0.1")
    assert best_display(book_of(K), BOOK_B, K, P, YES, NO, FREE, 1) is None
    tiny = book_of(P, "0.55x0.001", "")
    assert best_display(BOOK_A, tiny, K, P, YES, NO, FREE, 1) is None, "less than one lot"


def test_common_lot_is_tradeable_on_both() -> None:
    assert common_lot(K, P) == ct("0.01")
    assert common_lot(replace(K, qty_step=ct("0.04")), replace(P, qty_step=ct("0.06"))) == ct(
        "0.12"
    )
