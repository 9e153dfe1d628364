"""How often a password may be tried. Attempts that succeed do not count."""

from hashlib import sha256

from flask import Response
from flask_limiter.util import get_remote_address

from remas.api.blueprint import actor
from remas.api.bodies import sent_text
from remas.extensions import limiter

REFUSED = (401, 422)


def _failed(response: Response) -> bool:
    return response.status_code in REFUSED


def _username() -> str:
    """Who is to be signed in, as a directory compares names. Hashed: it may be of any length."""
    username = (sent_text("username") or "").strip().casefold()
    return sha256(username.encode("utf-8", "surrogatepass")).hexdigest()


def _own_name() -> str:
    return actor().username


by_address = limiter.shared_limit(
    "30 per minute", "sign-in by address", key_func=get_remote_address, deduct_when=_failed
)
by_username = limiter.shared_limit(
    "10 per minute", "sign-in by username", key_func=_username, deduct_when=_failed
)
by_holder = limiter.shared_limit(
    "10 per minute", "own password", key_func=_own_name, deduct_when=_failed
)
"""Whoever holds a stolen token is not to find out the password with it."""
