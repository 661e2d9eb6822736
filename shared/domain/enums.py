"""Closed vocabularies of the domain; lower case on every wire.

Rule: an enum here is ours. A venue's words are translated in its adapter, and a
venue's unknown word never becomes a member of one of these by accident.
"""

from __future__ import annotations

from enum import StrEnum


class Venue(StrEnum):
    KALSHI = "kalshi"
    POLYMARKET = "polymarket"
    POLYMARKET_US = "polymarket_us"

    @property
    def letter(self) -> str:
        """One-letter mark used on screens and the command line."""
        return {"kalshi": "K", "polymarket": "P", "polymarket_us": "U"}[self.value]

    @property
    def is_netting(self) -> bool:
        """One signed position a market: buying NO is selling YES, a closed pair pays $1 at once.

        Kalshi and Polymarket US list one instrument a market; Polymarket two kinds of shares.
        """
        return self is not Venue.POLYMARKET


class Outcome(StrEnum):
    """What a contract pays on."""

    YES = "yes"
    NO = "no"

    @property
    def other(self) -> Outcome:
        return Outcome.NO if self is Outcome.YES else Outcome.YES


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class BookSide(StrEnum):
    """Side of the YES book. A NO bid at q is a YES ask at 1 - q."""

    BID = "bid"
    ASK = "ask"


class Liquidity(StrEnum):
    TAKER = "taker"
    MAKER = "maker"


class TimeInForce(StrEnum):
    IOC = "ioc"
    FOK = "fok"
    GTC = "gtc"


class BookState(StrEnum):
    """Continuity of one book; only SYNCED may open a package."""

    SYNCED = "synced"
    STALE = "stale"
    GAPPED = "gapped"
    FROZEN = "frozen"


class VenueState(StrEnum):
    LIVE = "live"
    STALE = "stale"
    HALTED = "halted"
    DOWN = "down"


class MarketStatus(StrEnum):
    UNOPENED = "unopened"
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"
    DETERMINED = "determined"
    SETTLED = "settled"


class FeeType(StrEnum):
    KALSHI_QUADRATIC = "quadratic"
    KALSHI_QUADRATIC_MAKER = "quadratic_with_maker_fees"
    KALSHI_QUADRATIC_COMBO_MAKER = "quadratic_with_combo_maker_fees"
    KALSHI_FLAT = "flat"
    KALSHI_FREE = "free"
    POLYMARKET_CURVE = "curve"
    POLYMARKET_US_CURVE = "curve_cents"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    REVIEW = "review"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"


class Polarity(StrEnum):
    """SAME: YES on A pays exactly when YES on B pays. INVERSE: when NO on B pays."""

    SAME = "same"
    INVERSE = "inverse"


class FillsMode(StrEnum):
    """First half of a RunMode: who fills our orders."""

    PAPER = "paper"
    VENUE = "venue"


class VenueSet(StrEnum):
    """Second half of a RunMode: which hosts we talk to."""

    SIM = "sim"
    DEMO = "demo"
    LIVE = "live"


class RunMode(StrEnum):
    """Where fills come from and which hosts are used; part of every run id (F-093)."""

    PAPER_SIM = "paper_sim"
    PAPER_DEMO = "paper_demo"
    PAPER_LIVE = "paper_live"
    VENUE_SIM = "venue_sim"
    VENUE_DEMO = "venue_demo"
    VENUE_LIVE = "venue_live"

    @staticmethod
    def of(fills: FillsMode, venues: VenueSet) -> RunMode:
        return RunMode(f"{fills.value}_{venues.value}")

    @property
    def badge(self) -> str:
        """Word shown on every screen; only VENUE_LIVE is real money."""
        return "PAPER" if self.value.startswith("paper") else self.value.split("_")[1].upper()

    @property
    def is_real_money(self) -> bool:
        return self is RunMode.VENUE_LIVE


class Purpose(StrEnum):
    """Why an attempt is sent; part of its deterministic id."""

    OPEN = "open"
    HEDGE = "hedge"
    UNWIND = "unwind"


class HaltReason(StrEnum):
    FEED_STALE = "feed_stale"
    VENUE_DOWN = "venue_down"
    VENUE_SLOW = "venue_slow"
    VENUE_ERRORS = "venue_errors"
    VENUE_PAUSED = "venue_paused"
    CLOCK_SKEW = "clock_skew"
    LEASE_LOST = "lease_lost"
    JOURNAL_DOWN = "journal_down"
    AWS_DOWN = "aws_down"
    DISK_FULL = "disk_full"
    CONFIG_UNREADABLE = "config_unreadable"
    STOP_DAY = "stop_day"
    STOP_WEEK = "stop_week"
    OPERATOR = "operator"
    UNWINDS = "unwinds"
    CRASH_LOOP = "crash_loop"
    ALERT_PATH = "alert_path"
    FREEZE = "freeze"
    STOP_MONTH = "stop_month"
    RECONCILE_DIFFERENCE = "reconcile_difference"
    JOURNAL_BEHIND = "journal_behind"
    FOREIGN_POSITION = "foreign_position"
    STUCK = "stuck"
    FAILED_SETTLEMENTS = "failed_settlements"
    DIVERGED = "diverged"
    ACCOUNT_RESTRICTED = "account_restricted"
    KEY_REVOKED = "key_revoked"
    VERSION_MISMATCH = "version_mismatch"


class Lift(StrEnum):
    """How a halt may be lifted."""

    AUTO = "auto"
    DISCORD = "discord"
    PASSWORD = "password"


_AUTO = frozenset(
    "feed_stale venue_down venue_slow venue_errors venue_paused clock_skew lease_lost journal_down"
    " aws_down disk_full config_unreadable stop_day stop_week".split()
)
_DISCORD = frozenset("operator unwinds crash_loop alert_path".split())


def lift_of(reason: HaltReason) -> Lift:
    """Return the gesture that lifts a halt with this reason (CONTRACTS, HaltReason by lift)."""
    if reason.value in _AUTO:
        return Lift.AUTO
    return Lift.DISCORD if reason.value in _DISCORD else Lift.PASSWORD


class GateCode(StrEnum):
    """Why a pair is not traded, in the order in which gates are checked.

    Sentences and parameters live in contracts/gates.py, shared by web, CLI and log.
    """

    HALTED_GLOBAL = "HALTED_GLOBAL"
    HALTED_VENUE = "HALTED_VENUE"
    HALTED_SCOPE = "HALTED_SCOPE"
    MONITOR_ONLY = "MONITOR_ONLY"
    LEASE_NOT_HELD = "LEASE_NOT_HELD"
    RECOVERING = "RECOVERING"
    CONFIG_UNREADABLE = "CONFIG_UNREADABLE"
    CLOCK_SKEW = "CLOCK_SKEW"
    JOURNAL_DOWN = "JOURNAL_DOWN"
    PAIR_IN_REVIEW = "PAIR_IN_REVIEW"
    PAIR_RULES_CHANGED = "PAIR_RULES_CHANGED"
    PAIR_SOURCE_DIFFERS = "PAIR_SOURCE_DIFFERS"
    PAIR_CLAUSE_UNREAD = "PAIR_CLAUSE_UNREAD"
    PAIR_BLOCKED = "PAIR_BLOCKED"
    PAIR_DEACTIVATED = "PAIR_DEACTIVATED"
    PAIR_DIVERGENCE = "PAIR_DIVERGENCE"
    VENUE_DOWN = "VENUE_DOWN"
    VENUE_PAUSED = "VENUE_PAUSED"
    VENUE_SLOW = "VENUE_SLOW"
    VENUE_ERRORS = "VENUE_ERRORS"
    RATE_RESERVED = "RATE_RESERVED"
    ACCOUNT_RESTRICTED = "ACCOUNT_RESTRICTED"
    REGION_REFUSED = "REGION_REFUSED"
    RECONCILE_DIFFERENCE = "RECONCILE_DIFFERENCE"
    BREAKER_OPEN = "BREAKER_OPEN"
    BOOK_STALE = "BOOK_STALE"
    BOOK_GAPPED = "BOOK_GAPPED"
    BOOK_FROZEN = "BOOK_FROZEN"
    BOOK_HASH_MISMATCH = "BOOK_HASH_MISMATCH"
    BOOK_CROSSED = "BOOK_CROSSED"
    BOOK_EMPTY = "BOOK_EMPTY"
    MARKET_CLOSED = "MARKET_CLOSED"
    MARKET_CLOSING = "MARKET_CLOSING"
    MARKET_PAUSED = "MARKET_PAUSED"
    TAKER_DELAY = "TAKER_DELAY"
    TICK_CHANGED = "TICK_CHANGED"
    FEES_UNKNOWN = "FEES_UNKNOWN"
    FEES_EXPIRED = "FEES_EXPIRED"
    FRICTIONS_EXPIRED = "FRICTIONS_EXPIRED"
    SHARD_UNFUNDED = "SHARD_UNFUNDED"
    CASH_SHORT = "CASH_SHORT"
    EDGE_NEGATIVE = "EDGE_NEGATIVE"
    EDGE_BELOW_MIN = "EDGE_BELOW_MIN"
    EDGE_GONE = "EDGE_GONE"
    RETURN_TOO_LOW = "RETURN_TOO_LOW"
    DEPTH_THIN = "DEPTH_THIN"
    SIZE_BELOW_VENUE_MIN = "SIZE_BELOW_VENUE_MIN"
    HEDGE_CHANCE_LOW = "HEDGE_CHANCE_LOW"
    PAIRS_FULL = "PAIRS_FULL"
    CONTRACT_LIMIT = "CONTRACT_LIMIT"
    VENUE_LIMIT = "VENUE_LIMIT"
    CATEGORY_LIMIT = "CATEGORY_LIMIT"
    SOURCE_LIMIT = "SOURCE_LIMIT"
    LOCK_LIMIT = "LOCK_LIMIT"
    NAKED_SLOT_BUSY = "NAKED_SLOT_BUSY"
    PROVISIONAL_LIMIT = "PROVISIONAL_LIMIT"
    DUST_LIMIT = "DUST_LIMIT"
    STOP_DAY = "STOP_DAY"
    STOP_WEEK = "STOP_WEEK"
    STOP_MONTH = "STOP_MONTH"
    PACKAGE_OPEN = "PACKAGE_OPEN"
    PROBE_PENDING = "PROBE_PENDING"
    COOLDOWN = "COOLDOWN"
    QUEUE_BEHIND = "QUEUE_BEHIND"
