"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "alias",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("ck_alias_name_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias")),
        sa.UniqueConstraint("name", name=op.f("uq_alias_name")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_kind_subject_id_id"), "audit", ["kind", "subject_id", "id"])

    op.create_table(
        "group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("users_share_statistics", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("ck_group_name_not_empty")),
        sa.CheckConstraint(
            "parent_id IS NULL OR parent_id <> id", name=op.f("ck_group_not_its_own_parent")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["group.id"], name=op.f("fk_group_parent_id_group")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group")),
        sa.UniqueConstraint("name", name=op.f("uq_group_name")),
    )
    op.create_index(op.f("ix_group_parent_id"), "group", ["parent_id"])

    op.create_table(
        "node",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "available",
                "drained",
                "retired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="available",
            nullable=False,
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_node_name_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
        sa.UniqueConstraint("name", name=op.f("uq_node_name")),
    )
    op.create_table(
        "resource",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "unit",
            sa.Enum(
                "",
                "Bytes (SI)",
                "Bytes (IEC)",
                name="unit",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_resource_name_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
        sa.UniqueConstraint("name", name=op.f("uq_resource_name")),
    )
    op.create_table(
        "capacity",
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_capacity_amount_not_negative")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_capacity_node_id_node")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_capacity_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("node_id", "resource_id", name=op.f("pk_capacity")),
    )
    op.create_index(op.f("ix_capacity_resource_id"), "capacity", ["resource_id"])

    op.create_table(
        "maintenance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_maintenance_ends_after_start")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_maintenance_node_id_node")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_index(op.f("ix_maintenance_node_id_ends_at"), "maintenance", ["node_id", "ends_at"])

    op.create_table(
        "resource_alias",
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("alias_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alias_id"],
            ["alias.id"],
            name=op.f("fk_resource_alias_alias_id_alias"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"],
            ["resource.id"],
            name=op.f("fk_resource_alias_resource_id_resource"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("resource_id", "alias_id", name=op.f("pk_resource_alias")),
    )
    op.create_index(op.f("ix_resource_alias_alias_id"), "resource_alias", ["alias_id"])

    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("surname", sa.String(length=200), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column(
            "password_change_required", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("time_zone", sa.String(length=100), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("username <> ''", name=op.f("ck_user_username_not_empty")),
        sa.CheckConstraint("uid >= 0", name=op.f("ck_user_uid_not_negative")),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_user_group_id_group")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
        sa.UniqueConstraint("uid", name=op.f("uq_user_uid")),
        sa.UniqueConstraint("username", name=op.f("uq_user_username")),
    )
    op.create_index(op.f("ix_user_group_id"), "user", ["group_id"])

    op.create_table(
        "auth_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("refresh_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(length=100), nullable=True),
        sa.CheckConstraint("kind IN ('web', 'token')", name=op.f("ck_auth_session_kind")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_auth_session_user_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_session")),
    )
    op.create_index(op.f("ix_auth_session_expires_at"), "auth_session", ["expires_at"])
    op.create_index(op.f("ix_auth_session_user_id"), "auth_session", ["user_id"])

    op.create_table(
        "idempotency_key",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_idempotency_key_user_id_user")
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"])

    op.create_table(
        "limit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column(
            "scope",
            sa.Enum(
                "each_node",
                "total",
                name="scope",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(user_id IS NULL) <> (group_id IS NULL)",
            name=op.f("ck_limit_exactly_one_of_user_and_group"),
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_limit_amount_not_negative")),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_limit_group_id_group")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_limit_resource_id_resource")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_limit_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit")),
    )
    op.create_index(op.f("ix_limit_group_id"), "limit", ["group_id"])
    op.create_index(op.f("ix_limit_resource_id"), "limit", ["resource_id"])
    op.create_index(op.f("ix_limit_user_id"), "limit", ["user_id"])

    op.create_table(
        "notification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "type",
            sa.Enum(
                "task_start",
                "task_end",
                "grafana_resource_exceedance_task",
                "grafana_resource_exceedance_general",
                "other",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("time_offset", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("default_amount", sa.BigInteger(), nullable=True),
        sa.Column("resource_id", sa.Integer(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("ck_notification_name_not_empty")),
        sa.CheckConstraint(
            "default_amount >= 0", name=op.f("ck_notification_default_amount_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_notification_owner_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_notification_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("name", name=op.f("uq_notification_name")),
    )
    op.create_index(op.f("ix_notification_owner_id"), "notification", ["owner_id"])
    op.create_index(op.f("ix_notification_resource_id"), "notification", ["resource_id"])

    op.create_table(
        "reservation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_reservation_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_reservation_owner_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
    )
    op.create_index(
        op.f("ix_reservation_ends_at_starts_at"), "reservation", ["ends_at", "starts_at"]
    )
    op.create_index(op.f("ix_reservation_owner_id_ends_at"), "reservation", ["owner_id", "ends_at"])
    op.create_index(op.f("ix_reservation_starts_at_id"), "reservation", ["starts_at", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_reservation_span",
            "reservation",
            [sa.text("tstzrange(starts_at, ends_at)")],
            postgresql_using="gist",
        )

    op.create_table(
        "tag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_tag_name_not_empty")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_tag_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_tag_user_id_name")),
    )
    op.create_table(
        "allocation",
        sa.Column("reservation_id", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_allocation_amount_positive")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_allocation_node_id_node")),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["reservation.id"],
            name=op.f("fk_allocation_reservation_id_reservation"),
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_allocation_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint(
            "reservation_id", "node_id", "resource_id", name=op.f("pk_allocation")
        ),
    )
    op.create_index(op.f("ix_allocation_node_id"), "allocation", ["node_id"])
    op.create_index(op.f("ix_allocation_resource_id"), "allocation", ["resource_id"])

    op.create_table(
        "limit_node",
        sa.Column("limit_id", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["limit_id"],
            ["limit.id"],
            name=op.f("fk_limit_node_limit_id_limit"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_limit_node_node_id_node")),
        sa.PrimaryKeyConstraint("limit_id", "node_id", name=op.f("pk_limit_node")),
    )
    op.create_index(op.f("ix_limit_node_node_id"), "limit_node", ["node_id"])

    op.create_table(
        "notification_group",
        sa.Column("notification_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_notification_group_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notification.id"],
            name=op.f("fk_notification_group_notification_id_notification"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("notification_id", "group_id", name=op.f("pk_notification_group")),
    )
    op.create_index(op.f("ix_notification_group_group_id"), "notification_group", ["group_id"])

    op.create_table(
        "notification_user",
        sa.Column("notification_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notification.id"],
            name=op.f("fk_notification_user_notification_id_notification"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_notification_user_user_id_user")
        ),
        sa.PrimaryKeyConstraint("notification_id", "user_id", name=op.f("pk_notification_user")),
    )
    op.create_index(op.f("ix_notification_user_user_id"), "notification_user", ["user_id"])

    op.create_table(
        "reservation_tag",
        sa.Column("reservation_id", sa.Integer(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["reservation.id"],
            name=op.f("fk_reservation_tag_reservation_id_reservation"),
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["tag.id"], name=op.f("fk_reservation_tag_tag_id_tag"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reservation_id", "tag_id", name=op.f("pk_reservation_tag")),
    )
    op.create_index(op.f("ix_reservation_tag_tag_id"), "reservation_tag", ["tag_id"])


def downgrade():
    op.drop_index(op.f("ix_reservation_tag_tag_id"), "reservation_tag")

    op.drop_table("reservation_tag")
    op.drop_index(op.f("ix_notification_user_user_id"), "notification_user")

    op.drop_table("notification_user")
    op.drop_index(op.f("ix_notification_group_group_id"), "notification_group")

    op.drop_table("notification_group")
    op.drop_index(op.f("ix_limit_node_node_id"), "limit_node")

    op.drop_table("limit_node")
    op.drop_index(op.f("ix_allocation_resource_id"), "allocation")
    op.drop_index(op.f("ix_allocation_node_id"), "allocation")

    op.drop_table("allocation")
    op.drop_table("tag")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_reservation_span", "reservation")
    op.drop_index(op.f("ix_reservation_starts_at_id"), "reservation")
    op.drop_index(op.f("ix_reservation_owner_id_ends_at"), "reservation")
    op.drop_index(op.f("ix_reservation_ends_at_starts_at"), "reservation")

    op.drop_table("reservation")
    op.drop_index(op.f("ix_notification_resource_id"), "notification")
    op.drop_index(op.f("ix_notification_owner_id"), "notification")

    op.drop_table("notification")
    op.drop_index(op.f("ix_limit_user_id"), "limit")
    op.drop_index(op.f("ix_limit_resource_id"), "limit")
    op.drop_index(op.f("ix_limit_group_id"), "limit")

    op.drop_table("limit")
    op.drop_index(op.f("ix_idempotency_key_created_at"), "idempotency_key")

    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_auth_session_user_id"), "auth_session")
    op.drop_index(op.f("ix_auth_session_expires_at"), "auth_session")

    op.drop_table("auth_session")
    op.drop_index(op.f("ix_user_group_id"), "user")

    op.drop_table("user")
    op.drop_index(op.f("ix_resource_alias_alias_id"), "resource_alias")

    op.drop_table("resource_alias")
    op.drop_index(op.f("ix_maintenance_node_id_ends_at"), "maintenance")

    op.drop_table("maintenance")
    op.drop_index(op.f("ix_capacity_resource_id"), "capacity")

    op.drop_table("capacity")
    op.drop_table("resource")
    op.drop_table("node")
    op.drop_index(op.f("ix_group_parent_id"), "group")

    op.drop_table("group")
    op.drop_index(op.f("ix_audit_kind_subject_id_id"), "audit")
    op.drop_index(op.f("ix_audit_at"), "audit")

    op.drop_table("audit")
    op.drop_table("alias")
