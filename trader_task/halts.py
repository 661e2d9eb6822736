"""Halts in both stores: made durable at once, polled each second, the stricter wins.

A halt that either store shows is in force (I-18). Nothing is lifted because a store forgot
it: lifting is a command that the kernel accepts, and only then both stores are cleaned.
While neither store answers, a local file keeps the halts of this host.
Twin: tests/unit/trader_task/test_halts.py
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import structlog

from shared.domain.enums import HaltReason
from shared.domain.events import EventBody, Halt, HaltTaken
from shared.ports.clock import Clock
from shared.ports.stores import ControlLog, LiveFlags

log = structlog.get_logger("halts")

RETRY_S: Final = 1.0
FILE: Final = "halts.json"
Key = tuple[str, str]
"""(scope, reason)."""


class Halts:
    """Keeps both stores and one local file in step with what the kernel decided."""

    def __init__(
        self,
        flags: LiveFlags,
        control: ControlLog,
        directory: Path,
        clock: Clock,
        sink: Callable[[EventBody], None],
    ) -> None:
        self._flags = flags
        self._control = control
        self._path = directory / FILE
        self._clock = clock
        self._sink = sink
        self._known: dict[Key, Halt] = {}
        self._lifted_ns: dict[Key, int] = {}
        self.unsaved = 0
        self.read_failures = 0

    def known(self) -> tuple[Halt, ...]:
        return tuple(self._known.values())

    async def persist(self, halt: Halt) -> None:
        """Write a halt to the file at once and to both stores until each has it."""
        key = (halt.scope, halt.reason.value)
        self._known[key] = halt
        self._lifted_ns.pop(key, None)
        await asyncio.to_thread(self._save_file)
        await asyncio.gather(
            self._until_done("dynamodb", key, lambda: self._flags.put_halt(halt)),
            self._until_done("postgres", key, lambda: self._control.put_halt(halt)),
        )

    async def drop(self, scope: str, reason: str, actor: str, note: str) -> None:
        """Remove an accepted resume's halt from both stores and the file."""
        key = (scope, reason)
        now = self._clock.wall_ns()
        self._known.pop(key, None)
        self._lifted_ns[key] = now
        await asyncio.to_thread(self._save_file)
        await asyncio.gather(
            self._until_done("dynamodb", key, lambda: self._flags.delete_halt(scope, reason)),
            self._until_done(
                "postgres", key, lambda: self._control.lift_halt(scope, reason, actor, note, now)
            ),
        )

    async def read_all(self) -> tuple[Halt, ...]:
        """Read both stores and the file at start-up; the stricter of equals wins.

        Raises:
            Exception: a store cannot be read; start-up must not go on without both.
        """
        found = [
            *await asyncio.to_thread(self._flags.read_halts),
            *await asyncio.to_thread(self._control.read_halts),
            *self._read_file(),
        ]
        for halt in found:
            self._keep_stricter(halt)
        return self.known()

    async def poll(self) -> None:
        """Take over halts that somebody else wrote; a store that fails changes nothing."""
        found: list[Halt] = []
        for name, read in (
            ("dynamodb", self._flags.read_halts),
            ("postgres", self._control.read_halts),
        ):
            try:
                found.extend(await asyncio.to_thread(read))
            except Exception as error:  # the other store is still read
                self.read_failures += 1
                log.warning("halts unreadable", store=name, error=str(error))
        for halt in found:
            key = (halt.scope, halt.reason.value)
            if halt.since_wall_ns <= self._lifted_ns.get(key, -1):
                continue  # read before our delete, or by a store that is behind
            known = self._known.get(key)
            if known is None or (halt.is_freeze and not known.is_freeze):
                self._keep_stricter(halt)
                self._sink(HaltTaken(halt))

    def note_taken(self, halt: Halt) -> None:
        """Remember a halt that is on its way to the kernel, so that a poll does not repeat it."""
        self._keep_stricter(halt)

    def _keep_stricter(self, halt: Halt) -> None:
        key = (halt.scope, halt.reason.value)
        known = self._known.get(key)
        if known is None or (halt.is_freeze and not known.is_freeze):
            self._known[key] = halt

    async def _until_done(self, store: str, key: Key, write: Callable[[], None]) -> None:
        self.unsaved += 1
        is_halted = key in self._known
        try:
            while (key in self._known) == is_halted:
                try:
                    await asyncio.to_thread(write)
                    return
                except Exception as error:  # must reach the store sooner or later
                    log.warning("halt not stored yet", store=store, key=key, error=str(error))
                    await self._clock.sleep(RETRY_S)
        finally:
            self.unsaved -= 1

    def _save_file(self) -> None:
        """Replace the local file atomically; the disk is the store that is always there."""
        data = json.dumps([asdict(halt) for halt in self._known.values()])
        temporary = self._path.with_suffix(".tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "w") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            log.error("halts file not written", error=str(error))

    def _read_file(self) -> list[Halt]:
        try:
            rows = json.loads(self._path.read_text())
            return [Halt(**{**row, "reason": HaltReason(row["reason"])}) for row in rows]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            # Unreadable is not "no halts": pause until somebody looks (fail closed).
            log.error("halts file unreadable", error=str(error))
            wall = self._clock.wall_ns()
            note = "the local halts file is unreadable"
            return [Halt("global", HaltReason.OPERATOR, "trader", wall, note=note)]
