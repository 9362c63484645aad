"""The shell script that reads a remote machine at an exact interval, and what it writes.

It needs a POSIX shell, `grep`, `sleep` and a Linux /proc: no Python, no root, nothing installed.
It keeps its interval on the machine's own clock (/proc/uptime: monotonic, hundredths of a second),
so that the network's delays are not in the samples, and ends by itself when nobody reads.

What it writes: lines "tensorfleet FACT VALUE..." about the machine; then for each moment a line
"tensorfleet at UPTIME", the files' lines as `grep` prints them ("PATH:LINE"), "tensorfleet end".
Anything before the first fact is a login shell's greeting.
"""

import re
from dataclasses import dataclass, field
from shlex import quote

from tensorfleet.kinds.loadtest.monitors.proc_files import (
    FILES,
    kernel_name,
    snapshot_from,
    speed_in_bytes,
)
from tensorfleet.kinds.loadtest.monitors.snapshot import Snapshot

MARK = "tensorfleet"
# /proc/uptime's unit.
UPTIME_SECONDS = 0.01
DEFAULT_TICKS_PER_SECOND = 100
DEFAULT_PAGE_BYTES = 4096

# The clock's channel: each line is answered with itself and the uptime. In one line without
# anything that csh or fish read differently, as the user's own shell reads it first.
CLOCK_COMMAND = (
    f"exec sh -c 'while read -r x; do read -r up rest </proc/uptime; echo \"{MARK} $x $up\"; done'"
)
_CLOCK_ANSWER = re.compile(rf"{MARK} (\d+) (\d+\.\d+)")

_SCRIPT = r"""
LC_ALL=C
export LC_ALL
unfit() { echo "@MARK@ unfit $1"; exit 3; }
[ -r /proc/uptime ] || unfit 'it has no /proc: only Linux can be watched'
sleep 0.01 2>/dev/null || unfit 'its sleep knows whole seconds only'
echo "@MARK@ ticks $(getconf CLK_TCK 2>/dev/null)"
echo "@MARK@ page $(getconf PAGESIZE 2>/dev/null)"
for f in /sys/class/net/*/speed; do
  n=${f%/speed}
  read -r speed 2>/dev/null <"$f" && echo "@MARK@ speed ${n##*/} $speed"
done
while :; do
  read -r up rest </proc/uptime
  wait=$((@INTERVAL@ - (${up%.*}${up#*.} - @PHASE@ + @INTERVAL@) % @INTERVAL@))
  hundredths=$((wait % 100))
  [ "$hundredths" -lt 10 ] && hundredths=0$hundredths
  sleep "$((wait / 100)).$hundredths" || exit 3
  set --
@PROCESSES@
  read -r up rest </proc/uptime
  echo "@MARK@ at $up"
  grep -v '^intr ' @FILES@ "$@" 2>/dev/null
  echo "@MARK@ end"
done
"""

# `read` is the shell's own: no process is started for each that is looked at.
_FIND_PROCESSES = r"""
  for d in /proc/[0-9]*; do
    name=
    read -r name 2>/dev/null <"$d/comm" || continue
    case $name in @NAMES@) set -- "$@" "$d/stat" ;; esac
  done
"""


def script(
    *, interval_seconds: float, phase_seconds: float, process_names: tuple[str, ...] = ()
) -> str:
    """The script, for `sh` to read from its input.

    Args:
        interval_seconds: In hundredths.
        phase_seconds: It reads when the machine's uptime is this plus a multiple of the interval.
        process_names: Of processes to read too.
    """
    interval = max(1, round(interval_seconds / UPTIME_SECONDS))
    phase = round(phase_seconds / UPTIME_SECONDS) % interval
    names = "|".join(quote(kernel_name(name)) for name in process_names)
    text = _SCRIPT.replace("@PROCESSES@", _FIND_PROCESSES if names else "")
    for name, value in {
        "@NAMES@": names,
        "@MARK@": MARK,
        "@INTERVAL@": str(interval),
        "@PHASE@": str(phase),
        "@FILES@": " ".join(FILES),
    }.items():
        text = text.replace(name, value)
    return text


def clock_question(number: int) -> str:
    """A line for the clock's channel."""
    return f"{number}\n"


def clock_answer(line: str) -> tuple[int, float] | None:
    """The question's number and the uptime in seconds; None if the line is no answer."""
    match = _CLOCK_ANSWER.fullmatch(line.strip())
    return None if match is None else (int(match[1]), float(match[2]))


class MachineUnfit(Exception):
    """The machine cannot run the script; the message says why."""


@dataclass(slots=True)
class SnapshotReader:
    """Makes snapshots of what the script writes. Their `at` is the machine's uptime."""

    process_names: tuple[str, ...] = ()
    _ticks_per_second: int = DEFAULT_TICKS_PER_SECOND
    _page_bytes: int = DEFAULT_PAGE_BYTES
    _speeds: dict[str, float] = field(default_factory=dict)
    _at: float | None = None
    _files: dict[str, list[str]] = field(default_factory=dict)

    def read(self, line: str) -> Snapshot | None:
        """Takes the next line; gives the snapshot that it completes.

        Raises:
            MachineUnfit: The script cannot run there.
            ValueError: What was written is not a Linux machine's.
        """
        line = line.rstrip("\n")
        if line.startswith(MARK + " "):
            return self._read_mark(line.split(" ", 2)[1:])
        path, colon, text = line.partition(":")
        if self._at is not None and colon:
            self._files.setdefault(path, []).append(text)
        return None

    def _read_mark(self, words: list[str]) -> Snapshot | None:
        value = words[1] if len(words) > 1 else ""
        match words[0]:
            case "unfit":
                raise MachineUnfit(value)
            case "ticks":
                self._ticks_per_second = int(value or DEFAULT_TICKS_PER_SECOND)
            case "page":
                self._page_bytes = int(value or DEFAULT_PAGE_BYTES)
            case "speed":
                name, _, speed = value.partition(" ")
                if (known := speed_in_bytes(speed)) is not None:
                    self._speeds[name] = known
            case "at":
                self._at, self._files = float(value), {}
            case "end" if self._at is not None:
                return self._snapshot(self._at)
        return None

    def _snapshot(self, at: float) -> Snapshot:
        self._at = None
        return snapshot_from(
            {path: "\n".join(lines) for path, lines in self._files.items()},
            at=at,
            ticks_per_second=self._ticks_per_second,
            page_bytes=self._page_bytes,
            speeds=self._speeds,
            process_names=self.process_names,
        )
