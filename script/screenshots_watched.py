"""Prometheus and Grafana for the pictures: doubles, with what the demo's people might use."""

import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from sqlalchemy import select

from remas import clock, paths
from remas.clients.grafana import GrafanaError
from remas.config import Settings
from remas.extensions import db
from remas.grafana import names
from remas.models import Allocation, Measure, Node, NotificationType, Reservation, User
from remas.monitoring_settings import Exporter
from remas.services import assignments, heartbeats, monitoring, nodes, notifications
from remas.services.actor import Actor
from remas.services.availability import Placed, shortages
from remas.services.notification_rules import Draft
from remas.services.requests import AllocationSpec
from tests.support import factories
from tests.support.grafana import Double, grafana_double
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD
from tests.support.prometheus_double import PrometheusDouble, prometheus_double

OWN = "Segmentation, fold 3"
"""The reservation of which the pictures show what was used."""
HOUR = timedelta(hours=1)
Bundle = dict[str, int]
WISHES = (  # families of nodes, how many of them, and what of each that has it
    ("hg", 2, {"cpu": 32, "memory": 192 * 2**30, "gpu": 2}),
    ("hg", 2, {"cpu": 16, "memory": 96 * 2**30, "gpu": 1}),
    ("hgmc", 2, {"cpu": 16, "memory": 96 * 2**30, "gpu": 2}),
    ("hgmc", 2, {"cpu": 16, "memory": 96 * 2**30, "gpu": 1}),
    ("hgmc", 1, {"cpu": 8, "memory": 32 * 2**30}),
)
EAGER = {"bruno": 1.35, "luca": 1.2}
"""Who takes more cores than reserved, and how many times as many."""
UNBOOKED = (("hana", "c2", Measure.CPU, 6.4), ("olga", "c4", Measure.MEMORY, 21.5 * 2**30))
"""Who runs something without a reservation."""


@dataclass(frozen=True, slots=True)
class Stay:
    """`amount` is held for `[start, end)`, in Unix seconds."""

    start: float
    end: float
    amount: int


@contextmanager
def watching() -> Iterator[tuple[PrometheusDouble, Double]]:
    """Both, with nothing in them but Grafana's data source."""
    with prometheus_double() as prometheus, grafana_double() as grafana:
        uid = names.DATA_SOURCE
        grafana.state.sources[uid] = {"uid": uid, "name": "Prometheus", "type": "prometheus"}
        yield prometheus, grafana


def settings_of(prometheus: PrometheusDouble, grafana: Double) -> dict[str, str]:
    """How REMAS is told of them."""
    return {
        "PROMETHEUS_URL": prometheus.url,
        "GRAFANA_URL": grafana.url,
        "GRAFANA_REDIRECT_URL": "https://remas.example.org/grafana",
        "GRAFANA_USERNAME": OWN_LOGIN,
        "GRAFANA_PASSWORD": OWN_PASSWORD,
        "REMAS_ADMIN_EMAIL": "operators@example.org",
    }


def book(username: str) -> int:
    """A reservation that has been running for five hours, where there is room; its number."""
    owner = db.session.scalars(select(User).filter_by(username=username)).one()
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    start, end = now - 5 * HOUR, now + 3 * HOUR
    for families, count, bundle in WISHES:
        there = [node for node in _without(owner, start, end) if node.name[0] in families]
        there.sort(key=lambda node: families.index(node.name[0]))
        for chosen in combinations(there, count):
            held = {node: _offered(node, bundle) for node in chosen}
            if _fits(owner, start, end, held):
                own = factories.make_reservation(owner, start, ends=end, allocations=held, name=OWN)
                return own.id
    raise LookupError("The demo has no room for a reservation that runs.")


def _without(owner: User, start: datetime, end: datetime) -> list[Node]:
    """Nodes on which the owner has nothing else then, but that which will be changed."""
    others = select(Allocation.node_id).join(Allocation.reservation)
    others = others.where(
        Reservation.owner_id == owner.id,
        Reservation.ends_at > start,
        Reservation.starts_at < end,
        Reservation.cancelled_at.is_(None),
    )
    wanted = select(Node).where(Node.id.not_in(others), Node.name != "h2")
    return list(db.session.scalars(wanted.order_by(Node.name)))


def _offered(node: Node, bundle: Bundle) -> Bundle:
    there = {capacity.resource.name for capacity in node.capacities}
    return {name: amount for name, amount in bundle.items() if name in there}


def _fits(owner: User, start: datetime, end: datetime, held: Mapping[Node, Bundle]) -> bool:
    wanted = (
        AllocationSpec(node.name, name, amount)
        for node, bundle in held.items()
        for name, amount in bundle.items()
    )
    return not shortages(db.session(), owner.id, Placed(start, end, tuple(wanted)))


def measure(prometheus: PrometheusDouble, own: int) -> None:
    """Everybody uses what they hold much as people do; the reservation `own` goes above it."""
    stays: dict[tuple[Measure, str, str], list[Stay]] = defaultdict(list)
    own_place = ("", "")
    for reservation in db.session.scalars(select(Reservation).filter_by(cancelled_at=None)):
        span = reservation.starts_at.timestamp(), reservation.ends_at.timestamp()
        who = reservation.owner.username
        for held in reservation.allocations:
            if kind := held.resource.measure:
                stays[kind, held.node.name, who].append(Stay(*span, held.amount))
            if reservation.id == own:
                own_place = who, max(own_place[1], held.node.name)
    late = clock.now().timestamp() - 2400
    for (kind, node, who), found in stays.items():
        surge = late if (who, node) == own_place and kind is Measure.CPU else math.inf
        prometheus.uses(kind, node, who, _use(kind, node, who, found, surge))
    for who, node, kind, value in UNBOOKED:
        prometheus.uses(kind, node, who, value)
    prometheus.up |= set(db.session.scalars(select(Node.name)))
    db.session.rollback()


def _use(
    kind: Measure, node: str, who: str, stays: Sequence[Stay], surge: float
) -> Callable[[float], float]:
    """Smooth, and the same each time; from `surge` on above what is held."""
    phase = zlib.crc32(f"{node} {who}".encode()) % 1000 / 1000 * math.tau
    curve = {Measure.CPU: _cores, Measure.MEMORY: _bytes}.get(kind, _whole)
    eager = EAGER.get(who, 1.0) if kind is Measure.CPU else 1.0

    def used(at: float) -> float:
        more = 1 + 0.42 * (1 - math.exp((surge - at) / 420)) if at > surge else 1.0
        now = (stay for stay in stays if stay.start <= at < stay.end)
        return sum(curve(stay, at - stay.start, phase) for stay in now) * eager * more

    return used


def _cores(stay: Stay, since: float, phase: float) -> float:
    """Warming up, then busy with some waiting for data."""
    waves = 0.06 * math.sin(since / 1500 + phase) + 0.03 * math.sin(since / 310 + 2 * phase)
    busy = 0.78 + waves + 0.012 * math.sin(since / 61 + 3 * phase)
    evaluating = 0.5 * math.exp(-((((since + 900 * phase) % 7200 - 3600) / 300) ** 2))
    return stay.amount * (1 - math.exp(-since / 400)) * (busy - evaluating)


def _bytes(stay: Stay, since: float, phase: float) -> float:
    """Caches that fill, and a little that comes and goes."""
    filled = 0.34 + 0.36 * (1 - math.exp(-since / 4200)) + 0.02 * math.sin(since / 900 + phase)
    return stay.amount * (1 - math.exp(-since / 240)) * filled


def _whole(stay: Stay, since: float, phase: float) -> float:
    """All of them, but for the first minutes and while what was learnt is evaluated."""
    pausing = (since + 900 * phase) % 7200 > 6660
    return 0 if since < 240 else stay.amount - 1 if pausing else stay.amount


def follow(settings: Settings, grafana: Double, rosa: Actor) -> None:
    """A ticker, a node with its own exporters, alerts for all, and Grafana brought up to date."""
    heartbeats.beat(heartbeats.TICKER)
    own = (Exporter("node_exporter", 9100), Exporter("dcgm_exporter", 9400))
    nodes.change(rosa, "h2", nodes.NodeChange(address="h2.cluster.example.org", exporters=own))
    for resource, amount, name in (("cpu", 2, "Many cores"), ("memory", 2**34, "Much memory")):
        template = (paths.GRAFANA_TEMPLATES / f"{resource}.json").read_text()
        draft = Draft(
            name=name,
            type=NotificationType.EXCEEDANCE_TASK,
            template=template,
            resource=resource,
            default_amount=amount,
        )
        made = notifications.create(rosa, draft).notification.id
        assignments.assign(rosa, made, group="Everyone")
    _make_account(grafana, "old-lab-account", "goran@example.org")
    db.session.rollback()
    try:
        monitoring.sync(settings)
    except GrafanaError:
        db.session.rollback()  # somebody was refused, as is to be seen


def _make_account(grafana: Double, login: str, email: str) -> None:
    state = grafana.state
    number = state.number()
    state.users[number] = {"id": number, "login": login, "email": email, "name": "", "password": ""}
    state.users[number] |= {"isExternal": False, "isGrafanaAdmin": False, "isDisabled": False}
    state.members[number] = "Viewer"
