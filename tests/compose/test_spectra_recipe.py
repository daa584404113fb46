"""The shipped vocoder and generators from nothing to weights that make sound, on material made on the spot."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
for needed in ("onnx", "safetensors", "symusic", "sklearn"):
    pytest.importorskip(needed)

from sideman.compose.models import dcgan, flow, vocoder  # noqa: E402
from sideman.compose.recipe import spectra  # noqa: E402
from sideman.compose.recipe.spectra import PARTS, SHORT, run  # noqa: E402
from sideman.compose.spectra.imagine import Wish, imagine  # noqa: E402
from sideman.compose.spectra.imaginers import open_imaginer  # noqa: E402
from sideman.compose.vocoder import vocode  # noqa: E402
from sideman.genre.recipe import default  # noqa: E402
from sideman.inference.sessions import session_of  # noqa: E402
from tests.genre.sources import make_sources  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run with tiny networks: (work, out, cards)."""
    folder = tmp_path_factory.mktemp("spectra")
    sources = make_sources(folder / "material", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default, "EXCERPTS", {"pop909": 2, "groove": 2, "freedoom": 2})
        patch.setattr(spectra, "_EXCERPTS", default.Amounts(excerpts=0.001))
        for settings, small in (
            (vocoder.Settings, (16, 24, 1)), (flow.Settings, (16, 2, 1)), (dcgan.Settings, (8, 4, True))
        ):  # fmt: skip
            patch.setattr(settings.__init__, "__defaults__", small)
        cards = run(sources, PARTS, folder / "work", folder / "out", SHORT)
    return folder / "work", folder / "out", cards


def test_every_card_tells_what_was_learnt_from_what_and_for_how_long(made):
    _, out, cards = made
    assert set(cards) == {"vocoder", "spectra-flow", "spectra-dcgan"}
    for name, card in cards.items():
        assert json.loads((out / f"{name}.json").read_text()) == card
        assert card["data"]["gtzan"].startswith("10 clips"), "the judged fold was learnt from"
        assert card["training"]["core_seconds"] >= 0
        assert "research" in card["licence"]
    assert "rendered" in cards["vocoder"]["data"]


def test_the_page_names_every_file(made):
    page = (made[1] / "spectra.md").read_text()
    for card in made[2].values():
        assert card["sha256"] in page


def test_what_was_made_makes_sound(made):
    _, out, _ = made
    for name in ("flow", "dcgan"):
        folder = out.parent / name
        folder.mkdir()
        for suffix in ("json", "onnx"):
            (folder / f"spectra.{suffix}").write_bytes((out / f"spectra-{name}.{suffix}").read_bytes())
        mel = imagine(open_imaginer(folder), Wish("jazz", steps=2), 2.0)
        sound = vocode(mel, session=session_of(out / "vocoder.json"))
        assert np.isfinite(sound).all()
        assert sound.std() > 0


def test_the_clips_of_the_judged_fold_are_missing_from_the_corpus(made):
    pieces = json.loads((made[0] / "train" / "pieces.json").read_text())["pieces"]
    assert not [p for p in pieces if ".00001." in p["recording"]["path"]]
