"""Functions as users hand them in, good ones and others."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time

_count = itertools.count()


def total(values: list[int]) -> int:
    return sum(values)


def total_twice(values: list[int]) -> int:
    return sum(values) + sum(values) - sum(values)


# Of this process; another one has another.
_mood = random.SystemRandom().uniform(1.0, 9.0)


def moody_total(values: list[int]) -> int:
    """Takes up to nine times as long in one process as in another."""
    for _ in range(int(_mood * 10)):
        sum(values)
    return sum(values)


def wrong_total(values: list[int]) -> int:
    return sum(values) + 1


def sort_in_place(values: list[int]) -> None:
    # Insertion by hand: quick on what is sorted already, slow on what is not.
    for index in range(1, len(values)):
        value, place = values[index], index
        while place and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


def nothing(values: list[int]) -> None:
    sum(values)


def never(values: list[int]) -> int:
    while values:
        time.sleep(0.01)
    return 0


def slow_when_large(values: list[int]) -> int:
    if len(values) > 200:
        time.sleep(30)
    return len(values)


def greedy(values: list[int]) -> int:
    return sum(len(bytearray(1024 * 1024 * 1024)) for _ in values[:1])


def greedy_in_a_child(values: list[int]) -> int:
    code = "x = bytearray(200_000_000); x[::4096] = b'1' * len(x[::4096])"
    subprocess.run([sys.executable, "-c", code], check=True)
    return len(values)


def raising(values: list[int]) -> int:
    raise ValueError(f"no luck with {len(values)}")


def leaving(values: list[int]) -> int:
    sys.exit(3)


def dying(values: list[int]) -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def dice(values: list[int]) -> float:
    return random.random()


def printing(values: list[int]) -> int:
    print("hello", len(values))
    return len(values)


def forking(values: list[int]) -> int:
    os.fork()
    return len(values)


def leaving_a_process(values: list[int]) -> int:
    subprocess.Popen(["sleep", "600"])
    return len(values)


def waiting_for_a_process(values: list[int]) -> int:
    subprocess.run(["true"], check=True)
    return len(values)


def leaving_a_thread(values: list[int]) -> int:
    threading.Thread(target=time.sleep, args=(600,)).start()
    return len(values)


def growing(values: list[int]) -> int:
    held = bytearray(50_000_000)
    held[::4096] = b"1" * len(held[::4096])
    return len(held)


def sometimes_changing(values: list[int]) -> int:
    values[next(_count) % len(values)] += 1
    return 0


def numbers(size: int, seed: int) -> tuple[list[int]]:
    rng = random.Random(seed)
    return ([rng.randrange(size * 10) for _ in range(size)],)


def no_tuple(size: int, seed: int) -> list[int]:
    return list(range(size))


def no_end(size: int, seed: int) -> tuple[list[int]]:
    while True:
        time.sleep(0.01)


def too_much(size: int, seed: int) -> tuple[list[int]]:
    return (list(range(size)),)


def right_total(values: list[int]) -> int:
    running = 0
    for value in values:
        running += value
    return running
