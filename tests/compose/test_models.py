"""The composing networks: step by step as at once, in ONNX as in torch, and able to learn."""

from contextlib import suppress

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from sideman.compose.batches import Batches, Diet  # noqa: E402
from sideman.compose.composers import open_composer  # noqa: E402
from sideman.compose.controls import Controls  # noqa: E402
from sideman.compose.decoder import OnnxDecoder  # noqa: E402
from sideman.compose.generate import compose  # noqa: E402
from sideman.compose.keep import write_composer  # noqa: E402
from sideman.compose.models.exporting import WIDEST_GAP, to_onnx, widest_gap  # noqa: E402
from sideman.compose.models.learning import learn  # noqa: E402
from sideman.compose.models.lstm import LSTM  # noqa: E402
from sideman.compose.models.lstm import SIZES as LSTM_SIZES  # noqa: E402
from sideman.compose.models.transformer import SIZES, Transformer  # noqa: E402
from sideman.compose.vocabulary import SIZE  # noqa: E402
from sideman.core.errors import ModelError  # noqa: E402
from sideman.training.loop import Schedule  # noqa: E402
from sideman.training.muon import Muon, orthogonalised  # noqa: E402
from tests.compose.conftest import GENRES  # noqa: E402


def network(kind):
    torch.manual_seed(0)
    return (Transformer(SIZES["tiny"]) if kind == "transformer" else LSTM(LSTM_SIZES["tiny"])).eval()


KINDS = pytest.mark.parametrize("kind", ["transformer", "lstm"])


@KINDS
def test_a_step_with_memory_is_the_forward_pass(kind):
    model, tokens = network(kind), torch.randint(0, SIZE, (2, 20))
    with torch.inference_mode():
        at_once = model(tokens)
        past, scores = model.empty_past(2), []
        for chunk in (tokens[:, :7], *tokens[:, 7:].split(1, 1)):
            last, *past = model.step(chunk, *past)
            scores.append(last)
    assert torch.stack(scores, 1).sub(at_once[:, 6:]).abs().max() < 1e-5


@KINDS
def test_the_future_is_not_heard(kind):
    model, tokens = network(kind), torch.randint(0, SIZE, (1, 12))
    other = tokens.clone()
    other[:, 8:] = (other[:, 8:] + 1) % SIZE
    with torch.inference_mode():
        assert torch.allclose(model(tokens)[:, :8], model(other)[:, :8], atol=1e-6)
        assert not torch.allclose(model(tokens)[:, 8:], model(other)[:, 8:], atol=1e-6)


@KINDS
def test_onnx_gives_the_same_scores_and_int8_runs(kind):
    model = network(kind)
    payload = to_onnx(model)
    assert widest_gap(model, payload) <= WIDEST_GAP
    small = to_onnx(model, int8=True)
    decoder = OnnxDecoder(small)
    first = decoder.feed([1, 2, 3])
    assert first.shape == (SIZE,)
    assert np.isfinite(first).all()
    decoder.feed([4])
    decoder.reset()
    assert np.array_equal(decoder.feed([1, 2, 3]), first)


def test_what_is_no_network_is_refused():
    with pytest.raises(ModelError, match="not a usable composer"):
        OnnxDecoder(b"nothing")


@pytest.mark.parametrize("shape", [(32, 32), (16, 48), (48, 16)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(shape)))
    assert 0.3 < values.min() <= values.max() < 1.3
    assert torch.isfinite(orthogonalised(torch.zeros(shape))).all()


def test_muon_walks_downhill():
    torch.manual_seed(0)
    weight, goal = torch.nn.Parameter(torch.zeros(8, 8)), torch.randn(8, 8)
    optimizer = Muon([weight], 0.05, weight_decay=0.0)
    losses = []
    for _ in range(60):
        loss = (weight - goal).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.3 * losses[0]


def train(corpus, steps, checkpoint=None, stop=None):
    """Tiny training with Muon; stopped after ``stop`` steps as by Ctrl-C."""
    model, losses = network("transformer"), []
    batches = Batches(corpus, "train", Diet(context=48), genres=GENRES)

    def on_step(step, loss):
        losses.append(loss)
        if step + 1 == stop:
            raise KeyboardInterrupt

    schedule = Schedule(steps, 3e-3, checkpoint_every=10, rate="trapezoid", muon=True, averaging=0.5)
    with suppress(KeyboardInterrupt):
        learn(model, batches, None, schedule, batch_size=2, checkpoint=checkpoint, on_step=on_step)
    return model, losses


def test_training_lowers_the_loss_and_a_resumed_run_ends_in_the_same_weights(corpus, tmp_path):
    whole, losses = train(corpus, 30)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:3])
    train(corpus, 30, tmp_path / "state", stop=15)
    resumed, rest = train(corpus, 30, tmp_path / "state")
    assert len(rest) == 20  # from the pause after step 10
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_composer_kept_as_files_composes(corpus, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    card = write_composer(
        folder / "composer", to_onnx(network("transformer")), corpus, corpus.part("train"), corpus.part("test"),
        genre_tokens=GENRES, context=64, facts={"name": "mine"},
    )  # fmt: skip
    composer = open_composer(folder)
    assert composer.name == "mine"
    assert set(composer.genres) == set(GENRES)
    assert card["copy_limit"] >= 24
    piece = compose(Controls(genre="jazz", bars=3, tempo_bpm=90, instruments=(0, 128)), composer, tries=1)
    assert len(piece.score.bars()) == 3
    (folder / "composer.onnx").write_bytes(b"damaged")
    open_composer.cache_clear()
    with pytest.raises(ModelError, match="checksum"):
        compose(Controls(bars=1), open_composer(folder))
    with pytest.raises(ModelError, match="no composer"):
        open_composer(tmp_path / "missing")
    (folder / "composer.json").write_text('{"sha256": "0"}')
    open_composer.cache_clear()
    with pytest.raises(ModelError, match="no composer's card"):
        open_composer(folder)
