"""Kernel values as rows of the record: the only place that knows the column names.

Enums become their lower-case text; money stays integer micro-dollars; absent is None.
Twin: the schema in shared/adapters/stores/postgres_schema.py.
"""

from __future__ import annotations

from typing import Any

from shared.domain.edge import EdgeQuote
from shared.domain.enums import Outcome
from shared.domain.ids import MarketId
from shared.domain.ledger import Transaction
from shared.domain.order import Fill
from shared.domain.package import Attempt, Leg, Package
from shared.domain.position import Positions


def package_row(package: Package, mode: str, run_id: str) -> dict[str, Any]:
    a, b = package.legs
    return {
        "package_id": package.package_id,
        "run_id": run_id,
        "number": package.number,
        "kind": package.kind,
        "parent_id": package.parent_id,
        "pair_id": package.pair_id,
        "pair_name": package.pair_name,
        "state": package.state.value,
        "polarity": package.polarity,
        "market_a": a.market_id,
        "market_b": b.market_id,
        "outcome_a": a.outcome.value,
        "outcome_b": b.outcome.value,
        "leg_first": package.leg_first,
        "qty_micros": package.qty,
        "qty_max_micros": package.qty_max,
        "entry_edge_micros": package.entry_edge_micros,
        "expected_usd_micros": package.expected_usd,
        "realised_usd_micros": package.realised_usd,
        "breakdown": dict(package.breakdown),
        "versions": dict(package.versions),
        "envelope": envelope_of(package),
        "mode": mode,
        "is_probe": package.is_probe,
        "unhedged_max_usd_micros": package.unhedged_max_usd,
        "unhedged_ms": package.unhedged_ns // 1_000_000,
        "created_wall_ns": package.created_wall_ns,
        "updated_wall_ns": package.updated_wall_ns,
        "ended_wall_ns": package.ended_wall_ns,
        "settle_worst_ns": package.settle_worst_ns,
        "void_reason": package.void_reason,
    }


def envelope_of(package: Package) -> dict[str, Any]:
    """Everything a successor needs to own the package: bounds per leg and budgets used."""
    return {
        "legs": [_leg_bounds(leg) for leg in package.legs],
        "cost_worst_usd": list(package.cost_worst_usd),
        "category": package.category,
        "source": package.source,
        "failed_trades": package.failed_trades,
        "extra_attempts": package.extra_attempts,
        "active_used_ns": package.active_used_ns,
        "finality_used_ns": package.finality_used_ns,
        "paid_legs": {str(leg): paid for leg, paid in sorted(package.paid_legs.items())},
        "payout_cash_usd": package.payout_cash_usd,
        "hedged_wall_ns": package.hedged_wall_ns,
        "carried": list(package.carried),
        "carried_cash_usd": package.carried_cash_usd,
        "coverage_ppm": package.coverage_ppm,
        "hedge_chance_ppm": package.hedge_chance_ppm,
        "is_mirror": package.is_mirror,
        "exited": list(package.exited),
    }


def _leg_bounds(leg: Leg) -> dict[str, Any]:
    return {
        "market_id": leg.market_id,
        "venue": leg.venue.value,
        "outcome": leg.outcome.value,
        "price_limit": leg.price_limit,
        "price_worst": leg.price_worst,
        "touch": leg.touch,
        "shard": leg.shard,
    }


def attempt_row(package: Package, attempt: Attempt) -> dict[str, Any]:
    """One attempt; an unused slot carries the envelope's worst terms of its usual leg."""
    ticket = attempt.ticket
    leg_index = package.leg_first if attempt.purpose.value != "hedge" else 1 - package.leg_first
    leg = package.legs[ticket.leg if ticket else leg_index]
    side = "sell" if ticket is None and attempt.purpose.value == "unwind" else "buy"
    return {
        "attempt_id": attempt.attempt_id,
        "package_id": package.package_id,
        "leg": ticket.leg if ticket else leg_index,
        "purpose": attempt.purpose.value,
        "attempt": attempt.number,
        "venue": ticket.venue.value if ticket else leg.venue.value,
        "market_id": ticket.market_id if ticket else leg.market_id,
        "outcome": (ticket.outcome if ticket else leg.outcome).value,
        "side": ticket.side.value if ticket else side,
        "px_limit_micros": ticket.price_limit if ticket else leg.price_worst,
        "qty_micros": ticket.qty if ticket else package.qty,
        "qty_max_micros": ticket.qty_max if ticket else package.qty_max,
        "budget_usd_micros": ticket.budget_usd if ticket else None,
        "tif": ticket.tif.value if ticket else "ioc",
        "reduce_only": ticket.reduce_only if ticket else False,
        "is_opening": ticket.is_opening if ticket else False,
        "shard": ticket.shard if ticket else leg.shard,
        "state": attempt.state.value,
        "order_id": attempt.order_id or None,
        "order_hash": attempt.order_hash or None,
        "cum_qty_micros": max(attempt.cum_qty, attempt.fills_qty),
        "cost_usd_micros": attempt.cost_usd,
        "touch_px_micros": attempt.touch or None,
        "ts_decided_ns": ticket.decided_wall_ns if ticket else package.created_wall_ns,
        "ts_sent_ns": attempt.sent_wall_ns or None,
        "ts_ack_ns": attempt.ack_wall_ns or None,
        "reason": attempt.reason,
    }


def fill_row(
    fill: Fill,
    package: Package | None,
    attempt: Attempt | None,
    recorded_ns: int,
    *,
    fee_hash: str,
    friction_hash: str,
) -> dict[str, Any]:
    """One execution; the hashes are those of its own market's fees and of the package's plan."""
    slippage: int | None = None
    if attempt is not None and attempt.touch:
        worse = fill.price - attempt.touch
        slippage = worse if fill.side.value == "buy" else -worse
    ticket = attempt.ticket if attempt else None
    return {
        "fill_key": fill.key,
        "venue": fill.venue.value,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "attempt_id": fill.attempt_id,
        "package_id": package.package_id if package else None,
        "pair_id": package.pair_id if package else None,
        "leg": ticket.leg if ticket else None,
        "purpose": attempt.purpose.value if attempt else None,
        "market_id": fill.market_id,
        "outcome": fill.outcome.value,
        "side": fill.side.value,
        "px_micros": fill.price,
        "qty_micros": fill.qty,
        "fee_usd_micros": fill.fee,
        "cost_usd_micros": fill.notional_usd,
        "liquidity": fill.liquidity.value,
        "ts_fill_ns": fill.venue_ts_ns,
        "is_final": fill.is_final,
        "slippage_micros": slippage,
        "ts_recorded_ns": recorded_ns,
        "fee_rev_hash": fee_hash,
        "friction_hash": friction_hash,
    }


def hedge_row(package: Package, mode: str, *, success: bool, at_ns: int) -> dict[str, Any]:
    """What became of the hedge of a package, and the chance that it was given."""
    second = package.legs[1 - package.leg_first]
    return {
        "package_id": package.package_id,
        "mode": mode,
        "venue": second.venue.value,
        "category": package.category,
        "coverage_ppm": package.coverage_ppm,
        "chance_ppm": package.hedge_chance_ppm or None,
        "is_success": success,
        "at_ns": at_ns,
    }


def posting_rows(
    transaction: Transaction, package: Package | None, wall_ns: int
) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "posting_id": f"{transaction.txn_id}#{index}",
            "txn_id": transaction.txn_id,
            "account": posting.account,
            "usd_micros": posting.usd,
            "kind": transaction.kind,
            "ref": transaction.ref,
            "package_id": package.package_id if package else None,
            "wall_ns": wall_ns,
        }
        for index, posting in enumerate(transaction.postings)
    )


def position_row(
    positions: Positions, venue: str, market: MarketId, wall_ns: int
) -> dict[str, Any]:
    yes = positions.of(market, Outcome.YES)
    no = positions.of(market, Outcome.NO)
    return {
        "venue": venue,
        "market_id": market,
        "qty_yes_micros": yes.qty,
        "qty_no_micros": no.qty,
        "avg_px_yes_micros": yes.avg_price_micros,
        "avg_px_no_micros": no.avg_price_micros,
        "updated_wall_ns": wall_ns,
    }


def edge_row(
    pair_id: str,
    quote: EdgeQuote,
    *,
    gate: str,
    leader: str | None,
    hedge_ppm: int,
    versions: dict[str, str],
    wall_ns: int,
) -> dict[str, Any]:
    return {
        "pair_id": pair_id,
        "ts_ns": wall_ns,
        "net_edge_micros": quote.net_per_contract_micros,
        "qty_micros": quote.qty,
        "package": f"{quote.outcome_a.value}_a_{quote.outcome_b.value}_b",
        "leader": leader,
        "signal_conf_ppm": hedge_ppm,
        "fee_rev_hash": versions["fees"],
        "friction_hash": versions["frictions"],
        "breakdown": quote.breakdown(),
        "gate": gate,
        "config_version": int(versions["config"]),
    }
