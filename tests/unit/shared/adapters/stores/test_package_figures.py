"""What fills add up to: locked, exposed, averaged, in every way a package can go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.stores.package_figures import Figures, figures_of, realised_edge
from tests.support.journal_rows import fill_row, package_row

ONE = 1_000_000


def fill(key: str, leg: int | None, qty: int, px: int, **changes: Any) -> dict[str, Any]:
    """A fill of the leg's own outcome (leg 0 holds NO, leg 1 holds YES), no fee."""
    row = fill_row(
        key,
        leg=leg,
        outcome="no" if leg == 0 else "yes",
        qty_micros=qty * ONE,
        px_micros=px,
        cost_usd_micros=qty * px,
        fee_usd_micros=0,
    )
    return row | changes


HEDGED = [fill("a", 0, 10, 540_000), fill("b", 1, 10, 392_000)]


def test_both_legs_lock_what_the_dollar_leaves() -> None:
    figures = figures_of(package_row(state="hedged"), HEDGED, set())
    assert (figures.hedged_qty, figures.locked_usd, figures.unhedged_usd) == (10 * ONE, 680_000, 0)
    assert realised_edge(package_row(state="hedged"), figures) == 68_000


def test_fees_come_off_and_round_against_us() -> None:
    fills = [HEDGED[0] | {"fee_usd_micros": 7}, HEDGED[1]]
    figures = figures_of(package_row(state="hedged"), fills, set())
    assert figures.locked_usd == 680_000 - 7
    assert realised_edge(package_row(state="hedged"), figures) == 67_999


def test_one_leg_is_exposed_at_its_cost() -> None:
    figures = figures_of(package_row(), HEDGED[:1], set())
    assert (figures.unhedged_usd, figures.hedged_qty) == (5_400_000, 0)
    assert realised_edge(package_row(state="exposed"), figures) is None


def test_a_failed_fill_counts_nothing() -> None:
    figures = figures_of(package_row(), HEDGED, {HEDGED[1]["fill_key"]})
    assert (figures.cash, figures.unhedged_usd) == (-5_400_000, 5_400_000)


def test_a_sale_takes_from_the_leg() -> None:
    sale = fill("s", 0, 4, 500_000, side="sell")
    figures = figures_of(package_row(), [HEDGED[0], sale], set())
    assert figures.legs[0].net == 6 * ONE
    assert figures.unhedged_usd == 3_240_000
    assert figures.legs[0].average_px == 540_000


def test_a_complement_takes_from_the_leg_and_is_worth_its_dollar() -> None:
    complement = fill("c", 1, 2, 610_000, outcome="no")
    overfilled = fill("b", 1, 12, 392_000)
    figures = figures_of(package_row(), [HEDGED[0], overfilled, complement], set())
    assert (figures.legs[1].net, figures.hedged_qty, figures.unhedged_usd) == (
        10 * ONE,
        10 * ONE,
        0,
    )
    # paid 5.40 + 4.704 + 1.22, receives 10 for the package and 2 for the completed pairs
    assert figures.locked_usd == 676_000


def test_a_booked_result_is_divided_by_what_was_bought() -> None:
    booked = package_row(state="flat", realised_usd_micros=-31_000)
    assert realised_edge(booked, figures_of(booked, HEDGED[:1], set())) == -3_100
    assert realised_edge(booked, Figures()) is None


def test_a_foreign_fill_moves_cash_alone() -> None:
    figures = figures_of(package_row(), [fill("f", None, 3, 100_000)], set())
    assert (figures.cash, figures.unhedged_usd) == (-300_000, 0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1]),
            st.sampled_from(["buy", "sell"]),
            st.sampled_from(["yes", "no"]),
            st.integers(1, 50),
            st.integers(0, ONE),
        ),
        max_size=12,
    )
)
def test_locked_never_promises_more_than_the_worst_world_pays(
    trades: list[tuple[int, str, str, int, int]],
) -> None:
    """Exactly one leg pays: what is locked holds whichever it is, without the residual."""
    fills = [
        fill(str(n), leg, qty, px, side=side, outcome=outcome)
        for n, (leg, side, outcome, qty, px) in enumerate(trades)
    ]
    figures = figures_of(package_row(), fills, set())
    held = {(leg, o): 0 for leg in (0, 1) for o in ("yes", "no")}
    for row in fills:
        sign = 1 if row["side"] == "buy" else -1
        held[row["leg"], row["outcome"]] += sign * row["qty_micros"]
    # World 1: leg 0's NO pays, so leg 1's market is NO too; world 2: the other way round.
    world1 = figures.cash + held[0, "no"] + held[1, "no"]
    world2 = figures.cash + held[0, "yes"] + held[1, "yes"]
    if figures.legs[0].net >= 0 and figures.legs[1].net >= 0:
        assert figures.locked_usd <= min(world1, world2)
    assert figures.unhedged_usd >= 0


@pytest.mark.parametrize("qty", [1, 3, 7])
def test_average_price_rounds_up(qty: int) -> None:
    figures = figures_of(package_row(), [fill("a", 0, qty, 0, cost_usd_micros=1)], set())
    assert figures.legs[0].average_px == 1
