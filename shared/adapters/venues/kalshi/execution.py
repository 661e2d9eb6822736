"""Orders: encode, send once, cancel, and prove what became of them.

Rule 1: an answer is ``Rejected`` only by the refusal list; ``Acked`` only when it names
our own client id and its counts agree with the order; everything else is ``Unknown``.
Rule 2: nothing is sent twice from here. Rule 3: what was filled is ``fill_count``, never
the HTTP status (an unfilled IOC answers 201).
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from typing import Final

from shared.adapters.venues.kalshi import capabilities as cap
from shared.adapters.venues.kalshi.account import KalshiAccount
from shared.adapters.venues.kalshi.errors import WireTally, find_refusal
from shared.adapters.venues.kalshi.evidence import Attempt, AttemptMemory, judge
from shared.adapters.venues.kalshi.order_codec import decode_order, encode_order, find_difference
from shared.adapters.venues.kalshi.parsing import decode, read_amount, read_count, sample_of
from shared.adapters.venues.kalshi.rest import ORDERS_PATH, Answer, KalshiRest, Query
from shared.adapters.venues.kalshi.schemas import CancelReply, CreateReply
from shared.adapters.venues.kalshi.signing import PREPARE_EVERY_S, Signer
from shared.adapters.venues.kalshi.user_stream import UserStream
from shared.adapters.venues.rehearsal import Rehearsal
from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.errors import DomainError, StoreError, WireError
from shared.domain.ids import native_of
from shared.domain.instrument import Instrument
from shared.domain.order import (
    Acked,
    AckStatus,
    Evidence,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import (
    MICROS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    complement,
    cost_ceil,
    cost_floor,
)
from shared.ports.clock import Clock
from shared.ports.venue import EncodedOrder, Sink

_ORDERS: Final = ORDERS_PATH
REHEARSALS: Final = 25
"""Dry runs of the order path in each quarter second."""
_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_LOOK_BACK_S: Final = 600
_CANCEL_TRIES: Final = 4
_WARM_EVERY_S: Final = 5.0
_SWEEP_LOCK_NS: Final = 60 * NS_PER_S


class KalshiExecution:
    """Implements ``Execution``."""

    venue = Venue.KALSHI

    def __init__(
        self,
        endpoints: cap.Endpoints,
        signer: Signer,
        rest: KalshiRest,
        account: KalshiAccount,
        memory: AttemptMemory,
        clock: Clock,
        tally: WireTally,
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._rest, self._account, self._memory = rest, account, memory
        self._clock, self._tally = clock, tally
        self._locked_until_ns = 0
        self._stream = UserStream(
            endpoints, signer, account, memory, clock, tally, rng or random.Random()
        )

    async def warm(self) -> None:
        """Open the order path and learn the rate limits before an order. Raises StoreError."""
        await self._rest.warm_orders()
        try:
            await self._rest.learn_limits()
        except WireError as error:
            raise StoreError(f"kalshi limits: {error}") from error

    # --- encode and send --------------------------------------------------------------------

    def encode(self, ticket: LegTicket, instrument: Instrument) -> EncodedOrder:
        """Build the body and read it back. Raises DomainError when they differ (F-027)."""
        payload = encode_order(ticket, instrument)
        if difference := find_difference(payload, ticket):
            raise DomainError(f"{ticket.attempt_id}: encoded otherwise: {difference}")
        return EncodedOrder(ticket, payload, "", decode_order(payload, ticket.outcome))

    async def send(
        self, order: EncodedOrder, may_send: Callable[[], str | None]
    ) -> SubmitOutcome | None:
        """Sign, ask ``may_send``, write once, read the answer; never raises for I/O."""
        ticket = order.ticket
        if self._clock.mono_ns() < self._locked_until_ns:
            return Rejected(ticket.attempt_id, "local: a cancel-all may still sweep")
        if not self._rest.take_write(ticket.shard, cap.COST_DEFAULT, is_opening=ticket.is_opening):
            return Rejected(ticket.attempt_id, "local: write budget reserved for reducing")
        request = self._rest.build("POST", _ORDERS, body=order.payload)
        begun: list[Attempt] = []

        def permit() -> str | None:
            reason = may_send()
            if reason is None:
                begun.append(self._memory.sending(ticket, self._clock.wall_ns()))
            return reason

        try:
            answer = await self._rest.send(request, permit)
            if answer is not None and answer.status == 401 and request.is_prepared:
                # Refused at the door, so it never ran: signed once more for this moment.
                self._tally.note("prepared_signature_refused", sample_of(answer.body))
                again = await self._rest.send(self._rest.sign_again(request), permit)
                answer = again if again is not None and not again.is_unsent else answer
        finally:
            for attempt in begun:
                attempt.closed_mono_ns = self._clock.mono_ns()
        if answer is None or answer.is_unsent:
            # Not a byte left: that is "not sent", never unknown.
            return None
        self._rest.note_write(ticket.shard, cap.COST_DEFAULT, answer.status)
        return await self._judge_answer(ticket, answer)

    async def _judge_answer(self, ticket: LegTicket, answer: Answer) -> SubmitOutcome:
        raw = sample_of(answer.body)
        if answer.status == 0:
            return Unknown(ticket.attempt_id, answer.failure, raw)
        if answer.status in (200, 201):
            try:
                return await self._read_created(ticket, answer.body)
            except WireError as error:
                self._tally.note_error(error)
                return Unknown(ticket.attempt_id, f"unreadable: {error.kind}", raw)
        refusal = find_refusal(answer.status, answer.body)
        if refusal is not None:
            return Rejected(ticket.attempt_id, refusal.reason, raw)
        self._tally.note(f"order_http_{answer.status}", raw)
        return Unknown(ticket.attempt_id, f"http {answer.status}", raw)

    async def _read_created(self, ticket: LegTicket, body: bytes) -> SubmitOutcome:
        """Read a 2xx answer. Raises WireError for anything it does not prove by itself."""
        reply = decode(body, CreateReply, "create_reply")
        if not _ORDER_ID.match(reply.order_id):
            raise WireError("create_order_id", reply.order_id)
        if reply.client_order_id != ticket.attempt_id:
            raise WireError("create_client_id", reply.client_order_id)
        self._memory.link(reply.order_id, ticket.attempt_id)
        filled = read_count(reply.fill_count, "create_fill_count")
        left = read_count(reply.remaining_count or "0", "create_remaining")
        if filled > ticket.qty or filled % cap.QTY_STEP:
            raise WireError("create_fill_count", reply.fill_count)
        is_resting = ticket.tif is TimeInForce.GTC and left > 0
        is_odd = (filled + left != ticket.qty) if is_resting else left > 0
        if is_odd and not await self._is_confirmed(reply.order_id, filled):
            raise WireError("create_counts", f"{reply.fill_count} {reply.remaining_count}")
        status = AckStatus.RESTING if is_resting else AckStatus.DONE
        cost = read_cost(ticket, filled, reply.average_fill_price)
        return Acked(ticket.attempt_id, reply.order_id, status, filled, cost)

    async def _is_confirmed(self, order_id: str, filled: QtyMicros) -> bool:
        """Cross-check odd counts by one read of the order (F-020)."""
        self._tally.note("create_counts", order_id)
        try:
            row = await self._account.read_order(order_id)
        except (StoreError, WireError):
            return False
        if row is None or row.status not in ("canceled", "executed"):
            return False
        return read_count(row.fill_count_fp, "order_fill_count") == filled

    # --- cancels ----------------------------------------------------------------------------

    async def cancel(self, order: EncodedOrder, order_id: str) -> bool:
        """Cancel one order; without an order id it is looked up by our client id first."""
        ticker = native_of(order.ticket.market_id)
        try:
            if not order_id:
                order_id = await self._find_order_id(order.ticket, ticker)
            return bool(order_id) and await self._cancel_one(order_id, ticker, order.ticket.shard)
        except (StoreError, WireError) as error:
            self._tally.note("cancel_failed", str(error))
            return False

    async def _find_order_id(self, ticket: LegTicket, ticker: str) -> str:
        min_ts = max(0, ticket.decided_wall_ns // NS_PER_S - _LOOK_BACK_S)
        for row in await self._account.read_orders(ticker=ticker, min_ts_s=min_ts):
            if row.client_order_id == ticket.attempt_id:
                return row.order_id
        return ""

    async def _cancel_one(
        self, order_id: str, ticker: str, shard: int, tries: int = _CANCEL_TRIES
    ) -> bool:
        """DELETE with the shard named; a 404 proves nothing, so the order is read (F-030).

        A 429 is asked again after the wait of the bucket, a few times.
        """
        if tries == 0:
            return False
        if not _ORDER_ID.match(order_id):
            raise WireError("order_id", order_id)
        while not self._rest.take_write(shard, cap.COST_CANCEL, is_opening=False):
            await self._clock.sleep(0.02)
        query: Query = {"market_ticker": ticker, "exchange_index": shard}
        answer = await self._rest.send(
            self._rest.build("DELETE", f"{_ORDERS}/{order_id}", query=query)
        )
        assert answer is not None, "a cancel needs no permission"
        self._rest.note_write(shard, cap.COST_CANCEL, answer.status)
        if answer.status == 429:
            return await self._cancel_one(order_id, ticker, shard, tries - 1)
        if answer.status == 200:
            reply = decode(answer.body, CancelReply, "cancel_reply")
            read_count(reply.reduced_by, "reduced_by")
            if reply.order_id == order_id:
                return True
            raise WireError("cancel_order_id", reply.order_id)
        row = await self._account.read_order(order_id)
        return row is not None and row.status in ("canceled", "executed")

    async def cancel_everything(self) -> int:
        """Cancel every resting order one by one; returns how many are proven gone.

        The venue's own cancel-all sweeps the orders of the following minute as well, so it
        is not used here: this also runs at every start (F-030).

        Raises:
            StoreError: the resting orders could not be listed, or some are still there.
        """
        try:
            rows = await self._account.read_orders(status="resting")
            results = [
                await self._cancel_one(row.order_id, row.ticker, row.exchange_index or 0)
                for row in rows
            ]
        except WireError as error:
            raise StoreError(f"kalshi cancel: {error}") from error
        if not all(results):
            raise StoreError(f"kalshi: {results.count(False)} orders are not proven cancelled")
        return len(results)

    async def sweep_everything(self) -> bool:
        """The kill switch's cancel-all; afterwards nothing is submitted for 60 s (F-030)."""
        self._locked_until_ns = self._clock.mono_ns() + _SWEEP_LOCK_NS
        answer = await self._rest.send(self._rest.build("DELETE", _ORDERS))
        return answer is not None and answer.status in (200, 204)

    # --- evidence ---------------------------------------------------------------------------

    async def find_evidence(self, tickets: Sequence[LegTicket]) -> Sequence[Evidence]:
        """Ask the records of each market once; what cannot be read stays unproven."""
        by_market: dict[str, list[LegTicket]] = {}
        for ticket in tickets:
            by_market.setdefault(native_of(ticket.market_id), []).append(ticket)
        jobs = [self._ask_market(ticker, own) for ticker, own in by_market.items()]
        found: dict[str, Evidence] = {}
        for answers in await asyncio.gather(*jobs):
            found.update({answer.attempt_id: answer for answer in answers})
        assert len(found) == len({ticket.attempt_id for ticket in tickets})
        return [found[ticket.attempt_id] for ticket in tickets]

    async def _ask_market(self, ticker: str, tickets: Sequence[LegTicket]) -> list[Evidence]:
        oldest_s = min(ticket.decided_wall_ns for ticket in tickets) // NS_PER_S
        attempts = [self._memory.recall(t, self._clock.mono_ns()) for t in tickets]
        try:
            records = await self._account.read_market(ticker, max(1, oldest_s - _LOOK_BACK_S))
            return [judge(attempt, records) for attempt in attempts]
        except (StoreError, WireError) as error:
            self._tally.note("evidence_unread", str(error))
            return [Evidence(t.attempt_id, EvidenceKind.UNPROVEN) for t in tickets]

    async def run_user_stream(self, sink: Sink) -> None:
        """Emit FillSeen until cancelled; REST is swept after each reconnect and regularly."""
        beside = [asyncio.create_task(self._stay_warm()), asyncio.create_task(self._stay_ready())]
        try:
            await self._stream.run(sink)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _stay_ready(self) -> None:
        """Keep prepared headers fresh, and the code of the order path in the caches."""
        rehearsal = Rehearsal(Venue.KALSHI, self._clock.wall_ns())
        while True:
            self._rest.prepare_orders()
            for _ in range(REHEARSALS):
                self._rehearse(rehearsal)
                await self._clock.sleep(PREPARE_EVERY_S / REHEARSALS)

    def _rehearse(self, rehearsal: Rehearsal) -> None:
        """Encode, read back and sign an order of an imaginary market; nothing is sent."""
        order = self.encode(rehearsal.ticket, rehearsal.instrument)
        request = self._rest.build("POST", _ORDERS, body=order.payload)
        assert request.body == order.payload, "what was built is what was encoded"

    async def _stay_warm(self) -> None:
        """Use the order path often enough that an order finds an open connection."""
        while True:
            try:
                await self._rest.warm_orders()
            except StoreError as error:
                self._tally.note("order_path", str(error))
            await self._clock.sleep(_WARM_EVERY_S)


def read_cost(ticket: LegTicket, filled: QtyMicros, average_text: str | None) -> UsdMicros:
    """Return what the fills cost (BUY, rounded up) or brought (SELL, rounded down).

    The average is of YES and may be better than the limit; without one the limit stands
    in, which is the worst case. Fees are not in it.

    Raises:
        WireError: an average outside (0, 1), or worse than the limit.
    """
    if filled == 0:
        return UsdMicros(0)
    price = ticket.price_limit
    if average_text is not None:
        average = read_amount(average_text, "average_fill_price")
        if not 0 < average < MICROS:
            raise WireError("average_fill_price", average_text)
        yes_price = PriceMicros(average)
        price = yes_price if ticket.outcome is Outcome.YES else complement(yes_price)
    is_buy = ticket.side is Side.BUY
    # The venue rounds the average to 4 decimals, so it may miss the limit by half of that.
    slack = 100
    if (price > ticket.price_limit + slack) if is_buy else (price < ticket.price_limit - slack):
        raise WireError("average_fill_price", f"{average_text} beyond the limit")
    return cost_ceil(price, filled) if is_buy else cost_floor(price, filled)
