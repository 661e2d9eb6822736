"""Drives the simulated venue with the official client (polymarket-us); run by its own python.

Arguments: base address, key id, secret. Prints one JSON object with what the client
understood; any protocol mistake of the server raises in the client.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

RATE, RAIN = "rate-cut-december", "rain-nyc-december"
DOLLARS = "USD"


def limit_order(slug: str, price: str, quantity: float, **more: Any) -> dict[str, Any]:
    return {
        "marketSlug": slug,
        "intent": "ORDER_INTENT_BUY_LONG",
        "type": "ORDER_TYPE_LIMIT",
        "price": {"value": price, "currency": DOLLARS},
        "quantity": quantity,
        "tif": "TIME_IN_FORCE_GOOD_TILL_CANCEL",
        "manualOrderIndicator": "MANUAL_ORDER_INDICATOR_AUTOMATIC",
        **more,
    }


def read(client: Any) -> dict[str, Any]:
    """The public side: no key is sent for it."""
    markets = client.markets
    seen: dict[str, Any] = {}
    seen["markets"] = sorted(m["slug"] for m in markets.list({"active": True})["markets"])
    seen["page"] = len(markets.list({"limit": 2, "offset": 2})["markets"])
    one = markets.retrieve_by_slug(RATE)["market"]
    seen["same"] = markets.retrieve(one["id"])["market"]["slug"] == RATE
    seen["tick"], seen["lot"] = one["orderPriceMinTickSize"], one["minimumTradeQty"]
    book = markets.book(RATE)["marketData"]
    seen["offers"] = [[row["px"]["value"], row["qty"]] for row in book["offers"]]
    seen["state"] = book["state"]
    seen["best"] = markets.bbo(RATE)["marketData"]["bestAsk"]["value"]
    event = client.events.retrieve_by_slug(one["eventSlug"])["event"]
    seen["event"] = [market["slug"] for market in event["markets"]]
    return seen


def trade(client: Any) -> dict[str, Any]:
    from polymarket_us import BadRequestError, NotFoundError

    orders, seen = client.orders, {}
    taken = orders.create(
        limit_order(
            RATE,
            "0.43",
            12,
            tif="TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
            synchronousExecution=True,
            maxBlockTime="1",
        )
    )
    seen["executions"] = [row["type"] for row in taken["executions"]]
    seen["shares"] = [row["lastShares"] for row in taken["executions"]]
    seen["taken"] = orders.retrieve(taken["id"])["order"]["state"]
    resting = orders.create(limit_order(RATE, "0.41", 3))
    seen["async"] = sorted(resting)
    seen["open"] = [o["leavesQuantity"] for o in orders.list({"slugs": [RATE]})["orders"]]
    orders.modify(resting["id"], {"marketSlug": RATE, "quantity": 2})
    [renewed] = orders.list()["orders"]
    orders.cancel(renewed["id"], {"marketSlug": RATE})
    seen["cancelled"] = orders.retrieve(renewed["id"])["order"]["state"]
    bad = orders.create(limit_order(RATE, "45", 1))
    seen["refused"] = orders.retrieve(bad["id"])["order"]["state"]
    for name, call in (
        ("shape", lambda: orders.create({"marketSlug": RATE})),
        ("unknown", lambda: orders.retrieve("no-such-order")),
    ):
        try:
            call()
        except (BadRequestError, NotFoundError) as error:
            seen[name] = [error.status_code, error.message]
    many = orders.create_many(
        {"orders": [limit_order(RAIN, "0.10", 1), limit_order(RAIN, "0.11", 1)]}
    )
    seen["many"] = len(many["createdOrderIds"])
    seen["swept"] = len(orders.cancel_all()["canceledOrderIds"])
    seen["preview"] = orders.preview({"request": limit_order(RATE, "0.20", 5)})["order"]["quantity"]
    seen["position"] = client.portfolio.positions()["positions"][RATE]["netPositionDecimal"]
    activities = client.portfolio.activities({"types": ["ACTIVITY_TYPE_TRADE"]})["activities"]
    seen["trades"] = sorted(row["trade"]["qtyDecimal"] for row in activities)
    seen["balance"] = client.account.balances()["balances"][0]["currentBalance"]
    seen["closed"] = len(client.orders.close_position({"marketSlug": RATE})["id"]) > 0
    return seen


async def listen(base: str, key_id: str, secret: str) -> dict[str, Any]:
    """Subscribe both sockets, trade once, return the events that the client understood."""
    from polymarket_us import AsyncPolymarketUS

    events: list[str] = []
    client = AsyncPolymarketUS(
        key_id=key_id, secret_key=secret, gateway_base_url=base, api_base_url=base
    )
    markets, private = client.ws.markets(), client.ws.private()
    books: list[int] = []
    fills: list[str] = []
    for name in ("market_data", "market_data_lite", "trade", "heartbeat", "error"):
        markets.on(name, lambda *_, name=name: events.append(name))
    for name in (
        "order_snapshot",
        "order_update",
        "position_update",
        "account_balance_snapshot",
        "account_balance_update",
        "error",
    ):
        private.on(name, lambda *_, name=name: events.append(name))
    markets.on("market_data", lambda frame: books.append(len(frame["marketData"]["offers"])))
    private.on(
        "order_update",
        lambda frame: fills.append(frame["orderSubscriptionUpdate"]["execution"]["type"]),
    )
    await markets.connect()
    await private.connect()
    await markets.subscribe_market_data("books", [RATE])
    await markets.subscribe_market_data_lite("lite", [RATE])
    await markets.subscribe_trades("trades", [RATE])
    await private.subscribe_orders("orders")
    await private.subscribe("open", "SUBSCRIPTION_TYPE_ORDER_SNAPSHOT")
    await private.subscribe_positions("positions")
    await private.subscribe_account_balance("cash")
    await asyncio.sleep(0.4)
    await client.orders.create(
        limit_order(RATE, "0.44", 2, tif="TIME_IN_FORCE_IMMEDIATE_OR_CANCEL")
    )
    await asyncio.sleep(0.6)
    await private.close()
    await markets.close()
    await client.close()
    return {"events": sorted(set(events)), "books": len(books), "fills": fills}


def main(base: str, key_id: str, secret: str) -> None:
    from polymarket_us import AuthenticationError, PolymarketUS

    options = {"gateway_base_url": base, "api_base_url": base, "max_retries": 0}
    with PolymarketUS(key_id=key_id, secret_key=secret, **options) as client:
        seen = {**read(client), **trade(client)}
    with PolymarketUS(key_id=key_id, secret_key="A" * 43 + "=", **options) as stranger:
        try:
            stranger.account.balances()
        except AuthenticationError as error:
            seen["stranger"] = error.status_code
    seen["stream"] = asyncio.run(listen(base, key_id, secret))
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:4])
