"""Reservations, which the wire calls tasks. Cancelled ones are nowhere."""

from flask import Response

from remas import clock
from remas.compat import bodies, refusals, schemas, shapes
from remas.compat.blueprint import NOT_ALLOWED, actor, bp, for_administrators, require_self
from remas.compat.errors import Refused
from remas.compat.times import end_of, start_of
from remas.errors import NotFound
from remas.models import Reservation, Status
from remas.services import booking, by_id, reservations, tags
from remas.services.belongings import KEPT
from remas.services.paging import Page
from remas.services.requests import AllocationSpec, BookingRequest, ChangeRequest
from remas.services.reservations import ReservationFilter

ACTIVE, FINISHED = (Status.SCHEDULED, Status.RUNNING), (Status.FINISHED,)


@bp.get("/task")
@for_administrators
def list_tasks() -> Response:
    """All tasks of all people, by start."""
    found = reservations.search(actor(), ReservationFilter(statuses=KEPT), per_page=bodies.ALL)
    return bodies.listed([shapes.task_simple(actor(), row) for row in found.items])


@bp.get("/task/user/<user_id>")
def list_tasks_of_user(user_id: int) -> Response:
    """All tasks of one person, by start."""
    require_self(user_id)
    wanted = ReservationFilter(owner=by_id.account(user_id).user.username, statuses=KEPT)
    found = reservations.search(actor(), wanted, per_page=bodies.ALL)
    return bodies.listed([shapes.task_simple(actor(), row) for row in found.items])


@bp.post("/task/user/<user_id>/active")
def list_active_of_user(user_id: int) -> Response:
    """A page of somebody's tasks that are not over, by start."""
    return _of_user(user_id, ACTIVE, latest_first=False)


@bp.post("/task/user/<user_id>/finished")
def list_finished_of_user(user_id: int) -> Response:
    """A page of somebody's tasks that are over, latest start first."""
    return _of_user(user_id, FINISHED, latest_first=True)


@bp.post("/task/active")
def list_active() -> Response:
    """A page of everybody's tasks that are not over, by start."""
    found = _page(ReservationFilter(statuses=ACTIVE))
    return bodies.listed([shapes.task_with_owner(actor(), row) for row in found.items])


@bp.post("/task/finished")
def list_finished() -> Response:
    """A page of everybody's tasks that are over, latest start first."""
    found = _page(ReservationFilter(statuses=FINISHED, latest_first=True))
    return bodies.listed([shapes.task_with_owner(actor(), row) for row in found.items])


@bp.get("/task/<task_id>")
def get_task(task_id: int) -> Response:
    """One task, for those who may know what it is for."""
    found = _present(task_id)
    if reservations.hides_details(actor(), found):
        raise Refused(403, NOT_ALLOWED)
    return bodies.answer(shapes.task(actor(), found))


@bp.post("/task")
def post_task() -> Response:
    """Book, without an id; with one, change a task of one's own."""
    body = bodies.read(schemas.Task)
    if body.id is None:
        return _book(body)
    known = _own(body.id, "Task is not owned by current user!")
    wish = ChangeRequest(
        name=body.name,
        description=body.description or "",
        starts_at=start_of(body.start_time, known.starts_at),
        ends_at=end_of(body.end_time, known.ends_at),
        allocations=_allocations(body),
        tags=_tag_names(body) or None,
    )
    with refusals.of_booking(wish, known):
        return _shown(booking.change(actor(), body.id, wish).id)


@bp.delete("/task/<task_id>")
def delete_task(task_id: int) -> Response:
    """Cancel a task of one's own; one that runs ends now."""
    known = _own(task_id, "Can't remove task owned by another user!")
    running = known.status(clock.now()) is Status.RUNNING
    give_up = booking.release if running else booking.cancel
    give_up(actor(), task_id)
    return bodies.done("Task deleted")


@bp.post("/task/add_tag")
def add_tag() -> Response:
    """Put a tag of one's own on a task of one's own."""
    task, tag = _task_and_tag()
    if tag in [one.name for one in task.tags]:
        raise Refused(409, "Tag is already assigned to the task!")
    return _shown(booking.set_tag(actor(), task.id, tag).id)


@bp.post("/task/remove_tag")
def remove_tag() -> Response:
    """Take a tag of one's own off a task of one's own."""
    task, tag = _task_and_tag()
    if tag not in [one.name for one in task.tags]:
        raise NotFound("Tag is not assigned to the task!")
    return _shown(booking.unset_tag(actor(), task.id, tag).id)


def _of_user(user_id: int, statuses: tuple[Status, ...], *, latest_first: bool) -> Response:
    require_self(user_id)
    username = by_id.account(user_id).user.username
    found = _page(ReservationFilter(username, statuses=statuses, latest_first=latest_first))
    return bodies.listed([shapes.task(actor(), row) for row in found.items])


def _page(wanted: ReservationFilter) -> Page[Reservation]:
    """The wire counts pages from 0."""
    body = bodies.read(schemas.Paging)
    return reservations.search(actor(), wanted, body.page_number + 1, body.page_size)


def _book(body: schemas.Task) -> Response:
    wish = BookingRequest(
        name=body.name,
        description=body.description,
        starts_at=start_of(body.start_time),
        ends_at=end_of(body.end_time),
        allocations=_allocations(body),
        tags=_tag_names(body),
    )
    with refusals.of_booking(wish):
        booked = booking.create(actor(), wish).reservation
    if booked is None:
        raise AssertionError("without a key no answer is remembered")
    return _shown(booked.id)


def _allocations(body: schemas.Task) -> tuple[AllocationSpec, ...]:
    """With names. Raises `NotFound`."""
    asked = body.resource_allocations
    nodes = by_id.node_names([one.node_id for one in asked])
    names = by_id.resource_names([one.resource_id for one in asked])
    return tuple(
        AllocationSpec(nodes[one.node_id], names[one.resource_id], one.amount) for one in asked
    )


def _tag_names(body: schemas.Task) -> tuple[str, ...]:
    """One's own tags. None given leaves a task's tags alone: the front end gives none."""
    return tuple(_own_tag(tag_id) for tag_id in body.tag_ids)


def _own_tag(tag_id: int) -> str:
    tag = tags.get_by_id(actor(), by_id.storable(tag_id, "Tag"))
    if tag.user_id != actor().id:
        raise Refused(403, NOT_ALLOWED)
    return tag.name


def _task_and_tag() -> tuple[Reservation, str]:
    body = bodies.read(schemas.TaskTag)
    return _own(body.task_id, NOT_ALLOWED), _own_tag(body.tag_id)


def _present(task_id: int) -> Reservation:
    """A task that is not cancelled. Raises `NotFound`."""
    found = reservations.get(actor(), by_id.storable(task_id, "Task"))
    if found.cancelled_at is not None:
        raise NotFound(f"Task with id {task_id} not found!")
    return found


def _own(task_id: int, refusal: str) -> Reservation:
    """A task of one's own: here even administrators change no other. Raises `Refused`."""
    found = _present(task_id)
    if found.owner_id != actor().id:
        raise Refused(403, refusal)
    return found


def _shown(task_id: int) -> Response:
    return bodies.answer(shapes.task(actor(), reservations.get(actor(), task_id)))
