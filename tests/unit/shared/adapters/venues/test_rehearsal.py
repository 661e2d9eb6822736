"""The dry run walks the whole order path of each venue and leaves no trace."""

from __future__ import annotations

import asyncio
from typing import Any

from shared.adapters.venues.polymarket import execution as polymarket
from shared.adapters.venues.polymarket.access import Credentials, Hosts
from shared.adapters.venues.rehearsal import Rehearsal
from shared.domain.enums import Venue
from shared.simulators.keys import make_documents
from tests.support.virtual_clock import VirtualClock
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply

HOSTS = Hosts(*(f"http://127.0.0.1:9/{name}" for name in ("c", "g", "d", "w", "b")))


async def test_kalshi_rehearses_encoding_and_signing_and_sends_nothing() -> None:
    clock = VirtualClock()
    canned = Canned(lambda r: reply(200, {}), clock)
    signed: list[int] = []
    build = canned.rest.build

    def counted(*args: Any, **more: Any) -> Any:
        signed.append(len(more["body"]))
        return build(*args, **more)

    canned.rest.build = counted  # type: ignore[method-assign]
    task = asyncio.create_task(canned.execution._stay_ready())
    await clock.advance(1.0)
    task.cancel()
    assert len(signed) >= 20 and min(signed) > 100
    assert canned.requests == []
    assert not canned.memory._attempts


async def test_polymarket_rehearses_to_the_signed_request_and_remembers_nothing() -> None:
    clock = VirtualClock()
    _, private = make_documents()
    credentials = Credentials.from_secret(private["polymarket"])
    made = polymarket.PolymarketExecution(HOSTS, credentials, clock, lambda market: None)
    sent: list[bytes] = []
    sign = made._rest.sign_order_request

    def counted(body: bytes) -> dict[str, str]:
        sent.append(body)
        return sign(body)

    made._rest.sign_order_request = counted  # type: ignore[method-assign]
    task = asyncio.create_task(made._stay_ready())
    await clock.advance(1.0)
    task.cancel()
    assert len(sent) >= 20 and b'"signature":"0x' in sent[0]
    rehearsal = Rehearsal(Venue.POLYMARKET, clock.wall_ns())
    assert made._own.instrument(rehearsal.instrument.market_id) is None
    assert not made.dead_man.is_needed
    await made.aclose()
