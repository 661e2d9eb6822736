"""Names the pairs worth comparing, in chunks kept as objects; a step of ``matching``."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from lambdas.once import once
from lambdas.workflow_models import FindCandidates, chunk_name, pack, read_step
from shared.domain.enums import Venue
from shared.services import matching

CHUNK: Final = 500
"""Pairs that one invocation of ``rank_candidate`` judges."""


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the names of the chunks and how many pairs are in them."""
    step = read_step(FindCandidates, event)
    return once("find", step.run_id, context, lambda: _find(step.run_id))


def _find(run_id: str) -> dict[str, Any]:
    parts = bootstrap.crawling()
    venues = (Venue.KALSHI, bootstrap.settings().second_venue)
    embedder = bootstrap.embedder()
    found = matching.find(parts.catalogue, time.time_ns(), embedder=embedder, venues=venues)
    chunks: list[dict[str, str]] = []
    count = 0
    for number, chunk in enumerate(_chunks(found)):
        key = chunk_name(run_id, number)
        parts.objects.put(key, pack(chunk))
        chunks.append({"key": key})
        count += len(chunk)
    logger.info("candidates found", extra={"pairs": count, "chunks": len(chunks)})
    return {"pairs": count, "chunks": chunks}


def _chunks(found: Iterator[matching.Pair]) -> Iterator[list[matching.Pair]]:
    while chunk := list(itertools.islice(found, CHUNK)):
        yield chunk
