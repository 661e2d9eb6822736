"""Questions that must be answered before opening, asked once at start-up.

A question that cannot be asked keeps recovery waiting (fail closed); an answer that
forbids trading becomes a halt of that venue, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import httpx
import structlog

from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import EventBody, Halt, HaltTaken
from shared.ports.clock import Clock

log = structlog.get_logger("start")


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
            note = "the venue refuses this address"
            wall = clock.wall_ns()
            reason = HaltReason.ACCOUNT_RESTRICTED
            sink(HaltTaken(Halt("venue:polymarket", reason, "start", wall, note=note)))

    return check


class AccountState(Protocol):
    """What a venue says about whether this account may open positions."""

    @property
    def is_region_blocked(self) -> bool: ...

    @property
    def is_closed_only(self) -> bool: ...


def account_check(
    read_state: Callable[[], Awaitable[AccountState]],
    clock: Clock,
    sink: Callable[[EventBody], None],
) -> Callable[[], Awaitable[None]]:
    """Return a check that asks the venue itself whether our account may open (F-049)."""

    async def check() -> None:
        state = await read_state()
        log.info("account", blocked=state.is_region_blocked, closed_only=state.is_closed_only)
        if state.is_region_blocked or state.is_closed_only:
            what = "this address" if state.is_region_blocked else "this account: closing only"
            note = f"the venue refuses {what}"
            wall = clock.wall_ns()
            reason = HaltReason.ACCOUNT_RESTRICTED
            sink(HaltTaken(Halt("venue:polymarket", reason, "start", wall, note=note)))

    return check
