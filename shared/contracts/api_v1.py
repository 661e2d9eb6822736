"""Dashboard API, version 1: the shapes that the browser reads. Append only.

Money, prices, quantities and fees are exact decimal strings; ``*_micros``, ``*_ns``
and counts are integers; null means unknown (the screen shows ``?``), never zero.
The live snapshot is columns of integers to keep a thousand rows small.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VenueHealth(_Model):
    name: str
    state: Literal["live", "stale", "halted", "down"]
    frame_age_ms: int | None
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    error_rate_pct: float | None
    cash_free: str | None
    halted_reason: str | None


class HaltView(_Model):
    scope: str
    reason: str
    actor: str
    since_ns: int
    lift: Literal["auto", "discord", "password"]
    is_freeze: bool
    note: str


class EdgeColumns(_Model):
    """One array per column, one index per row; ``pair_id`` is the key of a row.

    In an answer to ``since=SEQ`` only rows changed after SEQ are listed, and
    ``removed`` names pairs that left.
    """

    pair_id: list[str]
    name: list[str]
    venue_a: list[str]
    venue_b: list[str]
    buy_a: list[str | None]
    """yes | no: the outcome bought on A in the better package."""
    buy_b: list[str | None]
    first: list[str | None]
    """a | b: which leg goes first."""
    net_micros: list[int | None]
    """Net edge, dollars per contract x 1e6, after fees, frictions, slippage and carry."""
    qty_micros: list[int | None]
    profit_micros: list[int | None]
    annual_ppm: list[int | None]
    lock_days: list[int | None]
    hedge_ppm: list[int | None]
    """Hedge completion probability x 1e6."""
    hedge_low_ppm: list[int | None] = Field(default_factory=list)
    """Its 5 % bound: with what was seen so far it is higher with a chance of 95 %."""
    lead: list[str | None]
    age_ms: list[int | None]
    """Age of the older of the two books at ``as_of_ns``."""
    status: list[str]
    """``ready``, ``buying``, or the code of the first failing gate."""
    gates: list[list[str]]
    """Every failing gate code, in order of severity."""
    params: list[dict[str, str]]
    """Parameters of the sentence of ``status``."""
    spark_micros: list[list[int]]
    """Net edge of the last ten minutes, at most 60 points, oldest first."""
    categories: list[str]
    removed: list[str]


class PackageCounts(_Model):
    open: int
    hedged: int
    flat: int
    stuck: int


class FlattenPreview(_Model):
    """The one order that flattening would send on the books of this second."""

    action: Literal["hedge", "unwind"]
    venue: str
    market_id: str
    outcome: Literal["yes", "no"]
    side: Literal["buy", "sell"]
    qty_micros: int
    price_limit_micros: int
    loss_usd_micros: int
    """Cost less worth afterwards, fees included, rounded up; negative is a gain."""


class OpenPackage(_Model):
    package_id: str
    number: int
    name: str
    state: str
    unhedged_micros: int
    since_ns: int
    flatten: FlattenPreview | None = None
    """Of a stuck package; None also when no price can be reached now."""


class LiveSnapshot(_Model):
    """Body of ``GET /api/v1/live``; ETag is the decimal ``seq``."""

    seq: int
    as_of_ns: int
    """Wall clock of the trader when this was written."""
    is_delta: bool
    mode: str
    badge: Literal["PAPER", "SIM", "DEMO", "LIVE"]
    is_trading: bool
    trader_age_ms: int
    """Age of the trader's snapshot when the API answered."""
    lease_epoch: int
    config_version: int
    min_net_edge_micros: int
    venues: list[VenueHealth]
    halts: list[HaltView]
    packages: PackageCounts
    open_packages: list[OpenPackage]
    unhedged_micros: int
    realised_today_micros: int
    expected_locked_micros: int
    capital_free_micros: int
    ledger_sum: str
    checks_today: int
    near_misses_today: int
    fills_seq: int
    """Rises with every new fill; a changed value tells the page to fetch fills."""
    edges: EdgeColumns
    hedge_prior: str = ""
    """What the hedge chance assumes before any outcome was seen, in words."""


class EdgeView(_Model):
    """Body of ``GET /api/v1/edges/{pair_id}``: how the last stored net edge adds up.

    ``breakdown`` is cents per contract as exact decimals, signed as it acts on us: gross,
    fee_a, fee_b, frictions, slippage, carry; every part but ``net`` sums to ``net``, and
    ``expected_rebate``, where there is one, stands beside it: shown, never counted.
    """

    pair_id: str
    name: str
    ts_ns: int
    """When this edge was stored; the live row may be younger."""
    title_a: str
    title_b: str
    market_a: str
    market_b: str
    leader: str | None
    qty: str
    breakdown: dict[str, str]
    gate: str | None


class FillRow(_Model):
    fill_id: str
    ts_ns: int
    package_id: str | None
    package_number: int | None
    pair_name: str
    venue: str
    leg: int
    purpose: str
    outcome: Literal["yes", "no"]
    side: Literal["buy", "sell"]
    qty: str
    price: str
    cost: str
    fee: str
    slippage_cents: str | None
    entry_edge_cents: str | None
    realised_edge_cents: str | None
    state: Literal["provisional", "confirmed", "failed"]


class FillsSummary(_Model):
    fills: int
    cost: str
    fees: str
    slippage_mean_cents: str | None


class FillsPage(_Model):
    rows: list[FillRow]
    next_cursor: str | None
    today: FillsSummary


class LegView(_Model):
    leg: int
    venue: str
    market_id: str
    title: str
    outcome: str
    price_limit: str
    qty: str
    filled: str
    avg_price: str | None
    fee: str


class TimelineRow(_Model):
    ts_ns: int
    lane: str
    kind: str
    text: str
    unhedged_micros: int


class PackageView(_Model):
    package_id: str
    number: int
    pair_id: str
    name: str
    state: str
    started_ns: int
    qty: str
    entry_edge_cents: str
    realised_edge_cents: str | None
    expected: str
    realised: str | None
    unhedged_max_micros: int
    unhedged_ms: int
    breakdown: dict[str, str]
    versions: dict[str, str]
    legs: list[LegView]
    timeline: list[TimelineRow]
    postings_sum: str


class PackageRow(_Model):
    package_id: str
    number: int
    name: str
    state: str
    started_ns: int
    qty: str
    entry_edge_cents: str
    realised_edge_cents: str | None
    result: str | None


class PackagesPage(_Model):
    rows: list[PackageRow]
    next_cursor: str | None


class PairFinding(_Model):
    code: str
    verdict: Literal["same", "conflict", "unknown", "one_side"]
    reason: str
    span_a: str
    span_b: str


class PairRow(_Model):
    pair_id: str
    name: str
    verdict: str
    polarity: str
    score: str
    reason: str
    title_a: str
    title_b: str
    market_a: str
    market_b: str
    category: str
    findings: list[PairFinding]


class PairsPage(_Model):
    rows: list[PairRow]
    counts: dict[str, int]
    next_cursor: str | None


class LoginRequest(_Model):
    code: str
    """One-time code printed by ``make up``, or the password once one is set."""


class SessionView(_Model):
    actor: str
    mode: str
    badge: str
    expires_ns: int
    csrf_token: str
    """Sent back in ``X-Twinleg-CSRF`` on every request that changes something."""


class HaltRequest(_Model):
    scope: str = "global"
    note: str = ""


class CommandAccepted(_Model):
    command_id: str
    recorded_ns: int


class Problem(_Model):
    """RFC 9457 problem body; ``title`` is a sentence for a person."""

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
