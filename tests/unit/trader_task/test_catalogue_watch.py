"""Pairs and configuration reach the kernel whole, once per change, and in doubt as a halt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.contracts import config_v1, names
from shared.domain.enums import HaltReason, MarketStatus, Polarity, Venue, Verdict
from shared.domain.events import (
    ConfigChanged,
    EventBody,
    HaltTaken,
    InstrumentChanged,
    PairsChanged,
)
from shared.domain.ids import MarketId, derive_pair_id
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair
from shared.ports.venue import CatalogueMarket
from tests.support.trader_fakes import (
    KALSHI_MARKET,
    POLYMARKET_MARKET,
    MemoryFlags,
    instrument,
)
from tests.support.virtual_clock import VirtualClock
from trader_task.catalogue_watch import CatalogueWatch

pytestmark = pytest.mark.usefixtures("inline_threads")
OLD = MarketId("kalshi:OLD")


class Feed:
    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.watched: list[MarketId] = []

    async def watch(self, instruments: list[Instrument]) -> None:
        self.watched = [i.market_id for i in instruments]


class Rig:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.flags = MemoryFlags()
        self.bodies: list[EventBody] = []
        self.feeds = {v: Feed(v) for v in (Venue.KALSHI, Venue.POLYMARKET)}
        self.version = 1
        self.pairs = [pair()]
        self.instruments = [instrument(KALSHI_MARKET), instrument(POLYMARKET_MARKET)]
        self.config: dict[str, Any] = dict(config_v1.default_document())
        self.config_version = 1
        self.in_use: set[MarketId] = set()
        self.watch = CatalogueWatch(
            flags=self.flags,
            catalogue=self,  # type: ignore[arg-type]
            configs=self,  # type: ignore[arg-type]
            to_config=lambda version, document: config_v1.parse(document, version),
            feeds=self.feeds,  # type: ignore[arg-type]
            in_use=lambda: frozenset(self.in_use),
            clock=self.clock,
            sink=self.bodies.append,
        )

    def load_pair_set(self) -> tuple[int, list[MatchedPair], list[Instrument]]:
        return self.version, self.pairs, self.instruments

    def load_active(self) -> tuple[int, dict[str, Any]]:
        return self.config_version, self.config

    def list_markets(self, venue: str, *, only_open: bool = True) -> list[CatalogueMarket]:
        assert not only_open
        return [CatalogueMarket(instrument(OLD), "", "", "", "", "", (), {})]

    def last(self, kind: type) -> Any:
        return [body for body in self.bodies if isinstance(body, kind)][-1]

    def count(self, kind: type) -> int:
        return sum(isinstance(body, kind) for body in self.bodies)


def pair() -> MatchedPair:
    return MatchedPair(
        derive_pair_id(KALSHI_MARKET, POLYMARKET_MARKET),
        KALSHI_MARKET,
        POLYMARKET_MARKET,
        Polarity.SAME,
        Verdict.CONFIRMED,
        "n",
        "r",
        "r",
        1_000_000,
        "c",
        "s",
        "src",
    )


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_config_and_pairs_are_delivered_once(rig: Rig) -> None:
    for _ in range(3):
        await rig.watch.poll()
        rig.clock.move(1)
    assert rig.count(ConfigChanged) == rig.count(PairsChanged) == 1
    assert rig.feeds[Venue.KALSHI].watched == [KALSHI_MARKET]
    assert rig.feeds[Venue.POLYMARKET].watched == [POLYMARKET_MARKET]


async def test_a_moved_pointer_is_seen_within_a_turn(rig: Rig) -> None:
    await rig.watch.poll()
    rig.config_version = 2
    rig.config["pairs_max"] = config_v1.parse_change("pairs_max", "3")
    await rig.watch.poll()
    assert rig.count(ConfigChanged) == 1, "no pointer moved, no command came"
    rig.flags.put_pointer(names.CONFIG_POINTER_PK, 2)
    await rig.watch.poll()
    assert rig.last(ConfigChanged).config.pairs_max == 3


async def test_lost_flags_do_not_hide_a_change_for_long(rig: Rig) -> None:
    await rig.watch.poll()
    rig.flags.down = True
    rig.config_version = 2
    rig.clock.move(16)
    await rig.watch.poll()
    assert rig.last(ConfigChanged).config.version == 2


async def test_unreadable_configuration_is_a_halt_said_once(rig: Rig) -> None:
    rig.config = {"pairs_max": "a lot"}
    for _ in range(3):
        rig.watch.want("config")
        await rig.watch.poll()
    halts = [b.halt for b in rig.bodies if isinstance(b, HaltTaken)]
    assert [h.reason for h in halts] == [HaltReason.CONFIG_UNREADABLE]
    assert rig.count(ConfigChanged) == 0
    rig.config = dict(config_v1.default_document())
    rig.watch.want("config")
    await rig.watch.poll()
    assert rig.count(ConfigChanged) == 1


async def test_markets_of_open_packages_stay_watched(rig: Rig) -> None:
    rig.in_use = {OLD, KALSHI_MARKET}
    await rig.watch.poll()
    assert OLD in rig.feeds[Venue.KALSHI].watched
    rig.version, rig.pairs, rig.instruments = 2, [], []
    rig.watch.want("pairs")
    await rig.watch.poll()
    assert set(rig.feeds[Venue.KALSHI].watched) == {OLD, KALSHI_MARKET}
    assert rig.feeds[Venue.POLYMARKET].watched == []
    assert {i.market_id for i in rig.last(PairsChanged).instruments} == {OLD, KALSHI_MARKET}


async def test_a_reload_does_not_undo_what_the_feed_said(rig: Rig) -> None:
    await rig.watch.poll()
    rig.watch.note_status(KALSHI_MARKET, MarketStatus.CLOSED)
    rig.version = 2
    rig.watch.want("pairs")
    await rig.watch.poll()
    by_id = {i.market_id: i for i in rig.last(PairsChanged).instruments}
    assert by_id[KALSHI_MARKET].status is MarketStatus.CLOSED
    rig.instruments = [replace(rig.instruments[0], rules_hash="new"), rig.instruments[1]]
    rig.version = 3
    rig.watch.want("pairs")
    await rig.watch.poll()
    by_id = {i.market_id: i for i in rig.last(PairsChanged).instruments}
    assert by_id[KALSHI_MARKET].rules_hash == "new", "the record knows something newer"


async def test_changed_fees_are_told_before_the_set_and_a_new_date_is_not(rig: Rig) -> None:
    await rig.watch.poll()
    first, second = rig.instruments
    for as_of_ns, rate_ppm, told in ((7, first.fees.rate_ppm, 0), (8, 99_000, 1)):
        fees = replace(first.fees, as_of_ns=as_of_ns, rate_ppm=rate_ppm)
        rig.instruments = [replace(first, fees=fees), second]
        rig.watch.want("pairs")
        await rig.watch.poll()
        assert rig.count(InstrumentChanged) == told
    assert rig.last(InstrumentChanged).instrument.fees.rate_ppm == 99_000
    kinds = [type(body) for body in rig.bodies]
    assert kinds[-2:] == [InstrumentChanged, PairsChanged]
