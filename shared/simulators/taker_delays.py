"""How long Polymarket holds a taker, market by market (POLYMARKET 6.4).

Sports: 1, 2 or 3 whole seconds, told as ``secondsDelay``; the answer is ``delayed``.
Crypto and finance: 50 to 250 ms, told only as ``itode``; the call itself blocks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.exchange.seeded import draw_between, stream_key
from shared.simulators.catalogue import SimMarket

SPORTS: Final = ("sports_fees",)
IMMEDIATE: Final = ("crypto_fees", "finance_prices_fees", "finance_fees")


def with_taker_delay(seed: int, market: SimMarket) -> SimMarket:
    """Return the market with the hold of its kind, or unchanged where there is none."""
    kind = str(market.raw.get("feeType") or "")
    key = stream_key(seed, f"hold/{market.event_id}")
    if kind.startswith(SPORTS):
        seconds = draw_between(key, 0, 1, 3)
        raw = {**market.raw, "secondsDelay": seconds}
        instrument = replace(market.instrument, taker_delay_ns=seconds * NS_PER_S)
        return replace(market, raw=raw, instrument=instrument)
    if kind.startswith(IMMEDIATE):
        delay_ns = draw_between(key, 1, 50, 250) * NS_PER_MS
        return replace(market, instrument=replace(market.instrument, taker_delay_ns=delay_ns))
    return market
