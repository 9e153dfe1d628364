"""compose.yml as it is, and as compose gives it to the containers."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[2]
FILE = TOP / "compose.yml"
GIVEN = {
    "POSTGRES_PASSWORD": "p" * 24,
    "SECRET_KEY": "s" * 64,
    "GRAFANA_PASSWORD": "g" * 24,
    "GRAFANA_SECRET_KEY": "k" * 64,
    "REMAS_METRICS_TOKEN": "m" * 64,
}
"""What the heading of the file says has to be in `.env`."""

# ${NAME:?message} and ${NAME:-default}
VARIABLE = re.compile(r"\$\{(?P<name>\w+):(?P<kind>[?-])(?P<rest>[^}]*)\}")


def loaded() -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def substituted(text: str, given: Mapping[str, str] = GIVEN) -> str:
    """`text` as compose gives it to the container, with the variables of `given` set."""

    def value(match: re.Match[str]) -> str:
        default = match["rest"] if match["kind"] == "-" else None
        found = given.get(match["name"]) or default
        assert found is not None, f"{match['name']} is required, but the heading does not say so"
        return found

    return VARIABLE.sub(value, text)


def environment(service: Mapping[str, Any], **given: str) -> dict[str, str]:
    """The variables of a service, with those of GIVEN and `given` set."""
    variables = service.get("environment", {})
    return {name: substituted(value, {**GIVEN, **given}) for name, value in variables.items()}
