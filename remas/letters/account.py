"""Letters about one's account. Their links open a door, so they are never stored."""

from dataclasses import replace
from datetime import timedelta

from remas.durations import format_duration
from remas.letters.letter import Letter, Letterhead, Link, compose
from remas.models import User

KEPT = "(The link that stood here is kept nowhere.)"


def made(person: User, url: str | None, lasts: timedelta, head: Letterhead) -> Letter:
    """An account is there; `url` None: the time to set a password by this letter is over."""
    way = (
        f"Choose your password with the link below; it can be used once, within "
        f"{format_duration(lasts)}. Later, ask for a new one at {head.url('/password/forgotten')}"
        if url
        else f"Ask for a password at {head.url('/password/forgotten')}"
    )
    body = (
        f"Hello {person.full_name},\n\n"
        f"you can now reserve resources of the cluster at {head.public_url}\n"
        f"Your username is {person.username}.\n\n{way}"
    )
    footer = "You get this because an administrator has made an account for this address."
    link = Link("Choose your password", url) if url else None
    return _without_link(compose("Your account", body, link=link, footer=footer), url)


def reset(person: User, url: str, lasts: timedelta, head: Letterhead) -> Letter:
    """Somebody, probably this person, has forgotten a password."""
    body = (
        f"Hello {person.full_name},\n\n"
        f"somebody has asked for a new password of {person.username} at {head.public_url}\n\n"
        f"If it was you, choose one with the link below; it can be used once, within "
        f"{format_duration(lasts)}. Else there is nothing to do: your password stays as it is."
    )
    footer = "You get this because your address was given where a password was forgotten."
    letter = compose("A new password", body, link=Link("Choose a new password", url), footer=footer)
    return _without_link(letter, url)


def _without_link(letter: Letter, url: str | None) -> Letter:
    return replace(letter, kept=letter.text.replace(url, KEPT) if url else None)
