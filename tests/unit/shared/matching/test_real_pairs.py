"""The matcher on real labelled pairs and snapshots; skipped where that data is absent."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.llm.wordllama_embedder import WordLlamaEmbedder
from shared.domain.enums import Polarity, Verdict
from shared.matching import candidates
from shared.matching.evaluation import bound_95, evaluate, universe
from shared.matching.market_text import MarketText, from_row, kalshi_of, polymarket_of
from shared.matching.propositions import Proposition, parse
from shared.matching.verdicts import judge
from shared.ports.language_model import Embedder
from tests.support.shared_data import SHARED, needs_shared

pytestmark = needs_shared
DATA = SHARED / "data" / "matching"
SNAPSHOT = SHARED / "data" / "paired_snapshot_2026-07-20"
FILES = ("pairs_dev.jsonl", "pairs_dev_full_text.jsonl")


@lru_cache
def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text().split("\n") if line.strip()]


def has_both_texts(row: dict[str, Any]) -> bool:
    return bool(row["kalshi"].get("rules_primary") and row["polymarket"].get("description"))


@pytest.mark.parametrize("name", FILES)
def test_full_texts_no_false_confirmation_and_enough_found(name: str) -> None:
    result = evaluate([row for row in rows(name) if has_both_texts(row)])
    assert result["false_confirms"] == [], result["false_confirms_in_full"]
    assert result["recall_equivalent"] >= 0.75
    kept = result["confirmed_or_review_full_text"]
    assert kept["precision"] >= 0.95 and kept["recall"] >= 0.85


def test_rows_without_rules_are_review_whatever_their_titles_say() -> None:
    bare = [row for row in rows(FILES[0]) if not has_both_texts(row)][:100]
    table = evaluate(bare)["all"]
    assert sum(cells["review"] for cells in table.values()) == len(bare)


def test_titles_only_against_title_matchers() -> None:
    result = evaluate(rows(FILES[0]), titles_only=True)
    assert result["precision"] >= 0.98
    assert result["recall_equivalent"] >= 0.90
    assert result["recall_inverse"] >= 0.98
    assert result["macro_recall_by_series"] >= 0.88
    assert result["all"]["inverse"]["confirmed"] == 0, "never the wrong way round"
    assert result["all"]["equivalent"]["confirmed_inverse"] == 0


def test_every_recorded_divergence_is_refused() -> None:
    checked = 0
    for row in rows("divergences.jsonl"):
        if not isinstance(row.get("kalshi"), dict) or not isinstance(row.get("polymarket"), dict):
            continue
        a, b = kalshi_of(row["kalshi"]), polymarket_of(row["polymarket"])
        if not a.rules or not b.rules:
            continue
        checked += 1
        result = judge(parse(a), parse(b), 920_000)
        assert result.verdict is not Verdict.CONFIRMED, row["case"]
    assert checked > 0


def _objects(folder: Path, pattern: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.glob(pattern)):
        raw = json.loads(path.read_text())
        raw = raw[0] if isinstance(raw, list) else raw
        found.append(raw.get("market", raw))
    return found


def test_pairs_of_one_day_are_found_from_their_texts() -> None:
    kalshi = [kalshi_of(raw) for raw in _objects(SNAPSHOT / "kalshi", "market_*.json")]
    polymarket = [polymarket_of(r) for r in _objects(SNAPSHOT / "polymarket", "gamma_*.json")]
    a, b = [parse(m) for m in kalshi], [parse(m) for m in polymarket]
    confirmed: dict[str, str] = {}
    for i, j in candidates.pairs(kalshi, polymarket):
        result = judge(a[i], b[j], 920_000)
        if result.verdict is Verdict.CONFIRMED:
            assert result.polarity is Polarity.SAME
            confirmed[kalshi[i].market_id.removeprefix("kalshi:")] = polymarket[j].question
    expected = {
        "KXFEDDECISION-26JUL-C25": "decrease interest rates by 25 bps",
        "KXFEDDECISION-26JUL-H0": "no change in Fed interest rates",
        "KXMENWORLDCUP-26-AR": "Will Argentina win the 2026 FIFA World Cup",
        "KXMENWORLDCUP-26-ES": "Will Spain win the 2026 FIFA World Cup",
        "KXATP-26WIM-SIN": "Jannik Sinner",
        "KXBALLONDOR-26-RODR": "Rodri",
        "KXWCADVANCE-26JUL06USABEL-USA": "United States vs. Belgium",
    }
    for ticker, words in expected.items():
        assert words in confirmed.get(ticker, "nothing"), ticker
    assert "KXNEXTTEAMNBA-26LJAM-GSW" not in confirmed, "eight days between the deadlines"


def _year_later(text: str) -> str:
    return re.sub(r"\b20(2\d)\b", lambda m: f"20{int(m[1]) + 1}", text)


def _negated(text: str) -> str:
    return re.sub(r"\b(wins?|votes?|leaves?)\b", r"does not \1", text)


MUTATIONS: dict[str, Callable[[str], str]] = {"a year later": _year_later, "negated": _negated}


@lru_cache
def confirmed_rows() -> list[tuple[MarketText, MarketText, Proposition]]:
    found = []
    for name in FILES:
        for row in rows(name):
            if row["label"] not in ("equivalent", "inverse") or not has_both_texts(row):
                continue
            a, b = from_row(row)
            read = parse(a)
            if judge(read, parse(b), 920_000).verdict is Verdict.CONFIRMED:
                found.append((a, b, read))
    return found


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_true_pair_with_one_side_changed_is_refused(name: str) -> None:
    change = MUTATIONS[name]
    tried = 0
    for _, b, read in confirmed_rows():
        other = replace(b, question=change(b.question), rules=change(b.rules))
        if other == b:
            continue
        tried += 1
        result = judge(read, parse(other), 920_000)
        assert result.verdict is not Verdict.CONFIRMED, other.question
    assert tried > 100


def lines(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / name, "rt") as file:
        return [json.loads(line) for line in file]


def test_candidates_hold_every_known_pair_of_a_snapshot() -> None:
    kalshi, polymarket = lines("universe_kalshi.jsonl.gz"), lines("universe_polymarket.jsonl.gz")
    labels = json.loads((DATA / "universe_labelled_dev.json").read_text())
    result = universe(kalshi, polymarket, "2026-03-01", labels, WordLlamaEmbedder())
    assert result["candidates"]["recall_at_20"] == 1.0
    assert result["candidates"]["missed"] == []


@pytest.mark.parametrize(
    ("embedder", "least"), [(None, 0.99), (WordLlamaEmbedder(), 0.995)], ids=["words", "all"]
)
def test_each_direction_finds_the_labelled_positives_among_both_snapshots(
    embedder: Embedder | None, least: float
) -> None:
    """All 664 positives of the labelled files, planted among every market of the snapshots."""
    first = {m.market_id: m for m in map(kalshi_of, lines("universe_kalshi.jsonl.gz"))}
    second = {m.market_id: m for m in map(polymarket_of, lines("universe_polymarket.jsonl.gz"))}
    wanted = []
    for name in FILES:
        for row in rows(name):
            a, b = from_row(row)
            first.setdefault(a.market_id, a)
            second.setdefault(b.market_id, b)
            if row["label"] in ("equivalent", "inverse"):
                wanted.append((a.market_id, b.market_id))
    one = candidates.Side(list(first.values()), embedder)
    two = candidates.Side(list(second.values()), embedder)
    place_a = {m: n for n, m in enumerate(first)}
    place_b = {m: n for n, m in enumerate(second)}
    forth, back = one.nearest(two, 20), two.nearest(one, 20)
    assert max(map(len, forth)) <= 20 and max(map(len, back)) <= 20
    found = [(place_b[b] in forth[place_a[a]], place_a[a] in back[place_b[b]]) for a, b in wanted]
    assert sum(f for f, _ in found) / len(wanted) >= least
    assert sum(b for _, b in found) / len(wanted) >= least


def test_the_bar_means_what_it_says_in_both_halves_of_the_series() -> None:
    """Above 0.92 the truly same share is surely above 0.92, just below it is not perfect."""
    result = evaluate([row for name in FILES for row in rows(name)])
    above = [band for band in result["calibration"] if band["from"] >= 0.92]
    below = [band for band in result["calibration"] if band["to"] <= 0.6]
    count = sum(band["rows"] for band in above)
    wrong = sum(round(band["rows"] * (1 - band["same"])) for band in above)
    assert count > 150 and 1 - bound_95(wrong, count) >= 0.92
    assert all(band["same"] < 0.2 for band in below)
    for half in result["halves_by_series"].values():
        assert half["wrong"] == 0 and half["series"] > 60
        assert half["recall"] >= 0.6
        assert half["kept_precision"] >= 0.95 and half["kept_recall"] >= 0.85
