"""Watching a machine by SSH."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh

from tensorfleet.kinds.loadtest.monitors.clock_offset import ClockOffset
from tensorfleet.kinds.loadtest.monitors.remote_loop import (
    CLOCK_COMMAND,
    MARK,
    UPTIME_SECONDS,
    MachineUnfit,
    SnapshotReader,
    clock_answer,
    clock_question,
    script,
)
from tensorfleet.kinds.loadtest.monitors.snapshot import Snapshot, sample_between
from tensorfleet.kinds.loadtest.monitors.source import SampleSink
from tensorfleet.kinds.loadtest.monitors.ssh_address import SshAddress
from tensorfleet.kinds.loadtest.monitors.ssh_trouble import SshEnded, SshRefused, ssh_trouble

TIMEOUT_SECONDS = 10.0
KEEPALIVE_SECONDS = 5.0
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 30.0
CLOSE_SECONDS = 1.0
# Enough to cut the remote clock's hundredths of a second into small pieces.
FIRST_QUESTIONS = 8
_GREETING_LINES = 100


class SshSource:
    """A machine on which a shell script tells what /proc has.

    Nothing but what is given here is used: `~/.ssh/config` is not read.

    Args:
        password: Of the user or, with a key file, of the key.
        key_file: A private key; with neither it nor a password, the SSH agent and the keys in
            `~/.ssh` are tried.
        known_hosts: The machine's key must be in it.
    """

    def __init__(
        self,
        address: SshAddress,
        *,
        clock: Callable[[], float],
        interval_seconds: float,
        process_names: tuple[str, ...] = (),
        password: str | None = None,
        key_file: Path | None = None,
        known_hosts: Path | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        first_retry_seconds: float = FIRST_RETRY_SECONDS,
    ) -> None:
        self._address = address
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._process_names = process_names
        self._password = password
        self._key_file = key_file
        self._known_hosts = known_hosts or Path("~/.ssh/known_hosts").expanduser()
        self._timeout_seconds = timeout_seconds
        self._first_retry_seconds = first_retry_seconds

    async def watch(self, sink: SampleSink) -> None:
        """Samples until it is cancelled; connects again when the connection is lost."""
        retry_seconds = self._first_retry_seconds
        while True:
            session = _Session(self._clock, self._interval_seconds, self._process_names, sink)
            try:
                await self._connected(session)
            except (asyncssh.Error, OSError, ValueError, SshRefused, SshEnded, MachineUnfit) as exc:
                trouble = ssh_trouble(exc, self._address, self._known_hosts, self._timeout_seconds)
                sink.problem(trouble.message)
                sink.settled()
                if trouble.is_final:
                    return
            if session.has_seen_the_machine:
                retry_seconds = self._first_retry_seconds
            await asyncio.sleep(retry_seconds)
            retry_seconds = min(2 * retry_seconds, LAST_RETRY_SECONDS)

    async def _connected(self, session: "_Session") -> None:
        connection = await asyncssh.connect(
            self._address.host, self._address.port, **self._options()
        )
        try:
            await session.watch(connection, max(self._timeout_seconds, 3 * self._interval_seconds))
        finally:
            connection.close()
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await connection.wait_closed()
            except TimeoutError:
                connection.abort()

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "config": [],
            "username": self._address.user,
            # asyncssh takes an absent file for an error of its own.
            "known_hosts": str(self._known_hosts) if self._known_hosts.is_file() else b"",
            "connect_timeout": self._timeout_seconds,
            "keepalive_interval": KEEPALIVE_SECONDS,
            "encoding": "utf-8",
        }
        if self._key_file is not None:
            return {**options, "client_keys": [self._read_key(self._key_file)], "agent_path": None}
        if self._password is not None:
            password = {"password": self._password, "client_keys": None, "agent_path": None}
            return {**options, **password}
        return options

    def _read_key(self, path: Path) -> asyncssh.SSHKey:
        try:
            return asyncssh.read_private_key(path, self._password)
        except OSError as exc:
            raise SshRefused(f"The key file {path} cannot be read: {exc.strerror}.") from exc
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as exc:
            raise SshRefused(
                f"{path} is no private key that can be used ({exc}). With a passphrase, give it as "
                "`password`, or add the key to the SSH agent and leave `key_file` out."
            ) from exc


class _Session:
    """One connection's time."""

    def __init__(
        self,
        clock: Callable[[], float],
        interval_seconds: float,
        process_names: tuple[str, ...],
        sink: SampleSink,
    ) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._process_names = process_names
        self._sink = sink
        self._offset = ClockOffset(UPTIME_SECONDS)
        self._questions = 0
        self._round_trip_seconds = 0.0
        self._last_words = ""
        self.has_seen_the_machine = False

    async def watch(self, connection: asyncssh.SSHClientConnection, silence_seconds: float) -> None:
        """Samples until the connection is lost.

        Raises:
            SshEnded: The machine said nothing for so long, or its shell ended.
        """
        try:
            async with asyncio.timeout(silence_seconds):
                clock = await connection.create_process(CLOCK_COMMAND, stderr=asyncssh.STDOUT)
                for _ in range(FIRST_QUESTIONS):
                    await self._ask(clock)
                loop = await connection.create_process("sh", stderr=asyncssh.STDOUT)
                loop.stdin.write(
                    script(
                        interval_seconds=self._interval_seconds,
                        phase_seconds=self._offset.seconds % self._interval_seconds,
                        process_names=self._process_names,
                    )
                )
                loop.stdin.write_eof()
            reader = SnapshotReader(self._process_names)
            before: Snapshot | None = None
            while True:
                async with asyncio.timeout(silence_seconds):
                    after = await self._next(loop, reader)
                    # Between two moments, so that neither waits for the other.
                    await self._ask(clock)
                self._take(before, after)
                before = after
        except TimeoutError as exc:
            raise SshEnded(f"it said nothing for {silence_seconds:g} s") from exc

    def _take(self, before: Snapshot | None, after: Snapshot) -> None:
        if before is None:
            self.has_seen_the_machine = True
            self._sink.cores(len(after.cores))
            self._sink.settled()
            return
        sample = sample_between(
            before,
            after,
            at=self._offset.to_ours(after.at),
            process_names=self._process_names,
            ping_seconds=self._round_trip_seconds,
        )
        self._sink.add(sample)

    async def _next(
        self, process: "asyncssh.SSHClientProcess[str]", reader: SnapshotReader
    ) -> Snapshot:
        while True:
            line = await self._line(process)
            if (snapshot := reader.read(line)) is not None:
                return snapshot

    async def _ask(self, process: "asyncssh.SSHClientProcess[str]") -> None:
        """Asks the machine for its clock, and measures the round trip."""
        self._questions += 1
        asked_at = self._clock()
        process.stdin.write(clock_question(self._questions))
        for _ in range(_GREETING_LINES):
            answer = clock_answer(await self._line(process))
            if answer is not None and answer[0] == self._questions:
                answered_at = self._clock()
                self._round_trip_seconds = answered_at - asked_at
                self._offset.add(asked_at=asked_at, answered_at=answered_at, remote=answer[1])
                return
        raise SshEnded("its shell does not do what it is told")

    async def _line(self, process: "asyncssh.SSHClientProcess[str]") -> str:
        line = await process.stdout.readline()
        if not line:
            raise SshEnded(f"its shell ended{self._last_words}")
        if not self.has_seen_the_machine and not line.startswith(MARK):
            self._last_words = f" with “{line.strip()[:200]}”"
        return line
