"""Where administrators begin: what there is to look after."""

from flask import render_template

from remas.admin.blueprint import bp


@bp.get("")
def home() -> str:
    """The parts of the administration."""
    return render_template("admin/home.html")
