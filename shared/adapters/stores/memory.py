"""The stores in memory, for tests and simulation: same behaviour, no durability.

A shared contract suite runs against these and against Postgres. Rows are copied on the way
in and out, so that nobody changes the record by holding on to a dict.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.adapters.stores.catalogue_rows import (
    PAIR_OPTIONAL,
    PAIR_REQUIRED,
    market_row,
    pair_of,
    pair_row,
    undated,
)
from shared.adapters.stores.memory_matching import MemoryMatching
from shared.adapters.stores.memory_trading import MemoryJournal
from shared.contracts.config_v1 import default_document
from shared.domain.divergence import prior_ppm
from shared.domain.enums import MarketStatus, Verdict
from shared.domain.errors import StoreError
from shared.domain.events import Halt
from shared.domain.ids import MarketId, PairId
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair
from shared.ports.stores import Lease
from shared.ports.venue import CatalogueMarket

__all__ = ["MemoryCatalogue", "MemoryConfig", "MemoryControl", "MemoryFlags", "MemoryJournal"]

Row = Mapping[str, Any]
_ENDED = (MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.SETTLED)
_WATCHED = (Verdict.CONFIRMED.value, Verdict.REVIEW.value)


class MemoryCatalogue:
    """Ports ``CatalogueStore`` and ``PairProofs`` in memory."""

    def __init__(self) -> None:
        self._markets: dict[str, CatalogueMarket] = {}
        self._pairs: dict[str, dict[str, Any]] = {}
        self._proofs: dict[str, int] = {}
        self._version = 0
        self._seen_ns: dict[MarketId, int] = {}
        self._ever_confirmed: set[str] = set()
        self.matching = MemoryMatching(self.list_pairs, lambda: frozenset(self._ever_confirmed))

    def upsert_markets(self, markets: Sequence[CatalogueMarket], seen_ns: int) -> int:
        assert seen_ns > 0
        by_id = {str(market.instrument.market_id): market for market in markets}
        watched = {
            market
            for row in self._pairs.values()
            if row["verdict"] in _WATCHED
            for market in (row["market_a_id"], row["market_b_id"])
        }
        known = self._markets
        if any(
            key in known and key in watched and known[key].instrument != market.instrument
            for key, market in by_id.items()
        ):
            self._version += 1
        known.update(by_id)
        self._seen_ns.update(dict.fromkeys(map(MarketId, by_id), seen_ns))
        return len(by_id)

    def store_listing(self, markets: Sequence[CatalogueMarket], seen_ns: int) -> set[MarketId]:
        before = dict(self._markets)
        self.upsert_markets(markets, seen_ns)
        listed = {market.instrument.market_id for market in markets}
        return {key for key in listed if _said(before.get(key)) != _said(self._markets[key])}

    def close_unseen(self, venue: str, since_ns: int) -> int:
        assert since_ns > 0
        gone = [
            replace(m, instrument=replace(m.instrument, status=MarketStatus.CLOSED))
            for m in self.list_markets(venue)
            if self._seen_ns[m.instrument.market_id] < since_ns
        ]
        seen = {m.instrument.market_id: self._seen_ns[m.instrument.market_id] for m in gone}
        self.upsert_markets(gone, since_ns)
        self._seen_ns.update(seen)
        return len(gone)

    def apply_instrument(self, instrument: Instrument, seen_ns: int) -> bool:
        assert seen_ns > 0
        known = self._markets.get(instrument.market_id)
        if known is None or undated(known.instrument) == undated(instrument):
            return False
        is_same = known.instrument.rules_hash == instrument.rules_hash
        text = known.rules_text if is_same else ""
        self._markets[instrument.market_id] = replace(known, instrument=instrument, rules_text=text)
        self._seen_ns[instrument.market_id] = seen_ns
        return True

    def markets_by_id(self, wanted: Sequence[MarketId]) -> dict[MarketId, CatalogueMarket]:
        return {key: self._markets[key] for key in wanted if key in self._markets}

    def list_titles(self, venue: str) -> Iterator[CatalogueMarket]:
        for market in self.list_markets(venue):
            yield replace(market, rules_text="")

    def list_markets(self, venue: str, *, only_open: bool = True) -> Sequence[CatalogueMarket]:
        return [
            market
            for _, market in sorted(self._markets.items())
            if market.instrument.venue.value == venue
            and not (only_open and market.instrument.status in _ENDED)
        ]

    def save_verdicts(self, rows: Sequence[Row], *, overrule: bool = False) -> int:
        try:
            checked = {row["id"]: pair_row(row) for row in rows}
        except ValueError as error:
            raise StoreError(f"refused: {error}") from error
        confirms = any(row["verdict"] == Verdict.CONFIRMED.value for row in checked.values())
        assert not (overrule and confirms), "only a person confirms over a person"
        changed = 0
        columns = (PAIR_REQUIRED | PAIR_OPTIONAL.keys()) - {"updated_ns"}
        for key, row in checked.items():
            known = self._pairs.get(key)
            if known is not None:
                by_rules = row["actor"] == "rules"
                if known["actor"] != "rules" and by_rules and not overrule:
                    continue
                if known["needs_person"] and by_rules and row["verdict"] == "confirmed":
                    continue
                row["needs_person"] |= by_rules and known["needs_person"]
                if all(known[c] == row[c] for c in columns):
                    continue
                row["created_ns"] = known["created_ns"]
            active = row["verdict"] == Verdict.CONFIRMED.value
            self._ever_confirmed |= {key} if active else set()
            self._pairs[key] = copy.deepcopy({**row, "active_flag": active})
            changed += 1
        self._version += bool(changed)
        return changed

    def known_pairs(self, ids: Sequence[str]) -> set[str]:
        return set(ids) & self._pairs.keys()

    def list_pairs(self, *, verdict: str | None = None) -> Sequence[Row]:
        rows = [r for r in self._pairs.values() if verdict is None or r["verdict"] == verdict]
        return copy.deepcopy(sorted(rows, key=lambda r: (-r["updated_ns"], r["id"])))

    def load_pair_set(self) -> tuple[int, Sequence[MatchedPair], Sequence[Instrument]]:
        rows = [r for _, r in sorted(self._pairs.items()) if r["verdict"] in _WATCHED]
        named = {m for r in rows for m in (r["market_a_id"], r["market_b_id"])}
        instruments = [m.instrument for k, m in sorted(self._markets.items()) if k in named]
        record = self.matching.series_record()
        pairs = [
            pair_of(
                r,
                is_proven=r["id"] in self._proofs,
                divergence_ppm=prior_ppm(*record.get(r["series_id"], (0, 0))),
            )
            for r in rows
        ]
        return self._version, pairs, instruments

    def mark_proven(self, pair: PairId, at_ns: int, fencing: int) -> None:
        assert fencing > 0
        self._proofs.setdefault(pair, at_ns)


def _said(market: CatalogueMarket | None) -> dict[str, Any]:
    return {} if market is None else {**market_row(market, 1), "raw": None, "fees": None}


class MemoryConfig:
    """Port ``ConfigStore`` in memory; instants count up by one."""

    def __init__(self) -> None:
        self._versions: list[dict[str, Any]] = []
        self._append(default_document(), "build", "defaults")

    def load_active(self) -> tuple[int, Mapping[str, Any]]:
        newest = self._versions[-1]
        return newest["version"], copy.deepcopy(newest["document"])

    def load_version(self, version: int) -> Mapping[str, Any]:
        if not 1 <= version <= len(self._versions):
            raise StoreError(f"there is no configuration version {version}")
        document: Mapping[str, Any] = copy.deepcopy(self._versions[version - 1]["document"])
        return document

    def save(self, document: Mapping[str, Any], *, actor: str, reason: str, base: int) -> int:
        assert actor and reason
        active = len(self._versions)
        if active != base:
            raise StoreError(f"version {active} is active, not {base}: nothing was stored")
        return self._append(document, actor, reason)

    def history(self, limit: int = 50) -> Sequence[Row]:
        return copy.deepcopy(self._versions[::-1][:limit])

    def _append(self, document: Mapping[str, Any], actor: str, reason: str) -> int:
        version = len(self._versions) + 1
        self._versions.append(
            {
                "version": version,
                "base_version": version - 1,
                "ts_ns": version,
                "actor": actor,
                "reason": reason,
                "document": copy.deepcopy(dict(document)),
            }
        )
        return version


class MemoryControl:
    """Port ``ControlLog`` in memory."""

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self._halts: dict[tuple[str, str], Halt] = {}

    def record(self, row: Row) -> None:
        if not row.get("kind") or not row.get("actor"):
            raise StoreError("refused: control log: kind or actor is missing")
        command = row.get("command_id")
        if command is None or all(entry.get("command_id") != command for entry in self.log):
            self.log.append(copy.deepcopy(dict(row)))

    def read_halts(self) -> Sequence[Halt]:
        return sorted(self._halts.values(), key=lambda halt: halt.since_wall_ns)

    def put_halt(self, halt: Halt) -> None:
        key = (halt.scope, halt.reason.value)
        self._halts[key] = stricter(self._halts.get(key), halt)

    def lift_halt(self, scope: str, reason: str, actor: str, note: str, at_ns: int) -> None:
        if self._halts.pop((scope, reason), None) is not None:
            self.log.append(
                {
                    "kind": "lift",
                    "scope": scope,
                    "reason": reason,
                    "actor": actor,
                    "issued_at": at_ns,
                    "note": note,
                }
            )


class MemoryFlags:
    """Port ``LiveFlags`` in memory; nonces count up."""

    def __init__(self) -> None:
        self._lease: Lease | None = None
        self._halts: dict[tuple[str, str], Halt] = {}
        self._pointers: dict[str, int] = {}
        self._snapshot: tuple[int, bytes] | None = None
        self._nonces = 0

    def read_lease(self) -> Lease | None:
        return self._lease

    def take_lease(self, seen: Lease | None, holder: str, build: str, epoch_min: int) -> Lease:
        if (seen and seen.nonce) != (self._lease and self._lease.nonce):
            raise StoreError("the lease moved since it was read")
        epoch = max(epoch_min, seen.epoch + 1 if seen else 1)
        self._lease = Lease(epoch, holder, self._nonce(), False, build)
        return self._lease

    def renew_lease(self, lease: Lease) -> Lease:
        self._check(lease)
        self._lease = Lease(lease.epoch, lease.holder, self._nonce(), False, lease.build)
        return self._lease

    def release_lease(self, lease: Lease) -> None:
        self._check(lease)
        self._lease = Lease(lease.epoch, lease.holder, self._nonce(), True, lease.build)

    def read_halts(self) -> Sequence[Halt]:
        return sorted(self._halts.values(), key=lambda halt: halt.since_wall_ns)

    def put_halt(self, halt: Halt) -> None:
        key = (halt.scope, halt.reason.value)
        self._halts[key] = stricter(self._halts.get(key), halt)

    def delete_halt(self, scope: str, reason: str) -> None:
        self._halts.pop((scope, reason), None)

    def put_snapshot(self, seq: int, blob: bytes) -> None:
        self._snapshot = (seq, blob)

    def get_snapshot(self) -> tuple[int, bytes] | None:
        return self._snapshot

    def get_pointer(self, name: str) -> int | None:
        return self._pointers.get(name)

    def put_pointer(self, name: str, version: int) -> None:
        self._pointers[name] = max(version, self._pointers.get(name, version))

    def _nonce(self) -> str:
        self._nonces += 1
        return f"nonce-{self._nonces}"

    def _check(self, lease: Lease) -> None:
        if self._lease is None or self._lease.nonce != lease.nonce:
            raise StoreError("somebody else holds the lease")


def stricter(known: Halt | None, halt: Halt) -> Halt:
    """Return what holds when ``halt`` is put over ``known``: the first, a freeze if either is."""
    if known is None:
        return halt
    if known.is_freeze or not halt.is_freeze:
        return known
    return Halt(known.scope, known.reason, known.actor, known.since_wall_ns, True, known.note)
