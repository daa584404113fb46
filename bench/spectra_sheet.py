"""Pictures to look at: per genre a held-out clip, its round trip, and what the generators imagine.

    python bench/spectra_sheet.py --data GTZAN --out FILE.png [--seconds 2]

The clip is the first of its genre in the judged fold, generated pictures have seed 0: nothing is chosen by its looks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import spectra_sets as sets
from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.compose.spectra.imagine import Wish, imagine
from sideman.compose.spectra.imaginers import SHIPPED, open_imaginer
from sideman.compose.vocoder import vocode

LOWEST, HIGHEST = -9.0, 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    clips: dict[str, np.ndarray] = {}
    for row, samples in sets.real_clips(args.data, held_out=True):
        clips.setdefault(row.genre, sets.levelled(samples[: round(args.seconds * FORM.sample_rate_hz)]))
    imaginers = [open_imaginer(name) for name in SHIPPED]
    titles = ("held-out clip", "its round trip", *(imaginer.name for imaginer in imaginers))
    figure, axes = plt.subplots(len(clips), len(titles), figsize=(13, 1.55 * len(clips)), squeeze=False)
    for line, (genre, sound) in zip(axes, sorted(clips.items()), strict=True):
        real = log_mel_picture(sound)
        pictures = [real, log_mel_picture(vocode(real, length=len(sound)))]
        pictures += [imagine(imaginer, Wish(genre), args.seconds) for imaginer in imaginers]
        for axis, picture, title in zip(line, pictures, titles, strict=True):
            axis.imshow(picture, origin="lower", aspect="auto", vmin=LOWEST, vmax=HIGHEST, cmap="magma")
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_title(f"{genre}: {title}", fontsize=8)
    figure.tight_layout(pad=0.4)
    figure.savefig(args.out, dpi=60)
    with Image.open(args.out) as picture:  # a quarter of the bytes, and no difference to the eye
        picture.convert("RGB").quantize(64).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
