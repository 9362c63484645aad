"""Cases of gRPC calls, against a real server: good answers, wrong ones, none; steps and feeds."""

from pathlib import Path

import pytest

from tensorfleet.kinds.loadtest.spec import Checks, Feed, Step
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tests.integration.kinds.loadtest.engine.points import generating, limits, point_of, spec_of
from tests.wire.kinds.loadtest.engine.shop_server import SERVICE, shop_server, write_protos

PRICE = f"{SERVICE}/Price"


def price(name: str = "apple", pieces: object = 3, **fields: object) -> Step:
    given: dict[str, object] = {
        "rpc": PRICE,
        "message": {"item": {"name": name}, "pieces": pieces},
    }
    return Step(**(given | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("grpc_proto", ["", "shop/v1/shop.proto"], ids=["reflection", "proto"])
async def test_every_call_is_answered_checked_and_has_its_metadata(
    tmp_path: Path, grpc_proto: str
) -> None:
    write_protos(tmp_path)
    step = price(
        headers={"Caller": "call ${counter}"},
        checks=Checks(json_equals={"price_in_cents": "750"}),
    )
    async with shop_server(tmp_path) as shop:
        outcome = await point_of(spec_of(shop.target, step, grpc_proto=grpc_proto), folder=tmp_path)
    assert outcome.counts.answered == outcome.counts.sent == 20
    assert outcome.counts.statuses == {"OK": 20}
    callers = {str(metadata["caller"]) for metadata in shop.metadata}
    assert callers == {f"call {number}" for number in range(20)}


async def test_steps_take_rows_and_hand_values_on(tmp_path: Path) -> None:
    write_protos(tmp_path)
    (tmp_path / "rows.csv").write_text("pieces\n2\n")
    first = price(pieces="${feed.pieces}", name="first", extract={"cents": "json:price_in_cents"})
    second = price(pieces="${cents}", checks=Checks(json_equals={"price_in_cents": "125000"}))
    async with shop_server(tmp_path) as shop:
        spec = spec_of(shop.target, first, second, feed=Feed(file="rows.csv"))
        outcome = await point_of(spec, folder=tmp_path)
    assert outcome.counts.answered == 20
    assert [(step.answered, step.failed) for step in outcome.part.steps] == [(20, 0), (20, 0)]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (price("gold"), "STATUS"),
        (price("patience", timeout_seconds=0.1), "TIMEOUT"),
        (price(checks=Checks(json_equals={"price_in_cents": "1"})), "CHECK"),
        (price(extract={"x": "json:no.such"}), "EXTRACT"),
        (price(pieces="${counter}x"), "TEMPLATE"),
    ],
    ids=["refused", "late", "wrong", "missing", "unfit"],
)
async def test_what_is_no_good_answer_is_counted_by_its_code(
    tmp_path: Path, step: Step, code: str
) -> None:
    write_protos(tmp_path)
    async with shop_server(tmp_path) as shop:
        outcome = await point_of(spec_of(shop.target, step), folder=tmp_path)
    assert outcome.counts.errors == {code: 20}
    assert code in outcome.part.notes


async def test_a_server_that_is_down_or_lacks_the_method_is_told_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    write_protos(tmp_path)
    async with shop_server(tmp_path) as shop:
        wrong = spec_of(shop.target, Step(rpc=f"{SERVICE}/Prise"))
        with pytest.raises(InvalidInput, match="Price"):
            async with generating(wrong, tmp_path):
                pass
    down = spec_of(shop.target, price(), limits=limits(connect_timeout_seconds=0.5))
    with pytest.raises(Unavailable, match="Check the address"):
        async with generating(down, tmp_path):
            pass
