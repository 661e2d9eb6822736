"""The road once, whole: start, trade on paper, look, lose the trader, stop, start again.

One edition serves all tests of this file, in order; each leaves it running.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.edition import ROOT, RunningEdition

pytestmark = [pytest.mark.edition, pytest.mark.timeout(600)]

HEDGED = frozenset({"hedged_prov", "hedged", "exiting", "settling", "settled", "diverged"})
TRADE_LIMIT_S = 240


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdition]:
    if not (ROOT / "frontend" / "build" / "index.html").is_file():
        pytest.skip("frontend/build is missing: `make test` builds it")
    made = RunningEdition(tmp_path_factory.mktemp("edition") / "state")
    try:
        made.up()
        yield made
    finally:
        made.command("down", limit_s=150)


def hedged_package(edition: RunningEdition) -> dict[str, Any] | None:
    rows = edition.all_rows("packages")
    return next((row for row in rows if row["state"] in HEDGED), None)


def test_every_part_runs_on_loopback_only(edition: RunningEdition) -> None:
    status = edition.status()
    assert status["running"], status
    assert {row["name"] for row in status["processes"]} == {
        "postgres",
        "aws",
        "simulators",
        "trader",
        "proxy",
    }
    for row in status["processes"]:
        process = psutil.Process(row["pid"])
        for member in [process, *process.children(recursive=True)]:
            for connection in member.net_connections(kind="inet"):
                if connection.status == psutil.CONN_LISTEN:
                    assert connection.laddr.ip == "127.0.0.1", (row["name"], connection)


def test_pairs_were_found_and_traps_were_not(edition: RunningEdition) -> None:
    confirmed = edition.get("pairs", verdict="confirmed", limit=200)["rows"]
    assert len(confirmed) >= 8
    assert all(row["findings"] or row["reason"] for row in confirmed)


def test_edges_move(edition: RunningEdition) -> None:
    first = edition.wait_for(
        lambda: (s := edition.get("live")) and (s if s["edges"]["pair_id"] else None),
        60,
        "edges in the snapshot",
    )
    assert first["badge"] == "PAPER" and first["is_delta"] is False
    known = dict(zip(first["edges"]["pair_id"], first["edges"]["net_micros"], strict=True))

    def moved() -> bool | None:
        later = edition.get("live")
        now = dict(zip(later["edges"]["pair_id"], later["edges"]["net_micros"], strict=True))
        return True if later["seq"] > first["seq"] and now != known else None

    assert edition.wait_for(moved, 60, "moved edges")


def test_a_package_is_hedged_with_both_legs_fees_and_a_zero_ledger(
    edition: RunningEdition,
) -> None:
    row = edition.wait_for(lambda: hedged_package(edition), TRADE_LIMIT_S, "hedged package")
    package = edition.get(f"packages/{row['package_id']}")
    assert len(package["legs"]) == 2
    assert {leg["venue"] for leg in package["legs"]} == {"kalshi", "polymarket"}
    assert package["legs"][0]["filled"] == package["legs"][1]["filled"] != "0"
    assert float(package["postings_sum"]) == 0
    fills = [f for f in edition.all_rows("fills") if f["package_id"] == row["package_id"]]
    assert {fill["venue"] for fill in fills} == {"kalshi", "polymarket"}
    assert any(float(fill["fee"]) > 0 for fill in fills)
    assert float(edition.get("live")["ledger_sum"]) == 0


def test_command_line_agrees(edition: RunningEdition) -> None:
    done = edition.cli("status", "--json")
    assert done.returncode == 0, done.stderr
    assert '"ledger_sum"' in done.stdout and '"paper_sim"' in done.stdout


def test_killed_trader_loses_no_fill_and_sends_nothing_twice(edition: RunningEdition) -> None:
    before = {fill["fill_id"]: fill for fill in edition.all_rows("fills")}
    epoch = edition.get("live")["lease_epoch"]
    pids = edition.pids()
    os.kill(pids["trader"], signal.SIGKILL)
    if "trader_child" in pids and psutil.pid_exists(pids["trader_child"]):
        os.kill(pids["trader_child"], signal.SIGKILL)
    edition.up()

    def is_back() -> bool | None:
        live = edition.get("live")
        # The last snapshot of the killed trader may be newer than the one read above.
        return True if live["lease_epoch"] > epoch and live["trader_age_ms"] < 5_000 else None

    assert edition.wait_for(is_back, 120, "snapshot of the new trader")
    after = {fill["fill_id"]: fill for fill in edition.all_rows("fills")}
    assert before.keys() <= after.keys()
    assert float(edition.get("live")["ledger_sum"]) == 0
    for row in edition.all_rows("packages"):
        package = edition.get(f"packages/{row['package_id']}")
        for leg in package["legs"]:
            assert float(leg["filled"]) <= float(leg["qty"]), package


def test_halt_and_resume_with_the_password(edition: RunningEdition) -> None:
    answer = edition.client.post(
        "/api/v1/halt",
        json={"scope": "global", "note": "practice"},
        headers={"X-Twinleg-CSRF": edition.csrf},
    )
    assert answer.status_code == 202, answer.text

    def is_halted() -> bool | None:
        halts = edition.get("live")["halts"]
        return True if any(h["reason"] == "operator" for h in halts) else None

    assert edition.wait_for(is_halted, 30, "halt in the snapshot")
    secret = "correct horse battery"
    assert edition.cli("secrets", "set", "password", "--stdin", typed=secret).returncode == 0
    resume = ("resume", "global", "--reason", "practice over", "--password-stdin")
    assert edition.cli(*resume, typed="wrong password").returncode == 1
    done = edition.cli(*resume, typed=secret)
    assert done.returncode == 0, done.stderr

    def is_lifted() -> bool | None:
        halts = edition.get("live")["halts"]
        return None if any(h["reason"] == "operator" for h in halts) else True

    assert edition.wait_for(is_lifted, 30, "lifted halt")


def test_down_leaves_nothing_behind_and_up_keeps_everything(edition: RunningEdition) -> None:
    pids = edition.pids()
    families = [
        member
        for pid in pids.values()
        if psutil.pid_exists(pid)
        for member in psutil.Process(pid).children(recursive=True)
    ]
    fills = {fill["fill_id"] for fill in edition.all_rows("fills")}
    packages = {row["package_id"] for row in edition.all_rows("packages")}
    edition.down()
    assert not [name for name, pid in pids.items() if psutil.pid_exists(pid)]
    assert not [member for member in families if member.is_running()]
    port = int(edition.address.rsplit(":", 1)[1])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not (Path(edition.state) / "run.json").exists()
    edition.up()
    assert fills <= {fill["fill_id"] for fill in edition.all_rows("fills")}
    assert packages <= {row["package_id"] for row in edition.all_rows("packages")}
