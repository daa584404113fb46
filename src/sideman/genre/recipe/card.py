"""The model card as a page: what the JSON beside the weights says, for people."""

from __future__ import annotations

from typing import Any

ABOUT = {
    "what": "ten-genre classifier and 256-d embedding of music, over 2 s log-mel windows; runs on ONNX Runtime",
    "labels": "GTZAN: 518 clips (61 min) of its 1000 tracks; audio only, never the published table",
    "unlabelled": "excerpts rendered from MIDI sets whose licence lets weights be shipped freely (POP909, Weimar Jazz "
    "Database, Groove, OpenEWLD, Freedoom, music21's folk and classical corpora, bbloomf's songs, musetrainer, "
    "Pianolatron, GiantMIDI) with the SoundFonts TimGM6mb, csound's GMbank and OPL-3 FM",
    "negatives": "synthesised noise, tones, impacts, motors, chirps and a source-filter voice "
    "(sideman.training.negatives)",
    "teachers": "EfficientAT mn04 (AudioSet; MIT) and MSD-musicnn (Million Song Dataset; ISC-style): their outputs "
    "were training targets; none of their weights is in the file",
    "protocol": "5 folds grouped by artist (clips without a named artist form one group per genre; known repetitions "
    "together), bench/folds/gtzan-artists-5.csv; equal crops of 2 s, band-limited to 8 kHz; a test fold's clips are "
    "unseen in every form, distilled and unlabelled included; rendered MIDI pretraining is shared by all folds; "
    "a fold's temperature and thresholds are chosen on the out-of-fold scores of the other four; intervals are "
    "bootstrapped over artists",
    "selection": "the recipe was compared in some six variants on networks with two folds held out, and frozen before "
    "the scored networks were trained; those folds' clips took part in that choice, so it is not strictly nested",
    "reproduction": "`sideman train default` makes an equivalent network, not the same bytes: the shipped one was made "
    "by the same steps with other random draws, 23,024 rendered windows in pretraining, and 15,184 clip, 4,000 "
    "rendered and 1,600 negative windows in fine-tuning",
    "shipped": "the shipped network is trained the same way on all 518 clips, so it has no held-out figure of its own",
    "licence": "weights: Apache-2.0, made by this project. GTZAN never had copyright clearance and is meant for "
    "research: whoever needs certainty about commercial use should retrain on music they hold rights to",
    "failures": [
        "ten Western genres as GTZAN's makers saw them around 2000: anything else is named after its nearest of them, "
        "or unsure",
        "blues, rock and pop are missed most: blues is taken for jazz, rock for country, pop for hip-hop",
        "a solo voice or a solo instrument often sounds like classical, jazz or blues to it",
        "clips shorter than 2 s are looped and are less reliable",
        "speech that music plays under may be named as hip-hop or pop",
    ],
}


def page(card: dict[str, Any]) -> str:
    """Markdown of a card with figures."""
    figures = card["figures"]
    lines = [
        "# Model card: genre",
        "",
        f"- file: `genre.onnx`, {card['bytes'] / 1e6:.2f} MB, sha256 `{card['sha256']}`",
    ]
    lines += [f"- {key}: {text}" for key, text in card["about"].items() if isinstance(text, str)]
    lines += ["", "## Accuracy (artists unseen)", "", "| clips | balanced accuracy | 95 % interval | seeds |"]
    lines += ["| --- | --- | --- | --- |"]
    for name in ("all", "zenny100", "nine non-classical genres"):
        if name not in figures:
            continue
        part = figures[name]
        low, high = part["interval_95"]
        seeds = ", ".join(f"{seed:.3f}" for seed in part["seeds"])
        lines.append(
            f"| {name} ({part['clips']}) | {part['balanced_accuracy']:.3f} | {low:.3f} to {high:.3f} | {seeds} |"
        )
    answered = figures["answered"]
    lines += ["", f"Answered rather than unsure: {answered['share']:.1%}, of these right: {answered['accuracy']:.1%}."]
    lines += ["", "| genre | recall |", "| --- | --- |"]
    lines += [f"| {genre} | {recall:.2f} |" for genre, recall in figures["recall_per_genre"].items()]
    calibration = figures["calibration"]
    lines += ["", "## Calibration (each fold with the temperature of the other four)", ""]
    lines.append(f"- negative log-likelihood {calibration['nll']:.3f} nats, Brier score {calibration['brier']:.3f}")
    for ece, perfect in zip(calibration["ece"], calibration["ece_if_perfect_95th"], strict=True):
        lines.append(f"- expected calibration error {ece:.3f}; a perfectly calibrated model stays below {perfect:.3f}")
    lines += ["", "## Confusions (first seed; rows: truth)", "", "| | " + " | ".join(card["genres"]) + " |"]
    lines.append("| --- |" + " --- |" * len(card["genres"]))
    for genre, row in zip(card["genres"], figures["confusion_first_seed"], strict=True):
        lines.append(f"| {genre} | " + " | ".join(map(str, row)) + " |")
    lines += ["", "## Known failures", ""]
    lines += [f"- {failure}" for failure in card["about"]["failures"]]
    return "\n".join(lines) + "\n"
