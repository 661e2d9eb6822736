"""What every Journal does, run against Postgres and against memory alike."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.adapters.stores.memory import MemoryJournal
from shared.adapters.stores.postgres_journal import PostgresJournal
from shared.domain.errors import FencedError, JournalError, RowRefusedError
from shared.domain.ids import PackageId
from tests.support.journal_rows import attempt_row, fill_row, package_row, posting_rows

pytestmark = pytest.mark.postgres

AnyJournal = PostgresJournal | MemoryJournal


@pytest.fixture(params=["memory", "postgres"])
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[AnyJournal]:
    made: AnyJournal
    if request.param == "memory":
        made = MemoryJournal()
    else:
        made = PostgresJournal(request.getfixturevalue("postgres_dsn"))
    await made.open()
    assert await made.take_fencing(1, "us", {"build": "b1"}) == 1
    yield made
    await made.close()


async def test_fencing_only_grows_and_tells_who_lost(journal: AnyJournal) -> None:
    assert await journal.take_fencing(1, "us", {}) == 1  # a repeat after a lost answer
    assert await journal.take_fencing(1, "them", {}) == 2  # taken by us: come with more
    assert await journal.take_fencing(7, "them", {"build": "b2"}) == 7
    assert await journal.take_fencing(3, "us", {}) == 7
    loaded = await journal.load_open()
    assert [dict(r) for r in loaded["fencing"]] == [
        {"number": 7, "holder": "them", "versions": {"build": "b2"}}
    ]


async def test_an_older_number_changes_nothing_anywhere(journal: AnyJournal) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    await journal.take_fencing(2, "them", {})
    with pytest.raises(FencedError):
        await journal.commit_envelope(package_row(2), [attempt_row(2)], 1)
    with pytest.raises(FencedError):
        await journal.write("fills", [fill_row()], 1)
    with pytest.raises(FencedError):
        await journal.void_envelope(PackageId("paper_sim-1-1"), "late", 1)
    loaded = await journal.load_open()
    assert [r["number"] for r in loaded["packages"]] == [1]
    assert loaded["fills"] == []


async def test_a_number_never_taken_is_no_license(journal: AnyJournal) -> None:
    with pytest.raises(JournalError, match="never taken"):
        await journal.commit_envelope(package_row(1), [attempt_row(1)], 9)
    assert (await journal.load_open())["packages"] == []


async def test_envelope_is_read_back_whole(journal: AnyJournal) -> None:
    package = package_row(1)
    attempts = [attempt_row(1, n) for n in range(13)]
    await journal.commit_envelope(package, attempts, 1)
    loaded = await journal.load_open()
    assert [dict(r) for r in loaded["packages"]] == [package | {"fencing": 1}]
    assert [dict(r) for r in loaded["orders"]] == attempts
    assert [dict(r) for r in loaded["package_number"]] == [{"number": 1}]


async def test_extension_adds_attempts_and_keeps_what_is_known(journal: AnyJournal) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    sent = attempt_row(1, state="sent", order_id="o1", ts_sent_ns=5)
    await journal.write("orders", [sent], 1)
    more = [attempt_row(1), attempt_row(1, 1)]
    await journal.commit_envelope(package_row(1, state="exposed"), more, 1)
    loaded = await journal.load_open()
    assert [r["state"] for r in loaded["packages"]] == ["exposed"]
    assert [(r["attempt"], r["state"]) for r in loaded["orders"]] == [(0, "sent"), (1, "planned")]


async def test_an_ended_package_cannot_be_committed_again(journal: AnyJournal) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    await journal.write("packages", [package_row(1, state="aborted", ended_wall_ns=9)], 1)
    with pytest.raises(RowRefusedError):
        await journal.commit_envelope(package_row(1), [attempt_row(1, 1)], 1)
    loaded = await journal.load_open()
    assert all(row["state"] == "aborted" for row in loaded["packages"])
    assert all(row["attempt"] == 0 for row in loaded["orders"])


async def test_void_ends_a_package_once(journal: AnyJournal) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    await journal.void_envelope(PackageId("paper_sim-1-1"), "lease lost", 1)
    await journal.void_envelope(PackageId("paper_sim-1-1"), "again", 1)
    await journal.void_envelope(PackageId("paper_sim-1-99"), "never seen", 1)
    loaded = await journal.load_open()
    assert loaded["packages"] == []
    assert [dict(r) for r in loaded["package_number"]] == [{"number": 1}]


async def test_fills_and_postings_are_stored_once_and_never_changed(journal: AnyJournal) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    batch: list[tuple[str, list[dict[str, Any]]]] = [
        ("fills", [fill_row(), fill_row()]),
        ("ledger_postings", posting_rows()),
    ]
    await journal.write_batch(batch, 1)
    await journal.write_batch(batch, 1)
    await journal.write("fills", [fill_row(px_micros=1, fee_usd_micros=0)], 1)
    await journal.write("ledger_postings", posting_rows(usd=1), 1)
    loaded = await journal.load_open()
    assert [dict(r) for r in loaded["fills"]] == [fill_row()]
    assert [dict(r) for r in loaded["ledger_balances"]] == [
        {"account": "cash:kalshi", "usd_micros": -5_400_000},
        {"account": "position:kalshi:KXCPI-25SEP-T3.0:no", "usd_micros": 5_400_000},
    ]


async def test_unbalanced_postings_are_refused_with_everything_beside_them(
    journal: AnyJournal,
) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    batch = [("fills", [fill_row()]), ("ledger_postings", posting_rows()[:1])]
    with pytest.raises(RowRefusedError, match=r"refused: .*-5400000 micro-dollars, not 0"):
        await journal.write_batch(batch, 1)
    loaded = await journal.load_open()
    assert loaded["fills"] == []
    assert loaded["ledger_balances"] == []
    await journal.write("ledger_postings", posting_rows(), 1)  # and the connection still works


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("fills", {"fill_key": "x", "nonsense": 1}),
        ("fills", {"venue": "kalshi"}),
        ("users", {"id": 1}),
        ("configs", {"version": 1}),
        ("positions", {"venue": "kalshi", "market_id": "m", "qty_yes_micros": 1}),
        ("fills", fill_row(venue=None)),
    ],
)
async def test_bad_rows_are_refused_by_name_and_spoil_nothing(
    journal: AnyJournal, table: str, row: dict[str, Any]
) -> None:
    with pytest.raises(RowRefusedError, match=r"^refused: "):
        await journal.write_batch(
            [("pair_proofs", [{"pair_id": "p", "at_ns": 1}]), (table, [row])], 1
        )
    assert (await journal.load_open())["pair_proofs"] == []
    await journal.write("pair_proofs", [{"pair_id": "p", "at_ns": 1}], 1)
    assert [r["pair_id"] for r in (await journal.load_open())["pair_proofs"]] == ["p"]


async def test_upserts_change_the_given_columns_only(journal: AnyJournal) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    await journal.write("orders", [{"attempt_id": "attempt-1-open-0", "state": "done"}], 1)
    row = (await journal.load_open())["orders"][0]
    assert dict(row) == attempt_row(1, state="done")


async def test_the_last_of_a_repeated_key_counts(journal: AnyJournal) -> None:
    rows = [
        {
            "venue": "kalshi",
            "market_id": "m",
            "qty_yes_micros": n,
            "qty_no_micros": 0,
            "avg_px_yes_micros": None,
            "avg_px_no_micros": None,
            "updated_wall_ns": n,
        }
        for n in (1, 2, 3)
    ]
    await journal.write("positions", rows, 1)
    assert [dict(r) for r in (await journal.load_open())["positions"]] == rows[-1:]


async def test_states_of_fills_of_open_packages_are_loaded(journal: AnyJournal) -> None:
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    state = {"fill_key": "kalshi/f1/o1", "state": "provisional", "ts_ns": 1}
    confirmed = state | {"state": "confirmed", "ts_ns": 2}
    await journal.write_batch(
        [("fills", [fill_row(is_final=False)]), ("fill_states", [state, confirmed, state])], 1
    )
    assert [dict(r) for r in (await journal.load_open())["fill_states"]] == [state, confirmed]


async def test_a_restart_remembers_what_ended_lately(journal: AnyJournal) -> None:
    """A late fill must find its package, and a re-read must post no fill twice."""
    now, hour = time.time_ns(), 3_600 * 10**9
    if isinstance(journal, MemoryJournal):
        journal._wall_ns = time.time_ns
    ends = {1: now - hour // 2, 2: now - 2 * hour, 3: now - hour // 2}
    rows = [
        package_row(n, state="flat", ended_wall_ns=end, void_reason="late" if n == 3 else None)
        for n, end in ends.items()
    ]
    fills = [
        fill_row("new", 2, ts_recorded_ns=now - 47 * hour),
        fill_row("old", 2, ts_recorded_ns=now - 49 * hour),
        fill_row("foreign", 2, package_id=None, ts_recorded_ns=now),
    ]
    orders = [attempt_row(n) for n in ends]
    await journal.write_batch([("packages", rows), ("orders", orders), ("fills", fills)], 1)
    loaded = await journal.load_open()
    assert [r["number"] for r in loaded["packages"]] == [1]
    assert [r["package_id"] for r in loaded["orders"]] == ["paper_sim-1-1"]
    assert sorted(r["trade_id"] for r in loaded["fills"]) == ["foreign", "new"]


async def test_text_that_the_database_cannot_hold_is_stored_readably(journal: AnyJournal) -> None:
    if isinstance(journal, MemoryJournal):
        pytest.skip("memory holds any text")
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    nasty = "a\x00b \ud800 \\u0000 \U0001f600"
    await journal.write("orders", [attempt_row(1, reason=nasty)], 1)
    assert (await journal.load_open())["orders"][0]["reason"] == "a�b ? \\u0000 \U0001f600"


async def test_nothing_to_write_is_no_error(journal: AnyJournal) -> None:
    await journal.write_batch([], 1)
    await journal.write("fills", [], 1)
