"""What an attempt tells is kept until it is recorded, and sent again when it has to be."""

import asyncio

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.worker.report import MAX_EVENTS_A_RECORD, MAX_WAITING_EVENTS, AttemptReport


def new_report() -> AttemptReport:
    return AttemptReport(pb.AttemptRef(task_id="job-1-0", attempt=1), asyncio.Event())


def numbers(records: list[pb.WorkerRecord]) -> list[int]:
    return [
        number
        for record in records
        for number, _ in enumerate(record.events.events, record.events.first_source_sequence)
    ]


async def test_events_go_out_once_in_a_session_in_bounded_records() -> None:
    report = new_report()
    for _ in range(MAX_EVENTS_A_RECORD + 1):
        await report.add(event_pb2.Event())
    records = report.take_unsent()
    assert [len(r.events.events) for r in records] == [MAX_EVENTS_A_RECORD, 1]
    assert report.take_unsent() == []


async def test_unrecorded_events_go_out_again_after_a_break() -> None:
    report = new_report()
    for _ in range(5):
        await report.add(event_pb2.Event())
    report.take_unsent()
    await report.recorded(3)
    report.rewind()
    await report.add(event_pb2.Event())
    assert numbers(report.take_unsent()) == [4, 5, 6]


async def test_end_goes_out_after_all_events_and_again_after_a_break() -> None:
    report = new_report()
    await report.add(event_pb2.Event())
    report.finish(pb.AttemptFinished(ref=report.ref))
    for _ in range(2):
        kinds = [record.WhichOneof("record") for record in report.take_unsent()]
        assert kinds == ["events", "finished"]
        report.rewind()


async def test_full_report_makes_the_task_wait_and_goes_on_when_there_is_room() -> None:
    report = new_report()
    for _ in range(MAX_WAITING_EVENTS):
        await report.add(event_pb2.Event())
    waiting = asyncio.create_task(report.add(event_pb2.Event()))
    await asyncio.wait([waiting], timeout=0.05)
    assert not waiting.done()
    report.take_unsent()
    await report.recorded(1)
    async with asyncio.timeout(5):
        await waiting
    assert numbers(report.take_unsent()) == [MAX_WAITING_EVENTS + 1]


async def test_closed_report_holds_nobody_up() -> None:
    report = new_report()
    for _ in range(MAX_WAITING_EVENTS):
        await report.add(event_pb2.Event())
    waiting = asyncio.create_task(report.add(event_pb2.Event()))
    await report.close()
    async with asyncio.timeout(5):
        await waiting
    assert report.take_unsent() == []


def log_event(*lines: str, stream: event_pb2.LogStream.ValueType) -> event_pb2.Event:
    return event_pb2.Event(log=event_pb2.LogLines(stream=stream, lines=lines))


async def test_lines_that_wait_together_become_one_event_of_their_stream() -> None:
    out, err = event_pb2.LOG_STREAM_STDOUT, event_pb2.LOG_STREAM_STDERR
    report = new_report()
    await report.add(log_event("a", stream=out))
    await report.add(log_event("b", "c", stream=out))
    await report.add(log_event("d", stream=err))
    await report.add(event_pb2.Event())
    await report.add(log_event("e", stream=err))
    (record,) = report.take_unsent()
    told = [list(event.log.lines) for event in record.events.events]
    assert told == [["a", "b", "c"], ["d"], [], ["e"]]


async def test_lines_never_join_an_event_that_has_gone_out() -> None:
    report = new_report()
    await report.add(log_event("a", stream=event_pb2.LOG_STREAM_STDOUT))
    report.take_unsent()
    await report.add(log_event("b", stream=event_pb2.LOG_STREAM_STDOUT))
    (record,) = report.take_unsent()
    assert record.events.first_source_sequence == 2
    assert [list(event.log.lines) for event in record.events.events] == [["b"]]
