"""Usernames and e-mail addresses as they are without regard to case, to be looked up by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LENGTHS = {"username": 600, "email": 960}
AT_ONCE = 1000  # rows


def checks():
    """The checks of the table: SQLite makes it anew, and they are not copied by themselves."""
    return (
        sa.CheckConstraint("username <> ''", name=op.f("ck_user_username_not_empty")),
        sa.CheckConstraint("uid >= 0", name=op.f("ck_user_uid_not_negative")),
    )


def upgrade():
    for column, length in LENGTHS.items():
        op.add_column("user", sa.Column(f"{column}_folded", sa.String(length), nullable=True))
    fold_all(op.get_bind())
    with op.batch_alter_table("user", table_args=checks()) as table:
        for column, length in LENGTHS.items():
            table.alter_column(f"{column}_folded", existing_type=sa.String(length), nullable=False)
    for column in LENGTHS:
        op.create_index(op.f(f"ix_user_{column}_folded"), "user", [f"{column}_folded"])


def downgrade():
    for column in LENGTHS:
        op.drop_index(op.f(f"ix_user_{column}_folded"), "user")
    with op.batch_alter_table("user", table_args=checks()) as table:
        for column in LENGTHS:
            table.drop_column(f"{column}_folded")


def fold_all(connection):
    """Not in SQL: lower() of SQLite, and of PostgreSQL with the locale C, knows ASCII alone."""
    names = [name for column in LENGTHS for name in (column, f"{column}_folded")]
    user = sa.table("user", sa.column("id"), *map(sa.column, names))
    query = sa.select(user.c.id, user.c.username, user.c.email).order_by(user.c.id).limit(AT_ONCE)
    change = (
        user.update()
        .where(user.c.id == sa.bindparam("row"))
        .values({f"{column}_folded": sa.bindparam(f"new_{column}") for column in LENGTHS})
    )
    last = 0
    while rows := connection.execute(query.where(user.c.id > last)).all():
        connection.execute(change, [changes(row) for row in rows])
        last = rows[-1].id


def changes(row):
    return {
        "row": row.id,
        "new_username": folded(row.username),
        "new_email": folded(row.email),
    }


def folded(text):
    return text.replace("\u0130", "i").casefold()
