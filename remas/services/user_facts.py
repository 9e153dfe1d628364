"""What the audit keeps of a user."""

from typing import Any

from remas.models import User

COLUMNS = ("username", "name", "surname", "email", "uid", "time_zone", "active")


def facts(user: User) -> dict[str, Any]:
    """Plain JSON; never the password."""
    return {**{name: getattr(user, name) for name in COLUMNS}, "group": user.group.name}
