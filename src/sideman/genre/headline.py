"""The few figures and sentences that a terminal, a card and the scoreboard show of an evaluation."""

from __future__ import annotations

from typing import Any

from sideman.genre.evaluation import Evaluation


def summary(found: Evaluation) -> dict[str, Any]:
    """Protocol, seeds and the main figures, as plain values."""
    figures = found.figures()
    kept = ("accuracy", "balanced_accuracy", "macro_f1", "segment_accuracy", "top_2")
    return {
        "protocol": found.protocol,
        "leaky": figures["leaky"],
        "kept_apart": figures["kept_apart"],
        "seeds": figures["seeds"],
        "recordings": figures["tested"],
        "chance": figures["chance"],
        **{name: figures[name] for name in kept},
        "ece": figures["calibration"]["ece"]["mean"],
        "notes": list(found.notes),
    }


def lines(found: Evaluation) -> list[str]:
    """Lines for a terminal."""
    told = summary(found)
    seeds = len(told["seeds"])
    over = f"{told['recordings']:.0f} recordings" + (f", {seeds} seeds" if seeds > 1 else "")
    said = [f"{found.model} under {found.protocol}{' (LEAKY)' if told['leaky'] else ''}: {over}"]
    for name, title in (
        ("accuracy", "accuracy by recording"),
        ("balanced_accuracy", "balanced accuracy"),
        ("segment_accuracy", "accuracy by segment"),
        ("macro_f1", "macro F1"),
        ("top_2", "right or second"),
    ):
        figure = told[name]
        low, high = figure.get("group_interval", figure["interval"])
        said.append(f"  {title:22s} {figure['mean']:.3f}  ({low:.3f} to {high:.3f})")
    said.append(f"  {'calibration error':22s} {told['ece']:.3f}")
    said += [f"  {sentence}" for sentence in told["kept_apart"]]
    said += [f"  note: {note}" for note in found.notes]
    return said
