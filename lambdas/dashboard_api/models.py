"""Request models of the dashboard API that are checked at the edge."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

_SCOPE: Final = re.compile(
    r"global|venue:[a-z_]{1,32}|shard:[0-9]{1,4}"
    r"|(pair|category|series|market):[A-Za-z0-9_.:\-]{1,200}"
)


def _check_scope(scope: str) -> str:
    if not _SCOPE.fullmatch(scope):
        raise ValueError(
            "is not a scope: global, venue:NAME, pair:ID, category:NAME, series:ID, market:ID, "
            "shard:N"
        )
    return scope


class Login(BaseModel):
    """Body of POST session; length-bounded so that hashing it costs what it should."""

    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class HaltOrder(BaseModel):
    """Body of POST halt."""

    model_config = ConfigDict(extra="forbid")
    scope: Annotated[str, AfterValidator(_check_scope)] = "global"
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class Health(BaseModel):
    """Body of GET health: open to everybody, so it says nothing else."""

    status: str
