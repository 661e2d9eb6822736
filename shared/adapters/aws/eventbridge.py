"""Decision events to EventBridge behind the port EventBus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from shared.adapters.aws.clients import as_store_error, make_client
from shared.contracts import names
from shared.contracts.events_v1 import SOURCE
from shared.domain.errors import StoreError
from shared.domain.units import NS_PER_S

_BATCH: Final = 10
"""Most entries that one call takes."""


class EventBridgeBus:
    """Port ``EventBus``; detail-type is the decision's kind."""

    def __init__(self, stage: str, *, client: Any = None) -> None:
        self._bus = names.bus(stage)
        self._client = client or make_client("events")

    def put_events(self, details: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(details), _BATCH):
            entries = [self._entry(detail) for detail in details[start : start + _BATCH]]
            with as_store_error("decision bus"):
                answer = self._client.put_events(Entries=entries)
            failed = int(answer.get("FailedEntryCount", 0))
            if failed:
                codes = {e["ErrorCode"] for e in answer.get("Entries", []) if "ErrorCode" in e}
                said = ", ".join(sorted(codes)) or "unknown"
                raise StoreError(f"decision bus: {failed} of {len(entries)} not taken ({said})")

    def _entry(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "Source": SOURCE,
            "DetailType": str(detail.get("kind", "decision")),
            "Detail": json.dumps(dict(detail)),
            "EventBusName": self._bus,
        }
        wall_ns = detail.get("wall_ns")
        if isinstance(wall_ns, int) and wall_ns > 0:
            entry["Time"] = datetime.fromtimestamp(wall_ns // NS_PER_S, UTC)
        return entry
