"""The networks: shapes and sizes as their pages tell, and teachers that are read only from what they are."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sideman.core.errors import ModelError  # noqa: E402
from sideman.genre.models import backbone, efficientat, musicnn  # noqa: E402
from sideman.genre.models.backbone import Backbone, BackboneConfig  # noqa: E402
from sideman.genre.recipe import teachers as teachers_module  # noqa: E402
from sideman.genre.recipe.teachers import N_TARGETS, Teachers, target_weights  # noqa: E402


def size(model, without: tuple[str, ...] = ()) -> int:
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith(without))


def told_size(module) -> float:
    """Millions of parameters as the module's page says."""
    return float(re.search(r"([\d.]+) M parameters", module.__doc__)[1])


# --- Sideman's own ------------------------------------------------------------------------------------------------


def test_the_backbone_has_the_documented_size():
    shipped = size(Backbone(), without=("teacher_head", "detail_head"))
    assert shipped / 1e6 == pytest.approx(told_size(backbone), abs=0.01)


def test_the_backbone_makes_embedding_targets_and_scores():
    network = Backbone().eval()
    with torch.inference_mode():
        embedding, targets, scores = network(torch.randn(3, 96, 87))
    assert embedding.shape == (3, 256)
    assert targets.shape == (3, N_TARGETS)
    assert scores.shape == (3, 11)
    assert (embedding >= 0).all()


def test_the_backbone_hears_each_window_by_itself():
    torch.manual_seed(0)
    network = Backbone(BackboneConfig(widths=(8, 16))).eval()
    x = torch.randn(4, 96, 87)
    with torch.inference_mode():
        together = network(x)
        alone = [network(x[i : i + 1]) for i in range(4)]
    for output, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(output, torch.cat(parts), atol=1e-5, rtol=1e-5)


def test_dropout_acts_on_the_heads_alone():
    torch.manual_seed(0)
    network = Backbone(BackboneConfig(widths=(8, 16))).eval()
    network.dropout.train()
    x = torch.randn(2, 96, 87)
    with torch.inference_mode():
        (first, _, scores), (second, _, others) = network(x), network(x)
    assert torch.equal(first, second)
    assert not torch.equal(scores, others)


def test_sizes_follow_the_configuration():
    config = BackboneConfig(n_mels=40, widths=(4, 8), embedding_size=12, n_classes=5)
    embedding, _, scores = Backbone(config).eval()(torch.randn(2, 40, 33))
    assert embedding.shape == (2, 12)
    assert scores.shape == (2, 5)


# --- teachers -----------------------------------------------------------------------------------------------------


def test_efficientat_has_the_documented_size_and_shapes():
    network = efficientat.EfficientAT().eval()
    assert size(network) / 1e6 == pytest.approx(told_size(efficientat), abs=0.01)
    with torch.inference_mode():
        assert network.log_mel(torch.randn(2, 32_000)).shape[:3] == (2, 1, 128)
        embedding, classes = network(0.1 * torch.randn(2, 64_000))
    assert embedding.shape == (2, efficientat.EMBEDDING_SIZE)
    assert classes.shape == (2, 527)


def test_efficientat_s_filters_are_htk_triangles_up_to_15_khz():
    bank = efficientat._kaldi_mel_bank().numpy()
    assert bank.shape == (128, 513)
    assert bank.min() == 0
    assert 0.5 < bank.max() <= 1
    hz = np.arange(513) * 32_000 / 1024
    assert (bank[:, hz > 15_000] == 0).all()
    peaks = hz[bank.argmax(1)]
    mel = 2595 * np.log10(1 + peaks[20:] / 700)  # HTK; the lowest filters are narrower than a bin
    assert np.abs(np.diff(mel) - np.diff(mel).mean()).max() < 2595 * np.log10(1 + 32_000 / 1024 / 1000)


def test_musicnn_has_the_documented_size_and_shapes():
    network = musicnn.MusiCNN().eval()
    assert size(network) / 1e6 == pytest.approx(told_size(musicnn), abs=0.01)
    with torch.inference_mode():
        hidden, pooled, tags = network(torch.rand(2, 126, 96))
    assert hidden.shape == (2, musicnn.EMBEDDING_SIZE)
    assert pooled.shape == (2, 1506)
    assert tags.shape == (2, 50)


@pytest.mark.parametrize("module", [efficientat, musicnn])
@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 100], ids=["missing", "empty", "nonsense"])
def test_wrong_weights_are_refused_in_one_line(tmp_path, module, content):
    """Found: nonsense ended in torch's own error, with the advice to load it unsafely."""
    if module is musicnn:
        pytest.importorskip("h5py")
    path = tmp_path / "weights"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        module.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"a": torch.ones(3)}, tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("other.pt", "list.pt"):
        with pytest.raises(ModelError, match="of another network"):
            efficientat.load(tmp_path / name)


def test_pickled_code_in_weights_is_never_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"a": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(ModelError):
        efficientat.load(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_hdf5_of_another_network_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["model_weights"] = np.zeros(3)
    with h5py.File(tmp_path / "shapes.h5", "w") as file:
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            file[f"model_weights/batch_normalization/batch_normalization/{name}:0"] = np.zeros(5, "f4")
    for path in sorted(tmp_path.glob("*.h5")):
        with pytest.raises(ModelError, match=path.name):
            musicnn.load(path)


def test_targets_join_both_teachers_in_the_documented_order():
    torch.manual_seed(0)
    both = Teachers(efficientat.EfficientAT().eval(), musicnn.MusiCNN().eval())
    samples = 0.1 * np.random.default_rng(0).standard_normal((3, 44_100)).astype(np.float32)
    targets = both.targets(samples, batch=2)
    assert targets.shape == (3, N_TARGETS)
    with torch.inference_mode():
        embedding, classes = both.mn(teachers_module._resampled(samples, 32_000))
        hidden, pooled, tags = both.musicnn(teachers_module._musicnn_input(samples))
    parts = {"MN_EMBEDDING": embedding, "MUSICNN_HIDDEN": hidden, "MUSICNN_TAGS": tags, "MN_CLASSES": classes}
    parts["MUSICNN_POOLED"] = pooled
    for name, part in slices().items():
        np.testing.assert_allclose(targets[:, part], parts[name].numpy(), atol=1e-3, rtol=1e-3)


def slices() -> dict[str, slice]:
    """The named parts of the target vector."""
    named = {name: value for name, value in vars(teachers_module).items() if isinstance(value, slice)}
    return {name: part for name, part in named.items() if name != "FEATURES"}


def test_the_parts_tile_the_target_vector_and_all_count():
    parts = sorted(slices().values(), key=lambda part: part.start)
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == N_TARGETS
    shares = tuple(range(1, len(parts) + 1))
    weights = target_weights(shares)
    assert weights.shape == (N_TARGETS,)
    for part, share in zip(teachers_module.PARTS, shares, strict=True):  # the units of one part count alike
        assert len(np.unique(weights[part])) == 1
        assert weights[part].sum() == pytest.approx(share, rel=1e-4)


@pytest.fixture(scope="module")
def real():
    folder = os.environ.get("SIDEMAN_TEACHERS")
    if not folder:
        pytest.skip("SIDEMAN_TEACHERS names no folder with efficientat_mn04 and msd_musicnn")
    pytest.importorskip("h5py")
    return Teachers.load(Path(folder))


@pytest.mark.data
def test_the_real_teachers_load_and_tell_a_tone_from_music(real):
    t = np.arange(44_100) / 22_050
    tone = 0.1 * np.sin(2 * np.pi * 440 * t)
    chord = sum(np.sin(2 * np.pi * hz * t) * np.exp(-2 * (t % 0.5)) for hz in (261.6, 329.6, 392.0)) * 0.05
    targets = real.targets(np.stack([tone, chord]).astype(np.float32))
    assert targets.shape == (2, N_TARGETS)
    assert np.isfinite(targets).all()
    classes = targets[:, teachers_module.MN_CLASSES]
    sine_wave, music = 501, 137  # indices of AudioSet's "Sine wave" and "Music"
    assert sine_wave in np.argsort(classes[0])[-5:]
    assert music in np.argsort(classes[1])[-5:]


@pytest.mark.data
def test_missing_teachers_are_named(real, tmp_path):
    with pytest.raises(ModelError, match="mn04_as_mAP_432"):
        Teachers.load(tmp_path)
