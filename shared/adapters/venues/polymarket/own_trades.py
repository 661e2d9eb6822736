"""Whose trades are these: remembers our orders and markets, and turns trades into our fills.

A trade names order ids (digests) and a market; an order id that we made belongs to an
attempt, and a market that nobody told us of is read from the catalogue, so that no fill
is lost for want of its grid or fees.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from shared.adapters.venues.polymarket.access import Credentials
from shared.adapters.venues.polymarket.fills import fills_of_trade
from shared.adapters.venues.polymarket.instruments import apply_clob_info, build_instrument
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.adapters.venues.polymarket.schemas import Trade
from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.domain.ids import AttemptId, MarketId, market_id
from shared.domain.instrument import Instrument
from shared.domain.order import Fill
from shared.ports.clock import Clock

InstrumentOf = Callable[[MarketId], Instrument | None]
REMEMBERED_MAX: Final = 20_000


class OwnTrades:
    """Memory of one account's orders within this process; bounded, oldest forgotten first."""

    def __init__(
        self,
        rest: PolymarketRest,
        credentials: Credentials,
        clock: Clock,
        instrument_of: InstrumentOf,
    ) -> None:
        self._rest = rest
        self._credentials = credentials
        self._clock = clock
        self._instrument_of = instrument_of
        self._attempts: OrderedDict[str, AttemptId] = OrderedDict()
        self._instruments: dict[MarketId, Instrument] = {}

    def remember(self, order_id: str, attempt: AttemptId, instrument: Instrument) -> None:
        self._attempts[order_id] = attempt
        self._attempts.move_to_end(order_id)
        self._instruments[instrument.market_id] = instrument
        while len(self._attempts) > REMEMBERED_MAX:
            self._attempts.popitem(last=False)

    def owner(self, order_id: str) -> AttemptId | None:
        return self._attempts.get(order_id.lower())

    def instrument(self, market: MarketId) -> Instrument | None:
        """Return the market as the trader knows it now, else as it was last encoded for."""
        return self._instrument_of(market) or self._instruments.get(market)

    async def to_fills(self, trade: Trade) -> list[Fill]:
        """Return our fills in a trade. Raises WireError or StoreError: ask again later."""
        instrument = self.instrument(market_id(Venue.POLYMARKET, trade.market))
        if instrument is None:
            instrument = await self._fetch(trade.market)
        api_key, wallet = self._credentials.api.api_key, self._credentials.wallet
        return fills_of_trade(trade, instrument, self.owner, api_key, wallet)

    async def _fetch(self, condition: str) -> Instrument:
        now = self._clock.wall_ns()
        rows = await self._rest.gamma_markets([condition])
        row = next((r for r in rows if r.condition_id == condition), None)
        if row is None:
            raise StoreError(f"gamma does not know the market {condition}")
        instrument = build_instrument(row, now)
        if not row.closed:
            info = await self._rest.clob_market(condition)
            instrument = apply_clob_info(instrument, info, now)
        self._instruments[instrument.market_id] = instrument
        return instrument
