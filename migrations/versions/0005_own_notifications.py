"""People's own notifications: names of their own, approval; what was read, which letters."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TYPES = (
    "'task_start', 'task_end', 'grafana_resource_exceedance_task', "
    "'grafana_resource_exceedance_general', 'other'"
)


def checks():
    """The checks of the table: SQLite makes it anew, and they are not copied by themselves."""
    return (
        sa.CheckConstraint("name <> ''", name=op.f("ck_notification_name_not_empty")),
        sa.CheckConstraint(
            "default_amount >= 0", name=op.f("ck_notification_default_amount_not_negative")
        ),
        sa.CheckConstraint(f"type IN ({TYPES})", name=op.f("ck_notification_type")),
    )


def upgrade():
    with op.batch_alter_table("notification", table_args=checks()) as table:
        table.add_column(sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("approved_by", sa.String(length=200), nullable=True))
        table.drop_constraint(op.f("uq_notification_name"), type_="unique")
        table.create_unique_constraint(op.f("uq_notification_owner_id_name"), ["owner_id", "name"])
    op.create_index(
        "ix_notification_name",
        "notification",
        ["name"],
        unique=True,
        postgresql_where=sa.text("owner_id IS NULL"),
        sqlite_where=sa.text("owner_id IS NULL"),
    )
    op.add_column(
        "user",
        sa.Column("calendar_letters", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("user", sa.Column("letters_seen_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column("user", "letters_seen_at")
    op.drop_column("user", "calendar_letters")
    op.drop_index("ix_notification_name", "notification")
    # One name was only ever one notification's: the later ones get their number after it.
    op.execute(
        "UPDATE notification SET name = substr(name, 1, 180) || ' ' || id WHERE EXISTS (SELECT 1 "
        "FROM notification AS other WHERE other.name = notification.name "
        "AND other.id < notification.id)"
    )
    with op.batch_alter_table("notification", table_args=checks()) as table:
        table.drop_constraint(op.f("uq_notification_owner_id_name"), type_="unique")
        table.create_unique_constraint(op.f("uq_notification_name"), ["name"])
        table.drop_column("approved_by")
        table.drop_column("approved_at")
