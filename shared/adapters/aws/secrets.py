"""Secrets Manager behind the port SecretStore. No value ever enters an error text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.aws.clients import as_store_error, code_of, make_client
from shared.contracts import names
from shared.domain.errors import StoreError

_ABSENT: Final = "ResourceNotFoundException"


class SecretsManager:
    """Port ``SecretStore``; takes full names (``names.secret``) or the last part of one."""

    def __init__(self, stage: str, *, client: Any = None) -> None:
        self._stage = stage
        self._client = client or make_client("secretsmanager")

    def read(self, name: str) -> Mapping[str, str]:
        full = self._full(name)
        with as_store_error(f"secret {full}"):
            answer = self._client.get_secret_value(SecretId=full)
        return _fields(full, answer.get("SecretString", ""))

    def exists(self, name: str) -> bool:
        """Whether the secret is there and holds fields (a fresh one holds a random word)."""
        full = self._full(name)
        try:
            with as_store_error(f"secret {full}"):
                answer = self._client.get_secret_value(SecretId=full)
        except StoreError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == _ABSENT:
                return False
            raise
        try:
            _fields(full, answer.get("SecretString", ""))
        except StoreError:
            return False
        return True

    def write(self, name: str, fields: Mapping[str, str]) -> None:
        full = self._full(name)
        text = json.dumps(dict(fields))
        try:
            with as_store_error(f"secret {full}"):
                self._client.put_secret_value(SecretId=full, SecretString=text)
        except StoreError as error:
            if not isinstance(error.__cause__, ClientError) or code_of(error.__cause__) != _ABSENT:
                raise
            with as_store_error(f"secret {full}"):
                self._client.create_secret(Name=full, SecretString=text)

    def _full(self, name: str) -> str:
        assert name
        return name if name.startswith(f"{names.APP}/") else names.secret(self._stage, name)


def _fields(name: str, text: str) -> dict[str, str]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(v, str) for v in document.values()):
        # The parser's own error would quote the value: it is dropped on purpose.
        raise StoreError(f"secret {name}: not set yet; `twinleg secrets set`") from None
    return document
