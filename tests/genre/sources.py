"""Material for the recipes of what ships, made on the spot."""

from pathlib import Path

import soundfile

from sideman.genre.recipe.default import GENRES, Sources
from tests.genre.clips import song
from tests.symbolic.soundfont import make_midi, make_soundfont

RATE_HZ = 22_050


def make_sources(root: Path, n_folds: int) -> Sources:
    """GTZAN's layout with one clip per genre and fold, three sets of scores, and a SoundFont."""
    lines = ["track,genre,group,fold"]
    for g, genre in enumerate(GENRES):
        for fold in range(n_folds):
            track = f"{genre}.{fold:05d}"
            path = root / "gtzan" / "audio" / genre / f"{track}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, song(2.0 + 0.3 * fold, seed=10 * g + fold), RATE_HZ)
            lines.append(f"{track},{genre},{track},{fold}")
    (root / "folds.csv").write_text("\n".join(lines) + "\n")
    for name in ("pop909", "groove", "freedoom"):
        for i in range(2):
            make_midi(root / "midi" / name / "deep" / f"{i}.mid", seconds=5, drums=name == "groove", seed=i)
    soundfont = make_soundfont(root / "tone.sf2")
    return Sources(root / "gtzan", root / "folds.csv", root / "midi", (soundfont,), root / "teachers")
