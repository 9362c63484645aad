"""A load test's reports as files that the command line was asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorfleet.kinds.loadtest.record import Document


def write_reports(
    document: "Document",
    *,
    out: Path | None = None,
    html: Path | None = None,
    csv: Path | None = None,
    junit: Path | None = None,
) -> list[Path]:
    """Writes those that have a path; the document first, as it is what cannot be made again.

    Raises:
        OSError: One cannot be written.
    """
    from tensorfleet.kinds.loadtest.reporting.document_file import write_document, write_whole

    written = []
    if out is not None:
        write_document(out, document)
        written.append(out)
    if junit is not None:
        from tensorfleet.kinds.loadtest.reporting.junit import junit_report

        write_whole(junit, junit_report(document))
        written.append(junit)
    if csv is not None:
        from tensorfleet.kinds.loadtest.reporting.csv_files import write_csv

        written += write_csv(csv, document)
    if html is not None:
        from tensorfleet.kinds.loadtest.reporting.html_page import html_report

        write_whole(html, html_report(document).encode())
        written.append(html)
    return written
