"""Deleting: asked first, with what it means; refused with what hangs on it."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from flask import flash, redirect, render_template
from werkzeug.wrappers import Response

from remas.errors import Busy, Conflict, InUse, Stale
from remas.forms.edit import Facts, Sure

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Deletion:
    """`consequences`: a sentence each; `lost`: what goes or moves with it, by name."""

    title: str
    consequences: tuple[str, ...]
    back: str  # where to go when the answer is no
    after: str  # where to go when it is gone
    done: str  # what is said there
    lost: tuple[str, ...] = ()
    verb: str = "Delete"


def ask_and_delete(deletion: Deletion, facts: Facts, delete: Callable[[Sure], object]) -> Answer:
    """GET asks, POST deletes. `facts`: what is shown now, for the form's precondition."""
    form, things = Sure(), list[str]()
    status = HTTPStatus.OK
    if form.validate_on_submit():
        try:
            delete(form)
        except InUse as refused:
            form.troubles.append(refused.detail)
            things, status = refused.things, HTTPStatus.CONFLICT
        except (Conflict, Stale, Busy) as refused:
            form.troubles.append(refused.detail)
            status = HTTPStatus.CONFLICT
        else:
            flash(deletion.done, "success")
            return redirect(deletion.after)
    form.mark(facts)
    page = render_template("admin/delete.html", deletion=deletion, form=form, things=things)
    return page, status
