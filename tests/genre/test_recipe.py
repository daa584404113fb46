"""The default recipe from nothing to weights that classify, on material made on the spot and a teacher that is known.

Networks and amounts are the smallest that take every road; what they learn is not looked at.
"""

import hashlib
import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
for needed in ("onnx", "sklearn", "safetensors", "symusic"):
    pytest.importorskip(needed)

from sideman.core.errors import DatasetError, UsageError  # noqa: E402
from sideman.genre import predict  # noqa: E402
from sideman.genre.models.backbone import Backbone, BackboneConfig  # noqa: E402
from sideman.genre.recipe import default, network, pools  # noqa: E402
from sideman.genre.recipe.default import GENRES, Amounts, Sources, run  # noqa: E402
from sideman.genre.recipe.teachers import N_TARGETS  # noqa: E402
from sideman.inference.sessions import Session, read_card  # noqa: E402
from tests.genre.sources import make_sources  # noqa: E402

N_FOLDS = 3
AMOUNTS = Amounts(0.001, 10, 24, 9, 2, 2, seeds=1, inner=False)


class Teacher:
    """Two fixed projections of the spectrum in place of the pretrained networks; counts its windows."""

    heard = 0

    def targets(self, samples: np.ndarray, batch: int = 8) -> np.ndarray:
        Teacher.heard += len(samples)
        bands = np.log(np.abs(np.fft.rfft(samples))[:, :22_000].reshape(len(samples), 22, 1000).mean(2) + 1e-3)
        return (bands @ np.random.default_rng(0).standard_normal((22, N_TARGETS)) / 5).astype(np.float32)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """GTZAN's layout with one clip per genre and fold, three sets of scores, and a SoundFont."""
    return make_sources(tmp_path_factory.mktemp("material"), N_FOLDS)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Smaller networks, batches and sets of scores than the recipe's own."""
    tiny = BackboneConfig(widths=(4, 8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default.Teachers, "load", classmethod(lambda cls, folder: Teacher()))
        patch.setattr(default, "EXCERPTS", {"pop909": 2, "groove": 2, "freedoom": 2})
        patch.setattr(network, "Backbone", lambda config=None: Backbone(config or tiny))
        patch.setattr(network, "PRETRAINING_BATCH", 4)
        patch.setattr(network, "FINE_TUNING_BATCH", {"clips": 4, "midi": 2, "negatives": 2})
        patch.setattr(pools, "_BATCH", 8)
        yield


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    """Folders of a finished run: (work, out, card)."""
    folder = tmp_path_factory.mktemp("run")
    card = run(sources, folder / "work", folder / "out", AMOUNTS)
    return folder / "work", folder / "out", card


def test_weights_and_card_appear_and_fit_each_other(made):
    _, out, card = made
    assert {"genre.onnx", "genre.json"} <= {path.name for path in out.iterdir()}
    assert json.loads((out / "genre.json").read_text()) == card
    payload = (out / "genre.onnx").read_bytes()
    assert card["sha256"] == hashlib.sha256(payload).hexdigest()
    assert card["bytes"] == len(payload)
    assert card["genres"] == list(GENRES)
    assert set(card["calibration"]) >= {"temperature", "min_probability", "max_not_music"}


def test_figures_are_of_all_clips_and_without_sources_of_no_source(made):
    """Found: on a tree without `manifest.csv` the last stage of the run ended in a traceback."""
    figures = made[2]["figures"]
    assert figures["all"]["clips"] == len(GENRES) * N_FOLDS
    assert figures["nine non-classical genres"]["clips"] == (len(GENRES) - 1) * N_FOLDS
    assert "zenny100" not in figures
    low, high = figures["all"]["interval_95"]
    assert low <= figures["all"]["balanced_accuracy"] <= high
    assert np.array(figures["confusion_first_seed"]).sum() == len(GENRES) * N_FOLDS


def test_the_card_is_strict_json(made):
    json.dumps(made[2], allow_nan=False)


def test_classify_runs_on_what_was_made(made, sources, monkeypatch):
    _, out, _ = made
    session = Session(read_card(out / "genre.json"))
    monkeypatch.setattr(predict, "open_session", lambda name: session)
    clip = next((sources.clips / "audio" / "rock").iterdir())
    told = predict.classify(clip, tempo=False, key=False, timeline=True)
    assert set(told.probabilities) == set(GENRES)
    assert sum(told.probabilities.values()) == pytest.approx(1)
    assert told.timeline


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_last_stage_done_again_gives_the_same_bytes(made, sources, tmp_path):
    work, out, _ = made
    copy = tmp_path / "work"
    shutil.copytree(work, copy)
    for path in copy.glob("fine-tuned-none-*"):
        path.unlink()
    heard = Teacher.heard
    run(sources, copy, tmp_path / "out", AMOUNTS)
    assert contents(tmp_path / "out") == contents(out)
    assert Teacher.heard == heard  # the teachers are not asked again


def test_all_done_again_from_nothing_gives_the_same_bytes(made, sources, tmp_path):
    _, out, _ = made
    run(sources, tmp_path / "work", tmp_path / "out", AMOUNTS)
    assert contents(tmp_path / "out") == contents(out)


def test_inner_folds_give_every_fold_its_own_calibration(made, sources, tmp_path):
    work, _, _ = made
    shutil.copytree(work, tmp_path / "work")
    card = run(sources, tmp_path / "work", tmp_path / "out", Amounts(0.001, 10, 24, 9, 2, 2, seeds=1, inner=True))
    assert set(card["calibration_per_fold"]) == {"0", "1", "2"}
    assert 0 < card["figures"]["answered"]["share"] < 1
    names = {path.stem for path in (tmp_path / "work").glob("scores-*.npy")}
    assert names == {f"scores-{unseen}-0" for unseen in ("0", "1", "2", "01", "02", "12")}


def test_a_work_folder_of_other_amounts_is_refused(made, sources, tmp_path):
    """Found: a full run after a short one in the same folder took the short one's results, or broke off."""
    work, _, _ = made
    before = contents_of_files(work)
    with pytest.raises(UsageError, match="was begun with other amounts"):
        run(sources, work, tmp_path / "out", Amounts(0.001, 11, 24, 9, 2, 2, seeds=1, inner=False))
    assert contents_of_files(work) == before
    assert not (tmp_path / "out").exists()


def contents_of_files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def changed(sources, **changes):
    return Sources(**{**vars(sources), **changes})


def test_a_fold_file_that_names_a_missing_track_is_refused(sources, tmp_path):
    folds = tmp_path / "folds.csv"
    folds.write_text(sources.folds.read_text() + "rock.00099,rock,rock.00099,0\n")
    with pytest.raises(DatasetError, match=r"1 tracks of the fold file are missing, first rock\.00099"):
        run(changed(sources, folds=folds), tmp_path / "work", tmp_path / "out", AMOUNTS)


def test_a_missing_set_of_scores_is_named(sources, tmp_path):
    (tmp_path / "midi" / "pop909").mkdir(parents=True)
    with pytest.raises(DatasetError, match="unpack the set 'pop909' there"):
        run(changed(sources, midi=tmp_path / "midi"), tmp_path / "work", tmp_path / "out", AMOUNTS)


def test_scores_of_which_none_can_be_rendered_are_refused(sources, tmp_path, capfd):
    for name in ("pop909", "groove", "freedoom"):
        (tmp_path / "midi" / name).mkdir(parents=True)
        (tmp_path / "midi" / name / "a.mid").write_text("no score")
    with pytest.raises(DatasetError, match="none of 6 excerpts could be rendered"):
        run(changed(sources, midi=tmp_path / "midi"), tmp_path / "work", tmp_path / "out", AMOUNTS)


def test_a_manifest_of_another_kind_does_no_harm(sources, tmp_path):
    """Found: a manifest without the column `track` ended in a traceback."""
    root = tmp_path / "gtzan"
    shutil.copytree(sources.clips, root)
    (root / "manifest.csv").write_text("path,genre\naudio/rock/rock.00000.wav,rock\n")
    rows = default.read_folds(sources.folds)
    _, found = default._load_clips(root, rows)
    assert found == [""] * len(rows)
    (root / "manifest.csv").write_text("track,source\nrock.00000,zenny100\n")
    _, found = default._load_clips(root, rows)
    assert [row.track for row, source in zip(rows, found, strict=True) if source == "zenny100"] == ["rock.00000"]


def test_a_result_is_kept_whole_or_not_at_all(tmp_path):
    """Found: a run killed while it wrote scores left half a file, on which the resumed run broke off."""

    def killed():
        raise KeyboardInterrupt

    path = tmp_path / "scores.npy"
    with pytest.raises(KeyboardInterrupt):
        default._kept(path, killed)
    assert not list(tmp_path.iterdir())
    made = default._kept(path, lambda: np.arange(3.0))
    assert made.tolist() == [0, 1, 2]
    assert default._kept(path, killed).tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["scores.npy"]
