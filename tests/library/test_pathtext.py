"""Paths as text: any bytes come back, and what is stored is plain Unicode."""

import os

from hypothesis import example, given
from hypothesis import strategies as st

from sideman.library.pathtext import from_text, normal, to_text


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
@example(b"/music/\xff\xfe.mp3")
@example("/\uf8feff.mp3".encode())
@example("/\uf8fe\uf8fe80".encode() + b"\x80")
def test_any_path_comes_back(name):
    path = os.fsdecode(name)
    text = to_text(path)
    text.encode("utf-8")  # no lone surrogates
    assert from_text(text) == path


@given(st.lists(st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name), min_size=2, unique=True))
def test_two_paths_never_share_a_text(names):
    assert len({to_text(os.fsdecode(name)) for name in names}) == len(names)


def test_valid_paths_are_stored_as_they_are():
    assert to_text("/müsik/日本.mp3") == "/müsik/日本.mp3"


def test_searching_forgets_case_accents_and_spacing():
    assert normal("Mötley  CRÜE\t") == "motley crue"
    assert normal("Straße") == normal("STRASSE")
    assert normal(normal("Ångström")) == normal("Ångström")
