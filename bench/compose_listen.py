"""What a person would hear of a folder of pieces: loudness, peaks, silence, range, and how the notes lie.

    python bench/compose_listen.py DIR [--soundfont FILE] [--pictures OUT] [--json]

Every .mid file is rendered; prints a row per piece and flags what is suspicious: integrated loudness off -16 LUFS by
more than 1, a peak above -1 dBFS, clipped samples, more than 2 s of silence inside, a constant offset, less than an
octave of pitches, an empty bar. --pictures also draws each piano roll.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from sideman.symbolic.loudness import integrated_loudness
from sideman.symbolic.midi import read_midi
from sideman.symbolic.pianoroll import write_pianoroll
from sideman.symbolic.render import render
from sideman.symbolic.score import PITCH, START

RATE_HZ = 44_100


def longest_silence_s(samples: np.ndarray, until_s: float) -> float:
    """Longest stretch under -60 dBFS within the piece."""
    frame = RATE_HZ // 20
    mono = np.abs(samples[: int(until_s * RATE_HZ)]).max(1)
    quiet = [float(mono[i : i + frame].max()) < 1e-3 for i in range(0, len(mono) - frame, frame)]
    longest = run = 0
    for q in quiet:
        run = run + 1 if q else 0
        longest = max(longest, run)
    return longest / 20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--soundfont", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    suspicious = 0
    for path in sorted(args.folder.glob("*.mid")):
        score = read_midi(path)
        samples = render(score, soundfont=args.soundfont)
        tones = np.concatenate([t.notes[:, PITCH] for t in score.tracks if not t.is_drums] or [np.zeros(0)])
        starts = np.concatenate([t.notes[:, START] for t in score.tracks])
        empty = sum(not ((starts >= b.start) & (starts < b.end)).any() for b in score.bars())
        lufs = float(integrated_loudness(samples, RATE_HZ))
        peak = 20 * float(np.log10(np.abs(samples).max()))
        row = {
            "file": path.name,
            "seconds": round(len(samples) / RATE_HZ, 1),
            "lufs": round(lufs, 1),
            "peak_db": round(peak, 1),
            "clipped": int((np.abs(samples) >= 0.999).sum()),
            "offset": round(float(np.abs(samples.mean(0)).max()), 5),
            "silence_s": longest_silence_s(samples, score.duration_s),
            "range": int(np.ptp(tones)) if len(tones) else None,
            "empty_bars": empty,
            "tracks": len(score.tracks),
            "notes": score.n_notes,
        }
        flags = [
            name
            for name, bad in (
                ("loudness", abs(lufs + 16) > 1),
                ("peak", peak > -0.95),
                ("clipping", row["clipped"]),
                ("offset", row["offset"] > 0.005),
                ("silence", row["silence_s"] > 2),
                ("narrow", row["range"] is not None and row["range"] < 12),
                ("empty bars", empty),
            )
            if bad
        ]
        suspicious += bool(flags)
        print(json.dumps(row | {"flags": flags}) if args.json else f"{row} {'! ' + ', '.join(flags) if flags else ''}")
        if args.pictures is not None:
            args.pictures.mkdir(parents=True, exist_ok=True)
            write_pianoroll(score, args.pictures / f"{path.stem}.png", path.stem)
    print(f"{suspicious} pieces are suspicious")


if __name__ == "__main__":
    main()
