"""Every page before axe: no serious or critical finding, wide and on a phone, light and dark."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from remas import clock
from remas.models import Node, Unit, User
from remas.services import resources
from remas.services.actor import SYSTEM
from tests.support import factories
from tests.support.browser import PageWatch
from tests.support.missing import leave_out
from tests.web.walking import sign_in

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
SIZES = {"wide": {"width": 1400, "height": 900}, "phone": {"width": 390, "height": 844}}
GRAVE = ("serious", "critical")
ADMINISTRATION = (
    *("nodes", "nodes/n1", "nodes/n1/reservations", "nodes/n1/history", "nodes/n1/delete"),
    *("new/node", "resources", "resources/gpu", "new/resource", "aliases", "aliases/cards/delete"),
    *("limits", "limits/new", "limits/of-group/Users", "maintenance", "maintenance/new"),
    *("reservations", "reservations?from=soon", "tags", "contradictions"),
    *("users", "new/user", "users/ada", "users/ada/limits", "users/ada/reservations"),
    *("users/ada/sessions", "users/ada/history", "users/ada/active", "users/ada/password"),
    *("users/grace/delete", "groups", "new/group", "groups/Users", "groups/Users/members"),
    *("groups/Users/delete", "groups/Users/history", "audit", "audit?since=soon", ""),
)
FINDINGS = """async () => (await axe.run(document, {resultTypes: ["violations"]}))
  .violations.map((v) => [v.impact, v.id, v.nodes.slice(0, 4)
    .map((n) => n.target + ": " + n.html.slice(0, 160))])"""


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.is_file():
        leave_out("axe-core", "run npm ci --ignore-scripts")
    return AXE.read_text()


@pytest.fixture
def mine(app: Flask, ada: User) -> dict[str, int]:
    """A cluster with something of everything; the ids of Ada's reservations by status."""
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC)
        amounts = {"cpu": 32, "gpu": 4, "memory": 2**38}
        nodes: list[Node] = [factories.make_node(name, amounts) for name in ("n1", "n2", "n3")]
        grace = factories.make_user("grace", surname="Hopper")
        now = clock.ceil_minute(clock.now())
        hour = timedelta(hours=1)
        factories.make_reservation(grace, now - hour, 20, allocations={nodes[0]: {"gpu": 6}})
        factories.make_maintenance(nodes[1])
        factories.make_limit(6, "gpu", user=ada)
        tag = factories.make_tag(ada, "paper")
        held = {nodes[2]: {"gpu": 1, "cpu": 4}}
        spans = {"running": now - hour, "scheduled": now + 9 * hour, "finished": now - 90 * hour}
        return {
            name: factories.make_reservation(ada, start, 8, allocations=held, tags=[tag]).id
            for name, start in spans.items()
        }


def paths(mine: dict[str, int]) -> list[str]:
    return [
        "/",
        "/table",
        *(f"/calendar?view={view}&whose=group" for view in ("month", "week", "day", "list")),
        "/calendar?whose=node",
        "/reservations",
        "/reservations?show=past",
        "/reservations?show=cancelled",
        *(f"/reservations/{number}" for number in mine.values()),
        f"/reservations/{mine['scheduled']}/cancel",
        f"/reservations/{mine['running']}/release",
        "/reservations/new",
        "/profile",
        "/profile/password",
        "/logout",
        "/profile/tokens/new",
        "/profile/feeds/new",
        "/reports?by=node",
        "/reports?by=person&and=resource",
        "/nowhere",
    ]


def grave(page: Page, axe: str) -> list[object]:
    """What axe finds that keeps people out."""
    page.evaluate(axe)
    return [finding for finding in page.evaluate(FINDINGS) if finding[0] in GRAVE]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_page_keeps_anybody_out(
    page: Page, axe: str, mine: dict[str, int], page_watch: PageWatch, size: str, scheme: str
) -> None:
    page_watch.allow("404")
    page.emulate_media(
        color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
    )
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    page.goto("/login")
    found: dict[str, list[object]] = {"/login": grave(page, axe)}
    sign_in(page)
    for path in paths(mine):
        page.goto(path)
        if path.startswith("/calendar"):
            expect(page.locator(".is-loading")).to_have_count(0)
            page.wait_for_timeout(300)
        found[path] = grave(page, axe)
    page.goto("/reservations/new?gpu=2&duration=2h&node_count=2&name=A")
    expect(page.locator(".offer").first).to_be_visible()
    expect(page.locator(".is-stale, [aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(300)
    found["offers"] = grave(page, axe)
    page.get_by_label("How long").fill("soon")
    page.get_by_label("How long").blur()
    expect(page.locator("#suggestions")).to_contain_text("Not to be understood yet")
    page.wait_for_timeout(300)
    found["errors"] = grave(page, axe)
    page.get_by_role("button", name="account and theme").click()
    found["menu"] = grave(page, axe)
    told = [f"{path}: {finding}" for path, these in found.items() for finding in these]
    assert not told, "\n".join(told)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_page_of_the_administration_keeps_anybody_out(
    page: Page, app: Flask, axe: str, mine: dict[str, int], size: str, scheme: str
) -> None:
    with app.app_context():
        factories.make_user("root", admin=True)
        alias = resources.ResourceChange(aliases=("cards",))
        resources.change(SYSTEM, "gpu", alias)
    page.emulate_media(
        color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
    )
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    sign_in(page, "root")
    found: dict[str, list[object]] = {}
    for path in ADMINISTRATION:
        page.goto(f"/admin/{path}".rstrip("/"))
        found[path] = grave(page, axe)
    page.goto("/admin/nodes/n1")
    page.get_by_label("gpu").fill("1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save anyway")).to_be_visible()
    found["what a change means"] = grave(page, axe)
    page.goto("/admin/limits/new")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("It was not saved")).to_be_visible()
    found["errors"] = grave(page, axe)
    told = [f"{path}: {finding}" for path, these in found.items() for finding in these]
    assert not told, "\n".join(told)
