"""The curve of the score and the halves by series."""

from __future__ import annotations

from shared.matching.calibration import BANDS_PPM, Scored, curve, half_of, halves


def row(series: str, score: int, *, same: bool = True, confirmed: bool = False) -> Scored:
    return Scored(series, score, same, same, confirmed, confirmed)


def test_every_score_lies_in_one_band() -> None:
    scores = [*BANDS_PPM[:-1], 1_000_000, 919_999]
    assert sum(band["rows"] for band in curve([row("s", s) for s in scores])) == len(scores)
    assert curve([row("s", 919_999)])[0]["to"] == 0.92
    assert curve([row("s", 920_000)])[0]["from"] == 0.92


def test_a_band_shows_the_share_that_is_the_same() -> None:
    rows = [row("s", 950_000), row("s", 950_000), row("s", 950_000, same=False)]
    assert curve(rows) == [{"from": 0.92, "to": 0.96, "rows": 3, "same": 0.6667}]


def test_a_series_is_in_one_half_as_a_whole() -> None:
    names = [f"series{n}" for n in range(200)]
    assert 60 < sum(half_of(name) for name in names) < 140
    rows = [row(name, 990_000, confirmed=True) for name in names for _ in range(3)]
    first, second = halves(rows).values()
    assert first["series"] + second["series"] == 200
    assert first["rows"] == 3 * first["series"] and first["recall"] == 1.0


def test_a_wrong_confirmation_counts_in_its_half() -> None:
    found = halves([row("s", 990_000, same=False, confirmed=True)])
    assert sum(half["wrong"] for half in found.values()) == 1
