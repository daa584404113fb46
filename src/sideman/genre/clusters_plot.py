"""A picture of clusters: recordings on two principal components, by genre and by cluster side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sideman.core.errors import UsageError
from sideman.genre.plot import PICTURE_SUFFIXES, check_plotting

if TYPE_CHECKING:
    from sideman.genre.models.kmeans import ClusterFigures
    from sideman.training.task import Ints


def check_picture(picture: Path) -> None:
    """Refuse a picture that cannot be drawn; raises :class:`UsageError` or :class:`MissingExtraError`."""
    check_plotting()
    if picture.suffix.lower() not in PICTURE_SUFFIXES:
        raise UsageError(f"{picture}: a picture's name must end in one of {', '.join(PICTURE_SUFFIXES)}")


def draw_clusters(found: ClusterFigures, labels: Ints, genres: tuple[str, ...], picture: Path) -> None:
    """Draw; the file appears whole or not at all.

    Args:
        found: from :func:`sideman.genre.models.kmeans.clusters_report`.
        labels: genre per row, indices into ``genres``.
        genres: names.
        picture: .png, .pdf or .svg.

    Raises:
        UsageError, MissingExtraError, OutputError: see the message.
    """
    from matplotlib.figure import Figure

    from sideman.core.atomic import atomic_write

    check_picture(picture)
    figure = Figure(figsize=(13, 5.5), dpi=100, layout="constrained")
    by_genre, by_cluster = figure.subplots(1, 2, sharex=True, sharey=True)
    names = [f"{i + 1}: {name}" for i, name in enumerate(found.names)]
    for axes, classes, shown, title in (
        (by_genre, labels, genres, "by genre"),
        (by_cluster, found.cluster_of, names, "by cluster, named after its commonest genre"),
    ):
        for i, name in enumerate(shown):
            own = np.flatnonzero(classes == i)
            if len(own):
                x, y = found.points_2d[own].T
                axes.scatter(x, y, 14, label=name, color=f"C{i % 10}", marker="os^Dv"[i // 10 % 5], linewidths=0)
        axes.set(title=title, xlabel="first principal component")
        axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    by_genre.set_ylabel("second principal component")
    figure.suptitle(
        f"{len(labels)} rows: NMI {found.nmi:.2f}, purity {found.purity:.2f} (chance {found.chance:.2f}); "
        f"the plane holds {found.explained:.0%} of the variance"
    )
    with atomic_write(picture) as file:
        figure.savefig(file, format=picture.suffix[1:].lower())
