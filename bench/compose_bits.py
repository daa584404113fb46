"""How well do composers expect music that they never heard? Bits per note on the corpus's test split.

    python bench/compose_bits.py --corpus CORPUS --path NAME=PATH [--path ...] [--markov] [--sets open] [--json]

PATH is a composer's folder or card (fed token by token), or trained weights of a Transformer or an LSTM
(.safetensors, whole windows at once). --markov learns a chain of order 3 from the train split (as written, not
transposed). All hear the same: excerpts of at most 32 bars of the same pieces, at most --most of a genre, each after a
header that says all about the piece; windows of --context tokens, header first, half of each window heard before.
Bits per note = sum of -log2 p over the tokens of the bars / number of notes: what the tokens are does not matter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from sideman.compose.batches import excerpt
from sideman.compose.controls import GENRES
from sideman.compose.corpus import Corpus, Piece
from sideman.compose.decoder import OnnxDecoder
from sideman.compose.models.markov import Markov
from sideman.compose.recipe.sets import OPEN_SETS
from sideman.compose.vocabulary import END_OF, EOS, OFFSET, PLAIN, header
from sideman.core.errors import SidemanError

MOST_BARS = 32
Bits = Callable[[list[int], list[int]], float]  # header, body -> bits of the body


def windows(n_header: int, n_body: int, context: int) -> list[tuple[int, int, int]]:
    """Parts of a body: (first heard, first scored, end), so that every token is scored once."""
    room = context - n_header
    out, done = [], 0
    while done < n_body:
        first = max(0, done - room // 2)
        end = min(n_body, first + room)
        out.append((first, done, end))
        done = end
    return out


def of_markov(corpus: Corpus, origins: frozenset[str] | None) -> Bits:
    learnt = [p for p in corpus.part("train") if origins is None or p.source.origin in origins]
    chain = Markov().fit([PLAIN, *corpus.body(p).tolist(), EOS] for p in learnt)
    print(f"markov: {len(learnt)} pieces, {chain.n_grams} grams", file=sys.stderr)
    return lambda head, body: float(chain.bits([PLAIN, *body], given=1).sum())


def of_weights(path: Path, context: int) -> Bits:
    """Whole windows at once, in torch."""
    import torch

    from sideman.compose.models import lstm, transformer
    from sideman.training.checkpoints import load_tensors

    tensors, _ = load_tensors(path)
    averaged = {k.removeprefix("averaged/"): v for k, v in tensors.items() if k.startswith("averaged/")}
    tensors = averaged or tensors
    module, kind = (
        (lstm, lstm.LSTM) if any(k.startswith("lstm.") for k in tensors) else (transformer, transformer.Transformer)
    )
    for settings in module.SIZES.values():
        network = kind(settings).eval()
        if {k: v.shape for k, v in network.state_dict().items()} == {k: v.shape for k, v in tensors.items()}:
            network.load_state_dict(tensors)
            break
    else:
        raise SystemExit(f"{path}: weights of no size that is known")

    def bits(head: list[int], body: list[int]) -> float:
        total = 0.0
        for first, scored, end in windows(len(head), len(body), context):
            row = torch.tensor([[*head, *body[first:end]]])
            with torch.inference_mode():
                log_p = network(row[:, :-1])[0].log_softmax(-1).gather(1, row[0, 1:, None])[:, 0]
            total -= float(log_p[len(head) - 1 + scored - first :].double().sum()) / np.log(2)
        return total

    return bits


def of_composer(path: Path, context: int) -> Bits:
    """Token by token, through ONNX."""
    card = path / "composer.json" if path.is_dir() else path
    decoder = OnnxDecoder(str(card.with_suffix(".onnx")))

    def bits(head: list[int], body: list[int]) -> float:
        total = 0.0
        for first, scored, end in windows(len(head), len(body), context):
            decoder.reset()
            scores = decoder.feed([*head, *body[first:scored]])
            for token in body[scored:end]:
                wide = scores.astype(np.float64) - scores.max()
                total += (np.log(np.exp(wide).sum()) - wide[token]) / np.log(2)
                scores = decoder.feed([token])
        return float(total)

    return bits


def chosen(corpus: Corpus, most: int, origins: frozenset[str] | None) -> list[Piece]:
    """At most ``most`` test pieces of each genre, drawn by a hash of their names."""
    by_genre: dict[str, list[Piece]] = defaultdict(list)
    for piece in corpus.part("test"):
        if piece.controls.genre and (origins is None or piece.source.origin in origins):
            by_genre[piece.controls.genre].append(piece)

    def order(piece: Piece) -> bytes:
        return hashlib.sha256(piece.source.path.rsplit("/", 1)[-1].encode()).digest()

    return [p for _, members in sorted(by_genre.items()) for p in sorted(members, key=order)[:most]]


def material(corpus: Corpus, piece: Piece) -> tuple[list[int], list[int], int]:
    """Header, body and number of notes of a piece's beginning."""
    bars = min(piece.n_bars, MOST_BARS)
    body = excerpt(corpus, piece, 0, bars).astype(int)
    programs = body[(body >= OFFSET["instrument"]) & (body < END_OF["instrument"])] - OFFSET["instrument"]
    controls = replace(piece.controls, bars=bars, instruments=tuple(np.unique(programs).tolist()))
    notes = ((body >= OFFSET["pitch"]) & (body < END_OF["drum"])).sum()
    return header(controls, PLAIN, GENRES), body.tolist(), int(notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--path", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--markov", action="store_true")
    parser.add_argument("--sets", choices=("open", "research"), default="research")
    parser.add_argument("--most", type=int, default=12)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    corpus, origins = Corpus(options.corpus), OPEN_SETS if options.sets == "open" else None
    composers: dict[str, Bits] = {}
    for pair in options.path:
        name, _, place = pair.partition("=")
        path = Path(place)
        composers[name] = (of_weights if path.is_file() and path.suffix != ".json" else of_composer)(
            path, options.context
        )
    if options.markov:
        composers["markov"] = of_markov(corpus, origins)
    pieces = chosen(corpus, options.most, origins)
    per_genre: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    n_pieces: dict[str, int] = defaultdict(int)
    for piece in pieces:
        head, body, notes = material(corpus, piece)
        if not notes:
            continue
        genre = str(piece.controls.genre)
        n_pieces[genre] += 1
        for name, bits in composers.items():
            sums = per_genre[genre][name]
            sums[0] += bits(head, body)
            sums[1] += notes
    rows = {
        genre: {"pieces": n_pieces[genre], **{name: round(b / n, 3) for name, (b, n) in by_name.items()}}
        for genre, by_name in per_genre.items()
    }
    mean = {name: round(float(np.mean([row[name] for row in rows.values()])), 3) for name in composers}
    pooled = {
        name: round(sum(g[name][0] for g in per_genre.values()) / sum(g[name][1] for g in per_genre.values()), 3)
        for name in composers
    }
    if options.json:
        print(json.dumps({"bits_per_note": rows, "mean_of_genres": mean, "all_notes": pooled}))
        return
    print(f"{'genre':12} {'pieces':>6} " + " ".join(f"{name:>12}" for name in composers))
    for genre, row in [
        *rows.items(),
        ("mean", {"pieces": len(pieces), **mean}),
        ("all notes", {"pieces": "", **pooled}),
    ]:
        print(f"{genre:12} {row['pieces']:>6} " + " ".join(f"{row[name]:12.2f}" for name in composers))


if __name__ == "__main__":
    try:
        main()
    except SidemanError as error:
        sys.exit(str(error))
