"""What a letter is, and how all of them look. Good on a telephone: one column, nothing fetched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from remas.models import User

_PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>{title}</title></head>'
    '<body style="margin:0;padding:16px;font:16px/1.5 system-ui,-apple-system,sans-serif">'
    '<div style="max-width:36em;margin:0 auto">{paragraphs}{button}'
    '<p style="margin-top:24px;font-size:13px;opacity:.75">{footer}</p></div></body></html>'
)
_PARAGRAPH = Markup('<p style="margin:0 0 12px;overflow-wrap:anywhere">{}</p>')
_BUTTON = Markup(
    '<p style="margin:20px 0"><a href="{url}" style="display:inline-block;padding:10px 18px;'
    'background:#1f5fbf;color:#fff;border-radius:6px;text-decoration:none">{label}</a></p>'
)


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    content_type: str  # such as text/calendar; method=REQUEST
    data: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that can be sent. `kept`: what may be stored of a text that holds a secret."""

    subject: str
    text: str
    html: str | None = None
    attachments: Sequence[Attachment] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: str | None = None

    @property
    def readable(self) -> str:
        """What is stored, and shown to the recipient and to administrators."""
        return self.text if self.kept is None else self.kept


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all letters of this installation share; `zone` for people who have chosen none."""

    name: str
    address: str
    public_url: str  # without end slash
    zone: ZoneInfo

    def url(self, path: str) -> str:
        """The address of a page; `path` begins with a slash."""
        return f"{self.public_url}{path}"


@dataclass(frozen=True, slots=True)
class Link:
    """The one thing to do next."""

    label: str
    url: str


def compose(
    subject: str,
    body: str,
    *,
    link: Link | None = None,
    footer: str = "",
    attachments: Sequence[Attachment] = (),
    headers: Mapping[str, str] | None = None,
) -> Letter:
    """A letter from plain text: empty lines part its paragraphs. Nothing in it is markup."""
    subject, body = one_line(subject), body.strip()
    parts = [body, f"{link.label}: {link.url}" if link else "", f"-- \n{footer}" if footer else ""]
    return Letter(
        subject=subject,
        text="\n\n".join(part for part in parts if part) + "\n",
        html=_page(subject, body, link, footer),
        attachments=attachments,
        headers=dict(headers or {}),
    )


def one_line(text: str) -> str:
    """The text without line breaks, as headers need it."""
    return " ".join(text.split())


def zone_of(person: User, head: Letterhead) -> ZoneInfo:
    """The person's time zone, where it still exists; else everybody's."""
    try:
        return ZoneInfo(person.time_zone) if person.time_zone else head.zone
    except (KeyError, OSError, ValueError):
        return head.zone


def moment(value: datetime, zone: ZoneInfo) -> str:
    """Such as "Tue 24 Nov 2026, 14:00 CET"."""
    here = value.astimezone(zone)
    return f"{here:%a} {here.day} {here:%b %Y, %H:%M %Z}"


def _page(title: str, body: str, link: Link | None, footer: str) -> str:
    paragraphs = Markup().join(
        _PARAGRAPH.format(Markup("<br>").join(part.splitlines()))
        for part in body.split("\n\n")
        if part.strip()
    )
    button = _BUTTON.format(url=link.url, label=link.label) if link else Markup()
    lines = Markup("<br>").join(escape(line) for line in footer.splitlines())
    return str(_PAGE.format(title=title, paragraphs=paragraphs, button=button, footer=lines))
