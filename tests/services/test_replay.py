"""A trace, played through the services that people use."""

from datetime import UTC, datetime

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import select

from remas.cli import main
from remas.errors import Conflict, Invalid
from remas.extensions import db
from remas.models import Reservation
from remas.services import replay, setup
from remas.services.byhand import ByHand
from remas.services.trace import TraceNode, TraceRequest, read_nodes, read_requests

NODES = "sn,cpu_milli,memory_mib,gpu,model\n" + "".join(
    f"n{i},64000,262144,{gpus},X\n" for i, gpus in enumerate((2, 2, 8, 8))
)
COLUMNS = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,"
    "creation_time,deletion_time,scheduled_time\n"
)


@pytest.fixture
def trace(tmp_path):
    """Two files: four nodes and four requests."""
    (tmp_path / "nodes.csv").write_text(NODES)
    (tmp_path / "pods.csv").write_text(
        COLUMNS
        + "b,12500,16384,1,460,,LS,Running,60,180,120\n"  # from 120 to 180: one minute
        + "a,1000,1024,8,1000,,LS,Running,0,3600,0\n"
        + "c,1000,1024,0,0,,BE,Pending,90,151,\n"  # never scheduled: from 90, two minutes
        + "d,1000,1024,9,1000,,LS,Running,100,160,100\n"
    )
    return tmp_path / "nodes.csv", tmp_path / "pods.csv"


def test_what_a_line_means(trace):
    nodes, pods = trace
    assert read_nodes(nodes)[0].capacity == {"cpu": 64, "memory": 262144 * 2**20, "gpu": 2}
    found = [(r.name, r.at, r.minutes, r.demands.get("gpu", 0)) for r in read_requests(pods)]
    assert found == [("a", 0, 60, 8), ("b", 60, 1, 1), ("c", 90, 2, 0), ("d", 100, 1, 9)]
    assert read_requests(pods)[1].demands["cpu"] == 13  # a part of a core is a core
    assert [r.minutes for r in read_requests(pods, stretch=2.0)] == [120, 2, 3, 2]


def test_a_sample_keeps_the_share_of_each_model(trace):
    assert [node.capacity["gpu"] for node in read_nodes(trace[0], sample=2)] == [2, 8]


def test_a_file_with_other_columns(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(Invalid, match="sn"):
        read_nodes(tmp_path / "x.csv")


def request(name, at=0, minutes=60, **demands):
    return TraceRequest(name, at, minutes, demands)


@pytest.mark.usefixtures("app_context")
class TestByCore:
    @pytest.fixture(autouse=True)
    def clock(self):
        with time_machine.travel(datetime(2030, 5, 1, 12, tzinfo=UTC), tick=False):
            yield

    def play(self, nodes, requests, settings):
        setup.initialise(settings)
        plan = replay.plan(nodes, requests)
        outcome = replay.Outcome()
        asker = replay.load_nodes(nodes)
        played = [r.name for r in replay.by_core(plan, asker, outcome)]
        assert played == [r.name for r in requests]
        return plan, outcome

    def test_second_zero_is_the_next_midnight(self, settings):
        node = TraceNode("n1", {"cpu": 4})
        self.play([node], [request("a", at=60, cpu=1)], settings)
        reservation = db.session.scalars(select(Reservation)).one()
        assert reservation.starts_at == datetime(2030, 5, 2, 0, 1, tzinfo=UTC)
        assert reservation.ends_at == datetime(2030, 5, 2, 1, 1, tzinfo=UTC)

    def test_waits_and_refusals(self, settings):
        node = TraceNode("n1", {"cpu": 4, "gpu": 0})
        requests = [request("a", cpu=4), request("b", at=600, cpu=4), request("c", at=660, cpu=5)]
        plan, outcome = self.play([node], requests, settings)
        # b is asked at minute 10 and begins when a ends at 60.
        assert (outcome.waits, outcome.booked) == ([0, 50], 2)
        assert sum(outcome.refused.values()) == 1
        # Requests come in [0, 12): a holds 4 of 4 cores in all of it, b has not begun.
        assert plan.utilisation(outcome) == {"cpu": 1.0}

    def test_only_into_an_empty_instance(self, settings):
        self.play([TraceNode("n1", {"cpu": 4})], [request("a", cpu=1)], settings)
        with pytest.raises(Conflict, match="REMAS_INSTANCE"):
            replay.load_nodes([])


class TestByHand:
    def test_the_first_node_that_is_free_else_the_next_whole_hour(self):
        hand = ByHand({"n1": {"cpu": 4}, "n2": {"cpu": 4}})
        assert hand.book(10, 60, {"cpu": 4}, 10_000) == 10
        assert hand.book(10, 60, {"cpu": 1}, 10_000) == 10  # the second node
        assert hand.book(15, 60, {"cpu": 4}, 10_000) == 120  # both end at 70: 60 is too early
        assert hand.book(15, 60, {"cpu": 5}, 10_000) is None
        assert hand.book(15, 60, {"cpu": 4}, 60) is None

    def test_one_that_starts_later_is_seen(self):
        hand = ByHand({"n1": {"cpu": 4}})
        assert hand.book(0, 60, {"cpu": 4}, 10_000) == 0
        assert hand.book(0, 60, {"cpu": 4}, 10_000) == 60
        assert hand.book(0, 30, {"cpu": 1}, 10_000) == 120


def test_the_command_ends_with_a_table(trace, tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REMAS_INSTANCE", str(tmp_path / "instance"))
    result = CliRunner().invoke(main, ["replay", *map(str, trace), "--limit", "3"])
    assert result.exit_code == 0, result.output
    assert "| requests " in result.output
    assert "cpu reserved" in result.output
    again = CliRunner().invoke(main, ["replay", *map(str, trace)])
    assert again.exit_code == 1
    assert "REMAS_INSTANCE" in again.output
    nothing = CliRunner().invoke(main, ["replay", *map(str, trace), "--from", "9999"])
    assert nothing.exit_code == 1
