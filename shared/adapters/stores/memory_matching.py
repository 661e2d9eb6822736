"""Rulings, crawls and results in memory, for tests; same behaviour as in Postgres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.domain.divergence import has_diverged
from shared.domain.enums import Polarity
from shared.domain.ids import MarketId, PairId
from shared.domain.units import PriceMicros
from shared.ports.matching import RUN, Crawl, Ruling, SettledPair

Row = Mapping[str, Any]


class MemoryMatching:
    """Ports PairRulings, CrawlStore and DivergenceLedger.

    ``pairs`` returns the rows of pairs, ``confirmed`` the ids of those that ever were.
    """

    def __init__(
        self,
        pairs: Callable[[], Sequence[Row]] = tuple,
        confirmed: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._pairs, self._confirmed = pairs, confirmed
        self._rulings: dict[tuple[str, str, str, str], Ruling] = {}
        self._crawls: dict[str, Crawl] = {}
        self._results: dict[MarketId, PriceMicros] = {}
        self._settled: dict[PairId, SettledPair] = {}

    def list_rulings(self) -> Sequence[Ruling]:
        return sorted(self._rulings.values(), key=lambda r: (-r.at_ns, r.a))

    def put_ruling(self, ruling: Ruling) -> None:
        assert ruling.a and ruling.b and ruling.actor and ruling.at_ns > 0
        _, _, a, b = ruling.key
        self._rulings[ruling.key] = replace(ruling, a=a, b=b)

    def delete_ruling(self, ruling: Ruling) -> bool:
        return self._rulings.pop(ruling.key, None) is not None

    def take_crawl(self, venue: str, run_id: str, now_ns: int, lease_ns: int) -> Crawl | None:
        assert venue and run_id and now_ns > 0 and lease_ns > 0
        known = self._crawls.get(venue)
        until = now_ns + lease_ns
        if known is not None and known.run_id != run_id and known.leased_until_ns > now_ns:
            return None
        taken = Crawl(venue, run_id, "", 0, 0, now_ns, now_ns, 0, until)
        if known is not None and not known.finished_ns:
            taken = replace(known, run_id=run_id, updated_ns=now_ns, leased_until_ns=until)
        self._crawls[venue] = taken
        return taken

    def save_crawl(self, crawl: Crawl) -> bool:
        known = self._crawls.get(crawl.venue)
        if known is None or known.run_id != crawl.run_id:
            return False
        self._crawls[crawl.venue] = crawl
        return True

    def keep_run(self, run_id: str, now_ns: int, lease_ns: int) -> bool:
        return self.take_crawl(RUN, run_id, now_ns, lease_ns) is not None

    def end_run(self, run_id: str, now_ns: int) -> None:
        ended = Crawl(RUN, run_id, "", 0, 0, now_ns, now_ns, now_ns, 0)
        self.save_crawl(ended)

    def list_crawls(self) -> Sequence[Crawl]:
        return [crawl for venue, crawl in sorted(self._crawls.items()) if venue != RUN]

    def note_settlement(self, market: MarketId, payout: PriceMicros, seen_ns: int) -> None:
        assert 0 <= payout <= 1_000_000 and seen_ns > 0
        self._results[market] = payout

    def check_settled(self, now_ns: int) -> Sequence[SettledPair]:
        entered = []
        for row in self._pairs():
            a, b = (self._results.get(row[m]) for m in ("market_a_id", "market_b_id"))
            if a is None or b is None or row["id"] not in self._confirmed():
                continue
            known = self._settled.get(row["id"])
            if known is not None and (known.payout_a, known.payout_b) == (a, b):
                continue
            is_inverse = row["polarity"] == Polarity.INVERSE.value
            settled = SettledPair(
                row["id"],
                row["name"],
                row["category"],
                row["series_id"],
                row["settlement_source"],
                a,
                b,
                has_diverged(a, b, is_inverse=is_inverse),
                now_ns,
            )
            self._settled[settled.pair_id] = settled
            entered.append(settled)
        return entered

    def list_settled(self) -> Sequence[SettledPair]:
        return sorted(self._settled.values(), key=lambda s: (-s.checked_ns, s.pair_id))

    def series_record(self) -> Mapping[str, tuple[int, int]]:
        settled = Counter(s.series_id for s in self._settled.values())
        diverged = Counter(s.series_id for s in self._settled.values() if s.has_diverged)
        return {series: (count, diverged[series]) for series, count in settled.items()}
