"""Uploads, artifacts, datasets and models over HTTP."""

import hashlib

import httpx

from tensorfleet.shared.manifest import ManifestFile, artifact_id
from tensorfleet.storage.v1 import model_pb2
from tests.wire.gateway.running_gateway import RunningGateway

CONTENT = {"a.txt": b"hello", "b/c.bin": bytes(range(256)) * 600, "empty": b""}


def manifest() -> list[dict[str, object]]:
    return [
        {
            "path": path,
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for path, content in CONTENT.items()
    ]


async def upload(gateway: RunningGateway) -> str:
    begun = await gateway.http.post("/api/v1/uploads", json={"files": manifest()})
    assert begun.status_code == 201
    by_digest = {hashlib.sha256(c).hexdigest(): c for c in CONTENT.values()}
    parts = []
    async with httpx.AsyncClient(trust_env=False) as s3:
        for blob in begun.json()["blobs"]:
            content = by_digest[blob["sha256"]]
            for part in blob["parts"]:
                start = part["offset_bytes"]
                put = await s3.put(part["url"], content=content[start : start + part["size_bytes"]])
                etag = put.headers["ETag"]
                parts.append({"sha256": blob["sha256"], "number": part["number"], "etag": etag})
    finished = await gateway.http.post(f"{begun.headers['Location']}/finish", json={"parts": parts})
    assert finished.status_code == 200
    assert finished.json()["id"] == begun.json()["artifact_id"]
    assert finished.json()["size_bytes"] == sum(map(len, CONTENT.values()))
    identifier: str = finished.json()["id"]
    return identifier


async def test_upload_then_download(gateway: RunningGateway) -> None:
    identifier = await upload(gateway)
    assert identifier == artifact_id(
        ManifestFile(path=path, size_bytes=len(c), sha256=hashlib.sha256(c).hexdigest())
        for path, c in CONTENT.items()
    )
    artifact = (await gateway.http.get(f"/api/v1/artifacts/{identifier}")).json()
    assert artifact["size_bytes"] == sum(map(len, CONTENT.values()))
    async with httpx.AsyncClient(trust_env=False) as s3:
        got = {f["path"]: (await s3.get(f["url"])).content for f in artifact["files"]}
    assert got == CONTENT
    again = await gateway.http.post("/api/v1/uploads", json={"files": manifest()})
    assert again.json()["blobs"] == []


async def test_unfinished_upload_is_refused_and_can_be_aborted(gateway: RunningGateway) -> None:
    begun = await gateway.http.post("/api/v1/uploads", json={"files": manifest()})
    location = begun.headers["Location"]
    early = await gateway.http.post(f"{location}/finish")
    assert (early.status_code, early.json()["code"]) == (409, "UPLOAD_INCOMPLETE")
    for _ in range(2):
        assert (await gateway.http.delete(location)).status_code == 204
    late = await gateway.http.post(f"{location}/finish")
    assert (late.status_code, late.json()["code"]) == (404, "UPLOAD_NOT_FOUND")


async def test_wrong_files_are_named(gateway: RunningGateway) -> None:
    files = [
        {"path": "../x", "size_bytes": 1, "sha256": "0" * 64},
        {"path": "y", "size_bytes": 1, "sha256": "0" * 64},
    ]
    outside = await gateway.http.post("/api/v1/uploads", json={"files": files})
    assert (outside.status_code, outside.json()["code"]) == (400, "INVALID_ARTIFACT")
    files[1]["size_bytes"] = "1"
    malformed = await gateway.http.post("/api/v1/uploads", json={"files": files})
    assert malformed.status_code == 400
    assert [e["field"] for e in malformed.json()["errors"]] == ["files[1].size_bytes"]
    none = await gateway.http.post("/api/v1/uploads", json={"files": []})
    assert [e["field"] for e in none.json()["errors"]] == ["files"]


async def test_unknown_artifact(gateway: RunningGateway) -> None:
    answer = await gateway.http.get("/api/v1/artifacts/none")
    assert (answer.status_code, answer.json()["code"]) == (404, "ARTIFACT_NOT_FOUND")


async def test_dataset_versions(gateway: RunningGateway) -> None:
    identifier = await upload(gateway)
    body = {"name": "digits", "artifact_id": identifier, "description": "small"}
    for _ in range(2):  # the second call changes nothing
        created = await gateway.http.post("/api/v1/datasets", json=body)
        assert created.status_code == 201
        assert created.json()["version"] == 1
    assert created.headers["Location"] == "/api/v1/datasets/digits"
    detail = (await gateway.http.get("/api/v1/datasets/digits")).json()
    assert (detail["name"], detail["description"], detail["latest_version"]) == (
        "digits",
        "small",
        1,
    )
    assert detail["versions"][0]["artifact_id"] == identifier
    assert detail["versions"][0]["file_count"] == len(CONTENT)
    listed = (await gateway.http.get("/api/v1/datasets")).json()
    assert [dataset["name"] for dataset in listed["datasets"]] == ["digits"]


async def test_wrong_dataset_requests(gateway: RunningGateway) -> None:
    identifier = await upload(gateway)
    for body, code in (
        ({"name": "a b", "artifact_id": identifier}, "INVALID_NAME"),
        ({"name": "a", "artifact_id": "none"}, "ARTIFACT_NOT_FOUND"),
        ({"name": "a"}, "INVALID_INPUT"),
    ):
        answer = await gateway.http.post("/api/v1/datasets", json=body)
        assert answer.json()["code"] == code
    unknown = await gateway.http.get("/api/v1/datasets/none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "DATASET_NOT_FOUND")


async def test_models(gateway: RunningGateway) -> None:
    key = ("default", "digits-mlp")
    for number, stage in (
        (1, model_pb2.MODEL_STAGE_PRODUCTION),
        (2, model_pb2.MODEL_STAGE_UNSPECIFIED),
    ):
        gateway.storage.models[key].append(
            model_pb2.ModelVersion(
                model=key[1],
                version=number,
                stage=stage,
                artifact_id="a",
                signature_json='{"inputs": []}',
                metrics={"accuracy": 0.9, "loss": float("nan")},
                source=model_pb2.ModelSource(job_id="j", task_id="t", attempt=1),
            )
        )
    listed = (await gateway.http.get("/api/v1/models")).json()["models"]
    assert listed == [(await gateway.http.get("/api/v1/models/digits-mlp")).json()]
    assert (listed[0]["latest_version"], listed[0]["production_version"]) == (2, 1)
    versions = (await gateway.http.get("/api/v1/models/digits-mlp/versions")).json()["versions"]
    assert [(v["version"], v["stage"]) for v in versions] == [(2, "none"), (1, "production")]
    assert versions[0]["metrics"] == {"accuracy": 0.9, "loss": "NaN"}
    assert versions[0]["signature"] == {"inputs": []}
    assert versions[0]["source"] == {"job_id": "j", "task_id": "t", "attempt": 1}
    for path in ("", "/versions"):
        unknown = await gateway.http.get(f"/api/v1/models/none{path}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "MODEL_NOT_FOUND")
