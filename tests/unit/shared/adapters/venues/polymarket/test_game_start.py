"""When the game begins is read from the market's own text, in any of its forms."""

from __future__ import annotations

import datetime as dt

import pytest

from shared.adapters.venues.polymarket.instruments import build_instrument
from shared.adapters.venues.polymarket.schemas import GammaMarket
from shared.domain.errors import WireError
from shared.domain.units import NS_PER_S

START = int(dt.datetime(2026, 4, 5, 15, 10, tzinfo=dt.UTC).timestamp()) * NS_PER_S


def market(game_start: str | None) -> GammaMarket:
    return GammaMarket(
        condition_id="0x" + "ab" * 32,
        outcomes='["Yes", "No"]',
        clob_token_ids='["1", "2"]',
        game_start_time=game_start,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-05 15:10:00+00", START),
        ("2026-04-05T15:10:00Z", START),
        ("1775401800", START),
        (None, 0),
        ("", 0),
    ],
)
def test_the_start_of_the_game_reaches_the_instrument(text: str | None, expected: int) -> None:
    assert build_instrument(market(text), 0).game_start_ns == expected


def test_an_unreadable_start_is_an_error_of_its_own() -> None:
    with pytest.raises(WireError, match="game_start"):
        build_instrument(market("at noon"), 0)
