"""Faults as data: which key, from when to when, how often, how much, at what.

The keys are the table in ``fault_keys``. A plan is a set of windows; every occasion is
drawn from (seed, key, number of the occasion), so one seed is one run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.errors import NotAvailableError
from shared.exchange.fault_keys import (
    INJECTION_OF,
    INJECTIONS,
    WIRED,
    FaultKind,
    Injection,
    Where,
)
from shared.exchange.seeded import draw_hit, stream_key

__all__ = [
    "INJECTIONS",
    "INJECTION_OF",
    "WIRED",
    "FaultKind",
    "FaultSwitches",
    "FaultWindow",
    "Injection",
    "Where",
]
PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class FaultWindow:
    """Inject ``key`` between two times (unix ns); each occasion hits with ``ppm``.

    ``amount`` is in the key's own unit, None the table's default. ``only`` narrows it to
    occasions that name this market, token, order, trade or account. ``most`` ends it after
    so many hits, 0 never: together they let an adversary choose his moment.
    """

    key: str
    from_ns: int
    until_ns: int
    ppm: int = PPM
    amount: int | None = None
    form: str = ""
    only: str = ""
    most: int = 0

    @property
    def size(self) -> int:
        """Return the amount in force."""
        return INJECTION_OF[self.key].amount if self.amount is None else self.amount

    @property
    def shape(self) -> str:
        """Return the form in force; the table's first one unless another was asked for."""
        forms = INJECTION_OF[self.key].forms
        return self.form or (forms[0] if forms else "")


class FaultSwitches:
    """The plan in force: seeded, changed only by ``switch_on`` and ``switch_off``."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._windows: dict[str, FaultWindow] = {}
        self._occasions: dict[str, int] = {}
        self._hits: dict[str, int] = {}
        self.fired: dict[FaultKind, int] = {}
        self.is_on = False
        """Some window is set: what runs a million times asks this first."""

    def switch_on(self, window: FaultWindow) -> None:
        """Put a window in force, replacing one of the same key.

        Raises:
            NotAvailableError: the key is not in the table, is no venue's, or lacks the form.
        """
        row = INJECTION_OF.get(window.key)
        if row is None:
            raise NotAvailableError(f"fault {window.key} (not in the catalogue)")
        if window.key not in WIRED:
            reason = "it strikes the trader's own process, not a venue"
            raise NotAvailableError(f"fault {window.key} ({row.number}): {reason}")
        if window.form and window.form not in row.forms:
            raise NotAvailableError(f"fault {window.key}: its forms are {', '.join(row.forms)}")
        assert window.from_ns < window.until_ns and 0 <= window.ppm <= PPM
        assert window.most >= 0, window.most
        self._windows[window.key] = window
        self._hits[window.key] = 0
        self.is_on = True

    def switch_off(self, key: str) -> None:
        self._windows.pop(key, None)
        self.is_on = bool(self._windows)

    def open_window(self, key: str, now_ns: int) -> FaultWindow | None:
        """Return the window of a key that is open now; no draw is made."""
        window = self._windows.get(key)
        if window is None or not window.from_ns <= now_ns < window.until_ns:
            return None
        if window.most and self._hits.get(key, 0) >= window.most:
            return None
        return window

    def hit(self, key: str, now_ns: int, *names: str) -> FaultWindow | None:
        """Return the window when this occasion is hit; every call is one occasion."""
        window = self.open_window(key, now_ns) if self.is_on else None
        if window is None or (window.only and window.only not in names):
            return None
        occasion = self._occasions[key] = self._occasions.get(key, 0) + 1
        if not draw_hit(stream_key(self._seed, f"fault/{key}"), occasion, window.ppm):
            return None
        self._hits[key] = self._hits.get(key, 0) + 1
        kind = INJECTION_OF[key].kind
        self.fired[kind] = self.fired.get(kind, 0) + 1
        return window

    def fires(self, key: str, now_ns: int, *names: str) -> bool:
        """Say whether this occasion is hit; every call is one occasion and is counted."""
        return self.hit(key, now_ns, *names) is not None

    def windows(self) -> list[FaultWindow]:
        return [self._windows[key] for key in sorted(self._windows)]

    def hits(self, key: str) -> int:
        """Return how often a key hit since it was last switched on."""
        return self._hits.get(key, 0)
