"""Latency and clock offset from stamps alone."""

from __future__ import annotations

from shared.adapters.venues.kalshi.timing import ClockWatch
from shared.domain.units import NS_PER_MS, NS_PER_S

MS, S = NS_PER_MS, NS_PER_S


def feed(watch: ClockWatch, offset_ms: int, delays_ms: list[int], start: int = 0) -> int:
    """Frames sent each 100 ms by a clock ``offset_ms`` ahead, ``delays_ms`` under way."""
    mono = start
    for delay in delays_ms:
        mono += 100 * MS
        watch.saw_stamp((offset_ms - delay) * MS, 0, mono)
    return mono


def test_nothing_measured_is_none() -> None:
    watch = ClockWatch()
    assert watch.latency_ns(5) is None and watch.clock_offset_ns(5) is None


def test_offset_and_latency() -> None:
    watch = ClockWatch()
    watch.saw_round_trip(40 * MS, 0)
    mono = feed(watch, 300, [60, 20, 90, 25])
    assert watch.clock_offset_ns(mono) == 300 * MS
    assert watch.latency_ns(mono) == 25 * MS


def test_f011_sudden_lag_shows_as_latency_and_a_lasting_one_as_skew() -> None:
    watch = ClockWatch()
    watch.saw_round_trip(20 * MS, 0)
    mono = feed(watch, 0, [10] * 10)
    mono = feed(watch, 0, [5_000], start=mono)
    latency = watch.latency_ns(mono)
    assert latency is not None and latency > 2 * S
    mono = feed(watch, 0, [5_000] * 320, start=mono)
    offset = watch.clock_offset_ns(mono)
    assert offset is not None and offset < -500 * MS


def test_old_measurements_expire() -> None:
    watch = ClockWatch()
    mono = feed(watch, 0, [10])
    assert watch.latency_ns(mono + 31 * S) is None
