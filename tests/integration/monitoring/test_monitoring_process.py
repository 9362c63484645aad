"""Monitoring as a process, with nothing to watch."""

import httpx

from tests.deadlines import eventually
from tests.integration.gateway.service_process import NOWHERE, service_process

PARTS = {"gateway", "orchestrator", "storage", "inference"}
ADDRESSES = ("ORCHESTRATOR", "STORAGE", "INFERENCE")
LISTENERS = ("LISTEN", "HTTP_LISTEN")


async def test_it_tells_that_all_is_down_and_stops_when_told() -> None:
    settings = {
        "TENSORFLEET_SERVICE_TOKEN": "service-token-of-the-tests-0123456789",
        "TENSORFLEET_GATEWAY_URL": f"http://{NOWHERE}",
        "TENSORFLEET_MONITORING_METRICS_LISTEN": "",
        **{f"TENSORFLEET_MONITORING_{name}": "127.0.0.1:0" for name in LISTENERS},
        **{f"TENSORFLEET_{name}_ADDRESS": NOWHERE for name in ADDRESSES},
    }
    async with service_process("monitoring", **settings) as process:
        web = f"http://127.0.0.1:{process.started['http_port']}"
        async with httpx.AsyncClient(base_url=web, trust_env=False) as browser:

            async def says_down() -> bool:
                answer = await browser.get("/health")
                return answer.status_code == 503 and answer.json()["status"] == "down"

            await eventually(says_down, timeout_seconds=20)
            health = (await browser.get("/health")).json()
            down = {part["name"] for part in health["components"] if part["status"] == "down"}
            assert down == PARTS
            assert (await browser.get("/")).text.count("does not answer") == len(PARTS)
            metrics = (await browser.get("/metrics")).text
            assert 'tensorfleet_monitoring_component_healthy{component="gateway"} 0.0' in metrics
        status, output = await process.stop()
    assert status == 0
    assert "Traceback" not in output
