"""Hundreds of markets over as many sockets as they need; nobody moves without a reason."""

from __future__ import annotations

import json

import pytest

from shared.adapters.venues.polymarket.access import Hosts
from shared.adapters.venues.polymarket.capabilities import ASSETS_PER_CONNECTION
from shared.adapters.venues.polymarket.instruments import parse_market
from shared.adapters.venues.polymarket.market_data import PolymarketMarketData
from shared.domain.instrument import Instrument
from tests.support.polymarket_world import gamma_object
from tests.support.virtual_clock import VirtualClock

HOSTS = Hosts(*("http://127.0.0.1:9",) * 5)


@pytest.fixture(scope="module")
def listed() -> list[Instrument]:
    raws = (json.dumps(gamma_object(n)).encode() for n in range(1, 1_103))
    return [parse_market(raw, 1).instrument for raw in raws]


def homes(feed: PolymarketMarketData) -> list[set[str]]:
    return [set(connection.tokens) for connection in feed._connections]


async def test_no_socket_carries_more_than_the_venue_serves(listed: list[Instrument]) -> None:
    feed = PolymarketMarketData(HOSTS, VirtualClock())
    await feed.watch(listed[:1_100])
    assert [len(tokens) for tokens in homes(feed)] == [500, 500, 100]
    assert ASSETS_PER_CONNECTION == 500
    assert set().union(*homes(feed)) == {i.yes_token for i in listed[:1_100]}
    await feed.aclose()


async def test_markets_keep_their_socket_and_gaps_are_filled_first(
    listed: list[Instrument],
) -> None:
    feed = PolymarketMarketData(HOSTS, VirtualClock())
    await feed.watch(listed[:600])
    before = homes(feed)
    # Ten leave the first socket, twelve come: ten fill the gap, two join the second.
    await feed.watch(listed[10:612])
    after = homes(feed)
    assert [len(tokens) for tokens in after] == [500, 102]
    kept = {i.yes_token for i in listed[10:600]}
    assert all((before[n] & kept) <= after[n] for n in (0, 1))
    await feed.watch([])
    assert homes(feed) == [set(), set()]
    await feed.aclose()


async def test_watching_the_same_again_changes_nothing(listed: list[Instrument]) -> None:
    feed = PolymarketMarketData(HOSTS, VirtualClock())
    await feed.watch(listed[:501])
    before = homes(feed)
    await feed.watch(listed[:501])
    assert homes(feed) == before and len(before) == 2
    await feed.aclose()
