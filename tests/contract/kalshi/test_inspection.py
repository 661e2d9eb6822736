"""``twinleg venues`` at Kalshi, against the simulator over real sockets."""

from __future__ import annotations

from dataclasses import replace

from shared.adapters.venues.kalshi.inspection import KalshiInspector
from shared.adapters.venues.kalshi.signing import Signer
from shared.domain.units import NS_PER_S
from shared.ports.inspection import Finding, Light
from tests.support.kalshi_world import KEY_ID, RATE, Lab, SystemTime, kalshi_lab, new_key


class SkewedTime(SystemTime):
    """A host whose clock is ahead of the venue's."""

    def __init__(self, ahead_s: int) -> None:
        self._ahead_ns = ahead_s * NS_PER_S

    def wall_ns(self) -> int:
        return super().wall_ns() + self._ahead_ns


def inspector_of(
    lab: Lab, *, country: str = "US", pem: str = "", ahead_s: int = 0
) -> KalshiInspector:
    signer = Signer.from_pem(KEY_ID, pem or lab.private_key_pem)
    return KalshiInspector(lab.endpoints, signer, SkewedTime(ahead_s), country)


async def findings(inspector: KalshiInspector) -> dict[str, Finding]:
    try:
        return {row.item: row for row in await inspector.check()}
    finally:
        await inspector.aclose()


async def test_a_good_account_is_green_and_says_what_it_is() -> None:
    async with kalshi_lab() as lab:
        found = await findings(inspector_of(lab))
    assert {row.light for row in found.values()} == {Light.GREEN}, found
    assert found["key"].text == "Ed25519, scopes read, write::trade"
    assert found["balances"].text == "shard 0: $1000, shard 2: $1000, shard 3: $1000"
    assert found["rate tier"].text.startswith("basic: 200 reads, 100 writes")
    assert found["clock"].text.startswith("offset ")
    assert set(found) == {
        *("jurisdiction", "exchange", "key", "clock", "balances", "rate tier", "stream")
    }


async def test_a_foreign_key_is_red_wherever_the_key_is_needed() -> None:
    async with kalshi_lab() as lab:
        found = await findings(inspector_of(lab, pem=new_key()[0]))
    assert found["jurisdiction"].light is Light.GREEN
    for item in ("key", "balances", "rate tier", "stream"):
        assert found[item].light is Light.RED, item
    assert "401" in found["balances"].text


async def test_a_clock_that_is_off_is_red_before_signatures_are_refused() -> None:
    async with kalshi_lab() as lab:
        found = await findings(inspector_of(lab, ahead_s=5))
    assert found["clock"].light is Light.RED and "offset -" in found["clock"].text
    assert found["key"].light is Light.GREEN


async def test_country_and_paused_shard_and_empty_account_are_red() -> None:
    async with kalshi_lab(cash=0) as lab:
        lab.exchange.paused_shards.add(0)
        found = await findings(inspector_of(lab, country="KP"))
        plan = await inspector_of(lab).plan_setup()
    assert found["jurisdiction"].text == "no venue serves KP"
    assert found["exchange"].light is Light.RED and "[0]" in found["exchange"].text
    assert found["balances"].light is Light.RED
    assert plan and all(step.missing for step in plan)


async def test_probe_answers_every_question_with_orders_and_names_why_without() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 100})
        inspector = inspector_of(lab)
        told = {a.question: a for a in await inspector.probe(may_order=False)}
        known = {a.question: a for a in await inspector.probe(may_order=True)}
        await inspector.aclose()
        position = lab.exchange.positions("member")
    assert {q for q, a in told.items() if not a.answer} == {
        "client_order_id of an ended order",
        "client_order_id of an executed order",
        "records lag after a write",
    }
    assert all(a.answer for a in known.values()), known
    assert known["accepted clock skew"].answer == "behind at least 20 s, ahead at least 20 s"
    assert known["no-side prices without use_yes_price"].answer == "in NO terms"
    assert "refused with 409" in known["client_order_id of an ended order"].answer
    assert "sold again" in known["client_order_id of an executed order"].answer
    # What was bought to ask was sold again: nothing is left behind.
    assert all(held.net_yes == 0 for held in position.values())
    assert replace(known["shards"], answer="") == replace(told["shards"], answer="")
