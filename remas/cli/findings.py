"""How one part of the installation is, as `remas doctor` tells it."""

from dataclasses import dataclass

PATIENCE = 5  # seconds to wait for each of the parts


@dataclass(frozen=True)
class Finding:
    """How one part is; `remedy` is empty where it is well."""

    part: str
    state: str
    remedy: str = ""


def cause_of(error: BaseException) -> str:
    """The innermost error in one line; connection errors wrap one another, and some wrap URLs."""
    cause = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
