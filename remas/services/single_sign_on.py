"""Signing in at an OpenID Connect provider: there and back again."""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from remas import clock
from remas.clients import oidc as client
from remas.config import Settings
from remas.errors import NotSignedIn
from remas.services import admission, sessions
from remas.services.admission import Terms, Vouched
from remas.services.transaction import let_go, writing
from remas.signon_settings import OidcSettings

CALLBACK = "/login/sso/callback"
PATIENCE = timedelta(minutes=10)  # for what people do at the provider
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody is at the provider; kept in their browser, signed."""

    state: str
    nonce: str
    verifier: str
    begun_at: datetime
    target: str  # the page they wanted

    def kept(self) -> dict[str, str]:
        """As JSON values."""
        return {
            "state": self.state,
            "nonce": self.nonce,
            "verifier": self.verifier,
            "begun_at": self.begun_at.isoformat(),
            "target": self.target,
        }

    @classmethod
    def of(cls, kept: Mapping[str, str]) -> Self:
        """From what `kept` gave."""
        begun_at = datetime.fromisoformat(kept["begun_at"])
        return cls(kept["state"], kept["nonce"], kept["verifier"], begun_at, kept["target"])


def begin(settings: Settings, target: str) -> tuple[str, Pending]:
    """The provider's address for the browser, and what is to be kept. Raises `NotSignedIn`."""
    let_go()
    try:
        challenge = client.begin(settings.oidc, _redirect_uri(settings))
    except client.ProviderError as error:
        log.error("sign-in at %s cannot begin: %s", settings.oidc.issuer, error)
        raise NotSignedIn(
            f"{settings.oidc.name} does not answer right now. Try again in a while, or sign in "
            "with a password."
        ) from error
    kept = challenge.state, challenge.nonce, challenge.verifier
    return challenge.url, Pending(*kept, clock.now(), target)


def finish(
    settings: Settings,
    pending: Pending | None,
    answer: Mapping[str, str],
    address: str | None,
    agent: str | None,
) -> str:
    """The id of a new browser session of whom the provider names. Raises `NotSignedIn`.

    `answer` are the parameters with which the browser comes back.
    """
    name = settings.oidc.name
    if pending is None or not _belongs(pending, answer.get("state", "")):
        raise NotSignedIn(f"This sign-in at {name} was not begun here, or long ago. Begin again.")
    if answer.get("error"):
        raise NotSignedIn(_refusal(settings.oidc, answer["error"]))
    let_go()
    try:
        _same_provider(settings.oidc, answer)
        challenge = client.Challenge("", pending.state, pending.nonce, pending.verifier)
        code = answer.get("code", "")
        claims = client.finish(settings.oidc, _redirect_uri(settings), code, challenge)
    except client.ProviderError as error:
        log.warning("sign-in at %s failed: %s", settings.oidc.issuer, error)
        raise NotSignedIn(
            f"What {name} answered cannot be taken. Begin again; if it stays like this, tell an "
            "administrator."
        ) from error
    with writing() as session:
        terms = _terms(settings.oidc)
        user = admission.admit(session, vouched(settings.oidc, claims), terms, address)
        return sessions.begin_web(session, user, address, agent)


def vouched(settings: OidcSettings, claims: Mapping[str, Any]) -> Vouched:
    """What the claims say of somebody. Raises `NotSignedIn` where they do not name them."""
    username = _claim(claims, settings.username_claim)
    if not isinstance(username, str) or not username.strip():
        raise NotSignedIn(
            f"{settings.name} does not tell your username ({settings.username_claim}). "
            "Tell an administrator."
        )
    return Vouched(
        source=settings.name,
        username=username.strip(),
        email=_text(claims.get("email")),
        email_verified=claims.get("email_verified") in (True, "true"),
        name=_text(claims.get("given_name")),
        surname=_text(claims.get("family_name")),
        uid=_whole(_claim(claims, settings.uid_claim)),
        groups=_names(_claim(claims, settings.groups_claim)),
    )


def _redirect_uri(settings: Settings) -> str:
    return settings.public_url + CALLBACK


def _belongs(pending: Pending, state: str) -> bool:
    fresh = clock.now() - pending.begun_at < PATIENCE
    return fresh and hmac.compare_digest(pending.state.encode(), state.encode("utf-8", "replace"))


def _refusal(settings: OidcSettings, error: str) -> str:
    log.info("%s answers a sign-in with an error", settings.issuer)
    if error == "access_denied":
        return f"{settings.name} did not let you in, or you went back."
    return f"{settings.name} could not sign you in. Try again, or tell an administrator."


def _same_provider(settings: OidcSettings, answer: Mapping[str, str]) -> None:
    """Where the answer names its sender (RFC 9207), it is the one that was asked."""
    if "iss" in answer and answer["iss"].rstrip("/") != settings.issuer:
        raise client.ProviderError("The answer comes from another provider.")


def _terms(settings: OidcSettings) -> Terms:
    return Terms(settings.match == "email", settings.groups, settings.create_users)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or one within others: `realm_access.roles`."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _names(value: Any) -> frozenset[str]:
    """Names of groups: a list, or one alone. Keycloak begins paths with a slash."""
    values = value if isinstance(value, list) else [value]
    names = {name for name in values if isinstance(name, str)}
    return frozenset(names | {name.removeprefix("/") for name in names})
