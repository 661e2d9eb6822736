"""What became of each hedge: the outcomes from which the completion probability learns.

Revision 0005, after 0004.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE hedge_outcomes (
        package_id TEXT NOT NULL CONSTRAINT hedge_outcomes_pkey PRIMARY KEY,
        mode TEXT NOT NULL,
        venue TEXT NOT NULL,
        category TEXT NOT NULL,
        coverage_ppm BIGINT NOT NULL
            CONSTRAINT ck_hedge_outcomes_coverage_not_negative CHECK (coverage_ppm >= 0),
        chance_ppm BIGINT,
        is_success BOOLEAN NOT NULL,
        at_ns BIGINT NOT NULL
    )
    """,
    """
    CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hedge_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION twinleg_refuse_change()
    """,
    "CREATE INDEX ix_hedge_outcomes_at_ns ON hedge_outcomes (at_ns)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the record is never thrown away; restore a backup instead")
