"""Train the recurrent composer on the corpus of the shipped ones, for the comparison in docs/figures.md.

    python bench/compose_lstm.py --corpus CORPUS --out lstm.safetensors [--steps 2500] [--keep FOLDER]

Batches, tokens per batch, header and splits are those of the shipped Transformer (`sideman train score-default`);
2,500 steps are as many tokens as the research composer saw. Goes on where it was stopped. Prints the loss on pieces
held out. bench/compose_bits.py --path lstm=lstm.safetensors then tells the bits per note; with --keep FOLDER it becomes
a composer that `sideman compose --model FOLDER` and bench/compose_pieces.py take.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import torch

from sideman.compose.batches import Batches, Diet
from sideman.compose.controls import GENRES
from sideman.compose.corpus import Corpus
from sideman.compose.keep import write_composer
from sideman.compose.models.exporting import to_onnx
from sideman.compose.models.learning import learn
from sideman.compose.models.lstm import LSTM, SIZES
from sideman.core.atomic import atomic_folder
from sideman.core.tuning import tune_allocator
from sideman.training.checkpoints import load_tensors, save_tensors
from sideman.training.loop import Schedule


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--size", choices=sorted(SIZES), default="compact")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder that the composer becomes")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tune_allocator()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    network = LSTM(SIZES[args.size])
    corpus = Corpus(args.corpus)
    facts = {"size": args.size}
    if args.out.exists():
        network.load_state_dict(load_tensors(args.out)[0])
    else:
        schedule = Schedule(
            args.steps, 4e-3, weight_decay=0.01, warm_up=0.03, averaging=0.995, gradient_clip=1.0,
            checkpoint_every=100, rate="trapezoid", fused=True,
        )  # fmt: skip
        batches = Batches(corpus, "train", Diet(context=512), genres=GENRES, origins=None, seed=1)
        valid = Batches(corpus, "valid", Diet(context=512, transposed=False), genres=GENRES, origins=None, seed=2)
        checkpoint = args.out.with_suffix(".checkpoint")
        learn(network, batches, valid, schedule, batch_size=8, checkpoint=checkpoint, facts=facts)
        save_tensors(args.out, dict(network.state_dict()), facts)
    if args.keep is not None:
        shape = {"name": "lstm", "model": f"lstm {args.size}", **network.facts()}
        learnt, held = corpus.part("train"), [p for p in corpus.pieces if p.split != "train"]
        with atomic_folder(args.keep) as target:
            write_composer(
                target / "composer", to_onnx(network.eval()), corpus, learnt, held,
                genre_tokens=GENRES, context=512, facts=shape,
            )  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
