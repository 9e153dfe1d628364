"""Who acts: read once a request, from the database, and handed to every use case."""

from dataclasses import dataclass

from remas.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person, or the system itself (`id` None). Rights are as of this request."""

    id: int | None
    username: str
    is_admin: bool
    time_zone: str = "UTC"
    full_name: str = ""
    session_id: str | None = None
    address: str | None = None
    must_change_password: bool = False

    def require_admin(self) -> None:
        """Raises `Forbidden` unless this is an administrator."""
        if not self.is_admin:
            raise Forbidden("Only administrators may do this. Ask one of them.")

    def may_act_for(self, user_id: int) -> bool:
        """Whether this is the person, or an administrator."""
        return self.is_admin or self.id == user_id


SYSTEM = Actor(id=None, username="system", is_admin=True)
"""The command line and the set-up act as this."""
