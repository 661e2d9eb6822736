"""Notices when a venue changes what it publishes about its interface, and says so.

Schemas and changelogs are read a few times a day, hashed, and compared with the last
reading. A change is an alert with the lines that came and went; words that our adapters
rely on and that are no longer there are a louder one, also at the very first reading.
A document that cannot be read for a week is an alert too: silence proves nothing.
Twin: tests/unit/shared/services/test_drift_watch.py
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.errors import StoreError
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.documents import (
    DocumentMemory,
    DocumentSource,
    SeenDocument,
    WatchedDocument,
)

EVERY_S: Final = 6 * 3_600.0
UNREAD_NS: Final = 7 * 86_400 * NS_PER_S
LINES_SHOWN: Final = 3
LINE_CHARS: Final = 100

log = logging.getLogger("twinleg.drift")


@dataclass(frozen=True, slots=True)
class Drift:
    """One alert. ``severity`` is p2 (relied on and gone) or p3 (changed, or unread)."""

    document: str
    severity: str
    text: str


class DriftWatch:
    """Reads every watched document in turn; ``look`` once, ``run`` for ever."""

    def __init__(
        self,
        documents: Sequence[WatchedDocument],
        source: DocumentSource,
        memory: DocumentMemory,
        clock: Clock,
    ) -> None:
        assert len({d.key for d in documents}) == len(documents), "each document once"
        self._documents = tuple(documents)
        self._source, self._memory, self._clock = source, memory, clock
        self._started_wall_ns = clock.wall_ns()
        self._said_unread: set[str] = set()

    async def run(self, report: Callable[[Drift], None]) -> None:
        """Look at once and every six hours, until cancelled."""
        while True:
            for drift in await self.look():
                report(drift)
            await self._clock.sleep(EVERY_S)

    async def look(self) -> list[Drift]:
        """Read every document once; what cannot be read is left for the next time."""
        found: list[Drift] = []
        for document in self._documents:
            try:
                text = await self._source.fetch(document.url)
                # Megabytes are hashed, compared and written: not in the loop of the trader.
                found += await asyncio.to_thread(self._compare, document, text)
                self._said_unread.discard(document.key)
            except StoreError as error:
                log.warning("document %s unread: %s", document.key, error)
                found += self._unread(document)
        return found

    def _compare(self, document: WatchedDocument, text: str) -> list[Drift]:
        now = self._clock.wall_ns()
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        before = self._memory.load(document.key)
        self._memory.save(document.key, SeenDocument(digest, text, now))
        if before is not None and before.sha256 == digest:
            return []
        found = []
        had = [word for word in document.relied_on if before is None or word in before.text]
        if gone := [word for word in had if word not in text]:
            words = ", ".join(gone)
            found.append(Drift(document.key, "p2", f"no longer mentions what we use: {words}"))
        if before is not None:
            found.append(Drift(document.key, "p3", f"changed: {summarise(before.text, text)}"))
        return found

    def _unread(self, document: WatchedDocument) -> list[Drift]:
        before = self._memory.load(document.key)
        since = before.read_wall_ns if before is not None else self._started_wall_ns
        if document.key in self._said_unread or self._clock.wall_ns() - since < UNREAD_NS:
            return []
        self._said_unread.add(document.key)
        return [Drift(document.key, "p3", "not readable for a week: changes go unnoticed")]


def summarise(before: str, after: str) -> str:
    """Return which lines came and went, a few of each, as safe text of bounded length.

    >>> summarise("a: 1\\nb: 2", "a: 1\\nb: 3")
    '1 line came (b: 3), 1 line went (b: 2)'
    """
    old, new = Counter(before.splitlines()), Counter(after.splitlines())
    came, went = list((new - old).elements()), list((old - new).elements())
    return f"{_words(came, 'came')}, {_words(went, 'went')}"


def _words(lines: Sequence[str], verb: str) -> str:
    kept = [" ".join(line.split())[:LINE_CHARS] for line in lines if line.strip()]
    shown = "; ".join("".join(c if c.isprintable() else "?" for c in k) for k in kept[:LINES_SHOWN])
    count = f"{len(lines)} line{'' if len(lines) == 1 else 's'} {verb}"
    return f"{count} ({shown})" if shown else count
