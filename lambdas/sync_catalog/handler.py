"""Reads what both venues list into the record; started by its clock."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from shared.domain.errors import StoreError, WireError
from shared.services import catalogue


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return what was read per venue. One venue's failure does not hide the other's markets.

    Raises StoreError when no venue could be read, so that the failure is counted as one.
    """
    return asyncio.run(sync_all())


async def sync_all() -> dict[str, Any]:
    store = bootstrap.catalogue_store()
    done: dict[str, Any] = {}
    failed: dict[str, str] = {}
    async with bootstrap.catalogue_sources() as sources:
        for source in sources:
            venue = source.venue.value
            try:
                report = await catalogue.sync(source, store, time.time_ns())
            except (StoreError, WireError) as error:
                failed[venue] = str(error)
                logger.error("catalogue not read", extra={"venue": venue, "why": str(error)})
            else:
                done[venue] = str(report)
                logger.info("catalogue read", extra={"venue": venue, "report": str(report)})
    if not done:
        raise StoreError(f"no venue's catalogue could be read: {failed}")
    return {"read": done, "failed": failed}
