"""The private side, reads: positions, activities, balances."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shared.domain.ids import native_of
from shared.domain.units import MICROS
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import PayoutRecord
from shared.simulators.polymarket_us_server.market_routes import read_int
from shared.simulators.polymarket_us_server.order_routes import AccountOf
from shared.simulators.polymarket_us_server.problems import Problem, answer
from shared.simulators.polymarket_us_server.wire import (
    balance_object,
    position_object,
    time_text,
    trade_object,
)
from shared.simulators.world import World

TRADE = "ACTIVITY_TYPE_TRADE"
RESOLUTION = "ACTIVITY_TYPE_POSITION_RESOLUTION"


class PortfolioRoutes:
    """Handlers of one exchange; every one authenticates first."""

    def __init__(self, world: World, exchange: Exchange, account_of: AccountOf) -> None:
        self._world, self._exchange, self._account_of = world, exchange, account_of

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/portfolio/positions", self.list_positions)
        app.router.add_get("/v1/portfolio/activities", self.list_activities)
        app.router.add_get("/v1/account/balances", self.get_balances)

    async def get_balances(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        row = balance_object(self._exchange, account, self._world.now_ns())
        return answer({"balances": [row]})

    async def list_positions(self, request: web.Request) -> web.Response:
        account, market = self._account_of(request), request.query.get("market", "")
        held = sorted(
            (native_of(market_id), position.net_yes)
            for market_id, position in self._exchange.positions(account).items()
        )
        rows = [(slug, net) for slug, net in held if net and market in ("", slug)]
        page, tail = _page(request, rows)
        shown = {
            slug: {**position_object(net), "marketMetadata": {"slug": slug}} for slug, net in page
        }
        return answer({"positions": shown, **tail})

    async def list_activities(self, request: web.Request) -> web.Response:
        """Trades and resolutions, newest first unless asked otherwise."""
        account, query = self._account_of(request), request.query
        kinds, slug = query.getall("types", []), query.get("marketSlug", "")
        rows: list[tuple[int, str, dict[str, Any]]] = []
        if not kinds or TRADE in kinds:
            for fill in self._exchange.fills(account):
                entry = {"type": TRADE, "trade": trade_object(fill)}
                rows.append((fill.ts_ns, fill.key, entry))
        if not kinds or RESOLUTION in kinds:
            for payout in self._exchange.payouts(account):
                entry = {"type": RESOLUTION, "positionResolution": resolution_object(payout)}
                rows.append((payout.ts_ns, payout.reference, entry))
        order = query.get("sortOrder", "SORT_ORDER_DESCENDING")
        if order not in ("SORT_ORDER_DESCENDING", "SORT_ORDER_ASCENDING"):
            raise Problem(400, "sortOrder")
        rows.sort(key=lambda row: row[:2], reverse=order == "SORT_ORDER_DESCENDING")
        entries = [entry for _, _, entry in rows if slug in ("", _slug_of(entry))]
        page, tail = _page(request, entries)
        return answer({"activities": page, **tail})


def resolution_object(payout: PayoutRecord) -> dict[str, Any]:
    """Return a settlement as an activity: the position before, none after."""
    net = payout.qty_yes - payout.qty_no
    side = {MICROS: "LONG", 0: "SHORT"}.get(payout.payout, "NEUTRAL")
    return {
        "marketSlug": native_of(payout.market_id),
        "beforePosition": position_object(net),
        "afterPosition": position_object(0),
        "updateTime": time_text(payout.ts_ns),
        "tradeId": payout.reference,
        "side": f"POSITION_RESOLUTION_SIDE_{side}",
    }


def _slug_of(entry: dict[str, Any]) -> str:
    body = entry.get("trade") or entry["positionResolution"]
    return str(body["marketSlug"])


def _page(request: web.Request, rows: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Cut one page; the cursor is opaque to clients and an offset to us."""
    limit = read_int(request, "limit", 100, 1, 100)
    text = request.query.get("cursor", "")
    if text and not text.removeprefix("c").isdigit():
        raise Problem(400, "cursor")
    start = int(text.removeprefix("c")) if text else 0
    end = start + limit
    is_last = end >= len(rows)
    return rows[start:end], {"nextCursor": "" if is_last else f"c{end}", "eof": is_last}
