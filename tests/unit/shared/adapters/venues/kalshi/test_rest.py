"""The REST client: paging, rate limits, and what a read raises."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from shared.adapters.venues.kalshi.account import read_balance, read_payout
from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.kalshi.schemas import (
    BalanceReply,
    OrdersPage,
    SettlementRow,
    ShardBalance,
)
from shared.domain.enums import VenueSet
from shared.domain.errors import ConfigError, StoreError, WireError
from tests.support.virtual_clock import VirtualClock
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply


async def test_i23_reads_wait_for_tokens_instead_of_earning_a_429() -> None:
    clock = VirtualClock()
    canned = Canned(lambda _: reply(200, {"orders": [], "cursor": ""}), clock)
    reads = [
        asyncio.create_task(canned.rest.get("/portfolio/orders", OrdersPage)) for _ in range(60)
    ]
    await clock.advance(0)
    assert len(canned.requests) == 36  # the burst of two seconds, less the margin
    await clock.advance(1.0)
    assert len(canned.requests) == 56
    await clock.advance(0.2)
    await asyncio.gather(*reads)


async def test_background_reads_leave_tokens_for_evidence() -> None:
    clock = VirtualClock()
    canned = Canned(lambda _: reply(200, b"{}"), clock)
    reads = [
        asyncio.create_task(canned.rest.get_bytes("/series", background=True)) for _ in range(60)
    ]
    await clock.advance(0)
    assert len(canned.requests) == 26
    await canned.rest.get_bytes("/portfolio/orders")
    await clock.advance(3.0)
    await asyncio.gather(*reads)


async def test_f065_every_page_or_none() -> None:
    pages = {"": ("a", "c1"), "c1": ("b", "c2")}

    def respond(request: httpx.Request) -> httpx.Response:
        order_id, cursor = pages.get(request.url.params.get("cursor", ""), ("", ""))
        if not order_id:
            return reply(500, b"")
        row = {
            "order_id": order_id,
            "ticker": "T",
            "status": "resting",
            "fill_count_fp": "0.00",
            "remaining_count_fp": "1.00",
        }
        return reply(200, {"orders": [row], "cursor": cursor})

    canned = Canned(respond)
    with pytest.raises(StoreError):
        await canned.account.read_orders()
    pages["c2"] = ("c", "")
    assert [row.order_id for row in await canned.account.read_orders()] == ["a", "b", "c"]


async def test_repeating_cursor_is_not_an_endless_loop() -> None:
    canned = Canned(lambda _: reply(200, {"orders": [], "cursor": "same"}))
    with pytest.raises(StoreError):
        await canned.account.read_orders()
    assert len(canned.requests) == 2


async def test_unreadable_body_is_a_wire_error_and_counted() -> None:
    canned = Canned(lambda _: reply(200, b"<html>"))
    with pytest.raises(WireError):
        await canned.account.read_orders()
    assert canned.tally.counts["body.OrdersPage"] == 1
    with pytest.raises(StoreError):
        await canned.account.fetch_snapshot()


def test_f063_balances_that_do_not_add_up_are_refused() -> None:
    rows = [ShardBalance(0, "60.0000"), ShardBalance(2, "40.1234")]
    cash, shards = read_balance(BalanceReply(10012, "100.1234", rows))
    assert cash == 100_123_400 and dict(shards) == {0: 60_000_000, 2: 40_123_400}
    cents = [ShardBalance(0, 6000), ShardBalance(2, 4012)]
    assert dict(read_balance(BalanceReply(10012, "100.1234", cents))[1])[2] == 40_120_000
    assert read_balance(BalanceReply(500, None, None)) == (5_000_000, ((0, 5_000_000),))
    for bad in (
        BalanceReply(10012, "10012.00", rows),
        BalanceReply(10012, "100.1234", [ShardBalance(0, "6000")]),
        BalanceReply(10012, "abc", rows),
    ):
        with pytest.raises(WireError):
            read_balance(bad)


def test_settlements_that_contradict_themselves_are_refused() -> None:
    def row(result: str, value: int | None, revenue: int = 100) -> SettlementRow:
        return SettlementRow("T", result, "1.00", "0.00", revenue, "2026-08-17T14:00:00Z", value)

    won = read_payout(row("yes", 100))
    assert won is not None and won.payout == 1_000_000 and won.cash == 1_000_000
    half = read_payout(row("scalar", 50, 50))
    assert half is not None and half.payout == 500_000
    for bad in (row("yes", 0), row("scalar", None), row("void", None), row("scalar", 101)):
        with pytest.raises(WireError):
            read_payout(bad)


def test_f093_mode_and_host_must_agree() -> None:
    sim = choose_endpoints(VenueSet.SIM, "http://127.0.0.1:8702", "ws://127.0.0.1:8702/x")
    assert sim.rest == "http://127.0.0.1:8702"
    assert sim.ws_url == "ws://127.0.0.1:8702/trade-api/ws/v2"
    live = choose_endpoints(VenueSet.LIVE)
    assert live.rest.startswith("https://external-api.kalshi.com")
    assert choose_endpoints(VenueSet.LIVE, live.rest + "/trade-api/v2") == live
    for venues, url in (
        (VenueSet.SIM, live.rest),
        (VenueSet.SIM, ""),
        (VenueSet.LIVE, sim.rest),
        (VenueSet.DEMO, live.rest),
        (VenueSet.LIVE, "ftp://x"),
    ):
        with pytest.raises(ConfigError):
            choose_endpoints(venues, url, url)
