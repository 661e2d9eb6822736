"""A clock whose time moves only when a test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class VirtualClock:
    """Implements the Clock port; ``advance`` wakes sleepers in order of their due time."""

    def __init__(self, mono_ns: int = 1_000_000_000_000, wall_ns: int = 1_800_000_000 * 10**9):
        self._mono_ns = mono_ns
        self._wall_ns = wall_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def mono_ns(self) -> int:
        return self._mono_ns

    def wall_ns(self) -> int:
        return self._wall_ns

    def move(self, seconds: float) -> None:
        """Let time pass without waking anybody (a frozen process)."""
        self._mono_ns += int(seconds * 1e9)
        self._wall_ns += int(seconds * 1e9)

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock alone."""
        self._wall_ns += int(seconds * 1e9)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._mono_ns + max(0, int(seconds * 1e9))
        heapq.heappush(self._sleepers, (due, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Pass time, waking sleepers at their times and letting tasks run in between."""
        target = self._mono_ns + int(seconds * 1e9)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            passed = max(0, due - self._mono_ns)
            self._mono_ns += passed
            self._wall_ns += passed
            if not future.done():
                future.set_result(None)
            await settle()
        passed = max(0, target - self._mono_ns)
        self._mono_ns += passed
        self._wall_ns += passed
        await settle()


async def settle(turns: int = 60) -> None:
    """Let ready tasks run until nothing is likely to be ready."""
    for _ in range(turns):
        await asyncio.sleep(0)
