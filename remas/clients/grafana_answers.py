"""What Grafana answers: refusals, each as an error that says what it is about, and JSON."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests

from remas import clock

FOR_ALL = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
OF_A_PROXY = (
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
ASKS_TO_WAIT = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class GrafanaError(Exception):
    """Grafana did not do as asked. `status` None: it did not answer, and may have done it.

    `wait`: for so long it is not to be asked again, as it says itself; None: it says nothing.
    """

    def __init__(
        self,
        text: str,
        status: int | None = None,
        message_id: str = "",
        wait: timedelta | None = None,
    ) -> None:
        super().__init__(text)
        self.status, self.message_id, self.wait = status, message_id, wait

    @property
    def is_missing(self) -> bool:
        """What was asked for is not there."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_taken(self) -> bool:
        """Something with this name or id is there already."""
        return self.status in (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)

    @property
    def is_locked_out(self) -> bool:
        """Name, password or token are refused: asking again soon makes it worse."""
        return self.status == HTTPStatus.UNAUTHORIZED

    @property
    def is_about_one(self) -> bool:
        """Grafana understood and refused just this: what else is asked of it may go well."""
        return self.status is not None and self.status < 500 and self.status not in FOR_ALL

    @property
    def may_be_about_one(self) -> bool:
        """Grafana itself failed (5xx): over just this, or over whatever it is asked."""
        return self.status is not None and self.status >= 500 and self.status not in OF_A_PROXY


def refused(method: str, path: str, answer: requests.Response) -> GrafanaError:
    """The error of an answer that is not 2xx."""
    try:
        said = answer.json()
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    text = " ".join(str(said.get("message") or answer.reason).split())
    told = f"{method} {path}: {answer.status_code} {text}"
    wait = _wait(answer.headers.get("Retry-After", ""))
    asks = answer.status_code in ASKS_TO_WAIT
    message_id = str(said.get("messageId") or "")
    return GrafanaError(told, answer.status_code, message_id, wait if asks else None)


def parsed(method: str, path: str, answer: requests.Response) -> Any:
    """The JSON of an answer; None where it has none. Raises `GrafanaError`."""
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        # A sign-in page of a proxy, perhaps: certainly not Grafana.
        raise GrafanaError(f"{method} {path}: the answer is no JSON.") from error


def _wait(retry_after: str) -> timedelta | None:
    """What `Retry-After` says, seconds or a date (RFC 9110, 10.2.3); None: nothing of use."""
    text = retry_after.strip()
    try:
        if text.isascii() and text.isdigit():
            return timedelta(seconds=int(text))
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return _aware(moment) - clock.now()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
