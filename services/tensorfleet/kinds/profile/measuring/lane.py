"""A lane: a fresh process that runs the function, one command after the other.

Run as `python -m tensorfleet.kinds.profile.measuring.lane SOCKET_FD`. Its standard output and error
go nowhere, so that a function may print; it ends when the conductor closes the socket.
"""

import gc
import mmap
import os
import pickle
import resource
import socket
import sys
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from tensorfleet.kinds.profile.algorithms.loader import AlgorithmMissing, LoadedAlgorithm, load
from tensorfleet.kinds.profile.algorithms.outputs import NoOutput, output_of, same
from tensorfleet.kinds.profile.measurement import Problem
from tensorfleet.kinds.profile.measuring import messages
from tensorfleet.kinds.profile.measuring.call_memory import allocated_by, memory_of
from tensorfleet.kinds.profile.measuring.fresh_arguments import Arguments, copier_of
from tensorfleet.kinds.profile.measuring.timing import Timer, add_usage, cpu_seconds

MAX_TRACE_CHARACTERS = 2_000
CHILD_END_SECONDS = 0.5
# Inputs that are kept for another visit of their size, together.
MAX_KEPT_BYTES = 32 * 1024 * 1024


class _Trouble(Exception):
    """What keeps a call from being measured."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(code=code, message=message)


class Lane:
    """Holds one function and one input of it."""

    def __init__(self) -> None:
        self._forks = _ForkWatch()
        self._is_gc_enabled = True
        self._seed = 0
        self._input = ""
        self._loaded: LoadedAlgorithm | None = None
        self._arguments: Arguments = ()
        self._input_bytes = 0
        self._changes_input: bool | None = None
        self._known_timer: Timer | None = None
        # By size: inputs that may be wanted again, with their timers.
        self._kept: dict[int, tuple[Arguments, int, Timer]] = {}

    def answer(self, command: messages.Command) -> messages.Answer:
        """Does what the conductor wants; every failure becomes an answer."""
        try:
            return self._do(command)
        except _Trouble as exc:
            return messages.Failed(problem=exc.problem)
        except AlgorithmMissing as exc:
            return _failed("ALGORITHM_MISSING", str(exc))
        except NoOutput as exc:
            return _failed("NO_OUTPUT", str(exc))
        except MemoryError:
            return _failed(
                "OUT_OF_MEMORY",
                "it needs more memory than the task may have; give the job more "
                "(resources.memory), or measure smaller sizes",
            )
        except BaseException as exc:  # noqa: BLE001  a user's function may raise anything
            trace = "".join(traceback.format_exception(exc))
            summary = f"{type(exc).__name__}: {exc}"[:500]
            return _failed("RAISED", f"it raised {summary}\n{trace[-MAX_TRACE_CHARACTERS:]}")
        finally:
            # A child that the function forked and let return must not go on as if it were us.
            self._forks.end_if_child()

    def _do(self, command: messages.Command) -> messages.Answer:
        match command:
            case messages.SetUp():
                return self._set_up(command)
            case messages.Load():
                return self._load(command)
            case messages.Check():
                return self._check(command)
            case messages.Calibrate(value_seconds=value_seconds):
                return messages.Calibrated(loops=self._timer().calibrate(value_seconds))
            case messages.Take():
                return self._take(command)
            case messages.MeasureMemory():
                return self._measure_memory()
            case messages.TraceAllocations():
                return self._trace_allocations()

    def _set_up(self, command: messages.SetUp) -> messages.Answer:
        if command.code_folder:
            sys.path.insert(0, command.code_folder)
        loaded = self._loaded = load(command.algorithm)
        self._is_gc_enabled, self._seed = command.is_gc_enabled, command.seed
        self._input = command.input or next(iter(loaded.generators))
        gc.collect()
        gc.freeze()
        if command.memory_bytes:
            _limit_memory(command.memory_bytes)
        return messages.IsSetUp(
            input=self._input,
            algorithm=loaded.algorithm,
        )

    def _load(self, command: messages.Load) -> messages.Answer:
        if (kept := self._kept.get(command.size)) is not None:
            self._arguments, self._input_bytes, self._known_timer = kept
            self._changes_input = command.changes_input
            return messages.Loaded()
        self._arguments = ()
        before = psutil.Process().memory_info().rss
        self._arguments = self._subject.arguments(self._input, command.size, self._seed)
        self._input_bytes = max(64, psutil.Process().memory_info().rss - before)
        self._changes_input = command.changes_input
        self._known_timer = None
        if command.is_kept:
            # While it waits for its turn, the collector need not look through it.
            gc.collect()
            gc.freeze()
            kept_bytes = sum(size_bytes for _, size_bytes, _ in self._kept.values())
            if kept_bytes + self._input_bytes <= MAX_KEPT_BYTES:
                self._kept[command.size] = (self._arguments, self._input_bytes, self._timer())
        return messages.Loaded()

    def _check(self, command: messages.Check) -> messages.Answer:
        function, tolerance = self._subject.function, self._subject.algorithm.tolerance
        copy = copier_of(self._arguments)
        self._forks.reset()
        outputs, seconds, written, changes = [], [], [], False
        silence: NoOutput | None = None
        for _ in range(2):
            arguments = copy()
            written_before = _written_bytes()
            begin = perf_counter()
            returned = function(*arguments)
            seconds.append(perf_counter() - begin)
            self._forks.end_if_child()
            _flush_output()
            written.append(_written_bytes() - written_before)
            changes = changes or not same(arguments, self._arguments, 0.0)
            self._raise_for_processes()
            try:
                outputs.append(output_of(returned, arguments, self._arguments))
            except NoOutput as exc:
                # What sorts in place does nothing to a list that is sorted: that may be right.
                outputs.append(arguments[0] if arguments else None)
                silence = exc
        self._changes_input = changes
        if command.checks_outputs:
            if self._subject.reference is not None:
                self._compare_with_reference(outputs[0], silence)
            elif silence is not None:
                raise silence
        if command.save_work:
            _save((self._arguments, outputs[0]), Path(command.save_work))
        if command.same_as:
            others_input, other = _saved(Path(command.same_as))
            if not same(self._arguments, others_input, 0.0):
                raise _Trouble(
                    "DIFFERENT_INPUTS",
                    f"the two make different inputs of the name {self._input!r}; register both "
                    "with the same generator",
                )
            if not same(outputs[0], other, tolerance):
                raise _Trouble(
                    "DIFFERENT_OUTPUTS",
                    f"the two do not give the same answer: {_short(other)} and "
                    f"{_short(outputs[0])}; what differs cannot be compared in speed",
                )
        return messages.Checked(
            changes_input=changes,
            is_deterministic=same(outputs[0], outputs[1], tolerance),
            written_bytes=min(written),
            seconds=min(seconds),
        )

    def _compare_with_reference(self, output: Any, silence: NoOutput | None) -> None:
        assert self._subject.reference is not None  # noqa: S101  the caller has looked
        right = self._subject.reference(*copier_of(self._arguments)())
        if same(output, right, self._subject.algorithm.tolerance):
            return
        if silence is not None:
            raise silence
        raise _Trouble(
            "WRONG_OUTPUT",
            f"its answer is not the right one: {_short(output)} instead of {_short(right)}",
        )

    def _take(self, command: messages.Take) -> messages.Answer:
        begin = cpu_seconds()
        timer = self._timer()
        for _ in range(command.warmups):
            timer.value(command.loops)
        usage = None
        values = []
        for _ in range(command.values):
            seconds, used = timer.value(command.loops)
            values.append(seconds)
            usage = add_usage(usage, used)
        assert usage is not None  # noqa: S101  there is at least one value
        return messages.Taken(values=tuple(values), usage=usage, cpu_seconds=cpu_seconds() - begin)

    def _measure_memory(self) -> messages.Answer:
        self._forks.reset()
        memory = memory_of(partial(self._subject.function, *copier_of(self._arguments)()))
        self._forks.end_if_child()
        self._raise_for_processes()
        return messages.MemoryMeasured(memory=memory)

    def _trace_allocations(self) -> messages.Answer:
        call = partial(self._subject.function, *copier_of(self._arguments)())
        return messages.AllocationsTraced(allocated_bytes=allocated_by(call))

    def _timer(self) -> Timer:
        # Of the loaded input: a comparison asks for its values one by one.
        if self._known_timer is None:
            self._known_timer = self._new_timer()
        return self._known_timer

    def _new_timer(self) -> Timer:
        if self._changes_input is None:
            # A lane that did not check looks with one call, which warms up as well.
            arguments = copier_of(self._arguments)()
            self._subject.function(*arguments)
            self._forks.end_if_child()
            self._changes_input = not same(arguments, self._arguments, 0.0)
        return Timer(
            self._subject.function,
            self._arguments,
            copier_of(self._arguments) if self._changes_input else None,
            input_bytes=self._input_bytes,
            is_gc_enabled=self._is_gc_enabled,
        )

    @property
    def _subject(self) -> LoadedAlgorithm:
        assert self._loaded is not None  # noqa: S101  the conductor sets up first
        return self._loaded

    def _raise_for_processes(self) -> None:
        if self._forks.has_child_returned:
            raise _Trouble(
                "FORKED",
                "it forks, and the child returns from the function as well; a child must end with "
                "os._exit, or be run by multiprocessing or subprocess",
            )
        children = psutil.Process().children(recursive=True)
        _, alive = psutil.wait_procs(children, CHILD_END_SECONDS)
        for child in alive:
            with suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(alive, CHILD_END_SECONDS)
        if alive:
            raise _Trouble(
                "LEFT_PROCESSES",
                f"it returned while {len(alive)} of its processes still ran; wait for them, so "
                "that their time counts",
            )


class _ForkWatch:
    """Notices when a child that the function forked comes back into our code."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        # Shared with every child.
        self._mark = mmap.mmap(-1, 1)

    def reset(self) -> None:
        self._mark[0] = 0

    @property
    def has_child_returned(self) -> bool:
        return bool(self._mark[0])

    def end_if_child(self) -> None:
        if os.getpid() != self._pid:
            self._mark[0] = 1
            os._exit(0)


def _failed(code: str, message: str) -> messages.Failed:
    return messages.Failed(problem=Problem(code=code, message=message))


def _limit_memory(allowed_bytes: int) -> None:
    # What is there already, libraries and their threads' stacks, does not count.
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = pages * resource.getpagesize() + allowed_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _written_bytes() -> int:
    try:
        for line in Path("/proc/self/io").read_text().splitlines():
            if line.startswith("wchar:"):
                return int(line.split()[1])
    except OSError:  # not every kernel, and not every container, tells
        pass
    return 0


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _save(work: tuple[Arguments, Any], file: Path) -> None:
    try:
        file.write_bytes(pickle.dumps(work))
    except Exception as exc:
        raise _Trouble(
            "OUTPUT_NOT_COMPARABLE",
            f"its answer, of type {type(work[1]).__name__}, cannot be compared with another's "
            f"({exc}); return plain values or arrays, or turn check_outputs off",
        ) from exc


def _saved(file: Path) -> tuple[Arguments, Any]:
    try:
        work: tuple[Arguments, Any] = pickle.loads(file.read_bytes())  # noqa: S301  of this task's other function
        return work
    except Exception as exc:
        raise _Trouble(
            "OUTPUT_NOT_COMPARABLE",
            f"the first function's answer cannot be read beside the second ({exc}); return plain "
            "values or arrays, or turn check_outputs off",
        ) from exc


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def main() -> None:
    """Serves until the conductor goes."""
    lane, connection = Lane(), socket.socket(fileno=int(sys.argv[1]))
    with suppress(ConnectionError):
        while packet := connection.recv(messages.MAX_MESSAGE_BYTES):
            connection.send(messages.encode(lane.answer(messages.decode_command(packet))))
    # Whatever the function left, threads for instance, must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
