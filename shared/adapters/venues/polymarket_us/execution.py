"""Orders: encode, send once, cancel, and prove what became of them.

Rule 1: an answer is judged by ``answers``; what it does not prove is ``Unknown``.
Rule 2: nothing is sent twice from here: there is no idempotency key.
Rule 3: the venue's id of an order is remembered durably before its answer is passed on,
for it is the only thing by which the order can be asked about (``remember``).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.account import ORDER_ID, PolymarketUsAccount
from shared.adapters.venues.polymarket_us.answers import judge_order_answer, read_executions
from shared.adapters.venues.polymarket_us.errors import WireTally, find_refusal
from shared.adapters.venues.polymarket_us.evidence import (
    ENDED,
    REFUSED,
    Attempt,
    AttemptMemory,
    MarketRecords,
    complete_fills,
    judge_missing,
    judge_order,
)
from shared.adapters.venues.polymarket_us.order_codec import (
    decode_order,
    encode_order,
    find_difference,
)
from shared.adapters.venues.polymarket_us.parsing import decode, sample_of
from shared.adapters.venues.polymarket_us.rest import Answer, PolymarketUsRest
from shared.adapters.venues.polymarket_us.schemas import CreateReply
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.adapters.venues.polymarket_us.user_stream import UserStream
from shared.domain.enums import Venue
from shared.domain.errors import DomainError, StoreError, WireError
from shared.domain.ids import AttemptId, native_of
from shared.domain.instrument import Instrument
from shared.domain.order import (
    Evidence,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import EncodedOrder, Sink

Remember = Callable[[AttemptId, str], Awaitable[None]]
_ORDERS: Final = "/v1/orders"
_LOOK_BACK_NS: Final = 60 * NS_PER_S
_CANCEL_TRIES: Final = 4
_WARM_EVERY_S: Final = 15.0


async def remember_nothing(attempt_id: AttemptId, order_id: str) -> None:
    """For processes that never trade across a restart (tests, checks)."""
    del attempt_id, order_id


class PolymarketUsExecution:
    """Implements ``Execution``."""

    venue = Venue.POLYMARKET_US

    def __init__(
        self,
        endpoints: cap.Endpoints,
        signer: Signer,
        rest: PolymarketUsRest,
        account: PolymarketUsAccount,
        memory: AttemptMemory,
        clock: Clock,
        tally: WireTally,
        *,
        remember: Remember = remember_nothing,
        rng: random.Random | None = None,
    ) -> None:
        self._rest, self._account, self._memory = rest, account, memory
        self._clock, self._tally, self._remember = clock, tally, remember
        self._stream = UserStream(
            endpoints, signer, account, memory, clock, tally, rng or random.Random()
        )

    async def warm(self) -> None:
        """Open the order path before an order. Raises StoreError."""
        await self._rest.warm_orders()

    # --- encode and send --------------------------------------------------------------------

    def encode(self, ticket: LegTicket, instrument: Instrument) -> EncodedOrder:
        """Build the body and read it back. Raises DomainError when they differ (F-027)."""
        payload = encode_order(ticket, instrument)
        if difference := find_difference(payload, ticket):
            raise DomainError(f"{ticket.attempt_id}: encoded otherwise: {difference}")
        return EncodedOrder(ticket, payload, "", decode_order(payload))

    async def send(
        self, order: EncodedOrder, may_send: Callable[[], str | None]
    ) -> SubmitOutcome | None:
        """Sign, ask ``may_send``, write once, read the answer; never raises for I/O."""
        ticket = order.ticket
        if not self._rest.budget.take_order(self._clock.mono_ns(), is_opening=ticket.is_opening):
            return Rejected(ticket.attempt_id, "local: request budget reserved for reducing")
        request = self._rest.build(_ORDERS, order.payload, str(ticket.attempt_id))
        begun: list[Attempt] = []

        def permit() -> str | None:
            reason = may_send()
            if reason is None:
                begun.append(self._memory.sending(ticket, self._clock.wall_ns()))
            return reason

        try:
            answer = await self._rest.send(request, permit)
        finally:
            for attempt in begun:
                attempt.closed_mono_ns = self._clock.mono_ns()
        if answer is None or answer.is_unsent or not begun:
            # Not a byte left: that is "not sent", never unknown.
            return None
        return await self._judge_answer(begun[0], answer)

    async def _judge_answer(self, attempt: Attempt, answer: Answer) -> SubmitOutcome:
        attempt_id, raw = attempt.ticket.attempt_id, sample_of(answer.body)
        if answer.status == 0:
            return Unknown(attempt_id, answer.failure, raw)
        if answer.status == 200:
            try:
                return await self._read_created(attempt, answer.body)
            except (WireError, StoreError) as error:
                kind = error.kind if isinstance(error, WireError) else "order_unread"
                self._tally.note(kind, str(error))
                return Unknown(attempt_id, f"unreadable: {kind}", raw)
        refusal = find_refusal(answer.status, answer.body)
        if refusal is not None:
            return Rejected(attempt_id, refusal.reason, raw)
        self._tally.note(f"order_http_{answer.status}", raw)
        return Unknown(attempt_id, f"http {answer.status}", raw)

    async def _read_created(self, attempt: Attempt, body: bytes) -> SubmitOutcome:
        """Read a 200. Raises WireError or StoreError for anything it does not prove."""
        reply = decode(body, CreateReply, "create_reply")
        if not ORDER_ID.match(reply.id):
            raise WireError("create_order_id", reply.id)
        attempt_id = attempt.ticket.attempt_id
        if self._memory.attempt_of(reply.id) not in (None, attempt_id):
            raise WireError("create_order_twice", reply.id)
        self._memory.link(reply.id, attempt_id)
        await self._remember(attempt_id, reply.id)
        order, fills, reason = read_executions(attempt, reply.id, reply.executions or ())
        if order is None:
            # Without executions the answer says only that it was taken: even an order
            # that the exchange then refuses gets an id (O orders/overview).
            order = await self._account.read_order(reply.id)
            if order is None or order.fingerprint != attempt.fingerprint:
                raise WireError("create_order_unknown", reply.id)
            fills = self._memory.fills_of(reply.id)
        self._memory.note_order(order)
        outcome = judge_order_answer(attempt, order, fills, reason)
        for fill in fills:
            self._memory.note_fill(fill)
        return outcome

    # --- cancels ----------------------------------------------------------------------------

    async def cancel(self, order: EncodedOrder, order_id: str) -> bool:
        """Cancel one order; without its id nothing can be cancelled alone."""
        slug = native_of(order.ticket.market_id)
        try:
            if not order_id:
                order_id = await self._find_order_id(order.ticket, slug)
            return bool(order_id) and await self._cancel_one(order_id, slug)
        except (StoreError, WireError) as error:
            self._tally.note("cancel_failed", str(error))
            return False

    async def _find_order_id(self, ticket: LegTicket, slug: str) -> str:
        attempt = self._memory.recall(ticket, self._clock.mono_ns())
        if not attempt.order_id:
            for order in await self._account.read_open_orders(slug):
                self._memory.note_order(order)
        return attempt.order_id or self._memory.find_order(attempt)

    async def _cancel_one(self, order_id: str, slug: str, tries: int = _CANCEL_TRIES) -> bool:
        """POST the cancel; its answer proves nothing, so the order is read (O, V)."""
        if tries == 0:
            return False
        if not ORDER_ID.match(order_id):
            raise WireError("order_id", order_id)
        while not self._rest.budget.take_order(self._clock.mono_ns(), is_opening=False):
            await self._clock.sleep(0.02)
        body = msgspec.json.encode({"marketSlug": slug})
        answer = await self._rest.send(self._rest.build(f"/v1/order/{order_id}/cancel", body))
        assert answer is not None, "a cancel needs no permission"
        if answer.status == 429:
            return await self._cancel_one(order_id, slug, tries - 1)
        order = await self._account.read_order(order_id)
        return order is not None and (order.state in ENDED or order.state == REFUSED)

    async def cancel_everything(self) -> int:
        """Cancel every open order one by one; returns how many are proven gone.

        Raises:
            StoreError: the open orders could not be listed, or some are still there.
        """
        try:
            orders = await self._account.read_open_orders()
            results = [await self._cancel_one(order.order_id, order.slug) for order in orders]
        except WireError as error:
            raise StoreError(f"polymarket_us cancel: {error}") from error
        if not all(results):
            raise StoreError(f"polymarket_us: {results.count(False)} orders not proven cancelled")
        return len(results)

    async def sweep_everything(self) -> bool:
        """The kill switch's cancel-all of the venue."""
        answer = await self._rest.send(self._rest.build("/v1/orders/open/cancel", b"{}"))
        return answer is not None and answer.status == 200

    # --- evidence ---------------------------------------------------------------------------

    async def find_evidence(self, tickets: Sequence[LegTicket]) -> Sequence[Evidence]:
        """Ask the records of each market once; what cannot be read stays unproven."""
        by_market: dict[str, list[LegTicket]] = {}
        for ticket in tickets:
            by_market.setdefault(native_of(ticket.market_id), []).append(ticket)
        jobs = [self._ask_market(slug, own) for slug, own in by_market.items()]
        found: dict[str, Evidence] = {}
        for answers in await asyncio.gather(*jobs):
            found.update({answer.attempt_id: answer for answer in answers})
        assert len(found) == len({ticket.attempt_id for ticket in tickets})
        return [found[ticket.attempt_id] for ticket in tickets]

    async def _ask_market(self, slug: str, tickets: Sequence[LegTicket]) -> list[Evidence]:
        oldest_ns = min(ticket.decided_wall_ns for ticket in tickets) - _LOOK_BACK_NS
        attempts = [self._memory.recall(t, self._clock.mono_ns()) for t in tickets]
        try:
            records = await self._account.read_market(slug, max(1, oldest_ns))
            for order in records.open_orders:
                self._memory.note_order(order)
            return [await self._judge(attempt, records) for attempt in attempts]
        except (StoreError, WireError) as error:
            self._tally.note("evidence_unread", str(error))
            return [Evidence(t.attempt_id, EvidenceKind.UNPROVEN) for t in tickets]

    async def _judge(self, attempt: Attempt, records: MarketRecords) -> Evidence:
        attempt_id = attempt.ticket.attempt_id
        order_id = attempt.order_id or self._memory.find_order(attempt)
        claimed = {
            trade.trade_id: trade.trade_id
            for trade in records.trades
            if self._memory.is_known_trade(trade.trade_id)
        }
        if not order_id:
            return judge_missing(attempt, records, claimed)
        self._memory.link(order_id, attempt_id)
        order = await self._account.read_order(order_id)
        if order is None or order.fingerprint != attempt.fingerprint:
            self._tally.note("order_unknown", order_id)
            return Evidence(attempt_id, EvidenceKind.UNPROVEN, order_id)
        self._memory.note_order(order)
        unclaimed = [trade for trade in records.trades if trade.trade_id not in claimed]
        known = self._memory.fills_of(order_id)
        fills = complete_fills(order, known, unclaimed, attempt_id)
        for fill in fills or ():
            self._memory.note_fill(fill)
        told = None if fills is None else tuple(map(self._memory.in_ticket_terms, fills))
        return judge_order(attempt, order, told)

    async def run_user_stream(self, sink: Sink) -> None:
        """Emit FillSeen until cancelled; REST is swept after each reconnect and regularly."""
        warm = asyncio.create_task(self._stay_warm())
        try:
            await self._stream.run(sink)
        finally:
            warm.cancel()
            await asyncio.gather(warm, return_exceptions=True)

    async def _stay_warm(self) -> None:
        """Use the order path often enough that an order finds an open connection."""
        while True:
            try:
                await self._rest.warm_orders()
            except StoreError as error:
                self._tally.note("order_path", str(error))
            await self._clock.sleep(_WARM_EVERY_S)
