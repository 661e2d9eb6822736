"""Run by the contract environment: the official SDK signs one order, again and again.

Reads one JSON object from stdin (key, exchange, order fields, rounds), prints one with the
signature and the nanoseconds of each round.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from py_clob_client_v2.order_utils.exchange_order_builder_v2 import ExchangeOrderBuilderV2
from py_clob_client_v2.order_utils.model.order_data_v2 import OrderDataV2
from py_clob_client_v2.order_utils.model.side import Side
from py_clob_client_v2.order_utils.model.signature_type_v2 import SignatureTypeV2
from py_clob_client_v2.signer import Signer


def main(asked: dict[str, Any]) -> dict[str, Any]:
    builder = ExchangeOrderBuilderV2(
        asked["exchange"], 137, Signer(asked["key"], 137), generate_salt=lambda: asked["salt"]
    )
    order = OrderDataV2(
        maker=asked["maker"],
        signer=asked["signer"],
        tokenId=asked["token_id"],
        makerAmount=str(asked["maker_amount"]),
        takerAmount=str(asked["taker_amount"]),
        side=Side.BUY,
        signatureType=SignatureTypeV2(asked["signature_type"]),
        timestamp=str(asked["timestamp_ms"]),
    )
    signature, spent = "", []
    for _ in range(asked["rounds"]):
        start = time.perf_counter_ns()
        signature = builder.build_signed_order(order).signature
        spent.append(time.perf_counter_ns() - start)
    return {"signature": signature, "ns": spent}


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
