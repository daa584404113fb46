"""Weights and their cards: what is not exactly what the card says never runs, and says so in one line."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from sideman.core.errors import ModelError
from sideman.inference import cards, sessions
from sideman.inference.cards import WEIGHTS_FOLDER, list_weights, read_card, sha256_of, verify
from sideman.inference.sessions import Session, open_session

# An ONNX file as it comes, 131 bytes: x (n, 3) -> double = x + x, same = x.
NETWORK = (
    b'\x08\x08\x12\x00:w\n\x13\n\x01x\n\x01x\x12\x06double"\x03Add\n\x13\n\x01x\x12\x04same"\x08Identity\x12\x01g'
    b"Z\x14\n\x01x\x12\x0f\n\r\x08\x01\x12\t\n\x03\x12\x01n\n\x02\x08\x03"
    b"b\x19\n\x06double\x12\x0f\n\r\x08\x01\x12\t\n\x03\x12\x01n\n\x02\x08\x03"
    b"b\x17\n\x04same\x12\x0f\n\r\x08\x01\x12\t\n\x03\x12\x01n\n\x02\x08\x03B\x04\n\x00\x10\r"
)


def put(folder, name="twice", network=NETWORK, **changes):
    """Weights and a card that fits them, but for ``changes``."""
    (folder / f"{name}.onnx").write_bytes(network)
    card = {"name": name, "sha256": hashlib.sha256(network).hexdigest(), **changes}
    (folder / f"{name}.json").write_text(json.dumps(card))
    return folder


def one_line(caught) -> str:
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def test_a_session_runs_the_network_on_batches_of_any_size(tmp_path):
    session = open_session("twice", put(tmp_path))
    assert session.outputs == ("double", "same")
    for n in (1, 2, 17):
        x = np.random.default_rng(n).standard_normal((n, 3)).astype(np.float32)
        out = session.run(x)
        np.testing.assert_array_equal(out["double"], 2 * x)
        np.testing.assert_array_equal(out["same"], x)


def test_a_session_is_made_once(tmp_path):
    put(tmp_path)
    assert open_session("twice", tmp_path) is open_session("twice", tmp_path)


def test_a_failure_is_not_remembered(tmp_path):
    put(tmp_path, sha256="0" * 64)
    with pytest.raises(ModelError):
        open_session("twice", tmp_path)
    put(tmp_path)
    assert open_session("twice", tmp_path).card.name == "twice"


def test_a_session_uses_one_thread(tmp_path):
    options = Session(read_card(put(tmp_path) / "twice.json"))._session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.inter_op_num_threads == 1


def test_a_network_that_is_not_the_card_s_does_not_run(tmp_path):
    put(tmp_path)
    (tmp_path / "twice.onnx").write_bytes(NETWORK[:-1] + b"\x0e")
    with pytest.raises(ModelError) as caught:
        open_session("twice", tmp_path)
    assert "twice.onnx" in one_line(caught)
    assert "checksum" in one_line(caught)


@pytest.mark.parametrize("network", [NETWORK[:60], b"", b"not a network at all"], ids=["truncated", "empty", "text"])
def test_a_damaged_network_is_refused_even_with_a_fitting_checksum(tmp_path, network):
    with pytest.raises(ModelError) as caught:
        open_session("twice", put(tmp_path, network=network))
    assert "twice.onnx" in one_line(caught)


def test_weights_without_a_network_are_refused(tmp_path):
    put(tmp_path)
    (tmp_path / "twice.onnx").unlink()
    with pytest.raises(ModelError) as caught:
        open_session("twice", tmp_path)
    assert "twice.onnx: cannot read the weights" in one_line(caught)


def test_an_unknown_name_tells_what_is_there(tmp_path):
    put(tmp_path, "one")
    put(tmp_path, "two")
    with pytest.raises(ModelError) as caught:
        open_session("three", tmp_path)
    assert "(there: one, two)" in one_line(caught)


def test_an_empty_folder_says_none(tmp_path):
    with pytest.raises(ModelError, match="there: none"):
        open_session("genre", tmp_path)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(ModelError) as caught:
        read_card(tmp_path / "genre.json")
    assert "genre.json: cannot read the model card" in one_line(caught)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"abc"', b"null", b"{}", b'{"name": "genre"}', b"\xff\xfe\x00"],
    ids=["empty", "cut", "list", "string", "null", "no keys", "no checksum", "binary"],
)
def test_what_is_no_card_is_refused(tmp_path, content):
    (tmp_path / "genre.json").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_card(tmp_path / "genre.json")
    assert "genre.json: not a model card" in one_line(caught)


def test_the_checksum_is_sha256(tmp_path):  # the example of FIPS 180-2
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_cards_are_listed_by_name(tmp_path):
    for name in ("b", "a"):
        put(tmp_path, name)
    assert [card.name for card in list_weights(tmp_path)] == ["a", "b"]


def test_every_shipped_network_is_the_one_on_its_card():
    shipped = list_weights()
    assert "genre" in {card.name for card in shipped}
    for card in shipped:
        verify(card)
    assert {path.stem for path in WEIGHTS_FOLDER.glob("*.onnx")} == {card.name for card in shipped}


def test_the_shipped_genre_network_is_small_and_fits_the_contract():
    session = open_session("genre")
    assert session.card.path.stat().st_size <= 5_000_000
    out = session.run(np.zeros((3, 96, 87), np.float32))
    assert out["scores"].shape == (3, 11)
    assert out["embedding"].shape == (3, 256)
    assert (out["embedding"] >= 0).all()


def test_cards_are_read_without_loading_the_runtime():
    code = "import sys, sideman.inference.cards as c; c.list_weights(); print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_default_folder_is_the_package_s():
    assert cards.WEIGHTS_FOLDER == sessions.WEIGHTS_FOLDER
    assert WEIGHTS_FOLDER.parent.name == "inference"
