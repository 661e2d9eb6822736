"""Kernel events as bytes and back, exactly; commands as digests.

An event is ``[name, seq, mono_ns, wall_ns, body, digest]`` in msgpack: ``name`` is the class
of its body, ``digest`` that of the commands it led to (empty when there were none).
Reading takes only the classes of ``shared.domain.events``; anything else is a LogError.
Names and fields are append-only from schema 1 on: a reader of a later schema reads older
logs, and an older reader refuses a later schema by its number.
Twin: tests/unit/shared/drivers/test_event_codec.py
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_args

import msgspec

from shared.domain import events as ev
from shared.domain.commands import Command
from shared.domain.config import Config
from shared.domain.errors import TwinlegError
from shared.domain.order import Acked, Rejected, Unknown
from shared.domain.recovered import RecoveredState

SCHEMA: Final = 1
DIGEST_BYTES: Final = 8


class LogError(TwinlegError):
    """A log cannot be read here: damaged, of a later schema, or not a log."""


_OUTCOMES: Final[dict[str, type[Any]]] = {k.__name__: k for k in (Acked, Rejected, Unknown)}
_BODIES: Final[dict[str, type[Any]]] = {kind.__name__: kind for kind in get_args(ev.EventBody)}
_INNER: Final[dict[type[Any], tuple[str, type[Any]]]] = {
    # These hold one value whose class the event module only names for the type checker.
    ev.StateLoaded: ("recovered", RecoveredState),
    ev.ConfigChanged: ("config", Config),
}
_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")
_ROW: Final = msgspec.msgpack.Decoder(tuple[str, int, int, int, msgspec.Raw, bytes])
_TAGGED: Final = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])
_DECODERS: dict[type[Any], msgspec.msgpack.Decoder[Any]] = {}


def encode_event(event: ev.Event, commands: Sequence[Command]) -> bytes:
    """Return one event and the digest of its commands."""
    body: Any = event.body
    kind = type(body)
    if kind is ev.AttemptAnswered:
        body = (type(body.outcome).__name__, body.outcome)
    elif kind in _INNER:
        body = getattr(body, _INNER[kind][0])
    stamp = event.stamp
    digest = digest_of(commands) if commands else b""
    return _ENCODER.encode((kind.__name__, stamp.seq, stamp.mono_ns, stamp.wall_ns, body, digest))


def decode_event(blob: bytes | memoryview | msgspec.Raw) -> tuple[ev.Event, bytes]:
    """Return the event and the stored digest. Raises LogError for anything else."""
    try:
        name, seq, mono_ns, wall_ns, raw, digest = _ROW.decode(blob)
        kind = _BODIES.get(name)
        if kind is None:
            raise LogError(f"no event is called {name[:60]!r}")
        return ev.Event(ev.Stamp(seq, mono_ns, wall_ns), _body(kind, raw)), digest
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LogError(f"unreadable event: {str(error)[:200]}") from None


def _body(kind: type[Any], raw: msgspec.Raw) -> Any:
    if kind is ev.AttemptAnswered:
        name, inner = _TAGGED.decode(raw)
        outcome = _OUTCOMES.get(name)
        if outcome is None:
            raise LogError(f"no outcome is called {name[:60]!r}")
        return ev.AttemptAnswered(_decoder(outcome).decode(inner))
    if kind in _INNER:
        return kind(_decoder(_INNER[kind][1]).decode(raw))
    return _decoder(kind).decode(raw)


def _decoder(kind: type[Any]) -> msgspec.msgpack.Decoder[Any]:
    made = _DECODERS.get(kind)
    if made is None:
        made = _DECODERS[kind] = msgspec.msgpack.Decoder(kind)
    return made


def digest_of(commands: Sequence[Command]) -> bytes:
    """Return eight bytes that differ when any command, its class or its order does."""
    told = [(type(command).__name__, plain(command)) for command in commands]
    return hashlib.blake2b(_ENCODER.encode(told), digest_size=DIGEST_BYTES).digest()


def plain(value: Any) -> Any:
    """Return a value without classes of ours, in a form that does not depend on hash order."""
    if value is None or isinstance(value, str | int | float | bytes | bool):
        return value
    if isinstance(value, dict):
        rows = [(plain(key), plain(inner)) for key, inner in value.items()]
        return sorted(rows, key=repr)
    if isinstance(value, set | frozenset):
        return sorted((plain(inner) for inner in value), key=repr)
    if is_dataclass(value):
        return [plain(getattr(value, f.name)) for f in fields(value) if f.compare]
    if hasattr(value, "__slots__"):
        return [plain(getattr(value, name)) for name in value.__slots__ if hasattr(value, name)]
    if hasattr(value, "__iter__"):
        return [plain(inner) for inner in value]
    return plain(vars(value))


def digest_state(state: object) -> str:
    """Return the digest of everything a kernel knows; the same on any interpreter start."""
    return hashlib.blake2b(_ENCODER.encode(plain(state)), digest_size=16).hexdigest()
