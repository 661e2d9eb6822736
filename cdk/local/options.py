"""What may be asked of the edition, and the checks before anything starts.

Every refusal is one sentence that says what is wrong and what to do.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cdk.local.layout import ROOT, EditionError, Layout, read_edition
from cdk.stages import second_venue

MODES: Final = ("paper", "venue")
VENUES: Final = ("sim", "demo", "live")
DISK_MIN_BYTES: Final = 1_000_000_000
_RECORDING_FOLDERS: Final = ("books", "paired_snapshot_2026-07-20")


@dataclass(frozen=True, slots=True)
class Options:
    """How to start. ``speed`` multiplies the time of recordings; ``ports`` are fixed ones."""

    mode: str = "paper"
    venues: str = "sim"
    recordings: Path | None = None
    speed: float = 1.0
    seed: int = 1
    jurisdiction: str = ""
    """Country of the operator, two letters; decides the venue beside Kalshi."""
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def run_mode(self) -> str:
        return f"{self.mode}_{self.venues}"

    @property
    def second_venue(self) -> str:
        return second_venue(self.jurisdiction)

    @property
    def world(self) -> str:
        """Name of the world these options play in; empty for the default one."""
        if self.second_venue != "polymarket":
            return f"{self.run_mode}-seed{self.seed}-{self.second_venue}"
        if self.recordings is not None:
            return f"{self.run_mode}-recordings"
        is_default = (self.run_mode, self.seed) == ("paper_sim", 1)
        return "" if is_default else f"{self.run_mode}-seed{self.seed}"


def check_options(options: Options) -> None:
    """Raise EditionError for a combination that cannot run."""
    if options.mode not in MODES or options.venues not in VENUES:
        raise EditionError(f"--mode is one of {', '.join(MODES)}, --venues of {', '.join(VENUES)}")
    if options.venues != "sim":
        raise EditionError(
            f"--venues {options.venues} is not available: it needs venue keys in the secret store "
            f"and a passed `twinleg venues check`; the simulators run with --venues sim"
        )
    country = options.jurisdiction.strip()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise EditionError("TWINLEG_JURISDICTION is a country code of two letters")
    if options.recordings is not None and options.second_venue != "polymarket":
        raise EditionError(
            f"recordings of {options.second_venue} are not available: leave --recordings out, "
            f"or TWINLEG_JURISDICTION"
        )
    if options.speed <= 0:
        raise EditionError("--speed must be above 0")
    if options.recordings is not None:
        check_recordings(options.recordings)


def check_recordings(folder: Path) -> None:
    """Raise EditionError unless the folder holds recordings in one of the known shapes."""
    if not folder.is_dir():
        raise EditionError(
            f"there is no folder {folder}: give --recordings the folder that holds the recorded "
            f"books, or leave it out to run on generated markets"
        )
    if not any((folder / name).is_dir() for name in _RECORDING_FOLDERS):
        raise EditionError(
            f"{folder} holds no recordings: it should have one of the folders "
            f"{', '.join(_RECORDING_FOLDERS)}"
        )


def check_machine(layout: Layout) -> None:
    """Raise EditionError for what this machine lacks: room, rights, Node, the dashboard."""
    if sys.platform != "linux":
        raise EditionError("the one-machine edition runs on Linux; elsewhere use a container")
    try:
        layout.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        layout.logs.mkdir(exist_ok=True)
    except OSError as error:
        raise EditionError(f"{layout.state} cannot be made: {error.strerror}") from None
    if not os.access(layout.state, os.W_OK):
        raise EditionError(f"{layout.state} is not writable: make it yours, or name another one")
    free = shutil.disk_usage(layout.state).free
    if free < DISK_MIN_BYTES:
        raise EditionError(
            f"only {free // 1_000_000} MB are free at {layout.state}: make room for at least "
            f"{DISK_MIN_BYTES // 1_000_000} MB, or set TWINLEG_STATE_DIR to a folder elsewhere"
        )
    if find_node() is None:
        raise EditionError("Node is missing: run `make dev`, which brings its own")
    if not (layout.build / "index.html").is_file():
        raise EditionError(
            f"the dashboard is not built ({layout.build.relative_to(ROOT)} is missing): "
            f"run `make up`, which builds it, or `npm ci && npm run build` in frontend"
        )
    read_edition(layout)


def find_node() -> Path | None:
    """Return the Node of the locked environment, else the machine's, else None."""
    own = Path(sys.executable).parent / "node"
    if own.exists():
        return own
    found = shutil.which("node")
    return Path(found) if found else None
