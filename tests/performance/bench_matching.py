# ruff: noqa: E501  (texts are kept whole)
"""Matching at scale: candidates and rules over whole catalogues, full texts by the second.

    python -m tests.performance.bench_matching

Catalogues are drawn, not recorded: titles of many families, each with a true counterpart on
the other side. The rival compares every market with every other by the Jaccard likeness of
their words, as title matchers do; its cost is measured on a sample. Marks: 13,828 x 3,066
markets in 5 s for candidates and 30 s with rules, 50,000 x 30,000 in 60 s for candidates,
2,000 pairs of full texts a second, every market read once, every counterpart found. Marks are
held against the processor's seconds of all threads together, which other work on the machine
does not move; the wall's stand beside them.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any, Final

from shared.adapters.llm.wordllama_embedder import WordLlamaEmbedder
from shared.domain.enums import Venue, Verdict
from shared.matching import candidates
from shared.matching.market_text import MarketText
from shared.matching.propositions import Proposition, parse
from shared.matching.text import fold, words
from shared.matching.verdicts import judge

SIZES: Final = ((3_457, 766), (6_914, 1_533), (13_828, 3_066), (50_000, 30_000))
RULED: Final = (13_828, 3_066)
LIMIT_S: Final = {(13_828, 3_066): 5.0, (50_000, 30_000): 60.0}
RULED_LIMIT_S: Final = 30.0
FULL_TEXT_MIN: Final = 2_000
"""Pairs of full texts a second, both read before."""
FOUND_MIN: Final = 0.99
BAR: Final = 920_000

_SYLLABLES: Final = "ba do fi gru ka lem mo nar os pel qui ra sto tu ve wil xan yor zu".split()
_FAMILIES: Final = (
    ("Will {a} win the {y} {b} championship?", "Will {a} win the {b} championship in {y}?", "{a} wins the {y} {b} championship"),
    ("Will {a} be elected mayor of {b} in {y}?", "Will {a} win the {y} {b} mayoral election?", "{a} wins the {y} {b} mayoral election"),
    ("{a} at {b} Winner?", "{a} vs. {b}", "{a} wins the {a} at {b} game scheduled for {d}"),
    ("Will {a} leave {b} before {d}?", "{a} out at {b} by {d}?", "{a} leaves {b} before {d}"),
    ("Will the price of {a} be above ${n} on {d}?", "{a} above ${n} on {d}?", "the price of {a} on Coinbase is above ${n} on {d}"),
    ("Will {a} and {b} sign a treaty before {d}?", "{a} x {b} treaty by {d}?", "{a} and {b} sign a treaty before {d}"),
)  # fmt: skip
_MORE: Final = (
    "If the event is cancelled or postponed by more than two weeks, the market resolves to a fair price. "
    "The resolution source for this market is the official announcement of the organisers. "
    "If no winner is declared by December 31, 2027, this market will resolve to No. "
) * 3


def name(rng: random.Random) -> str:
    return "".join(rng.choices(_SYLLABLES, k=3)).title()


def catalogues(
    first: int, second: int, *, has_rules: bool = False
) -> tuple[list[MarketText], list[MarketText]]:
    """Return two catalogues; market n of the smaller has its counterpart at n of the larger."""
    rng = random.Random(5)
    names = [name(rng) for _ in range(4_000)]
    sides: tuple[list[MarketText], list[MarketText]] = ([], [])
    for number in range(max(first, second)):
        one, two, claim = rng.choice(_FAMILIES)
        filled = {
            "a": f"{rng.choice(names)} {rng.choice(names)}", "b": rng.choice(names),
            "y": rng.choice((2026, 2027)), "n": rng.randrange(100, 90_000, 50),
            "d": f"{rng.choice(('March', 'May', 'October'))} {rng.randrange(1, 29)}, 2026",
        }  # fmt: skip
        for venue, title, side, size in (
            (Venue.KALSHI, one, sides[0], first), (Venue.POLYMARKET, two, sides[1], second),
        ):  # fmt: skip
            if number < size:
                made = market(venue, number, title, claim, filled)
                side.append(made if has_rules else replace(made, rules=""))
    return sides


def market(venue: Venue, number: int, title: str, claim: str, filled: dict[str, Any]) -> MarketText:
    said = claim.format(**filled)
    frame = (
        f"If {said}, then the market resolves to Yes.\n\n"
        if venue is Venue.KALSHI
        else f'This market will resolve to "Yes" if {said}. Otherwise it resolves to "No".\n\n'
    )
    question = title.format(**filled)
    return MarketText(f"{venue.value}:{number}", venue, question, "", "", frame + _MORE, "")


def rival_s(first: list[MarketText], second: list[MarketText], sample: int = 40) -> float:
    """Return the seconds of comparing all with all by the Jaccard likeness of their words."""
    other = [frozenset(words(fold(m.question))) for m in second]
    chosen = first[:sample]
    start = time.process_time()
    for one in chosen:
        own = frozenset(words(fold(one.question)))
        sorted(len(own & their) / len(own | their) for their in other)[-20:]
    return (time.process_time() - start) * len(first) / len(chosen)


def scaled(size: tuple[int, int], embedder: WordLlamaEmbedder) -> dict[str, Any]:
    """Find candidates for one size, and judge them where that is asked for."""
    first, second = catalogues(*size)
    wall, start = time.perf_counter(), time.process_time()
    found = list(candidates.pairs(first, second, 40, embedder))
    spent, wall = time.process_time() - start, time.perf_counter() - wall
    known = set(found)
    rival = rival_s(first, second)
    row: dict[str, Any] = {
        "markets": f"{size[0]} x {size[1]}",
        "pairs": len(found),
        "candidates_s": round(spent, 2),
        "wall_s": round(wall, 2),
        "all_with_all_s": round(rival, 1),
        "ratio": round(rival / spent, 1),
        "found": sum((n, n) in known for n in range(min(size))) / min(size),
    }
    row["is_met"] = row["found"] >= FOUND_MIN and spent <= LIMIT_S.get(size, spent)
    if size == RULED:
        start = time.process_time()
        reads: Counter[str] = Counter()
        a, b = read_all(first, reads), read_all(second, reads)
        verdicts = Counter(judge(a[i], b[j], BAR).verdict for i, j in found)
        row["with_rules_s"] = round(spent + time.process_time() - start, 2)
        row["review"] = verdicts[Verdict.REVIEW]
        row["is_met"] &= row["with_rules_s"] <= RULED_LIMIT_S and set(reads.values()) == {1}
    return row


def read_all(markets: list[MarketText], reads: Counter[str]) -> list[Proposition]:
    reads.update(m.market_id for m in markets)
    return [parse(m) for m in markets]


def full_texts() -> dict[str, Any]:
    """Judge every combination of 300 x 60 full texts, read before."""
    first, second = catalogues(300, 60, has_rules=True)
    start = time.process_time()
    a, b = [parse(m) for m in first], [parse(m) for m in second]
    reads = (len(a) + len(b)) / (time.process_time() - start)
    start = time.process_time()
    count = sum(1 for x, y in itertools.product(a, b) if judge(x, y, BAR))
    speed = count / (time.process_time() - start)
    return {
        "full_text_pairs_a_second": int(speed),
        "full_text_reads_a_second": int(reads),
        "ratio_to_mark": round(speed / FULL_TEXT_MIN, 2),
        "is_met": speed >= FULL_TEXT_MIN,
    }


def run() -> dict[str, Any]:
    embedder = WordLlamaEmbedder()
    rows = [scaled(size, embedder) for size in SIZES]
    rows.append(full_texts())
    return {"bench": "matching", "is_met": all(row["is_met"] for row in rows), "rows": rows}


def main() -> int:
    result = run()
    for row in result["rows"]:
        print(json.dumps(row))
    print(f"is_met: {result['is_met']}")
    return 0 if result["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
