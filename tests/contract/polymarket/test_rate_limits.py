"""The simulated venue meters as documented, and our adapter lives within it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from shared.adapters.venues.polymarket.rate_limits import (
    DATA_RULES,
    GAMMA_RULES,
    RULES,
    STANDARD,
    PolymarketBudget,
)
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.domain.errors import StoreError
from shared.simulators.polymarket_server import limits as server_limits
from tests.support.polymarket_world import RealClock, gamma_object, polymarket_venue


def test_both_tables_say_the_same() -> None:
    ours = {
        (rule.method, prefix + rule.prefix): {(x.limit, x.window_s) for x in rule.limits}
        for prefix, rules in (("", RULES), ("/gamma", GAMMA_RULES), ("/data-api", DATA_RULES))
        for rule in rules
    }
    for method, path, windows in server_limits.WINDOWS:
        key = max(
            (k for k in ours if k[0] == method and path.startswith(k[1])), key=lambda k: len(k[1])
        )
        assert ours[key] == set(windows), (method, path)
    assert (STANDARD.orders, STANDARD.orders_burst) == server_limits.SIGNER_ORDERS
    assert (STANDARD.cancels, STANDARD.cancels_burst) == server_limits.SIGNER_CANCELS


def test_longest_rule_counts_and_orders_touch_the_signer() -> None:
    budget = PolymarketBudget(0)
    assert budget.orders in budget.buckets("clob", "POST", "/order", 0)
    assert budget.cancels in budget.buckets("clob", "DELETE", "/cancel-all", 0)
    update = budget.buckets("clob", "GET", "/balance-allowance/update", 0)
    assert min(bucket.capacity for bucket in update) == 25
    book = budget.buckets("clob", "GET", "/book", 0)
    assert min(bucket.capacity for bucket in book) == 750
    assert len(budget.buckets("other", "GET", "", 0)) == 1


def test_f024_openings_leave_a_fifth_of_the_signer_bucket() -> None:
    budget = PolymarketBudget(0)
    placed = 0
    while budget.take_order(0, is_opening=True):
        placed += 1
    assert placed == 59 - 12
    hedges = 0
    while budget.take_order(0, is_opening=False):
        hedges += 1
    assert hedges == 12
    assert budget.take_order(100_000_000, is_opening=False)


def test_a_429_backs_off_doubling() -> None:
    budget = PolymarketBudget(0)
    buckets = budget.buckets("clob", "GET", "/balance-allowance", 0)
    waits = []
    for _ in range(4):
        budget.answered(buckets, 429, 0)
        waits.append(budget.take_or_wait_ns(buckets, 0))
    assert waits == sorted(waits) and waits[3] >= 4 * waits[0] > 0


async def test_i23_reads_wait_instead_of_earning_a_429() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        rest = PolymarketRest(venue.hosts, RealClock(), venue.credentials())
        try:
            await asyncio.gather(*(rest.collateral() for _ in range(105)))
            assert rest.budget.refusals == 0
        finally:
            await rest.aclose()


async def test_the_venue_answers_429_with_retry_after_and_we_back_off() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue, aiohttp.ClientSession() as http:
        seen = []
        for _ in range(51):
            async with http.get(venue.base + "/balance-allowance/update") as answer:
                seen.append((answer.status, answer.headers.get("Retry-After")))
        assert [status for status, _ in seen[:50]] == [401] * 50
        assert seen[50][0] == 429 and int(seen[50][1] or 0) >= 1
        rest = PolymarketRest(venue.hosts, RealClock(), venue.credentials())
        try:
            with pytest.raises(StoreError, match="429"):
                await rest._read(rest.hosts.clob, "/balance-allowance/update", auth=True)
            assert rest.budget.refusals == 1
        finally:
            await rest.aclose()


async def test_signer_bucket_is_all_or_nothing_and_named_in_headers() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue, aiohttp.ClientSession() as http:
        headers = {"POLY_API_KEY": "one"}
        statuses = []
        for _ in range(70):
            async with http.post(venue.base + "/order", headers=headers, data=b"{}") as answer:
                statuses.append(answer.status)
        assert statuses[:60] == [401] * 60 and 429 in statuses[60:]
        async with http.delete(venue.base + "/order", headers=headers, data=b"{}") as answer:
            assert answer.status == 401, "cancels have a bucket of their own"
