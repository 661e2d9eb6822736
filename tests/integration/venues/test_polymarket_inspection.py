"""``twinleg venues`` at Polymarket, against the simulator over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from shared.adapters.venues.polymarket.inspection import PolymarketInspector
from shared.adapters.venues.polymarket.probing import PolymarketProbe
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.domain.enums import BookSide
from shared.domain.units import QtyMicros
from shared.ports.inspection import Finding, Light
from tests.support.polymarket_world import RealClock, Venue1, gamma_object, polymarket_venue

_API = ("api_key", "api_secret", "api_passphrase")


class Kept(dict[str, str]):
    def __call__(self, fields: Mapping[str, str]) -> None:
        self.update(fields)


def inspector_of(
    venue: Venue1, *, country: str = "IE", kept: Kept | None = None, **changes: Any
) -> PolymarketInspector:
    secret = venue.secret | changes
    return PolymarketInspector(
        venue.hosts, secret, RealClock(), country, kept if kept is not None else Kept()
    )


async def findings(inspector: PolymarketInspector) -> dict[str, Finding]:
    try:
        return {row.item: row for row in await inspector.check()}
    finally:
        await inspector.aclose()


def answering(path: str, document: Any) -> Any:
    """Return a wrapper that answers one path with a document of the test's."""

    async def middleware(request: web.Request, handler: Any) -> Any:
        if request.path == path:
            return web.json_response(document)
        return await handler(request)

    def wrap(app: web.Application) -> None:
        app.middlewares.append(web.middleware(middleware))

    return wrap


async def test_a_good_account_is_green_and_says_what_it_is() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        found = await findings(inspector_of(venue))
    red = {item: row.text for item, row in found.items() if row.light is Light.RED}
    assert not red
    assert found["rate tier"].light is Light.UNKNOWN  # nothing depends on it
    assert "deposit wallet 0x" in found["wallet"].text
    assert found["balance"].text == "$5000"
    assert found["order version"].text.startswith("version 2")
    assert len(found) == 11


@pytest.mark.parametrize(
    ("path", "document", "item", "words"),
    [
        ("/api/geoblock", {"blocked": True, "country": "FR"}, "geoblock", "refuses this address"),
        ("/auth/ban-status/closed-only", {"closed_only": True}, "account state", "closing only"),
        ("/version", {"version": "3"}, "order version", "version 3"),
        ("/balance-allowance", {"balance": "0", "allowances": {}}, "allowances", "neg_risk"),
        ("/balance-allowance", {"balance": "0", "allowances": {}}, "balance", "no pUSD"),
    ],
)
async def test_what_forbids_trading_is_red(path: str, document: Any, item: str, words: str) -> None:
    async with polymarket_venue([gamma_object(1)], wrap=answering(path, document)) as venue:
        found = await findings(inspector_of(venue))
    assert found[item].light is Light.RED and words in found[item].text
    assert found["stream"].light is Light.GREEN


async def test_a_us_operator_is_red_here() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        found = await findings(inspector_of(venue, country="US"))
    assert "only Polymarket US" in found["jurisdiction"].text
    assert found["jurisdiction"].light is Light.RED


async def test_setup_makes_the_api_key_and_stores_it() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        kept = Kept()
        without = dict.fromkeys(_API, "")
        before = await findings(inspector_of(venue, **without))
        inspector = inspector_of(venue, kept=kept, **without)
        [step] = await inspector.plan_setup()
        done = await inspector.carry_out(step)
        # The inspector itself goes on with the new key.
        after = await findings(inspector)
    assert before["api key"].light is Light.RED
    assert done.light is Light.GREEN
    assert kept == {name: venue.secret[name] for name in _API}
    assert after["api key"].light is Light.GREEN and after["balance"].light is Light.GREEN


async def test_missing_allowances_are_named_as_exact_transactions() -> None:
    document = {"balance": "5", "allowances": {}}
    wrap = answering("/balance-allowance", document)
    async with polymarket_venue([gamma_object(1)], wrap=wrap) as venue:
        inspector = inspector_of(venue)
        plan = await inspector.plan_setup()
        done = [await inspector.carry_out(step) for step in plan]
        await inspector.aclose()
    names = [step.name for step in plan]
    assert names == [
        "pUSD for standard",
        "shares for standard",
        "pUSD for neg_risk",
        "shares for neg_risk",
        "balance cache",
    ]
    # approve(exchange, 2**256 - 1) of the public token standard, word by word.
    spender = "e111180000d2663c0091e4f400237545b87b996b"
    assert f"0x095ea7b3{spender:0>64}{'f' * 64}" in plan[0].text
    assert f"0xa22cb465{spender:0>64}{1:064x}" in plan[1].text
    assert [d.light for d in done] == [Light.UNKNOWN] * 4 + [Light.GREEN]
    assert all("not available" in d.text for d in done[:4])


async def test_probe_watches_the_stream_and_verifies_every_hash() -> None:
    async with polymarket_venue([gamma_object(1), gamma_object(2)]) as venue:
        for number in (0, 1):
            venue.book(number, {"0.44": "300"}, {"0.46": "200"})
        rest = PolymarketRest(venue.hosts, RealClock(), venue.credentials())
        probe = PolymarketProbe(venue.hosts, rest, RealClock(), watch_s=1.5)
        task = asyncio.create_task(probe.run())
        for n in range(40):
            await asyncio.sleep(0.05)
            venue.level(n % 2, BookSide.BID, 440_000, QtyMicros((n + 1) * 1_000_000))
        answers = {a.question: a for a in await task}
        await rest.aclose()
    assert answers["markets of protocol 2"].answer == "0 of 2 open markets"
    assert answers["taker delays in use"].answer == "0 ms on 2"
    hashes = answers["hashes of messages with several changes"]
    assert hashes.gates_live and " messages verified, " in hashes.answer
    verified, _, seen = hashes.answer.split(" messages")[0].partition(" of ")
    assert verified == seen and int(seen) > 10
    json.dumps([a.answer for a in answers.values()])
