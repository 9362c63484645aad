"""How long a user waits: for the fleet, for the first training step; and what the fleet costs idle.

Run by `make bench-start`. "First step" is the time from the call of `Client.submit` until the event
of the first optimizer step reached the client; the fleet runs, and nothing is cached for the first
job of all ("cold").
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tensorfleet.sdk.client import Client
from tensorfleet.sdk.credentials import find_credentials
from tensorfleet.shared.rest.events import MetricEvent
from tests.bench.figures import record

ROOT = Path(__file__).parents[2]

STARTS = 3
WARM_JOBS = 5
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 10.0

SCRIPT = """
import torch
import tensorfleet
run = tensorfleet.init()
model = torch.nn.Linear(64, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss = torch.nn.functional.cross_entropy(model(torch.randn(32, 64)), torch.randint(0, 10, (32,)))
loss.backward()
optimizer.step()
run.log(step=1, loss=loss.item())
"""

AIMS = {
    "up_seconds": "≤ 10",
    "up_again_seconds": "≤ 10",
    "first_step_cold_ms": "≤ 2000",
    "first_step_p50_ms": "≤ 150 with the warm pool",
    "idle_memory_mib": "≤ 600",
    "idle_resident_mib": "",
    "idle_core_share": "≤ 0.05",
    "install_mb": "≤ 60",
}


def cli(home: Path, *arguments: str) -> None:
    """Runs a command of the fleet in `home`."""
    command = [str(Path(sys.executable).with_name("tensorfleet")), *arguments]
    environment = {**os.environ, "TENSORFLEET_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def fleet_up(home: Path) -> Iterator[float]:
    """A fleet that runs for as long as the block; yields how many seconds its start took."""
    started = time.perf_counter()
    cli(home, "up", "--detach")
    try:
        yield time.perf_counter() - started
    finally:
        cli(home, "down")


def fleet_processes(home: Path) -> list[psutil.Process]:
    """Every process of the fleet: those that name its home, and their children."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get("TENSORFLEET_HOME") == str(home) and process.pid != os.getpid():
                for one in (process, *process.children(recursive=True)):
                    found[one.pid] = one
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return list(found.values())


def is_ours(process: psutil.Process) -> bool:
    """Whether it is one of TensorFleet's own processes rather than a store."""
    return "python" in process.name()


def idle_cost(home: Path) -> tuple[float, float, float]:
    """Memory of our own processes in MiB, and the share of one core that all processes use.

    Memory twice: with pages that processes share counted once (PSS), and once for each (RSS).
    """
    time.sleep(SETTLE_SECONDS)
    processes = fleet_processes(home)
    memories = [p.memory_full_info() for p in processes if is_ours(p)]
    memory, resident = sum(m.pss for m in memories) / 2**20, sum(m.rss for m in memories) / 2**20
    before = sum(sum(p.cpu_times()[:2]) for p in processes)
    time.sleep(IDLE_SECONDS)
    used = sum(sum(p.cpu_times()[:2]) for p in processes) - before
    return memory, resident, used / IDLE_SECONDS


def first_step_ms(client: Client, folder: Path) -> float:
    """From submit to the first metric's arrival."""
    started = time.perf_counter()
    job = client.submit({"kind": "train", "code": str(folder), "spec": {"entrypoint": "train.py"}})
    elapsed = 0.0
    for event in client.events(job.id):
        if isinstance(event, MetricEvent) and not elapsed:
            elapsed = time.perf_counter() - started
    if not elapsed:
        sys.exit(f"job {job.id} ended without a step")
    return elapsed * 1000


def install_mb() -> float:
    """What `pip install tensorfleet` puts on disk, its dependencies included, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        builder = venv.EnvBuilder(with_pip=False)
        builder.create(folder)
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", f"{folder}/bin/python", "install"),
                *("--quiet", "--no-compile", str(Path(__file__).parents[2])),
            ],
            check=True,
        )
        # What the build leaves in the tree would slip into the next wheel.
        shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)
        site = next(Path(folder).glob("lib/python*/site-packages"))
        return sum(f.stat().st_size for f in site.rglob("*") if f.is_file()) / 1e6


def main() -> None:
    """Measures and records."""
    figures: dict[str, list[float]] = {key: [] for key in AIMS}
    figures["install_mb"].append(install_mb())
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as folder:
            home, code = Path(folder) / "home", Path(folder) / "code"
            code.mkdir()
            (code / "train.py").write_text(SCRIPT)
            with fleet_up(home) as seconds:
                figures["up_seconds"].append(seconds)
                memory, resident, core_share = idle_cost(home)
                figures["idle_memory_mib"].append(memory)
                figures["idle_resident_mib"].append(resident)
                figures["idle_core_share"].append(core_share)
                own = find_credentials({"TENSORFLEET_HOME": str(home)})
                with Client(own.url, username=own.username, password=own.password) as client:
                    figures["first_step_cold_ms"].append(first_step_ms(client, code))
                    for _ in range(WARM_JOBS):
                        figures["first_step_p50_ms"].append(first_step_ms(client, code))
            with fleet_up(home) as seconds:
                figures["up_again_seconds"].append(seconds)
    record("start", figures, AIMS)


if __name__ == "__main__":
    main()
