"""Does the DCGAN converge, and does it collapse? Trains one and judges its patches at every pause.

    python bench/dcgan.py --work DIR [--data GTZAN --teachers DIR] [--steps N] [--without-genres] [--json FILE]

DIR is the work folder of `sideman train spectra-default`, whose corpus is learnt from; the run is kept there and
resumed. With --teachers, at every pause (200 steps) 200 patches, as many of every genre, are made sound by the vocoder
and compared in mn04's embedding with patches of held-out clips that went through the same vocoder: unbiased kernel
distance x 1000, FAD, and the mean cosine distance of a patch to its nearest neighbour among the others (0: all alike),
beside that of real patches. Balance: how often the discriminator is right, before its step, on real and on made ones.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import logging
import time
from pathlib import Path

import numpy as np
import torch

from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.compose.models import dcgan
from sideman.compose.models.dcgan_run import learn_dcgan
from sideman.compose.recipe.spectra import Amounts
from sideman.compose.spectra.corpus import SoundCorpus
from sideman.compose.spectra.distances import Sample, kernel_distance
from sideman.compose.spectra.frechet import frechet_distance
from sideman.compose.spectra.picture_batches import PictureBatches
from sideman.core.tuning import tune_allocator
from sideman.training.adversarial import Duel

EVERY, PATCHES = 200, 200
N = (dcgan.WINDOW - 1) * FORM.hop_length


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--teachers", type=Path)
    parser.add_argument("--steps", type=int, default=Amounts.dcgan)
    parser.add_argument("--without-genres", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    tune_allocator()
    name = "dcgan-without-genres" if args.without_genres else "dcgan"
    folder = args.work / f"{name}-patches"
    folder.mkdir(parents=True, exist_ok=True)
    corpus = SoundCorpus(args.work / "train")
    genres = torch.arange(PATCHES) % len(corpus.genres)

    def keep(generator: dcgan.Generator, step: int) -> None:
        torch.manual_seed(0)
        with torch.inference_mode():
            patches = generator.as_mel(generator(torch.randn(PATCHES, generator.settings.noise), genres)).numpy()
        np.savez(folder / f"{step + 1:06}.npz", mel=patches.astype(np.float16), core_s=time.process_time())

    _, history = learn_dcgan(
        PictureBatches(corpus, corpus.genres, dcgan.WINDOW, 32),
        len(corpus.genres),
        Duel(args.steps, checkpoint_every=EVERY),
        settings=dcgan.Settings(conditional=not args.without_genres),
        checkpoint=args.work / f"{name}.safetensors",
        on_pause=keep,
    )
    judged = judge(folder, args.data, args.teachers) if args.teachers else {}
    report = {"name": name, "pauses": [row | judged.get(int(row["step"]), {}) for row in history]}
    report["real"] = judged.get(0, {})
    for row in [report["real"], *report["pauses"]]:
        print("  ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def judge(folder: Path, data: Path, teachers: Path) -> dict[int, dict[str, float]]:
    """Figures by step; those under 0 are of real patches of training clips."""
    import spectra_sets as sets
    from sideman.compose.vocoder import vocode
    from sideman.genre.recipe.teachers import MN_EMBEDDING, Teachers

    ears = Teachers.load(teachers)

    def embedded(mels: np.ndarray) -> np.ndarray:
        sounds = np.stack([sets.levelled(vocode(mel.astype(np.float32), length=N)) for mel in mels])
        return ears.targets(sounds)[:, MN_EMBEDDING].astype(np.float64)

    def real(*, held_out: bool, most: int) -> tuple[np.ndarray, np.ndarray]:
        clips = sets.real_clips(data, held_out=held_out)
        order = np.random.default_rng(0).permutation(len(clips))[:most]
        sounds = [sets.levelled(clips[i][1][:N]) for i in order]
        return np.stack([log_mel_picture(y) for y in sounds]), np.array([clips[i][0].genre for i in order])

    held, _ = real(held_out=True, most=1000)
    known, _ = real(held_out=False, most=PATCHES)
    reference = Sample.of(embedded(held))
    found = {0: figures(Sample.of(embedded(known)), reference)}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as kept:
            mels, core_s = kept["mel"], float(kept["core_s"])
        sample = Sample.of(embedded(np.clip(mels.astype(np.float32), FORM.lowest, 3.0)))
        found[int(path.stem)] = {"core_s": core_s} | figures(sample, reference)
    return found


def figures(sample: Sample, reference: Sample) -> dict[str, float]:
    """Distances of a set to the reference, and how far its points are from each other."""
    unit = sample.points / np.linalg.norm(sample.points, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -1)
    return {
        "kernel_x1000": 1000 * kernel_distance(sample, reference),
        "fad": frechet_distance(sample, reference),
        "nearest_cosine_distance": float(np.mean(1 - cosine.max(1))),
    }


if __name__ == "__main__":
    main()
