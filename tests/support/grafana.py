"""A double of Grafana for the tests: a real HTTP server on a port of this machine, with state.

It imitates Grafana 11.5 and 12 as far as REMAS speaks to them: status codes, conflicts, owners,
paging, checks. It can be slow, broken, cut off, or forget to answer; and whoever holds it may edit
its state behind REMAS's back.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from remas.clients.grafana import Grafana
from tests.support import (
    grafana_accounts,
    grafana_alerting,
    grafana_dashboards,
    grafana_folders,
    grafana_rules,
    grafana_set_up,
)
from tests.support.grafana_state import (
    NEW,
    OLD,
    OWN_LOGIN,
    OWN_PASSWORD,
    Call,
    Refused,
    State,
    found_route,
)

__all__ = ["NEW", "OLD", "Double", "grafana_double"]

PARTS = (
    grafana_accounts,
    grafana_folders,
    grafana_dashboards,
    grafana_alerting,
    grafana_rules,
    grafana_set_up,
)
"""Whose calls are answered."""
ALERTING = re.compile(r"/v1/provisioning/(contact-points|policies)")


class CutOff(Exception):
    """The connection ends without an answer."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A call that arrived. `status` 0: it got no answer."""

    method: str
    path: str
    status: int

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Faults:
    """What goes wrong next; all are off."""

    seconds: float = 0  # that each answer takes
    calls_left: int | None = None  # until no call gets through any more
    lost_writes: set[int] = field(default_factory=set)  # 1: the next one is done, but unanswered
    broken: list[int] = field(default_factory=list)  # statuses of the next calls
    conflicts: list[int] = field(default_factory=list)  # of the next writes to alerting
    failing: dict[str, int] = field(default_factory=dict)
    """Statuses, for good, of calls that match: `{"PUT /users/3": 500}`."""
    headers: dict[str, str] = field(default_factory=dict)  # of each answer that is a refusal
    meanwhile: dict[str, Callable[[State], None]] = field(default_factory=dict)
    """What somebody else does right after the next call that matches has been answered."""

    def refuse(self, call: str) -> None:
        """Raise `Refused` where this call, such as "PUT /users/3", is to fail for good."""
        for pattern, status in self.failing.items():
            if re.fullmatch(pattern, call):
                raise Refused(status, "Internal server error")

    def happen(self, call: str, state: State) -> None:
        """Let happen what is to happen after this call."""
        for pattern in list(self.meanwhile):
            if re.fullmatch(pattern, call):
                self.meanwhile.pop(pattern)(state)


class Double:
    """A running double. `url` has no end slash."""

    def __init__(self, url: str, state: State) -> None:
        self.url = url
        self.state = state
        self.faults = Faults()
        self.log: list[Logged] = []
        self.mistakes: list[Exception] = []  # of the double itself
        self._lock = threading.Lock()
        self._writes = 0

    def client(self, token: str = "") -> Grafana:
        """The client under test, with the account that REMAS would have."""
        return Grafana(self.url, OWN_LOGIN, OWN_PASSWORD, token)

    def settings(self) -> dict[str, str]:
        """How REMAS is told of this Grafana."""
        return {
            "GRAFANA_URL": self.url,
            "GRAFANA_USERNAME": OWN_LOGIN,
            "GRAFANA_PASSWORD": OWN_PASSWORD,
        }

    def add_token(self, token: str = "glsa_secret", role: str = "Admin") -> str:
        """A token of a new service account."""
        self.state.tokens[token] = {"id": self.state.number(), "login": "sa-1-remas", "role": role}
        return token

    def writes(self) -> list[str]:
        """The writing calls since `forget`, such as "POST /folders"."""
        return [str(call) for call in self.log if call.is_write]

    def reads(self) -> list[str]:
        """The reading calls since `forget`."""
        return [str(call) for call in self.log if not call.is_write]

    def forget(self) -> None:
        """Begin the log afresh, and let nothing go wrong any more."""
        self.log, self.faults, self._writes = [], Faults(), 0

    def answer(self, method: str, target: str, body: bytes, headers: Any) -> tuple[int, Any]:
        """What to say to a call; raises `CutOff`."""
        time.sleep(self.faults.seconds)
        with self._lock:
            where = urlsplit(target)
            path = where.path.removeprefix("/api")
            try:
                status, said = self._answered(method, path, where.query, body, headers)
            except CutOff:
                self.log.append(Logged(method, path, 0))
                raise
            except Refused as refused:
                status, said = refused.status, refused.body
            except Exception as error:
                self.mistakes.append(error)
                raise CutOff from error
            self.log.append(Logged(method, path, status))
            self.faults.happen(f"{method} {path}", self.state)
            return status, said

    def _answered(
        self, method: str, path: str, query: str, body: bytes, headers: Any
    ) -> tuple[int, Any]:
        faults, is_write = self.faults, method != "GET"
        self._writes += is_write
        if faults.calls_left is not None:
            if faults.calls_left == 0:
                raise CutOff
            faults.calls_left -= 1
        if faults.broken:
            raise Refused(faults.broken.pop(0), "Internal server error")
        if faults.conflicts and is_write and ALERTING.match(path):
            text = "could not find object using provided id and hash"
            raise Refused(faults.conflicts.pop(0), text)
        faults.refuse(f"{method} {path}")
        try:
            return self._handled(method, path, query, body, headers)
        finally:
            if is_write and self._writes in faults.lost_writes:
                raise CutOff  # it is done, or refused, and nobody is told

    def _handled(
        self, method: str, path: str, query: str, body: bytes, headers: Any
    ) -> tuple[int, Any]:
        route, parts = found_route(method, path)
        if self.state.database_down and path != "/health":
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
        if self.state.read_only and method != "GET":
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
        caller = grafana_accounts.admitted(self.state, route, headers)
        try:
            wish = json.loads(body) if body else None
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "bad request data") from None
        may_be_edited = "X-Disable-Provenance" in headers
        call = Call(method, path, parts, dict(parse_qsl(query)), wish, may_be_edited, caller)
        return route.handler(self.state, call)


@contextmanager
def grafana_double(version: str = OLD) -> Iterator[Double]:
    """A fresh double of this version."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        state = State(version=version, titles_unique=version == OLD)
        double = Double(f"http://127.0.0.1:{server.server_port}", state)
        server.double = double  # type: ignore[attr-defined]  # for the handler
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()
            if double.mistakes:
                raise double.mistakes[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    disable_nagle_algorithm = True
    timeout: ClassVar[float] = 30

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        double: Double = self.server.double  # type: ignore[attr-defined]
        try:
            status, said = double.answer(self.command, self.path, body, self.headers)
        except CutOff:
            self.close_connection = True
            return
        content = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status >= HTTPStatus.BAD_REQUEST:
            for name, value in double.faults.headers.items():
                self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: the double has a log of its own."""
