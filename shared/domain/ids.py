"""Identifiers and their deterministic derivation.

Rule: nothing here draws a random number. An attempt id follows from (run, package,
leg, purpose, attempt), so a restarted process can name, and ask the venues about,
every order it may ever have sent.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Final, NewType

from shared.domain.enums import Purpose, RunMode, Venue

MarketId = NewType("MarketId", str)
"""``venue:native``; native is the Kalshi ticker or the Polymarket condition id."""
PairId = NewType("PairId", str)
"""``pr_`` and 12 hex digits over both market ids, Kalshi (or the lesser venue name) first."""
RunId = NewType("RunId", str)
"""``<run mode>-<lease epoch>``; never reused, so ids are unique over all runs (I-26)."""
PackageId = NewType("PackageId", str)
"""``<run id>-<package number>``."""
AttemptId = NewType("AttemptId", str)
"""UUIDv5 text; Kalshi's client_order_id, and the seed of the Polymarket salt."""

_NAMESPACE: Final = uuid.UUID("6f9d4d7a-52a1-5c1e-9a51-7c0f6b8a2e11")


def market_id(venue: Venue, native_id: str) -> MarketId:
    assert native_id and ":" not in venue.value, native_id
    return MarketId(f"{venue.value}:{native_id}")


def venue_of(market: MarketId) -> Venue:
    return Venue(market.split(":", 1)[0])


def native_of(market: MarketId) -> str:
    return market.split(":", 1)[1]


def derive_pair_id(a: MarketId, b: MarketId) -> PairId:
    """Return the same id for (a, b) and (b, a)."""
    assert a != b
    digest = hashlib.sha256("|".join(sorted((a, b))).encode()).hexdigest()
    return PairId(f"pr_{digest[:12]}")


def derive_run_id(mode: RunMode, epoch: int) -> RunId:
    assert epoch > 0
    return RunId(f"{mode.value}-{epoch}")


def derive_package_id(run: RunId, number: int) -> PackageId:
    assert number > 0
    return PackageId(f"{run}-{number}")


def derive_attempt_id(package: PackageId, leg: int, purpose: Purpose, attempt: int) -> AttemptId:
    """Return the id of one order attempt.

    Args:
        package: Carries the run id and mode, so paper and live can never collide.
        leg: 0-based leg index in the package.
        purpose: Opening, hedge or unwind.
        attempt: 0-based attempt number within (package, leg, purpose).
    """
    assert leg >= 0 and attempt >= 0
    return AttemptId(str(uuid.uuid5(_NAMESPACE, f"{package}/{leg}/{purpose.value}/{attempt}")))


def derive_salt(attempt: AttemptId) -> int:
    """Return the Polymarket order salt of an attempt: positive and below 2**53 (JSON number)."""
    return (uuid.UUID(attempt).int & ((1 << 53) - 1)) or 1
