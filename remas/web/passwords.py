"""A forgotten password: a letter with a link, and the page behind the link."""

from hashlib import sha256
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response

from remas.errors import Invalid, NotFound
from remas.extensions import limiter
from remas.forms.account import ForgottenForm, NewPasswordForm
from remas.services import resets
from remas.services.context import settings
from remas.web import current

blueprint = Blueprint("passwords", __name__, url_prefix="/password")


def _name() -> str:
    """For whom a letter is asked. Hashed: it may be of any length and hold any sign."""
    name = request.form.get("name", "").strip().casefold()
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


by_address = limiter.shared_limit(
    "10 per 10 minutes", "forgotten by address", key_func=get_remote_address, methods=["POST"]
)
by_name = limiter.shared_limit("5 per hour", "forgotten by name", key_func=_name, methods=["POST"])
trying = limiter.shared_limit(
    "30 per minute", "new password by address", key_func=get_remote_address, methods=["POST"]
)


@blueprint.route("/forgotten", methods=["GET", "POST"])
@by_address
@by_name
def forgotten() -> str | Response:
    """Ask for a letter. Whether there is such an account is not told."""
    form, mail = ForgottenForm(), settings().smtp_enabled
    if mail and form.validate_on_submit():
        resets.ask(form.name.data)
        return redirect(url_for("passwords.asked"))
    return render_template("passwords/forgotten.html", form=form, mail=mail)


@blueprint.get("/forgotten/asked")
def asked() -> str:
    """What happens next; the same for everybody."""
    lasts = settings().letters.reset_expire
    return render_template("passwords/asked.html", lasts=lasts)


@blueprint.route("/reset/<token>", methods=["GET", "POST"])
@trying
def reset(token: str) -> str | Response | tuple[str, int]:
    """Choose a new password with the link of a letter."""
    form = NewPasswordForm()
    try:
        person = resets.person_of(token)
        if form.validate_on_submit():
            resets.use(token, form.new_password.data, request.remote_addr)
            if current.signed_in() and current.actor().id == person.id:
                current.end()
            flash("Your new password is set. Sign in with it.", "success")
            return redirect(url_for("auth.login"))
    except NotFound as refused:
        page = render_template("passwords/spent.html", text=refused.detail)
        return page, HTTPStatus.NOT_FOUND
    except Invalid as refused:
        form.refuse(refused.errors, {})
    return render_template("passwords/reset.html", form=form, of_whom=person)
