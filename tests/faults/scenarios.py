"""What is done to the processes while they carry letters; each scenario ends with its outcome."""

import itertools
import random
from collections.abc import Callable
from datetime import timedelta

from tests.faults.world import BEFORE, MINUTES, Outcome, World

ALL_DUE = 2 * BEFORE + timedelta(minutes=MINUTES)
WORKERS, TICKERS = 4, 2
KILLS = 5


def calm(world: World) -> Outcome:
    """nothing: two tickers, four workers"""
    _start(world)
    return _carry(world)


def killed_before_the_queue(world: World) -> Outcome:
    """ticker killed between commit and enqueue"""
    return _killed(world, "ticker", "taken", others="worker")


def killed_before_sending(world: World) -> Outcome:
    """worker killed between claim and send"""
    return _killed(world, "worker", "claimed", others="ticker")


def killed_before_marking(world: World) -> Outcome:
    """worker killed between send and mark"""
    return _killed(world, "worker", "sent", others="ticker")


def killed_anywhere(world: World) -> Outcome:
    """any ticker or worker killed at any moment"""
    _start(world)
    chance = random.Random(1)
    marks = iter(range(1, KILLS * 2 + 1))
    next_mark = next(marks)

    def kill_one() -> None:
        nonlocal next_mark
        if next_mark and len(world.mail.received) >= world.planned * next_mark // (KILLS * 2 + 2):
            alive = [one for one in world.processes if one.popen.poll() is None]
            victim = chance.choice(alive)
            world.kill(victim)
            world.start(victim.log.name.partition("-")[0])
            next_mark = next(marks, 0)

    return _carry(world, kill_one)


def redis_flushed(world: World) -> Outcome:
    """Redis flushed, three times"""
    _start(world)
    marks = iter([4, 2, 1])
    mark = next(marks)

    def flush() -> None:
        nonlocal mark
        if mark and len(world.mail.received) * (mark + 1) > world.planned:
            world.flush_redis()
            mark = next(marks, 0)

    return _carry(world, flush)


def mail_down_for_an_hour(world: World) -> Outcome:
    """mail server down for an hour"""
    _start(world)
    world.advance(ALL_DUE)
    for _ in range(12):
        world.advance(timedelta(minutes=5))
        world.watch(2)
    with world.mail.listening():
        return world.finish()


def mail_hangs_up(world: World) -> Outcome:
    """mail server drops every third connection in the middle of a letter"""
    _start(world)
    turn = itertools.count()
    world.mail.hangs_up = lambda _content: next(turn) % 3 == 0
    return _carry(world)


def _start(world: World) -> None:
    for command, number in (("ticker", TICKERS), ("worker", WORKERS)):
        for _ in range(number):
            world.start(command)


def _carry(world: World, meanwhile: Callable[[], object] = lambda: None) -> Outcome:
    world.advance(ALL_DUE)
    with world.mail.listening():
        return world.finish(meanwhile)


def _killed(world: World, command: str, pause: str, others: str) -> Outcome:
    """KILLS processes, one after the other, each at this step; each is started again."""
    numbers = {"ticker": TICKERS, "worker": WORKERS}
    for _ in range(numbers[others]):
        world.start(others)
    for nth in range(1, numbers[command] + 1):
        world.start(command, pause, nth)

    def replace() -> None:
        dead = [one for one in world.processes if one.popen.poll() is not None]
        started = len([one for one in world.processes if one.log.name.startswith(command)])
        if started - numbers[command] < len(dead):
            nth = started + 1
            world.start(command, pause if nth <= KILLS else "", nth)

    return _carry(world, replace)


SCENARIOS: tuple[Callable[[World], Outcome], ...] = (
    calm,
    killed_before_the_queue,
    killed_before_sending,
    killed_before_marking,
    killed_anywhere,
    redis_flushed,
    mail_down_for_an_hour,
    mail_hangs_up,
)
