"""How schemathesis is run over /api/v1: by `script/fuzz` for long, by tests for a little."""

import sys
from pathlib import Path

from remas.api.blueprint import PREFIX

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
LEFT_OUT = "positive_data_acceptance"
"""That whatever fits the schema is accepted: a name that nothing has fits it, and is refused."""
ENDING = ["delete_my_session", "delete_session", "delete_sessions", "put_password", "delete_user"]
"""Operations that may take the right to ask from whoever asks."""


def command(url: str, token: str, phases: str, examples: int, *more: str) -> list[str]:
    """All checks but one over all operations, or over those that `more` names."""
    return [
        *(str(SCHEMATHESIS), "--no-color", "run", f"{url}{PREFIX}/openapi.json"),
        *("--header", f"Authorization: Bearer {token}", "--phases", phases),
        *("--checks", "all", "--exclude-checks", LEFT_OUT, "--suppress-health-check", "all"),
        *("--max-examples", str(examples), "--continue-on-failure", "--warnings", "off", *more),
    ]


def about_ending(option: str) -> list[str]:
    """Arguments that `include` or `exclude` the operations `ENDING`."""
    return [word for name in ENDING for word in (f"--{option}-operation-id", name)]
