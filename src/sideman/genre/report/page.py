"""An evaluation, or a comparison of two, as one self-contained HTML page: nothing is fetched."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from sideman.datasets.pages import page, safe
from sideman.genre.report import pair, single

if TYPE_CHECKING:
    from sideman.genre.compare import Comparison
    from sideman.genre.evaluation import Evaluation


def render(found: Evaluation) -> str:
    """Return the page of one evaluation."""
    told = found.figures()
    band = _band(found.apart.level(found.declared), found.apart.headline(found.declared), found.sentences())
    return page(
        f"{found.model} on {found.dataset}",
        f"{found.model}, {found.protocol}: evaluation",
        single.subtitle(found),
        band + single.tiles(told),
        [
            ("figures", "Figures", single.figures(told)),
            ("genres", "By genre", single.genres(told)),
            ("confusion", "Confusion", single.confusion(told)),
            ("calibration", "Are its probabilities right?", single.calibration(told)),
            ("risk", "What if it may say “unsure”?", single.risk(told)),
            ("training", "Training", single.training(found)),
            ("errors", "Its surest mistakes", single.mistakes(found)),
            ("setting", "Model and setting", single.setting(found)),
        ],
        style=_style(),
    )


def render_comparison(found: Comparison) -> str:
    """Return the page of a comparison."""
    return page(
        f"{found.first} against {found.second}",
        f"{found.first} against {found.second}: comparison",
        f"{found.dataset}, protocol {found.protocol}",
        _band(found.level, found.headline, found.apart) + pair.head(found),
        [
            ("difference", "Difference", pair.difference(found)),
            ("genres", "By genre", pair.genres(found)),
            ("first", f"Only {found.first} is right", pair.apiece(found, found.only_first)),
            ("second", f"Only {found.second} is right", pair.apiece(found, found.only_second)),
        ],
        style=_style(),
    )


def _band(level: str, headline: str, sentences: tuple[str, ...]) -> str:
    said = "".join(f"<p>{safe(sentence)}</p>" for sentence in sentences)
    return f'<div class="band {level}" role="note"><b>{safe(headline)}</b>{said}</div>'


def _style() -> str:
    return resources.files("sideman.genre.report").joinpath("lab.css").read_text(encoding="utf-8")
