"""``twinleg venues`` at Polymarket US, against the simulator over real sockets."""

from __future__ import annotations

import pytest

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us import probing
from shared.adapters.venues.polymarket_us.inspection import PolymarketUsInspector
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.domain.units import NS_PER_S
from shared.ports.inspection import Finding, Light
from tests.support.kalshi_world import SystemTime
from tests.support.polymarket_us_world import KEY_ID, SEED, Lab, polymarket_us_lab

OTHER_SEED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


class SkewedTime(SystemTime):
    """A host whose clock is ahead of the venue's."""

    def __init__(self, ahead_s: int) -> None:
        self._ahead_ns = ahead_s * NS_PER_S

    def wall_ns(self) -> int:
        return super().wall_ns() + self._ahead_ns


def inspector_of(
    lab: Lab, *, country: str = "US", seed: str = SEED, ahead_s: int = 0
) -> PolymarketUsInspector:
    signer = Signer.from_secret(KEY_ID, seed)
    return PolymarketUsInspector(lab.endpoints, signer, SkewedTime(ahead_s), country)


async def findings(inspector: PolymarketUsInspector) -> dict[str, Finding]:
    try:
        return {row.item: row for row in await inspector.check()}
    finally:
        await inspector.aclose()


async def test_a_good_account_is_green_and_says_what_it_is() -> None:
    async with polymarket_us_lab() as lab:
        found = await findings(inspector_of(lab))
        assert {row.light for row in found.values()} == {Light.GREEN}, found
        assert found["key"].text == "reads the account: $1000"
        assert found["stream"].text.startswith("markets in ")


async def test_each_wrong_thing_is_red_and_hides_no_other() -> None:
    async with polymarket_us_lab() as lab:
        found = await findings(inspector_of(lab, country="IE", ahead_s=20))
        red = {item for item, row in found.items() if row.light is Light.RED}
        assert red == {"jurisdiction", "clock"}
        assert "in the US only" in found["jurisdiction"].text

        found = await findings(inspector_of(lab, seed=OTHER_SEED))
        red = {item for item, row in found.items() if row.light is Light.RED}
        assert red == {"key", "stream"}
        assert "signature does not verify" in found["key"].text
    async with polymarket_us_lab(cash=0) as lab:
        assert (await findings(inspector_of(lab)))["key"].light is Light.RED


async def test_the_probe_asks_what_reads_can_ask_and_leaves_the_rest_unanswered() -> None:
    async with polymarket_us_lab() as lab:
        inspector = inspector_of(lab)
        answers = {a.question: a for a in await inspector.probe(may_order=True)}
        assert list(await inspector.plan_setup()) == []
        await inspector.aclose()
    assert answers["accepted clock skew"].answer == "behind at least 29 s, ahead at least 29 s"
    assert (
        answers["fee coefficient of the market objects"].answer == "0.0695 in 3 markets, 0 silent"
    )
    assert answers[cap.WHOLE_BOOK_FIRST].answer.startswith("yes, within ")
    open_ones = [a.question for a in answers.values() if not a.answer]
    assert open_ones == [q for q in cap.NOT_CONFIRMED if q != cap.WHOLE_BOOK_FIRST]
    assert all(answers[question].gates_live for question in open_ones)


async def test_a_stream_that_says_nothing_is_not_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probing, "FIRST_FRAME_S", 0.0)
    async with polymarket_us_lab() as lab:
        inspector = inspector_of(lab)
        answers = {a.question: a for a in await inspector.probe(may_order=False)}
        await inspector.aclose()
    silent = answers[cap.WHOLE_BOOK_FIRST]
    assert silent.answer == "" and silent.gates_live and "no book within" in silent.why_not
