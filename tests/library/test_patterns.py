"""Regular expressions of queries: those that could take for ever are refused before they are tried."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.core.errors import UsageError
from sideman.library.patterns import pattern_of

SLOW = [
    "(a+)+$", "(a*)*b", "(a|ba)+$", "(a|ab)*c", "((a{2,})){3}", "(?:a+){2,}b", "(?P<x>a+)+b", "([ab]+)*c", "((a+)?)+b",
    "((x)(a+))*y", "(?=a+)+b", "a*a*a*a*a*b", r"(\(a+)+", "a?" * 30 + "a" * 30, "(a|ba)" * 30 + "b",
    "a{0,20}" * 20 + "b", "a{0,3}" * 20 + "b", "(a{,}){,}!", "(?x)#[\n(a+)+!#]", "(?x:#[\n(a+)+!#]\n)b", "(?:a?){30}a!",
    "(?:a?a?)*!", "a?a?a?a?a?a?a?a?.*.*.*.*!", "a.*.*.*.*!", "(?:){2000000000}", "(?:(?:){60000}){60000}a",
]  # fmt: skip
QUICK = [
    "^the .*", "(live|demo)$", r"\(live\)", "[+*]{2}", r"a\+\+", "(feat|ft)\\. .+", "(x+)?y", "[^]]+", "[]a]+",
    "(?i:abc)+", "(ab)+", "\\[(a|b)\\]", "{}", "a{,}", "[(]a+[)]+", ".*?a.*?b", "|".join("abcdefghijklmnopqrst"),
    "19[0-9]{2}", "[[]a", ".*love.*", ".*a.*b.*", "(a|b)+$", "(?x) a # or (b+)+",
]  # fmt: skip


@pytest.mark.parametrize("text", SLOW)
def test_nested_repetitions_are_refused(text):
    with pytest.raises(UsageError, match="for ever"):
        pattern_of("title", text)


@pytest.mark.parametrize("text", QUICK)
def test_what_people_write_is_taken(text):
    pattern_of("title", text)


@pytest.mark.parametrize("text", ["(", "[", "*", "a{99999999999}", "(?P<x", "(" * 3000])
def test_what_is_no_expression_is_told_in_one_line(text):
    with pytest.raises(UsageError) as error:
        pattern_of("title", text)
    assert "\n" not in str(error.value)


@given(st.text(alphabet="ab()*+?|{},2[]^\\.", max_size=12))
def test_what_is_taken_is_quick(text):
    try:
        pattern = pattern_of("title", text)
    except UsageError:
        return
    began = time.process_time()
    pattern.search("a" * 60 + "!")
    assert time.process_time() - began < 2.0


def test_a_text_that_is_too_long_for_an_expression_is_told_before_it_is_tried():
    pattern = pattern_of("comment", "a.*b.*c.*d")
    assert pattern.search("A cab can dodge")
    began = time.process_time()
    with pytest.raises(UsageError, match="takes too long"):
        pattern.search("ab" * 5000)
    assert time.process_time() - began < 0.1


def test_all_texts_together_may_take_so_long_only(monkeypatch):
    monkeypatch.setattr("sideman.library.patterns._MOST_S", 0.001)
    pattern = pattern_of("title", "a.*a.*!")
    with pytest.raises(UsageError, match="takes too long"):
        for _ in range(1000):
            pattern.search("a" * 100)


def test_what_begins_with_anything_finds_the_same():
    for text in (".*b", ".*?b", ".*.*b|x", ".*"):
        assert pattern_of("title", text).search("ab")
    assert pattern_of("title", ".*?c").search("ab") is None
