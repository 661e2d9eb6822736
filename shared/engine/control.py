"""Control events: configuration, pairs, halts, lease, operator verbs, and the passing second."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

from shared.domain.enums import HaltReason, Lift, lift_of
from shared.domain.events import (
    ConfigChanged,
    HaltTaken,
    JournalHealth,
    LeaseSeen,
    PairProven,
    PairsChanged,
    StateLoaded,
)
from shared.domain.frictions import FrictionPack
from shared.domain.ids import MarketId, PackageId, PairId
from shared.domain.package import Package
from shared.domain.package_table import PackageEvent, PackageState
from shared.domain.units import MICROS, NS_PER_S
from shared.engine import (
    costs,
    execution,
    exits,
    exposure,
    feeds,
    halts,
    machine,
    maker,
    plans,
    recovery,
    scanner,
    settlement,
)
from shared.engine.exposure import DAY_NS
from shared.engine.state import PairView, State, Turn

PE = PackageEvent
ADVERSE_MICROS: Final = 15_000
ADVERSE_NS: Final = 5 * NS_PER_S
THIN_NS: Final = 2 * NS_PER_S
_STOPS: Final = (
    ("day", HaltReason.STOP_DAY, "stop_day_ppm"),
    ("week", HaltReason.STOP_WEEK, "stop_week_ppm"),
    ("month", HaltReason.STOP_MONTH, "stop_month_ppm"),
)


def on_loaded(state: State, turn: Turn, event: StateLoaded) -> None:
    recovery.load(state, turn, event.recovered)
    if not event.recovered.is_clean_start:
        halts.raise_halt(state, turn, halts.GLOBAL, HaltReason.CRASH_LOOP, note="5 exits in 10 min")
    turn.decide(
        state,
        "start",
        state.run_id,
        "loaded",
        "the record was read; the venues are asked next",
        params={"packages": str(len(state.live_packages()))},
    )


def on_config(state: State, turn: Turn, event: ConfigChanged) -> None:
    before = state.config.version if state.is_config_known else 0
    state.config = event.config
    state.is_config_known = True
    state.frictions = FrictionPack.from_config(event.config)
    turn.decide(
        state,
        "config",
        "config",
        "active",
        f"version {event.config.version}",
        params={"before": str(before), "after": str(event.config.version)},
    )


def on_pairs(state: State, turn: Turn, event: PairsChanged) -> None:
    """Replace the set of pairs; live views keep their history, open packages their markets."""
    repriced = [i.market_id for i in event.instruments if costs.take(state, turn, i)]
    views: dict[PairId, PairView] = {}
    for pair in event.pairs:
        view = state.pairs.get(pair.pair_id) or PairView(pair)
        view.pair = pair
        views[pair.pair_id] = view
    gone = len(state.pairs.keys() - views.keys())
    new = len(views.keys() - state.pairs.keys())
    state.pairs = views
    index: dict[MarketId, tuple[PairId, ...]] = {}
    for view in views.values():
        for market in (view.pair.a, view.pair.b):
            index[market] = (*index.get(market, ()), view.pair.pair_id)
    state.pairs_of = index
    _forget_markets(state)
    recovery.restart(state, turn)
    exits.on_restart(state, turn)
    if new or gone:
        params = {"new": str(new), "gone": str(gone), "all": str(len(views))}
        turn.decide(state, "pairs", "pairs", "changed", "the pair set changed", params=params)
    for market in repriced:
        scanner.rejudge(state, turn, market)


def _forget_markets(state: State) -> None:
    """Bound the memory: books of markets that neither a pair nor a package names are dropped."""
    wanted = set(state.pairs_of)
    for package in state.packages.values():
        wanted |= {leg.market_id for leg in package.legs}
    for market in [m for m in state.books if m not in wanted]:
        del state.books[market]
    held = set(state.positions.markets())
    for market in [m for m in state.instruments if m not in wanted | held]:
        del state.instruments[market]
    for market in [m for m in state.resolved if m not in wanted | held]:
        del state.resolved[market]


def on_halt(state: State, turn: Turn, event: HaltTaken) -> None:
    if not halts.take(state, turn, event.halt):
        return
    kind = PE.KILL if event.halt.is_freeze else PE.PAUSE
    for package in state.live_packages():
        if event.halt.is_freeze or _covers(event.halt.scope, state, package):
            machine.offer(state, turn, package, kind, event.halt.reason.value)
    if state.config.flag_maker_taker:
        maker.mind(state, turn)  # what rests would still open


def _covers(scope: str, state: State, package: Package) -> bool:
    names = {halts.GLOBAL, f"pair:{package.pair_id}", f"category:{package.category}"}
    for leg in package.legs:
        names |= {f"venue:{leg.venue.value}", f"market:{leg.market_id}"}
    view = state.pairs.get(package.pair_id)
    if view is not None:
        names.add(f"series:{view.pair.series_id}")
    return scope in names


def on_lease(state: State, turn: Turn, event: LeaseSeen) -> None:
    had = state.lease_until_ns > turn.mono
    state.lease_until_ns = event.until_mono_ns
    state.epoch = max(state.epoch, event.epoch)
    has = event.until_mono_ns > turn.mono
    if had and not has:
        for package in state.live_packages():
            machine.offer(state, turn, package, PE.LEASE_LOST, "the trading lease was lost")
    if had != has:
        verdict = "held" if has else "lost"
        turn.decide(state, "lease", str(event.epoch), verdict, "", severity=None if has else "p1")


def on_journal(state: State, turn: Turn, event: JournalHealth) -> None:
    if state.is_journal_up != event.is_up:
        state.is_journal_up = event.is_up
        verdict = "up" if event.is_up else "down"
        turn.decide(
            state, "journal", "postgres", verdict, "", severity=None if event.is_up else "p2"
        )


def on_proven(state: State, turn: Turn, event: PairProven) -> None:
    state.proven_pairs.add(event.pair_id)


def on_recovered(state: State, turn: Turn) -> None:
    state.is_recovered = True
    turn.decide(
        state, "start", state.run_id, "recovered", "both venues were read; trading may begin"
    )


def on_timer(state: State, turn: Turn, timer_id: str) -> None:
    kind, _, name = timer_id.partition(":")
    package = state.packages.get(PackageId(name))
    if package is None:
        return
    if kind == "pkg":
        machine.on_timer(state, turn, package)
    elif kind == "ev":
        machine.on_evidence_timer(state, turn, package)


def on_second(state: State, turn: Turn) -> None:
    """Everything that time alone changes: staleness, budgets, stops, and the full judgement."""
    equity = exposure.equity_usd(state)
    _roll_periods(state, turn, equity)
    for view in state.venues.values():
        view.breaker.tick(turn.mono)
        feeds.judge_feed(state, turn, view.venue)
    execution.check_orphans(state, turn)
    settlement.look_again(state, turn)
    _check_adverse(state, turn)
    _check_stops(state, turn, equity)
    if state.config.flag_maker_taker:
        maker.mind(state, turn)
    exits.on_second(state, turn)
    scanner.on_second(state, turn)
    # Monotone over restarts too: a browser compares it with the number it last saw.
    state.snapshot_seq = max(state.snapshot_seq + 1, turn.wall // NS_PER_S)


def _roll_periods(state: State, turn: Turn, equity: int) -> None:
    names = _period_names(turn.wall // DAY_NS)
    has_accounts = any(v.account is not None for v in state.venues.values())
    for key, name in names:
        if not has_accounts or (state.period.get(key) == name and key in state.equity_base):
            continue
        is_new = state.period.get(key) not in (None, name)
        state.period[key] = name
        if is_new:
            state.realised[key] = 0
            if key == "day":
                state.checks_today = state.near_misses_today = 0
        state.realised.setdefault(key, 0)
        state.equity_base[key] = equity - state.realised[key]


def _check_stops(state: State, turn: Turn, equity: int) -> None:
    """Loss stops on equity: cash, locked value and conservative exit value (section 8)."""
    if not state.equity_base or len({v.venue for v in state.venues.values() if v.account}) < 2:
        return
    for key, reason, field in _STOPS:
        base = state.equity_base.get(key, 0)
        if base <= 0:
            continue
        limit = base * int(getattr(state.config, field)) // MICROS
        key_halt = (halts.GLOBAL, reason.value)
        if base - equity >= limit and key_halt not in state.halts:
            halts.raise_halt(
                state,
                turn,
                halts.GLOBAL,
                reason,
                note=f"equity fell by {base - equity} micro-dollars",
            )
        elif (
            key_halt in state.halts and lift_of(reason) is Lift.AUTO and base - equity < limit // 2
        ):
            since = state.halts[key_halt].since_wall_ns
            if state.period[key] != _period_of(key, since):
                halts.lift(state, turn, *key_halt, actor="kernel", note="a new period began")


def _period_of(key: str, wall_ns: int) -> str:
    return dict(_period_names(wall_ns // DAY_NS))[key]


@lru_cache(maxsize=8)
def _period_names(day_number: int) -> tuple[tuple[str, str], ...]:
    """Return the names of the UTC day, week and month that a day since 1970 lies in."""
    then = dt.datetime.fromtimestamp(day_number * DAY_NS // NS_PER_S, tz=dt.UTC)
    year, week, _ = then.isocalendar()
    return (
        ("day", then.strftime("%Y-%m-%d")),
        ("week", f"{year}-{week}"),
        ("month", then.strftime("%Y-%m")),
    )


def _check_adverse(state: State, turn: Turn) -> None:
    """Auto-unwind triggers: 1.5 c against the unhedged quantity for 5 s, or no depth for 2 s.

    From then on every loss inside the envelope's bound is taken, whatever the age.
    """
    for package in state.live_packages():
        if package.state not in (PackageState.RETRY_WAIT, PackageState.UNWIND_WAIT):
            continue
        surplus = package.legs[0 if package.residual > 0 else 1]
        book = state.books.get(surplus.market_id)
        levels = book.sell_levels(surplus.outcome) if book else []
        moved = bool(levels) and levels[0][0] <= surplus.touch - ADVERSE_MICROS
        package.adverse_since_ns = _since(turn, package.adverse_since_ns, moved)
        package.thin_since_ns = _since(turn, package.thin_since_ns, _is_thin(state, package))
        for since, patience, why in (
            (package.adverse_since_ns, ADVERSE_NS, "1.5 c adverse for 5 s"),
            (package.thin_since_ns, THIN_NS, "exit depth inside the bound gone for 2 s"),
        ):
            if since is not None and turn.mono - since >= patience and not package.is_adverse:
                package.is_adverse = True
                machine.offer(state, turn, package, PE.ADVERSE, why)


def _since(turn: Turn, since_ns: int | None, holds: bool) -> int | None:
    return (turn.mono if since_ns is None else since_ns) if holds else None


def _is_thin(state: State, package: Package) -> bool:
    """Whether the book no longer takes the whole unhedged quantity inside the loss bound."""
    surplus = 0 if package.residual > 0 else 1
    size = abs(package.residual)
    plan = plans.unwind(state, package, surplus, size)
    if plan is None:
        return True
    loss = plans.average_cost(package, surplus) - plan.value_per_contract
    return plan.qty < size or loss > exposure.LOSS_MAX_PER_CONTRACT
