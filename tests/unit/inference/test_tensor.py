"""Whether inputs fit a signature."""

import pytest

from tensorfleet.inference.tensor import DataType, Tensor, TensorSpec, match_inputs
from tensorfleet.shared.errors import InvalidInput

ROW = TensorSpec(name="row", data_type=DataType.FLOAT32, shape=(-1, 2))
FLAG = TensorSpec(name="flag", data_type=DataType.BOOL, shape=(-1,))
FIXED = TensorSpec(name="fixed", data_type=DataType.INT64, shape=(3, -1))


def tensor(
    name: str = "row",
    data_type: DataType = DataType.FLOAT32,
    shape: tuple[int, ...] = (1, 2),
    size_bytes: int = 8,
) -> Tensor:
    return Tensor(name=name, data_type=data_type, shape=shape, data=bytes(size_bytes))


def test_inputs_come_in_the_order_of_the_signature() -> None:
    flag = tensor("flag", DataType.BOOL, (1,), 1)
    assert match_inputs([ROW, FLAG], [flag, tensor()]) == [tensor(), flag]


def test_only_input_needs_no_name() -> None:
    assert match_inputs([ROW], [tensor(name="")]) == [tensor(name="")]


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_any_number_of_rows_fits(rows: int) -> None:
    given = tensor(shape=(rows, 2), size_bytes=rows * 8)
    assert match_inputs([ROW], [given]) == [given]


@pytest.mark.parametrize("data_type", [t for t in DataType if t is not DataType.BOOL])
def test_every_type_of_number_may_be_convertible(data_type: DataType) -> None:
    sizes = {DataType.UINT8: 1, DataType.INT32: 4, DataType.FLOAT32: 4}
    given = tensor(data_type=data_type, size_bytes=2 * sizes.get(data_type, 8))
    assert match_inputs([ROW], [given]) == [given]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (tensor(shape=(1, 3), size_bytes=12), r"shape \[1, 3\].*\[batch, 2\]"),
        (tensor(shape=(2,)), r"shape \[2\].*\[batch, 2\]"),
        (tensor(shape=()), r"shape \[\]"),
        (tensor(shape=(-1, 2)), r"shape \[-1, 2\]"),
        (tensor(shape=(1,) * 40), "shape"),
        (tensor(shape=(0, 2), size_bytes=0), "at least one row"),
        (tensor(size_bytes=7), r"7 bytes.*takes 8"),
        (tensor(size_bytes=0), r"0 bytes"),
        (tensor(shape=(2**40, 2), size_bytes=8), r"8 bytes"),
        (tensor(data_type=DataType.BOOL, size_bytes=2), r"type bool.*takes float32"),
        (tensor(name="x"), r"'x' is not known; the model's inputs are 'row'"),
    ],
)
def test_input_that_does_not_fit_is_refused(given: Tensor, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        match_inputs([ROW], [given])
    assert [field.field for field in caught.value.fields] == [f"inputs.{given.name}"]


def test_number_is_no_truth_value() -> None:
    with pytest.raises(InvalidInput, match=r"type uint8.*takes bool"):
        match_inputs([FLAG], [tensor("flag", DataType.UINT8, (1,), 1)])


def test_free_extent_after_the_first_is_called_any() -> None:
    with pytest.raises(InvalidInput, match=r"\[3, any\]"):
        match_inputs([FIXED], [tensor("fixed", DataType.INT64, (2, 1), 16)])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "'row' is missing"),
        ([tensor()], "'flag' is missing"),
        ([tensor(), tensor(), tensor("flag", DataType.BOOL, (1,), 1)], "'row' is given twice"),
        ([tensor(name=""), tensor("flag", DataType.BOOL, (1,), 1)], "'' is not known"),
        ([tensor(), tensor("flag", DataType.BOOL, (2,), 2)], "'row' has 1, 'flag' has 2"),
    ],
)
def test_wrong_set_of_inputs_is_refused(given: list[Tensor], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        match_inputs([ROW, FLAG], given)
