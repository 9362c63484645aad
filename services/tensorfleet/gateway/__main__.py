"""Starts the gateway: `python -m tensorfleet.gateway`."""

import os
import sys

from tensorfleet.gateway.app import serve_gateway
from tensorfleet.gateway.settings import GatewaySettings
from tensorfleet.shared.heap import limit_heap
from tensorfleet.shared.logs import configure_logs
from tensorfleet.shared.service_process import run_service
from tensorfleet.shared.settings import settings_from_command


def main() -> None:
    """Reads the settings and runs until SIGTERM."""
    settings = settings_from_command(GatewaySettings, sys.argv[1:], os.environ)
    limit_heap()
    configure_logs(service="gateway", level=settings.log_level, fmt=settings.log_format)
    run_service(lambda stop: serve_gateway(settings, stop))


if __name__ == "__main__":
    main()
