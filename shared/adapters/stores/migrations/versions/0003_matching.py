"""Matching as a pipeline: terms, rulings of people, crawls that go on, results of pairs.

Revision 0003, after 0002.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE markets ADD COLUMN game_start_ns BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE markets ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE market_pairs ADD COLUMN terms_a JSONB",
    "ALTER TABLE market_pairs ADD COLUMN terms_b JSONB",
    "ALTER TABLE market_pairs ADD COLUMN needs_person BOOLEAN NOT NULL DEFAULT false",
    """
    CREATE TABLE pair_rulings (
        list TEXT NOT NULL CONSTRAINT ck_pair_rulings_list_known
            CHECK (list IN ('block', 'allow')),
        kind TEXT NOT NULL CONSTRAINT ck_pair_rulings_kind_known
            CHECK (kind IN ('pair', 'series', 'source')),
        a TEXT NOT NULL,
        b TEXT NOT NULL,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        at_ns BIGINT NOT NULL,
        CONSTRAINT pair_rulings_pkey PRIMARY KEY (list, kind, a, b)
    )
    """,
    """
    CREATE TABLE crawls (
        venue TEXT NOT NULL CONSTRAINT crawls_pkey PRIMARY KEY,
        run_id TEXT NOT NULL,
        cursor TEXT NOT NULL DEFAULT '',
        listed BIGINT NOT NULL DEFAULT 0,
        changed BIGINT NOT NULL DEFAULT 0,
        started_ns BIGINT NOT NULL,
        updated_ns BIGINT NOT NULL,
        finished_ns BIGINT NOT NULL DEFAULT 0,
        leased_until_ns BIGINT NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE settlements (
        market_id TEXT NOT NULL CONSTRAINT settlements_pkey PRIMARY KEY,
        payout_micros BIGINT NOT NULL CONSTRAINT ck_settlements_payout_in_dollar
            CHECK (payout_micros BETWEEN 0 AND 1000000),
        seen_ns BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE settled_pairs (
        pair_id TEXT NOT NULL CONSTRAINT settled_pairs_pkey PRIMARY KEY,
        name TEXT NOT NULL,
        category TEXT NOT NULL DEFAULT '',
        series_id TEXT NOT NULL DEFAULT '',
        settlement_source TEXT NOT NULL DEFAULT '',
        payout_a_micros BIGINT NOT NULL,
        payout_b_micros BIGINT NOT NULL,
        has_diverged BOOLEAN NOT NULL DEFAULT false,
        checked_ns BIGINT NOT NULL
    )
    """,
    "CREATE INDEX ix_settled_pairs_series_id ON settled_pairs (series_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the record is never thrown away; restore a backup instead")
