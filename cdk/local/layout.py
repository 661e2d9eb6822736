"""Where the one-machine edition keeps things, and which ports it uses.

Everything lies below one state folder, so that removing it removes the edition.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
STATE_FORMAT: Final = 1
"""Raised when the folder's layout changes; older ones are migrated or refused."""
PORT_SEARCH_MAX: Final = 200


class EditionError(Exception):
    """The edition cannot start or stop; the text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on 127.0.0.1."""

    proxy: int = 8700
    aws: int = 8701
    kalshi: int = 8702
    polymarket: int = 8703
    metrics: int = 8704


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below the state folder.

    A *world* is a set of markets with its accounts: mode, source and seed. Each world has its
    own record, cloud memory and accounts, for a package of one world could never settle in
    another. The default world lies in the state folder itself.
    """

    state: Path
    world: str = ""

    @property
    def data(self) -> Path:
        """Where the world keeps what must stay together."""
        return self.state / "worlds" / self.world if self.world else self.state

    @property
    def run_file(self) -> Path:
        return self.state / "run.json"

    @property
    def edition_file(self) -> Path:
        """Format, ports and options of the edition as it was last started."""
        return self.state / "edition.json"

    @property
    def lock_file(self) -> Path:
        return self.state / "edition.lock"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def aws(self) -> Path:
        return self.data / "aws"

    @property
    def aws_clean_mark(self) -> Path:
        """Exists only between a clean stop of the embedded AWS and its next start."""
        return self.aws / "stopped-cleanly"

    @property
    def aws_scratch(self) -> Path:
        """Temporary files of the embedded AWS: unpacked functions, its pid file."""
        return self.aws / "scratch"

    @property
    def simulators(self) -> Path:
        return self.data / "sim"

    @property
    def trader_link(self) -> Path:
        """Where commands of another shell look for the running trader's address file."""
        return self.state / "trader.json"

    @property
    def build(self) -> Path:
        return ROOT / "frontend" / "build"


def find_layout(named: str | None) -> Layout:
    """Return the layout of the named state folder, of TWINLEG_STATE_DIR, or of ``.twinleg``."""
    chosen = named or os.environ.get("TWINLEG_STATE_DIR") or ""
    return Layout(Path(chosen).expanduser().resolve() if chosen else ROOT / ".twinleg")


def is_free(port: int) -> bool:
    """Return whether something may listen on the port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(preferred: Ports, fixed: Mapping[str, int]) -> Ports:
    """Take the preferred ports, or the next free ones; a port in ``fixed`` is taken as asked.

    Raises EditionError when an asked port is in use, or none is free.
    """
    chosen: dict[str, int] = {}
    for name, wanted in asdict(preferred).items():
        if name in fixed:
            if not is_free(fixed[name]):
                raise EditionError(
                    f"port {fixed[name]} is in use: stop what listens there, or leave the port "
                    f"out and a free one is taken"
                )
            chosen[name] = fixed[name]
            continue
        candidates = range(wanted, min(wanted + PORT_SEARCH_MAX, 65_536))
        free = next((p for p in candidates if p not in chosen.values() and is_free(p)), None)
        if free is None:
            raise EditionError(
                f"no free port between {wanted} and {wanted + PORT_SEARCH_MAX}: "
                f"stop some of what listens there"
            )
        chosen[name] = free
    return Ports(**chosen)


def read_edition(layout: Layout) -> dict[str, object]:
    """Return what the last start wrote, or an empty document for a new folder.

    Raises EditionError for a folder of a later or unreadable format.
    """
    try:
        text = layout.edition_file.read_text()
    except FileNotFoundError:
        return {}
    try:
        document = json.loads(text)
        found = int(document["format"])
    except (ValueError, KeyError, TypeError):
        raise EditionError(
            f"{layout.edition_file} is unreadable: restore it, or move {layout.state} away to "
            f"start with an empty record"
        ) from None
    if found != STATE_FORMAT:
        raise EditionError(
            f"{layout.state} has format {found}, this build reads format {STATE_FORMAT}: use the "
            f"build that wrote it, or move the folder away to start with an empty record"
        )
    return dict(document)


def write_json(path: Path, document: object) -> None:
    """Replace a file in one step, so that a reader never sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(document, indent=1) + "\n")
    part.replace(path)
