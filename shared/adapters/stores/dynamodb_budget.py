"""The day's token budget in DynamoDB: one counter a day, shared by every function."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError

from shared.adapters.aws.clients import CONDITION_FAILED, as_store_error, code_of, make_client
from shared.contracts import names
from shared.domain.errors import StoreError

_KEEP_DAYS: Final = 3
_UTC: Final = ZoneInfo("UTC")


class DynamoTokenBudget:
    """Port ``TokenBudget`` in the table ``rate_tokens``; a day's item expires by itself.

    A reservation is one conditional addition. The SDK may repeat a request whose answer was
    lost and so count it twice: the budget is then smaller, never larger.
    """

    def __init__(self, stage: str, *, client: Any = None) -> None:
        self._table = names.table(stage, "rate_tokens")
        self._client = client or make_client("dynamodb")

    def reserve(self, day: str, tokens: int, limit: int) -> bool:
        assert tokens > 0
        if tokens > limit:
            return False
        try:
            self._add(
                day,
                tokens,
                ConditionExpression="attribute_not_exists(spent) OR spent <= :room",
                room=limit - tokens,
            )
        except StoreError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) == CONDITION_FAILED:
                return False
            raise
        return True

    def give_back(self, day: str, tokens: int) -> None:
        assert tokens > 0
        self._add(day, -tokens)

    def _add(self, day: str, tokens: int, *, room: int | None = None, **more: Any) -> None:
        expires = datetime.combine(date.fromisoformat(day), time(), _UTC)
        values = {
            ":n": {"N": str(tokens)},
            ":at": {"N": str(int((expires + timedelta(days=_KEEP_DAYS)).timestamp()))},
        }
        if room is not None:
            values[":room"] = {"N": str(room)}
        with as_store_error("token budget"):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"{names.LLM_BUDGET_PK_PREFIX}{day}"}},
                UpdateExpression="ADD spent :n SET expires_at = :at",
                ExpressionAttributeValues=values,
                **more,
            )
