"""Argon2 hashes, and what a password must be."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from remas.errors import Invalid

MIN_LENGTH = 12
MAX_LENGTH = 1000  # hashing a megabyte would be a way to keep the server busy

hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The Argon2id hash."""
    return hasher.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Whether this is the password; never raises."""
    try:
        return hasher.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def one_time_password() -> str:
    """A password to be read out once and changed at the first sign-in: 96 random bits."""
    return secrets.token_urlsafe(12)


def check_rules(password: str, field: str = "password") -> None:
    """Raises `Invalid` for `field` when the password is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid.field(field, f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.")
