"""Everything that the kernel can ask of the world, as immutable values with full content.

The driver (live dispatcher, backtest, simulation) carries them out in the order given;
every outcome comes back as an event. Nothing here may be derived from a clock.
Order-path rule: ``CommitEnvelope`` before the first ``SubmitLeg`` of a package, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.domain.enums import Venue
from shared.domain.events import Halt
from shared.domain.ids import MarketId, PackageId, PairId
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.risk import RiskApproved

Row = Mapping[str, Any]
"""Column name to value, as stored (``_micros`` and ``_ns`` are integers)."""


@dataclass(frozen=True, slots=True)
class CommitEnvelope:
    """Make the intent durable: one transaction, before any byte of the package.

    The driver encodes ``first`` (when given), fills ``order_hash`` of its attempt row,
    commits, and answers ``EnvelopeCommitted`` or ``EnvelopeFailed``. An extension
    (``is_extension``) only ever reduces; with Postgres away the fsynced spill counts
    as committed for it, never for an opening.
    """

    package_id: PackageId
    package: Row
    attempts: tuple[Row, ...]
    first: RiskApproved[LegTicket] | None
    instrument: Instrument | None
    is_extension: bool = False


@dataclass(frozen=True, slots=True)
class SubmitLeg:
    """Send one order. Answers: ``AttemptSending`` then ``AttemptAnswered``, or ``SendRefused``."""

    ticket: RiskApproved[LegTicket]
    instrument: Instrument


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Ask for a cancel; no answer event: fills and evidence decide what became of it."""

    ticket: LegTicket
    order_id: str
    instrument: Instrument


@dataclass(frozen=True, slots=True)
class CancelEverything:
    """Freeze or start-up: cancel every live order of ours at a venue."""

    venue: Venue


@dataclass(frozen=True, slots=True)
class AskEvidence:
    """Ask the venues what became of attempts; answer ``EvidenceFound``, repeated by the kernel."""

    package_id: PackageId
    tickets: tuple[LegTicket, ...]
    asked_mono_ns: int = 0
    """When the question was put; its answer proves no absence of what was decided later."""


@dataclass(frozen=True, slots=True)
class ArmTimer:
    """Deliver ``TimerFired(timer_id)`` at ``due_mono_ns``; arming an id again replaces it."""

    timer_id: str
    due_mono_ns: int


@dataclass(frozen=True, slots=True)
class DropTimer:
    timer_id: str


@dataclass(frozen=True, slots=True)
class RequestSnapshot:
    """Ask the venue for a fresh book of one market, to prove or to repair it."""

    market_id: MarketId


@dataclass(frozen=True, slots=True)
class WriteRows:
    """Append or upsert record rows asynchronously; spilled to disk while Postgres is away."""

    table: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """A change of verdict, for the event bus, the log and the events page (I-28)."""

    kind: str
    subject: str
    verdict: str
    reason: str
    package_id: PackageId | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class PersistHalt:
    """Make a halt durable in both stores."""

    halt: Halt


@dataclass(frozen=True, slots=True)
class DropHalt:
    scope: str
    reason: str
    actor: str
    note: str


@dataclass(frozen=True, slots=True)
class MarkProven:
    pair_id: PairId


Command = (
    CommitEnvelope
    | SubmitLeg
    | CancelOrder
    | CancelEverything
    | AskEvidence
    | ArmTimer
    | DropTimer
    | RequestSnapshot
    | WriteRows
    | RecordDecision
    | PersistHalt
    | DropHalt
    | MarkProven
)
