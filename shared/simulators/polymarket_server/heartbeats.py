"""The dead-man switch: an API key that stops beating loses its orders (POLYMARKET 2.8).

The first heartbeat arms it for good. Each answer names the id that the next one must
carry. The venue looks every five seconds and cancels after ten of silence.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from eth_hash.auto import keccak

from shared.domain.units import NS_PER_S
from shared.simulators.polymarket_server.desk import Desk, answer, desk_of, json_body

LOOK_EVERY_S: Final = 5.0
PATIENCE_NS: Final = 10 * NS_PER_S


@dataclass(slots=True)
class Pulse:
    """``expected`` is the id that the next heartbeat must carry."""

    expected: str
    beaten_ns: int
    count: int = 1


class Pulses:
    """The armed accounts, by name."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.armed: dict[str, Pulse] = {}

    def beat(self, account: str, beat_id: str, now_ns: int) -> tuple[str, bool]:
        """Take one heartbeat; returns (id to use next, whether it was taken)."""
        pulse = self.armed.get(account)
        if pulse is None:
            pulse = self.armed[account] = Pulse("", now_ns, 0)
        elif beat_id != pulse.expected:
            return pulse.expected, False
        pulse.count += 1
        pulse.expected = keccak(f"{account}/{pulse.count}".encode()).hex()[:32]
        pulse.beaten_ns = now_ns
        return pulse.expected, True

    def look(self, now_ns: int) -> None:
        """Cancel everything of each account that has been silent for too long."""
        for account, pulse in self.armed.items():
            if now_ns - pulse.beaten_ns > PATIENCE_NS:
                self._desk.exchange.cancel_all(account, now_ns)


PULSES: Final = web.AppKey("pulses", Pulses)


async def take_heartbeat(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    body = await json_body(request)
    beat_id = body.get("heartbeat_id") if isinstance(body, dict) else None
    if not isinstance(beat_id, str):
        beat_id = "?"
    now_ns = desk.world.now_ns()
    following, is_taken = request.app[PULSES].beat(account.name, beat_id, now_ns)
    if not is_taken:
        refused = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": following}
        return web.json_response(refused, status=400)
    return answer({"heartbeat_id": following})


def add_heartbeats(app: web.Application, desk: Desk) -> None:
    """Add the route and the watcher that lives as long as the server."""
    pulses = app[PULSES] = Pulses(desk)

    async def watch(_app: web.Application) -> AsyncIterator[None]:
        async def look() -> None:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                pulses.look(desk.world.now_ns())

        task = asyncio.create_task(look())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app.router.add_post("/v1/heartbeats", take_heartbeat)
    app.cleanup_ctx.append(watch)
