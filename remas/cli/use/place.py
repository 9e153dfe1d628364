"""Where a person is signed in: kept in their config folder, for their eyes alone.

REMAS_URL and REMAS_TOKEN in the environment go first: scripts need no folder.
"""

import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from remas.cli.use.codes import Code, Refused

NOT_SIGNED_IN = "You are not signed in. Sign in: remas login URL"


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and the token with which it is asked."""

    url: str
    token: str = field(repr=False)
    username: str | None = None
    token_id: int | None = None


def file() -> Path:
    """`$XDG_CONFIG_HOME/remas/login.json`, by default below ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # A path that is not absolute is to be ignored, says the specification.
    folder = Path(base) if base.startswith("/") else Path.home() / ".config"
    return folder / "remas" / "login.json"


def current() -> Place:
    """Where this command is to ask. Raises `Refused`."""
    url, token = os.environ.get("REMAS_URL", ""), os.environ.get("REMAS_TOKEN", "")
    if url and token:
        return Place(checked_url(url), token)
    kept = load()
    if token:
        if kept is None:
            raise Refused("REMAS_TOKEN is set, but not REMAS_URL.", Code.USAGE)
        return Place(kept.url, token)
    if kept is None or (url and checked_url(url) != kept.url):
        raise Refused(NOT_SIGNED_IN, Code.SIGNED_OUT)
    return kept


def load() -> Place | None:
    """What is kept; None where nothing is. Raises `Refused` where it cannot be trusted."""
    path = file()
    try:
        mode, text = path.stat().st_mode, path.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.", Code.SIGNED_OUT) from error
    if stat.S_IMODE(mode) & 0o077:
        text = f"Others may read {path}, and with it your token. Revoke it, and sign in again."
        raise Refused(text, Code.SIGNED_OUT)
    try:
        return Place(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise Refused(f"{path} is damaged. Sign in again.", Code.SIGNED_OUT) from error


def save(place: Place) -> Path:
    """Keep it, mode 0600 in a folder of mode 0700; what was kept before is replaced whole."""
    path = file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "w") as output:
            json.dump(asdict(place), output, indent=2)
        Path(draft).replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from error
    return path


def forget() -> None:
    """Keep nothing."""
    file().unlink(missing_ok=True)


def checked_url(text: str) -> str:
    """The address of a server, without end slash. Raises `Refused`."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
        _ = parts.port
    except ValueError:
        good = False
    if not good or parts.username:
        sentence = f"{text} is no address of a server, such as https://remas.example.org."
        raise Refused(sentence, Code.USAGE)
    return text.rstrip("/").removesuffix("/api/v1")


def is_in_the_open(url: str) -> bool:
    """Whether a password would travel unencrypted over a network."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")
