"""Reads what one venue lists into the record, a part of it at a time; a step of ``matching``."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from lambdas.workflow_models import ReadVenue, read_step
from shared.domain.enums import Venue
from shared.domain.errors import DomainError
from shared.domain.units import NS_PER_S
from shared.services import catalogue

NS_PER_MS: Final = 1_000_000
RUN_LEASE_NS: Final = 600 * NS_PER_S
"""No second run begins while one is under way; a failed one is waited out so long."""
SHARE_PERCENT: Final = 60
"""Of the time left, so that the batch under way always gets stored."""


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return what was read (``state`` is ``more`` when the listing goes on), or the venues.

    Raises StoreError or WireError when the venue or the record failed: the state machine
    tries again, and the crawl goes on where it stopped.
    """
    step = read_step(ReadVenue, event)
    is_ours = bootstrap.crawling().record.keep_run(step.run_id, time.time_ns(), RUN_LEASE_NS)
    if step.venue is None:
        second = bootstrap.settings().second_venue
        return {"venues": [Venue.KALSHI.value, second.value], "is_busy": not is_ours}
    budget_ns = context.get_remaining_time_in_millis() * NS_PER_MS * SHARE_PERCENT // 100
    return asyncio.run(_read(step, budget_ns))


async def _read(step: ReadVenue, budget_ns: int) -> dict[str, Any]:
    parts = bootstrap.crawling()
    async with bootstrap.catalogue_sources() as sources:
        source = next((s for s in sources if s.venue is step.venue), None)
        if source is None:
            raise DomainError(f"{step.venue} is not a venue of this operator")
        report = await catalogue.sync(
            source,
            parts.catalogue,
            parts.record,
            run_id=step.run_id,
            now=time.time_ns,
            archive=parts.objects,
            budget_ns=budget_ns,
        )
    logger.info("catalogue read", extra=asdict(report))
    return asdict(report)
