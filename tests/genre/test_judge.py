"""Judging on folds: equal crops, no clip scored by what knows its fold, thresholds that let enough through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.genre.frontend import SAMPLE_RATE_HZ, WINDOW_N
from sideman.genre.predict import log_softmax
from sideman.genre.recipe import judge
from sideman.training.augment import rms
from tests.genre.clips import GENRES, song

quickly = settings(max_examples=25, deadline=None)


def clips(n: int = 20, sources: str = "") -> judge.Clips:
    """Clips 0, 1, ... with two crops each, the genres in turn, four folds, groups of two."""
    return judge.Clips(
        np.zeros((2 * n, 4), np.float32),
        np.repeat(np.arange(n), 2),
        np.arange(n) % 10,
        np.arange(n) % 4,
        np.array([f"g{i // 2}" for i in range(n)]),
        np.array([sources] * n),
        np.array([f"t{i}" for i in range(n)]),
    )


@pytest.mark.parametrize("duration_s, count", [(0.5, 2), (2.0, 2), (2.5, 2), (5.0, 4), (9.5, 8), (15.0, 8), (30.0, 8)])
def test_longer_clips_get_more_crops_up_to_eight(duration_s, count):
    assert judge.equal_crops(song(duration_s)).shape == (count, WINDOW_N)


@quickly
@given(st.integers(1, 12 * SAMPLE_RATE_HZ))
def test_crops_are_stretches_of_the_clip_from_its_start_to_its_end(n):
    clip = np.arange(1, n + 1, dtype=np.float32)
    crops = judge.equal_crops(clip)
    assert (crops > 0).all()  # never padded with zeros
    assert crops[0, 0] == 1
    if n >= WINDOW_N:
        assert crops[-1, -1] == n
        assert (np.diff(crops) == 1).all()
    else:
        np.testing.assert_array_equal(crops[0], np.resize(clip, WINDOW_N))


def test_level_crops_share_one_level_and_one_bandwidth():
    crops = judge.level_crops(np.random.default_rng(0).standard_normal(3 * WINDOW_N).astype(np.float32) * 7)
    for crop in crops:
        assert rms(crop) == pytest.approx(0.1, abs=1e-3)
        power = np.abs(np.fft.rfft(crop)) ** 2
        assert power[18_000:].sum() < 1e-3 * power.sum()  # above 9 kHz


def test_a_clip_s_score_is_the_mean_over_its_crops():
    material = clips(3)
    averaged = material.average(np.arange(12.0).reshape(6, 2))
    assert averaged.tolist() == [[1, 2], [5, 6], [9, 10]]
    assert material.average(np.arange(6.0)).tolist() == [0.5, 2.5, 4.5]


def test_every_clip_is_scored_by_the_network_that_has_not_seen_its_fold():
    material = clips()
    asked = []

    def score(fold):
        asked.append(fold)
        return np.full((40, 1), float(fold))

    assert judge.out_of_fold(score, material)[:, 0].tolist() == material.folds.tolist()
    assert asked == [0, 1, 2, 3]


def probabilities(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(10), n)


def test_the_report_is_the_mean_over_seeds():
    material = clips(40)
    seeds = [probabilities(40, s) for s in range(3)]
    report = judge.report(seeds, material, GENRES, draws=50)
    assert report["all"]["clips"] == 40
    assert report["all"]["balanced_accuracy"] == pytest.approx(np.mean(report["all"]["seeds"]))
    assert report["nine non-classical genres"]["clips"] == 36
    assert report["recall_per_genre"].keys() == set(GENRES)
    assert np.mean(list(report["recall_per_genre"].values())) == pytest.approx(report["all"]["balanced_accuracy"])
    confusion = np.array(report["confusion_first_seed"])
    assert confusion.sum(1).tolist() == [4] * 10
    assert np.trace(confusion) / 40 == pytest.approx(report["all"]["seeds"][0])
    assert len(report["calibration"]["ece"]) == 3


def test_one_source_is_reported_apart_where_there_is_any():
    """Found: without clips of it the report ended in a traceback."""
    p = [probabilities(20, 0)]
    assert "zenny100" not in judge.report(p, clips(20), GENRES, draws=20)
    report = judge.report(p, clips(20, "zenny100"), GENRES, draws=20)
    assert report["zenny100"]["clips"] == 20
    assert report["zenny100"]["seeds"] == report["all"]["seeds"]


def test_thresholds_let_the_documented_shares_through():
    pytest.importorskip("torch")
    from sideman.genre.recipe import publish

    rng = np.random.default_rng(0)
    logits = log_softmax(2 * rng.standard_normal((800, 10)))
    labels = (rng.random((800, 1)) > np.exp(logits).cumsum(1)).sum(1).clip(0, 9)
    clip = np.concatenate([logits, rng.beta(1, 6, (800, 1))], 1)
    chosen = publish.thresholds(clip, labels)
    assert chosen["temperature"] == pytest.approx(1, abs=0.2)
    music = clip[:, -1] <= chosen["max_not_music"]
    assert music.mean() == pytest.approx(publish.MUSIC_KEPT, abs=0.01)
    confidence = np.exp(log_softmax(clip[:, :-1] / chosen["temperature"])).max(1)
    answered = music & (confidence >= chosen["min_probability"])
    assert answered.mean() == pytest.approx(publish.ANSWERED, abs=0.01)


def test_scores_become_log_probabilities_of_genres_and_the_share_of_no_music():
    pytest.importorskip("torch")
    from sideman.genre.recipe import publish

    scores = np.zeros((2, 11), np.float32)
    scores[1, 0], scores[1, 10] = np.log(11), np.log(9)
    rows = publish.clip_scores(scores)
    np.testing.assert_allclose(np.exp(rows[0]), [*[0.1] * 10, np.exp(1 / 11)], rtol=1e-6)
    np.testing.assert_allclose(np.exp(rows[1, :10]), [11 / 20, *[1 / 20] * 9], rtol=1e-6)
    assert rows[1, 10] == pytest.approx(9 / 29)


# --- nothing of an unseen fold comes in ---------------------------------------------------------------------------


def labelled(seed: int = 0) -> tuple[judge.Clips, np.ndarray]:
    """Forty clips with two crops each, and windows (80, 96, 87) that tell the genre."""
    rng = np.random.default_rng(seed)
    material = clips(40)
    mel = rng.standard_normal((80, 96, 87)).astype(np.float32)
    mel[np.arange(80), 5 * material.labels[material.clip_of]] += 6
    return material, mel


def spoilt(material: judge.Clips, fold: int) -> judge.Clips:
    """The same clips with wrong labels in one fold."""
    labels = np.where(material.folds == fold, (material.labels + 3) % 10, material.labels)
    return judge.Clips(**(vars(material) | {"labels": labels}))


def test_the_teachers_classifier_knows_nothing_of_unseen_folds():
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    from sideman.genre.recipe.default import teacher_classifier

    material, mel = labelled()
    features = mel.mean(2)
    changed = features.copy()
    changed[material.folds[material.clip_of] == 1] *= -7
    rows = features.astype(np.float16)
    honest = teacher_classifier(features, material, (1,))(rows)
    assert honest.shape == (80, 10)
    assert honest.dtype == np.float32
    np.testing.assert_allclose(honest.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(honest, teacher_classifier(changed, spoilt(material, 1), (1,))(rows))
    assert not np.array_equal(honest, teacher_classifier(features, spoilt(material, 1), ())(rows))


def test_the_probe_is_the_regression_on_the_embedding_and_knows_nothing_of_unseen_folds():
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    from sideman.genre.models.backbone import Backbone, BackboneConfig
    from sideman.genre.recipe import publish

    material, mel = labelled()
    torch.manual_seed(0)
    backbone = Backbone(BackboneConfig(widths=(4, 8))).eval()
    joined = publish.with_probe(backbone, material, mel, (1,))
    changed = mel.copy()
    changed[material.folds[material.clip_of] == 1] += 1
    again = publish.with_probe(backbone, spoilt(material, 1), changed, (1,))
    assert torch.equal(joined.probe.weight, again.probe.weight)
    assert not torch.equal(joined.probe.weight, publish.with_probe(backbone, spoilt(material, 1), mel, ()).probe.weight)

    with torch.inference_mode():
        embeddings = backbone.embed(torch.from_numpy(mel))
        probed = torch.softmax(joined.probe(embeddings), 1).numpy()
    seen = material.folds[material.clip_of] != 1
    model = publish.logistic_regression(
        embeddings.numpy()[seen], material.labels[material.clip_of[seen]], np.full(seen.sum(), 0.5)
    )
    np.testing.assert_allclose(probed, model.predict_proba(embeddings.numpy()), atol=1e-4)


def test_what_ships_joins_both_heads_and_keeps_the_share_of_no_music():
    torch = pytest.importorskip("torch")
    from torch import nn

    from sideman.genre.models.backbone import Backbone, BackboneConfig
    from sideman.genre.recipe.publish import Exported

    torch.manual_seed(0)
    backbone = Backbone(BackboneConfig(widths=(4, 8))).eval()
    probe = nn.Linear(256, 10)
    x = torch.randn(5, 96, 87)
    with torch.inference_mode():
        scores, embedding = Exported(backbone, probe)(x)
        trained = torch.softmax(backbone.class_head(embedding), 1).numpy().astype(float)
        probed = torch.softmax(probe(embedding), 1).numpy().astype(float)
    shares = np.exp(scores.numpy().astype(float))
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(shares[:, 10], trained[:, 10], rtol=1e-4)
    joined = np.sqrt(trained[:, :10] * probed)
    np.testing.assert_allclose(
        shares[:, :10] / shares[:, :10].sum(1, keepdims=True), joined / joined.sum(1, keepdims=True), rtol=1e-3
    )
