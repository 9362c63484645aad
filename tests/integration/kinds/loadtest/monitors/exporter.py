"""An HTTP server that serves a node exporter's page of this machine, made from its /proc."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Exporter:
    """Where it is, and what it answers."""

    port: int
    status: int = 200
    page: Callable[[], str] | None = None
    """None: it says nothing."""
    requests: int = 0

    @property
    def url(self) -> str:
        """As a monitor's `prometheus` has it."""
        return f"http://127.0.0.1:{self.port}/metrics"


@asynccontextmanager
async def exporter() -> AsyncIterator[Exporter]:
    """Serves until the block ends."""
    served = Exporter(port=0, page=node_page)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /metrics HTTP/1.1"):
                served.requests += 1
                if served.page is None:
                    continue
                body = served.page().encode()
                writer.write(
                    f"HTTP/1.1 {served.status} It\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        served.port = server.sockets[0].getsockname()[1]
        yield served


def node_page() -> str:
    """This machine's counters under a node exporter's names."""
    lines: list[str] = []
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    for line in Path("/proc/stat").read_text().splitlines():
        name, *values = line.split()
        if name.startswith("cpu") and name != "cpu":
            for mode, value in zip(modes, values, strict=False):
                labels = f'cpu="{name[3:]}",mode="{mode}"'
                lines.append(f"node_cpu_seconds_total{{{labels}}} {int(value) / 100}")
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            name = name.replace("(", "_").replace(")", "")
            lines.append(f"node_memory_{name}_bytes {float(value.split()[0]) * 1024:e}")
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        device = f'{{device="{fields[2]}"}}'
        lines += [
            f"node_disk_read_bytes_total{device} {int(fields[5]) * 512}",
            f"node_disk_written_bytes_total{device} {int(fields[9]) * 512}",
            f"node_disk_io_time_seconds_total{device} {int(fields[12]) / 1000}",
        ]
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, _, counters = line.partition(":")
        device = f'{{device="{name.strip()}"}}'
        lines += [
            f"node_network_receive_bytes_total{device} {counters.split()[0]}",
            f"node_network_transmit_bytes_total{device} {counters.split()[8]}",
        ]
    lines.append(f"node_load1 {Path('/proc/loadavg').read_text().split()[0]}")
    return "\n".join(lines) + "\n"
