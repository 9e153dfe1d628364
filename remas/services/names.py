"""Names to choose from while typing: suggestions, not checks."""

from sqlalchemy import select

from remas.extensions import db
from remas.models import Group, Node, NodeState, Resource, User
from remas.services.actor import Actor
from remas.services.availability import natural_key

MOST = 500
"""So many are suggested; who has more, types."""


def usernames(actor: Actor) -> list[str]:
    """Active users. For administrators."""
    actor.require_admin()
    query = select(User.username).where(User.active).order_by(User.username).limit(MOST)
    return list(db.session().scalars(query))


def group_names(actor: Actor) -> list[str]:
    """Groups. For administrators."""
    actor.require_admin()
    return list(db.session().scalars(select(Group.name).order_by(Group.name).limit(MOST)))


def node_names(*, retired: bool = False) -> list[str]:
    """All nodes, in the order in which people read names; retired ones only when asked for."""
    query = select(Node.name)
    if not retired:
        query = query.where(Node.state != NodeState.RETIRED)
    return sorted(db.session().scalars(query), key=natural_key)


def resource_names() -> list[str]:
    """All resources, in the order in which people read names."""
    return sorted(db.session().scalars(select(Resource.name)), key=natural_key)
