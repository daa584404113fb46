"""Small labelled materials, and evaluations of made-up scores, for the tests of the lab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sideman.datasets.track import Dataset, Relation, Track, relations_of
from sideman.genre.evaluation import Curve, Evaluation, assemble, row_scores_to_run
from sideman.genre.inputs import Input
from sideman.genre.material import Material
from sideman.genre.protocols import get_protocol, partitions

GENRES = ("jazz", "pop", "rock")


def material(
    genres: Sequence[str] = GENRES,
    per_genre: int = 20,
    rows: int = 4,
    *,
    artists_of_two: bool = True,
    splits: Sequence[str | None] = (None,),
    relations: Sequence[Relation] = (),
) -> Material:
    """``per_genre`` recordings of ``rows`` segments; two neighbours are by one artist unless none is known."""
    tracks = []
    for genre in genres:
        for i in range(per_genre):
            artist = f"{genre} artist {i // 2:03d}" if artists_of_two else None
            name = f"{genre}/{i:03d}.wav"
            tracks.append(Track(Path(name), name, genre, artist=artist, split=splits[i % len(splits)]))
    dataset = Dataset("folders", Path("music"), tuple(sorted(tracks, key=lambda t: t.track_id)), tuple(relations))
    n = len(dataset.tracks)
    x = np.random.default_rng(0).normal(size=(n * rows, 3)).astype(np.float32)
    return Material(
        x,
        np.repeat(np.arange(n), rows),
        dataset.tracks,
        relations_of(dataset),
        dataset.genres,
        Input("table", 3.0),
    )


def log_softmax(z: np.ndarray) -> np.ndarray:
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def evaluation(
    given: Material | None = None,
    protocol: str = "artists",
    *,
    skill: float = 1.5,
    noise: int = 0,
    seeds: Sequence[int] = (0, 1, 2),
    model: str = "logistic",
    curves: Sequence[Curve] = (),
    notes: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a model that adds ``skill`` to the right class's score and noise to all."""
    given = given or material()
    kind = get_protocol(protocol)
    runs, first = [], None
    for seed in seeds:
        made = partitions(kind, given, seed=seed)
        first = first or made
        rng = np.random.default_rng([noise, seed])
        of_track = rng.normal(size=(len(given.tracks), len(given.genres)))
        of_track[np.arange(len(given.tracks)), given.labels] += skill
        scores = of_track[given.track_of] + 0.3 * rng.normal(size=(len(given.y), len(given.genres)))
        logs = log_softmax(scores)
        runs.append(row_scores_to_run(given, made, [logs[p.test] for p in made], seed, [logs[p.valid] for p in made]))
    assert first is not None
    return assemble(
        given,
        kind,
        first,
        runs,
        model=model,
        dataset="music",
        settings={"c": 0.5, "members": ("a", "b")},
        n_parameters=1234,
        fit_seconds=2.5,
        curves=curves,
        notes=notes,
    )
