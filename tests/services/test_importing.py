"""Nodes from files: all of a file or nothing of it."""

import pytest
from sqlalchemy import func, select

from remas.errors import Forbidden, Invalid
from remas.extensions import db
from remas.models import Alias, Audit, Node, NodeState, Resource, Unit
from remas.services.actor import SYSTEM, Actor
from remas.services.importing import import_nodes
from tests.support.factories import make_node, make_resource

pytestmark = pytest.mark.usefixtures("app_context")

SCONTROL = """NodeName=gpu01 Arch=x86_64 CoresPerSocket=32
   CPUAlloc=0 CPUEfctv=128 CPUTot=128 CPULoad=0.01
   AvailableFeatures=a100
   Gres=gpu:a100:4(S:0-1),gpu:mig:2
   NodeAddr=gpu01 NodeHostName=gpu01 Version=23.02.6
   RealMemory=515000 AllocMem=0 FreeMem=500000 Sockets=2 Boards=1
   State=IDLE+DRAIN ThreadsPerCore=2 TmpDisk=0 Weight=1
   Partitions=gpu

NodeName=cpu01 Arch=x86_64 CoresPerSocket=16
   CPUTot=32 RealMemory=256000 Gres=(null) State=MIXED
"""


def capacities(name):
    node = db.session.scalars(select(Node).filter_by(name=name)).one()
    return {c.resource.name: c.amount for c in node.capacities}


def test_csv():
    result = import_nodes(SYSTEM, "name,cpu,memory,gpu\nn1,64,256 GiB,\nn2,48,1.5 TiB,4\n")
    assert (result.made, result.resources) == (["n1", "n2"], ["cpu", "memory", "gpu"])
    assert capacities("n1") == {"cpu": 64, "memory": 256 * 2**30}
    assert capacities("n2") == {"cpu": 48, "memory": 3 * 2**39, "gpu": 4}
    units = dict(db.session.execute(select(Resource.name, Resource.unit)).all())
    assert units == {"cpu": Unit.NONE, "memory": Unit.BYTES_IEC, "gpu": Unit.NONE}
    audited = db.session.scalars(select(Audit.kind).order_by(Audit.id)).all()
    assert audited == ["resource"] * 3 + ["node"] * 2


def addresses() -> dict[str, str | None]:
    return dict(db.session.execute(select(Node.name, Node.address)).all())


@pytest.mark.parametrize("aliases", [(), ("address",)])
def test_a_resource_called_address_is_not_swallowed(aliases):
    make_resource("ports" if aliases else "address", aliases=[Alias(name=a) for a in aliases])
    with pytest.raises(Invalid) as refused:
        import_nodes(SYSTEM, "name,address,cpu\nn1,256 GiB,8\n")
    assert list(refused.value.errors) == ["line 1"]
    assert "a resource is called so as well" in str(refused.value.errors)
    assert addresses() == {}
    assert import_nodes(SYSTEM, "name,address,cpu\nn1,,8\n").made == ["n1"]  # it says nothing


def test_a_column_says_where_exporters_answer():
    make_node("n1", {"cpu": 8}, address="10.9.9.9")
    make_node("n3", {"cpu": 8}, address="10.0.0.3")
    result = import_nodes(SYSTEM, "name,address,cpu\nn1,10.0.0.1,8\nn2,FD00::2,8\nn3,,8\n")
    assert addresses() == {"n1": "10.0.0.1", "n2": "fd00::2", "n3": "10.0.0.3"}
    assert (result.made, result.changed, result.unchanged) == (["n2"], ["n1"], ["n3"])
    assert result.resources == []


def test_an_address_that_cannot_be_is_told_with_its_line():
    with pytest.raises(Invalid) as refused:
        import_nodes(SYSTEM, "name,address,cpu\nn1,10.0.0.1,8\nn2,n2:9100,8\n")
    assert list(refused.value.errors) == ["line 3"]
    assert addresses() == {}


def test_scontrol():
    result = import_nodes(SYSTEM, SCONTROL)
    assert result.made == ["gpu01", "cpu01"]
    assert capacities("gpu01") == {"cpu": 128, "memory": 515000 * 2**20, "gpu": 6}
    assert capacities("cpu01") == {"cpu": 32, "memory": 256000 * 2**20}
    states = dict(db.session.execute(select(Node.name, Node.state)).all())
    assert states == {"gpu01": NodeState.DRAINED, "cpu01": NodeState.AVAILABLE}


def test_free_text_of_scontrol_is_not_read_and_dead_nodes_are_drained():
    text = SCONTROL.replace("State=MIXED", "State=DOWN*\n   Reason=Gres=none [root@x]")
    import_nodes(SYSTEM, text.replace("Gres=(null)", "Gres=gpu:2"))
    assert capacities("cpu01")["gpu"] == 2
    states = dict(db.session.execute(select(Node.name, Node.state)).all())
    assert states["cpu01"] is NodeState.DRAINED


def test_semicolons_as_spreadsheets_write_them():
    import_nodes(SYSTEM, "name;cpu;memory\nn1;8;1,5 GiB\n")
    assert capacities("n1") == {"cpu": 8, "memory": 3 * 2**29}


def test_known_nodes_are_changed_and_what_the_file_does_not_name_stays():
    make_node("n1", capacities={"cpu": 8, "licence": 1})
    make_node("n2", capacities={"cpu": 8})
    result = import_nodes(SYSTEM, "name,cpu\nn1,16\nn2,8\n")
    assert (result.made, result.changed, result.unchanged) == ([], ["n1"], ["n2"])
    assert capacities("n1") == {"cpu": 16, "licence": 1}


def test_resources_are_found_by_their_aliases():
    resource = make_resource("memory", unit=Unit.BYTES_IEC)
    resource.aliases = [Alias(name="RAM")]
    db.session.commit()
    assert import_nodes(SYSTEM, "name,RAM\nn1,4 GiB\n").resources == []
    assert capacities("n1") == {"memory": 4 * 2**30}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "file"),
        ("name,memory\nn1,5\nn2,2 TB\n", "line 2"),
        ("node,cpu\nn1,8\n", "line 1"),
        ("name,cpu,cpu\nn1,8,8\n", "line 1"),
        ("name,cpu\n", "file"),
        ("name,cpu\nn1,8\nn2,8,9\n", "line 3"),
        ("name,cpu\nn1,8\nn1,9\n", "line 3"),
        ("name,cpu\nn1,8\n,9\n", "line 3"),
        ("name,cpu\nn1,8\nn2,many\n", "line 3"),
        ("name,cpu\nn1,8\nn2,-1\n", "line 3"),
        ("name,cpu\nn1,8\na/b,1\n", "line 3"),
        ("name,gpu/a100\nn1,8\n", "line 1"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(text, where):
    with pytest.raises(Invalid) as refused:
        import_nodes(SYSTEM, text)
    assert list(refused.value.errors) == [where]
    for table in (Node, Resource, Audit):
        assert db.session.scalar(select(func.count()).select_from(table)) == 0


def test_only_administrators():
    with pytest.raises(Forbidden):
        import_nodes(Actor(1, "ann", is_admin=False), "name,cpu\nn1,8\n")
