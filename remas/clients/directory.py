"""An LDAP directory: whose password is it, and what does their entry say?

Needs the extra `ldap`; settings that use a directory are refused without it.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from remas.signon_settings import LdapSettings

try:
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPSASLPrepError
    from ldap3.utils.conv import escape_filter_chars
    from ldap3.utils.dn import escape_rdn
except ImportError:  # pragma: no cover - the extra is not installed
    ldap3 = None
    LDAPException = LDAPSASLPrepError = OSError
_Tls: Any = ldap3.Tls if ldap3 else object

PATIENCE = 5  # seconds to connect, and to wait for each answer
LONGEST_USERNAME = 200
NOBODY = "nobody-by-this-name"
# What a directory answers to a name or a password that is not right (RFC 4511, appendix A).
_REFUSED = {
    32,  # no such object
    34,  # invalid DN syntax: no name like this can be there
    48,  # inappropriate authentication: the entry has no password
    49,  # invalid credentials
    53,  # unwilling to perform: locked, expired
}


class DirectoryError(Exception):
    """The directory does not answer, or not as it is set up; the text says which."""


class _VerifiedTls(_Tls):
    """TLS as Python's own library sees to it; ldap3 compares names with what is long deprecated."""

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Put TLS around the connection; whose certificate does not hold, is not spoken to."""
        context = ssl.create_default_context(cafile=self.ca_certs_file)
        host = connection.server.host
        connection.socket = context.wrap_socket(connection.socket, server_hostname=host)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody's entry: `values` by our names of attributes, `groups` as distinguished names."""

    dn: str
    values: Mapping[str, str]
    groups: tuple[str, ...]


def authenticate(settings: LdapSettings, username: str, password: str) -> Entry | None:
    """The entry whose password this is, else None. Raises `DirectoryError`."""
    # A bind without password is none at all: directories answer it with success (RFC 4513, 5.1.2).
    if not password or not _is_name(username):
        return None
    with _told():
        if settings.user_dn:
            dn = settings.user_dn.replace("{username}", escape_rdn(username))
            with _connection(settings, dn, password) as theirs:
                if not _binds(theirs, settings.starttls):
                    return None
                return _entry(settings, theirs, username, dn, "(objectClass=*)", ldap3.BASE)
        with _own_connection(settings) as ours:
            wanted = settings.filter.replace("{username}", escape_filter_chars(username))
            found = _entry(settings, ours, username, settings.base, wanted, ldap3.SUBTREE)
        # Who is not there is tried as well: it takes as long as for those who are.
        dn = found.dn if found else f"cn={NOBODY},{settings.base}"
        with _connection(settings, dn, password) as theirs:
            return found if _binds(theirs, settings.starttls) else None


def check(settings: LdapSettings) -> None:
    """Connect, and bind where an account for that is set. Raises `DirectoryError`."""
    with _told():
        if not settings.user_dn:
            with _own_connection(settings):
                return
        with _connection(settings, "", "") as connection:
            connection.open()
            if settings.starttls:
                connection.start_tls()


def _is_name(username: str) -> bool:
    return 0 < len(username) <= LONGEST_USERNAME and username.isprintable()


@contextmanager
def _told() -> Iterator[None]:
    """Whatever goes wrong on the way, as our own error."""
    try:
        yield
    except (LDAPException, OSError) as error:
        lines = str(error).strip().splitlines()
        raise DirectoryError(lines[0] if lines else type(error).__name__) from error


@contextmanager
def _connection(settings: LdapSettings, dn: str, password: str) -> Iterator[Any]:
    """Not yet open; closed at the end."""
    tls = _VerifiedTls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ca_file or None)
    server = ldap3.Server(settings.url, tls=tls, connect_timeout=PATIENCE, get_info=ldap3.NONE)
    connection = ldap3.Connection(
        server,
        user=dn or None,
        password=password or None,
        authentication=ldap3.SIMPLE if dn else ldap3.ANONYMOUS,
        receive_timeout=PATIENCE,
        read_only=True,
        auto_referrals=False,
        check_names=False,
    )
    try:
        yield connection
    finally:
        with suppress(LDAPException, OSError):
            connection.unbind()
        if connection.socket is not None:  # after a failure ldap3 leaves it open
            connection.socket.close()


@contextmanager
def _own_connection(settings: LdapSettings) -> Iterator[Any]:
    """Bound with the account for searching, or as nobody where none is set."""
    with _connection(settings, settings.bind_dn, settings.bind_password) as connection:
        if not _binds(connection, settings.starttls):
            raise DirectoryError("The directory refuses LDAP_BIND_DN with LDAP_BIND_PASSWORD.")
        yield connection


def _binds(connection: Any, starttls: bool) -> bool:
    connection.open()
    if starttls and not connection.start_tls():
        raise DirectoryError("The directory does not take StartTLS.")
    try:
        if connection.bind():
            return True
    except LDAPSASLPrepError:  # control characters, say: no password has them
        return False
    result = connection.result
    if result["result"] in _REFUSED:
        return False
    raise DirectoryError(f"The directory answers a sign-in with {result['description']}.")


def _entry(
    settings: LdapSettings, connection: Any, username: str, base: str, wanted: str, scope: str
) -> Entry | None:
    """The one entry that is found; None where it is none, or not only one."""
    attributes = list(settings.attributes.values())
    connection.search(base, wanted, scope, attributes=attributes, size_limit=2)
    entries = [one for one in connection.response or () if one.get("type") == "searchResEntry"]
    if len(entries) != 1:
        return None
    (entry,) = entries
    raw = {name.casefold(): values for name, values in entry["raw_attributes"].items()}
    texts = {
        ours: [value.decode("utf-8", "replace") for value in raw.get(theirs.casefold(), ())]
        for ours, theirs in settings.attributes.items()
    }
    groups = tuple(texts.pop("groups", ()))
    values = {ours: found[0] for ours, found in texts.items() if found}
    if settings.group_base:
        groups += _groups(settings, connection, values.get("username", username), entry["dn"])
    return Entry(entry["dn"], values, groups)


def _groups(settings: LdapSettings, connection: Any, username: str, dn: str) -> tuple[str, ...]:
    """The groups that name this person as a member."""
    wanted = settings.group_filter.replace("{dn}", escape_filter_chars(dn))
    wanted = wanted.replace("{username}", escape_filter_chars(username))
    connection.search(settings.group_base, wanted, ldap3.SUBTREE, attributes=["cn"])
    found = connection.response or ()
    return tuple(one["dn"] for one in found if one.get("type") == "searchResEntry")
