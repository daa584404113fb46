"""What the mood model's card says in words, and the card as a page for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABOUT: dict[str, Any] = {
    "what": "log odds that a recording is pleasant, and that it is excited: a linear model of the genre network's mean "
    "embedding (unit length) and of the key's mode",
    "input": "features (batch, 257): 256 of the embedding, then the probability that the key is right, negative for "
    "minor, 0 without a key",
    "output": "scores (batch, 2): log odds; valence and arousal are tanh(gain * score), the confidence is the product "
    "of sigmoid(|score| / temperature)",
    "arousal": "where onsets were heard, the log odds of arousal are those of the block `onsets` (strong onsets per "
    "second, in octaves, and the crest of the level in dB; standardised, within 2.5) plus `share` of the score",
    "trained_on": {
        "emopia": "1,078 piano clips of 387 pop songs, quadrants by listeners; CC BY-NC-SA 4.0",
        "xmidi-subset": "480 of 936 pieces for several instruments, happy or angry (valence only); no licence stated",
        "recordings": "GTZAN without its labels: only how widely recordings spread, to hold the model back",
    },
    "rendering": "the middle 30 s of each score by Sideman's own renderer; piano clips as written, on one other "
    "instrument, and as a band whose drums follow the notes",
    "protocol": "5 folds by song (of the name on the clip), the same for every SoundFont and arrangement; figures are "
    "of songs that the judging model has not learnt from, except vgmidi, which no model learns from; intervals are "
    "drawn over songs (vgmidi: over 13 games). All of emopia and vgmidi and every sixth piece of xmidi are judged "
    "through the first unseen SoundFont, every third clip of emopia through further ones. Penalty, arrangements, the "
    "two numbers of the onsets, the least rise that counts and the embedding's share were chosen by hand with an eye "
    "on FluidR3, whose figures are so flattered. With onsets: 20 s of every fourth clip (further SoundFonts: sixth); "
    "rows without that name are of the embedding alone",
    "limits": [
        "labelled recordings were not to be had: on real recordings neither signs nor confidence have been measured. "
        "The order of GTZAN's genres was looked at when the onsets were chosen: metal comes first, classical last",
        "most recordings of bands sound excited to it, beside the solo piano that it learnt from",
        "without onsets (--no-tempo, less than 3 s) arousal is the embedding's alone: a sound that it has not learnt "
        "from shifts it, and GTZAN's metal sounds no more excited than its classical music",
        "through SoundFonts that it has learnt from onsets make arousal right less often: they are for all others",
        "MuseScore's figures are of a muffled piano: its layers need modulators that Sideman's renderer leaves out",
        "what listeners said of Western pop on the piano; other music, and singing and words, it does not know",
        "valence is hard: listeners disagree on it, and it leans on whether the key is major",
        "the mean of a recording: music whose mood changes gets what lies between",
        "the confidence holds for music like that learnt from; elsewhere it is too high",
    ],
    "licence": "for research and private use, as its data are: the weights were made by this project, EMOPIA is "
    "CC BY-NC-SA 4.0, XMIDI states none",
}
_SIDES = ("valence", "arousal", "quadrant")


def page(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    lines = [
        f"# Model card: {card['name']}",
        "",
        f"- file: `{card['file']}`, sha256 `{card['sha256']}`",
        f"- embedding: of the genre network with sha256 `{card['embedding_sha256']}`; refused with another",
        f"- what: {card['what']}",
        *(f"- learnt from {name}: {words}" for name, words in card["trained_on"].items()),
        f"- rendering: {card['rendering']}",
        f"- SoundFonts learnt from: {', '.join(card['soundfonts']['learnt'])}; never learnt from: "
        f"{', '.join(card['soundfonts']['unseen']) or 'none'}",
        f"- protocol: {card['protocol']}",
        f"- licence: {card['licence']}",
        "",
        "## Signs that are right",
        "",
        *table(card["figures"]),
        "",
        "## What it cannot do",
        "",
        *(f"- {limit}" for limit in card["limits"]),
    ]
    if recordings := card["figures"].get("recordings"):
        lines += ["", "## Real recordings (no labels of mood: means of valence, arousal)", ""]
        lines += ["| folder | valence | arousal | arousal without onsets |", "| --- | --- | --- | --- |"]
        lines += [f"| {name} | {v:+.2f} | {a:+.2f} | {without:+.2f} |" for name, (v, a, without) in recordings.items()]
    return "\n".join(lines) + "\n"


def table(figures: Mapping[str, Any]) -> list[str]:
    """The figures as lines of a Markdown table: share right, 95 % interval, and chance after a semicolon."""
    lines = [
        "| SoundFont | set | songs | valence | arousal | quadrant | mean confidence |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for font, sets in figures.items():
        if font == "recordings":
            continue
        for name, told in sets.items():
            cells = [_cell(told.get(side)) for side in _SIDES]
            sure = told.get("mean_confidence", "")
            lines.append(f"| {font} | {name} | {told['songs']} | {' | '.join(cells)} | {sure} |")
    return lines


def _cell(share: Mapping[str, Any] | None) -> str:
    if share is None:
        return ""
    low, high = share["interval_95"]
    return f"{share['right']:.3f} ({low:.2f} to {high:.2f}); {share['chance']:.2f}"
