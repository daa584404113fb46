"""The sections of an evaluation's page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sideman.core.errors import UsageError
from sideman.datasets.pages import html_table, safe, side_by_side
from sideman.genre.registry import get_model
from sideman.genre.report import plots

if TYPE_CHECKING:
    from sideman.genre.evaluation import Evaluation

_MAIN = (
    ("accuracy", "Accuracy by recording"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("segment_accuracy", "Accuracy by segment"),
    ("macro_f1", "Macro F1"),
    ("top_2", "Right or second"),
)
_MISTAKES = 25
Told = Mapping[str, Any]


def subtitle(found: Evaluation) -> str:
    """Say in a line what was evaluated how."""
    seeds = ", ".join(str(run.seed) for run in found.runs)
    named = f"seed{'s' if len(found.runs) > 1 else ''} {seeds}"
    return f"Evaluation by Sideman {found.version} · protocol {found.protocol} ({found.declared.title}) · {named}"


def tiles(told: Told) -> str:
    """Return the main figures with their intervals."""
    cells = []
    for name, title in _MAIN:
        low, high = _interval(told[name])
        cells.append((f"{told[name]['mean']:.1%}", title[0].lower() + title[1:], f"{low:.1%} to {high:.1%}"))
    ece = told["calibration"]["ece"]["mean"]
    cells.append((f"{ece:.3f}", "calibration error", "0 is perfect"))
    cells.append((f"{told['chance']:.1%}", "chance", f"{told['tested']:.0f} recordings tested"))
    body = "".join(
        f'<div class="tile"><b>{value}</b><span>{name}</span><small>{more}</small></div>' for value, name, more in cells
    )
    return f'<div class="tiles">{body}</div>'


def _interval(figure: Told) -> tuple[float, float]:
    low, high = figure.get("group_interval", figure["interval"])
    return float(low), float(high)


def figures(told: Told) -> str:
    """Return the table of all figures, with a value per seed."""
    seeds = [f"seed {seed}" for seed in told["seeds"]]
    rows = []
    for name, title in _MAIN:
        figure = told[name]
        wilson = name in {"accuracy", "top_2"}
        kinds = [("Wilson, over recordings" if wilson else "bootstrap over groups", figure["interval"])]
        if "group_interval" in figure:
            kinds.append(("bootstrap over groups", figure["group_interval"]))
        for kind, (low, high) in kinds:
            values = [f"{value:.1%}" for value in figure["per_seed"]]
            rows.append((title, f"{figure['mean']:.1%}", f"{low:.1%} to {high:.1%}", kind, *values))
    calibration = told["calibration"]
    for name, title in (("ece", "Calibration error (ECE)"), ("nll", "Log loss (nats)"), ("brier", "Brier score")):
        for key, more in ((name, ""), (f"{name}_uncalibrated", ", uncalibrated")):
            values = [f"{value:.3f}" for value in calibration[key]["per_seed"]]
            rows.append((title + more, f"{calibration[key]['mean']:.3f}", "", "", *values))
    values = [f"{value:.3f}" for value in told["aurc"]["per_seed"]]
    rows.append(("Area under risk-coverage", f"{told['aurc']['mean']:.3f}", "", "", *values))
    said = (
        f"Intervals hold the true value in 95 of 100 cases. Groups ({told['groups']:,}) are what is known to belong "
        "together; where there are fewer groups than recordings, their interval is the honest one."
    )
    return f"<p>{said}</p>{html_table(('Figure', 'Mean', '95 % interval', 'Of', *seeds), rows)}"


def genres(told: Told) -> str:
    """Return recall by genre as bars, and precision, recall and F1 as a table."""
    listed = told["per_class"]
    recalls = {row["genre"]: row["recall"] for row in listed}
    chart = plots.share_bars(
        recalls, [row["recall_interval"] for row in listed], title="Recall by genre", marker=told["chance"]
    )
    rows = [
        (row["genre"], f"{row['tested']:.0f}", _percent(row["recall"]), _percent(row["precision"]), _percent(row["f1"]))
        for row in listed
    ]
    table = html_table(("Genre", "Tested", "Recall", "Precision", "F1"), rows)
    said = (
        "Bars are recall: the share of a genre's recordings that is named right, with its Wilson interval over "
        "recordings. The dashed line is chance."
    )
    return f"<p>{said}</p>{side_by_side(chart, table)}"


def confusion(told: Told) -> str:
    """Return the confusion matrix as a picture and as a table, with the commonest confusions."""
    names = [row["genre"] for row in told["per_class"]]
    matrix = np.array(told["confusion"], float)
    seeds = len(told["seeds"])
    mean = " (mean over the seeds)" if seeds > 1 else ""
    chart = plots.confusion_map(matrix, names, title="Confusion matrix")
    off = matrix - np.diag(np.diag(matrix))
    order = np.dstack(np.unravel_index(np.argsort(-off, axis=None, kind="stable"), off.shape))[0][:12]
    total = matrix.sum(1)
    worst = [
        (names[i], names[j], f"{off[i, j]:.1f}" if seeds > 1 else f"{off[i, j]:.0f}", f"{off[i, j] / total[i]:.0%}")
        for i, j in order
        if off[i, j] > 0
    ]
    pairs = html_table(("True", "Named", "Recordings", "Of its genre"), worst) or "<p>No recording is named wrong.</p>"
    cells = [(name, *(f"{value:g}" for value in row)) for name, row in zip(names, matrix.round(1), strict=True)]
    whole = html_table(("True \\ named", *names), cells)
    both = (
        side_by_side(chart, pairs)
        if len(names) <= 12
        else f"{chart}<h3 style='margin-top:24px'>Commonest confusions</h3>{pairs}"
    )
    folded = f"<details><summary>The whole matrix as a table</summary>{whole}</details>"
    return f"<p>Recordings by true genre (rows) and named genre (columns){mean}.</p>{both}{folded}"


def calibration(told: Told) -> str:
    """Return the reliability plot with its bins."""
    found = told["calibration"]
    bins = told["reliability"]
    chart = plots.reliability_plot(bins, title="Reliability")
    rows = [
        (
            f"{part['low']:.1f} to {part['high']:.1f}",
            part["n"],
            _percent(part["confidence"]),
            _percent(part["accuracy"]),
        )
        for part in bins
    ]
    seeds = len(told["seeds"])
    table = html_table(("Confidence", "Answers" if seeds > 1 else "Recordings", "Mean", "Right"), rows)
    values = [value for seed in found["temperatures"] for value in seed]
    span = f"{min(values):.2f}" if min(values) == max(values) else f"{min(values):.2f} to {max(values):.2f}"
    before, after = found["ece_uncalibrated"]["mean"], found["ece"]["mean"]
    fitted = (
        "The probabilities are as the model gave them; there was nothing to fit a temperature on."
        if found["fitted_on"] is None
        else f"A temperature ({span}) was fitted on {found['fitted_on']}, never on what it is applied to: it takes the "
        f"calibration error from {before:.3f} to {after:.3f}."
    )
    said = f"Where bars meet the dashed line, an answer given with 70 % is right in 70 of 100 cases. {fitted}"
    return f"<p>{safe(said)}</p>{side_by_side(_narrow(chart), table)}"


def risk(told: Told) -> str:
    """Return the risk-coverage curve with its table."""
    found = told["risk_coverage"]
    chart = plots.risk_plot(found["coverage"], found["risk"], title="Error rate by coverage")
    rows = [
        (f"{row['coverage']:.0%}", f"{row['confidence']:.2f}", f"{row['accuracy']:.1%}", f"{1 - row['accuracy']:.1%}")
        for row in found["table"]
    ]
    table = html_table(("Answered", "Confidence at least", "Right", "Wrong"), rows)
    said = (
        "Answers are taken by falling confidence: the error rate among those given, when the rest stays unsure. Area "
        f"under the curve: {told['aurc']['mean']:.3f}."
    )
    return f"<p>{said}</p>{side_by_side(_narrow(chart), table)}"


def training(found: Evaluation) -> str:
    """Return the learning curves, empty where none were kept."""
    curves = [curve for curve in found.curves if curve.epochs]
    if not curves:
        return ""
    losses = [[(float(e.number), e.loss) for e in curve.epochs if math.isfinite(e.loss)] for curve in curves]
    losses = [points for points in losses if points]
    judged = [[(float(e.number), e.accuracy) for e in curve.epochs if e.accuracy is not None] for curve in curves]
    judged = [points for points in judged if points]
    drawn = ""
    if losses:
        drawn = f"<div><h3>Training loss</h3>{plots.curve_plot(losses, y_name='loss', title='Training loss')}</div>"
    if judged:
        chart = plots.curve_plot(judged, y_name="accuracy", title="Validation accuracy", y_max=1.0)
        drawn += f"<div><h3>Validation accuracy (balanced)</h3>{chart}</div>"
    rows = []
    for curve in curves:
        known = [epoch for epoch in curve.epochs if epoch.accuracy is not None]
        best = max(known, key=lambda epoch: epoch.accuracy or 0.0, default=None)
        last = curve.epochs[-1]
        rows.append(
            (
                curve.name,
                curve.seed,
                last.number,
                f"{last.loss:.4f}",
                f"{best.accuracy:.1%}" if best is not None else "",
                best.number if best is not None else "",
                f"{last.elapsed_s:.1f}",
            )
        )
    head = ("Fit", "Seed", "Epochs", "Last loss", "Best validation", "At epoch", "Seconds")
    table = html_table(head, rows)
    if len(rows) > 12:
        table = f"<details><summary>All {len(rows)} fits</summary>{table}</details>"
    return f'<p>One line per fit.</p><div class="grid2">{drawn}</div>{table}'


def mistakes(found: Evaluation) -> str:
    """Return the recordings that are named wrong with the highest confidence."""
    p = found.probabilities()
    tested = np.isfinite(p[:, 0])
    wrong = np.flatnonzero(tested & (np.where(tested[:, None], p, 0).argmax(1) != found.labels))
    surest = wrong[np.argsort(-p[wrong].max(1), kind="stable")][:_MISTAKES]
    rows = [
        (
            found.tracks[i],
            found.genres[found.labels[i]],
            found.genres[int(p[i].argmax())],
            f"{p[i].max():.1%}",
            f"{p[i, found.labels[i]]:.1%}",
        )
        for i in surest
    ]
    if not rows:
        return "<p>No recording is named wrong.</p>"
    said = f"{len(wrong):,} of {int(tested.sum()):,} recordings are named wrong; all answers are in tracks.csv."
    return f"<p>{said}</p>{html_table(('Recording', 'Genre', 'Named', 'With', 'Its own genre'), rows)}"


def setting(found: Evaluation) -> str:
    """Return what is needed to know, and to repeat, the evaluation."""
    try:
        spec = get_model(found.model)
        about = [("What it is", spec.title), ("Source", spec.source)]
    except UsageError:
        about = []
    rows = [
        ("Model", found.model),
        *about,
        ("Data set", found.dataset),
        ("Recordings", f"{len(found.tracks):,} in {len(found.genres)} genres, {len(set(found.groups)):,} groups"),
        ("Protocol", f"{found.protocol}: {found.declared.title}"),
        ("Keeps together", ", ".join(sorted(found.declared.keeps)) or "nothing"),
        ("Seeds", ", ".join(str(run.seed) for run in found.runs)),
        ("Trainable parameters", f"{found.n_parameters:,}" if found.n_parameters else "not counted"),
        ("Training, all fits", f"{found.fit_seconds:,.1f} s"),
        ("Sideman", found.version),
    ]
    told = [("input", name, value) for name, value in found.input.items()]
    told += [("setting", name, value) for name, value in found.settings.items()]
    ties = [(tie.words, tie.known, tie.cut, tie.tested) for tie in found.apart.ties]
    head = ("What belongs together", "Known sets", "On two sides", "Recordings tested with kin in training")
    notes = "".join(f"<p>{safe(note)}</p>" for note in found.notes)
    return (
        f"{notes}{html_table(('', ''), rows)}<h3 style='margin-top:24px'>Settings</h3>"
        f"{html_table(('Of', 'Name', 'Value'), [(kind, name, _value(value)) for kind, name, value in told])}"
        f"<h3 style='margin-top:24px'>What the split cuts</h3>{html_table(head, ties) or '<p>Nothing was split.</p>'}"
    )


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return "none" if value is None else str(value)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _narrow(chart: str) -> str:
    return f'<div class="narrow">{chart}</div>'
