"""How often the rules for a score's mood agree with people's labels.

    python bench/mood_rules.py --midi FOLDER [--json]

FOLDER has the sets emopia, vgmidi and xmidi-subset, unpacked, and catalog.csv with the column `emotion` (quadrants Q1
to Q4 of valence and arousal; xmidi: happy or angry). The rules learnt nothing; their scale was set by looking at 200
pieces of each set, so the signs' balance is slightly flattered. Prints the shares of right signs and quadrants.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path

from sideman.core.errors import ScoreError
from sideman.mood.score import mood_of_score
from sideman.symbolic.midi import read_midi

SIGNS = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1), "happy": (1, 0), "angry": (-1, 0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--midi", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with (args.midi / "catalog.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["emotion"] in SIGNS]
    hits: dict[str, list[tuple[bool, bool | None]]] = defaultdict(list)
    for row in rows:
        try:
            valence, arousal = mood_of_score(read_midi(args.midi / row["path"]))
        except ScoreError:
            continue
        v, a = SIGNS[row["emotion"]]
        hits[row["set"]].append((v * valence > 0, a * arousal > 0 if a else None))
    for name, found in hits.items():
        both = [v and bool(a) for v, a in found if a is not None]
        arousals = [a for _, a in found if a is not None]
        line = {
            "set": name,
            "pieces": len(found),
            "valence_sign": round(sum(v for v, _ in found) / len(found), 3),
            "arousal_sign": round(sum(map(bool, arousals)) / len(arousals), 3) if arousals else None,
            "quadrant": round(sum(both) / len(both), 3) if both else None,
        }
        print(json.dumps(line) if args.json else "  ".join(f"{k} {v}" for k, v in line.items()))


if __name__ == "__main__":
    main()
