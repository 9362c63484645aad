"""Documents of load tests that nobody ran: real histograms of seeded random times."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import (
    Bottleneck,
    Breaking,
    Counts,
    Document,
    Generator,
    Knee,
    Point,
    ProcessSample,
    Reason,
    Sample,
    Search,
    Second,
    StepRecord,
    ThresholdResult,
    Watched,
)

LATE = Reason(code="GENERATOR_LATE", message="12 % of the requests were sent too late")


def histogram(seconds: npt.NDArray[np.float64] | Sequence[float]) -> Histogram:
    """One that counts these times."""
    made = Histogram()
    made.record((np.asarray(seconds) * 1e9).astype(np.int64))
    return made


def point(
    rate: float = 200.0,
    *,
    load: int | None = None,
    phase: str = "run",
    median: float = 0.02,
    sigma: float = 0.35,
    seconds: int = 10,
    start: float = 0.0,
    failed: int = 0,
    is_valid: bool = True,
    seed: int = 1,
    label: str = "",
) -> Point:
    """A point with log-normal response times; `failed` of each second's arrivals fail."""
    source = np.random.default_rng(seed)
    response, service, lateness = Histogram(), Histogram(), Histogram()
    parts = []
    count = round(rate)
    for second in range(seconds):
        served = median * np.exp(source.normal(0.0, sigma, count))
        waited = served + source.exponential(median / 4, count)
        now_response, now_service = histogram(waited), histogram(served)
        response.merge(now_response)
        service.merge(now_service)
        lateness.merge(histogram(source.exponential(2e-5, count)))
        errors = {"TIMEOUT": failed} if failed else {}
        parts.append(
            Second(
                start=second,
                counts=Counts(
                    scheduled=count,
                    sent=count,
                    late=0 if is_valid else count // 8,
                    answered=count - failed,
                    failed=failed,
                    errors=errors,
                ),
                response=now_response.encode(),
                service=now_service.encode(),
            )
        )
    return Point(
        label=label or (f"{rate:g}/s" if load is None else f"load {load}"),
        phase=phase,
        load=load,
        rate=rate,
        arrivals=Constant(rate=rate, duration_seconds=seconds),
        start_seconds=start,
        duration_seconds=seconds + median,
        counts=Counts(
            scheduled=count * seconds,
            sent=count * seconds,
            late=0 if is_valid else seconds * (count // 8),
            answered=(count - failed) * seconds,
            failed=failed * seconds,
            errors={"TIMEOUT": failed * seconds} if failed else {},
            statuses={"200": (count - failed) * seconds},
            sent_bytes=100 * count * seconds,
            received_bytes=250 * count * seconds,
        ),
        response=response.encode(),
        service=service.encode(),
        lateness=lateness.encode(),
        steps=(
            StepRecord(
                name="GET /",
                answered=(count - failed) * seconds,
                failed=failed * seconds,
                service=service.encode(),
            ),
        ),
        seconds=tuple(parts),
        generators=(
            Generator(
                name="here 0", cpu_share=0.4, lateness_p99_seconds=4e-5, sent=count * seconds
            ),
        ),
        is_valid=is_valid,
        reasons=() if is_valid else (LATE,),
    )


def watched(
    alias: str = "db", *, seconds: int = 30, busy_from: float = 20.0, seed: int = 1
) -> Watched:
    """A machine whose CPU fills up."""
    source = np.random.default_rng(seed)
    samples = []
    for second in range(1, seconds + 1):
        busy = min(0.97, 0.3 + 0.67 * second / busy_from) - 0.02 * float(source.random())
        samples.append(
            Sample(
                at=float(second),
                cpu_user=0.8 * busy,
                cpu_system=0.2 * busy,
                cpu_idle=1 - busy,
                cpu_iowait=0.0,
                cores=(busy, 0.9 * busy),
                memory_used_bytes=2**30 + second * 2**24,
                memory_total_bytes=4 * 2**30,
                disk_busy=0.1,
                network_received_bytes_per_second=2e6,
                network_sent_bytes_per_second=5e6,
                load_average=2 * busy,
                ping_seconds=2e-4,
                processes=(
                    ProcessSample(name="mongod", count=1, cpu_share=1.6 * busy, memory_bytes=2**29),
                ),
            )
        )
    return Watched(
        alias=alias, source="local", host="127.0.0.1", core_count=2, samples=tuple(samples)
    )


def document(
    *points: Point, name: str = "shop", is_full: bool = False, factor: float = 1.0
) -> Document:
    """A document of these points, or of three at rising rates; `is_full`: with all there can be."""
    shown = points or tuple(
        point(
            rate,
            median=factor * median,
            start=12.0 * index,
            failed=failed,
            seed=index,
        )
        for index, (rate, median, failed) in enumerate(
            ((100.0, 0.02, 0), (200.0, 0.03, 0), (300.0, 0.11, 4))
        )
    )
    made = Document(
        started_at="2026-01-02T03:04:05Z",
        ended_at="2026-01-02T03:05:05Z",
        tensorfleet="0.1.0",
        config={"target": "http://127.0.0.1:8080", "name": name},
        points=shown,
        thresholds=(
            ThresholdResult(
                threshold="p99<200ms", point=shown[0].label, measured=0.05, passed=True
            ),
        ),
    )
    if not is_full:
        return made
    breaking = Breaking(
        alias="db",
        resource="cpu",
        at=20.0,
        value=0.96,
        limit=0.9,
        point=shown[-1].label,
        message="cpu of db at 96 % from 20.0 s on",
    )
    return Document(
        started_at=made.started_at,
        ended_at=made.ended_at,
        tensorfleet=made.tensorfleet,
        config=made.config,
        points=made.points,
        search=Search(
            parameter="rate",
            slo="p99<200ms",
            best=200.0,
            broken_at=300.0,
            knee=Knee(value=230.0, response_seconds=0.06),
            message="200/s is the highest rate that keeps p99<200ms",
        ),
        watched=(watched(seconds=36),),
        bottleneck=Bottleneck(first=breaking, all=(breaking,), message=breaking.message),
        thresholds=(
            *made.thresholds,
            ThresholdResult(
                threshold="errors<0.1%", point=shown[-1].label, measured=0.013, passed=False
            ),
        ),
        notes=(Reason(code="NO_SERVER_SPAN", message="the server reports no span"),),
    )
