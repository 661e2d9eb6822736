"""Rules for time: the window of a claim, and which holding of a recurring contest is meant."""

from __future__ import annotations

from datetime import date
from typing import Final

from shared.matching.propositions import Kind, Proposition
from shared.matching.rules.findings import CONFLICT, SAME, UNKNOWN, Finding, finding

_OWN_YEARS: Final = "the title of one side names another year than its rules"


def compare_windows(a: Proposition, b: Proposition) -> Finding:
    x, y = a.window, b.window
    spans = (x.span or a.market.question, y.span or b.market.question)
    if a.contradicts_itself or b.contradicts_itself:
        return finding("WINDOW", UNKNOWN, _OWN_YEARS, *spans)
    if not x.is_known or not y.is_known:
        if not x.is_known and not y.is_known:
            return finding("WINDOW", UNKNOWN, "neither side states a time", *spans)
        return finding("WINDOW", UNKNOWN, "only one side states a time", *spans)
    if x.end_day != y.end_day:
        assert x.end_day is not None and y.end_day is not None
        ends = f"{date.fromordinal(x.end_day)} against {date.fromordinal(y.end_day)}"
        return finding("WINDOW", CONFLICT, f"another end (exclusive): {ends}", *spans)
    if "on" in (x.mode, y.mode) and x.mode != y.mode:
        return finding("WINDOW", CONFLICT, "at one moment against within a period", *spans)
    starts_differ = None not in (x.start_day, y.start_day) and x.start_day != y.start_day
    if starts_differ and (a.kind is Kind.MEASURE or x.mode == "on"):
        return finding("WINDOW", CONFLICT, "another start", *spans)
    if x.minute_utc != y.minute_utc:
        if x.minute_utc is not None and y.minute_utc is not None:
            return finding("WINDOW", CONFLICT, "another time of the day", *spans)
        return finding("WINDOW", UNKNOWN, "only one side states the time of the day", *spans)
    return finding("WINDOW", SAME, "the same window", *spans)


def compare_editions(a: Proposition, b: Proposition) -> Finding:
    """Compare which holding of a recurring contest is meant."""
    spans = (a.market.question, b.market.question)
    if a.contradicts_itself or b.contradicts_itself:
        return finding("EDITION", UNKNOWN, _OWN_YEARS, *spans)
    own_a, own_b = a.years or a.context_years, b.years or b.context_years
    if a.kind is Kind.VOTE and not (a.years and b.years) and not (a.has_rules and b.has_rules):
        return finding("EDITION", SAME, "a nominee is voted on once", *spans)
    if not (a.has_rules and b.has_rules):
        own_a, own_b = own_a or _close_year(a), own_b or _close_year(b)
    if not own_a or not own_b:
        return finding("EDITION", UNKNOWN, "the year of the contest is not stated", *spans)
    ends = (a.window, b.window)
    if all(w.mode == "by" and w.is_known for w in ends) and ends[0].end_day != ends[1].end_day:
        return finding("EDITION", CONFLICT, "another deadline", *spans)
    if a.years & b.years:
        return finding("EDITION", SAME, "the same year", *spans)
    if a.years and b.years:
        return finding("EDITION", CONFLICT, f"{sorted(a.years)} against {sorted(b.years)}", *spans)
    if own_a & own_b:
        return finding("EDITION", SAME, "the same year, stated elsewhere in the text", *spans)
    return finding("EDITION", CONFLICT, f"{sorted(own_a)} against {sorted(own_b)}", *spans)


def compare_deadlines(a: Proposition, b: Proposition) -> Finding | None:
    """Compare until when an open contest is waited for, where both texts say it.

    One side alone with such a deadline is a tail, which the clauses show.
    """
    if a.deadline is None or b.deadline is None or a.deadline == b.deadline:
        return None
    spans = tuple(
        p.clauses["no_result"].span if "no_result" in p.clauses else p.window.span for p in (a, b)
    )
    days = f"{date.fromordinal(a.deadline)} against {date.fromordinal(b.deadline)}"
    return finding("DEADLINE", UNKNOWN, f"another last day (exclusive): {days}", *spans)


def compare_event_days(a: Proposition, b: Proposition) -> Finding | None:
    """Compare the days on which both texts say that the thing takes place."""
    if not a.event_days or not b.event_days or a.event_days & b.event_days:
        return None
    spans = (a.claim.span, b.claim.span)
    return finding("DAY", UNKNOWN, "the texts name other days for the same event", *spans)


def _close_year(side: Proposition) -> frozenset[int]:
    """Return the year of the venue's nominal close: only ranks titles, never confirms."""
    if side.close_day is None:
        return frozenset()
    return frozenset({date.fromordinal(side.close_day - 2).year})
