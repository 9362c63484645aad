"""Why a machine cannot be watched by SSH, for people."""

import socket
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from tensorfleet.kinds.loadtest.monitors.remote_loop import MachineUnfit
from tensorfleet.kinds.loadtest.monitors.ssh_address import SshAddress


class SshRefused(Exception):
    """What the user gave cannot work; the message says what to do."""


class SshEnded(Exception):
    """The machine stopped to tell; the message says what it said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTrouble:
    """A failure."""

    message: str
    is_final: bool
    """Trying again would not help: somebody must change something first."""


def ssh_trouble(
    exc: Exception, address: SshAddress, known_hosts: Path, timeout_seconds: float
) -> SshTrouble:
    """What an attempt's failure means."""
    match exc:
        case SshRefused():
            return _final(str(exc))
        case MachineUnfit():
            return _final(f"{address} cannot be watched by SSH: {exc}.")
        case asyncssh.HostKeyNotVerifiable():
            return _final(_host_key_message(address, known_hosts))
        case asyncssh.KeyExchangeFailed():
            return _final(
                f"{address} shows no host key of a kind that {known_hosts} has for it, or has no "
                f"common algorithm ({exc}). Add the key that it has: "
                f"{_keyscan(address, known_hosts)}"
            )
        case asyncssh.PermissionDenied():
            return _final(
                f"{address} refused the user or the password or key. Check `ssh`, `password` and "
                "`key_file` of the monitor; without both, the SSH agent and the keys in ~/.ssh "
                "are tried."
            )
        case TimeoutError():
            return _passing(
                f"{address} did not answer within {timeout_seconds:g} s; trying again. Check the "
                "address, and that no firewall drops the connection."
            )
        case ConnectionRefusedError():
            return _passing(
                f"{address} refused the connection; trying again. Check that an SSH server runs "
                f"there and listens on port {address.port}."
            )
        case socket.gaierror():
            return _passing(
                f"The name of {address} cannot be resolved ({exc.strerror}); trying again. Check "
                "the monitor's `ssh`."
            )
        case asyncssh.ProtocolError() | asyncssh.ProtocolNotSupported():
            return _passing(f"{address} does not speak SSH ({exc}); trying again. Check the port.")
        case asyncssh.Error() | SshEnded():
            return _passing(f"The connection to {address} was lost ({exc}); connecting again.")
        case ValueError():
            return _passing(
                f"{address} told something that no Linux machine's /proc has ({exc}); connecting "
                "again."
            )
        case _:
            return _passing(f"{address} cannot be reached ({exc}); trying again.")


def _host_key_message(address: SshAddress, known_hosts: Path) -> str:
    # By name alone: whether the address's number is known as well changes nothing for the reader.
    keys = (
        asyncssh.match_known_hosts(str(known_hosts), address.host, "", address.port)
        if known_hosts.is_file()
        else ((),)
    )
    if keys[0]:
        return (
            f"The host key of {address} is not the one that {known_hosts} has: the machine was "
            "installed anew, or somebody stands between. Nothing was sent. If you know why it "
            f"changed: ssh-keygen -R '{address.known_hosts_name}' -f {known_hosts} and then "
            f"{_keyscan(address, known_hosts)}"
        )
    return (
        f"The host key of {address} is not in {known_hosts}, so nothing proves that it is this "
        f"machine. Add it and compare its fingerprint: {_keyscan(address, known_hosts)}"
    )


def _keyscan(address: SshAddress, known_hosts: Path) -> str:
    return f"ssh-keyscan -p {address.port} {address.host} >> {known_hosts}"


def _final(message: str) -> SshTrouble:
    return SshTrouble(message=message, is_final=True)


def _passing(message: str) -> SshTrouble:
    return SshTrouble(message=message, is_final=False)
