"""Market text is untrusted: any text is read in bounded time and confirms nothing alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.enums import Venue, Verdict
from shared.matching.market_text import RULES_MAX, MarketText, bounded
from shared.matching.propositions import parse
from shared.matching.text import SENTENCE_MAX, fold, sentences
from shared.matching.verdicts import judge

PIECES = st.sampled_from(
    "if |between 1 and |1,|(|vs. |at |50-50 |2024-25 |will win the |U.S. |\n|tie |not |jan 1 |"
    'then the market resolves to Yes. |above 3 |\u0301|"|before 2027 |announcement '.split("|")
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=80).map("".join)


def market(venue: Venue, title: str, rules: str) -> MarketText:
    return MarketText(f"{venue.value}:x", venue, title, "", "", rules, "", close_ns=10**18)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_any_text_is_judged_without_an_error(a: str, b: str, c: str, d: str) -> None:
    one, two = market(Venue.KALSHI, a, b), market(Venue.POLYMARKET, c, d)
    result = judge(parse(one), parse(two), 920_000)
    assert 0 <= result.score_ppm <= 1_000_000
    assert result.rules_passed or result.verdict is not Verdict.CONFIRMED


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_a_market_without_a_claim_is_never_confirmed_with_itself(text: str) -> None:
    one = market(Venue.KALSHI, "Will it?", text.replace("resolves to Yes", "resolves"))
    two = market(Venue.POLYMARKET, "Will it?", one.rules)
    assert judge(parse(one), parse(two), 920_000).verdict is not Verdict.CONFIRMED


def test_a_text_that_is_cut_is_never_confirmed() -> None:
    claim = "If Ostland leaves the union before Jan 1, 2027, then the market resolves to Yes."
    long = claim + "\n" + "It is cold there in winter. " * (RULES_MAX // 20)
    assert bounded(market(Venue.KALSHI, "Q", long))[1]
    one, two = market(Venue.KALSHI, "Q", long), market(Venue.POLYMARKET, "Q", long)
    assert judge(parse(one), parse(two), 920_000).verdict is not Verdict.CONFIRMED
    sentence = "If " + "very " * (SENTENCE_MAX // 5) + "true, then the market resolves to Yes."
    assert parse(market(Venue.KALSHI, "Q", sentence)).is_cut


def test_sentences_keep_abbreviations_whole() -> None:
    text = 'The U.S. leaves. It was No. 1 vs. the rest. "Quoted." Then more.\nNew line'
    assert sentences(text) == (
        "The U.S. leaves.", "It was No. 1 vs. the rest.", '"Quoted."', "Then more.", "New line",
    )  # fmt: skip


def test_folding_makes_spellings_one() -> None:
    assert fold("  Félix  Auger\u2013Aliassime\u2019s ") == "felix auger-aliassime's"
