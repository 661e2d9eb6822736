"""Judges one chunk of candidate pairs by rules and ranker; a step of ``matching``."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from lambdas.once import once
from lambdas.workflow_models import RankChunk, judged_name, pack, read_step, unpack
from shared.domain.enums import Verdict
from shared.domain.errors import StoreError
from shared.domain.ids import MarketId
from shared.services import configuration, matching


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return where the judgements are kept and how many pairs were judged."""
    step = read_step(RankChunk, event)
    return once("rank", step.key, context, lambda: asyncio.run(_rank(step)))


async def _rank(step: RankChunk) -> dict[str, Any]:
    """A configuration that cannot be read judges nothing."""
    if not step.key.startswith(f"matching/{step.run_id}/"):
        raise StoreError("the chunk belongs to another run")
    parts = bootstrap.crawling()
    accept = configuration.load(parts.configs).llm_accept_score_ppm
    pairs = [(MarketId(a), MarketId(b)) for a, b in unpack(parts.objects.get(step.key))]
    rows = await matching.rank(
        parts.catalogue,
        pairs,
        parts.record.list_rulings(),
        time.time_ns(),
        accept_score_ppm=accept,
        ranker=bootstrap.ranker(),
        needs_opinion=bootstrap.settings().needs_opinion,
    )
    # Most candidates are rejected, and one that never had a verdict needs none.
    known = parts.catalogue.known_pairs([str(row["id"]) for row in rows])
    kept = [r for r in rows if r["verdict"] != Verdict.REJECTED.value or r["id"] in known]
    parts.objects.put(judged_name(step.key), pack(kept))
    logger.info("chunk judged", extra={"key": step.key, "pairs": len(rows)})
    return {"key": judged_name(step.key), "pairs": len(rows)}
