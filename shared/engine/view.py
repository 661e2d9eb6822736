"""The kernel's state as the dashboard's live snapshot: reads only, decides nothing.

Shape of ``contracts/api_v1.LiveSnapshot``. Unknown is None, never zero; money is integer
micros or exact text. Rows are sorted by net edge, so that the first page is the useful one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.contracts import gates
from shared.domain.completion import Completion
from shared.domain.enums import GateCode, Purpose, RunMode, VenueState, lift_of
from shared.domain.ids import venue_of
from shared.domain.leadlag import Leader
from shared.domain.package_table import STATUS_GROUPS, PackageState
from shared.domain.units import MICROS, NS_PER_MS, format_micros
from shared.engine import exposure
from shared.engine.gates import LEASE_OPEN_NS
from shared.engine.kernel import Kernel
from shared.engine.preview import flatten_preview
from shared.engine.state import PairView, State, VenueView

_COLUMNS = (
    "pair_id name venue_a venue_b buy_a buy_b first net_micros qty_micros profit_micros annual_ppm"
    " lock_days hedge_ppm hedge_low_ppm lead age_ms status gates params spark_micros categories"
    " removed"
).split()


HedgeBound = Callable[[tuple[int, int]], int]
"""The 5 % bound (ppm) of a posterior; floating point, so computed outside the kernel."""


def live_snapshot(
    kernel: Kernel, now_mono_ns: int, now_wall_ns: int, hedge_bound: HedgeBound | None = None
) -> dict[str, Any]:
    """Return the whole snapshot; the caller compresses and stores it.

    Args:
        kernel: Read only.
        now_mono_ns: Monotonic time of the driver, for ages of books and frames.
        now_wall_ns: Wall time written as ``as_of_ns``.
        hedge_bound: How the 5 % bound of a hedge chance is found; None leaves it out.
    """
    state = kernel.state
    mode = RunMode(state.mode) if state.mode else RunMode.PAPER_SIM
    live = state.live_packages()
    unhedged = sum(p.unhedged_usd() for p in live if p.is_naked)
    free = _capital_free(state)
    return {
        "seq": state.snapshot_seq,
        "as_of_ns": now_wall_ns,
        "is_delta": False,
        "mode": mode.value,
        "badge": mode.badge,
        "is_trading": is_trading(state, now_mono_ns),
        "trader_age_ms": 0,
        "lease_epoch": state.epoch,
        "config_version": state.config.version,
        "min_net_edge_micros": state.config.min_net_edge_micros,
        "venues": [_venue_row(state, view, now_mono_ns) for view in _venues(state)],
        "halts": [
            {
                "scope": halt.scope,
                "reason": halt.reason.value,
                "actor": halt.actor,
                "since_ns": halt.since_wall_ns,
                "lift": lift_of(halt.reason).value,
                "is_freeze": halt.is_freeze,
                "note": halt.note,
            }
            for halt in state.halts.values()
        ],
        "packages": package_counts(state),
        "open_packages": [
            {
                "package_id": p.package_id,
                "number": p.number,
                "name": p.pair_name,
                "state": p.state.value,
                "unhedged_micros": p.unhedged_usd() if p.is_naked else 0,
                "since_ns": p.created_wall_ns,
                "flatten": flatten_preview(state, p) if p.state in STATUS_GROUPS["stuck"] else None,
            }
            for p in live
            if p.is_naked or p.state is PackageState.HEDGED_PROV
        ],
        "unhedged_micros": unhedged,
        "realised_today_micros": state.realised.get("day", 0),
        "expected_locked_micros": sum(
            p.expected_usd for p in live if p.state in STATUS_GROUPS["hedged"]
        ),
        "capital_free_micros": free,
        "ledger_sum": format_micros(state.ledger.total()),
        "checks_today": state.checks_today,
        "near_misses_today": state.near_misses_today,
        "fills_seq": state.fills_count,
        "edges": _edges(state, now_mono_ns, hedge_bound),
        "hedge_prior": Completion.prior_text(),
    }


def is_trading(state: State, now_mono_ns: int) -> bool:
    """Whether a package could be opened if an edge appeared: no global stop of any kind."""
    stopped = any(halt.scope == "global" for halt in state.halts.values())
    leased = state.lease_until_ns - now_mono_ns >= LEASE_OPEN_NS
    return state.is_recovered and state.config.flag_trade and leased and not stopped


def package_counts(state: State) -> dict[str, int]:
    """Return the counts of ``twinleg status`` for the packages in memory."""
    counts = {"open": 0, "hedged": 0, "flat": 0, "stuck": 0}
    for package in state.packages.values():
        if package.state is PackageState.ABORTED:
            continue
        group = next((g for g, states in STATUS_GROUPS.items() if package.state in states), "open")
        counts[group] += 1
    return counts


def _capital_free(state: State) -> int:
    total = 0
    usage = exposure.Usage()
    for package in state.live_packages():
        for index, leg in enumerate(package.legs):
            if package.is_naked:
                held = usage.reserved.get(leg.venue, 0)
                usage.reserved[leg.venue] = held + package.cost_worst_usd[index]
    for view in state.venues.values():
        free = exposure.cash_free_usd(state, usage, view.venue)
        total += max(0, free or 0)
    return total


def _venues(state: State) -> list[VenueView]:
    return sorted(state.venues.values(), key=lambda view: view.venue.value)


def _venue_row(state: State, view: VenueView, now_mono_ns: int) -> dict[str, Any]:
    halts = state.halts_on(f"venue:{view.venue.value}")
    latencies = sorted(view.latencies_ns)
    return {
        "name": view.venue.value,
        "state": venue_state(state, view).value,
        "frame_age_ms": _frame_age_ms(view, now_mono_ns),
        "latency_ms_p50": _percentile_ms(latencies, 50),
        "latency_ms_p95": _percentile_ms(latencies, 95),
        "error_rate_pct": view.breaker.error_rate_pct,
        "cash_free": format_micros(view.account.cash) if view.account else None,
        "halted_reason": halts[0].reason.value if halts else None,
    }


def venue_state(state: State, view: VenueView) -> VenueState:
    if state.halts_on(f"venue:{view.venue.value}"):
        return VenueState.HALTED
    if view.feed is None or not view.feed.is_connected:
        return VenueState.DOWN
    return VenueState.STALE if view.healthy_since_ns == 0 else VenueState.LIVE


def _frame_age_ms(view: VenueView, now_mono_ns: int) -> int | None:
    if view.feed is None:
        return None
    since = max(0, now_mono_ns - view.feed_seen_mono_ns)
    return (view.feed.last_frame_age_ns + since) // NS_PER_MS


def _percentile_ms(ordered: list[int], percent: int) -> float | None:
    """Return the nearest-rank percentile in milliseconds (a statistic, so a float)."""
    if not ordered:
        return None
    rank = max(0, -(-len(ordered) * percent // 100) - 1)
    return round(ordered[rank] / NS_PER_MS, 1)


def _edges(state: State, now_mono_ns: int, hedge_bound: HedgeBound | None) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    ordered = sorted(
        state.pairs.values(),
        key=lambda v: (v.best_micros is None, -(v.best_micros or 0), v.pair.pair_id),
    )
    for view in ordered:
        for name, value in _edge_row(state, view, now_mono_ns, hedge_bound).items():
            columns[name].append(value)
    return columns


def _edge_row(
    state: State, view: PairView, now_mono_ns: int, hedge_bound: HedgeBound | None
) -> dict[str, Any]:
    pair, quote = view.pair, view.display
    venue_a, venue_b = venue_of(pair.a), venue_of(pair.b)
    status, params = _status(state, view)
    first = None
    if quote is not None:
        leader = view.lead.verdict.leader
        first = leader.value if leader in (Leader.A, Leader.B) else "b"
    a, b = state.instruments.get(pair.a), state.instruments.get(pair.b)
    worst = max(a.settle_worst_ns, b.settle_worst_ns) if a and b else 0
    return {
        "pair_id": pair.pair_id,
        "name": pair.name,
        "venue_a": venue_a.value,
        "venue_b": venue_b.value,
        "buy_a": quote.outcome_a.value if quote else None,
        "buy_b": quote.outcome_b.value if quote else None,
        "first": first,
        "net_micros": quote.net_per_contract_micros if quote else None,
        "qty_micros": quote.qty if quote else None,
        "profit_micros": quote.net_usd if quote else None,
        "annual_ppm": quote.annual_ppm if quote else None,
        "lock_days": exposure.lock_days(worst, state.wall_ns) if worst else None,
        "hedge_ppm": view.hedge_ppm,
        "hedge_low_ppm": _hedge_low_ppm(view, hedge_bound),
        "lead": view.lead.verdict.label(venue_a.letter, venue_b.letter),
        "age_ms": _age_ms(state, view, now_mono_ns),
        "status": status,
        "gates": [code.value for code, _ in view.gates],
        "params": params,
        "spark_micros": list(view.spark),
        "categories": pair.category,
    }


def _hedge_low_ppm(view: PairView, hedge_bound: HedgeBound | None) -> int | None:
    """Return the 5 % bound of the chance, with the very discounts of its mean."""
    if hedge_bound is None or view.hedge_ppm is None or view.hedge_beta is None:
        return None
    alpha, beta = view.hedge_beta
    assert alpha >= 0 and beta >= 0 and alpha + beta > 0
    mean = max(1, alpha * MICROS // (alpha + beta))
    return min(view.hedge_ppm, hedge_bound(view.hedge_beta) * view.hedge_ppm // mean)


def _status(state: State, view: PairView) -> tuple[str, dict[str, str]]:
    buying = any(p.pair_id == view.pair.pair_id and p.is_naked for p in state.live_packages())
    if buying:
        return "buying", {"step": _step(state, view)}
    if not view.gates:
        return "ready", {}
    code: GateCode = view.gates[0][0]
    return code.value, gates.display(code, view.gates[0][1])


def _step(state: State, view: PairView) -> str:
    """Return which leg a buying package is at, in the words of the screen."""
    for package in state.live_packages():
        if package.pair_id == view.pair.pair_id and package.is_naked:
            second = any(
                a.ticket is not None and a.purpose is not Purpose.OPEN
                for a in package.attempts.values()
            )
            return "leg 2 of 2" if second else "leg 1 of 2"
    return ""


def _age_ms(state: State, view: PairView, now_mono_ns: int) -> int | None:
    ages = []
    for market in (view.pair.a, view.pair.b):
        book = state.books.get(market)
        if book is None or book.proved_mono_ns < 0:
            return None
        ages.append(max(0, now_mono_ns - book.proved_mono_ns) // NS_PER_MS)
    return max(ages)
