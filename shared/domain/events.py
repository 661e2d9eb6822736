"""Everything that can happen to the kernel, as immutable values with full content.

``Event`` = ``Stamp`` + body. Bodies never point into a database and never carry a
clock reading of their own but the venue's. Deadlines use ``mono_ns``; expiries, bars
and calendars use ``wall_ns``. Order of ``seq`` is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.domain.enums import (
    BookSide,
    BookState,
    HaltReason,
    MarketStatus,
    Venue,
)
from shared.domain.ids import AttemptId, MarketId, PackageId, PairId
from shared.domain.instrument import Instrument
from shared.domain.order import Evidence, Fill, SubmitOutcome
from shared.domain.pairing import MatchedPair
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros

if TYPE_CHECKING:
    from shared.domain.config import Config
    from shared.domain.recovered import RecoveredState


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where and when the event entered the queue; stamped once, by ingress."""

    seq: int
    mono_ns: int
    wall_ns: int


Level = tuple[PriceMicros, QtyMicros]
"""(YES price, total contracts at it)."""

# --- market data (bodies that venue adapters emit) -------------------------------------


@dataclass(frozen=True, slots=True)
class BookReplaced:
    """A whole verified book in YES terms; unsorted levels allowed, zero quantities not."""

    market_id: MarketId
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_ts_ns: int


@dataclass(frozen=True, slots=True)
class LevelChanged:
    """New *absolute* quantity of one YES level; zero removes it."""

    side: BookSide
    price: PriceMicros
    qty: QtyMicros


@dataclass(frozen=True, slots=True)
class BookChanged:
    market_id: MarketId
    changes: tuple[LevelChanged, ...]
    venue_ts_ns: int


@dataclass(frozen=True, slots=True)
class BookMarked:
    """Continuity of a book changed; anything but SYNCED makes the market untradeable."""

    market_id: MarketId
    state: BookState
    reason: str


@dataclass(frozen=True, slots=True)
class BookProved:
    """A frame or a REST read agreed with the book: it is fresh as of this event (I-12)."""

    market_id: MarketId


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """Heartbeat of one venue's market-data connections, about once a second and on change.

    ``latency_ns`` is receive minus venue time (offset-corrected), ``clock_offset_ns`` the
    venue's clock minus ours; None where nothing was measured.
    """

    venue: Venue
    is_connected: bool
    last_frame_age_ns: int
    latency_ns: int | None
    clock_offset_ns: int | None


@dataclass(frozen=True, slots=True)
class MarketStatusChanged:
    market_id: MarketId
    status: MarketStatus


@dataclass(frozen=True, slots=True)
class InstrumentChanged:
    """Grid, fees, times or rule hash changed; the full new value."""

    instrument: Instrument


@dataclass(frozen=True, slots=True)
class MarketResolved:
    """The venue determined the market. ``payout`` is of one YES contract (0, $1 or between)."""

    market_id: MarketId
    payout: PriceMicros


# --- orders ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnvelopeCommitted:
    package_id: PackageId


@dataclass(frozen=True, slots=True)
class EnvelopeFailed:
    package_id: PackageId
    reason: str


@dataclass(frozen=True, slots=True)
class AttemptSending:
    """Stamped before the first byte of an attempt leaves."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class SendRefused:
    """Our own dispatcher did not send (late, lease short, encoding mismatch)."""

    attempt_id: AttemptId
    reason: str


@dataclass(frozen=True, slots=True)
class AttemptAnswered:
    outcome: SubmitOutcome


@dataclass(frozen=True, slots=True)
class FillSeen:
    """A fill from a user stream or a REST sweep; may repeat, may be late."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class TradeFinality:
    """A provisional trade became final (``is_final``) or failed for good."""

    venue: Venue
    trade_id: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """Answers to an AskEvidence command, one per attempt asked."""

    package_id: PackageId
    evidence: tuple[Evidence, ...]
    asked_mono_ns: int | None = None
    """``asked_mono_ns`` of the question; None only where nothing can have been sent since."""


@dataclass(frozen=True, slots=True)
class OrderTimes:
    """Latency record of one attempt, for screens and the edges table; never decides."""

    attempt_id: AttemptId
    sent_wall_ns: int
    ack_wall_ns: int


# --- account -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """Signed contracts per market: positive YES, negative NO (Kalshi), or per outcome."""

    market_id: MarketId
    qty_yes: QtyMicros
    qty_no: QtyMicros


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """A complete read of one account; partial pages never become one (F-065)."""

    venue: Venue
    cash: UsdMicros
    cash_by_shard: tuple[tuple[int, UsdMicros], ...]
    positions: tuple[VenuePosition, ...]
    as_of_wall_ns: int


@dataclass(frozen=True, slots=True)
class PayoutSeen:
    """The venue credited a settled market: cash in, position gone.

    ``qty_yes`` and ``qty_no`` are the contracts that were paid, ``payout`` of one YES.
    """

    venue: Venue
    market_id: MarketId
    payout: PriceMicros
    qty_yes: QtyMicros
    qty_no: QtyMicros
    cash: UsdMicros
    venue_ts_ns: int
    reference: str
    """Unique per settlement at the venue; the ledger posts it once."""


# --- control -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StateLoaded:
    recovered: RecoveredState


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    config: Config


@dataclass(frozen=True, slots=True)
class PairsChanged:
    """The full set of pairs and the instruments they name."""

    pairs: tuple[MatchedPair, ...]
    instruments: tuple[Instrument, ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """One halt in force. ``scope`` as HaltScope text; ``is_freeze`` is KILL, else PAUSE."""

    scope: str
    reason: HaltReason
    actor: str
    since_wall_ns: int
    is_freeze: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class HaltTaken:
    halt: Halt


@dataclass(frozen=True, slots=True)
class HaltLifted:
    """A resume that was authorised outside; refused by the kernel while a cause holds."""

    scope: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """Our lease as last renewed. ``until_mono_ns`` is 0 when it is not held."""

    epoch: int
    until_mono_ns: int


@dataclass(frozen=True, slots=True)
class RecoveryFinished:
    """Start-up reconciled with every venue; opening is allowed from here on."""


@dataclass(frozen=True, slots=True)
class OperatorVerb:
    """hold, flatten, resolve on a package (CONTRACTS: package commands)."""

    package_id: PackageId
    verb: str
    payload: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdoptionOrdered:
    """A person says that a difference in an account is theirs (``position adopt``).

    ``market`` is a MarketId, or ``cash`` for a deposit or withdrawal.
    """

    venue: Venue
    market: str
    command_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    timer_id: str


@dataclass(frozen=True, slots=True)
class SecondTicked:
    """Once a second: staleness, budgets and snapshots are judged here, not on a clock."""


@dataclass(frozen=True, slots=True)
class JournalHealth:
    is_up: bool


@dataclass(frozen=True, slots=True)
class PairProven:
    """Both venues' positions matched the ticket signs of the first package (F-104)."""

    pair_id: PairId


FeedBody = (
    BookReplaced
    | BookChanged
    | BookMarked
    | BookProved
    | FeedStatus
    | MarketStatusChanged
    | InstrumentChanged
    | MarketResolved
)
OrderBody = (
    EnvelopeCommitted
    | EnvelopeFailed
    | AttemptSending
    | SendRefused
    | AttemptAnswered
    | FillSeen
    | TradeFinality
    | EvidenceFound
    | OrderTimes
)
AccountBody = AccountSnapshot | PayoutSeen
ControlBody = (
    StateLoaded
    | ConfigChanged
    | PairsChanged
    | HaltTaken
    | HaltLifted
    | LeaseSeen
    | RecoveryFinished
    | OperatorVerb
    | AdoptionOrdered
    | TimerFired
    | SecondTicked
    | JournalHealth
    | PairProven
)
EventBody = FeedBody | OrderBody | AccountBody | ControlBody


@dataclass(frozen=True, slots=True)
class Event:
    stamp: Stamp
    body: EventBody
