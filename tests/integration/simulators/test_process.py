"""The simulators as a process: start, both venues over their wire, restart, refusal in words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.adapters.venues.polymarket.account import PolymarketAccount
from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
from shared.adapters.venues.polymarket.execution import PolymarketExecution
from shared.domain.enums import Outcome, Purpose, RunMode, Side, TimeInForce
from shared.domain.ids import MarketId, derive_attempt_id, derive_package_id, derive_run_id
from shared.domain.instrument import Instrument
from shared.domain.order import Acked, Evidence, EvidenceKind, LegTicket
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.ports.clock import Clock
from shared.ports.venue import Account, Execution
from tests.support.exchanges import SECOND
from tests.support.kalshi_world import SystemTime
from tests.support.simulators_process import Simulators

PACKAGE = derive_package_id(derive_run_id(RunMode.VENUE_SIM, 1), 1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Simulators]]:
    started: list[Simulators] = []

    def make(*more: str, ports: tuple[int, int] = (0, 0)) -> Simulators:
        made = Simulators(tmp_path / "sim", *more, ports=ports)
        started.append(made)
        return made

    yield make
    for simulators in started:
        if simulators.process.poll() is None:
            simulators.kill()


def ticket(instrument: Instrument, budget: int | None) -> LegTicket:
    """A small marketable buy of YES."""
    return LegTicket(
        attempt_id=derive_attempt_id(PACKAGE, 0, Purpose.OPEN, 0 if budget is None else 1),
        package_id=PACKAGE,
        leg=0,
        purpose=Purpose.OPEN,
        attempt=0,
        venue=instrument.venue,
        market_id=instrument.market_id,
        outcome=Outcome.YES,
        side=Side.BUY,
        price_limit=PriceMicros(990_000),
        qty=QtyMicros(5_000_000),
        qty_max=QtyMicros(500_000_000),
        tif=TimeInForce.IOC,
        decided_mono_ns=0,
        decided_wall_ns=time.time_ns(),
        send_by_mono_ns=0,
        budget_usd=None if budget is None else UsdMicros(budget),
        shard=instrument.shard,
    )


async def trade(execution: Execution, account: Account, order: LegTicket, market: Instrument):  # type: ignore[no-untyped-def]
    """Send one order; return (acknowledgement, cash afterwards)."""
    outcome = await execution.send(execution.encode(order, market), lambda: None)
    assert isinstance(outcome, Acked) and outcome.cum_qty > 0, outcome
    return outcome, (await account.fetch_snapshot()).cash


def pick(instruments: list[Instrument], now_ns: int) -> Instrument:
    """Return a market that stays open long enough, on the default shard."""
    later = [i for i in instruments if i.close_ns > now_ns + 600 * SECOND and i.shard == 0]
    return max(later, key=lambda i: (i.close_ns, i.market_id))


async def proven(execution: Execution, order: LegTicket) -> Evidence:
    for _ in range(50):
        (found,) = await execution.find_evidence([order])
        if found.kind is not EvidenceKind.UNPROVEN:
            return found
        await asyncio.sleep(0.2)
    raise AssertionError("nothing was proven in ten seconds")


async def test_orders_and_cash_of_both_venues_survive_kill_minus_nine(
    start: Callable[..., Simulators],
) -> None:
    clock: Clock = SystemTime()
    simulators = start()
    assert simulators.world()["markets"]["kalshi"] >= 40
    kalshi = simulators.connect_kalshi(clock)
    known: dict[MarketId, Instrument] = {}
    catalogue = PolymarketCatalogue(simulators.hosts(), clock)
    k_list = [m.instrument async for m in kalshi.catalogue.list_markets()]
    p_list = [m.instrument async for m in catalogue.list_markets()]
    await catalogue.aclose()
    known |= {i.market_id: i for i in (*k_list, *p_list)}
    assert len(k_list) >= 40 and len(p_list) >= 40
    assert all(i.tradeable for i in known.values())

    k_market, p_market = pick(k_list, clock.wall_ns()), pick(p_list, clock.wall_ns())
    k_order, p_order = ticket(k_market, None), ticket(p_market, 5_000_000)
    execution = PolymarketExecution(simulators.hosts(), simulators.credentials(), clock, known.get)
    account = PolymarketAccount(simulators.hosts(), simulators.credentials(), clock, known.get)
    k_ack, k_cash = await trade(kalshi.execution, kalshi.account, k_order, k_market)
    p_ack, p_cash = await trade(execution, account, p_order, p_market)
    await asyncio.gather(kalshi.close(), execution.aclose(), account.aclose())
    assert 4_000 * 10**6 < k_cash < 5_000 * 10**6 and 4_000 * 10**6 < p_cash < 5_000 * 10**6

    ports = simulators.ports
    simulators.kill()
    again = start(ports=ports)
    kalshi = again.connect_kalshi(clock)
    execution = PolymarketExecution(again.hosts(), again.credentials(), clock, known.get)
    account = PolymarketAccount(again.hosts(), again.credentials(), clock, known.get)
    assert (await kalshi.account.fetch_snapshot()).cash == k_cash
    assert (await account.fetch_snapshot()).cash == p_cash
    for adapter, order, ack in (
        (kalshi.execution, k_order, k_ack),
        (execution, p_order, p_ack),
    ):
        found = await proven(adapter, order)
        assert (found.kind, found.cum_qty) == (EvidenceKind.FILLED, ack.cum_qty)
    await asyncio.gather(kalshi.close(), execution.aclose(), account.aclose())
    assert again.stop() == 0


def test_it_stops_gracefully_and_says_its_assumptions(start: Callable[..., Simulators]) -> None:
    simulators = start("--seed", "5")
    world = simulators.world()
    assert world["seed"] == 5 and world["source"] == "dynamics" and world["assumptions"]
    assert simulators.stop() == 0


def test_a_port_in_use_is_refused_in_a_sentence(start: Callable[..., Simulators]) -> None:
    simulators = start()
    with pytest.raises(RuntimeError, match=f"cannot listen on port {simulators.ports[0]}"):
        start(ports=simulators.ports)


def test_wrong_recordings_are_refused_in_a_sentence(
    start: Callable[..., Simulators], tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="not a folder of recordings"):
        start("--source", "recordings", "--recordings", str(tmp_path))
