"""Tasks that must not die: restarted with growing pauses, never silently.

A task that raises is reported with its trace and started again; the third failure of one
task within a minute is reported as such, and its owner decides (a pause). A store that does
not answer is an outage, not a failure of the task: it is logged, and the task comes again.
A task that returns when it should not is treated like one that raised.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from shared.domain.errors import JournalError, StoreError
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from trader_task.loop import FailureCounter

log = structlog.get_logger("tasks")

PAUSE_FIRST_S: Final = 0.5
PAUSE_MAX_S: Final = 30.0
LONG_NS: Final = 60 * NS_PER_S
"""A task that ran this long starts again with a short pause."""

Report = Callable[[str, str, bool], None]
"""(task, trace, whether it was the third failure in a minute)."""


class Tasks:
    """Named background tasks of the trader."""

    def __init__(self, clock: Clock, report: Report) -> None:
        self._clock = clock
        self._report = report
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` for ever; names are unique."""
        assert name not in self._tasks, name
        self._tasks[name] = asyncio.create_task(self._watch(name, work), name=name)

    def every(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` each ``seconds``, measured from its end; a failure skips one turn."""

        async def repeat() -> None:
            while True:
                await work()
                await self._clock.sleep(seconds)

        self.start(name, repeat)

    async def stop(self, *names: str) -> None:
        """Cancel the named tasks (all without names) and wait for their end."""
        chosen = [self._tasks.pop(n) for n in (names or list(self._tasks)) if n in self._tasks]
        for task in chosen:
            task.cancel()
        await asyncio.gather(*chosen, return_exceptions=True)

    async def _watch(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        failures = FailureCounter()
        pause = PAUSE_FIRST_S
        while True:
            begun = self._clock.mono_ns()
            try:
                await work()
                trace = "ended although it runs for ever"
            except asyncio.CancelledError:
                raise
            except (StoreError, JournalError) as error:
                trace = ""
                log.warning("task waits for a store", task=name, error=str(error))
            except Exception:  # the reason this class exists
                trace = traceback.format_exc()
            now = self._clock.mono_ns()
            if trace:
                log.error("task failed", task=name, trace=trace)
                self._report(name, trace, failures.add(now))
            if now - begun > LONG_NS:
                pause = PAUSE_FIRST_S
            await self._clock.sleep(pause)
            pause = min(pause * 2, PAUSE_MAX_S)
