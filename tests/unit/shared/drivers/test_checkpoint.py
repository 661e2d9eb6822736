"""A checkpoint goes on exactly where the kernel stood, and cannot run code."""

from __future__ import annotations

import os
import pickle

import pytest

from shared.drivers.checkpoint import read_checkpoint, write_checkpoint
from shared.drivers.event_codec import LogError, digest_of, digest_state
from shared.engine.kernel import Kernel
from tests.support.recorded_desk import recorded_desk

_, STEPS = recorded_desk()


@pytest.mark.parametrize("cut", range(0, len(STEPS), 3))
def test_a_kernel_goes_on_from_any_step(cut: int) -> None:
    whole = Kernel("test")
    for event, _ in STEPS[:cut]:
        whole.step(event)
    again = read_checkpoint(write_checkpoint(whole))
    assert digest_state(again.state) == digest_state(whole.state)
    for event, commands in STEPS[cut:]:
        assert digest_of(again.step(event)) == digest_of(commands)
        whole.step(event)
    assert digest_state(again.state) == digest_state(whole.state)


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


class _Innocent:
    pass


@pytest.mark.parametrize(
    "blob",
    [
        pickle.dumps(_Evil()),
        pickle.dumps(_Innocent()),
        pickle.dumps({"a": 1}),
        b"",
        b"\x80\x05garbage",
        pickle.dumps(os.getcwd),
    ],
)
def test_nothing_but_a_kernel_is_read(blob: bytes) -> None:
    with pytest.raises(LogError):
        read_checkpoint(blob)


def test_functions_of_ours_are_not_classes() -> None:
    from shared.engine import halts

    with pytest.raises(LogError, match="may not name"):
        read_checkpoint(pickle.dumps(halts.raise_halt))
