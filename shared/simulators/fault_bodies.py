"""Bodies of listings as a fault leaves them: rows missing, fields gone or new. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

NEEDED: Final = (
    "ticker",
    "order_id",
    "trade_id",
    "conditionId",
    "asset_id",
    "asset",
    "id",
    "balance",
    "orderbook_fp",
    "bids",
    "as_of_time",
    "trade",
    "positions",
    "currentBalance",
)
"""Fields that a client cannot do without; the first one that an object has is taken away."""
TIMES: Final = (
    "created_time",
    "match_time",
    "created_at",
    "last_updated_ts",
    "as_of_time",
    "createTime",
    "updateTime",
)
INNER: Final = ("trade", "positionResolution")
"""Where an activity keeps what happened."""


def is_listing(body: bytes) -> bool:
    """Say whether a body is a JSON object or array."""
    return body[:1] in (b"{", b"[")


def _rows(document: Any) -> list[dict[str, Any]]:
    """Return the objects of every list at the top, or the document itself."""
    if isinstance(document, list):
        return [row for row in document if isinstance(row, dict)]
    lists = [value for value in document.values() if isinstance(value, list)]
    rows = [row for items in lists for row in items if isinstance(row, dict)]
    return rows or [document]


def change_schema(body: bytes, form: str) -> bytes:
    """Return a body with a field more in every object (extra) or a needed one less (gone)."""
    document = msgspec.json.decode(body)
    rows = _rows(document)
    if form == "extra":
        for row in [*rows, *([document] if isinstance(document, dict) else [])]:
            row["a_field_of_next_year"] = {"nested": [1, None, "x"]}
    else:
        for row in rows:
            key = next((name for name in NEEDED if name in row), None)
            if key is not None:
                del row[key]
    return msgspec.json.encode(document)


def time_of(row: dict[str, Any]) -> float | None:
    """Return the unix seconds of a record, None when it states none."""
    row = next((row[name] for name in INNER if isinstance(row.get(name), dict)), row)
    for name in TIMES:
        value = row.get(name)
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str) and value.isdigit():
            return float(value)
        if isinstance(value, str) and "T" in value:
            return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    return None


def cut_rows(body: bytes, edge_s: float, *, is_stale: bool) -> bytes:
    """Leave out the records younger than an edge (stale), or the older ones (shortened).

    A single ``as_of_time`` is moved back to the edge: the venue knows how far it lags.
    """
    document = msgspec.json.decode(body)
    if isinstance(document, dict) and "as_of_time" in document:
        if is_stale:
            moment = datetime.fromtimestamp(edge_s).astimezone()
            document["as_of_time"] = moment.isoformat(timespec="microseconds")
        return msgspec.json.encode(document)

    def stays(row: Any) -> bool:
        at = time_of(row) if isinstance(row, dict) else None
        return at is None or (at <= edge_s if is_stale else at > edge_s)

    if isinstance(document, list):
        return msgspec.json.encode([row for row in document if stays(row)])
    for name, value in document.items():
        if isinstance(value, list):
            document[name] = [row for row in value if stays(row)]
    return msgspec.json.encode(document)
