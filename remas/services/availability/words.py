"""The core's answers in words: names, moments, whom to ask, what differs."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlalchemy import select

from remas.durations import format_duration
from remas.models import Reservation, User
from remas.services.answers import Holder, OfferFound, ShortageFound
from remas.services.availability.cluster import Cluster
from remas.services.requests import AllocationSpec
from remas.services.transaction import DbSession
from remas.units import format_amount
from solver import grid
from solver.problem import Request, natural_key
from solver.result import Hopeless, Kind, Offer, Shortage

__all__ = ["hopeless_in_words", "natural_key", "offers_in_words", "shortages_in_words"]


def offers_in_words(
    cluster: Cluster, request: Request, offers: Iterable[Offer], *, named: bool, now: bool
) -> tuple[OfferFound, ...]:
    """`named`: whether the person named nodes, first choice first; `now`: asked from now on."""
    offers = list(offers)
    first = offers[0].placement.start if offers else 0
    return tuple(
        OfferFound(
            starts_at=grid.to_datetime(offer.placement.start),
            ends_at=grid.to_datetime(offer.placement.end),
            allocations=tuple(
                AllocationSpec(node, resource, amount)
                for node, bundle in sorted(
                    offer.placement.bundles.items(), key=lambda item: natural_key(item[0])
                )
                for resource, amount in bundle.items()
            ),
            kind=offer.kind.value,
            proven_earliest=offer.proven_earliest,
            note=_note(cluster, request, offer, first, named=named, now=now),
        )
        for offer in offers
    )


def _note(
    cluster: Cluster, request: Request, offer: Offer, first: int, *, named: bool, now: bool
) -> str | None:
    """In what an offer differs from the first; None for the first itself."""
    if offer.kind is Kind.ELSEWHERE:
        return "The same start on other nodes."
    if offer.kind is Kind.PREFERRED:
        when = "Later, but on" if offer.placement.start > first else "On"
        return f"{when} the nodes you {'named first' if named else 'used last'}."
    if offer.kind is Kind.FEWER:
        asked = next(iter(request.bundles.values()))
        given = next(iter(offer.placement.bundles.values()))
        less = [
            f"{_amount(cluster, resource, given[resource])} {resource} instead of "
            f"{_amount(cluster, resource, amount)}"
            for resource, amount in asked.items()
            if resource in given and given[resource] < amount
        ]
        when = "At once" if now else "At the time you asked for"
        return f"{when}, with less: {', '.join(less) or 'smaller amounts on some nodes'}."
    return None


def _amount(cluster: Cluster, resource: str, amount: int) -> str:
    return format_amount(amount, cluster.units[resource])


def shortages_in_words(
    session: DbSession, shortages: Iterable[Shortage]
) -> tuple[ShortageFound, ...]:
    """With the names and addresses of those who hold what is short. One query."""
    shortages = list(shortages)
    holders = _holders(session, {held for short in shortages for held in short.held_by})
    return tuple(
        ShortageFound(
            node=short.node,
            resource=short.resource,
            starts_at=grid.to_datetime(short.start),
            ends_at=grid.to_datetime(short.end),
            short_by=short.short_by,
            reason=short.reason.value,
            limit=short.limit,
            held_by=tuple(holders[held] for held in short.held_by if held in holders),
        )
        for short in shortages
    )


def _holders(session: DbSession, reservations: set[int]) -> Mapping[int, Holder]:
    if not reservations:
        return {}
    rows = session.execute(
        select(Reservation.id, User.username, User.name, User.surname, User.email)
        .join(Reservation.owner)
        .where(Reservation.id.in_(reservations))
    )
    return {
        reservation: Holder(
            reservation,
            username,
            " ".join(part for part in (name, surname) if part) or username,
            email,
        )
        for reservation, username, name, surname, email in rows
    }


def hopeless_in_words(cluster: Cluster, reason: Hopeless) -> str:
    """One sentence that says what can never be and what could."""
    if reason.cause == "window":
        window, duration = (
            format_duration(timedelta(minutes=minutes)) if minutes else "no time"
            for minutes in (reason.most, reason.asked)
        )
        return f"The window is too short: it has {window}, and the duration is {duration}."
    if reason.cause == "nodes":
        return f"{reason.asked} nodes are asked, but there are only {reason.most} to choose from."
    resource = reason.resource or ""
    asked, most = (_amount(cluster, resource, amount) for amount in (reason.asked, reason.most))
    if reason.cause == "limit":
        return (
            f"The limit {reason.limit} allows {most} {resource} at a time, and {asked} are asked: "
            "it never fits. Ask for less, or ask an administrator."
        )
    if reason.count == 1:
        return f"No node has {asked} {resource}, only up to {most}: it never fits."
    have = f"{reason.able} have" if reason.able > 1 else "one has" if reason.able else "none has"
    return (
        f"{asked} {resource} are asked of each of {reason.count} nodes, but {have} that much: "
        "it never fits, whatever is reserved."
    )
