"""A small world for the browser tests: moving edges, fills, packages, pairs and halts.

Every body it hands out is built as a model of ``shared.contracts.api_v1``, so a fixture that
drifts from the contract fails before a browser sees it. Tests reach into the world to make
a book stale, freeze the trader or take the API away; nothing here talks to a network.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any

from shared.contracts.api_v1 import (
    EdgeColumns,
    EdgeView,
    HaltView,
    LiveSnapshot,
    OpenPackage,
    PackageCounts,
    PairsPage,
    VenueHealth,
)
from tests.e2e.support.fixture_pairs import Pair, all_pairs, pair_row
from tests.e2e.support.fixture_record import Record

_MINIMUM = 25_000
_REVIEW = frozenset({"nyc-high-60", "unemp-44-nov"})
_REJECTED = frozenset({"portugal-spain-90"})


class World:
    """State of the fixture; every method is safe to call from any thread."""

    def __init__(
        self, *, pairs: int = 60, packages: int = 60, seed: int = 7, badge: str = "PAPER"
    ) -> None:
        self.lock = threading.RLock()
        self.random = random.Random(seed)
        self.badge = badge
        self.pairs = {pair.pair_id: pair for pair in all_pairs(pairs)}
        self.seq = 0
        self.as_of_ns = time.time_ns()
        self.record = Record(packages)
        self.halts: list[HaltView] = []
        self.halts_asked: list[dict[str, str]] = []
        self.book_age_ms = {
            pair_id: 200 + index % 7 * 90 for index, pair_id in enumerate(self.pairs)
        }
        self.book_age_ms["shutdown-dec1"] = 4_700
        self.changed_at: dict[str, int] = dict.fromkeys(self.pairs, 0)
        self.removed_at: dict[str, int] = {}
        self.venue_states = {"kalshi": "live", "polymarket": "live"}
        self.frame_age_ms: dict[str, int | None] = {"kalshi": 200, "polymarket": 300}
        self.unhedged_micros = 222_480_000
        self.cash_free: str | None = "3912.004417"
        self.is_frozen = False
        self.is_api_down = False
        self.is_session_ended = False
        self.confirms_halts = True
        for pair in self.pairs.values():
            base = pair.net_micros or 0
            pair.spark = [base + self.random.randint(-6_000, 6_000) for _ in range(60)]
        self.tick()

    # --- time goes on ---------------------------------------------------------------------

    def tick(self) -> None:
        """One second of the world; a frozen trader stays as it is."""
        with self.lock:
            if self.is_frozen:
                return
            self.seq += 1
            self.as_of_ns = time.time_ns()
            for pair in list(self.pairs.values()):
                if self.random.random() < 0.3:
                    self._move(pair)
                elif self.random.random() < 0.9 and pair.status != "BOOK_STALE":
                    self.touch(pair.pair_id)
            if self.confirms_halts:
                self._confirm_halts()

    def _move(self, pair: Pair) -> None:
        if pair.net_micros is None or pair.status in ("buying", "BOOK_STALE"):
            return
        ceiling = 24_900 if pair.status == "EDGE_BELOW_MIN" else 60_000
        floor = 100 if pair.status == "EDGE_BELOW_MIN" else -60_000
        ceiling = -100 if pair.status == "EDGE_NEGATIVE" else ceiling
        step = self.random.randint(-900, 900)
        self.set_net(pair.pair_id, max(floor, min(ceiling, pair.net_micros + step)))

    def set_net(self, pair_id: str, net_micros: int) -> None:
        with self.lock:
            pair = self.pairs[pair_id]
            pair.net_micros = net_micros
            pair.spark = [*pair.spark[1:], net_micros]
            if pair.status == "EDGE_BELOW_MIN":
                pair.params = {"x": f"{(_MINIMUM - net_micros) / 10_000:.2f}", "y": "2.50"}
            if pair.status == "EDGE_NEGATIVE":
                pair.params = {"x": f"{-net_micros / 10_000:.2f}"}
            self.touch(pair_id)

    def touch(self, pair_id: str) -> None:
        self.changed_at[pair_id] = self.seq

    def remove(self, pair_id: str) -> None:
        with self.lock:
            del self.pairs[pair_id]
            self.removed_at[pair_id] = self.seq + 1

    def ask_halt(self, scope: str, note: str) -> None:
        with self.lock:
            self.halts_asked.append({"scope": scope, "note": note})

    def _confirm_halts(self) -> None:
        known = {halt.scope for halt in self.halts}
        for asked in self.halts_asked:
            if asked["scope"] in known:
                continue
            self.halts.append(
                HaltView(
                    scope=asked["scope"],
                    reason="operator",
                    actor="operator",
                    lift="discord",
                    since_ns=time.time_ns(),
                    is_freeze=False,
                    note=asked["note"],
                )
            )
            known.add(asked["scope"])

    # --- what the API says ----------------------------------------------------------------

    def live(self, since: int | None) -> LiveSnapshot:
        with self.lock:
            is_delta = since is not None and 0 < since <= self.seq
            floor = since if is_delta and since is not None else -1
            rows = [
                p for p in self.pairs.values() if not is_delta or self.changed_at[p.pair_id] > floor
            ]
            removed = [key for key, at in self.removed_at.items() if is_delta and at > floor]
            return LiveSnapshot(
                seq=self.seq,
                as_of_ns=self.as_of_ns,
                is_delta=is_delta,
                mode="paper_sim",
                badge=self.badge,  # type: ignore[arg-type]
                is_trading=not self.halts,
                trader_age_ms=max(0, (time.time_ns() - self.as_of_ns) // 1_000_000),
                lease_epoch=7,
                config_version=41,
                min_net_edge_micros=_MINIMUM,
                venues=[self._venue(name) for name in ("kalshi", "polymarket")],
                halts=self.halts,
                packages=PackageCounts(open=1, hedged=214, flat=3, stuck=0),
                open_packages=[
                    OpenPackage(
                        package_id="pkg-1042",
                        number=1042,
                        name="CPI YoY ≥ 3.0 · Sep 25",
                        state="leg2_sent",
                        unhedged_micros=self.unhedged_micros,
                        since_ns=self.as_of_ns - 90_000_000,
                    )
                ],
                unhedged_micros=self.unhedged_micros,
                realised_today_micros=18_412_204,
                expected_locked_micros=402_118_000,
                capital_free_micros=8_119_004_417,
                ledger_sum="0",
                checks_today=1_912_400,
                near_misses_today=41,
                fills_seq=len(self.record.fills),
                edges=self._columns(rows, removed),
            )

    def _venue(self, name: str) -> VenueHealth:
        state = self.venue_states[name]
        return VenueHealth(
            name=name,
            state=state,  # type: ignore[arg-type]
            frame_age_ms=self.frame_age_ms[name],
            latency_ms_p50=11.4 if name == "kalshi" else 84.0,
            latency_ms_p95=19.8 if name == "kalshi" else 112.5,
            error_rate_pct=0.0 if name == "kalshi" else 0.1,
            cash_free=self.cash_free if name == "kalshi" else "4207.000000",
            halted_reason="feed_stale" if state == "halted" else None,
        )

    def _columns(self, rows: list[Pair], removed: list[str]) -> EdgeColumns:
        def profit(pair: Pair) -> int | None:
            return None if pair.net_micros is None else pair.net_micros * pair.qty

        def annual(pair: Pair) -> int | None:
            if pair.net_micros is None or not pair.lock_days:
                return None
            return pair.net_micros * 365 // pair.lock_days

        return EdgeColumns(
            pair_id=[p.pair_id for p in rows],
            name=[p.name for p in rows],
            venue_a=["kalshi"] * len(rows),
            venue_b=["polymarket"] * len(rows),
            buy_a=[p.buy[0] if p.first else None for p in rows],
            buy_b=[p.buy[1] if p.first else None for p in rows],
            first=[p.first for p in rows],
            net_micros=[p.net_micros for p in rows],
            qty_micros=[p.qty * 1_000_000 if p.net_micros is not None else None for p in rows],
            profit_micros=[profit(p) for p in rows],
            annual_ppm=[annual(p) for p in rows],
            lock_days=[p.lock_days for p in rows],
            hedge_ppm=[p.hedge_ppm for p in rows],
            lead=[p.lead for p in rows],
            age_ms=[self.book_age_ms[p.pair_id] for p in rows],
            status=[p.status for p in rows],
            gates=[
                [p.status, *p.more_gates] if p.status not in ("ready", "buying") else []
                for p in rows
            ],
            params=[p.params for p in rows],
            spark_micros=[p.spark for p in rows],
            categories=[p.category for p in rows],
            removed=removed,
        )

    def edge(self, pair_id: str) -> EdgeView | None:
        with self.lock:
            pair = self.pairs.get(pair_id)
            if pair is None or pair.net_micros is None:
                return None
            costs = {
                "fee_a": -17_400,
                "fee_b": -11_900,
                "frictions": -1_200,
                "slippage": -3_000,
                "carry": -2_300,
            }
            gross = pair.net_micros - sum(costs.values())
            parts = {"gross": gross, **costs, "net": pair.net_micros}
            row = pair_row(pair, "confirmed")
            return EdgeView(
                pair_id=pair_id,
                name=pair.name,
                ts_ns=self.as_of_ns - 800_000_000,
                title_a=row.title_a,
                title_b=row.title_b,
                market_a=row.market_a,
                market_b=row.market_b,
                leader=pair.lead,
                qty=f"{pair.qty}.000000",
                breakdown={key: f"{value / 10_000:.4f}" for key, value in parts.items()},
                gate=pair.status,
            )

    def pairs_page(self, verdict: str | None) -> PairsPage:
        with self.lock:
            rows = [(pair, self.verdict_of(pair.pair_id)) for pair in self.pairs.values()]
            counts: dict[str, int] = {}
            for _, word in rows:
                counts[word] = counts.get(word, 0) + 1
            picked = [pair_row(p, word) for p, word in rows if verdict in (None, word)]
            return PairsPage(rows=picked[:200], counts=counts, next_cursor=None)

    def verdict_of(self, pair_id: str) -> str:
        if pair_id in _REJECTED:
            return "rejected"
        return "review" if pair_id in _REVIEW else "confirmed"

    def facts(self) -> dict[str, Any]:
        """What a test may compare the screen with."""
        with self.lock:
            return {
                "seq": self.seq,
                "pairs": len(self.pairs),
                "halts": [h.scope for h in self.halts],
            }
