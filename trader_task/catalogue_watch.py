"""Pairs and configuration as they change: stored elsewhere, delivered whole to the kernel.

Each second the pointers in the live flags are read; a pointer that moved, a command that
says so, or every few seconds the record itself, leads to a full read. The kernel gets the
complete set as one event, and the feeds watch exactly its instruments. Configuration that
cannot be read is a halt, never a guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from functools import partial
from typing import Any, Final

import structlog

from shared.contracts import names
from shared.domain.config import Config
from shared.domain.enums import HaltReason, MarketStatus, Venue
from shared.domain.events import (
    ConfigChanged,
    EventBody,
    Halt,
    HaltTaken,
    InstrumentChanged,
    PairsChanged,
)
from shared.domain.fee_schedules import has_same_terms
from shared.domain.ids import MarketId, venue_of
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.stores import CatalogueStore, ConfigStore, LiveFlags
from shared.ports.venue import MarketData

log = structlog.get_logger("catalogue")

RECORD_POLL_NS: Final = 15 * NS_PER_S
"""How often the record is read although no pointer moved (the flags may have been lost)."""


class CatalogueWatch:
    """Delivers PairsChanged and ConfigChanged, and keeps the watched instruments.

    ``in_use`` names the markets of packages that are not at an end: they stay watched and
    priced after their pair has left the set.
    """

    def __init__(
        self,
        *,
        flags: LiveFlags,
        catalogue: CatalogueStore,
        configs: ConfigStore,
        to_config: Callable[[int, Mapping[str, Any]], Config],
        feeds: Mapping[Venue, MarketData],
        in_use: Callable[[], Set[MarketId]],
        clock: Clock,
        sink: Callable[[EventBody], None],
    ) -> None:
        self._flags = flags
        self._catalogue = catalogue
        self._configs = configs
        self._to_config = to_config
        self._feeds = feeds
        self._clock = clock
        self._sink = sink
        self._instruments: dict[MarketId, Instrument] = {}
        self._listed: dict[MarketId, Instrument] = {}
        self._in_use = in_use
        self._pointers: dict[str, int | None] = {}
        self._wanted = {"pairs", "config"}
        self._read_ns = 0
        self._pairs_known: tuple[int, int] | None = None
        self._config_version = 0
        self._is_config_halted = False
        self.pairs_count = 0

    def instrument_of(self, market: MarketId) -> Instrument | None:
        return self._instruments.get(market)

    def want(self, what: str) -> None:
        """Read ``pairs`` or ``config`` again at the next turn (a command said so)."""
        assert what in ("pairs", "config"), what
        self._wanted.add(what)

    def note_instrument(self, instrument: Instrument) -> None:
        """The feed saw a newer version of a watched instrument."""
        if instrument.market_id in self._instruments:
            self._instruments[instrument.market_id] = instrument

    def note_status(self, market: MarketId, status: MarketStatus) -> None:
        """The feed saw a market pause, close or resume."""
        known = self._instruments.get(market)
        if known is not None and known.status is not status:
            self._instruments[market] = replace(known, status=status)

    async def poll(self) -> None:
        """One turn: look at the pointers, read what moved."""
        await self._look_at_pointers()
        now = self._clock.mono_ns()
        if now - self._read_ns >= RECORD_POLL_NS or self._read_ns == 0:
            self._wanted.update(("pairs", "config"))
            self._read_ns = now
        if "config" in self._wanted:
            await self.load_config()
        if "pairs" in self._wanted:
            await self.load_pairs()

    async def load_config(self) -> None:
        """Read and deliver the active configuration; unreadable means halted, said once."""
        self._wanted.discard("config")
        try:
            version, document = await asyncio.to_thread(self._configs.load_active)
            if version == self._config_version and not self._is_config_halted:
                return
            config = self._to_config(version, document)
        except Exception as error:  # whatever it was, there is no configuration to trade by
            log.error("configuration unreadable", error=str(error))
            if not self._is_config_halted:
                self._is_config_halted = True
                wall = self._clock.wall_ns()
                reason = HaltReason.CONFIG_UNREADABLE
                note = str(error)[:200]
                self._sink(HaltTaken(Halt("global", reason, "trader", wall, note=note)))
            return
        if self._is_config_halted:
            self._is_config_halted = False
            log.info("configuration readable again", version=version)
        self._config_version = version
        self._sink(ConfigChanged(config))

    async def load_pairs(self) -> None:
        """Read the pair set; deliver it and watch its instruments when it changed."""
        version, pairs, instruments = await asyncio.to_thread(self._catalogue.load_pair_set)
        self._wanted.discard("pairs")
        missing = frozenset(self._in_use() - set(self._instruments))
        known = (version, hash((tuple(pairs), tuple(instruments), missing)))
        if known == self._pairs_known:
            return
        self._pairs_known = known
        await self._deliver(tuple(pairs), tuple(instruments))

    async def _deliver(
        self, pairs: tuple[MatchedPair, ...], instruments: tuple[Instrument, ...]
    ) -> None:
        fresh = {i.market_id: self._newer(i) for i in instruments}
        kept = self._in_use() - set(fresh)
        fresh |= {m: self._instruments[m] for m in kept if m in self._instruments}
        fresh |= await self._look_up(kept - set(fresh))
        gone = set(self._instruments) - set(fresh)
        for market, instrument in fresh.items():
            before = self._instruments.get(market)
            if before is not None and not has_same_terms(before.fees, instrument.fees):
                # Told first and by itself: the kernel reports it and judges anew at once.
                log.warning("fees changed", market=market, fees=instrument.fees.version)
                self._sink(InstrumentChanged(instrument))
        for market in gone:
            self._listed.pop(market, None)
        self._instruments = fresh
        self.pairs_count = len(pairs)
        for market in sorted(gone):
            log.info("no longer watched", market=market)
        self._sink(PairsChanged(pairs, tuple(fresh.values())))
        await self.watch()
        log.info("pairs loaded", pairs=len(pairs), instruments=len(fresh))

    def _newer(self, listed: Instrument) -> Instrument:
        """Return what the feed made of a market while the record still lists the same of it."""
        before = self._listed.get(listed.market_id)
        self._listed[listed.market_id] = listed
        ours = self._instruments.get(listed.market_id)
        return ours if ours is not None and before == listed else listed

    async def _look_up(self, markets: Set[MarketId]) -> dict[MarketId, Instrument]:
        """Find markets of open packages in the record, each venue read once."""
        found: dict[MarketId, Instrument] = {}
        for venue in sorted({venue_of(market) for market in markets}):
            listed = await asyncio.to_thread(
                partial(self._catalogue.list_markets, venue.value, only_open=False)
            )
            instruments = (row.instrument for row in listed)
            found |= {i.market_id: i for i in instruments if i.market_id in markets}
        for market in sorted(markets - set(found)):
            log.error("market of an open package is not in the catalogue", market=market)
        return found

    async def watch(self) -> None:
        """Tell every feed the instruments that it must watch."""
        for venue, feed in self._feeds.items():
            await feed.watch([i for i in self._instruments.values() if i.venue is venue])

    async def _look_at_pointers(self) -> None:
        for what, name in (("config", names.CONFIG_POINTER_PK), ("pairs", names.PAIRS_POINTER_PK)):
            try:
                version = await asyncio.to_thread(self._flags.get_pointer, name)
            except Exception as error:  # the record is polled as well
                log.warning("pointer unreadable", pointer=name, error=str(error))
                continue
            if version != self._pointers.get(name):
                self._pointers[name] = version
                self._wanted.add(what)
