"""The page that goes with the shipped vocoder and generators of spectra: their cards, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sideman.compose.recipe.spectra import JUDGED_FOLD
from sideman.core.atomic import atomic_write
from sideman.inference.cards import read_card

NAMES = ("vocoder", "spectra-flow", "spectra-dcgan")
_WHAT = {
    "vocoder": (
        "log-mel pictures (96 bands, 22,050 Hz, hop 256) to magnitude and phase of every frame; after H. Siuzdak, "
        "Vocos, 2024. Sideman takes bins from 2.5 kHz up from it and finds the tones below otherwise"
    ),
    "spectra-flow": (
        "rectified flow over windows of 160 frames, a transformer over patches of 4, the clean picture predicted, told "
        "genre and mood (as Sideman's own mood model heard the clips)"
    ),
    "spectra-dcgan": "class-conditional DCGAN over patches of 128 frames, after A. Radford et al., 2016",
}
_LIMITS = (
    "GTZAN's ten genres, its Western records around the year 2000, its compression artefacts",
    "what is imagined has texture and no form: no bars that return, no words, no melody that goes anywhere",
    "a few dozen minutes of music were learnt from: pictures resemble those of the clips in style; "
    "copies were looked for (docs/figures.md)",
    "mood follows a model that learnt from piano pieces: a hint",
    "trained on two cores without a GPU: far below what the same networks reach with one",
)


def write_page(folder: Path) -> None:
    """Write ``spectra.md`` beside the cards in ``folder``.

    Raises:
        ModelError: a card is missing.
        OutputError: the page cannot be written.
    """
    with atomic_write(folder / "spectra.md", "w") as file:
        file.write(page([read_card(folder / f"{name}.json").content for name in NAMES]))


def page(cards: list[dict[str, Any]]) -> str:
    """Markdown for the cards of `NAMES`."""
    lines = ["# Model cards: spectra", ""]
    for card in cards:
        name = str(card["name"])
        training = {key: value for key, value in card["training"].items() if key != "machine"}
        lines += [
            f"## {name}",
            "",
            f"- file: `{name}.onnx`, sha256 `{card['sha256']}`, {card['parameters']:,} parameters, weights in 16 bits",
            f"- what: {_WHAT[name]}",
            *(f"- learnt from {key}: {value}" for key, value in card["data"].items()),
            f"- training: {', '.join(_told(key, value) for key, value in training.items())}",
            f"- machine: {card['training'].get('machine', 'not kept')}",
            f"- licence: {card['licence']}",
            "",
        ]
    lines += [
        "## How they are judged",
        "",
        f"Clips of fold {JUDGED_FOLD} of the artist folds, of which nothing here learnt; figures with their commands "
        "are in `docs/figures.md`, pictures in `docs/spectra.md`.",
        "",
        "## What they cannot do",
        "",
        *(f"- {line}" for line in _LIMITS),
    ]
    return "\n".join(lines) + "\n"


def _told(key: str, value: int | str) -> str:
    return f"{key} {value:,}" if isinstance(value, int) else f"{key}: {value}"
