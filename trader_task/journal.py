"""Intent before bytes: the commit of an envelope, bounded in time.

Every ``CommitEnvelope`` gets exactly one answer. An opening whose commit is not known to
be durable in time is aborted, and should the commit succeed later it is voided; nothing of
it was sent (F-077, F-079). An extension of an open package only reduces: with Postgres
away the fsynced spill counts as its commit (F-078).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from shared.domain.commands import CommitEnvelope
from shared.domain.errors import FencedError, JournalError
from shared.ports.stores import Journal
from trader_task.envelopes import Envelopes
from trader_task.writer import RecordWriter

log = structlog.get_logger("journal")

OPENING_LIMIT_S: Final = 0.095
"""A little below the 100 ms that a package may spend in PLANNED."""
EXTENSION_LIMIT_S: Final = 0.050
"""Exposure runs while an extension commits, so the disk takes over early."""

Row = Mapping[str, Any]


class EnvelopeJournal:
    """Commits envelopes for one trader and tells the register what is durable."""

    def __init__(
        self,
        journal: Journal,
        writer: RecordWriter,
        envelopes: Envelopes,
        on_fenced: Callable[[str], None],
        *,
        opening_limit_s: float = OPENING_LIMIT_S,
        extension_limit_s: float = EXTENSION_LIMIT_S,
    ) -> None:
        self._journal = journal
        self._writer = writer
        self._envelopes = envelopes
        self._on_fenced = on_fenced
        self._opening_limit_s = opening_limit_s
        self._extension_limit_s = extension_limit_s
        self._late: set[asyncio.Task[str | None]] = set()

    async def commit(self, command: CommitEnvelope, attempts: Sequence[Row]) -> str | None:
        """Make the envelope durable; returns None, or why it must be treated as not stored.

        ``attempts`` are the command's rows with ``order_hash`` filled in.
        """
        if self._writer.is_fenced:
            return "fenced: a newer trader owns the journal"
        if self._writer.is_down:
            if not command.is_extension:
                return "the journal is down"
            return await self._spill(command, attempts, "the journal is down")
        limit = self._extension_limit_s if command.is_extension else self._opening_limit_s
        task = asyncio.create_task(self._store(command, attempts))
        done, _ = await asyncio.wait({task}, timeout=limit)
        if done:
            reason = task.result()
            if reason is None:
                self._envelopes.add(command.package, attempts)
            elif command.is_extension and not self._writer.is_fenced:
                return await self._spill(command, attempts, reason)
            elif not self._writer.is_fenced:
                self._void_later(asyncio.create_task(_value(None)), command, reason)
            return reason
        reason = f"no commit in {limit * 1000:.0f} ms"
        if command.is_extension:
            self._keep(task)
            return await self._spill(command, attempts, reason)
        self._void_later(task, command, reason)
        return reason

    async def _store(self, command: CommitEnvelope, attempts: Sequence[Row]) -> str | None:
        """Run the transaction; returns None or the reason of its failure, never raises."""
        self._writer.commit_began()
        try:
            await self._journal.commit_envelope(command.package, attempts, self._writer.fencing)
        except FencedError as error:
            self._writer.is_fenced = True
            self._on_fenced(str(error))
            return f"fenced: {error}"
        except JournalError as error:
            return str(error)
        except Exception as error:  # an adapter's bug must abort the package, not the trader
            log.exception("commit raised")
            return f"{type(error).__name__}: {error}"
        finally:
            self._writer.commit_ended()
        return None

    async def _spill(
        self, command: CommitEnvelope, attempts: Sequence[Row], reason: str
    ) -> str | None:
        """Let the disk commit an extension; the rows are upserted when Postgres is back."""
        assert command.is_extension
        unit = (("packages", (command.package,)), ("orders", tuple(attempts)))
        try:
            await self._writer.spill_now(f"{reason} (extension)", unit)
        except OSError as error:
            return f"neither Postgres ({reason}) nor disk ({error}) took the extension"
        self._envelopes.add(command.package, attempts)
        return None

    def _void_later(
        self, commit: asyncio.Task[str | None], command: CommitEnvelope, reason: str
    ) -> None:
        """Void what a late or doubtful commit may have stored; nothing of it was sent."""
        self._keep(asyncio.create_task(self._void(commit, command, reason)))

    async def _void(
        self, commit: asyncio.Task[str | None], command: CommitEnvelope, reason: str
    ) -> str | None:
        await commit
        for delay in (0.0, 1.0, 5.0, 30.0):
            await asyncio.sleep(delay)
            try:
                await self._journal.void_envelope(command.package_id, reason, self._writer.fencing)
                return None
            except FencedError:
                return None
            except JournalError as error:
                log.info("void postponed", package=command.package_id, reason=str(error))
        # Recovery finds it: its ids are asked on both venues and prove absent.
        log.warning("orphan envelope left to recovery", package=command.package_id)
        return None

    def _keep(self, task: asyncio.Task[str | None]) -> None:
        self._late.add(task)
        task.add_done_callback(self._late.discard)


async def _value(value: str | None) -> str | None:
    return value
