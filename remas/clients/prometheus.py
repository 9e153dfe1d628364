"""Prometheus's HTTP API: one query at one moment or over a time. Nothing is decided here.

Source: Prometheus, "HTTP API", of versions 2 and 3.
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

CONNECT = 0.25  # seconds to be let in
LARGEST = 8 * 1024 * 1024  # bytes of an answer: some 50,000 series at one moment
CHUNK = 64 * 1024  # bytes
LONGEST_REASON = 300  # characters
REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class PrometheusError(Exception):
    """Prometheus did not do as asked; the text says why, and never from which address.

    `is_refusal`: it is well, and cannot take just this query.
    """

    def __init__(self, text: str, *, is_refusal: bool = False) -> None:
        super().__init__(text)
        self.is_refusal = is_refusal


@dataclass(frozen=True, slots=True)
class Series:
    """Values by moment, earliest first; what is no number (NaN, infinite) is left out.

    Of a query at one moment there is at most one value.
    """

    labels: Mapping[str, str]
    values: tuple[tuple[datetime, float], ...]


class Prometheus:
    """One Prometheus. Every method raises `PrometheusError`.

    `within`: seconds after which all that is asked through this object has to be answered. Only a
    server that sends its answer drop by drop can take longer, by the wait for one more drop.
    """

    def __init__(self, url: str, within: float) -> None:
        """`url` may end in a sub-path and hold `name:password@`."""
        parts = urlsplit(url)
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc: the address is meant as it is
        if parts.username is not None:
            self._session.auth = (unquote(parts.username), unquote(parts.password or ""))
        self._within, self._until = within, time.monotonic() + within

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._session.close()

    def query(self, expression: str, at: datetime) -> tuple[Series, ...]:
        """What the expression gives at that moment."""
        found = self._result("query", {"query": expression, "time": _seconds(at)}, "vector")
        return tuple(Series(row["metric"], _values([row["value"]])) for row in found)

    def query_range(
        self, expression: str, start: datetime, end: datetime, step: timedelta
    ) -> tuple[Series, ...]:
        """What it gives at `start` and at every `step` after it, up to `end`, which is included."""
        form = {
            "query": expression,
            "start": _seconds(start),
            "end": _seconds(end),
            "step": f"{step.total_seconds():.0f}",
        }
        found = self._result("query_range", form, "matrix")
        return tuple(Series(row["metric"], _values(row["values"])) for row in found)

    def _result(self, name: str, form: dict[str, str], kind: str) -> list[dict[str, Any]]:
        answer = self._answer(name, form)
        if answer.get("status") != "success":
            raise PrometheusError("It answers without success.")
        found = answer.get("data", {})
        if found.get("resultType") != kind:
            text = f"The query gives a {found.get('resultType')}, not a {kind}."
            raise PrometheusError(text, is_refusal=True)
        return list(found["result"])

    def _answer(self, name: str, form: dict[str, str]) -> dict[str, Any]:
        left = self._left()
        try:
            # A form in the body: a query over many nodes is longer than an address may be.
            with self._session.post(
                f"{self._url}/api/v1/{name}",
                data={**form, "timeout": f"{1000 * left:.0f}ms"},
                timeout=(min(CONNECT, left), left),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = self._body(response)
        except (requests.Timeout, ReadTimeoutError):
            raise self._late() from None
        except (requests.RequestException, HTTPError) as error:
            raise PrometheusError(_broken(error)) from None
        return _parsed(response, body)

    def _body(self, response: requests.Response) -> bytes:
        parts, size = [], 0
        # As it comes: waiting for a whole piece would be waiting for as long as the server likes.
        while part := response.raw.read1(CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            self._left()
            if size > LARGEST:
                raise PrometheusError("Its answer is too large.")
        return b"".join(parts)

    def _left(self) -> float:
        """Seconds, more than 0."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._late()
        return left

    def _late(self) -> PrometheusError:
        return PrometheusError(f"No answer within {self._within:g} seconds.")


def _parsed(response: requests.Response, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    status = response.status_code
    if status != HTTPStatus.OK:
        raise _refused(status, answer if isinstance(answer, dict) else {})
    if not isinstance(answer, dict):
        # A sign-in page of a proxy, perhaps: certainly not Prometheus.
        raise PrometheusError("Its answer is no JSON: is this Prometheus's address?")
    return answer


def _refused(status: int, said: dict[str, Any]) -> PrometheusError:
    reason = " ".join(str(said.get("error") or "").split())[:LONGEST_REASON]
    if status in REFUSALS and reason:
        return PrometheusError(reason, is_refusal=True)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return PrometheusError("It wants another name or password.")
    return PrometheusError(f"It says only {status}{f': {reason}' if reason else ''}.")


def _broken(error: Exception) -> str:
    """What happened, without the address that is in the text of the error."""
    if isinstance(error, requests.exceptions.SSLError):
        return "Its certificate cannot be trusted."
    if isinstance(error, ProtocolError):
        return "Its answer was cut off."
    if isinstance(error, requests.ConnectionError):
        return "It cannot be reached."
    return f"Its answer cannot be read ({type(error).__name__})."


def _values(pairs: list[list[Any]]) -> tuple[tuple[datetime, float], ...]:
    numbers = ((datetime.fromtimestamp(at, UTC), float(text)) for at, text in pairs)
    return tuple((at, number) for at, number in numbers if math.isfinite(number))


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"
