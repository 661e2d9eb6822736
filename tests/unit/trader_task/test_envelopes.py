"""What a committed envelope allows, mirrored: an EXIT child sells what it words as buying."""

from __future__ import annotations

import pytest

from shared.domain.enums import Outcome, Purpose, RunMode, Side
from shared.domain.order import LegTicket
from shared.domain.units import PriceMicros, QtyMicros
from tests.support.trader_fakes import attempt_row, package_row, ticket
from trader_task.envelopes import Envelopes

WORST = 500_000
"""The envelope buys YES at up to 0.45 first and NO at up to 0.50 then."""


def sale(purpose: Purpose, price: int, **changes: object) -> LegTicket:
    other = Outcome.NO if purpose is Purpose.OPEN else Outcome.YES
    return ticket(
        0,
        purpose=purpose,
        side=Side.SELL,
        outcome=other,
        price_limit=PriceMicros(price),
        is_opening=False,
        **changes,
    )


def committed(*orders: LegTicket) -> Envelopes:
    envelopes = Envelopes(RunMode.PAPER_SIM)
    envelopes.add(package_row(number=1), [attempt_row(order) for order in orders])
    return envelopes


@pytest.mark.parametrize(
    ("price", "is_allowed"), [(510_000, True), (500_000, True), (499_999, False)]
)
def test_a_sale_of_the_other_outcome_is_bounded_by_one_dollar_less(
    price: int, is_allowed: bool
) -> None:
    order = sale(Purpose.HEDGE, price)
    assert (committed(order).why_not(order) is None) is is_allowed


def test_the_first_sale_takes_no_less_than_the_envelope_says() -> None:
    named = sale(Purpose.OPEN, 560_000)
    envelopes = committed(named)
    assert envelopes.why_not(named) is None
    assert (
        envelopes.why_not(sale(Purpose.OPEN, 559_999)) == "a worse price than the envelope allows"
    )


def test_reduce_only_excuses_neither_price_nor_outcome() -> None:
    cheap = sale(Purpose.HEDGE, 400_000, reduce_only=True)
    assert committed(cheap).why_not(cheap) == "a worse price than the envelope allows"
    wrong = ticket(0, purpose=Purpose.HEDGE, side=Side.SELL, reduce_only=True)
    assert committed(wrong).why_not(wrong) == "the envelope names another outcome or side"


def test_a_larger_sale_is_refused() -> None:
    order = sale(Purpose.HEDGE, 510_000, qty=QtyMicros(20_000_000), qty_max=QtyMicros(20_000_000))
    assert committed(order).why_not(order) == "larger than the envelope allows"
