"""An order that is encoded and signed again and again and never sent.

A path that runs once a minute runs cold: its code and data have left the caches by then,
and the order that matters takes several times as long as in a tight loop (PERFORMANCE 0,
item 4). Running the whole building of an order every few milliseconds keeps it warm.
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import FeeType, MarketStatus, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.ids import AttemptId, MarketId, PackageId, market_id
from shared.domain.instrument import FeeSchedule, Instrument, PriceRange
from shared.domain.order import LegTicket
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros

NATIVE_ID: Final = "REHEARSAL"
_CENT: Final = 10_000


class Rehearsal:
    """A market that no venue lists, and a ticket for it that can only be encoded."""

    def __init__(self, venue: Venue, wall_ns: int) -> None:
        market = market_id(venue, NATIVE_ID)
        self.instrument = _instrument(venue, market)
        self.ticket = LegTicket(
            attempt_id=AttemptId("00000000-0000-5000-8000-000000000000"),
            package_id=PackageId("rehearsal"),
            leg=0,
            purpose=Purpose.OPEN,
            attempt=0,
            venue=venue,
            market_id=market,
            outcome=Outcome.YES,
            side=Side.BUY,
            price_limit=PriceMicros(42 * _CENT),
            qty=QtyMicros(100 * MICROS),
            qty_max=QtyMicros(100 * MICROS),
            tif=TimeInForce.IOC,
            decided_mono_ns=0,
            decided_wall_ns=max(1, wall_ns),
            send_by_mono_ns=NS_PER_S,
        )


def _instrument(venue: Venue, market: MarketId) -> Instrument:
    return Instrument(
        market_id=market,
        venue=venue,
        native_id=NATIVE_ID,
        title="",
        category="",
        series_id="",
        event_id="",
        grid=(PriceRange(PriceMicros(0), PriceMicros(MICROS), _CENT),),
        qty_step=QtyMicros(_CENT),
        min_qty=QtyMicros(_CENT),
        min_notional_usd=UsdMicros(0),
        fees=FeeSchedule(FeeType.UNKNOWN),
        status=MarketStatus.CLOSED,
        close_ns=0,
        settle_expected_ns=0,
        settle_worst_ns=0,
        rules_hash="",
        settlement_source="",
        yes_token="1" * 76,
        no_token="2" * 76,
        tradeable=False,
        refusal="only rehearsed",
    )
