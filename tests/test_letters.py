"""Templates and letters: plain substitution, and nothing in them is more than text."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from remas.letters import alert, letter, reminder, template
from remas.letters.letter import Letterhead, Link, compose
from remas.models import (
    Capacity,
    Node,
    Notification,
    NotificationType,
    Reservation,
    Resource,
    User,
)
from tests.support.noon import NOW

HEAD = Letterhead("REMAS", "remas@example.org", "https://remas.example.org", ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${a} and ${b}", "1 and ${a}"),  # what is put in is not looked at again
        ("$${a}", "${a}"),
        ("$$$${a}", "$${a}"),
        ("$$", "$"),
        ("$a costs 5$ {a}", "$a costs 5$ {a}"),
        ("${c}", "${c}"),
        ("${a", "${a"),
        ("{{ a }} {% a %} ${a.__class__}", "{{ a }} {% a %} ${a.__class__}"),
    ],
)
def test_only_a_known_name_is_replaced(text: str, said: str) -> None:
    assert template.substitute(text, {"a": "1", "b": "${a}"}) == said


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("${task_name} $${nothing} $x", []),
        ("${task} ${task} ${user}", ["task", "user"]),
        ("${ task_name }", [" task_name "]),
        ("${}", [""]),
        ("${task_name is not closed", ["task_name is not closed"]),
    ],
)
def test_unknown_names_are_told_once_each(text: str, unknown: list[str]) -> None:
    assert template.unknown_names(text) == unknown


def reservation_and_owner(**facts: object) -> tuple[Reservation, User]:
    owner = User(id=7, username="ann", email="a@example.org", uid=1007, **facts)
    made = Reservation(
        id=5, name="job", owner_id=7, starts_at=NOW, ends_at=datetime(2030, 12, 1, 12, tzinfo=UTC)
    )
    return made, owner


ABOUT_A_PERSON = {
    "user_id",
    "user_name",
    "user_surname",
    "user_username",
    "user_uid",
    "user_email",
}
ABOUT_A_RESERVATION = {"task_id", "task_name", "task_description", "task_start", "task_end"}
ABOUT_A_PLACE = {
    "node_id",
    "node_name",
    "node_description",
    "resource_id",
    "resource_name",
    "resource_description",
    "resource_amount",
    "allocation_amount",
}


def test_templates_know_the_promised_variables_and_no_others() -> None:
    """Templates that people keep from elsewhere use these names: none may go, or be renamed."""
    made, owner = reservation_and_owner()
    assert set(template.VARIABLES) == ABOUT_A_PERSON | ABOUT_A_RESERVATION
    assert set(reminder.values_of(made, owner, HEAD)) == set(template.VARIABLES)
    assert set(alert.VARIABLES) == set(alert.SAMPLE) == ABOUT_A_PERSON | ABOUT_A_PLACE
    cpu = Resource(id=1, name="cpu")
    place = Capacity(node=Node(id=3, name="n3"), resource=cpu, amount=64)
    values = alert.values_of_user(owner) | alert.values_of_resource(cpu)
    values |= alert.values_of_capacity(place)
    assert set(values) == set(alert.VARIABLES) - {"allocation_amount"}  # that of the moment


def test_every_variable_has_a_value_also_where_nothing_is_known() -> None:
    made, owner = reservation_and_owner()
    values = reminder.values_of(made, owner, HEAD)
    assert values.keys() == template.VARIABLES.keys()
    assert (values["user_name"], values["task_description"]) == ("", "")


def test_times_are_the_recipients_by_winter_and_by_summer() -> None:
    made, owner = reservation_and_owner(time_zone="Europe/Prague")
    values = reminder.values_of(made, owner, HEAD)
    assert values["task_start"] == "Wed 1 May 2030, 14:00 CEST"
    assert values["task_end"] == "Sun 1 Dec 2030, 13:00 CET"


def test_a_zone_that_is_no_more_is_everybodys() -> None:
    made, owner = reservation_and_owner(time_zone="Mars/Olympus")
    assert reminder.values_of(made, owner, HEAD)["task_start"] == "Wed 1 May 2030, 12:00 UTC"


def test_a_reminder_says_what_it_is_about_and_how_to_have_fewer() -> None:
    made, owner = reservation_and_owner()
    about = Notification(name="soon: ${task_name}", type=NotificationType.TASK_START)
    written = reminder.letter_of(about, made, owner, HEAD)
    assert written.subject == "soon: job"
    assert "Your reservation job starts at Wed 1 May 2030, 12:00 UTC." in written.text
    assert "https://remas.example.org/reservations/5" in written.text
    assert "https://remas.example.org/profile/notifications" in written.text


def test_the_page_escapes_all_that_people_wrote() -> None:
    written = compose("<b>", "<i>\n\nx & y", link=Link("<l>", 'https://x/"q'), footer="<f>")
    assert written.html
    for text in ("<b>", "<i>", "<l>", "<f>", '/"q'):
        assert text not in written.html
    assert "x &amp; y" in written.html


def test_a_subject_is_one_line() -> None:
    assert compose("a\r\nBcc: b\tc", "x").subject == "a Bcc: b c"


def test_what_holds_a_secret_is_kept_without_it() -> None:
    assert letter.Letter("s", "https://x/secret", kept="a link").readable == "a link"
    assert letter.Letter("s", "text").readable == "text"
