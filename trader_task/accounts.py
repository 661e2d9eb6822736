"""Reading our accounts at the venues: snapshots every few seconds, payouts as they come.

A read that is not complete is no read (F-065): it is counted and asked again, later and
later, and the kernel judges the age of the last good one. Payouts are asked from a sliding
start, repeats are fine: the kernel posts each reference once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from shared.domain.enums import Venue
from shared.domain.events import AccountSnapshot, EventBody
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Account

log = structlog.get_logger("accounts")

SNAPSHOT_S: Final = 5.0
PAYOUTS_S: Final = 3.0
READ_LIMIT_S: Final = 20.0
RETRY_MAX_S: Final = 30.0
PAYOUT_OVERLAP_NS: Final = 3_600 * NS_PER_S
"""Venues post settlements late and out of order; an hour of overlap costs one page."""


class Accounts:
    """Polls the accounts of every venue and puts what it read."""

    def __init__(
        self,
        accounts: Mapping[Venue, Account],
        clock: Clock,
        sink: Callable[[EventBody], None],
        payouts_since_ns: int,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._sink = sink
        self._since_ns = dict.fromkeys(accounts, payouts_since_ns)
        self.failures = dict.fromkeys(accounts, 0)

    async def read_snapshot(self, venue: Venue) -> AccountSnapshot | None:
        """Read one account to the last page and put it; None when it could not be read."""
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                snapshot = await self._accounts[venue].fetch_snapshot()
        except Exception as error:  # incomplete, refused or unreadable: no verdict from it
            self._failed(venue, "snapshot", error)
            return None
        assert snapshot.venue is venue, snapshot.venue
        self.failures[venue] = 0
        self._sink(snapshot)
        return snapshot

    async def read_payouts(self, venue: Venue) -> bool:
        """Read settlements credited lately and put them; False when they could not be read."""
        begun = self._clock.wall_ns()
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                payouts = await self._accounts[venue].fetch_payouts(self._since_ns[venue])
        except Exception as error:  # asked again from the same start
            self._failed(venue, "payouts", error)
            return False
        for payout in payouts:
            self._sink(payout)
        self._since_ns[venue] = max(self._since_ns[venue], begun - PAYOUT_OVERLAP_NS)
        return True

    async def follow(self, venue: Venue) -> None:
        """Poll snapshots and payouts of one venue until cancelled."""
        due_snapshot = due_payouts = 0.0
        elapsed = 0.0
        while True:
            is_ok = True
            if elapsed >= due_snapshot:
                is_ok = await self.read_snapshot(venue) is not None
                due_snapshot = elapsed + SNAPSHOT_S
            if elapsed >= due_payouts:
                is_ok = await self.read_payouts(venue) and is_ok
                due_payouts = elapsed + PAYOUTS_S
            pause = 1.0 if is_ok else min(2.0 ** min(self.failures[venue], 5), RETRY_MAX_S)
            await self._clock.sleep(pause)
            elapsed += pause

    def _failed(self, venue: Venue, what: str, error: Exception) -> None:
        self.failures[venue] += 1
        name = f"{type(error).__name__}: {error}"
        log.warning("account unreadable", venue=venue.value, what=what, error=name[:300])
