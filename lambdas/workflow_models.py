"""What the steps of the state machine ``matching`` pass to each other, checked at the edge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import zstandard
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from shared.domain.enums import Venue
from shared.domain.errors import DomainError

RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]{1,80}$")]
"""Name of the execution; parts of object names, so nothing else is let in."""
ChunkKey = Annotated[
    str, StringConstraints(pattern=r"^matching/[A-Za-z0-9_\-]{1,80}/candidates-\d{5}\.json\.zst$")
]
Step = TypeVar("Step", bound=BaseModel)


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    run_id: RunId


class ReadVenue(_Step):
    """``sync_catalog``; without a venue it answers which venues there are to read."""

    venue: Venue | None = None


class FindCandidates(_Step):
    """``find_candidates``."""


class RankChunk(_Step):
    """``rank_candidate``."""

    key: ChunkKey


class RankedChunk(BaseModel):
    """How the judging of one chunk ended; ``key`` and ``error`` of one that failed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    state: Literal["ranked", "failed"]
    key: str = ""
    error: str = ""


class ConfirmPairs(_Step):
    """``confirm_pairs``."""

    ranked: list[RankedChunk] = []
    """One entry a chunk."""

    @property
    def failed(self) -> int:
        """Chunks that no ranker judged."""
        return sum(chunk.state == "failed" for chunk in self.ranked)


def read_step(kind: type[Step], event: dict[str, Any]) -> Step:
    """Raises DomainError with the fields that are wrong; never with their values."""
    try:
        return kind.model_validate(event)
    except ValidationError as error:
        fields = sorted({".".join(map(str, e["loc"])) or "event" for e in error.errors()})
        raise DomainError(f"{kind.__name__}: wrong {', '.join(fields)}") from None


def chunk_name(run_id: str, number: int) -> str:
    return f"matching/{run_id}/candidates-{number:05d}.json.zst"


def pack(rows: Sequence[Any]) -> bytes:
    """Return rows as a compressed object: runs are many, and their rows repeat each other."""
    return zstandard.ZstdCompressor(level=3).compress(json.dumps(rows).encode())


def unpack(blob: bytes) -> list[Any]:
    rows = json.loads(zstandard.ZstdDecompressor().decompress(blob))
    assert isinstance(rows, list)
    return rows


def judged_name(key: str) -> str:
    """Return where the judgements of a chunk are kept."""
    assert "/candidates-" in key
    return key.replace("/candidates-", "/judged-")


def judged_prefix(run_id: str) -> str:
    return f"matching/{run_id}/judged-"
