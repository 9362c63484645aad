"""Measures one function with pyperf: `python pyperf_peer.py --function NAME -o FILE ...`."""

import sys
from pathlib import Path

import pyperf

sys.path.insert(0, str(Path(__file__).parent))

from profiled import AGREEMENT


def main() -> None:
    """Hands the function to pyperf's runner, which starts this file again in each process."""

    def pass_on(command: list[str], arguments: object) -> None:
        command.extend(("--function", arguments.function))  # type: ignore[attr-defined]

    runner = pyperf.Runner(add_cmdline_args=pass_on)
    runner.argparser.add_argument("--function", required=True)
    name = runner.parse_args().function
    function, size = AGREEMENT[name]
    runner.bench_func(name, function, size)


if __name__ == "__main__":
    main()
