"""The whole way of a fee update: Kalshi's frame, the event read again, the kernel's verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import httpx

from shared.adapters.venues.kalshi.catalogue import KalshiCatalogue
from shared.adapters.venues.kalshi.market_board import MarketBoard
from shared.adapters.venues.kalshi.schemas import EventFeeMsg
from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.enums import FeeType, GateCode, MarketStatus, Venue
from shared.domain.ids import derive_pair_id, market_id
from tests.support.kalshi_world import RATE, raw_event, raw_market, raw_series
from tests.support.kernel_desk import POLY, WALL, Desk, matched_pair
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply

MARKET = market_id(Venue.KALSHI, RATE)
CLOSE = WALL + 86_400 * 10**9


class Venues:
    """Kalshi's listing over canned answers, joined to a kernel by its own adapter parts."""

    def __init__(self) -> None:
        self.event = raw_event(RATE)
        self.canned = Canned(self._answer)
        self.catalogue = KalshiCatalogue(self.canned.rest, self.canned.tally)
        self.board = MarketBoard(self.canned.tally)
        self.desk = Desk()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        bodies: dict[str, object] = {
            "/series/fee_changes": {"series_fee_change_arr": []},
            "/events/fee_changes": {"event_fee_changes": [], "cursor": ""},
            "/markets": {"markets": [raw_market(RATE, CLOSE)], "cursor": ""},
            "/events": {"events": [self.event], "cursor": ""},
        }
        path = request.url.path.removeprefix("/trade-api/v2")
        return reply(200, bodies.get(path, {"series": raw_series(RATE)}))

    async def start(self) -> None:
        """Watch the market, prove both books, and show an edge below what is traded."""
        ((listed, _),) = await self.catalogue.refresh([RATE], with_event=True)
        self.desk.a = replace(listed, rules_hash="r")
        pair = matched_pair(pair_id=derive_pair_id(MARKET, POLY), a=MARKET)
        self.board.watch({RATE: self.desk.a}, WALL)
        self.give([ev.PairsChanged((pair,), (self.desk.a, self.desk.b))])
        for market, bid, ask in ((MARKET, 520_000, 540_000), (POLY, 460_000, 480_000)):
            levels = (((bid, 10**8),), ((ask, 10**8),))
            self.give([ev.BookReplaced(market, *levels, WALL)])  # type: ignore[arg-type]
        self.desk.pass_time(1_000, seconds=True)

    def give(self, bodies: Iterable[ev.EventBody]) -> list[cm.RecordDecision]:
        out = [command for body in bodies for command in self.desk.give(body)]
        return [c for c in out if isinstance(c, cm.RecordDecision)]

    @property
    def shown(self) -> tuple[int | None, list[GateCode]]:
        (view,) = self.desk.kernel.state.pairs.values()
        return view.best_micros, [code for code, _ in view.gates]


async def test_f098_a_fee_update_un_verifies_the_edge_at_once_and_is_reported() -> None:
    venues = Venues()
    await venues.start()
    before, gates = venues.shown
    assert before is not None and GateCode.MARKET_PAUSED not in gates

    # 1. The frame alone: what the fees are now is not known, so nothing is tradeable.
    frame = EventFeeMsg(venues.desk.a.event_id, "quadratic", Decimal(3))
    bodies, tickers, with_event = venues.board.on_lifecycle(frame)
    venues.give(bodies)
    assert venues.shown[1][0] is GateCode.MARKET_PAUSED, "in the very same step"

    # 2. The event is read again and carries the override.
    venues.event |= {"fee_type_override": "quadratic", "fee_multiplier_override": 3}
    read = await venues.catalogue.refresh(sorted(tickers), with_event=with_event)
    ((instrument, payout),) = read
    fees = instrument.fees
    assert (fees.fee_type, fees.multiplier_ppm) == (FeeType.KALSHI_QUADRATIC, 3_000_000)
    assert (fees.venue, fees.scope) == ("kalshi", f"event:{instrument.event_id}")

    # 3. The kernel says so, prices anew in the same step, and trading goes on.
    instrument = replace(instrument, rules_hash="r")
    said = venues.give(venues.board.on_refreshed(instrument, payout, WALL))
    (changed,) = [d for d in said if d.kind == "fees"]
    assert changed.params["after_hash"] == fees.version_hash != changed.params["before_hash"]
    after, gates = venues.shown
    assert after is not None and after < before - 20_000
    assert GateCode.MARKET_PAUSED not in gates
    assert venues.desk.kernel.state.instruments[MARKET].status is MarketStatus.ACTIVE


async def test_f098_an_unknown_fee_type_makes_the_market_untradeable() -> None:
    venues = Venues()
    await venues.start()
    venues.event |= {"fee_type_override": "flat"}
    ((instrument, payout),) = await venues.catalogue.refresh([RATE], with_event=True)
    venues.give(venues.board.on_refreshed(replace(instrument, rules_hash="r"), payout, WALL))
    best, gates = venues.shown
    assert best is None and GateCode.FEES_UNKNOWN in gates
