"""Why nothing fits: what could never be, and the placement that comes closest."""

from solver.candidates import Sweep
from solver.problem import Problem, Request, Scope, natural_key
from solver.result import Hopeless, Placement


def hopeless(problem: Problem, request: Request) -> Hopeless | None:
    """Why no start can ever fit, even on an empty cluster; None when one might."""
    if request.latest_start < request.release:
        window = max(request.deadline - request.release, 0)
        return Hopeless("window", asked=request.duration, most=window)
    if len(request.bundles) < request.count:
        return Hopeless("nodes", asked=request.count, most=len(request.bundles))
    return _beyond_capacity(problem, request) or _beyond_limit(problem, request)


def _beyond_capacity(problem: Problem, request: Request) -> Hopeless | None:
    """A resource that too few candidates have in the amount asked."""
    for resource in sorted({r for bundle in request.bundles.values() for r in bundle}):
        provided = []
        fitting = 0
        for name, bundle in request.bundles.items():
            capacity = problem.by_name[name].capacity.get(resource, 0)
            fitting += capacity >= bundle.get(resource, 0)
            if capacity < bundle.get(resource, 0) or resource in bundle:
                provided.append((capacity, bundle.get(resource, 0)))
        if fitting < request.count:
            most, asked = sorted(provided, reverse=True)[min(request.count, len(provided)) - 1]
            return Hopeless("capacity", resource, asked, most, count=request.count, able=fitting)
    return None


def _beyond_limit(problem: Problem, request: Request) -> Hopeless | None:
    """A limit that forbids it even to one who holds nothing."""
    for limit in problem.limits:
        asked = {
            name: bundle[limit.resource]
            for name, bundle in request.bundles.items()
            if name in limit.nodes and limit.resource in bundle
        }
        outside = len(request.bundles) - len(asked)
        needed = request.count - outside  # so many nodes of the limit have to be used
        if needed <= 0:
            continue
        amounts = sorted(asked.values())[:needed]
        least = sum(amounts) if limit.scope is Scope.TOTAL else max(amounts)
        if least > limit.amount:
            return Hopeless("limit", limit.resource, least, limit.amount, limit.name)
    return None


def closest(problem: Problem, request: Request) -> Placement | None:
    """At the release, on the nodes that come free soonest: its shortages tell why not now."""
    if request.latest_start < request.release or len(request.bundles) < request.count:
        return None
    sweep = Sweep(problem, request)
    release = request.release

    def order(name: str) -> tuple[bool, int, object]:
        able = name in sweep.row_of
        return not able, sweep.opens_at(name, release) if able else 0, natural_key(name)

    nodes = sorted(request.bundles, key=order)[: request.count]
    bundles = {name: request.bundles[name] for name in nodes}
    return Placement(release, release + request.duration, bundles)
