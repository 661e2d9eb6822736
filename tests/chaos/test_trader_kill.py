"""F-071: kill -9 of the trader at every step loses no fill and sends nothing twice.

The trader trades against the simulators over their real protocols; it is killed the moment
its log shows that a package reached a state. Judged by the simulators' own durable records.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.adapters.stores.migrate import migrate
from shared.domain.errors import StoreError
from tests.support.small_edition import SmallEdition, wait_for
from trader_task.supervisor import EXITS_FILE

pytestmark = [pytest.mark.edition, pytest.mark.postgres, pytest.mark.timeout(420)]

MOMENTS = (
    "planned",
    "journalled",
    "leg1_sent",
    "exposed",
    "leg2_sent",
    "hedged_prov",
    "leg1_sent",
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
    assert len(reached) >= 5, f"too few packages to kill: {reached}"
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


def query(edition: SmallEdition, sql: str) -> list[dict[str, Any]]:
    with psycopg.connect(edition.dsn, row_factory=dict_row) as connection:
        return connection.execute(sql.encode()).fetchall()


def differences(edition: SmallEdition) -> list[str]:
    """Return every way in which our record and the venues' records disagree."""
    problems: list[str] = []
    orders = query(edition, "SELECT * FROM orders")
    fills = query(edition, "SELECT * FROM fills")
    venue_orders, venue_fills = edition.venue_records("orders"), edition.venue_records("fills")
    assert venue_fills, "nothing was traded"

    theirs = {f"{f['venue']}/{f['trade_id']}/{f['order_id']}": f for f in venue_fills}
    ours = {fill["fill_key"]: fill for fill in fills}
    problems += [f"lost fill {key}" for key in theirs.keys() - ours.keys()]
    problems += [f"made-up fill {key}" for key in ours.keys() - theirs.keys()]

    ids = Counter(o["client_id"] for o in venue_orders if o["venue"] == "kalshi")
    problems += [f"client id {name} sent {n} times" for name, n in ids.items() if n > 1]
    known = {o["attempt_id"] for o in orders}
    hashes = {o["order_hash"] for o in orders} | {o["order_id"] for o in orders}
    problems += [f"order without an envelope: {name}" for name in ids.keys() - known]
    digests = {o["order_id"] for o in venue_orders if o["venue"] == "polymarket"}
    problems += [f"order without an envelope: {digest}" for digest in digests - hashes]

    sizes: Counter[tuple[str, int]] = Counter()
    for fill in fills:
        sizes[fill["package_id"], fill["leg"]] += fill["qty_micros"]
    for package in query(edition, "SELECT * FROM packages WHERE state = 'hedged'"):
        legs = [sizes[package["package_id"], leg] for leg in (0, 1)]
        if abs(legs[0] - legs[1]) > 1_000_000 or not all(legs):
            problems.append(f"{package['package_id']} is hedged with legs {legs}")

    sums = "SELECT txn_id FROM ledger_postings GROUP BY txn_id HAVING sum(usd_micros) <> 0"
    problems += [
        f"transaction {row['txn_id']} does not sum to zero" for row in query(edition, sums)
    ]
    doubled = (
        "SELECT ref FROM ledger_postings WHERE kind = 'fill' "
        "GROUP BY ref, account HAVING count(*) > 1"
    )
    problems += [f"posted twice: {row['ref']}" for row in query(edition, doubled)]
    stuck = query(edition, "SELECT package_id, state FROM packages WHERE state LIKE 'stuck%'")
    problems += [f"{row['package_id']} is {row['state']}" for row in stuck]
    return problems
