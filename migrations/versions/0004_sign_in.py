"""With which program somebody signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("auth_session") as table:
        table.add_column(sa.Column("agent", sa.String(length=100), nullable=True))


def downgrade():
    with op.batch_alter_table("auth_session") as table:
        table.drop_column("agent")
