"""Argon2 hashes, and what a password must be."""

import re
import secrets
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from remas.errors import Invalid

MIN_LENGTH = 12
MAX_LENGTH = 1000  # hashing a megabyte would be a way to keep the server busy
LOOKED_AT = 72  # characters that the estimate reads: it takes longer the more it reads
HARD_ENOUGH = 3  # of 0 to 4: more than 10^8 guesses of somebody who knows the usual tricks
SHORTEST_WORD = 3  # shorter parts of a name are in every other word
SHORTEST_REST = 6  # characters of a password that say nothing about its owner

UNUSABLE = "!"
"""Stands for the hash where the password lives elsewhere; no password matches it."""

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


def is_usable(password_hash: str) -> bool:
    """Whether there is a password here at all."""
    return password_hash != UNUSABLE


def one_time_password() -> str:
    """A password to be read out once and changed at the first sign-in: 96 random bits."""
    return secrets.token_urlsafe(12)


def check_rules(password: str, field: str = "password", about: Iterable[str | None] = ()) -> None:
    """Raises `Invalid` for `field` when the password is not to be taken.

    Its length; how soon it would be guessed by somebody who tries what is common, repeats and
    keyboard rows; and `about`, what others know of its owner: names, address.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid.field(field, f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    words = _words(about)
    if len(_without(words, password)) < SHORTEST_REST:
        raise Invalid.field(
            field,
            "This says your own name or address, which others try first. "
            "Take a few words that have nothing to do with you.",
        )
    estimate = zxcvbn(password[:LOOKED_AT], user_inputs=words)
    if estimate["score"] < HARD_ENOUGH:
        reason = estimate["feedback"]["warning"] or "Others would soon guess this."
        raise Invalid.field(field, f"{reason} Take a few words that have nothing in common.")


def _words(about: Iterable[str | None]) -> list[str]:
    """What is known of somebody, in parts as they may be used in a password."""
    known = [text.casefold() for text in about if text]
    parts = {part for text in known for part in re.split(r"[\W_]+", text)}
    return sorted((part for part in parts if len(part) >= SHORTEST_WORD), key=len, reverse=True)


def _without(words: Iterable[str], password: str) -> str:
    """Letters and digits of the password that belong to none of the words."""
    rest = password.casefold()
    for word in words:
        rest = rest.replace(word, " ")
    # A password of signs alone is judged as it stands.
    return re.sub(r"[\W_]+", "", rest) if words and rest != password.casefold() else rest
