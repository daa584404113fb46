"""Which recordings a pretrained or trained model has already heard with their labels: a figure on them flatters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sideman.genre.evaluate import Plan


def heard_notes(card: Mapping[str, Any], tracks: Sequence[str]) -> tuple[str, ...]:
    """Say how many of these recordings bear the name of one that the model of a card was trained on."""
    trained_on = card.get("trained_on")
    seen = set(trained_on.get("tracks", ())) if isinstance(trained_on, Mapping) else set()
    heard = sum(track in seen for track in tracks)
    if not heard:
        return ("none of these recordings bears the name of one that the model was trained on",)
    return (f"the model was trained on {heard} of these {len(tracks)} recordings: the figure flatters",)


def heard_before(card: Mapping[str, Any], tracks: Iterable[str], data: str = "gtzan") -> list[str]:
    """Recordings whose labels a backbone was trained on, so that its figures on them say nothing.

    Args:
        card: content of the backbone's card; its key "heard" lists track ids per data set.
        tracks: ids of the recordings that are asked about.
        data: name of their data set.

    Returns:
        Those of ``tracks`` that it has heard, in their order.
    """
    heard = set(card.get("heard", {}).get(data, ()))
    return [track for track in tracks if track in heard]


def note_of(plan: Plan, tracks: Sequence[str]) -> str | None:
    """Warn of a plan that starts from a backbone that has heard some of these recordings with their labels."""
    names = plan.settings.members if plan.spec.family == "ensemble" else (plan.model,)
    if "transfer" not in names or getattr(plan.settings, "backbone", "ours") != "ours":
        return None
    if getattr(plan.settings, "weights", ""):  # of the reader's own, of which nothing is known
        return None
    from sideman.genre.predict import DEFAULT_MODEL
    from sideman.inference.cards import WEIGHTS_FOLDER, read_card

    card = read_card(WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json").content
    heard = len({track for data in card.get("heard", {}) for track in heard_before(card, tracks, data)})
    if not heard:
        return None
    return (
        f"the backbone has heard {heard} of these {len(tracks)} recordings with their labels: the figure says nothing "
        "of other music"
    )
