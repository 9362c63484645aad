"""Options that several commands of `tensorfleet loadtest` have."""

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[
    str, typer.Argument(metavar="FILE|URL", help="A configuration (YAML, JSON), or a target.")
]
Kept = Annotated[
    str, typer.Argument(metavar="FILE|JOB", help="What a run wrote with --out, or a job's id.")
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the results as JSON.")
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a report for browsers.")
]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="DIR", help="Write tables into this folder.")
]
Junit = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Only the results, in JSON.")]
Case = Annotated[
    str, typer.Option("--case", help="What an arrival does: see `loadtest cases`, or MODULE:CLASS.")
]
Connections = Annotated[int | None, typer.Option("--connections", "-c", help="At most so many.")]
Processes = Annotated[int | None, typer.Option("--processes", help="Generators on this machine.")]
Timeout = Annotated[str, typer.Option("--timeout", help="For an answer, like 5s.")]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold", "--slo", help="Like 'p99<200ms' or 'errors<0.1%'; broken: exit status 1."
    ),
]
Monitors = Annotated[
    list[str] | None,
    typer.Option(
        "--monitor",
        metavar="ALIAS=SOURCE",
        help="Watch a machine: db=local, db=ssh:me@host, db=http://host:9100/metrics.",
    ),
]
Method = Annotated[str, typer.Option("--method", "-X", help="Of a URL; else GET.")]
Headers = Annotated[
    list[str] | None, typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Of a URL.")
]
Body = Annotated[str, typer.Option("--body", help="Of a URL.")]
Name = Annotated[str, typer.Option("--name", help="The application's, for reports.")]
MinHold = Annotated[str, typer.Option("--min-hold", help="Hold each point at least, like 3s.")]
MaxHold = Annotated[str, typer.Option("--max-hold", help="Hold each point at most, like 30s.")]
Rest = Annotated[str, typer.Option("--rest", help="Between points, like 2s.")]
Final = Annotated[str, typer.Option("--final", help="Each final run, like 10s.")]
Neighbours = Annotated[
    int | None, typer.Option("--neighbours", help="So many points below the optimum run again.")
]
Points = Annotated[str, typer.Option("--points", help="Only these labels, separated by commas.")]
Phase = Annotated[str, typer.Option("--phase", help="Only run, search or final points.")]
Load = Annotated[int | None, typer.Option("--load", help="Only this load parameter.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Only this rate.")]
