"""Messaging stack: decisions leave the trader on a bus, commands reach it through a queue."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as core
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.stages import Stage
from shared.contracts import names

ALERT_SEVERITIES: Final = ["p1", "p2", "p3"]
"""p4 is the digest; it is read from Postgres, not pushed."""


class MessagingStack(core.Stack):
    """Bus with archive, FIFO control queue, alert queue, and a dead-letter queue each."""

    def __init__(self, scope: Construct, stage: Stage, key: kms.IKey | None, **kwargs: Any) -> None:
        super().__init__(scope, names.stack(stage.name, "messaging"), **kwargs)
        self._stage = stage
        self._key = key
        self.bus = events.EventBus(self, "Bus", event_bus_name=names.bus(stage.name))
        if stage.has_archive:
            self.bus.archive(
                "Archive",
                archive_name=f"{names.bus(stage.name)}-archive",
                description="Every decision, for replay",
                event_pattern=events.EventPattern(source=["twinleg.trader"]),
                retention=core.Duration.days(90),
            )
        self.control_dead = self._queue(
            "ControlDead", names.dead_letter_queue(stage.name), is_fifo=True
        )
        self.control = self._queue(
            "Control", names.control_queue(stage.name), is_fifo=True, dead=self.control_dead
        )
        self.alerts_dead = self._queue("AlertsDead", f"{names.alert_queue(stage.name)}-dlq")
        self.alerts = self._queue("Alerts", names.alert_queue(stage.name), dead=self.alerts_dead)
        events.Rule(
            self,
            "AlertRule",
            event_bus=self.bus,
            description="Decisions that a person should hear of",
            event_pattern=events.EventPattern(
                source=["twinleg.trader"], detail={"severity": ALERT_SEVERITIES}
            ),
            targets=[targets.SqsQueue(self.alerts, dead_letter_queue=self.alerts_dead)],
        )

    def _queue(
        self, queue_id: str, name: str, *, is_fifo: bool = False, dead: sqs.IQueue | None = None
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            queue_id,
            queue_name=name,
            fifo=True if is_fifo else None,
            # Deduplication is by command_id, never by content: the same halt twice is two.
            content_based_deduplication=False if is_fifo else None,
            encryption=sqs.QueueEncryption.KMS if self._key else sqs.QueueEncryption.SQS_MANAGED,
            encryption_master_key=self._key,
            enforce_ssl=True,
            retention_period=core.Duration.days(14 if dead is None else 4),
            visibility_timeout=core.Duration.seconds(60),
            dead_letter_queue=(
                sqs.DeadLetterQueue(queue=dead, max_receive_count=5) if dead is not None else None
            ),
            removal_policy=core.RemovalPolicy.DESTROY,
        )
