"""Questions that must be answered before opening, asked at start-up and every hour.

A question that cannot be asked keeps recovery waiting (fail closed); an answer that
forbids trading becomes a halt of that venue, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

import httpx
import structlog

from shared.domain.eligibility import find_refusal
from shared.domain.enums import HaltReason, Venue
from shared.domain.errors import StoreError
from shared.domain.events import EventBody, Halt, HaltTaken
from shared.ports.clock import Clock

log = structlog.get_logger("start")

GATES_S: Final = 3_600.0
GATE_AGAIN_S: Final = 60.0


def _halt(
    venue: Venue,
    note: str,
    clock: Clock,
    sink: Callable[[EventBody], None],
    source: str = "start",
) -> None:
    scope = f"venue:{venue.value}"
    halt = Halt(scope, HaltReason.ACCOUNT_RESTRICTED, source, clock.wall_ns(), note=note)
    sink(HaltTaken(halt))


def jurisdiction_check(
    jurisdiction: str,
    venues: Iterable[Venue],
    clock: Clock,
    sink: Callable[[EventBody], None],
    *,
    must_be_stated: bool = False,
) -> Callable[[], Awaitable[None]]:
    """Return a check that halts each venue that an operator of this country may not use."""
    traded = tuple(venues)

    async def check() -> None:
        log.info("jurisdiction", code=jurisdiction or "not stated")
        for venue in traded:
            reason = find_refusal(venue, jurisdiction, must_be_stated=must_be_stated)
            if reason:
                _halt(venue, reason, clock, sink)

    return check


def geoblock_check(
    url: str, clock: Clock, sink: Callable[[EventBody], None]
) -> Callable[[], Awaitable[None]]:
    """Return a check that asks whether this address may trade at Polymarket."""

    async def check() -> None:
        try:
            async with httpx.AsyncClient(timeout=5.0, trust_env=False) as http:
                answer = await http.get(url)
                blocked = bool(answer.raise_for_status().json()["blocked"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"geoblock check unanswered: {type(error).__name__}") from None
        log.info("geoblock", blocked=blocked)
        if blocked:
            _halt(Venue.POLYMARKET, "the venue refuses this address", clock, sink)

    return check


class KeyState(Protocol):
    """What a venue says about the key that we sign with; None: it does not say."""

    @property
    def may_trade(self) -> bool | None: ...

    @property
    def text(self) -> str: ...


def key_check(
    venue: Venue,
    read_key: Callable[[], Awaitable[KeyState]],
    clock: Clock,
    sink: Callable[[EventBody], None],
) -> Callable[[], Awaitable[None]]:
    """Return a check that our key is still listed and may trade (F-066)."""

    async def check() -> None:
        key = await read_key()
        log.info("key", venue=venue.value, may_trade=key.may_trade, text=key.text)
        if key.may_trade is False:
            halt = Halt(
                f"venue:{venue.value}",
                HaltReason.KEY_REVOKED,
                "start",
                clock.wall_ns(),
                note=key.text,
            )
            sink(HaltTaken(halt))

    return check


async def keep_asking(checks: Sequence[Callable[[], Awaitable[None]]], clock: Clock) -> None:
    """Ask every check again each hour, for ever; one that cannot be asked, each minute."""
    while True:
        await clock.sleep(GATES_S)
        for check in checks:
            while True:
                try:
                    await check()
                    break
                except StoreError as error:
                    log.warning("gate unanswered", error=str(error)[:300])
                    await clock.sleep(GATE_AGAIN_S)


class AccountState(Protocol):
    """What a venue says about whether this account may open positions."""

    @property
    def is_region_blocked(self) -> bool: ...

    @property
    def is_closed_only(self) -> bool: ...

    @property
    def missing_allowances(self) -> tuple[str, ...]: ...


def account_check(
    read_state: Callable[[], Awaitable[AccountState]],
    clock: Clock,
    sink: Callable[[EventBody], None],
) -> Callable[[], Awaitable[None]]:
    """Return a check that asks the venue itself whether our account may open (F-049)."""

    async def check() -> None:
        state = await read_state()
        missing = state.missing_allowances
        log.info(
            "account",
            blocked=state.is_region_blocked,
            closed_only=state.is_closed_only,
            missing_allowances=list(missing),
        )
        if state.is_region_blocked:
            _halt(Venue.POLYMARKET, "the venue refuses this address", clock, sink)
        elif state.is_closed_only:
            _halt(Venue.POLYMARKET, "the venue refuses this account: closing only", clock, sink)
        elif missing:
            names = ", ".join(missing)
            _halt(Venue.POLYMARKET, f"the wallet gives no allowance to {names}", clock, sink)

    return check
