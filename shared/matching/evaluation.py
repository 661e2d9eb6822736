"""Measures the matcher on labelled pairs, with the bound that the numbers really prove.

Shapes of the results are those of ``twinleg match evaluate`` and ``match universe``.
Labels: the Polymarket side means its first outcome. A confirmation is right when the
label is ``equivalent`` and the polarity is SAME, or ``inverse`` and INVERSE.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shared.domain.config import Config
from shared.domain.enums import Polarity, Verdict
from shared.matching import candidates
from shared.matching.calibration import Scored, curve, halves
from shared.matching.market_text import MarketText, from_row, kalshi_of, polymarket_of
from shared.matching.propositions import Proposition, parse
from shared.matching.verdicts import Judgement, judge
from shared.ports.language_model import Embedder

LABELS: Final = ("equivalent", "inverse", "related_not_equivalent", "unrelated")
CANDIDATES: Final = 40
"""Candidates of a market: 20 looked up from each direction."""
_CELLS: Final = ("confirmed", "confirmed_inverse", "review", "rejected")
_RIGHT: Final = {"equivalent": "confirmed", "inverse": "confirmed_inverse"}

Row = Mapping[str, Any]


def evaluate(rows: Sequence[Row], titles_only: bool = False) -> dict[str, Any]:
    """Judge labelled rows; return counts by label and everything that went wrong.

    Rows without both rules texts count as review at best, unless ``titles_only``: then no
    rules text is read at all, and a confirmation means that only the missing text is open.
    """
    started = time.perf_counter()
    tables = {"all": _empty(), "full_text": _empty()}
    by_method: dict[str, dict[str, Counter[str]]] = defaultdict(_empty)
    families: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    fired: dict[str, Counter[str]] = defaultdict(Counter)
    false_confirms: list[dict[str, Any]] = []
    scored: list[Scored] = []
    for row in rows:
        a, b = from_row(row, titles_only=titles_only)
        result = judge(parse(a), parse(b), Config().llm_accept_score_ppm)
        full = bool(row["kalshi"].get("rules_primary") and row["polymarket"].get("description"))
        label = str(row["label"])
        cell = _cell(result, titles_only) if full or titles_only else "review"
        tables["all"][label][cell] += 1
        if full:
            tables["full_text"][label][cell] += 1
            scored.append(_scored(row, label, cell, result))
        by_method[str(row.get("label_method") or "")][label][cell] += 1
        fired[label].update({f.code for f in result.findings if not f.passes})
        if label in _RIGHT and (full or titles_only):
            family = families[str(row.get("family") or _series(row))]
            family[0] += cell == _RIGHT[label]
            family[1] += 1
        if cell.startswith("confirmed") and cell != _RIGHT.get(label):
            false_confirms.append(_wrong(row, cell, result))
    right, accepted = _accepts(tables["all"])
    right_full, accepted_full = _accepts(tables["full_text"])
    return {
        "all": {k: dict(v) for k, v in tables["all"].items()},
        "full_text": {k: dict(v) for k, v in tables["full_text"].items()},
        "false_confirms": [entry["pair_id"] for entry in false_confirms],
        "seconds": round(time.perf_counter() - started, 3),
        "false_confirms_in_full": false_confirms,
        "by_label_method": {m: {k: dict(v) for k, v in t.items()} for m, t in by_method.items()},
        "rules_fired": {k: dict(v.most_common()) for k, v in fired.items()},
        "calibration": curve(scored),
        "halves_by_series": halves(scored),
        "precision": round(right / accepted, 4) if accepted else None,
        "confirmed_or_review_full_text": _kept(tables["full_text"]),
        "recall_equivalent": _recall(tables["all" if titles_only else "full_text"], "equivalent"),
        "recall_inverse": _recall(tables["all" if titles_only else "full_text"], "inverse"),
        "macro_recall_by_series": _macro(families),
        "false_match_rate_95_bound": round(bound_95(accepted - right, accepted), 4),
        "false_match_rate_95_bound_full_text": round(
            bound_95(accepted_full - right_full, accepted_full), 4
        ),
    }


def _scored(row: Row, label: str, cell: str, result: Judgement) -> Scored:
    wanted = {"equivalent": Polarity.SAME, "inverse": Polarity.INVERSE}.get(label)
    return Scored(
        series=str(row.get("family") or _series(row)),
        score_ppm=result.score_ppm,
        is_positive=wanted is not None,
        is_same=result.polarity is wanted,
        is_confirmed=cell.startswith("confirmed"),
        is_kept=cell != "rejected",
    )


def _empty() -> dict[str, Counter[str]]:
    return {label: Counter(dict.fromkeys(_CELLS, 0)) for label in LABELS}


def _series(row: Row) -> str:
    return str(row["kalshi"].get("ticker") or "").split("-", 1)[0]


def _cell(result: Judgement, titles_only: bool) -> str:
    verdict = result.verdict
    if titles_only and verdict is not Verdict.REJECTED and _only_text_missing(result):
        verdict = Verdict.CONFIRMED
    if verdict is Verdict.CONFIRMED:
        return "confirmed" if result.polarity is Polarity.SAME else "confirmed_inverse"
    return "review" if verdict is Verdict.REVIEW else "rejected"


def _only_text_missing(result: Judgement) -> bool:
    return all(f.code in ("RULES", "SOURCE") for f in result.findings if not f.passes)


def _wrong(row: Row, cell: str, result: Judgement) -> dict[str, Any]:
    return {
        "pair_id": row.get("pair_id"),
        "label": row["label"],
        "cell": cell,
        "kalshi": row["kalshi"].get("title"),
        "outcome": row["kalshi"].get("yes_sub_title"),
        "polymarket": row["polymarket"].get("question"),
        "why": row.get("why"),
        "score_ppm": result.score_ppm,
        "findings": [f.as_dict() for f in result.findings],
    }


def _accepts(table: Mapping[str, Counter[str]]) -> tuple[int, int]:
    right = sum(table[label][cell] for label, cell in _RIGHT.items())
    accepted = sum(row["confirmed"] + row["confirmed_inverse"] for row in table.values())
    return right, accepted


def _kept(table: Mapping[str, Counter[str]]) -> dict[str, float | None]:
    """Return precision and recall of everything that is not rejected."""
    kept = {label: sum(row.values()) - row["rejected"] for label, row in table.items()}
    positive = sum(sum(table[label].values()) for label in _RIGHT)
    good, whole = sum(kept[label] for label in _RIGHT), sum(kept.values())
    return {
        "precision": round(good / whole, 4) if whole else None,
        "recall": round(good / positive, 4) if positive else None,
    }


def _recall(table: Mapping[str, Counter[str]], label: str) -> float | None:
    total = sum(table[label].values())
    return round(table[label][_RIGHT[label]] / total, 4) if total else None


def _macro(families: Mapping[str, Sequence[int]]) -> float | None:
    shares = [right / total for right, total in families.values() if total]
    return round(sum(shares) / len(shares), 4) if shares else None


def bound_95(wrong: int, accepted: int) -> float:
    """Return the upper 95 % bound (Clopper-Pearson, one-sided) of the false-match rate.

    Zero wrong in ``accepted`` still leaves about 3 / accepted (the rule of three); nothing
    accepted proves nothing, so the bound is 1.
    """
    assert 0 <= wrong <= accepted
    if accepted == 0 or wrong == accepted:
        return 1.0
    low, high = wrong / accepted, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(wrong, accepted, middle) > 0.05:
            low = middle
        else:
            high = middle
    return high


def _at_most(k: int, n: int, p: float) -> float:
    """Return P(X <= k) for a binomial X of n draws at p."""
    term = (1 - p) ** n
    total = term
    for i in range(k):
        term *= (n - i) / (i + 1) * p / (1 - p)
        total += term
    return min(1.0, total)


def universe(
    kalshi: Iterable[Row],
    polymarket: Iterable[Row],
    snapshot: str,
    labels: Sequence[Row],
    embedder: Embedder | None = None,
) -> dict[str, Any]:
    """Run candidates and rules over one snapshot of both catalogues.

    ``labels`` are known positives and others inside; recall counts equivalent and inverse.
    """
    started = time.perf_counter()
    first = [kalshi_of(r) for r in kalshi if _in(r, snapshot)]
    second_rows = [r for r in polymarket if _in(r, snapshot)]
    second = [polymarket_of(r) for r in second_rows]
    found = list(candidates.pairs(first, second, CANDIDATES, embedder))
    propositions_a, propositions_b = _Lazy(first), _Lazy(second)
    verdicts: Counter[str] = Counter()
    for i, j in found:
        result = judge(propositions_a[i], propositions_b[j], Config().llm_accept_score_ppm)
        verdicts[result.verdict.value] += 1
    return {
        "candidates": {"pairs": len(found), **_recalled(first, second_rows, found, labels)},
        "confirmed": verdicts[Verdict.CONFIRMED.value],
        "review": verdicts[Verdict.REVIEW.value],
        "seconds": round(time.perf_counter() - started, 3),
    }


def _in(row: Row, snapshot: str) -> bool:
    return not snapshot or str(row.get("_snapshot") or snapshot) == snapshot


def _recalled(
    first: Sequence[MarketText],
    second: Sequence[Row],
    found: Sequence[tuple[int, int]],
    labels: Sequence[Row],
) -> dict[str, Any]:
    """Return how many labelled positives of this snapshot are among the candidates.

    A Polymarket id in a label is the Gamma id or the condition id; a label may also name
    the question, for rows that carry no id.
    """
    tickers = {m.market_id.split(":", 1)[1]: n for n, m in enumerate(first)}
    ids: dict[str, int] = {}
    for number, row in enumerate(second):
        for key in ("question", "conditionId", "id"):
            if row.get(key):
                ids[str(row[key])] = number
    pairs = set(found)
    missed: list[Any] = []
    total = 0
    for label in labels:
        a = tickers.get(str(label["kalshi"]))
        b = ids.get(str(label["polymarket"]), ids.get(str(label.get("question"))))
        if label["label"] not in _RIGHT or a is None or b is None:
            continue
        total += 1
        if (a, b) not in pairs:
            missed.append(label["pair_id"])
    share = round((total - len(missed)) / total, 4) if total else None
    return {"recall_at_20": share, "positives": total, "missed": missed}


class _Lazy:
    """Propositions by number, each market read once and only when a candidate needs it."""

    def __init__(self, markets: Sequence[MarketText]) -> None:
        self._markets = markets
        self._known: dict[int, Proposition] = {}

    def __getitem__(self, number: int) -> Proposition:
        if number not in self._known:
            self._known[number] = parse(self._markets[number])
        return self._known[number]
