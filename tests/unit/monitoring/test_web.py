"""The status page, its JSON and metrics."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import Client

from tensorfleet.monitoring.board import HealthBoard
from tensorfleet.monitoring.health import Component, Snapshot, Status, WorkerView
from tensorfleet.monitoring.health_metrics import HealthCollector
from tensorfleet.monitoring.web import build_web

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


def component(name: str, status: Status, message: str = "") -> Component:
    return Component(
        name=name, status=status, message=message, latency=timedelta(milliseconds=2.5), time=NOW
    )


SNAPSHOT = Snapshot(
    status=Status.DEGRADED,
    components=(
        component("mongodb", Status.HEALTHY),
        component("storage", Status.DEGRADED, f"cannot use {EVIL}"),
    ),
    workers=(
        WorkerView(
            id=EVIL,
            state="online",
            hostname="host-a",
            version="0.1.0",
            slots=4,
            running_task_count=1,
            cpus=2.5,
            memory_bytes=3 << 30,
            gpus=1,
            last_seen_time=NOW,
        ),
    ),
    time=NOW,
)


@pytest.fixture
def board() -> HealthBoard:
    return HealthBoard()


@pytest.fixture
def browser(board: HealthBoard) -> Client:
    registry = CollectorRegistry()
    registry.register(HealthCollector(board))
    return build_web(board, registry).test_client()


class Tags(HTMLParser):
    """Checks that tags are balanced, and remembers attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_shows_everything_and_loads_nothing(board: HealthBoard, browser: Client) -> None:
    board.newest = SNAPSHOT
    answer = browser.get("/")
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    tags = Tags()
    tags.feed(answer.text)
    assert tags.open == []
    for shown in ("mongodb", "storage", "degraded", "2.5 ms", "03:04:05", "host-a", "1 of 4"):
        assert shown in answer.text
    assert "3.0 GiB" in answer.text
    assert not re.search(r"https?:|//", answer.text.replace("<!doctype", ""))
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert ("http-equiv", "refresh") in tags.attributes
    assert {value for name, value in tags.attributes if name in ("src", "href")} == {"data:,"}


def test_style_is_the_one_that_the_policy_allows(board: HealthBoard, browser: Client) -> None:
    import base64
    import hashlib

    answer = browser.get("/")
    found = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)
    assert found
    digest = base64.b64encode(hashlib.sha256(found.group(1).encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_page_and_json_before_the_first_look(browser: Client) -> None:
    assert "no look yet" in browser.get("/").text
    answer = browser.get("/health")
    assert answer.status_code == 503
    assert answer.json == {"status": "unknown", "components": [], "workers": []}
    assert browser.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("status", "code"),
    [(Status.HEALTHY, 200), (Status.DEGRADED, 200), (Status.DOWN, 503)],
)
def test_json_has_a_status_code_for_probes(
    board: HealthBoard, browser: Client, status: Status, code: int
) -> None:
    board.newest = replace(SNAPSHOT, status=status)
    answer = browser.get("/health")
    assert answer.status_code == code
    assert answer.json is not None
    assert answer.json["status"] == status.name.lower()
    assert answer.json["components"][0] == {
        "name": "mongodb",
        "status": "healthy",
        "message": "",
        "latency_ms": 2.5,
        "check_time": "2026-01-02T03:04:05Z",
    }
    assert answer.json["workers"][0]["id"] == EVIL


def test_metrics(board: HealthBoard, browser: Client) -> None:
    board.newest = SNAPSHOT
    text = browser.get("/metrics").text
    assert 'tensorfleet_monitoring_component_healthy{component="mongodb"} 1.0' in text
    assert 'tensorfleet_monitoring_component_healthy{component="storage"} 0.0' in text
    assert 'tensorfleet_monitoring_workers_count{state="online"} 1.0' in text
    assert 'tensorfleet_monitoring_workers_count{state="offline"} 0.0' in text
    assert 'check_duration_seconds{component="mongodb"} 0.0025' in text


def test_unknown_page_is_not_found(browser: Client) -> None:
    assert browser.get("/nope").status_code == 404
    assert browser.post("/").status_code == 405
