"""The mail server, through Flask-Mail: one letter, one connection, and a clear answer."""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.charset import QP, Charset
from email.mime.text import MIMEText
from functools import cache
from socket import getfqdn
from typing import Protocol, Self

from flask import current_app
from flask_mail import Attachment, BadHeaderError, Connection, Message

from remas import clock

PATIENCE = 10  # seconds for each answer of the server
# What says "this recipient" or "this letter", and what says "you": that may yet be mended.
_ABOUT_US = {530, 534, 535, 538}


_QUOTED = Charset("utf-8")
_QUOTED.body_encoding = QP


class Enclosed(Protocol):
    """Something that goes along with a letter."""

    @property
    def filename(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class Sendable(Protocol):
    """What a letter has to have (remas/letters/letter.py)."""

    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str | None: ...
    @property
    def attachments(self) -> Sequence[Enclosed]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class MailError(Exception):
    """The letter is not out. `permanent`: it never will be, however often it is tried."""

    def __init__(self, text: str, *, permanent: bool) -> None:
        super().__init__(text)
        self.permanent = permanent


class _Connection(Connection):
    """As Flask-Mail's, with timeouts and checked certificates; closing it never fails."""

    def __enter__(self) -> Self:
        return self  # `_opened` has connected it, so that what fails there is told apart

    def configure_host(self) -> smtplib.SMTP:
        address = (self.mail.server, self.mail.port)
        context = ssl.create_default_context()
        host: smtplib.SMTP
        if self.mail.use_ssl:
            host = smtplib.SMTP_SSL(*address, _own_name(), timeout=PATIENCE, context=context)
        else:
            host = smtplib.SMTP(*address, _own_name(), timeout=PATIENCE)
        try:
            if self.mail.use_tls:
                host.starttls(context=context)
            if self.mail.username:
                host.login(self.mail.username, self.mail.password or "")
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(self, *_exception: object) -> None:
        """The letter is out when the server has said so: what comes after changes nothing."""
        if self.host is not None:
            try:
                self.host.quit()
            except (OSError, smtplib.SMTPException):
                self.host.close()


class _Message(Message):
    """As Flask-Mail's, with lines of any length: servers take 998 bytes of a line, no more."""

    def _mimetext(self, text: str | None, subtype: str = "plain") -> MIMEText:
        # Some type stubs know of names alone; the charset itself says how to write the body.
        return MIMEText(text or "", subtype, _QUOTED)  # type: ignore[arg-type]


def send(letter: Sendable, address: str, message_id: str) -> None:
    """Hand the letter to the mail server. Raises `MailError`.

    The same letter always has the same `message_id` (without brackets), so that mail programs see
    when one came twice.
    """
    message = _message(letter, address, message_id)
    with _opened() as connection:
        try:
            connection.send(message)
        except (BadHeaderError, UnicodeError) as error:
            raise MailError(f"The letter cannot be written: {error}", permanent=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(_told(error), permanent=_is_permanent(error)) from error


def _opened() -> _Connection:
    """Connected and signed in. What goes wrong here can be mended by an administrator."""
    connection = _Connection(current_app.extensions["mail"])
    try:
        connection.host = connection.configure_host()
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(
            f"The mail server does not let us in. {_told(error)}", permanent=False
        ) from error
    return connection


def _message(letter: Sendable, address: str, message_id: str) -> Message:
    message = _Message(
        subject=letter.subject,
        recipients=[address],
        body=letter.text,
        html=letter.html,
        date=clock.now().timestamp(),
        attachments=[
            Attachment(part.filename, part.content_type, part.data) for part in letter.attachments
        ],
        # Nobody's absence notice is to answer this.
        extra_headers={"Auto-Submitted": "auto-generated", **letter.headers},
    )
    message.msgId = f"<{message_id}>"
    return message


def _is_permanent(error: Exception) -> bool:
    """Whether the server has refused this recipient or this letter for good."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return True  # an address that it cannot write
    if isinstance(error, smtplib.SMTPSenderRefused):
        return False  # it is we who are not welcome
    code = _code(error)
    return 500 <= code < 600 and code not in _ABOUT_US


def _code(error: Exception) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max(code for code, _text in error.recipients.values())
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def _told(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(_answer(*answer) for answer in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    # smtplib tells one that comes while it waits for an answer as a lost connection.
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return f"The mail server does not answer within {PATIENCE} seconds."
    return " ".join(f"{type(error).__name__}: {error}".split())


def _answer(code: int, text: bytes | str) -> str:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {said}".split())


@cache
def _own_name() -> str:
    """How this machine introduces itself; asked once, as it may take a while."""
    return getfqdn()
