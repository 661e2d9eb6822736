"""Rows of ``twinleg fees quote`` and ``twinleg edge quote``."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.errors import DomainError
from shared.services.quotes import edge_quote, fees_quote

KALSHI_ROW: dict[str, Any] = {
    "venue": "kalshi",
    "liquidity": "taker",
    "side": "buy",
    "price": "0.427",
    "qty": "1",
    "schedule": {
        "fee_type": "quadratic",
        "multiplier": "1",
        "precision": "0.0001",
        "trade_fee_quantum": "0.0001",
    },
}
POLYMARKET_ROW: dict[str, Any] = {
    "venue": "polymarket",
    "liquidity": "taker",
    "side": "buy",
    "price": "0.66",
    "qty": "7.575758",
    "schedule": {"rate": "0.05", "exponent": 1},
}


def edge_row(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "a": {
            "venue": "kalshi",
            "yes_bids": [["0.45", "100"]],
            "yes_asks": [["0.46", "100"]],
            "schedule": {"fee_type": "quadratic"},
        },
        "b": {
            "venue": "polymarket",
            "yes_bids": [["0.55", "40"], ["0.54", "70.5"]],
            "yes_asks": [["0.56", "10"]],
            "schedule": {"rate": "0.05"},
        },
        "qty": "100",
    }
    return row | changes


def test_fees_rows_of_both_venues() -> None:
    assert fees_quote(KALSHI_ROW) == {"fee": "0.0172", "fee_max": "0.0235", "model": "0.01712697"}
    assert fees_quote(POLYMARKET_ROW) == {
        "fee": "0.085",
        "fee_max": "0.085",
        "model": "0.08500000476",
    }


def test_fees_defaults_are_the_rule_in_force() -> None:
    row = KALSHI_ROW | {
        "price": "0.013",
        "qty": "71.94",
        "schedule": {"fee_type": "quadratic"},
    }
    assert fees_quote(row)["fee"] == "0.06468"
    old = row | {"schedule": {"fee_type": "quadratic", "trade_fee_quantum": "0.0001"}}
    assert fees_quote(old)["fee"] == "0.06478"


def test_fees_off_the_lot_stay_exact() -> None:
    row = KALSHI_ROW | {"qty": "7.575758", "price": "0.455", "schedule": {"fee_type": "quadratic"}}
    fee = fees_quote(row)["fee"]
    # Cost 3.44696989 and fee 0.13153011 bring the cash onto a centicent.
    assert fee == "0.13153011"


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"venue": "nowhere"},
        {"venue": "polymarket_us"},
        {"side": "hold"},
        {"liquidity": None},
        {"price": "0"},
        {"price": "1"},
        {"price": 0.5},
        {"price": "5e-1"},
        {"qty": "-1"},
        {"qty": "0"},
        {"qty": "NaN"},
        {"qty": "9999999999"},
        {"schedule": {"fee_type": "flat"}},
        {"schedule": {"fee_type": "curve"}},
        {"schedule": {"fee_type": "quadratic", "rate": "0.05"}},
        {"schedule": {"fee_type": "quadratic", "precision": "0"}},
        {"schedule": []},
        {"schedule": {}},
    ],
)
def test_bad_fees_rows_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DomainError):
        fees_quote(KALSHI_ROW | change)


def test_missing_field_and_bad_exponent_are_refused() -> None:
    with pytest.raises(DomainError, match="missing field 'qty'"):
        fees_quote({k: v for k, v in KALSHI_ROW.items() if k != "qty"})
    for exponent in ("1", 1.5, True, 0, 99):
        with pytest.raises(DomainError):
            fees_quote(POLYMARKET_ROW | {"schedule": {"rate": "0.05", "exponent": exponent}})


def test_edge_walks_both_packages() -> None:
    packages = edge_quote(edge_row())["packages"]
    assert packages["yes_a_no_b"] == {
        "filled_qty": "100",
        "gross": "8.4",
        "fee_a": "1.7388",
        "fee_b": "1.2402",
        "net": "5.421",
        "net_cents_per_contract": "5.421",
    }
    assert packages["yes_b_no_a"] == {
        "filled_qty": "10",
        "gross": "-1.1",
        "fee_a": "0.1733",
        "fee_b": "0.1232",
        "net": "-1.3965",
        "net_cents_per_contract": "-13.965",
    }


def test_edge_takes_frictions_off_and_floors_per_contract() -> None:
    row = edge_row(qty="3", frictions={"per_contract": "0.001", "per_package": "0.01"})
    found = edge_quote(row)["packages"]["yes_a_no_b"]
    assert found["gross"] == "0.27"
    assert found["net"] == "0.16768"  # 0.27 - 0.0522 - 0.03712 - 0.013
    assert found["net_cents_per_contract"] == "5.589333"


def test_edge_without_depth_answers_zero_and_null() -> None:
    row = edge_row()
    row["b"]["yes_bids"] = []
    assert edge_quote(row)["packages"]["yes_a_no_b"] == {
        "filled_qty": "0",
        "gross": "0",
        "fee_a": "0",
        "fee_b": "0",
        "net": "0",
        "net_cents_per_contract": None,
    }
    assert edge_quote(edge_row(qty="0"))["packages"]["yes_b_no_a"]["filled_qty"] == "0"


@pytest.mark.parametrize(
    "change",
    [
        {"c": {}},
        {"a": []},
        {"a": {"venue": "kalshi"}},
        {"qty": "x"},
        {"qty": None},
        {"frictions": {"gas": "1"}},
        {"frictions": {"per_contract": "-1"}},
        {"frictions": "0"},
    ],
)
def test_bad_edge_rows_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DomainError):
        edge_quote(edge_row(**change))


@pytest.mark.parametrize("levels", [[["1", "5"]], [["0.5"]], ["0.5"], {}, [["0.5", "-1"]]])
def test_bad_levels_are_refused(levels: Any) -> None:
    row = edge_row()
    row["a"]["yes_asks"] = levels
    with pytest.raises(DomainError):
        edge_quote(row)


def test_levels_in_any_order_add_up_and_empty_ones_vanish() -> None:
    row = edge_row()
    row["b"]["yes_bids"] = [["0.53", "0"], ["0.54", "70.5"], ["0.55", "15"], ["0.55", "25"]]
    assert edge_quote(row) == edge_quote(edge_row())
