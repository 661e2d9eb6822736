"""Gamma: the catalogue, paged by keyset, with the dynamic fields laid over the static ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from shared.domain.enums import MarketStatus
from shared.domain.units import MICROS, format_micros
from shared.simulators.catalogue import SimEvent, SimMarket, rfc3339
from shared.simulators.polymarket_server.desk import (
    VENUE,
    Desk,
    answer,
    desk_of,
    refusal,
    whole,
)

KEYSET_LIMIT_MAX: Final = 100
OFFSET_MAX: Final = 2_000


def add_gamma_routes(app: web.Application, prefix: str) -> None:
    app.router.add_get(f"{prefix}/markets/keyset", markets_keyset)
    app.router.add_get(f"{prefix}/events/keyset", events_keyset)
    app.router.add_get(f"{prefix}/markets", markets)
    app.router.add_get(f"{prefix}/events", events)
    app.router.add_get(f"{prefix}/markets/{{market_id}}", one_market)
    app.router.add_get(f"{prefix}/events/{{event_id}}", one_event)


def market_view(desk: Desk, market: SimMarket) -> dict[str, Any]:
    """Return the Gamma object of a market as of now."""
    view = dict(market.raw)
    listed = desk.exchange.market(market.market_id)
    if listed is None:
        return view
    status, books = listed.status, desk.market_books(market.market_id)
    is_over = status is MarketStatus.SETTLED
    view["active"] = True
    view["closed"] = is_over
    view["acceptingOrders"] = status is MarketStatus.ACTIVE
    view["umaResolutionStatuses"] = json.dumps(
        {MarketStatus.DETERMINED: ["proposed"], MarketStatus.SETTLED: ["proposed", "resolved"]}.get(
            status, []
        )
    )
    if status is MarketStatus.DETERMINED:
        view["umaResolutionStatus"] = "proposed"
    yes = int(listed.last_yes_price) or MICROS // 2
    if is_over and listed.payout is not None:
        yes = int(listed.payout)
        view["umaResolutionStatus"] = "resolved"
        view["closedTime"] = rfc3339(listed.settled_ns).replace("T", " ").replace("Z", "+00")
    view["outcomePrices"] = json.dumps([format_micros(yes), format_micros(MICROS - yes)])
    if books is not None and not is_over:
        bid, ask = books.yes.best()
        view["bestBid"], view["bestAsk"] = float(bid), float(ask)
        view["lastTradePrice"] = float(books.yes.last_trade or "0")
    view["volumeNum"] = float(format_micros(listed.volume))
    view["volume"] = format_micros(listed.volume)
    return view


def event_view(desk: Desk, event: SimEvent, *, with_markets: bool) -> dict[str, Any]:
    found = [m for i in event.market_ids if (m := desk.world.find(i)) is not None]
    views = [market_view(desk, market) for market in found]
    view = dict(event.raw)
    view["closed"] = bool(views) and all(v.get("closed") for v in views)
    view["active"] = True
    if with_markets:
        view["markets"] = [{k: v for k, v in row.items() if k != "events"} for row in views]
    return view


def _is_wanted(request: web.Request, view: dict[str, Any]) -> bool:
    """Apply the filters closed (default false), active, tag_slug and the id lists."""
    query = request.query
    for name, default in (("closed", "false"), ("active", "")):
        wanted = query.get(name, default)
        if wanted and bool(view.get(name)) is not (wanted == "true"):
            return False
    conditions = query.getall("condition_ids", [])
    if conditions and view.get("conditionId") not in conditions:
        return False
    tokens = query.getall("clob_token_ids", [])
    if tokens and not any(token in str(view.get("clobTokenIds", "")) for token in tokens):
        return False
    slugs = query.getall("slug", [])
    if slugs and view.get("slug") not in slugs:
        return False
    tag = query.get("tag_slug")
    return not tag or any(row.get("slug") == tag for row in view.get("tags") or ())


def _strip_tags(request: web.Request, views: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    if request.query.get("include_tag") == "true":
        return list(views)
    return [{k: v for k, v in view.items() if k != "tags"} for view in views]


def _order(view: dict[str, Any]) -> tuple[int, str]:
    text = str(view.get("id", ""))
    return (int(text) if text.isascii() and text.isdigit() else 0, text)


def _keyset(request: web.Request, views: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Cut one page after the cursor; the cursor names the last id of the page before."""
    if "offset" in request.query:
        raise refusal(422, "offset is not supported, use after_cursor")
    limit = max(1, whole(request.query, "limit", 20, KEYSET_LIMIT_MAX))
    cursor = request.query.get("after_cursor", "")
    views.sort(key=_order)
    if cursor:
        try:
            last = json.loads(base64.urlsafe_b64decode(cursor))
            after = (int(last[0]), str(last[1]))
        except (ValueError, TypeError, IndexError):
            raise refusal(422, "invalid after_cursor") from None
        views = [view for view in views if _order(view) > after]
    page: dict[str, Any] = {name: views[:limit]}
    if len(views) > limit:
        mark = json.dumps(_order(views[limit - 1])).encode()
        page["next_cursor"] = base64.urlsafe_b64encode(mark).decode()
    return page


async def markets_keyset(request: web.Request) -> web.Response:
    desk = desk_of(request)
    views = [v for m in desk.world.markets(VENUE) if _is_wanted(request, v := market_view(desk, m))]
    page = _keyset(request, views, "markets")
    page["markets"] = _strip_tags(request, page["markets"])
    return answer(page)


async def events_keyset(request: web.Request) -> web.Response:
    desk = desk_of(request)
    with_markets = request.query.get("include_markets", "true") != "false"
    views = [
        v
        for e in desk.world.polymarket_events()
        if _is_wanted(request, v := event_view(desk, e, with_markets=with_markets))
    ]
    return answer(_keyset(request, views, "events"))


def _offset_page(request: web.Request, views: list[dict[str, Any]]) -> list[dict[str, Any]]:
    offset = whole(request.query, "offset", 0, 1_000_000)
    if offset > OFFSET_MAX:
        raise refusal(422, "offset too large, use /markets/keyset")
    views.sort(key=_order)
    return views[offset : offset + whole(request.query, "limit", 20, 500)]


async def markets(request: web.Request) -> web.Response:
    desk = desk_of(request)
    views = [v for m in desk.world.markets(VENUE) if _is_wanted(request, v := market_view(desk, m))]
    return answer(_strip_tags(request, _offset_page(request, views)))


async def events(request: web.Request) -> web.Response:
    desk = desk_of(request)
    views = [
        v
        for e in desk.world.polymarket_events()
        if _is_wanted(request, v := event_view(desk, e, with_markets=True))
    ]
    return answer(_offset_page(request, views))


async def one_market(request: web.Request) -> web.Response:
    desk = desk_of(request)
    wanted = request.match_info["market_id"]
    for market in desk.world.markets(VENUE):
        if str(market.raw.get("id")) == wanted:
            return answer(market_view(desk, market))
    raise refusal(404, "market not found")


async def one_event(request: web.Request) -> web.Response:
    desk = desk_of(request)
    event = desk.world.event(VENUE, request.match_info["event_id"])
    if event is None:
        raise refusal(404, "event not found")
    return answer(event_view(desk, event, with_markets=True))
