"""A year of the record: exact, whole, and cut at the year's own nanosecond."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_exports import PostgresExports, year_bounds_ns
from shared.adapters.stores.postgres_journal import PostgresJournal
from shared.domain.enums import Outcome, Venue
from shared.domain.errors import DomainError
from shared.domain.ids import MarketId
from shared.domain.ledger import Transaction, payout_transaction
from shared.engine.rows import posting_rows
from tests.support.catalogue import listed
from tests.support.journal_rows import fill_row, package_row

pytestmark = pytest.mark.postgres

MARKET = MarketId("kalshi:KXCPI-25SEP-T3.0")
START, END = year_bounds_ns(2025)


@pytest.fixture
def exports(postgres_dsn: str) -> PostgresExports:
    catalogue = PostgresCatalogue(postgres_dsn)
    catalogue.upsert_markets([listed(Venue.KALSHI, "KXCPI-25SEP-T3.0", title="=CPI, 3%")], 5)
    catalogue.close()
    return PostgresExports(postgres_dsn)


def store(dsn: str, *batches: tuple[str, list[dict[str, Any]]]) -> None:
    async def write() -> None:
        journal = PostgresJournal(dsn)
        await journal.take_fencing(1, "us", {})
        await journal.write_batch([("packages", [package_row()]), *batches], 1)
        await journal.close()

    asyncio.run(write())


def fill(key: str, ns: int, **changes: Any) -> dict[str, Any]:
    return fill_row(key, fill_key=f"kalshi/{key}/o1", ts_fill_ns=ns, **changes)


def postings(*transactions: tuple[Transaction, int]) -> tuple[str, list[dict[str, Any]]]:
    rows = [row for t, wall in transactions for row in posting_rows(t, None, wall)]
    return ("ledger_postings", rows)


def test_a_year_holds_its_first_and_last_nanosecond_and_no_other(
    exports: PostgresExports, postgres_dsn: str
) -> None:
    moments = {"before": START - 1, "first": START, "last": END - 1, "after": END}
    store(postgres_dsn, ("fills", [fill(key, ns) for key, ns in moments.items()]))
    assert [r["trade_id"] for r in exports.rows("fills", 2025)] == ["first", "last"]
    assert [r["trade_id"] for r in exports.rows("fills", 2024)] == ["before"]
    assert [r["trade_id"] for r in exports.rows("fills", 2026)] == ["after"]
    times = [r["time_utc"] for r in exports.rows("fills", 2025)]
    assert times == ["2025-01-01T00:00:00.000000Z", "2025-12-31T23:59:59.999999Z"]


def test_fills_are_exact_and_say_what_became_of_them(
    exports: PostgresExports, postgres_dsn: str
) -> None:
    rows = [
        fill("a", START + 1, fee_usd_micros=1, px_micros=540_001, is_final=True),
        fill("b", START + 2, is_final=False),
        fill("c", START + 3, is_final=False),
        fill("d", START + 4, is_final=False),
    ]
    states = [
        {"fill_key": "kalshi/b/o1", "state": "provisional", "ts_ns": 1},
        {"fill_key": "kalshi/c/o1", "state": "confirmed", "ts_ns": 1},
        {"fill_key": "kalshi/d/o1", "state": "confirmed", "ts_ns": 1},
        {"fill_key": "kalshi/d/o1", "state": "failed", "ts_ns": 2},
    ]
    store(postgres_dsn, ("fills", rows), ("fill_states", states))
    found = list(exports.rows("fills", 2025))
    assert [r["state"] for r in found] == ["final", "provisional", "final", "failed"]
    first = found[0]
    assert (first["fee_usd"], first["px"], first["qty"]) == ("0.000001", "0.540001", "10")
    assert tuple(first) == exports.columns("fills")
    assert first["title"] == "=CPI, 3%", "stored text is not changed; the CSV defends itself"


def test_the_gain_of_a_settlement_is_what_its_own_postings_realised(
    exports: PostgresExports, postgres_dsn: str
) -> None:
    cash, basis_yes, basis_no = 10_000_000, 5_400_000, 1_234_567
    booked = payout_transaction(Venue.KALSHI, MARKET, "s1", cash, basis_yes, basis_no)
    other = payout_transaction(Venue.KALSHI, MARKET, "s2", 0, 777, 0)
    payouts = [
        {
            "reference": reference,
            "venue": "kalshi",
            "market_id": MARKET,
            "payout_micros": 1_000_000,
            "qty_yes_micros": 10_000_000,
            "qty_no_micros": 2_000_000,
            "cash_usd_micros": paid,
            "venue_ts_ns": START + 5,
            "posted_wall_ns": START + 6,
        }
        for reference, paid in (("s1", cash), ("s2", 0))
    ]
    store(postgres_dsn, ("payouts", payouts), postings((booked, START + 6), (other, START + 6)))
    first, second = exports.rows("settlements", 2025)
    assert Decimal(first["gain_usd"]) == Decimal(cash - basis_yes - basis_no) / 1_000_000
    assert first["cost_usd"] == "6.634567" and first["cash_usd"] == "10"
    assert (second["gain_usd"], second["cost_usd"]) == ("-0.000777", "0.000777")


def test_the_ledger_of_a_year_sums_to_zero(exports: PostgresExports, postgres_dsn: str) -> None:
    one = payout_transaction(Venue.KALSHI, MARKET, "s1", 3, 1, 1)
    two = payout_transaction(Venue.POLYMARKET, MARKET, "s2", 0, 7, 0)
    store(postgres_dsn, postings((one, START), (two, END - 1)))
    rows = list(exports.rows("ledger", 2025))
    assert sum(Decimal(r["usd"]) for r in rows) == 0
    assert {r["txn_id"] for r in rows} == {one.txn_id, two.txn_id}
    assert len(rows) == len(one.postings) + len(two.postings)
    assert f"position:{MARKET}:{Outcome.YES.value}" in {r["account"] for r in rows}


def test_more_rows_than_one_block_arrive_once_each(
    exports: PostgresExports, postgres_dsn: str
) -> None:
    store(postgres_dsn, ("fills", [fill(f"k{n}", START + n) for n in range(2_500)]))
    found = [r["trade_id"] for r in exports.rows("fills", 2025)]
    assert found == [f"k{n}" for n in range(2_500)]


@pytest.mark.parametrize(("what", "year"), [("secrets", 2025), ("fills", 1999), ("fills", 9999)])
def test_unknown_exports_and_years_are_refused(what: str, year: int) -> None:
    with pytest.raises(DomainError):
        next(PostgresExports("postgresql://127.0.0.1:1/none").rows(what, year))
