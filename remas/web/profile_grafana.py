"""One's own way into Grafana: a password for it, where nobody vouches for people there."""

from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from remas.errors import Conflict, GrafanaAway, Invalid
from remas.forms.account import GrafanaPasswordForm
from remas.services import grafana_accounts, users
from remas.services.context import settings
from remas.services.grafana_accounts import Entrance
from remas.web import current
from remas.web.profile import by_holder

blueprint = Blueprint("profile_grafana", __name__, url_prefix="/profile/grafana")


@blueprint.route("", methods=["GET", "POST"])
@by_holder
def password() -> str | tuple[str, int] | Response:
    """Set it at once; with a proxy: that nothing is needed."""
    way = grafana_accounts.entrance()
    if way is Entrance.NONE:
        abort(404)
    here = users.has_password(current.actor())
    form = GrafanaPasswordForm()
    if not here:
        del form.current_password
    trouble, status = None, HTTPStatus.OK
    if form.validate_on_submit():
        typed = form.current_password.data if here else ""
        try:
            grafana_accounts.set_password(current.actor(), typed, form.new_password.data)
        except Invalid as refused:
            form.refuse(refused.errors, {})
        except Conflict as refused:
            trouble, status = refused.detail, HTTPStatus.CONFLICT
        except GrafanaAway as refused:
            trouble, status = refused.detail, HTTPStatus.SERVICE_UNAVAILABLE
        else:
            flash("Your password for Grafana is set. It counts from now on.", "success")
            return redirect(url_for("profile_grafana.password"))
    page = render_template(
        "profile/grafana.html",
        form=form,
        proxy=way is Entrance.PROXY,
        grafana=settings().grafana_redirect_url,
        trouble=trouble,
    )
    return page, status
