"""The scoreboard as Markdown: what was measured, beside what the sources claim."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

from sideman import __version__
from sideman.genre.evaluation import Evaluation
from sideman.genre.protocols import list_protocols
from sideman.genre.registry import get_model
from sideman.genre.scoreboard import AUDIO_TRACK_FOLDS

_PROTOCOLS = ("segments-random", "holdout", "tracks", "artists", "fault-filtered")


def page(found: Mapping[str, Evaluation], command: str, default_card: Mapping[str, Any] | None = None) -> str:
    """Write the page.

    Args:
        found: evaluations by :attr:`sideman.genre.scoreboard.Entry.name`.
        command: that makes this page.
        default_card: of the default model, whose out-of-fold figures stand beside the others.
    """
    parts = [
        "# Scoreboard",
        "",
        f"Made by `{command}` with Sideman {__version__} on {platform.machine()}, Python {platform.python_version()}; "
        "do not edit. Figures are percent of recordings named right, mean over the seeds, with the range of the seeds "
        "in brackets where there are several. How to read it: [the lab](lab.md).",
        "",
        *_protocols(),
    ]
    for title, make in (
        ("table", _table),
        ("published", _published),
        ("segments", _segments),
        ("audio", _audio),
    ):
        own = {name.partition("-")[2]: e for name, e in found.items() if name.startswith(f"{title}-")}
        if own:
            parts += make(own, default_card)
    return "\n".join(parts) + "\n"


def _protocols() -> list[str]:
    lines = ["| protocol | what it does | keeps apart | caution |", "| --- | --- | --- | --- |"]
    for protocol in list_protocols():
        kept = ", ".join(sorted(protocol.keeps)) or "**nothing: leaky**"
        lines.append(f"| `{protocol.name}` | {protocol.title} | {kept} | {protocol.caution} |")
    return [*lines, ""]


def _share(found: Evaluation | None, figure: str = "accuracy") -> str:
    if found is None:
        return "–"
    told = found.figures()[figure]
    text = f"{100 * told['mean']:.1f}"
    seeds = told["per_seed"]
    return f"{text} ({100 * min(seeds):.1f}–{100 * max(seeds):.1f})" if len(seeds) > 1 else text


def _balanced_with_interval(found: Evaluation) -> str:
    told = found.figures()["balanced_accuracy"]
    low, high = told["interval"]
    seeds = " ".join(f"{100 * value:.1f}" for value in told["per_seed"])
    return f"**{100 * told['mean']:.1f}** ({100 * low:.0f} to {100 * high:.0f}; seeds {seeds})"


def _models(own: Mapping[str, Evaluation]) -> list[str]:
    return list(dict.fromkeys(e.model for e in own.values()))


def _claim(model: str) -> str:
    told = get_model(model).documented
    return "–" if told.accuracy is None else f"{100 * told.accuracy:.1f} ({told.protocol})"


def _fit_time(found: Evaluation) -> str:
    fits = sum(len({int(f) for f in run.fold_of if f >= 0}) for run in found.runs)
    return f"{found.fit_seconds / max(fits, 1):.1f}"


def _epochs(found: Evaluation) -> str:
    told = found.settings
    is_network = "epochs" in told and told.get("fine_tune", True)
    return str(told["epochs"]) if is_network else "–"


def _table(own: Mapping[str, Evaluation], _: Mapping[str, Any] | None) -> list[str]:
    first = next(iter(own.values()))
    lines = [
        f"## The table: {len(first.tracks)} recordings, one row each, 57 columns",
        "",
        "No column `length`, but in the last-but-one column of this table, which shows what it brings: the difference "
        "that it makes under `tracks`, in points.",
        "",
        "| model | " + " | ".join(f"`{p}`" for p in _PROTOCOLS) + " | with `length` | fit, s |",
        "| --- |" + " --: |" * (len(_PROTOCOLS) + 2),
    ]
    for model in _models(own):
        cells = [_share(own.get(f"{model}-{protocol}-no-length")) for protocol in _PROTOCOLS]
        plain, kept = own.get(f"{model}-tracks-no-length"), own.get(f"{model}-tracks-length")
        cost = "–"
        if plain is not None and kept is not None:
            gap = kept.figures()["accuracy"]["mean"] - plain.figures()["accuracy"]["mean"]
            cost = f"{100 * gap:+.1f}"
        lines.append(f"| `{model}` | {' | '.join(cells)} | {cost} | {_fit_time(plain) if plain else '–'} |")
    return [*lines, "", "One row per recording: `segments-random` leaks nothing here.", ""]


def _published(own: Mapping[str, Evaluation], _: Mapping[str, Any] | None) -> list[str]:
    recordings = len(next(iter(own.values())).tracks)
    return _leak(own, f"the published table of 3 s rows, {recordings} recordings")


def _segments(own: Mapping[str, Evaluation], _: Mapping[str, Any] | None) -> list[str]:
    recordings = len(next(iter(own.values())).tracks)
    genres = len(next(iter(own.values())).genres)
    return _leak(own, f"3 s segments of {recordings} clips of 15 s and more, {genres} genres")


def _leak(own: Mapping[str, Evaluation], what: str) -> list[str]:
    first = next(iter(own.values()))
    rows = int(first.runs[0].rows.sum())
    lines = [
        f"## The leak: {what}",
        "",
        "Accuracy by segment, as the sources count. The "
        f"same rows under two protocols ({rows} test rows in a random fifth): the difference is what a model gains by "
        "knowing a recording, or an artist, again.",
        "",
        "| model | source claims | `segments-random` (leaky) | `artists` | difference | balanced, `artists` | "
        "parameters | fit, s |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for model in _models(own):
        leaky, fair = own.get(f"{model}-segments-random"), own.get(f"{model}-artists")
        gap = "–"
        if leaky is not None and fair is not None:
            values = [e.figures()["segment_accuracy"]["mean"] for e in (leaky, fair)]
            gap = f"{100 * (values[1] - values[0]):+.1f}"
        told = fair or leaky
        assert told is not None
        lines.append(
            f"| `{model}` | {_claim(model)} | {_share(leaky, 'segment_accuracy')} | "
            f"{_share(fair, 'segment_accuracy')} | {gap} | {_share(fair, 'balanced_accuracy')} | "
            f"{told.n_parameters or '–'} | {_fit_time(told)} |"
        )
    return [*lines, "", *_kept_apart(own), ""]


def _audio(own: Mapping[str, Evaluation], card: Mapping[str, Any] | None) -> list[str]:
    first = next(iter(own.values()))
    lines = [
        f"## Audio: {len(first.tracks)} clips, equal 2 s crops",
        "",
        "Balanced accuracy by recording under `artists`, 5 fixed folds; the interval draws artists with replacement.",
        "",
        "| model | `artists`, balanced | parameters | epochs | fit, s | source claims | remark |",
        "| --- | --- | --: | --: | --: | --: | --- |",
    ]
    ranked = sorted(
        (e for e in own.values() if e.protocol == "artists"),
        key=lambda e: (bool(_remarks(e)), -e.figures()["balanced_accuracy"]["mean"]),
    )
    for e in ranked:
        remark = _remarks(e)
        lines.append(
            f"| `{e.model}` | {_balanced_with_interval(e)} | {e.n_parameters or '–'} | {_epochs(e)} | {_fit_time(e)} | "
            f"{_claim(e.model)} | {remark or '–'} |"
        )
    if card is not None:
        figure = card["figures"]["all"]
        low, high = figure["interval_95"]
        seeds = " ".join(f"{100 * value:.1f}" for value in figure["seeds"])
        lines.append(
            f"| the default model | **{100 * figure['balanced_accuracy']:.1f}** ({100 * low:.0f} to {100 * high:.0f}; "
            f"seeds {seeds}) | 1446827 | – | – | – | from its card: out of fold on the same folds, distilled from "
            "mn04 and musicnn |"
        )
    others = [p for p in _PROTOCOLS if p != "artists"]
    lines += [
        "",
        "The same models under the other protocols: accuracy by recording (by segment for `segments-random`), one "
        f"seed, `tracks` in {AUDIO_TRACK_FOLDS} folds.",
        "",
        "| model | " + " | ".join(f"`{p}`" for p in others) + " | `artists`, 3 seeds |",
        "| --- |" + " --: |" * (len(others) + 1),
    ]
    for model in _models(own):
        cells = [
            _share(own.get(f"{model}-{p}"), "segment_accuracy" if p == "segments-random" else "accuracy")
            for p in others
        ]
        lines.append(f"| `{model}` | {' | '.join(cells)} | {_share(own.get(f'{model}-artists'))} |")
    return [*lines, "", *_kept_apart(own), ""]


def _remarks(found: Evaluation) -> str:
    """What makes a figure doubtful, such as a backbone that has heard the recordings; such rows come last."""
    return "; ".join(note for note in found.notes if not note.startswith("not read"))


def _kept_apart(own: Mapping[str, Evaluation]) -> Sequence[str]:
    lines, told = [], set()
    for e in own.values():
        if e.protocol not in told:
            told.add(e.protocol)
            lines.append(f"- `{e.protocol}`: {' '.join(e.sentences())}")
    return lines
