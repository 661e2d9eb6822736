"""Announced fee changes: a schedule ends a minute ahead of the next one, whoever it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.adapters.venues.kalshi.fee_changes import AGE_MAX_NS, FeeChanges
from shared.domain.fee_schedules import expires_ns
from shared.domain.units import NS_PER_S
from tests.support.kalshi_world import RATE, sim_market
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply

DAY_S = 86_400
READ_S = 1_790_000_000
LATER_S = READ_S + 3_600
LISTED = sim_market(RATE, 10**19).instrument
INSTRUMENT = replace(LISTED, fees=replace(LISTED.fees, as_of_ns=READ_S * NS_PER_S))


def answers(series: list[dict[str, Any]], events: list[dict[str, Any]]) -> Canned:
    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/series/fee_changes"):
            return reply(200, {"series_fee_change_arr": series})
        assert request.url.path.endswith("/events/fee_changes")
        return reply(200, {"event_fee_changes": events, "cursor": ""})

    return Canned(respond)


def change(at: str | int, **who: str) -> dict[str, Any]:
    row = {"id": "1", "fee_type": "quadratic", "fee_multiplier": 2, "scheduled_ts": at}
    return {**row, "series_ticker": "KXOTHER", **who}


@pytest.mark.parametrize("is_event", [True, False])
@pytest.mark.parametrize("as_text", [True, False])
async def test_the_schedule_ends_ahead_of_the_change(is_event: bool, as_text: bool) -> None:
    text = datetime.fromtimestamp(LATER_S, UTC).isoformat().replace("+00:00", "Z")
    at: str | int = text if as_text else LATER_S
    who = {"event_ticker": INSTRUMENT.event_id} if is_event else {}
    series = [] if is_event else [change(at, series_ticker=INSTRUMENT.series_id)]
    canned = answers(series, [change(at, **who)] if is_event else [])
    changes = FeeChanges(canned.rest, canned.tally)
    await changes.load()
    fees = changes.applied(INSTRUMENT).fees
    assert fees.expires_ns == (LATER_S - 60) * NS_PER_S
    assert expires_ns(fees, DAY_S * NS_PER_S) == fees.expires_ns, "sooner than the age limit"
    # Once it was read again after the change, the announcement says nothing any more.
    renewed = replace(INSTRUMENT, fees=replace(fees, as_of_ns=LATER_S * NS_PER_S, expires_ns=0))
    assert changes.applied(renewed) == renewed


async def test_the_earliest_change_counts_and_other_markets_are_left_alone() -> None:
    rows = [change(LATER_S + n, series_ticker=INSTRUMENT.series_id) for n in (900, 0, 300)]
    canned = answers([*rows, change(READ_S + 1)], [])
    changes = FeeChanges(canned.rest, canned.tally)
    await changes.load()
    assert changes.applied(INSTRUMENT).fees.expires_ns == (LATER_S - 60) * NS_PER_S
    other = replace(INSTRUMENT, series_id="KXELSE", event_id="KXELSE-1")
    assert changes.applied(other) is other


async def test_a_change_without_a_readable_time_ends_the_schedule_now_and_is_counted() -> None:
    canned = answers([change("soon", series_ticker=INSTRUMENT.series_id)], [])
    changes = FeeChanges(canned.rest, canned.tally)
    await changes.load()
    await changes.load()
    assert AGE_MAX_NS > 0 and len(canned.requests) == 2
    assert changes.applied(INSTRUMENT).fees.expires_ns == 1
    assert "fee_change" in str(canned.tally.counts)


async def test_a_venue_without_the_lists_announces_nothing() -> None:
    canned = Canned(lambda _: reply(404, {"error": {"code": "not_found"}}))
    changes = FeeChanges(canned.rest, canned.tally)
    await changes.load()
    assert changes.applied(INSTRUMENT) is INSTRUMENT
