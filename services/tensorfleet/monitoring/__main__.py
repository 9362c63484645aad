"""Starts monitoring: `python -m tensorfleet.monitoring`."""

import os
import sys

from tensorfleet.monitoring.app import serve_monitoring
from tensorfleet.monitoring.settings import MonitoringSettings
from tensorfleet.shared.heap import limit_heap
from tensorfleet.shared.logs import configure_logs
from tensorfleet.shared.service_process import run_service
from tensorfleet.shared.settings import settings_from_command


def main() -> None:
    """Reads the settings and runs until SIGTERM."""
    settings = settings_from_command(MonitoringSettings, sys.argv[1:], os.environ)
    limit_heap()
    configure_logs(service="monitoring", level=settings.log_level, fmt=settings.log_format)
    run_service(lambda stop: serve_monitoring(settings, stop))


if __name__ == "__main__":
    main()
