"""Cash, positions, orders, trades and settlements, read to the last page.

Rule 1: a read is complete or it raises. Rule 2: nothing here trades.
Rule 3: cash is what the venue calls balance less a dollar for each contract short: a short
sale is booked there as proceeds with a dollar of margin beside it, here as buying NO.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.catalogue import PolymarketUsCatalogue
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.evidence import MarketRecords, Trade
from shared.adapters.venues.polymarket_us.parsing import (
    OrderFacts,
    read_cash,
    read_order,
    read_qty_text,
    read_signed,
    read_time_ns,
    read_yes_price,
)
from shared.adapters.venues.polymarket_us.rest import NotOkError, PolymarketUsRest, Query
from shared.adapters.venues.polymarket_us.schemas import (
    ActivitiesPage,
    Activity,
    BalancesReply,
    OpenOrdersReply,
    OrderReply,
    PositionsPage,
    ResolutionRow,
    TradeRow,
)
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import AccountSnapshot, PayoutSeen, VenuePosition
from shared.domain.ids import market_id
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, cost_floor

TRADE: Final = "ACTIVITY_TYPE_TRADE"
RESOLUTION: Final = "ACTIVITY_TYPE_POSITION_RESOLUTION"
VOIDED: Final = frozenset({"TRADE_STATE_BUSTED", "TRADE_STATE_REJECTED"})
"""States of a trade that was executed and taken back (O portfolio/overview)."""
ORDER_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}\Z")
_PAGES_MAX: Final = 500
_SIDES: Final = {"POSITION_RESOLUTION_SIDE_LONG": MICROS, "POSITION_RESOLUTION_SIDE_SHORT": 0}


class PolymarketUsAccount:
    """Implements ``Account``; its narrower reads serve evidence and the user stream."""

    venue = Venue.POLYMARKET_US

    def __init__(
        self, rest: PolymarketUsRest, catalogue: PolymarketUsCatalogue, tally: WireTally
    ) -> None:
        self._rest, self._catalogue, self._tally = rest, catalogue, tally
        self._payouts: dict[str, PriceMicros] = {}

    async def fetch_snapshot(self) -> AccountSnapshot:
        """Read cash and positions to the last page. Raises StoreError when incomplete."""
        try:
            reply = await self._rest.get("/v1/account/balances", BalancesReply)
            dollars = [row for row in reply.balances if row.currency == "USD"]
            if len(dollars) != 1:
                raise WireError("balances", f"{len(dollars)} dollar balances")
            balance = read_cash(dollars[0].current_balance, "current_balance")
            positions = await self.read_positions()
        except WireError as error:
            raise StoreError(f"polymarket_us account: {error}") from error
        cash = UsdMicros(balance + sum(min(net, 0) for net in positions.values()))
        return AccountSnapshot(
            venue=self.venue,
            cash=cash,
            cash_by_shard=((0, cash),),
            positions=tuple(
                VenuePosition(
                    market_id(self.venue, slug), QtyMicros(max(net, 0)), QtyMicros(max(-net, 0))
                )
                for slug, net in sorted(positions.items())
                if net != 0
            ),
            as_of_wall_ns=self._rest.clock.wall_ns(),
        )

    async def fetch_payouts(self, since_wall_ns: int) -> Sequence[PayoutSeen]:
        """Read settlements credited since a time; repeats are fine. Raises StoreError."""
        seen: list[PayoutSeen] = []
        try:
            async for row in self._activities(RESOLUTION):
                resolution = row.position_resolution
                if resolution is None:
                    continue
                if read_time_ns(resolution.update_time, "resolution_time") < since_wall_ns:
                    break
                payout = await self._read_payout(resolution)
                if payout is not None:
                    seen.append(payout)
        except WireError as error:
            raise StoreError(f"polymarket_us settlements: {error}") from error
        return seen

    # --- narrower reads: StoreError or WireError when not complete ---------------------------

    async def read_positions(self, slug: str = "") -> dict[str, int]:
        """Return signed contracts (negative = short, which is NO) per market."""
        nets: dict[str, int] = {}
        query: dict[str, str | int] = {"limit": cap.PAGE_POSITIONS}
        if slug:
            query["market"] = slug
        cursor = ""
        for _ in range(_PAGES_MAX):
            page = await self._rest.get(
                "/v1/portfolio/positions", PositionsPage, {**query, **_from(cursor)}
            )
            for name, row in page.positions.items():
                nets[name] = read_signed(row.net_position_decimal, row.net_position, "position")
            if page.eof or not page.next_cursor:
                return nets if not slug else {slug: nets.get(slug, 0)}
            if page.next_cursor == cursor:
                raise StoreError("polymarket_us positions: the cursor repeats")
            cursor = page.next_cursor
        raise StoreError(f"polymarket_us positions: more than {_PAGES_MAX} pages")

    async def read_open_orders(self, slug: str = "") -> list[OrderFacts]:
        query: Query = {"slugs": slug} if slug else None
        reply = await self._rest.get("/v1/orders/open", OpenOrdersReply, query)
        orders = [read_order(row) for row in reply.orders]
        return [order for order in orders if slug in ("", order.slug)]

    async def read_order(self, order_id: str) -> OrderFacts | None:
        """Return one order; None when the venue does not know it (which proves nothing)."""
        if not ORDER_ID.match(order_id):
            raise WireError("order_id", order_id)
        try:
            reply = await self._rest.get(f"/v1/order/{order_id}", OrderReply)
        except NotOkError as error:
            if error.status == 404:
                return None
            raise
        order = read_order(reply.order)
        if order.order_id != order_id:
            raise WireError("order_id", f"{order_id} {order.order_id}")
        return order

    async def read_trades(
        self,
        since_wall_ns: int,
        *,
        slug: str = "",
        on_voided: Callable[[str], None] = lambda _: None,
    ) -> list[Trade]:
        """Return our trades since a time, newest first; ``on_voided`` hears of busted ones."""
        trades: list[Trade] = []
        async for row in self._activities(TRADE, slug):
            if row.trade is None:
                continue
            trade = read_trade(row.trade)
            if trade.created_ns < since_wall_ns:
                break
            if row.trade.state in VOIDED:
                on_voided(trade.trade_id)
            elif slug in ("", trade.slug):
                trades.append(trade)
        return trades

    async def read_market(self, slug: str, since_wall_ns: int) -> MarketRecords:
        """Return everything of ours in one market."""
        orders = await self.read_open_orders(slug)
        trades = await self.read_trades(since_wall_ns, slug=slug)
        position = (await self.read_positions(slug))[slug]
        return MarketRecords(self._rest.clock.mono_ns(), orders, trades, position)

    # --- inside ----------------------------------------------------------------------------------

    async def _activities(self, kind: str, slug: str = "") -> AsyncIterator[Activity]:
        """Yield activities, newest first, page by page."""
        query: dict[str, str | int] = {
            "limit": cap.PAGE_ACTIVITIES,
            "types": kind,
            "sortOrder": "SORT_ORDER_DESCENDING",
        }
        if slug:
            query["marketSlug"] = slug
        cursor = ""
        for _ in range(_PAGES_MAX):
            page = await self._rest.get(
                "/v1/portfolio/activities", ActivitiesPage, {**query, **_from(cursor)}
            )
            for row in page.activities:
                if row.type == kind:
                    yield row
            if page.eof or not page.next_cursor:
                return
            if page.next_cursor == cursor:
                raise StoreError("polymarket_us activities: the cursor repeats")
            cursor = page.next_cursor
        raise StoreError(f"polymarket_us activities: more than {_PAGES_MAX} pages")

    async def _read_payout(self, row: ResolutionRow) -> PayoutSeen | None:
        """Return a settlement, or None when nothing was held or the price is not out yet.

        Raises:
            WireError: a position that cannot be read, or a side that contradicts the price.
        """
        before = row.before_position
        net = 0
        if before is not None:
            net = read_signed(before.net_position_decimal, before.net_position, "resolved")
        if net == 0:
            return None
        payout = self._payouts.get(row.market_slug)
        if payout is None:
            payout = await self._catalogue.read_settlement(row.market_slug)
            if payout is None:
                return None
            self._payouts[row.market_slug] = payout
        if _SIDES.get(row.side, payout) != payout:
            raise WireError("settlement_side", f"{row.market_slug} {row.side} {payout}")
        yes, no = QtyMicros(max(net, 0)), QtyMicros(max(-net, 0))
        cash = cost_floor(payout, yes) + cost_floor(PriceMicros(MICROS - payout), no)
        return PayoutSeen(
            venue=self.venue,
            market_id=market_id(self.venue, row.market_slug),
            payout=payout,
            qty_yes=yes,
            qty_no=no,
            cash=UsdMicros(cash),
            venue_ts_ns=read_time_ns(row.update_time, "resolution_time"),
            reference=f"polymarket_us/{row.market_slug}/{row.trade_id or row.update_time}",
        )


def _from(cursor: str) -> dict[str, str]:
    return {"cursor": cursor} if cursor else {}


def read_trade(row: TradeRow) -> Trade:
    """Read a trade of an activity. Raises WireError."""
    if not row.id or not row.market_slug:
        raise WireError("trade_ids", f"{row.id[:40]} {row.market_slug[:40]}")
    created = read_time_ns(row.create_time, "trade_time")
    if created == 0:
        raise WireError("trade_time", row.id)
    return Trade(
        trade_id=row.id,
        slug=row.market_slug,
        yes_price=read_yes_price(row.price, "trade_price"),
        qty=read_qty_text(row.qty_decimal, row.qty, "trade_qty"),
        is_aggressor=row.is_aggressor is not False,
        created_ns=created,
    )
