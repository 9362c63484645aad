"""HTML reports: whole, alone, and with every text escaped."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from tensorfleet.kinds.loadtest.record import (
    Bottleneck,
    Document,
    Reason,
    Search,
    StepRecord,
    Watched,
)
from tensorfleet.kinds.loadtest.reporting.comparison import compare
from tensorfleet.kinds.loadtest.reporting.html_comparison import html_comparison
from tensorfleet.kinds.loadtest.reporting.html_page import html_report
from tensorfleet.kinds.loadtest.reporting.subject import Choice, subjects
from tests.unit.kinds.loadtest.documents_by_hand import document, point

BARE: dict[str, Any] = {
    "response": "",
    "service": "",
    "lateness": "",
    "seconds": (),
}  # nothing to draw
EVIL = "<script>alert('x')</script>\"&"
_VOID = {"meta", "br", "link", "img"}
_LOADING = ("src", "href", "xlink:href", "action", "data", "poster", "srcset", "background")


class Page(HTMLParser):
    """Elements, texts and references of a page; fails where tags do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.identifiers: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in _LOADING]
        self.identifiers += [value or "" for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.fixture(scope="module")
def whole() -> str:
    return html_report(document(is_full=True))


def test_report_loads_nothing_from_anywhere(whole: str) -> None:
    page = Page(whole)
    assert page.references
    assert all(reference.startswith("#") for reference in page.references)
    assert {reference[1:] for reference in page.references} <= set(page.identifiers)
    assert "default-src 'none'" in whole
    assert "@import" not in whole
    assert set(re.findall(r"https?://[^\s<\"'&]*", whole)) == {"http://127.0.0.1:8080"}
    assert not {"script", "link", "iframe", "img", "object"} & set(page.tags)


def test_identifiers_are_unique_in_the_page(whole: str) -> None:
    identifiers = Page(whole).identifiers
    assert len(identifiers) == len(set(identifiers))


def test_every_point_verdict_and_finding_is_there(whole: str) -> None:
    page = Page(whole)
    for text in (
        "100/s",
        "200/s",
        "300/s",
        "FAILED",
        "errors<0.1% was broken at 300/s: measured 1.3 %",
        "cpu of db at 96 % from 20.0 s on",
        "200/s is the highest rate that keeps p99<200ms",
        "NO_SERVER_SPAN: the server reports no span",
        "p99.999",
        "BROKEN",
    ):
        assert text in page.texts
    # Evidence, load, latency, sent, percentiles, violin, machines, lateness.
    assert page.tags.count("svg") == 8


def test_invalid_run_says_so_with_the_reason() -> None:
    page = Page(html_report(document(replace(point(is_valid=False), **BARE))))
    assert "INVALID" in page.texts
    assert any(text.startswith("200/s (run): GENERATOR_LATE: 12 %") for text in page.texts)


def test_texts_of_users_are_only_text() -> None:
    evil = replace(
        point(),
        label=EVIL,
        reasons=(Reason(code=EVIL, message=EVIL),),
        is_valid=False,
        **BARE,
        steps=tuple(
            StepRecord(name=EVIL, answered=1, failed=1, errors={EVIL: 1}) for _ in range(2)
        ),
    )
    made = replace(
        document(evil, name=EVIL),
        config={"name": EVIL, "target": EVIL, EVIL: EVIL},
        search=Search(parameter="rate", slo=EVIL, best=None, message=EVIL),
        bottleneck=Bottleneck(first=None, message=EVIL),
        watched=(Watched(alias=EVIL, source="local", host=EVIL, problems=(EVIL,)),),
        notes=(Reason(code=EVIL, message=EVIL),),
    )
    page = Page(html_report(made))
    assert "script" not in page.tags
    assert page.texts.count(EVIL) >= 4


def test_configuration_is_shown_without_literal_secrets() -> None:
    made = Document(
        started_at="2026-01-02T03:04:05Z",
        config={"target": "http://me:hunter2@host", "monitors": [{"password": "hunter2"}]},
    )
    assert "hunter2" not in html_report(made)


def test_report_of_what_never_ran_is_a_page() -> None:
    page = Page(html_report(Document(started_at="2026-01-02T03:04:05Z", interrupted=True)))
    assert "INTERRUPTED" in page.texts
    assert "svg" not in page.tags


def test_comparison_has_every_alias_at_every_load() -> None:
    documents = [("old <db>", document()), ("new", document(factor=2.0))]
    choice = Choice.parse({})
    page = Page(html_comparison(compare(subjects(documents, choice)), documents, choice))
    assert page.texts.count("new") == page.texts.count("old <db>") >= 3
    assert "200/s" in page.texts
    assert any("(×2" in text for text in page.texts)
    assert page.tags.count("svg") == 4  # no machine was watched
