"""What a small task costs a worker: no-op calls from a scripted orchestrator in this process.

    python -m tests.bench.calls [--calls 20000] [--in-flight 400] [--profile FILE]

Prints calls per second, and the processor time of the agent and of its processes for each call.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import psutil

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import dispatch_service_pb2_grpc, resources_pb2
from tensorfleet.shared.grpc_server import MAX_MESSAGE_BYTES

WARM_UP_CALLS = 1_000


class ScriptedOrchestrator(dispatch_service_pb2_grpc.DispatchServiceServicer):
    """Assigns calls as long as there is credit, and acknowledges their ends."""

    def __init__(self, call_count: int, in_flight: int, plan: str) -> None:
        self._left = WARM_UP_CALLS + call_count
        self._total = self._left
        self._in_flight = in_flight
        self._plan = plan
        self.ended = 0
        self.messages = 0
        self.is_warm = asyncio.Event()
        self.is_done = asyncio.Event()

    async def Session(
        self, request_iterator: AsyncIterator[pb.SessionRequest], context: Any
    ) -> AsyncIterator[pb.SessionResponse]:
        """See the contract."""
        running = 0
        async for request in request_iterator:
            records = []
            self.messages += 1
            for record in request.records:
                match record.WhichOneof("record"):
                    case "register":
                        registered = pb.Registered()
                        registered.renew_interval.FromSeconds(5)
                        records.append(pb.OrchestratorRecord(registered=registered))
                    case "finished":
                        self.ended += 1
                        running -= 1
                        done = pb.FinishRecorded(ref=record.finished.ref, is_accepted=True)
                        records.append(pb.OrchestratorRecord(finish_recorded=done))
            count = min(self._left, self._in_flight - running)
            if count and not (self.ended < WARM_UP_CALLS <= self._total - self._left):
                if self.ended < WARM_UP_CALLS:
                    count = min(count, WARM_UP_CALLS - (self._total - self._left))
                records.append(pb.OrchestratorRecord(assignment=self._assignment(count)))
                running += count
            if self.ended >= WARM_UP_CALLS:
                self.is_warm.set()
            if self.ended == self._total:
                self.is_done.set()
            if records:
                yield pb.SessionResponse(records=records)

    def _assignment(self, count: int) -> pb.Assignment:
        first = self._total - self._left
        self._left -= count
        return pb.Assignment(
            job_id="job",
            kind="call",
            resources=resources_pb2.Resources(cpus=0.005, memory_bytes=8 << 20),
            tasks=[
                pb.AssignedTask(
                    ref=pb.AttemptRef(task_id=f"01980e7c-7b6d-7a3e-8f7e-{n:012}", attempt=1),
                    index=n,
                    task_json=self._plan,
                )
                for n in range(first, first + count)
            ],
        )


async def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Runs a worker against the scripted orchestrator, and prints what it took."""
    plan = '{"payload":{"function":"' + arguments.function + '","index":0},"shares_process":true}'
    scripted = ScriptedOrchestrator(arguments.calls, arguments.in_flight, plan)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
    dispatch_service_pb2_grpc.add_DispatchServiceServicer_to_server(scripted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    profiler = ["-m", "cProfile", "-o", arguments.profile] if arguments.profile else []
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, *profiler, "-m", "tensorfleet.worker"),
        env={
            "PATH": os.environ["PATH"],
            "TENSORFLEET_SERVICE_TOKEN": "a-token-for-the-bench-0123456789abcdef",
            "TENSORFLEET_WORKER_DATA_DIR": str(folder),
            "TENSORFLEET_WORKER_METRICS_LISTEN": "",
            "TENSORFLEET_ORCHESTRATOR_ADDRESS": f"127.0.0.1:{port}",
            "TENSORFLEET_LOG_LEVEL": "warning",
        },
    )
    try:
        async with asyncio.timeout(120):
            await scripted.is_warm.wait()
            agent = psutil.Process(worker.pid)
            hosts = agent.children()
            before = [_cpu_seconds(process) for process in (agent, *hosts)]
            begun, ended, messages = time.perf_counter(), scripted.ended, scripted.messages
            await scripted.is_done.wait()
        seconds, count = time.perf_counter() - begun, scripted.ended - ended
        after = [_cpu_seconds(process) for process in (agent, *hosts)]
        agent_us, *host_us = ((b - a) / count * 1e6 for a, b in zip(before, after, strict=True))
        print(f"{count / seconds:,.0f} calls/s with {len(hosts)} processes")
        print(f"agent {agent_us:.1f} µs/call, processes {sum(host_us):.1f} µs/call")
        print(f"{count / (scripted.messages - messages):.0f} calls a message")
    finally:
        worker.terminate()
        await worker.wait()
        await server.stop(0)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--in-flight", type=int, default=400)
    parser.add_argument("--function", default="time:time")
    parser.add_argument("--profile", default="", metavar="FILE", help="cProfile of the agent")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(arguments, Path(folder)))


if __name__ == "__main__":
    main()
