"""Live flags in one DynamoDB table (port LiveFlags): lease, halts, pointers, snapshot. Sync.

Rule 1: the lease moves only against the nonce that was read. The SDK may repeat a request
    whose answer was lost, so a condition also accepts the nonce that this call writes.
Rule 2: halts share one item, read whole and consistently; each is its own map entry, so
    that two writers never overwrite each other.
Rule 3: a snapshot larger than one part is written to fresh part items first and becomes
    visible by one write of its head; parts alternate between two slots.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.aws.clients import CONDITION_FAILED, as_store_error, code_of, make_client
from shared.contracts import names
from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt
from shared.ports.stores import Lease

HALTS_PK: Final = f"{names.HALT_PK_PREFIX}all"
PART_BYTES: Final = 64 * 1024
_PARTS_MAX: Final = 32
_READ_TRIES: Final = 3
_NO_MAP: Final = "ValidationException"
"""What DynamoDB says to an update below a map that does not exist."""

Item = dict[str, Any]
POINTERS: Final = (names.CONFIG_POINTER_PK, names.PAIRS_POINTER_PK, names.RECORD_POINTER_PK)


class DynamoFlags:
    """Port ``LiveFlags`` over the table ``flags`` of a stage."""

    def __init__(self, stage: str, *, client: Any = None) -> None:
        self._table = names.table(stage, "flags")
        self._client = client or make_client("dynamodb")
        self._slot = 0

    # --- lease ---------------------------------------------------------------------------

    def read_lease(self) -> Lease | None:
        item = self._get(names.LEASE_PK)
        return _lease_of(item) if item is not None else None

    def take_lease(self, seen: Lease | None, holder: str, build: str, epoch_min: int) -> Lease:
        epoch = max(epoch_min, seen.epoch + 1 if seen is not None else 1)
        lease = Lease(epoch, holder, uuid.uuid4().hex, False, build)
        self._put_lease(lease, seen.nonce if seen is not None else None)
        return lease

    def renew_lease(self, lease: Lease) -> Lease:
        renewed = Lease(lease.epoch, lease.holder, uuid.uuid4().hex, False, lease.build)
        self._put_lease(renewed, lease.nonce)
        return renewed

    def release_lease(self, lease: Lease) -> None:
        released = Lease(lease.epoch, lease.holder, uuid.uuid4().hex, True, lease.build)
        self._put_lease(released, lease.nonce)

    def _put_lease(self, lease: Lease, seen_nonce: str | None) -> None:
        values: Item = {":new": {"S": lease.nonce}}
        condition = "attribute_not_exists(pk) OR nonce = :new"
        if seen_nonce is not None:
            condition = "nonce = :seen OR nonce = :new"
            values[":seen"] = {"S": seen_nonce}
        item: Item = {
            "pk": {"S": names.LEASE_PK},
            "epoch": {"N": str(lease.epoch)},
            "holder": {"S": lease.holder},
            "nonce": {"S": lease.nonce},
            "is_released": {"BOOL": lease.is_released},
            "build": {"S": lease.build},
        }
        try:
            with as_store_error("lease"):
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                )
        except StoreError as error:
            if _is(error, CONDITION_FAILED):
                raise StoreError("lease: somebody else holds or took it") from error
            raise

    # --- halts ---------------------------------------------------------------------------

    def read_halts(self) -> Sequence[Halt]:
        """Return the halts in force, oldest first.

        Raises:
            StoreError: no answer, or an entry that cannot be read (it may be a freeze).
        """
        item = self._get(HALTS_PK)
        entries = item.get("halts", {}).get("M", {}) if item is not None else {}
        found = [_halt_of(entry["S"]) for entry in entries.values()]
        return sorted(found, key=lambda halt: halt.since_wall_ns)

    def put_halt(self, halt: Halt) -> None:
        """Put a halt in force. One already in force stays, but for becoming a freeze."""
        key = f"{halt.scope}|{halt.reason.value}"
        if self._set_halt(key, halt, "attribute_not_exists(halts.#key)"):
            return
        if halt.is_freeze:
            known = next((h for h in self.read_halts() if _key_of(h) == key), halt)
            self._set_halt(key, _frozen(known), None)

    def delete_halt(self, scope: str, reason: str) -> None:
        self._update_halts(
            {
                "TableName": self._table,
                "Key": {"pk": {"S": HALTS_PK}},
                "UpdateExpression": "REMOVE halts.#key",
                "ExpressionAttributeNames": {"#key": f"{scope}|{reason}"},
            }
        )

    def _set_halt(self, key: str, halt: Halt, condition: str | None) -> bool:
        """Return whether it was stored; False when the condition did not hold."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"pk": {"S": HALTS_PK}},
            "UpdateExpression": "SET halts.#key = :halt",
            "ExpressionAttributeNames": {"#key": key},
            "ExpressionAttributeValues": {":halt": {"S": _halt_text(halt)}},
        }
        if condition is not None:
            request["ConditionExpression"] = condition
        try:
            self._update_halts(request)
        except StoreError as error:
            if _is(error, CONDITION_FAILED):
                return False
            raise
        return True

    def _update_halts(self, request: dict[str, Any]) -> None:
        """Update below the map of halts; the first one ever creates the map and comes again."""
        try:
            with as_store_error("halts"):
                self._client.update_item(**request)
        except StoreError as error:
            if not _is(error, _NO_MAP):
                raise
            with as_store_error("halts"):
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": HALTS_PK}},
                    UpdateExpression="SET halts = if_not_exists(halts, :none)",
                    ExpressionAttributeValues={":none": {"M": {}}},
                )
                self._client.update_item(**request)

    # --- pointers ------------------------------------------------------------------------

    def get_pointer(self, name: str) -> int | None:
        item = self._get(name)
        return int(item["version"]["N"]) if item is not None else None

    def put_pointer(self, name: str, version: int) -> None:
        """Move a pointer forward; a lower version than the stored one changes nothing."""
        assert name in POINTERS, name
        try:
            with as_store_error(f"pointer {name}"):
                self._client.put_item(
                    TableName=self._table,
                    Item={"pk": {"S": name}, "version": {"N": str(version)}},
                    ConditionExpression="attribute_not_exists(pk) OR version <= :version",
                    ExpressionAttributeValues={":version": {"N": str(version)}},
                )
        except StoreError as error:
            if not _is(error, CONDITION_FAILED):
                raise

    # --- snapshot ------------------------------------------------------------------------

    def put_snapshot(self, seq: int, blob: bytes) -> None:
        parts = [blob[i : i + PART_BYTES] for i in range(0, len(blob), PART_BYTES)] or [b""]
        if len(parts) > _PARTS_MAX:
            raise StoreError(f"snapshot: {len(blob)} bytes are too many")
        self._slot = 1 - self._slot
        with as_store_error("snapshot"):
            for number, part in enumerate(parts[1:], start=1):
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": {"S": self._part_pk(self._slot, number)},
                        "seq": {"N": str(seq)},
                        "blob": {"B": part},
                    },
                )
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": names.SNAPSHOT_PK},
                    "seq": {"N": str(seq)},
                    "blob": {"B": parts[0]},
                    "parts": {"N": str(len(parts))},
                    "slot": {"N": str(self._slot)},
                },
            )

    def get_snapshot(self) -> tuple[int, bytes] | None:
        """Return (seq, blob) of one whole snapshot; None when there never was one."""
        for _ in range(_READ_TRIES):
            head = self._get(names.SNAPSHOT_PK)
            if head is None:
                return None
            seq, slot = head["seq"]["N"], int(head["slot"]["N"])
            blob = bytes(head["blob"]["B"])
            for number in range(1, int(head["parts"]["N"])):
                part = self._get(self._part_pk(slot, number))
                if part is None or part["seq"]["N"] != seq:
                    break  # overtaken by a newer snapshot: start again at its head
                blob += bytes(part["blob"]["B"])
            else:
                return int(seq), blob
        raise StoreError("snapshot: it changed faster than it could be read")

    @staticmethod
    def _part_pk(slot: int, number: int) -> str:
        return f"{names.SNAPSHOT_PK}#{slot}#{number}"

    def _get(self, pk: str) -> Item | None:
        with as_store_error(f"flag {pk}"):
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": pk}}, ConsistentRead=True
            )
        item: Item | None = answer.get("Item")
        return item


def _is(error: StoreError, code: str) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) == code


def _lease_of(item: Item) -> Lease:
    return Lease(
        epoch=int(item["epoch"]["N"]),
        holder=item["holder"]["S"],
        nonce=item["nonce"]["S"],
        is_released=item["is_released"]["BOOL"],
        build=item["build"]["S"],
    )


def _key_of(halt: Halt) -> str:
    return f"{halt.scope}|{halt.reason.value}"


def _frozen(halt: Halt) -> Halt:
    return Halt(halt.scope, halt.reason, halt.actor, halt.since_wall_ns, True, halt.note)


def _halt_text(halt: Halt) -> str:
    return json.dumps(
        {
            "scope": halt.scope,
            "reason": halt.reason.value,
            "actor": halt.actor,
            "since_wall_ns": halt.since_wall_ns,
            "is_freeze": halt.is_freeze,
            "note": halt.note,
        }
    )


def _halt_of(text: str) -> Halt:
    try:
        entry = json.loads(text)
        return Halt(
            scope=str(entry["scope"]),
            reason=HaltReason(entry["reason"]),
            actor=str(entry["actor"]),
            since_wall_ns=int(entry["since_wall_ns"]),
            is_freeze=bool(entry["is_freeze"]),
            note=str(entry["note"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError("halts: an entry cannot be read") from error
