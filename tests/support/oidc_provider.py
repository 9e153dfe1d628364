"""An OpenID Connect provider for the tests: Authlib's authorization server on a real port.

It has one client and, at a time, one person. What it signs can be changed on the way out, so that
tests see what is not believed.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, abort, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "remas", "a secret that REMAS and the provider share"
Claims = dict[str, Any]


class Client(ClientMixin):
    """REMAS, as the provider knows it."""

    def __init__(self) -> None:
        self.redirect_uris: set[str] = set()

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):
    """What was allowed; spent once."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    person: Claims

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Provider:
    """What it is asked to do next, and what it was asked."""

    issuer: str = ""
    person: Claims = field(default_factory=dict)
    only_userinfo: tuple[str, ...] = ()  # claims that the id token does not have
    tamper: Callable[[Claims], Any] = lambda claims: None  # with the claims, before they are signed
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    published: RSAKey | None = None  # None: the key that signs
    algorithm: str = "RS256"
    description: Claims = field(default_factory=dict)  # said instead
    client: Client = field(default_factory=Client)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, Claims] = field(default_factory=dict)
    requests: list[Claims] = field(default_factory=list)

    def reset(self) -> None:
        """As it was at first."""
        fresh = Provider(issuer=self.issuer, key=self.key)
        self.__dict__.update(fresh.__dict__)


PAGE = """<!doctype html><html lang="en"><title>The university</title>
<link rel="icon" href="data:,"><h1>The university</h1>
<form method="post"><button name="allow" value="yes">Allow</button>
<button name="allow" value="no">Deny</button></form></html>"""


def _app(provider: Provider) -> Flask:
    app = Flask("provider")
    server = AuthorizationServer(
        app,
        query_client=lambda client_id: provider.client if client_id == CLIENT_ID else None,
        save_token=lambda token, asked: provider.tokens.update(
            {token["access_token"]: dict(asked.user)}
        ),
    )

    class Codes(AuthorizationCodeGrant):
        def save_authorization_code(self, code: str, asked: Any) -> None:
            data = asked.payload.data
            provider.codes[code] = Code(
                code=code,
                redirect_uri=asked.payload.redirect_uri,
                scope=asked.payload.scope,
                nonce=data.get("nonce", ""),
                code_challenge=data.get("code_challenge", ""),
                code_challenge_method=data.get("code_challenge_method", ""),
                person=asked.user,
            )

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> Claims:
            return authorization_code.person

    class Ids(OpenIDCode):
        def exists_nonce(self, nonce: str, asked: Any) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def generate_user_info(self, user: Claims, scope: str) -> UserInfo:
            return UserInfo(user)

        def get_client_claims(self, client: Client) -> Claims:
            return {"iss": provider.issuer}

        def encode_id_token(self, token: Claims, asked: Any) -> str:
            claims = {
                **self.get_compatible_claims(asked),
                **self.generate_user_info(asked.user, ""),
            }
            claims |= self.get_authorization_code_claims(asked.authorization_code)
            for name in provider.only_userinfo:
                claims.pop(name, None)
            provider.tamper(claims)
            header = {"alg": provider.algorithm, "kid": provider.key.kid}
            key: Any = provider.key
            if provider.algorithm == "HS256":
                key = OctKey.import_key(CLIENT_SECRET)
            return jwt.encode(header, claims, key, [provider.algorithm])

    server.register_grant(Codes, [Ids(require_nonce=True), CodeChallenge(required=True)])

    @app.get("/.well-known/openid-configuration")
    def describe() -> Response:
        return jsonify(
            {
                "issuer": provider.issuer,
                "authorization_endpoint": f"{provider.issuer}/authorize",
                "token_endpoint": f"{provider.issuer}/token",
                "userinfo_endpoint": f"{provider.issuer}/userinfo",
                "jwks_uri": f"{provider.issuer}/jwks",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                **provider.description,
            }
        )

    @app.get("/jwks")
    def keys() -> Response:
        return jsonify(KeySet([provider.published or provider.key]).as_dict(private=False))

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        provider.requests.append(request.args.to_dict())
        grant = server.get_consent_grant(end_user=provider.person)
        if request.method == "GET":
            return PAGE
        allowed = request.form["allow"] == "yes"
        person = provider.person if allowed else None
        return server.create_authorization_response(grant_user=person, grant=grant)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get("/userinfo")
    def userinfo() -> Response:
        held = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return jsonify(provider.tokens.get(held) or abort(401))

    return app


@contextmanager
def oidc_provider() -> Iterator[Provider]:
    """The provider, answering on a free port of 127.0.0.1."""
    provider = Provider()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # it never leaves this machine
        server = make_server("127.0.0.1", 0, _app(provider), threaded=True)
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, name="oidc-provider")
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
