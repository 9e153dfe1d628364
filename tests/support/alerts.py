"""Templates of alerts for tests."""

from typing import Any

QUERIES = '"condition": "A", "data": [{"refId": "A", "datasourceUid": "prometheus"}]'
"""The least that a rule has to have."""


def an_alert_template(rest: str = '"title": "${user_username}"') -> str:
    """A template that can be saved, with more in it."""
    return f"{{{rest}, {QUERIES}}}"


def filled(**rest: Any) -> dict[str, Any]:
    """What becomes of such a template, with what becomes of the rest."""
    queries = [{"refId": "A", "datasourceUid": "prometheus"}]
    return {**rest, "condition": "A", "data": queries}
