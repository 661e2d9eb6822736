"""Strikes at what stands beside the trader: database, feeds, cloud, and an order to stop.

Whatever was struck, the record must equal the simulators' own afterwards.
"""

from __future__ import annotations

import os
import random
import signal
import time

import httpx
import pytest

from tests.chaos.conftest import IS_LONG, Chaos, has_halt
from tests.chaos.test_trader_kill import seen_in_log
from tests.support.small_edition import SmallEdition, wait_for
from tests.support.trader_record import differences, query

pytestmark = [
    pytest.mark.edition,
    pytest.mark.postgres,
    pytest.mark.timeout(1_500 if IS_LONG else 420),
]

HEDGED = "SELECT package_id FROM packages WHERE state IN ('hedged_prov', 'hedged', 'settling')"
DATABASE_KILLS = 10 if IS_LONG else 2
STOPS = ("leg1_sent", "exposed", "leg2_sent")
TRADE_S = 60.0
only_long = pytest.mark.skipif(
    not IS_LONG, reason="minutes long: make chaos runs it; unit and contract tests hold the rule"
)


def test_kill_9_of_postgres_loses_nothing(chaos: Chaos) -> None:
    edition = chaos.edition
    wait_for(lambda: query(edition, HEDGED), TRADE_S, "a hedged package")
    draw = random.Random(78)
    for _ in range(DATABASE_KILLS):
        time.sleep(draw.uniform(0, 6))
        chaos.kill_postgres()
        wait_for(lambda: edition.health()["journal_up"], 40, "the journal up again")
    chaos.quiet()
    assert edition.stop_trader() == 0
    assert not (edition.state / "spill" / "record.jsonl").exists(), "everything was replayed"
    problems = differences(edition)
    assert not problems, "\n".join(problems) + edition.log("trader")[-4_000:]


@pytest.mark.parametrize("moment", STOPS)
def test_f074_sigterm_in_the_naked_window_reduces_first(chaos: Chaos, moment: str) -> None:
    edition = chaos.edition
    assert seen_in_log(edition, moment, 60), f"no package reached {moment}"
    begun = time.monotonic()
    assert edition.stop_trader() == 0
    assert time.monotonic() - begun < 40
    naked = query(
        edition,
        "SELECT package_id, state FROM packages WHERE ended_wall_ns IS NULL AND state NOT IN"
        " ('hedged_prov', 'hedged', 'flat_prov', 'settling')",
    )
    assert naked == [], naked
    log = edition.log("trader")
    assert log.rindex("lease released") > log.rindex('"verdict": "hedged_prov"')
    problems = differences(edition)
    assert not problems, "\n".join(problems)


@only_long
@pytest.mark.parametrize(("venue", "key"), [("kalshi", "k.ws.cut"), ("polymarket", "p.ws.cut")])
def test_f013_a_feed_gone_10_s_halts_its_venue_and_opens_nothing(
    chaos: Chaos, venue: str, key: str
) -> None:
    edition = chaos.edition
    wait_for(lambda: query(edition, HEDGED), TRADE_S, "a hedged package")
    inject(edition, key, 10_000)
    wait_for(lambda: is_halted(edition, venue), 6, f"{venue} halted")
    opened = "SELECT count(*) AS n FROM orders WHERE is_opening AND ts_sent_ns IS NOT NULL"
    (before,) = query(edition, opened)
    while is_halted(edition, venue):
        time.sleep(0.5)
        (now,) = query(edition, opened)
        if is_halted(edition, venue):
            assert now["n"] == before["n"], "an opening left while the venue was halted"
    chaos.quiet()
    assert edition.stop_trader() == 0
    problems = differences(edition)
    assert not problems, "\n".join(problems)


@only_long
def test_f086_without_the_cloud_nothing_opens_and_what_is_open_finishes(chaos: Chaos) -> None:
    edition = chaos.edition
    assert seen_in_log(edition, "leg1_sent", 60), "no package"
    edition.pause_aws(True)
    try:
        wait_for(lambda: edition.health()["lease_left_ms"] < 20_000, 25, "a shorter lease")
        wait_for(lambda: not edition.snapshot()["packages"]["open"], 25, "the package finished")
        opened = "SELECT count(*) AS n FROM orders WHERE is_opening AND ts_sent_ns IS NOT NULL"
        (before,) = query(edition, opened)
        time.sleep(5)
        (after,) = query(edition, opened)
        assert after["n"] == before["n"]
    finally:
        edition.pause_aws(False)
    wait_for(lambda: edition.health()["lease_left_ms"] > 25_000, 30, "the lease renewed")
    chaos.quiet()
    assert edition.stop_trader() == 0
    problems = differences(edition)
    assert not problems, "\n".join(problems)


def test_sigusr1_pauses_and_the_pause_outlives_a_kill(chaos: Chaos) -> None:
    edition = chaos.edition
    os.kill(edition.child_pid(), signal.SIGUSR1)
    wait_for(lambda: has_halt(edition, "operator"), 5, "the pause")
    edition.kill_child()
    chaos.restarted()
    assert has_halt(edition, "operator"), "a pause survives a restart (I-18)"


def inject(edition: SmallEdition, key: str, duration_ms: int) -> None:
    base = edition.environment["TWINLEG_KALSHI_URL"]
    answer = httpx.post(
        f"{base}/__sim__/faults", json={"key": key, "duration_ms": duration_ms}, timeout=10
    )
    assert answer.status_code == 200, answer.text
    if key.endswith(".cut"):
        name = "kalshi" if key.startswith("k.") else "polymarket"
        httpx.post(f"{base}/__sim__/drop", json={"venue": name}, timeout=10)


def is_halted(edition: SmallEdition, venue: str) -> bool:
    return any(halt["scope"] == f"venue:{venue}" for halt in edition.snapshot()["halts"])
