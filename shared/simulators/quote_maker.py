"""The crowd's quotes: a whole ladder of one market at one moment, from hashes alone.

Each venue sees the hidden probability with its own lag, noise and spread; now and then
one of the two is left behind for 2 to 20 seconds (a dislocation), sized from the fees of
both so that the net edge is known in advance.
Rule: a ladder is a pure function of (seed, market, update number); only its difference to
what stands in the book is ever sent.
Floats end here: prices leave on the grid, quantities in hundredths of a contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Venue
from shared.domain.units import MICROS, NS_PER_MS, NS_PER_S
from shared.exchange.seeded import draw, draw_between, stream_key
from shared.simulators.hidden_truth import Hidden, probability, smooth_noise

SLOT_NS: Final = 40 * NS_PER_S
"""At most one dislocation of a pair begins and ends in each slot."""
LEVELS: Final = 8


@dataclass(frozen=True, slots=True)
class Quoter:
    """How one market is quoted. Spreads and fees in dollars, ``fee_rate`` times p(1-p)."""

    key: int
    name: str
    venue: Venue
    hidden: Hidden
    is_flipped: bool
    tick: int
    half_spread: float
    fee_rate: float
    lag_ns: int
    interval_ns: int
    size_scale: int


@dataclass(frozen=True, slots=True)
class Dislocation:
    """One venue's quotes are off by enough for ``target`` dollars net a contract."""

    venue: Venue
    sign: int
    target: float


def make_quoter(
    seed: int,
    name: str,
    venue: Venue,
    hidden: Hidden,
    *,
    is_flipped: bool,
    tick: int,
    fee_rate: float,
) -> Quoter:
    """Return the quoter of a market; its habits are drawn once from its name."""
    key = stream_key(seed, f"quoter/{name}")
    low, high = (450, 900) if hidden.is_rolling else (2_200, 4_800)
    return Quoter(
        key=key,
        name=name,
        venue=venue,
        hidden=hidden,
        is_flipped=is_flipped,
        tick=tick,
        half_spread=draw_between(key, -1, 300, 900) / 100_000 + (0.001 if tick < 10_000 else 0.0),
        fee_rate=fee_rate,
        lag_ns=draw_between(key, -2, 0, 1_500) * NS_PER_MS,
        interval_ns=draw_between(key, -3, low, high) * NS_PER_MS,
        size_scale=draw_between(key, -4, 60, 260),
    )


def update_time(quoter: Quoter, number: int) -> int:
    """Return when update ``number`` happens; strictly increasing in the number."""
    jitter = draw(quoter.key, number) % (quoter.interval_ns * 6 // 10)
    return number * quoter.interval_ns + jitter


def next_update(quoter: Quoter, after_ns: int) -> int:
    """Return the number of the first update later than a time."""
    number = after_ns // quoter.interval_ns
    return number if update_time(quoter, number) > after_ns else number + 1


def dislocation(seed: int, pair_name: str, is_rolling: bool, t_ns: int) -> Dislocation | None:
    """Return the dislocation of a pair in force at a time, if any."""
    key = stream_key(seed, f"dislocation/{pair_name}")
    slot = t_ns // SLOT_NS
    if draw(key, slot * 8) % 100 >= (55 if is_rolling else 35):
        return None
    start = slot * SLOT_NS + draw_between(key, slot * 8 + 1, 0, 19_000) * NS_PER_MS
    end = start + draw_between(key, slot * 8 + 2, 2_000, 20_000) * NS_PER_MS
    if not start <= t_ns < end:
        return None
    venue = Venue.KALSHI if draw(key, slot * 8 + 3) % 2 else Venue.POLYMARKET
    sign = 1 if draw(key, slot * 8 + 4) % 2 else -1
    return Dislocation(venue, sign, _target(key, slot, is_rolling))


def _target(key: int, slot: int, is_rolling: bool) -> float:
    """Return the net edge aimed at, in dollars: mostly 3 to 5 c, rarely above 8 c.

    Markets that stay open for weeks never clear the usual threshold: one package there
    would hold its slot until the month's end.
    """
    roll = draw(key, slot * 8 + 5) % 1_000
    if not is_rolling:
        return draw_between(key, slot * 8 + 6, -1_000, 900) / 100_000
    if roll < 220:
        low, high = 300, 2_300
    elif roll < 945:
        low, high = 3_200, 5_200
    elif roll < 992:
        low, high = 5_200, 6_600
    else:
        low, high = 9_000, 10_500
    return draw_between(key, slot * 8 + 6, low, high) / 100_000


def ladder(
    seed: int, quoter: Quoter, number: int, t_ns: int, shift: float
) -> tuple[dict[int, int], dict[int, int]]:
    """Return (bids, asks) of an update: YES price -> quantity, in micros.

    ``shift`` moves the quotes of the question's YES by dollars (a dislocation).
    """
    p = probability(seed, quoter.hidden, t_ns - quoter.lag_ns)
    if shift == 0.0:
        p += 0.003 * smooth_noise(quoter.key, t_ns, 20 * NS_PER_S)
    p = min(0.985, max(0.015, p + shift))
    if quoter.is_flipped:
        p = 1.0 - p
    # The grid rounds away from the middle: quotes are never better than meant.
    bid = int((p - quoter.half_spread) * MICROS) // quoter.tick * quoter.tick
    ask = -(-int((p + quoter.half_spread) * MICROS) // quoter.tick) * quoter.tick
    bid = max(quoter.tick, min(bid, MICROS - 2 * quoter.tick))
    ask = min(MICROS - quoter.tick, max(ask, bid + quoter.tick))
    bids = _side(quoter, number, bid, -quoter.tick, 0)
    asks = _side(quoter, number, ask, quoter.tick, 1)
    assert max(bids) < min(asks), (quoter.name, bid, ask)
    return bids, asks


def _side(quoter: Quoter, number: int, top: int, step: int, side: int) -> dict[int, int]:
    """Return one side: the top, then the price points that this market's crowd likes."""
    levels: dict[int, int] = {}
    price, sparse = top, 4 if quoter.tick < 10_000 else 1
    while len(levels) < LEVELS and quoter.tick <= price <= MICROS - quoter.tick:
        taste = draw(quoter.key, price * 2 + side + 7)
        if price == top or taste % (5 * sparse) >= (4 * sparse - 3 if sparse > 1 else 1):
            # Sizes change level by level, every second to sixth update.
            epoch = (number + taste) // (2 + taste % 5)
            size = draw_between(quoter.key, (epoch * 131 + price) * 2 + side, 40, 160)
            grown = quoter.size_scale * size * (4 + len(levels))
            levels[price] = max(500, grown // 4) * 10_000
        price += step
    return levels


def shift_of(quoter: Quoter, other: Quoter, fault: Dislocation | None, p: float) -> float:
    """Return by how many dollars a venue's quotes are off during a dislocation.

    Fees of both legs, both half spreads and the average rounding of both grids must be
    overcome before the target remains.
    """
    if fault is None:
        return 0.0
    # A pair is Kalshi and one other, whichever of its two venues that is.
    if (fault.venue is Venue.KALSHI) is not (quoter.venue is Venue.KALSHI):
        return 0.0
    fees = (quoter.fee_rate + other.fee_rate) * p * (1.0 - p)
    spreads = quoter.half_spread + other.half_spread
    rounding = (quoter.tick + other.tick) / (2 * MICROS)
    return fault.sign * (fault.target + fees + spreads + rounding)
