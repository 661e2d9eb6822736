"""Immutable objects in S3 behind the port ObjectStore: log segments and artefacts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.aws.clients import as_store_error, code_of, make_client
from shared.contracts import names
from shared.domain.errors import StoreError
from shared.ports.event_log import StoredObject

_EXISTS: Final = ("PreconditionFailed", "ConditionalRequestConflict")
_DIGEST: Final = "sha256"


class S3Objects:
    """Port ``ObjectStore`` over one bucket; ``bucket`` is ``events`` or ``artefacts``.

    A put is conditional on the name being free, so that two writers cannot replace each
    other's segment; the digest in the metadata tells a repeat from a conflict.
    """

    def __init__(
        self, stage: str, bucket: str, *, account: str = "000000000000", client: Any = None
    ) -> None:
        self._bucket = names.bucket(stage, bucket, account)
        self._client = client or make_client("s3", read_s=30)

    def put(self, name: str, blob: bytes) -> None:
        assert name and not name.startswith("/")
        digest = hashlib.sha256(blob).hexdigest()
        try:
            with as_store_error(f"object {name}"):
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=blob,
                    Metadata={_DIGEST: digest},
                    IfNoneMatch="*",
                )
        except StoreError as error:
            cause = error.__cause__
            if not isinstance(cause, ClientError) or code_of(cause) not in _EXISTS:
                raise
            if self._digest_of(name) != digest:
                raise StoreError(f"object {name}: other bytes are stored there already") from error

    def get(self, name: str) -> bytes:
        with as_store_error(f"object {name}"):
            answer = self._client.get_object(Bucket=self._bucket, Key=name)
            blob: bytes = answer["Body"].read()
        stored = answer.get("Metadata", {}).get(_DIGEST)
        if stored is not None and stored != hashlib.sha256(blob).hexdigest():
            raise StoreError(f"object {name}: the bytes do not match their digest")
        return blob

    def list_objects(self, prefix: str = "") -> Sequence[StoredObject]:
        found: list[StoredObject] = []
        with as_store_error(f"objects {prefix}*"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    found.append(StoredObject(entry["Key"], int(entry["Size"])))
        return sorted(found, key=lambda stored: stored.name)

    def _digest_of(self, name: str) -> str:
        with as_store_error(f"object {name}"):
            answer = self._client.head_object(Bucket=self._bucket, Key=name)
        return str(answer.get("Metadata", {}).get(_DIGEST, ""))
