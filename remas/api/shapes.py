"""Rows and findings as JSON values. Times in UTC with `Z`; orders that do not depend on chance."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from remas import clock
from remas.models import (
    AccessToken,
    Alias,
    Audit,
    Capacity,
    Group,
    Limit,
    Maintenance,
    Node,
    Reservation,
    Resource,
    Tag,
    User,
)
from remas.services import exporters
from remas.services.actor import Actor
from remas.services.answers import OfferFound, SearchAnswer, ShortageFound
from remas.services.limit_admin import EffectiveLimit
from remas.services.open_sessions import OpenSession
from remas.services.requests import AllocationSpec
from remas.services.reservations import hides_details
from remas.services.sessions import TokenPair
from remas.services.timetable import Bar, Closed, Timetable
from remas.services.users import Account

Shape = dict[str, Any]


class AnyPage(Protocol):
    """A page of whatever list."""

    @property
    def items(self) -> Sequence[Any]: ...
    @property
    def page(self) -> int: ...
    @property
    def per_page(self) -> int: ...
    @property
    def total(self) -> int: ...


def moment(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def listing(page: AnyPage, render: Callable[[Any], Shape]) -> Shape:
    """A page of a list."""
    return {
        "items": [render(item) for item in page.items],
        "page": page.page,
        "per_page": page.per_page,
        "total": page.total,
    }


def tokens(pair: TokenPair) -> Shape:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
    }


def access_token_for(viewer: Actor) -> Callable[[AccessToken], Shape]:
    """One of the viewer's own tokens, without its secret."""

    def render(row: AccessToken) -> Shape:
        return {
            "id": row.id,
            "name": row.name,
            "scope": row.scope.value,
            "created_at": moment(row.created_at),
            "expires_at": moment(row.expires_at),
            "last_used_at": clock.written(row.last_used_at),
            "last_address": row.last_address,
            "current": row.id == viewer.access_token_id,
        }

    return render


def open_session(row: OpenSession) -> Shape:
    return {
        "id": row.id,
        "kind": row.kind,
        "agent": row.agent,
        "address": row.address,
        "created_at": moment(row.created_at),
        "last_used_at": moment(row.last_used_at),
        "expires_at": moment(row.expires_at),
        "current": row.current,
    }


def account(known: Account) -> Shape:
    """A user, to administrators and the person."""
    user = known.user
    return {
        "id": user.id,
        **contact(user),
        "uid": user.uid,
        "group": user.group.name,
        "time_zone": user.time_zone,
        "active": user.active,
        "is_admin": known.is_admin,
    }


def secret(password: str | None) -> Shape:
    """A one-time password, in the one answer that tells it."""
    return {} if password is None else {"initial_password": password}


def contact(user: User) -> Shape:
    """A user, to anybody."""
    return {
        "username": user.username,
        "name": user.name,
        "surname": user.surname,
        "email": user.email,
    }


def account_for(viewer: Actor) -> Callable[[Account], Shape]:
    """How this viewer may see users."""
    return lambda known: (
        account(known) if viewer.may_act_for(known.user.id) else contact(known.user)
    )


def group(row: Group) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "parent": row.parent.name if row.parent else None,
        "users_share_statistics": row.users_share_statistics,
        "members": sorted(user.username for user in row.members),
    }


def capacity(row: Capacity) -> Shape:
    return {"resource": row.resource.name, "amount": row.amount}


def node(row: Node) -> Shape:
    capacities = sorted(row.capacities, key=lambda capacity: capacity.resource.name)
    own = exporters.own_of(row)
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "state": row.state.value,
        "capacities": [capacity(one) for one in capacities],
        "address": row.address,
        "exporters": None if own is None else [one.as_json() for one in own],
    }


def resource(row: Resource) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "unit": row.unit.value,
        "aliases": sorted(alias.name for alias in row.aliases),
        "measure": row.measure.value if row.measure else None,
        "usage_query": row.usage_query,
    }


def limit(row: Limit) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "resource": row.resource.name,
        "amount": row.amount,
        "user": row.user.username if row.user else None,
        "group": row.group.name if row.group else None,
        "nodes": sorted(node.name for node in row.nodes),
        "scope": row.scope.value,
    }


def effective_limit(found: EffectiveLimit) -> Shape:
    return {
        "id": found.limit.id,
        "name": found.limit.name,
        "description": found.limit.description,
        "resource": found.limit.resource,
        "amount": found.limit.amount,
        "user": found.user,
        "group": found.group,
        "nodes": list(found.nodes),
        "scope": found.limit.scope.value,
        "level": found.limit.level,
    }


def maintenance(row: Maintenance) -> Shape:
    return _closed(row.id, row.node.name, row.starts_at, row.ends_at, row.reason)


def tag(row: Tag) -> Shape:
    return {"id": row.id, "name": row.name, "description": row.description}


def owned_tag(row: Tag, used: int) -> Shape:
    """A tag with whose it is, and on how many reservations."""
    return {**tag(row), "owner": row.user.username, "reservations": used}


def alias(row: Alias) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "resources": sorted(resource.name for resource in row.resources),
    }


def audit(row: Audit) -> Shape:
    return {
        "id": row.id,
        "at": moment(row.at),
        "actor": row.actor,
        "actor_id": row.actor_id,
        "address": row.address,
        "action": row.action,
        "kind": row.kind,
        "subject_id": row.subject_id,
        "subject": row.subject,
        "before": row.before,
        "after": row.after,
    }


def audit_for(viewer: Actor) -> Callable[[Audit], Shape]:
    """The same to somebody who may not be an administrator: addresses are theirs to see."""
    hidden = {} if viewer.is_admin else {"address": None}
    return lambda row: {**audit(row), **hidden}


def allocation(spec: AllocationSpec) -> Shape:
    return {"node": spec.node, "resource": spec.resource, "amount": spec.amount}


def offer(found: OfferFound) -> Shape:
    return {
        "starts_at": moment(found.starts_at),
        "ends_at": moment(found.ends_at),
        "allocations": [allocation(spec) for spec in found.allocations],
        "proven_earliest": found.proven_earliest,
        "note": found.note,
    }


def shortage(found: ShortageFound) -> Shape:
    return {
        "node": found.node,
        "resource": found.resource,
        "starts_at": moment(found.starts_at),
        "ends_at": moment(found.ends_at),
        "short_by": found.short_by,
        "reason": str(found.reason),
        "limit": found.limit,
        "held_by": [
            {
                "reservation": holder.reservation,
                "username": holder.username,
                "name": holder.name,
                "email": holder.email,
            }
            for holder in found.held_by
        ],
    }


def search_answer(found: SearchAnswer) -> Shape:
    return {
        "status": str(found.status),
        "offers": [offer(one) for one in found.offers],
        "shortages": [shortage(one) for one in found.shortages],
        "detail": found.detail,
    }


def reservation_for(viewer: Actor) -> Callable[[Reservation], Shape]:
    """How this viewer may see reservations, and where they stand now."""
    now = clock.now()

    def render(row: Reservation) -> Shape:
        hidden = hides_details(viewer, row)
        specs = [AllocationSpec(a.node.name, a.resource.name, a.amount) for a in row.allocations]
        specs.sort(key=lambda spec: (spec.node, spec.resource))
        return {
            "id": row.id,
            "name": None if hidden else row.name,
            "description": None if hidden else row.description,
            "owner": _owner(row.owner_id, row.owner.username, row.owner.full_name),
            "starts_at": moment(row.starts_at),
            "ends_at": moment(row.ends_at),
            "status": row.status(now).value,
            "allocations": [allocation(spec) for spec in specs],
            "tags": [] if hidden else sorted(tag.name for tag in row.tags),
            "created_at": moment(row.created_at),
            "updated_at": moment(row.updated_at),
        }

    return render


def timetable(found: Timetable) -> Shape:
    """Steps are clipped to the range, reservations keep their own times."""
    return {
        "from": moment(found.start),
        "to": moment(found.end),
        "nodes": [
            {
                "id": row.id,
                "name": row.name,
                "capacities": [{"resource": name, "amount": n} for name, n in row.capacities],
            }
            for row in found.nodes
        ],
        "reservations": [_bar(bar) for bar in found.reservations],
        "maintenance": [_closed_bar(closed) for closed in found.maintenance],
        "free": [
            {
                "node": node,
                "resource": resource,
                "steps": [[moment(at), amount] for at, amount in steps],
            }
            for (node, resource), steps in found.free.items()
        ],
    }


def _bar(bar: Bar) -> Shape:
    return {
        "id": bar.id,
        "name": bar.name,
        "owner": _owner(bar.owner_id, bar.owner.username, bar.owner.name),
        "starts_at": moment(bar.starts_at),
        "ends_at": moment(bar.ends_at),
        "status": bar.status.value,
        "allocations": [allocation(spec) for spec in bar.allocations],
    }


def _closed_bar(closed: Closed) -> Shape:
    return _closed(closed.id, closed.node, closed.starts_at, closed.ends_at, closed.reason)


def _closed(
    number: int, node: str, starts_at: datetime, ends_at: datetime, reason: str | None
) -> Shape:
    return {
        "id": number,
        "node": node,
        "starts_at": moment(starts_at),
        "ends_at": moment(ends_at),
        "reason": reason,
    }


def _owner(number: int, username: str, name: str) -> Shape:
    return {"id": number, "username": username, "name": name}
