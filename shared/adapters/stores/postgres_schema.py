"""The record as SQLAlchemy Core tables: one name a column, everywhere.

Money, prices and quantities are ``_micros`` bigints, instants ``_ns`` unix nanoseconds.
The migrations create these tables; a test holds the two equal. Views in the units of the
specification's data model (cents, contracts, timestamps) are named ``v_<table>``.

Rules: no foreign key stands in the way of a fill or a posting (a record that arrives out
of order is still a record); ``fills``, ``fill_states``, ``ledger_postings`` and ``payouts``
are insert-only, held by triggers; the postings of a transaction sum to zero at commit.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    desc,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

EMPTY_OBJECT: Final = text("'{}'::jsonb")
EMPTY_LIST: Final = text("'[]'::jsonb")
NOTHING: Final = text("''")
NO: Final = text("false")
YES: Final = text("true")
ZERO: Final = text("0")


def _int(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _str(name: str, *, null: bool = False, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=null, **options)


def _zero(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=ZERO)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=NO)


def _json(name: str, *, default: Any = EMPTY_OBJECT, null: bool = False) -> Column[Any]:
    return Column(name, JSONB, nullable=null, server_default=None if null else default)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _one_of(name: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{name} IN ({listed})", name=f"{name}_known")


# --- catalogue -----------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    _key("id"),
    _str("venue"),
    _str("slug_or_ticker"),
    _str("title"),
    _int("start_time_ns", null=True),
    _int("end_time_ns", null=True),
    _int("last_seen_ns"),
)

markets = Table(
    "markets",
    metadata,
    _key("id"),
    _str("venue"),
    _str("ticker_or_token"),
    _str("title"),
    _str("event_id"),
    _str("event_title"),
    _str("question"),
    _str("outcome_label"),
    _str("rules_text"),
    _str("rules_hash"),
    _str("resolution_source"),
    _str("settlement_source"),
    _str("category"),
    _str("series_id"),
    _json("tags", default=EMPTY_LIST),
    Column("binary_flag", Boolean, nullable=False),
    _str("status"),
    _int("close_time_ns"),
    _int("settle_expected_ns"),
    _int("settle_worst_ns"),
    _json("grid", default=EMPTY_LIST),
    _int("qty_step_micros"),
    _int("min_qty_micros"),
    _int("min_notional_usd_micros"),
    _json("fees"),
    _int("taker_delay_ns"),
    Column("shard", SmallInteger, nullable=False, server_default=ZERO),
    _str("yes_token"),
    _str("no_token"),
    _flag("neg_risk"),
    _flag("tradeable"),
    _str("refusal"),
    _json("raw"),
    _int("first_seen_ns"),
    _int("last_seen_ns"),
    _zero("game_start_ns"),
    _str("digest", server_default=NOTHING),
    Index("ix_markets_venue_status", "venue", "status"),
)

market_pairs = Table(
    "market_pairs",
    metadata,
    _key("id"),
    _str("market_a_id"),
    _str("market_b_id"),
    _str("polarity"),
    _str("verdict"),
    Column("active_flag", Boolean, Computed("verdict = 'confirmed'", persisted=True)),
    _int("llm_score_ppm"),
    _flag("rules_passed"),
    _json("evidence", default=EMPTY_LIST),
    _str("rules_hash_a"),
    _str("rules_hash_b"),
    _str("actor"),
    _str("reason", server_default=NOTHING),
    _str("name"),
    _str("category", server_default=NOTHING),
    _str("series_id", server_default=NOTHING),
    _str("settlement_source", server_default=NOTHING),
    _int("created_ns"),
    _int("updated_ns"),
    _json("terms_a", null=True),
    _json("terms_b", null=True),
    _flag("needs_person"),
    _one_of("polarity", "same", "inverse"),
    _one_of("verdict", "confirmed", "review", "rejected", "blocked", "deactivated"),
    Index("ix_market_pairs_verdict_updated_ns_id", "verdict", desc("updated_ns"), "id"),
    Index("ix_market_pairs_market_a_id", "market_a_id"),
    Index("ix_market_pairs_market_b_id", "market_b_id"),
)

market_pair_history = Table(
    "market_pair_history",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True),
    _str("pair_id"),
    _str("verdict"),
    _str("polarity"),
    _str("rules_hash_a"),
    _str("rules_hash_b"),
    _str("actor"),
    _str("reason"),
    _int("at_ns"),
    Index("ix_market_pair_history_pair_id", "pair_id"),
)

pair_set = Table(
    "pair_set",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    _int("version"),
    CheckConstraint("id = 1", name="one_row"),
)

pair_rulings = Table(
    "pair_rulings",
    metadata,
    _str("list"),
    _str("kind"),
    _str("a"),
    _str("b"),
    _str("actor"),
    _str("reason", server_default=NOTHING),
    _int("at_ns"),
    PrimaryKeyConstraint("list", "kind", "a", "b"),
    _one_of("list", "block", "allow"),
    _one_of("kind", "pair", "series", "source"),
)

crawls = Table(
    "crawls",
    metadata,
    _key("venue"),
    _str("run_id"),
    _str("cursor", server_default=NOTHING),
    _zero("listed"),
    _zero("changed"),
    _int("started_ns"),
    _int("updated_ns"),
    _zero("finished_ns"),
    _zero("leased_until_ns"),
)

settlements = Table(
    "settlements",
    metadata,
    _key("market_id"),
    _int("payout_micros"),
    _int("seen_ns"),
    CheckConstraint("payout_micros BETWEEN 0 AND 1000000", name="payout_in_dollar"),
)

settled_pairs = Table(
    "settled_pairs",
    metadata,
    _key("pair_id"),
    _str("name"),
    _str("category", server_default=NOTHING),
    _str("series_id", server_default=NOTHING),
    _str("settlement_source", server_default=NOTHING),
    _int("payout_a_micros"),
    _int("payout_b_micros"),
    _flag("has_diverged"),
    _int("checked_ns"),
    Index("ix_settled_pairs_series_id", "series_id"),
)

pair_proofs = Table("pair_proofs", metadata, _key("pair_id"), _int("at_ns"))

# --- market data -----------------------------------------------------------------------------

orderbooks = Table(
    "orderbooks",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    _str("market_id"),
    _int("ts_ns"),
    _int("bid_px_micros", null=True),
    _int("bid_sz_micros", null=True),
    _int("ask_px_micros", null=True),
    _int("ask_sz_micros", null=True),
    _json("lvl2"),
    PrimaryKeyConstraint("market_id", "ts_ns"),
    Index("ix_orderbooks_ts_ns", "ts_ns"),
)

edges = Table(
    "edges",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    _str("pair_id"),
    _int("ts_ns"),
    _int("net_edge_micros", null=True),
    _int("qty_micros", null=True),
    _str("package", null=True),
    _str("leader", null=True),
    _int("signal_conf_ppm", null=True),
    _str("fee_rev_hash", server_default=NOTHING),
    _str("friction_hash", server_default=NOTHING),
    _json("breakdown"),
    _str("gate", null=True),
    _int("config_version", null=True),
    PrimaryKeyConstraint("pair_id", "ts_ns"),
    Index("ix_edges_ts_ns", "ts_ns"),
)

# --- trading ---------------------------------------------------------------------------------

packages = Table(
    "packages",
    metadata,
    _key("package_id"),
    _str("run_id"),
    _int("number"),
    _str("kind"),
    _str("parent_id", null=True),
    _str("pair_id"),
    _str("pair_name"),
    _str("state"),
    _str("polarity"),
    _str("market_a"),
    _str("market_b"),
    _str("outcome_a"),
    _str("outcome_b"),
    Column("leg_first", SmallInteger, nullable=False),
    _int("qty_micros"),
    _int("qty_max_micros"),
    _int("entry_edge_micros", null=True),
    _int("expected_usd_micros", null=True),
    _int("realised_usd_micros", null=True),
    _json("breakdown"),
    _json("versions"),
    _json("envelope"),
    _str("mode"),
    _flag("is_probe"),
    Column("unhedged_max_usd_micros", BigInteger, nullable=False, server_default=ZERO),
    Column("unhedged_ms", BigInteger, nullable=False, server_default=ZERO),
    _int("created_wall_ns"),
    _int("updated_wall_ns"),
    _int("ended_wall_ns", null=True),
    _int("settle_worst_ns", null=True),
    _str("void_reason", null=True),
    _int("fencing"),
    _one_of("kind", "normal", "repair", "exit"),
    CheckConstraint("leg_first IN (0, 1)", name="leg_first_known"),
    CheckConstraint("qty_micros >= 0 AND qty_max_micros >= 0", name="qty_not_negative"),
    Index("ix_packages_created", desc("created_wall_ns"), desc("package_id")),
    Index("ix_packages_number", "number"),
    Index("ix_packages_open", "package_id", postgresql_where=text("ended_wall_ns IS NULL")),
    Index("ix_packages_ended", "ended_wall_ns"),
    Index("ix_packages_pair_id", "pair_id"),
)

orders = Table(
    "orders",
    metadata,
    _key("attempt_id"),
    _str("package_id"),
    Column("leg", SmallInteger, nullable=False),
    _str("purpose"),
    Column("attempt", SmallInteger, nullable=False),
    _str("venue"),
    _str("market_id"),
    _str("outcome"),
    _str("side"),
    _int("px_limit_micros", null=True),
    _int("qty_micros", null=True),
    _int("qty_max_micros", null=True),
    _int("budget_usd_micros", null=True),
    _str("tif", null=True),
    _flag("reduce_only"),
    _flag("is_opening"),
    Column("shard", SmallInteger, nullable=False, server_default=ZERO),
    _str("state"),
    _str("order_id", null=True),
    _str("order_hash", null=True),
    _int("cum_qty_micros", null=True),
    _int("cost_usd_micros", null=True),
    _int("touch_px_micros", null=True),
    _int("ts_decided_ns", null=True),
    _int("ts_sent_ns", null=True),
    _int("ts_ack_ns", null=True),
    _str("reason", null=True),
    _one_of("outcome", "yes", "no"),
    _one_of("side", "buy", "sell"),
    Index("ix_orders_package_id", "package_id"),
    Index("ix_orders_order_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
    Index("ix_orders_decided", desc("ts_decided_ns"), desc("attempt_id")),
)

fills = Table(
    "fills",
    metadata,
    _key("fill_key"),
    _str("venue"),
    _str("trade_id"),
    _str("order_id"),
    _str("attempt_id", null=True),
    _str("package_id", null=True),
    _str("pair_id", null=True),
    Column("leg", SmallInteger, nullable=True),
    _str("purpose", null=True),
    _str("market_id"),
    _str("outcome"),
    _str("side"),
    _int("px_micros"),
    _int("qty_micros"),
    _int("fee_usd_micros"),
    _int("cost_usd_micros"),
    _str("liquidity"),
    _int("ts_fill_ns"),
    _flag("is_final"),
    _int("slippage_micros", null=True),
    _int("ts_recorded_ns"),
    _str("fee_rev_hash", server_default=NOTHING),
    _str("friction_hash", server_default=NOTHING),
    _one_of("outcome", "yes", "no"),
    _one_of("side", "buy", "sell"),
    CheckConstraint("px_micros BETWEEN 0 AND 1000000", name="px_in_dollar"),
    CheckConstraint("qty_micros > 0", name="qty_positive"),
    Index("ix_fills_newest", desc("ts_fill_ns"), desc("fill_key")),
    Index("ix_fills_package_id", "package_id"),
)

cost_versions = Table(
    "cost_versions",
    metadata,
    _key("hash"),
    _str("kind"),
    _str("venue", server_default=NOTHING),
    _str("scope", server_default=NOTHING),
    _str("version"),
    _str("source", server_default=NOTHING),
    _zero("as_of_ns"),
    Column("is_confirmed", Boolean, nullable=False, server_default=YES),
    _int("first_seen_ns"),
    _one_of("kind", "fee", "friction"),
)

hedge_outcomes = Table(
    "hedge_outcomes",
    metadata,
    _key("package_id"),
    _str("mode"),
    _str("venue"),
    _str("category"),
    _int("coverage_ppm"),
    _int("chance_ppm", null=True),
    Column("is_success", Boolean, nullable=False),
    _int("at_ns"),
    CheckConstraint("coverage_ppm >= 0", name="coverage_not_negative"),
    Index("ix_hedge_outcomes_at_ns", "at_ns"),
)

fill_states = Table(
    "fill_states",
    metadata,
    _str("fill_key"),
    _str("state"),
    _int("ts_ns"),
    PrimaryKeyConstraint("fill_key", "state"),
    _one_of("state", "provisional", "confirmed", "failed"),
)

positions = Table(
    "positions",
    metadata,
    _str("venue"),
    _str("market_id"),
    _int("qty_yes_micros"),
    _int("qty_no_micros"),
    _int("avg_px_yes_micros", null=True),
    _int("avg_px_no_micros", null=True),
    _int("updated_wall_ns"),
    PrimaryKeyConstraint("venue", "market_id"),
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    _key("posting_id"),
    _str("txn_id"),
    _str("account"),
    _int("usd_micros"),
    _str("kind"),
    _str("ref"),
    _str("package_id", null=True),
    _int("wall_ns"),
    Index("ix_ledger_postings_txn_id", "txn_id"),
    Index("ix_ledger_postings_package_id", "package_id"),
    Index("ix_ledger_postings_account", "account"),
    Index("ix_ledger_postings_wall_ns", "wall_ns"),
)

payouts = Table(
    "payouts",
    metadata,
    _key("reference"),
    _str("venue"),
    _str("market_id"),
    _int("payout_micros"),
    _int("qty_yes_micros"),
    _int("qty_no_micros"),
    _int("cash_usd_micros"),
    _int("venue_ts_ns"),
    _int("posted_wall_ns"),
    Index("ix_payouts_posted_wall_ns", "posted_wall_ns"),
)

decisions = Table(
    "decisions",
    metadata,
    _key("event_id"),
    _int("seq"),
    _int("wall_ns"),
    _str("kind"),
    _str("subject"),
    _str("package_id", null=True),
    _str("verdict"),
    _str("reason"),
    _json("params"),
    _json("versions"),
    _str("severity", null=True),
    Index("ix_decisions_newest", desc("wall_ns"), desc("event_id")),
    Index("ix_decisions_package_id", "package_id"),
)

divergences = Table(
    "divergences",
    metadata,
    _key("divergence_id"),
    _str("pair_id"),
    _str("package_id", null=True),
    _str("market_a"),
    _str("market_b"),
    _int("payout_a_micros"),
    _int("payout_b_micros"),
    _str("category", server_default=NOTHING),
    _str("series_id", server_default=NOTHING),
    _str("settlement_source", server_default=NOTHING),
    _int("loss_usd_micros", null=True),
    _int("detected_ns"),
    _str("note", server_default=NOTHING),
    Index("ix_divergences_pair_id", "pair_id"),
)

# --- control ---------------------------------------------------------------------------------

configs = Table(
    "configs",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _int("base_version"),
    _int("ts_ns"),
    _str("actor"),
    _str("reason"),
    _json("document"),
)

fencing = Table(
    "fencing",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    _int("number"),
    _str("holder"),
    _json("versions"),
    _int("taken_wall_ns"),
    CheckConstraint("id = 1", name="one_row"),
)

fencing_history = Table(
    "fencing_history",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _str("holder"),
    _json("versions"),
    _int("taken_wall_ns"),
)

control_log = Table(
    "control_log",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True),
    _str("command_id", null=True, unique=True),
    _str("kind"),
    _str("scope", server_default=NOTHING),
    _str("reason", server_default=NOTHING),
    _str("actor"),
    _int("issued_at_ns"),
    _int("expires_at_ns", null=True),
    _json("payload"),
    _str("note", server_default=NOTHING),
)

halts = Table(
    "halts",
    metadata,
    Column("halt_id", BigInteger, Identity(always=True), primary_key=True),
    _str("scope"),
    _str("reason"),
    _str("actor"),
    _int("since_wall_ns"),
    _flag("is_freeze"),
    _str("note", server_default=NOTHING),
    _int("lifted_wall_ns", null=True),
    _str("lifted_by", null=True),
    _str("lift_note", null=True),
    Index(
        "ux_halts_in_force",
        "scope",
        "reason",
        unique=True,
        postgresql_where=text("lifted_wall_ns IS NULL"),
    ),
)

backtest_runs = Table(
    "backtest_runs",
    metadata,
    _key("run_id"),
    _str("name"),
    _str("state"),
    _str("actor"),
    _int("requested_ns"),
    _int("started_ns", null=True),
    _int("finished_ns", null=True),
    _json("parameters"),
    _json("assumptions", default=EMPTY_LIST),
    _json("result", null=True),
    _str("artefact", server_default=NOTHING),
    Index("ix_backtest_runs_newest", desc("requested_ns"), desc("run_id")),
)


# --- paper venue -----------------------------------------------------------------------------


def _paper(name: str) -> Table:
    """A table of whole records of the simulated exchange, keyed as the exchange keys them."""
    return Table(
        name,
        metadata,
        _str("venue"),
        _str("key"),
        Column("document", JSONB, nullable=False),
        _int("updated_ns"),
        PrimaryKeyConstraint("venue", "key"),
    )


paper_orders = _paper("paper_orders")
paper_fills = _paper("paper_fills")
paper_payouts = _paper("paper_payouts")
paper_balances = _paper("paper_balances")
paper_attempts = _paper("paper_attempts")
