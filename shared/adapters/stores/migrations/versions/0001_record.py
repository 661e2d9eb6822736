"""The whole record: tables, the rules that the database itself holds, and readable views.

Revision 0001; nothing before it.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_PARTS = ("0001_record.sql", "0001_rules.sql", "0001_views.sql")


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    for part in _PARTS:
        cursor.execute((Path(__file__).parent / part).read_bytes())
    cursor.close()


def downgrade() -> None:
    raise NotImplementedError("the record is never thrown away; restore a backup instead")
