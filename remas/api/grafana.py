"""How far Grafana is behind, for administrators, and having it brought up to date."""

from flask import Response
from pydantic import Field

from remas import clock
from remas.api import queries, shapes
from remas.api.answers import Answer
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.spec import RECORD, Who, describe
from remas.api.values import Moment
from remas.services import monitoring_standing
from remas.services.monitoring_standing import Refused


class RefusedPerson(Answer):
    """Somebody for whom Grafana does not take what is to be there."""

    username: str | None = Field(description="null: the account is deleted", examples=["ada"])
    since: Moment
    attempts: int = Field(ge=1)
    error: str = Field(examples=["Grafana has another account with the address ada@example.org."])
    next_attempt_at: Moment


class GrafanaStanding(Answer):
    """What is to be in Grafana, and is perhaps not there yet."""

    waiting_people: int = Field(ge=0, description="for whom something may be different")
    everybody: bool = Field(description="whether those are all, but for the refused")
    waiting_since: Moment | None = Field(description="null: nobody waits, or it is not known")
    refused_people: int = Field(ge=0, description="for whom Grafana does not take it")
    refused: list[RefusedPerson] = Field(
        description=f"the first {monitoring_standing.MOST_TOLD} of them"
    )
    failures: int = Field(ge=0, description="how often in a row Grafana as a whole failed")
    last_error: str | None = Field(description="why; null: the last try went well")
    next_attempt_at: Moment | None = Field(description="before then Grafana is left alone")
    passed_at: Moment | None = Field(description="when everybody was last looked at; null: never")


@bp.get("/grafana")
@describe(RECORD, GrafanaStanding, who=Who.ADMINS, cached=True, more=(404,))
def get_grafana(headers: queries.IfNoneMatch) -> Response:
    """How far Grafana is behind, and what keeps it; 404 where no Grafana is used."""
    return shown(_standing())


@bp.post("/grafana/sync")
@describe(RECORD, GrafanaStanding, who=Who.ADMINS, more=(404,))
def sync_grafana() -> Response:
    """Have everybody looked at now, also those who wait; 404 where no Grafana is used."""
    monitoring_standing.sync_now(actor())
    return shown(_standing())


def _standing() -> shapes.Shape:
    found = monitoring_standing.standing(actor())
    numbers = found.numbers
    return {
        "waiting_people": numbers.people,
        "everybody": numbers.everybody,
        "waiting_since": clock.written(numbers.since),
        "refused_people": numbers.refused,
        "refused": [_refused(one) for one in found.refused],
        "failures": numbers.failures,
        "last_error": found.last_error,
        "next_attempt_at": clock.written(found.next_attempt_at),
        "passed_at": clock.written(numbers.passed_at),
    }


def _refused(one: Refused) -> shapes.Shape:
    return {
        "username": one.username,
        "since": shapes.moment(one.since),
        "attempts": one.attempts,
        "error": one.text,
        "next_attempt_at": shapes.moment(one.next_attempt_at),
    }
