"""Markets, events and verdicts in Postgres (ports CatalogueStore and PairProofs). Sync."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Engine, bindparam, case, func, literal, select, text, true
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.stores.catalogue_rows import (
    CLOSED,
    Row,
    event_row,
    instrument_columns,
    instrument_of,
    market_of,
    market_row,
    pair_of,
    pair_row,
    undated,
)
from shared.adapters.stores.postgres_catalogue_sql import (
    APPLY_INSTRUMENT,
    CLOSE_UNSEEN,
    UPSERT_EVENTS,
    UPSERT_MARKETS,
)
from shared.adapters.stores.postgres_engine import open_engine, transaction
from shared.adapters.stores.postgres_matching import series_record
from shared.adapters.stores.postgres_rows import clean, encode
from shared.adapters.stores.postgres_schema import (
    market_pairs,
    markets,
    pair_proofs,
    pair_set,
)
from shared.domain.divergence import prior_ppm
from shared.domain.enums import Verdict
from shared.domain.errors import StoreError
from shared.domain.ids import MarketId, PairId
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair
from shared.matching.market_text import RAW_KEYS
from shared.ports.venue import CatalogueMarket

RULES: Final = "rules"
"""Actor of a verdict that nobody took by hand."""
_BATCH: Final = 500
_WATCHED: Final = (Verdict.CONFIRMED.value, Verdict.REVIEW.value)


class PostgresCatalogue:
    """Port ``CatalogueStore``. Texts are stored as given, without bytes Postgres refuses."""

    def __init__(self, dsn: str, *, engine: Engine | None = None) -> None:
        self._engine = engine or open_engine(dsn)

    def close(self) -> None:
        self._engine.dispose()

    def upsert_markets(self, markets: Sequence[CatalogueMarket], seen_ns: int) -> int:
        """Store markets and their events; return how many. The last of a repeated id counts."""
        self.store_listing(markets, seen_ns)
        return len({market.instrument.market_id for market in markets})

    def store_listing(self, markets: Sequence[CatalogueMarket], seen_ns: int) -> set[MarketId]:
        """Store markets and their events; return the ids of those that are new or changed.

        One that says the same as before is only noted as seen, and its fees as read again.
        """
        assert seen_ns > 0
        by_id = {market.instrument.market_id: market for market in markets}
        differing: set[MarketId] = set()
        for batch in _batches(list(by_id.values())):
            by_event = {row["id"]: row for row in (event_row(m, seen_ns) for m in batch)}
            for market in batch:
                row = by_event[event_row(market, seen_ns)["id"]]
                row["end_time_ns"] = max(row["end_time_ns"] or 0, market.instrument.close_ns)
            market_rows = [market_row(market, seen_ns) for market in batch]
            with transaction(self._engine) as connection:
                connection.execute(_json(UPSERT_EVENTS), {"rows": encode(list(by_event.values()))})
                answer = connection.execute(_json(UPSERT_MARKETS), {"rows": encode(market_rows)})
                differing.update(MarketId(key) for key in answer.scalars())
        assert differing <= by_id.keys()
        return differing

    def close_unseen(self, venue: str, since_ns: int) -> int:
        """Close what is open in the record and was not seen since; return how many."""
        assert since_ns > 0
        with transaction(self._engine) as connection:
            return int(
                connection.execute(
                    CLOSE_UNSEEN, {"venue": venue, "since": since_ns, "closed": list(CLOSED)}
                ).scalar_one()
            )

    def apply_instrument(self, instrument: Instrument, seen_ns: int) -> bool:
        """Take over what a feed says of a known market; False when it says nothing new.

        Of a changed rule text only the hash is known here: the stored text is dropped, so
        that nobody judges the old text under the new hash; the next crawl brings the new one.
        """
        assert seen_ns > 0
        columns = {**instrument_columns(instrument), "last_seen_ns": seen_ns}
        with transaction(self._engine) as connection:
            stored = connection.execute(
                select(markets).where(markets.c.id == instrument.market_id).with_for_update()
            )
            row = stored.mappings().one_or_none()
            if row is None or undated(instrument_of(dict(row))) == undated(instrument):
                return False
            connection.execute(APPLY_INSTRUMENT, {"id": columns["id"], "row": encode([columns])})
        return True

    def markets_by_id(self, wanted: Sequence[MarketId]) -> dict[MarketId, CatalogueMarket]:
        """Return the markets of these ids that the record knows, open or not."""
        found: dict[MarketId, CatalogueMarket] = {}
        for batch in _batches(sorted(set(wanted))):
            with transaction(self._engine) as connection:
                rows = connection.execute(select(markets).where(markets.c.id.in_(batch)))
                found |= {MarketId(r["id"]): market_of(dict(r)) for r in rows.mappings()}
        return found

    def list_titles(self, venue: str) -> Iterator[CatalogueMarket]:
        """Yield the open markets of a venue without rule texts, read from a cursor in batches.

        Of the raw object only what titles are made of comes along: candidates are found by
        titles, and the texts of 200,000 markets do not fit a function's memory.
        """
        columns = [c for c in markets.c if c.name not in ("raw", "rules_text")]
        slim = func.jsonb_build_object(
            *(part for key in RAW_KEYS for part in (key, markets.c.raw[key]))
        )
        query = (
            select(*columns, slim.label("raw"), literal("").label("rules_text"))
            .where(markets.c.venue == venue, markets.c.status.not_in(CLOSED))
            .order_by(markets.c.id)
        )
        with transaction(self._engine) as connection:
            streamed = connection.execution_options(yield_per=_BATCH).execute(query)
            for row in streamed.mappings():
                yield market_of(dict(row))

    def list_markets(self, venue: str, *, only_open: bool = True) -> Sequence[CatalogueMarket]:
        query = select(markets).where(markets.c.venue == venue).order_by(markets.c.id)
        if only_open:
            query = query.where(markets.c.status.not_in(CLOSED))
        with transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [market_of(dict(row)) for row in rows]

    def save_verdicts(self, rows: Sequence[Row], *, overrule: bool = False) -> int:
        """Insert or change verdicts; return how many really changed.

        Columns as ``PAIR_REQUIRED``. A row whose ``actor`` is ``rules`` never changes one
        that a person decided, unless told to ``overrule``, which only ever lowers; and it
        never confirms one that waits for a person. The same verdict again changes nothing.

        Raises:
            StoreError: a row that cannot be stored, or no answer.
        """
        try:
            checked = {row["id"]: clean(pair_row(row)) for row in rows}
        except ValueError as error:
            raise StoreError(f"refused: {error}") from error
        confirms = any(row["verdict"] == Verdict.CONFIRMED.value for row in checked.values())
        assert not (overrule and confirms), "only a person confirms over a person"
        changed = 0
        with transaction(self._engine) as connection:
            for batch in _batches(sorted(checked.values(), key=lambda row: str(row["id"]))):
                statement = insert(market_pairs).values(list(batch))
                new = statement.excluded
                names = [c for c in batch[0] if c not in ("id", "created_ns")]
                material = [c for c in names if c != "updated_ns"]
                update = statement.on_conflict_do_update(
                    index_elements=["id"],
                    set_={name: new[name] for name in names} | {"needs_person": _waits(new)},
                    where=_may_change(new, overrule=overrule) & _any_differs(material, new),
                )
                stored = connection.execute(update.returning(market_pairs.c.id))
                changed += len(stored.all())
            if changed:
                connection.execute(pair_set.update().values(version=pair_set.c.version + 1))
        return changed

    def known_pairs(self, ids: Sequence[str]) -> set[str]:
        query = select(market_pairs.c.id).where(market_pairs.c.id.in_(list(ids)))
        with transaction(self._engine) as connection:
            return set(connection.execute(query).scalars())

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
            record = series_record(connection)
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
        pairs = [
            pair_of(
                dict(row),
                is_proven=row["id"] in proven,
                divergence_ppm=prior_ppm(*record.get(row["series_id"], (0, 0))),
            )
            for row in pair_rows
        ]
        return int(version), pairs, [instrument_of(dict(row)) for row in market_rows]

    def mark_proven(self, pair: PairId, at_ns: int, fencing: int) -> None:
        """Port ``PairProofs``; the first proof counts. Raises StoreError when fenced off."""
        with transaction(self._engine) as connection:
            connection.execute(text("SELECT twinleg_assert_fencing(:ours)"), {"ours": fencing})
            connection.execute(
                insert(pair_proofs).values(pair_id=pair, at_ns=at_ns).on_conflict_do_nothing()
            )


def _waits(new: Any) -> Any:
    """Rules keep a pair waiting for a person; a person's own verdict says so anew."""
    kept = market_pairs.c.needs_person | new.needs_person
    return case((new.actor == RULES, kept), else_=new.needs_person)


def _may_change(new: Any, *, overrule: bool) -> Any:
    is_free = (market_pairs.c.actor == RULES) | (new.actor != RULES)
    by_rules = (new.actor == RULES) & (new.verdict == Verdict.CONFIRMED.value)
    return (true() if overrule else is_free) & ~(market_pairs.c.needs_person & by_rules)


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
