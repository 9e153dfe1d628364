"""Prometheus's HTTP API: one query at one moment or over a time. Nothing is decided here.

Source: Prometheus, "HTTP API", of versions 2 and 3.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Self, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

CONNECT = 0.25  # seconds to be let in
MOST_AT_ONCE = 16  # questions of this process, with those that nobody waits for any more
LARGEST = 8 * 1024 * 1024  # bytes of an answer: some 50,000 series at one moment
CHUNK = 64 * 1024  # bytes
LONGEST_REASON = 300  # characters
REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
UNREADABLE = "Its answer cannot be read."

Found = TypeVar("Found")
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


class Trouble(Enum):
    """What went wrong: the query was refused; nothing listens, or lets nobody in; the time was
    used up before it was sent; or no answer came, or none that can be used."""

    REFUSED = auto()
    UNREACHED = auto()
    UNSENT = auto()
    UNANSWERED = auto()


class PrometheusError(Exception):
    """Prometheus did not do as asked; the text says why, and never from which address."""

    def __init__(self, text: str, trouble: Trouble = Trouble.UNANSWERED) -> None:
        super().__init__(text)
        self.trouble = trouble

    @property
    def is_refusal(self) -> bool:
        """It is well, and cannot take just this query."""
        return self.trouble is Trouble.REFUSED


@dataclass(frozen=True, slots=True)
class Series:
    """Values by moment, earliest first; what is no number (NaN, infinite) is left out.

    Of a query at one moment there is at most one value.
    """

    labels: Mapping[str, str]
    values: tuple[tuple[datetime, float], ...]


class Prometheus:
    """One Prometheus. Every method raises `PrometheusError`.

    `within`: seconds after which all that is asked through this object has to be answered. Each
    question is asked by a thread of its own, as nothing bounds the time in which a name is looked
    up; what is late is left to itself, and no more than `MOST_AT_ONCE` run at a time.
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
        self._latest: Future[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._latest is None:
            self._session.close()
        else:  # at once, unless it still runs
            self._latest.add_done_callback(lambda _done: self._session.close())

    def query(
        self, expression: str, at: datetime, within: float | None = None
    ) -> tuple[Series, ...]:
        """What the expression gives at that moment; `within`: no more seconds than these."""
        form = {"query": expression, "time": _seconds(at)}
        return self._result("query", form, "vector", within)

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
        return self._result("query_range", form, "matrix")

    def _result(
        self, name: str, form: dict[str, str], kind: str, within: float | None = None
    ) -> tuple[Series, ...]:
        left = self._left(Trouble.UNSENT)
        left = left if within is None else min(left, within)
        answer = self._waited(lambda: self._answer(name, form, left), left)
        if answer.get("status") != "success":
            raise PrometheusError("It answers without success.")
        return _series(answer.get("data"), kind)

    def _waited(self, ask: Callable[[], Found], left: float) -> Found:
        """What `ask` gives, in `left` seconds at most."""
        until = time.monotonic() + left
        if not _places.acquire(timeout=left):
            raise self._late(Trouble.UNSENT)
        future: Future[Found] = Future()

        def run() -> None:
            try:
                future.set_result(ask())
            except BaseException as error:  # told to whoever waits
                future.set_exception(error)
            finally:
                _places.release()

        self._latest = future
        # Not kept for the next question: such a thread would not be there after a fork, and one
        # that hangs would keep the program from ending.
        threading.Thread(target=run, name="prometheus", daemon=True).start()
        try:
            return future.result(timeout=max(until - time.monotonic(), 0))
        except TimeoutError:
            raise self._late() from None

    def _answer(self, name: str, form: dict[str, str], left: float) -> dict[str, Any]:
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
        except requests.ConnectTimeout:
            is_long = left >= CONNECT
            raise self._late(Trouble.UNREACHED if is_long else Trouble.UNANSWERED) from None
        except (requests.Timeout, ReadTimeoutError):
            raise self._late() from None
        except (requests.RequestException, HTTPError) as error:
            raise _broken(error) from None
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

    def _left(self, trouble: Trouble = Trouble.UNANSWERED) -> float:
        """Seconds, more than 0."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._late(trouble)
        return left

    def _late(self, trouble: Trouble = Trouble.UNANSWERED) -> PrometheusError:
        return PrometheusError(f"No answer within {self._within:g} seconds.", trouble)


def _parsed(response: requests.Response, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
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
        return PrometheusError(reason, Trouble.REFUSED)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return PrometheusError("It wants another name or password.")
    return PrometheusError(f"It says only {status}{f': {reason}' if reason else ''}.")


def _broken(error: Exception) -> PrometheusError:
    """What happened, without the address that is in the text of the error."""
    if isinstance(error, requests.exceptions.SSLError):
        return PrometheusError("Its certificate cannot be trusted.", Trouble.UNREACHED)
    if any(isinstance(one, ProtocolError) for one in (error, *error.args)):
        return PrometheusError("Its answer was cut off.")
    if isinstance(error, requests.ConnectionError):
        return PrometheusError("It cannot be reached.", Trouble.UNREACHED)
    return PrometheusError(f"Its answer cannot be read ({type(error).__name__}).")


def _series(data: Any, kind: str) -> tuple[Series, ...]:
    try:
        if data["resultType"] == kind:
            rows = data["result"]
            return tuple(Series(_labels(row), _values(_pairs(row, kind))) for row in rows)
        text = f"The query gives a {data['resultType']}, not a {kind}."
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError):
        # JSON, and not what it should be: anything between here and there may have made it so.
        raise PrometheusError(UNREADABLE) from None
    raise PrometheusError(text, Trouble.REFUSED)


def _labels(row: Any) -> dict[str, str]:
    labels = row["metric"]
    if not isinstance(labels, dict) or not all(isinstance(text, str) for text in labels.values()):
        raise TypeError("labels")
    return labels


def _pairs(row: Any, kind: str) -> list[list[Any]]:
    return row["values"] if kind == "matrix" else [row["value"]]


def _values(pairs: list[list[Any]]) -> tuple[tuple[datetime, float], ...]:
    numbers = ((datetime.fromtimestamp(at, UTC), float(text)) for at, text in pairs)
    return tuple((at, number) for at, number in numbers if math.isfinite(number))


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"
