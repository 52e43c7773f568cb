"""${message}

Revision ${up_revision}, after ${down_revision | comma,n}; ${create_date.date()}.

Before you commit, see that
- it runs on SQLite and PostgreSQL, up and down (tests/harness/test_migrations.py proves it);
- old code can run beside the new schema: add first, fill, switch, and drop in a later release;
- a new column of a large table is nullable or has a constant default, and is filled in batches by a task, not here;
- an index or a check on a large table is made without blocking writers (CONCURRENTLY, NOT VALID) in a migration of its own;
- nothing in here imports the application: it must mean the same in ten years.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
