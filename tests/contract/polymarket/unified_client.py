"""Run by the contract environment: the unified SDK against the address on the command line.

The SDK has no public way to name other hosts; its environment value is copied with ours.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any

import polymarket
from polymarket import environments
from polymarket.streams import MarketSpec, UserSpec


async def main(base: str, key: str, eoa: str, token: str) -> dict[str, Any]:
    ws = base.replace("http", "ws", 1) + "/ws"
    config = dataclasses.replace(
        environments.PRODUCTION._config,
        clob_url=base,
        clob_market_ws_url=f"{ws}/market",
        clob_user_ws_url=f"{ws}/user",
        gamma_url=f"{base}/gamma",
        data_url=f"{base}/data-api",
        relayer_url=base,
        rpc_url=base,
    )
    there = environments._create_environment(name="simulated", config=config)
    public = polymarket.AsyncPublicClient(environment=there)
    conditions = []
    async for page in public.list_markets():
        conditions += [market.condition_id for market in page.items]
    book = await public.get_order_book(token_id=token)
    events = await public.subscribe(MarketSpec(token_ids=[token], custom_feature_enabled=True))
    told: list[str] = []
    listening = asyncio.create_task(collect(events, told))
    client = await polymarket.AsyncSecureClient.create(
        private_key=key, wallet=eoa, environment=there
    )
    own = await client.subscribe(UserSpec())
    ours: list[str] = []
    following = asyncio.create_task(collect(own, ours))
    await until(lambda: "MarketBookEvent" in told)
    await asyncio.sleep(0.3)  # the user channel says nothing until something happens
    resting = await client.place_limit_order(asset_id=token, price="0.40", size="10", side="BUY")
    live = await client.list_open_orders().first_page()
    cancelled = await client.cancel_order(order_id=resting.order_id)
    signed = [
        await client.create_limit_order(asset_id=token, price=price, size="10", side="BUY")
        for price in ("0.38", "0.39")
    ]
    placed = await client.post_orders(signed)
    swept = await client.cancel_all()
    bought = await client.place_market_order(
        asset_id=token, side="BUY", amount="47", max_price="0.47", order_type="FAK"
    )
    hashes = await client.wait_for_order_fill_settlement(bought, timeout_s=10.0)
    trades = await client.list_account_trades().first_page()
    books = await client.get_order_books(token_ids=[token])
    balance = await client.get_balance_allowance(asset_type="COLLATERAL")
    await until(lambda: "UserTradeEvent" in ours and "MarketLastTradePriceEvent" in told)
    for task in (listening, following):
        task.cancel()
    await asyncio.gather(listening, following, return_exceptions=True)
    await client.close()
    await public.close()
    return {
        "markets": len(set(conditions)),
        "asks": [[str(level.price), str(level.size)] for level in book.asks],
        "streamed": sorted(set(told)),
        "own_stream": sorted(set(ours)),
        "resting": resting.status,
        "is_listed": [order.id for order in live.items] == [resting.order_id],
        "cancelled": list(cancelled.canceled) == [resting.order_id],
        "swept": sorted(swept.canceled) == sorted(row.order_id for row in placed),
        "bought": [bought.status, str(bought.making_amount), str(bought.taking_amount)],
        "settled": len(hashes),
        "trades": [[str(t.price), str(t.size), str(t.status)] for t in trades.items],
        "best": str(books[0].asks[-1].size),
        "balance": str(balance.balance),
    }


async def collect(events: Any, kinds: list[str]) -> None:
    """Note the kinds of everything that the client understood."""
    async for event in events:
        kinds.append(type(event).__name__)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():  # noqa: ASYNC110 - a fact has no event
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
