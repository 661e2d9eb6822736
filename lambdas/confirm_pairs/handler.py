"""Stores the verdicts of a run and tells the trader of a new set; the last step of ``matching``."""

from __future__ import annotations

import time
import uuid
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from lambdas.once import once
from lambdas.workflow_models import ConfirmPairs, judged_prefix, read_step, unpack
from shared.contracts.events_v1 import ControlCommand
from shared.contracts.names import PAIRS_POINTER_PK
from shared.ports.stores import Row
from shared.services import matching

ACTOR = "rules"


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the counts by verdict and the version of the set.

    Order: the record first, then the pointer that the trader polls, then the command that
    only makes it look sooner. A crash in between is healed by the next run. Pairs of a chunk
    that was not judged keep the verdict that they have.
    """
    step = read_step(ConfirmPairs, event)
    return once("confirm", step.run_id, context, lambda: _confirm(step))


def _confirm(step: ConfirmPairs) -> dict[str, Any]:
    parts = bootstrap.matching()
    now_ns = time.time_ns()
    settled = parts.record.check_settled(now_ns)
    report = matching.settle(parts.catalogue, parts.record, _judged(parts, step), now_ns)
    version, _pairs, _instruments = parts.catalogue.load_pair_set()
    is_new = parts.flags.get_pointer(PAIRS_POINTER_PK) != version
    if is_new:
        parts.flags.put_pointer(PAIRS_POINTER_PK, version)
        parts.commands.send(pairs_changed(version, now_ns))
    parts.record.end_run(step.run_id, now_ns)
    diverged = sum(pair.has_diverged for pair in settled)
    answer = {"report": report, "version": version, "is_new": is_new, "diverged": diverged}
    logger.info("matched", extra={**answer, "chunks_failed": step.failed})
    return answer


def _judged(parts: bootstrap.Matching, step: ConfirmPairs) -> list[Row]:
    stored = parts.objects.list_objects(judged_prefix(step.run_id))
    return [row for object_ in stored for row in unpack(parts.objects.get(object_.name))]


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
