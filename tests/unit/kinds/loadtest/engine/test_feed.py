"""Rows of data for requests."""

from pathlib import Path

import pytest

from tensorfleet.kinds.loadtest.engine.feed import Rows, read_feed
from tensorfleet.kinds.loadtest.spec import Feed
from tensorfleet.shared.errors import InvalidInput


def rows(folder: Path, name: str, text: str, order: str = "sequential") -> Rows:
    (folder / name).write_bytes(text.encode())
    return read_feed(Feed(file=name, order=order), folder)


def test_csv_rows_come_in_turn_and_again(tmp_path: Path) -> None:
    found = rows(tmp_path, "a.csv", "\ufeffuser,word\r\nann,x\r\n\r\nbob,y\r\n")
    assert found.columns == {"feed.user", "feed.word"}
    assert [found.row(n)["feed.user"] for n in range(4)] == ["ann", "bob", "ann", "bob"]


def test_a_quoted_value_keeps_its_line_ends_and_commas(tmp_path: Path) -> None:
    found = rows(tmp_path, "a.csv", 'text,b\n"one,\ntwo\r\nthree\u2028four",1\n')
    assert found.row(0) == {"feed.text": "one,\ntwo\r\nthree\u2028four", "feed.b": "1"}


def test_json_lines_give_texts(tmp_path: Path) -> None:
    found = rows(
        tmp_path, "a.jsonl", '{"a": "x\u2028y", "b": 1.5}\r\n\n{"b": {"c": [1]}, "a": true}'
    )
    assert found.row(0) == {"feed.a": "x\u2028y", "feed.b": "1.5"}
    assert found.row(1) == {"feed.a": "true", "feed.b": '{"c":[1]}'}


def test_a_random_order_has_each_row_once_and_is_the_same_for_every_generator(
    tmp_path: Path,
) -> None:
    text = "n\n" + "".join(f"{n}\n" for n in range(50))
    orders = [
        [int(found.row(n)["feed.n"]) for n in range(50)]
        for found in (rows(tmp_path, "a.csv", text, "random") for _ in range(2))
    ]
    assert orders[0] == orders[1] != list(range(50))
    assert sorted(orders[0]) == list(range(50))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "has no rows"),
        ("a.csv", "user\n", "has no rows"),
        ("a.csv", "a,b\n1\n", "line 2 has not as many values"),
        ("a.csv", "a\n1\n1,2\n", "line 3 has not as many values"),
        ("a.csv", 'a\n"open\n', "is no CSV"),
        ("a.jsonl", "\n", "has no rows"),
        ("a.jsonl", '{"a": 1}\n[1]\n', "line 2 is no JSON object"),
        ("a.jsonl", '{"a": 1}\n{"b": 1}\n', "line 2 has other names"),
    ],
)
def test_a_feed_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        rows(tmp_path, name, text)


def test_a_feed_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"a\n\xe9\n")
    for name in ("none.csv", "latin.csv", "."):
        with pytest.raises(InvalidInput, match="cannot be read"):
            read_feed(Feed(file=name), tmp_path)
    with pytest.raises(InvalidInput, match=r"feed.order"):
        rows(tmp_path, "a.csv", "a\n1\n", "backwards")
