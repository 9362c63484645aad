"""An HTTP server that keeps what is PUT, as S3 does behind signed URLs."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class BlobServer:
    """Contents by path."""

    def __init__(self, port: int, blobs: dict[str, bytes], failures: list[int]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.blobs = blobs
        self.failures = failures
        """Statuses that the next PUTs get instead of being taken."""


@contextmanager
def blob_server() -> Iterator[BlobServer]:
    """A running server on loopback."""
    blobs: dict[str, bytes] = {}
    failures: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if failures:
                self._answer(failures.pop(), b"")
                return
            blobs[self.path] = body
            digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
            self._answer(200, b"", etag=f'"{digest}"')

        def do_GET(self) -> None:
            body = blobs.get(self.path)
            self._answer(404 if body is None else 200, body or b"")

        def _answer(self, status: int, body: bytes, etag: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if etag:
                self.send_header("ETag", etag)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield BlobServer(server.server_port, blobs, failures)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
