"""The operator's switches of a simulator: faults on and off, and an adversary's own acts.

``GET /__sim__/faults`` lists what is in force, ``GET /__sim__/keys`` the whole table,
``POST`` and ``DELETE /__sim__/faults`` switch; ``POST /__sim__/trade`` moves one trade now
(FAILED, CONFIRMED, RETRYING, MINED, bust, reprice), ``POST /__sim__/payout`` amends a result.

Not part of any venue's protocol; the path prefix ``/__sim__`` keeps it apart.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from shared.domain.enums import Venue
from shared.domain.errors import NotAvailableError
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, NS_PER_MS, PriceMicros
from shared.exchange.fault_plan import INJECTIONS, WIRED, FaultWindow, Injection
from shared.exchange.orders import RefusalCode, Refused, TradeStatus
from shared.simulators.world import World


def add_fault_routes(app: web.Application, world: World) -> None:
    """Add the routes under ``/__sim__``."""

    async def list_faults(_request: web.Request) -> web.Response:
        return web.json_response({"faults": _faults(world)})

    async def list_keys(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [_key_row(row) for row in INJECTIONS]})

    async def switch_on(request: web.Request) -> web.Response:
        body = await _body(request)
        now_ns = world.now_ns()
        try:
            amount = body.get("amount")
            delay_ms = max(0, int(body.get("delay_ms", 0)))
            lasts_ms = max(1, int(body.get("duration_ms", 1_000)))
            window = FaultWindow(
                key=str(body["key"]),
                from_ns=now_ns + delay_ms * NS_PER_MS,
                until_ns=now_ns + (delay_ms + lasts_ms) * NS_PER_MS,
                ppm=min(1_000_000, max(0, int(body.get("ppm", 1_000_000)))),
                amount=None if amount is None else int(amount),
                form=str(body.get("form", "")),
                only=str(body.get("only", "")),
                most=max(0, int(body.get("most", 0))),
            )
            world.faults.switch_on(window)
        except (KeyError, TypeError, ValueError, NotAvailableError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"faults": _faults(world)})

    async def switch_off(request: web.Request) -> web.Response:
        world.faults.switch_off(str((await _body(request)).get("key", "")))
        return web.json_response({"faults": _faults(world)})

    async def move_trade(request: web.Request) -> web.Response:
        body = await _body(request)
        try:
            done = _move_trade(world, body)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        if isinstance(done, Refused):
            return web.json_response({"error": done.message}, status=409)
        return web.json_response({"moved": done})

    async def amend(request: web.Request) -> web.Response:
        body = await _body(request)
        try:
            market, payout = MarketId(str(body["market_id"])), int(body["payout_micros"])
            exchange = world.exchanges[Venue(market.split(":", 1)[0])]
            if not 0 <= payout <= MICROS or exchange.market(market) is None:
                raise ValueError("no such market or payout")
            changed = exchange.amend_payout(market, PriceMicros(payout), world.now_ns())
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"amended": changed})

    async def drop(request: web.Request) -> web.Response:
        try:
            venue = Venue(str((await _body(request)).get("venue", "")))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"dropped": world.drop_connections(venue)})

    async def describe(_request: web.Request) -> web.Response:
        return web.json_response(
            {
                "source": world.source,
                "seed": world.seed,
                "assumptions": list(world.assumptions),
                "markets": {venue.value: len(world.markets(venue)) for venue in world.exchanges},
            }
        )

    app.router.add_get("/__sim__/faults", list_faults)
    app.router.add_post("/__sim__/faults", switch_on)
    app.router.add_delete("/__sim__/faults", switch_off)
    app.router.add_get("/__sim__/keys", list_keys)
    app.router.add_post("/__sim__/trade", move_trade)
    app.router.add_post("/__sim__/payout", amend)
    app.router.add_post("/__sim__/drop", drop)
    app.router.add_get("/__sim__/world", describe)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _move_trade(world: World, body: dict[str, Any]) -> bool | Refused:
    """Move the trade that a body names; raises for a body that names none."""
    trade_id, word = str(body["trade_id"]), str(body["status"]).lower()
    now_ns = world.now_ns()
    if word in ("bust", "reprice"):
        cents = int(body.get("cents", 1)) if word == "reprice" else None
        netting = [e for e in world.exchanges.values() if e.rules.is_netting]
        done = [exchange.bust_trade(trade_id, now_ns, cents) for exchange in netting]
        return next((one for one in done if not _is_unknown(one)), done[0])
    exchange = world.exchanges[Venue.POLYMARKET]
    return exchange.decide_trade(trade_id, TradeStatus(word), now_ns)


def _is_unknown(done: bool | Refused) -> bool:
    return isinstance(done, Refused) and done.code is RefusalCode.UNKNOWN_ORDER


def _key_row(row: Injection) -> dict[str, Any]:
    return {
        "key": row.key,
        "number": row.number,
        "kind": row.kind.value,
        "server": row.venue.value if row.venue else "all",
        "where": row.where.value,
        "does": row.does,
        "amount": row.amount,
        "unit": row.unit,
        "forms": list(row.forms),
        "available": row.key in WIRED,
    }


def _faults(world: World) -> list[dict[str, Any]]:
    return [
        {**asdict(window), "hits": world.faults.hits(window.key)}
        for window in world.faults.windows()
    ]
