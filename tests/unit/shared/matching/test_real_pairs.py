"""The matcher on real labelled pairs and snapshots; skipped where that data is absent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from shared.domain.enums import Polarity, Verdict
from shared.matching import candidates
from shared.matching.evaluation import evaluate
from shared.matching.market_text import MarketText, from_row, kalshi_of, polymarket_of
from shared.matching.propositions import Proposition, parse
from shared.matching.verdicts import judge
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
