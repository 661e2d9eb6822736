"""How far the record once reached, remembered outside it (F-080).

A database restored from an old backup looks perfectly sound from within. The highest
package number that was ever committed is therefore kept among the live flags as well: a
record that ends below it has lost its tail. The mark follows the record, never leads it,
so that no crash makes it say more than was stored.
Twin: tests/unit/trader_task/test_record_mark.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from shared.contracts.names import RECORD_POINTER_PK
from shared.ports.stores import LiveFlags

log = structlog.get_logger("record_mark")

Loaded = Mapping[str, Sequence[Mapping[str, Any]]]


class RecordMark:
    """Reads the mark once at start and moves it on; ``highest`` says what is committed now."""

    def __init__(self, flags: LiveFlags, highest: Callable[[], int]) -> None:
        self._flags = flags
        self._highest = highest
        self._written = 0

    async def compare(self, loaded: Loaded) -> tuple[int, str]:
        """Return the number to count on from, and what is wrong with the record ("" nothing).

        Counting goes on above the mark, so that no number is ever given twice (I-26).
        Raises StoreError when the flags cannot be read: recovery asks again.
        """
        numbers = [int(row["number"]) for row in loaded.get("package_number", ())]
        stored = max(numbers, default=0)
        mark = await asyncio.to_thread(self._flags.get_pointer, RECORD_POINTER_PK) or 0
        self._written = mark
        if mark <= stored:
            return stored, ""
        damage = f"the record ends at package {stored}, but package {mark} was committed once"
        return mark, damage

    async def follow(self) -> None:
        """Write the mark when it moved; a failure costs nothing but the next second's try."""
        highest = self._highest()
        if highest <= self._written:
            return
        try:
            await asyncio.to_thread(self._flags.put_pointer, RECORD_POINTER_PK, highest)
        except Exception as error:  # the flags are away: the next second tries again
            log.warning("mark not written", error=str(error)[:300])
            return
        self._written = highest
