"""Resources, from the administration's pages."""

from collections.abc import Callable

import pytest
from flask import Flask

from remas.models import Measure, Unit, User
from remas.services import audit, resources
from remas.services.actor import SYSTEM
from remas.services.audit import AuditFilter
from tests.support import factories
from tests.support.prometheus_double import PrometheusDouble
from tests.web.conftest import Visitor

GPU = {"name": "gpu", "unit": "", "aliases": "cards, a100", "description": "Whole cards"}


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


def test_one_is_made_found_by_an_alias_changed_and_its_history_read(
    admin: Visitor, app: Flask
) -> None:
    made = admin.post("/admin/new/resource", GPU, follow_redirects=True)
    assert "The resource gpu is made" in made.text
    assert ">gpu</a>" in admin.get("/admin/resources?q=A10").text
    assert "Nothing is found like this" in admin.get("/admin/resources?q=memory").text

    seen = admin.seen("/admin/resources/gpu")
    done = admin.post(
        "/admin/resources/gpu", {**GPU, "aliases": "cards", "seen": seen}, follow_redirects=True
    )
    assert "The resource gpu is saved." in done.text
    with app.app_context():
        assert resources.facts(resources.get("gpu"))["aliases"] == ["cards"]
    history = admin.get("/admin/resources/gpu/history").text
    assert "<strong>change</strong> by root" in history
    assert "a100; cards" in history


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(
    admin: Visitor, app: Flask
) -> None:
    with app.app_context():
        factories.make_resource("gpu")
    seen = admin.seen("/admin/resources/gpu")
    with app.app_context():
        resources.change(
            SYSTEM, "gpu", resources.ResourceChange(description="What the other one wrote")
        )
    refused = admin.post("/admin/resources/gpu", {**GPU, "seen": seen})
    assert "Somebody changed it since you opened this page" in refused.text
    assert "What the other one wrote" in refused.text  # who was faster, and with what
    assert "Whole cards" in refused.text  # nothing typed is lost
    with app.app_context():
        assert resources.get("gpu").description == "What the other one wrote"
    again = {**GPU, "seen": admin.seen_in(refused.text)}
    assert "is saved" in admin.post("/admin/resources/gpu", again, follow_redirects=True).text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "", "Write a name."),
        ("name", "a/b", "no slashes"),
        ("unit", "miles", "Not a valid"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field(
    admin: Visitor, field: str, value: str, text: str
) -> None:
    page = admin.post("/admin/new/resource", {**GPU, field: value}).text
    assert text in page
    assert "Whole cards" in page


def test_a_name_that_is_taken_is_said_at_the_field(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("gpu")
    page = admin.post("/admin/new/resource", GPU).text
    assert "Another one already has this name" in page


def test_deleting_asks_first_and_refuses_what_has_history(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8, "gpu": 2})
        factories.make_reservation(factories.make_user("ada"), allocations={node: {"cpu": 1}})
    for name, status in (("gpu", 302), ("cpu", 409)):
        path = f"/admin/resources/{name}/delete"
        asked = admin.get(path).text
        assert f"Delete the resource {name}?" in asked
        answer = admin.post(path, {"seen": admin.seen_in(asked)})
        assert answer.status_code == status
    assert "of ada" in answer.text
    with app.app_context():
        assert [r.name for r in resources.search().items] == ["cpu"]
        deleted = audit.search(SYSTEM, AuditFilter(action="delete", kind="resource"))
        assert [entry.subject for entry in deleted.items] == ["gpu"]


def test_the_list_sorts_both_ways(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC)
        factories.make_resource("cpu")
    upwards = admin.get("/admin/resources").text
    assert upwards.index(">cpu<") < upwards.index(">memory<")
    assert 'aria-sort="ascending"' in upwards
    downwards = admin.get("/admin/resources?sort=-name").text
    assert downwards.index(">memory<") < downwards.index(">cpu<")
    assert admin.get("/admin/resources?sort=nonsense").status_code == 200


def test_others_than_administrators_are_sent_away(as_ada: Visitor, visitor: Visitor) -> None:
    assert as_ada.get("/admin/resources").status_code == 403
    assert visitor.get("/admin/resources").status_code == 302
    assert 'href="/admin"' not in as_ada.get("/").text


QUERY = 'sum(seats{node="${node_name}",user="${user_username}"})'


def test_what_measures_it_is_chosen(admin: Visitor, app: Flask) -> None:
    page = admin.get("/admin/new/resource").text
    assert "Processor cores in use" in page
    assert "choose cores only where the resource counts cores" in page
    admin.post("/admin/new/resource", {**GPU, "measure": "gpu", "usage_query": QUERY})
    with app.app_context():
        made = resources.get("gpu")
        assert (made.measure, made.usage_query) == (Measure.GPU, None)
    assert "<td>gpu</td>" in admin.get("/admin/resources").text
    assert 'value="gpu" selected' in admin.get("/admin/resources/gpu").text.replace(
        'selected value="gpu"', 'value="gpu" selected'
    )


def test_a_query_of_its_own_is_kept_and_that_it_was_not_tried_is_said(
    admin: Visitor, app: Flask
) -> None:
    wish = {**GPU, "measure": "custom", "usage_query": QUERY}
    told = admin.post("/admin/new/resource", wish, follow_redirects=True).text
    assert "Its query was not tried. Without PROMETHEUS_URL nothing is measured." in told
    assert "sum(seats{" in admin.get("/admin/resources/gpu").text
    seen = admin.seen("/admin/resources/gpu")
    admin.post("/admin/resources/gpu", {**GPU, "measure": "", "usage_query": QUERY, "seen": seen})
    with app.app_context():
        assert resources.get("gpu").measure is None


def test_what_prometheus_does_not_take_is_said_at_the_query(
    measured_app: Flask, app: Flask, meter: PrometheusDouble
) -> None:
    with app.app_context():
        factories.make_user("root", admin=True)
    visitor = Visitor(measured_app.test_client())
    visitor.sign_in("root")
    wish = {**GPU, "measure": "custom", "usage_query": QUERY + ")"}
    page = visitor.post("/admin/new/resource", wish).text
    assert "Prometheus does not take it:" in page
    assert "Whole cards" in page
    done = visitor.post("/admin/new/resource", {**wish, "usage_query": QUERY})
    assert done.status_code == 302
    assert "was not tried" not in visitor.get("/admin/resources").text
    assert len(meter.asked) == 2  # the page asks no second time for the same


def test_an_empty_query_is_said_at_the_field(admin: Visitor) -> None:
    page = admin.post("/admin/new/resource", {**GPU, "measure": "custom", "usage_query": " "}).text
    assert "Write the query that says how much a person uses on a node." in page
