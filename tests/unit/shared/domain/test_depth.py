"""Walking ladders: exact sums, one rounding against us, our own orders skipped."""

from __future__ import annotations

from shared.domain.depth import available, walk, without_own
from shared.domain.enums import Side
from shared.domain.units import PriceMicros, QtyMicros
from tests.support.markets import ct, px, usd

ASKS = [(px("0.46"), ct("20")), (px("0.47"), ct("30")), (px("0.5"), ct("50"))]
BIDS = [(px("0.45"), ct("20")), (px("0.44"), ct("30"))]


def test_walk_takes_level_by_level() -> None:
    walked = walk(ASKS, ct("60"))
    assert walked.filled == ct("60")
    assert walked.cost_usd == usd("28.3")  # 9.2 + 14.1 + 5
    assert walked.worst_price == px("0.5")
    assert walked.takes == ((px("0.46"), ct("20")), (px("0.47"), ct("30")), (px("0.5"), ct("10")))


def test_walk_says_when_the_ladder_ends() -> None:
    assert walk(ASKS, ct("101")).filled == ct("100")
    nothing = walk([], ct("5"))
    assert (nothing.filled, nothing.cost_usd, nothing.worst_price, nothing.takes) == (0, 0, 0, ())
    assert walk(ASKS, ct("0")).takes == ()


def test_walk_stops_at_the_limit_of_either_side() -> None:
    assert walk(ASKS, ct("60"), limit=px("0.47")).filled == ct("50")
    assert walk(BIDS, ct("60"), Side.SELL, limit=px("0.45")).filled == ct("20")
    assert available(ASKS, limit=px("0.47")) == ct("50")
    assert available(BIDS, Side.SELL, limit=px("0.46")) == 0
    assert available(BIDS, Side.SELL) == ct("50")


def test_money_is_rounded_once_against_us() -> None:
    odd = [(PriceMicros(333_333), QtyMicros(1)), (PriceMicros(333_334), QtyMicros(1))]
    assert walk(odd, QtyMicros(2)).cost_usd == 1
    assert walk(odd, QtyMicros(2), Side.SELL).cost_usd == 0


def test_our_own_resting_orders_cannot_be_taken() -> None:
    own = {px("0.46"): ct("15"), px("0.47"): ct("99")}
    walked = walk(ASKS, ct("10"), own=own)
    assert walked.takes == ((px("0.46"), ct("5")), (px("0.5"), ct("5")))
    assert available(ASKS, own=own) == ct("55")
    assert without_own(ASKS, own) == [(px("0.46"), ct("5")), (px("0.5"), ct("50"))]
    assert without_own(ASKS, None) is ASKS
