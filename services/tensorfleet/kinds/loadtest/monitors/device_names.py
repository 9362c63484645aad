"""Which disks and interfaces count, so that no byte counts twice."""

import re
from collections.abc import Iterable

# Not hardware, or made of disks that count themselves.
_NO_DISK = re.compile(r"(loop|ram|zram|dm-|md|sr|fd|nbd)\d")
# Loopback, and what hands on bytes that another interface counts.
_NO_INTERFACE = re.compile(
    r"lo$|veth|docker|br-|br\d|virbr|vnet|ifb|dummy|bond|team|tun|tap|wg|cni|flannel|cali|kube|lxc"
)
# "eth0.100", a VLAN of eth0.
_VLAN = re.compile(r".+\.\d+$")
_PARTITION = re.compile(r"(?P<disk>.*\d)p\d+|(?P<lettered>.*[a-z])\d+")


def whole_disks(names: Iterable[str]) -> set[str]:
    """The hardware's disks among block devices: no partitions of disks that are there too."""
    present = set(names)
    return {name for name in present if not _NO_DISK.match(name) and _parent(name) not in present}


def outer_interfaces(names: Iterable[str]) -> set[str]:
    """Interfaces to other machines: without loopback, so what a generator on the same machine
    sends is not among it."""
    return {name for name in names if not _NO_INTERFACE.match(name) and not _VLAN.match(name)}


def _parent(name: str) -> str | None:
    match = _PARTITION.fullmatch(name)
    if match is None:
        return None
    return match["disk"] or match["lettered"]
