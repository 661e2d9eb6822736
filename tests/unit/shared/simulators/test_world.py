"""The world's own duties: tokens, events, drops, forgetting."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.domain.enums import MarketStatus, Outcome, Venue
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, PriceMicros
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.catalogue import parse_rfc3339, rfc3339
from shared.simulators.rolling_families import rolling_question
from shared.simulators.venue_objects import polymarket_event, polymarket_market
from shared.simulators.world import World


class Nothing:
    """A source of life in which nothing happens."""

    name = "nothing"
    assumptions: Sequence[str] = ("Nothing happens.",)

    def start(self, world: World, now_ns: int) -> None: ...

    def next_due_ns(self) -> int | None:
        return None

    def step(self, now_ns: int) -> None: ...

    def recall(self, market_ids: Sequence[MarketId]) -> None: ...


def make_world() -> World:
    world = World(Nothing(), clock=lambda: 5, wire_delay_ms={Venue.KALSHI: 12})
    world.start()
    return world


def test_tokens_and_events_come_and_go_with_the_market() -> None:
    world = make_world()
    question = rolling_question(1, 0, 1_990_000)
    assert question.polymarket is not None
    market = polymarket_market(1, question, question.polymarket)
    world.add_event(polymarket_event(market))
    world.add_market(market, 5, status=MarketStatus.SETTLED, payout=PriceMicros(MICROS))
    token = market.token_of(Outcome.NO)
    assert world.token(token) == (market.market_id, Outcome.NO)
    assert world.find_native(Venue.POLYMARKET, market.native_id) is market
    state = world.exchanges[Venue.POLYMARKET].market(market.market_id)
    assert state is not None and state.status is MarketStatus.SETTLED and state.payout == MICROS
    world.forget_market(market.market_id)
    assert world.token(token) is None and world.polymarket_events() == []
    assert world.find_native(Venue.POLYMARKET, "") is None


def test_a_cut_drops_every_connection_of_one_venue() -> None:
    world = make_world()
    dropped: list[str] = []
    world.on_drop(Venue.KALSHI, lambda: dropped.append("k") or 3)  # type: ignore[func-returns-value]
    world.on_drop(Venue.POLYMARKET, lambda: dropped.append("p") or 1)  # type: ignore[func-returns-value]
    world.faults.switch_on(FaultWindow("k.ws.cut", 0, 10))
    world.step(5)
    assert dropped == ["k"]
    assert world.drop_connections(Venue.POLYMARKET) == 1
    waits = sorted(world.wire_delay_s(Venue.KALSHI) for _ in range(2_000))
    assert 0.011 < waits[1_000] < 0.013, "half of the waits are the median or less"
    assert waits[1_850] > 0.02 and waits[-1] == 0.048 and waits[0] > 0.007
    assert world.assumptions == ("Nothing happens.",)


@pytest.mark.parametrize("key", ["k.ws.cut", "p.ws.cut", "u.ws.cut"])
def test_each_key_cuts_its_own_venue_and_no_other(key: str) -> None:
    world = make_world()
    dropped: list[str] = []
    for venue, letter in zip(Venue, "kpu", strict=True):
        world.on_drop(venue, lambda name=letter: dropped.append(name) or 1)  # type: ignore[misc]
    world.faults.switch_on(FaultWindow(key, 0, 10, most=1))
    world.step(5)
    world.step(6)
    assert dropped == [key[0]]


def test_times_are_written_as_the_venues_write_them() -> None:
    text = "2026-07-29T17:59:00Z"
    assert rfc3339(parse_rfc3339(text)) == text
    assert parse_rfc3339("2025-09-26T15:30:54.586444Z") % 10**9 == 586_444_000
