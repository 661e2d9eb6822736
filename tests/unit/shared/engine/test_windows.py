"""Entry windows: around game start, the weekly pause and an announced restart nothing begins."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from shared.domain.config import Config
from shared.domain.enums import GateCode, Venue
from shared.domain.units import NS_PER_S
from shared.domain.venue_calendar import kalshi_pause_end_ns
from shared.engine import windows
from tests.support.kernel_desk import WALL, Desk, instrument

EASTERN = ZoneInfo("America/New_York")


def codes(config: Config, venue: Venue, wall_ns: int, **changes: object) -> list[GateCode]:
    return [c for c, _ in windows.standing(config, instrument(venue, **changes), wall_ns)]


@pytest.mark.parametrize(("offset_s", "closed"), [(-121, 0), (-119, 1), (0, 1), (119, 1), (120, 0)])
def test_no_package_around_the_start_of_the_game(offset_s: int, closed: int) -> None:
    found = codes(Config(), Venue.POLYMARKET, WALL + offset_s * NS_PER_S, game_start_ns=WALL)
    assert found == [GateCode.MARKET_PAUSED] * closed


@pytest.mark.parametrize(("offset_s", "closed"), [(-121, 0), (-1, 1), (0, 1), (299, 1), (300, 0)])
@pytest.mark.parametrize("venue", [Venue.KALSHI, Venue.POLYMARKET])
def test_no_package_around_an_announced_restart(venue: Venue, offset_s: int, closed: int) -> None:
    at = WALL // NS_PER_S
    config = replace(Config(), **{f"{venue.value}_restart_at_s": at})
    other = Venue.KALSHI if venue is Venue.POLYMARKET else Venue.POLYMARKET
    assert codes(config, venue, WALL + offset_s * NS_PER_S) == [GateCode.VENUE_PAUSED] * closed
    assert codes(config, other, WALL + offset_s * NS_PER_S) == []


def test_f070_the_weekly_pause_is_eastern_time_over_two_years() -> None:
    """Every quarter of an hour of two years, daylight saving included, by a plain calendar."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    inside = 0
    for quarter in range(2 * 365 * 96):
        now = start + dt.timedelta(minutes=15 * quarter)
        local = now.astimezone(EASTERN)
        # On the quarter, the window of 02:55 to 05:00 begins at 03:00.
        expected = local.weekday() == 3 and 3 <= local.hour < 5
        end = kalshi_pause_end_ns(int(now.timestamp()) * NS_PER_S)
        assert bool(end) is expected, now
        if end:
            inside += 1
            until = dt.datetime.fromtimestamp(end // NS_PER_S, EASTERN)
            assert (until.hour, until.minute, until.date()) == (5, 0, local.date())
    assert inside == 104 * 8 + 8


def test_the_weekly_pause_closes_kalshi_five_minutes_early_and_polymarket_never() -> None:
    thursday = dt.datetime(2026, 7, 23, 2, 55, tzinfo=EASTERN)
    for minutes, closed in ((-1, 0), (0, 1), (124, 1), (125, 0)):
        at = int((thursday + dt.timedelta(minutes=minutes)).timestamp()) * NS_PER_S
        assert codes(Config(), Venue.KALSHI, at) == [GateCode.VENUE_PAUSED] * closed
        assert codes(Config(), Venue.POLYMARKET, at) == []


def test_a_window_stops_an_edge_and_says_which() -> None:
    desk = Desk(config=replace(Config(), polymarket_restart_at_s=WALL // NS_PER_S + 60))
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46)
    desk.pass_time(10, seconds=True)
    assert "VENUE_PAUSED" in desk.gates() and desk.tickets() == []
