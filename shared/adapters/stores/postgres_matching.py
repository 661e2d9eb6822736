"""Rulings, crawls and results in Postgres (ports PairRulings, CrawlStore, DivergenceLedger)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.stores.postgres_engine import open_engine, transaction
from shared.adapters.stores.postgres_schema import crawls, pair_rulings, settled_pairs, settlements
from shared.domain.ids import MarketId, PairId
from shared.domain.units import PriceMicros
from shared.ports.matching import RUN, Crawl, Ruling, RulingKind, RulingList, SettledPair

_TAKE_CRAWL: Final = text(
    "INSERT INTO crawls (venue, run_id, started_ns, updated_ns, leased_until_ns)"
    " VALUES (:venue, :run, :now, :now, :until)"
    " ON CONFLICT (venue) DO UPDATE SET run_id = :run, updated_ns = :now,"
    "  leased_until_ns = :until, finished_ns = 0,"
    "  cursor = CASE WHEN crawls.finished_ns = 0 THEN crawls.cursor ELSE '' END,"
    "  listed = CASE WHEN crawls.finished_ns = 0 THEN crawls.listed ELSE 0 END,"
    "  changed = CASE WHEN crawls.finished_ns = 0 THEN crawls.changed ELSE 0 END,"
    "  started_ns = CASE WHEN crawls.finished_ns = 0 THEN crawls.started_ns ELSE :now END"
    " WHERE crawls.run_id = :run OR crawls.leased_until_ns <= :now"
    " RETURNING *"
)

_CHECK_SETTLED: Final = text(
    "WITH known AS ("
    "  SELECT p.id, p.name, p.category, p.series_id, p.settlement_source,"
    "    a.payout_micros AS payout_a, b.payout_micros AS payout_b,"
    "    CASE p.polarity WHEN 'inverse'"
    "      THEN a.payout_micros + b.payout_micros <> 1000000"
    "      ELSE a.payout_micros <> b.payout_micros END AS has_diverged"
    "  FROM market_pairs p"
    "  JOIN settlements a ON a.market_id = p.market_a_id"
    "  JOIN settlements b ON b.market_id = p.market_b_id"
    "  WHERE EXISTS (SELECT 1 FROM market_pair_history h"
    "    WHERE h.pair_id = p.id AND h.verdict = 'confirmed'))"
    " INSERT INTO settled_pairs SELECT id, name, category, series_id, settlement_source,"
    "  payout_a, payout_b, has_diverged, :now FROM known"
    " ON CONFLICT (pair_id) DO UPDATE SET payout_a_micros = excluded.payout_a_micros,"
    "  payout_b_micros = excluded.payout_b_micros, has_diverged = excluded.has_diverged,"
    "  checked_ns = excluded.checked_ns"
    " WHERE (settled_pairs.payout_a_micros, settled_pairs.payout_b_micros)"
    "  IS DISTINCT FROM (excluded.payout_a_micros, excluded.payout_b_micros)"
    " RETURNING *"
)


class PostgresMatching:
    """What people ruled, how far crawls are, how pairs settled. Sync."""

    def __init__(self, dsn: str, *, engine: Engine | None = None) -> None:
        self._engine = engine or open_engine(dsn)

    def close(self) -> None:
        self._engine.dispose()

    # --- rulings --------------------------------------------------------------------------

    def list_rulings(self) -> Sequence[Ruling]:
        query = select(pair_rulings).order_by(pair_rulings.c.at_ns.desc(), pair_rulings.c.a)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Ruling(
                RulingList(r["list"]),
                RulingKind(r["kind"]),
                r["a"],
                r["b"],
                r["actor"],
                r["reason"],
                r["at_ns"],
            )
            for r in rows
        ]

    def put_ruling(self, ruling: Ruling) -> None:
        assert ruling.a and ruling.b and ruling.actor and ruling.at_ns > 0
        listed, kind, a, b = ruling.key
        row = {**asdict(ruling), "list": listed, "kind": kind, "a": a, "b": b}
        statement = insert(pair_rulings).values(row)
        new = statement.excluded
        update = {"actor": new.actor, "reason": new.reason, "at_ns": new.at_ns}
        with transaction(self._engine) as connection:
            connection.execute(
                statement.on_conflict_do_update(constraint="pair_rulings_pkey", set_=update)
            )

    def delete_ruling(self, ruling: Ruling) -> bool:
        names = ("list", "kind", "a", "b")
        query = delete(pair_rulings)
        for name, value in zip(names, ruling.key, strict=True):
            query = query.where(pair_rulings.c[name] == value)
        with transaction(self._engine) as connection:
            return bool(connection.execute(query).rowcount)

    # --- crawls ---------------------------------------------------------------------------

    def take_crawl(self, venue: str, run_id: str, now_ns: int, lease_ns: int) -> Crawl | None:
        assert venue and run_id and now_ns > 0 and lease_ns > 0
        values = {"venue": venue, "run": run_id, "now": now_ns, "until": now_ns + lease_ns}
        with transaction(self._engine) as connection:
            row = connection.execute(_TAKE_CRAWL, values).mappings().one_or_none()
        return None if row is None else Crawl(**row)

    def save_crawl(self, crawl: Crawl) -> bool:
        row = asdict(crawl)
        keys = {"venue", "run_id", "started_ns"}
        statement = (
            crawls.update()
            .where(crawls.c.venue == crawl.venue, crawls.c.run_id == crawl.run_id)
            .values({name: value for name, value in row.items() if name not in keys})
        )
        with transaction(self._engine) as connection:
            return bool(connection.execute(statement).rowcount)

    def keep_run(self, run_id: str, now_ns: int, lease_ns: int) -> bool:
        return self.take_crawl(RUN, run_id, now_ns, lease_ns) is not None

    def end_run(self, run_id: str, now_ns: int) -> None:
        ended = Crawl(RUN, run_id, "", 0, 0, now_ns, now_ns, now_ns, 0)
        self.save_crawl(ended)

    def list_crawls(self) -> Sequence[Crawl]:
        with transaction(self._engine) as connection:
            rows = (
                connection.execute(
                    select(crawls).where(crawls.c.venue != RUN).order_by(crawls.c.venue)
                )
                .mappings()
                .all()
            )
        return [Crawl(**row) for row in rows]

    # --- results --------------------------------------------------------------------------

    def note_settlement(self, market: MarketId, payout: PriceMicros, seen_ns: int) -> None:
        assert 0 <= payout <= 1_000_000 and seen_ns > 0
        row = {"market_id": market, "payout_micros": payout, "seen_ns": seen_ns}
        statement = insert(settlements).values(row)
        new = statement.excluded
        with transaction(self._engine) as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["market_id"],
                    set_={"payout_micros": new.payout_micros, "seen_ns": new.seen_ns},
                    where=settlements.c.payout_micros != new.payout_micros,
                )
            )

    def check_settled(self, now_ns: int) -> Sequence[SettledPair]:
        assert now_ns > 0
        with transaction(self._engine) as connection:
            rows = connection.execute(_CHECK_SETTLED, {"now": now_ns}).mappings().all()
        return [_settled_of(row) for row in rows]

    def list_settled(self) -> Sequence[SettledPair]:
        query = select(settled_pairs).order_by(
            settled_pairs.c.checked_ns.desc(), settled_pairs.c.pair_id
        )
        with transaction(self._engine) as connection:
            return [_settled_of(row) for row in connection.execute(query).mappings()]

    def series_record(self) -> Mapping[str, tuple[int, int]]:
        with transaction(self._engine) as connection:
            return series_record(connection)


def series_record(connection: Connection) -> dict[str, tuple[int, int]]:
    """Return (settled, diverged) by series, as the given transaction sees it."""
    counted = select(
        settled_pairs.c.series_id,
        func.count(),
        func.count().filter(settled_pairs.c.has_diverged),
    ).group_by(settled_pairs.c.series_id)
    return {series: (int(n), int(d)) for series, n, d in connection.execute(counted)}


def _settled_of(row: Mapping[Any, Any]) -> SettledPair:
    return SettledPair(
        pair_id=PairId(row["pair_id"]),
        name=row["name"],
        category=row["category"],
        series_id=row["series_id"],
        settlement_source=row["settlement_source"],
        payout_a=PriceMicros(row["payout_a_micros"]),
        payout_b=PriceMicros(row["payout_b_micros"]),
        has_diverged=row["has_diverged"],
        checked_ns=row["checked_ns"],
    )
