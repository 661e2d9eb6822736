"""Where the recorded data lies beside the repository, when it is there at all."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
needs_shared = pytest.mark.skipif(
    not (SHARED / "facts").is_dir(), reason=f"recorded data is not at {SHARED}"
)
