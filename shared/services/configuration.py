"""Use cases of the configuration: show, diff, set, roll back. Used by the CLI and the API.

Order of a change (ARCHITECTURE section 3): store the version, move the pointer, send the
command. Each step stands alone: what was stored is the truth, and the trader also polls the
pointer, so a failure after the first step is said, not undone.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.contracts import config_v1
from shared.contracts.config_values import Value
from shared.contracts.events_v1 import ControlCommand
from shared.contracts.names import CONFIG_POINTER_PK
from shared.domain.config import Config
from shared.domain.errors import ConfigError, StoreError
from shared.ports.messaging import CommandQueue
from shared.ports.stores import ConfigStore, LiveFlags, Row

LIVE_WORD: Final = "LIVE"
"""Typed by the operator before orders may cost real money."""
_NAMESPACE: Final = uuid.UUID("0d1d6f0e-6c2b-5d0b-8a57-4f6d1a2c9e44")


@dataclass(frozen=True, slots=True)
class Entry:
    """One field as it stands, for a screen or ``twinleg config show``."""

    key: str
    value: Value
    default: Value
    unit: str
    low: str
    high: str
    owner: str
    doc: str


@dataclass(frozen=True, slots=True)
class Change:
    key: str
    before: Value | None
    after: Value | None
    unit: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Outcome of a change. ``version`` equals ``base`` when nothing differed or on a dry run."""

    base: int
    version: int
    changes: tuple[Change, ...]
    is_dry_run: bool
    warning: str = ""
    """Set when the version is stored but could not be announced."""


def load(store: ConfigStore) -> Config:
    """Return the active configuration for the kernel.

    Raises:
        ConfigError: the stored document cannot be read by this build; trade nothing new.
        StoreError: the store does not answer.
    """
    version, document = store.load_active()
    return config_v1.parse(document, version)


def show(store: ConfigStore, version: int | None = None) -> tuple[int, tuple[Entry, ...]]:
    """Return (version, every field in table order) of a version, the active one by default."""
    number, document = _document(store, version)
    return number, tuple(
        Entry(
            field.key,
            document[field.key],
            field.default,
            field.unit,
            field.low,
            field.high,
            field.owner.value,
            field.doc,
        )
        for field in config_v1.FIELDS
    )


def history(store: ConfigStore, limit: int = 50) -> Sequence[Row]:
    return store.history(limit)


def diff(store: ConfigStore, base: int, other: int | None = None) -> tuple[Change, ...]:
    """Return what changed from version ``base`` to ``other`` (the active one by default)."""
    return _changes(_document(store, base)[1], _document(store, other)[1])


def set_values(
    store: ConfigStore,
    flags: LiveFlags,
    queue: CommandQueue,
    changes: Mapping[str, str],
    *,
    actor: str,
    reason: str,
    now_ns: int,
    base: int | None = None,
    dry_run: bool = False,
    typed_word: str = "",
) -> Changed:
    """Apply typed changes (key to text) to the active version.

    Args:
        base: The version that the person saw; refused when another became active since.
        typed_word: What the person typed to confirm; ``LIVE`` where real money is allowed.

    Raises:
        ConfigError: unknown key, bad value, contradiction; names every problem.
        StoreError: ``base`` is not active any more, or the store does not answer.
    """
    typed: dict[str, Value] = {}
    problems: list[str] = []
    for key, text in changes.items():
        try:
            typed[key] = config_v1.parse_change(key, text)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    active, document = _document(store, None)
    return _store(
        store,
        flags,
        queue,
        _Step(
            active,
            base,
            document,
            {**document, **typed},
            actor,
            reason,
            now_ns,
            dry_run,
            typed_word,
        ),
    )


def rollback(
    store: ConfigStore,
    flags: LiveFlags,
    queue: CommandQueue,
    version: int,
    *,
    actor: str,
    reason: str,
    now_ns: int,
    base: int | None = None,
    dry_run: bool = False,
    typed_word: str = "",
) -> Changed:
    """Make the values of an earlier version active again, as a new version.

    Raises:
        ConfigError: the old document does not pass the bounds of this build.
        StoreError: no such version, ``base`` not active any more, or no answer.
    """
    active, document = _document(store, None)
    wanted = _document(store, version)[1]
    step = _Step(active, base, document, wanted, actor, reason, now_ns, dry_run, typed_word)
    return _store(store, flags, queue, step)


@dataclass(frozen=True, slots=True)
class _Step:
    active: int
    base: int | None
    before: Mapping[str, Value]
    after: Mapping[str, Value]
    actor: str
    reason: str
    now_ns: int
    is_dry_run: bool
    typed_word: str


def _store(store: ConfigStore, flags: LiveFlags, queue: CommandQueue, step: _Step) -> Changed:
    if not step.actor or not step.reason.strip():
        raise ConfigError("a change needs an actor and a reason")
    if step.base is not None and step.base != step.active:
        raise StoreError(
            f"version {step.active} became active since version {step.base} was shown;"
            " look at the difference and change it again"
        )
    config_v1.parse(step.after, step.active + 1)  # bounds and contradictions, before anything
    changes = _changes(step.before, step.after)
    if step.is_dry_run or not changes:
        return Changed(step.active, step.active, changes, step.is_dry_run)
    for change in changes:
        field = config_v1.BY_KEY.get(change.key)
        is_typed = field is not None and field.owner is config_v1.Owner.TYPED
        if is_typed and change.after is True and step.typed_word != LIVE_WORD:
            raise ConfigError(f"{change.key}: needs the word {LIVE_WORD} typed to confirm")
    version = store.save(step.after, actor=step.actor, reason=step.reason, base=step.active)
    assert version > step.active, (version, step.active)
    warning = _announce(flags, queue, version, step)
    return Changed(step.active, version, changes, False, warning)


def _announce(flags: LiveFlags, queue: CommandQueue, version: int, step: _Step) -> str:
    """Move the pointer and send the command; both are tried, a failure becomes a warning."""
    failed: list[str] = []
    command = ControlCommand(
        command_id=str(uuid.uuid5(_NAMESPACE, f"config/{version}/{step.now_ns}")),
        kind="config_changed",
        scope="global",
        reason=step.reason,
        actor=step.actor,
        issued_at=step.now_ns,
        payload={"version": version, "document": dict(step.after)},
    )
    try:
        flags.put_pointer(CONFIG_POINTER_PK, version)
    except StoreError as error:
        failed.append(f"pointer: {error}")
    try:
        queue.send(command)
    except StoreError as error:
        failed.append(f"command: {error}")
    if not failed:
        return ""
    return f"version {version} is stored but not fully announced ({'; '.join(failed)})"


def _document(store: ConfigStore, version: int | None) -> tuple[int, dict[str, Value]]:
    """Return (version, document with defaults for keys that it does not have yet)."""
    stored: Mapping[str, Any]
    if version is None:
        version, stored = store.load_active()
    else:
        stored = store.load_version(version)
    return version, {**config_v1.default_document(), **stored}


def _changes(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[Change, ...]:
    keys = [f.key for f in config_v1.FIELDS]
    keys += sorted((before.keys() | after.keys()) - set(keys))
    return tuple(
        Change(key, before.get(key), after.get(key), _unit(key))
        for key in keys
        if before.get(key) != after.get(key)
    )


def _unit(key: str) -> str:
    field = config_v1.BY_KEY.get(key)
    return field.unit if field is not None else ""
