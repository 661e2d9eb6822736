"""Questions that must be answered before opening, asked at start-up and every hour.

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


def _halt_polymarket(
    note: str, clock: Clock, sink: Callable[[EventBody], None], source: str = "start"
) -> None:
    halt = Halt(
        "venue:polymarket", HaltReason.ACCOUNT_RESTRICTED, source, clock.wall_ns(), note=note
    )
    sink(HaltTaken(halt))


def jurisdiction_check(
    jurisdiction: str, clock: Clock, sink: Callable[[EventBody], None]
) -> Callable[[], Awaitable[None]]:
    """Return a check that refuses the international book to an operator in the US."""

    async def check() -> None:
        log.info("jurisdiction", code=jurisdiction or "not stated")
        if jurisdiction == "US":
            _halt_polymarket(
                "an operator in the US may not trade the international book: "
                "only Polymarket US is open to you",
                clock,
                sink,
            )

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
            _halt_polymarket("the venue refuses this address", clock, sink)

    return check


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
            _halt_polymarket("the venue refuses this address", clock, sink)
        elif state.is_closed_only:
            _halt_polymarket("the venue refuses this account: closing only", clock, sink)
        elif missing:
            names = ", ".join(missing)
            _halt_polymarket(f"the wallet gives no allowance to {names}", clock, sink)

    return check
