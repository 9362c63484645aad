"""S3's multipart upload, spoken by signed requests: the client library has it for local files only.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html and its neighbours.
"""

from collections.abc import Sequence
from datetime import timedelta
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import urllib3
from minio import Minio

from tensorfleet.shared.errors import Unavailable

QueryParameters = dict[str, str | list[str] | tuple[str]]

_URL_LIFETIME = timedelta(minutes=5)

# S3's answers to a completion whose parts are not (all) there.
_NOT_COMPLETE = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "NoSuchUpload"})


class S3Multipart:
    """Multipart uploads in one bucket. Blocking; urllib3's errors pass out."""

    def __init__(self, client: Minio, http: urllib3.PoolManager, bucket: str) -> None:
        self._client = client
        self._http = http
        self._bucket = bucket

    def begin(self, key: str) -> str:
        """Starts an upload and returns its id.

        Raises:
            Unavailable: S3 refused.
        """
        status, document = self._request("POST", key, {"uploads": ""})
        if status == 200 and (multipart_id := _text(document, "UploadId")):
            return multipart_id
        raise _refused("start", status, document)

    def complete(self, key: str, multipart_id: str, parts: Sequence[tuple[int, str]]) -> bool:
        """Makes an object of the parts; False when not all are there.

        Raises:
            Unavailable: S3 refused for another reason.
        """
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in parts
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        status, document = self._request("POST", key, {"uploadId": multipart_id}, body)
        # S3 may begin its answer with 200 and tell of an error in the body.
        code = _text(document, "Code")
        if status == 200 and not code:
            return True
        if code in _NOT_COMPLETE:
            return False
        raise _refused("complete", status, document)

    def abort(self, key: str, multipart_id: str) -> None:
        """Drops an upload and its parts. Idempotent.

        Raises:
            Unavailable: S3 refused.
        """
        status, document = self._request("DELETE", key, {"uploadId": multipart_id})
        if status not in (200, 204) and _text(document, "Code") != "NoSuchUpload":
            raise _refused("abort", status, document)

    def _request(
        self, method: str, key: str, query: QueryParameters, body: bytes = b""
    ) -> tuple[int, ET.Element]:
        url = self._client.get_presigned_url(
            method, self._bucket, key, _URL_LIFETIME, extra_query_params=query
        )
        answer = self._http.request(method, url, body=body)
        try:
            # The document comes from the fleet's own object store.
            document = ET.fromstring(answer.data) if answer.data else ET.Element("Empty")  # noqa: S314
        except ET.ParseError:
            document = ET.Element("NotXml")
        return answer.status, document


def _text(document: ET.Element, name: str) -> str:
    """The text of the first element of this name, in whatever namespace."""
    for element in document.iter():
        if element.tag.rpartition("}")[2] == name:
            return element.text or ""
    return ""


def _refused(what: str, status: int, document: ET.Element) -> Unavailable:
    code = _text(document, "Code")
    return Unavailable(
        f"the object store did not {what} a multipart upload (HTTP {status} {code}); try again"
    )
