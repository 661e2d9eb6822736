"""The one-machine edition of an operator in the US: Polymarket US in the closed book's place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.edition import ROOT, RunningEdition

pytestmark = [pytest.mark.edition, pytest.mark.timeout(600)]

HEDGED = frozenset({"hedged_prov", "hedged", "exiting", "settling", "settled", "diverged"})
OURS = {"kalshi", "polymarket_us"}
TRADE_LIMIT_S = 240


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdition]:
    if not (ROOT / "frontend" / "build" / "index.html").is_file():
        pytest.skip("frontend/build is missing: `make test` builds it")
    state = tmp_path_factory.mktemp("us_edition") / "state"
    made = RunningEdition(state, options=("--jurisdiction", "US"))
    try:
        made.up()
        yield made
    finally:
        made.command("down", limit_s=150)


def test_pairs_join_kalshi_and_polymarket_us_and_never_the_closed_book(
    edition: RunningEdition,
) -> None:
    confirmed = edition.get("pairs", verdict="confirmed", limit=200)["rows"]
    assert len(confirmed) >= 3, confirmed
    markets = [row[side] for row in confirmed for side in ("market_a", "market_b")]
    assert {market.split(":", 1)[0] for market in markets} == OURS


def test_the_live_view_shows_both_venues(edition: RunningEdition) -> None:
    live = edition.wait_for(
        lambda: (s := edition.get("live")) and (s if s["edges"]["pair_id"] else None),
        60,
        "edges in the snapshot",
    )
    assert live["badge"] == "PAPER"
    assert {row["name"] for row in live["venues"]} == OURS


def test_a_package_is_hedged_between_the_two_and_the_ledger_is_zero(
    edition: RunningEdition,
) -> None:
    def hedged() -> dict[str, Any] | None:
        rows = edition.all_rows("packages")
        return next((row for row in rows if row["state"] in HEDGED), None)

    row = edition.wait_for(hedged, TRADE_LIMIT_S, "hedged package")
    package = edition.get(f"packages/{row['package_id']}")
    assert {leg["venue"] for leg in package["legs"]} == OURS
    assert package["legs"][0]["filled"] == package["legs"][1]["filled"] != "0"
    assert float(package["postings_sum"]) == 0
    assert float(edition.get("live")["ledger_sum"]) == 0


def test_the_venue_checks_ask_the_venue_that_is_traded(edition: RunningEdition) -> None:
    done = edition.cli("venues", "check", "--json")
    found = json.loads(done.stdout)["findings"]
    assert done.returncode == 0, (found, done.stderr)
    closed = [f["text"] for f in found if f["venue"] == "polymarket"]
    assert len(closed) == 1 and "only Polymarket US is open" in closed[0]
