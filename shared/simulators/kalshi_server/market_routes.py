"""The public side: markets, events, series, books, trades, the exchange's own state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from shared.domain.enums import MarketStatus, Venue
from shared.domain.units import NS_PER_S
from shared.exchange.matching_core import Exchange
from shared.simulators.catalogue import SimEvent, SimMarket
from shared.simulators.kalshi_server.problems import Problem, answer
from shared.simulators.kalshi_server.streams import StreamHub
from shared.simulators.kalshi_server.wire import (
    FILTER_WORDS,
    csv,
    cut_page,
    ladders,
    market_object,
    time_text,
)
from shared.simulators.world import World
from shared.simulators.world_faults import EASTERN

THURSDAY = [
    {"open_time": "00:00", "close_time": "03:00"},
    {"open_time": "05:00", "close_time": "00:00"},
]
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_int(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Return an integer of the query. Raises Problem (400) outside its bounds."""
    text = query.get(name, "")
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise Problem(400, "invalid_parameters", f"{name} is not an integer") from None
    if not low <= value <= high:
        raise Problem(400, "invalid_parameters", f"{name} is out of range")
    return value


class MarketRoutes:
    """Read-only handlers; all of them answer from the world as it is now."""

    def __init__(self, world: World, exchange: Exchange, hub: StreamHub) -> None:
        self._world, self._exchange, self._hub = world, exchange, hub

    def add_to(self, app: web.Application, base: str) -> None:
        for path, handler in (
            ("/markets", self.list_markets),
            ("/markets/orderbooks", self.list_books),
            ("/markets/trades", self.list_trades),
            ("/markets/{ticker}", self.get_market),
            ("/markets/{ticker}/orderbook", self.get_book),
            ("/events", self.list_events),
            ("/events/fee_changes", self.list_event_fee_changes),
            ("/events/{ticker}", self.get_event),
            ("/series", self.list_series),
            ("/series/fee_changes", self.list_series_fee_changes),
            ("/series/{ticker}", self.get_series),
            ("/exchange/status", self.get_status),
            ("/exchange/schedule", self.get_schedule),
        ):
            app.router.add_get(base + path, handler)

    # --- markets ----------------------------------------------------------------------------

    def _status_of(self, market: SimMarket) -> MarketStatus:
        state = self._exchange.market(market.market_id)
        assert state is not None, market.market_id
        return state.status

    def _find(self, ticker: str) -> SimMarket:
        market = self._world.find_native(Venue.KALSHI, ticker)
        if market is None:
            raise Problem(404, "market_not_found", f"market {ticker} not found")
        return market

    async def list_markets(self, request: web.Request) -> web.Response:
        query = request.query
        limit = read_int(query, "limit", 100, 1, 1000)
        rows = sorted(self._world.markets(Venue.KALSHI), key=lambda m: m.native_id)
        if tickers := csv(query.getall("tickers", [])):
            rows = [m for m in rows if m.native_id in tickers]
        if event := query.get("event_ticker"):
            rows = [m for m in rows if m.event_id == event]
        if series := query.get("series_ticker"):
            rows = [m for m in rows if m.series_id == series]
        if query.get("mve_filter", "exclude") not in ("only", "exclude"):
            raise Problem(400, "invalid_parameters", "mve_filter")
        if query.get("mve_filter") == "only":  # this exchange lists no combinations
            rows = []
        if word := query.get("status"):
            if word not in FILTER_WORDS:
                raise Problem(400, "invalid_parameters", f"unknown status {word}")
            rows = [m for m in rows if self._status_of(m) in FILTER_WORDS[word]]
        low = read_int(query, "min_close_ts", 0, 0, 1 << 40) * NS_PER_S
        high = read_int(query, "max_close_ts", 1 << 40, 0, 1 << 40) * NS_PER_S
        rows = [m for m in rows if low <= m.close_ns <= high]
        page, cursor = cut_page(rows, lambda m: m.native_id, query.get("cursor", ""), limit)
        listed = [market_object(m, self._exchange) for m in page]
        return answer({"markets": listed, "cursor": cursor})

    async def get_market(self, request: web.Request) -> web.Response:
        market = self._find(request.match_info["ticker"])
        return answer({"market": market_object(market, self._exchange)})

    def _book_object(self, market: SimMarket, depth: int = 0) -> dict[str, Any]:
        yes, no = ladders(self._exchange.book(market.market_id), depth)
        return {"yes_dollars": yes, "no_dollars": no}

    async def get_book(self, request: web.Request) -> web.Response:
        market = self._find(request.match_info["ticker"])
        depth = read_int(request.query, "depth", 0, 0, 100)
        return answer({"orderbook_fp": self._book_object(market, depth)})

    async def list_books(self, request: web.Request) -> web.Response:
        tickers = sorted(csv(request.query.getall("tickers", [])))
        if not 1 <= len(tickers) <= 100:
            raise Problem(400, "invalid_parameters", "tickers: 1 to 100")
        books = [
            {"ticker": ticker, "orderbook_fp": self._book_object(self._find(ticker))}
            for ticker in tickers
        ]
        return answer({"orderbooks": books})

    async def list_trades(self, request: web.Request) -> web.Response:
        query = request.query
        limit = read_int(query, "limit", 100, 1, 1000)
        since = read_int(query, "min_ts", 0, 0, 1 << 40)
        until = read_int(query, "max_ts", 1 << 40, 0, 1 << 40)
        rows = [
            trade
            for ts_s, trade in reversed(self._hub.recent_trades)
            if since <= ts_s <= until and query.get("ticker") in (None, trade["ticker"])
        ]
        page, cursor = cut_page(rows, lambda t: t["trade_id"], query.get("cursor", ""), limit)
        return answer({"trades": page, "cursor": cursor})

    # --- events and series ------------------------------------------------------------------

    def _markets_of(self, event: SimEvent) -> list[SimMarket]:
        found = [self._world.find(market_id) for market_id in event.market_ids]
        return [market for market in found if market is not None]

    async def list_events(self, request: web.Request) -> web.Response:
        query = request.query
        limit = read_int(query, "limit", 200, 1, 200)
        rows = sorted(self._world.kalshi_events(), key=lambda e: e.event_id)
        if tickers := csv(query.getall("tickers", [])):
            rows = [e for e in rows if e.event_id in tickers]
        if series := query.get("series_ticker"):
            rows = [e for e in rows if e.raw.get("series_ticker") == series]
        if word := query.get("status"):
            wanted = FILTER_WORDS.get(word)
            if wanted is None or word == "paused":
                raise Problem(400, "invalid_parameters", f"unknown status {word}")
            rows = [
                e for e in rows if any(self._status_of(m) in wanted for m in self._markets_of(e))
            ]
        page, cursor = cut_page(rows, lambda e: e.event_id, query.get("cursor", ""), limit)
        listed = [dict(e.raw) for e in page]
        if query.get("with_nested_markets", "").lower() == "true":
            for event, shown in zip(page, listed, strict=True):
                shown["markets"] = [
                    market_object(m, self._exchange) for m in self._markets_of(event)
                ]
        return answer({"events": listed, "cursor": cursor})

    async def get_event(self, request: web.Request) -> web.Response:
        event = self._world.event(Venue.KALSHI, request.match_info["ticker"])
        if event is None:
            raise Problem(404, "not_found", "event not found")
        markets = [market_object(m, self._exchange) for m in self._markets_of(event)]
        if request.query.get("with_nested_markets", "").lower() == "true":
            return answer({"event": {**event.raw, "markets": markets}})
        return answer({"event": event.raw, "markets": markets})

    async def list_series(self, request: web.Request) -> web.Response:
        rows = sorted(self._world.kalshi_series(), key=lambda s: s.series_id)
        if category := request.query.get("category"):
            rows = [
                s for s in rows if category in (s.raw.get("categories") or [s.raw.get("category")])
            ]
        return answer({"series": [s.raw for s in rows]})

    async def get_series(self, request: web.Request) -> web.Response:
        series = self._world.series(request.match_info["ticker"])
        if series is None:
            raise Problem(404, "not_found", "series not found")
        return answer({"series": series.raw})

    async def list_series_fee_changes(self, _request: web.Request) -> web.Response:
        return answer({"series_fee_change_arr": []})

    async def list_event_fee_changes(self, _request: web.Request) -> web.Response:
        return answer({"event_fee_changes": [], "cursor": ""})

    # --- exchange ---------------------------------------------------------------------------

    async def get_status(self, _request: web.Request) -> web.Response:
        shards = sorted({m.instrument.shard for m in self._world.markets(Venue.KALSHI)} | {0})
        rows = [
            {
                "exchange_index": shard,
                "description": f"event contracts {shard}",
                "exchange_active": True,
                "trading_active": shard not in self._exchange.paused_shards,
                "intra_exchange_transfers_active": True,
            }
            for shard in shards
        ]
        now_ns = self._world.now_ns()
        pause = self._world.faults.open_window("k.pause", now_ns)
        is_up = not self._world.clock_faults.is_exchange_paused(now_ns)
        for row in rows:
            row["exchange_active"] = is_up
        # As at the venue, the flag for the whole says nothing of a single paused shard.
        is_trading = any(row["trading_active"] for row in rows)
        return answer(
            {
                "exchange_active": is_up,
                "trading_active": is_trading,
                "intra_exchange_transfers_active": is_up,
                "exchange_estimated_resume_time": (
                    None if is_up or pause is None else time_text(pause.until_ns)
                ),
                "exchange_index_statuses": rows,
            }
        )

    async def get_schedule(self, _request: web.Request) -> web.Response:
        """Every day is a whole day, unless ``k.pause`` brings the venue's own hours."""
        now = self._world.now_ns()
        day = [{"open_time": "00:00", "close_time": "00:00"}]
        pause = self._world.faults.open_window("k.pause", now)
        windows = []
        if pause is not None and pause.shape == "maintenance":
            windows = [
                {
                    "start_datetime": _eastern(pause.from_ns),
                    "end_datetime": _eastern(pause.until_ns),
                }
            ]
        hours = {
            "start_time": time_text(now - 365 * 86_400 * NS_PER_S),
            "end_time": time_text(now + 365 * 86_400 * NS_PER_S),
            **dict.fromkeys(_WEEK, day),
        }
        if pause is not None and pause.shape == "thursday":
            hours["thursday"] = THURSDAY
        return answer({"schedule": {"standard_hours": [hours], "maintenance_windows": windows}})


def _eastern(ns: int) -> str:
    return datetime.fromtimestamp(ns // NS_PER_S, EASTERN).isoformat()
