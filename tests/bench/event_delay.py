"""From a value that a task logs to the reader of the job's event stream at the gateway."""

import asyncio
import tempfile
import time
from pathlib import Path

from tensorfleet.shared.rest.events import MetricEvent
from tests.bench.embedded_fleet import EmbeddedFleet
from tests.bench.job_client import JobWentWrong

# Both ends read the same machine's clock.
SCRIPT = """
import time
import tensorfleet
run = tensorfleet.init()
for step in range({count}):
    run.log(step=step, sent_time=time.time())
    time.sleep({pause_seconds})
"""
PAUSE_SECONDS = 0.1


async def event_delays_ms(fleet: EmbeddedFleet, count: int) -> list[float]:
    """A training script logs a value ten times a second; when the SDK's SSE reader has each."""
    delays_ms = await asyncio.to_thread(_run, fleet, count)
    if len(delays_ms) != count:
        raise JobWentWrong(f"{len(delays_ms)} of {count} events came")
    return delays_ms


def _run(fleet: EmbeddedFleet, count: int) -> list[float]:
    script = SCRIPT.format(count=count, pause_seconds=PAUSE_SECONDS)
    with tempfile.TemporaryDirectory() as folder, fleet.client() as client:
        Path(folder, "train.py").write_text(script)
        spec = {"entrypoint": "train.py"}
        job = client.submit({"kind": "train", "code": folder, "spec": spec})
        return [
            (time.time() - float(event.values["sent_time"])) * 1000
            for event in client.events(job.id)
            if isinstance(event, MetricEvent)
        ]
