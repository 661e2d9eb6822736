"""Trading: encode, sign, send, cancel, and ask what became of an order.

Order path: ``encode`` is pure and names the order id (the digest) before anything is
journalled; ``send`` signs, asks permission immediately before the first byte, writes once
and never retries. A resting order is share-denominated; an immediate BUY is a budget.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from typing import Final

from shared.adapters.venues.order_connection import NoAnswerError, NotConnectedError
from shared.adapters.venues.polymarket.answers import judge_answer
from shared.adapters.venues.polymarket.capabilities import CLOB_VERSION, ROUNDING, exchange_of
from shared.adapters.venues.polymarket.dead_man import DeadMan
from shared.adapters.venues.polymarket.encoding import (
    WalletRoles,
    build_message,
    build_payload,
    decode_payload,
    order_type_of,
    tick_of,
)
from shared.adapters.venues.polymarket.inquiry import LOOKBACK_S, Inquiry
from shared.adapters.venues.polymarket.own_trades import InstrumentOf, OwnTrades
from shared.adapters.venues.polymarket.rest import Credentials, Hosts, PolymarketRest
from shared.adapters.venues.polymarket.signing import (
    OrderMessage,
    domain_separator,
    order_digest,
)
from shared.adapters.venues.polymarket.user_stream import UserStream
from shared.adapters.venues.rehearsal import Rehearsal
from shared.domain.enums import Side, TimeInForce, Venue
from shared.domain.errors import DomainError, StoreError, WireError
from shared.domain.ids import MarketId, derive_salt
from shared.domain.instrument import Instrument
from shared.domain.order import (
    Acked,
    AckStatus,
    Evidence,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import EncodedOrder, Sink

_LOG = logging.getLogger("twinleg.polymarket.execution")

WARM_EVERY_S: Final = 5.0
CANCEL_ROUNDS: Final = 12
CANCEL_AGAIN_S: Final = 0.5
"""Twelve rounds outlast the longest documented taker hold of three seconds."""
REHEARSE_EVERY_S: Final = 0.01
"""Between dry runs of the order path; after 50 ms of quiet it takes half as long again."""


class PolymarketExecution:
    """Implements ``Execution`` for one account of the international CLOB V2."""

    venue = Venue.POLYMARKET

    def __init__(
        self,
        hosts: Hosts,
        credentials: Credentials,
        clock: Clock,
        instrument_of: InstrumentOf,
        *,
        rest: PolymarketRest | None = None,
        sweep_from_wall_ns: int | None = None,
        is_book_true: Callable[[MarketId], bool] = lambda market: True,
    ) -> None:
        self._is_book_true = is_book_true
        self._credentials = credentials
        self._clock = clock
        self._rest = rest or PolymarketRest(hosts, clock, credentials)
        self._roles = WalletRoles(
            maker=credentials.wallet,
            signer=credentials.order_signer,
            signature_type=credentials.signature_type,
            owner=credentials.api.api_key,
        )
        self._own = OwnTrades(self._rest, credentials, clock, instrument_of)
        self._inquiry = Inquiry(self._rest, self._own, clock, self._candidate_ids)
        self.dead_man = DeadMan(self._rest, clock)
        self._free_cash = self._rest.free_cash
        self._is_version_refused = False
        since = sweep_from_wall_ns
        self.user = UserStream(
            hosts.ws,
            clock,
            self._rest,
            credentials,
            self._own.to_fills,
            since if since is not None else clock.wall_ns() - LOOKBACK_S * NS_PER_S,
        )

    async def aclose(self) -> None:
        await self._rest.aclose()

    async def warm(self) -> None:
        """Open the connection of the order path and prove the protocol version (F-048).

        Raises:
            StoreError: the venue does not answer, or speaks another order version.
        """
        await self._rest.warm_orders()
        version = await self._rest.version()
        if version != CLOB_VERSION:
            raise StoreError(
                f"polymarket order version is {version}, this build has {CLOB_VERSION}"
            )
        self._is_version_refused = False

    # --- encode ------------------------------------------------------------------------------

    def encode(self, ticket: LegTicket, instrument: Instrument) -> EncodedOrder:
        """Build the unsigned order. Raises DomainError when the venue cannot express it."""
        if ticket.venue is not Venue.POLYMARKET or ticket.market_id != instrument.market_id:
            raise DomainError(f"ticket of {ticket.market_id} is not for {instrument.market_id}")
        if ticket.is_opening and not instrument.tradeable:
            raise DomainError(f"{instrument.market_id} is not tradeable: {instrument.refusal}")
        order = self._build(ticket, instrument)
        self._own.remember(order.order_hash, ticket.attempt_id, instrument)
        return order

    def _build(self, ticket: LegTicket, instrument: Instrument) -> EncodedOrder:
        message = build_message(
            ticket,
            instrument,
            self._roles,
            derive_salt(ticket.attempt_id),
            tick_of(ticket, instrument),
        )
        order_id = self._digest(message, instrument)
        order_type, expiration = order_type_of(ticket)
        payload = build_payload(message, order_type, self._roles.owner, expiration=expiration)
        decoded = decode_payload(payload, instrument, as_budget=ticket.budget_usd is not None)
        return EncodedOrder(ticket, payload, order_id, decoded)

    def _digest(self, message: OrderMessage, instrument: Instrument) -> str:
        separator = domain_separator(
            exchange_of(instrument.neg_risk), self._credentials.signer.chain_id
        )
        return f"0x{order_digest(message, separator).hex()}"

    def _candidate_ids(self, ticket: LegTicket, instrument: Instrument) -> list[str]:
        """Return every order id that the ticket may have had, the present tick's first.

        The tick decides the rounding of a budget BUY, and it may have changed since.
        """
        ids: dict[str, None] = {}
        for tick in dict.fromkeys((tick_of(ticket, instrument), *ROUNDING)):
            try:
                message = build_message(
                    ticket, instrument, self._roles, derive_salt(ticket.attempt_id), tick
                )
            except DomainError:
                continue
            ids[self._digest(message, instrument)] = None
        return list(ids)

    # --- send and cancel ---------------------------------------------------------------------

    async def send(
        self, order: EncodedOrder, may_send: Callable[[], str | None]
    ) -> SubmitOutcome | None:
        """Sign and send one order; None when permission was refused at the last moment."""
        attempt = order.ticket.attempt_id
        instrument = self._own.instrument(order.ticket.market_id)
        if instrument is None:
            raise DomainError(f"{order.ticket.market_id} was never encoded by this process")
        if not self._rest.budget.take_order(
            self._clock.mono_ns(), is_opening=order.ticket.is_opening
        ):
            return Rejected(attempt, "local: order budget reserved for reducing")
        if self._is_version_refused:
            # Signing for an exchange contract that we do not know is never tried twice (F-048).
            return Rejected(attempt, "local: the venue's order version changed")
        body = self._sign(order, instrument)

        def permit() -> str | None:
            """Ask the book before the gate, so that the gate is asked last of all."""
            is_true = self._is_book_true(order.ticket.market_id)
            if order.ticket.is_opening and not is_true:
                return "the book does not hold against the venue's hash"
            return may_send()

        try:
            answer = await self._rest.post_order(body, permit)
        except NotConnectedError as error:
            # Not a byte left and permission was never asked: that is "not sent", not unknown.
            _LOG.warning("order %s not sent: %s", attempt, error)
            return None
        except NoAnswerError as error:
            outcome: SubmitOutcome = Unknown(attempt, f"no answer: {error}")
            self._watch_resting(order, outcome)
            return outcome
        if answer is None:
            return None
        status, content = answer
        outcome = judge_answer(
            order.ticket, instrument, order.order_hash, status, content, self._clock.wall_ns()
        )
        self._watch_resting(order, outcome)
        if isinstance(outcome, Acked):
            self._follow(content)
        elif isinstance(outcome, Rejected):
            self._heed(order.ticket, outcome)
        return outcome

    def _watch_resting(self, order: EncodedOrder, outcome: SubmitOutcome) -> None:
        """Guard with heartbeats what may be on the book now, and nothing else."""
        if order.ticket.tif is not TimeInForce.GTC or isinstance(outcome, Rejected):
            return
        if isinstance(outcome, Unknown) or outcome.status is not AckStatus.DONE:
            self.dead_man.may_rest(order.order_hash)

    def _heed(self, ticket: LegTicket, refused: Rejected) -> None:
        """Learn from a refusal what later orders must know."""
        if refused.reason == "version_mismatch":
            self._is_version_refused = True
        elif refused.reason == "not_enough_balance" and ticket.side is Side.BUY:
            self._free_cash.refused(refused.raw, self._clock.mono_ns())

    def _sign(self, order: EncodedOrder, instrument: Instrument) -> bytes:
        """Return the signed body, re-deriving the digest from the very bytes to be sent."""
        body = json.loads(order.payload)
        wire = body["order"]
        message = OrderMessage(
            salt=wire["salt"],
            maker=wire["maker"],
            signer=wire["signer"],
            token_id=int(wire["tokenId"]),
            maker_amount=int(wire["makerAmount"]),
            taker_amount=int(wire["takerAmount"]),
            side=0 if wire["side"] == "BUY" else 1,
            signature_type=self._roles.signature_type,
            timestamp_ms=int(wire["timestamp"]),
        )
        separator = domain_separator(
            exchange_of(instrument.neg_risk), self._credentials.signer.chain_id
        )
        signed = self._credentials.signer.sign_order(message, separator)
        assert signed.order_id == order.order_hash, "the payload is not the order that was hashed"
        return build_payload(
            message,
            body["orderType"],
            body["owner"],
            expiration=wire["expiration"],
            signature=signed.signature,
        )

    def _follow(self, content: bytes) -> None:
        trades = json.loads(content).get("tradeIDs") or ()
        self.user.follow(str(trade_id) for trade_id in trades)

    async def cancel(self, order: EncodedOrder, order_id: str) -> bool:
        """Ask for a cancel; False proves nothing (it may be matched, held, or unread)."""
        wanted = order_id or order.order_hash
        try:
            answer = await self._rest.cancel_order(wanted)
        except (StoreError, WireError) as error:
            _LOG.info("cancel of %s: %s", wanted, error)
            return False
        is_gone = wanted.lower() in (done.lower() for done in answer.canceled)
        if is_gone:
            self.dead_man.ended(wanted)
        return is_gone

    async def cancel_everything(self) -> int:
        """Cancel every live order of the account and prove it; returns how many.

        A held order cannot be cancelled before its hold ends, so the venue is asked again.

        Raises:
            StoreError: the venue does not answer, or orders still live after some seconds.
        """
        canceled: set[str] = set()
        for _ in range(CANCEL_ROUNDS):
            live = await self._rest.open_orders()
            if not live:
                return len(canceled)
            answer = await self._rest.cancel_all()
            canceled.update(order_id.lower() for order_id in answer.canceled)
            if len(answer.canceled) < len(live):
                await self._clock.sleep(CANCEL_AGAIN_S)
        raise StoreError(f"{len(live)} orders are still live after cancel-all")

    async def sweep_everything(self) -> bool:
        """One cancel-all, whatever is held; ``cancel_everything`` goes on until it is proven."""
        try:
            await self._rest.cancel_all()
        except (StoreError, WireError) as error:
            _LOG.warning("cancel-all: %s", error)
            return False
        return True

    # --- evidence ----------------------------------------------------------------------------

    async def find_evidence(self, tickets: Sequence[LegTicket]) -> Sequence[Evidence]:
        """Ask orders and trades about each attempt; unreadable answers prove nothing."""
        return await self._inquiry.find_evidence(tickets)

    # --- fills -------------------------------------------------------------------------------

    async def run_user_stream(self, sink: Sink) -> None:
        """Follow our trades until cancelled; also keeps the order connection warm."""
        work = (self._stay_warm, self._stay_ready, self.dead_man.run)
        beside = [asyncio.create_task(one()) for one in work]
        try:
            await self.user.run(sink)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _stay_ready(self) -> None:
        """Keep the code of the order path in the caches."""
        rehearsal = Rehearsal(Venue.POLYMARKET, self._clock.wall_ns())
        while True:
            self._rehearse(rehearsal)
            await self._clock.sleep(REHEARSE_EVERY_S)

    def _rehearse(self, rehearsal: Rehearsal) -> None:
        """Build, read back and sign an order of an imaginary market; nothing is remembered."""
        order = self._build(rehearsal.ticket, rehearsal.instrument)
        body = self._sign(order, rehearsal.instrument)
        self._rest.sign_order_request(body)

    async def _stay_warm(self) -> None:
        """Touch the order host often enough that an order finds an open connection."""
        while True:
            try:
                await self._rest.warm_orders()
            except StoreError as error:
                _LOG.info("polymarket: %s", error)
            await self._clock.sleep(WARM_EVERY_S)
