"""The pairs of the browser tests: names, categories, prices and rule findings, self-written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from shared.contracts.api_v1 import PairFinding, PairRow


@dataclass(slots=True)
class Pair:
    """One pair of the fixture and where its figures start; micros per contract."""

    pair_id: str
    name: str
    category: str
    net_micros: int | None
    qty: int
    lock_days: int | None
    hedge_ppm: int | None
    lead: str
    status: str
    buy: tuple[str, str] = ("yes", "no")
    first: str | None = "a"
    params: dict[str, str] = field(default_factory=dict)
    more_gates: tuple[str, ...] = ()
    spark: list[int] = field(default_factory=list)


NAMED = (
    Pair(
        "cpi-sep25-30",
        "CPI YoY ≥ 3.0 · Sep 25",
        "economics",
        34_200,
        412,
        21,
        994_000,
        "K 5s",
        "buying",
        ("no", "yes"),
        "a",
        {"step": "leg 2 of 2"},
    ),
    Pair(
        "fed-dec25-cut25",
        "Fed −25 bp · Dec 25",
        "economics",
        28_100,
        250,
        18,
        996_000,
        "P 5s",
        "PAIRS_FULL",
        ("yes", "no"),
        "a",
        {"n": "8", "m": "8"},
    ),
    Pair(
        "wc26-france",
        "World Cup 26 · France",
        "sport",
        23_600,
        500,
        241,
        992_000,
        "none",
        "EDGE_BELOW_MIN",
        ("no", "yes"),
        "b",
        {"x": "0.14", "y": "2.50"},
        ("RETURN_TOO_LOW",),
    ),
    Pair(
        "btc-120k-dec31",
        "BTC > 120k · 31 Dec",
        "crypto",
        21_200,
        180,
        39,
        971_000,
        "P 10s",
        "HEDGE_CHANCE_LOW",
        ("yes", "no"),
        "b",
        {"x": "97.1", "y": "99.0"},
    ),
    Pair(
        "wc26-paraguay-qf",
        "World Cup 26 · Paraguay QF",
        "sport",
        17_400,
        96,
        232,
        993_000,
        "K 5s",
        "EDGE_BELOW_MIN",
        ("yes", "no"),
        "a",
        {"x": "0.76", "y": "2.50"},
    ),
    Pair(
        "shutdown-dec1",
        "Shutdown ends < 1 Dec",
        "politics",
        62_000,
        40,
        None,
        988_000,
        "stale",
        "BOOK_STALE",
        ("no", "yes"),
        "b",
        {"venue": "Kalshi", "x": "4.7", "y": "2.0"},
        ("LOCK_LIMIT", "HEDGE_CHANCE_LOW"),
    ),
    Pair(
        "unemp-44-nov",
        "Unemployment ≥ 4.4 · Nov 25",
        "economics",
        9_200,
        310,
        20,
        995_000,
        "K 5s",
        "EDGE_BELOW_MIN",
        ("yes", "no"),
        "a",
        {"x": "1.58", "y": "2.50"},
    ),
    Pair(
        "portugal-spain-90",
        "Portugal beats Spain · 90 min",
        "sport",
        3_100,
        120,
        12,
        990_000,
        "none",
        "EDGE_BELOW_MIN",
        ("no", "yes"),
        "a",
        {"x": "2.19", "y": "2.50"},
    ),
    Pair(
        "nyc-high-60",
        "NYC high 60–61 °F · 24 Nov",
        "weather",
        -4_400,
        75,
        1,
        982_000,
        "K 5s",
        "EDGE_NEGATIVE",
        ("yes", "no"),
        "a",
        {"x": "0.44"},
    ),
    Pair(
        "oscars-brutalist",
        "Best Picture · The Brutalist",
        "culture",
        -9_000,
        200,
        98,
        991_000,
        "P 5s",
        "EDGE_NEGATIVE",
        ("no", "yes"),
        "b",
        {"x": "0.90"},
    ),
    Pair(
        "eth-5000-nov",
        "ETH > 5,000 · 30 Nov",
        "crypto",
        -11_500,
        260,
        6,
        994_000,
        "P 10s",
        "EDGE_NEGATIVE",
        ("no", "yes"),
        "b",
        {"x": "1.15"},
    ),
    Pair(
        "starship-catch",
        "Starship tower catch · 2025",
        "science",
        None,
        0,
        37,
        None,
        "stale",
        "BOOK_EMPTY",
        ("yes", "no"),
        None,
        {"outcome": "NO", "venue": "Polymarket"},
    ),
)


def all_pairs(total: int) -> list[Pair]:
    """Return the named pairs and as many plain ones as make ``total``."""
    rows = [replace(pair) for pair in NAMED]
    for number in range(len(rows), total):
        net = 12_000 - (number * 7_919) % 60_000
        status, params = (
            ("EDGE_NEGATIVE", {"x": f"{-net / 10_000:.2f}"})
            if net < 0
            else ("EDGE_BELOW_MIN", {"x": f"{(25_000 - net) / 10_000:.2f}", "y": "2.50"})
        )
        rows.append(
            Pair(
                f"series-{number}",
                f"Rain > {number % 9 + 1} mm · station {number}",
                "weather",
                net,
                20 + number % 300,
                1 + number % 50,
                990_000 + number % 9_000,
                ("K 5s", "P 5s", "none")[number % 3],
                status,
                ("yes", "no"),
                "a",
                params,
            )
        )
    return rows


_FINDINGS = {
    "confirmed": (
        (
            "observation_window",
            "same",
            "Both name the twelve months ending 1 September 2025.",
            "the twelve months ending 1 September 2025",
            "annual CPI for September 2025",
        ),
        (
            "threshold",
            "same",
            "Above 2.9 on a grid of 0.1 is 3.0 or higher.",
            "is above 2.9%",
            "is 3.0% or higher",
        ),
        (
            "settlement_source",
            "same",
            "Both read the Bureau of Labor Statistics.",
            "per the Bureau of Labor Statistics",
            "according to the BLS news release",
        ),
        (
            "rounding",
            "same",
            "Both use the published figure, one decimal.",
            "as published, to one decimal",
            "the figure as reported",
        ),
        (
            "early_close",
            "one_side",
            "Only Kalshi names an early close after the release.",
            "This market closes when the data are released",
            "",
        ),
    ),
    "review": (
        (
            "no_release",
            "conflict",
            "Kalshi pays the last price, Polymarket resolves No.",
            "If not released by 30 November, the last traded price",
            "If not released by November 30, this market resolves to “No”",
        ),
        (
            "revisions",
            "one_side",
            "Polymarket ignores revisions; Kalshi is silent.",
            "",
            "Revisions after the first release are not considered",
        ),
        (
            "threshold",
            "unknown",
            "Equal only if the figure is published to 0.1.",
            "above 2.9 %",
            "3.0 % or higher",
        ),
        ("observation_window", "same", "The same month.", "October 2025", "October 2025"),
    ),
    "rejected": (
        (
            "observation_window",
            "conflict",
            "A full match against the first 90 minutes.",
            "including extra time and penalties",
            "within the first 90 minutes of regular play",
        ),
    ),
}


def pair_row(pair: Pair, verdict: str) -> PairRow:
    """Return a pair of the pairs page with the findings that fit its verdict."""
    return PairRow(
        pair_id=pair.pair_id,
        name=pair.name,
        verdict=verdict,
        polarity="inverse" if pair.pair_id == "nyc-high-60" else "same",
        score={"confirmed": "0.981", "review": "0.941"}.get(verdict, "0.412"),
        reason={
            "confirmed": "Every hard rule is the same on both venues.",
            "review": "1 conflict and 2 clauses that a person must read.",
            "rejected": "The observation windows differ.",
        }[verdict],
        title_a=f"{pair.name.split(' · ')[0]}: will it hold by the date in the rules?",
        title_b=f"Will {pair.name} happen?",
        market_a=f"kalshi:KX{pair.pair_id.upper()}",
        market_b=f"polymarket:0x{abs(hash(pair.name)) % 10**12:012x}",
        category=pair.category,
        findings=[
            PairFinding(code=code, verdict=kind, reason=reason, span_a=a, span_b=b)  # type: ignore[arg-type]
            for code, kind, reason, a, b in _FINDINGS[verdict]
        ],
    )
