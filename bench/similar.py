"""Similar tracks: do nearest neighbours share the genre, and how long does a search take?

    python bench/similar.py --speed
    python bench/similar.py --data GTZAN --midi MIDI [--soundfont FILE] [--work DIR]

Artist-filtered precision at 10: for every piece, the share of its ten nearest neighbours by other artists that have its
genre; mean over pieces. Our embedding (cosine) against the 58 columns of the descriptor table without its length column
(standardised over the set, Euclidean), on the same sound in one run; 95 % intervals from drawing artists with
replacement, the difference from the same draws. Pieces without a named artist count as one artist per genre.

GTZAN: the shipped network was trained with the labels of these very clips, so its figure there says little about other
music. MIDI: two sets that no part of the network's training used, 20 s from the middle of each piece, played by
sideman.symbolic.render. ADL Piano MIDI (genre and artist are its folders): ten genres of 40 pieces, at most 3 per
artist, drawn with a seed; all sound like the same piano, so only harmony and rhythm are left to tell genres apart.
XMIDI: 100 classical and 100 jazz pieces for several instruments; it names no artists, so here only the piece itself is
left out.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile as sf

from sideman.audio.extract import Recipe, extract
from sideman.core.errors import SidemanError
from sideman.genre.embed import embed
from sideman.library.nearest import nearest
from sideman.symbolic.midi import read_midi
from sideman.symbolic.render import render
from sideman.symbolic.score import DURATION, START, Score, Track

GENRES = ("Blues", "Classical", "Country", "Electronic", "Jazz", "Latin", "Pop", "Rap", "Rock", "Soul")
PER_GENRE, PER_ARTIST, EXCERPT_S = 40, 3, 20.0
PER_XMIDI_GENRE = 100
K, DRAWS = 10, 1000
Piece = tuple[str, str, np.ndarray, np.ndarray]  # genre, artist, embedding, 58 columns


def speed(n: int = 1_000_000, searches: int = 25) -> None:
    """Synthetic unit vectors in memory, top 50; the median and the least of the searches."""
    rng = np.random.default_rng(0)
    matrix = np.empty((n, 256), np.float32)
    for first in range(0, n, 50_000):
        block = np.abs(rng.standard_normal((min(50_000, n - first), 256), dtype=np.float32))
        matrix[first : first + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    took, worked = [], []
    for row in rng.integers(n, size=searches):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        nearest(matrix, matrix[row], 50)
        took.append(1000 * (time.perf_counter() - begin))
        worked.append(1000 * (time.process_time() - begin_cpu))
    print(
        f"{n:,} x 256 in memory, top 50, one thread: median {np.median(took):.0f} ms, least {min(took):.0f} ms; "
        f"processor time: median {np.median(worked):.0f} ms"
    )


def middle(score: Score) -> Score:
    """The notes that begin within EXCERPT_S around the middle, from time 0."""
    begin_s = max(0.0, (score.duration_s - EXCERPT_S) / 2)
    ticks = np.arange(score.end + 1)
    seconds = score.seconds(ticks)
    first = int(np.searchsorted(seconds, begin_s))
    last = int(np.searchsorted(seconds, begin_s + EXCERPT_S))
    tempo = [bpm for at, bpm in score.tempos if at <= first][-1:] or [120.0]
    tempos = ((0, tempo[0]), *((at - first, bpm) for at, bpm in score.tempos if first < at < last))
    tracks = []
    for track in score.tracks:
        notes = track.notes[(track.notes[:, START] >= first) & (track.notes[:, START] < last)].copy()
        notes[:, START] -= first
        notes[:, DURATION] = np.minimum(notes[:, DURATION], last - first - notes[:, START])
        if len(notes):
            tracks.append(Track(track.program, notes))
    return Score(tuple(tracks), score.ticks_per_quarter, tempos=tempos, title=score.title)


def heard(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Our embedding, and the 58 columns."""
    return embed(path).vector, np.asarray(next(extract(path, Recipe())), np.float64)


def gtzan(root: Path) -> list[Piece]:
    found = []
    with (root / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            artist = row["artist"] or f"unknown {row['genre']}"
            found.append((row["genre"], artist, *heard(root / row["file"])))
    return found


def played(path: Path, soundfont: Path | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Both features of the middle of a piece, or None where it cannot be played."""
    try:
        score = middle(read_midi(path))
        if score.n_notes < 20:
            return None
        with tempfile.TemporaryDirectory() as folder:
            sound = Path(folder) / "piece.wav"
            samples = render(score, soundfont=soundfont, sample_rate_hz=22_050)
            sf.write(sound, samples[: int(EXCERPT_S * 22_050)], 22_050)
            return heard(sound)
    except SidemanError:
        return None


def pianos(root: Path, soundfont: Path | None) -> list[Piece]:
    """ADL Piano MIDI: folders are genre / subgenre / artist."""
    rng = random.Random(0)
    found: list[Piece] = []
    for genre in GENRES:
        paths = sorted((root / "adl-piano-midi" / genre).rglob("*.mid"))
        rng.shuffle(paths)
        artists: dict[str, int] = {}
        for path in paths:
            artist = path.parent.name.casefold()
            if sum(artists.values()) == PER_GENRE:
                break
            if artists.get(artist, 0) < PER_ARTIST and (features := played(path, soundfont)) is not None:
                found.append((genre, artist, *features))
                artists[artist] = artists.get(artist, 0) + 1
    return found


def ensembles(root: Path, soundfont: Path | None) -> list[Piece]:
    """XMIDI: names are XMIDI_emotion_genre_number; it names no artists."""
    rng = random.Random(0)
    found: list[Piece] = []
    for genre in ("classical", "jazz"):
        paths = sorted((root / "xmidi-subset").glob(f"XMIDI_*_{genre}_*"))
        rng.shuffle(paths)
        contents: set[bytes] = set()
        for path in paths:
            if len(contents) == PER_XMIDI_GENRE:
                break
            data = path.read_bytes()
            if data not in contents and (features := played(path, soundfont)) is not None:
                found.append((genre, path.stem, *features))
                contents.add(data)
    return found


def precision(points: np.ndarray, genres: np.ndarray, artists: np.ndarray) -> np.ndarray:
    """Of every piece: share of its K nearest by others (dot product) that have its genre."""
    likeness = points @ points.T
    likeness[artists[:, None] == artists[None]] = -np.inf
    order = np.argsort(-likeness, axis=1, kind="stable")[:, :K]
    return (genres[order] == genres[:, None]).mean(1)


def judge(name: str, pieces: list[Piece]) -> None:
    genres, artists = (np.array([piece[i] for piece in pieces]) for i in (0, 1))
    ours = np.array([piece[2] for piece in pieces], np.float64)
    table = np.array([piece[3] for piece in pieces])[:, 1:]  # without the length
    table = (table - table.mean(0)) / np.maximum(table.std(0), 1e-12)
    # Euclidean order as a dot product: |a-b|^2 = |a|^2 - 2ab + |b|^2, and |a|^2 does not change a's order
    flat = np.c_[table, -0.5 * (table**2).sum(1)]
    likeness = table @ flat[:, :-1].T + flat[:, -1]
    likeness[artists[:, None] == artists[None]] = -np.inf
    order = np.argsort(-likeness, axis=1, kind="stable")[:, :K]
    scores = {"embedding": precision(ours, genres, artists), "58 columns": (genres[order] == genres[:, None]).mean(1)}
    others = artists[:, None] != artists[None]
    same = (genres[:, None] == genres[None]) & others
    chance = float((same.sum(1) / others.sum(1)).mean())
    rng = np.random.default_rng(0)
    rows = {artist: np.flatnonzero(artists == artist) for artist in np.unique(artists)}
    names = list(rows)
    draws = [np.concatenate([rows[names[i]] for i in rng.integers(len(names), size=len(names))]) for _ in range(DRAWS)]
    print(f"{name}: {len(pieces)} pieces, {len(names)} artists, {len(np.unique(genres))} genres; chance {chance:.3f}")
    scores["difference"] = scores["embedding"] - scores["58 columns"]
    for what, score in scores.items():
        low, high = np.percentile([score[draw].mean() for draw in draws], [2.5, 97.5])
        print(f"  {what:12} P@{K} {score.mean():.3f} ({low:.3f} to {high:.3f})")


def kept(work: Path | None, name: str, make: object) -> list[Piece]:
    """What ``make`` gives, kept as arrays between runs where a folder is named."""
    path = work / f"similar-{name}.npz" if work else None
    if path and path.exists():
        with np.load(path) as known:
            return list(zip(known["genres"], known["artists"], known["ours"], known["table"], strict=True))
    begin = time.perf_counter()
    pieces = make()
    print(f"({name}: {len(pieces)} pieces heard in {time.perf_counter() - begin:.0f} s)")
    if path:
        genres, artists, ours, table = (np.array([piece[i] for piece in pieces]) for i in range(4))
        np.savez(path, genres=genres, artists=artists, ours=ours, table=table)
    return pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true", help="time the search among a million vectors")
    parser.add_argument("--data", type=Path, help="folder of GTZAN with its manifest.csv")
    parser.add_argument("--midi", type=Path, help="folder that holds adl-piano-midi and xmidi-subset")
    parser.add_argument("--soundfont", type=Path, help="by default pretty_midi's")
    parser.add_argument("--work", type=Path, help="keep what was heard there")
    options = parser.parse_args()
    if options.speed:
        speed()
    if options.midi:
        font = options.soundfont
        judge("piano MIDI, unheard", kept(options.work, "midi", lambda: pianos(options.midi, font)))
        judge("ensemble MIDI, unheard", kept(options.work, "xmidi", lambda: ensembles(options.midi, font)))
    if options.data:
        judge("GTZAN, in the network's training", kept(options.work, "gtzan", lambda: gtzan(options.data)))
    if not (options.speed or options.midi or options.data):
        parser.error("name --speed, --midi or --data")


if __name__ == "__main__":
    main()
