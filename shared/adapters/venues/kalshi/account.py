"""Cash per shard, positions, fills, orders and settlements, read to the last page.

Rule 1: a read is complete or it raises. Rule 2: nothing here trades. Rule 3: amounts
that contradict each other (a breakdown that does not add up) are refused, because a
unit mistaken by 100 looks exactly like that (F-063).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.adapters.venues.kalshi import capabilities as cap
from shared.adapters.venues.kalshi.corrections import KnownPayouts
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.evidence import AttemptMemory, MarketRecords
from shared.adapters.venues.kalshi.instruments import payout_from_cents
from shared.adapters.venues.kalshi.key_scopes import KeyState, judge_key
from shared.adapters.venues.kalshi.parsing import (
    MICROS_PER_CENT,
    build_fill,
    read_amount,
    read_count,
    read_time_ns,
)
from shared.adapters.venues.kalshi.rest import KalshiRest, NotOkError, Query
from shared.adapters.venues.kalshi.schemas import (
    ApiKeysReply,
    AsOfReply,
    BalanceReply,
    FillsPage,
    OrderReply,
    OrderRow,
    OrdersPage,
    PositionsPage,
    SettlementRow,
    SettlementsPage,
)
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import AccountSnapshot, PayoutSeen, VenuePosition
from shared.domain.ids import market_id
from shared.domain.order import Fill
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros

_LIMIT: Final = cap.PAGE_PORTFOLIO


class KalshiAccount:
    """Implements ``Account``; its narrower reads serve evidence and the user stream."""

    venue = Venue.KALSHI

    def __init__(self, rest: KalshiRest, memory: AttemptMemory) -> None:
        self._rest = rest
        self._memory = memory
        self._payouts = KnownPayouts()

    async def fetch_snapshot(self) -> AccountSnapshot:
        """Read cash and positions to the last page. Raises StoreError when incomplete."""
        try:
            as_of_ns = await self.read_as_of_ns()
            reply = await self._rest.get("/portfolio/balance", BalanceReply)
            cash, by_shard = read_balance(reply)
            positions = await self.read_positions()
        except WireError as error:
            raise StoreError(f"kalshi account: {error}") from error
        return AccountSnapshot(
            venue=Venue.KALSHI,
            cash=cash,
            cash_by_shard=by_shard,
            positions=tuple(
                VenuePosition(
                    market_id(Venue.KALSHI, ticker),
                    QtyMicros(max(net, 0)),
                    QtyMicros(max(-net, 0)),
                )
                for ticker, net in sorted(positions.items())
                if net != 0
            ),
            as_of_wall_ns=as_of_ns,
        )

    async def fetch_payouts(self, since_wall_ns: int) -> Sequence[PayoutSeen]:
        """Read settlements credited since a time; repeats are fine. Raises StoreError."""
        query: Query = {"limit": 200, "min_ts": max(0, since_wall_ns // NS_PER_S)}
        seen: list[PayoutSeen] = []
        try:
            async for _, page in self._rest.pages("/portfolio/settlements", SettlementsPage, query):
                for row in page.settlements:
                    payout = read_payout(row)
                    seen += self._payouts.told(payout) if payout is not None else []
        except WireError as error:
            raise StoreError(f"kalshi settlements: {error}") from error
        return seen

    # --- narrower reads: StoreError or WireError when not complete ---------------------------

    async def read_key(self) -> KeyState:
        """Say whether the key that signs here is listed and may read and trade.

        A venue that does not let this key list keys (403, 404) has said nothing about it.

        Raises:
            StoreError: not answered; ask again.
        """
        try:
            reply = await self._rest.get("/api_keys", ApiKeysReply)
        except NotOkError as error:
            if error.status in (403, 404):
                return KeyState(None, f"the venue does not list keys (HTTP {error.status})")
            raise
        except WireError as error:
            raise StoreError(f"kalshi keys: {error}") from error
        return judge_key(reply, self._rest.key_id)

    async def read_as_of_ns(self) -> int:
        """Return the wall time up to which portfolio reads are known to be current."""
        reply = await self._rest.get("/exchange/user_data_timestamp", AsOfReply)
        return read_time_ns(reply.as_of_time, "as_of_time")

    async def read_positions(self, ticker: str = "") -> dict[str, int]:
        """Return signed contracts (negative = NO) per ticker."""
        query: dict[str, str | int] = {"limit": _LIMIT, "count_filter": "position"}
        if ticker:
            query["ticker"] = ticker
        nets: dict[str, int] = {}
        async for _, page in self._rest.pages("/portfolio/positions", PositionsPage, query):
            for row in page.market_positions:
                nets[row.ticker] = read_amount(row.position_fp, "position")
        return nets

    async def read_orders(
        self, *, ticker: str = "", min_ts_s: int = 0, status: str = ""
    ) -> list[OrderRow]:
        """Return orders, newest first as the venue gives them, and learn whose they are."""
        query: dict[str, str | int] = {"limit": _LIMIT}
        if ticker:
            query["ticker"] = ticker
        if min_ts_s > 0:
            query["min_ts"] = min_ts_s
        if status:
            query["status"] = status
        rows: list[OrderRow] = []
        async for _, page in self._rest.pages("/portfolio/orders", OrdersPage, query):
            for row in page.orders:
                self._memory.link(row.order_id, row.client_order_id)
                rows.append(row)
        return rows

    async def read_order(self, order_id: str) -> OrderRow | None:
        """Return one order; None when the venue does not know it (which proves nothing)."""
        try:
            reply = await self._rest.get(f"/portfolio/orders/{order_id}", OrderReply)
        except NotOkError as error:
            if error.status == 404:
                return None
            raise
        self._memory.link(reply.order.order_id, reply.order.client_order_id)
        return reply.order

    async def read_fills(
        self, *, ticker: str = "", min_ts_s: int = 0, skip: WireTally | None = None
    ) -> list[Fill]:
        """Return fills in domain terms; REST fills carry no client id, so by order id.

        With ``skip`` an unreadable fill is counted there and left out; evidence never
        skips, since a read with a hole in it proves nothing.
        """
        query: dict[str, str | int] = {"limit": _LIMIT}
        if ticker:
            query["ticker"] = ticker
        if min_ts_s > 0:
            query["min_ts"] = min_ts_s
        fills: list[Fill] = []
        async for _, page in self._rest.pages("/portfolio/fills", FillsPage, query):
            for row in page.fills:
                attempt = self._memory.attempt_of(row.order_id)
                try:
                    fill = build_fill(row, row.market_ticker or row.ticker, attempt, row.fee_cost)
                except WireError as error:
                    if skip is None:
                        raise
                    skip.note_error(error)
                    continue
                fills.append(self._memory.in_ticket_terms(fill))
        return fills

    async def read_market(self, ticker: str, min_ts_s: int) -> MarketRecords:
        """Return everything of ours in one market, freshness first, so that it is a bound."""
        as_of_ns = await self.read_as_of_ns()
        orders = await self.read_orders(ticker=ticker, min_ts_s=min_ts_s)
        fills = await self.read_fills(ticker=ticker, min_ts_s=min_ts_s)
        position = (await self.read_positions(ticker)).get(ticker, 0)
        return MarketRecords(as_of_ns, self._rest.clock.mono_ns(), orders, fills, position)


def read_balance(reply: BalanceReply) -> tuple[UsdMicros, tuple[tuple[int, UsdMicros], ...]]:
    """Return (total cash, cash per shard) in micro-dollars.

    Without a breakdown all cash is on shard 0, as before the exchange was sharded.

    Raises:
        WireError: dollars, cents and breakdown do not agree to the cent.
    """
    total = reply.balance * MICROS_PER_CENT
    if reply.balance_dollars is not None:
        exact = read_amount(reply.balance_dollars, "balance")
        if abs(exact - total) >= MICROS_PER_CENT:
            raise WireError("balance", f"{reply.balance_dollars} is not {reply.balance} cents")
        total = exact
    if reply.balance_breakdown is None:
        return UsdMicros(total), ((0, UsdMicros(total)),)
    rows: dict[int, int] = {}
    for row in reply.balance_breakdown:
        cents_or_text = row.balance
        rows[row.exchange_index] = (
            read_amount(cents_or_text, "shard_balance")
            if isinstance(cents_or_text, str)
            else cents_or_text * MICROS_PER_CENT
        )
    if abs(sum(rows.values()) - total) > MICROS_PER_CENT * max(1, len(rows)):
        raise WireError("balance_breakdown", f"{sum(rows.values())} is not {total}")
    return UsdMicros(total), tuple((k, UsdMicros(v)) for k, v in sorted(rows.items()))


def read_payout(row: SettlementRow) -> PayoutSeen | None:
    """Return a settlement as a payout, or None when no contract was held.

    Raises:
        WireError: a result without a value, or a value that contradicts the result.
    """
    by_word = {"yes": PriceMicros(MICROS), "no": PriceMicros(0)}.get(row.market_result)
    payout = by_word if row.value is None else payout_from_cents(row.value)
    if payout is None or (by_word is not None and payout != by_word):
        raise WireError("settlement", f"{row.ticker} {row.market_result} {row.value}")
    yes = read_count(row.yes_count_fp, "settlement_yes")
    no = read_count(row.no_count_fp, "settlement_no")
    if yes == 0 and no == 0:
        return None
    if row.revenue < 0 or not row.settled_time or not row.ticker:
        raise WireError("settlement", f"{row.ticker} {row.revenue} {row.settled_time}")
    return PayoutSeen(
        venue=Venue.KALSHI,
        market_id=market_id(Venue.KALSHI, row.ticker),
        payout=payout,
        qty_yes=yes,
        qty_no=no,
        cash=UsdMicros(row.revenue * MICROS_PER_CENT),
        venue_ts_ns=read_time_ns(row.settled_time, "settled_time"),
        reference=f"kalshi/{row.ticker}/{row.settled_time}",
    )
