"""What a starting trader reads: one query per key of ``Journal.load_open``."""

from __future__ import annotations

from typing import Final

PAYOUTS_MAX: Final = 50_000
"""Newest settlements whose references are given back; older ones are beyond any re-read."""

_OPEN: Final = "SELECT package_id FROM packages WHERE ended_wall_ns IS NULL"

_REALISED: Final = """
WITH period(period, start_ns) AS (
    SELECT name, (extract(epoch FROM date_trunc(name, now(), 'UTC')) * 1000000000)::bigint
    FROM unnest(ARRAY['day', 'week', 'month']) AS name
)
SELECT period.period, coalesce(sum(realised_usd_micros), 0)::bigint AS usd_micros
FROM period LEFT JOIN packages ON ended_wall_ns >= start_ns
GROUP BY period.period
"""

OPEN_QUERIES: Final = {
    "packages": "SELECT * FROM packages WHERE ended_wall_ns IS NULL ORDER BY number",
    "orders": f"SELECT * FROM orders WHERE package_id IN ({_OPEN})"  # noqa: S608
    " ORDER BY package_id, purpose, attempt",
    "fills": f"SELECT * FROM fills WHERE package_id IN ({_OPEN})"  # noqa: S608
    " ORDER BY ts_fill_ns, fill_key",
    "fill_states": "SELECT s.* FROM fill_states s JOIN fills f USING (fill_key)"  # noqa: S608
    f" WHERE f.package_id IN ({_OPEN}) ORDER BY s.ts_ns",
    "positions": "SELECT * FROM positions ORDER BY venue, market_id",
    "ledger_balances": "SELECT account, sum(usd_micros)::bigint AS usd_micros"
    " FROM ledger_postings GROUP BY account ORDER BY account",
    "realised": _REALISED,
    "package_number": "SELECT coalesce(max(number), 0) AS number FROM packages",
    "payouts": f"SELECT * FROM payouts ORDER BY posted_wall_ns DESC LIMIT {PAYOUTS_MAX}",  # noqa: S608
    "pair_proofs": "SELECT * FROM pair_proofs ORDER BY pair_id",
    "fencing": "SELECT number, holder, versions FROM fencing",
}
"""Key to query; weeks are ISO weeks and every period is UTC."""
