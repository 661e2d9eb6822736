"""The flows that the specification names, over the venues' real protocols.

One trader in venue mode trades against the simulators; faults are switched on at them, and
their own durable records say what really happened.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.adapters.stores.migrate import migrate
from shared.domain.errors import StoreError
from tests.support.small_edition import SmallEdition, wait_for
from tests.support.trader_record import differences, query

pytestmark = [pytest.mark.edition, pytest.mark.postgres, pytest.mark.timeout(420)]

ONE = 1_000_000
TRADE_S = 90.0
LIVE = ("resting", "held", "open", "live")


@pytest.fixture(scope="module")
def edition() -> Iterator[SmallEdition]:
    folder = Path(tempfile.mkdtemp(prefix="tlflow-"))
    server = EmbeddedPostgres(folder / "pg")
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
            running.start_trader()
            yield running
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def inject(edition: SmallEdition, key: str, seconds: int, **more: Any) -> None:
    base = edition.environment["TWINLEG_KALSHI_URL"]
    body = {"key": key, "duration_ms": seconds * 1_000, **more}
    answer = httpx.post(f"{base}/__sim__/faults", json=body, timeout=10)
    assert answer.status_code == 200, answer.text


def heal(edition: SmallEdition, *keys: str) -> None:
    base = edition.environment["TWINLEG_KALSHI_URL"]
    for key in keys:
        httpx.request("DELETE", f"{base}/__sim__/faults", json={"key": key}, timeout=10)


def highest(edition: SmallEdition) -> int:
    (row,) = query(edition, "SELECT coalesce(max(number), 0) AS n FROM packages")
    return int(row["n"])


def packages(edition: SmallEdition, since: int, *states: str) -> list[dict[str, Any]]:
    listed = ", ".join(f"'{state}'" for state in states)
    return query(
        edition,
        f"SELECT * FROM packages WHERE number > {since} AND kind = 'normal'"  # noqa: S608
        f" AND state IN ({listed}) ORDER BY number",
    )


def nets(edition: SmallEdition, package_id: str) -> list[int]:
    """Return the contracts x 1e6 that the fills of a package left on each leg."""
    held: Counter[int] = Counter()
    fills = query(
        edition,
        "SELECT f.*, p.outcome_a, p.outcome_b FROM fills f JOIN packages p USING (package_id)"  # noqa: S608
        f" WHERE f.package_id = '{package_id}'",
    )
    for fill in fills:
        wanted = fill["outcome_a"] if fill["leg"] == 0 else fill["outcome_b"]
        sign = 1 if (fill["side"] == "buy") is (fill["outcome"] == wanted) else -1
        held[fill["leg"]] += sign * fill["qty_micros"]
    return [held[0], held[1]]


def test_hedged_taker_flow(edition: SmallEdition) -> None:
    """Both legs are taken and hold the same number of contracts; the ledger sums to zero."""
    found = wait_for(
        lambda: packages(edition, 0, "hedged_prov", "hedged"), TRADE_S, "a hedged package"
    )
    first, second = nets(edition, found[0]["package_id"])
    assert first > 0 and abs(first - second) <= ONE
    assert edition.snapshot()["ledger_sum"] == "0"


def test_partial_cancels_remainder(edition: SmallEdition) -> None:
    """Some orders fill in part: nothing of them is left alive, and the legs still match."""
    inject(edition, "k.partial", 90, most=3)
    inject(edition, "p.partial", 90, most=3)
    try:
        found = wait_for(lambda: filled_in_part(edition), TRADE_S, "a package of partial fills")
    finally:
        heal(edition, "k.partial", "p.partial")
    first, second = nets(edition, found[0]["package_id"])
    assert abs(first - second) <= ONE
    wait_for(lambda: not edition.snapshot()["packages"]["open"], 60, "a quiet moment")
    alive = [o for o in edition.venue_records("orders") if o["status"] in LIVE]
    assert alive == [], "the remainder of a partial fill is cancelled"


def filled_in_part(edition: SmallEdition) -> list[dict[str, Any]]:
    """Return packages at rest with an order that filled in part, whichever the fault struck."""
    return query(
        edition,
        "SELECT DISTINCT p.package_id FROM packages p JOIN orders o USING (package_id)"
        " WHERE p.kind = 'normal' AND o.ts_sent_ns IS NOT NULL"
        " AND o.cum_qty_micros > 0 AND o.cum_qty_micros < o.qty_micros"
        " AND p.state IN ('hedged_prov', 'hedged', 'flat_prov', 'flat')",
    )


def test_timeout_unwinds_to_zero(edition: SmallEdition) -> None:
    """Leg 2 never arrives: its absence is proven, then leg 1 is given back.

    That takes half a minute, but first a package must come that buys at Kalshi first.
    """
    since = highest(edition)
    inject(edition, "p.req_lost", 260)
    try:
        found = wait_for(lambda: unwound(edition, since), 250, "an unwound package")
    finally:
        heal(edition, "p.req_lost")
    assert nets(edition, found["package_id"]) == [0, 0]
    assert found["ended_wall_ns"] is not None
    (edition.state / "stop").write_text("halt")
    wait_for(lambda: not edition.snapshot()["packages"]["open"], 90, "a quiet moment")
    wait_for(
        lambda: not packages(edition, 0, "hedged_prov", "flat_prov"), 90, "everything is final"
    )
    time.sleep(2)
    assert edition.stop_trader() == 0
    problems = differences(edition)
    assert not problems, "\n".join(problems)


def unwound(edition: SmallEdition, since: int) -> dict[str, Any] | None:
    """Return an ended flat package whose leg 1 filled and whose hedge timed out."""
    for package in packages(edition, since, "flat"):
        sent = query(
            edition,
            "SELECT purpose FROM orders WHERE ts_sent_ns IS NOT NULL"  # noqa: S608
            f" AND package_id = '{package['package_id']}'",
        )
        if {"open", "hedge", "unwind"} <= {row["purpose"] for row in sent}:
            return package
    return None
