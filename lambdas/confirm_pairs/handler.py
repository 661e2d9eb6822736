"""Runs the matching rules over the record and tells the trader when the set changed."""

from __future__ import annotations

import time
import uuid
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from shared.contracts.events_v1 import ControlCommand
from shared.contracts.names import PAIRS_POINTER_PK
from shared.services import configuration, matching

ACTOR = "rules"


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the counts by verdict and the version of the set.

    Order: the record first, then the pointer that the trader polls, then the command that
    only makes it look sooner. A crash in between is healed by the next run. A configuration
    that cannot be read confirms nothing.
    """
    parts = bootstrap.matching()
    now_ns = time.time_ns()
    accept = configuration.load(parts.configs).llm_accept_score_ppm
    second = parts.settings.second_venue
    report = matching.run(parts.catalogue, now_ns, accept_score_ppm=accept, second_venue=second)
    version, _pairs, _instruments = parts.catalogue.load_pair_set()
    is_new = parts.flags.get_pointer(PAIRS_POINTER_PK) != version
    if is_new:
        parts.flags.put_pointer(PAIRS_POINTER_PK, version)
        parts.commands.send(pairs_changed(version, now_ns))
    logger.info("matched", extra={"report": str(report), "version": version, "is_new": is_new})
    return {"report": str(report), "version": version, "is_new": is_new}


def pairs_changed(version: int, now_ns: int) -> ControlCommand:
    """Return the command that announces a version of the pair set."""
    return ControlCommand(
        command_id=str(uuid.uuid4()),
        kind="pairs_changed",
        scope="global",
        reason="matching",
        actor=ACTOR,
        issued_at=now_ns,
        payload={"version": version},
    )
