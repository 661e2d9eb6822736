"""A published client as judge of the simulated venue, in its own environment.

The environment is made from ``requirements/contract-clients.lock`` in ``.venv-contract``
(or named by TWINLEG_CONTRACT_PYTHON); without it the test is skipped, saying so.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.domain.enums import MarketStatus, Venue
from shared.domain.units import UsdMicros
from shared.exchange.happenings import FillMade
from shared.simulators.kalshi_server import create_app
from shared.simulators.keys import AccountDirectory, KalshiAccount
from shared.simulators.world import World
from tests.support.kalshi_world import MATCH, RATE, TICKERS, StillLife, cents, contracts, sim_market

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(
    os.environ.get("TWINLEG_CONTRACT_PYTHON") or ROOT / ".venv-contract" / "bin" / "python"
)


@pytest.mark.skipif(not PYTHON.exists(), reason=f"no contract-client environment at {PYTHON}")
async def test_pykalshi_lists_reads_trades_cancels_and_streams(tmp_path: Path) -> None:
    world = World(StillLife())
    world.start()
    exchange = world.exchanges[Venue.KALSHI]
    exchange.deposit("member", UsdMicros(1_000_000_000), 0)
    key = rsa.generate_private_key(65537, 2048)
    key_path = tmp_path / "key.pem"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    member = KalshiAccount("member", "member-key", key.public_key(), ())
    app = create_app(world, exchange, AccountDirectory([member], []))
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    exchange.set_book(
        sim_market(RATE, 10**19).market_id,
        {cents(40): contracts(100)},
        {cents(42): contracts(10), cents(43): contracts(5), cents(44): contracts(50)},
        world.now_ns(),
    )
    loop, other = asyncio.get_running_loop(), sim_market(MATCH, 10**19).market_id

    def pause_after_the_last_order(happening: object) -> None:
        """Give the client a lifecycle frame: nothing else of this world moves by itself."""
        if isinstance(happening, FillMade) and happening.fill.client_id == "three":
            now = world.now_ns()
            loop.call_soon(exchange.change_status, other, MarketStatus.PAUSED, now)

    exchange.subscribe(pause_after_the_last_order)
    process = await asyncio.create_subprocess_exec(
        str(PYTHON),
        str(Path(__file__).with_name("official_client.py")),
        f"http://{address}",
        f"ws://{address}/trade-api/ws/v2",
        str(key_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    await runner.cleanup()
    assert process.returncode == 0, errors.decode()[-2000:]
    seen = json.loads(out)
    assert seen["markets"] == sorted(TICKERS)
    assert seen["no_side"] == [["0.5600", "50.00"], ["0.5700", "5.00"], ["0.5800", "10.00"]]
    assert (seen["taken"], seen["resting"], seen["cancelled"]) == ("12.00", "resting", "canceled")
    assert seen["duplicate"] == 409 and seen["fills"] == ["10.00", "2.00"]
    assert seen["position"] == "12.00" and seen["trading"] is True
    assert (seen["tripped"], seen["refused"]) == ("canceled", 409)
    assert seen["group"] == ["7.00", 2] and seen["groups"] == 1
    assert seen["series"] == "KXRATE" and seen["ask_size"] == "0.00"
    fills = exchange.fills("member")
    later = [fill for fill in fills if fill.order_id == fills[-1].order_id]  # after the balance
    spent = sum(fill.amount_usd + fill.fee_usd for fill in later)
    assert seen["cents"] == (exchange.cash("member") + spent) // 10_000
    assert seen["stream"] == [
        "FillMessage",
        "MarketLifecycleMessage",
        "OrderbookDeltaMessage",
        "OrderbookSnapshotMessage",
        "PositionMessage",
        "TickerMessage",
        "TradeMessage",
        "UserOrderMessage",
    ]
