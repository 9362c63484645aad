"""A process that owns store servers until somebody kills it: `owned_servers.py FOLDER PORT...`.

Prints the servers' process ids as one JSON line once all of them answer.
"""

import asyncio
import json
import sys
from pathlib import Path

from tensorfleet.local.mongodb import start_mongodb
from tensorfleet.local.seaweedfs import start_seaweedfs
from tensorfleet.local.valkey import start_valkey


async def own(folder: Path, mongo_port: int, redis_port: int, s3_port: int) -> None:
    """Starts the three servers and never stops them."""
    mongodb, valkey, seaweedfs = await asyncio.gather(
        start_mongodb(
            data_dir=folder / "mongodb",
            log_path=folder / "mongodb.log",
            port=mongo_port,
            database="fleet",
        ),
        start_valkey(data_dir=folder / "valkey", log_path=folder / "valkey.log", port=redis_port),
        start_seaweedfs(
            data_dir=folder / "seaweedfs",
            log_path=folder / "seaweedfs.log",
            port=s3_port,
            bucket="fleet",
        ),
    )
    report = {
        "pids": [mongodb.process.pid, valkey.process.pid, seaweedfs.process.pid],
        "mongo_url": mongodb.url,
        "redis_url": valkey.url,
        "s3_url": seaweedfs.url,
        "s3_access_key": seaweedfs.access_key,
        "grpc_ports": seaweedfs.grpc_ports,
        "s3_secret_key": seaweedfs.secret_key,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(own(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
