"""Gate sentences: complete, in order, with the numbers of the interface document."""

from __future__ import annotations

import pytest

from shared.contracts import gates
from shared.domain.enums import GateCode

G = GateCode


def test_every_code_has_an_entry_in_the_order_of_checking() -> None:
    assert list(gates.GATES) == list(GateCode)
    assert [code for code, _ in gates.rows()] == [code.value for code in GateCode]
    assert len(GateCode) == 64


@pytest.mark.parametrize("code", list(GateCode))
def test_each_sentence_is_one_sentence_and_its_words_are_used(code: GateCode) -> None:
    entry = gates.GATES[code]
    assert entry.sentence.endswith(".")
    assert entry.advice.endswith(".")
    assert entry.short
    assert len(entry.short) <= 26
    unused = set(entry.words) - set(entry.names)
    shared_words = {"t", "reason", "who", "venue", "x", "y"}
    assert unused <= shared_words, unused


@pytest.mark.parametrize("code", list(GateCode))
@pytest.mark.parametrize("raw", [{}, {"x": "1"}, {"age_ms": "?"}, {"net_micros": "much"}])
def test_rendering_never_raises_and_unknown_is_a_question_mark(
    code: GateCode, raw: dict[str, str]
) -> None:
    said = gates.render(code, raw)
    assert "{" not in said
    if not raw and gates.GATES[code].names:
        assert gates.UNKNOWN in gates.render(code, raw) + gates.render(code, raw, short=True)


@pytest.mark.parametrize(
    ("code", "raw", "sentence", "short"),
    [
        (
            G.EDGE_BELOW_MIN,
            {"net_micros": "23600", "min_micros": "25000"},
            "0.14¢ below the 2.50¢ minimum.",
            "0.14¢ short",
        ),
        (G.EDGE_NEGATIVE, {"net_micros": "-23650"}, "Loses 2.37¢ after costs.", "loses 2.37¢"),
        (G.PAIRS_FULL, {"used": "8", "max": "8"}, "8 of 8 pairs in use.", "8 of 8 pairs"),
        (
            G.BOOK_STALE,
            {"venue": "kalshi", "age_ms": "4700", "max_ms": "2000"},
            "Kalshi book 4.7 s old, limit 2.0 s.",
            "Kalshi book 4.7 s",
        ),
        (
            G.HEDGE_CHANCE_LOW,
            {"chance_ppm": "971000", "min_ppm": "990000"},
            "Hedge chance 97.1 %, needs 99.0 %.",
            "hedge 97.1 %",
        ),
        (
            G.HALTED_VENUE,
            {"venue": "polymarket", "since_ns": "1763992929000000000", "reason": "feed_stale"},
            "Polymarket halted since 14:02:09 UTC: feed stale.",
            "Polymarket halted: feed stale",
        ),
        (
            G.CASH_SHORT,
            {"venue": "kalshi", "free_micros": "1234567890", "need_micros": "2000000000"},
            "Kalshi has $1,234.57 free, needs $2,000.00.",
            "Kalshi cash short",
        ),
        (
            G.DEPTH_THIN,
            {"qty_micros": "12500000", "need_micros": "40000000"},
            "Only 12.50 contracts clear the minimum; 40 needed.",
            "only 12.50 deep",
        ),
        (
            G.MARKET_CLOSING,
            {"left_s": "119", "margin_s": "120"},
            "Closes in 1 min, limit 2.",
            "closes in 1 min",
        ),
    ],
)
def test_numbers_read_as_on_the_screens(
    code: GateCode, raw: dict[str, str], sentence: str, short: str
) -> None:
    assert gates.render(code, raw) == sentence
    assert gates.render(code, raw, short=True) == short


def test_a_display_parameter_given_directly_stands_where_raw_numbers_are_missing() -> None:
    assert gates.display(G.EDGE_NEGATIVE, {"x": "2.00"}) == {"x": "2.00"}
    assert gates.display(G.EDGE_NEGATIVE, {"x": "2.00", "net_micros": "-10000"}) == {"x": "1.00"}


def test_rounding_for_display_is_half_away_from_zero_without_a_negative_zero() -> None:
    assert gates.display(G.EDGE_GONE, {"net_micros": "50"})["x"] == "0.01"
    assert gates.display(G.EDGE_GONE, {"net_micros": "49"})["x"] == "0.00"
    assert gates.display(G.EDGE_GONE, {"net_micros": "-49"})["x"] == "0.00"
    assert gates.display(G.EDGE_GONE, {"net_micros": "-50"})["x"] == "-0.01"
