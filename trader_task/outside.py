"""What the trader is given: ports, the kernel, and a few functions over them.

Made by the composition root; nothing of it is made inside the process around the kernel.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.book import Book
from shared.domain.config import Config
from shared.domain.enums import Venue
from shared.domain.events import Halt
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.units import PriceMicros
from shared.ports.clock import Clock
from shared.ports.event_log import ObjectStore
from shared.ports.matching import DivergenceLedger
from shared.ports.messaging import CommandQueue, EventBus
from shared.ports.stores import (
    CatalogueStore,
    ConfigStore,
    ControlLog,
    Journal,
    LiveFlags,
    PairProofs,
)
from shared.ports.venue import Account, Execution, MarketData
from shared.services.drift_watch import DriftWatch
from trader_task.loop import Steps


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that is not this process; made by ``bootstrap``."""

    clock: Clock
    kernel: Steps
    journal: Journal
    flags: LiveFlags
    control: ControlLog
    proofs: PairProofs
    catalogue: CatalogueStore
    configs: ConfigStore
    to_config: Callable[[int, Mapping[str, Any]], Config]
    queue: CommandQueue
    bus: EventBus
    feeds: Mapping[Venue, MarketData]
    executions: Mapping[Venue, Execution]
    accounts: Mapping[Venue, Account]
    payouts_since_ns: int
    take_snapshot: Callable[[int], Mapping[str, Any]]
    gauges: Callable[[], Mapping[str, float]]
    books: Callable[[], Mapping[MarketId, Book]]
    on_resolved: Callable[[MarketId, PriceMicros], Awaitable[None]] | None
    start_checks: Sequence[Callable[[], Awaitable[None]]]
    close: Callable[[], Awaitable[None]]
    set_instruments: Callable[[Callable[[MarketId], Instrument | None]], None]
    segments: ObjectStore | None = None
    """Where sealed segments of the event log go; None keeps them on this disk alone."""
    results: DivergenceLedger | None = None
    """Where results of markets go, for the charge of their series."""
    drift: DriftWatch | None = None
    """Watches what the venues publish; None at simulators, which publish nothing."""
    halts: Callable[[], Iterable[Halt]] = tuple
    """Halts that the kernel holds right now; the send gate reads them again (I-18)."""
    is_wanted: Callable[[LegTicket], bool] = lambda ticket: True
    """Whether an opening's package still waits to send it; the send gate asks again."""
    unfit: Callable[[LegTicket], str] = lambda ticket: ""
    """Why the kernel's state does not bear an approved order any more; empty when it does."""
