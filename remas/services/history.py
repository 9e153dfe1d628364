"""What hangs on something that somebody wants to delete."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select

from remas.errors import InUse
from remas.models import Allocation, Notification, Reservation, User
from remas.services.transaction import DbSession

TOLD = 20
"""So many things are told by name; of the rest, only how many they are."""


def refuse_reserved(
    session: DbSession, what: str, hint: str, *conditions: ColumnElement[bool]
) -> None:
    """Raises `InUse` when allocations (joined with their reservations) meet the conditions."""
    found = (
        select(Reservation.id)
        .join(Allocation, Allocation.reservation_id == Reservation.id)
        .where(*conditions)
        .distinct()
    )
    _refuse(session, what, hint, Reservation.id.in_(found))


def refuse_owner(session: DbSession, user: User) -> None:
    """Raises `InUse` when the user has ever reserved anything."""
    hint = "Deactivate the account instead: its history stays."
    _refuse(session, f"The user {user.username}", hint, Reservation.owner_id == user.id)


def refuse_notified(session: DbSession, what: str, resource_id: int) -> None:
    """Raises `InUse` when notifications watch the resource."""
    watching = Notification.resource_id == resource_id
    names = session.scalars(select(Notification.name).where(watching).order_by(Notification.name))
    if told := [f"notification “{name}”" for name in names]:
        raise InUse(f"{what} is watched by notifications. Delete them first.", _shortened(told))


def _refuse(session: DbSession, what: str, hint: str, condition: ColumnElement[bool]) -> None:
    total = session.scalar(select(func.count()).select_from(Reservation).where(condition)) or 0
    if not total:
        return
    rows = session.execute(
        select(Reservation, User.username)
        .join(Reservation.owner)
        .where(condition)
        .order_by(Reservation.ends_at.desc(), Reservation.id.desc())
        .limit(TOLD)
    )
    told = [_told(reservation, owner) for reservation, owner in rows]
    held = "a reservation" if total == 1 else f"{total} reservations"
    raise InUse(f"{what} is part of {held}. {hint}", _shortened(told, total))


def _told(reservation: Reservation, owner: str) -> str:
    begin, end = (
        f"{moment:%Y-%m-%d %H:%M}" for moment in (reservation.starts_at, reservation.ends_at)
    )
    return f"reservation {reservation.id} “{reservation.name}” of {owner}, {begin} to {end} UTC"


def _shortened(told: Sequence[str], total: int | None = None) -> list[str]:
    total = len(told) if total is None else total
    shown = list(told[:TOLD])
    return shown if total <= len(shown) else [*shown, f"and {total - len(shown)} more"]
