"""What a machine may lack: left out with one line, in CI a failure."""

import os
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


def leave_out(what: str, remedy: str) -> NoReturn:
    """Skip the test for want of `what`; where CI runs, fail it. `remedy` says how to have it."""
    reason = f"no {what}: {remedy}"
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
