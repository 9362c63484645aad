"""Texts with values and secrets."""

import uuid
from pathlib import Path

import pytest

from tensorfleet.kinds.loadtest.engine.placeholders import (
    MissingValue,
    Template,
    filled,
    names_in,
    secrets_of,
    templates_in,
)
from tensorfleet.shared.errors import InvalidInput


def template(text: str, folder: Path = Path()) -> Template:
    return Template(text, secrets_of(folder))


def test_values_stand_where_their_names_stood() -> None:
    text = template("/${feed.user}/${load}-${load}?n=${counter}$ {x}")
    assert text.names == {"feed.user", "load", "counter"}
    assert text.fixed is None
    values = {"feed.user": "ann", "load": "7", "counter": "3"}
    assert text.fill(values) == "/ann/7-7?n=3$ {x}"


def test_a_text_without_names_is_fixed() -> None:
    assert template("plain $5 {}").fixed == "plain $5 {}"


def test_a_value_is_not_looked_into() -> None:
    assert template("${a}").fill({"a": "${b}"}) == "${b}"


def test_each_uuid_is_a_new_one() -> None:
    text = template("${uuid}")
    first, second = text.fill({}), text.fill({})
    assert first != second
    assert uuid.UUID(first).version == 4


def test_a_missing_value_is_told_by_its_name() -> None:
    with pytest.raises(MissingValue, match="token"):
        template("${token}").fill({})


@pytest.mark.parametrize("text", ["${}", "${1a}", "${a b}", "${a:b}"])
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a placeholder"):
        template(text)


def test_secrets_come_from_the_environment_and_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTEST_TOKEN", "s3cret ${load}")
    (tmp_path / "key").write_bytes(b"abc \r\n")
    text = template("${env:LOADTEST_TOKEN}/${file:key}/${file:" + str(tmp_path) + "/key}", tmp_path)
    assert text.fixed == "s3cret ${load}/abc /abc "


def test_a_secret_that_is_no_text_does_not_break_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTEST_TOKEN", "a\udcffb")  # as a byte of no UTF-8 is shown
    fixed = template("${env:LOADTEST_TOKEN}").fixed
    assert fixed is not None
    assert fixed.encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${env:LOADTEST_NONE}", "environment has no 'LOADTEST_NONE'"),
        ("${file:none}", "cannot be read: No such file"),
        ("${file:.}", "cannot be read: Is a directory"),
        ("${file:large}", "has over 65,536 bytes"),
    ],
)
def test_a_secret_that_is_not_there_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    with pytest.raises(InvalidInput, match=message):
        template(text, tmp_path)


def test_values_stand_in_texts_of_json_and_leave_all_else() -> None:
    value = {"a": ["${x}", 1, None, {"b": "-${y}-"}], "${x}": True}
    made = templates_in(value, secrets_of(Path()))
    assert names_in(made) == {"x", "y"}
    expected = {"a": ["1", 1, None, {"b": "-2-"}], "${x}": True}
    assert filled(made, {"x": "1", "y": "2"}) == expected
