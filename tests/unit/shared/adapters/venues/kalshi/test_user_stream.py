"""Private frames: what is posted at once, what waits for REST, what never raises."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.kalshi.user_stream import UserStream
from shared.domain.enums import Outcome, Side
from shared.domain.events import EventBody, FillSeen
from tests.support.kalshi_world import KEY_ID, RATE, new_key, sim_market, ticket
from tests.unit.shared.adapters.venues.kalshi.canned import ENDPOINTS, Canned, reply

PEM = new_key()[0]
FILL: dict[str, Any] = {
    "trade_id": "t1",
    "order_id": "o1",
    "market_ticker": RATE,
    "is_taker": True,
    "yes_price_dollars": "0.4000",
    "count_fp": "7.00",
    "fee_cost": "0.117600",
    "outcome_side": "no",
    "book_side": "ask",
    "client_order_id": "a1",
    "ts_ms": 1_790_000_000_000,
}
REST_FILL = {**FILL, "ticker": RATE, "ts": 1_790_000_000}
del REST_FILL["client_order_id"], REST_FILL["ts_ms"]


def make(canned: Canned) -> tuple[UserStream, list[EventBody]]:
    seen: list[EventBody] = []
    stream = UserStream(
        ENDPOINTS,
        Signer.from_pem(KEY_ID, PEM),
        canned.account,
        canned.memory,
        canned.clock,
        canned.tally,
        random.Random(1),
    )
    stream._sink = seen.append
    return stream, seen


def quiet() -> Canned:
    return Canned(lambda _: reply(200, {"fills": [], "cursor": ""}))


def frame(kind: str, msg: Any) -> str:
    return json.dumps({"type": kind, "sid": 2, "msg": msg})


def test_no_bought_at_the_complement_of_the_shown_price() -> None:
    stream, seen = make(quiet())
    stream._on_frame(0, frame("fill", FILL))
    stream._on_frame(0, frame("fill", FILL))  # a repeat is handed out once
    [body] = seen
    assert isinstance(body, FillSeen)
    fill = body.fill
    assert (fill.outcome, fill.side, fill.price, fill.qty, fill.fee) == (
        Outcome.NO,
        Side.BUY,
        600_000,
        7_000_000,
        117_600,
    )
    assert fill.attempt_id == "a1" and fill.is_final


def test_sale_of_a_known_ticket_is_told_as_a_sale() -> None:
    canned = quiet()
    stream, seen = make(canned)
    sold = ticket(sim_market(RATE, 10**19).instrument, Outcome.YES, Side.SELL, 40, 7)
    canned.memory.sending(sold, 1)
    stream._on_frame(0, frame("fill", {**FILL, "client_order_id": sold.attempt_id}))
    [body] = seen
    assert isinstance(body, FillSeen)
    assert (body.fill.outcome, body.fill.side, body.fill.price) == (
        Outcome.YES,
        Side.SELL,
        400_000,
    )


async def test_fill_without_fee_or_owner_is_posted_from_rest() -> None:
    order = {
        "order_id": "o1",
        "ticker": RATE,
        "status": "executed",
        "fill_count_fp": "7.00",
        "remaining_count_fp": "0.00",
        "client_order_id": "a1",
    }

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/portfolio/orders/o1"):
            return reply(200, {"order": order})
        return reply(200, {"fills": [REST_FILL], "cursor": ""})

    stream, seen = make(Canned(respond))
    stream._on_frame(0, frame("fill", {k: v for k, v in FILL.items() if k != "fee_cost"}))
    assert seen == [] and stream._sweep_now.is_set()
    await stream._sweep()
    [body] = seen
    assert isinstance(body, FillSeen) and body.fill.attempt_id == "a1"


async def test_one_unreadable_old_fill_does_not_stop_the_sweep() -> None:
    broken = {**REST_FILL, "trade_id": "t0", "count_fp": "-1.00"}
    canned = Canned(
        lambda r: (
            reply(200, {"fills": [broken, REST_FILL], "cursor": ""})
            if r.url.path.endswith("fills")
            else reply(404, b"")
        )
    )
    stream, seen = make(canned)
    await stream._sweep()
    assert len(seen) == 1 and canned.tally.counts["fill_count_negative"] == 1


def test_legacy_sides_are_read_only_when_the_new_ones_are_missing() -> None:
    stream, seen = make(quiet())
    legacy = {k: v for k, v in FILL.items() if k not in ("outcome_side", "book_side")}
    stream._on_frame(0, frame("fill", {**legacy, "side": "yes", "action": "sell"}))
    assert isinstance(seen[0], FillSeen) and seen[0].fill.outcome is Outcome.NO
    contradiction = {**FILL, "trade_id": "t9", "book_side": "bid"}
    stream._on_frame(0, frame("fill", contradiction))
    assert len(seen) == 1 and stream._sweep_now.is_set()


def test_frames_of_another_life_are_dropped() -> None:
    stream, seen = make(quiet())
    stream._on_frame(5, frame("fill", FILL))
    assert seen == []


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.fixed_dictionaries(
            {},
            optional={
                key: st.sampled_from([FILL[key], None, 5, "x", "-1", "", [], "1e9"]) for key in FILL
            },
        ).map(lambda msg: frame("fill", msg)),
        st.fixed_dictionaries(
            {}, optional={"order_id": st.integers(), "code": st.text(max_size=3)}
        ).map(lambda msg: frame("user_order", msg)),
    )
)
def test_f095_no_private_frame_ever_raises(data: str | bytes) -> None:
    stream, seen = make(quiet())
    stream._on_frame(0, data)
    for body in seen:
        assert isinstance(body, FillSeen)
        assert body.fill.qty > 0 and 0 < body.fill.price < 1_000_000 and body.fill.fee >= 0
