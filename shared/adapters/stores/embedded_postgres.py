"""The Postgres server of the one-machine edition and of the tests, in the foreground.

``python -m shared.adapters.stores.embedded_postgres --data DIR`` starts it, prints one JSON
line ``{"dsn": ...}`` when it answers, and stops it on SIGTERM or SIGINT. The server
listens on a unix socket in a folder that only we can enter, never on the network.

Rule 1: one launcher a data folder (flock); a second one refuses with words.
Rule 2: every kill -9 is survivable. A server left over by a killed launcher is stopped before
    ours starts; a stale pid file is removed only when no server process works in the folder.
Rule 3: a folder is complete or absent: initdb works beside it and is renamed into place.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

import psycopg

from shared.adapters.stores.postgres_binaries import (
    Binaries,
    Runner,
    choose_runner,
    find_binaries,
    is_reachable_by_others,
)
from shared.adapters.stores.postgres_processes import stop_leftovers
from shared.domain.errors import StoreError

DATABASE: Final = "twinleg"
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_MAX: Final = 90
"""The system allows 107 bytes for a socket path; the rest is the socket's own name."""
_START_S: Final = 60.0
STOP_S: Final = 20.0
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "log_checkpoints": "off",
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """One server over one data folder: ``cluster`` (its files), ``socket``, ``log``, ``lock``.

    ``settings`` override server settings (tests switch fsync off; nothing else may).
    """

    def __init__(self, data: Path, settings: dict[str, str] | None = None) -> None:
        self.data = data.absolute()
        self.settings = _SETTINGS | (settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._home = self.data
        self._socket = self.data / "socket"

    @property
    def cluster(self) -> Path:
        return self._home / "cluster"

    @property
    def pid(self) -> int:
        """Process id of the postmaster while it runs."""
        assert self._process is not None
        return self._process.pid

    def dsn(self, database: str = DATABASE) -> str:
        host = quote(str(self._socket), safe="")
        return f"postgresql://postgres@/{database}?host={host}"

    def start(self) -> str:
        """Create what is missing, start, wait until it answers; return the dsn.

        Raises:
            StoreError: a sentence that says what to do.
        """
        assert self._process is None
        self._take_lock()
        self._home = self._read_location()
        major = _major_of(self.cluster)
        binaries = find_binaries(major)
        owner = self.cluster.stat().st_uid if major is not None else None
        runner = choose_runner(binaries, owner)
        self._prepare_home(runner, is_new=major is None)
        if major is None:
            self._create_cluster(binaries, runner)
        stop_leftovers(self.cluster, STOP_S)
        for stale in (self.cluster / "postmaster.pid", self._socket / f"{_SOCKET_NAME}.lock"):
            stale.unlink(missing_ok=True)
        self._launch(binaries, runner)
        self._await_ready()
        _create_database(self.dsn("postgres"), DATABASE)
        return self.dsn()

    def stop(self) -> int:
        """Stop fast (open transactions roll back), wait, and return the server's exit code."""
        process, self._process = self._process, None
        code = 0
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                code = process.wait(STOP_S)
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        return code

    def kill(self) -> None:
        """Kill -9 the postmaster: what a power cut does, for durability tests."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        assert self._lock is not None
        self._lock.close()
        self._lock = None

    def wait(self) -> int:
        """Block until the server ends by itself and return its exit code."""
        assert self._process is not None
        return self._process.wait()

    def log_tail(self, lines: int = 8) -> str:
        """Return the last lines of start-up output and of the server log, for messages."""
        files = [self._home / "log" / "start.log"]
        files += sorted((self._home / "log").glob("postgres-*.log"), key=_mtime)[-1:]
        text = "\n".join(f.read_text(errors="replace") for f in files if f.exists())
        return " | ".join([line for line in text.splitlines() if line.strip()][-lines:])

    def _take_lock(self) -> None:
        try:
            self.data.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._lock = (self.data / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"a Postgres launcher already runs on {self.data}; stop it first (`make down`)"
            ) from None
        except OSError as error:
            raise StoreError(f"cannot use {self.data} for Postgres: {error.strerror}") from error

    def _read_location(self) -> Path:
        """Follow the note left when the data had to live elsewhere (see ``_prepare_home``)."""
        note = self.data / "location"
        return Path(note.read_text().strip()) if note.exists() else self.data

    def _prepare_home(self, runner: Runner, *, is_new: bool) -> None:
        """Make the folders that the server writes to; moves home only for a dropped account."""
        if runner.uid is not None and is_new and not is_reachable_by_others(self.data):
            self._home = Path("/var/lib/twinleg-postgres") / _digest(self.data)
            self._home.mkdir(mode=0o711, parents=True, exist_ok=True)
            (self.data / "location").write_text(f"{self._home}\n")
        self._socket = _socket_folder(self._home)
        for folder in (self._home / "log", self._socket):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(folder, {os.geteuid(), runner.uid})
            if runner.uid is not None and runner.gid is not None:
                os.chown(folder, runner.uid, runner.gid)

    def _create_cluster(self, binaries: Binaries, runner: Runner) -> None:
        """Run initdb in a folder beside the final one and rename it when it is complete."""
        fresh = self._home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if runner.uid is not None and runner.gid is not None:
            os.chown(fresh, runner.uid, runner.gid)
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(
            [*runner.prefix, binaries.path("initdb"), "-D", str(fresh), *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=str(self._home),
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            said = " | ".join((done.stderr or done.stdout).strip().splitlines()[-4:])
            raise StoreError(f"Postgres could not create its files in {self._home}: {said}")
        fresh.rename(self.cluster)

    def _launch(self, binaries: Binaries, runner: Runner) -> None:
        settings: list[str] = []
        for name, value in self.settings.items():
            settings += ["-c", f"{name}={value}"]
        command = [binaries.path("postgres"), "-D", str(self.cluster), "-k", str(self._socket)]
        with (self._home / "log" / "start.log").open("w") as start_log:
            self._process = subprocess.Popen(
                [*runner.prefix, *command, *settings],
                stdin=subprocess.DEVNULL,
                stdout=start_log,
                stderr=start_log,
                cwd=str(self._home),
                start_new_session=True,  # Ctrl-C reaches the launcher, which stops it in order
            )

    def _await_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        tail = self.log_tail()
        self.stop()
        raise StoreError(f"Postgres did not start on {self.data}: {tail}")


def _socket_folder(home: Path) -> Path:
    """Return a folder for the socket whose path the system accepts."""
    near = home / "socket"
    if len(str(near / _SOCKET_NAME)) <= _SOCKET_PATH_MAX:
        return near
    return Path("/tmp") / f"twinleg-{os.geteuid()}-{_digest(home)}"


def _check_private(folder: Path, owners: set[int | None]) -> None:
    """Refuse a folder that somebody else owns or may enter (its mode is not changed)."""
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid not in owners or seen.st_mode & 0o077:
        raise StoreError(f"{folder} is not a private folder of ours; remove it and start again")


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _mtime(path: Path) -> float:
    return path.stat().st_mtime


def _major_of(cluster: Path) -> int | None:
    version = cluster / "PG_VERSION"
    return int(version.read_text().split(".")[0]) if version.exists() else None


def _create_database(dsn: str, name: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row: Any = connection.execute("SELECT 1 FROM pg_database WHERE datname=%s", [name])
        if row.fetchone() is None:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())


def main(arguments: list[str] | None = None) -> int:
    """Run in the foreground; see the module docstring. Exit 0 stopped, 1 failed, 2 wrong use."""
    from shared.adapters.stores.embedded_postgres_command import run

    return run(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
