"""Rows as statements: grouping, repeated keys, refusals; errors sorted by blame."""

from __future__ import annotations

import psycopg
import pytest

from shared.adapters.stores.postgres_connection import sort_error
from shared.adapters.stores.postgres_engine import sqlalchemy_url
from shared.adapters.stores.postgres_rows import (
    INSERT_ONLY,
    JOURNAL_TABLES,
    clean,
    encode,
    shape_of,
    statements,
)
from shared.adapters.stores.postgres_schema import metadata
from shared.domain.errors import FencedError, JournalError, RowRefusedError, StoreError
from tests.support.journal_rows import fill_row


def test_every_table_of_the_journal_exists_and_has_a_key() -> None:
    for name in JOURNAL_TABLES:
        assert name in metadata.tables
        shape = shape_of(name)
        assert shape.key
        assert set(shape.key) <= shape.required
    assert set(JOURNAL_TABLES) >= INSERT_ONLY


def test_rows_of_equal_columns_share_a_statement_and_order_is_kept() -> None:
    rows = [
        {"pair_id": "a", "at_ns": 1},
        {"pair_id": "b", "at_ns": 2},
        {"pair_id": "a", "at_ns": 3},
    ]
    (statement,) = statements("pair_proofs", rows)
    assert statement.rows == '[{"pair_id":"a","at_ns":3},{"pair_id":"b","at_ns":2}]'
    assert "DO UPDATE SET at_ns" in statement.sql
    parts = [{"attempt_id": "a", "state": "x"}, {"attempt_id": "a", "reason": "y"}]
    assert [s.must_match for s in statements("orders", parts)] == [True, True]


def test_the_first_of_a_repeated_fill_counts() -> None:
    (statement,) = statements("fills", [fill_row(), fill_row(px_micros=1)])
    assert statement.count == 1
    assert '"px_micros":540000' in statement.rows
    assert statement.sql.endswith("DO NOTHING")


@pytest.mark.parametrize(
    ("table", "row", "said"),
    [
        ("nope", {"x": 1}, "not a table of the journal"),
        ("pair_proofs", {"pair_id": "a", "id": 1}, "no column id"),
        ("pair_proofs", {"at_ns": 1}, "lacks its key pair_id"),
        ("edges", {"pair_id": "a", "ts_ns": 1, "id": 5}, "no column id"),
        ("orders", {"attempt_id": "a"}, "its key and nothing else"),
        ("pair_proofs", {"pair_id": "a", "at_ns": object()}, "cannot be stored"),
    ],
)
def test_bad_rows_say_what_is_wrong(table: str, row: dict[str, object], said: str) -> None:
    with pytest.raises(RowRefusedError, match=said):
        list(statements(table, [row]))


def test_texts_lose_only_what_the_database_refuses() -> None:
    assert (
        encode({"a": "x\x00\ud800y", "b": [None, True, 1.5]})
        == '{"a":"x\ufffd?y","b":[null,true,1.5]}'
    )
    assert encode("back\\u0000slash") == '"back\\\\u0000slash"'
    assert clean({"k\x00": ("t",)}) == {"k\ufffd": ["t"]}


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("TW001", FencedError),
        ("TW003", RowRefusedError),
        ("TW004", RowRefusedError),
        ("23502", RowRefusedError),
        ("22003", RowRefusedError),
        ("42703", RowRefusedError),
        ("TW002", JournalError),
        ("40P01", JournalError),
        ("53100", JournalError),
        ("57P01", JournalError),
        (None, JournalError),
    ],
)
def test_errors_are_sorted_by_blame(state: str | None, kind: type[JournalError]) -> None:
    error = psycopg.Error("first line\nsecond line")
    error.sqlstate = state
    sorted_error = sort_error(error)
    assert type(sorted_error) is kind
    assert "second line" not in str(sorted_error)
    assert str(sorted_error).startswith("refused: ") == (kind is RowRefusedError)


def test_only_postgres_addresses_are_taken() -> None:
    assert (
        sqlalchemy_url("postgresql://u@/db?host=%2Ftmp") == "postgresql+psycopg://u@/db?host=%2Ftmp"
    )
    for bad in ("mysql://x", "", "/tmp/x"):
        with pytest.raises(StoreError):
            sqlalchemy_url(bad)
