"""Both cost hashes on every fill, and the versions that the hashes stand for.

Revision 0004, after 0003.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE fills ADD COLUMN fee_rev_hash TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE fills ADD COLUMN friction_hash TEXT NOT NULL DEFAULT ''",
    """
    CREATE TABLE cost_versions (
        hash TEXT NOT NULL CONSTRAINT cost_versions_pkey PRIMARY KEY,
        kind TEXT NOT NULL CONSTRAINT ck_cost_versions_kind_known
            CHECK (kind IN ('fee', 'friction')),
        venue TEXT NOT NULL DEFAULT '',
        scope TEXT NOT NULL DEFAULT '',
        version TEXT NOT NULL,
        source TEXT NOT NULL DEFAULT '',
        as_of_ns BIGINT NOT NULL DEFAULT 0,
        is_confirmed BOOLEAN NOT NULL DEFAULT true,
        first_seen_ns BIGINT NOT NULL
    )
    """,
    """
    CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cost_versions
    FOR EACH STATEMENT EXECUTE FUNCTION twinleg_refuse_change()
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the record is never thrown away; restore a backup instead")
