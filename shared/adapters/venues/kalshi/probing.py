"""The questions that Kalshi's documents leave open, asked of the venue itself (KALSHI 12).

Orders are sent only with permission, each of a hundredth of a contract, so that all of
them together cannot cost more than a few cents.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared.adapters.venues.kalshi import capabilities as cap
from shared.adapters.venues.kalshi.errors import read_error_body
from shared.adapters.venues.kalshi.parsing import decode, read_frame, read_levels, read_msg
from shared.adapters.venues.kalshi.rest import Answer as WireAnswer
from shared.adapters.venues.kalshi.rest import KalshiRest, Query
from shared.adapters.venues.kalshi.schemas import (
    AsOfReply,
    BookReply,
    CreateReply,
    ExchangeStatus,
    LimitsReply,
    Market,
    MarketsPage,
    OrderReply,
    SnapshotMsg,
)
from shared.adapters.venues.kalshi.signing import Signer
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, complement, format_micros
from shared.ports.clock import Clock
from shared.ports.inspection import Answer

_ORDERS: Final = "/portfolio/events/orders"
SKEWS_S: Final = (1, 2, 5, 10, 20, 45)
LAG_MAX_S: Final = 10.0
MARKETS_TRIED: Final = 20
SMALLEST: Final = "0.01"


class KalshiProbe:
    """Asks once; every question that fails is answered with the reason."""

    def __init__(
        self, endpoints: cap.Endpoints, signer: Signer, rest: KalshiRest, clock: Clock
    ) -> None:
        self._endpoints, self._signer = endpoints, signer
        self._rest, self._clock = rest, clock
        self._market: tuple[Market, PriceMicros] | None = None

    async def run(self, *, may_order: bool) -> Sequence[Answer]:
        asks: tuple[tuple[str, bool, bool, Callable[[], Awaitable[str]]], ...] = (
            ("shards", False, False, self._shards),
            ("bucket sizes", False, False, self._buckets),
            ("accepted clock skew", True, False, self._skew),
            ("no-side prices without use_yes_price", True, False, self._convention),
            ("client_order_id of an ended order", True, True, self._repeat_ended),
            ("client_order_id of an executed order", True, True, self._repeat_executed),
            ("records lag after a write", False, True, self._lag),
        )
        answers = []
        for question, gates, needs_order, ask in asks:
            if needs_order and not may_order:
                answers.append(self._unanswered(question, "needs an order; see --orders", gates))
                continue
            try:
                answers.append(Answer(Venue.KALSHI, question, await ask(), gates_live=gates))
            except (StoreError, WireError) as error:
                answers.append(self._unanswered(question, str(error)[:160], gates))
        return answers

    def _unanswered(self, question: str, why: str, gates: bool) -> Answer:
        return Answer(Venue.KALSHI, question, "", why, gates)

    async def _shards(self) -> str:
        status = await self._rest.get("/exchange/status", ExchangeStatus)
        rows = status.exchange_index_statuses or []
        return ", ".join(str(row.exchange_index) for row in rows) or "not sharded"

    async def _buckets(self) -> str:
        limits = await self._rest.get("/account/limits", LimitsReply)
        parts = (("read", limits.read), ("write", limits.write))
        return ", ".join(f"{w} {b.bucket_capacity} at {b.refill_rate}/s" for w, b in parts)

    async def _skew(self) -> str:
        """Sign with a clock that is ever further ahead and behind, until refused."""
        reached = []
        for sign in (-1, 1):
            accepted = 0
            for skew in SKEWS_S:
                wall = self._clock.wall_ns() + sign * skew * NS_PER_S
                if not await self._rest.is_signature_accepted(wall, "/portfolio/balance"):
                    break
                accepted = skew
            reached.append(f"{'ahead' if sign > 0 else 'behind'} at least {accepted} s")
        return ", ".join(reached)

    async def _convention(self) -> str:
        """Subscribe without saying how prices are quoted, and compare with a REST read."""
        market, _ = await self._find_market()
        headers = self._signer.headers(self._clock.wall_ns(), "GET", cap.WS_PATH)
        params = {"channels": ["orderbook_delta"], "market_tickers": [market.ticker]}
        hello = msgspec.json.encode({"id": 1, "cmd": "subscribe", "params": params}).decode()
        try:
            async with (
                connect(
                    self._endpoints.ws_url, additional_headers=headers, open_timeout=5, proxy=None
                ) as socket,
                asyncio.timeout(10),
            ):
                await socket.send(hello)
                async for raw in socket:
                    frame = read_frame(raw)
                    if frame.type == "orderbook_snapshot":
                        return await self._compare(market.ticker, read_msg(frame, SnapshotMsg))
        except (WebSocketException, OSError, TimeoutError) as error:
            raise StoreError(f"stream: {type(error).__name__}") from error
        raise StoreError("the stream ended without a snapshot")

    async def _compare(self, ticker: str, snapshot: SnapshotMsg) -> str:
        raw = await self._rest.get_bytes(f"/markets/{ticker}/orderbook")
        told = {p for p, _ in read_levels(snapshot.no_dollars_fp, flip=False)}
        rest = decode(raw, BookReply, "book").orderbook_fp.no_dollars
        plain = {p for p, _ in read_levels(rest, flip=False)}
        mirrored = {complement(price) for price in plain}
        if len(told & plain) == len(told & mirrored):
            raise StoreError("the book does not tell the two apart")
        return "in NO terms" if len(told & plain) > len(told & mirrored) else "in YES terms"

    # --- with orders --------------------------------------------------------------------------

    async def _find_market(self) -> tuple[Market, PriceMicros]:
        """Return an open market with offers on both sides, and its best ask."""
        if self._market is not None:
            return self._market
        query: Query = {"status": "open", "mve_filter": "exclude", "limit": 200}
        page = await self._rest.get("/markets", MarketsPage, query)
        for raw in page.markets[:MARKETS_TRIED]:
            market = decode(raw, Market, "market")
            body = await self._rest.get_bytes(f"/markets/{market.ticker}/orderbook")
            ladders = decode(body, BookReply, "book").orderbook_fp
            asks = read_levels(ladders.no_dollars, flip=True)
            if asks and ladders.yes_dollars:
                self._market = (market, min(price for price, _ in asks))
                return self._market
        raise StoreError("no open market with offers on both sides")

    async def _order(self, side: str, price: PriceMicros, client_id: str) -> WireAnswer:
        market, _ = await self._find_market()
        body = {
            "ticker": market.ticker,
            "client_order_id": client_id,
            "side": side,
            "count": SMALLEST,
            "price": f"0.{price // 100:04d}",
            "time_in_force": "immediate_or_cancel",
            "self_trade_prevention_type": "taker_at_cross",
            "exchange_index": market.exchange_index or 0,
        }
        shard = market.exchange_index or 0
        while not self._rest.take_write(shard, cap.COST_DEFAULT, is_opening=False):
            await self._clock.sleep(0.1)
        answer = await self._rest.send(
            self._rest.build("POST", _ORDERS, body=msgspec.json.encode(body))
        )
        assert answer is not None, "nobody was asked for permission"
        self._rest.note_write(shard, cap.COST_DEFAULT, answer.status)
        return answer

    async def _repeat(self, price: PriceMicros) -> tuple[CreateReply, WireAnswer]:
        client_id = str(uuid.uuid4())
        first = await self._order("bid", price, client_id)
        if first.status not in (200, 201):
            raise StoreError(f"the first order was answered {first.status} {first.failure}")
        return decode(first.body, CreateReply, "create"), await self._order("bid", price, client_id)

    async def _repeat_ended(self) -> str:
        _, ask = await self._find_market()
        if ask <= 10_000:
            raise StoreError("the best ask is the lowest price: an order below it cannot be sent")
        _, second = await self._repeat(PriceMicros(10_000))
        return _words(second)

    async def _repeat_executed(self) -> str:
        """Buy one hundredth of a contract, send the same id again, and sell what was bought."""
        _, ask = await self._find_market()
        first, second = await self._repeat(ask)
        if first.fill_count in ("0", "0.00"):
            raise StoreError("the order met nothing")
        sold = await self._order("ask", PriceMicros(10_000), str(uuid.uuid4()))
        after = "sold again" if sold.status in (200, 201) else "still held"
        return f"{_words(second)}; bought {SMALLEST} at {format_micros(ask)}, {after}"

    async def _lag(self) -> str:
        """Write an order and read it back until the venue's records have it."""
        answer = await self._order("bid", PriceMicros(10_000), str(uuid.uuid4()))
        if answer.status not in (200, 201):
            raise StoreError(f"the order was answered {answer.status}")
        order_id = decode(answer.body, CreateReply, "create").order_id
        start = self._clock.mono_ns()
        while self._clock.mono_ns() - start < LAG_MAX_S * NS_PER_S:
            try:
                await self._rest.get(f"/portfolio/orders/{order_id}", OrderReply)
            except StoreError:
                await self._clock.sleep(0.05)
                continue
            await self._rest.get("/exchange/user_data_timestamp", AsOfReply)
            return f"{(self._clock.mono_ns() - start) // NS_PER_MS} ms"
        raise StoreError(f"not in the records within {LAG_MAX_S:.0f} s")


def _words(answer: WireAnswer) -> str:
    if answer.status in (200, 201):
        return "taken again: a repeated id is a second order"
    body = read_error_body(answer.body)
    return f"refused with {answer.status} {body.code if body is not None else ''}".strip()
