"""The live snapshot: whole, as the rows that changed, or 304.

The trader writes one whole snapshot a second. A warm function remembers the last few it
saw and answers ``since`` with the difference; where it does not know ``since`` it answers
whole, which is always right.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import zstandard

Snapshot = Mapping[str, Any]

REMEMBERED: Final = 16
BODY_MAX_BYTES: Final = 8 * 1024 * 1024
_KEY: Final = "pair_id"
_AGE: Final = "age_ms"
_REMOVED: Final = "removed"
_NS_PER_MS: Final = 1_000_000


@dataclass
class Recent:
    """The last few snapshots by ``seq``, oldest forgotten first."""

    kept: OrderedDict[int, Snapshot] = field(default_factory=OrderedDict)
    blobs: dict[int, bytes] = field(default_factory=dict)

    def decode(self, seq: int, blob: bytes) -> Snapshot:
        """Return the snapshot in a stored blob, decoded at most once.

        A number that is not the newest, or comes with another content, means that the
        numbering began anew (another trader, a restored store): nothing older is compared.
        """
        if self.blobs.get(seq) == blob:
            return self.kept[seq]
        if self.kept and seq <= max(self.kept):
            self.kept.clear()
            self.blobs.clear()
        raw = zstandard.ZstdDecompressor().decompress(blob, max_output_size=BODY_MAX_BYTES)
        document = json.loads(raw)
        assert isinstance(document, dict), "a snapshot is an object"
        self.kept[seq], self.blobs[seq] = document, blob
        while len(self.kept) > REMEMBERED:
            oldest, _ = self.kept.popitem(last=False)
            del self.blobs[oldest]
        return document

    def get(self, seq: int) -> Snapshot | None:
        return self.kept.get(seq)


def is_known(etag: str | None, seq: int) -> bool:
    """Return whether an If-None-Match header names ``seq``; quotes and W/ are optional."""
    if not etag:
        return False
    tags = (tag.strip().removeprefix("W/").strip('"') for tag in etag.split(","))
    return str(seq) in tags


def answer(now: Snapshot, before: Snapshot | None, now_ns: int) -> dict[str, Any]:
    """Return the body for a client that has ``before`` (None: it has nothing we know)."""
    age_ms = max(0, (now_ns - int(now["as_of_ns"])) // _NS_PER_MS)
    body = {**now, "trader_age_ms": age_ms, "is_delta": before is not None}
    if before is not None:
        body["edges"] = changed_rows(now["edges"], before["edges"])
    return body


def changed_rows(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns with the rows that changed, and which pairs left.

    A row changed when anything but its age did, or when its age fell: its books were
    proved again. Other rows only grow older, which a client can count by itself.
    """
    columns = [name for name in now if name != _REMOVED]
    here = {pair: index for index, pair in enumerate(now[_KEY])}
    there = {pair: index for index, pair in enumerate(before[_KEY])}
    compared = [name for name in columns if name not in (_KEY, _AGE)]
    rows = [
        index
        for pair, index in here.items()
        if pair not in there
        or _is_younger(now[_AGE][index], before[_AGE][there[pair]])
        or any(now[name][index] != before[name][there[pair]] for name in compared)
    ]
    picked: dict[str, Any] = {name: [now[name][index] for index in rows] for name in columns}
    picked[_REMOVED] = [pair for pair in there if pair not in here]
    return picked


def _is_younger(age: int | None, before: int | None) -> bool:
    if age is None or before is None:
        return age is not before
    return age < before
