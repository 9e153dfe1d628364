"""How people do it without a core: the first node in order that is free now, else an hour later."""

from collections.abc import Mapping, Sequence

HOUR = 60  # minutes
Held = tuple[int, int, dict[str, int]]  # start, end, amounts


class ByHand:
    """A list a node of what is written in the calendar; times in whole minutes."""

    def __init__(self, capacities: Mapping[str, Mapping[str, int]]) -> None:
        self.capacities = capacities
        self.held: dict[str, list[Held]] = {name: [] for name in capacities}

    def book(self, at: int, minutes: int, demands: dict[str, int], latest_end: int) -> int | None:
        """Look at `at`, then at every whole hour: the start taken, None before `latest_end`.

        Requests come in order of `at`: what ended before is forgotten.
        """
        able = [
            name
            for name, capacity in self.capacities.items()
            if all(capacity.get(resource, 0) >= amount for resource, amount in demands.items())
        ]
        for name in able:
            self.held[name] = [held for held in self.held[name] if held[1] > at]
        start = at
        while able and start + minutes <= latest_end:
            for name in able:
                if self._fits(name, start, start + minutes, demands):
                    self.held[name].append((start, start + minutes, demands))
                    return start
            start = (start // HOUR + 1) * HOUR
        return None

    def _fits(self, name: str, start: int, end: int, demands: dict[str, int]) -> bool:
        around = [held for held in self.held[name] if held[0] < end and held[1] > start]
        capacity = self.capacities[name]
        # Loads rise only where something starts, so those moments are enough.
        moments = {start, *(held[0] for held in around if held[0] > start)}
        return all(
            _load(around, moment, resource) + amount <= capacity[resource]
            for resource, amount in demands.items()
            for moment in moments
        )


def _load(around: Sequence[Held], moment: int, resource: str) -> int:
    return sum(held[2].get(resource, 0) for held in around if held[0] <= moment < held[1])
