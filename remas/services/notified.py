"""Which notifications reach whom: their own and administrators', directly or by a group."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import or_, select

from remas.models import Group, Notification, User
from remas.models.notification import notification_group, notification_user
from remas.services.transaction import DbSession


def effective(session: DbSession, user_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """The ids of the notifications of each of these users; users without any are left out.

    Those assigned to the user, to the user's group or to one above it, each once. A person's own
    counts for that person alone, whatever it is assigned to. One query.
    """
    # UNION, not UNION ALL: a circle in the tree, which cannot be, would end as well.
    chain = (
        select(User.id.label("user_id"), User.group_id.label("group_id"))
        .where(User.id.in_(user_ids))
        .cte("chain", recursive=True)
    )
    above = select(chain.c.user_id, Group.parent_id).join(Group, Group.id == chain.c.group_id)
    chain = chain.union(above.where(Group.parent_id.is_not(None)))
    table = notification_group.c
    by_group = select(chain.c.user_id, table.notification_id).join(
        notification_group, table.group_id == chain.c.group_id
    )
    directly = select(notification_user.c.user_id, notification_user.c.notification_id)
    assigned = directly.where(notification_user.c.user_id.in_(user_ids)).union(by_group).subquery()
    counts = or_(Notification.owner_id.is_(None), Notification.owner_id == assigned.c.user_id)
    rows = session.execute(
        select(assigned.c.user_id, assigned.c.notification_id)
        .join(Notification, Notification.id == assigned.c.notification_id)
        .where(counts)
    )
    found: dict[int, set[int]] = defaultdict(set)
    for user_id, notification_id in rows:
        found[user_id].add(notification_id)
    return {user_id: frozenset(ids) for user_id, ids in found.items()}
