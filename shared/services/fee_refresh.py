"""Reads the fees of the markets we trade again, stores what changed and says what that was.

The venues' own listings are the source (series, event overrides and announced changes of
Kalshi, the fee fields of Polymarket), read through the catalogue ports. Only the formula
counts as a change; an unchanged one is stored with its new date, so that it does not
expire. A market whose fees became unknown is stored as such: it stops trading.
Twin: tests/unit/shared/services/test_fee_refresh.py
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.fee_schedules import has_same_terms, is_known
from shared.domain.ids import MarketId
from shared.domain.instrument import FeeSchedule
from shared.ports.stores import CatalogueStore
from shared.ports.venue import CatalogueMarket, CatalogueSource

BATCH: Final = 500

log = logging.getLogger("twinleg.fees")


@dataclass(frozen=True, slots=True)
class FeeChange:
    """One market's formula before and after; hashes are ``FeeSchedule.version_hash``."""

    market_id: MarketId
    before: str
    after: str
    before_hash: str
    after_hash: str
    source: str


@dataclass(frozen=True, slots=True)
class FeeReport:
    """What one venue said. ``missing`` are markets in use that it did not list."""

    venue: str
    read: int
    unknown: int
    changes: tuple[FeeChange, ...]
    missing: tuple[MarketId, ...]


async def refresh(source: CatalogueSource, store: CatalogueStore, now_ns: int) -> FeeReport:
    """Read and store the fees of this venue's markets of the active pair set.

    Raises:
        StoreError, WireError: the listing broke or the record failed; schedules read until
            then stay stored, the others age and expire by themselves.
    """
    assert now_ns > 0
    venue = source.venue
    _version, _pairs, instruments = await asyncio.to_thread(store.load_pair_set)
    known = {i.market_id: i.fees for i in instruments if i.venue is venue}
    if not known:
        return FeeReport(venue.value, 0, 0, (), ())
    seen: dict[MarketId, FeeSchedule] = {}
    batch: list[CatalogueMarket] = []
    async for market in source.list_markets():
        market_id = market.instrument.market_id
        if market_id not in known or market_id in seen:
            continue
        seen[market_id] = market.instrument.fees
        batch.append(market)
        if len(batch) >= BATCH:
            await asyncio.to_thread(store.upsert_markets, batch, now_ns)
            batch = []
    if batch:
        await asyncio.to_thread(store.upsert_markets, batch, now_ns)
    changes = diff(known, seen)
    for change in changes:
        log.warning("%s: fees %s -> %s", change.market_id, change.before, change.after)
    assert seen.keys() <= known.keys()
    return FeeReport(
        venue=venue.value,
        read=len(seen),
        unknown=sum(not is_known(fees) for fees in seen.values()),
        changes=changes,
        missing=tuple(sorted(known.keys() - seen.keys())),
    )


def diff(
    before: Mapping[MarketId, FeeSchedule], after: Mapping[MarketId, FeeSchedule]
) -> tuple[FeeChange, ...]:
    """Return the markets of both whose formula, waiver, expiry or confirmation differs."""
    return tuple(
        FeeChange(
            market,
            before[market].version,
            after[market].version,
            before[market].version_hash,
            after[market].version_hash,
            after[market].source,
        )
        for market in sorted(before.keys() & after.keys())
        if not has_same_terms(before[market], after[market])
    )
