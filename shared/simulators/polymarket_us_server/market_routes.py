"""The public side: markets, events, books, settlement. Nobody is asked for a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from shared.domain.enums import MarketStatus, Venue
from shared.domain.units import MICROS
from shared.exchange.exchange_state import ExchangeMarket
from shared.exchange.matching_core import Exchange
from shared.simulators.catalogue import SimEvent, SimMarket
from shared.simulators.polymarket_us_server.problems import Problem, answer
from shared.simulators.polymarket_us_server.wire import bbo_object, book_object, market_object
from shared.simulators.world import World

_PAGE_DEFAULT, _PAGE_MAX = 50, 100
Charge = Callable[[web.Request], None]


def read_int(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """Return an integer of the query, cut to its bounds. Raises Problem (400)."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.removeprefix("-").isdigit()) or len(text) > 12:
        raise Problem(400, f"{name} is not an integer")
    return min(high, max(low, int(text)))


def read_flag(request: web.Request, name: str) -> bool | None:
    """Return true, false, or None where the query does not say. Raises Problem (400)."""
    text = request.query.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise Problem(400, f"{name} is not a boolean")
    return None if not text else text == "true"


class MarketRoutes:
    """Read-only handlers; all of them answer from the world as it is now."""

    def __init__(self, world: World, exchange: Exchange, charge: Charge) -> None:
        self._world, self._exchange, self._charge = world, exchange, charge

    def add_to(self, app: web.Application) -> None:
        for path, handler in (
            ("/v1/markets", self.list_markets),
            ("/v1/market/id/{id}", self.get_by_id),
            ("/v1/market/slug/{slug}", self.get_by_slug),
            ("/v1/markets/{slug}/book", self.get_book),
            ("/v1/markets/{slug}/bbo", self.get_bbo),
            ("/v1/markets/{slug}/settlement", self.get_settlement),
            ("/v1/events", self.list_events),
            ("/v1/events/slug/{slug}", self.get_event_by_slug),
            ("/v1/events/{id}", self.get_event),
        ):
            app.router.add_get(path, handler)

    # --- markets ----------------------------------------------------------------------------

    def _find(self, slug: str) -> tuple[SimMarket, ExchangeMarket]:
        market = self._world.find_native(Venue.POLYMARKET_US, slug)
        state = self._exchange.market(market.market_id) if market is not None else None
        if market is None or state is None:
            raise Problem(404, f"market {slug[:80]} not found")
        return market, state

    def _objects(self) -> list[dict[str, Any]]:
        rows = sorted(self._world.markets(Venue.POLYMARKET_US), key=lambda m: m.native_id)
        return [market_object(market, self._exchange) for market in rows]

    async def list_markets(self, request: web.Request) -> web.Response:
        self._charge(request)
        rows = self._objects()
        slugs, ids = request.query.getall("slug", []), request.query.getall("id", [])
        if slugs:
            rows = [row for row in rows if row["slug"] in slugs]
        if ids:
            rows = [row for row in rows if row["id"] in ids]
        for name in ("active", "closed", "archived"):
            wanted = read_flag(request, name)
            if wanted is not None:
                rows = [row for row in rows if bool(row.get(name)) is wanted]
        return answer({"markets": self._page(request, rows)})

    def _page(self, request: web.Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        limit = read_int(request, "limit", _PAGE_DEFAULT, 1, _PAGE_MAX)
        offset = read_int(request, "offset", 0, 0, 10**9)
        return rows[offset : offset + limit]

    async def get_by_id(self, request: web.Request) -> web.Response:
        self._charge(request)
        wanted = request.match_info["id"]
        for row in self._objects():
            if row["id"] == wanted:
                return answer({"market": row})
        raise Problem(404, "market not found")

    async def get_by_slug(self, request: web.Request) -> web.Response:
        self._charge(request)
        market, _ = self._find(request.match_info["slug"])
        return answer({"market": market_object(market, self._exchange)})

    async def get_book(self, request: web.Request) -> web.Response:
        self._charge(request)
        market, state = self._find(request.match_info["slug"])
        book = self._exchange.book(market.market_id)
        return answer({"marketData": book_object(market.native_id, book, state)})

    async def get_bbo(self, request: web.Request) -> web.Response:
        self._charge(request)
        market, state = self._find(request.match_info["slug"])
        book = self._exchange.book(market.market_id)
        return answer({"marketData": bbo_object(market.native_id, book, state)})

    async def get_settlement(self, request: web.Request) -> web.Response:
        self._charge(request)
        market, state = self._find(request.match_info["slug"])
        is_out = state.status in (MarketStatus.DETERMINED, MarketStatus.SETTLED)
        if state.payout is None or not is_out:
            raise Problem(404, "market is not settled")
        return answer({"slug": market.native_id, "settlement": state.payout / MICROS})

    # --- events -----------------------------------------------------------------------------

    def _event_object(self, event: SimEvent) -> dict[str, Any]:
        found = [self._world.find(market_id) for market_id in event.market_ids]
        listed = [market_object(m, self._exchange) for m in found if m is not None]
        return {**event.raw, "markets": listed}

    def _events(self) -> list[SimEvent]:
        return sorted(self._world.events(Venue.POLYMARKET_US), key=lambda e: e.event_id)

    async def list_events(self, request: web.Request) -> web.Response:
        self._charge(request)
        rows = [self._event_object(event) for event in self._events()]
        if slugs := request.query.getall("slug", []):
            rows = [row for row in rows if row["slug"] in slugs]
        return answer({"events": self._page(request, rows)})

    async def get_event(self, request: web.Request) -> web.Response:
        self._charge(request)
        return self._one_event("id", request.match_info["id"])

    async def get_event_by_slug(self, request: web.Request) -> web.Response:
        self._charge(request)
        return self._one_event("slug", request.match_info["slug"])

    def _one_event(self, name: str, value: str) -> web.Response:
        for event in self._events():
            if str(event.raw.get(name)) == value:
                return answer({"event": self._event_object(event)})
        raise Problem(404, "event not found")
