"""Whose matter it is that Grafana fails: one person's, who then delays nobody, or everybody's."""

from collections.abc import Sequence
from datetime import timedelta
from email.utils import format_datetime

import pytest

from remas import clock
from remas.services import monitoring, monitoring_standing, users
from remas.services.actor import SYSTEM
from remas.services.users import ProfileChange
from tests.support.followed import PEOPLE, Followed, acting

pytestmark = pytest.mark.usefixtures("way")


@pytest.fixture(params=["one by one", "all"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How people are seen to: only those who changed, however many, or all in a pass."""
    if request.param == "one by one":
        monkeypatch.setattr(monitoring, "SHARE", 0)
    return str(request.param)


def all_change(way: str, people: Sequence[str] = PEOPLE) -> None:
    """These have other names, which Grafana is to learn."""
    for name in people:
        users.update_me(acting(name), ProfileChange(name="New"))
    if way == "all":
        monitoring_standing.sync_now(SYSTEM)


def broken(site: Followed, *people: str, status: int = 500) -> None:
    """Whatever is to be written of their accounts fails, for good."""
    for name in people:
        user = site.double.state.user_of(name)
        assert user
        site.double.faults.failing[f"PUT /users/{user['id']}"] = status


def amiss_of(site: Followed) -> set[str]:
    return {what.partition(":")[0] for what in site.amiss()}


def refused(site: Followed) -> dict[str | None, str]:
    """Whom the status page names, with the reason."""
    return {one.username: one.text for one in monitoring_standing.standing(SYSTEM).refused}


# One person's


def test_whom_grafana_fails_for_delays_nobody(site: Followed, way: str) -> None:
    all_change(way)
    broken(site, "ann")
    for _ in range(3):
        site.tick()
        assert amiss_of(site) == {"ann"}
        assert site.state().failures == 0
        site.clock.move_to(max(mark.next_attempt_at for mark in site.marks()))
    (mark,) = site.marks()
    assert mark.attempts == 3
    assert refused(site).keys() == {"ann"}
    assert "500 Internal server error" in refused(site)["ann"]
    site.double.forget()
    assert site.tick()
    assert (site.marks(), site.amiss()) == ([], [])


def test_a_pass_counts_as_done_but_for_whom_grafana_fails_for(site: Followed) -> None:
    all_change("all")
    broken(site, "ann")
    site.tick()
    assert site.state().passed_at == clock.now()
    assert [mark.attempts for mark in site.marks()] == [1]


@pytest.mark.parametrize("number", [3, 6])
def test_several_who_are_broken_keep_nobody_for_ever(site: Followed, way: str, number: int) -> None:
    """The first three may be Grafana's own fault; then they come last, and others are seen to."""
    all_change(way)
    lowest = PEOPLE[:number]
    broken(site, *lowest)
    for runs in range(number // 3):
        site.tick()
        assert site.state().failures == runs + 1
        site.later(minutes=2)
    site.tick()
    assert amiss_of(site) == set(lowest)
    state = site.state()
    assert (state.failures, state.last_error) == (0, None)
    assert way == "one by one" or state.passed_at == clock.now()
    assert refused(site).keys() == set(lowest)
    users.update_me(acting("gus"), ProfileChange(name="Newer"))
    site.tick()  # and whoever comes later is not kept either
    assert amiss_of(site) == set(lowest)
    site.double.forget()
    site.later(hours=1)
    site.tick()
    assert (site.marks(), site.amiss()) == ([], [])


def test_who_is_refused_comes_last(site: Followed, way: str) -> None:
    all_change(way, ("ann",))
    broken(site, "ann")
    site.tick()
    site.later(minutes=1)
    all_change(way, ("bob", "cid"))
    site.double.log = []
    site.tick()
    ann = site.double.state.user_of("ann")
    assert ann
    written = [call for call in site.double.writes() if call.startswith("PUT /users/")]
    assert written[-1] == f"PUT /users/{ann['id']}"
    assert len(written) == 3


# Everybody's


def test_where_nothing_can_be_written_the_run_ends_after_few_calls(
    site: Followed, way: str
) -> None:
    all_change(way)
    site.double.state.read_only = True
    site.tick()
    assert len(site.double.writes()) == 3
    assert len(site.double.reads()) <= 15
    state = site.state()
    assert state.failures == 1
    assert state.next_attempt_at
    assert state.next_attempt_at > clock.now()
    assert not site.tick()
    marked = {mark.user_id for mark in site.marks()} - {None}
    assert len(marked) == len(PEOPLE)


def test_what_could_not_be_written_is_written_afterwards(site: Followed, way: str) -> None:
    all_change(way)
    site.double.state.read_only = True
    for _ in range(5):
        site.tick()
        site.later(minutes=2)
    assert len(site.double.writes()) < 5 * len(PEOPLE)
    site.double.state.read_only = False
    site.later(minutes=2)
    assert site.tick()
    assert (site.marks(), site.amiss()) == ([], [])
    assert site.state().failures == 0


@pytest.mark.parametrize("sign", [502, 503, 504, 429, 401])
def test_a_proxy_or_the_door_is_about_everybody(site: Followed, way: str, sign: int) -> None:
    all_change(way)
    broken(site, "ann", status=sign)
    site.tick()
    assert len(site.double.writes()) == 1
    assert site.state().failures == 1
    assert refused(site) == {}


@pytest.mark.parametrize("health", [503, 500, 404])
def test_a_grafana_that_is_not_well_ends_the_run_at_once(
    site: Followed, way: str, health: int
) -> None:
    all_change(way)
    broken(site, "ann")
    site.double.faults.failing["GET /health"] = health
    site.tick()
    assert len(site.double.writes()) == 1
    assert site.state().failures == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "seconds"), [("90", 90), (" 90 ", 90), ("86400", 3600), ("9" * 30, 10)]
)
def test_grafana_says_how_long_it_wants_to_be_left_alone(
    site: Followed, status: int, asked: str, seconds: int
) -> None:
    all_change("one by one", ("ann",))
    site.double.faults.broken, site.double.faults.headers = [status], {"Retry-After": asked}
    site.tick()
    assert waits(site) <= timedelta(seconds=seconds)
    assert seconds == 10 or waits(site) == timedelta(seconds=seconds)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_it_may_say_until_when(site: Followed, minutes: int) -> None:
    all_change("one by one", ("ann",))
    until = format_datetime(clock.now() + timedelta(minutes=minutes), usegmt=True)
    site.double.faults.broken, site.double.faults.headers = [503], {"Retry-After": until}
    site.tick()
    assert timedelta() < waits(site) <= timedelta(minutes=max(minutes, 1))
    assert minutes < 0 or waits(site) == timedelta(minutes=minutes)


@pytest.mark.parametrize(("status", "asked"), [(503, "soon"), (503, "-1"), (502, "90")])
def test_what_is_no_time_or_no_such_answer_is_not_minded(
    site: Followed, status: int, asked: str
) -> None:
    all_change("one by one", ("ann",))
    site.double.faults.broken, site.double.faults.headers = [status], {"Retry-After": asked}
    site.tick()
    assert timedelta() < waits(site) <= timedelta(seconds=10)


def waits(site: Followed) -> timedelta:
    next_at = site.state().next_attempt_at
    assert next_at
    return next_at - clock.now()
