import math

import pytest

from tensorfleet.kinds.loadtest.monitors.exposition import metrics

PAGE = r"""# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.25

node_cpu_seconds_total{cpu="0",mode="idle"} 1.5e+03
http_requests_total{path="/a,b={\"x\"}\\",text="two
lines" , } 3 1395066363000
node_bad{} NaN
node_up +Inf
""".replace("two\nlines", r"two\nlines")


def test_metrics_have_names_labels_and_values() -> None:
    load, cpu, requests, bad, up = metrics(PAGE)
    assert (load.name, load.labels, load.value) == ("node_load1", {}, 0.25)
    assert (cpu.labels, cpu.value) == ({"cpu": "0", "mode": "idle"}, 1500.0)
    assert requests.labels == {"path": '/a,b={"x"}\\', "text": "two\nlines"}
    assert requests.value == 3.0
    assert math.isnan(bad.value)
    assert up.value == math.inf


@pytest.mark.parametrize(
    "page", ["<html>", "name", 'name{a="1" 3', "name{a=1} 3", "name three", '{"json": 1}']
)
def test_what_is_no_metric_is_told(page: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        list(metrics(page))
