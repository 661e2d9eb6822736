"""What the processes ask of the stores. Postgres is the record, DynamoDB the live flags.

Writers: the trader alone writes packages, orders, fills, positions, postings; whoever
decides writes configs and verdicts; anybody reads. Every trader write carries its
fencing number and changes nothing once a higher one exists (I-06).
Row types are plain dicts of column name to value, with the column names of the schema
(``_micros`` bigints, ``_ns`` bigints), so that a record stays readable outside Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.events import Halt
from shared.domain.ids import MarketId, PackageId, PairId
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair
from shared.ports.venue import CatalogueMarket

Row = Mapping[str, Any]


class Journal(Protocol):
    """Intent before bytes (ARCHITECTURE 1.3). Async; one connection kept warm."""

    async def take_fencing(self, epoch: int, holder: str, versions: Mapping[str, str]) -> int:
        """Raise the fencing number to at least ``epoch`` and return it; it only grows."""
        ...

    async def commit_envelope(self, package: Row, attempts: Sequence[Row], fencing: int) -> None:
        """Store a package and every attempt id it may use in one transaction.

        Raises:
            FencedError: a higher fencing number exists.
            JournalError: anything else, a lost connection inside COMMIT included; the
                envelope must be treated as not committed.
        """
        ...

    async def write(self, table: str, rows: Sequence[Row], fencing: int) -> None:
        """Upsert rows by primary key into packages, orders, fills, positions, ledger_postings,
        edges, orderbooks, decisions. Postings and fills are insert-only: a repeated key is
        ignored, never changed. Raises JournalError / FencedError."""
        ...

    async def write_batch(self, batches: Sequence[tuple[str, Sequence[Row]]], fencing: int) -> None:
        """Like ``write`` for several tables in the order given, all in one transaction.

        The rows of one kernel step go together, so that a crash never leaves a fill without
        its postings. Raises JournalError / FencedError; then nothing of it was stored.
        """
        ...

    async def ping(self) -> None:
        """Prove that the journal answers. Raises JournalError."""
        ...

    async def void_envelope(self, package: PackageId, reason: str, fencing: int) -> None: ...

    async def load_open(self) -> Mapping[str, Sequence[Row]]:
        """Return everything start-up needs: non-ended packages with attempts and fills, all
        positions, ledger balances per account, day/week/month realised sums, the highest
        package number, unposted payouts, pair proofs. Keys are table names."""
        ...


class CatalogueStore(Protocol):
    """Markets, events and verdicts. Sync (used by lambdas and, in a thread, the trader)."""

    def upsert_markets(self, markets: Sequence[CatalogueMarket], seen_ns: int) -> int: ...

    def store_listing(self, markets: Sequence[CatalogueMarket], seen_ns: int) -> set[MarketId]:
        """Store markets; return the ids of those that are new or say something else."""
        ...

    def close_unseen(self, venue: str, since_ns: int) -> int:
        """Close what is open in the record and was not seen since; return how many."""
        ...

    def apply_instrument(self, instrument: Instrument, seen_ns: int) -> bool:
        """Take over what a feed says of a known market; False when it says nothing new.

        A changed rule text is known by its hash alone: the stored text is dropped.
        """
        ...

    def markets_by_id(self, wanted: Sequence[MarketId]) -> Mapping[MarketId, CatalogueMarket]: ...

    def list_titles(self, venue: str) -> Iterator[CatalogueMarket]:
        """Yield the open markets of a venue without rule texts, in bounded memory."""
        ...

    def list_markets(self, venue: str, *, only_open: bool = True) -> Sequence[CatalogueMarket]: ...

    def save_verdicts(self, rows: Sequence[Row], *, overrule: bool = False) -> int:
        """Insert or update market_pairs; a human verdict (actor not ``rules``) always wins.

        ``overrule`` lowers a person's verdict too (never to confirmed): what it was given
        on has changed. A row with ``needs_person`` is confirmed by a person only.
        """
        ...

    def known_pairs(self, ids: Sequence[str]) -> set[str]:
        """Return which of these pairs have a verdict, whatever it is."""
        ...

    def list_pairs(self, *, verdict: str | None = None) -> Sequence[Row]: ...

    def load_pair_set(self) -> tuple[int, Sequence[MatchedPair], Sequence[Instrument]]:
        """Return (set version, pairs with verdict confirmed or review, their instruments)."""
        ...


class ConfigStore(Protocol):
    def load_active(self) -> tuple[int, Mapping[str, Any]]: ...

    def load_version(self, version: int) -> Mapping[str, Any]: ...

    def save(self, document: Mapping[str, Any], *, actor: str, reason: str, base: int) -> int:
        """Store a new version; raises StoreError when ``base`` is not the active one."""
        ...

    def history(self, limit: int = 50) -> Sequence[Row]: ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The one trading lease as read from the store; renewals are seen by changing ``nonce``."""

    epoch: int
    holder: str
    nonce: str
    is_released: bool
    build: str


class LiveFlags(Protocol):
    """DynamoDB: lease, halts, pointers, snapshot. Sync client, called in a thread."""

    def read_lease(self) -> Lease | None: ...

    def take_lease(self, seen: Lease | None, holder: str, build: str, epoch_min: int) -> Lease:
        """Take over conditionally on ``seen`` being unchanged; raises StoreError otherwise."""
        ...

    def renew_lease(self, lease: Lease) -> Lease:
        """Write a new nonce; raises StoreError when somebody else holds the lease."""
        ...

    def release_lease(self, lease: Lease) -> None: ...

    def read_halts(self) -> Sequence[Halt]: ...

    def put_halt(self, halt: Halt) -> None: ...

    def delete_halt(self, scope: str, reason: str) -> None: ...

    def put_snapshot(self, seq: int, blob: bytes) -> None:
        """Store the dashboard snapshot (zstd JSON of api_v1.LiveSnapshot, at most 64 KB a part)."""
        ...

    def get_snapshot(self) -> tuple[int, bytes] | None: ...

    def get_pointer(self, name: str) -> int | None: ...

    def put_pointer(self, name: str, version: int) -> None: ...


class ControlLog(Protocol):
    """Postgres side of halts and commands; the stricter of both stores wins."""

    def record(self, row: Row) -> None: ...

    def read_halts(self) -> Sequence[Halt]: ...

    def put_halt(self, halt: Halt) -> None: ...

    def lift_halt(self, scope: str, reason: str, actor: str, note: str, at_ns: int) -> None: ...


class PairProofs(Protocol):
    def mark_proven(self, pair: PairId, at_ns: int, fencing: int) -> None: ...
