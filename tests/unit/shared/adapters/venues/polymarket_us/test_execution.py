"""One order, one answer: what is sent, what is remembered, what is believed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us import execution as execution_module
from shared.adapters.venues.polymarket_us.account import PolymarketUsAccount
from shared.adapters.venues.polymarket_us.catalogue import PolymarketUsCatalogue
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.evidence import AttemptMemory
from shared.adapters.venues.polymarket_us.execution import PolymarketUsExecution
from shared.adapters.venues.polymarket_us.instruments import build_instrument
from shared.adapters.venues.polymarket_us.rest import PolymarketUsRest
from shared.adapters.venues.polymarket_us.schemas import BalancesReply, Market
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.domain.enums import Outcome, Side
from shared.domain.errors import DomainError, StoreError
from shared.domain.order import Acked, LegTicket, Rejected, SubmitOutcome, Unknown
from shared.domain.units import NS_PER_S
from tests.support.polymarket_us_world import KEY_ID, RATE, SEED, TERMS, sim_market, ticket
from tests.support.virtual_clock import VirtualClock
from tests.unit.shared.adapters.venues.polymarket_us.test_answers import FILL, ORDER

NOW_NS = 1_795_000_000 * NS_PER_S
RAW = json.loads(json.dumps(sim_market(RATE, NOW_NS).raw))
INSTRUMENT = build_instrument(msgspec.convert(RAW, Market, strict=False), TERMS, NOW_NS)


class Wire:
    """Implements ``OrderWire`` with answers made before; keeps what was sent."""

    def __init__(self, *answers: object) -> None:
        self.answers = [json.dumps(a).encode() if isinstance(a, dict) else a for a in answers]
        self.sent: list[tuple[str, str, bytes]] = []

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        may_send: Callable[[], str | None],
    ) -> tuple[int, bytes] | None:
        del headers
        if may_send() is not None:
            return None
        self.sent.append((method, path, body))
        answer: Any = self.answers.pop(0)
        return 200, answer

    async def warm(self, path: str, headers: Mapping[str, str]) -> int:
        del path, headers
        return 200

    async def aclose(self) -> None: ...


class Bench:
    """An execution over a made wire; ``shown`` is the order that a read by id answers."""

    def __init__(
        self, wire: Wire, shown: dict[str, Any] | None = None, *, redirects: bool = False
    ) -> None:
        self.asked: list[str] = []
        self.remembered: list[tuple[str, str]] = []
        clock, tally = VirtualClock(), WireTally()
        endpoints, signer = (
            cap.Endpoints("http://g.test", "http://a.test"),
            Signer.from_secret(KEY_ID, SEED),
        )

        def answer(request: httpx.Request) -> httpx.Response:
            self.asked.append(request.url.path)
            if redirects:
                return httpx.Response(302, headers={"Location": "http://elsewhere.test/x"})
            status = 404 if shown is None else 200
            return httpx.Response(status, json={"order": shown})

        self.rest = rest = PolymarketUsRest(
            endpoints, signer, clock, tally, transport=httpx.MockTransport(answer), wire=wire
        )
        catalogue = PolymarketUsCatalogue(rest, tally, lambda: TERMS)
        self.execution = PolymarketUsExecution(
            endpoints,
            signer,
            rest,
            PolymarketUsAccount(rest, catalogue, tally),
            AttemptMemory(0, 0),
            clock,
            tally,
            remember=self.remember,
            rng=random.Random(1),
        )

    async def remember(self, attempt_id: str, order_id: str) -> None:
        self.remembered.append((attempt_id, order_id))

    async def place(self, wanted: LegTicket) -> SubmitOutcome | None:
        order = self.execution.encode(wanted, INSTRUMENT)
        return await self.execution.send(order, lambda: None)


def wanted() -> LegTicket:
    return ticket(INSTRUMENT, Outcome.YES, Side.BUY, 42, 2)


WHOLE = {"id": "o1", "executions": [FILL]}


async def test_an_order_is_sent_once_and_its_id_kept() -> None:
    bench = Bench(wire := Wire(WHOLE))
    asked = wanted()
    assert isinstance(await bench.place(asked), Acked)
    assert bench.remembered == [(asked.attempt_id, "o1")]
    [(method, path, body)] = wire.sent
    assert (method, path) == ("POST", "/v1/orders") and json.loads(body)["marketSlug"] == RATE


async def test_gotcha_16_the_same_id_for_a_second_order_is_not_believed() -> None:
    bench = Bench(Wire(WHOLE, WHOLE))
    first, second = wanted(), wanted()
    assert isinstance(await bench.place(first), Acked)
    outcome = await bench.place(second)
    assert isinstance(outcome, Unknown) and "create_order_twice" in outcome.reason
    assert [attempt for attempt, _ in bench.remembered] == [first.attempt_id]


@pytest.mark.parametrize(
    "shown",
    [
        None,
        {**ORDER, "price": {"value": "0.43", "currency": "USD"}},
        {**ORDER, "marketSlug": "another", "cumQuantity": 0, "state": "ORDER_STATE_CANCELED"},
    ],
)
async def test_an_id_alone_is_read_and_another_order_behind_it_is_not_believed(
    shown: dict[str, Any] | None,
) -> None:
    bench = Bench(Wire({"id": "o1"}), shown)
    outcome = await bench.place(wanted())
    assert isinstance(outcome, Unknown) and "unreadable" in outcome.reason
    assert bench.remembered, "it is asked about by that id later"


@pytest.mark.parametrize("reply", [{"id": ""}, {"id": "../account"}, {"id": 7}, b"", b"[]"])
async def test_an_answer_without_a_usable_id_is_unknown(reply: object) -> None:
    bench = Bench(Wire(reply))
    assert isinstance(await bench.place(wanted()), Unknown)
    assert bench.remembered == []


async def test_nothing_is_sent_when_the_last_look_says_no() -> None:
    bench = Bench(wire := Wire())
    order = bench.execution.encode(wanted(), INSTRUMENT)
    assert await bench.execution.send(order, lambda: "halted") is None
    assert wire.sent == []


def test_f027_a_body_that_reads_back_otherwise_is_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def doubled(asked: LegTicket, instrument: Any) -> bytes:
        body = json.loads(encode(asked, instrument))
        return json.dumps({**body, "quantity": 4}).encode()

    encode = execution_module.encode_order
    monkeypatch.setattr(execution_module, "encode_order", doubled)
    with pytest.raises(DomainError, match="encoded otherwise"):
        Bench(Wire()).execution.encode(wanted(), INSTRUMENT)


def whole(number: int) -> dict[str, Any]:
    name = f"o{number}"
    fill = {**FILL, "order": {**ORDER, "id": name}, "tradeId": f"t{number}"}
    return {"id": name, "executions": [fill]}


async def test_f024_openings_leave_a_fifth_of_the_requests_and_reads_follow_nobody() -> None:
    bench = Bench(Wire(*map(whole, range(40))))
    opened = 0
    while not isinstance(await bench.place(replace(wanted(), is_opening=True)), Rejected):
        opened += 1
    budget = bench.rest.budget.keyed
    assert 0 < opened < cap.KEY_PER_S and budget.reserve > 0
    hedge = await bench.place(replace(wanted(), is_opening=False))
    assert isinstance(hedge, Acked)


async def test_gotcha_19_a_redirect_is_an_error_not_a_new_address() -> None:
    bench = Bench(Wire(), redirects=True)
    with pytest.raises(StoreError, match="HTTP 302"):
        await bench.rest.get("/v1/account/balances", BalancesReply)
    assert bench.asked == ["/v1/account/balances"]
