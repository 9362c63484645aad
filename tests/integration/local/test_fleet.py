"""A whole fleet's supervisor with real processes: restarts, ends, ports, stores of the user's own.

Each test runs a fleet of its own through the command line, as a user does.
"""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pymongo import MongoClient

from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_record import read_record
from tensorfleet.local.free_ports import HOST, is_free
from tests.deadlines import eventually
from tests.fleets import FleetOnDisk, fleet_running, kill_all
from tests.stores import S3Store

SERVICE_AND_STORES = ("orchestrator", "mongodb", "valkey", "seaweedfs", "worker-1")
DATA = "a line of data\n" * 1000


@contextmanager
def foreground(fleet: FleetOnDisk, *options: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`tensorfleet up` and the file that its output goes to."""
    output = fleet.home.parent / "output.txt"
    with output.open("w") as file:
        process = fleet.spawn("up", "--workers", "1", *options, output=file)
    try:
        yield process, output
    finally:
        kill_all(fleet)
        process.wait()


async def until_up(output: Path) -> None:
    await eventually(
        lambda: (
            "TensorFleet is up" in output.read_text() or "did not come up" in output.read_text()
        ),
        timeout_seconds=60,
    )
    assert "TensorFleet is up" in output.read_text(), output.read_text()


def is_healthy(fleet: FleetOnDisk) -> bool:
    return fleet.cli("status").returncode == 0


async def test_whatever_is_killed_comes_back_with_its_data_and_ctrl_c_leaves_nothing(
    tmp_path: Path,
) -> None:
    fleet = FleetOnDisk(home=tmp_path / "home")
    data = tmp_path / "data"
    data.mkdir()
    (data / "lines.txt").write_text(DATA)
    with foreground(fleet) as (process, output):
        await until_up(output)
        assert fleet.home.stat().st_mode & 0o777 == 0o700
        password = re.search(r"admin with the password (\S+)", output.read_text())
        assert password is not None
        assert fleet.cli("datasets", "upload", "lines", str(data)).returncode == 0

        killed = {part: fleet.pid(part) for part in SERVICE_AND_STORES}
        for pid in killed.values():
            psutil.Process(pid).kill()
        await eventually(
            lambda: all(fleet.pid(part) not in (0, killed[part]) for part in killed),
            timeout_seconds=60,
        )
        await eventually(lambda: is_healthy(fleet), timeout_seconds=60)
        for part in killed:
            assert f"{part} was ended by SIGKILL; starting it again in 0.5 s" in output.read_text()
            assert fleet.record().part(part).restarts == 1
        with fleet.client() as client:
            (version,) = client.dataset_versions("lines")
            assert version.size_bytes == len(DATA)
            # Nothing is sent: the object store still has the content.
            assert client.upload_dataset("lines", data).artifact_id == version.artifact_id

        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert "Stopped" in output.read_text()
        assert fleet.processes() == []
        assert not (fleet.home / "fleet.json").exists()

    with foreground(fleet) as (process, output):
        await until_up(output)
        assert "password in" in output.read_text()
        assert password[1] not in output.read_text()
        with fleet.client() as client:
            assert [dataset.name for dataset in client.datasets()] == ["lines"]
        # Its supervisor dies without a word: no process outlives it, and the next start is not
        # misled by what it left.
        process.kill()
        process.wait()
        await eventually(lambda: fleet.processes() == [], timeout_seconds=20)
        assert (fleet.home / "fleet.json").exists()
        assert read_record(FleetHome(fleet.home)) is None
        assert fleet.cli("status").returncode == 3
        assert "No fleet runs" in fleet.cli("down").stdout

    with fleet_running(fleet, "--workers", "1"), fleet.client() as client:
        assert [dataset.name for dataset in client.datasets()] == ["lines"]


async def test_fleet_uses_other_ports_and_stores_of_the_user_and_tells_so_without_secrets(
    tmp_path: Path, mongo_url: str, mongo_database: str, redis_url: str, s3: S3Store
) -> None:
    fleet = FleetOnDisk(
        home=tmp_path / "home",
        variables={
            "TENSORFLEET_MONGO_URL": mongo_url,
            "TENSORFLEET_MONGO_DATABASE": mongo_database,
            "TENSORFLEET_REDIS_URL": redis_url,
            "TENSORFLEET_S3_URL": s3.url,
            "TENSORFLEET_S3_ACCESS_KEY": s3.access_key,
            "TENSORFLEET_S3_SECRET_KEY": s3.secret_key,
            "TENSORFLEET_S3_BUCKET": s3.bucket,
        },
    )
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((HOST, 0))
        held.listen()
        port = held.getsockname()[1]
        with foreground(fleet, "--port", str(port)) as (process, output):
            await until_up(output)
            text = output.read_text()
            assert f"gateway: port {port} is held by" in text
            assert not fleet.url.endswith(f":{port}")
            names = [part.name for part in fleet.record().parts]
            assert "gateway" in names
            assert not {"mongodb", "valkey", "seaweedfs"} & set(names)
            for store in ("MongoDB", "Redis", "S3 store"):
                assert f"using your {store} at 127.0.0.1:" in text
            for secret in (s3.secret_key, mongo_url.split(":")[2].split("@")[0], redis_url):
                assert secret not in text
            with MongoClient[dict[str, object]](mongo_url) as mongo:
                assert mongo[mongo_database].get_collection("users").count_documents({}) == 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


async def test_fleet_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    fleet = FleetOnDisk(home=tmp_path / "home", variables={"TENSORFLEET_LEASE_SECONDS": "never"})
    for options in (("--detach",), ()):
        done = fleet.cli("up", *options)
        assert done.returncode == 1, done.stdout
        assert "The fleet did not come up: orchestrator: cannot start" in done.stderr
        assert "TENSORFLEET_LEASE_SECONDS" in done.stderr
        assert "Traceback" not in done.stderr
        assert fleet.processes() == []
        assert not (fleet.home / "fleet.json").exists()


async def test_ctrl_c_while_a_fleet_comes_up_in_the_background_leaves_nothing(
    tmp_path: Path,
) -> None:
    fleet = FleetOnDisk(home=tmp_path / "home")
    # Many workers: it must not be up before the signal comes, however slow this machine is.
    with foreground(fleet, "--detach", "--workers", "12") as (process, output):
        await eventually(lambda: "valkey ready" in output.read_text())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130, output.read_text()
        assert "TensorFleet is up" not in output.read_text()
        assert fleet.processes() == []
    with fleet_running(fleet, "--workers", "1"):
        assert is_healthy(fleet)


async def test_second_ctrl_c_ends_at_once_what_does_not_want_to_stop(tmp_path: Path) -> None:
    fleet = FleetOnDisk(home=tmp_path / "home")
    job = tmp_path / "job.yaml"
    job.write_text("kind: command\nspec: {command: \"trap '' TERM; echo deaf; sleep 600\"}\n")
    with foreground(fleet) as (process, output):
        await until_up(output)
        fleet.cli("submit", str(job))
        with fleet.client() as client:
            (submitted,) = client.jobs()
            for event in client.events(submitted.id):
                if getattr(event, "lines", None) == ["deaf"]:
                    break
        ports = [part.port for part in fleet.record().parts]
        process.send_signal(signal.SIGINT)
        await eventually(lambda: "Stopping" in output.read_text())
        # The worker gives its task 20 s; nobody waits for that now.
        process.send_signal(signal.SIGINT)
        process.wait(10)
        await eventually(lambda: fleet.processes() == [])
        assert all(is_free(port) for port in ports)
