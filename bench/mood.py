"""What the mood of a recording is worth: right signs on songs, SoundFonts and a set that were not learnt from.

    python bench/mood.py --midi FOLDER --soundfont FILE... --unseen FILE... [--recordings GTZAN] [--work DIR] [--json]

FOLDER has the sets emopia, xmidi-subset and vgmidi, unpacked, and catalog.csv. The model is made anew as `sideman train
mood-default` makes it, from what is in --work where that has been heard before, and is compared with the shipped one.
Emopia and xmidi: five folds by song; a model judges only songs that it has not learnt from. Vgmidi: the model that
ships, which has learnt nothing of it. "rules" are sideman.mood.score on the MIDI itself, notes and tempo known.
Intervals (95 %) are drawn over songs, for vgmidi over games; chance is the share of the commonest answer.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from pathlib import Path

import numpy as np

from sideman.core.errors import ScoreError
from sideman.core.tuning import tune_allocator
from sideman.inference.sessions import open_session
from sideman.mood.recipe.card import table
from sideman.mood.recipe.default import Sources, make
from sideman.mood.recipe.judging import figures_of
from sideman.mood.recipe.pieces import LEARNT, UNSEEN, labelled
from sideman.mood.score import mood_of_score
from sideman.symbolic.midi import read_midi


def rules(midi: Path) -> dict[str, dict]:
    """The same figures of the rules for scores."""
    told = {}
    for name in (*LEARNT, UNSEEN):
        answers, kept = [], []
        for piece in labelled(midi, [name]):
            try:
                answers.append(mood_of_score(read_midi(midi / piece.path)))
            except ScoreError:
                continue
            kept.append(piece)
        signs = np.array([(piece.valence, piece.arousal) for piece in kept])
        told[name] = figures_of(np.array(answers), signs, [piece.song for piece in kept])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--midi", type=Path, required=True)
    parser.add_argument("--soundfont", type=Path, nargs="*", default=[], help="learnt from")
    parser.add_argument("--unseen", type=Path, nargs="*", default=[], help="only judged with")
    parser.add_argument("--recordings", type=Path, default=os.environ.get("SIDEMAN_DATA"))
    parser.add_argument("--work", type=Path, default=Path("runs/mood-default"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tune_allocator()
    recordings = Path(args.recordings) if args.recordings else None
    made = make(Sources(args.midi, tuple(args.soundfont), tuple(args.unseen), recordings), args.work)
    figures = {**made.figures, "rules on the score": rules(args.midi)}
    x = np.random.default_rng(0).random((64, len(made.model.weights))).astype(np.float32) / 16
    gap = np.abs(open_session("mood").run(x)["scores"] - made.model.log_odds(x)).max()
    if args.json:
        print(json.dumps({**figures, "largest_difference_from_shipped": float(gap)}))
        return
    print("\n".join(table(figures)))
    print(f"largest difference of log odds from the shipped model, on random input: {gap:.2g}")
    for name, (valence, arousal, without) in figures.get("recordings", {}).items():
        print(f"{name:12} valence {valence:+.2f}  arousal {arousal:+.2f}  (without onsets {without:+.2f})")


if __name__ == "__main__":
    main()
