"""People of a directory: what it says of them, as an admission wants it."""

import logging

from remas.clients import directory as client
from remas.errors import NotSignedIn
from remas.services.admission import Terms, Vouched
from remas.signon_settings import LdapSettings

log = logging.getLogger(__name__)


def find(settings: LdapSettings, username: str, password: str) -> Vouched | None:
    """Whose password this is in the directory; None: nobody's.

    Holds no lock. Raises `NotSignedIn` when the directory does not answer.
    """
    try:
        entry = client.authenticate(settings, username, password)
    except client.DirectoryError as error:
        log.error("the directory does not answer: %s", error)
        raise NotSignedIn(
            f"Wrong username or password, or an account of {settings.name}, which does not answer "
            "right now. Accounts with a password of their own can still sign in."
        ) from error
    if entry is None or not entry.values.get("username"):
        return None
    uid = entry.values.get("uid", "")
    return Vouched(
        source=settings.name,
        username=entry.values["username"],
        email=entry.values.get("email", ""),
        name=entry.values.get("name", ""),
        surname=entry.values.get("surname", ""),
        uid=int(uid) if uid.isdecimal() and uid.isascii() else None,
        groups=frozenset(name for dn in entry.groups for name in _names(dn)),
    )


def terms(settings: LdapSettings) -> Terms:
    """How its people are let in."""
    return Terms(groups=settings.groups, create=settings.create_users)


def _names(dn: str) -> tuple[str, str]:
    """A group may be named in full, or by the value of its first part: `cn=staff,…` is `staff`."""
    return dn, dn.partition(",")[0].partition("=")[2]
