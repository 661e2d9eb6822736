"""The CLOB's own market lists: long and simplified, by pages with a base64 cursor."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from aiohttp import web

from shared.domain.enums import MarketStatus, Outcome, Venue
from shared.domain.units import MICROS, format_micros
from shared.simulators.catalogue import SimMarket
from shared.simulators.polymarket_server.desk import Desk, answer, desk_of, refusal

PAGE: Final = 500
LAST_CURSOR: Final = "LTE="


def add_listing_routes(app: web.Application) -> None:
    add = app.router.add_get
    add("/markets", list_markets)
    add("/sampling-markets", list_markets)
    add("/simplified-markets", list_simplified)
    add("/sampling-simplified-markets", list_simplified)


def outcomes_of(market: SimMarket) -> list[tuple[str, str]]:
    """Return (token, outcome name) of both outcomes, YES first."""
    names = [str(name) for name in json.loads(market.raw["outcomes"])]
    return [(market.token_of(o), n) for o, n in zip(Outcome, names, strict=True)]


def long_view(desk: Desk, market: SimMarket) -> dict[str, Any]:
    """Return a market as ``GET /markets/{condition}`` shows it."""
    listed = desk.exchange.market(market.market_id)
    assert listed is not None
    instrument = listed.instrument
    return {
        **simplified_view(desk, market),
        "question": market.raw.get("question", ""),
        "neg_risk": instrument.neg_risk,
        "minimum_tick_size": float(format_micros(instrument.grid[0].step)),
        "minimum_order_size": int(instrument.min_qty) // MICROS,
    }


def simplified_view(desk: Desk, market: SimMarket) -> dict[str, Any]:
    listed = desk.exchange.market(market.market_id)
    assert listed is not None
    yes = listed.payout if listed.status is MarketStatus.SETTLED else None
    last = int(listed.last_yes_price)
    return {
        "condition_id": market.native_id,
        "tokens": [
            {
                "token_id": token,
                "outcome": name,
                "price": float(format_micros(last if i == 0 else MICROS - last)),
                "winner": yes == (MICROS if i == 0 else 0),
            }
            for i, (token, name) in enumerate(outcomes_of(market))
        ],
        "active": True,
        "closed": listed.status is MarketStatus.SETTLED,
        "archived": False,
        "accepting_orders": listed.status is MarketStatus.ACTIVE,
    }


def _page(request: web.Request, view: Any) -> web.Response:
    """Answer one page; a cursor is the base64 of an offset, ``LTE=`` (-1) is the end."""
    desk = desk_of(request)
    markets = sorted(desk.world.markets(Venue.POLYMARKET), key=lambda m: m.native_id)
    try:
        start = int(base64.b64decode(request.query.get("next_cursor") or "MA=="))
    except (ValueError, binascii.Error):
        raise refusal(400, "invalid next_cursor") from None
    chunk = markets[start : start + PAGE] if start >= 0 else []
    is_more = start >= 0 and start + PAGE < len(markets)
    cursor = base64.b64encode(str(start + PAGE).encode()).decode() if is_more else LAST_CURSOR
    rows = [view(desk, market) for market in chunk]
    return answer({"data": rows, "next_cursor": cursor, "limit": PAGE, "count": len(rows)})


async def list_markets(request: web.Request) -> web.Response:
    return _page(request, long_view)


async def list_simplified(request: web.Request) -> web.Response:
    return _page(request, simplified_view)
