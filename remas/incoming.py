"""What all doors for programs read in the same way: who asks, and texts that no database keeps."""

from collections.abc import Iterator
from typing import Any

from flask import request


def bearer_token() -> str | None:
    """The token of the request's Authorization header; None without one of this kind."""
    given = request.authorization
    if given is None or given.type != "bearer":
        return None
    return given.token or None


def unstorable(text: str) -> bool:
    """Whether there is NUL or half a character in it."""
    return "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text)


def unstorable_paths(value: Any, path: str = "") -> Iterator[str]:
    """Where in a JSON value, such as `a.0.b`, texts are that cannot be kept; "" is the whole.

    A key that cannot be kept is told by the path of its object.
    """
    if isinstance(value, str) and unstorable(value):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            if unstorable(key):
                yield path
            yield from unstorable_paths(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from unstorable_paths(item, f"{path}.{i}" if path else str(i))
