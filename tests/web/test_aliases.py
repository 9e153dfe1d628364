"""Aliases are taken for names wherever a resource is typed."""

import pytest
from flask import Flask

from remas.errors import Invalid
from remas.services import importing, nodes, resources
from remas.services.actor import SYSTEM
from remas.services.resources import ResourceChange
from tests.support import factories
from tests.web.conftest import Visitor


@pytest.fixture(autouse=True)
def aliases(app: Flask) -> None:
    """gpu is found as cards; accelerator may be gpu or tpu."""
    with app.app_context():
        factories.make_node("n1", {"gpu": 8, "tpu": 2})
        factories.make_node("n2", {"cpu": 8})
        resources.change(SYSTEM, "gpu", ResourceChange(aliases=("cards", "accelerator")))
        resources.change(SYSTEM, "tpu", ResourceChange(aliases=("accelerator",)))


def rows(page: str) -> list[bool]:
    return [f'data-node="{name}"' in page for name in ("n1", "n2")]


def test_in_an_address_that_fills_in_a_wish(as_ada: Visitor) -> None:
    page = as_ada.get("/reservations/new?cards=3").text
    assert page.count('value="3"') == 1
    assert 'value="3"' not in as_ada.get("/reservations/new?accelerator=3").text


def test_in_what_the_timeline_shows(as_ada: Visitor) -> None:
    assert rows(as_ada.get("/").text) == [True, True]
    assert rows(as_ada.get("/?resource=gpu").text) == [True, False]
    assert rows(as_ada.get("/?resource=cards").text) == [True, False]


def test_beside_the_field_where_an_amount_is_typed(as_ada: Visitor) -> None:
    assert "(also accelerator, cards)" in as_ada.get("/reservations/new").text


def test_in_files_with_nodes(app: Flask) -> None:
    with app.app_context():
        importing.import_nodes(SYSTEM, "name,cards\nn3,4\n")
        assert nodes.facts(nodes.get("n3"))["capacities"] == {"gpu": 4}
        with pytest.raises(Invalid) as refused:
            importing.import_nodes(SYSTEM, "name,accelerator\nn4,4\n")
        assert "accelerator may be any of gpu, tpu" in refused.value.detail
