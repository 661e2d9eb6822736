"""Public CLOB routes: books, ticks, fees and market facts, time and version."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from shared.domain.enums import MarketStatus, Outcome
from shared.domain.units import MICROS, NS_PER_S, format_micros, parse_micros
from shared.simulators.catalogue import SimMarket
from shared.simulators.polymarket_server.desk import Desk, answer, desk_of, json_body, refusal
from shared.simulators.polymarket_server.listing_routes import long_view, outcomes_of
from shared.simulators.polymarket_server.token_books import TokenBook

BOOKS_MAX: Final = 500


def add_book_routes(app: web.Application) -> None:
    add = app.router.add_get
    add("/", ok)
    add("/ok", ok)
    add("/time", server_time)
    add("/version", version)
    add("/book", book)
    app.router.add_post("/books", books)
    add("/midpoint", midpoint)
    add("/spread", spread)
    add("/price", price)
    add("/last-trade-price", last_trade_price)
    add("/tick-size", tick_size)
    add("/neg-risk", neg_risk)
    add("/fee-rate", fee_rate)
    add("/clob-markets/{condition}", clob_market)
    add("/markets/{condition}", long_market)
    add("/markets-by-token/{token}", market_by_token)
    add("/api/geoblock", geoblock)


async def ok(_request: web.Request) -> web.Response:
    return answer("OK")


async def server_time(request: web.Request) -> web.Response:
    return web.Response(text=str(desk_of(request).now_s), content_type="application/json")


async def version(_request: web.Request) -> web.Response:
    return answer({"version": 2})


def _book(request: web.Request) -> TokenBook:
    found = find_book(desk_of(request), request.query.get("token_id", ""))
    if found is None:
        raise refusal(404, "No orderbook exists for the requested token id")
    return found


def find_book(desk: Desk, token: str) -> TokenBook | None:
    known = desk.token(token)
    if known is None:
        return None
    market, outcome = known
    pair = desk.market_books(market.market_id)
    return pair.of(outcome) if pair else None


async def book(request: web.Request) -> web.Response:
    return answer(_shown(desk_of(request), _book(request)))


def _shown(desk: Desk, found: TokenBook) -> dict[str, Any]:
    """Return a book as REST shows it; a fault shows a stale shell instead (F-007)."""
    view = found.rest_view()
    now_ns = desk.world.now_ns()
    if desk.world.faults.fires("p.rest.shell", now_ns, found.token, found.market):
        view |= {
            "timestamp": str((now_ns // NS_PER_S - 3_600) * 1_000),
            "bids": [{"price": "0.01", "size": "1000"}],
            "asks": [{"price": "0.99", "size": "1000"}],
            "hash": "0" * 40,
        }
    return view


async def books(request: web.Request) -> web.Response:
    rows = await json_body(request)
    if not isinstance(rows, list) or len(rows) > BOOKS_MAX:
        raise refusal(400, "Invalid payload")
    desk = desk_of(request)
    tokens = [row.get("token_id", "") if isinstance(row, dict) else "" for row in rows]
    found = [find_book(desk, token) for token in tokens]
    return answer([_shown(desk, item) for item in found if item is not None])


async def midpoint(request: web.Request) -> web.Response:
    bid, ask = _best(_book(request))
    return answer({"mid": format_micros((bid + ask) // 2)})


async def spread(request: web.Request) -> web.Response:
    bid, ask = _best(_book(request))
    return answer({"spread": format_micros(ask - bid)})


async def price(request: web.Request) -> web.Response:
    """The newer documentation's meaning: BUY is the lowest ask, SELL the highest bid."""
    bid, ask = _best(_book(request))
    side = request.query.get("side", "").upper()
    if side not in ("BUY", "SELL"):
        raise refusal(400, "Invalid side")
    return answer({"price": format_micros(ask if side == "BUY" else bid)})


async def last_trade_price(request: web.Request) -> web.Response:
    found = _book(request)
    return answer({"price": found.last_trade or "0.5", "side": "BUY" if found.last_trade else ""})


def _best(found: TokenBook) -> tuple[int, int]:
    bid, ask = found.best()
    return parse_micros(bid), parse_micros(ask)


async def tick_size(request: web.Request) -> web.Response:
    return answer({"minimum_tick_size": float(_book(request).tick)})


async def neg_risk(request: web.Request) -> web.Response:
    return answer({"neg_risk": _book(request).neg_risk})


async def fee_rate(request: web.Request) -> web.Response:
    """The relic that nobody may use: it says 1000 whatever the market charges."""
    _book(request)
    return answer({"base_fee": 1000})


def _condition(request: web.Request) -> SimMarket:
    market = desk_of(request).condition(request.match_info["condition"])
    if market is None:
        raise refusal(404, "market not found")
    return market


async def clob_market(request: web.Request) -> web.Response:
    market = _condition(request)
    listed = desk_of(request).exchange.market(market.market_id)
    assert listed is not None
    instrument = listed.instrument
    view: dict[str, Any] = {
        "c": market.native_id,
        "t": [{"t": token, "o": name} for token, name in outcomes_of(market)],
        "mts": float(format_micros(instrument.grid[0].step)),
        "mos": int(instrument.min_qty) // MICROS,
        "nr": instrument.neg_risk,
        "mbf": 1000,
        "tbf": 1000,
        "ao": listed.status is MarketStatus.ACTIVE,
        "sd": instrument.taker_delay_ns // NS_PER_S,
        "itode": 0 < instrument.taker_delay_ns < NS_PER_S,
    }
    schedule = market.raw.get("feeSchedule")
    if market.raw.get("feesEnabled") and isinstance(schedule, dict):
        view["fd"] = {
            "r": schedule["rate"],
            "e": schedule["exponent"],
            "to": schedule.get("takerOnly", True),
        }
    return answer(view)


async def long_market(request: web.Request) -> web.Response:
    return answer(long_view(desk_of(request), _condition(request)))


async def market_by_token(request: web.Request) -> web.Response:
    desk = desk_of(request)
    found = desk.token(request.match_info["token"])
    if found is None:
        raise refusal(404, "market not found")
    market = found[0]
    return answer(
        {
            "condition_id": market.native_id,
            "primary_token_id": market.token_of(Outcome.YES),
            "secondary_token_id": market.token_of(Outcome.NO),
        }
    )


async def geoblock(_request: web.Request) -> web.Response:
    return answer({"blocked": False, "ip": "127.0.0.1", "country": "IE", "region": "L"})
