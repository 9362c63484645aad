"""Which answers are kept."""

from tensorfleet.gateway.results.answer_cache import AnswerCache, KeptAnswer


def answer(size: int) -> KeptAnswer:
    return KeptAnswer(body=bytes(size), etag="", is_gzip=False)


def test_answer_used_longest_ago_goes_first() -> None:
    cache = AnswerCache(most_bytes=30, most_entry_bytes=20)
    for key in "abc":
        cache.keep(key, answer(10))
    assert cache.find("a") is not None
    cache.keep("d", answer(10))
    assert [key for key in "abcd" if cache.find(key)] == ["a", "c", "d"]
    cache.keep("e", answer(20))
    assert [key for key in "acde" if cache.find(key)] == ["d", "e"]


def test_too_large_answer_is_not_kept_and_puts_nothing_out() -> None:
    cache = AnswerCache(most_bytes=30, most_entry_bytes=20)
    cache.keep("a", answer(10))
    cache.keep("b", answer(21))
    assert cache.find("b") is None
    assert cache.find("a") is not None


def test_replaced_answer_counts_once() -> None:
    cache = AnswerCache(most_bytes=30, most_entry_bytes=20)
    for _ in range(10):
        cache.keep("a", answer(10))
    cache.keep("b", answer(20))
    assert cache.find("a") is not None
