"""Our route in the tree of notification policies, which has no version: the last who writes wins.

So it is read just before it is written, with no other call between, and once more afterwards. What
an administrator saves between our reading and our writing is written over, which nobody could see;
so the tree that was read goes to the log whenever we write. What is saved right after our writing,
over it, is seen, and our route put into that.
"""

import json
import logging
from collections.abc import Callable

from remas.grafana import names, policies
from remas.grafana.policies import Tree
from remas.grafana.present import Present
from remas.grafana.refusals import NotPossible

log = logging.getLogger(__name__)

WRITES = 3  # then whoever writes against us is to be talked to


def change(present: Present, more: int | None = None, less: int | None = None) -> bool:
    """Lead a person's alerts to that person, or no longer; False: the tree is not ours to write."""
    receivers = {point["name"] for point in present.contact_points().values()}
    called = present.called()
    led = {more} if more else set()

    def wanted(tree: Tree) -> Tree:
        # Also those who were led when it was first read: somebody may just have undone that.
        led.update(policies.people_in(tree, called))
        people = {who for who in led if who == more or names.contact_name(who) in receivers}
        return policies.with_people(tree, people - {less}, called)

    return _write(present, wanted)


def leave(present: Present) -> None:
    """Take our route out of the tree, where it does nothing once rules name their receivers."""
    called = present.called()
    _write(present, lambda tree: policies.with_people(tree, (), called))


def _write(present: Present, wanted: Callable[[Tree], Tree]) -> bool:
    tree = present.grafana.policies()
    for _ in range(WRITES):
        wish = wanted(tree)
        if not policies.differ(tree, wish):
            return True
        if policies.owner(tree):
            return False
        log.info("Writing Grafana's notification policies, which were: %s", json.dumps(tree))
        present.grafana.put_policies(wish)
        tree = present.grafana.policies()
    if policies.differ(tree, wanted(tree)):
        raise NotPossible(
            f"Grafana's notification policies were written {WRITES} times, and are not as "
            "written: somebody else writes them as well."
        )
    return True
