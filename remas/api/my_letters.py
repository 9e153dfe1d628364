"""What was sent to oneself."""

from flask import Response
from pydantic import Field

from remas.api import notification_bodies as bodies
from remas.api import queries
from remas.api.answers import Answer
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.schemas import Body
from remas.api.shapes import listing
from remas.api.spec import LETTERS, describe
from remas.services import my_letters


class Unseen(Answer):
    unseen: int = Field(ge=0, le=my_letters.MOST_COUNTED, description="more are not counted")


class CalendarLetters(Answer):
    wanted: bool


class CalendarLettersPut(Body):
    wanted: bool


@bp.get("/me/letters/unseen")
@describe(LETTERS, Unseen, cached=True)
def count_my_unseen_letters(headers: queries.IfNoneMatch) -> Response:
    """How many letters came since you last looked."""
    return shown({"unseen": my_letters.unseen(actor())})


@bp.post("/me/letters/seen")
@describe(LETTERS, status=204)
def see_my_letters() -> tuple[str, int]:
    """You have looked: none of the letters that are there is new to you."""
    my_letters.look(actor())
    return "", 204


@bp.get("/me/letters/calendar")
@describe(LETTERS, CalendarLetters, cached=True)
def get_my_calendar_letters(headers: queries.IfNoneMatch) -> Response:
    """Whether you get a calendar file of each reservation that you make or change yourself."""
    return shown(_calendar())


@bp.put("/me/letters/calendar")
@describe(LETTERS, CalendarLetters)
def put_my_calendar_letters(json: CalendarLettersPut) -> Response:
    """Ask for calendar files of what you do yourself, or for none."""
    my_letters.want_calendar(actor(), json.wanted)
    return shown(_calendar())


def _calendar() -> dict[str, bool]:
    return {"wanted": my_letters.wants_calendar(actor())}


@bp.get("/me/letters")
@describe(LETTERS, bodies.ToldList, cached=True)
def list_my_letters(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Letters to you, latest first. While mail is off they are only here."""
    found = my_letters.search(actor(), query.page, query.per_page)
    return shown(listing(found, bodies.told))
