"""An operator in the US: Kalshi against Polymarket US over real sockets, the other book refused."""

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

pytestmark = [pytest.mark.edition, pytest.mark.postgres, pytest.mark.timeout(300)]

HEDGED = "SELECT package_id FROM packages WHERE state IN ('hedged_prov', 'hedged', 'settling')"


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="tlus-"))
    postgres = EmbeddedPostgres(folder / "pg")
    try:
        postgres.start()
    except StoreError as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no embedded Postgres here: {error}")
    yield postgres
    postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_us_operator_hedges_kalshi_with_polymarket_us(server: EmbeddedPostgres) -> None:
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=server.data.parent))
    dsn = server.dsn("postgres")
    migrate(dsn)
    with SmallEdition(folder, dsn, mode="venue_sim", jurisdiction="US") as edition:
        edition.set_config(min_net_edge_cents="0.5", pairs_max="20")
        edition.start_trader()
        wait_for(lambda: query(edition, HEDGED), 120, "a hedged package")
        halts = {row["scope"]: row for row in edition.snapshot()["halts"]}
        assert "only Polymarket US is open" in halts["venue:polymarket"]["note"]
        assert "venue:polymarket_us" not in halts and "venue:kalshi" not in halts
        states = {row["name"]: row["state"] for row in edition.snapshot()["venues"]}
        assert states["kalshi"] == states["polymarket_us"] == "live"

        # A restart asks the venues about every order; the ids of this one are kept here.
        assert edition.stop_trader() == 0
        edition.start_trader(wait_s=60)
        assert not [h for h in edition.snapshot()["halts"] if h["scope"] != "venue:polymarket"]
        (edition.state / "stop").write_text("halt")
        wait_for(lambda: not edition.snapshot()["packages"]["open"], 60, "a quiet moment")
        time.sleep(3)
        assert edition.stop_trader() == 0
        venues = {fill["venue"] for fill in query(edition, "SELECT venue FROM fills")}
        assert venues == {"kalshi", "polymarket_us"}
        problems = differences(edition)
        assert not problems, "\n".join(problems)
