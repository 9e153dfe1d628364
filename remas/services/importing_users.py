"""People from files: CSV, or what `getent passwd` prints. All of a file or nothing of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from remas import clock
from remas.errors import Invalid, LastAdministrator
from remas.models import USERS, Group, User, folded
from remas.services import audit, groups, locks, passwords, reminders, system_letters
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.people_files import PersonSpec, read
from remas.services.transaction import DbSession, writing
from remas.services.user_facts import facts

COLUMNS = ("name", "surname", "email", "uid", "time_zone")


@dataclass(frozen=True, slots=True)
class Options:
    """`domain`: what comes after the @ of those whose address the file does not say.

    `update`: people who are known already become what the file says. `dry_run`: nothing is kept.
    `letters`: new people are told by letter, as when they are made by hand.
    """

    domain: str | None = None
    update: bool = False
    dry_run: bool = False
    passwords: bool = False
    letters: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one line: `made`, `changed`, `as it was`, `known` (and left), `left out`."""

    number: int
    username: str
    outcome: str
    detail: str = ""


@dataclass(slots=True)
class Imported:
    """`passwords`: username to one-time password, where they were asked for; kept nowhere."""

    lines: list[Line] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    def number(self, outcome: str) -> int:
        """How many lines ended like this."""
        return sum(line.outcome == outcome for line in self.lines)


class _DryRun(Exception):
    """Nothing is to be kept."""


def import_users(actor: Actor, text: str, options: Options) -> Imported:
    """Make the people of a file, and with `update` change those who are known.

    A cell without anything in it leaves what is known. Without `passwords` new accounts have no
    password that works. Raises `Forbidden`, and `Invalid` with one entry a line.
    """
    actor.require_admin()
    specs, left_out = read(text)
    if not specs and not left_out:
        raise Invalid.field("file", "The file names nobody.")
    result = Imported([Line(one.number, one.username, "left out", one.why) for one in left_out])
    # Hashing takes long on purpose: it is done before anybody has to wait for a lock.
    ready = _passwords(specs) if options.passwords and not options.dry_run else {}
    try:
        with writing() as session:
            _import(session, actor, specs, options, ready, result)
            if options.dry_run:
                raise _DryRun
    except _DryRun:
        result.passwords.clear()
    result.lines.sort(key=lambda line: line.number)
    return result


def _passwords(specs: Sequence[PersonSpec]) -> dict[str, tuple[str, str]]:
    """A one-time password and its hash for each."""
    made = {spec.username: passwords.one_time_password() for spec in specs}
    return {name: (password, passwords.hash_password(password)) for name, password in made.items()}


def _import(
    session: DbSession,
    actor: Actor,
    specs: Sequence[PersonSpec],
    options: Options,
    ready: Mapping[str, tuple[str, str]],
    result: Imported,
) -> None:
    locks.lock_tree(session)
    names = [spec.username for spec in specs]
    wanted = select(User.id).where(User.username.in_(names))
    locks.lock(session, users=session.scalars(wanted))
    query = select(User).where(User.username.in_(names)).options(joinedload(User.group))
    known = {user.username: user for user in session.scalars(query)}
    named = {group.name: group for group in session.scalars(select(Group))}
    usual = session.get_one(Group, USERS)
    values = _checked(specs, known, named, options)
    _refuse_taken(session, specs, known, values, options)
    _refuse_mixed(session, specs, known, values, options)
    changed: list[int] = []
    try:
        with groups.keeping_an_administrator(session):
            for spec in specs:
                user, group = known.get(spec.username), named.get(spec.group)
                if user is None:
                    new = User(**values[spec.line], group=group or usual)
                    _make(session, actor, new, spec, options, ready, result)
                elif not options.update:
                    result.lines.append(Line(spec.line, spec.username, "known"))
                elif _change(session, actor, user, values[spec.line], group, spec.line, result):
                    changed.append(user.id)
    except LastAdministrator as refused:
        raise Invalid.field("file", refused.detail) from refused
    reminders.replan(session, changed)


def _checked(
    specs: Sequence[PersonSpec],
    known: Collection[str],
    named: Collection[str],
    options: Options,
) -> dict[int, dict[str, Any]]:
    """Line to columns: of new people all, of known ones those that the file says."""
    check, seen, values = Check(), dict[tuple[str, Any], int](), dict[int, dict[str, Any]]()
    for spec in specs:
        path, new = f"line {spec.line}", spec.username not in known
        email = spec.email
        if new and not email and options.domain:
            email = f"{spec.username}@{options.domain}"
        found: dict[str, Any] = {
            "username": check.name(path, spec.username),
            "name": check.optional_line(path, spec.name),
            "surname": check.optional_line(path, spec.surname),
            "email": check.email(path, email) if email else None,
            "uid": None if spec.uid is None else check.uid(path, spec.uid),
            "time_zone": check.time_zone(path, spec.time_zone),
        }
        if new and not email:
            check.refuse(path, "Say the e-mail address, or what comes after its @ with --domain.")
        if new and spec.uid is None:
            check.refuse(path, "Say the uid.")
        if spec.group and spec.group not in named:
            check.refuse(path, f"There is no group {spec.group}.")
        for column in ("username", "email", "uid"):
            first = seen.setdefault((column, found[column]), spec.line)
            if first != spec.line and found[column] is not None:
                check.refuse(path, f"{found[column]} is on line {first} already.")
        values[spec.line] = found
    check.done()
    return values


def _refuse_taken(
    session: DbSession,
    specs: Sequence[PersonSpec],
    known: Mapping[str, User],
    values: Mapping[int, Mapping[str, Any]],
    options: Options,
) -> None:
    """Raises `Invalid` where somebody else has a uid or an address of the file."""
    concerned = [spec for spec in specs if options.update or spec.username not in known]
    emails = [values[spec.line]["email"] for spec in concerned]
    numbers = [values[spec.line]["uid"] for spec in concerned]
    having = or_(User.email.in_(emails), User.uid.in_(numbers))
    check, holders = Check(), session.scalars(select(User).where(having)).all()
    for column in ("email", "uid"):
        held = {getattr(user, column): user.username for user in holders}
        for spec in concerned:
            value = values[spec.line][column]
            holder = held.get(value, spec.username)
            if holder != spec.username:
                check.refuse(f"line {spec.line}", f"{holder} has the {column} {value} already.")
    check.done()


def _refuse_mixed(
    session: DbSession,
    specs: Sequence[PersonSpec],
    known: Mapping[str, User],
    values: Mapping[int, Mapping[str, Any]],
    options: Options,
) -> None:
    """Raises `Invalid` for a username that is somebody else's address, here or in the file."""
    new = {spec.username: spec.line for spec in specs if spec.username not in known}
    addresses: dict[str, tuple[str, int]] = {}
    for spec in specs:
        email = values[spec.line]["email"]
        user = known.get(spec.username)
        if email and (user is None or (options.update and email != user.email)):
            addresses[spec.username] = email, spec.line
    names = {folded(username): username for username in new}
    wanted = [folded(email) for email, _ in addresses.values()]
    query = select(User.username).where(User.username_folded.in_(wanted))
    names |= {folded(username): username for username in session.scalars(query)}
    check = Check()
    for username, (email, line) in addresses.items():
        if names.get(folded(email), username) != username:
            check.refuse(f"line {line}", f"{email} is the username of somebody else.")
    held = select(User).where(User.email_folded.in_([folded(username) for username in new]))
    for holder in session.scalars(held):
        for username in new:
            if folded(username) == holder.email_folded:
                text = f"The username {username} is the e-mail address of {holder.username}."
                check.refuse(f"line {new[username]}", text)
    check.done()


def _make(
    session: DbSession,
    actor: Actor,
    user: User,
    spec: PersonSpec,
    options: Options,
    ready: Mapping[str, tuple[str, str]],
    result: Imported,
) -> None:
    password, user.password_hash = ready.get(spec.username, (None, passwords.UNUSABLE))
    user.password_change_required = password is not None
    user.created_at = clock.now()
    session.add(user)
    session.flush()
    audit.record(session, actor, "create", "user", (user.id, user.username), None, facts(user))
    if options.letters:
        system_letters.account_made(session, user)
    if password is not None:
        result.passwords[spec.username] = password
    result.lines.append(Line(spec.line, spec.username, "made", f"in {user.group.name}"))


def _change(
    session: DbSession,
    actor: Actor,
    user: User,
    values: Mapping[str, Any],
    group: Group | None,
    line: int,
    result: Imported,
) -> bool:
    """Whether anything is different now."""
    before = facts(user)
    for column in COLUMNS:
        if values[column] is not None:
            setattr(user, column, values[column])
    if group is not None:
        user.group = group
    session.flush()
    after = facts(user)
    audit.record_change(session, actor, "user", (user.id, user.username), before, after)
    different = [name for name in after if after[name] != before[name]]
    outcome = "changed" if different else "as it was"
    result.lines.append(Line(line, user.username, outcome, ", ".join(different)))
    return bool(different)
