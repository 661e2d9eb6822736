"""The paper venue's own records: what a real venue would keep about our account.

Revision 0002, after 0001. Each row is one whole record of the simulated exchange.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("paper_orders", "paper_fills", "paper_payouts", "paper_balances", "paper_attempts")


def upgrade() -> None:
    for name in _TABLES:
        op.create_table(
            name,
            sa.Column("venue", sa.Text, nullable=False),
            sa.Column("key", sa.Text, nullable=False),
            sa.Column("document", JSONB, nullable=False),
            sa.Column("updated_ns", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("venue", "key", name=f"{name}_pkey"),
        )


def downgrade() -> None:
    raise NotImplementedError("the record is never thrown away; restore a backup instead")
