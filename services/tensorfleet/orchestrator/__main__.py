"""Starts the orchestrator."""

import os
import sys

from tensorfleet.orchestrator.app import serve
from tensorfleet.orchestrator.settings import OrchestratorSettings
from tensorfleet.shared.heap import calm_collector
from tensorfleet.shared.logs import configure_logs
from tensorfleet.shared.service_process import run_service
from tensorfleet.shared.settings import settings_from_command


def main() -> None:
    """Reads the settings and runs until a signal."""
    settings = settings_from_command(OrchestratorSettings, sys.argv[1:], os.environ)
    configure_logs(service="orchestrator", level=settings.log_level, fmt=settings.log_format)
    calm_collector()
    run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    main()
