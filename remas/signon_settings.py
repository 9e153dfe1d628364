"""Settings of signing in: how long sessions last, and who else may vouch for people.

Each family reads itself. It is used when its first variable is set, and then has to be whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from remas.environment import Reader, SettingError

PEOPLE_FIELDS = ("username", "name", "surname", "email", "uid", "groups")
"""What a directory's attributes may be taken for."""
DEFAULT_ATTRIBUTES = (
    "username=uid,name=givenName,surname=sn,email=mail,uid=uidNumber,groups=memberOf"
)

GroupMap = tuple[tuple[str, str], ...]
"""What is said elsewhere, and the group here that it stands for; the first that matches counts."""


@dataclass(frozen=True, kw_only=True)
class SessionSettings:
    """A browser's session ends `idle` after its last use, and `lifetime` after it began."""

    idle: timedelta
    lifetime: timedelta

    @classmethod
    def load(cls, read: Reader) -> Self:
        """Raises SettingError."""
        lifetime = timedelta(days=read.whole("REMAS_SESSION_DAYS", 14, 1, 365))
        idle = timedelta(minutes=read.whole("REMAS_SESSION_IDLE_MINUTES", 10_080, 10, 525_600))
        return cls(idle=min(idle, lifetime), lifetime=lifetime)


@dataclass(frozen=True, kw_only=True)
class OidcSettings:
    """An OpenID Connect provider; not used where `issuer` is empty."""

    issuer: str  # without end slash
    client_id: str
    client_secret: str = field(repr=False)  # empty: a public client, held by PKCE alone
    name: str
    scopes: str
    match: str  # username or email
    username_claim: str
    uid_claim: str
    groups_claim: str
    groups: GroupMap
    create_users: bool

    @property
    def enabled(self) -> bool:
        """Whether people may sign in there."""
        return bool(self.issuer)

    @classmethod
    def load(cls, read: Reader) -> Self:
        """Raises SettingError."""
        settings = cls(
            issuer=read.url("OIDC_ISSUER"),
            client_id=read.text("OIDC_CLIENT_ID"),
            client_secret=read.text("OIDC_CLIENT_SECRET"),
            name=read.text("OIDC_NAME", "single sign-on"),
            scopes=read.text("OIDC_SCOPES", "openid profile email"),
            match=read.choice("OIDC_MATCH", "username", ("username", "email")),
            username_claim=read.text("OIDC_USERNAME_CLAIM", "preferred_username"),
            uid_claim=read.text("OIDC_UID_CLAIM", "uid_number"),
            groups_claim=read.text("OIDC_GROUPS_CLAIM", "groups"),
            groups=_group_map("OIDC_GROUPS", read.text("OIDC_GROUPS"), ","),
            create_users=read.flag("OIDC_CREATE_USERS", False),
        )
        if settings.enabled:
            _need("OIDC_ISSUER", "authlib", "oidc")
            if not settings.client_id:
                raise SettingError("OIDC_CLIENT_ID is required when OIDC_ISSUER is set.")
            if "openid" not in settings.scopes.split():
                raise SettingError("OIDC_SCOPES must contain openid, or nobody is named.")
        return settings

    def refuse_open_doors(self) -> None:
        """Raises SettingError for what may not be in production."""
        if self.enabled and not _is_private("https", self.issuer):
            raise SettingError("OIDC_ISSUER must start with https:// with PostgreSQL.")


@dataclass(frozen=True, kw_only=True)
class LdapSettings:
    """A directory whose people sign in with the password they have there; `url` empty: none.

    With `user_dn` the name itself says which entry it is; else an account of our own (or nobody)
    looks below `base` for the one entry that `filter` finds.
    """

    url: str
    name: str
    starttls: bool
    ca_file: str
    user_dn: str
    bind_dn: str
    bind_password: str = field(repr=False)
    base: str
    filter: str
    attributes: Mapping[str, str]  # of PEOPLE_FIELDS, to the directory's name for it
    group_base: str
    group_filter: str
    groups: GroupMap
    create_users: bool

    @property
    def enabled(self) -> bool:
        """Whether the directory is asked."""
        return bool(self.url)

    @classmethod
    def load(cls, read: Reader) -> Self:
        """Raises SettingError."""
        settings = cls(
            url=read.url("LDAP_URL", ("ldap", "ldaps")),
            name=read.text("LDAP_NAME", "the directory"),
            starttls=read.flag("LDAP_STARTTLS", False),
            ca_file=read.text("LDAP_CA_FILE"),
            user_dn=read.text("LDAP_USER_DN"),
            bind_dn=read.text("LDAP_BIND_DN"),
            bind_password=read.text("LDAP_BIND_PASSWORD"),
            base=read.text("LDAP_BASE"),
            filter=read.text("LDAP_FILTER", "(uid={username})"),
            attributes=_attributes(read.text("LDAP_ATTRIBUTES", DEFAULT_ATTRIBUTES)),
            group_base=read.text("LDAP_GROUP_BASE"),
            group_filter=read.text(
                "LDAP_GROUP_FILTER", "(|(member={dn})(uniqueMember={dn})(memberUid={username}))"
            ),
            groups=_group_map("LDAP_GROUPS", read.text("LDAP_GROUPS"), ";"),
            create_users=read.flag("LDAP_CREATE_USERS", False),
        )
        if settings.enabled:
            _need("LDAP_URL", "ldap3", "ldap")
            settings._refuse_halves()
        return settings

    def _refuse_halves(self) -> None:
        if not self.user_dn and not self.base:
            raise SettingError("LDAP_BASE or LDAP_USER_DN is required when LDAP_URL is set.")
        if self.user_dn and "{username}" not in self.user_dn:
            raise SettingError("LDAP_USER_DN must contain {username}.")
        if not self.user_dn and "{username}" not in self.filter:
            raise SettingError("LDAP_FILTER must contain {username}.")
        if self.bind_dn and not self.bind_password:
            raise SettingError("LDAP_BIND_PASSWORD is required when LDAP_BIND_DN is set.")
        if self.starttls and self.url.startswith("ldaps:"):
            raise SettingError("LDAP_STARTTLS is for ldap:// addresses; ldaps:// is TLS already.")
        if self.ca_file and not Path(self.ca_file).is_file():
            raise SettingError(f"LDAP_CA_FILE names {self.ca_file}, which is no file.")

    def refuse_open_doors(self) -> None:
        """Raises SettingError for what may not be in production."""
        if self.enabled and not self.starttls and not _is_private("ldaps", self.url):
            raise SettingError(
                "LDAP_URL must start with ldaps://, or LDAP_STARTTLS be set, with PostgreSQL."
            )


def _need(variable: str, package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise SettingError(
            f"{variable} needs a part that is not installed: `pip install 'remas[{extra}]'`."
        )


def _is_private(scheme: str, url: str) -> bool:
    """Whether nobody listens on the way: TLS, or it never leaves this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return parts.scheme == scheme or loopback


def _group_map(variable: str, text: str, separator: str) -> GroupMap:
    """`there=Here` and more of them; what is there may hold `=`, what is here may not."""
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(separator))):
        there, _, here = (word.strip() for word in part.rpartition("="))
        if not there or not here:
            raise SettingError(
                f"{variable} must list pairs such as staff=Users, separated by {separator!r}, "
                f"not {part!r}."
            )
        pairs.append((there, here))
    return tuple(pairs)


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ours, _, theirs = (word.strip() for word in part.partition("="))
        if ours not in PEOPLE_FIELDS or not theirs:
            fields = ", ".join(PEOPLE_FIELDS)
            raise SettingError(
                f"LDAP_ATTRIBUTES must list pairs such as email=mail of {fields}, not {part!r}."
            )
        found[ours] = theirs
    if "username" not in found:
        raise SettingError("LDAP_ATTRIBUTES must say which attribute is the username.")
    return found
