"""Each rule for a load test's spec."""

from typing import Any

import msgspec
import pytest

from tensorfleet.kinds.loadtest.spec import Spec, check
from tensorfleet.kinds.loadtest.spec_problems import problems
from tensorfleet.shared.errors import InvalidJob

CONSTANT = {"shape": "constant", "rate": 10.0, "duration_seconds": 1.0}


def spec(**fields: Any) -> Spec:
    given = {"target": "http://shop", "arrivals": CONSTANT} | fields
    return msgspec.convert({k: v for k, v in given.items() if v is not None}, Spec)


def fields_of(**fields: Any) -> list[str]:
    return [field for field, _ in problems(spec(**fields))]


def arrivals(shape: str, **fields: Any) -> dict[str, Any]:
    return {"shape": shape, **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"loads": [1, 5, 10]},
        {"arrivals": None, "find_max_load": {"max_response_seconds": 0.5}},
        {"arrivals": None, "find_max_rps": {}, "loads": [7]},
        {"arrivals": arrivals("ramp", from_rate=0.0, to_rate=10.0, duration_seconds=1.0)},
        {"arrivals": arrivals("closed", users=5, duration_seconds=1.0)},
        {"arrivals": arrivals("replay", file="times.txt")},
        {"steps": [{"path": "/a"}, {"path": "http://other/x"}], "targets": ["http://other"]},
        {"target": "grpc://h", "steps": [{"rpc": "a.B/C"}], "grpc_proto": "a.proto"},
        {"monitors": [{"alias": "a", "ssh": "u@h", "password": "${env:P}"}]},
        {"monitors": [{"alias": "a", "local": True}, {"alias": "b", "prometheus": "http://h/m"}]},
        {"thresholds": ["p99<200ms", "errors<0.1%"]},
    ],
)
def test_what_can_run_has_no_problem(fields: dict[str, Any]) -> None:
    assert list(problems(spec(**fields))) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"target": "shop"}, "target"),
        ({"targets": ["http://a", "b"]}, "targets[1]"),
        ({"targets": ["http://a"] * 101}, "targets"),
        ({"targets": ["grpc://a"]}, "targets[0]"),
        (
            {"target": "grpc://h", "steps": [{"rpc": "a.B/C"}], "targets": ["http://a"]},
            "targets",
        ),
        ({"arrivals": None}, "arrivals"),
        ({"find_max_rps": {}}, "arrivals"),
        ({"arrivals": CONSTANT | {"rate": 0.0}}, "arrivals.rate"),
        ({"arrivals": CONSTANT | {"rate": -1.0}}, "arrivals.rate"),
        ({"arrivals": CONSTANT | {"rate": float("nan")}}, "arrivals.rate"),
        ({"arrivals": CONSTANT | {"rate": float("inf")}}, "arrivals.rate"),
        ({"arrivals": CONSTANT | {"duration_seconds": 0.0}}, "arrivals.duration_seconds"),
        (
            {"arrivals": arrivals("poisson", rate=1.0, duration_seconds=1.0, seed=-1)},
            "arrivals.seed",
        ),
        (
            {"arrivals": arrivals("ramp", from_rate=0.0, to_rate=0.0, duration_seconds=1.0)},
            "arrivals.to_rate",
        ),
        (
            {
                "arrivals": arrivals(
                    "staircase", from_rate=5.0, step_rate=-2.0, steps=4, step_seconds=1.0
                )
            },
            "arrivals.step_rate",
        ),
        ({"arrivals": arrivals("replay", file="")}, "arrivals.file"),
        ({"arrivals": arrivals("replay", file="a", speed=0.0)}, "arrivals.speed"),
        ({"arrivals": arrivals("closed", users=0, duration_seconds=1.0)}, "arrivals.users"),
        (
            {
                "arrivals": arrivals("closed", users=11, duration_seconds=1.0),
                "limits": {"in_flight": 10},
            },
            "arrivals.users",
        ),
        (
            {"arrivals": None, "find_max_load": {"max_response_seconds": 0.0}},
            "find_max_load.max_response_seconds",
        ),
        (
            {"arrivals": None, "find_max_load": {"max_response_seconds": 1.0, "start": 0}},
            "find_max_load.start",
        ),
        (
            {
                "arrivals": None,
                "find_max_load": {"max_response_seconds": 1.0, "start": 9, "most": 8},
            },
            "find_max_load.most",
        ),
        (
            {"arrivals": None, "find_max_load": {"max_response_seconds": 1.0}, "loads": [1]},
            "loads",
        ),
        ({"arrivals": None, "find_max_rps": {"slo": "fast"}}, "find_max_rps.slo"),
        ({"arrivals": None, "find_max_rps": {"precision": 0.0}}, "find_max_rps.precision"),
        ({"arrivals": None, "find_max_rps": {}, "loads": [1, 2]}, "loads"),
        ({"loads": [0]}, "loads[0]"),
        ({"loads": [1, -3]}, "loads[1]"),
        ({"loads": [1, 2, 1]}, "loads[2]"),
        ({"loads": list(range(1, 1002))}, "loads"),
        ({"case": "fibonacci", "steps": [{}]}, "steps"),
        ({"steps": [{}] * 101}, "steps"),
        ({"target": "grpc://h"}, "steps"),
        ({"target": "grpc://h", "steps": [{}]}, "steps[0].rpc"),
        ({"target": "grpc://h", "steps": [{"rpc": "Call"}]}, "steps[0].rpc"),
        ({"steps": [{"rpc": "a.B/C"}]}, "steps[0].rpc"),
        ({"steps": [{}, {"path": "a"}]}, "steps[1].path"),
        ({"steps": [{"path": "http://elsewhere/"}]}, "steps[0].path"),
        ({"steps": [{"path": "ftp://shop/"}]}, "steps[0].path"),
        ({"steps": [{"body": "a", "json": 1}]}, "steps[0].body"),
        ({"steps": [{"follow_redirects": 51}]}, "steps[0].follow_redirects"),
        ({"steps": [{"timeout_seconds": -1.0}]}, "steps[0].timeout_seconds"),
        ({"steps": [{"checks": {"status": [99]}}]}, "steps[0].checks.status[0]"),
        ({"steps": [{"checks": {"body_matches": "("}}]}, "steps[0].checks"),
        ({"steps": [{"extract": {"load": "json:a"}}]}, "steps[0].extract.load"),
        ({"steps": [{"extract": {"a b": "json:a"}}]}, "steps[0].extract.a b"),
        ({"steps": [{"extract": {"a": "nothing"}}]}, "steps[0].checks"),
        ({"limits": {"connections": 0}}, "limits.connections"),
        ({"limits": {"timeout_seconds": 0.0}}, "limits.timeout_seconds"),
        ({"hold": {"min_seconds": 0.5}}, "hold.min_seconds"),
        ({"hold": {"min_seconds": 9.0, "max_seconds": 5.0}}, "hold.min_seconds"),
        ({"thresholds": ["p99<200ms", "nonsense"]}, "thresholds[1]"),
        ({"workers": 0}, "workers"),
        ({"processes": 65}, "processes"),
        ({"grpc_proto": "a.proto"}, "grpc_proto"),
        ({"feed": {"file": "a.csv", "order": "backwards"}}, "feed.order"),
        ({"monitor_interval_seconds": 0.01}, "monitor_interval_seconds"),
        ({"monitors": [{"alias": " ", "local": True}]}, "monitors[0].alias"),
        ({"monitors": [{"alias": "a"}]}, "monitors[0].local"),
        ({"monitors": [{"alias": "a", "local": True, "worker": "w"}]}, "monitors[0].local"),
        ({"monitors": [{"alias": "a", "local": True}] * 2}, "monitors[1].alias"),
        ({"monitors": [{"alias": "a", "ssh": "h", "password": "x"}]}, "monitors[0].password"),
        ({"monitors": [{"alias": "a", "local": True, "key_file": "k"}]}, "monitors[0].ssh"),
        ({"monitors": [{"alias": "a", "prometheus": "h:9100"}]}, "monitors[0].prometheus"),
    ],
)
def test_each_rule_is_told_with_its_field(fields: dict[str, Any], field: str) -> None:
    assert field in fields_of(**fields)


def test_all_problems_are_told_together() -> None:
    with pytest.raises(InvalidJob) as refused:
        check(spec(target="x", workers=0, limits={"connections": 0}))
    assert {error.field for error in refused.value.fields} == {
        "spec.target",
        "spec.workers",
        "spec.limits.connections",
    }


def test_a_wrong_list_does_not_flood_the_answer() -> None:
    with pytest.raises(InvalidJob) as refused:
        check(spec(loads=[0] * 1000))
    assert len(refused.value.fields) <= 20
