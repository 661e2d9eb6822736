"""Which build this is: a hash of the code that decides, part of the lease and of every row.

Two traders of different builds must never both trade (F-076), and a package must say which
code made it. The hash is over the source text of ``shared`` and ``trader_task``, so that it
needs no version control and no packaging step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from trader_task.settings import REPOSITORY

PACKAGES: Final = ("shared", "trader_task")


def _sources(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.py"))


def build_name(root: Path = REPOSITORY) -> str:
    """Return ``<version>+<12 hex digits>``; the same sources give the same name."""
    digest = hashlib.sha256()
    for path in _sources(root):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    try:
        version = metadata.version("twinleg")
    except metadata.PackageNotFoundError:
        version = "0"
    return f"{version}+{digest.hexdigest()[:12]}"


def schema_name(root: Path = REPOSITORY) -> str:
    """Return a hash of the event and recovery shapes, which a replay depends on."""
    digest = hashlib.sha256()
    for name in ("events", "recovered", "commands", "order"):
        digest.update((root / "shared" / "domain" / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]
