"""Latency is drawn from the attempt; taken depth stays away for a while."""

from __future__ import annotations

from shared.domain.enums import BookSide, Venue
from shared.domain.ids import market_id
from shared.domain.units import NS_PER_S
from shared.exchange.fill_model import Depletion, LatencySettings

MARKET = market_id(Venue.KALSHI, "A")


def test_latency_stays_in_bounds_and_repeats() -> None:
    settings = LatencySettings()
    draws = [settings.draw(1, f"attempt-{n}") for n in range(500)]
    assert draws == [settings.draw(1, f"attempt-{n}") for n in range(500)]
    assert all(12_000_000 <= out <= 45_000_000 for out, _ in draws)
    assert all(5_000_000 <= back <= 15_000_000 for _, back in draws)
    assert len(set(draws)) > 490


def test_what_we_took_comes_back_when_its_recovery_is_over() -> None:
    depletion = Depletion(recovery_ns=4 * NS_PER_S)
    depletion.take(MARKET, BookSide.ASK, 420_000, 100, 0)
    levels = {420_000: 150, 430_000: 40}
    assert depletion.remaining(MARKET, BookSide.ASK, levels, 0) == {420_000: 50, 430_000: 40}
    assert depletion.remaining(MARKET, BookSide.ASK, levels, NS_PER_S)[420_000] == 50
    assert depletion.remaining(MARKET, BookSide.ASK, levels, 4 * NS_PER_S) == levels
    assert depletion.remaining(MARKET, BookSide.BID, levels, 0) == levels


def test_a_level_that_shrank_meanwhile_is_empty_not_negative() -> None:
    depletion = Depletion()
    depletion.take(MARKET, BookSide.BID, 400_000, 100, 0)
    assert depletion.remaining(MARKET, BookSide.BID, {400_000: 60}, 1) == {}
