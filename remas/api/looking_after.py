"""For administrators: what needs a look, and what stands against what is stored."""

from typing import Annotated

from flask import Response
from pydantic import Field

from remas.api import previews, queries, shapes
from remas.api.answers import Answer, Listing
from remas.api.blueprint import actor, bp
from remas.api.bodies import LARGEST_ID
from remas.api.etags import shown
from remas.api.schemas import Body
from remas.api.spec import CLUSTER, PEOPLE, Who, describe
from remas.services import attention, contradiction_letters, contradictions, uids
from remas.services.attention import Look, Matter
from remas.services.contradictions import Effect
from remas.services.fields import Check
from remas.services.paging import Page

ReservationId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
MOST_TOLD = 1000


class LookAnswer(Answer):
    matter: Matter
    number: int = Field(ge=1, description="how much of it there is")


class LookList(Listing):
    items: list[LookAnswer]


class TellPost(Body):
    """Whose reservations, and why, as a sentence in one line."""

    reservations: list[ReservationId] = Field(min_length=1, max_length=MOST_TOLD)
    why: str = Field(min_length=1)


class LettersMade(Answer):
    letters: int = Field(description="what was told in the same words already, is not told again")


class SuggestedUid(Answer):
    uid: int | None = Field(description="null: none is free")


@bp.get("/attention")
@describe(CLUSTER, LookList, who=Who.ADMINS, cached=True)
def list_attention(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """What needs a look by an administrator, the most pressing first: only what there is."""
    found = attention.look(actor())
    return shown(shapes.listing(Page.cut(found, query.page, query.per_page), _look))


@bp.get("/contradictions")
@describe(CLUSTER, previews.Effect, who=Who.ADMINS, cached=True)
def list_contradictions(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Reservations that stand against capacities, limits or maintenance as they are now."""
    return shown(previews.effect(contradictions.at_present(actor()), query))


@bp.post("/contradictions/tell")
@describe(CLUSTER, LettersMade, who=Who.ADMINS)
def tell_contradicted(json: TellPost) -> Response:
    """Send their owners a letter each that these reservations no longer fit, and why."""
    effect = contradictions.at_present(actor())
    known = {one.reservation for one in effect.found}
    check = Check()
    for i, one in enumerate(json.reservations):
        if one not in known:
            check.refuse(f"reservations.{i}", "It stands against nothing that is stored.")
    check.done()
    named = tuple(one for one in effect.found if one.reservation in json.reservations)
    return shown({"letters": contradiction_letters.tell_owners(actor(), Effect(named), json.why)})


@bp.get("/suggested-uid")
@describe(PEOPLE, SuggestedUid, who=Who.ADMINS, cached=True)
def get_suggested_uid(headers: queries.IfNoneMatch) -> Response:
    """A uid for a new account that nobody has."""
    return shown({"uid": uids.suggested(actor())})


def _look(found: Look) -> shapes.Shape:
    return {"matter": found.matter.value, "number": found.number}
