"""Reports and lists over the API: as JSON, as CSV, and only what the reader may see."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from remas.models import Unit
from tests.api.conftest import Caller, Made

START = datetime(2026, 5, 5, 8, tzinfo=UTC)
MAY = "/reports?from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z"


@pytest.fixture
def used(make: Made, eve: Caller) -> None:
    """Mallory, who does not share, holds 2 cpu and a GiB for ninety minutes on n1 of n1 and n2."""
    make.resource("memory", Unit.BYTES_IEC)
    node = make.node("n1", {"cpu": 4, "memory": 2**31})
    make.node("n2", {"cpu": 4})
    silent = make.group("Silent", users_share_statistics=False)
    mallory = make.user("mallory", group=silent)
    held = {node: {"cpu": 2, "memory": 2**30}}
    make.reservation(mallory, START, 1.5, name="=cmd()", allocations=held)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.usefixtures("used")
def test_a_report_tells_hours_shares_and_what_there_is(eve: Caller) -> None:
    answer = eve.get(f"{MAY}&by=node")
    assert answer.status_code == 200
    report = answer.json
    assert report["by"] == ["node"]
    assert report["time_zone"] == "UTC"
    assert report["total"]["node_minutes"] == 90
    first, second = report["rows"]
    assert first["keys"] == {"node": "n1"}
    assert first["node_hours"] == 1.5
    cpu, memory = first["resources"]
    assert cpu == {
        "resource": "cpu",
        "unit": "",
        "minutes": 180,
        "hours": 3.0,
        "share": 1.0,
        "capacity_minutes": 4 * 31 * 24 * 60,
        "utilisation": 180 / (4 * 31 * 24 * 60),
    }
    assert memory["minutes"] == 90 * 2**30
    assert second["keys"] == {"node": "n2"}
    assert second["resources"][0]["minutes"] == 0


@pytest.mark.usefixtures("used")
def test_a_report_as_csv_is_exact(eve: Caller) -> None:
    for answer in (
        eve.get(f"{MAY}&by=resource&by=month&format=csv"),
        eve.get(f"{MAY}&by=resource&by=month", headers={"Accept": "text/csv"}),
    ):
        assert answer.mimetype == "text/csv"
        assert "Accept" in answer.vary
        cpu, memory = lines(answer.text)
        assert cpu["resource"] == "cpu"
        assert cpu["month"] == "2026-05"
        assert (cpu["unit_minutes"], cpu["unit_hours"]) == ("180", "3.00")
        assert memory["unit_minutes"] == str(90 * 2**30)
        assert memory["unit"] == "Bytes (IEC)"
    assert eve.get(f"{MAY}&by=node", headers={"Accept": "*/*"}).is_json
    assert eve.get(f"{MAY}&by=node&format=json", headers={"Accept": "text/csv"}).is_json


@pytest.mark.usefixtures("used")
def test_who_does_not_share_has_no_name_save_to_administrators(eve: Caller, admin: Caller) -> None:
    (row,) = eve.get(f"{MAY}&by=person").json["rows"]
    assert row["keys"] == {"person": None}
    assert "mallory" not in eve.get(f"{MAY}&by=person&by=group").text
    assert lines(eve.get(f"{MAY}&by=person&format=csv").text)[0]["person"] == (
        "(others who do not share)"
    )
    (row,) = admin.get(f"{MAY}&by=person").json["rows"]
    assert row["keys"] == {"person": "mallory"}


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_did_not_change_is_not_sent_again(eve: Caller, form: str) -> None:
    first = eve.get(f"{MAY}&by=node&format={form}")
    etag = first.headers["ETag"]
    again = eve.get(f"{MAY}&by=node&format={form}", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    other = "csv" if form == "json" else "json"
    assert eve.get(f"{MAY}&by=node&format={other}").headers["ETag"] != etag


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?from=2026-05-01T00:00:00Z&by=node", "to"),
        ("?from=2026-05-01T00:00:00Z&to=2026-05-01T00:00:00Z&by=node", "to"),
        ("?from=2026-05-01T00:00:30Z&to=2026-06-01T00:00:00Z&by=node", "from"),
        ("?from=1971-05-01T00:00:00Z&to=2026-06-01T00:00:00Z&by=node", "to"),
        ("?from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z", "by"),
        ("?from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z&by=tag", "by.0"),
        ("?from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z&by=node&by=node", "by"),
        ("?from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z&by=node&format=xml", "format"),
        ("?from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z&by=node&colour=red", "colour"),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(eve: Caller, query: str, field: str) -> None:
    for more in ({}, {"Accept": "text/csv"}):
        refused = eve.get(f"/reports{query}", headers=more)
        assert refused.status_code == 422
        assert list(refused.json["errors"]) == [field]


def test_nobody_reads_reports_without_signing_in(anybody: Caller) -> None:
    assert anybody.get(f"{MAY}&by=node", headers={"Accept": "text/csv"}).status_code == 401


# Lists


@pytest.mark.usefixtures("used")
def test_reservations_as_csv_are_those_of_the_json(
    eve: Caller, admin: Caller, sign_in: Callable[..., Caller], make: Made
) -> None:
    def table(caller: Caller) -> list[dict[str, Any]]:
        return lines(caller.get("/reservations", headers={"Accept": "text/csv"}).text)

    first, second = table(admin)
    assert (first["node"], first["resource"], first["amount"]) == ("n1", "cpu", "2")
    assert (second["resource"], second["amount"]) == ("memory", str(2**30))
    assert first["name"] == "'=cmd()"  # no spreadsheet runs it
    assert first["owner"] == "mallory"
    assert first["starts_at"] == "2026-05-05T08:00:00Z"
    hidden = table(eve)[0]
    assert (hidden["name"], hidden["owner"], hidden["amount"]) == ("", "mallory", "2")
    bare = make.user("bare")
    make.reservation(bare, START)
    own = table(sign_in("bare"))
    assert [line["node"] for line in own if line["owner"] == "bare"] == [""]
    empty = eve.get("/reservations?owner=eve&format=csv").text
    assert empty.startswith("id,name,description,owner,")
    assert lines(empty) == []
