"""Permission as a type: an order that risk did not approve cannot be given to a sender."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from shared.domain.units import NS_PER_MS

T = TypeVar("T")

TICKET_LIFE_NS: Final = 250 * NS_PER_MS
"""A ticket older than this never reaches the wire (I-05)."""

_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class RiskApproved(Generic[T]):
    """An intent that passed every gate at ``approved_mono_ns``.

    Only ``approve`` makes one, and only the engine calls it. ``versions`` are those of
    fees, frictions, rules, config and build that the approval read.
    """

    value: T
    approved_mono_ns: int
    versions: tuple[tuple[str, str], ...]
    _seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("RiskApproved is made by risk.approve() alone")


def approve(
    value: T, *, mono_ns: int, versions: tuple[tuple[str, str], ...] = ()
) -> RiskApproved[T]:
    """Seal an intent after its gates passed; the engine's privilege."""
    assert mono_ns >= 0
    return RiskApproved(value, mono_ns, versions, _SEAL)
