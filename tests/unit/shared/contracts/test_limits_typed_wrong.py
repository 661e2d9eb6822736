"""F-090: a limit typed a hundred times too big, cents for dollars, a quantity for a notional."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.contracts.config_v1 import (
    FIELDS,
    Field,
    Kind,
    Owner,
    default_document,
    parse,
    parse_change,
)
from shared.domain.errors import ConfigError

MONEY = [f for f in FIELDS if f.kind in (Kind.USD, Kind.CENTS)]
CAPS = [
    f
    for f in FIELDS
    if f.key
    in {
        "per_contract_exposure_usd",
        "capital_per_venue_usd",
        "provisional_max_usd",
        "probe_cost_usd",
        "probe_cost_dear_usd",
        "package_loss_max_usd",
        "naked_slots",
        "pairs_max",
        "stop_day_pct",
        "stop_week_pct",
        "stop_month_pct",
        "lock_days_max",
        "book_fresh_ms",
        "active_exposure_ms",
        "finality_wait_s",
        "unknown_max_s",
    }
]


@pytest.mark.parametrize("field", CAPS, ids=lambda f: f.key)
def test_f090_a_limit_typed_a_hundred_times_too_big_is_refused(field: Field) -> None:
    typed = str(Decimal(str(field.default)) * 100)
    with pytest.raises(ConfigError, match=field.key):
        parse_change(field.key, typed)


@pytest.mark.parametrize("field", CAPS, ids=lambda f: f.key)
def test_f090_over_a_hard_bound_there_is_no_override(field: Field) -> None:
    """The bound itself is accepted, one step beyond it never is, whoever asks."""
    assert parse_change(field.key, field.high) is not None
    step = Decimal(1) if "." not in field.high and field.kind is not Kind.PCT else Decimal("0.01")
    with pytest.raises(ConfigError):
        parse_change(field.key, str(Decimal(field.high) + step))
    document = default_document()
    document[field.key] = (
        type(document[field.key])(str(Decimal(field.high) * 2))
        if isinstance(document[field.key], str)
        else document[field.key] * 1000
    )  # type: ignore[operator]
    with pytest.raises(ConfigError, match=field.key):
        parse(document, 1)


@pytest.mark.parametrize("field", MONEY, ids=lambda f: f.key)
def test_f090_micros_typed_for_dollars_or_cents_are_refused(field: Field) -> None:
    micros = str(int(Decimal(field.high) * 1_000_000))
    with pytest.raises(ConfigError):
        parse_change(field.key, micros)


@pytest.mark.parametrize("field", MONEY, ids=lambda f: f.key)
def test_f090_a_number_where_money_belongs_is_refused(field: Field) -> None:
    """Money is an exact decimal string on the wire; a float could mean anything."""
    document = default_document()
    document[field.key] = 2.5
    with pytest.raises(ConfigError, match=field.key):
        parse(document, 1)


@pytest.mark.parametrize("text", ["", "2,5", "1e3", "0x10", "NaN", "inf", "-1", "two", "2.5.1"])
def test_f090_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_change("per_contract_exposure_usd", text)


def test_f090_safety_bounds_can_only_be_tightened() -> None:
    for field in FIELDS:
        if field.owner is Owner.BUILD:
            assert Decimal(str(field.default)) == Decimal(field.high), field.key
