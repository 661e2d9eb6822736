"""Ports, state folder and the sentences of refusals."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from cdk.local import options as options_module
from cdk.local.layout import (
    EditionError,
    Layout,
    Ports,
    choose_ports,
    find_layout,
    is_free,
    read_edition,
    write_json,
)
from cdk.local.options import Options, check_machine, check_options, check_recordings


@pytest.fixture
def taken() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    yield server
    server.close()


def test_a_taken_port_is_replaced_by_the_next_free_one(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    assert not is_free(port)
    chosen = choose_ports(Ports(proxy=port, aws=port, kalshi=port), {})
    assert port not in (chosen.proxy, chosen.aws, chosen.kalshi)
    assert len({chosen.proxy, chosen.aws, chosen.kalshi}) == 3


def test_an_asked_port_in_use_is_refused_in_words(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(EditionError, match=f"port {port} is in use: stop what listens"):
        choose_ports(Ports(), {"proxy": port})


def test_state_folder_comes_from_argument_then_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINLEG_STATE_DIR", str(tmp_path / "env"))
    assert find_layout(str(tmp_path / "named")).state == tmp_path / "named"
    assert find_layout(None).state == tmp_path / "env"
    monkeypatch.delenv("TWINLEG_STATE_DIR")
    assert find_layout(None).state.name == ".twinleg"


def test_edition_of_another_format_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert read_edition(layout) == {}
    write_json(layout.edition_file, {"format": 99})
    with pytest.raises(EditionError, match="has format 99, this build reads format 1"):
        read_edition(layout)
    layout.edition_file.write_text('{"format":')
    with pytest.raises(EditionError, match="unreadable"):
        read_edition(layout)
    write_json(layout.edition_file, {"format": 1, "mode": "paper_sim"})
    assert read_edition(layout)["mode"] == "paper_sim"
    assert json.loads(layout.edition_file.read_text())["format"] == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options(venues="live"), "not available"),
        (Options(venues="demo"), "twinleg venues check"),
        (Options(mode="dream"), "--mode is one of"),
        (Options(speed=0.0), "above 0"),
        (Options(recordings=Path("/nonexistent-recordings")), "there is no folder"),
    ],
)
def test_what_cannot_run_is_refused(options: Options, sentence: str) -> None:
    with pytest.raises(EditionError, match=sentence):
        check_options(options)


def test_recordings_folder_must_hold_recordings(tmp_path: Path) -> None:
    with pytest.raises(EditionError, match="holds no recordings"):
        check_recordings(tmp_path)
    (tmp_path / "books").mkdir()
    check_recordings(tmp_path)


def test_full_disk_missing_node_and_missing_dashboard_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path / "state")
    monkeypatch.setattr(options_module, "DISK_MIN_BYTES", 2**62)
    with pytest.raises(EditionError, match="MB are free"):
        check_machine(layout)
    monkeypatch.setattr(options_module, "DISK_MIN_BYTES", 1)
    monkeypatch.setattr(options_module, "find_node", lambda: None)
    with pytest.raises(EditionError, match="make dev"):
        check_machine(layout)
    monkeypatch.setattr(options_module, "find_node", lambda: Path("node"))
    monkeypatch.setattr(Layout, "build", options_module.ROOT / "no-build")
    with pytest.raises(EditionError, match="not built"):
        check_machine(layout)


def test_state_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EditionError, match="cannot be made"):
        check_machine(Layout(tmp_path / "file" / "state"))


def test_worlds_do_not_share_a_record(tmp_path: Path) -> None:
    worlds = [
        Options(),
        Options(mode="venue"),
        Options(seed=2),
        Options(recordings=tmp_path),
        Options(mode="venue", recordings=tmp_path),
    ]
    layouts = [Layout(tmp_path, options.world) for options in worlds]
    assert len({layout.postgres for layout in layouts}) == len(worlds)
    assert len({layout.aws for layout in layouts}) == len(worlds)
    assert layouts[0].postgres == tmp_path / "postgres"
    assert {layout.run_file for layout in layouts} == {tmp_path / "run.json"}
