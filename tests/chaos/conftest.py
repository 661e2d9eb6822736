"""One edition per test: a durable Postgres, the embedded AWS, simulators, a venue-mode trader.

``TWINLEG_CHAOS=long`` (``make chaos``) strikes as often as the design asks; without it each
test strikes a few times, so that the suite stays short.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.adapters.stores.migrate import migrate
from shared.domain.errors import StoreError
from tests.support.small_edition import SmallEdition, wait_for
from tests.support.trader_record import query
from trader_task.supervisor import EXITS_FILE

IS_LONG = os.environ.get("TWINLEG_CHAOS") == "long"
RESTART_S = 60.0


@dataclass
class Chaos:
    """What a test strikes, and how it waits for the dust to settle."""

    edition: SmallEdition
    postgres: EmbeddedPostgres

    def kill_postgres(self) -> None:
        """Kill -9 the database and start it again, as its supervisor would."""
        self.postgres.kill()
        self.postgres.start()

    def restarted(self) -> None:
        """Wait until the supervisor's next child has recovered, and lift what it paused."""
        edition = self.edition
        old = edition.killed_pid
        wait_for(
            lambda: edition.child_pid() != old and edition.is_trading(), RESTART_S, "a restart"
        )
        # Killing that often is a crash loop (F-072): forget it, and lift its pause by command.
        (edition.state / EXITS_FILE).unlink(missing_ok=True)
        if any(halt["reason"] == "crash_loop" for halt in edition.snapshot()["halts"]):
            edition.resume("global")
            wait_for(lambda: not has_halt(edition, "crash_loop"), 30, "the resume")

    def quiet(self, limit_s: float = 150) -> None:
        """Stop openings and wait until nothing is in flight and every trade is final."""
        edition = self.edition
        (edition.state / "stop").write_text("halt")

        def is_quiet() -> bool:
            return edition.snapshot()["packages"]["open"] == 0 and not query(
                edition, "SELECT 1 FROM packages WHERE state IN ('hedged_prov', 'flat_prov')"
            )

        wait_for(is_quiet, limit_s, "a quiet moment")
        time.sleep(2)


def has_halt(edition: SmallEdition, reason: str) -> bool:
    return any(halt["reason"] == reason for halt in edition.snapshot()["halts"])


@pytest.fixture
def chaos() -> Iterator[Chaos]:
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
        with SmallEdition(folder, dsn, mode="venue_sim") as edition:
            edition.set_config(min_net_edge_cents="0.5", pairs_max="20")
            edition.start_trader()
            yield Chaos(edition, server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
