# ruff: noqa: E501  (texts are kept whole)
"""Families of questions in the manner of both venues that no rule was derived from.

Our own texts. Each gives a true pair, and a look-alike that differs in the one thing named.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from shared.domain.enums import Polarity, Verdict
from shared.matching.market_text import MarketText, kalshi_of, polymarket_of
from shared.matching.propositions import parse
from shared.matching.verdicts import Judgement, judge

_ELSE = ' Otherwise, this market will resolve to "No".'


def kalshi(ticker: str, title: str, label: str, claim: str) -> MarketText:
    rules = f"If {claim}, then the market resolves to Yes."
    raw = {"ticker": ticker, "event_ticker": ticker.rsplit("-", 1)[0], "title": title}
    return kalshi_of(
        {
            **raw,
            "yes_sub_title": label,
            "rules_primary": rules,
            "close_time": "2026-12-31T00:00:00Z",
        }
    )


def polymarket(question: str, rules: str, *outcomes: str) -> MarketText:
    raw = {
        "conditionId": "0x",
        "question": question,
        "description": rules,
        "endDate": "2026-12-31T00:00:00Z",
    }
    return polymarket_of({**raw, "outcomes": list(outcomes) or ["Yes", "No"]})


@dataclass(frozen=True, slots=True)
class Family:
    kalshi: MarketText
    polymarket: MarketText
    polarity: Polarity
    other: tuple[str, str]
    """(old, new): what makes the Polymarket side another question."""


FAMILIES = {
    "trophy": Family(
        kalshi("KXTROPHY-26-FM", "Who will win the Heisman Trophy?", "Fernando Marin", "Fernando Marin wins the 2026 Heisman Trophy"),
        polymarket("Will Fernando Marin win the 2026 Heisman Trophy?", f'This market will resolve to "Yes" if Fernando Marin wins the 2026 Heisman Trophy.{_ELSE}'),
        Polarity.SAME, ("Fernando Marin", "Fernando Marino"),
    ),
    "numbered bowl": Family(
        kalshi("KXBOWL-26-SEA", "Will Seattle win the 2026 Pro Football Championship?", "Seattle", "the Seattle pro football team wins the 2026 Pro Football Championship"),
        polymarket("Will the Seattle Seahawks win Super Bowl LX?", f'This market will resolve to "Yes" if the Seattle Seahawks win Super Bowl LX.{_ELSE}'),
        Polarity.SAME, ("LX", "LIX"),
    ),
    "senate seat": Family(
        kalshi("KXSENATE-26-D", "Will Democrats win the Senate race in Maine?", "Democratic party", "a representative of the Democratic party wins the 2026 Maine Senate election"),
        polymarket("Will the Democrats win the Maine Senate race in 2026?", f'This market will resolve to "Yes" if a candidate of the Democratic Party wins the 2026 Maine Senate election.{_ELSE}'),
        Polarity.SAME, ("Maine", "Ohio"),
    ),
    "drivers": Family(
        kalshi("KXF1-26-LN", "Will Lando Nord win the 2026 F1 Drivers Championship?", "Lando Nord", "Lando Nord wins the 2026 F1 Drivers Championship"),
        polymarket("Will Lando Nord be the 2026 Drivers Champion?", "This market will resolve according to the driver who wins the 2026 Formula 1 Drivers Championship."),
        Polarity.SAME, ("Formula 1 Drivers", "Formula 2 Drivers"),
    ),
    "song contest": Family(
        kalshi("KXSONG-26-FI", "Who will win Eurovision 2026?", "Finland", "Finland wins Eurovision 2026"),
        polymarket("Will Finland win Eurovision 2026?", 'This market will resolve according to the country that wins the Eurovision Song Contest 2026.\n\nIf no winner is announced by December 31, 2026, this market will resolve to "Other".'),
        Polarity.SAME, ("wins the Eurovision Song Contest", "wins the televote of the Eurovision Song Contest"),
    ),
    "cage fight": Family(
        kalshi("KXFIGHT-26DEC05JONASP-JON", "Will Jon Jans win the Jon Jans vs Tom Aspin professional MMA fight?", "Jon Jans", "Jon Jans wins the Jon Jans vs Tom Aspin professional MMA fight originally scheduled for Dec 5, 2026"),
        polymarket("UFC 323: Jon Jans vs. Tom Aspin (Heavyweight, Main Card)", 'This market refers to the UFC 323 fight between Jon Jans and Tom Aspin scheduled for December 5, 2026.\n\nThis market will resolve to "Jon Jans" if Jon Jans is declared the winner of this fight. This market will resolve to "Tom Aspin" if Tom Aspin is declared the winner.\n\nIf the fight is a draw or canceled, this market will resolve 50-50.', "Jon Jans", "Tom Aspin"),
        Polarity.SAME, ("is declared the winner of this fight", "is declared the winner by knockout"),
    ),
    "tennis match": Family(
        kalshi("KXATPMATCH-26NOV16ALCSIN-ALC", "Will Alcan win the Alcan vs Sinder match?", "Carlo Alcan", "Carlo Alcan wins the Alcan vs Sinder professional tennis match scheduled for Nov 16, 2026"),
        polymarket("ATP Finals: Jan Sinder vs Carlo Alcan", 'This market refers to the tennis match between Jan Sinder and Carlo Alcan, originally scheduled for November 16, 2026.\n\nIf Jan Sinder advances, this market will resolve to "Jan Sinder".\nIf Carlo Alcan advances, this market will resolve to "Carlo Alcan".\n\nIf this match is canceled or delayed beyond 7 days, this market will resolve 50-50.', "Jan Sinder", "Carlo Alcan"),
        Polarity.INVERSE, ("November 16", "November 18"),
    ),
    "no change of rates": Family(
        kalshi("KXFEDDECISION-26DEC-H0", "Will the Federal Reserve Hike rates by 0bps at their December 2026 meeting?", "Fed maintains rate", "the Federal Reserve does a Hike of 0bps on December 9, 2026"),
        polymarket("No change in Fed interest rates after December 2026 meeting?", "This market will resolve to the amount of basis points the upper bound of the target federal funds rate is changed by versus the level it was prior to the Federal Reserve's December 2026 meeting.\n\nThe resolution source for this market is the FOMC's statement after its meeting."),
        Polarity.SAME, ("No change in Fed interest rates", "Fed increases interest rates by 25 bps"),
    ),
    "named person": Family(
        kalshi("KXPERSON-26-PL", "Who will be Time Person of the Year in 2026?", "Ana Holt", "Ana Holt is named Time Person of the Year in 2026"),
        polymarket("Will Ana Holt be Time Person of the Year 2026?", f'This market will resolve to "Yes" if Ana Holt is named TIME Person of the Year for 2026.{_ELSE}'),
        Polarity.SAME, ("named TIME Person", "named TIME Athlete"),
    ),
}  # fmt: skip

OTHERS = {
    "a spread and the winner": (
        kalshi("KXNBAGAME-26DEC05LALBOS-LAL", "Los Angeles L at Boston Winner?", "Los Angeles L", "Los Angeles L wins the Los Angeles L at Boston professional basketball game originally scheduled for Dec 5, 2026"),
        polymarket("Spread: Lakers (-1.5)", 'In the upcoming NBA game, scheduled for December 5, 2026 at 7:00PM ET:\nThis market will resolve to "Lakers" if the Lakers win the game by 2 or more points.\nOtherwise, this market will resolve to "Celtics".', "Lakers", "Celtics"),
    ),
    "a series and its first game": (
        kalshi("KXNBAGAME-26DEC05LALBOS-LAL", "Los Angeles L at Boston Winner?", "Los Angeles L", "Los Angeles L wins the Los Angeles L at Boston professional basketball game originally scheduled for Dec 5, 2026"),
        polymarket("Who will win the series: Lakers vs. Celtics", 'This market will resolve to "Lakers" if the Lakers win the playoff series against the Celtics that begins on December 5, 2026. Otherwise, this market will resolve to "Celtics".', "Lakers", "Celtics"),
    ),
    "a map and the match": (
        kalshi("KXMAP-26DEC05FURNAV-1-FUR", "Will Furio win map 1 in the Furio vs. Navo match?", "Furio", "Furio wins map 1 in the Furio vs. Navo CS2 match originally scheduled for Dec 5, 2026"),
        polymarket("Counter-Strike: Furio vs Navo (BO3)", 'This market refers to the CS2 match between Furio and Navo scheduled for December 5, 2026.\n\nThis market will resolve to "Furio" if Furio win the match against Navo.', "Furio", "Navo"),
    ),
    "the first four and the first": (
        kalshi("KXTOP4-26-ARS", "Will Arsenal finish top 4 in the Premier League?", "Arsenal", "Arsenal finishes in the top 4 of the 2025-26 English Premier League"),
        polymarket("Will Arsenal win the 2025-26 Premier League?", f'This market will resolve to "Yes" if Arsenal wins the 2025-26 English Premier League.{_ELSE}'),
    ),
    "leaving and resigning": (
        kalshi("KXPM-27", "Will Ida Berg leave office as PM of Norvale before Jan 1, 2027?", "Before 2027", "Ida Berg leaves office as Prime Minister of Norvale before Jan 1, 2027"),
        polymarket("Ida Berg resigns as Prime Minister of Norvale in 2026?", f'This market will resolve to "Yes" if Ida Berg resigns as Prime Minister of Norvale by December 31, 2026, 11:59 PM ET.{_ELSE}'),
    ),
    "a listing and an offering": (
        kalshi("KXIPO-26-N", "Will Norvo IPO before Jan 1, 2027?", "Before 2027", "Norvo officially lists on a stock exchange before Jan 1, 2027"),
        polymarket("Norvo IPO in 2026?", f'This market will resolve to "Yes" if Norvo completes an initial public offering by December 31, 2026, 11:59 PM ET. A direct listing will not count.{_ELSE}'),
    ),
    "being it on a day and ceasing until it": (
        kalshi("KXCEO-26", "Will Ida Berg be CEO of Orvo on Dec 31, 2026?", "Ida Berg", "Ida Berg is the CEO of Orvo on Dec 31, 2026"),
        polymarket("Ida Berg out as CEO of Orvo by December 31?", f'This market will resolve to "Yes" if Ida Berg ceases to be CEO of Orvo by December 31, 2026, 11:59 PM ET.{_ELSE}'),
    ),
    "seats and votes": (
        kalshi("KXSEATS-26-R", "Will the Red party win the most seats in the Norvale election?", "Red", "the Red party wins the most seats in the 2026 Norvale election"),
        polymarket("Will the Red party win the 2026 Norvale election?", f'This market will resolve to "Yes" if the Red party wins the most votes in the 2026 Norvale election.{_ELSE}'),
    ),
}  # fmt: skip

REVIEWED = {
    "inaugurated": (
        kalshi("KXGOV-26-D", "Will the Democratic party win the governorship in Norvale?", "Democratic", "a representative of the Democratic party is inaugurated as the governor of Norvale pursuant to the 2026 election"),
        polymarket("Will the Democrats win the Norvale governor race in 2026?", f'This market will resolve to "Yes" if the Democratic candidate wins the 2026 Norvale gubernatorial election.{_ELSE}'),
    ),
    "wins and accepts": (
        kalshi("KXNOM-28-GN", "Who will win the Democratic nomination in 2028?", "Gavin Nash", "Gavin Nash wins the nomination for the Democratic Party to contest the 2028 Presidential election"),
        polymarket("Will Gavin Nash win the 2028 Democratic presidential nomination?", f'This market will resolve to "Yes" if Gavin Nash wins and accepts the 2028 nomination of the Democratic Party for U.S. president.{_ELSE}\n\nAny replacement of the nominee before election day will not change the resolution of the market.'),
    ),
    "three named callers": (
        kalshi("KXPRES-28-JV", "Who will win the 2028 US Presidential election?", "Jon Vane", "Jon Vane wins the 2028 US Presidential election"),
        polymarket("Will Jon Vane win the 2028 US Presidential Election?", f'This market will resolve to "Yes" if Jon Vane wins the 2028 US Presidential Election.{_ELSE}\n\nThe resolution source for this market is the Associated Press, Fox News, and NBC. This market will resolve once all three sources call the race for the same candidate.'),
    ),
}  # fmt: skip


def verdict(k: MarketText, p: MarketText) -> Judgement:
    return judge(parse(k), parse(p), 920_000)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_true_pair_of_an_unseen_family_is_confirmed_from_both_sides(name: str) -> None:
    family = FAMILIES[name]
    for pair in ((family.kalshi, family.polymarket), (family.polymarket, family.kalshi)):
        result = verdict(*pair)
        assert (result.verdict, result.polarity) == (Verdict.CONFIRMED, family.polarity), (
            result.reason
        )


@pytest.mark.parametrize("name", FAMILIES)
def test_its_look_alike_is_not(name: str) -> None:
    family = FAMILIES[name]
    old, new = family.other
    p = family.polymarket
    changed = polymarket(
        p.question.replace(old, new),
        p.rules.replace(old, new),
        *(o.replace(old, new) for o in p.outcomes),
    )
    assert changed != p
    result = verdict(family.kalshi, changed)
    assert result.verdict is not Verdict.CONFIRMED, [f.as_dict() for f in result.findings]


@pytest.mark.parametrize("name", REVIEWED)
def test_a_condition_of_one_side_waits_for_a_person(name: str) -> None:
    assert verdict(*REVIEWED[name]).verdict is Verdict.REVIEW


@pytest.mark.parametrize("name", OTHERS)
def test_neighbours_are_never_confirmed(name: str) -> None:
    k, p = OTHERS[name]
    for pair in ((k, p), (p, k)):
        result = verdict(*pair)
        assert result.verdict is not Verdict.CONFIRMED, [f.as_dict() for f in result.findings]
