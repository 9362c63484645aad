"""The process of the storage service: `python -m tensorfleet.storage`, `tensorfleet-storage`."""

import os
import sys

from tensorfleet.shared.logs import configure_logs
from tensorfleet.shared.service_process import run_service
from tensorfleet.shared.settings import settings_from_command
from tensorfleet.storage.app import serve
from tensorfleet.storage.settings import StorageSettings


def main() -> None:
    """Reads the settings from the environment and serves until told to stop."""
    settings = settings_from_command(StorageSettings, sys.argv[1:], os.environ)
    configure_logs(service="storage", level=settings.log_level, fmt=settings.log_format)
    run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    main()
