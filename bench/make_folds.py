"""Make the fold file that every genre figure stands on: 5 folds of GTZAN clips, grouped by artist.

    python bench/make_folds.py --data DIR > bench/folds/gtzan-artists-5.csv

Groups: one per named artist (over all genres), one per genre for clips without a named artist, joined where Sturm's
catalogue lists two clips as the same recording or where artist and title agree. The largest groups are placed first,
each into the fold whose genre counts it brings closest to a fifth of each genre. No model was looked at.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

# Sturm, "The GTZAN dataset: its contents, its faults ..." (arXiv:1306.1461), table of exact and recording repetitions.
REPETITIONS = {
    "country": [(8, 51), (52, 60)],
    "disco": [(50, 51, 70), (55, 60, 89), (71, 74), (98, 99), (38, 78), (66, 69)],
    "hiphop": [(39, 45), (76, 78), (1, 42), (46, 65), (47, 67), (48, 68), (49, 69), (50, 72)],
    "jazz": [(33, 51), (34, 53), (35, 55), (36, 58), (37, 60), (38, 62), (39, 65), (40, 67), (42, 68), (43, 69),
             (44, 70), (45, 71), (46, 72)],
    "metal": [(4, 13), (34, 94), (40, 61), (41, 62), (42, 63), (43, 64), (44, 65), (45, 66), (58,)],
    "pop": [(15, 22), (30, 31), (45, 46), (47, 80), (52, 57), (54, 60), (56, 59), (67, 71), (87, 90), (68, 73),
            (15, 21, 22), (16, 17)],
    "reggae": [(3, 54), (5, 56), (8, 57), (10, 60), (13, 58), (41, 69), (73, 74), (80, 81, 82), (75, 91, 92), (7, 59),
               (23, 55), (85, 96)],
}  # fmt: skip
N_FOLDS = 5


def groups_of(tracks: list[dict[str, str]]) -> dict[str, str]:
    """Map each track to the name of its group (union-find over the declared relations)."""
    parent = {row["track"]: row["track"] for row in tracks}

    def find(track: str) -> str:
        while parent[track] != track:
            track = parent[track]
        return track

    def join(first: str, second: str) -> None:
        a, b = sorted((find(first), find(second)))
        parent[b] = a

    by_artist: dict[str, list[str]] = defaultdict(list)
    for row in tracks:
        artist = " ".join(row["artist"].casefold().split())
        by_artist[artist or f"unnamed {row['genre']}"].append(row["track"])
    for members in by_artist.values():
        for other in members[1:]:
            join(members[0], other)
    for genre, sets in REPETITIONS.items():
        for numbers in sets:
            present = [t for t in (f"{genre}.{n:05d}" for n in numbers) if t in parent]
            for other in present[1:]:
                join(present[0], other)
    return {track: find(track) for track in parent}


def place(tracks: list[dict[str, str]], group: dict[str, str]) -> dict[str, int]:
    """Assign each group to a fold, greedily, largest first."""
    genre_of = {row["track"]: row["genre"] for row in tracks}
    content: dict[str, Counter[str]] = defaultdict(Counter)
    for track, name in group.items():
        content[name][genre_of[track]] += 1
    total = Counter(genre_of.values())
    folds: list[Counter[str]] = [Counter() for _ in range(N_FOLDS)]

    def cost(fold: int, adding: Counter[str]) -> tuple[float, int, int]:
        worst = sum(
            ((folds[fold][g] + n) / total[g]) ** 2 - (folds[fold][g] / total[g]) ** 2 for g, n in adding.items()
        )
        return worst, folds[fold].total(), fold

    where = {}
    for name in sorted(content, key=lambda name: (-content[name].total(), name)):
        best = min(range(N_FOLDS), key=lambda fold: cost(fold, content[name]))
        folds[best] += content[name]
        where[name] = best
    return {track: where[name] for track, name in group.items()}


def main() -> None:
    """Print the fold file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SIDEMAN_DATA"), required="SIDEMAN_DATA" not in os.environ
    )
    data = parser.parse_args().data
    with (Path(data) / "manifest.csv").open(newline="", encoding="utf-8") as source:
        tracks = list(csv.DictReader(source))
    group = groups_of(tracks)
    fold = place(tracks, group)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["track", "genre", "group", "fold"])
    for row in sorted(tracks, key=lambda row: row["track"]):
        writer.writerow([row["track"], row["genre"], group[row["track"]], fold[row["track"]]])


if __name__ == "__main__":
    main()
