"""The catalogue of gate sentences: data of ``gates.py``, in the order of ``GateCode``."""

from __future__ import annotations

from typing import Final

from shared.contracts.gate_words import (
    GateText,
    cents,
    cents_lost,
    cents_short,
    contracts,
    count,
    day,
    dollars,
    hours,
    milliseconds,
    minutes,
    percent,
    phrase,
    seconds,
    text,
    time_of_day,
    venue,
)
from shared.domain.enums import GateCode

_G = GateCode
_AUTO: Final = "It goes on by itself when the cause is gone."
_WAIT: Final = "Nothing to do; it clears by itself."
_SINCE: Final = {
    "t": time_of_day("since_ns"),
    "reason": phrase("reason"),
    "who": text("actor"),
    "venue": venue(),
}
_USED: Final = {"x": dollars("used_micros"), "y": dollars("max_micros"), "venue": venue()}
_STOP: Final = {
    "x": percent("down_ppm"),
    "y": percent("stop_ppm"),
    "t": time_of_day("resets_ns"),
}

GATES: Final[dict[GateCode, GateText]] = {
    # --- control -------------------------------------------------------------------------
    _G.HALTED_GLOBAL: GateText(
        "All trading halted since {t} by {who}: {reason}.",
        "all halted: {reason}",
        "critical",
        "Once the cause is gone: `twinleg resume global --reason ...`.",
        _SINCE,
    ),
    _G.HALTED_VENUE: GateText(
        "{venue} halted since {t}: {reason}.",
        "{venue} halted: {reason}",
        "critical",
        "Automatic halts lift themselves, others by `twinleg resume venue:NAME --reason ...`.",
        _SINCE,
    ),
    _G.HALTED_SCOPE: GateText(
        "{scope} halted since {t}: {reason}.",
        "halted: {reason}",
        "critical",
        "Once the cause is gone: `twinleg resume SCOPE --reason ...`.",
        _SINCE,
    ),
    _G.MONITOR_ONLY: GateText(
        "This run watches and does not trade.",
        "watching only",
        "info",
        "Switch the flag on with `twinleg config set flag_trade=true`.",
    ),
    _G.LEASE_NOT_HELD: GateText(
        "Another trader may hold the lease; this one must not trade.",
        "no lease",
        "critical",
        "Exactly one trader trades; stop the other one or wait for the takeover.",
    ),
    _G.RECOVERING: GateText(
        "Checking {n} orders with {venue} after start.",
        "recovering",
        "warn",
        _WAIT,
        {"n": count("orders"), "venue": venue()},
    ),
    _G.CONFIG_UNREADABLE: GateText(
        "Configuration could not be read; nothing new is bought.",
        "config unreadable",
        "critical",
        "Look at `twinleg config show`; roll back to a version that reads.",
    ),
    _G.CLOCK_SKEW: GateText(
        "Our clock is {x} ms off {venue}'s, limit {y} ms.",
        "clock {x} ms off",
        "critical",
        "Check this machine's time service.",
        {"x": milliseconds("offset_ms"), "y": milliseconds("max_ms"), "venue": venue()},
    ),
    _G.JOURNAL_DOWN: GateText(
        "Intent cannot be stored, so nothing is sent.",
        "journal down",
        "critical",
        "Check Postgres and its disk; open packages go on being hedged.",
    ),
    # --- pair ----------------------------------------------------------------------------
    _G.PAIR_IN_REVIEW: GateText(
        "Waiting for your decision: {n} open clauses.",
        "in review",
        "warn",
        "Read both rule texts on the Pairs page and decide.",
        {"n": count("open_clauses")},
    ),
    _G.PAIR_RULES_CHANGED: GateText(
        "{venue} changed the {what} at {t}; back in review.",
        "rules changed",
        "warn",
        "Compare old and new on the Pairs page; a changed grid or fee confirms itself.",
        {"venue": venue(), "t": time_of_day("changed_ns"), "what": text("what")},
    ),
    _G.PAIR_SOURCE_DIFFERS: GateText(
        "{a} settles from {x}, {b} from {y}; not on the allowlist.",
        "source differs",
        "warn",
        "Allowlist the two sources for this pair, or reject it.",
        {
            "a": venue("venue_a"),
            "b": venue("venue_b"),
            "x": text("source_a"),
            "y": text("source_b"),
        },
    ),
    _G.PAIR_CLAUSE_UNREAD: GateText(
        "The {clause} clause on {venue} could not be read.",
        "{clause} unread",
        "warn",
        "Read the clause yourself on the Pairs page.",
        {"clause": phrase("clause"), "venue": venue()},
    ),
    _G.PAIR_BLOCKED: GateText(
        "Blocked by you on {d}: {reason}.",
        "blocked",
        "info",
        "Move it back to review on the Pairs page.",
        {"d": day("blocked_ns"), "reason": text("reason")},
    ),
    _G.PAIR_DEACTIVATED: GateText(
        "Deactivated {t}: {reason}.",
        "deactivated",
        "info",
        "Move it back to review on the Pairs page.",
        {"t": day("deactivated_ns"), "reason": text("reason")},
    ),
    _G.PAIR_DIVERGENCE: GateText(
        "Past divergence in {series} costs {x}¢ expected, leaving {y}¢.",
        "divergence {x}¢",
        "warn",
        "The charge falls as the series settles alike.",
        {"x": cents("charge_micros"), "y": cents("left_micros")},
    ),
    # --- venue ---------------------------------------------------------------------------
    _G.VENUE_DOWN: GateText(
        "{venue} does not answer since {t}.",
        "{venue} down",
        "critical",
        _AUTO,
        {"venue": venue(), "t": time_of_day("since_ns")},
    ),
    _G.VENUE_PAUSED: GateText(
        "{venue} pauses until {t}.",
        "{venue} paused",
        "warn",
        _WAIT,
        {"venue": venue(), "t": time_of_day("until_ns")},
    ),
    _G.VENUE_SLOW: GateText(
        "Orders take {x} ms p95, limit {y} ms.",
        "slow, {x} ms",
        "warn",
        _AUTO,
        {"x": milliseconds("p95_ms"), "y": milliseconds("max_ms")},
    ),
    _G.VENUE_ERRORS: GateText(
        "{x} % of calls failed in {w} s, limit {y} %.",
        "errors {x} %",
        "warn",
        _AUTO,
        {"x": percent("failed_ppm"), "w": count("window_s"), "y": percent("max_ppm")},
    ),
    _G.RATE_RESERVED: GateText(
        "Kept back: {n} calls left, reserved for hedges.",
        "{n} calls left",
        "info",
        _WAIT,
        {"n": count("calls")},
    ),
    _G.ACCOUNT_RESTRICTED: GateText(
        "{venue} allows closing only.",
        "closing only",
        "critical",
        "Look at the account on the venue's own site.",
        {"venue": venue()},
    ),
    _G.REGION_REFUSED: GateText(
        "{venue} refuses this region.",
        "region refused",
        "critical",
        "Run the trader in a region that the venue serves.",
        {"venue": venue()},
    ),
    _G.RECONCILE_DIFFERENCE: GateText(
        "{venue} says {x}, our ledger {y}; confirmed twice.",
        "ledger differs",
        "critical",
        "Find the difference first, then `twinleg resume venue:NAME --reason ...`.",
        {"venue": venue(), "x": text("theirs"), "y": text("ours")},
    ),
    _G.BREAKER_OPEN: GateText(
        "{n} failed hedges in {w} min; you must resume.",
        "breaker open",
        "critical",
        "Look at the last packages, then `twinleg resume SCOPE --reason ...`.",
        {"n": count("failures"), "w": minutes("window_s")},
    ),
    # --- book ----------------------------------------------------------------------------
    _G.BOOK_STALE: GateText(
        "{venue} book {x} s old, limit {y} s.",
        "{venue} book {x} s",
        "warn",
        _WAIT,
        {"venue": venue(), "x": seconds("age_ms"), "y": seconds("max_ms")},
    ),
    _G.BOOK_GAPPED: GateText(
        "Missed update {n}; snapshot requested.",
        "gap, reloading",
        "warn",
        _WAIT,
        {"n": text("seq")},
    ),
    _G.BOOK_FROZEN: GateText(
        "Stream silent, REST shows other prices.",
        "book frozen",
        "critical",
        _WAIT,
    ),
    _G.BOOK_HASH_MISMATCH: GateText(
        "{venue} book failed its checksum.",
        "checksum failed",
        "critical",
        _WAIT,
        {"venue": venue()},
    ),
    _G.BOOK_CROSSED: GateText(
        "{venue} bid {x}¢ ≥ ask {y}¢.",
        "book crossed",
        "warn",
        _WAIT,
        {"venue": venue(), "x": cents("bid_micros"), "y": cents("ask_micros")},
    ),
    _G.BOOK_EMPTY: GateText(
        "Nobody sells {outcome} on {venue}.",
        "nobody sells {outcome}",
        "info",
        _WAIT,
        {"outcome": lambda raw: raw["outcome"].upper(), "venue": venue()},
    ),
    # --- market --------------------------------------------------------------------------
    _G.MARKET_CLOSED: GateText(
        "Closed {t}.", "closed", "info", _WAIT, {"t": time_of_day("closed_ns")}
    ),
    _G.MARKET_CLOSING: GateText(
        "Closes in {x} min, limit {y}.",
        "closes in {x} min",
        "info",
        _WAIT,
        {"x": minutes("left_s"), "y": minutes("margin_s")},
    ),
    _G.MARKET_PAUSED: GateText(
        "{venue} paused this market.", "market paused", "info", _WAIT, {"venue": venue()}
    ),
    _G.TAKER_DELAY: GateText(
        "{venue} delays takers {x} s here; too long to hedge.",
        "taker delay {x} s",
        "info",
        "Raise taker_delay_max_ms if you accept the wait.",
        {"venue": venue(), "x": seconds("delay_ms")},
    ),
    _G.TICK_CHANGED: GateText(
        "Price grid changed {x} s ago; reloading.",
        "grid changed",
        "info",
        _WAIT,
        {"x": seconds("age_ms")},
    ),
    # --- cost and cash -------------------------------------------------------------------
    _G.FEES_UNKNOWN: GateText(
        "No known fee schedule for {series}.",
        "fees unknown",
        "warn",
        "Wait for a build that knows the formula; it is not guessed.",
    ),
    _G.FEES_EXPIRED: GateText(
        "Fee schedule {hash} ended {d}.",
        "fees expired",
        "warn",
        "Refresh the fee schedules.",
        {"d": day("ended_ns")},
    ),
    _G.FRICTIONS_EXPIRED: GateText(
        "Gas and FX figures {x} h old, limit {y} h.",
        "frictions {x} h old",
        "warn",
        "Refresh the friction figures.",
        {"x": hours("age_s"), "y": hours("max_s")},
    ),
    _G.SHARD_UNFUNDED: GateText(
        "Kalshi shard {n} holds ${x}, needs ${y}.",
        "shard {n} short",
        "warn",
        "Move cash to the shard.",
        {"n": text("shard"), "x": dollars("free_micros"), "y": dollars("need_micros")},
    ),
    _G.CASH_SHORT: GateText(
        "{venue} has ${x} free, needs ${y}.",
        "{venue} cash short",
        "warn",
        "Wait for a settlement, or add cash.",
        {"venue": venue(), "x": dollars("free_micros"), "y": dollars("need_micros")},
    ),
    # --- edge and size -------------------------------------------------------------------
    _G.EDGE_NEGATIVE: GateText(
        "Loses {x}¢ after costs.",
        "loses {x}¢",
        "info",
        _WAIT,
        {"x": cents_lost("net_micros")},
    ),
    _G.EDGE_BELOW_MIN: GateText(
        "{x}¢ below the {y}¢ minimum.",
        "{x}¢ short",
        "info",
        "The minimum is min_net_edge_cents of the configuration.",
        {"x": cents_short("min_micros", "net_micros"), "y": cents("min_micros")},
    ),
    _G.EDGE_GONE: GateText(
        "Fell to {x}¢ before sending, {n} ms after the tick.",
        "gone, {x}¢",
        "info",
        _WAIT,
        {"x": cents("net_micros"), "n": milliseconds("after_ms")},
    ),
    _G.RETURN_TOO_LOW: GateText(
        "{x} % a year for {d} days, floor {y} %.",
        "{x} % a year",
        "info",
        "The floor is return_floor_pct of the configuration.",
        {"x": percent("annual_ppm"), "d": count("days"), "y": percent("floor_ppm")},
    ),
    _G.DEPTH_THIN: GateText(
        "Only {n} contracts clear the minimum; {m} needed.",
        "only {n} deep",
        "info",
        _WAIT,
        {"n": contracts("qty_micros"), "m": contracts("need_micros")},
    ),
    _G.SIZE_BELOW_VENUE_MIN: GateText(
        "{n} is under {venue}'s minimum {m}.",
        "under the minimum",
        "info",
        _WAIT,
        {"n": contracts("qty_micros"), "m": contracts("min_micros"), "venue": venue()},
    ),
    _G.HEDGE_CHANCE_LOW: GateText(
        "Hedge chance {x} %, needs {y} %.",
        "hedge {x} %",
        "info",
        "More depth on the second leg raises it.",
        {"x": percent("chance_ppm"), "y": percent("min_ppm")},
    ),
    # --- limits --------------------------------------------------------------------------
    _G.PAIRS_FULL: GateText(
        "{n} of {m} pairs in use.",
        "{n} of {m} pairs",
        "info",
        "A slot is freed when a package settles; the limit is pairs_max.",
        {"n": count("used"), "m": count("max")},
    ),
    _G.CONTRACT_LIMIT: GateText(
        "${x} of ${y} used in this contract.", "contract full", "info", _WAIT, _USED
    ),
    _G.VENUE_LIMIT: GateText("${x} of ${y} used on {venue}.", "{venue} full", "info", _WAIT, _USED),
    _G.CATEGORY_LIMIT: GateText("${x} of ${y} in {name}.", "category full", "info", _WAIT, _USED),
    _G.SOURCE_LIMIT: GateText("${x} of ${y} in {name}.", "source full", "info", _WAIT, _USED),
    _G.LOCK_LIMIT: GateText(
        "Capital is locked {x} days on average, limit {y}.",
        "locked {x} days",
        "info",
        _WAIT,
        {"x": count("days"), "y": count("max_days")},
    ),
    _G.NAKED_SLOT_BUSY: GateText(
        "Package {id} is not hedged yet.", "hedging {id}", "info", _WAIT, {"id": text("package")}
    ),
    _G.PROVISIONAL_LIMIT: GateText(
        "${x} of ${y} await confirmation on {venue}.", "awaiting chain", "info", _WAIT, _USED
    ),
    _G.DUST_LIMIT: GateText(
        "${x} of ${y} in unsellable remainders.",
        "dust full",
        "warn",
        "Remainders leave when their markets settle.",
        _USED,
    ),
    _G.STOP_DAY: GateText(
        "Down {x} % this day, stop {y} %; resets {t}.", "day stop", "critical", _AUTO, _STOP
    ),
    _G.STOP_WEEK: GateText(
        "Down {x} % this week, stop {y} %; resets {t}.", "week stop", "critical", _AUTO, _STOP
    ),
    _G.STOP_MONTH: GateText(
        "Down {x} % this month, stop {y} %; needs review.",
        "month stop",
        "critical",
        "Review the month, then `twinleg resume global --reason ...`.",
        _STOP,
    ),
    # --- flow ----------------------------------------------------------------------------
    _G.PACKAGE_OPEN: GateText(
        "Package {id} of this pair is not hedged yet.",
        "package {id} open",
        "info",
        _WAIT,
        {"id": text("package")},
    ),
    _G.PROBE_PENDING: GateText(
        "The first small package of this pair must prove itself.",
        "probe pending",
        "info",
        _WAIT,
    ),
    _G.COOLDOWN: GateText(
        "Resting {x} s: {reason}.",
        "resting {x} s",
        "info",
        _WAIT,
        {"x": count("left_s")},
    ),
    _G.QUEUE_BEHIND: GateText(
        "Processing {x} ms behind, limit {y} ms.",
        "{x} ms behind",
        "warn",
        _WAIT,
        {"x": milliseconds("behind_ms"), "y": milliseconds("max_ms")},
    ),
}
