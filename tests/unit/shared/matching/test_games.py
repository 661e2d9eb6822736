# ruff: noqa: E501  (texts are kept whole)
"""Games: sides, scope, day and which side YES means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.enums import Polarity, Venue, Verdict
from shared.matching.market_text import MarketText
from shared.matching.propositions import parse
from shared.matching.propositions.sides import likeness, scope_of
from shared.matching.verdicts import Judgement, judge

K = MarketText(
    "kalshi:K",
    Venue.KALSHI,
    "Harbor Gulls at Norvale Foxes Winner?",
    "Harbor Gulls",
    "",
    "If Harbor Gulls wins the Harbor Gulls at Norvale Foxes professional hockey game scheduled"
    " for Jan 24, 2026, then the market resolves to Yes.\n\nIf the game is cancelled or moved by"
    " over two weeks, the market will resolve to a fair price in accordance with the rules.",
    "",
    event_code="KXGAME-26JAN24HARNOR",
)
P = MarketText(
    "polymarket:P",
    Venue.POLYMARKET,
    "Gulls vs. Foxes",
    "",
    "",
    "In the upcoming game, scheduled for January 24, 2026 at 7:30PM ET:\nIf the Harbor Gulls win,"
    ' the market will resolve to "Harbor Gulls".\nIf the Norvale Foxes win, the market will'
    ' resolve to "Norvale Foxes".\nIf the game is canceled entirely, this market will resolve'
    " 50-50.\nThe result includes any overtime.",
    "",
    outcomes=("Harbor Gulls", "Norvale Foxes"),
)


def verdict(k: MarketText, p: MarketText) -> Judgement:
    return judge(parse(k), parse(p), 920_000)


def test_the_same_side_first_is_same() -> None:
    result = verdict(K, P)
    assert (result.verdict, result.polarity) == (Verdict.CONFIRMED, Polarity.SAME), result.reason


def test_the_other_side_first_is_inverse() -> None:
    swapped = replace(P, outcomes=("Norvale Foxes", "Harbor Gulls"), question="Foxes vs. Gulls")
    result = verdict(K, swapped)
    assert (result.verdict, result.polarity) == (Verdict.CONFIRMED, Polarity.INVERSE), result.reason


def test_called_off_differs_but_only_as_a_tail() -> None:
    tails = [f for f in verdict(K, P).findings if f.code == "CLAUSE_CANCELLED"]
    assert [f.is_tail for f in tails] == [True]
    assert tails[0].span_a and tails[0].span_b


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("January 24, 2026", "January 26, 2026"),
        ("Norvale Foxes", "Ostland Bears"),
        (
            "If the Harbor Gulls win,",
            "If the Harbor Gulls are leading at the end of the first half,",
        ),
        ("If the Harbor Gulls win,", "If the Harbor Gulls win the game by 3 or more goals,"),
        ("If the Harbor Gulls win,", "If the Harbor Gulls win the playoff series,"),
        ("If the Harbor Gulls win,", "If the Harbor Gulls win in overtime,"),
    ],
)
def test_another_day_opponent_or_question_is_refused(old: str, new: str) -> None:
    changed = replace(
        P,
        question=P.question.replace(old.split()[-1], new.split()[-1])
        if old in P.outcomes
        else P.question,
        rules=P.rules.replace(old, new),
        outcomes=(P.outcomes[0].replace(old, new), P.outcomes[1].replace(old, new)),
    )
    assert verdict(K, changed).verdict is not Verdict.CONFIRMED


def test_extra_time_stated_by_one_side_only_matters_where_draws_exist() -> None:
    soccer = replace(K, rules=K.rules.replace("hockey game", "soccer game"))
    assert verdict(soccer, P).verdict is Verdict.REVIEW


@pytest.mark.parametrize(
    ("title", "scope"),
    [
        ("gulls vs. foxes", "match"),
        ("gulls vs. foxes: o/u 231.5", "total"),
        ("spread: gulls (-8.5)", "spread"),
        ("lol: a vs b - game 2 winner", "part 2"),
        ("set 1 winner: a vs b", "part 1"),
        ("a vs. b: 1h moneyline", "first_half"),
        ("a vs. b: both teams to score", "both_score"),
        ("exact score: a 1 - 3 b?", "exact_score"),
        ("series: most kills?", "props"),
        ("who will win the series: a vs. b", "series"),
        ("world series: a vs. b", "match"),
        ("ufc: a vs. b (flyweight, main card)", "match"),
    ],
)
def test_scopes(title: str, scope: str) -> None:
    assert scope_of(title) == scope


@pytest.mark.parametrize(
    ("one", "two", "least"),
    [
        ("boston", "celtics", 90),
        ("fulham", "fulham fc", 90),
        ("usa", "united states", 90),
        ("de minaur", "alex de minaur", 88),
        ("new york i", "islanders", 90),
    ],
)
def test_names_of_one_side(one: str, two: str, least: int) -> None:
    assert likeness(one, two) >= least


@pytest.mark.parametrize(
    ("one", "two"),
    [("south korea", "south africa"), ("boston", "lakers"), ("bulls", "celtics")],
)
def test_names_of_two_sides(one: str, two: str) -> None:
    assert likeness(one, two) < 60


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("manchester city", "manchester united"),
        ("gen.g", "gen.g academy"),
        ("norvale", "norvale u21"),
    ],
)
def test_teams_of_one_town_or_club_are_not_one_team(one: str, two: str) -> None:
    assert likeness(one, two) < 60


def test_without_an_opponent_a_part_of_the_name_is_not_enough() -> None:
    k = replace(
        K,
        question="Inter vs Pisa Winner?",
        label="Inter",
        rules="If Inter wins the Inter vs Pisa soccer game scheduled for Jan 24, 2026 after 90"
        " minutes plus stoppage time, then the market resolves to Yes.",
    )
    p = replace(
        P,
        question="Will Inter Norvale CF win on 2026-01-24?",
        outcomes=("Yes", "No"),
        rules="In the upcoming game, scheduled for January 24, 2026. If Inter Norvale CF wins, this"
        ' market will resolve to "Yes". This refers only to the first 90 minutes plus stoppage time.',
    )
    assert verdict(k, p).verdict is Verdict.REVIEW
    assert (
        verdict(k, replace(p, event_title="Inter Norvale vs. Pisa SC")).verdict is Verdict.CONFIRMED
    )
    assert (
        verdict(k, replace(p, event_title="Inter Norvale vs. Ostland FC")).verdict
        is Verdict.REJECTED
    )


def test_a_womens_game_is_not_the_mens_game_of_the_day() -> None:
    women = replace(P, question="Gulls vs. Foxes (W)")
    assert verdict(K, women).verdict is not Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("KXGAME-26JAN241930HARNOR", Verdict.CONFIRMED),
        ("KXGAME-26JAN242030HARNOR", Verdict.CONFIRMED),
        ("KXGAME-26JAN241305HARNOR", Verdict.REVIEW),
        ("KXGAME-26JAN24HARNOR", Verdict.CONFIRMED),
    ],
)
def test_two_games_of_one_day_are_told_apart_by_their_start(code: str, expected: Verdict) -> None:
    assert verdict(replace(K, event_code=code), P).verdict is expected
