"""An OpenID Connect provider: where to send people, and what it says of those who come back.

Authorization code with PKCE, state and nonce. Needs the extra `oidc`; settings that use a provider
are refused without it.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from remas.signon_settings import OidcSettings

try:
    from authlib.common.errors import AuthlibBaseError
    from authlib.integrations.requests_client import OAuth2Session
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet
except ImportError:  # pragma: no cover - the extra is not installed
    UNBELIEVABLE: Any = ()
else:
    UNBELIEVABLE = (AuthlibBaseError, JoseError)

PATIENCE = 5  # seconds to connect, and to wait for each answer
LEEWAY = 60  # seconds by which the clocks of two machines may differ
DISCOVERY = "/.well-known/openid-configuration"
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
# Signed with a key of the provider's alone: neither unsigned, nor with the secret that we share.
ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
PROVIDERS_DEFAULT = ("RS256",)  # OpenID Connect Discovery 1.0, section 3


class ProviderError(Exception):
    """The provider does not answer, or says what cannot be believed; the text says which."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What has to come back, and what proves that it was us who asked; kept by the browser."""

    url: str
    state: str
    nonce: str
    verifier: str


def begin(settings: OidcSettings, redirect_uri: str) -> Challenge:
    """Where to send the browser. Raises `ProviderError`."""
    metadata = discover(settings)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    with _client(settings, redirect_uri) as client:
        url, _ = client.create_authorization_url(
            metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
    return Challenge(url, state, nonce, verifier)


def finish(
    settings: OidcSettings, redirect_uri: str, code: str, challenge: Challenge
) -> Mapping[str, Any]:
    """The claims about whoever brings the code. Raises `ProviderError`.

    Those of the signed token; of the userinfo endpoint those that it does not have.
    """
    metadata = discover(settings)
    with _told(), _client(settings, redirect_uri) as client:
        token = client.fetch_token(
            metadata["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            code_verifier=challenge.verifier,
        )
        claims = _verified(settings, metadata, token, challenge.nonce)
        if endpoint := metadata.get("userinfo_endpoint"):
            more = _json(client.get(endpoint))
            if more.get("sub") != claims["sub"]:
                raise ProviderError("The provider tells two people apart in one answer.")
            return {**more, **claims}
        return claims


def discover(settings: OidcSettings) -> Mapping[str, Any]:
    """What the provider says of itself. Raises `ProviderError`."""
    with _told():
        answer = requests.get(settings.issuer + DISCOVERY, timeout=PATIENCE)
        metadata = _json(answer)
        if missing := [name for name in NEEDED if not isinstance(metadata.get(name), str)]:
            raise ProviderError(f"The provider's description lacks {', '.join(missing)}.")
        if metadata["issuer"].rstrip("/") != settings.issuer:
            raise ProviderError(f"The provider calls itself {metadata['issuer']}.")
        return metadata


def _verified(
    settings: OidcSettings, metadata: Mapping[str, Any], token: Mapping[str, Any], nonce: str
) -> dict[str, Any]:
    """The claims of the id token, which is signed, for us, of now, and answers our question."""
    if not isinstance(token.get("id_token"), str):
        raise ProviderError("The provider names nobody: there is no id token in its answer.")
    offered = metadata.get("id_token_signing_alg_values_supported") or PROVIDERS_DEFAULT
    published: Any = _json(requests.get(metadata["jwks_uri"], timeout=PATIENCE))
    keys, algorithms = KeySet.import_key_set(published), sorted(ALGORITHMS & set(offered))
    signed = jwt.decode(token["id_token"], keys, algorithms=algorithms)
    claims = CodeIDToken(
        signed.claims,
        signed.header,
        {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": settings.client_id},
            "sub": {"essential": True},
        },
        {"nonce": nonce, "client_id": settings.client_id, "access_token": token["access_token"]},
    )
    claims.validate(leeway=LEEWAY)
    return dict(claims)


def _client(settings: OidcSettings, redirect_uri: str) -> Any:
    return OAuth2Session(
        settings.client_id,
        settings.client_secret or None,
        token_endpoint_auth_method="client_secret_basic" if settings.client_secret else "none",
        scope=settings.scopes,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        default_timeout=PATIENCE,
    )


def _json(answer: requests.Response) -> dict[str, Any]:
    answer.raise_for_status()
    value = answer.json()
    if not isinstance(value, dict):
        raise ProviderError(f"The provider answers {answer.url} with something else.")
    return value


@contextmanager
def _told() -> Iterator[None]:
    """Whatever goes wrong on the way, as our own error."""
    try:
        yield
    except ProviderError:
        raise
    except requests.RequestException as error:
        raise ProviderError(f"The provider does not answer: {type(error).__name__}.") from error
    except (*UNBELIEVABLE, ValueError, KeyError, TypeError) as error:
        raise ProviderError(f"The provider's answer cannot be taken: {error}") from error
