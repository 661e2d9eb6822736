"""Candidates and the meaning of the score on recorded catalogues; skipped where they are absent."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from typing import Any

import pytest

from shared.adapters.llm.wordllama_embedder import WordLlamaEmbedder
from shared.matching import candidates
from shared.matching.evaluation import bound_95, evaluate, universe
from shared.matching.market_text import from_row, kalshi_of, polymarket_of
from shared.ports.language_model import Embedder
from tests.support.shared_data import SHARED, needs_shared

pytestmark = needs_shared
DATA = SHARED / "data" / "matching"
FILES = ("pairs_dev.jsonl", "pairs_dev_full_text.jsonl")


@lru_cache
def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text().split("\n") if line.strip()]


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
