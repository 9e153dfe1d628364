"""Asking first: a change that stands against existing reservations is shown before it is saved.

It works in two steps and without script. The page that shows what is contradicted carries all that
was typed, so that "Save anyway" sends the same again, and "Back to the form" loses nothing. What
was agreed to is known by its fingerprint: another wish, or other reservations, are asked
about anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from flask import flash, render_template, request

from remas.admin.deleting import Answer
from remas.forms.edit import EditForm
from remas.services.contradiction_letters import tell_owners
from remas.services.contradictions import Contradiction, Effect
from remas.web import current, export
from remas.web.saving import save

Saved = TypeVar("Saved")
NAMED = 5
"""So many nodes are named in a title."""
SHOWN = 200
"""So many are shown on the page; all of them can be taken along."""

COLUMNS = (
    "reservation",
    "name",
    "username",
    "owner",
    "email",
    "starts_at",
    "ends_at",
    "cause",
    "node",
    "resource",
    "short_by",
    "limit",
    "since",
)
ASIDE = frozenset({"csrf_token", "confirmed", "back", "preview", "export", "tell"})


@dataclass(frozen=True, slots=True)
class Change:
    """`title` says what is to be done; `wish` is what of, compared by its `repr`.

    `why` is the sentence that owners are told, where the administrator has them told.
    """

    title: str
    why: str
    wish: Any
    look: Callable[[], Effect]


@dataclass(frozen=True, slots=True)
class _Asked:
    effect: Effect
    fingerprint: str


def sent(form: EditForm) -> bool:
    """Whether a good form was sent to be saved, and not to go on with it."""
    return "back" not in request.form and bool(form.validate_on_submit())


def save_asking(
    form: EditForm, change: Change, act: Callable[[], Saved]
) -> tuple[Saved | None, Answer | None]:
    """What `act` gives, or the page that asks first; neither where the form was refused."""

    def ask_or_act() -> Saved | _Asked:
        effect = change.look()
        fingerprint = _fingerprint(change, effect)
        agreed = request.form.get("confirmed") == fingerprint
        if "export" in request.form or "preview" in request.form or (effect.found and not agreed):
            return _Asked(effect, fingerprint)
        done = act()
        if effect.found and "tell" in request.form:
            told = tell_owners(current.actor(), effect, change.why)
            letters = "One letter is" if told == 1 else f"{told} letters are"
            flash(f"{letters} on the way to the owners.", "info")
        return done

    outcome = save(form, ask_or_act)
    if isinstance(outcome, _Asked):
        return None, _page(form, change, outcome)
    return outcome, None


def row_of(one: Contradiction) -> tuple[Any, ...]:
    """A contradiction as a line of a table with `COLUMNS`."""
    return tuple(getattr(one, name) for name in COLUMNS)


def _page(form: EditForm, change: Change, asked: _Asked) -> Answer:
    if asked_for := request.form.get("export"):
        known = asked_for in set(export.Format)
        kind = export.Format(asked_for) if known else export.Format.CSV
        return export.answer(kind, "contradictions", COLUMNS, map(row_of, asked.effect.found))
    return render_template(
        "admin/effect.html",
        form=form,
        title=change.title,
        effect=asked.effect,
        shown=asked.effect.found[:SHOWN],
        carried=_carried(),
        fingerprint=asked.fingerprint,
    )


def several(names: Sequence[str]) -> str:
    """The first of them, and how many there are besides."""
    shown, rest = names[:NAMED], len(names) - NAMED
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _carried() -> Sequence[tuple[str, str]]:
    """All that was typed."""
    items = request.form.items(multi=True)
    return [(name, value) for name, value in items if name not in ASIDE]


def _fingerprint(change: Change, effect: Effect) -> str:
    concerned = sorted({one.reservation for one in effect.found})
    return sha256(repr((change.title, change.wish, concerned)).encode()).hexdigest()[:32]
