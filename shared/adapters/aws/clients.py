"""AWS clients with short deadlines, and their errors as ours.

``AWS_ENDPOINT_URL`` (read by boto3 itself) points all of them at the embedded AWS. Retries
are few: a caller that waits for a lease or a halt must hear "no answer" soon.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import StoreError

DEFAULT_REGION: Final = "eu-west-1"
"""Polymarket serves no other region that we run in."""
_CONNECT_S: Final = 2
_ATTEMPTS: Final = 2


def make_client(service: str, *, read_s: float = 3) -> Any:
    """Return a client of one service; thread-safe, to be made once and kept."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=read_s,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    session = boto3.session.Session()
    return session.client(service, region_name=region, config=config)  # type: ignore[call-overload]


@contextmanager
def as_store_error(what: str) -> Iterator[None]:
    """Turn the SDK's errors into StoreError; the text names the act, never a value."""
    try:
        yield
    except ClientError as error:
        raise StoreError(f"{what}: {code_of(error)}") from error
    except BotoCoreError as error:
        raise StoreError(f"{what}: {type(error).__name__}") from error


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


CONDITION_FAILED: Final = "ConditionalCheckFailedException"
