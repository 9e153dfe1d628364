"""What tests of the administration of the cluster have in common."""

import re
from html import unescape

from werkzeug.test import TestResponse

from tests.web.conftest import Visitor

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def carried(page: str) -> dict[str, list[str]]:
    """What the page that asks first sends along."""
    found: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(page):
        found.setdefault(unescape(name), []).append(unescape(value))
    return found


def press(visitor: Visitor, path: str, page: str, button: str | None = None) -> TestResponse:
    """Press a button of the page that asks first; None: the one that saves."""
    data: dict[str, object] = dict(carried(page))
    if button:
        name, _, value = button.partition("=")
        data[name] = value or "1"
    return visitor.post(path, data)
