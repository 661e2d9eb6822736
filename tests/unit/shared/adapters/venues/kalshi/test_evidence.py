"""What proves a fill, what proves its absence, and what never does (FAULTS section 5)."""

from __future__ import annotations

from dataclasses import replace

from shared.adapters.venues.kalshi.evidence import Attempt, AttemptMemory, MarketRecords, judge
from shared.adapters.venues.kalshi.schemas import OrderRow
from shared.domain.enums import Liquidity, Outcome, Side, Venue
from shared.domain.order import EvidenceKind, Fill
from shared.domain.units import NS_PER_S, PriceMicros, UsdMicros
from tests.support.kalshi_world import RATE, contracts, sim_market, ticket

TICKET = ticket(sim_market(RATE, 10**19).instrument, Outcome.YES, Side.BUY, 42, 5, number=7)
SENT = 1_790_000_000 * NS_PER_S
T0 = 500 * NS_PER_S
S = NS_PER_S


def order(status: str, filled: str, client: str = TICKET.attempt_id) -> OrderRow:
    return OrderRow(
        order_id="o1",
        ticker=RATE,
        status=status,
        fill_count_fp=filled,
        remaining_count_fp="0.00",
        client_order_id=client,
    )


def fill(qty: int) -> Fill:
    return Fill(
        venue=Venue.KALSHI,
        trade_id="t1",
        order_id="o1",
        attempt_id=TICKET.attempt_id,
        market_id=TICKET.market_id,
        outcome=Outcome.YES,
        side=Side.BUY,
        price=PriceMicros(420_000),
        qty=contracts(qty),
        fee=UsdMicros(100),
        liquidity=Liquidity.TAKER,
        venue_ts_ns=SENT,
        is_final=True,
    )


def records(
    mono: int,
    *,
    as_of: int = SENT + 60 * S,
    orders: tuple[OrderRow, ...] = (),
    fills: tuple[Fill, ...] = (),
    position: int = 0,
) -> MarketRecords:
    return MarketRecords(as_of, mono, orders, fills, position)


def attempt(closed: int | None = T0) -> Attempt:
    return Attempt(TICKET, SENT, closed)


def test_order_with_all_its_fills_is_filled() -> None:
    read = records(T0, orders=(order("executed", "5.00"),), fills=(fill(5),))
    proof = judge(attempt(), read)
    assert (proof.kind, proof.cum_qty, proof.order_id) == (EvidenceKind.FILLED, contracts(5), "o1")


def test_f020_counts_that_do_not_add_up_are_unproven() -> None:
    for filled, seen in (("5.00", 4), ("4.00", 5), ("0.00", 5)):
        read = records(T0, orders=(order("executed", filled),), fills=(fill(seen),))
        assert judge(attempt(), read).kind is EvidenceKind.UNPROVEN


def test_cancelled_with_nothing_is_absent_and_executed_with_nothing_is_not() -> None:
    assert judge(attempt(), records(T0, orders=(order("canceled", "0.00"),))).kind is (
        EvidenceKind.ABSENT
    )
    assert judge(attempt(), records(T0, orders=(order("executed", "0.00"),))).kind is (
        EvidenceKind.UNPROVEN
    )
    assert judge(attempt(), records(T0, orders=(order("brand_new", "0.00"),))).kind is (
        EvidenceKind.UNPROVEN
    )


def test_resting_order_is_live() -> None:
    read = records(T0, orders=(order("resting", "0.00"),))
    assert judge(attempt(), read).kind is EvidenceKind.LIVE


def test_f016_absence_needs_time_freshness_and_two_reads() -> None:
    one = attempt()
    assert judge(one, records(T0 + 2 * S)).kind is EvidenceKind.UNPROVEN  # closed for 2 s only
    assert one.clean_mono_ns is None
    assert judge(one, records(T0 + 3 * S)).kind is EvidenceKind.UNPROVEN  # first clean read
    early = records(T0 + 3 * S + S // 2)
    assert judge(one, early).kind is EvidenceKind.UNPROVEN  # 0.5 s apart
    assert judge(one, records(T0 + 4 * S)).kind is EvidenceKind.ABSENT


def test_f065_records_older_than_the_send_never_prove_absence() -> None:
    one = attempt()
    for second in range(3, 40):
        stale = records(T0 + second * S, as_of=SENT + S)
        assert judge(one, stale).kind is EvidenceKind.UNPROVEN


def test_moving_position_starts_the_wait_again() -> None:
    one = attempt()
    judge(one, records(T0 + 3 * S, position=0))
    moved = records(T0 + 5 * S, position=1_000_000)
    assert judge(one, moved).kind is EvidenceKind.UNPROVEN
    assert judge(one, records(T0 + 7 * S, position=1_000_000)).kind is EvidenceKind.ABSENT


def test_m10_request_in_flight_is_never_absent() -> None:
    one = attempt(closed=None)
    for second in range(3, 40):
        assert judge(one, records(T0 + second * S)).kind is EvidenceKind.UNPROVEN


def test_fill_without_its_order_is_unproven() -> None:
    one = attempt()
    for second in (3, 5, 7):
        read = records(T0 + second * S, fills=(fill(5),))
        assert judge(one, read).kind is EvidenceKind.UNPROVEN


def test_f023_two_executions_under_one_id_both_count() -> None:
    twin = replace(fill(5), order_id="o2", trade_id="t2")
    second = OrderRow("o2", RATE, "executed", "5.00", "0.00", TICKET.attempt_id)
    read = records(T0, orders=(order("executed", "5.00"), second), fills=(fill(5), twin))
    assert judge(attempt(), read).cum_qty == contracts(10)


def test_attempt_of_an_earlier_process_is_as_old_as_our_start() -> None:
    memory = AttemptMemory(TICKET.decided_wall_ns + S, T0)
    old = memory.recall(TICKET, T0 + 10 * S)
    assert old.closed_mono_ns == T0 and old.sent_wall_ns == TICKET.decided_wall_ns + S
    young = AttemptMemory(TICKET.decided_wall_ns - S, T0).recall(TICKET, T0 + 10 * S)
    assert young.closed_mono_ns == T0 + 10 * S


def test_fill_is_told_in_terms_of_its_ticket() -> None:
    memory = AttemptMemory(0, 0)
    memory.sending(replace(TICKET, side=Side.SELL), SENT)
    bought_no = replace(fill(2), outcome=Outcome.NO, price=PriceMicros(580_000))
    told = memory.in_ticket_terms(bought_no)
    assert (told.outcome, told.side, told.price) == (Outcome.YES, Side.SELL, 420_000)
    foreign = replace(bought_no, attempt_id=None)
    assert memory.in_ticket_terms(foreign) is foreign


def test_memory_is_bounded() -> None:
    memory = AttemptMemory(0, 0)
    for number in range(25_000):
        memory.link(f"o{number}", "a")
    assert memory.attempt_of("o0") is None and memory.attempt_of("o24999") == "a"
