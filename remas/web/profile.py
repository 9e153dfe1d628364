"""One's own account: who am I, what am I allowed, the password."""

from http import HTTPStatus
from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.errors import Invalid, NameTaken
from remas.extensions import limiter
from remas.forms.account import PasswordForm, ProfileForm
from remas.services import access_tokens, feeds, open_sessions, standing, users
from remas.web import current
from remas.web.guard import own_path

blueprint = Blueprint("profile", __name__, url_prefix="/profile")

ZONES = tuple(sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"))


def _own_name() -> str:
    return current.actor().username


def _failed(response: Response) -> bool:
    return response.status_code == HTTPStatus.OK


# Whoever sits down at an open browser is not to find out the password with it.
by_holder = limiter.shared_limit(
    "10 per minute", "own password", key_func=_own_name, deduct_when=_failed, methods=["POST"]
)


@blueprint.route("", methods=["GET", "POST"])
def index() -> str | Response:
    """Name and contact to change; group, limits and zone to see."""
    actor = current.actor()
    account = users.get(actor, actor.username)
    form = ProfileForm(obj=account.user)
    if form.validate_on_submit():
        try:
            users.update_me(actor, form.change())
        except Invalid as refused:
            form.refuse(refused.errors, {})
        except NameTaken as refused:
            form.refuse({refused.field: [refused.detail]}, {})
        else:
            flash("Your profile is saved.", "success")
            return redirect(url_for("profile.index"))
    return render_template(
        "profile/index.html",
        form=form,
        account=account,
        limits=standing.of(actor),
        sessions=open_sessions.own(actor),
        tokens=access_tokens.own(actor),
        feeds=feeds.own(actor),
        feed_title=feeds.title,
        now=clock.now(),
        zones=ZONES,
    )


@blueprint.route("/password", methods=["GET", "POST"])
@by_holder
def password() -> str | Response:
    """Change the password; with a one-time password this page comes first."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            users.change_password(
                current.actor(), form.current_password.data, form.new_password.data
            )
        except Invalid as refused:
            form.refuse(refused.errors, {})
        else:
            flash("Your password is changed. Your other sessions have ended.", "success")
            target = request.args.get("next")
            return redirect(own_path(target) if target else url_for("profile.index"))
    here = users.has_password(current.actor())
    return render_template("profile/password.html", form=form, here=here)
