"""Grafana follows by itself; where a node's exporters are; what measures a resource."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MEASURES = ("cpu", "memory", "gpu", "gpu_memory", "custom")


def upgrade():
    op.create_table(
        "grafana_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_grafana_mark_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grafana_mark")),
    )
    for column in ("user_id", "next_attempt_at"):
        op.create_index(op.f(f"ix_grafana_mark_{column}"), "grafana_mark", [column])
    op.create_table(
        "grafana_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edges_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("passed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_grafana_state_only")),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_grafana_state_failures_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grafana_state")),
    )
    op.add_column("node", sa.Column("address", sa.String(length=255), nullable=True))
    op.add_column("node", sa.Column("exporters", sa.JSON(), nullable=True))
    with op.batch_alter_table("resource") as table:
        measure = sa.Enum(
            *MEASURES, name="measure", native_enum=False, create_constraint=False, length=40
        )
        table.add_column(sa.Column("measure", measure, nullable=True))
        table.add_column(sa.Column("usage_query", sa.Text(), nullable=True))
        measures = ", ".join(f"'{measure}'" for measure in MEASURES)
        table.create_check_constraint(op.f("ck_resource_measure"), f"measure IN ({measures})")
        table.create_check_constraint(
            op.f("ck_resource_query_where_custom"),
            "(measure IS NOT NULL AND measure = 'custom') = (usage_query IS NOT NULL)",
        )


def downgrade():
    with op.batch_alter_table("resource") as table:
        table.drop_constraint(op.f("ck_resource_query_where_custom"), type_="check")
        table.drop_constraint(op.f("ck_resource_measure"), type_="check")
        table.drop_column("usage_query")
        table.drop_column("measure")
    op.drop_column("node", "exporters")
    op.drop_column("node", "address")
    op.drop_table("grafana_state")
    op.drop_table("grafana_mark")
