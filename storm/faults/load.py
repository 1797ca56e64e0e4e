"""More than usual: the same message many times at one instant, a burst, and hours of it."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from json import loads
from pathlib import Path

from storm.ground import Ground
from storm.run import Outcome, Scene, settle
from storm.traffic import PATH, webhook

_POOL = 40


def duplicates(scene: Scene) -> Outcome:
    """2 to 40 copies of one message arrive at the same instant, over several processes: one is accepted."""
    with scene.ground() as ground:
        ground.start("web", "web", "--processes", "3")
        ground.start("work-1", "work")
        ground.start("work-2", "work")
        ground.ready()
        numbers, uneven, slowest, ends = 0, 0, 0.0, time.monotonic() + scene.seconds
        with ThreadPoolExecutor(_POOL) as pool:
            while time.monotonic() < ends:
                numbers += 1
                ground.add_order(numbers)
                answers = _at_one_instant(ground, pool, numbers, scene.dice.randint(2, _POOL))
                slowest = max([slowest, *(took for _, _, took in answers)])
                uneven += Counter(word for _, word, _ in answers)["accepted"] != 1
        outcome = settle(ground, more=range(1, numbers + 1))
        outcome.slowest = slowest
        outcome.demand(not uneven, f"{uneven} of {numbers} times not exactly one copy was accepted")
        outcome.note = f"{numbers} messages"
        return outcome


def _at_one_instant(ground: Ground, pool: ThreadPoolExecutor, number: int, many: int) -> list[tuple[int, str, float]]:
    body, headers = webhook(number)
    together = threading.Barrier(many)

    def post(_: int) -> tuple[int, str, float]:
        connection = HTTPConnection("127.0.0.1", ground.port, timeout=30)
        connection.connect()
        together.wait(30)
        begun = time.monotonic()
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        word = str(loads(answer.read()).get("outcome"))
        connection.close()
        return answer.status, word, time.monotonic() - begun

    return list(pool.map(post, range(many)))


def burst(scene: Scene) -> Outcome:
    """64 senders post as fast as they can."""
    with scene.ground() as ground:
        ground.start_serve()
        traffic = ground.traffic(senders=64, rate=100_000)
        time.sleep(scene.seconds)
        traffic.stop()
        outcome = settle(ground, traffic, seconds=300)
        outcome.note = f"{outcome.acknowledged / scene.seconds:.0f} parcels a second; {outcome.note}"
        return outcome


def soak(scene: Scene) -> Outcome:
    """A steady load for a long time: memory and descriptors stay flat."""
    with scene.ground() as ground:
        ground.start_apart(workers=1)
        traffic = ground.traffic(rate=25)
        time.sleep(scene.seconds / 3)
        before = _held(ground)
        time.sleep(scene.seconds * 2 / 3)
        after = _held(ground)
        traffic.stop()
        outcome = settle(ground, traffic)
        memory, files = after[0] - before[0], after[1] - before[1]
        outcome.demand(memory < 30, f"memory grew by {memory:.0f} MiB")
        outcome.demand(files < 20, f"{files} more descriptors are open")
        outcome.note = (
            f"memory {before[0]:.0f} to {after[0]:.0f} MiB, descriptors {before[1]} to {after[1]}; {outcome.note}"
        )
        return outcome


def _held(ground: Ground) -> tuple[float, int]:
    """Resident memory in MiB and open descriptors of all processes together."""
    folders = [Path("/proc") / str(pid) for pid in ground.pids()]
    pages = sum(int((folder / "statm").read_text(encoding="ascii").split()[1]) for folder in folders)
    return pages * 4096 / 2**20, sum(len(list((folder / "fd").iterdir())) for folder in folders)
