"""Templates of letters: `${name}` stands for a value, `$$` for a dollar sign, and that is all.

Nothing is executed, and what is put in is not looked at again.
"""

import re
from collections.abc import Mapping

VARIABLES = {
    "user_id": "number of the reservation's owner",
    "user_name": "the owner's name",
    "user_surname": "the owner's surname",
    "user_username": "the owner's username, as on the nodes",
    "user_uid": "the owner's user ID on the nodes",
    "user_email": "the owner's e-mail address",
    "task_id": "number of the reservation",
    "task_name": "name of the reservation",
    "task_description": "description of the reservation",
    "task_start": "when the reservation starts",
    "task_end": "when the reservation ends",
}
"""The variables of what is sent before or after a start or an end, each with its meaning."""

# A name that is not closed reaches to the end: nobody can have meant that, so it is told.
_MARK = re.compile(r"\$(?:\$|\{([^}]*)(\}|\Z))")


def names_in(text: str) -> list[str]:
    """What stands in `${…}`, each once, in order."""
    return list(dict.fromkeys(found[1] for found in _MARK.finditer(text) if found[1] is not None))


def unknown_names(text: str, known: Mapping[str, str] = VARIABLES) -> list[str]:
    """The names in a template that stand for nothing."""
    return [name for name in names_in(text) if name not in known]


def is_closed(text: str) -> bool:
    """Whether every `${` has its `}`."""
    return all(found[1] is None or found[2] for found in _MARK.finditer(text))


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The template with its values; what it does not know stays as it is written."""

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return values.get(found[1], found[0]) if found[2] else found[0]

    return _MARK.sub(value, text)
