"""What only the real database shows: durability, races, silence, rules of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.adapters.stores.migrate import migrate
from shared.adapters.stores.postgres_journal import PostgresJournal
from shared.domain.errors import FencedError, JournalError
from tests.support.journal_rows import attempt_row, fill_row, package_row, posting_rows

pytestmark = pytest.mark.postgres


@pytest.fixture
def durable() -> Iterator[EmbeddedPostgres]:
    """A server of its own, with fsync, that a test may kill."""
    with tempfile.TemporaryDirectory(prefix="tlpg-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        migrate(server.start())
        yield server
        server.stop()


async def test_committed_envelopes_and_fills_survive_kill_9(durable: EmbeddedPostgres) -> None:
    journal = PostgresJournal(durable.dsn())
    await journal.take_fencing(1, "us", {})
    for number in range(1, 6):
        await journal.commit_envelope(package_row(number), [attempt_row(number)], 1)
    await journal.write_batch([("fills", [fill_row()]), ("ledger_postings", posting_rows())], 1)
    durable.kill()
    with pytest.raises(JournalError, match=r"^database: "):
        await journal.commit_envelope(package_row(6), [attempt_row(6)], 1)
    durable.start()
    await journal.commit_envelope(package_row(7), [attempt_row(7)], 1)  # same object, new sockets
    loaded = await journal.load_open()
    assert [r["number"] for r in loaded["packages"]] == [1, 2, 3, 4, 5, 7]
    assert len(loaded["fills"]) == 1
    assert sum(r["usd_micros"] for r in loaded["ledger_balances"]) == 0
    await journal.close()


def test_a_killed_trader_loses_no_acknowledged_envelope(durable: EmbeddedPostgres) -> None:
    """A process that prints after each commit is killed -9: all it printed is stored."""
    script = textwrap.dedent(
        """
        import asyncio, sys
        from shared.adapters.stores.postgres_journal import PostgresJournal
        from tests.support.journal_rows import attempt_row, package_row

        async def main():
            journal = PostgresJournal(sys.argv[1])
            await journal.take_fencing(1, "us", {})
            for number in range(1, 100_000):
                await journal.commit_envelope(package_row(number), [attempt_row(number)], 1)
                print(number, flush=True)

        asyncio.run(main())
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, durable.dsn()], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(50)]
    process.kill()
    said += [int(line) for line in process.communicate()[0].splitlines() if line.strip()]
    with psycopg.connect(durable.dsn()) as connection:
        stored = {row[0] for row in connection.execute("SELECT number FROM packages")}
    assert set(said) <= stored
    assert len(stored - set(said)) <= 1


async def test_silence_is_a_journal_error_in_bounded_time(durable: EmbeddedPostgres) -> None:
    journal = PostgresJournal(durable.dsn(), commit_timeout_s=0.3, write_timeout_s=0.3)
    await journal.take_fencing(1, "us", {})
    await journal.ping()
    backends = _backends(durable)
    _signal(backends, signal.SIGSTOP)
    try:
        with pytest.raises(JournalError, match="no answer within"):
            await asyncio.wait_for(
                journal.commit_envelope(package_row(1), [attempt_row(1)], 1), timeout=5
            )
        with pytest.raises(JournalError, match="no answer within"):
            await asyncio.wait_for(journal.write("fills", [fill_row()], 1), timeout=5)
    finally:
        _signal(backends, signal.SIGCONT)
    await journal.commit_envelope(package_row(2), [attempt_row(2)], 1)
    await journal.close()


async def test_a_cancelled_commit_leaves_a_usable_journal(durable: EmbeddedPostgres) -> None:
    journal = PostgresJournal(durable.dsn())
    await journal.take_fencing(1, "us", {})
    await journal.ping()
    backends = _backends(durable)
    _signal(backends, signal.SIGSTOP)
    task = asyncio.ensure_future(journal.commit_envelope(package_row(1), [attempt_row(1)], 1))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.sleep(0.05)
    _signal(backends, signal.SIGCONT)
    with pytest.raises(asyncio.CancelledError):
        await task
    await journal.commit_envelope(package_row(2), [attempt_row(2)], 1)
    assert 2 in [r["number"] for r in (await journal.load_open())["packages"]]
    await journal.close()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # the one that listed them may be leaving
            os.kill(pid, number)


def _backends(server: EmbeddedPostgres) -> list[int]:
    with psycopg.connect(server.dsn()) as connection:
        rows = connection.execute(
            "SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        ).fetchall()
    assert rows
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            here = (entry / "cwd").samefile(server.cluster)
        except OSError:
            continue
        if here and "postgres twinleg" in words:
            found.append(int(entry.name))
    assert found
    return found


async def test_dropped_connection_reconnects_without_a_word(postgres_dsn: str) -> None:
    journal = PostgresJournal(postgres_dsn)
    await journal.take_fencing(1, "us", {})
    await journal.ping()
    # The timeout waits for the end: a session that dies inside the write is another case.
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await journal.commit_envelope(package_row(1), [attempt_row(1)], 1)
    await journal.write("fills", [fill_row()], 1)
    assert len((await journal.load_open())["fills"]) == 1
    await journal.close()


async def test_a_successor_waits_for_writes_checked_before_it(postgres_dsn: str) -> None:
    """The raise cannot slip between a write's check and its commit (I-06)."""
    journal = PostgresJournal(postgres_dsn)
    await journal.take_fencing(1, "old", {})
    successor = PostgresJournal(postgres_dsn)
    with psycopg.connect(postgres_dsn) as held:
        held.execute("SELECT twinleg_assert_fencing(1)")
        held.execute("INSERT INTO pair_proofs VALUES ('checked', 1)")
        taking = asyncio.ensure_future(successor.take_fencing(2, "new", {}))
        await asyncio.sleep(0.2)
        assert not taking.done()
        held.commit()
    assert await taking == 2
    with pytest.raises(FencedError):
        await journal.write("pair_proofs", [{"pair_id": "late", "at_ns": 1}], 1)
    await journal.close()
    await successor.close()


async def test_two_traders_racing_for_numbers_never_share_one(postgres_dsn: str) -> None:
    journals = [PostgresJournal(postgres_dsn) for _ in range(4)]

    async def race(index: int) -> list[int]:
        held = []
        for epoch in range(1, 30):
            number = await journals[index].take_fencing(epoch, f"trader-{index}", {})
            if number == epoch:
                held.append(number)
        return held

    won = await asyncio.gather(*(race(index) for index in range(4)))
    flat = [number for numbers in won for number in numbers]
    assert len(flat) == len(set(flat))
    for journal in journals:
        await journal.close()


@pytest.mark.parametrize("table", ["fills", "ledger_postings", "fill_states", "payouts", "configs"])
@pytest.mark.parametrize("act", ["DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_itself_refuses_to_forget(postgres_dsn: str, table: str, act: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        with pytest.raises(psycopg.Error, match="insert-only"):
            connection.execute(act.format(table).encode())
        connection.rollback()


def test_the_database_itself_refuses_an_unbalanced_transaction(postgres_dsn: str) -> None:
    insert = (
        "INSERT INTO ledger_postings (posting_id, txn_id, account, usd_micros, kind, ref, wall_ns)"
        " VALUES (%s, 't', 'cash:kalshi', %s, 'fill', '', 1)"
    )
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(insert, ["t#0", 5])
        with pytest.raises(psycopg.Error, match="sum to 5"):
            connection.commit()
        connection.execute(insert, ["t#0", 5])
        connection.execute(insert, ["t#1", -5])
        connection.commit()
        connection.execute(insert, ["t#2", 1])  # nothing may be added to it later either
        with pytest.raises(psycopg.Error, match="sum to 1"):
            connection.commit()


def test_views_speak_the_units_of_the_specification(postgres_dsn: str) -> None:
    async def write() -> None:
        journal = PostgresJournal(postgres_dsn)
        await journal.take_fencing(1, "us", {})
        await journal.write("fills", [fill_row(slippage_micros=2_000)], 1)
        await journal.write("orders", [attempt_row(1, ts_sent_ns=1_700_000_000_123_456_789)], 1)
        await journal.close()

    asyncio.run(write())
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("SET timezone = 'UTC'")
        fill = connection.execute(
            "SELECT px::text, qty::text, fee::text, slippage_cents::text FROM v_fills"
        ).fetchone()
        order = connection.execute(
            "SELECT px::text, ts_sent::text, status FROM v_orders"
        ).fetchone()
    assert fill == ("0.54", "10", "0.174", "0.2")
    assert order == ("0.546", "2023-11-14 22:13:20.123456+00", "planned")
