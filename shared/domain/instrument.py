"""One market of one venue, as far as trading it goes: grid, sizes, fees, times.

What the market *means* (entities, thresholds, clauses) is the business of
``shared.matching``; this module only carries the hash of the text that was matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import gcd
from typing import Final

from shared.domain.enums import FeeType, MarketStatus, Outcome, Venue
from shared.domain.errors import OffGridError
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Prices from ``start`` to ``end`` (inclusive) step by ``step``; all in micros, YES terms."""

    start: PriceMicros
    end: PriceMicros
    step: int


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """A venue's fee formula as data; the arithmetic is in ``fees.py``.

    Kalshi: ``rate_ppm`` 70_000 (taker) and ``maker_rate_ppm`` times ``multiplier_ppm``;
    ``precision`` is the balance precision (100 = $0.0001) and ``trade_fee_quantum`` the
    quantum of the trade fee, both in micro-dollars.
    Polymarket: ``rate_ppm`` times ``(p(1-p))**exponent``, truncated to 10 micro-dollars.
    """

    fee_type: FeeType
    rate_ppm: int = 0
    maker_rate_ppm: int = 0
    multiplier_ppm: int = MICROS
    exponent: int = 1
    precision: int = 100
    trade_fee_quantum: int = 1
    source: str = ""
    as_of_ns: int = 0
    waived_until_ns: int = 0
    profit_fee_ppm: int = 0
    """Share of a winning leg's profit that the venue keeps at settlement; 0 everywhere today."""
    venue: str = ""
    scope: str = ""
    """What it holds for: ``series:X``, ``event:X`` or ``market:X``; empty when not said."""
    expires_ns: int = 0
    """Wall time after which it must not be opened by; 0 = the general age limit alone."""
    is_confirmed: bool = True
    """False: the coefficient is a claim; real money is refused until it is confirmed."""

    @property
    def version(self) -> str:
        """Short hash-free version text stored on edges, packages and fills."""
        return (
            f"{self.fee_type.value}:{self.rate_ppm}:{self.maker_rate_ppm}:{self.multiplier_ppm}"
            f":{self.exponent}:{self.precision}:{self.trade_fee_quantum}"
            + (f":{self.profit_fee_ppm}" if self.profit_fee_ppm else "")
        )

    @property
    def version_hash(self) -> str:
        """Sixteen hex digits over the formula and what it holds for; times are left out."""
        text = f"{self.venue}|{self.scope}|{self.version}|{self.is_confirmed}"
        return sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A binary market with everything that the kernel needs to price and size an order.

    Times are unix nanoseconds (wall clock); 0 means unknown, and an unknown close or
    settlement time never opens a package.
    """

    market_id: MarketId
    venue: Venue
    native_id: str
    title: str
    category: str
    series_id: str
    event_id: str
    grid: tuple[PriceRange, ...]
    qty_step: QtyMicros
    min_qty: QtyMicros
    min_notional_usd: UsdMicros
    fees: FeeSchedule
    status: MarketStatus
    close_ns: int
    settle_expected_ns: int
    settle_worst_ns: int
    rules_hash: str
    settlement_source: str
    taker_delay_ns: int = 0
    shard: int = 0
    yes_token: str = ""
    no_token: str = ""
    neg_risk: bool = False
    tradeable: bool = True
    """False when the adapter refuses the market (scalar bounds, protocol v2, unknown fees)."""
    refusal: str = ""
    game_start_ns: int = 0
    """When the event that it pays on begins (sport), 0 where the venue names none."""

    def step_at(self, price: PriceMicros) -> int:
        """Return the grid step that applies at a YES price.

        Raises:
            OffGridError: no range of the grid holds the price.
        """
        for piece in self.grid:
            if piece.start <= price <= piece.end:
                return piece.step
        raise OffGridError(f"{self.market_id}: {price} is outside the grid")

    def finest_step(self) -> int:
        """Return the largest step that every price of the grid, YES or NO, is a multiple of."""
        step = MICROS
        for piece in self.grid:
            step = gcd(step, piece.start, piece.step)
        assert step > 0
        return step

    def is_on_grid(self, price: PriceMicros) -> bool:
        """Say whether a YES price can be ordered: on a step and strictly inside (0, 1)."""
        if not 0 < price < MICROS:
            return False
        # A plain loop: this runs for every change of every book.
        for piece in self.grid:
            if piece.start <= price <= piece.end and (price - piece.start) % piece.step == 0:
                return True
        return False

    def to_grid(self, price: PriceMicros, *, up: bool) -> PriceMicros:
        """Return the nearest orderable YES price at or above (``up``) or at or below ``price``.

        Raises:
            OffGridError: nothing orderable on that side.
        """
        best: int | None = None
        for piece in self.grid:
            low, high = max(piece.start, 1), min(piece.end, MICROS - 1)
            if up:
                n = max(0, -(-(price - piece.start) // piece.step))
                candidate = piece.start + n * piece.step
                if candidate < low:
                    candidate += piece.step
                if candidate <= high and candidate >= price and (best is None or candidate < best):
                    best = candidate
            else:
                n = (min(price, piece.end) - piece.start) // piece.step
                candidate = piece.start + n * piece.step
                if candidate > high:
                    candidate -= piece.step
                if low <= candidate <= price and (best is None or candidate > best):
                    best = candidate
        if best is None:
            raise OffGridError(f"{self.market_id}: no price {'above' if up else 'below'} {price}")
        assert self.is_on_grid(PriceMicros(best)), (self.market_id, best)
        return PriceMicros(best)

    def token_of(self, outcome: Outcome) -> str:
        """Return the venue's token id of an outcome (Polymarket only; empty on Kalshi)."""
        return self.yes_token if outcome is Outcome.YES else self.no_token


LINEAR_CENT: Final = (PriceRange(PriceMicros(0), PriceMicros(MICROS), 10_000),)
DECI_CENT: Final = (PriceRange(PriceMicros(0), PriceMicros(MICROS), 1_000),)
