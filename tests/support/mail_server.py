"""A real SMTP server in the test process: accepts, refuses, stalls, hangs up in the middle."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.processes import free_port

OK = "250 OK"


@dataclass
class Received:
    """One message that the server has taken."""

    to: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        """Its plain part, with line feeds."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """What it says, and what it got. Everything may be changed while it runs."""

    port: int
    received: list[Received] = field(default_factory=list)
    tried: Counter[str] = field(default_factory=Counter)  # recipients, also of what was refused
    recipients: dict[str, str] = field(default_factory=dict)  # what is said to these
    data: str = OK  # what is said to a message
    hangs_up: Callable[[bytes], bool] = lambda _content: False  # in the middle of these messages
    stalls: bool = False  # at each message, until it is told otherwise
    seen: Callable[[EmailMessage], None] = lambda _message: None  # before a message is accepted

    def ids(self) -> Counter[str]:
        """How often each message came, by its Message-ID."""
        return Counter(str(one.message["Message-ID"]) for one in self.received)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """The server's answer to a recipient."""
        self.tried[address] += 1
        answer = self.recipients.get(address, OK)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """The server's answer to a message."""
        content = envelope.content
        assert isinstance(content, bytes)
        while self.stalls:
            await asyncio.sleep(0.05)
        if self.hangs_up(content):
            assert server.transport is not None
            server.transport.abort()
            return OK
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.seen(message)
        if self.data == OK:
            self.received.append(Received(list(envelope.rcpt_tos), message))
        return self.data

    @contextmanager
    def listening(self, **options: Any) -> Iterator[None]:
        """Answer on the port for as long as the block lasts."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        controller.start()
        try:
            yield
        finally:
            self.stalls = False
            controller.stop()

    @property
    def environ(self) -> dict[str, str]:
        """The settings of an app that sends here, without encryption."""
        return {
            "SMTP_ENABLED": "true",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.port),
            "SMTP_TLS_ENABLED": "false",
            "SMTP_FROM_ADDRESS": "remas@example.org",
        }


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """A server on a free port; `options` as aiosmtpd's Controller takes them."""
    server = MailServer(free_port())
    with server.listening(**options):
        yield server


def only(username: str, password: str) -> dict[str, Any]:
    """Options with which the server lets in this account alone."""

    def check(_server: Any, _session: Any, _envelope: Any, _how: str, given: Any) -> AuthResult:
        good = isinstance(given, LoginPassword) and (given.login, given.password) == (
            username.encode(),
            password.encode(),
        )
        return AuthResult(success=good, handled=False)

    return {"authenticator": check, "auth_required": True, "auth_require_tls": False}


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS for the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
