"""Values in PromQL: a name in a matcher stays a name, whatever signs are in it.

Source of the escapes: Prometheus, "Querying basics", string literals; its regular expressions are
RE2's, fully anchored.
"""

import re
from collections.abc import Mapping

from remas.letters import template
from remas.letters.alert import Values

_STRING = re.compile(r'(=~|!~)?(\s*)("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')')
_RE2_SIGNS = re.compile(r"([\\.+*?()|\[\]{}^$])")


def fill(expression: str, values: Values) -> str:
    """The expression with its variables filled in.

    Within quotes the value is escaped for a string, after `=~` and `!~` for a regular expression
    as well. Outside of quotes only numbers are put in: other variables stay as they are written,
    which Grafana then refuses to evaluate.
    """
    numbers = {name: str(value) for name, value in values.items() if isinstance(value, int)}
    filled, last = [], 0
    for found in _STRING.finditer(expression):
        filled.append(template.substitute(expression[last : found.start()], numbers))
        operator, space, literal = found[1] or "", found[2], found[3]
        quote = literal[0]
        texts = _escaped(values, quote, as_pattern=bool(operator))
        inside = template.substitute(literal[1:-1], texts)
        filled.append(f"{operator}{space}{quote}{inside}{quote}")
        last = found.end()
    filled.append(template.substitute(expression[last:], numbers))
    return "".join(filled)


def _escaped(values: Values, quote: str, *, as_pattern: bool) -> Mapping[str, str]:
    texts = {name: str(value) for name, value in values.items()}
    if as_pattern:
        texts = {name: _RE2_SIGNS.sub(r"\\\1", text) for name, text in texts.items()}
    return {name: _in_string(text, quote) for name, text in texts.items()}


def _in_string(text: str, quote: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return escaped.replace("\n", "\\n").replace("\r", "\\r")
