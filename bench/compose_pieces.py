"""Compose many pieces with drawn controls and keep what was asked beside them: what the other compose benches judge.

    python bench/compose_pieces.py OUT [--n 200] [--by prompt] [--genres jazz,folk] [--rank 1] [--shuffle]

OUT gets piece-000.mid... and index.jsonl. Controls are drawn by a seed, never looked at afterwards: genres in turn over
what the composer has, any of the 24 keys, tempo 60 to 180, metre, 8 or 12 bars; instruments are asked for in half of
the pieces. With --by prompt the wish is written as a sentence and read by the prompt parser. With --by genre only
the genre is asked for.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from sideman.compose.composers import choose, open_composer
from sideman.compose.controls import Controls
from sideman.compose.corpus import Corpus
from sideman.compose.generate import Composition, compose
from sideman.compose.instruments import name_of
from sideman.compose.keys import key_name
from sideman.compose.models.markov import Markov
from sideman.compose.prompt import parse
from sideman.compose.ranking import listen, ranked
from sideman.compose.sampling import Sampling
from sideman.compose.vocabulary import EOS, PLAIN
from sideman.symbolic.midi import write_midi

_METRES = ((4, 4), (4, 4), (4, 4), (3, 4), (2, 4), (6, 8))
_LINE_UPS = ((0,), (0, 32), (0, 32, 128), (25, 33, 128), (40, 42), (0, 73), (24,), (0, 33, 65, 128))


def wish(rng: np.random.Generator, genre: str) -> Controls:
    metre = _METRES[rng.integers(len(_METRES))]
    beat = float(np.round(np.exp(rng.uniform(np.log(60), np.log(180)))))
    tempo = beat * 1.5 if metre == (6, 8) else beat
    instruments = _LINE_UPS[rng.integers(len(_LINE_UPS))] if rng.random() < 0.5 else ()
    key = (int(rng.integers(12)), bool(rng.integers(2)))
    return Controls(
        genre=genre, tempo_bpm=tempo, key=key, metre=metre, bars=int(rng.choice((8, 12))), instruments=instruments
    )


def sentence(asked: Controls) -> str:
    metre = asked.metre or (4, 4)
    beat = (asked.tempo_bpm or 120) / (1.5 if metre == (6, 8) else 1)
    players = f" for {' and '.join(name_of(p) for p in asked.instruments)}" if asked.instruments else ""
    key = key_name(asked.key or (0, False))
    genre = {"hiphop": "hip-hop"}.get(asked.genre or "", asked.genre)
    return f"a {genre} piece in {key}{players}, {beat:g} bpm, in {metre[0]}/{metre[1]}, {asked.bars} bars"


def row(asked: Controls, piece: Composition, name: str, text: str | None, name_of_model: str) -> dict[str, object]:
    return {
        "file": name,
        "prompt": text,
        "model": name_of_model,
        "asked": {
            "genre": asked.genre,
            "key": key_name(asked.key) if asked.key else None,
            "tempo_bpm": asked.tempo_bpm,
            "metre": f"{asked.metre[0]}/{asked.metre[1]}" if asked.metre else None,
            "bars": asked.bars,
            "instruments": [name_of(p) for p in asked.instruments],
        },
        "programs": list(piece.controls.instruments),
        "tries": piece.tries,
        "longest_run": piece.longest_run,
        "is_copy": piece.is_copy,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--by", choices=("controls", "prompt", "genre"), default="controls")
    parser.add_argument("--model", default="research")
    parser.add_argument("--genres", default="")
    parser.add_argument("--rank", type=int, default=1, help="candidates per piece, the best by the classifier kept")
    parser.add_argument("--bars", type=int, default=16, help="of pieces by genre")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=Sampling().temperature)
    parser.add_argument("--top-p", type=float, default=Sampling().top_p)
    parser.add_argument("--markov", type=Path, help="a corpus: a Markov chain of its train split composes instead")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    genres = (
        args.genres.split(",")
        if args.genres
        else sorted(open_composer("research" if args.model == "auto" else args.model).genres)
    )
    how = Sampling(args.temperature, args.top_p)
    chain = None
    if args.markov is not None:
        corpus = Corpus(args.markov)
        chain = Markov().fit([PLAIN, *corpus.body(p).tolist(), EOS] for p in corpus.part("train"))
    start, notes = time.perf_counter(), 0
    with (args.out / "index.jsonl").open("w", encoding="utf-8") as index:
        for i in range(args.n):
            rng = np.random.default_rng((args.seed, i))
            genre = genres[i % len(genres)]
            asked = Controls(genre=genre, bars=args.bars) if args.by == "genre" else wish(rng, genre)
            text = sentence(asked) if args.by == "prompt" else None
            said = parse(text).controls if text else asked
            composer, _ = choose(said.genre, args.model)
            if chain is not None:  # the same line-ups, grammar and checks; only the network is another
                composer.__dict__["decoder"] = chain
            pieces = [compose(said, composer, seed=1000 * i + k, sampling=how) for k in range(args.rank)]
            piece = pieces[0] if args.rank == 1 else ranked([listen(p) for p in pieces])[0].piece
            name = f"piece-{i:03}.mid"
            write_midi(piece.score, args.out / name)
            notes += piece.score.n_notes
            index.write(json.dumps(row(asked, piece, name, text, "markov" if chain else piece.composer)) + "\n")
            index.flush()
    spent = time.perf_counter() - start
    print(f"{args.n} pieces, {notes} notes in {spent:.0f} s: {notes / spent:.0f} notes/s of finished pieces")


if __name__ == "__main__":
    main()
