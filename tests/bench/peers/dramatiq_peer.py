"""Dramatiq's side of the dispatch benchmark: its workers' tasks, and a client that measures.

Runs in an environment of its own, without TensorFleet. `dramatiq dramatiq_peer` serves the tasks;
`python dramatiq_peer.py TASKS SINGLES` measures once and prints one JSON object. Results reach the
client in two ways, so that the better one can be compared with:

- "backend": Dramatiq's own results backend, one blocking read a result;
- "list": the task pushes its result on one Redis list, which the client pops many at a time.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

URL = os.environ["PEER_REDIS_URL"]
RESULTS_KEY = "bench:results"
POP_AT_MOST = 1000
PR_SET_PDEATHSIG = 1
WARM_UP_TASKS = 500
PATIENCE_SECONDS = 60

# Every process that imports this, workers too, ends with the one that started it.
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

backend = RedisBackend(url=URL)
broker = RedisBroker(url=URL)
broker.add_middleware(Results(backend=backend))
dramatiq.set_broker(broker)
store = redis.Redis.from_url(URL)


def _return(index: int) -> int:
    return index


def _push(index: int) -> None:
    store.rpush(RESULTS_KEY, index)


return_task = dramatiq.actor(_return, actor_name="return", store_results=True, max_retries=0)
push_task = dramatiq.actor(_push, actor_name="push", max_retries=0)


def run_by_backend(count: int) -> list[int]:
    """Sends tasks and reads each result from the results backend."""
    messages = [return_task.send(index) for index in range(count)]
    timeout_ms = PATIENCE_SECONDS * 1000
    return [m.get_result(backend=backend, block=True, timeout=timeout_ms) for m in messages]


def run_by_list(count: int) -> list[int]:
    """Sends tasks and pops the results that they push."""
    for index in range(count):
        push_task.send(index)
    results: list[int] = []
    while len(results) < count:
        popped = store.blmpop(PATIENCE_SECONDS, 1, RESULTS_KEY, direction="LEFT", count=POP_AT_MOST)
        if popped is None:
            raise TimeoutError(f"{len(results)} of {count} results came")
        results += map(int, popped[1])
    return results


def measure(run: Callable[[int], list[int]], tasks: int, singles: int) -> dict[str, object]:
    """The rate of many tasks, and the times of single ones."""
    run(WARM_UP_TASKS)
    started = time.perf_counter()
    results = run(tasks)
    seconds = time.perf_counter() - started
    if sorted(results) != list(range(tasks)):
        raise ValueError("results are missing")
    latencies_ms = []
    for _ in range(singles):
        started = time.perf_counter()
        run(1)
        latencies_ms.append((time.perf_counter() - started) * 1000)
    return {"tasks_per_second": tasks / seconds, "latencies_ms": latencies_ms}


def main() -> None:
    """Measures both ways."""
    tasks, singles = int(sys.argv[1]), int(sys.argv[2])
    store.delete(RESULTS_KEY)
    ways = {"backend": run_by_backend, "list": run_by_list}
    print(json.dumps({name: measure(run, tasks, singles) for name, run in ways.items()}))


if __name__ == "__main__":
    main()
