"""Fills and packages of the fixture world, in the shapes of the record's pages."""

from __future__ import annotations

import time

from shared.contracts.api_v1 import (
    FillRow,
    FillsPage,
    FillsSummary,
    LegView,
    PackageRow,
    PackagesPage,
    PackageView,
    TimelineRow,
)

_MS = 1_000_000
_PAIRS = (
    "CPI YoY ≥ 3.0 · Sep 25",
    "Fed −25 bp · Dec 25",
    "World Cup 26 · France",
    "BTC > 120k · 31 Dec",
)
_STATES = ("hedged", "settled", "hedged", "flat", "settled", "hedged_prov")


class Record:
    """Newest first; ``add_fill`` puts one on top, ``confirm`` turns a fill final."""

    def __init__(self, packages: int = 60) -> None:
        self.started_ns = time.time_ns() - 40_000 * _MS
        self.packages = [self._package(1042 - index, index) for index in range(packages)]
        self.fills = [fill for row in self.packages[:40] for fill in self._fills_of(row)]

    def _package(self, number: int, index: int) -> PackageRow:
        state = "hedged_prov" if index == 0 else _STATES[index % len(_STATES)]
        result = {"settled": "14.503120", "flat": "-3.104400"}.get(state)
        return PackageRow(
            package_id=f"pkg-{number}",
            number=number,
            name=_PAIRS[index % len(_PAIRS)],
            state=state,
            started_ns=self.started_ns - index * 340_000 * _MS,
            qty=f"{412 - index % 200}.000000",
            entry_edge_cents="3.4200",
            realised_edge_cents=None if state == "flat" else "3.5200",
            result=result,
        )

    def _fills_of(self, row: PackageRow) -> list[FillRow]:
        common = {
            "package_id": row.package_id,
            "package_number": row.number,
            "pair_name": row.name,
            "side": "buy",
            "qty": row.qty,
            "entry_edge_cents": row.entry_edge_cents,
            "realised_edge_cents": row.realised_edge_cents,
        }
        last = "provisional" if row.state == "hedged_prov" else "confirmed"
        if row.number == 1036:
            last = "failed"
        return [
            FillRow(
                fill_id=f"{row.package_id}-2",
                ts_ns=row.started_ns + 171 * _MS,
                venue="polymarket",
                leg=2,
                purpose="hedge",
                outcome="yes",
                price="0.392",
                cost="161.504000",
                fee="4.910000",
                slippage_cents="0.2000",
                state=last,
                **common,
            ),  # type: ignore[arg-type]
            FillRow(
                fill_id=f"{row.package_id}-1",
                ts_ns=row.started_ns + 61 * _MS,
                venue="kalshi",
                leg=1,
                purpose="open",
                outcome="no",
                price="0.54",
                cost="222.480000",
                fee="7.170000",
                slippage_cents="-0.0400",
                state="confirmed",
                **common,
            ),  # type: ignore[arg-type]
        ]

    def add_fill(self, fill_id: str) -> None:
        newest = self.fills[0]
        self.fills.insert(
            0,
            newest.model_copy(
                update={
                    "fill_id": fill_id,
                    "ts_ns": time.time_ns(),
                    "pair_name": "Fresh pair · Nov 25",
                    "state": "provisional",
                }
            ),
        )

    def confirm(self, fill_id: str) -> None:
        for index, fill in enumerate(self.fills):
            if fill.fill_id == fill_id:
                self.fills[index] = fill.model_copy(update={"state": "confirmed"})

    def fills_page(self, limit: int, cursor: str | None) -> FillsPage:
        start = int(cursor or 0)
        end = start + min(limit, 50)
        return FillsPage(
            rows=self.fills[start:end],
            next_cursor=str(end) if end < len(self.fills) else None,
            today=FillsSummary(
                fills=len(self.fills),
                cost="2310.440000",
                fees="41.203100",
                slippage_mean_cents="0.1800",
            ),
        )

    def packages_page(self, limit: int, cursor: str | None) -> PackagesPage:
        start = int(cursor or 0)
        end = start + min(limit, 40)
        return PackagesPage(
            rows=self.packages[start:end],
            next_cursor=str(end) if end < len(self.packages) else None,
        )

    def package(self, package_id: str) -> PackageView | None:
        row = next((item for item in self.packages if item.package_id == package_id), None)
        if row is None:
            return None
        return PackageView(
            package_id=row.package_id,
            number=row.number,
            pair_id="cpi-sep25-30",
            name=row.name,
            state=row.state,
            started_ns=row.started_ns,
            qty=row.qty,
            entry_edge_cents=row.entry_edge_cents,
            realised_edge_cents=row.realised_edge_cents,
            expected="14.090400",
            realised=row.result,
            unhedged_max_micros=222_480_000,
            unhedged_ms=110,
            breakdown={
                "gross": "7.0000",
                "fee_a": "-1.7400",
                "fee_b": "-1.1900",
                "frictions": "-0.1200",
                "slippage": "-0.3000",
                "carry": "-0.2300",
                "net": "3.4200",
            },
            versions={"build": "f3a91c2", "fees": "12", "config": "41", "rules": "7c2e"},
            legs=[
                LegView(
                    leg=1,
                    venue="kalshi",
                    market_id="kalshi:KXCPIYOY-25SEP-T2.9",
                    title="CPI inflation above 2.9% over the year ending September 2025?",
                    outcome="no",
                    price_limit="0.546",
                    qty=row.qty,
                    filled=row.qty,
                    avg_price="0.54",
                    fee="7.170000",
                ),
                LegView(
                    leg=2,
                    venue="polymarket",
                    market_id="polymarket:0x5f1c09aa71",
                    title="Will annual CPI for September 2025 be 3.0% or higher?",
                    outcome="yes",
                    price_limit="0.396",
                    qty=row.qty,
                    filled=row.qty,
                    avg_price="0.392",
                    fee="4.910000",
                ),
            ],
            timeline=self._timeline(row),
            postings_sum="0",
        )

    def _timeline(self, row: PackageRow) -> list[TimelineRow]:
        qty = row.qty.split(".")[0]
        open_usd = 222_480_000
        story = (
            (-12, "decision", "tick", "Kalshi ask moved to 54.00¢", 0),
            (0, "decision", "approved", "approved +3.42¢", 0),
            (2, "decision", "committed", "recorded", 0),
            (3, "leg1", "sent", "sent", 0),
            (61, "leg1", "filled", f"filled {qty} @ 54.00¢, fee $7.17", open_usd),
            (64, "leg2", "sent", "sent", open_usd),
            (118, "leg2", "matched", f"matched {qty} @ 39.20¢", open_usd),
            (171, "leg2", "filled", f"filled {qty} @ 39.20¢, fee $4.91", 0),
            (18_200, "leg2", "confirmed", "confirmed on chain", 0),
        )
        rows = [
            TimelineRow(
                ts_ns=row.started_ns + ms * _MS,
                lane=lane,
                kind=kind,
                text=text,
                unhedged_micros=unhedged,
            )
            for ms, lane, kind, text, unhedged in story
        ]
        return rows[:-1] if row.state == "hedged_prov" else rows
