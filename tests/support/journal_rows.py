"""Rows as the kernel emits them, for tests of the record."""

from __future__ import annotations

from typing import Any

DAY_NS = 86_400_000_000_000


def package_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "package_id": f"paper_sim-1-{number}",
        "run_id": "paper_sim-1",
        "number": number,
        "kind": "normal",
        "parent_id": None,
        "pair_id": "pr_0123456789ab",
        "pair_name": "CPI YoY ≥ 3.0 · Sep 25",
        "state": "planned",
        "polarity": "same",
        "market_a": "kalshi:KXCPI-25SEP-T3.0",
        "market_b": "polymarket:0xabc",
        "outcome_a": "no",
        "outcome_b": "yes",
        "leg_first": 0,
        "qty_micros": 10_000_000,
        "qty_max_micros": 12_000_000,
        "entry_edge_micros": 34_200,
        "expected_usd_micros": 342_000,
        "realised_usd_micros": None,
        "breakdown": {"gross": "7.00", "net": "3.42"},
        "versions": {"config": "1", "fees": "f3a9"},
        "envelope": {"legs": [{"price_worst": 546_000}, {"price_worst": 396_000}]},
        "mode": "paper_sim",
        "is_probe": False,
        "unhedged_max_usd_micros": 0,
        "unhedged_ms": 0,
        "created_wall_ns": 1_000_000_000 * number,
        "updated_wall_ns": 1_000_000_000 * number,
        "ended_wall_ns": None,
        "settle_worst_ns": 5_000_000_000,
        "void_reason": None,
    }
    return row | changes


def attempt_row(number: int = 1, attempt: int = 0, **changes: Any) -> dict[str, Any]:
    row = {
        "attempt_id": f"attempt-{number}-{changes.get('purpose', 'open')}-{attempt}",
        "package_id": f"paper_sim-1-{number}",
        "leg": 0,
        "purpose": "open",
        "attempt": attempt,
        "venue": "kalshi",
        "market_id": "kalshi:KXCPI-25SEP-T3.0",
        "outcome": "no",
        "side": "buy",
        "px_limit_micros": 546_000,
        "qty_micros": 10_000_000,
        "qty_max_micros": 10_000_000,
        "budget_usd_micros": None,
        "tif": "ioc",
        "reduce_only": False,
        "is_opening": True,
        "shard": 0,
        "state": "planned",
        "order_id": None,
        "order_hash": None,
        "cum_qty_micros": 0,
        "cost_usd_micros": 0,
        "touch_px_micros": 540_000,
        "ts_decided_ns": 1_000_000_000,
        "ts_sent_ns": None,
        "ts_ack_ns": None,
        "reason": "",
    }
    return row | changes


def fill_row(key: str = "f1", number: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "fill_key": f"kalshi/{key}/o1",
        "venue": "kalshi",
        "trade_id": key,
        "order_id": "o1",
        "attempt_id": f"attempt-{number}-open-0",
        "package_id": f"paper_sim-1-{number}",
        "pair_id": "pr_0123456789ab",
        "leg": 0,
        "purpose": "open",
        "market_id": "kalshi:KXCPI-25SEP-T3.0",
        "outcome": "no",
        "side": "buy",
        "px_micros": 540_000,
        "qty_micros": 10_000_000,
        "fee_usd_micros": 174_000,
        "cost_usd_micros": 5_400_000,
        "liquidity": "taker",
        "ts_fill_ns": 2_000_000_000,
        "is_final": True,
        "slippage_micros": 0,
        "ts_recorded_ns": 2_100_000_000,
        "fee_rev_hash": "0123456789abcdef",
        "friction_hash": "fedcba9876543210",
    }
    return row | changes


def posting_rows(txn: str = "t1", usd: int = 5_400_000, number: int = 1) -> list[dict[str, Any]]:
    entries = [("cash:kalshi", -usd), ("position:kalshi:KXCPI-25SEP-T3.0:no", usd)]
    return [
        {
            "posting_id": f"{txn}#{index}",
            "txn_id": txn,
            "account": account,
            "usd_micros": amount,
            "kind": "fill",
            "ref": "kalshi/f1/o1",
            "package_id": f"paper_sim-1-{number}",
            "wall_ns": 2_100_000_000,
        }
        for index, (account, amount) in enumerate(entries)
    ]
