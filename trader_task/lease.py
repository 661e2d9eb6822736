"""Exactly one trader trades: a 30 s lease judged by the monotonic clock alone.

Our lease ends 30 s after the *beginning* of the last renewal that succeeded, so a slow
store can only shorten it. A successor counts 35 s from the last renewal that it saw, by
its own clock, and does not wait after a clean release, nor when the supervisor that
started it saw the former holder exit. Lease epoch and fencing number are one number: when
Postgres knows a higher one, the lease is taken again above it (I-06, F-073).
Twin: tests/unit/trader_task/test_lease.py
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import structlog

from shared.domain.errors import FencedError, StoreError
from shared.domain.events import EventBody, LeaseSeen
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.stores import Journal, Lease, LiveFlags
from trader_task.gate import Permission

log = structlog.get_logger("lease")

LEASE_NS: Final = 30 * NS_PER_S
RENEW_S: Final = 2.0
TAKEOVER_NS: Final = 35 * NS_PER_S
POLL_S: Final = 1.0
CALL_LIMIT_S: Final = 5.0
RETRY_MAX_S: Final = 30.0
RELEASE_TRIES: Final = 2


T = TypeVar("T")


class LeaseLost(Exception):
    """Somebody else holds the lease; this process must not trade again."""


class LeaseKeeper:
    """Takes, renews and releases the lease; ``sink`` hears LeaseSeen, ``permission`` the end.

    ``holder`` names the supervisor that started us, so that a predecessor with the same
    holder is one of its children; ``is_handover`` says that it saw that child exit.
    """

    def __init__(
        self,
        flags: LiveFlags,
        journal: Journal,
        clock: Clock,
        permission: Permission,
        *,
        holder: str,
        build: str,
        sink: Callable[[EventBody], None],
    ) -> None:
        self._flags = flags
        self._journal = journal
        self._clock = clock
        self._permission = permission
        self._holder = holder
        self._build = build
        self._sink = sink
        self._lease: Lease | None = None
        self._is_silent = False
        self.renewals = 0
        self.failures = 0
        self.last_error = ""

    @property
    def epoch(self) -> int:
        assert self._lease is not None, "no lease was taken"
        return self._lease.epoch

    async def take(self, *, is_handover: bool, versions: Mapping[str, str]) -> int:
        """Wait until the lease may be taken, take it, raise the fencing number to it.

        Returns the epoch. Retries a store that does not answer after 1 → 30 s for ever:
        without the lease there is nothing else to do.
        """
        pause = 1.0
        while True:
            try:
                seen = await self._wait_until_free(is_handover)
                begun = self._clock.mono_ns()
                lease = await self._call(self._flags.take_lease, seen, self._holder, self._build, 1)
                epoch = await self._journal.take_fencing(lease.epoch, self._holder, versions)
                while epoch != lease.epoch:
                    # The live store forgot (it may be rebuilt): go above what Postgres knows.
                    assert epoch > lease.epoch, (epoch, lease.epoch)
                    begun = self._clock.mono_ns()
                    lease = await self._call(
                        self._flags.take_lease, lease, self._holder, self._build, epoch + 1
                    )
                    epoch = await self._journal.take_fencing(lease.epoch, self._holder, versions)
            except FencedError:
                raise
            except Exception as error:  # a store is away or somebody was faster
                self.last_error = str(error)
                log.warning("lease not taken", error=str(error), retry_s=pause)
                await self._clock.sleep(pause)
                pause = min(pause * 2, RETRY_MAX_S)
                continue
            self._lease = lease
            self._hold_from(begun)
            log.info("lease taken", epoch=lease.epoch, handover=is_handover)
            return lease.epoch

    async def _wait_until_free(self, is_handover: bool) -> Lease | None:
        """Return the lease as last seen once it may be taken over."""
        seen = await self._call(self._flags.read_lease)
        seen_at = self._clock.mono_ns()
        while seen is not None and not seen.is_released:
            if is_handover and seen.holder == self._holder:
                return seen
            waited = self._clock.mono_ns() - seen_at
            if waited >= TAKEOVER_NS:
                return seen
            log.info("lease held by another", holder=seen.holder, waited_s=waited // NS_PER_S)
            await self._clock.sleep(POLL_S)
            now = await self._call(self._flags.read_lease)
            if now is None or now.nonce != seen.nonce:
                seen, seen_at = now, self._clock.mono_ns()
        return seen

    async def keep(self) -> None:
        """Renew every two seconds until cancelled.

        Raises:
            LeaseLost: another holder was seen.
        """
        while True:
            await self._clock.sleep(RENEW_S)
            await self.renew_once()

    async def renew_once(self) -> None:
        """One renewal; on failure the lease simply runs out by the clock."""
        assert self._lease is not None
        begun = self._clock.mono_ns()
        try:
            self._lease = await self._call(self._flags.renew_lease, self._lease)
        except Exception as error:  # fail closed: the old end of the lease stays
            self.failures += 1
            self.last_error = str(error)
            log.warning("lease not renewed", error=str(error))
            await self._look_for_another()
            if self._clock.mono_ns() >= self._permission.lease_until_mono_ns:
                self._say(0)
            return
        self.renewals += 1
        self._hold_from(begun)

    async def _look_for_another(self) -> None:
        """Tell a store that is away from a holder that is not us."""
        assert self._lease is not None
        try:
            seen = await self._call(self._flags.read_lease)
        except Exception:  # the store is away: the clock decides
            return
        if seen is None or seen.holder != self._lease.holder or seen.epoch != self._lease.epoch:
            self._permission.lease_until_mono_ns = 0
            self._say(0)
            raise LeaseLost(f"held by {seen.holder if seen else 'nobody'} now")
        # Ours after all: an answer to a renewal was lost, so the nonce moved on.
        self._lease = seen

    def stop_openings(self) -> None:
        """Shut-down: what is left of the lease is only long enough to reduce."""
        self._is_silent = True
        short = self._clock.mono_ns() + 19 * NS_PER_S
        self._sink(LeaseSeen(self.epoch, min(short, self._permission.lease_until_mono_ns)))

    async def release(self) -> None:
        """Give the lease back, last of all; a successor then needs not wait."""
        if self._lease is None:
            return
        self._permission.lease_until_mono_ns = 0
        self._permission.is_passive = True
        for _ in range(RELEASE_TRIES):
            try:
                await self._call(self._flags.release_lease, self._lease)
                log.info("lease released", epoch=self._lease.epoch)
                return
            except Exception as error:  # a successor waits 35 s instead
                log.warning("lease not released", error=str(error))
                # A renewal that was under way when we stopped moved the nonce on.
                with contextlib.suppress(LeaseLost):
                    await self._look_for_another()

    def _hold_from(self, begun_mono_ns: int) -> None:
        self._permission.lease_until_mono_ns = begun_mono_ns + LEASE_NS
        self._say(begun_mono_ns + LEASE_NS)

    def _say(self, until_mono_ns: int) -> None:
        if not self._is_silent and self._lease is not None:
            self._sink(LeaseSeen(self._lease.epoch, until_mono_ns))

    async def _call(self, call: Callable[..., T], *arguments: object) -> T:
        """Run a store call in a thread, bounded in time."""
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                return await asyncio.to_thread(call, *arguments)
        except TimeoutError:
            raise StoreError(f"no answer in {CALL_LIMIT_S:.0f} s") from None
