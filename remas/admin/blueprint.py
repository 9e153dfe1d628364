"""The blueprint of the administration pages: for administrators, and nobody else."""

from flask import Blueprint

from remas.web import current

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.before_request
def require_administrator() -> None:
    """Raises `Forbidden`. That somebody is signed in was seen to before (web/guard.py)."""
    current.actor().require_admin()
