"""A kernel's memory as bytes, so that a segment of the log replays alone.

The bytes are a pickle of the kernel, read by an unpickler that knows only the classes of
``shared.domain`` and ``shared.engine`` and a few containers: a checkpoint cannot run code.
It belongs to the build that wrote it; another build refuses it and says which one to use.
Twin: tests/unit/shared/drivers/test_checkpoint.py
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

from shared.drivers.event_codec import LogError
from shared.engine.kernel import Kernel
from shared.engine.state import State

_PACKAGES: Final = ("shared.domain.", "shared.engine.")
_CONTAINERS: Final = frozenset(
    {
        ("collections", "OrderedDict"),
        ("collections", "deque"),
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("copyreg", "__newobj__"),
        ("copyreg", "_reconstructor"),
        ("builtins", "object"),
    }
)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        is_ours = module.startswith(_PACKAGES) and "." not in name
        if is_ours or (module, name) in _CONTAINERS:
            found = super().find_class(module, name)
            if isinstance(found, type) or (module, name) in _CONTAINERS:
                return found
        raise LogError(f"a checkpoint may not name {module}.{name}"[:200])


def write_checkpoint(kernel: Kernel) -> bytes:
    """Return the whole memory of a kernel between two steps."""
    return pickle.dumps(kernel, protocol=5)


def read_checkpoint(blob: bytes) -> Kernel:
    """Return a kernel that goes on exactly where the other stood. Raises LogError."""
    try:
        kernel = _Reader(io.BytesIO(blob)).load()
    except LogError:
        raise
    except Exception as error:  # an unpickler raises whatever the bytes make it raise
        raise LogError(f"unreadable checkpoint: {type(error).__name__}: {error}"[:200]) from None
    if not isinstance(kernel, Kernel) or not isinstance(kernel.state, State):
        raise LogError("a checkpoint holds a kernel, nothing else")
    return kernel
