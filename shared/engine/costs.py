"""What is charged, and by which version: changes of fee schedules, and the hashes on record.

A schedule that changed is reported with both versions, and envelopes that were planned
under it fail their last gate, because their versions are no longer the current ones.
Each version that prices something is kept once in the record, so that a hash on an edge, a
package or a fill can be read as a formula years later.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.fee_schedules import has_same_terms
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.engine.state import State, Turn


def take(state: State, turn: Turn, new: Instrument) -> bool:
    """Replace the instrument and report a change of its fees. True when they changed."""
    old = state.instruments.get(new.market_id)
    state.instruments[new.market_id] = new
    if old is None or has_same_terms(old.fees, new.fees):
        return False
    turn.decide(
        state,
        "fees",
        str(new.market_id),
        "changed",
        "the venue's fees changed",
        params={
            "before": old.fees.version,
            "after": new.fees.version,
            "before_hash": old.fees.version_hash,
            "after_hash": new.fees.version_hash,
            "waived_until_ns": str(new.fees.waived_until_ns),
            "source": new.fees.source[:80],
        },
        severity="p2",
    )
    return True


def keep_versions(state: State, turn: Turn, markets: Iterable[MarketId]) -> None:
    """Put the fees of these markets and the frictions in force on record, each version once."""
    for market in markets:
        instrument = state.instruments.get(market)
        version_hash = state.fee_hash(market)
        if instrument is not None and version_hash not in state.cost_hashes:
            fees = instrument.fees
            row = {"venue": fees.venue, "scope": fees.scope, "is_confirmed": fees.is_confirmed}
            row |= {"kind": "fee", "version": fees.version, "source": fees.source}
            _keep(state, turn, version_hash, {**row, "as_of_ns": fees.as_of_ns})
    version_hash = state.friction_hash()
    if version_hash not in state.cost_hashes:
        source = f"config version {state.config.version}"
        row = {"kind": "friction", "version": state.frictions.version, "source": source}
        _keep(state, turn, version_hash, row)


def _keep(state: State, turn: Turn, version_hash: str, row: dict[str, object]) -> None:
    assert len(version_hash) == 16 and version_hash not in state.cost_hashes, version_hash
    state.cost_hashes.add(version_hash)
    turn.write("cost_versions", {"hash": version_hash, **row, "first_seen_ns": turn.wall})
