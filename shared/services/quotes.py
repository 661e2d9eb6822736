"""Pure answers of ``twinleg fees quote`` and ``twinleg edge quote``: one row in, one out.

Rows and answers are the JSON of CONTRACTS.md: exact decimal strings in and out, so the
arithmetic stays in pico-dollars to the end and nothing is rounded but what a venue rounds.
Rule: an unknown or missing field, or a number that is not one, raises DomainError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from shared.domain.book import Book, Level
from shared.domain.depth import walk
from shared.domain.enums import FeeType, Liquidity, Outcome, Side, Venue
from shared.domain.errors import DomainError
from shared.domain.fee_bounds import bound
from shared.domain.fees import (
    charge_pico,
    is_known,
    kalshi_schedule,
    model_fraction,
    polymarket_schedule,
)
from shared.domain.ids import MarketId
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, PriceMicros, QtyMicros, format_micros, parse_micros

_PICO: Final = MICROS * MICROS
_QTY_MAX: Final = 10**9 * MICROS
_EnumT = TypeVar("_EnumT", bound=StrEnum)


def fees_quote(row: Mapping[str, Any]) -> dict[str, str]:
    """Return ``{"fee", "fee_max", "model"}`` of one fill, in dollars.

    ``fee`` is the venue's charge, ``fee_max`` the bound for up to 64 fills, ``model`` the
    unrounded formula (cut to 24 decimals where it has more).

    Raises:
        DomainError: a bad row; the caller answers ``{"error": ...}``.
    """
    _fields(row, required="venue liquidity side price qty schedule")
    schedule = schedule_of(_venue(row["venue"]), row["schedule"])
    liquidity = _enum(Liquidity, row["liquidity"], "liquidity")
    side = _enum(Side, row["side"], "side")
    price = _price(row["price"], "price")
    qty = _qty(row["qty"], "qty")
    if qty == 0:
        raise DomainError("qty must be above zero")
    fee, _ = charge_pico(schedule, liquidity, side, price, qty)
    model = model_fraction(schedule, liquidity, price, qty)
    return {
        "fee": _pico_text(fee),
        "fee_max": format_micros(bound(schedule, liquidity, side, ((price, qty),))),
        "model": _decimal_text(model.numerator, model.denominator, 24),
    }


def edge_quote(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return both packages of a pair, walked for ``qty`` or all that is there.

    One taker fill per level per leg, Kalshi's accumulator across the fills of a leg;
    profitable or not. ``gross`` is quantity minus the cost of both legs, ``net`` takes
    fees and frictions off, all in dollars.

    Raises:
        DomainError: a bad row; the caller answers ``{"error": ...}``.
    """
    _fields(row, required="a b qty", optional="frictions")
    book_a, schedule_a = _market(row["a"], "a")
    book_b, schedule_b = _market(row["b"], "b")
    qty = _qty(row["qty"], "qty")
    frictions = row.get("frictions", {})
    _fields(frictions, optional="per_contract per_package", where="frictions")
    per_contract = _amount(frictions.get("per_contract", "0"), "per_contract")
    per_package = _amount(frictions.get("per_package", "0"), "per_package")
    packages = {}
    for name, outcome_a in (("yes_a_no_b", Outcome.YES), ("yes_b_no_a", Outcome.NO)):
        levels_a = book_a.buy_levels(outcome_a)
        levels_b = book_b.buy_levels(outcome_a.other)
        filled = min(qty, sum(q for _, q in levels_a), sum(q for _, q in levels_b))
        packages[name] = _package(
            QtyMicros(filled), (levels_a, schedule_a), (levels_b, schedule_b),
            per_contract, per_package,
        )  # fmt: skip
    return {"packages": packages}


def _package(
    qty: QtyMicros,
    a: tuple[Sequence[Level], FeeSchedule],
    b: tuple[Sequence[Level], FeeSchedule],
    per_contract: int,
    per_package: int,
) -> dict[str, str | None]:
    if qty == 0:
        nothing = dict.fromkeys(("filled_qty", "gross", "fee_a", "fee_b", "net"), "0")
        return {**nothing, "net_cents_per_contract": None}
    cost_a, fee_a = _leg(qty, *a)
    cost_b, fee_b = _leg(qty, *b)
    gross = qty * MICROS - cost_a - cost_b
    net = gross - fee_a - fee_b - per_contract * qty - per_package * MICROS
    assert gross == qty * MICROS - cost_a - cost_b and net <= gross
    # Floored to a millionth of a cent: net (pico-dollars) / qty (micros) x 100 x 1e6 / 1e6.
    cents_micros = net * 100 // qty
    return {
        "filled_qty": format_micros(qty),
        "gross": _pico_text(gross),
        "fee_a": _pico_text(fee_a),
        "fee_b": _pico_text(fee_b),
        "net": _pico_text(net),
        "net_cents_per_contract": format_micros(cents_micros),
    }


def _leg(qty: QtyMicros, levels: Sequence[Level], schedule: FeeSchedule) -> tuple[int, int]:
    """Return (cost, fee) of taking ``qty`` as one fill per level, in pico-dollars."""
    taken = walk(levels, qty)
    assert taken.filled == qty
    cost = fee = accumulator = 0
    for price, size in taken.takes:
        one, accumulator = charge_pico(
            schedule, Liquidity.TAKER, Side.BUY, price, size, accumulator
        )
        cost, fee = cost + price * size, fee + one
    return cost, fee


# --- reading rows -------------------------------------------------------------------------


def _market(value: Any, where: str) -> tuple[Book, FeeSchedule]:
    _fields(value, required="venue schedule", optional="yes_bids yes_asks", where=where)
    venue = _venue(value["venue"])
    book = Book(MarketId(f"{venue.value}:{where}"))
    book.replace(
        _levels(value.get("yes_bids", []), f"{where}.yes_bids"),
        _levels(value.get("yes_asks", []), f"{where}.yes_asks"),
        0,
    )
    return book, schedule_of(venue, value["schedule"])


def _levels(value: Any, where: str) -> list[Level]:
    """Read ``[[price, size], ...]``; sizes at one price add up, empty levels vanish."""
    if not isinstance(value, list):
        raise DomainError(f"{where} must be a list of [price, size]")
    sizes: dict[PriceMicros, int] = {}
    for entry in value:
        if not isinstance(entry, list) or len(entry) != 2:
            raise DomainError(f"{where} must be a list of [price, size]")
        price, size = _price(entry[0], where), _qty(entry[1], where)
        if size:
            sizes[price] = sizes.get(price, 0) + size
    return [(price, QtyMicros(size)) for price, size in sizes.items()]


def schedule_of(venue: Venue, value: Any) -> FeeSchedule:
    if venue is Venue.POLYMARKET_US:
        raise DomainError("fees of polymarket_us are not confirmed")
    if venue is Venue.POLYMARKET:
        _fields(value, required="rate", optional="exponent", where="schedule")
        exponent = value.get("exponent", 1)
        if isinstance(exponent, bool) or not isinstance(exponent, int):
            raise DomainError(f"schedule.exponent must be an integer: {exponent!r:.40}")
        schedule = polymarket_schedule(_amount(value["rate"], "schedule.rate"), exponent)
    else:
        _fields(
            value,
            required="fee_type",
            optional="multiplier precision trade_fee_quantum",
            where="schedule",
        )
        schedule = kalshi_schedule(
            _enum(FeeType, value["fee_type"], "schedule.fee_type"),
            _amount(value.get("multiplier", "1"), "schedule.multiplier"),
            precision=_amount(value.get("precision", "0.0001"), "schedule.precision"),
            trade_fee_quantum=_amount(
                value.get("trade_fee_quantum", "0.000001"), "schedule.trade_fee_quantum"
            ),
        )
        if schedule.fee_type is FeeType.POLYMARKET_CURVE:
            raise DomainError("schedule.fee_type curve is not Kalshi's")
    if not is_known(schedule):
        raise DomainError(f"no known fee formula: {schedule.version}")
    return schedule


def _fields(value: Any, *, required: str = "", optional: str = "", where: str = "row") -> None:
    if not isinstance(value, Mapping):
        raise DomainError(f"{where} must be an object")
    needed, known = set(required.split()), set(required.split()) | set(optional.split())
    unknown, missing = sorted(set(value) - known), sorted(needed - set(value))
    if unknown:
        raise DomainError(f"{where}: unknown field {unknown[0]!r:.40}")
    if missing:
        raise DomainError(f"{where}: missing field {missing[0]!r}")


def _venue(value: Any) -> Venue:
    return _enum(Venue, value, "venue")


def _enum(kind: type[_EnumT], value: Any, where: str) -> _EnumT:
    try:
        return kind(value)
    except ValueError:
        raise DomainError(f"{where}: unknown value {value!r:.40}") from None


def _amount(value: Any, where: str) -> int:
    """Read a decimal string that is not negative as exact millionths."""
    try:
        micros = parse_micros(value)
    except ValueError as error:
        raise DomainError(f"{where}: {error}") from None
    if micros < 0:
        raise DomainError(f"{where}: {value!r:.40} is negative")
    return micros


def _price(value: Any, where: str) -> PriceMicros:
    micros = _amount(value, where)
    if not 0 < micros < MICROS:
        raise DomainError(f"{where}: price {value!r:.40} is not inside (0, 1)")
    return PriceMicros(micros)


def _qty(value: Any, where: str) -> QtyMicros:
    micros = _amount(value, where)
    if micros > _QTY_MAX:
        raise DomainError(f"{where}: {value!r:.40} is too large")
    return QtyMicros(micros)


def _pico_text(pico: int) -> str:
    return _decimal_text(pico, _PICO, 12)


def _decimal_text(numerator: int, denominator: int, places: int) -> str:
    """Return numerator / denominator as plain decimal text, cut towards zero at ``places``."""
    scaled = abs(numerator) * 10**places // denominator
    whole, fraction = divmod(scaled, 10**places)
    text = str(whole) if fraction == 0 else f"{whole}.{fraction:0{places}d}".rstrip("0")
    return f"-{text}" if numerator < 0 and scaled else text
