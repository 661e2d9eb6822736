"""Packages against the real-protocol simulators, round-trip times stated: how long they take.

The whole trader trades in its own process over sockets; every figure is read from the
record it wrote: first byte of leg 1, acknowledgement of both legs, and the time between
the fill of leg 1 being known and that of leg 2. *Near* is a round trip of about 12 ms and
an engine of about 8 ms, *far* one of about 85 ms and 15 ms. Loopback adds its own.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.adapters.stores.migrate import migrate
from tests.support.small_edition import SmallEdition, wait_for
from tests.support.trader_record import query

PACKAGES: Final = 24
LIMIT_S: Final = 150.0
CASES: Final = (("near", 20), ("far", 100))
"""(name, milliseconds between a request's arrival and its answer)."""

ORDERS: Final = """
SELECT o.package_id, o.purpose, o.attempt, o.state, o.ts_decided_ns, o.ts_sent_ns, o.ts_ack_ns,
    p.state AS package_state
FROM orders o JOIN packages p USING (package_id)
WHERE o.ts_sent_ns IS NOT NULL AND o.ts_ack_ns IS NOT NULL AND p.kind = 'normal'
ORDER BY o.package_id, o.ts_sent_ns
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one package that hedged with its first hedge."""

    alert_to_order: float
    both_acks: float
    completion: float


def main() -> int:
    missed = 0
    for name, delay_ms in CASES:
        timings = measure(delay_ms)
        missed += report(name, delay_ms, timings)
    return 1 if missed else 0


def measure(delay_ms: int) -> list[Timing]:
    """Trade until enough packages hedged, or the time is up."""
    folder = Path(tempfile.mkdtemp(prefix="tlpk-"))
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    try:
        dsn = server.dsn("postgres")
        migrate(dsn)
        options = ("--kalshi-delay-ms", str(delay_ms), "--polymarket-delay-ms", str(delay_ms))
        with SmallEdition(folder, dsn, mode="venue_sim", simulator_options=options) as edition:
            edition.set_config(min_net_edge_cents="0.5", pairs_max="20")
            edition.start_trader()
            until = time.monotonic() + LIMIT_S
            while time.monotonic() < until and len(timings_of(edition)) < PACKAGES:
                time.sleep(1)
            (edition.state / "stop").write_text("halt")
            wait_for(lambda: not edition.snapshot()["packages"]["open"], 60, "a quiet moment")
            time.sleep(2)
            edition.stop_trader()
            return timings_of(edition)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def timings_of(edition: SmallEdition) -> list[Timing]:
    packages: dict[str, list[dict[str, Any]]] = {}
    for row in query(edition, ORDERS):
        packages.setdefault(row["package_id"], []).append(row)
    found = []
    for rows in packages.values():
        opening = next((r for r in rows if r["purpose"] == "open"), None)
        hedge = next((r for r in rows if r["purpose"] == "hedge"), None)
        if opening is None or hedge is None or not rows[0]["package_state"].startswith("hedged"):
            continue
        found.append(
            Timing(
                alert_to_order=(opening["ts_sent_ns"] - opening["ts_decided_ns"]) / 1e6,
                both_acks=(hedge["ts_ack_ns"] - opening["ts_sent_ns"]) / 1e6,
                completion=(hedge["ts_ack_ns"] - opening["ts_ack_ns"]) / 1e6,
            )
        )
    return found


def report(name: str, delay_ms: int, timings: list[Timing]) -> int:
    """Print one case; returns how many marks it misses (only the near case has marks)."""
    if len(timings) < 5:
        print(f"{name}: only {len(timings)} packages hedged in {LIMIT_S:.0f} s: no figure")
        return 1
    acks = [t.both_acks for t in timings]
    completion = [t.completion for t in timings]
    alert = [t.alert_to_order for t in timings]
    print(
        f"{name} ({delay_ms} ms to an answer), {len(timings)} packages:"
        f" alert to first byte p50 {statistics.median(alert):.1f} p95 {p95(alert):.1f} ms;"
        f" both acks after the first byte p50 {statistics.median(acks):.1f} p95 {p95(acks):.1f} ms;"
        f" hedge completion p50 {statistics.median(completion):.1f} p95 {p95(completion):.1f} ms"
    )
    marks = {
        "alert to order p50 <= 200": statistics.median(alert) <= 200,
        "alert to order p95 <= 350": p95(alert) <= 350,
        "both acks p50 <= 200": statistics.median(acks) <= 200,
        "completion p95 <= 250": p95(completion) <= 250,
    }
    missed = [mark for mark, met in marks.items() if not met]
    for mark in missed:
        print(f"{name}: missed: {mark} ms")
    return len(missed) if name == "near" else 0


def p95(values: Sequence[float]) -> float:
    """Return the nearest-rank 95th percentile."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


if __name__ == "__main__":
    sys.exit(main())
