"""A slow key signs ahead, at most half a second; a refusal at the door is signed once more."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.adapters.venues.kalshi.signing import PREPARED_MAX_NS
from shared.domain.enums import Outcome, Side
from shared.domain.order import Acked, Rejected
from tests.support.kalshi_world import RATE, sim_market, ticket
from tests.support.virtual_clock import VirtualClock
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply

INSTRUMENT = sim_market(RATE, 10**19).instrument
TICKET = ticket(INSTRUMENT, Outcome.YES, Side.BUY, 42, 5)
STAMP = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE = "KALSHI-ACCESS-SIGNATURE"
DENIED = reply(401, {"error": {"code": "authentication_error", "message": "m"}})


@pytest.fixture(scope="module")
def rsa_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def taken(request: httpx.Request) -> httpx.Response:
    body = {
        "order_id": "o1",
        "client_order_id": json.loads(request.content)["client_order_id"],
        "fill_count": "0.00",
        "remaining_count": "0.00",
    }
    return reply(201, body)


def venue(pem: str, answer: Callable[[httpx.Request], httpx.Response] = taken) -> Canned:
    return Canned(answer, VirtualClock(), pem=pem)


async def send(canned: Canned, may_send: Callable[[], str | None] = lambda: None) -> object:
    order = canned.execution.encode(TICKET, INSTRUMENT)
    return await canned.execution.send(order, may_send)


async def test_prepared_headers_are_used_while_fresh_and_never_after(rsa_pem: str) -> None:
    canned = venue(rsa_pem)
    canned.rest.prepare_orders()
    made_ms = canned.clock.wall_ns() // 1_000_000
    canned.clock.move(PREPARED_MAX_NS / 1e9)
    await send(canned)
    canned.clock.move(0.001)
    await send(canned)
    first, second = (request.headers for request in canned.requests)
    assert first[STAMP] == str(made_ms)
    assert second[STAMP] == str(canned.clock.wall_ns() // 1_000_000)
    assert first[SIGNATURE] != second[SIGNATURE]


async def test_a_fast_key_always_signs_inline() -> None:
    canned = venue("")
    canned.rest.prepare_orders()
    canned.clock.move(0.2)
    await send(canned)
    assert canned.requests[0].headers[STAMP] == str(canned.clock.wall_ns() // 1_000_000)


async def test_only_the_order_path_is_prepared(rsa_pem: str) -> None:
    canned = venue(rsa_pem, lambda request: reply(200, {}))
    canned.rest.prepare_orders()
    canned.clock.move(0.2)
    cancel = canned.rest.build("DELETE", "/portfolio/events/orders/o1")
    assert cancel.headers[STAMP] == str(canned.clock.wall_ns() // 1_000_000)


async def test_a_prepared_signature_that_is_refused_is_signed_once_more(rsa_pem: str) -> None:
    canned = venue(rsa_pem, lambda r: DENIED if len(canned.requests) == 1 else taken(r))
    canned.rest.prepare_orders()
    canned.clock.move(0.4)
    asked: list[int] = []
    outcome = await send(canned, lambda: asked.append(1))
    assert isinstance(outcome, Acked) and len(canned.requests) == 2 and len(asked) == 2
    bodies = {request.content for request in canned.requests}
    assert len(bodies) == 1  # the same order with the same id
    stamps = [request.headers[STAMP] for request in canned.requests]
    assert int(stamps[1]) - int(stamps[0]) == 400


async def test_a_second_refusal_is_the_answer_and_permission_is_asked_again(rsa_pem: str) -> None:
    canned = venue(rsa_pem, lambda r: DENIED)
    canned.rest.prepare_orders()
    assert isinstance(await send(canned), Rejected)
    assert len(canned.requests) == 2
    # Permission withdrawn in between: the second write does not happen.
    halted = venue(rsa_pem, lambda r: DENIED)
    halted.rest.prepare_orders()
    answers = iter([None, "halted"])
    assert isinstance(await send(halted, lambda: next(answers)), Rejected)
    assert len(halted.requests) == 1


async def test_an_inline_signature_that_is_refused_is_not_repeated() -> None:
    canned = venue("", lambda r: DENIED)
    assert isinstance(await send(canned), Rejected)
    assert len(canned.requests) == 1
