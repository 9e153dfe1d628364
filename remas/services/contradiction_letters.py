"""Telling owners that a change stands against what they reserved, where somebody says so."""

from remas.services import system_letters
from remas.services.actor import Actor
from remas.services.contradictions import Effect
from remas.services.transaction import writing


def tell_owners(actor: Actor, effect: Effect, why: str) -> int:
    """A letter for each reservation concerned, once the change is stored; how many there are.

    `why` is a sentence in one line. For administrators. Raises `Forbidden`, `Invalid`.
    """
    actor.require_admin()
    with writing() as session:
        return system_letters.contradicted(
            session, actor, {one.reservation for one in effect.found}, why
        )
