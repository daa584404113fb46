"""Fit the tempo scorer on rendered material: `python bench/fit_tempo.py --material DIR --out FILE.npz`.

DIR comes from `bench/render_tempo_key.py`. Only clips of the split "open" are fitted. Prints, for every source left out
in turn, what the fit on the other sources gets right, and the same for the split "check", which is never fitted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
import torch

from sideman.audio import tempogram
from sideman.audio.framing import FrameStream
from sideman.audio.spectrum import squared_magnitude

HIDDEN = 24


def features(folder: Path, cache: Path | None) -> tuple[list[dict], np.ndarray]:
    rows = [json.loads(line) for line in (folder / "truth.jsonl").open()]
    if cache and cache.exists():
        table = np.load(cache)
        return rows[: len(table["tempo"])], table["tempo"]
    tempo = []
    for row in rows:
        y, _ = soundfile.read(folder / "audio" / row["file"], dtype="float32")
        frames = FrameStream(tempogram.N_FFT, tempogram.HOP_LENGTH).push(y, last=True)
        strength = tempogram.onset_strength(tempogram.mel_frames(squared_magnitude(frames)))
        tempo.append(tempogram.candidate_features(strength)[0].astype(np.float32))
    if cache:
        np.savez(cache, tempo=np.array(tempo))
    return rows, np.array(tempo)


def tempo_targets(rows: list[dict]) -> np.ndarray:
    """A Gaussian of 1.5 % around the true tempo over the candidates, shape (clips, 109)."""
    bpm = np.array([row["tempo_bpm"] for row in rows])
    near = np.exp(-0.5 * np.square(np.log(tempogram.TEMPOS_BPM[None] / bpm[:, None]) / 0.018))
    return near / (near.sum(axis=1, keepdims=True) + 1e-12)


def fit(x: np.ndarray, goal: np.ndarray, weight: np.ndarray, *, seed: int = 0, epochs: int = 60,
        decay: float = 3e-3, noise: float = 0.3) -> dict[str, np.ndarray]:  # fmt: skip
    """Cross-entropy over all candidates; a mean of three fits' worth of noise on the inputs stands for the unseen."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    mean, scale = x.mean(axis=(0, 1)), x.std(axis=(0, 1)) + 1e-3
    z = torch.tensor(np.clip((x - mean) / scale, -5, 5), dtype=torch.float32)
    g, w = torch.tensor(goal, dtype=torch.float32), torch.tensor(weight, dtype=torch.float32)
    outputs = goal.shape[1] // x.shape[1]
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[2], HIDDEN),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(HIDDEN, outputs),
    )
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        net.train()
        for batch in torch.randperm(len(z)).split(64):
            inputs = z[batch]
            logits = net(inputs + noise * torch.randn(len(batch), 1, inputs.shape[2])).reshape(len(batch), -1)
            loss = -(w[batch, None] * g[batch] * torch.log_softmax(logits, 1)).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    first, last = net[0], net[3]
    arrays = [p.detach().numpy().T for p in (first.weight, first.bias, last.weight, last.bias)]
    return {
        "mean": mean,
        "scale": scale,
        **dict(zip(("hidden", "hidden_bias", "out", "out_bias"), arrays, strict=True)),
    }


def logits_of(weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    z = np.clip((x - weights["mean"]) / weights["scale"], -5, 5)
    return (np.tanh(z @ weights["hidden"] + weights["hidden_bias"]) @ weights["out"] + weights["out_bias"]).reshape(
        len(x), x.shape[1] * weights["out"].shape[1]
    )


def tempo_scores(logits: np.ndarray, rows: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    truth = np.array([row["tempo_bpm"] for row in rows])
    ratio = tempogram.TEMPOS_BPM[logits.argmax(axis=1)] / truth
    return np.abs(ratio - 1) <= 0.04, np.any([np.abs(ratio / m - 1) <= 0.04 for m in (1, 2, 3, 1 / 2, 1 / 3)], axis=0)


def temperature_of(logits: np.ndarray, goal: np.ndarray) -> float:
    """The temperature with the least cross-entropy on predictions for unseen sources."""
    grid = np.exp(np.linspace(-0.7, 1.6, 47))
    losses = []
    for t in grid:
        z = logits / t
        z = z - z.max(axis=1, keepdims=True)
        losses.append(-(goal * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum(axis=1).mean())
    return float(grid[int(np.argmin(losses))])


def run(rows: list[dict], x: np.ndarray, goal: np.ndarray, folds: int, **options: float) -> dict[str, np.ndarray]:
    is_open = np.array([row["split"] == "open" for row in rows])
    source = np.array([row["source"] for row in rows])
    valid = goal.sum(axis=1) > 0.5
    names = [n for n in np.unique(source[is_open & valid]) if (is_open & valid & (source == n)).sum() >= 25]
    count = {n: (valid & (source == n)).sum() for n in np.unique(source)}
    weight = np.array([1.0 / np.sqrt(max(count[s], 20)) for s in source])
    weight /= weight[is_open & valid].mean()
    held = np.zeros((len(rows), goal.shape[1]))

    def report(name: str, mask: np.ndarray) -> None:
        some = [row for row, keep in zip(rows, mask, strict=True) if keep]
        one, two = tempo_scores(held[mask], some)
        print(f"  {name:20s} {len(some):4d} clips  accuracy 1 {one.mean():.3f}  accuracy 2 {two.mean():.3f}")

    everything = is_open & valid
    groups = [] if folds < 0 else [[name] for name in names] if not folds else [names[i::folds] for i in range(folds)]
    print("what fits on the other sources get right", flush=True)
    for group in groups:
        inside, outside = everything & ~np.isin(source, group), valid & np.isin(source, group)
        held[outside] = logits_of(fit(x[inside], goal[inside], weight[inside], **options), x[outside])
        for name in group:
            report(name, valid & (source == name))
    left_out = everything & np.isin(source, names)
    if groups:
        report("all left out", left_out)
    weights = fit(x[everything], goal[everything], weight[everything], **options)
    if (~is_open & valid).any():
        held[~is_open] = logits_of(weights, x[~is_open])
        for name in np.unique(source[~is_open & valid]):
            report(f"check: {name}", ~is_open & valid & (source == name))
        report("check: all", ~is_open & valid)
    if groups:
        weights["temperature"] = np.array(temperature_of(held[left_out], goal[left_out]))
        print(f"  temperature {weights['temperature']:.2f}", flush=True)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--material", type=Path, nargs="+", required=True)
    parser.add_argument("--cache", action="store_true", help="keep the features beside the clips")
    parser.add_argument(
        "--folds",
        type=int,
        default=0,
        help="leave sources out in this many groups (-1: none, keep FILE's temperatures); default one at a time",
    )
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    parts = [features(folder, folder / "features.npz" if args.cache else None) for folder in args.material]
    rows = [row for part in parts for row in part[0]]
    x = np.concatenate([part[1] for part in parts])
    saved = dict(np.load(args.out)) if args.out.exists() else {}
    for name, values in run(rows, x, tempo_targets(rows), args.folds).items():
        saved[name] = values.astype(np.float32)
    np.savez(args.out, **saved)


if __name__ == "__main__":
    main()
