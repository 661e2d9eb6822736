"""What was found at the venues is kept, and real money is refused without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.enums import Venue, VenueSet
from shared.domain.units import NS_PER_S
from shared.ports.inspection import Answer, Finding, Light
from trader_task.venue_report import (
    CHECK_VALID_S,
    CONFIRMATION,
    CONFIRMED_NAME,
    find_obstacles,
    load_report,
    save_check,
    save_probe,
)

NOW = 1_800_000_000 * NS_PER_S
GOOD = Finding(Venue.KALSHI, "key", Light.GREEN, "fine")
RED = Finding(Venue.POLYMARKET, "balance", Light.RED, "no pUSD")
KNOWN = Answer(Venue.KALSHI, "accepted clock skew", "10 s", gates_live=True)
OPEN = Answer(Venue.KALSHI, "accepted clock skew", "", "timed out", gates_live=True)
AGREED = {CONFIRMED_NAME: CONFIRMATION}


def obstacles(folder: Path, *, now: int = NOW, build: str = "b1", agreed: bool = True) -> str:
    report = load_report(folder, VenueSet.LIVE)
    return "; ".join(find_obstacles(report, build, now, AGREED if agreed else {}))


def prepare(folder: Path) -> None:
    save_check(folder, VenueSet.LIVE, "b1", NOW, [GOOD])
    save_probe(folder, VenueSet.LIVE, NOW, [KNOWN])


def test_everything_in_order_lets_it_start(tmp_path: Path) -> None:
    prepare(tmp_path)
    assert obstacles(tmp_path) == ""
    assert (tmp_path / "venues-live.json").stat().st_mode & 0o077 == 0


def test_nothing_known_refuses_with_every_reason(tmp_path: Path) -> None:
    text = obstacles(tmp_path, agreed=False)
    for words in ("has not been run", "--orders", CONFIRMED_NAME):
        assert words in text


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("late", "older than a day"),
        ("build", "another build"),
        ("red", "polymarket balance"),
        ("open", "unanswered: kalshi: accepted clock skew"),
        ("silent", CONFIRMED_NAME),
    ],
)
def test_each_reason_alone_refuses(tmp_path: Path, spoil: str, words: str) -> None:
    if spoil == "open":
        save_check(tmp_path, VenueSet.LIVE, "b1", NOW, [GOOD])
        save_probe(tmp_path, VenueSet.LIVE, NOW, [OPEN])
    else:
        prepare(tmp_path)
    if spoil == "red":
        save_check(tmp_path, VenueSet.LIVE, "b1", NOW, [GOOD, RED])
    text = obstacles(
        tmp_path,
        now=NOW + (CHECK_VALID_S + 1) * NS_PER_S if spoil == "late" else NOW,
        build="b2" if spoil == "build" else "b1",
        agreed=spoil != "silent",
    )
    assert words in text and ";" not in text


def test_a_check_of_other_hosts_does_not_count(tmp_path: Path) -> None:
    save_check(tmp_path, VenueSet.DEMO, "b1", NOW, [GOOD])
    save_probe(tmp_path, VenueSet.DEMO, NOW, [KNOWN])
    assert "has not been run" in obstacles(tmp_path)


def test_an_earlier_answer_outlives_a_probe_that_got_none(tmp_path: Path) -> None:
    prepare(tmp_path)
    save_probe(tmp_path, VenueSet.LIVE, NOW + 1, [OPEN])
    assert obstacles(tmp_path) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"build":1}'])
def test_an_unreadable_report_refuses(tmp_path: Path, text: str) -> None:
    (tmp_path / "venues-live.json").write_text(text)
    assert "has not been run" in obstacles(tmp_path)
