"""What forbids opening at a venue becomes a halt; what cannot be asked stays unanswered."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from shared.domain.enums import HaltReason
from shared.domain.errors import ConfigError, StoreError
from shared.domain.events import EventBody, HaltTaken
from tests.support.virtual_clock import VirtualClock
from trader_task.settings import _jurisdiction
from trader_task.start_checks import account_check, jurisdiction_check


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


async def test_us_operator_is_refused_the_international_book() -> None:
    heard: list[EventBody] = []
    await jurisdiction_check("DE", VirtualClock(), heard.append)()
    await jurisdiction_check("", VirtualClock(), heard.append)()
    assert not heard
    await jurisdiction_check("US", VirtualClock(), heard.append)()
    [body] = heard
    assert isinstance(body, HaltTaken) and "Polymarket US" in body.halt.note


def test_jurisdiction_is_a_country_code() -> None:
    assert _jurisdiction(" us ") == "US" and _jurisdiction("") == ""
    for bad in ("USA", "1", "ü1"):
        with pytest.raises(ConfigError):
            _jurisdiction(bad)
