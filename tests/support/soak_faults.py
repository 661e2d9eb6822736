"""A seeded storm of feed faults: one key at a time, for a while, then another."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.domain.units import NS_PER_MS
from shared.exchange.fault_plan import INJECTION_OF, FaultSwitches, FaultWindow

LASTS_MS = (200, 6_000)
PAUSE_MS = (500, 9_000)


@dataclass
class Storm:
    """Switches random keys of a set on and off; every key is taken in turn at first."""

    faults: FaultSwitches
    rng: random.Random
    chances: dict[str, int]
    """Key to ppm of an occasion; 1_000_000 for what lasts as long as its window."""
    reconnect: Callable[[], object] = lambda: None
    """Cuts the connections: frames of an old one are only seen by a new one."""
    most: dict[str, int] = field(default_factory=dict)
    """Key to the most hits of one window, where more would bench a market for long."""
    rest_ms: dict[str, int] = field(default_factory=dict)
    """Key to the least pause after it, for the same reason."""
    lasts_ms: tuple[int, int] = LASTS_MS
    pause_ms: tuple[int, int] = PAUSE_MS
    hits: Counter[str] = field(default_factory=Counter)
    _order: list[str] = field(default_factory=list)
    _key: str = ""
    _until_ns: int = 0
    _next_ns: int = 0

    def step(self, now_ns: int) -> None:
        """End the fault under way when it is over, and begin the next one."""
        if self._key and now_ns >= self._until_ns:
            pause_ms = max(self.rng.randint(*self.pause_ms), self.rest_ms.get(self._key, 0))
            self.calm()
            self._next_ns = now_ns + pause_ms * NS_PER_MS
        if self._key or now_ns < self._next_ns:
            return
        if not self._order:
            self._order = sorted(self.chances)
            self.rng.shuffle(self._order)
        self._key = self._order.pop()
        self._until_ns = now_ns + self.rng.randint(*self.lasts_ms) * NS_PER_MS
        forms: Sequence[str] = INJECTION_OF[self._key].forms or ("",)
        window = FaultWindow(
            self._key,
            now_ns,
            self._until_ns,
            ppm=self.chances[self._key],
            form=self.rng.choice(forms),
            most=self.most.get(self._key, 0),
        )
        self.faults.switch_on(window)
        if self._key == "ws.replay_old_generation":
            self.reconnect()

    def calm(self) -> None:
        """Switch off what is under way and count how often it struck."""
        if self._key:
            self.hits[self._key] += self.faults.hits(self._key)
            self.faults.switch_off(self._key)
            self._key = ""
