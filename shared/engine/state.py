"""Everything the kernel knows, and the turn that one event opens.

Plain mutable data: the rules that change it live beside it in this package. Dicts keep
insertion order and every loop that emits commands runs over them or over sorted keys, so
that a replay gives byte-identical commands (I-19).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.book import Book
from shared.domain.breaker import Breaker
from shared.domain.commands import ArmTimer, Command, DropTimer, RecordDecision, WriteRows
from shared.domain.completion import Completion
from shared.domain.config import DEFAULT_CONFIG, Config
from shared.domain.edge import EdgeQuote
from shared.domain.enums import GateCode, Venue
from shared.domain.events import AccountSnapshot, FeedStatus, Halt, Stamp
from shared.domain.frictions import FrictionPack
from shared.domain.ids import AttemptId, MarketId, PackageId, PairId
from shared.domain.instrument import FeeSchedule, Instrument
from shared.domain.leadlag import LeadLagTracker
from shared.domain.ledger import Ledger
from shared.domain.order import Fill, LegTicket
from shared.domain.package import Package
from shared.domain.package_table import ENDS, PackageState
from shared.domain.pairing import MatchedPair
from shared.domain.position import Positions

ENDED_KEPT_MAX: Final = 256
"""Ended packages kept in memory for late fills; older ones are found by evidence at start."""
FILLS_KEPT_MAX: Final = 100_000
SPARK_POINTS: Final = 60
"""Ten minutes of net edge, one point every ten seconds."""


@dataclass(slots=True)
class VenueView:
    """What one venue last told us about itself and about our account."""

    venue: Venue
    feed: FeedStatus | None = None
    feed_seen_mono_ns: int = 0
    healthy_since_ns: int = 0
    down_since_wall_ns: int = 0
    latencies_ns: deque[int] = field(default_factory=lambda: deque(maxlen=240))
    account: AccountSnapshot | None = None
    account_seen_mono_ns: int = 0
    difference_since_ns: int = 0
    difference_text: str = ""
    breaker: Breaker = field(default_factory=Breaker)
    failed_unseen_ns: int = -1
    """When a trade failed whose fill was never seen (monotonic): acknowledged counts lag."""
    failed_trades_ns: deque[int] = field(default_factory=lambda: deque(maxlen=16))


@dataclass(slots=True)
class PairView:
    """One matched pair as the scanner sees it."""

    pair: MatchedPair
    lead: LeadLagTracker = field(default_factory=LeadLagTracker)
    gates: tuple[tuple[GateCode, dict[str, str]], ...] = ()
    """Failing gates in order of severity; empty means ready."""
    display: EdgeQuote | None = None
    best_micros: int | None = None
    hedge_ppm: int | None = None
    hedge_beta: tuple[int, int] | None = None
    lock_days: int | None = None
    rest_until_ns: int = 0
    rest_reason: str = ""
    misses_ns: deque[int] = field(default_factory=lambda: deque(maxlen=8))
    unwinds_ns: deque[int] = field(default_factory=lambda: deque(maxlen=8))
    spark: deque[int] = field(default_factory=lambda: deque(maxlen=SPARK_POINTS))
    spark_next_ns: int = 0
    decided_gate: str = ""
    decided_ns: int = 0
    changed_seq: int = 0
    probe_legs_proven: set[Venue] = field(default_factory=set)
    was_near: bool = False
    priced: tuple[EdgeQuote, bool] | None = None
    """Newest quote and whether it clears; good for the inputs of ``priced_for`` only."""
    priced_for: tuple[object, ...] | None = None


class Packages(dict[PackageId, Package]):
    """Every package in memory, oldest first, and quick access to those not at an end.

    An end is never left, so a package that was seen ended is not looked at again.
    """

    __slots__ = ("_live",)

    def __init__(self) -> None:
        super().__init__()
        self._live: dict[PackageId, Package] = {}

    def __setitem__(self, key: PackageId, package: Package) -> None:
        super().__setitem__(key, package)
        self._live[key] = package

    def __delitem__(self, key: PackageId) -> None:
        super().__delitem__(key)
        self._live.pop(key, None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Give a checkpoint the packages alone; which of them live follows from them."""
        return Packages, (), None, None, iter(self.items())

    def live(self) -> list[Package]:
        for key in [key for key, package in self._live.items() if package.state in ENDS]:
            del self._live[key]
        return list(self._live.values())


@dataclass(slots=True)
class State:
    """The kernel's whole memory. Only ``shared.engine`` writes it."""

    build: str
    run_id: str = ""
    mode: str = ""
    epoch: int = 0
    config: Config = DEFAULT_CONFIG
    frictions: FrictionPack = field(
        default_factory=lambda: FrictionPack.from_config(DEFAULT_CONFIG)
    )
    is_config_known: bool = False
    is_recovered: bool = False
    lease_until_ns: int = 0
    is_journal_up: bool = True
    instruments: dict[MarketId, Instrument] = field(default_factory=dict)
    cost_hashes: set[str] = field(default_factory=set)
    """Versions of fees and frictions that this run has put on record."""
    _fee_hashes: dict[MarketId, tuple[FeeSchedule, str]] = field(default_factory=dict, repr=False)
    _friction_hash: tuple[FrictionPack, str] | None = field(default=None, repr=False)
    books: dict[MarketId, Book] = field(default_factory=dict)
    snapshot_asked_ns: dict[MarketId, int] = field(default_factory=dict)
    market_rest_until_ns: dict[MarketId, int] = field(default_factory=dict)
    refused_ns: dict[tuple[str, str], int] = field(default_factory=dict)
    """(venue scope or market, reason) -> when an order was last refused for it (monotonic)."""
    resolved: dict[MarketId, int] = field(default_factory=dict)
    """Payout of one YES, micros, of markets that were determined."""
    pairs: dict[PairId, PairView] = field(default_factory=dict)
    pairs_of: dict[MarketId, tuple[PairId, ...]] = field(default_factory=dict)
    venues: dict[Venue, VenueView] = field(default_factory=dict)
    halts: dict[tuple[str, str], Halt] = field(default_factory=dict)
    halt_trips: dict[tuple[str, str], deque[int]] = field(default_factory=dict)
    """When each halt was last taken, monotonic: a second trip soon after rests (F-092)."""
    packages: Packages = field(default_factory=Packages)
    package_number: int = 0
    attempts: dict[AttemptId, PackageId] = field(default_factory=dict)
    by_order_id: dict[str, AttemptId] = field(default_factory=dict)
    fills: OrderedDict[str, Fill] = field(default_factory=OrderedDict)
    fills_count: int = 0
    fills_by_trade: dict[str, list[str]] = field(default_factory=dict)
    finality_early: dict[str, bool] = field(default_factory=dict)
    payouts_posted: set[str] = field(default_factory=set)
    ledger: Ledger = field(default_factory=Ledger)
    positions: Positions = field(default_factory=Positions)
    completion: Completion = field(default_factory=Completion)
    realised: dict[str, int] = field(default_factory=dict)
    """Realised micro-dollars of packages that ended in the current day, week, month."""
    equity_base: dict[str, int] = field(default_factory=dict)
    """Equity at the start of the current day, week and month."""
    period: dict[str, str] = field(default_factory=dict)
    proven_pairs: set[PairId] = field(default_factory=set)
    exits_done: list[PackageId] = field(default_factory=list)
    """EXIT children that came to rest in this step; their parents learn of it at its end."""
    waiting_repairs: dict[PackageId, Package] = field(default_factory=dict)
    orphans: OrderedDict[str, tuple[Fill, int]] = field(default_factory=OrderedDict)
    """Executions of unknown orders and when they were first seen (monotonic)."""
    unwinds_ns: deque[int] = field(default_factory=lambda: deque(maxlen=16))
    checks_today: int = 0
    near_misses_today: int = 0
    snapshot_seq: int = 0
    wall_ns: int = 0
    """Wall clock of the newest event; for views only."""
    last_package_mono_ns: int = 0

    def venue(self, venue: Venue) -> VenueView:
        view = self.venues.get(venue)
        if view is None:
            view = self.venues[venue] = VenueView(venue)
        return view

    @property
    def is_frozen(self) -> bool:
        """Whether KILL is in force: cancels and reads only."""
        return any(halt.is_freeze for halt in self.halts.values())

    def halts_on(self, scope: str) -> list[Halt]:
        return [halt for halt in self.halts.values() if halt.scope == scope]

    def live_packages(self) -> list[Package]:
        """Packages that are not at an end, oldest first."""
        return self.packages.live()

    def is_wanted(self, ticket: LegTicket) -> bool:
        """Whether an opening order still belongs to a package that waits to send it."""
        package = self.packages.get(ticket.package_id)
        return (
            package is not None
            and package.state is PackageState.JOURNALLED
            and package.current == ticket.attempt_id
        )

    def fee_hash(self, market: MarketId) -> str:
        """Return the version hash of a market's fees; empty for a market that is not known."""
        instrument = self.instruments.get(market)
        if instrument is None:
            return ""
        known = self._fee_hashes.get(market)
        if known is None or known[0] is not instrument.fees:
            known = self._fee_hashes[market] = (instrument.fees, instrument.fees.version_hash)
        return known[1]

    def friction_hash(self) -> str:
        """Return the version hash of the frictions in force."""
        if self._friction_hash is None or self._friction_hash[0] is not self.frictions:
            self._friction_hash = (self.frictions, self.frictions.version_hash)
        return self._friction_hash[1]

    def versions(self, pair: MatchedPair | None = None) -> dict[str, str]:
        """Versions stamped on tickets, decisions and rows."""
        fees = ""
        if pair is not None:
            fees = "|".join([self.fee_hash(m) for m in (pair.a, pair.b) if m in self.instruments])
        rules = f"{pair.rules_hash_a[:12]}|{pair.rules_hash_b[:12]}" if pair else ""
        return {
            "build": self.build,
            "config": str(self.config.version),
            "fees": fees,
            "frictions": self.friction_hash(),
            "rules": rules,
        }


@dataclass(slots=True)
class Turn:
    """One step: the stamp of its event and the commands it produces, in order."""

    stamp: Stamp
    out: list[Command] = field(default_factory=list)
    mono: int = field(init=False)
    wall: int = field(init=False)

    def __post_init__(self) -> None:
        self.mono, self.wall = self.stamp.mono_ns, self.stamp.wall_ns

    def emit(self, command: Command) -> None:
        self.out.append(command)

    def write(self, table: str, *rows: dict[str, object]) -> None:
        if rows:
            self.out.append(WriteRows(table, tuple(rows)))

    def arm(self, timer_id: str, due_mono_ns: int) -> None:
        self.out.append(ArmTimer(timer_id, due_mono_ns))

    def drop(self, timer_id: str) -> None:
        self.out.append(DropTimer(timer_id))

    def decide(
        self,
        state: State,
        kind: str,
        subject: str,
        verdict: str,
        reason: str,
        *,
        package: Package | None = None,
        pair: MatchedPair | None = None,
        params: dict[str, str] | None = None,
        severity: str | None = None,
    ) -> None:
        """Say a change of verdict out loud, with the versions it was made under (I-28)."""
        versions = dict(package.versions) if package else state.versions(pair)
        self.out.append(
            RecordDecision(
                kind,
                subject,
                verdict,
                reason,
                package.package_id if package else None,
                params or {},
                versions,
                severity,
            )
        )
