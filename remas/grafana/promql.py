"""Values in PromQL: a name in a matcher stays a name, whatever signs are in it.

Source of the escapes: Prometheus, "Querying basics", string literals; its regular expressions are
RE2's, fully anchored.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from remas.letters import template
from remas.letters.alert import Values

_MATCHED = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*\Z", re.ASCII)
_STRING = re.compile(r'(=~|!~)?(\s*)("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')')
_RE2_SIGNS = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True, slots=True)
class Literal:
    """What stands in quotes, as it is written there. `label`: which label has to match it."""

    text: str
    quote: str
    label: str | None
    as_pattern: bool

    def written(self, value: str) -> str:
        """A value as it has to be written here."""
        escaped = _RE2_SIGNS.sub(r"\\\1", value) if self.as_pattern else value
        return _in_string(escaped, self.quote)


def fill(expression: str, values: Values) -> str:
    """The expression with its variables filled in.

    Within quotes the value is escaped for a string, after `=~` and `!~` for a regular expression
    as well. Outside of quotes only numbers are put in: other variables stay as they are written,
    which Grafana then refuses to evaluate.
    """
    numbers = {name: str(value) for name, value in values.items() if isinstance(value, int)}

    def inside(literal: Literal) -> str:
        texts = {name: literal.written(str(value)) for name, value in values.items()}
        return template.substitute(literal.text, texts)

    return rewritten(expression, lambda text: template.substitute(text, numbers), inside)


def rewritten(
    expression: str, outside: Callable[[str], str], inside: Callable[["Literal"], str]
) -> str:
    """The expression with other texts within its quotes, and between them."""
    parts, last = [], 0
    for found in _STRING.finditer(expression):
        operator, space, written = found[1] or "", found[2], found[3]
        label = _MATCHED.search(expression[last : found.start(3)])
        literal = Literal(
            written[1:-1], written[0], label[1] if label else None, as_pattern=bool(operator)
        )
        parts.append(outside(expression[last : found.start()]))
        parts.append(f"{operator}{space}{literal.quote}{inside(literal)}{literal.quote}")
        last = found.end()
    parts.append(outside(expression[last:]))
    return "".join(parts)


def _in_string(text: str, quote: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return escaped.replace("\n", "\\n").replace("\r", "\\r")
