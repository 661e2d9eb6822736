"""The published clients as judges of the simulated venue, in their own environment.

The environment is made from ``requirements/contract-clients.lock`` in ``.venv-contract``
(or named by TWINLEG_CONTRACT_PYTHON); without it the tests are skipped, saying so.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.polymarket_world import gamma_object, polymarket_venue

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(
    os.environ.get("TWINLEG_CONTRACT_PYTHON") or ROOT / ".venv-contract" / "bin" / "python"
)
pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"no contract-client environment at {PYTHON}"
)
BIDS = {"0.44": "300", "0.43": "120.5"}
ASKS = {"0.46": "200", "0.47": "1000"}


async def run(script: str, *arguments: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        str(PYTHON),
        str(Path(__file__).with_name(script)),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    seen: dict[str, Any] = json.loads(out)
    return seen


async def test_py_clob_client_reads_trades_and_cancels_from_a_deposit_wallet() -> None:
    async with polymarket_venue([gamma_object(2)]) as venue:
        venue.book(0, BIDS, ASKS)
        secret, market = venue.secret, venue.instrument()
        seen = await run(
            "clob_client.py",
            venue.base,
            secret["private_key"],
            secret["wallet"],
            market.yes_token,
            market.native_id,
        )
    assert seen == {
        "listed": True,
        "books": True,
        "swept": True,
        "beats": True,
        "info": True,
        "version": 2,
        "tick": "0.01",
        "neg_risk": True,
        "hash_agrees": True,
        "balance": "5000000000",
        "limit": "live",
        "is_listed": True,
        "cancelled": True,
        "bought": ["matched", "47", "102.173913"],
        "trades": [["0.46", "102.173913", "TAKER"]],
    }


async def test_unified_client_lists_streams_trades_and_cancels_from_an_eoa() -> None:
    async with polymarket_venue([gamma_object(n) for n in range(1, 24)]) as venue:
        venue.book(1, BIDS, ASKS)
        secret = venue.secret
        seen = await run(
            "unified_client.py",
            venue.base,
            secret["private_key"],
            secret["eoa"],
            venue.instrument(1).yes_token,
        )
        cash = venue.exchange.cash("operator")
    assert seen == {
        "markets": 23,
        "asks": [["0.47", "1000"], ["0.46", "200"]],
        "streamed": ["MarketBookEvent", "MarketLastTradePriceEvent", "MarketPriceChangeEvent"],
        "own_stream": ["UserOrderEvent", "UserTradeEvent"],
        "resting": "live",
        "is_listed": True,
        "cancelled": True,
        "swept": True,
        "bought": ["matched", "47", "102.173913"],
        "settled": 1,
        "trades": [["0.46", "102.173913", "CONFIRMED"]],
        "best": "97.826087",
        "balance": str(cash),
    }
