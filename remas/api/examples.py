"""Examples for the description of the service: what may be sent, and what is refused how.

Tests hold each body against its model, and each problem against its shape.
"""

from typing import Any

from remas import errors

Example = dict[str, Any]

_LETTER: Example = {
    "name": "An hour before",
    "type": "task_start",
    "time_offset": 3600,
    "subject": "${task_name} starts soon",
    "template": "${task_name} starts at ${task_start}.",
}
_ALLOCATIONS = [
    {"node": "n2", "resource": "cpu", "amount": 8},
    {"node": "n2", "resource": "gpu", "amount": 2},
]
_MAINTENANCE: Example = {
    "node": "n1",
    "starts_at": "2026-12-01T06:00:00Z",
    "ends_at": "2026-12-01T12:00:00Z",
    "reason": "New memory",
}
_LIMIT: Example = {
    "name": "GPUs of students",
    "resource": "gpu",
    "amount": 4,
    "group": "Students",
    "nodes": [],
    "scope": "total",
}

BODIES: dict[str, Example] = {
    "post_alias": {"name": "graphics card"},
    "patch_alias": {"description": "What people call it."},
    "sign_in": {"username": "ada", "password": "a long phrase of your own"},
    "refresh": {"refresh_token": "eyJhbGciOi…"},
    "revoke": {"refresh_token": "eyJhbGciOi…"},
    "post_group": {"name": "Students", "parent": "Users", "members": ["ada"]},
    "patch_group": {"description": "This year's."},
    "join_group": {"members": ["ada", "eve"]},
    "post_limit": _LIMIT,
    "preview_limit": _LIMIT,
    "patch_limit": {"amount": 6},
    "tell_contradicted": {"reservations": [17], "why": "n1 gets fewer GPUs from Monday on."},
    "post_maintenance": _MAINTENANCE,
    "preview_maintenance": _MAINTENANCE,
    "patch_maintenance": {"ends_at": "2026-12-01T14:00:00Z"},
    "patch_me": {"time_zone": "Europe/Prague"},
    "put_my_password": {
        "current_password": "the one-time password",
        "new_password": "a long phrase of your own",
    },
    "put_my_grafana_password": {
        "current_password": "a long phrase of your own",
        "new_password": "another long phrase",
    },
    "post_my_feed": {"kind": "node", "node": "n1"},
    "put_my_calendar_letters": {"wanted": True},
    "post_my_token": {
        "name": "nightly",
        "scope": "write",
        "expires_at": "2027-06-30T00:00:00Z",
    },
    "post_node": {
        "name": "n1",
        "capacities": [{"resource": "cpu", "amount": 64}],
        "address": "n1.cluster.example.org",
        "exporters": [
            {"job": "node_exporter", "port": 9100},
            {"job": "dcgm_exporter", "port": 9400, "path": "/metrics"},
        ],
    },
    "patch_node": {"state": "drained"},
    "preview_node": {"state": "drained"},
    "put_capacity": {"amount": 64},
    "post_notification": _LETTER,
    "patch_notification": {"time_offset": 7200},
    "assign_notification": {"group": "Users"},
    "unassign_notification": {"user": "ada"},
    "preview_draft": {**_LETTER, "made_up": True},
    "preview_notification": {"reservation": 17},
    "search_offers": {
        "duration": "PT4H",
        "earliest": "2026-12-01T08:00:00Z",
        "latest_end": "2026-12-15T00:00:00Z",
        "demands": {"cpu": 8, "gpu": 2},
        "node_count": 1,
        "max_offers": 3,
    },
    "post_reservation": {
        "name": "Training",
        "starts_at": "2026-12-03T14:00:00Z",
        "ends_at": "2026-12-03T18:00:00Z",
        "allocations": _ALLOCATIONS,
        "tags": ["thesis"],
    },
    "patch_reservation": {"ends_at": "2026-12-03T20:00:00Z"},
    "post_resource": {
        "name": "memory",
        "unit": "Bytes (IEC)",
        "aliases": ["RAM"],
        "measure": "memory",
    },
    "patch_resource": {"aliases": ["RAM", "main memory"]},
    "post_tag": {"name": "thesis"},
    "patch_tag": {"description": "Chapter 4"},
    "post_user": {"username": "ada", "email": "ada@example.org", "uid": 1001, "group": "Users"},
    "patch_user": {"active": False, "cancel_coming_reservations": True},
    "put_password": {},
}
"""A body for each operation that takes one, by its id."""


def _of(status: int, kind: type[errors.DomainError], detail: str, **more: Any) -> Example:
    return _problem(status, kind.slug, kind.title, detail, **more)


def _problem(status: int, slug: str, title: str, detail: str, **more: Any) -> Example:
    return {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        **more,
    }


_SHORTAGE: Example = {
    "node": "n2",
    "resource": "gpu",
    "starts_at": "2026-12-03T14:00:00Z",
    "ends_at": "2026-12-03T16:00:00Z",
    "short_by": 1,
    "reason": "capacity",
    "limit": None,
    "held_by": [
        {"reservation": 12, "username": "eve", "name": "Eve Moss", "email": "eve@example.org"}
    ],
}
_OFFER: Example = {
    "starts_at": "2026-12-03T16:00:00Z",
    "ends_at": "2026-12-03T20:00:00Z",
    "allocations": _ALLOCATIONS,
    "proven_earliest": True,
    "note": None,
}

FORBIDDEN = _of(403, errors.Forbidden, "Only administrators may do this. Ask one of them.")
READ_ONLY = _of(
    403, errors.ReadOnlyToken, "This access token may only read. Make one that may write."
)
ONE_TIME = _of(
    403,
    errors.PasswordChangeRequired,
    "This password is for one sign-in only. Set your own: PUT /me/password.",
)
_TAKEN = _of(
    409, errors.NameTaken, "Another one already has this name. Choose another.", field="name"
)
_CONFLICT = _of(409, errors.Conflict, "The group Users always exists. It can be renamed.")
_IN_USE = _of(
    409, errors.InUse, "The node n1 was reserved. Retire it instead.", things=["17 Training (ada)"]
)
_NOT_CHANGEABLE = _of(409, errors.NotChangeable, "It is over: it cannot be cancelled.")
_NO_CAPACITY = _problem(
    409,
    "no-capacity",
    errors.NoRoom.title,
    "Take one of the offers, or change what you ask for.",
    shortages=[_SHORTAGE],
    offers=[_OFFER],
)
_TOO_MUCH = _problem(
    409,
    "limit-exceeded",
    "This is more than a limit allows",
    "Ask for less, or for another time.",
    shortages=[{**_SHORTAGE, "reason": "limit", "limit": "GPUs of students", "held_by": []}],
    offers=[],
)
MEASUREMENTS_AWAY = _of(503, errors.MeasurementsAway, "No answer within 0.9 seconds.")
MEASURED = frozenset({"get_reservation_usage", "list_exceeding"})
"""The operations that ask Prometheus."""
CONFLICTS: dict[str, tuple[Example, ...]] = {
    "Problem": (_CONFLICT,),
    "TakenProblem": (_TAKEN, _CONFLICT),
    "InUseProblem": (_IN_USE, _TAKEN),
    "NoRoomProblem": (_NO_CAPACITY, _TOO_MUCH, _NOT_CHANGEABLE),
}
"""By the shape of the answer."""

PROBLEMS: dict[int, tuple[Example, ...]] = {
    400: (_problem(400, "bad-request", "Bad Request", "The body is not valid JSON."),),
    401: (_of(401, errors.NotSignedIn, "Send your access token: Authorization: Bearer …"),),
    404: (_of(404, errors.NotFound, "There is no node n7."),),
    412: (
        _of(
            412, errors.Stale, "Somebody changed it since you looked. Look at it again and repeat."
        ),
    ),
    413: (
        _problem(
            413,
            "too-large",
            "Request Entity Too Large",
            "The body is larger than the service takes.",
        ),
    ),
    415: (
        _problem(
            415,
            "unsupported-media-type",
            "Unsupported Media Type",
            "The body has to be JSON (Content-Type: application/json).",
        ),
    ),
    422: (
        _of(
            422,
            errors.Invalid,
            "Some fields need another value.",
            errors={"name": ["This is required."], "nmae": ["There is no such field."]},
        ),
    ),
    429: (_problem(429, "throttled", "Too Many Requests", "Too many attempts. Wait a little."),),
    500: (
        _problem(
            500,
            "internal",
            "The service made a mistake",
            "Something went wrong that should not have. It is in the server's log.",
        ),
    ),
    503: (
        _of(503, errors.Busy, "Somebody else holds what is needed. Try again in a moment."),
        _problem(
            503,
            "unavailable",
            "The service is not available right now",
            "The database does not answer. Try again in a moment.",
        ),
    ),
}
"""By status, where it is not `CONFLICTS` or 403 that depends on the operation."""
