"""Faults as data: which kind, which injection key, from when to when, how often.

The injection names are the code-form names of the fault catalogue (``k.ws.cut``); every
F-number that simulation injects maps to one ``FaultKind``. This edition wires the
connection drops; asking for another key is refused with its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.enums import Venue
from shared.domain.errors import NotAvailableError
from shared.exchange.seeded import draw_hit, stream_key


class FaultKind(StrEnum):
    DISCONNECT = "disconnect"
    HALF_OPEN = "half_open"
    FREEZE = "freeze"
    GAP = "gap"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    STALE_TS = "stale_ts"
    CLOCK_SKEW = "clock_skew"
    ACK_LOST = "ack_lost"
    LATE_FILL = "late_fill"
    PARTIAL = "partial"
    GHOST_FILL = "ghost_fill"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    HTTP_425 = "http_425"
    HTTP_429 = "http_429"
    SLOW = "slow"
    TICK_CHANGE = "tick_change"
    MARKET_CLOSE = "market_close"
    VENUE_PAUSE = "venue_pause"
    FAILED_SETTLEMENT = "failed_settlement"
    CRASH = "crash"
    DB_DOWN = "db_down"
    LEASE_FIGHT = "lease_fight"
    BAD_BODY = "bad_body"
    ACCOUNT_LIMIT = "account_limit"
    RULE_CHANGE = "rule_change"
    DIVERGENCE = "divergence"
    FOREIGN_FILL = "foreign_fill"
    CONFIG_ERROR = "config_error"


@dataclass(frozen=True, slots=True)
class Injection:
    """One row of the catalogue: the plan's key, the kind it counts as, its F-number."""

    key: str
    number: str
    kind: FaultKind
    venue: Venue | None = None


_K, _P = Venue.KALSHI, Venue.POLYMARKET
INJECTIONS: Final[tuple[Injection, ...]] = (
    Injection("k.ws.drop", "F-001", FaultKind.GAP, _K),
    Injection("ws.dup", "F-003", FaultKind.DUPLICATE),
    Injection("ws.reorder", "F-003", FaultKind.REORDER),
    Injection("k.ws.end_sub", "F-004", FaultKind.DISCONNECT, _K),
    Injection("p.ws.freeze", "F-005", FaultKind.FREEZE, _P),
    Injection("p.rest.shell", "F-007", FaultKind.BAD_BODY, _P),
    Injection("tick_change", "F-010", FaultKind.TICK_CHANGE),
    Injection("ts.shift", "F-011", FaultKind.STALE_TS),
    Injection("k.ws.cut", "F-013", FaultKind.DISCONNECT, _K),
    Injection("p.ws.cut", "F-013", FaultKind.DISCONNECT, _P),
    Injection("fade", "F-014", FaultKind.PARTIAL),
    Injection("k.ack_lost", "F-015", FaultKind.ACK_LOST, _K),
    Injection("k.req_lost", "F-016", FaultKind.ACK_LOST, _K),
    Injection("k.req_late", "F-017", FaultKind.LATE_FILL, _K),
    Injection("k.5xx", "F-018", FaultKind.HTTP_5XX, _K),
    Injection("k.body", "F-019", FaultKind.BAD_BODY, _K),
    Injection("k.ioc_zero", "F-020", FaultKind.PARTIAL, _K),
    Injection("k.partial", "F-021", FaultKind.PARTIAL, _K),
    Injection("k.bucket", "F-024", FaultKind.HTTP_429, _K),
    Injection("skew", "F-025", FaultKind.CLOCK_SKEW),
    Injection("k.shard_cash", "F-026", FaultKind.ACCOUNT_LIMIT, _K),
    Injection("k.pause", "F-028", FaultKind.VENUE_PAUSE, _K),
    Injection("k.close", "F-029", FaultKind.MARKET_CLOSE, _K),
    Injection("k.sweep", "F-030", FaultKind.HTTP_4XX, _K),
    Injection("k.limit", "F-031", FaultKind.ACCOUNT_LIMIT, _K),
    Injection("k.bust", "F-032", FaultKind.FAILED_SETTLEMENT, _K),
    Injection("p.ack_lost", "F-033", FaultKind.ACK_LOST, _P),
    Injection("p.over", "F-035", FaultKind.PARTIAL, _P),
    Injection("p.partial", "F-037", FaultKind.PARTIAL, _P),
    Injection("p.hold", "F-039", FaultKind.SLOW, _P),
    Injection("p.itode", "F-040", FaultKind.SLOW, _P),
    Injection("p.restart", "F-042", FaultKind.HTTP_425, _P),
    Injection("p.500", "F-043", FaultKind.HTTP_5XX, _P),
    Injection("p.body", "F-044", FaultKind.BAD_BODY, _P),
    Injection("p.400", "F-045", FaultKind.HTTP_4XX, _P),
    Injection("p.settle_lag", "F-046", FaultKind.SLOW, _P),
    Injection("p.counter_stuck", "F-047", FaultKind.ACCOUNT_LIMIT, _P),
    Injection("p.version", "F-048", FaultKind.HTTP_4XX, _P),
    Injection("p.403", "F-049", FaultKind.HTTP_4XX, _P),
    Injection("p.user.drop", "F-050", FaultKind.GAP, _P),
    Injection("p.user.dup", "F-050", FaultKind.DUPLICATE, _P),
    Injection("p.rest", "F-051", FaultKind.LATE_FILL, _P),
    Injection("p.fee", "F-052", FaultKind.RULE_CHANGE, _P),
    Injection("p.fail", "F-053", FaultKind.FAILED_SETTLEMENT, _P),
    Injection("p.ghost", "F-054", FaultKind.GHOST_FILL, _P),
    Injection("p.retry", "F-055", FaultKind.SLOW, _P),
    Injection("p.no_tx", "F-056", FaultKind.FAILED_SETTLEMENT, _P),
    Injection("p.reorg", "F-057", FaultKind.FAILED_SETTLEMENT, _P),
    Injection("foreign_fill", "F-064", FaultKind.FOREIGN_FILL),
    Injection("rest.cut_page", "F-065", FaultKind.BAD_BODY),
    Injection("403_all", "F-066", FaultKind.HTTP_4XX),
    Injection("clock.step", "F-067", FaultKind.CLOCK_SKEW),
    Injection("pause", "F-068", FaultKind.FREEZE),
    Injection("crash", "F-071", FaultKind.CRASH),
    Injection("lease.split", "F-073", FaultKind.LEASE_FIGHT),
    Injection("pg.down", "F-077", FaultKind.DB_DOWN),
    Injection("tcp", "F-082", FaultKind.HALF_OPEN),
    Injection("partition", "F-083", FaultKind.DISCONNECT),
    Injection("lat", "F-084", FaultKind.SLOW),
    Injection("http.swap", "F-085", FaultKind.BAD_BODY),
    Injection("aws.down", "F-086", FaultKind.DB_DOWN),
    Injection("metadata_updated", "F-100", FaultKind.RULE_CHANGE),
    Injection("settle", "F-102", FaultKind.DIVERGENCE),
)
INJECTION_OF: Final = {injection.key: injection for injection in INJECTIONS}
WIRED: Final = frozenset({"k.ws.cut", "p.ws.cut", "k.bucket"})
"""Keys that the simulators carry out in this edition."""


@dataclass(frozen=True, slots=True)
class FaultWindow:
    """Inject ``key`` between two times; each occasion hits with a chance of ``ppm``."""

    key: str
    from_ns: int
    until_ns: int
    ppm: int = 1_000_000


class FaultSwitches:
    """The plan in force: seeded, changed only by ``switch_on`` and ``switch_off``."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._windows: dict[str, FaultWindow] = {}
        self._occasions: dict[str, int] = {}
        self.fired: dict[FaultKind, int] = {}

    def switch_on(self, window: FaultWindow) -> None:
        """Put a window in force, replacing one of the same key.

        Raises:
            NotAvailableError: the key is not in the catalogue or not wired yet.
        """
        if window.key not in INJECTION_OF:
            raise NotAvailableError(f"fault {window.key} (not in the catalogue)")
        if window.key not in WIRED:
            raise NotAvailableError(f"fault {window.key} ({INJECTION_OF[window.key].number})")
        assert window.from_ns < window.until_ns and 0 <= window.ppm <= 1_000_000
        self._windows[window.key] = window

    def switch_off(self, key: str) -> None:
        self._windows.pop(key, None)

    def fires(self, key: str, now_ns: int) -> bool:
        """Say whether this occasion is hit; every call is one occasion and is counted."""
        window = self._windows.get(key)
        if window is None or not window.from_ns <= now_ns < window.until_ns:
            return False
        occasion = self._occasions[key] = self._occasions.get(key, 0) + 1
        if not draw_hit(stream_key(self._seed, f"fault/{key}"), occasion, window.ppm):
            return False
        kind = INJECTION_OF[key].kind
        self.fired[kind] = self.fired.get(kind, 0) + 1
        return True

    def windows(self) -> list[FaultWindow]:
        return [self._windows[key] for key in sorted(self._windows)]
