"""F-071: kill -9 of the trader at every step loses no fill and sends nothing twice.

The trader trades against the simulators over their real protocols; it is killed the moment
its log shows that a package reached a state. Judged by the simulators' own durable records.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.adapters.stores.migrate import migrate
from shared.domain.errors import StoreError
from tests.support.small_edition import SmallEdition, wait_for
from tests.support.trader_record import differences, query
from trader_task.supervisor import EXITS_FILE

pytestmark = [pytest.mark.edition, pytest.mark.postgres, pytest.mark.timeout(420)]

MOMENTS = (
    "planned",
    "journalled",
    "leg1_sent",
    "exposed",
    "leg2_sent",
    "hedged_prov",
    "leg2_sent",
)
MOMENT_S = 45.0
RESTART_S = 40.0


@pytest.fixture
def edition() -> Iterator[SmallEdition]:
    folder = Path(tempfile.mkdtemp(prefix="tlchaos-"))
    server = EmbeddedPostgres(folder / "pg")  # with fsync: durability is the point here
    try:
        server.start()
    except StoreError as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no embedded Postgres here: {error}")
    try:
        dsn = server.dsn("postgres")
        migrate(dsn)
        with SmallEdition(folder, dsn, mode="venue_sim") as running:
            running.set_config(min_net_edge_cents="0.5", pairs_max="20")
            yield running
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_f071_kill_9_loses_no_fill_and_sends_nothing_twice(edition: SmallEdition) -> None:
    edition.start_trader()
    reached = []
    for moment in MOMENTS:
        if kill_at(edition, moment):
            reached.append(moment)
        restarted(edition)
    print("killed at:", *reached)
    assert len(reached) >= 4, f"too few packages to kill: {reached}"
    quiet(edition)
    assert edition.stop_trader() == 0
    problems = differences(edition)
    assert not problems, "\n".join(problems) + edition.log("trader")[-4_000:]


def kill_at(edition: SmallEdition, moment: str) -> bool:
    """Kill the trader the moment a package reaches a state; False when none did in time."""
    seen = len(edition.log("trader"))
    mark = f'"verdict": "{moment}"'
    until = time.monotonic() + MOMENT_S
    while time.monotonic() < until:
        if mark in edition.log("trader")[seen:]:
            edition.kill_child()
            return True
        time.sleep(0.002)
    edition.kill_child()
    return False


def restarted(edition: SmallEdition) -> None:
    """Wait until the supervisor's next child has recovered."""
    old = edition.killed_pid
    wait_for(lambda: edition.child_pid() != old and edition.is_trading(), RESTART_S, "restart")
    # Killing that often is a crash loop (F-072): forget it, and lift its pause by command.
    (edition.state / EXITS_FILE).unlink(missing_ok=True)
    if any(halt["reason"] == "crash_loop" for halt in edition.snapshot()["halts"]):
        edition.resume("global")
        wait_for(lambda: not edition.snapshot()["halts"], 20, "resume")


def quiet(edition: SmallEdition) -> None:
    """Stop openings and wait until nothing is in flight and every trade is final."""
    (edition.state / "stop").write_text("halt")

    def is_quiet() -> bool:
        packages = edition.snapshot()["packages"]
        return packages["open"] == 0 and not query(
            edition, "SELECT 1 FROM packages WHERE state IN ('hedged_prov', 'flat_prov')"
        )

    wait_for(is_quiet, 120, "a quiet moment")
    time.sleep(2)
