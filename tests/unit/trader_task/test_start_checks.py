"""What forbids opening at a venue becomes a halt; what cannot be asked stays unanswered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from shared.domain.enums import HaltReason, Venue
from shared.domain.errors import ConfigError, StoreError
from shared.domain.events import EventBody, HaltTaken
from tests.support.virtual_clock import VirtualClock
from trader_task.settings import _jurisdiction
from trader_task.start_checks import account_check, jurisdiction_check, keep_asking, key_check


@dataclass(frozen=True)
class State:
    is_region_blocked: bool = False
    is_closed_only: bool = False
    missing_allowances: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State(), ""),
        (State(is_region_blocked=True), "this address"),
        (State(is_closed_only=True), "closing only"),
        (State(missing_allowances=("neg_risk",)), "neg_risk"),
    ],
)
async def test_f049_restricted_accounts_are_halted_with_the_reason(
    state: State, words: str
) -> None:
    heard: list[EventBody] = []

    async def read() -> State:
        return state

    await account_check(read, VirtualClock(), heard.append)()
    assert bool(heard) is bool(words)
    for body in heard:
        assert isinstance(body, HaltTaken) and words in body.halt.note
        assert body.halt.scope == "venue:polymarket"
        assert body.halt.reason is HaltReason.ACCOUNT_RESTRICTED


async def test_a_question_that_cannot_be_asked_is_an_error() -> None:
    async def read() -> State:
        raise StoreError("no answer")

    with pytest.raises(StoreError):
        await account_check(read, VirtualClock(), lambda body: None)()


@pytest.mark.parametrize(
    ("country", "must_be_stated", "halted"),
    [
        ("IE", False, []),
        ("", False, []),
        ("US", False, ["venue:polymarket"]),
        ("DE", False, ["venue:polymarket"]),
        ("IR", False, ["venue:kalshi", "venue:polymarket"]),
        ("", True, ["venue:kalshi", "venue:polymarket"]),
    ],
)
async def test_the_operator_s_country_decides_which_venues_may_open(
    country: str, must_be_stated: bool, halted: list[str]
) -> None:
    heard: list[EventBody] = []
    traded = (Venue.KALSHI, Venue.POLYMARKET)
    check = jurisdiction_check(
        country, traded, VirtualClock(), heard.append, must_be_stated=must_be_stated
    )
    await check()
    assert [b.halt.scope for b in heard if isinstance(b, HaltTaken)] == halted
    if country == "US":
        assert isinstance(heard[0], HaltTaken) and "Polymarket US" in heard[0].halt.note


def test_jurisdiction_is_a_country_code() -> None:
    assert _jurisdiction(" us ") == "US" and _jurisdiction("") == ""
    for bad in ("USA", "1", "ü1"):
        with pytest.raises(ConfigError):
            _jurisdiction(bad)


async def test_gates_are_asked_hourly_and_an_unanswered_one_each_minute() -> None:
    clock = VirtualClock()
    asked: list[tuple[str, int]] = []
    fails = 2

    async def first() -> None:
        nonlocal fails
        asked.append(("first", clock.mono_ns()))
        if fails:
            fails -= 1
            raise StoreError("no answer")

    async def second() -> None:
        asked.append(("second", clock.mono_ns()))

    start = clock.mono_ns()
    task = asyncio.create_task(keep_asking([first, second], clock))
    await clock.advance(2 * 3_600 + 200)
    task.cancel()
    minutes = [(name, (at - start) // 60_000_000_000) for name, at in asked]
    assert minutes == [
        ("first", 60),
        ("first", 61),
        ("first", 62),
        ("second", 62),
        ("first", 122),
        ("second", 122),
    ]


@dataclass(frozen=True)
class Key:
    may_trade: bool | None
    text: str = "scopes read: may not trade"


@pytest.mark.parametrize(("may_trade", "halts"), [(True, 0), (None, 0), (False, 1)])
async def test_f066_a_key_that_may_not_trade_halts_its_venue(
    may_trade: bool | None, halts: int
) -> None:
    heard: list[EventBody] = []

    async def read() -> Key:
        return Key(may_trade)

    await key_check(Venue.KALSHI, read, VirtualClock(), heard.append)()
    assert len(heard) == halts
    for body in heard:
        assert isinstance(body, HaltTaken) and body.halt.reason is HaltReason.KEY_REVOKED
        assert body.halt.scope == "venue:kalshi" and "may not trade" in body.halt.note
