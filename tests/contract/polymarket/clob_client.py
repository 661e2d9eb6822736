"""Run by the contract environment: py-clob-client-v2 against the address on the command line.

Prints one JSON object of what it saw; any exception is the failure of the simulator.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from py_clob_client_v2 import (
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    ClobClient,
    MarketOrderArgs,
    OrderArgs,
    OrderMarketCancelParams,
    OrderPayload,
    OrderType,
    PostOrdersV2Args,
    TradeParams,
)


def main(base: str, key: str, wallet: str, token: str, condition: str) -> dict[str, Any]:
    client = ClobClient(base, chain_id=137, key=key, signature_type=3, funder=wallet)
    client.set_api_creds(client.create_or_derive_api_key())
    listed, simplified, cursor = [], [], "MA=="
    while cursor != "LTE=":
        page = client.get_markets(cursor)
        listed += [row["condition_id"] for row in page["data"]]
        simplified += client.get_simplified_markets(cursor)["data"]
        cursor = page["next_cursor"]
    book = client.get_order_book(token)
    several = client.get_order_books([BookParams(token_id=token)])
    collateral = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL, signature_type=3)
    limit = client.create_and_post_order(OrderArgs(token_id=token, price=0.40, size=10, side="BUY"))
    live = [order["id"] for order in client.get_open_orders()]
    cancelled = client.cancel_order(OrderPayload(orderID=limit["orderID"]))
    balance = client.get_balance_allowance(collateral)["balance"]
    bought = client.create_and_post_market_order(
        MarketOrderArgs(token_id=token, amount=47, side="BUY", price=0.47),
        order_type=OrderType.FAK,
    )
    batch = [
        PostOrdersV2Args(
            order=client.create_order(
                OrderArgs(token_id=token, price=price, size=10, side="BUY"),
            ),
            orderType=OrderType.GTC,
        )
        for price in (0.38, 0.39)
    ]
    placed = [row["orderID"] for row in client.post_orders(batch)]
    client.cancel_market_orders(OrderMarketCancelParams(market=condition))
    swept = client.get_open_orders() == [] and len(set(placed)) == 2
    beat = client.post_heartbeat("")
    trades = client.get_trades(TradeParams(market=condition))
    return {
        "listed": condition in listed and len(simplified) == len(listed),
        "books": [row["hash"] for row in several] == [book["hash"]],
        "swept": swept,
        "beats": bool(beat["heartbeat_id"]),
        "info": client.get_clob_market_info(condition)["c"] == condition,
        "version": client.get_version(),
        "tick": str(client.get_tick_size(token)),
        "neg_risk": client.get_neg_risk(token),
        "hash_agrees": client.get_order_book_hash(book) == book["hash"],
        "balance": balance,
        "limit": limit["status"],
        "is_listed": live == [limit["orderID"]],
        "cancelled": cancelled["canceled"] == [limit["orderID"]],
        "bought": [bought["status"], bought["makingAmount"], bought["takingAmount"]],
        "trades": [[t["price"], t["size"], t["trader_side"]] for t in trades],
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
