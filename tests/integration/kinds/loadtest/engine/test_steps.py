"""Cases of several requests: values that travel between them, checks, redirects."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.engine.generator import Generator, Share
from tensorfleet.kinds.loadtest.spec import Checks, Feed, Step
from tensorfleet.shared.errors import InvalidInput
from tests.integration.kinds.loadtest.engine.points import (
    generating,
    limits,
    point_of,
    run_point,
    spec_of,
)
from tests.integration.kinds.loadtest.servers import (
    Asked,
    ScriptedServer,
    always,
    answer,
    serving,
)

LOGIN = Step(
    name="log in",
    method="POST",
    path="/login",
    json={"user": "${feed.user}", "try": ["${counter}"]},
    checks=Checks(status=(201,)),
    extract={"token": "json:session.0.token", "trace": "header:X-Trace", "word": "regex:w=(\\w+)"},
)
LOOK = Step(
    name="look",
    path="/items/${word}?load=${load}",
    headers={"Authorization": "Bearer ${token}", "X-Trace": "${trace}"},
    checks=Checks(json_equals={"user": "ann"}, body_contains="ann", body_matches='"user":\\s*"a'),
)


async def shop(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Logs in and shows items to those who have."""
    if asked.path == "/login":
        user = msgspec.json.decode(asked.body)["user"]
        body = msgspec.json.encode({"session": [{"token": f"t-{user}"}], "note": "w=blue w=red"})
        writer.write(answer(body, "201 Created", X_Trace=f"trace-{user}"))
        return
    token = asked.headers["authorization"].removeprefix("Bearer t-")
    is_known = asked.headers["x-trace"] == f"trace-{token}" and asked.path == "/items/blue?load=7"
    writer.write(answer(msgspec.json.encode({"user": token if is_known else "nobody"})))


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with serving(shop) as server:
        yield server


def feed(folder: Path, *users: str) -> Feed:
    (folder / "users.csv").write_text("user\n" + "".join(f"{user}\n" for user in users))
    return Feed(file="users.csv")


async def test_a_later_step_has_what_an_earlier_one_extracted(
    server: ScriptedServer, tmp_path: Path
) -> None:
    spec = spec_of(server.url, LOGIN, LOOK, feed=feed(tmp_path, "ann"))
    outcome = await point_of(spec, folder=tmp_path, load=7)
    assert outcome.counts.answered == 20
    assert outcome.counts.statuses == {"200": 20}, "the last step's"
    assert [(step.name, step.answered, step.failed) for step in outcome.part.steps] == [
        ("log in", 20, 0),
        ("look", 20, 0),
    ]
    assert [step.service.total for step in outcome.part.steps] == [20, 20]
    first = next(asked for asked in server.asked if asked.path == "/login")
    assert first.headers["content-type"] == "application/json"


async def test_each_arrival_has_its_own_row_of_data_and_the_first_failure_ends_it(
    server: ScriptedServer, tmp_path: Path
) -> None:
    spec = spec_of(server.url, LOGIN, LOOK, feed=feed(tmp_path, "ann", "bob", "ann", "ann"))
    outcome = await point_of(spec, folder=tmp_path, load=7)
    assert outcome.counts.answered == 15
    assert outcome.counts.errors == {"CHECK": 5}
    assert outcome.part.notes == {"CHECK": "look: the body does not contain 'ann'"}
    assert [step.errors for step in outcome.part.steps] == [{}, {"CHECK": 5}]


async def test_what_cannot_be_extracted_is_a_failure(server: ScriptedServer) -> None:
    step = Step(path="/login", method="POST", json={"user": "x"}, extract={"id": "json:session.7"})
    outcome = await point_of(spec_of(server.url, step))
    assert outcome.counts.errors == {"EXTRACT": 20}


async def test_generators_share_rows_and_numbers_without_speaking(tmp_path: Path) -> None:
    async with serving(always(answer())) as server:
        rows = feed(tmp_path, *(f"u{number}" for number in range(30)))
        spec = spec_of(server.url, Step(path="/${counter}/${feed.user}"), feed=rows)
        for index in range(3):
            async with generating(spec, tmp_path, Share(index=index, count=3)) as generator:
                await run_point(generator)
    assert sorted(server.paths) == sorted(f"/{number}/u{number}" for number in range(20))


async def test_values_that_no_header_may_have_fail_and_do_not_reach_the_target(
    tmp_path: Path,
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"name": "a\\r\\nX-Evil: 1"}\n')
    step = Step(path="/", headers={"X-Name": "${feed.name}"})
    async with serving(always(answer())) as server:
        spec = spec_of(server.url, step, feed=Feed(file="rows.jsonl"))
        outcome = await point_of(spec, folder=tmp_path)
    assert outcome.counts.errors == {"TEMPLATE": 20}
    assert outcome.counts.sent == 0
    assert server.asked == []


async def test_thousands_that_wait_and_cannot_be_written_all_fail(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"name": "fine"}\n' + '{"name": "a\\nb"}\n' * 2999)
    gate = asyncio.Event()

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(answer())

    step = Step(path="/", headers={"X-Name": "${feed.name}"})
    async with serving(script) as server:
        spec = spec_of(server.url, step, feed=Feed(file="rows.jsonl"), limits=limits(connections=1))
        asyncio.get_running_loop().call_later(0.2, gate.set)
        outcome = await point_of(
            spec, Constant(rate=30_000.0, duration_seconds=0.1), folder=tmp_path
        )
    assert outcome.counts.errors == {"TEMPLATE": 2999}
    assert outcome.counts.answered == 1


async def test_a_value_that_nothing_gives_is_told_before_the_run(server: ScriptedServer) -> None:
    spec = spec_of(server.url, Step(path="/${token}"))
    with pytest.raises(InvalidInput, match=re.escape("${token}, which nothing gives")):
        await Generator.open(spec, Path(), Share())


async def test_a_step_goes_to_another_target_that_is_named(server: ScriptedServer) -> None:
    async with serving(always(answer())) as other:
        steps = (
            Step(path=f"{other.url}/a?b=c"),
            Step(path="/login", method="POST", json={"user": "x"}),
        )
        outcome = await point_of(spec_of(server.url, *steps, targets=(other.url,)))
    assert outcome.counts.answered == 20
    assert set(other.paths) == {"/a?b=c"}
    assert {asked.headers["host"] for asked in other.asked} == {f"127.0.0.1:{other.port}"}


async def test_nothing_is_sent_to_a_step_that_is_not_a_target(server: ScriptedServer) -> None:
    async with serving(always(answer())) as other:
        with pytest.raises(InvalidInput, match="not among the targets"):
            await point_of(spec_of(server.url, Step(path=f"{other.url}/a")))
    assert other.connection_count == 0


async def test_json_nested_without_end_is_a_failed_check() -> None:
    step = Step(checks=Checks(json_equals={"a": 1}))
    async with serving(always(answer(b"[" * 100_000))) as server:
        outcome = await point_of(spec_of(server.url, step))
    assert outcome.counts.errors == {"CHECK": 20}
