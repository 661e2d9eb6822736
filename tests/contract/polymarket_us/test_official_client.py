"""The official client as judge of the simulated venue, in its own environment.

The environment is made from ``requirements/contract-clients.lock`` in ``.venv-contract``
(or named by TWINLEG_CONTRACT_PYTHON); without it the test is skipped, saying so.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from shared.domain.enums import Venue
from shared.domain.ids import market_id
from tests.support.kalshi_world import cents, contracts
from tests.support.polymarket_us_world import (
    KEY_ID,
    RATE,
    SEED,
    SLUGS,
    polymarket_us_server,
)

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(
    os.environ.get("TWINLEG_CONTRACT_PYTHON") or ROOT / ".venv-contract" / "bin" / "python"
)


@pytest.mark.skipif(not PYTHON.exists(), reason=f"no contract-client environment at {PYTHON}")
async def test_polymarket_us_client_lists_reads_trades_cancels_and_streams() -> None:
    async with polymarket_us_server() as (world, exchange, base):
        exchange.set_book(
            market_id(Venue.POLYMARKET_US, RATE),
            {cents(40): contracts(100)},
            {cents(42): contracts(10), cents(43): contracts(5), cents(44): contracts(50)},
            world.now_ns(),
        )
        process = await asyncio.create_subprocess_exec(
            str(PYTHON),
            str(Path(__file__).with_name("official_client.py")),
            *(base, KEY_ID, SEED),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-3000:]
    seen = json.loads(out)
    assert seen["markets"] == sorted(SLUGS) and seen["page"] == 1 and seen["same"]
    assert (seen["tick"], seen["lot"], seen["state"]) == (0.01, 1, "MARKET_STATE_OPEN")
    assert seen["offers"] == [
        ["0.4200", "10.0000"],
        ["0.4300", "5.0000"],
        ["0.4400", "50.0000"],
    ]
    assert seen["best"] == "0.4200" and seen["event"] == [RATE]
    assert seen["executions"] == ["EXECUTION_TYPE_PARTIAL_FILL", "EXECUTION_TYPE_FILL"]
    assert seen["shares"] == ["10.0000", "2.0000"] and seen["taken"] == "ORDER_STATE_FILLED"
    assert seen["async"] == ["id"] and seen["open"] == [3]
    assert (seen["cancelled"], seen["refused"]) == (
        "ORDER_STATE_CANCELED",
        "ORDER_STATE_REJECTED",
    )
    assert seen["shape"][0] == 400 and seen["unknown"] == [404, "order not found"]
    assert (seen["many"], seen["swept"], seen["preview"]) == (2, 2, 5)
    assert seen["position"] == "12.0000" and seen["trades"] == ["10.0000", "2.0000"]
    # 10 at 42 and 2 at 43, with fees of 16.93 and 3.41 cents, rounded to 17 and 3.
    assert seen["balance"] == 1000 - 4.2 - 0.86 - 0.17 - 0.03
    assert seen["closed"] and seen["stranger"] == 401
    assert seen["stream"]["events"] == [
        "account_balance_snapshot",
        "account_balance_update",
        "market_data",
        "market_data_lite",
        "order_snapshot",
        "order_update",
        "position_update",
        "trade",
    ]
    assert seen["stream"]["books"] >= 2
    assert seen["stream"]["fills"] == ["EXECUTION_TYPE_FILL"]
