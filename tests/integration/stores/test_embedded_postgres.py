"""The launcher: ready line, orderly stop, every kill -9, refusals in words."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from shared.adapters.stores import embedded_postgres, postgres_binaries
from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.domain.errors import StoreError

pytestmark = pytest.mark.postgres


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tlpg-") as folder:
        yield Path(folder) / "pg"


def launch(data: Path) -> tuple[subprocess.Popen[str], dict[str, object]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.adapters.stores.embedded_postgres", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=40)
    return process.returncode, said


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def await_gone(pid: int) -> None:
    for _ in range(400):
        if not is_alive(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still alive")


def insert(dsn: str, value: int) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def kept(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY value")]


def test_prints_dsn_stops_on_sigterm_and_keeps_data(data: Path) -> None:
    process, ready = launch(data)
    insert(str(ready["dsn"]), 1)
    process.send_signal(signal.SIGTERM)
    code, said = finish(process)
    assert (code, said) == (0, "")
    await_gone(int(str(ready["pid"])))
    process, ready = launch(data)
    assert kept(str(ready["dsn"])) == [1]
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 0


def test_killed_launcher_takes_its_server_along_and_the_next_start_works(data: Path) -> None:
    process, ready = launch(data)
    insert(str(ready["dsn"]), 1)
    process.kill()
    finish(process)
    second, ready_again = launch(data)  # at once: the old server may still be stopping
    assert not is_alive(int(str(ready["pid"])))
    assert kept(str(ready_again["dsn"])) == [1]
    second.send_signal(signal.SIGTERM)
    assert finish(second)[0] == 0


def test_committed_rows_survive_kill_9_of_the_server(data: Path) -> None:
    server = EmbeddedPostgres(data)
    insert(server.start(), 7)
    server.kill()
    again = EmbeddedPostgres(data)
    try:
        assert kept(again.start()) == [7]
    finally:
        again.stop()


def test_stale_pid_file_naming_a_living_stranger_is_no_obstacle(data: Path) -> None:
    server = EmbeddedPostgres(data)
    insert(server.start(), 3)
    server.kill()
    pid_file = server.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    lines[0] = str(os.getpid())  # the number was given to another process since
    pid_file.write_text("\n".join(lines) + "\n")
    again = EmbeddedPostgres(data)
    try:
        assert kept(again.start()) == [3]
    finally:
        again.stop()


def test_orphaned_server_without_launcher_is_stopped_first(data: Path) -> None:
    first = EmbeddedPostgres(data)
    insert(first.start(), 5)
    orphan = first.pid
    assert first._lock is not None
    first._lock.close()  # as if the launcher had died and the server had not noticed
    second = EmbeddedPostgres(data)
    try:
        assert kept(second.start()) == [5]
        assert first._process is not None
        assert first._process.wait(5) == 0
        assert second.pid != orphan
    finally:
        second.stop()


def test_second_launcher_on_the_same_data_refuses_in_words(data: Path) -> None:
    server = EmbeddedPostgres(data)
    server.start()
    try:
        process = subprocess.run(
            [sys.executable, "-m", "shared.adapters.stores.embedded_postgres", "--data", str(data)],
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert process.returncode == 1
        assert "already runs on" in process.stderr
        assert process.stdout == ""
        assert kept_alive(server)
    finally:
        server.stop()


def kept_alive(server: EmbeddedPostgres) -> bool:
    with psycopg.connect(server.dsn()) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_interrupted_creation_leaves_no_half_database(data: Path) -> None:
    half = data / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(data)
    try:
        server.start()
        assert kept_alive(server)
        assert not half.exists()
    finally:
        server.stop()


def test_socket_is_private_and_nothing_listens_on_the_network(data: Path) -> None:
    server = EmbeddedPostgres(data)
    dsn = server.start()
    try:
        socket = data / "socket"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SHOW listen_addresses").fetchone()
        assert row == ("",)
    finally:
        server.stop()


def test_existing_folders_keep_their_modes(data: Path) -> None:
    data.mkdir(mode=0o755, parents=True)
    data.chmod(0o755)
    before = {p: p.stat().st_mode for p in (data, data.parent, data.parent.parent)}
    server = EmbeddedPostgres(data)
    server.start()
    server.stop()
    assert {p: p.stat().st_mode for p in before} == before


def test_long_paths_get_a_short_socket_folder(data: Path) -> None:
    deep = data / ("d" * 60) / ("e" * 40)
    server = EmbeddedPostgres(deep)
    dsn = server.start()
    try:
        assert "host=%2Ftmp%2Ftwinleg-" in dsn
        assert kept_alive(server)
    finally:
        server.stop()
        server._socket.rmdir()


def test_data_of_a_missing_major_version_is_refused_with_the_version(data: Path) -> None:
    cluster = data / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    server = EmbeddedPostgres(data)
    with pytest.raises(StoreError, match="written by Postgres 9, which is not installed"):
        server.start()
    server.stop()


def test_unusable_data_path_is_one_sentence(data: Path) -> None:
    data.parent.mkdir(exist_ok=True)
    data.write_text("a file")
    process = subprocess.run(
        [sys.executable, "-m", "shared.adapters.stores.embedded_postgres", "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert process.returncode == 1
    assert len(process.stderr.strip().splitlines()) == 1


def test_no_installation_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "_candidate_folders", list)
    with pytest.raises(StoreError, match="no Postgres server"):
        postgres_binaries.find_binaries()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops its rights")
def test_root_without_user_namespaces_drops_to_an_account(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = postgres_binaries._runs

    def refuse_unshare(command: list[str]) -> bool:
        return command[0] != "unshare" and real(command)

    monkeypatch.setattr(postgres_binaries, "_runs", refuse_unshare)
    moved = Path("/var/lib/twinleg-postgres") / embedded_postgres._digest(data)
    mode = stat.S_IMODE(data.parent.stat().st_mode)
    server = EmbeddedPostgres(data)
    try:
        insert(server.start(), 9)
        assert server.cluster.stat().st_uid != 0
        assert stat.S_IMODE(data.parent.stat().st_mode) == mode
        server.stop()
        again = EmbeddedPostgres(data)
        assert kept(again.start()) == [9]
        again.stop()
    except StoreError as error:
        pytest.skip(f"no account can run it here: {error}")
    finally:
        server.stop()
        if moved.exists():
            subprocess.run(["rm", "-rf", "--", str(moved)], check=True)


def test_root_owned_data_without_user_namespaces_is_refused_in_words(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_binaries, "_runs", lambda command: False)
    monkeypatch.setattr(postgres_binaries.os, "geteuid", lambda: 0)
    binaries = postgres_binaries.Binaries(Path("/nowhere"), 18)
    with pytest.raises(StoreError, match="refuses user namespaces"):
        postgres_binaries.choose_runner(binaries, 0)
    monkeypatch.setattr(postgres_binaries.os, "geteuid", lambda: 1000)
    with pytest.raises(StoreError, match="belongs to user id 0"):
        postgres_binaries.choose_runner(binaries, 0)
