"""News of the feeds reaches the record at once, and waits while the record is away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.adapters.stores.memory import MemoryCatalogue
from shared.domain.enums import MarketStatus, Venue
from shared.domain.errors import StoreError
from shared.domain.instrument import Instrument
from shared.domain.units import PriceMicros
from shared.services.pair_rows import terms_row
from tests.support.catalogue import listed, verdict_row
from tests.support.virtual_clock import VirtualClock
from trader_task.market_news import MarketNews

pytestmark = pytest.mark.usefixtures("inline_threads")
A, B = listed(Venue.KALSHI, "K1"), listed(Venue.POLYMARKET, "0xa")


class Record(MemoryCatalogue):
    is_down = False

    def apply_instrument(self, instrument: Instrument, seen_ns: int) -> bool:
        if self.is_down:
            raise StoreError("away")
        return super().apply_instrument(instrument, seen_ns)


class Desk:
    def __init__(self) -> None:
        self.record = Record()
        self.record.store_listing([A, B], 5)
        terms = {"terms_a": terms_row(A.instrument), "terms_b": terms_row(B.instrument)}
        self.record.save_verdicts([verdict_row(A, B, actor="ana", **terms)])
        self.wanted: list[str] = []
        self.news = MarketNews(
            self.record, self.record.matching, VirtualClock(), self.wanted.append
        )

    @property
    def row(self) -> dict[str, object]:
        return dict(self.record.list_pairs()[0])


async def test_f100_an_edited_text_lowers_its_pair_and_asks_for_the_new_set() -> None:
    desk = Desk()
    desk.news.note_instrument(replace(A.instrument, rules_hash="edited"))
    await desk.news.store()
    assert (desk.row["verdict"], desk.row["needs_person"]) == ("review", True)
    assert desk.wanted == ["pairs"] and desk.news.waiting == 0
    (stored,) = desk.record.list_markets("kalshi")
    assert stored.instrument.rules_hash == "edited" and stored.rules_text == ""


async def test_a_new_fee_is_loaded_and_the_pair_goes_on() -> None:
    desk = Desk()
    fees = replace(B.instrument.fees, rate_ppm=60_000)
    desk.news.note_instrument(replace(B.instrument, fees=fees))
    await desk.news.store()
    assert (desk.row["verdict"], desk.row["actor"]) == ("confirmed", "ana")
    (pair,) = desk.record.load_pair_set()[1]
    assert pair.terms_b is not None and "60000" in pair.terms_b.fees


async def test_status_alone_changes_no_verdict() -> None:
    desk = Desk()
    desk.news.note_instrument(replace(A.instrument, status=MarketStatus.PAUSED))
    await desk.news.store()
    assert desk.row["verdict"] == "confirmed" and desk.wanted == []
    assert desk.record.list_markets("kalshi")[0].instrument.status is MarketStatus.PAUSED


async def test_news_waits_for_a_record_that_is_away_and_the_last_counts() -> None:
    desk = Desk()
    desk.record.is_down = True
    desk.news.note_instrument(replace(A.instrument, status=MarketStatus.PAUSED))
    await desk.news.store()
    desk.news.note_instrument(A.instrument)
    desk.news.note_result(B.instrument.market_id, PriceMicros(1_000_000))
    await desk.news.store()
    assert desk.news.waiting == 2
    desk.record.is_down = False
    await desk.news.store()
    assert desk.news.waiting == 0
    assert desk.record.list_markets("kalshi")[0].instrument == A.instrument


async def test_f102_results_of_both_markets_enter_the_ledger() -> None:
    desk = Desk()
    desk.news.note_result(A.instrument.market_id, PriceMicros(1_000_000))
    desk.news.note_result(B.instrument.market_id, PriceMicros(0))
    await desk.news.store()
    (entered,) = desk.record.matching.check_settled(9)
    assert entered.has_diverged and entered.series_id == "KXCPI"
    assert desk.record.load_pair_set()[1][0].divergence_ppm == 1_000_000
