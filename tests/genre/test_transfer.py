"""Transfer: an ONNX network is a torch module again, backbones plug in, a probe learns, and what was heard is told."""

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import onnxruntime  # noqa: E402
from torch import nn  # noqa: E402

from sideman.core.errors import ModelError, UsageError  # noqa: E402
from sideman.datasets.splits import read_folds  # noqa: E402
from sideman.genre.heard import heard_before  # noqa: E402
from sideman.genre.inputs import Input  # noqa: E402
from sideman.genre.models import backbone_weights, transfer  # noqa: E402
from sideman.genre.models.backbones import PLUGINS, open_backbone  # noqa: E402
from sideman.genre.models.onnx_module import OnnxModule  # noqa: E402
from sideman.genre.models.transfer import Settings  # noqa: E402
from sideman.genre.models.waveforms import PowerSpectrum, Resample  # noqa: E402
from sideman.genre.registry import get_model, list_models  # noqa: E402
from sideman.inference.cards import WEIGHTS_FOLDER, read_card  # noqa: E402
from sideman.inference.sessions import open_session  # noqa: E402
from sideman.training.export import to_onnx  # noqa: E402
from sideman.training.task import Examples, Task  # noqa: E402

torch.set_num_threads(1)
FOLDS = Path(__file__).parents[2] / "bench" / "folds" / "gtzan-artists-5.csv"


def pictures(n: int, seed: int = 0) -> np.ndarray:
    return (2 * np.random.default_rng(seed).standard_normal((n, 96, 87))).astype(np.float32)


def task(n_classes: int = 3, per_class: int = 6, shape=(96, 87), seed: int = 0, *, valid: bool = False) -> Task:
    """Classes that differ in one stretch of the picture, two rows a recording."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_classes), per_class * 2)
    x = rng.standard_normal((len(y), *shape)).astype(np.float32)
    size = shape[0] // n_classes
    for row, label in enumerate(y):
        x[row, label * size : (label + 1) * size] += 2.0
    examples = Examples(x, y, np.arange(len(y)) // 2)
    return Task(examples, examples if valid else None, n_classes)


class Everything(nn.Module):
    """A network with the layers that the lab's networks have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, stride=(1, 2), padding=1, groups=1)
        self.norm = nn.BatchNorm2d(8)
        self.gru = nn.GRU(32, 6, batch_first=True, bidirectional=True)
        self.lstm = nn.LSTM(12, 5, batch_first=True)
        self.attend = nn.Linear(5, 1)
        self.ln = nn.LayerNorm(5)
        self.out = nn.Linear(10, 4)

    def forward(self, x):
        y = nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x[:, None]))), 2)
        y = nn.functional.adaptive_avg_pool2d(y, (4, y.shape[3])) if y.shape[2] != 4 else y
        y, _ = self.gru(y.permute(0, 3, 1, 2).flatten(2))
        y, _ = self.lstm(nn.functional.gelu(y))
        y = self.ln(nn.functional.hardswish(y)) + torch.sigmoid(y)
        share = torch.softmax(self.attend(y), 1)
        y = torch.cat([(share * y).sum(1), y.amax(1)], 1)
        return (torch.log_softmax(self.out(y.clamp(-3, 3)), 1),)


@pytest.fixture(scope="module")
def everything() -> bytes:
    torch.manual_seed(0)
    return to_onnx(Everything(), torch.randn(3, 8, 40), "features", ["scores"], half_weights=False)


class TestOnnxAsTorch:
    def test_the_shipped_network_is_repeated(self):
        session = open_session("genre")
        module = OnnxModule(session.card.path)
        x = pictures(5)
        with torch.inference_mode():
            ours = dict(zip(module.outputs, module(torch.from_numpy(x)), strict=True))
        for name, want in session.run(x).items():
            assert np.abs(want - ours[name].numpy()).max() < 1e-4

    def test_recurrent_attention_and_norm_layers_are_repeated(self, everything):
        x = np.random.default_rng(1).standard_normal((5, 8, 40)).astype(np.float32)
        (want,) = onnxruntime.InferenceSession(everything).run(None, {"features": x})
        with torch.inference_mode():
            assert np.abs(OnnxModule(everything)(torch.from_numpy(x)).numpy() - want).max() < 1e-4

    def test_gradients_are_those_of_the_original(self, everything):
        torch.manual_seed(0)
        original, module = Everything().eval(), OnnxModule(everything)
        x = torch.randn(2, 8, 40)
        slopes = []
        for network in (original, module):
            leaf = x.clone().requires_grad_()
            result = network(leaf)
            (result[0] if isinstance(result, tuple) else result)[:, 1].sum().backward()
            slopes.append(leaf.grad)
        assert torch.allclose(slopes[0], slopes[1], atol=1e-5)

    def test_all_that_was_learnt_is_a_parameter_and_nothing_else(self, everything):
        learnt = sum(p.numel() for p in Everything().parameters())
        # Batch norm is folded into the convolution before it: weight and bias become one.
        assert sum(p.numel() for p in OnnxModule(everything).parameters()) == learnt - 16

    def test_outputs_that_are_not_asked_for_leave_no_parameters(self):
        path = WEIGHTS_FOLDER / "genre.onnx"
        embedding, both = OnnxModule(path, ["embedding"]), OnnxModule(path)
        assert sum(p.numel() for p in embedding.parameters()) < sum(p.numel() for p in both.parameters())
        assert embedding(torch.from_numpy(pictures(2))).shape == (2, 256)

    def test_it_can_be_exported_again(self):
        module = OnnxModule(WEIGHTS_FOLDER / "genre.onnx", ["scores", "embedding"])
        payload = to_onnx(module, torch.from_numpy(pictures(2)), "features", ["scores", "embedding"])
        assert OnnxModule(payload)(torch.from_numpy(pictures(3)))[0].shape == (3, 11)

    def test_an_operator_that_is_not_known_is_named(self):
        value = onnx.helper.make_tensor_value_info
        node = onnx.helper.make_node("Det", ["x"], ["y"])
        graph = onnx.helper.make_graph([node], "g", [value("x", 1, [2, 2])], [value("y", 1, [])])
        payload = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]).SerializeToString()
        with pytest.raises(ModelError, match="'Det'"):
            OnnxModule(payload)

    def test_an_output_that_is_not_there_is_named(self):
        with pytest.raises(ModelError, match="no output 'soul'"):
            OnnxModule(WEIGHTS_FOLDER / "genre.onnx", ["soul"])

    def test_what_is_no_network_is_refused(self, tmp_path):
        with pytest.raises(ModelError, match="not an ONNX network"):
            OnnxModule(b"\x08\x99 not a network")
        with pytest.raises(ModelError, match="cannot be read"):
            OnnxModule(tmp_path / "missing.onnx")


RESAMPLE = {to_hz: Resample(22_050, to_hz) for to_hz in (32_000, 16_000)}


class TestFrontEnds:
    @pytest.mark.parametrize("to_hz", [32_000, 16_000])
    @given(hz=st.floats(50, 6200))
    def test_a_tone_keeps_its_pitch_and_level(self, to_hz, hz):
        t = np.arange(22_050) / 22_050
        y = RESAMPLE[to_hz](torch.from_numpy(np.sin(2 * np.pi * hz * t).astype(np.float32))[None])[0].numpy()
        want = np.sin(2 * np.pi * hz * np.arange(to_hz) / to_hz)
        inner = slice(to_hz // 10, -to_hz // 10)
        assert len(y) == to_hz
        assert np.abs(y[inner] - want[inner]).max() < 2e-3

    def test_what_the_new_rate_cannot_hold_is_taken_away(self):
        t = np.arange(22_050) / 22_050
        y = RESAMPLE[16_000](torch.from_numpy(np.sin(2 * np.pi * 9000 * t).astype(np.float32))[None])
        assert float(y[0, 1600:-1600].abs().max()) < 1e-3

    @pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
    def test_power_spectra_are_those_of_the_fourier_transform(self, pad_mode):
        y, window = torch.randn(2, 5000), torch.hann_window(800, periodic=False)
        padded = nn.functional.pad(y[:, None], (400, 400), pad_mode)[:, 0]
        frames = padded.unfold(1, 800, 320) * window
        want = torch.fft.rfft(frames, 1024).abs().square().transpose(1, 2)[:, :300]
        assert torch.allclose(PowerSpectrum(1024, 320, window, 300, pad_mode)(y), want, rtol=1e-3, atol=1e-3)


class TestWeights:
    def test_a_path_with_another_checksum_is_refused(self, tmp_path):
        path = tmp_path / "w.bin"
        path.write_bytes(b"weights")
        digest = hashlib.sha256(b"weights").hexdigest()
        assert backbone_weights.located(str(path), digest) == path
        with pytest.raises(ModelError, match="checksum"):
            backbone_weights.located(str(path), "0" * 64)

    @pytest.mark.parametrize(
        "address, sha256, words",
        [
            ("https://example.org/w.pt", "", "give the sha256"),
            ("http://example.org/w.pt", "0" * 64, "https only"),
            ("file:///etc/hosts", "0" * 64, "https only"),
            ("w.pt", "12", "64 hexadecimal"),
        ],
    )
    def test_an_address_needs_https_and_a_checksum(self, address, sha256, words):
        with pytest.raises(UsageError, match=words):
            backbone_weights.located(address, sha256)

    def test_an_address_is_fetched_once_and_refused_where_the_content_differs(self, tmp_path, monkeypatch):
        asked = []

        def answer(address, timeout):
            asked.append(address)
            return io.BytesIO(b"weights")

        monkeypatch.setattr("urllib.request.urlopen", answer)
        digest = hashlib.sha256(b"weights").hexdigest()
        for _ in range(2):
            path = backbone_weights.located("https://example.org/w.pt", digest, cache=tmp_path)
        assert path.read_bytes() == b"weights"
        assert len(asked) == 1
        with pytest.raises(ModelError, match="checksum"):
            backbone_weights.located("https://example.org/w.pt", "0" * 64, cache=tmp_path)
        assert [p.name for p in path.parent.iterdir()] == [path.name]

    def test_a_network_that_is_down_is_one_line(self, tmp_path, monkeypatch):
        def answer(address, timeout):
            raise ConnectionResetError("reset")

        monkeypatch.setattr("urllib.request.urlopen", answer)
        with pytest.raises(ModelError, match="cannot be fetched"):
            backbone_weights.located("https://example.org/w.pt", "0" * 64, cache=tmp_path)

    def test_teachers_without_weights_say_how_to_name_them(self, monkeypatch):
        monkeypatch.delenv("SIDEMAN_TEACHERS", raising=False)
        for name in ("mn04", "musicnn"):
            with pytest.raises(ModelError, match="weights=PATH"):
                open_backbone(name)

    def test_an_unknown_backbone_is_told_with_those_that_there_are(self):
        with pytest.raises(UsageError, match="ours, mn04, musicnn"):
            open_backbone("theirs")


class TestProbe:
    def test_it_learns_and_exports_what_it_learnt(self):
        given = task()
        fitted = transfer.fit(given, Settings(c=0.1))
        scores = fitted.scores(given.train.x)
        assert (scores.argmax(1) == given.train.y).mean() > 0.9
        assert np.allclose(np.exp(scores).sum(1), 1, atol=1e-5)
        session = onnxruntime.InferenceSession(fitted.to_onnx())
        (exported,) = session.run(["scores"], {"features": given.train.x})
        assert np.abs(exported - scores).max() < 1e-4

    def test_the_same_seed_gives_the_same_scores(self):
        given = task()
        first, second = (transfer.fit(given, Settings()).scores(given.train.x) for _ in range(2))
        assert (first == second).all()

    @pytest.mark.parametrize("valid", [True, False])
    def test_the_penalty_is_chosen_without_the_test(self, valid):
        assert transfer.fit_probe(task(valid=valid), Settings()).c in transfer._STRENGTHS

    def test_a_class_that_is_not_there_gets_the_least_probability(self):
        given = task()
        kept = given.train.y != 1
        less = Examples(given.train.x[kept], given.train.y[kept], given.train.track_of[kept])
        fitted = transfer.fit(replace(given, train=less), Settings(c=0.1))
        assert np.allclose(fitted.scores(given.train.x)[:, 1], np.log(1e-7))
        (exported,) = onnxruntime.InferenceSession(fitted.to_onnx()).run(None, {"features": given.train.x[:8]})
        assert np.abs(exported - fitted.scores(given.train.x[:8])).max() < 1e-4

    def test_a_row_is_heard_once(self, monkeypatch):
        backbone, x = open_backbone("ours"), pictures(3, seed=77)
        first = backbone.embed(x)
        monkeypatch.setattr("sideman.genre.models.backbones._frozen", lambda _: pytest.fail("heard again"))
        assert (backbone.embed(x[::-1]) == first[::-1]).all()
        with pytest.raises(pytest.fail.Exception, match="heard again"):
            backbone.embed(pictures(1, seed=78))

    def test_embeddings_are_those_of_the_shipped_session(self):
        x = pictures(4, seed=5)
        assert np.abs(open_backbone("ours").embed(x) - open_session("genre").run(x)["embedding"]).max() < 1e-4

    def test_other_features_than_the_backbone_hears_are_refused(self):
        with pytest.raises(UsageError, match="hears 'windows'"):
            transfer.fit(task(shape=(60,)), Settings())

    @pytest.mark.parametrize("wrong", [{"c": -1.0}, {"c": float("nan")}, {"frozen": 1.5}])
    def test_settings_out_of_range_are_refused(self, wrong):
        with pytest.raises(UsageError, match="transfer"):
            transfer.fit(task(), Settings(**wrong))

    def test_the_registry_names_all_three_backbones(self):
        for name, backbone in (("transfer", "ours"), ("transfer-mn04", "mn04"), ("transfer-musicnn", "musicnn")):
            spec = get_model(name)
            assert spec.settings().backbone == backbone
            assert spec.input.kind == PLUGINS[backbone].hears


class TestFineTuning:
    settings = Settings(c=0.01, fine_tune=True, epochs=2, batch_size=8, learning_rate=1e-3, frozen=0.5)

    def test_it_changes_the_late_layers_only_and_exports(self):
        given = task(per_class=4)
        fitted = transfer.fit(given, self.settings)
        after = list(fitted.network.network.backbone.parameters())
        before = list(open_backbone("ours").module().parameters())
        same = [torch.equal(a, b) for a, b in zip(after, before, strict=True)]
        half = round(0.5 * len(before))
        assert all(same[:half])
        assert not any(same[half:])
        (exported,) = onnxruntime.InferenceSession(fitted.to_onnx()).run(None, {"features": given.train.x[:5]})
        assert np.abs(exported - fitted.scores(given.train.x[:5])).max() < 1e-4

    def test_it_starts_from_the_probe(self):
        given = task(per_class=4)
        still = replace(self.settings, learning_rate=1e-12, epochs=1, weight_decay=0.0)
        gap = transfer.fit(given, still).scores(given.train.x) - transfer.fit_probe(given, still).scores(given.train.x)
        assert np.abs(gap).max() < 1e-3

    def test_a_fit_that_was_cut_off_goes_on_to_the_same_result(self, tmp_path):
        given = task(per_class=3)

        class CutOffError(Exception):
            pass

        def cut(epoch):
            if epoch.number == 2:
                raise CutOffError

        whole = transfer.fit(given, self.settings).scores(given.train.x)
        checkpoint = tmp_path / "fit.safetensors"
        settings = replace(self.settings)
        with pytest.raises(CutOffError):
            transfer.fit(replace(given, checkpoint=checkpoint, on_epoch=cut), settings)
        assert checkpoint.exists()
        resumed = transfer.fit(replace(given, checkpoint=checkpoint), settings).scores(given.train.x)
        assert (resumed == whole).all()


class TestHonesty:
    def test_the_shipped_card_names_every_recording_whose_label_it_has_learnt(self):
        card = read_card(WEIGHTS_FOLDER / "genre.json").content
        tracks = [row.track for row in read_folds(FOLDS)]
        assert len(tracks) == 518
        assert heard_before(card, tracks) == tracks

    def test_other_recordings_are_not_among_them(self):
        card = read_card(WEIGHTS_FOLDER / "genre.json").content
        assert heard_before(card, ["song.00001", "blues.00000"]) == ["blues.00000"]
        assert heard_before(card, ["blues.00000"], data="mine") == []
        assert heard_before({}, ["blues.00000"]) == []

    def test_the_card_still_belongs_to_its_weights(self):
        content = json.loads((WEIGHTS_FOLDER / "genre.json").read_text())
        assert hashlib.sha256((WEIGHTS_FOLDER / "genre.onnx").read_bytes()).hexdigest() == content["sha256"]


@pytest.mark.data
class TestTeachers:
    @pytest.fixture(autouse=True)
    def _weights(self):
        if not os.environ.get("SIDEMAN_TEACHERS"):
            pytest.skip("SIDEMAN_TEACHERS names no folder with efficientat_mn04 and msd_musicnn")

    @pytest.mark.parametrize("name", ["mn04", "musicnn"])
    def test_they_hear_as_their_own_front_ends_and_export_with_them(self, name):
        from sideman.genre.recipe.teachers import MN_EMBEDDING, MUSICNN_HIDDEN, Teachers
        from tests.genre.clips import song

        given = Input("samples", 2.0, level=True)
        x = np.stack([given.features(song(2.0, seed)[:44_100]) for seed in range(6)])
        targets = Teachers.load(Path(os.environ["SIDEMAN_TEACHERS"])).targets(x)
        want = targets[:, MN_EMBEDDING if name == "mn04" else MUSICNN_HIDDEN]
        embedding = open_backbone(name).embed(x)
        assert np.corrcoef(embedding.ravel(), want.ravel())[0, 1] > 0.999
        fitted = transfer.fit(
            Task(Examples(x, np.arange(6) % 2, np.arange(6)), None, 2), Settings(backbone=name, c=0.01)
        )
        (exported,) = onnxruntime.InferenceSession(fitted.to_onnx()).run(None, {"features": x})
        assert np.abs(exported - fitted.scores(x)).max() < 1e-4


class TestNetworksOfTheLab:
    @pytest.mark.parametrize(
        "name",
        [
            pytest.param(spec.name, marks=() if spec.name == "transformer-mel" else pytest.mark.slow)
            for spec in list_models()
            if spec.family == "network"
        ],
    )
    def test_every_one_of_them_is_a_torch_module_again(self, name):
        spec = get_model(name)
        rng = np.random.default_rng(0)
        x = rng.standard_normal((12, *spec.input.shape)).astype(np.float32)
        few = Task(Examples(x, np.arange(12) % 3, np.arange(12)), None, 3)
        payload = spec.load().fit(few, replace(spec.settings(), epochs=1)).to_onnx()
        (want,) = onnxruntime.InferenceSession(payload).run(None, {"features": x})
        leaf = torch.from_numpy(x).requires_grad_()
        got = OnnxModule(payload)(leaf)
        assert np.abs(got.detach().numpy() - want).max() < 1e-4
        got[:, 1].sum().backward()
        assert float(leaf.grad.abs().max()) > 0
