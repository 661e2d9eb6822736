"""``refresh_fees``: a change is announced, none is not, one venue's failure hides no other."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas import bootstrap
from lambdas.refresh_fees import handler
from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.domain.ids import MarketId
from shared.services import fee_refresh
from shared.services.fee_refresh import FeeChange, FeeReport

CHANGE = FeeChange(MarketId("kalshi:X"), "a", "b", "1", "2", "series X")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    parts = SimpleNamespace(catalogue=None, commands=SimpleNamespace(send=found.append))

    @contextlib.asynccontextmanager
    async def sources() -> AsyncIterator[list[Any]]:
        yield [SimpleNamespace(venue=venue) for venue in (Venue.KALSHI, Venue.POLYMARKET)]

    monkeypatch.setattr(bootstrap, "matching", lambda: parts)
    monkeypatch.setattr(bootstrap, "catalogue_sources", sources)
    return found


def answer_with(
    monkeypatch: pytest.MonkeyPatch, answers: dict[Venue, tuple[FeeChange, ...] | None]
) -> None:
    async def refresh(source: Any, _store: Any, _now_ns: int) -> FeeReport:
        changes = answers[source.venue]
        if changes is None:
            raise StoreError("away")
        return FeeReport(source.venue.value, 1, 0, changes, ())

    monkeypatch.setattr(fee_refresh, "refresh", refresh)


async def test_only_a_change_is_announced(monkeypatch: pytest.MonkeyPatch, sent: list[Any]) -> None:
    answer_with(monkeypatch, {Venue.KALSHI: (CHANGE,), Venue.POLYMARKET: ()})
    done = await handler.refresh_all()
    assert done == {"changed": {"kalshi": ["kalshi:X"], "polymarket": []}, "failed": {}}
    assert [(c.kind, c.scope, c.payload["count"]) for c in sent] == [
        ("fees_changed", "venue:kalshi", 1)
    ]


async def test_one_venue_away_hides_no_change_of_the_other(
    monkeypatch: pytest.MonkeyPatch, sent: list[Any]
) -> None:
    answer_with(monkeypatch, {Venue.KALSHI: None, Venue.POLYMARKET: (CHANGE,)})
    done = await handler.refresh_all()
    assert done["failed"] == {"kalshi": "away"} and len(sent) == 1


async def test_both_away_is_a_failure(monkeypatch: pytest.MonkeyPatch, sent: list[Any]) -> None:
    answer_with(monkeypatch, {Venue.KALSHI: None, Venue.POLYMARKET: None})
    with pytest.raises(StoreError, match="no venue"):
        await handler.refresh_all()
    assert sent == []
