"""The venue's dead-man switch: while an order of ours may rest, say each 5 s that we live.

The first heartbeat arms it and nothing disarms it; without one for 10 to 15 s the venue
cancels every order of the API key. So none is sent while nothing rests: then there is
nothing to cancel, and an order that is taken at once needs no such guard.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

_LOG = logging.getLogger("twinleg.polymarket.dead_man")

BEAT_EVERY_S: Final = 5.0
AGAIN_S: Final = 1.0
"""After a heartbeat that failed: the venue's patience is ten seconds."""
SETTLED_NS: Final = 5 * NS_PER_S
"""An order younger than this may not be in the list of open orders yet."""


class DeadMan:
    """Knows which orders may rest and beats exactly as long as there are any."""

    def __init__(self, rest: PolymarketRest, clock: Clock) -> None:
        self._rest, self._clock = rest, clock
        self._resting: dict[str, int] = {}
        self._some = asyncio.Event()
        self._beat_id = ""
        self.beats = 0

    @property
    def is_needed(self) -> bool:
        return bool(self._resting)

    def may_rest(self, order_id: str) -> None:
        """An order may be on the book from now on, acknowledged or not."""
        self._resting[order_id.lower()] = self._clock.mono_ns()
        self._some.set()

    def ended(self, order_id: str) -> None:
        """An order is proven to be gone."""
        self._resting.pop(order_id.lower(), None)
        if not self._resting:
            self._some.clear()

    async def run(self) -> None:
        """Beat while needed, until cancelled."""
        while True:
            await self._some.wait()
            try:
                await self._beat()
                await self._forget_ended()
                pause = BEAT_EVERY_S
            except (StoreError, WireError) as error:
                _LOG.warning("heartbeat: %s", error)
                pause = AGAIN_S
            await self._clock.sleep(pause)

    async def _beat(self) -> None:
        """Send one heartbeat; a venue that expects another id names it, and gets it."""
        self._beat_id, is_taken = await self._rest.heartbeat(self._beat_id)
        if not is_taken:
            self._beat_id, is_taken = await self._rest.heartbeat(self._beat_id)
        if not is_taken:
            raise StoreError("the venue refuses the id that it asked for")
        self.beats += 1

    async def _forget_ended(self) -> None:
        """Drop what the venue no longer lists; what is too young to be listed stays."""
        open_ids = {order.id.lower() for order in await self._rest.open_orders()}
        now = self._clock.mono_ns()
        for order_id, since in list(self._resting.items()):
            if order_id not in open_ids and now - since > SETTLED_NS:
                self.ended(order_id)
