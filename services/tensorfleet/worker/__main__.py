"""Starts a worker."""

import os
import sys

# gRPC's own handlers around fork crash the new process now and then while other threads use gRPC
# (the child only executes another program, so it needs none of them). Read when grpc is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from tensorfleet.shared.logs import configure_logs
from tensorfleet.shared.service_process import run_service
from tensorfleet.shared.settings import settings_from_command
from tensorfleet.worker.app import serve
from tensorfleet.worker.settings import WorkerSettings


def main() -> None:
    """Reads the settings and runs until a signal."""
    settings = settings_from_command(WorkerSettings, sys.argv[1:], os.environ)
    configure_logs(service="worker", level=settings.log_level, fmt=settings.log_format)
    run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    main()
