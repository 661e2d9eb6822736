"""Migrations: up from empty, twice, at once, equal to the schema, and refused when newer."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql

from shared.adapters.stores import migrate as module
from shared.adapters.stores.migrate import Migrated, main, migrate, newest_revision
from shared.adapters.stores.postgres_engine import sqlalchemy_url
from shared.adapters.stores.postgres_schema import metadata
from shared.domain.errors import StoreError

pytestmark = pytest.mark.postgres

SECTION_4 = {
    "markets": "id venue ticker_or_token title resolution_source close_time category binary_flag",
    "events": "id venue slug_or_ticker title start_time end_time",
    "market_pairs": "id market_a_id market_b_id llm_score rules_passed active_flag",
    "orderbooks": "id market_id ts bid_px bid_sz ask_px ask_sz lvl2_json",
    "edges": "id pair_id ts net_edge_cents leader signal_conf fee_rev_hash",
    "orders": "id venue market_id side px qty ts_sent ts_ack status",
    "positions": "id venue market_id qty_yes qty_no avg_px_yes avg_px_no",
    "fills": "id order_id px qty ts_fill fee slippage_cents",
    "configs": "key val version ts",
}
"""The data model of the specification, column by column."""


def test_from_empty_then_again_changes_nothing(empty_dsn: str) -> None:
    assert migrate(empty_dsn) == Migrated(None, newest_revision())
    assert migrate(empty_dsn) == Migrated(newest_revision(), newest_revision())


def test_two_at_once_both_succeed(empty_dsn: str) -> None:
    results: list[Migrated | BaseException] = []

    def run() -> None:
        try:
            results.append(migrate(empty_dsn))
        except BaseException as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {r.after for r in results if isinstance(r, Migrated)} == {newest_revision()}
    assert len(results) == 2


def test_migrated_database_equals_the_declared_schema(postgres_dsn: str) -> None:
    engine = create_engine(sqlalchemy_url(postgres_dsn))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_migrated_constraints_equal_the_declared_ones(postgres_dsn: str) -> None:
    dialect = postgresql.dialect()
    declared = {
        dialect.identifier_preparer.format_constraint(c)
        for t in metadata.tables.values()
        for c in t.constraints
    }
    with psycopg.connect(postgres_dsn) as connection:
        rows = connection.execute(
            "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'p', 'u')"
            " AND connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'"
        ).fetchall()
    assert {row[0] for row in rows} == declared


@pytest.mark.parametrize("table", sorted(SECTION_4))
def test_views_have_the_columns_of_the_specification(postgres_dsn: str, table: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        cursor = connection.execute(f"TABLE v_{table}".encode())
        assert [c.name for c in cursor.description or []] == SECTION_4[table].split()


def test_f076_newer_database_is_refused_in_words_and_left_alone(
    postgres_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert main(["--dsn", postgres_dsn]) == 1
    said = capsys.readouterr().err
    assert "revision 9999, newer than this build" in said
    assert len(said.strip().splitlines()) == 1
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_each_older_revision_upgrades_to_the_newest(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = module._scripts(module._config())
    revisions = [s.revision for s in scripts.walk_revisions()][::-1]
    assert revisions == sorted(revisions)
    from alembic import command

    engine = create_engine(sqlalchemy_url(empty_dsn))
    with engine.begin() as connection:
        config = module._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revisions[0])
        connection.exec_driver_sql("INSERT INTO pair_proofs VALUES ('pr_kept', 1)")
    engine.dispose()
    assert migrate(empty_dsn) == Migrated(revisions[0], revisions[-1])
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT pair_id FROM pair_proofs").fetchone() == ("pr_kept",)


def test_failed_migration_leaves_nothing_behind(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE fills (already int)")
        with pytest.raises(StoreError, match="nothing was changed"):
            migrate(empty_dsn)
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert tables == [("fills",)]


@pytest.mark.parametrize("dsn", ["mysql://x", "nonsense", "postgresql://nobody@127.0.0.1:1/x"])
def test_bad_address_is_one_sentence(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dsn", dsn]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_missing_argument_is_wrong_use() -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2


def test_frozen_sql_holds_no_placeholder_of_a_driver() -> None:
    folder = Path(module.__file__).parent / "migrations" / "versions"
    for file in folder.glob("*.sql"):
        assert not re.search(r"%\(|%s", file.read_text()), file.name
