"""From the rows of the record back to live packages: believed for intent, never for outcome.

A package that was in flight re-enters as RECOVERING and every id of its envelope is asked
at the venues before anything else (I-13, M-12); held and settling ones re-arm their timers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.enums import Liquidity, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.ids import AttemptId, MarketId, PackageId, PairId
from shared.domain.order import Fill, LegTicket, OrderState
from shared.domain.package import Attempt, Leg, Package
from shared.domain.package_table import PackageEvent, PackageState
from shared.domain.recovered import RecoveredState
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.engine import deadlines, machine, rows
from shared.engine.state import State, Turn

Row = Mapping[str, Any]


def load(state: State, turn: Turn, recovered: RecoveredState) -> None:
    """Take the recovered state over; only a kernel that has seen nothing yet may."""
    assert not state.packages and not state.ledger.balances, "state is loaded once, first"
    state.run_id, state.epoch = recovered.run_id, recovered.epoch
    state.mode = recovered.run_id.rpartition("-")[0]
    state.package_number = recovered.package_number
    state.proven_pairs |= {PairId(pair) for pair in recovered.proven_pairs}
    state.payouts_posted |= recovered.payouts_posted
    state.realised = {key: int(recovered.realised.get(key, 0)) for key in ("day", "week", "month")}
    for halt in recovered.halts:
        state.halts[(halt.scope, halt.reason.value)] = halt
    _load_ledger(state, recovered)
    _load_hedges(state, recovered)
    learned = {row["package_id"] for row in recovered.hedges}
    by_package: dict[str, list[Row]] = {}
    for row in recovered.attempts:
        by_package.setdefault(row["package_id"], []).append(row)
    for row in sorted(recovered.packages, key=lambda r: int(r["number"])):
        package = package_from(row, by_package.get(row["package_id"], []), turn)
        package.is_completion_known = package.package_id in learned
        state.packages[package.package_id] = package
        for attempt in package.attempts.values():
            if attempt.ticket is not None:
                state.attempts[attempt.attempt_id] = package.package_id
            if attempt.order_id:
                state.by_order_id[attempt.order_id] = attempt.attempt_id
    for row in recovered.fills:
        _load_fill(state, fill_from(row))
    _doubt_holders(state)
    _end_parents(state, turn)


def _doubt_holders(state: State) -> None:
    """An order that may live proves that a package held no more, though that row was lost.

    The wire log is durable before the first byte, the row of the state only after it: what
    the record calls hedged was in flight when the process ended (M-12).
    """
    for package in state.live_packages():
        if package.state is PackageState.HEDGED and package.has_unsettled:
            package.state = PackageState.RECOVERING


def _end_parents(state: State, turn: Turn) -> None:
    """A committed REPAIR proves that its parent had ended, though a crash lost that row.

    Reopened, both would work off the same contracts. What the parent realised is what its
    executions made but for those that the repair carries.
    """
    for child in list(state.packages.values()):
        parent = state.packages.get(child.parent_id) if child.parent_id else None
        if child.kind != "repair" or parent is None or parent.is_ended:
            continue
        held = (parent.net(0), parent.net(1))
        carried = child.carried_cash_usd if held == child.carried else 0
        parent.realised_usd = parent.result_usd - carried
        parent.state = PackageState.FLAT if parent.realised_usd else PackageState.ABORTED
        parent.ended_wall_ns = child.created_wall_ns
        turn.write("packages", rows.package_row(parent, state.mode, state.run_id))


def _load_hedges(state: State, recovered: RecoveredState) -> None:
    """Learn from the outcomes of this very mode: paper, demo and real money never mix."""
    for row in recovered.hedges:
        if row["mode"] == state.mode:
            venue, coverage = Venue(row["venue"]), int(row["coverage_ppm"])
            success = bool(row["is_success"])
            state.completion.update(venue, row["category"], coverage, success=success)


def _load_ledger(state: State, recovered: RecoveredState) -> None:
    seen = {f"fill/{row['fill_key']}" for row in recovered.fills}
    seen |= {f"void/{row['fill_key']}" for row in recovered.fills if row.get("state") == "failed"}
    if recovered.balances:
        state.ledger.load(dict(recovered.balances), seen)
    for row in recovered.positions:
        for outcome, column in ((Outcome.YES, "qty_yes_micros"), (Outcome.NO, "qty_no_micros")):
            market = MarketId(row["market_id"])
            cost = recovered.balances.get(f"position:{market}:{outcome.value}", 0)
            state.positions.load(market, outcome, int(row[column]), max(0, int(cost)))


def _load_fill(state: State, fill_and_state: tuple[Fill, str]) -> None:
    fill, fill_state = fill_and_state
    state.fills[fill.key] = fill
    state.fills_by_trade.setdefault(fill.trade_id, []).append(fill.key)
    state.fills_count += 1
    package_id = state.attempts.get(fill.attempt_id) if fill.attempt_id else None
    package = state.packages.get(package_id) if package_id else None
    attempt = package.attempts.get(fill.attempt_id) if package and fill.attempt_id else None
    if attempt is None:
        return
    if fill_state == "failed":
        attempt.voided[fill.key] = fill
    else:
        attempt.fills[fill.key] = fill


def restart(state: State, turn: Turn) -> None:
    """Give RESTART to every live package once the instruments are known."""
    for package in state.live_packages():
        known = all(leg.market_id in state.instruments for leg in package.legs)
        if package.timer_due_ns == 0 and known:
            machine.feed(state, turn, package, PackageEvent.RESTART, "the trader started")
            deadlines.rearm(state, turn, package)


def package_from(row: Row, attempt_rows: list[Row], turn: Turn) -> Package:
    """Rebuild one package; rows of an older build may lack newer keys."""
    envelope = row["envelope"]
    legs = tuple(_leg_from(leg) for leg in envelope["legs"])
    assert len(legs) == 2, row["package_id"]
    package = Package(
        package_id=PackageId(row["package_id"]),
        number=int(row["number"]),
        kind=row["kind"],
        pair_id=PairId(row["pair_id"]),
        pair_name=row["pair_name"],
        polarity=row["polarity"],
        category=envelope.get("category", ""),
        source=envelope.get("source", ""),
        legs=(legs[0], legs[1]),
        leg_first=int(row["leg_first"]),
        qty=QtyMicros(int(row["qty_micros"])),
        qty_max=QtyMicros(int(row["qty_max_micros"])),
        entry_edge_micros=int(row["entry_edge_micros"]),
        expected_usd=UsdMicros(int(row["expected_usd_micros"])),
        cost_worst_usd=(int(envelope["cost_worst_usd"][0]), int(envelope["cost_worst_usd"][1])),
        settle_worst_ns=int(row["settle_worst_ns"]),
        created_wall_ns=int(row["created_wall_ns"]),
        created_mono_ns=turn.mono,
        is_probe=bool(row["is_probe"]),
        breakdown=dict(row["breakdown"]),
        versions=dict(row["versions"]),
        state=PackageState(row["state"]),
        parent_id=PackageId(row["parent_id"]) if row.get("parent_id") else None,
        failed_trades=int(envelope.get("failed_trades", 0)),
        extra_attempts=int(envelope.get("extra_attempts", 0)),
        active_used_ns=int(envelope.get("active_used_ns", 0)),
        finality_used_ns=int(envelope.get("finality_used_ns", 0)),
        paid_legs={int(leg): int(paid) for leg, paid in _paid(envelope)},
        payout_cash_usd=int(envelope.get("payout_cash_usd", 0)),
        hedged_wall_ns=envelope.get("hedged_wall_ns"),
        carried=tuple(envelope.get("carried", (0, 0))),
        carried_cash_usd=int(envelope.get("carried_cash_usd", 0)),
        coverage_ppm=int(envelope.get("coverage_ppm", 0)),
        hedge_chance_ppm=int(envelope.get("hedge_chance_ppm", 0)),
        is_mirror=bool(envelope.get("is_mirror", False)),
        exited=tuple(envelope.get("exited", (0, 0))),
        realised_usd=row.get("realised_usd_micros"),
        ended_wall_ns=row.get("ended_wall_ns"),
        unhedged_max_usd=int(row["unhedged_max_usd_micros"]),
        unhedged_ns=int(row["unhedged_ms"]) * 1_000_000,
        updated_wall_ns=int(row["updated_wall_ns"]),
    )
    order = {purpose: index for index, purpose in enumerate(Purpose)}
    for attempt_row in sorted(
        attempt_rows, key=lambda r: (order[Purpose(r["purpose"])], int(r["attempt"]))
    ):
        attempt = attempt_from(attempt_row)
        package.attempts[attempt.attempt_id] = attempt
    return package


def _paid(envelope: Row) -> Iterable[tuple[Any, Any]]:
    """Rows of an older build listed the paid legs without what they paid: ask again then."""
    paid = envelope.get("paid_legs") or {}
    return paid.items() if isinstance(paid, Mapping) else ()


def _leg_from(data: Row) -> Leg:
    return Leg(
        MarketId(data["market_id"]),
        Venue(data["venue"]),
        Outcome(data["outcome"]),
        PriceMicros(int(data["price_limit"])),
        PriceMicros(int(data["price_worst"])),
        PriceMicros(int(data["touch"])),
        int(data.get("shard", 0)),
    )


def attempt_from(row: Row) -> Attempt:
    """Rebuild one attempt. Everything that was not settled is UNKNOWN now."""
    state = OrderState(row["state"])
    unsettled = (OrderState.SENT, OrderState.HELD, OrderState.RESTING, OrderState.CANCELLING)
    purpose = Purpose(row["purpose"])
    used = state is not OrderState.PLANNED or purpose is Purpose.OPEN
    attempt = Attempt(
        AttemptId(row["attempt_id"]),
        purpose,
        int(row["attempt"]),
        ticket=_ticket_from(row) if used else None,
        state=OrderState.UNKNOWN if state in unsettled else state,
        order_id=row.get("order_id") or "",
        order_hash=row.get("order_hash") or "",
        cum_qty=int(row["cum_qty_micros"]),
        cost_usd=int(row["cost_usd_micros"]),
        touch=int(row.get("touch_px_micros") or 0),
        sent_wall_ns=int(row.get("ts_sent_ns") or 0),
        ack_wall_ns=int(row.get("ts_ack_ns") or 0),
        reason=row.get("reason") or "",
    )
    if purpose is Purpose.OPEN and state is OrderState.PLANNED:
        attempt.state = OrderState.UNKNOWN
    return attempt


def _ticket_from(row: Row) -> LegTicket:
    budget = row.get("budget_usd_micros")
    return LegTicket(
        attempt_id=AttemptId(row["attempt_id"]),
        package_id=PackageId(row["package_id"]),
        leg=int(row["leg"]),
        purpose=Purpose(row["purpose"]),
        attempt=int(row["attempt"]),
        venue=Venue(row["venue"]),
        market_id=MarketId(row["market_id"]),
        outcome=Outcome(row["outcome"]),
        side=Side(row["side"]),
        price_limit=PriceMicros(int(row["px_limit_micros"])),
        qty=QtyMicros(int(row["qty_micros"])),
        qty_max=QtyMicros(int(row["qty_max_micros"])),
        tif=TimeInForce(row["tif"]),
        decided_mono_ns=0,
        decided_wall_ns=int(row["ts_decided_ns"]),
        send_by_mono_ns=0,
        budget_usd=UsdMicros(int(budget)) if budget is not None else None,
        reduce_only=bool(row["reduce_only"]),
        is_opening=bool(row["is_opening"]),
        shard=int(row.get("shard") or 0),
    )


def fill_from(row: Row) -> tuple[Fill, str]:
    fill_state = row.get("state") or ("confirmed" if row["is_final"] else "provisional")
    fill = Fill(
        venue=Venue(row["venue"]),
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        attempt_id=AttemptId(row["attempt_id"]) if row.get("attempt_id") else None,
        market_id=MarketId(row["market_id"]),
        outcome=Outcome(row["outcome"]),
        side=Side(row["side"]),
        price=PriceMicros(int(row["px_micros"])),
        qty=QtyMicros(int(row["qty_micros"])),
        fee=UsdMicros(int(row["fee_usd_micros"])),
        liquidity=Liquidity(row["liquidity"]),
        venue_ts_ns=int(row["ts_fill_ns"]),
        is_final=fill_state == "confirmed",
        cost_usd=UsdMicros(int(row["cost_usd_micros"])),
    )
    return fill, fill_state
