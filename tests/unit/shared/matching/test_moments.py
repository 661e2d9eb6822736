"""Dates, windows and editions as texts state them."""

from __future__ import annotations

from datetime import date

import pytest

from shared.matching.propositions import moments as when
from shared.matching.text import fold

CLOSE_NS = 1_798_700_000 * 10**9  # 2026-12-31


def window(text: str) -> when.Window:
    folded = fold(text)
    return when.window(folded, when.moments(folded, CLOSE_NS))


@pytest.mark.parametrize(
    "text",
    [
        "before Jan 1, 2027",
        "before 2027",
        "by December 31, 2026, 11:59 PM ET",
        "on or before 31 December 2026",
        "by the end of 2026",
        "between November 2, 2026 and December 31, 2026, 11:59 PM ET",
        "in 2026",
    ],
)
def test_ways_to_say_until_the_end_of_the_year(text: str) -> None:
    assert window(text).end_day == date(2027, 1, 1).toordinal()


@pytest.mark.parametrize(
    ("text", "mode", "end"),
    [
        ("on Dec 15, 2026", "on", date(2026, 12, 16)),
        ("by Dec 15, 2026", "by", date(2026, 12, 16)),
        ("before Dec 15, 2026", "by", date(2026, 12, 15)),
        ("in November 2026", "in", date(2026, 12, 1)),
        ("before March", "by", date(2027, 3, 1)),
        ("2026-12-15", "on", date(2026, 12, 16)),
    ],
)
def test_modes_are_kept_apart(text: str, mode: str, end: date) -> None:
    found = window(text)
    assert (found.mode, found.end_day) == (mode, end.toordinal())


def test_no_date_is_unknown_and_never_a_guess() -> None:
    assert not window("before the term ends").is_known
    assert not when.window("by march 3", when.moments("by march 3", 0)).is_known


def test_an_impossible_date_is_left_out() -> None:
    assert when.moments("by february 31, 2026", CLOSE_NS) == ()


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("at 17:00 utc on november 30, 2026", 17 * 60),
        ("at 12:30 pm et on november 30, 2026", 12 * 60 + 30 + 240),
        ("by november 30, 2026, 11:59 pm et", None),
        ("at 23:59 utc on november 30, 2026", None),
        ("noon on november 30, 2026", 16 * 60),
    ],
)
def test_clock_times_in_utc_where_the_end_of_the_day_is_the_day(
    text: str, minute: int | None
) -> None:
    assert window(text).minute_utc == minute


def test_a_season_is_the_year_it_ends_in() -> None:
    assert when.editions(when.moments("the 2025-26 championship", CLOSE_NS)) == {2026}
    assert when.editions(when.moments("votes before jan 1, 2026", CLOSE_NS)) == {2025}
