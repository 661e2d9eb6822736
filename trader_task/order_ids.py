"""The venue's ids of orders, by attempt: kept on this machine before an answer is passed on.

Polymarket US carries no id of ours, so that an order whose id was lost can be asked about
by nothing. The record's own row of an attempt lags the wire; this file does not.
Twin: tests/unit/trader_task/test_order_ids.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from shared.domain.enums import Venue
from shared.domain.ids import AttemptId
from trader_task.durable_log import DurableLog

log = structlog.get_logger("order_ids")

FILE: Final = "order_ids.jsonl"
KEPT_MAX: Final = 50_000
"""More than this and the file begins anew with the newest: old packages have ended."""


class OrderIds:
    """Attempt -> order id, fsynced one by one. A damaged tail loses its last ids, no others."""

    def __init__(self, directory: Path) -> None:
        self._log = DurableLog(directory, FILE)

    def read(self) -> dict[AttemptId, str]:
        """Return every id that was kept; blocking."""
        found = self._log.read()
        known = {AttemptId(str(r["attempt_id"])): str(r["order_id"]) for r in found.records}
        if found.damage or len(known) > KEPT_MAX:
            # Nothing behind a bad line is ever read: the good ones begin a new file.
            log.warning("order ids rewritten", damage=found.damage, ids=len(known))
            newest = list(known.items())[-(KEPT_MAX // 2) :]
            self._log.clear(found.size, keep_as=f"{FILE}.damaged" if found.damage else "")
            if newest:
                self._log.append([{"attempt_id": a, "order_id": o} for a, o in newest])
        return known

    async def keep(self, attempt_id: AttemptId, order_id: str) -> None:
        """Store one id; a disk that refuses is said and does not hide the answer."""
        assert attempt_id and order_id
        row = {"attempt_id": str(attempt_id), "order_id": order_id}
        try:
            await asyncio.to_thread(self._log.append, [row])
        except OSError as error:
            log.error("order id not kept", order_id=order_id, error=str(error))


def is_us_order(row: Mapping[str, Any]) -> bool:
    """Say whether a row of the record is an order at Polymarket US whose id is known."""
    return bool(row.get("order_id")) and row.get("venue") == Venue.POLYMARKET_US.value
