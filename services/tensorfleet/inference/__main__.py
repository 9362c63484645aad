"""The process of the inference service: `python -m tensorfleet.inference`."""

import os
import sys

from tensorfleet.inference.app import serve
from tensorfleet.inference.settings import InferenceSettings
from tensorfleet.shared.logs import configure_logs
from tensorfleet.shared.service_process import run_service
from tensorfleet.shared.settings import settings_from_command


def main() -> None:
    """Reads the settings from the environment and serves until told to stop."""
    settings = settings_from_command(InferenceSettings, sys.argv[1:], os.environ)
    configure_logs(service="inference", level=settings.log_level, fmt=settings.log_format)
    run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    main()
