"""Whatever is in Grafana: one pass makes it good, a second changes nothing, and what is not
REMAS's is never touched. Interrupted anywhere, the next pass completes it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remas.clients.grafana import GrafanaError
from remas.grafana import reconcile
from remas.grafana.reconcile import Policy
from remas.grafana.wish import Wish
from tests.support.grafana import NEW, OLD, Double, grafana_double
from tests.support.grafana_edits import EDITS, KNOWN_LOGINS, PEOPLE, Pick
from tests.support.grafana_state import State
from tests.support.grafana_wishes import DIRECT, POLICIES, a_person, amiss, an_alert, foreign

Edit = Callable[[State, Pick], None]

EXAMPLES = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def wishes(draw: st.DrawFn) -> list[Wish]:
    """What is wanted of some of the people: open or closed, watched on some nodes or on none."""
    wanted = []
    for number in draw(st.sets(st.sampled_from(PEOPLE))):
        email = f"user{number}@{draw(st.sampled_from(['a', 'b']))}.example.org"
        flags = {name: draw(st.booleans()) for name in ("is_admin", "closed")}
        person = a_person(number, email=email, **flags)
        watched = draw(st.dictionaries(st.integers(1, 3), st.integers(0, 9)))
        alerts = (an_alert(person, held, (node, f"n{node}")) for node, held in watched.items())
        wanted.append(Wish(person, () if person.closed else tuple(alerts)))
    return wanted


edits = st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 2**16)), max_size=8)
routings = st.sampled_from([POLICIES, DIRECT])
versions = st.sampled_from([OLD, NEW])


def everybody(double: Double, wanted: list[Wish], policy: Policy) -> None:
    with double.client() as client:
        reconcile.everybody(client, wanted, policy)


@contextmanager
def in_any_state(
    version: str, before: list[Wish], changes: list[tuple[Edit, int]], policy: Policy
) -> Iterator[Double]:
    """A double in which REMAS once made other wishes true, and somebody then did these things."""
    with grafana_double(version) as double:
        everybody(double, before, policy)
        for edit, seed in changes:
            edit(double.state, Pick(seed))
        double.forget()
        yield double


@EXAMPLES
@given(versions, wishes(), edits, wishes(), routings, routings)
def test_one_pass_makes_good_and_a_second_writes_nothing(
    version: str,
    before: list[Wish],
    changes: list[tuple[Edit, int]],
    wanted: list[Wish],
    once: Policy,
    now: Policy,
) -> None:
    with in_any_state(version, before, changes, once) as double:
        not_ours = foreign(double.state, KNOWN_LOGINS)

        everybody(double, wanted, now)
        assert amiss(double.state, wanted, now) == []
        assert foreign(double.state, KNOWN_LOGINS) == not_ours

        double.forget()
        everybody(double, wanted, now)
        assert double.writes() == []


@EXAMPLES
@given(versions, wishes(), edits, wishes(), routings, st.integers(0, 60), st.booleans())
def test_what_was_interrupted_is_completed_by_the_next(
    version: str,
    before: list[Wish],
    changes: list[tuple[Edit, int]],
    wanted: list[Wish],
    policy: Policy,
    at: int,
    done: bool,
) -> None:
    with in_any_state(version, before, changes, policy) as double:
        not_ours = foreign(double.state, KNOWN_LOGINS)
        if done:  # the call is carried out, and its answer lost
            double.faults.lost_writes = {at}
        else:
            double.faults.calls_left = at
        try:
            everybody(double, wanted, policy)
        except GrafanaError:
            assert double.log[-1].status == 0
        assert foreign(double.state, KNOWN_LOGINS) == not_ours

        double.forget()
        everybody(double, wanted, policy)
        assert amiss(double.state, wanted, policy) == []
        assert foreign(double.state, KNOWN_LOGINS) == not_ours

        double.forget()
        everybody(double, wanted, policy)
        assert double.writes() == []


@EXAMPLES
@given(versions, wishes(), edits, wishes(), routings)
def test_one_by_one_everybody_open_is_made_good(
    version: str,
    before: list[Wish],
    changes: list[tuple[Edit, int]],
    wanted: list[Wish],
    policy: Policy,
) -> None:
    """What a pass over one person leaves, the others' passes make good; the rest waits for the
    pass over all."""
    with in_any_state(version, before, changes, policy) as double, double.client() as client:
        not_ours = foreign(double.state, KNOWN_LOGINS)
        for wish in wanted:
            reconcile.person(client, wish, policy)
        assert foreign(double.state, KNOWN_LOGINS) == not_ours
        names = tuple(f"{wish.person.username}: " for wish in wanted)
        found = amiss(double.state, wanted, policy)
        assert [what for what in found if what.startswith(names)] == []

        double.forget()
        for wish in wanted:
            reconcile.person(client, wish, policy)
        assert double.writes() == []


@pytest.mark.parametrize("change", EDITS, ids=lambda change: change.__name__)
def test_each_kind_of_change_is_made_good(change: Edit) -> None:
    """Where all is as it should be, and everybody has a rule: chance seldom comes by there."""
    people = [a_person(number) for number in PEOPLE]
    wanted = [Wish(person, (an_alert(person, 3, (1, "n1")),)) for person in people]
    several = [(change, seed) for seed in range(5)]
    with in_any_state(NEW, wanted, several, POLICIES) as double:
        not_ours = foreign(double.state, KNOWN_LOGINS)
        everybody(double, wanted, POLICIES)
        assert amiss(double.state, wanted, POLICIES) == []
        assert foreign(double.state, KNOWN_LOGINS) == not_ours


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("policy", [POLICIES, DIRECT], ids=["policies", "direct"])
def test_interrupted_at_each_single_call(version: str, policy: Policy) -> None:
    before = [Wish(a_person(1, is_admin=True)), Wish(a_person(2)), Wish(a_person(3))]
    new = a_person(4)
    wanted = [
        Wish(a_person(1), (an_alert(a_person(1), 3),)),
        Wish(a_person(2, closed=True)),
        Wish(new, (an_alert(new, 2),)),
    ]
    with in_any_state(version, before, [], policy) as double:
        everybody(double, wanted, policy)
        calls = len(double.log)
    for at in range(calls):
        with in_any_state(version, before, [], policy) as double:
            double.faults.calls_left = at
            with pytest.raises(GrafanaError):
                everybody(double, wanted, policy)
            double.forget()
            everybody(double, wanted, policy)
            assert amiss(double.state, wanted, policy) == []
