"""Composers that have learnt nothing, for tests of what holds for any composer."""

from pathlib import Path

import pytest

from sideman.compose.composers import Composer
from sideman.compose.corpus import Corpus, Source, build
from sideman.compose.originality import Index
from sideman.inference.cards import Card
from sideman.symbolic.score import quantise
from tests.compose.players import Chance
from tests.compose.scores import tune, write_tunes

GENRES = ("folk", "jazz")
PRESETS = [
    {"tempo_bpm": 100.0, "metre": [4, 4], "instruments": [33, 73], "key": [0, False], "valence": 0.4, "arousal": 0.1},
    {"tempo_bpm": 80.0, "metre": [3, 4], "instruments": [0], "key": [9, True], "valence": -0.5, "arousal": -0.3},
]


def composer_of(decoder, *, copy_limit=24, learnt=()):
    """A composer with a decoder of one's own."""
    content = {
        "context": 200,
        "genre_tokens": list(GENRES),
        "genres": {name: {"pieces": 2, "thin": True, "presets": PRESETS} for name in GENRES},
        "copy_limit": copy_limit,
        "human_runs": {},
    }
    composer = Composer("chance", Card("chance", Path("chance.onnx"), "", content))
    composer.__dict__["decoder"] = decoder
    composer.__dict__["index"] = Index.of(quantise(score) for score in learnt)
    return composer


@pytest.fixture(scope="session")
def composer():
    """Draws by chance from what the grammar allows."""
    return composer_of(Chance(), learnt=[tune(1)])


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """48 tunes of two genres, each with a bass."""
    folder = tmp_path_factory.mktemp("corpus")
    paths = write_tunes(folder / "files", 48)
    sources = [Source(str(p), GENRES[i % 2], f"artist {i}", ("one", "two")[i // 24]) for i, p in enumerate(paths)]
    left_out = build(sources, folder / "made", workers=1)
    assert not left_out
    return Corpus(folder / "made")
