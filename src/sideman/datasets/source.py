"""One way into every kind of data set: a manifest, GTZAN in any layout, or one folder per genre."""

from __future__ import annotations

import os

from sideman.core.errors import DatasetError
from sideman.core.paths import find_audio
from sideman.datasets import folders, gtzan, manifest
from sideman.datasets.track import Dataset, data_folder


def open_dataset(given: str | os.PathLike[str] | None = None, *, kind: str = "auto") -> Dataset:
    """Open a labelled data set.

    Args:
        given: a CSV manifest, or a folder; None means the environment variable SIDEMAN_DATA.
        kind: "gtzan", "folders" or "manifest"; "auto" takes a file for a manifest, a folder in which most audio files
            bear GTZAN's names for GTZAN, and any other folder for one with a folder per genre.

    Raises:
        DatasetError: nothing is there, or it is not of the kind.
    """
    path = data_folder(given)
    if kind == "auto":
        is_gtzan = path.is_dir() and gtzan.recognises(find_audio([path]))
        kind = "manifest" if path.is_file() else "gtzan" if is_gtzan else "folders"
    if kind == "manifest":
        return manifest.load(path)
    if kind == "gtzan":
        return gtzan.load(path)
    if kind == "folders":
        return folders.load(path)
    raise DatasetError(f"{kind!r} is no kind of data set; choose gtzan, folders or manifest")
