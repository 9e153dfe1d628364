"""The page on the command line shows what the commands say."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]


@pytest.mark.slow
def test_every_command_of_the_page_ends_as_it_says() -> None:
    result = subprocess.run(
        [sys.executable, "script/transcript.py", "--check"],
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert result.returncode == 0, result.stderr
