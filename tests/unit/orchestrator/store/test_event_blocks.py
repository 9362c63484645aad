"""Events in blocks: each comes back as it went, whatever it holds and however many there are."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import BSON
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.orchestrator.event import (
    EventDraft,
    JobStateChange,
    LogLines,
    LogStream,
    Metric,
    Notice,
    Payload,
    Progress,
    TaskStateChange,
)
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import JobState
from tensorfleet.orchestrator.store.event_blocks import (
    MAX_BLOCK_BYTES,
    MAX_BLOCK_EVENTS,
    event_blocks,
    events_of_block,
)
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.mongo import Document
from tests.unit.orchestrator.job_examples import JOB_ID, NOW

FAILURE = Failure(
    reason="USER_CODE", message="é\n", exit_code=0, signal=9, output_tail=("a", "", "b\t")
)


def through_bson(blocks: list[Document]) -> list[Document]:
    return [dict(BSON.encode(block).decode()) for block in blocks]


def read(blocks: list[Document], after: int = 0) -> list[EventDraft]:
    return [e.draft for b in through_bson(blocks) for e in events_of_block(b, after)]


def lines(count: int, size: int = 1) -> list[EventDraft]:
    return [
        EventDraft(
            time=NOW + timedelta(seconds=number),
            payload=LogLines(stream=LogStream.STDERR, lines=(f"{number} " + "x" * size,)),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "payload",
    [
        *(JobStateChange(state=state) for state in JobState),
        JobStateChange(state=JobState.FAILED, failure=FAILURE),
        *(TaskStateChange(state=state) for state in TaskState),
        TaskStateChange(
            state=TaskState.FAILED, worker_id="w", failure=FAILURE, result_json='{"a": 1}'
        ),
        Progress(completed=0.5, total=0, unit="batches"),
        Metric(step=None, values={}),
        Metric(step=2**63 - 1, values={"a.b": math.inf, "$c": -math.inf, "": -0.0}),
        *(LogLines(stream=stream, lines=("", "\x00", "日本")) for stream in LogStream),
        *(ProducedOutput(type=kind, name="n", version=3, artifact_id="a") for kind in OutputType),
        Notice(reason="R", message="words"),
    ],
)
def test_every_payload_comes_back_as_it_was(payload: Payload) -> None:
    draft = EventDraft(
        time=NOW + timedelta(microseconds=123_456),
        payload=payload,
        task_id="job-1-0",
        attempt=3,
        source_sequence=2**40,
    )
    assert read(event_blocks(JOB_ID, 0, 0, [draft], NOW)) == [draft]


def test_metric_that_is_not_a_number_stays_none() -> None:
    draft = EventDraft(time=NOW, payload=Metric(step=1, values={"loss": math.nan}))
    (event,) = read(event_blocks(JOB_ID, 0, 0, [draft], NOW))
    assert isinstance(event.payload, Metric)
    assert math.isnan(event.payload.values["loss"])


def test_block_is_named_and_numbered_by_what_it_holds() -> None:
    (block,) = event_blocks(JOB_ID, 41, 1000, lines(3), NOW)
    assert (block["_id"], block["first"], block["last"]) == ("job-1:42", 42, 44)
    assert block["time"] == NOW, "whatever the times of what happened"
    assert block["total_bytes"] == 1000 + len(block["body"])
    events = events_of_block(block, 42)
    assert [e.sequence for e in events] == [43, 44]
    assert {e.job_id for e in events} == {JOB_ID}
    assert events_of_block(block, 44) == []
    assert event_blocks(JOB_ID, 41, 1000, [], NOW) == []


def test_many_events_make_several_blocks_without_a_gap() -> None:
    drafts = lines(2 * MAX_BLOCK_EVENTS + 1)
    blocks = event_blocks(JOB_ID, 0, 0, drafts, NOW)
    assert [(b["first"], b["last"]) for b in blocks] == [(1, 1000), (1001, 2000), (2001, 2001)]
    assert blocks[-1]["total_bytes"] == sum(len(b["body"]) for b in blocks)
    assert read(blocks) == drafts


def test_large_events_are_split_by_size() -> None:
    drafts = lines(10, size=MAX_BLOCK_BYTES // 4)
    blocks = event_blocks(JOB_ID, 0, 0, drafts, NOW)
    assert len(blocks) > 2
    assert all(len(block["body"]) <= MAX_BLOCK_BYTES for block in blocks)
    assert read(blocks) == drafts


def test_one_event_over_the_size_stands_alone() -> None:
    drafts = [*lines(1), *lines(1, size=MAX_BLOCK_BYTES + 1), *lines(1)]
    assert [b["last"] - b["first"] for b in event_blocks(JOB_ID, 0, 0, drafts, NOW)] == [0, 0, 0]


TEXT = st.text(max_size=20)
FAILURES = st.none() | st.builds(
    Failure,
    reason=TEXT,
    message=TEXT,
    exit_code=st.none() | st.integers(-(2**31), 2**31),
    signal=st.none() | st.integers(0, 64),
    output_tail=st.lists(TEXT, max_size=3).map(tuple),
)
PAYLOADS: st.SearchStrategy[Any] = st.one_of(
    st.builds(JobStateChange, state=st.sampled_from(JobState), failure=FAILURES),
    st.builds(
        TaskStateChange,
        state=st.sampled_from(TaskState),
        worker_id=TEXT,
        failure=FAILURES,
        result_json=TEXT,
    ),
    st.builds(Progress, completed=st.floats(allow_nan=False), total=st.floats(0, 9), unit=TEXT),
    st.builds(
        Metric,
        step=st.none() | st.integers(-(2**63), 2**63 - 1),
        values=st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=3),
    ),
    st.builds(
        LogLines,
        stream=st.sampled_from(LogStream),
        lines=st.lists(TEXT, max_size=3).map(tuple),
    ),
    st.builds(Notice, reason=TEXT, message=TEXT),
)
TIMES = st.integers(0, 4 * 10**15).map(
    # Whole milliseconds: seconds as a float hold these exactly for as long as it matters.
    lambda us: datetime.fromtimestamp(us // 1000 / 1000, UTC)
)


@given(
    st.lists(
        st.builds(
            EventDraft,
            time=TIMES,
            payload=PAYLOADS,
            task_id=TEXT,
            attempt=st.integers(0, 2**31),
            source_sequence=st.integers(0, 2**62),
        ),
        max_size=5,
    ),
    st.integers(0, 10**6),
    st.integers(-1, 6),
)
def test_any_events_come_back(drafts: list[EventDraft], before: int, after: int) -> None:
    blocks = event_blocks(JOB_ID, before, 0, drafts, NOW)
    assert read(blocks, before + after) == drafts[max(after, 0) :]
