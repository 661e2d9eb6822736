"""What a starting trader reads: one query per key of ``Journal.load_open``."""

from __future__ import annotations

from typing import Final

PAYOUTS_MAX: Final = 50_000
"""Newest settlements whose references are given back; older ones are beyond any re-read."""

HEDGES_MAX: Final = 20_000
"""Newest outcomes of hedges that the completion probability starts from, of all modes."""

LATE_S: Final = 3_600
"""Packages that ended this recently are given back too: a late fill must find its package."""
FILLS_S: Final = 48 * 3_600
"""Fills of this age are given back whatever their package, so that a re-read posts none twice."""

_NOW: Final = "(extract(epoch FROM now()) * 1000000000)::bigint"
_WANTED: Final = (
    "(ended_wall_ns IS NULL OR (void_reason IS NULL"
    f" AND ended_wall_ns > {_NOW} - {LATE_S}000000000))"
)
_OPEN: Final = f"SELECT package_id FROM packages WHERE {_WANTED}"  # noqa: S608
_RECENT: Final = f"ts_recorded_ns > {_NOW} - {FILLS_S}000000000"

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
    "packages": f"SELECT * FROM packages WHERE {_WANTED} ORDER BY number",  # noqa: S608
    "orders": f"SELECT * FROM orders WHERE package_id IN ({_OPEN})"  # noqa: S608
    " ORDER BY package_id, purpose, attempt",
    "fills": f"SELECT * FROM fills WHERE package_id IN ({_OPEN}) OR {_RECENT}"  # noqa: S608
    " ORDER BY ts_fill_ns, fill_key",
    "fill_states": "SELECT s.* FROM fill_states s JOIN fills f USING (fill_key)"  # noqa: S608
    f" WHERE f.package_id IN ({_OPEN}) OR f.{_RECENT} ORDER BY s.ts_ns",
    "positions": "SELECT * FROM positions ORDER BY venue, market_id",
    "ledger_balances": "SELECT account, sum(usd_micros)::bigint AS usd_micros"
    " FROM ledger_postings GROUP BY account ORDER BY account",
    "realised": _REALISED,
    "package_number": "SELECT coalesce(max(number), 0) AS number FROM packages",
    "payouts": f"SELECT * FROM payouts ORDER BY posted_wall_ns DESC LIMIT {PAYOUTS_MAX}",  # noqa: S608
    "pair_proofs": "SELECT * FROM pair_proofs ORDER BY pair_id",
    "hedge_outcomes": f"SELECT * FROM hedge_outcomes ORDER BY at_ns DESC LIMIT {HEDGES_MAX}",  # noqa: S608
    "fencing": "SELECT number, holder, versions FROM fencing",
}
"""Key to query; weeks are ISO weeks and every period is UTC."""
