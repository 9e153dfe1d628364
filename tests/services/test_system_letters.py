"""Letters that REMAS writes by itself: who gets which, and what a real mail server receives."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from icalendar import Calendar
from sqlalchemy import select

from remas import clock
from remas.errors import Invalid, NotFound
from remas.extensions import db
from remas.models import (
    Audit,
    AuthSession,
    Outbox,
    OutboxKind,
    OutboxState,
    PasswordReset,
    Reservation,
    User,
)
from remas.services import booking, delivery, my_letters, outbox, passwords, resets, sessions, users
from remas.services.actor import Actor
from remas.services.requests import AllocationSpec, BookingRequest, ChangeRequest
from remas.services.system_letters import account_made, contradicted
from remas.services.transaction import writing
from remas.services.users import UserNew
from tests.support import factories
from tests.support.factories import CHEAP, actor_of
from tests.support.mail_server import MailServer, Received, mail_server
from tests.support.queries import counted

NEW = "four quite unrelated words"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mailing(make_app: Callable[..., Flask], server: MailServer) -> Iterator[Flask]:
    """The app with a mail server, in its context."""
    app = make_app(**server.environ, REMAS_PUBLIC_URL="https://remas.example.org")
    with app.app_context():
        yield app


@pytest.fixture
def ada(mailing: Flask) -> User:
    return factories.make_user("ada", surname="Byron", time_zone="Europe/Prague")


@pytest.fixture
def root(mailing: Flask) -> Actor:
    return actor_of(factories.make_user("root", admin=True), admin=True)


def carry(server: MailServer) -> list[Received]:
    """What arrives when all that is due is carried."""
    before = len(server.received)
    while ids := outbox.take(10):
        for outbox_id in ids:
            delivery.carry(outbox_id)
    return server.received[before:]


def kinds() -> list[OutboxKind]:
    return list(db.session.scalars(select(Outbox.kind).order_by(Outbox.id)))


def book(ada: User, name: str = "Train a model") -> Reservation:
    if not db.session.scalar(select(Reservation.id)):
        factories.make_node("n1", {"cpu": 8})
    begin = factories.soon(48)
    specs = (AllocationSpec("n1", "cpu", 2),)
    wish = BookingRequest(name, begin, begin + 2 * HOUR, specs)
    made = booking.create(actor_of(ada), wish).reservation
    assert made is not None
    return made


def event_in(message: EmailMessage) -> tuple[str, str, int, str]:
    """Method, uid, sequence and status of the calendar file."""
    (part,) = [p for p in message.walk() if p.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    (event,) = calendar.walk("VEVENT")
    assert part.get_param("method") == calendar["METHOD"]
    assert str(part.get_filename()).endswith(".ics")
    return calendar["METHOD"], str(event["UID"]), int(event["SEQUENCE"]), str(event["STATUS"])


class TestOnesOwn:
    def test_what_one_does_oneself_is_told_to_nobody(self, ada: User, server: MailServer) -> None:
        made = book(ada)
        booking.change(actor_of(ada), made.id, ChangeRequest(name="Other"))
        booking.cancel(actor_of(ada), made.id)
        assert kinds() == []

    def test_calendar_files_follow_where_they_are_wanted(
        self, ada: User, server: MailServer
    ) -> None:
        my_letters.want_calendar(actor_of(ada), True)
        made = book(ada)
        (letter,) = carry(server)
        assert letter.to == ["ada@example.org"]
        assert letter.message["Subject"] == "Reserved: Train a model"
        assert "n1: 2 cpu" in letter.text
        method, uid, first, status = event_in(letter.message)
        assert (method, status) == ("REQUEST", "CONFIRMED")
        assert uid == f"reservation-{made.id}@remas.example.org"
        later = made.starts_at + HOUR
        move = ChangeRequest(starts_at=later, ends_at=later + 2 * HOUR)
        booking.change(actor_of(ada), made.id, move)
        (letter,) = carry(server)
        assert letter.message["Subject"] == "Changed: Train a model"
        assert event_in(letter.message) == ("REQUEST", uid, first + 1, "CONFIRMED")
        booking.set_tag(actor_of(ada), made.id, "paper")  # calendars do not show it
        assert carry(server) == []
        booking.cancel(actor_of(ada), made.id)
        (letter,) = carry(server)
        assert letter.text.startswith("You have cancelled your reservation “Train a model”.")
        assert event_in(letter.message) == ("CANCEL", uid, first + 3, "CANCELLED")

    def test_the_file_says_the_right_time_whatever_the_zone(
        self, ada: User, server: MailServer
    ) -> None:
        my_letters.want_calendar(actor_of(ada), True)
        made = book(ada)
        (letter,) = carry(server)
        (part,) = [p for p in letter.message.walk() if p.get_content_type() == "text/calendar"]
        (event,) = Calendar.from_ical(part.get_payload(decode=True)).walk("VEVENT")
        assert (event["DTSTART"].dt, event["DTEND"].dt) == (made.starts_at, made.ends_at)
        assert str(event["ATTENDEE"]) == "mailto:ada@example.org"
        assert str(event["ORGANIZER"]) == "mailto:remas@example.org"
        local = made.starts_at.astimezone(ZoneInfo("Europe/Prague"))
        assert f"Start: {local:%a} {local.day} {local:%b %Y, %H:%M %Z}" in letter.text


class TestByOthers:
    def test_a_change_says_by_whom_and_what(
        self, ada: User, root: Actor, server: MailServer
    ) -> None:
        made = book(ada)
        wish = ChangeRequest(
            name="Other <b>name</b>", allocations=(AllocationSpec("n1", "cpu", 1),), tags=("x",)
        )
        booking.change(root, made.id, wish)
        (letter,) = carry(server)
        assert letter.message["Subject"] == "Changed: Train a model"
        for line in (
            "Root Tester has changed your reservation “Train a model”.",
            "Name: Train a model → Other <b>name</b>",
            "Resources: n1: 2 cpu → n1: 1 cpu",
            "Tags: none → x",
            f"https://remas.example.org/reservations/{made.id}",
        ):
            assert line in letter.text
        assert "Start:" not in letter.text
        html = letter.message.get_body(("html",))
        assert html is not None
        assert "Other &lt;b&gt;name&lt;/b&gt;" in html.get_content()
        assert event_in(letter.message)[0] == "REQUEST"

    def test_a_cancellation_is_told_with_what_is_lost(
        self, ada: User, root: Actor, server: MailServer
    ) -> None:
        made = book(ada)
        booking.cancel(root, made.id)
        booking.cancel(root, made.id)  # again: nothing changes, nothing is told
        (letter,) = carry(server)
        assert letter.message["Subject"] == "Cancelled: Train a model"
        assert "Root Tester has cancelled your reservation" in letter.text
        assert "n1: 2 cpu" in letter.text
        assert event_in(letter.message)[0] == "CANCEL"

    def test_an_early_end_is_a_change(self, ada: User, root: Actor, server: MailServer) -> None:
        node = factories.make_node("n1", {"cpu": 8})
        running = factories.make_reservation(
            ada, factories.soon(-1), 5, allocations={node: {"cpu": 1}}
        )
        booking.release(root, running.id)
        (letter,) = carry(server)
        assert "\nEnd: " in letter.text
        assert " → " in letter.text

    def test_a_change_that_changes_nothing_is_not_told(
        self, ada: User, root: Actor, server: MailServer
    ) -> None:
        made = book(ada)
        booking.change(root, made.id, ChangeRequest(name=made.name))
        assert kinds() == []

    def test_an_administrators_own_is_ones_own(self, mailing: Flask, server: MailServer) -> None:
        boss = factories.make_user("boss", admin=True)
        made = book(boss)
        booking.cancel(actor_of(boss, admin=True), made.id)
        assert kinds() == []

    def test_a_change_that_is_rolled_back_tells_nothing(
        self, ada: User, root: Actor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = book(ada)

        def fail(*_args: object) -> None:
            raise RuntimeError("after the letter")

        monkeypatch.setattr(booking.system_letters, "reservation_changed", fail)
        with pytest.raises(RuntimeError):
            booking.cancel(root, made.id)
        assert kinds() == []

    def test_kinds_can_be_switched_off(
        self, make_app: Callable[..., Flask], server: MailServer
    ) -> None:
        off = "reservation_made, reservation_changed,reservation_cancelled,account_made"
        with make_app(**server.environ, REMAS_LETTERS_OFF=off).app_context():
            ada = factories.make_user("ada", calendar_letters=True)
            boss = actor_of(factories.make_user("boss", admin=True), admin=True)
            made = book(ada)
            booking.change(boss, made.id, ChangeRequest(name="Other"))
            booking.cancel(boss, made.id)
            users.create(boss, UserNew("new", "new@example.org", 4000))
            assert kinds() == []
            resets.ask("ada")
            assert kinds() == [OutboxKind.PASSWORD_RESET]


class TestContradicted:
    def test_owners_are_told_once_of_what_is_still_to_come(
        self, ada: User, root: Actor, server: MailServer
    ) -> None:
        coming = factories.make_reservation(ada)
        cancelled = factories.make_reservation(ada, cancelled_at=clock.now())
        past = factories.make_reservation(ada, factories.soon(-50))
        ids = [coming.id, cancelled.id, past.id]
        for told in (1, 1):
            with writing() as session:
                assert contradicted(session, root, ids, "n1 is closed on Friday.") == told
        (letter,) = carry(server)
        assert letter.message["Subject"] == f"No longer fits: {coming.name}"
        assert "n1 is closed on Friday." in letter.text
        assert "talk to Root Tester" in letter.text
        assert not list(letter.message.iter_attachments())

    @pytest.mark.parametrize("why", ["", " ", "a\nb", "x" * 1001])
    def test_a_reason_is_a_sentence(self, ada: User, root: Actor, why: str) -> None:
        with pytest.raises(Invalid), writing() as session:
            contradicted(session, root, [], why)


class TestAccounts:
    def test_a_new_person_gets_a_link_and_no_password(
        self, root: Actor, server: MailServer, mailing: Flask
    ) -> None:
        made = users.create(root, UserNew("new", "new@example.org", 4000, name="Nora"))
        (letter,) = carry(server)
        assert letter.to == ["new@example.org"]
        assert "Your username is new." in letter.text
        assert made.initial_password is not None
        assert made.initial_password not in letter.text
        token = token_in(letter)
        row = db.session.scalars(select(Outbox)).one()
        assert row.text is not None
        assert token not in row.text
        assert "kept nowhere" in row.text
        assert row.payload is not None
        assert token not in str(row.payload)
        resets.use(token, NEW, None)
        assert sessions.authenticate("new", NEW)
        assert not made.user.password_change_required or reloaded("new").password_hash

    def test_a_letter_that_is_late_says_how_to_ask_again(
        self, root: Actor, server: MailServer
    ) -> None:
        users.create(root, UserNew("new", "new@example.org", 4000))
        with time_machine.travel(clock.now() + timedelta(days=8)):
            (letter,) = carry(server)
        assert "/password/reset/" not in letter.text
        assert "https://remas.example.org/password/forgotten" in letter.text

    def test_a_closed_account_is_told_nothing(self, root: Actor, server: MailServer) -> None:
        users.create(root, UserNew("new", "new@example.org", 4000, active=False))
        assert kinds() == []

    def test_whoever_has_no_password_yet_gets_one_by_the_letter(
        self, root: Actor, ada: User, server: MailServer
    ) -> None:
        with writing() as session:
            person = session.get_one(User, ada.id)
            person.password_hash = passwords.UNUSABLE
            account_made(session, person)
        resets.use(token_in(carry(server)[0]), NEW, None)
        assert sessions.authenticate("ada", NEW)

    def test_an_account_goes_with_its_letters_leave(self, root: Actor) -> None:
        users.create(root, UserNew("new", "new@example.org", 4000))
        users.delete(root, "new")
        assert db.session.scalar(select(PasswordReset)) is None


def token_in(letter: Received) -> str:
    """What stands in the link of a letter."""
    _, _, rest = letter.text.partition("/password/reset/")
    return rest.split()[0]


def reloaded(username: str) -> User:
    db.session.expire_all()
    return db.session.scalars(select(User).where(User.username == username)).one()


class TestForgotten:
    @pytest.mark.parametrize("name", ["ada", "ada@example.org", "  ada  "])
    def test_a_letter_lets_one_choose_a_new_password_once(
        self, ada: User, server: MailServer, name: str
    ) -> None:
        begun = sessions.sign_in("ada", factories.PASSWORD, None)
        resets.ask(name)
        (letter,) = carry(server)
        assert letter.to == ["ada@example.org"]
        assert not list(letter.message.iter_attachments())
        token = token_in(letter)
        assert resets.person_of(token).username == "ada"
        resets.use(token, NEW, "192.0.2.1")
        assert sessions.authenticate("ada", NEW)
        db.session.expire_all()
        assert db.session.get_one(AuthSession, begun).revoked_at is not None
        entry = db.session.scalars(select(Audit).where(Audit.action == "set password")).one()
        assert (entry.actor, entry.address) == ("ada", "192.0.2.1")
        for call in (lambda: resets.use(token, NEW, None), lambda: resets.person_of(token)):
            with pytest.raises(NotFound):
                call()

    def test_one_link_used_ends_the_others(self, ada: User, server: MailServer) -> None:
        for _ in range(2):
            resets.ask("ada")
        first, second = (token_in(letter) for letter in carry(server))
        resets.use(first, NEW, None)
        with pytest.raises(NotFound):
            resets.use(second, "another four good words", None)

    def test_a_link_is_over_after_its_time(self, ada: User, server: MailServer) -> None:
        resets.ask("ada")
        token = token_in(carry(server)[0])
        with time_machine.travel(clock.now() + HOUR), pytest.raises(NotFound):
            resets.person_of(token)

    def test_a_letter_that_would_be_too_late_is_not_sent(
        self, ada: User, server: MailServer
    ) -> None:
        resets.ask("ada")
        with time_machine.travel(clock.now() + HOUR):
            assert carry(server) == []
        row = db.session.scalars(select(Outbox)).one()
        assert row.state is OutboxState.DROPPED

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "ä", "\x00", "x" * 10_000])
    def test_nonsense_is_no_link(self, mailing: Flask, token: str) -> None:
        with pytest.raises(NotFound):
            resets.person_of(token)

    def test_the_id_in_the_database_alone_is_no_link(self, ada: User, server: MailServer) -> None:
        resets.ask("ada")
        row = db.session.scalars(select(PasswordReset)).one()
        with pytest.raises(NotFound):
            resets.person_of(row.id)

    def test_rules_hold_and_a_refused_password_leaves_the_link(
        self, ada: User, server: MailServer
    ) -> None:
        resets.ask("ada")
        token = token_in(carry(server)[0])
        for wrong in ("short", "password1234", "x" * 1001):
            with pytest.raises(Invalid) as refused:
                resets.use(token, wrong, None)
            assert list(refused.value.errors) == ["new_password"]
        assert resets.use(token, NEW, None).username == "ada"

    def test_for_others_the_same_is_done_and_nothing_is_kept(
        self, ada: User, server: MailServer
    ) -> None:
        factories.make_user("gone", active=False)
        factories.make_user("elsewhere").password_hash = passwords.UNUSABLE
        db.session.commit()
        for name in ("nobody", "", "gone", "elsewhere", "x" * 10_000, "%"):
            resets.ask(name)
        assert kinds() == []
        assert db.session.scalar(select(PasswordReset)) is None

    def test_a_mailbox_is_not_filled(self, ada: User, server: MailServer) -> None:
        for _ in range(5):
            resets.ask("ada")
        assert len(kinds()) == 3
        with time_machine.travel(clock.now() + HOUR + timedelta(minutes=1)):
            resets.ask("ada")
        assert len(kinds()) == 4

    def test_the_same_statements_run_for_everybody(self, mailing: Flask, ada: User) -> None:
        asked: dict[str, list[str]] = {}
        for name in ("ada", "nobody"):
            with counted(mailing) as statements:
                resets.ask(name)
            asked[name] = [told for told in statements if told.startswith("INSERT")]
        assert asked["ada"] == asked["nobody"]
        assert len(asked["ada"]) == 2


def test_every_kind_has_a_letter() -> None:
    assert set(delivery.BUILDERS) == set(OutboxKind)


def test_a_moment_is_written_in_the_persons_zone_across_the_change_of_clocks(
    mailing: Flask, server: MailServer
) -> None:
    ada = factories.make_user("ada", time_zone="Europe/Prague", calendar_letters=True)
    root = actor_of(factories.make_user("root", admin=True), admin=True)
    node = factories.make_node("n1", {"cpu": 8})
    before = datetime.fromisoformat("2031-10-26T00:30:00+00:00")
    made = factories.make_reservation(ada, before, 2, allocations={node: {"cpu": 1}})
    booking.cancel(root, made.id)
    (letter,) = carry(server)
    assert "Start: Sun 26 Oct 2031, 02:30 CEST" in letter.text
    assert "End: Sun 26 Oct 2031, 03:30 CET" in letter.text
