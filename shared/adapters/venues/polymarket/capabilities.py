"""What Polymarket's CLOB V2 can do and by which numbers, as data with its source.

The contracts, the rounding table and the sizes are those of the official SDKs
(polymarket-client 0.14.0 and py-clob-client-v2 1.2.1, which agree on all of them) and of
real market objects; nothing here is a guess about a market, which brings its own figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from shared.domain.errors import DomainError
from shared.domain.units import NS_PER_MS, NS_PER_S, QtyMicros, UsdMicros

CHAIN_ID: Final = 137
EXCHANGE_STANDARD: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
EXCHANGE_NEG_RISK: Final = "0xe2222d279d744050d28e00520010520000310F59"
EXCHANGE_DOMAIN_NAME: Final = "Polymarket CTF Exchange"
EXCHANGE_DOMAIN_VERSION: Final = "2"
BYTES32_ZERO: Final = "0x" + "00" * 32

CLOB_VERSION: Final = 2
"""What ``GET /version`` must answer; anything else halts the venue (F-048)."""

QTY_STEP: Final = QtyMicros(10_000)
"""Orders are sized in hundredths of a share; fills may carry six decimals."""
MIN_MARKETABLE_USD: Final = UsdMicros(1_000_000)
"""A marketable BUY below one dollar is refused (observed by nautilus_trader)."""
BUDGET_STEP: Final = 10_000
"""The money of a FAK or FOK BUY is a whole number of cents."""

ASSETS_PER_CONNECTION: Final = 500
"""Above about 500 assets on one socket the venue omits initial snapshots."""
BOOKS_PER_REQUEST: Final = 100
"""``POST /books`` takes up to 500; a hundred keeps one answer below a megabyte."""
PING_EVERY_S: Final = 1.0
SILENT_AFTER_NS: Final = 2 * NS_PER_S
"""No frame and no PONG for this long: the connection counts as down."""
REPLACE_AFTER_NS: Final = 5 * NS_PER_S
"""No frame and no PONG for this long: the socket is replaced."""

IMMEDIATE_DELAY_NS: Final = 250 * NS_PER_MS
"""Taker hold of crypto and finance up/down markets (``itode``); the longest value ever
documented, since the present one (150 ms) rests on a single report."""

LIVENESS_DEFAULT_S: Final = 7_200
"""UMA challenge window when a market states no ``customLiveness``."""
DISPUTE_WORST_S: Final = 7 * 86_400
"""Two disputes and a token vote: four to six days are documented, a week is assumed."""


GTD_EARLY_NS: Final = 60 * NS_PER_S
"""A GTD order dies this long before the expiration that it states."""
GTD_LIFE_MIN_NS: Final = 120 * NS_PER_S
"""The stated expiration is at least three minutes off, so that is the shortest life."""


class SignatureType(IntEnum):
    """Who signs for whom; decides maker, signer and the form of the signature."""

    EOA = 0
    PROXY = 1
    SAFE = 2
    DEPOSIT_WALLET = 3


@dataclass(frozen=True, slots=True)
class RoundingRow:
    """Decimals that the exchange accepts at one tick: price, shares, and the money leg.

    ``price_quantum``, ``size_quantum`` and ``amount_quantum`` are the same in micros.
    """

    tick: int
    price_dp: int
    size_dp: int
    amount_dp: int

    @property
    def size_quantum(self) -> int:
        return int(10 ** (6 - self.size_dp))

    @property
    def amount_quantum(self) -> int:
        return int(10 ** (6 - self.amount_dp))


ROUNDING: Final[dict[int, RoundingRow]] = {
    row.tick: row
    for row in (
        RoundingRow(100_000, 1, 2, 3),
        RoundingRow(10_000, 2, 2, 4),
        RoundingRow(5_000, 3, 2, 5),
        RoundingRow(2_500, 4, 2, 6),
        RoundingRow(1_000, 3, 2, 5),
        RoundingRow(100, 4, 2, 6),
    )
}
"""Tick in micros to its row (both SDKs, no disagreement on 18 rows and 18 orders)."""


def rounding_of(tick: int) -> RoundingRow:
    """Return the rounding row of a tick.

    Raises:
        DomainError: the tick is not one that the exchange is known to use.
    """
    row = ROUNDING.get(tick)
    if row is None:
        raise DomainError(f"tick {tick} micros is not in the exchange's rounding table")
    return row


def exchange_of(neg_risk: bool) -> str:
    """Return the contract that must verify an order of the market; the wrong one is refused."""
    return EXCHANGE_NEG_RISK if neg_risk else EXCHANGE_STANDARD
