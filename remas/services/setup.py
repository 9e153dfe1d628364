"""The first start: the groups that always exist, and the first administrator."""

from dataclasses import dataclass

from sqlalchemy import func, select, text

from remas import clock
from remas.config import Settings
from remas.environment import SettingError
from remas.errors import Invalid
from remas.extensions import db
from remas.models import ADMINISTRATORS, EVERYONE, USERS, Group, User
from remas.services import audit, passwords
from remas.services.actor import SYSTEM
from remas.services.fields import Check
from remas.services.groups import descendants
from remas.services.transaction import DbSession, writing

FIRST_GROUPS = (
    (EVERYONE, "Everyone", "All people of the cluster.", None),
    (ADMINISTRATORS, "Administrators", "They run the cluster.", EVERYONE),
    (USERS, "Users", "They use the cluster.", EVERYONE),
)


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """`password` None: it was given in the settings, and need not be told."""

    username: str
    password: str | None


def initialise(settings: Settings) -> FirstAdmin | None:
    """Make what is missing; the first administrator when there is no active one, else None.

    A generated password has to be changed at the first sign-in. Raises `SettingError` when what
    the settings say of the administrator cannot be taken.
    """
    with writing() as session:
        _groups(session)
        if _has_administrator(session):
            return None
        username, email = _administrator(settings)
        password = settings.admin_password or passwords.one_time_password()
        admin = User(
            username=username,
            email=email,
            uid=_free_uid(session),
            name="Cluster",
            surname="Administrator",
            password_hash=passwords.hash_password(password),
            password_change_required=not settings.admin_password,
            group_id=ADMINISTRATORS,
            created_at=clock.now(),
        )
        session.add(admin)
        session.flush()
        audit.record(session, SYSTEM, "create", "user", (admin.id, admin.username))
        return FirstAdmin(admin.username, None if settings.admin_password else password)


def _administrator(settings: Settings) -> tuple[str, str]:
    """Username and address from the settings. Raises `SettingError` that names the variable."""
    check = Check()
    username = check.name("REMAS_ADMIN_USERNAME", settings.admin_username)
    email = check.email("REMAS_ADMIN_EMAIL", settings.admin_email)
    try:
        check.done()
        if settings.admin_password:
            about = username, email
            passwords.check_rules(settings.admin_password, "REMAS_ADMIN_PASSWORD", about)
    except Invalid as wrong:
        path, (text, *_) = next(iter(wrong.errors.items()))
        raise SettingError(f"{path}: {text}") from wrong
    return username, email


def _free_uid(session: DbSession) -> int:
    """0, as administrators have on the nodes, or else one above all."""
    highest = session.scalar(select(func.max(User.uid)))
    taken = session.scalar(select(func.count()).select_from(User).where(User.uid == 0))
    return (highest or 0) + 1 if taken else 0


def _groups(session: DbSession) -> None:
    known = set(session.scalars(select(Group.id).where(Group.id <= USERS)))
    missing = [row for row in FIRST_GROUPS if row[0] not in known]
    for group_id, name, description, parent_id in missing:
        session.add(Group(id=group_id, name=name, description=description, parent_id=parent_id))
        session.flush()
    if missing and db.engine.dialect.name == "postgresql":
        # The ids were given, so the sequence has yet to learn of them.
        session.execute(
            text("SELECT setval(pg_get_serial_sequence('\"group\"', 'id'), max(id)) FROM \"group\"")
        )


def _has_administrator(session: DbSession) -> bool:
    groups = descendants(session, ADMINISTRATORS)
    active = select(func.count()).select_from(User).where(User.group_id.in_(groups), User.active)
    return bool(session.scalar(active))
