"""Reads the venues' fees again and tells the trader at once when a formula changed."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from shared.contracts.events_v1 import ControlCommand
from shared.domain.errors import StoreError, WireError
from shared.services import fee_refresh


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the changes by venue; raises StoreError when no venue could be read."""
    return asyncio.run(refresh_all())


async def refresh_all() -> dict[str, Any]:
    """The record first, then the command: a crash between is healed by the trader's poll."""
    parts = bootstrap.matching()
    changed: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    now_ns = time.time_ns()
    async with bootstrap.catalogue_sources() as sources:
        for source in sources:
            venue = source.venue.value
            try:
                report = await fee_refresh.refresh(source, parts.catalogue, now_ns)
            except (StoreError, WireError) as error:
                failed[venue] = str(error)
                logger.error("fees not read", extra={"venue": venue, "why": str(error)})
                continue
            changed[venue] = [change.market_id for change in report.changes]
            logger.info("fees read", extra={"venue": venue, "report": str(report)})
            if report.changes:
                parts.commands.send(fees_changed(venue, changed[venue], now_ns))
    if not changed:
        raise StoreError(f"no venue's fees could be read: {failed}")
    return {"changed": changed, "failed": failed}


def fees_changed(venue: str, markets: list[str], now_ns: int) -> ControlCommand:
    """Return the command that makes the trader read the instruments again."""
    return ControlCommand(
        command_id=str(uuid.uuid4()),
        kind="fees_changed",
        scope=f"venue:{venue}",
        reason=f"fees of {len(markets)} markets changed",
        actor="refresh_fees",
        issued_at=now_ns,
        payload={"markets": ", ".join(markets[:20]), "count": len(markets)},
    )
