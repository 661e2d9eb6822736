"""Markets, events and verdicts in Postgres (ports CatalogueStore and PairProofs). Sync."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Engine, bindparam, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.stores.catalogue_rows import (
    CLOSED,
    Row,
    event_row,
    instrument_of,
    market_of,
    market_row,
    pair_of,
    pair_row,
)
from shared.adapters.stores.postgres_engine import open_engine, transaction
from shared.adapters.stores.postgres_rows import clean, encode
from shared.adapters.stores.postgres_schema import (
    market_pairs,
    markets,
    pair_proofs,
    pair_set,
)
from shared.domain.enums import Verdict
from shared.domain.errors import StoreError
from shared.domain.ids import PairId
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair
from shared.ports.venue import CatalogueMarket

RULES: Final = "rules"
"""Actor of a verdict that nobody took by hand."""
_BATCH: Final = 500
_WATCHED: Final = (Verdict.CONFIRMED.value, Verdict.REVIEW.value)

_MATERIAL: Final = (
    "status rules_hash settlement_source category series_id grid qty_step_micros min_qty_micros"
    " min_notional_usd_micros fees close_time_ns settle_expected_ns settle_worst_ns taker_delay_ns"
    " shard yes_token no_token neg_risk tradeable refusal title"
).split()
"""Columns of a market that the kernel trades by: a change makes a new version of the pair set."""


def _upsert_markets_sql() -> str:
    columns = [c.name for c in markets.columns]
    listed = ", ".join(columns)
    kept = ("id", "first_seen_ns")
    changes = ", ".join(f"{c} = excluded.{c}" for c in columns if c not in kept)
    old = ", ".join(f"m.{c}" for c in _MATERIAL)
    new = ", ".join(f"i.{c}" for c in _MATERIAL)
    return (
        "WITH incoming AS (SELECT * FROM jsonb_populate_recordset(NULL::markets, :rows)),"  # noqa: S608
        " changed AS (SELECT i.id FROM incoming i JOIN markets m ON m.id = i.id"
        f" WHERE ({old}) IS DISTINCT FROM ({new})),"
        f" stored AS (INSERT INTO markets ({listed}) SELECT {listed} FROM incoming"
        f" ON CONFLICT (id) DO UPDATE SET {changes}),"
        " moved AS (UPDATE pair_set SET version = version + 1 WHERE EXISTS ("
        "   SELECT 1 FROM market_pairs p JOIN changed c ON c.id IN (p.market_a_id, p.market_b_id)"
        "   WHERE p.verdict IN ('confirmed', 'review')))"
        " SELECT count(*) FROM incoming"
    )


_UPSERT_MARKETS: Final = text(_upsert_markets_sql())
_UPSERT_EVENTS: Final = text(
    "INSERT INTO events (id, venue, slug_or_ticker, title, start_time_ns, end_time_ns,"
    " last_seen_ns) SELECT id, venue, slug_or_ticker, title, start_time_ns, end_time_ns,"
    " last_seen_ns FROM jsonb_populate_recordset(NULL::events, :rows)"
    " ON CONFLICT (id) DO UPDATE SET title = excluded.title,"
    " end_time_ns = greatest(events.end_time_ns, excluded.end_time_ns),"
    " last_seen_ns = greatest(events.last_seen_ns, excluded.last_seen_ns)"
)


class PostgresCatalogue:
    """Port ``CatalogueStore``. Texts are stored as given, without bytes Postgres refuses."""

    def __init__(self, dsn: str, *, engine: Engine | None = None) -> None:
        self._engine = engine or open_engine(dsn)

    def close(self) -> None:
        self._engine.dispose()

    def upsert_markets(self, markets: Sequence[CatalogueMarket], seen_ns: int) -> int:
        """Store markets and their events; return how many. The last of a repeated id counts."""
        assert seen_ns > 0
        by_id = {market.instrument.market_id: market for market in markets}
        count = 0
        for batch in _batches(list(by_id.values())):
            by_event = {row["id"]: row for row in (event_row(m, seen_ns) for m in batch)}
            for market in batch:
                row = by_event[event_row(market, seen_ns)["id"]]
                row["end_time_ns"] = max(row["end_time_ns"] or 0, market.instrument.close_ns)
            market_rows = [market_row(market, seen_ns) for market in batch]
            with transaction(self._engine) as connection:
                connection.execute(_json(_UPSERT_EVENTS), {"rows": encode(list(by_event.values()))})
                answer = connection.execute(_json(_UPSERT_MARKETS), {"rows": encode(market_rows)})
                count += int(answer.scalar_one())
        return count

    def list_markets(self, venue: str, *, only_open: bool = True) -> Sequence[CatalogueMarket]:
        query = select(markets).where(markets.c.venue == venue).order_by(markets.c.id)
        if only_open:
            query = query.where(markets.c.status.not_in(CLOSED))
        with transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [market_of(dict(row)) for row in rows]

    def save_verdicts(self, rows: Sequence[Row]) -> int:
        """Insert or change verdicts; return how many really changed.

        Columns as ``PAIR_REQUIRED``. A row whose ``actor`` is ``rules`` never changes one
        that a person decided; the same verdict again changes nothing.

        Raises:
            StoreError: a row that cannot be stored, or no answer.
        """
        try:
            checked = {row["id"]: clean(pair_row(row)) for row in rows}
        except ValueError as error:
            raise StoreError(f"refused: {error}") from error
        changed = 0
        with transaction(self._engine) as connection:
            for batch in _batches(sorted(checked.values(), key=lambda row: str(row["id"]))):
                statement = insert(market_pairs).values(list(batch))
                new = statement.excluded
                names = [c for c in batch[0] if c not in ("id", "created_ns")]
                material = [c for c in names if c != "updated_ns"]
                update = statement.on_conflict_do_update(
                    index_elements=["id"],
                    set_={name: new[name] for name in names},
                    where=((market_pairs.c.actor == RULES) | (new.actor != RULES))
                    & _any_differs(material, new),
                )
                stored = connection.execute(update.returning(market_pairs.c.id))
                changed += len(stored.all())
            if changed:
                connection.execute(pair_set.update().values(version=pair_set.c.version + 1))
        return changed

    def list_pairs(self, *, verdict: str | None = None) -> Sequence[Row]:
        query = select(market_pairs).order_by(market_pairs.c.updated_ns.desc(), market_pairs.c.id)
        if verdict is not None:
            query = query.where(market_pairs.c.verdict == verdict)
        with transaction(self._engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def load_pair_set(self) -> tuple[int, Sequence[MatchedPair], Sequence[Instrument]]:
        """Return the set as of one snapshot: version, confirmed or reviewed pairs, instruments."""
        watched = market_pairs.c.verdict.in_(_WATCHED)
        named = (
            select(market_pairs.c.market_a_id)
            .where(watched)
            .union(select(market_pairs.c.market_b_id).where(watched))
        )
        engine = self._engine.execution_options(isolation_level="REPEATABLE READ")
        with transaction(engine) as connection:
            version = connection.execute(select(pair_set.c.version)).scalar_one()
            proven = set(connection.execute(select(pair_proofs.c.pair_id)).scalars())
            pair_rows = (
                connection.execute(select(market_pairs).where(watched).order_by(market_pairs.c.id))
                .mappings()
                .all()
            )
            market_rows = (
                connection.execute(
                    select(markets).where(markets.c.id.in_(named)).order_by(markets.c.id)
                )
                .mappings()
                .all()
            )
        pairs = [pair_of(dict(row), is_proven=row["id"] in proven) for row in pair_rows]
        return int(version), pairs, [instrument_of(dict(row)) for row in market_rows]

    def mark_proven(self, pair: PairId, at_ns: int, fencing: int) -> None:
        """Port ``PairProofs``; the first proof counts. Raises StoreError when fenced off."""
        with transaction(self._engine) as connection:
            connection.execute(text("SELECT twinleg_assert_fencing(:ours)"), {"ours": fencing})
            connection.execute(
                insert(pair_proofs).values(pair_id=pair, at_ns=at_ns).on_conflict_do_nothing()
            )


def _json(statement: Any) -> Any:
    """Bind ``rows`` as the JSON text that it is."""
    return text(statement.text.replace(":rows", "CAST(:rows AS jsonb)")).bindparams(
        bindparam("rows")
    )


def _any_differs(names: Sequence[str], new: Any) -> Any:
    condition: Any = None
    for name in names:
        differs = market_pairs.c[name].is_distinct_from(new[name])
        condition = differs if condition is None else condition | differs
    assert condition is not None
    return condition


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
