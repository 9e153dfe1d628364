"""A REMAS server, spoken to over /api/v1 by programs of the same house. Decides nothing."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from requests.auth import AuthBase

ROOT = "/api/v1"
CONNECT_SECONDS = 5
ANSWER_SECONDS = 60  # a booking may wait for others; the server itself gives up long before
AGENT = "remas"  # as which people see it in the list of their sessions
PER_PAGE = 200  # the most that the server gives at once
AGAIN_SECONDS = (0.2, 1)  # waits before a request that changes nothing twice is sent again

Json = dict[str, Any]


class ApiError(Exception):
    """What the server refused, as the problem it told; `status` 0: there was no answer of its."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or status))
        self.status = status
        self.problem = dict(problem)

    @property
    def slug(self) -> str:
        """Such as `no-capacity`."""
        return str(self.problem.get("type", "")).rpartition("/")[2]


class _Bearer(AuthBase):
    """Given as `auth`, because a .netrc of the person's would replace a mere header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Nobody(AuthBase):
    """No password of a .netrc either."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Api:
    """The server at `url` (without /api/v1), asked with `token`; every method raises `ApiError`."""

    def __init__(self, url: str, token: str | None = None, seconds: float = ANSWER_SECONDS) -> None:
        self.url = url.rstrip("/")
        self._auth = _Bearer(token) if token else _Nobody()
        self._seconds = seconds
        self._connections = requests.Session()
        self._connections.headers["User-Agent"] = AGENT

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The answer, if it is a good one. `path` is below /api/v1."""
        try:
            response = self._connections.request(
                method,
                f"{self.url}{ROOT}{path}",
                json=body,
                params=params,
                headers=headers,
                auth=self._auth,
                timeout=(CONNECT_SECONDS, self._seconds),
                allow_redirects=False,  # a redirected POST would come back as a GET
            )
        except (requests.RequestException, UnicodeError) as error:
            detail = f"{self.url} does not answer: {_cause(error)}."
            raise ApiError(0, {"detail": detail, "type": "/problems/unreachable"}) from error
        if response.ok and not response.is_redirect:
            return response
        raise ApiError(*self._problem(response))

    def get(self, path: str, **params: Any) -> Json:
        """What is at an address."""
        return self._json(self.send("GET", path, params=params))

    def every(self, path: str, **params: Any) -> Iterator[Json]:
        """All items of a list, page after page."""
        page, got = 1, 0
        while True:
            found = self.get(path, **params, page=page, per_page=PER_PAGE)
            yield from found["items"]
            got += len(found["items"])
            if not found["items"] or got >= found["total"]:
                return
            page += 1

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Json:
        """What came of it."""
        return self._json(self.send("POST", path, body, headers=headers))

    def post_once(self, path: str, body: Any, key: str) -> Json:
        """As `post`; where no answer comes it is sent again, which the server notices by `key`."""
        for seconds in AGAIN_SECONDS:
            try:
                return self.post(path, body, {"Idempotency-Key": key})
            except ApiError as error:
                if error.status:
                    raise
            time.sleep(seconds)
        return self.post(path, body, {"Idempotency-Key": key})

    def _json(self, response: requests.Response) -> Json:
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError(0, self._stranger())
        return found

    def _problem(self, response: requests.Response) -> tuple[int, Json]:
        """Status 0 where something else than REMAS answers, such as a proxy in between."""
        if response.is_redirect:
            place = response.headers.get("Location", "").partition(ROOT)[0]
            detail = f"{self.url} sends elsewhere: {place or 'nowhere'}. Sign in there."
            return 0, {"detail": detail, "type": "/problems/unreachable"}
        try:
            problem = response.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict) or "type" not in problem:
            return 0, self._stranger(response.status_code)
        return response.status_code, problem

    def _stranger(self, status: int | None = None) -> Json:
        said = f" (status {status})" if status else ""
        detail = f"What answers at {self.url} is not REMAS{said}."
        return {"detail": detail, "type": "/problems/unreachable"}


def _cause(error: BaseException) -> str:
    """The innermost reason in a few words: connection errors wrap one another."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    while inner := error.__cause__ or error.__context__:
        error = inner
    text = str(getattr(error, "strerror", None) or error).strip().splitlines()
    return text[0].rstrip(".") if text else type(error).__name__
