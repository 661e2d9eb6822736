"""Run by the contract environment: the unified SDK against the address on the command line.

The SDK has no public way to name other hosts; its environment value is copied with ours.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from typing import Any

import polymarket
from polymarket import environments
from polymarket.streams import MarketSpec


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
    events = await public.subscribe(MarketSpec(token_ids=[token]))
    first = await asyncio.wait_for(anext(aiter(events)), 5)
    await public.close()
    client = await polymarket.AsyncSecureClient.create(
        private_key=key, wallet=eoa, environment=there
    )
    resting = await client.place_limit_order(asset_id=token, price="0.40", size="10", side="BUY")
    live = await client.list_open_orders().first_page()
    cancelled = await client.cancel_order(order_id=resting.order_id)
    bought = await client.place_market_order(
        asset_id=token, side="BUY", amount="47", max_price="0.47", order_type="FAK"
    )
    await client.close()
    return {
        "markets": len(set(conditions)),
        "asks": [[str(level.price), str(level.size)] for level in book.asks],
        "streamed": type(first).__name__,
        "resting": resting.status,
        "is_listed": [order.id for order in live.items] == [resting.order_id],
        "cancelled": list(cancelled.canceled) == [resting.order_id],
        "bought": [bought.status, str(bought.making_amount), str(bought.taking_amount)],
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
