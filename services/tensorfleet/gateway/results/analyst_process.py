"""The process that works out results: `python -m ... PARENT_PID MEMORY_BYTES`.

Takes questions on standard input and answers on standard output (`questions`). Nobody but `Analyst`
starts it.
"""

import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from tensorfleet.gateway.results.answer_body import work_out
from tensorfleet.gateway.results.questions import (
    Answer,
    Question,
    TaskRow,
    frame_head,
    read_frame,
    to_refusal,
)
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput, TensorFleetError, TooLarge
from tensorfleet.shared.heap import limit_heap
from tensorfleet.shared.process_ties import die_with_parent

# Requests that the gateway answers itself go first.
NICENESS = 5
# When the machine runs out of memory, the kernel takes this process and not the gateway.
OOM_SCORE = "500"

_rows = msgspec.msgpack.Decoder(list[TaskRow])


def main() -> None:
    """Returns when the gateway closes the pipe."""
    parent_pid, memory_bytes = map(int, sys.argv[1:])
    die_with_parent(parent_pid)
    # Ctrl-C in a terminal is for the gateway, which ends this process when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    limit_heap()
    # What a kind prints must not get between the answers, nor may it read the questions.
    with (
        os.fdopen(os.dup(0), "rb") as questions,
        os.fdopen(os.dup(1), "wb") as answers,
        Path(os.devnull).open("rb") as nothing,
    ):
        os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        serve(questions, answers)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers questions until there are no more."""
    while (frame := read_frame(questions)) is not None:
        question = msgspec.msgpack.decode(frame, type=Question)
        # All is read before anything is done, so that no error leaves half a question behind.
        tasks = _read_frames(questions)
        baseline = _read_frames(questions) if question.has_baseline else None
        answer, body = _answer(question, tasks, baseline)
        for part in (msgspec.msgpack.encode(answer), body):
            answers.write(frame_head(len(part)))
            answers.write(part)
        answers.flush()


def _answer(
    question: Question, tasks: list[bytes], baseline: list[bytes] | None
) -> tuple[Answer, bytes]:
    try:
        return work_out(
            question, _to_results(tasks), None if baseline is None else _to_results(baseline)
        )
    except TensorFleetError as exc:
        if type(exc) is TensorFleetError:
            return Answer(failure=traceback.format_exc()), b""
        return Answer(refusal=to_refusal(exc)), b""
    except MemoryError:
        message = "these results need more memory than the gateway may take; ask for less"
        return Answer(refusal=to_refusal(TooLarge(message))), b""
    except RecursionError:
        message = "a result is nested too deep to be shown; read it at its task"
        return Answer(refusal=to_refusal(InvalidInput(message))), b""
    except Exception:  # noqa: BLE001  a kind's bug; the gateway logs it and says nothing of it
        return Answer(failure=traceback.format_exc()), b""


def _read_frames(questions: BinaryIO) -> list[bytes]:
    frames: list[bytes] = []
    while frame := read_frame(questions):
        frames.append(frame)
    return frames


def _to_results(frames: list[bytes]) -> list[TaskResult]:
    """Decodes the frames, and empties the list on the way: both at once take too much memory."""
    found: list[TaskResult] = []
    frames.reverse()
    while frames:
        found += map(_to_result, _rows.decode(frames.pop()))
    return found


def _to_result(row: TaskRow) -> TaskResult:
    return TaskResult(
        index=row.index,
        state=row.state,
        value=_to_value(row.result_json),
        worker=row.worker,
        ended_at=row.ended_at,
        message=row.message,
    )


def _to_value(text: str) -> object:
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


if __name__ == "__main__":
    main()
