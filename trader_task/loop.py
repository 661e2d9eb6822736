"""Dequeue, step, execute: the only place that calls the kernel.

Events are taken in queue order and the commands of each are carried out before the next
is taken. A step that raises leaves the kernel's memory suspect: the loop stops for good and
says so, and the process ends into a recovery that believes the venues (F-075). A command
that cannot be carried out is counted, said out loud, and the loop goes on; the third within
a minute pauses trading.
The loop runs in slices, so that sockets are served between them under load.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from shared.domain.commands import Command
from shared.domain.enums import HaltReason
from shared.domain.events import Event, Halt, HaltTaken
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.ports.clock import Clock
from trader_task.ingress import Ingress

log = structlog.get_logger("loop")

SLICE_EVENTS: Final = 256
SLICE_NS: Final = 2 * NS_PER_MS
FAILURES_MAX: Final = 3
FAILURE_WINDOW_NS: Final = 60 * NS_PER_S


class Steps(Protocol):
    """What the loop needs of the kernel."""

    def step(self, event: Event) -> list[Command]: ...


class FailureCounter:
    """Says when something failed for the third time within a minute."""

    def __init__(self, failures_max: int = FAILURES_MAX, window_ns: int = FAILURE_WINDOW_NS):
        self._max = failures_max
        self._window_ns = window_ns
        self._times: deque[int] = deque(maxlen=failures_max)

    def add(self, mono_ns: int) -> bool:
        """Count one failure; True when the limit is reached by it."""
        self._times.append(mono_ns)
        return len(self._times) == self._max and mono_ns - self._times[0] <= self._window_ns


class Loop:
    """Drives one kernel over one ingress.

    ``execute`` carries out the commands of an event (the dispatcher). ``report(event, trace)``
    is told of a command that raised; ``on_fatal(event, trace)`` of a step that raised: no
    event is taken after it. Neither may raise.
    """

    def __init__(
        self,
        kernel: Steps,
        ingress: Ingress,
        clock: Clock,
        *,
        execute: Callable[[Event, Sequence[Command]], None],
        report: Callable[[Event, str], None],
        on_fatal: Callable[[Event, str], None],
        observe: Callable[[Event, int, int], None] | None = None,
    ) -> None:
        self._kernel = kernel
        self._ingress = ingress
        self._clock = clock
        self._execute = execute
        self._report = report
        self._on_fatal = on_fatal
        self._observe = observe
        self._failures = FailureCounter()
        self._is_scheduled = False
        self._is_stopped = False
        self.steps = 0
        self.failures = 0
        ingress.set_wake(self.wake)

    def wake(self) -> None:
        """Schedule a slice; cheap and safe to call for every event."""
        if not self._is_scheduled and not self._is_stopped:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._slice)

    def stop(self) -> None:
        self._is_stopped = True

    def drain(self) -> None:
        """Process everything queued, now; for start-up, shut-down and tests."""
        while self._one():
            pass

    def _slice(self) -> None:
        self._is_scheduled = False
        until = self._clock.mono_ns() + SLICE_NS
        for _ in range(SLICE_EVENTS):
            if self._is_stopped or not self._one():
                return
            if self._clock.mono_ns() >= until:
                break
        if len(self._ingress):
            self.wake()

    def _one(self) -> bool:
        event = None if self._is_stopped else self._ingress.take()
        if event is None:
            return False
        begun = self._clock.mono_ns()
        self.steps += 1
        try:
            commands = self._kernel.step(event)
        except Exception:  # whatever it was, this memory is not to be trusted with money
            self._is_stopped = True
            trace = traceback.format_exc()
            log.critical("step raised", seq=event.stamp.seq, body=_name(event), trace=trace)
            self._on_fatal(event, trace)
            return False
        try:
            self._execute(event, commands)
        except Exception:  # one command failed; the state that asked for it is sound
            self._failed(event, traceback.format_exc())
        if self._observe is not None:
            self._observe(event, begun - event.stamp.mono_ns, self._clock.mono_ns() - begun)
        return True

    def _failed(self, event: Event, trace: str) -> None:
        self.failures += 1
        log.error("command raised", seq=event.stamp.seq, body=_name(event), trace=trace)
        self._report(event, trace)
        if self._failures.add(event.stamp.mono_ns):
            note = f"{FAILURES_MAX} failed commands in a minute, last on {_name(event)}"
            halt = Halt("global", HaltReason.CRASH_LOOP, "trader", event.stamp.wall_ns, note=note)
            self._ingress.put(HaltTaken(halt))


def _name(event: Event) -> str:
    return type(event.body).__name__
