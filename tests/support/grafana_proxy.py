"""The double of Grafana as people reach it through a proxy: with `auth.proxy`, below `/grafana/`.

The header says who it is. As Grafana 11 and 12 are with `auto_sign_up = false`,
`headers_encoded = true`, `enable_login_token = false`: an unknown or disabled account is nobody; a
basic login beside the header comes first; without either, pages lead to Grafana's own sign-in page.
A name that can be read as an address is looked for among the addresses first; whose account it is,
is remembered for good, and the account gets that login and address.
"""

import base64
import email.utils
import hashlib
import json
import quopri
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tests.support.grafana_state import Json, State

HEADER = "X-WEBAUTH-USER"
WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
PAGE = "<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1>"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request as Grafana got it. Header names in small letters, with dashes."""

    method: str
    path: str
    headers: dict[str, list[str]]

    @property
    def claims(self) -> dict[str, list[str]]:
        """All that might say who it is."""
        telling = ("x-webauth-", "authorization", "cookie")
        return {name: found for name, found in self.headers.items() if name.startswith(telling)}


@dataclass
class Proxied:
    """A running double behind a proxy, on the accounts of `state`."""

    port: int
    state: State
    arrived: list[Arrived] = field(default_factory=list)
    linked: dict[str, int] = field(default_factory=dict)
    """The id of the account of each name that came before."""

    def account(self, headers: Any) -> Json | None:
        """Who it is, as Grafana finds out."""
        kind, _, secret = headers.get("Authorization", "").partition(" ")
        if kind == "Basic":  # asked before the proxy's header
            login, _, password = base64.b64decode(secret).decode().partition(":")
            user = self.state.user_of(login)
            return user if user and user["password"] == password else None
        name = quopri.decodestring(headers.get(HEADER, "")).decode()
        user = self._of(name) if name else None
        return user if user and not user["isDisabled"] else None

    def _of(self, name: str) -> Json | None:
        users = self.state.users
        address = email.utils.parseaddr(name)[1] if "@" in name else ""
        user = users.get(self.linked.get(name, 0))
        if user is None and address:
            wanted = address.lower()
            user = next((one for one in users.values() if one["email"].lower() == wanted), None)
        user = user or self.state.user_of(address or name)
        if user is not None:
            self.linked[name] = user["id"]
            if address:
                user |= {"login": address, "email": address}
        return user


@contextmanager
def grafana_behind_proxy(state: State, port: int = 0) -> Iterator[Proxied]:
    """Serve the accounts of a double's state on a port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        proxied = Proxied(server.server_port, state)
        server.proxied = proxied  # type: ignore[attr-defined]  # for the handler
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield proxied
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout: ClassVar[float] = 30

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxied: Proxied = self.server.proxied  # type: ignore[attr-defined]
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name.lower().replace("_", "-"), []).append(value)
        proxied.arrived.append(Arrived(self.command, self.path, headers))
        self._answer(proxied.account(self.headers), self.path.partition("?")[0])

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _answer(self, account: Json | None, path: str) -> None:
        if path == "/grafana/api/user":
            self._json(account)
        elif path == "/grafana/api/live/ws" and account:
            upgrade = self.headers.get("Upgrade"), self.headers.get("Connection", "").lower()
            if upgrade == ("websocket", "upgrade"):
                self._echo()
            else:
                self._send(400, b"")
        elif path == "/grafana/login":
            self._send(200, PAGE.format(title="Welcome to Grafana").encode())
        elif account is None:
            self._send(302, b"", Location="/grafana/login")
        else:
            cookie = "grafana_session=made; Path=/grafana"
            title = f"Grafana of {account['login']}"
            self._send(200, PAGE.format(title=title).encode(), Set_Cookie=cookie)

    def _json(self, account: Json | None) -> None:
        if account is None:
            said: Json = {"message": "Unauthorized", "messageId": "auth-proxy.user-not-found"}
        else:
            shown = ("id", "login", "email", "name", "isGrafanaAdmin", "isDisabled")
            said = {name: account[name] for name in shown}
        body = json.dumps(said).encode()
        self._send(401 if account is None else 200, body, Content_Type="application/json")

    def _echo(self) -> None:
        """A web socket that says back the one short text it is sent."""
        key = self.headers["Sec-WebSocket-Key"] + WEBSOCKET_GUID
        accepted = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", accepted)
        self.end_headers()
        _, size = self.rfile.read(2)
        mask, hidden = self.rfile.read(4), self.rfile.read(size & 0x7F)
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(hidden))
        self.wfile.write(bytes([0x81, len(text)]) + text)
        self.close_connection = True

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Type": "text/html", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: what arrived is kept."""
