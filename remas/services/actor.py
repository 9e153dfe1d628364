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
    access_token_id: int | None = None  # where one of the person's own tokens asks
    read_only: bool = False  # such a token that may only look

    def require_admin(self) -> None:
        """Raises `Forbidden` unless this is an administrator."""
        if not self.is_admin:
            raise Forbidden("Only administrators may do this. Ask one of them.")

    def refuse_token(self) -> None:
        """Raises `Forbidden` where a program asks with an access token, not the person."""
        if self.access_token_id is not None:
            raise Forbidden(
                "This is for people who sign in, not for programs with an access token. "
                "Do it on your profile page."
            )

    def may_act_for(self, user_id: int) -> bool:
        """Whether this is the person, or an administrator."""
        return self.is_admin or self.id == user_id


SYSTEM = Actor(id=None, username="system", is_admin=True)
"""The command line and the set-up act as this."""
