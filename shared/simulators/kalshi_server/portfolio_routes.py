"""The private side, reads: balance, positions, fills, settlements, orders."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from shared.domain.enums import MarketStatus
from shared.domain.ids import MarketId, native_of
from shared.domain.units import (
    MICROS,
    NS_PER_S,
)
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import FillRecord
from shared.simulators.kalshi_server.market_routes import read_int
from shared.simulators.kalshi_server.order_routes import AccountOf, find_own_order
from shared.simulators.kalshi_server.problems import Problem, answer
from shared.simulators.kalshi_server.wire import (
    ORDER_WORDS,
    count_text,
    csv,
    cut_page,
    decimal_text,
    fill_object,
    order_object,
    position_money,
    settlement_object,
    standing_fills,
    time_text,
)
from shared.simulators.world import World

_TIMES_MAX: Final = 1 << 40


class PortfolioRoutes:
    """Handlers of one exchange; every one authenticates first."""

    def __init__(self, world: World, exchange: Exchange, account_of: AccountOf) -> None:
        self._world, self._exchange, self._account_of = world, exchange, account_of

    def add_to(self, app: web.Application, base: str) -> None:
        app.router.add_get(base + "/exchange/user_data_timestamp", self.get_as_of)
        app.router.add_get(base + "/portfolio/balance", self.get_balance)
        app.router.add_get(base + "/portfolio/positions", self.list_positions)
        app.router.add_get(base + "/portfolio/fills", self.list_fills)
        app.router.add_get(base + "/portfolio/settlements", self.list_settlements)
        app.router.add_get(base + "/portfolio/orders", self.list_orders)
        app.router.add_get(base + "/portfolio/orders/{order_id}", self.get_order)

    # --- reads ------------------------------------------------------------------------------

    async def get_as_of(self, request: web.Request) -> web.Response:
        self._account_of(request)
        return answer({"as_of_time": time_text(self._world.now_ns())})

    def _mark(self, market: MarketId, net: int) -> int:
        """Return what a net position would bring at the best opposite price, rounded down."""
        book = self._exchange.book(market)
        if net > 0:
            return net * (book.bids[0][0] if book.bids else 0) // MICROS
        return -net * (MICROS - book.asks[0][0] if book.asks else 0) // MICROS

    async def get_balance(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        cash = self._exchange.cash(account)
        positions = self._exchange.positions(account)
        value = sum(
            self._mark(market, position.net_yes)
            for market, position in positions.items()
            if position.net_yes and self._exchange.market(market) is not None
        )
        return answer(
            {
                "balance": cash // 10_000,
                "balance_dollars": decimal_text(cash, 4),
                "portfolio_value": value // 10_000,
                "updated_ts": self._world.now_ns() // NS_PER_S,
                "balance_breakdown": [
                    {"exchange_index": shard, "balance": decimal_text(usd, 4)}
                    for shard, usd in self._exchange.cash_by_shard(account).items()
                ],
            }
        )

    async def list_positions(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        wanted = query.get("settlement_status", "unsettled")
        if wanted not in ("unsettled", "settled", "all"):
            raise Problem(400, "invalid_parameters", "settlement_status")
        rows: list[dict[str, Any]] = []
        for market, position in sorted(self._exchange.positions(account).items()):
            state = self._exchange.market(market)
            if state is None:
                continue
            is_settled = state.status is MarketStatus.SETTLED
            if wanted != "all" and is_settled is not (wanted == "settled"):
                continue
            if "position" in query.get("count_filter", "") and position.net_yes == 0:
                continue
            ticker = native_of(market)
            if query.get("ticker") not in (None, "", ticker):
                continue
            if query.get("event_ticker") not in (None, "", state.instrument.event_id):
                continue
            rows.append(self._position_row(account, market, position.net_yes))
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(
            rows, lambda row: str(row["ticker"]), query.get("cursor", ""), limit
        )
        return answer({"market_positions": page, "event_positions": [], "cursor": cursor})

    def _position_row(self, account: str, market: MarketId, net: int) -> dict[str, Any]:
        fills = self._fills_of(account, market)
        exposure, realised = position_money(fills)
        traded = sum(fill.amount_usd for fill in fills)
        fees = sum(fill.fee_usd for fill in fills)
        state = self._exchange.market(market)
        assert state is not None
        return {
            "ticker": native_of(market),
            "exchange_index": state.instrument.shard,
            "total_traded_dollars": decimal_text(traded, 6),
            "position_fp": count_text(net),
            "market_exposure_dollars": decimal_text(exposure, 6),
            "realized_pnl_dollars": decimal_text(realised, 6),
            "fees_paid_dollars": decimal_text(fees, 6),
            "last_updated_ts": time_text(fills[-1].ts_ns if fills else state.changed_ns),
        }

    def _fills_of(self, account: str, market: MarketId) -> list[FillRecord]:
        return standing_fills(self._exchange, account, market)

    async def list_fills(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        tickers = csv(query.getall("ticker", []))
        low = read_int(query, "min_ts", 0, 0, _TIMES_MAX)
        high = read_int(query, "max_ts", _TIMES_MAX, 0, _TIMES_MAX)
        rows = [
            fill
            for fill in reversed(standing_fills(self._exchange, account, None))
            if low <= fill.ts_ns // NS_PER_S <= high
            and (not tickers or native_of(fill.market_id) in tickers)
            and query.get("order_id") in (None, "", fill.order_id)
        ]
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(rows, lambda fill: fill.key, query.get("cursor", ""), limit)
        listed = [
            fill_object(fill, native_of(fill.market_id), self._shard_of(fill.market_id))
            for fill in page
        ]
        return answer({"fills": listed, "cursor": cursor})

    async def list_settlements(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        low = read_int(query, "min_ts", 0, 0, _TIMES_MAX)
        high = read_int(query, "max_ts", _TIMES_MAX, 0, _TIMES_MAX)
        payouts = sorted(self._exchange.payouts(account), key=lambda p: (-p.ts_ns, p.reference))
        rows = [
            payout
            for payout in payouts
            if low <= payout.ts_ns // NS_PER_S <= high
            and query.get("ticker") in (None, "", native_of(payout.market_id))
        ]
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(rows, lambda p: p.reference, query.get("cursor", ""), limit)
        listed = []
        for payout in page:
            state = self._exchange.market(payout.market_id)
            event = state.instrument.event_id if state is not None else ""
            shard = self._shard_of(payout.market_id)
            fills = self._fills_of(account, payout.market_id)
            ticker = native_of(payout.market_id)
            listed.append(settlement_object(payout, fills, ticker, event, shard))
        return answer({"settlements": listed, "cursor": cursor})

    async def list_orders(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        low = read_int(query, "min_ts", 0, 0, _TIMES_MAX)
        high = read_int(query, "max_ts", _TIMES_MAX, 0, _TIMES_MAX)
        status = query.get("status", "")
        if status and status not in ORDER_WORDS.values():
            raise Problem(400, "invalid_parameters", f"unknown status {status}")
        tickers = csv(query.getall("ticker", []))
        rows = [
            order
            for order in reversed(self._exchange.orders(account))
            if low <= order.created_ns // NS_PER_S <= high
            and (not tickers or native_of(order.market_id) in tickers)
            and (not status or ORDER_WORDS[order.status] == status)
        ]
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(rows, lambda o: o.order_id, query.get("cursor", ""), limit)
        listed = [order_object(order, native_of(order.market_id)) for order in page]
        return answer({"orders": listed, "cursor": cursor})

    async def get_order(self, request: web.Request) -> web.Response:
        order = find_own_order(
            self._exchange, self._account_of(request), request.match_info["order_id"]
        )
        return answer({"order": order_object(order, native_of(order.market_id))})

    def _shard_of(self, market: MarketId) -> int:
        state = self._exchange.market(market)
        return state.instrument.shard if state is not None else 0


def _ticker_of(row: dict[str, Any]) -> str:
    return str(row["ticker"])
