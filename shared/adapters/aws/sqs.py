"""The control queue (SQS FIFO) behind the port CommandQueue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from shared.adapters.aws.clients import as_store_error, make_client
from shared.contracts import names
from shared.contracts.events_v1 import ControlCommand
from shared.ports.messaging import Received

_GROUP_MAX: Final = 128
_WAIT_MAX_S: Final = 20
_HIDDEN_S: Final = 15
"""An unacknowledged message comes again after this long; well within a resume's 30 s life."""


class SqsCommandQueue:
    """Port ``CommandQueue``: deduplicated by command id, ordered within a target."""

    def __init__(self, stage: str, *, client: Any = None) -> None:
        self._name = names.control_queue(stage)
        self._client = client or make_client("sqs", read_s=_WAIT_MAX_S + 5)
        self._url = ""

    def send(self, command: ControlCommand) -> None:
        with as_store_error("control queue"):
            self._client.send_message(
                QueueUrl=self._queue_url(),
                MessageBody=command.model_dump_json(),
                MessageGroupId=command.scope[:_GROUP_MAX].replace(" ", "_"),
                MessageDeduplicationId=command.command_id[:_GROUP_MAX],
            )

    def receive(self, max_n: int = 10, wait_s: int = 1) -> Sequence[Received]:
        assert 1 <= max_n <= 10 and 0 <= wait_s <= _WAIT_MAX_S
        with as_store_error("control queue"):
            answer = self._client.receive_message(
                QueueUrl=self._queue_url(),
                MaxNumberOfMessages=max_n,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=_HIDDEN_S,
                AttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Received(
                body=message["Body"],
                receipt=message["ReceiptHandle"],
                attempts=int(message.get("Attributes", {}).get("ApproximateReceiveCount", 0)),
            )
            for message in answer.get("Messages", [])
        ]

    def acknowledge(self, receipt: str) -> None:
        with as_store_error("control queue"):
            self._client.delete_message(QueueUrl=self._queue_url(), ReceiptHandle=receipt)

    def _queue_url(self) -> str:
        if not self._url:
            self._url = str(self._client.get_queue_url(QueueName=self._name)["QueueUrl"])
        return self._url
