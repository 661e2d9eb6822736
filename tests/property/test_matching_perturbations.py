# ruff: noqa: E501  (texts are kept whole)
"""A true pair stays confirmed under spelling and order, and under nothing else (I-25).

Pairs are made of drawn names, years, days and numbers in the manner of both venues. One thing
of one side is then changed: the pair must not be confirmed any more, whichever side it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.domain.enums import Polarity, Venue, Verdict
from shared.matching.market_text import MarketText
from shared.matching.propositions import parse
from shared.matching.verdicts import Judgement, judge

BAR = 920_000
FIRST = "Ana Ezra Ida Milo Nora Otto Petra Sam Vera Yusuf Zora Hugo".split()
LAST = "Holt Ruiz Berg Poole Kade Lund Moro Nash Okoro Quist Rask Stone".split()
PLACES = "Norvale Ostland Quern Belmora Tarsk Lunden Averra Corvia Dunmore Elsk".split()
MONTHS = (
    "January February March April May June July August September October November December".split()
)


@dataclass(frozen=True, slots=True)
class Draw:
    """What a pair is about."""

    person: str
    place: str
    other: str
    when: date
    number: int

    @property
    def day(self) -> str:
        return f"{MONTHS[self.when.month - 1]} {self.when.day}, {self.when.year}"

    @property
    def next_day(self) -> str:
        after = self.when + timedelta(days=1)
        return f"{MONTHS[after.month - 1][:3]} {after.day}, {after.year}"


DRAWS = st.builds(
    Draw,
    person=st.builds("{} {}".format, st.sampled_from(FIRST), st.sampled_from(LAST)),
    place=st.sampled_from(PLACES[:5]),
    other=st.sampled_from(PLACES[5:]),
    when=st.dates(date(2026, 3, 2), date(2027, 10, 28)),
    number=st.integers(20, 90),
)


def side(venue: Venue, d: Draw, title: str, claim: str, more: str = "") -> MarketText:
    """Return a market of a venue in its own frame."""
    if venue is Venue.KALSHI:
        rules = f"If {claim}, then the market resolves to Yes.\n\n{more}"
    else:
        rules = f'This market will resolve to "Yes" if {claim}. Otherwise, this market will resolve to "No".\n\n{more}'
    close = int((d.when - date(1970, 1, 1)).total_seconds() + 86_400) * 10**9
    return MarketText(f"{venue.value}:x", venue, title, "", "", rules, "", close_ns=close)


def prize(d: Draw) -> tuple[MarketText, MarketText]:
    y = d.when.year
    return (
        side(Venue.KALSHI, d, f"Will {d.person} win the {y} {d.place} Prize?", f"{d.person} wins the {y} {d.place} Prize"),
        side(
            Venue.POLYMARKET, d, f"Will {d.person} win the {d.place} Prize in {y}?", f"{d.person} wins the {d.place} Prize in {y}",
            "The primary resolution source for this market will be official information from the organisers.",
        ),
    )  # fmt: skip


def election(d: Draw) -> tuple[MarketText, MarketText]:
    y = d.when.year
    return (
        side(Venue.KALSHI, d, f"Will {d.person} win the {y} {d.place} presidential election?", f"{d.person} wins the {y} {d.place} presidential election"),
        side(
            Venue.POLYMARKET, d, f"Will {d.person} win the {y} {d.place} presidential election?", f"{d.person} wins the {y} presidential election in {d.place}",
            "This market includes any potential second round.",
        ),
    )  # fmt: skip


def event(d: Draw) -> tuple[MarketText, MarketText]:
    return (
        side(Venue.KALSHI, d, f"Will {d.place} sign the treaty with {d.other} before {d.next_day}?", f"{d.place} signs the treaty with {d.other} before {d.next_day}"),
        side(Venue.POLYMARKET, d, f"Will {d.place} sign the treaty with {d.other} by {d.day}?", f"{d.place} signs the treaty with {d.other} by {d.day}, 11:59 PM ET"),
    )  # fmt: skip


def measure(d: Draw) -> tuple[MarketText, MarketText]:
    return (
        side(Venue.KALSHI, d, f"Will Bitcoin be above ${d.number},000 on {d.day}?", f"the price of BTC-USD on Coinbase is above ${d.number},000 at 5:00 PM ET on {d.day}"),
        side(Venue.POLYMARKET, d, f"Will Bitcoin be above ${d.number}k on {d.day}?", f"the price of BTC-USD on Coinbase is higher than ${d.number},000 at 5:00 PM ET on {d.day}"),
    )  # fmt: skip


def game(d: Draw) -> tuple[MarketText, MarketText]:
    k = side(
        Venue.KALSHI, d, f"{d.place} at {d.other} Winner?",
        f"{d.place} wins the {d.place} at {d.other} professional hockey game scheduled for {d.day}",
    )  # fmt: skip
    p = side(
        Venue.POLYMARKET, d, f"{d.place} vs. {d.other}", "x",
    )  # fmt: skip
    rules = (
        f'In the upcoming game, scheduled for {d.day} at 7:30PM ET:\nIf {d.place} wins, the market will resolve to "{d.place}".\n'
        f'If {d.other} wins, the market will resolve to "{d.other}".\nThe result includes any overtime.'
    )
    return replace(k, label=d.place), replace(p, rules=rules, outcomes=(d.place, d.other))


MAKERS = {"prize": prize, "election": election, "event": event, "measure": measure, "game": game}
Change = Callable[[str, Draw], str]


def verdict(a: MarketText, b: MarketText) -> Judgement:
    return judge(parse(a), parse(b), BAR)


def everywhere(market: MarketText, change: Callable[[str], str]) -> MarketText:
    return replace(
        market,
        question=change(market.question),
        label=change(market.label),
        rules=change(market.rules),
        outcomes=(change(market.outcomes[0]), change(market.outcomes[1])),
    )


def _shift_days(text: str, _: Draw) -> str:
    """Move every full date by two days."""

    def moved(m: re.Match[str]) -> str:
        month = next(n for n, name in enumerate(MONTHS) if name.startswith(m[1][:3])) + 1
        after = date(int(m[3]), month, int(m[2])) + timedelta(days=2)
        return f"{MONTHS[after.month - 1]} {after.day}, {after.year}"

    return re.sub(r"\b([A-Z][a-z]{2,8}) (\d{1,2}), (20\d\d)", moved, text)


CHANGES: dict[str, tuple[frozenset[str], Change]] = {
    "another year": (frozenset(MAKERS), lambda t, d: re.sub(r"\b20(\d\d)\b", lambda m: f"20{int(m[1]) + 1}", t)),
    "another day": (frozenset({"event", "measure", "game"}), _shift_days),
    "another person": (frozenset({"prize", "election"}), lambda t, d: t.replace(d.person, "Igor Umbra")),
    "a namesake": (frozenset({"prize", "election"}), lambda t, d: t.replace(d.person, f"{d.person} Jr.")),
    "another place": (frozenset(MAKERS) - {"measure"}, lambda t, d: t.replace(d.place, "Umbria")),
    "another opponent or partner": (frozenset({"event", "game"}), lambda t, d: t.replace(d.other, "Umbria")),
    "another number": (frozenset({"measure"}), lambda t, d: t.replace(f"${d.number}", f"${d.number + 1}")),
    "strict or not": (frozenset({"measure"}), lambda t, d: re.sub("above|higher than", "at least", t)),
    "the other way": (frozenset({"measure"}), lambda t, d: re.sub("above|higher than", "below", t)),
    "another unit": (frozenset({"measure"}), lambda t, d: t.replace("$", "").replace(",000", ",000%").replace("k on", "k% on")),
    "another source": (frozenset({"measure"}), lambda t, d: t.replace("Coinbase", "Binance")),
    "another asset": (frozenset({"measure"}), lambda t, d: t.replace("Bitcoin", "Ether").replace("BTC", "ETH")),
    "another hour": (frozenset({"measure"}), lambda t, d: t.replace("5:00 PM", "11:00 AM")),
    "another time zone": (frozenset({"measure"}), lambda t, d: t.replace("PM ET", "PM UTC")),
    "until instead of on": (frozenset({"measure"}), lambda t, d: re.sub(r"(at 5:00 PM ET )?on (?=[A-Z][a-z]+ \d)", "at any time by ", t)),
    "the negation": (frozenset({"prize", "election", "event"}), lambda t, d: re.sub(r"\b(wins|signs)\b", r"does not \1", t).replace("Will", "Will not")),
    "the loser": (frozenset({"prize", "election"}), lambda t, d: re.sub(r"\bwins?\b", "loses", t)),
    "second place": (frozenset({"prize", "election"}), lambda t, d: re.sub(r"\bwins?\b", "finishes second in", t)),
    "a nomination": (frozenset({"prize", "election"}), lambda t, d: re.sub(r"\bwins?\b", "is nominated for", t)),
    "the first round": (frozenset({"election"}), lambda t, d: t.replace("election", "election first round")),
    "a lesser office": (frozenset({"election"}), lambda t, d: t.replace("presidential", "vice presidential")),
    "another contest": (frozenset({"prize"}), lambda t, d: t.replace("Prize", "Youth Prize")),
    "an announcement": (frozenset({"event"}), lambda t, d: re.sub(r"\bsigns?\b", "announces", t)),
    "a part of the game": (frozenset({"game"}), lambda t, d: t.replace(f"{d.place} wins", f"{d.place} wins the first half")),
    "in overtime": (frozenset({"game"}), lambda t, d: t.replace(f"{d.place} wins", f"{d.place} wins in overtime")),
    "without a goal against": (frozenset({"game"}), lambda t, d: t.replace(f"{d.place} wins", f"{d.place} wins without conceding")),
    "by a penalty": (frozenset({"game"}), lambda t, d: t.replace(f"{d.place} wins", f"{d.place} wins by a penalty")),
    "a margin": (frozenset({"game"}), lambda t, d: t.replace(f"{d.place} wins", f"{d.place} wins by more than 2 goals")),
}  # fmt: skip
"""Name -> (the pairs it means something for, what it does to every text of one side)."""

ADDED = {
    "only if sworn": "Only a result that is confirmed in a sworn affidavit counts.",
    "must be held at home": "The event must take place on home soil to qualify.",
    "excluded": "This market excludes results that are later overturned on appeal.",
    "void on a strike": 'If a strike lasts longer than one week, this market will resolve to "No".',
    "half on a strike": "If a strike lasts longer than one week, this market will resolve 50-50.",
    "death carve-out": "If the person named dies before the end, this market will resolve to the last traded price.",
    "announcement counts": 'An announcement of it before the end will immediately resolve this market to "Yes".',
    "a definition": "For the purposes of this market, a result is defined as a result printed on paper.",
}  # fmt: skip
"""Sentences that change what pays, put at the end of one side's rules."""


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=25, deadline=None)
@given(d=DRAWS)
def test_a_true_pair_is_confirmed_whichever_side_comes_first(kind: str, d: Draw) -> None:
    a, b = MAKERS[kind](d)
    one, two = verdict(a, b), verdict(b, a)
    assert one.verdict is Verdict.CONFIRMED, one.reason
    assert two.verdict is Verdict.CONFIRMED, two.reason
    assert one.polarity is two.polarity is Polarity.SAME


@pytest.mark.parametrize(
    ("name", "kind"), [(n, k) for n, (kinds, _) in CHANGES.items() for k in sorted(kinds)]
)
@settings(max_examples=8, deadline=None)
@given(d=DRAWS, first=st.booleans())
def test_f094_one_thing_changed_on_one_side_is_never_confirmed(
    name: str, kind: str, d: Draw, first: bool
) -> None:
    change = CHANGES[name][1]
    pair = MAKERS[kind](d)
    changed = everywhere(pair[0] if first else pair[1], lambda t: change(t, d))
    assume(changed not in pair)
    a, b = (changed, pair[1]) if first else (pair[0], changed)
    result = verdict(a, b)
    is_same = result.verdict is Verdict.CONFIRMED and result.polarity is Polarity.SAME
    assert not is_same, [f.as_dict() for f in result.findings]
    assert result.verdict is not Verdict.CONFIRMED or name in INVERTING


INVERTING: frozenset[str] = frozenset()
"""Changes that make exactly the other side of the question; none of the above does."""


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", ADDED)
@settings(max_examples=8, deadline=None)
@given(d=DRAWS, first=st.booleans())
def test_a_binding_sentence_of_one_side_is_never_confirmed(
    name: str, kind: str, d: Draw, first: bool
) -> None:
    a, b = MAKERS[kind](d)
    more = f"\n\n{ADDED[name]}"
    if first:
        a = replace(a, rules=a.rules + more)
    else:
        b = replace(b, rules=b.rules + more)
    result = verdict(a, b)
    assert result.verdict is not Verdict.CONFIRMED, [f.as_dict() for f in result.findings]


SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "composed apart": lambda t: unicodedata.normalize("NFD", t),
    "typographic": lambda t: t.replace('"', "”").replace("'", "’").replace("-", "–"),
    "other spaces": lambda t: t.replace(" ", "\u00a0"),
    "double spaces": lambda t: f" {t.replace('. ', '.  ')} ",
    "unseen characters": lambda t: t.replace("e", "e\u200b"),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", SPELLINGS)
@settings(max_examples=6, deadline=None)
@given(d=DRAWS, first=st.booleans())
def test_spelling_changes_no_verdict(name: str, kind: str, d: Draw, first: bool) -> None:
    spell = SPELLINGS[name]
    a, b = MAKERS[kind](d)
    a, b = (everywhere(a, spell), b) if first else (a, everywhere(b, spell))
    result = verdict(a, b)
    assert (result.verdict, result.polarity) == (Verdict.CONFIRMED, Polarity.SAME), result.reason


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=15, deadline=None)
@given(d=DRAWS, more=st.permutations([*ADDED.values()][:3]))
def test_the_order_of_sentences_decides_nothing(kind: str, d: Draw, more: list[str]) -> None:
    a, b = MAKERS[kind](d)
    with_all = replace(b, rules="\n".join([b.rules, *more]))
    also = replace(a, rules="\n".join([*sorted(more), a.rules]))
    assert verdict(also, with_all).verdict is Verdict.CONFIRMED
    one, two = verdict(a, with_all), verdict(a, replace(b, rules="\n".join([*more, b.rules])))
    assert one.verdict is two.verdict is not Verdict.CONFIRMED
