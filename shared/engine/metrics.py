"""The kernel's numbers for the metrics endpoint: name to value, read only.

Money leaves here as dollars (a float is fine: nothing is decided on a metric).
"""

from __future__ import annotations

from typing import Final

from shared.domain.package_table import PackageState
from shared.domain.units import MICROS
from shared.engine import exposure
from shared.engine.kernel import Kernel
from shared.engine.view import package_counts

HELP: Final = {
    "twinleg_packages": "Packages in memory by group",
    "twinleg_packages_state": "Packages in memory by state of the machine",
    "twinleg_books": "Books by continuity state",
    "twinleg_pairs": "Pairs watched",
    "twinleg_pairs_ready": "Pairs with no failing gate",
    "twinleg_edge_best_cents": "Best net edge over all pairs, cents per contract",
    "twinleg_unhedged_usd": "Dollars at risk without a hedge right now",
    "twinleg_provisional_usd": "Dollars of fills that the chain may still void",
    "twinleg_equity_usd": "Cash + locked value + exit value of the rest",
    "twinleg_realised_day_usd": "Realised today (UTC), fees included",
    "twinleg_ledger_sum_usd": "Sum of all postings; anything but 0 is a bug",
    "twinleg_halts": "Halts in force",
    "twinleg_fills_total": "Fills booked since the record began to be read",
    "twinleg_checks_day": "Full judgements of a pair today",
}


def gauges(kernel: Kernel) -> dict[str, float]:
    """Return every gauge; labelled ones carry their labels in the name, Prometheus style."""
    state = kernel.state
    live = state.live_packages()
    out: dict[str, float] = {
        "twinleg_pairs": len(state.pairs),
        "twinleg_pairs_ready": sum(
            1 for v in state.pairs.values() if not v.gates and v.display is not None
        ),
        "twinleg_unhedged_usd": sum(p.unhedged_usd() for p in live if p.is_naked) / MICROS,
        "twinleg_provisional_usd": sum(p.provisional_usd() for p in live) / MICROS,
        "twinleg_equity_usd": exposure.equity_usd(state) / MICROS,
        "twinleg_realised_day_usd": state.realised.get("day", 0) / MICROS,
        "twinleg_ledger_sum_usd": state.ledger.total() / MICROS,
        "twinleg_halts": len(state.halts),
        "twinleg_fills_total": state.fills_count,
        "twinleg_checks_day": state.checks_today,
    }
    best = [v.best_micros for v in state.pairs.values() if v.best_micros is not None]
    if best:
        out["twinleg_edge_best_cents"] = max(best) / 10_000
    for group, count in package_counts(state).items():
        out[f'twinleg_packages{{group="{group}"}}'] = count
    by_state = dict.fromkeys(PackageState, 0)
    for package in state.packages.values():
        by_state[package.state] += 1
    for name, count in by_state.items():
        out[f'twinleg_packages_state{{state="{name.value}"}}'] = count
    books: dict[str, int] = {}
    for book in state.books.values():
        books[book.state.value] = books.get(book.state.value, 0) + 1
    for name_, count in sorted(books.items()):
        out[f'twinleg_books{{state="{name_}"}}'] = count
    return out
