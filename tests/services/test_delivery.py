"""Carrying letters: what becomes of a row, whatever the mail server says. The server is real."""

import logging
import subprocess
from datetime import timedelta

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError

from remas import clock
from remas.clients import mail
from remas.errors import Conflict, Forbidden, NotFound
from remas.extensions import db
from remas.jobs.carriers import ByOneself
from remas.jobs.ticker import Ticker
from remas.letters import reminder as letters
from remas.models import Audit, Notification, Outbox, OutboxKind, OutboxState, User
from remas.services import chores, delivery, heartbeats, outbox, reminders
from remas.services.actor import SYSTEM
from remas.services.context import settings
from remas.services.outbox import OutboxFilter
from remas.services.transaction import writing
from tests.support.factories import actor_of, make_notification, make_reservation, make_user
from tests.support.mail_server import MailServer, mail_server, only, server_context
from tests.support.noon import NOW
from tests.support.processes import free_port

pytestmark = pytest.mark.usefixtures("noon")

MINUTE = timedelta(minutes=1)
UNKNOWN = "550 5.1.1 no such user"


@pytest.fixture
def server():
    with mail_server() as server:
        yield server


@pytest.fixture
def post(server, make_app):
    """An app that sends to `server`, its context pushed."""
    app = make_app(**server.environ)
    with app.app_context():
        yield app


@pytest.fixture
def ticker(post):
    """`turn` carries all that is due, and is done."""

    class Always:
        def holds(self):
            return True

        def resign(self):
            pass

    ticker = Ticker(post, post.config["REMAS"], ByOneself(), Always())

    def turn():
        while not ticker.turn():
            pass
        db.session.rollback()

    return turn


def reminder(username="ann", due=NOW, **fields):
    """A planned reminder of a reservation that starts ten minutes after `due`; its id."""
    owner = db.session.scalar(select(User).where(User.username == username)) or make_user(username)
    notification = db.session.scalar(select(Notification))
    if notification is None:
        notification = make_notification(subject="${task_name} soon", template="Dear ${user_name}")
    made = make_reservation(owner, due + 10 * MINUTE, name=f"job of {username}")
    with writing() as session:
        session.add(
            row := Outbox(
                key=f"test:{made.id}",
                kind=OutboxKind.REMINDER,
                recipient_id=owner.id,
                reservation_id=made.id,
                notification_id=notification.id,
                payload={
                    "about": "task_start",
                    "moment": (due + 10 * MINUTE).isoformat()[:-6] + "Z",
                },
                **{"created_at": NOW, "due_at": due, "next_attempt_at": due, **fields},
            )
        )
    return row.id


def row(outbox_id):
    db.session.rollback()
    return db.session.get_one(Outbox, outbox_id, populate_existing=True)


class TestSending:
    def test_what_is_due_is_sent_once_and_marked(self, server, post, ticker):
        number = reminder()
        ticker()
        ticker()
        (received,) = server.received
        assert received.to == ["ann@example.org"]
        assert received.message["Subject"] == "job of ann soon"
        assert received.message["From"] == "REMAS <remas@example.org>"
        assert "Dear Ann" in received.text
        sent = row(number)
        assert (sent.state, sent.done_at, sent.attempts) == (OutboxState.SENT, NOW, 1)
        assert (sent.subject, sent.recipient_address) == ("job of ann soon", "ann@example.org")
        assert "Dear Ann" in sent.text

    def test_what_is_not_due_waits_for_its_moment(self, server, post, ticker, noon):
        reminder(due=NOW + MINUTE)
        ticker()
        assert server.received == []
        noon.shift(MINUTE)
        ticker()
        assert len(server.received) == 1

    def test_it_has_two_parts_can_be_given_up_and_wants_no_answer(self, server, post, ticker):
        reminder()
        ticker()
        message = server.received[0].message
        page = message.get_body(("html",)).get_content()
        assert "Dear Ann" in page
        assert "/profile/notifications" in message["List-Unsubscribe"]
        assert "<mailto:remas@example.org?subject=unsubscribe>" in message["List-Unsubscribe"]
        assert message["Auto-Submitted"] == "auto-generated"

    def test_with_markup_in_a_name_nothing_is_rendered(self, server, post, ticker):
        make_user("eve", name="{{7*7}}<script>x</script>")
        reminder("eve")
        ticker()
        message = server.received[0].message
        assert "{{7*7}}<script>x</script>" in server.received[0].text
        assert "<script>" not in message.get_body(("html",)).get_content()
        assert "{{7*7}}&lt;script&gt;" in message.get_body(("html",)).get_content()

    def test_a_name_with_a_line_break_writes_no_header(self, server, post, ticker):
        notification = make_notification(subject="${user_name}", template="x")
        make_user("eve", name="Eve\r\nBcc: all@example.org")
        assert notification.subject
        reminder("eve")
        ticker()
        assert server.received[0].message["Bcc"] is None
        assert server.received[0].message["Subject"] == "Eve Bcc: all@example.org"

    def test_while_mail_is_off_it_is_readable_and_in_the_log(self, app, app_context, noon, caplog):
        number = reminder()
        with caplog.at_level(logging.INFO):
            delivery.carry(number)
        told = row(number)
        assert (told.state, told.reason) == (OutboxState.NOT_SENT, outbox.MAIL_IS_OFF)
        assert "Dear Ann" in told.text
        assert "Dear Ann" in caplog.text

    @pytest.mark.parametrize("kind", [{}, {"subject": None, "template": None}])
    def test_a_notification_that_says_nothing_is_sent_all_the_same(
        self, server, post, ticker, kind
    ):
        make_notification("a name", **kind)
        reminder()
        ticker()
        assert len(server.received) == 1


class TestRefusals:
    @pytest.mark.parametrize(
        "answers", [{"recipients": {"ann@example.org": UNKNOWN}}, {"data": "552 5.3.4 too big"}]
    )
    def test_refused_for_good_it_is_dead_at_once_and_says_why(self, server, post, ticker, answers):
        number = reminder()
        for name, value in answers.items():
            setattr(server, name, value)
        ticker()
        dead = row(number)
        assert dead.state is OutboxState.DEAD
        assert dead.last_error in (UNKNOWN, "552 5.3.4 too big")
        assert server.tried == {"ann@example.org": 1}

    @pytest.mark.parametrize(
        "answers",
        [
            {"recipients": {"ann@example.org": "451 4.7.1 greylisted"}},
            {"recipients": {"ann@example.org": "530 5.7.0 authentication required"}},
            {"data": "452 4.3.1 no space"},
            {"hangs_up": lambda _content: True},
        ],
    )
    def test_refused_for_now_it_is_tried_again(self, server, post, ticker, noon, answers):
        number = reminder()
        usual = {name: getattr(server, name) for name in answers}
        for name, value in answers.items():
            setattr(server, name, value)
        ticker()
        waiting = row(number)
        assert waiting.state is OutboxState.RETRYING
        assert NOW + timedelta(seconds=5) <= waiting.next_attempt_at <= NOW + timedelta(seconds=10)
        for name, value in usual.items():
            setattr(server, name, value)
        noon.shift(MINUTE)
        ticker()
        assert (row(number).state, len(server.received)) == (OutboxState.SENT, 1)

    def test_a_server_that_stalls_is_left_in_time(self, server, post, ticker, monkeypatch):
        monkeypatch.setattr(mail, "PATIENCE", 0.3)
        number = reminder()
        server.stalls = True
        ticker()
        assert row(number).state is OutboxState.RETRYING
        assert "does not answer" in row(number).last_error

    def test_a_server_that_hangs_up_after_it_said_yes_has_it(self, server, post, ticker):
        async def abort(server, _session, _envelope):
            server.transport.abort()
            return "221 bye"

        server.handle_QUIT = abort
        number = reminder()
        ticker()
        assert (row(number).state, len(server.received)) == (OutboxState.SENT, 1)

    def test_no_server_at_all_is_a_reason_to_wait(self, make_app, app_context):
        environ = {**MailServer(free_port()).environ}
        number = reminder()
        with make_app(**environ).app_context():
            delivery.carry(number)
        assert row(number).state is OutboxState.RETRYING
        assert "does not let us in" in row(number).last_error

    def test_waits_grow_up_to_the_setting_and_end_after_a_day(
        self, make_app, app_context, noon, monkeypatch
    ):
        def refuse(*_args):
            raise mail.MailError("451 not now", permanent=False)

        monkeypatch.setattr(mail, "send", refuse)
        environ = {**MailServer(free_port()).environ, "TASK_SCHEDULER_RETRY_LIMIT_SECONDS": "3600"}
        number, waits = reminder(retried_at=NOW), []  # asked for: no cut-off
        row(number).reservation.ends_at = NOW + timedelta(days=3)
        db.session.commit()
        with make_app(**environ).app_context():
            while row(number).state in (OutboxState.WAITING, OutboxState.RETRYING):
                delivery.carry(number)
                waits.append((row(number).next_attempt_at - clock.now()).total_seconds())
                noon.shift(waits[-1])
            dead_at = row(number).dead_at
        assert dead_at is not None
        assert 5 <= waits[0] <= 10
        assert 10 <= waits[1] <= 20
        assert max(waits[:-1]) <= 3600
        assert min(waits[12:-1]) >= 1800
        assert timedelta(hours=24) <= dead_at - NOW <= timedelta(hours=25)

    def test_waits_differ_so_that_not_all_come_back_at_once(self):
        waits = {outbox.wait_after(5, timedelta(hours=1)) for _ in range(20)}
        assert len(waits) > 10


class TestNoRowHoldsAnother:
    def test_a_letter_that_cannot_be_written_is_dead_and_the_others_go(
        self, server, post, ticker, monkeypatch
    ):
        first, second, third = (reminder(name) for name in ("ann", "bob", "cat"))
        db.session.get_one(Outbox, second).payload = None  # no builder can make anything of this
        db.session.commit()
        monkeypatch.setattr(delivery, "JUDGES", {})
        broken = {OutboxKind.REMINDER: breaks_at(second)}
        monkeypatch.setattr(delivery, "BUILDERS", {**delivery.BUILDERS, **broken})
        ticker()
        assert [row(number).state for number in (first, second, third)] == [
            OutboxState.SENT,
            OutboxState.DEAD,
            OutboxState.SENT,
        ]
        assert "TypeError: no template" in row(second).last_error

    def test_an_address_that_no_header_takes_is_dead_and_the_others_go(self, server, post, ticker):
        make_user("eve", email="eve@" + "ü" * 80 + ".example")
        first, second = reminder("eve"), reminder("ann")
        ticker()
        assert (row(first).state, row(second).state) == (OutboxState.DEAD, OutboxState.SENT)

    def test_what_was_tried_often_comes_after_what_is_fresh(self, post):
        old = reminder("ann", attempts=9, last_error="451", next_attempt_at=NOW - MINUTE)
        fresh = reminder("bob")
        assert outbox.take(10) == [fresh, old]

    def test_a_crash_in_one_job_is_not_the_end_of_the_turn(
        self, server, post, ticker, monkeypatch, caplog
    ):
        reminder("ann")
        reminder("bob")
        really_claim = outbox.claim
        calls = []

        def claim(number):
            calls.append(number)
            if len(calls) == 1:
                raise OperationalError("the database is away", None, Exception())
            return really_claim(number)

        monkeypatch.setattr(outbox, "claim", claim)
        ticker()
        assert len(server.received) == 1
        assert "was not carried" in caplog.text

    def test_the_database_being_away_ends_no_ticker(self, post, ticker, monkeypatch, caplog):
        def away():
            raise OperationalError("the database is away", None, Exception())

        monkeypatch.setattr(outbox, "next_due", away)
        ticker()
        assert "could not do its turn" in caplog.text


def breaks_at(number):
    """A builder that fails for one row."""

    def build(row, head):
        if row.id == number:
            raise TypeError("no template")
        return letters.build(row, head)

    return build


class TestPointless:
    def carried(self, number):
        db.session.rollback()
        delivery.carry(number)
        return row(number).reason

    def test_cancelled_meanwhile(self, server, post):
        number = reminder()
        row(number).reservation.cancelled_at = NOW
        db.session.commit()
        assert self.carried(number) == reminders.CANCELLED

    def test_moved_meanwhile(self, server, post):
        number = reminder()
        row(number).reservation.starts_at = NOW + 11 * MINUTE
        db.session.commit()
        assert self.carried(number) == reminders.MOVED

    def test_over_meanwhile(self, server, post, noon):
        number = reminder()
        row(number).reservation.ends_at = NOW + 20 * MINUTE
        db.session.commit()
        noon.shift(30 * MINUTE)
        assert self.carried(number) == reminders.OVER

    def test_without_its_notification(self, server, post):
        number = reminder()
        db.session.execute(delete(Notification))
        db.session.commit()
        assert self.carried(number) == reminders.DELETED

    def test_to_an_account_that_is_closed(self, server, post):
        number = reminder()
        row(number).recipient.active = False
        db.session.commit()
        assert self.carried(number) == delivery.NOBODY

    def test_delayed_beyond_the_cut_off(self, server, post, noon):
        just, beyond = reminder("ann", NOW), reminder("bob", NOW - timedelta(seconds=1))
        noon.shift(60 * MINUTE)
        assert (self.carried(just), self.carried(beyond)) == (None, delivery.TOO_LATE)
        assert (row(just).state, row(beyond).state) == (OutboxState.SENT, OutboxState.DROPPED)

    def test_unless_an_administrator_wants_it_all_the_same(self, server, post, noon):
        number = reminder()
        outbox.mark_failed(number, "550", MINUTE, permanent=True)
        noon.shift(61 * MINUTE)
        outbox.retry(SYSTEM, number)
        assert self.carried(number) is None
        assert row(number).state is OutboxState.SENT


class TestOnlyOneCarries:
    def test_what_somebody_has_nobody_else_gets(self, post, noon):
        number = reminder()
        assert outbox.claim(number)
        assert not outbox.claim(number)
        assert outbox.next_due() is None
        noon.shift(outbox.CARRIED)
        assert outbox.claim(number)

    def test_what_is_in_the_queue_is_not_taken_again_for_a_while(self, post, noon):
        number = reminder()
        assert outbox.take(10) == [number]
        assert (outbox.take(10), outbox.next_due()) == ([], None)
        noon.shift(outbox.ENQUEUED)
        assert outbox.take(10) == [number]

    def test_a_clock_that_is_a_little_behind_carries_it_all_the_same(self, post, noon):
        number = reminder(due=NOW + timedelta(seconds=8))
        assert outbox.claim(number)

    def test_what_is_finished_is_not_claimed(self, post):
        assert not outbox.claim(reminder(done_at=NOW))
        assert not outbox.claim(reminder(dead_at=NOW))
        assert not outbox.claim(reminder(dropped_at=NOW))
        assert not outbox.claim(0)

    def test_that_it_is_out_counts_over_what_was_decided_meanwhile(self, server, post, monkeypatch):
        number = reminder()
        really_send = mail.send

        def send(*args):
            really_send(*args)
            outbox.drop(SYSTEM, number)

        monkeypatch.setattr(mail, "send", send)
        delivery.carry(number)
        sent = row(number)
        assert (sent.state, sent.dropped_at) == (OutboxState.SENT, None)


class TestSignIn:
    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
    def test_with_an_account_and_the_wrong_password(self, make_app, app_context):
        with mail_server(**only("remas", "a secret")) as server:
            first, second = reminder("ann"), reminder("bob")
            for number, password in ((first, "a secret"), (second, "wrong")):
                environ = {**server.environ, "SMTP_USER": "remas", "SMTP_PASSWORD": password}
                with make_app(**environ).app_context():
                    delivery.carry(number)
            assert row(first).state is OutboxState.SENT
            # The account can be mended: nobody's letter dies of it.
            assert row(second).state is OutboxState.RETRYING
            assert "535" in row(second).last_error

    @pytest.mark.parametrize("starttls", [True, False])
    def test_encrypted_and_only_with_a_certificate_that_is_good(
        self, make_app, app_context, tmp_path, monkeypatch, starttls
    ):
        certificate = make_certificate(tmp_path)
        context = server_context(certificate, certificate)
        how = {"tls_context": context} if starttls else {"ssl_context": context}
        with mail_server(**how, **({"require_starttls": True} if starttls else {})) as server:
            environ = {
                **server.environ,
                "SMTP_HOST": "localhost",
                "SMTP_TLS_ENABLED": str(not starttls),
                "SMTP_STARTTLS_ENABLED": str(starttls),
            }
            first, second = reminder("ann"), reminder("bob")
            with make_app(**environ).app_context():
                delivery.carry(first)
                assert row(first).state is OutboxState.RETRYING
                assert "CERTIFICATE_VERIFY_FAILED" in row(first).last_error
                monkeypatch.setenv("SSL_CERT_FILE", certificate)
                delivery.carry(second)
                assert row(second).state is OutboxState.SENT


def make_certificate(folder):
    """A certificate for localhost, with its key; the path of the file."""
    path = folder / "both.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key, certificate = folder / "key", folder / "certificate"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    path.write_text(key.read_text() + certificate.read_text())
    return str(path)


class TestAdministrators:
    def test_the_states_and_how_many_there_are(self, post):
        reminder()
        reminder(last_error="451", attempts=1)
        reminder(done_at=NOW)
        reminder(done_at=NOW, reason=outbox.MAIL_IS_OFF)
        reminder(dead_at=NOW, last_error="550")
        reminder(dropped_at=NOW, reason="x")
        assert outbox.counts() == dict.fromkeys(OutboxState, 1)
        found = outbox.search(SYSTEM, OutboxFilter())
        assert {one.state for one in found.items} == set(OutboxState)
        for state in OutboxState:
            (one,) = outbox.search(SYSTEM, OutboxFilter(state=state)).items
            assert one.state is state

    def test_the_oldest_that_is_due(self, post):
        assert outbox.oldest_due() is None
        reminder(due=NOW + MINUTE)
        reminder(due=NOW - MINUTE, done_at=NOW)
        assert outbox.oldest_due() is None
        reminder(due=NOW - 3 * MINUTE, next_attempt_at=NOW + MINUTE)
        reminder(due=NOW - 2 * MINUTE)
        assert outbox.oldest_due() == NOW - 3 * MINUTE

    def test_found_by_recipient_kind_and_reservation(self, post):
        number = reminder("ann")
        reminder("bob")
        for wanted in (
            OutboxFilter(recipient="ann"),
            OutboxFilter(reservation_id=row(number).reservation_id),
        ):
            assert [one.id for one in outbox.search(SYSTEM, wanted).items] == [number]
        assert outbox.search(SYSTEM, OutboxFilter(kind=OutboxKind.ACCOUNT_MADE)).total == 0

    def test_tried_again_a_dead_one_is_sent(self, server, post, ticker, noon):
        number = reminder()
        server.recipients["ann@example.org"] = UNKNOWN
        ticker()
        del server.recipients["ann@example.org"]
        noon.shift(timedelta(hours=30))
        outbox.retry(SYSTEM, number)
        ticker()
        assert row(number).state in (OutboxState.SENT, OutboxState.DROPPED)

    def test_while_a_letter_is_under_way_it_is_not_sent_a_second_time(self, post, noon):
        number = reminder(last_error="451 not now")
        assert outbox.claim(number)
        with pytest.raises(Conflict, match="under way"):
            outbox.retry(SYSTEM, number)
        outbox.mark_failed(number, "451 not now", 10 * MINUTE, permanent=False)
        outbox.retry(SYSTEM, number)
        assert outbox.claim(number)

    def test_only_what_is_not_sent_can_be_tried_again_or_taken_out(self, post):
        sent, waiting = reminder(done_at=NOW), reminder()
        with pytest.raises(Conflict):
            outbox.retry(SYSTEM, sent)
        with pytest.raises(Conflict):
            outbox.retry(SYSTEM, waiting)
        with pytest.raises(Conflict):
            outbox.drop(SYSTEM, sent)
        with pytest.raises(NotFound):
            outbox.drop(SYSTEM, 0)

    def test_others_may_not(self, post):
        number = reminder()
        ann = actor_of(row(number).recipient)
        for ask in (
            lambda: outbox.search(ann, OutboxFilter()),
            lambda: outbox.get(ann, number),
            lambda: outbox.retry(ann, number),
            lambda: outbox.drop(ann, number),
        ):
            with pytest.raises(Forbidden):
                ask()

    def test_what_they_do_is_in_the_audit(self, post):
        number = reminder(dead_at=NOW, last_error="550")
        outbox.retry(SYSTEM, number)
        outbox.drop(SYSTEM, number)
        db.session.rollback()
        actions = db.session.scalars(select(Audit.action).where(Audit.kind == "outbox"))
        assert list(actions) == ["retry", "drop"]


class TestPut:
    def put(self, key):
        with writing() as session:
            user = session.scalars(select(User)).first()
            outbox.put(session, OutboxKind.ACCOUNT_MADE, key=key, recipient_id=user.id)

    def test_a_key_is_put_once(self, post):
        make_user()
        for key in ("a", "a", "b"):
            self.put(key)
        assert sum(outbox.counts().values()) == 2

    def test_it_goes_with_the_change_that_causes_it(self, post):
        user = make_user()

        def change_and_fail():
            with writing() as session:
                outbox.put(session, OutboxKind.ACCOUNT_MADE, key="a", recipient_id=user.id)
                raise ValueError("the change is refused")

        with pytest.raises(ValueError, match="refused"):
            change_and_fail()
        assert sum(outbox.counts().values()) == 0


class TestTidying:
    def test_what_was_finished_long_ago_is_forgotten(self, post, noon, monkeypatch):
        monkeypatch.setattr(outbox, "PRUNED_AT_ONCE", 2)
        for column in ("done_at", "dead_at", "dropped_at"):
            reminder(**{column: NOW})
        late = reminder(done_at=NOW + timedelta(days=1))
        waiting = reminder()
        noon.shift(timedelta(days=90, hours=1))
        chores.do(settings())
        db.session.rollback()
        assert set(db.session.scalars(select(Outbox.id))) == {late, waiting}

    def test_one_that_fails_keeps_no_other_from_being_done(self, post, caplog):
        done = []

        def broken(_settings):
            raise RuntimeError("broken")

        chores.do(settings(), (broken, done.append))
        assert done == [settings()]
        assert "the daily chore broken failed" in caplog.text

    def test_the_ticker_does_them_once_a_day_and_says_that_it_lives(
        self, post, ticker, noon, monkeypatch
    ):
        days = []
        monkeypatch.setattr(chores, "do", days.append)
        ticker()
        ticker()
        noon.shift(timedelta(hours=25))
        ticker()
        assert len(days) == 2
        assert heartbeats.last(heartbeats.TICKER) == NOW + timedelta(hours=25)
