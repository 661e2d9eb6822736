"""Drives the simulated venue with a published client (pykalshi); run by its own interpreter.

Arguments: REST base, websocket address, path of an RSA key. Prints one JSON object with
what the client understood; any protocol mistake of the server raises in the client.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

RATE = "KXRATE-26DEC-H0"


async def drive(base: str, stream: str, key_path: str) -> dict[str, Any]:
    from pykalshi import AsyncKalshiClient, KalshiAPIError, TimeInForce

    seen: dict[str, Any] = {}
    async with AsyncKalshiClient(
        api_key_id="member-key",
        private_key_path=key_path,
        api_base=f"{base}/trade-api/v2",
        max_retries=0,
    ) as client:
        markets = await client.get_markets(limit=2, fetch_all=True)
        seen["markets"] = sorted(market.ticker for market in markets)
        market = await client.get_market(RATE)
        book = await market.get_orderbook()
        seen["no_side"] = [list(level) for level in book.orderbook.no_dollars]
        seen["ask_size"] = str((await client.get_market("KXMATCH-26DEC02-ANN")).yes_ask_size_fp)
        seen["series"] = (await client.get_series("KXRATE")).ticker
        seen["event"] = (await client.get_event(market.event_ticker)).title
        seen["trading"] = (await client.exchange.get_status()).trading_active
        place = client.portfolio.place_order
        taken = await place(
            RATE,
            book_side="bid",
            price_dollars="0.43",
            count_fp="12.00",
            time_in_force=TimeInForce.IOC,
            client_order_id="one",
        )
        seen["taken"] = taken.fill_count_fp
        resting = await place(
            RATE, book_side="bid", price_dollars="0.41", count_fp="3.00", client_order_id="two"
        )
        seen["resting"] = resting.status.value
        gone = await client.portfolio.cancel_order(resting.order_id)
        seen["cancelled"] = gone.status.value
        try:
            await place(
                RATE, book_side="bid", price_dollars="0.43", count_fp="1.00", client_order_id="one"
            )
        except KalshiAPIError as error:
            seen["duplicate"] = error.status_code
        seen["fills"] = sorted(fill.count_fp for fill in await client.portfolio.get_fills())
        seen["position"] = (await client.portfolio.get_positions())[0].position_fp
        seen["cents"] = (await client.portfolio.get_balance()).balance
        group = await client.portfolio.create_order_group("5.00")
        for number in range(2):
            rests = await place(
                RATE,
                book_side="bid",
                price_dollars="0.41",
                count_fp="1.00",
                client_order_id=f"group-{number}",
                order_group_id=group.id,
            )
        await client.portfolio.trigger_order_group(group.id)
        seen["tripped"] = (await client.portfolio.get_order(rests.order_id)).status.value
        try:
            await place(
                RATE,
                book_side="bid",
                price_dollars="0.41",
                count_fp="1.00",
                client_order_id="late",
                order_group_id=group.id,
            )
        except KalshiAPIError as error:
            seen["refused"] = error.status_code
        await client.portfolio.reset_order_group(group.id)
        await client.portfolio.update_order_group_limit(group.id, "7.00")
        known = await client.portfolio.get_order_group(group.id)
        seen["group"] = [known.contracts_limit_fp, len(known.orders or ())]
        seen["groups"] = len(await client.portfolio.get_order_groups())
        seen["stream"] = await listen(client, stream)
    return seen


async def listen(client: Any, stream: str) -> list[str]:
    """Subscribe every channel, trade once, return the kinds of messages understood."""
    from pykalshi import TimeInForce

    feed = client.feed()
    feed._ws_url = stream  # the client knows the venue's own hosts only
    kinds: list[str] = []
    for channel in ("orderbook_delta", "ticker", "trade"):
        feed.subscribe(channel, market_tickers=[RATE])
    for channel in ("fill", "user_orders", "market_lifecycle_v2", "market_positions"):
        feed.subscribe(channel)
    async with feed:

        async def pump() -> None:
            async for message in feed:
                kinds.append(type(message).__name__)

        pumping = asyncio.create_task(pump())
        await asyncio.sleep(0.5)
        await client.portfolio.place_order(
            RATE,
            book_side="bid",
            price_dollars="0.44",
            count_fp="2.00",
            time_in_force=TimeInForce.IOC,
            client_order_id="three",
        )
        await asyncio.sleep(1.0)
        pumping.cancel()
    return sorted(set(kinds))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drive(*sys.argv[1:4]))))
