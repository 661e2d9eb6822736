"""What feeds say of markets between two crawls, applied to the record at once.

The listing is changed, and a pair whose terms it changed goes back to review in the same
breath: the kernel has stopped it already, by the same comparison, when the feed spoke.
"""

from __future__ import annotations

from shared.domain.instrument import Instrument
from shared.ports.stores import CatalogueStore
from shared.services.pair_rows import CONFIRMED, lower_changed


def apply(store: CatalogueStore, instrument: Instrument, now_ns: int) -> int:
    """Take over a market as a feed saw it; return how many verdicts changed.

    Raises:
        StoreError: the record did not answer; what was not stored may be applied again.
    """
    assert now_ns > 0
    market = instrument.market_id
    # Verdicts before the listing: a crash between leaves a pair lowered, never the reverse.
    rows = [
        row
        for row in store.list_pairs(verdict=CONFIRMED)
        if market in (row["market_a_id"], row["market_b_id"])
    ]
    down, again = lower_changed(rows, {market: instrument}, now_ns)
    changed = store.save_verdicts(down, overrule=True) if down else 0
    is_new = store.apply_instrument(instrument, now_ns)
    if again:
        changed += store.save_verdicts(again)
    assert is_new or changed >= 0
    return changed
