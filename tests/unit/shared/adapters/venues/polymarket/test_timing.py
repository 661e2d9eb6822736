"""The clock comparison proves only what whole seconds can prove."""

from __future__ import annotations

from shared.adapters.venues.polymarket.timing import ClockOffset
from shared.domain.units import NS_PER_S

MS = 1_000_000


def test_a_right_clock_has_no_offset() -> None:
    offset = ClockOffset()
    assert offset.value_ns(0) is None
    offset.saw(1_000, 1_000 * NS_PER_S + 400 * MS, 1_000 * NS_PER_S + 420 * MS, 1)
    assert offset.value_ns(2) == 0


def test_a_clock_that_is_two_seconds_off_is_proven_wrong_by_more_than_one() -> None:
    offset = ClockOffset()
    offset.saw(1_002, 1_000 * NS_PER_S + 400 * MS, 1_000 * NS_PER_S + 420 * MS, 1)
    assert offset.value_ns(2) == 1_580 * MS
    offset.saw(1_003, 1_000 * NS_PER_S + 950 * MS, 1_000 * NS_PER_S + 960 * MS, 3)
    assert offset.value_ns(4) == 2_040 * MS


def test_a_jump_within_the_minute_leaves_the_newest_reading() -> None:
    offset = ClockOffset()
    offset.saw(1_000, 1_000 * NS_PER_S, 1_000 * NS_PER_S + 1, 1)
    offset.saw(1_010, 1_000 * NS_PER_S, 1_000 * NS_PER_S + 1, 2)
    assert offset.value_ns(3) == 10 * NS_PER_S - 1
    assert offset.value_ns(70 * NS_PER_S) is None
